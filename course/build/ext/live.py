"""Networks, test pictures and numbers for the page "Live networks", written when the site is built.

They are derived from data/models by ``course.build.live``, in a process of its own because it
starts Keras, and only when something changed. The site gets them as ``_static/widgets/live/data``.
"""

import subprocess
import sys

from sphinx.errors import ExtensionError

from course import ROOT

FOLDER = ROOT / "_build" / "live"


def export(app, config):
    command = [sys.executable, "-m", "course", "live", str(FOLDER)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise ExtensionError(
            f"the networks of the live page were not written:\n{done.stdout}{done.stderr}"
        )
    config.html_static_path.append(str(FOLDER / "static"))  # what it holds, _static gets


def setup(app):
    app.connect("config-inited", export)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
