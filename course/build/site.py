"""Build the site from the recorded notebooks: `python -m course site`.

The records become pages in ``_build/book``: an exercise shows its stub, and its solution folded
under it; cells tagged `graded` are left out. Every public module of `helpers`, `chirps` and
`inside` gets a page there. Sphinx builds ``_build/html`` from there, so nothing of what is left out
reaches pages, sources or search index. The students' notebooks lie beside the pages, in
``_build/html/student``.

Stops with an error when a record is missing, holds a failed cell, or Sphinx warns of anything.
"""

import copy
import html
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

from course import ROOT, exercises, notebook
from course.build import errata, live, overview, reference, student
from helpers.sources import written_whole

BOOK = ROOT / "_build" / "book"
HTML = ROOT / "_build" / "html"
COPIED = ("_config.yml", "_toc.yml", "book/**/*")
STRICT = ("-W", "-n", "--keep-going", "-q")  # every warning is an error, and all are told

GRADED = (
    "*The cells of this section are in the notebook for students: the buttons at the top of the "
    "page open or download it.*"
)
GRADED_TABLE = "<!-- the graded exercises of every page -->"
# Jupyter Book's own page at the root of the site says neither its language nor its name.
DOORWAY = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'">
    <meta http-equiv="refresh" content="0; url={home}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
    <link rel="canonical" href="{home}">
  </head>
  <body><main><h1><a href="{home}">{title}</a></h1></main></body>
</html>
"""
SOLUTION = {"code_prompt_show": "Show a solution", "code_prompt_hide": "Hide the solution"}


def problems():
    """Return what is wrong with the records, one line each."""
    found = []
    for page in notebook.pages():
        student.refuse_unknown_markup(page)
        path = notebook.NOTEBOOKS / f"{page}.ipynb"
        if not path.is_file():
            found.append(f"notebooks/{page}.md has no record; run: make record PAGE={page}")
            continue
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    found.append(f"{path.name}: cell {number} holds an error: {output.ename}")
    return found


def site_notebook(record):
    """Return a record as the site shows it.

    Parameters
    ----------
    record : nbformat.NotebookNode

    Returns
    -------
    nbformat.NotebookNode
        Without graded cells. Of an exercise the stub, then its check without the verdict, then,
        folded, the solution with the outputs of both.
    """
    shown = []
    exercise = None
    for recorded in record.cells:
        cell = copy.deepcopy(recorded)
        tags = exercises.tags(cell)
        if "graded" in tags:
            if not any(other.source == GRADED for other in shown):
                shown.append(nbformat.v4.new_markdown_cell(GRADED))
        elif "exercise" in tags:
            exercise = cell
            shown.append(nbformat.v4.new_code_cell(exercises.stub(cell.source)))
        elif exercise is not None:
            shown.append(nbformat.v4.new_code_cell(cell.source))
            solution = exercise
            solution.source = exercises.unmarked(exercise.source)
            solution.outputs = [*exercise.outputs, *cell.outputs]
            solution.metadata["tags"] = ["hide-cell"]
            solution.metadata["mystnb"] = {**solution.metadata.get("mystnb", {}), **SOLUTION}
            shown.append(solution)
            exercise = None
        else:
            shown.append(cell)
    result = copy.deepcopy(record)
    result.cells = shown
    return notebook.number(result)


def graded_table():
    """Return a table of the graded exercises for the instructors' page."""
    rows = ["| page | exercises | graded | points |", "|---|---:|---|---:|"]
    for page in notebook.pages():
        of_page = exercises.exercises(page)
        graded = [e for e in of_page if e.graded]
        names = ", ".join(f"`{e.name}`" for e in graded)
        points = sum(e.check.points for e in graded)
        rows.append(
            f"| [{page}](../notebooks/{page}.ipynb) | {len(of_page)} | {names} | {points:g} |"
        )
    return "\n".join(rows)


def doorway():
    """Return the page at the root of the site, which leads to the home page of the book."""
    title = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["title"]
    home = yaml.safe_load(notebook.TOC.read_text("utf-8"))["root"]
    return DOORWAY.format(title=html.escape(title), home=f"{home}.html")


def stage():
    """Put what the site is built from into ``_build/book``, touching only what changed."""
    wanted = {}
    for path in (path for pattern in COPIED for path in ROOT.glob(pattern)):
        if path.is_file() and ".ipynb_checkpoints" not in path.parts:
            wanted[path.relative_to(ROOT)] = path.read_bytes()
    for path in (ROOT / "widgets").rglob("*"):
        if path.suffix in (".js", ".css"):
            wanted[Path("book/_static") / path.relative_to(ROOT)] = path.read_bytes()
    boxes = {}
    for page in notebook.pages():
        path = notebook.NOTEBOOKS / f"{page}.ipynb"
        shown = site_notebook(nbformat.read(path, as_version=4))
        boxes[page] = errata.marked(page, shown.cells)
        wanted[path.relative_to(ROOT)] = nbformat.writes(shown).encode()
    for path in (path for path in wanted if path.suffix == ".md"):
        wanted[path] = overview.numbered(wanted[path].decode()).encode()
    for name, filled in {
        "index": overview.expanded,
        "errata": lambda text: text.replace(errata.PLACE, errata.listed(boxes)),
        "api": lambda text: text.replace(reference.MODULES, reference.overview()),
        "instructors": lambda text: text.replace(GRADED_TABLE, graded_table()),
    }.items():
        page = Path(f"book/{name}.md")
        wanted[page] = filled(wanted[page].decode()).encode()
    wanted |= {path: text.encode() for path, text in reference.pages().items()}
    for path in [p for p in BOOK.rglob("*") if p.is_file()] if BOOK.is_dir() else []:
        if path.relative_to(BOOK) not in wanted:
            path.unlink()
    for name, data in wanted.items():
        target = BOOK / name
        if not target.is_file() or target.read_bytes() != data:
            with written_whole(target) as part:
                part.write_bytes(data)


def main():
    found = problems()
    if found:
        sys.exit("\n".join(found))
    stage()
    live.write()
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", BOOK, "--path-output", ROOT, *STRICT]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        print(result.stdout, result.stderr, sep="\n")
        sys.exit("the site was not built: mend what is said above")
    with written_whole(HTML / "index.html") as part:
        part.write_text(doorway(), encoding="utf-8")
    student.release(HTML / "student")
    print(f"The site is in {HTML.relative_to(ROOT)}. Look at it with: make serve")
