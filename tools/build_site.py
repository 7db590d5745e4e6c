"""Build the site from the recorded notebooks: `python tools/build_site.py`.

Stops with an error when a record is missing, holds a failed cell, or Sphinx warns of anything.
"""

import subprocess
import sys
from pathlib import Path

import nbformat
import notebook

HTML = notebook.ROOT / "_build" / "html"


def problems():
    """Return what is wrong with the records, one line each."""
    found = []
    for page in notebook.pages():
        path = notebook.NOTEBOOKS / f"{page}.ipynb"
        if not path.is_file():
            found.append(f"notebooks/{page}.md has no record; run: make record PAGE={page}")
            continue
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    found.append(f"{path.name}: cell {number} holds an error: {output.ename}")
    return found


def main():
    found = problems()
    if found:
        sys.exit("\n".join(found))
    command = [
        str(Path(sys.executable).with_name("jupyter-book")),
        "build",
        ".",
        "-W",
        "-n",
        "--keep-going",
        "-q",
    ]
    result = subprocess.run(command, cwd=notebook.ROOT, capture_output=True, text=True)
    missing = [
        page for page in notebook.pages() if not (HTML / "notebooks" / f"{page}.html").is_file()
    ]
    if result.returncode or missing:
        print(result.stdout, result.stderr, sep="\n")
        sys.exit(f"the site was not built. Missing pages: {', '.join(missing) or 'none'}")
    print(f"The site is in {HTML.relative_to(notebook.ROOT)}. Look at it with: make serve")


if __name__ == "__main__":
    main()
