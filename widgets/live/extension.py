"""Networks, test pictures and numbers for the page "Live networks", written when the site is built.

They are derived from data/models by tools/export_live.py, in a process of its own because it starts
Keras, and only when something changed. The site gets them as ``_static/live/data``.
"""

import subprocess
import sys
from pathlib import Path

from sphinx.errors import ExtensionError

import helpers

ROOT = Path(helpers.__file__).resolve().parents[1]  # the site is built from a copy of the book
FOLDER = ROOT / "_build" / "live"


def export(app, config):
    command = [sys.executable, "tools/export_live.py", str(FOLDER)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise ExtensionError(f"tools/export_live.py failed:\n{done.stdout}{done.stderr}")
    config.html_static_path.append(str(FOLDER / "static"))  # what it holds, _static gets


def setup(app):
    app.connect("config-inited", export)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
