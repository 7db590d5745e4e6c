"""Make what students receive: `python -m course student`.

_build/student/                    a notebook for each page, without solutions and outputs
    convolutions-to-chirps.zip     these, with `helpers`, released weights and a start page
    SHA256SUMS                     of every file beside it
_build/instructor/                 the same notebooks with all solutions; never published

A notebook's file has the number of its chapter in front; its metadata names the page.

With `$COURSE_KEYS` set, the instructor's folder also holds ``key.json``: what should come out of
the secret inputs of this term, and the answers to every student's own numbers.
"""

import base64
import copy
import hashlib
import os
import re
import shutil
import sys
import tomllib
import zipfile
from functools import cache

import nbformat
import yaml

from course import ROOT, BookError, exercises, notebook
from course.build.ext import published_at
from helpers.sources import written_whole

BUILD = ROOT / "_build"
STUDENT, INSTRUCTOR = BUILD / "student", BUILD / "instructor"
ZIP = "convolutions-to-chirps.zip"

# What a student needs beside the notebooks. Everything else of the repository stays out.
SHARED = ("inside/*.py", "helpers/**/*.py", "chirps/*.py", "widgets/**/*",
          "helpers/checks/solutions.json", "data/registry.toml", "data/metrics.toml",
          "data/gw/*", "data/models/*/*", "requirements-student.txt", "LICENSE",
          "LICENSE-CONTENT", "CITATION.cff")  # fmt: skip
OF_THE_SITE = {"widgets/directive.py"}  # its part of the widgets needs Sphinx
STAMP = (2026, 1, 1, 0, 0, 0)  # of every file in the archive, so that equal input gives equal bytes

MODULES = {"pillow": "PIL", "scikit-learn": "sklearn"}  # of packages that are called otherwise

SETUP = """\
# Run this first. Where the course is not installed, as on Colab, it installs it, and only what is
# missing; elsewhere it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("helpers") is None:
    course = {address!r}
    needed = {packages!r}
    missing = [p for m, p in needed.items() if not importlib.util.find_spec(m)]
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    if missing:
        subprocess.run([*pip, *missing], check=True)
    subprocess.run([*pip, "--no-deps", course], check=True)
"""

SETUP_WITHOUT_ADDRESS = """\
# Run this first: it finds out whether the course is here.
import importlib.util

if importlib.util.find_spec("helpers") is None:
    raise SystemExit(
        "The course's module `helpers` is not here. Unpack the whole archive of the "
        "course and start Jupyter in its folder: the notebooks lie beside `helpers`."
    )
"""

START = """\
# Convolutions to Chirps: start here

1. You need Python 3.11, 3.12 or 3.13, and about 3 GB of disk.
   On a Mac, one with an Apple processor. On a PC, TensorFlow needs a processor with AVX, as nearly
   all since 2012 have. Without it, work on Colab: a button at the top of each page of the course's
   site opens the notebook there.
2. In this folder, on Linux and macOS:

       python3 -m venv .venv
       .venv/bin/pip install -r requirements-student.txt
       .venv/bin/jupyter lab

   and on Windows:

       py -m venv .venv
       .venv\\Scripts\\pip install -r requirements-student.txt
       .venv\\Scripts\\jupyter lab

3. Open `{first}`.

Every exercise is a cell to fill in, and the next cell checks it. `check.name.hint()` helps, twice
or more; `check.name.solution()` shows the solution of an exercise that is not graded.

Some exercises are graded; they stand under "Graded". Where one has `STUDENT = "ab12cd34"`, put in
place of the example the identifier that your instructor gave you: other numbers earn nothing. When
they are graded, these cells run on their own, with those that you add, and nothing else of the
notebook. Hand in the notebook under the name that it has.

`SHA256SUMS` lists every file: `sha256sum -c SHA256SUMS`.
"""


@cache
def settings():
    """Return where the course is published: repository, tag and branch, from ``_config.yml``.

    The repository is empty where no address is known; a workflow on GitHub knows its own.
    """
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    course = config["sphinx"]["config"]["course_published"]
    repository = course["repository"] or os.environ.get("GITHUB_REPOSITORY", "")
    return {**course, "repository": repository}


def published_address():
    """Return the address of the site on GitHub Pages; None where the repository is not known."""
    return published_at(settings())


def setup_source():
    """Return the source of the first cell of a student's notebook."""
    course = settings()
    if not course["repository"]:
        return SETUP_WITHOUT_ADDRESS
    address = f"https://github.com/{course['repository']}/archive/refs/tags/{course['tag']}.zip"
    return SETUP.format(address=address, packages=packages())


def packages():
    """Return which package brings each module that the pages import: the course's dependencies.

    Where all are there already, as on Colab, nothing is installed, and nothing is replaced.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.match("[A-Za-z0-9-]+", needed)[0] for needed in project["dependencies"]]
    return {MODULES.get(name, name): name for name in names}


def student_notebook(page):
    """Return a page as students get it: stubs for solutions, and plain Markdown."""
    return _derived(page, lambda cell: exercises.stub(cell.source))


def key_notebook(page):
    """Return a page with all its solutions, for instructors.

    Its cells have the ids that students received, as in a notebook that a student has filled in:
    so the grader tells them apart.
    """
    made = _derived(page, lambda cell: exercises.unmarked(cell.source))
    for cell, received in zip(made.cells, student_notebook(page).cells, strict=True):
        cell["id"] = received.id
    return made


# A parameter with its choices becomes a field of a form on Colab.
CHOICE = re.compile(r"^(\w+): str = (\"\w+\")  # or (.+)$", re.MULTILINE)


def _derived(page, exercise_source):
    """Return a page for Jupyter, its exercises as the function says."""
    refuse_unknown_markup(page)
    result = copy.deepcopy(notebook.read_source(page))
    cells = []
    for cell in result.cells:
        if cell.cell_type == "markdown":
            cells += for_jupyter(cell)
            continue
        if "exercise" in exercises.tags(cell):
            cell.source = exercise_source(cell)
        if "parameters" in exercises.tags(cell):
            cell.source = CHOICE.sub(r"\1 = \2  # @param [\2, \3]", cell.source)
        cells.append(cell)
    setup = nbformat.v4.new_code_cell(setup_source().rstrip(), metadata={"tags": ["setup"]})
    result.cells = [cells[0], setup, *cells[1:]]
    result.metadata["course"] = {"page": page}  # so the grader knows it, whatever it is called
    notebook.number(result)  # of what is there, so that no id can tell what was taken away
    return result


# --- Markdown that any Jupyter shows --------------------------------------------------------------

WIDGET = re.compile(r"^:::\{widget\} (\w+)\n(.*?)^:::$\n*", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(
    r"^:::\{(?P<kind>dropdown|admonition|figure)\} (?P<title>[^\n]*)\n(?P<body>.*?)^:::$",
    re.MULTILINE | re.DOTALL,
)
CITE = re.compile(r"\{cite\}`([^`]*)`")
SITE_LINK = re.compile(r"\[([^\]]*)\]\(\.\./book/(\w+)\.md\)")
PAGE_LINK = re.compile(r"\]\((\w+)\.ipynb")


# What may open or close a block, and a role in running text.
FENCE = re.compile(r"(\s*)(`{3,}|~{3,}|:{3,})(?:\{([^}]*)\})?")
ROLE = re.compile(r"(?<!`)\{([\w:.+-]+)\}`")
SHOWN = ("admonition", "dropdown", "figure", "widget")


def refuse_unknown_markup(page):
    """Refuse directives and roles that only the site would show, and blocks within blocks.

    Raises
    ------
    BookError
        With the line of the page, and what works in their place.
    """
    path = notebook.NOTEBOOKS / f"{page}.md"
    code, block = None, False  # what ends the code that we are in; whether we are in a block
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        indent, marks, name = fence.groups() if fence else ("", "", None)
        if code:
            code = None if line.strip() == code else code
            continue
        wrong = [f"the role {{{role}}}" for role in ROLE.findall(line) if role != "cite"]
        plain_code = marks and not name and marks[0] != ":"
        if plain_code or (line.startswith("```{code-cell}") and not block):
            code = marks
        elif name and (block or indent or marks != ":::" or name not in SHOWN):
            wrong = [f"{marks}{{{name}}}" + " inside another block" * block]
        elif marks:
            block = bool(name)
        if wrong:
            raise BookError(
                f"notebooks/{page}.md, line {number}: the students' notebooks cannot show "
                f"{wrong[0]}. What they can: the role {{cite}}, and, not one in another, "
                f"{', '.join(f':::{{{kind}}}' for kind in SHOWN)}."
            )


def for_jupyter(cell):
    """Return the cells that show in any Jupyter what one cell of text shows on the site."""
    cells, position = [], 0
    for found in WIDGET.finditer(cell.source):
        cells.append(nbformat.v4.new_markdown_cell(cell.source[position : found.start()].strip()))
        caption = re.search(r"^:caption: (.*)$", found[2], re.MULTILINE)
        options = yaml.safe_load(re.sub(r"^:\w+: .*\n", "", found[2], flags=re.MULTILINE)) or {}
        given = "".join(f", {key}={value!r}" for key, value in options.items())
        code = f'from helpers import widgets\n\nwidgets.show("{found[1]}"{given})'
        cells.append(nbformat.v4.new_code_cell(code, metadata={"tags": ["widget"]}))
        if caption:
            cells.append(nbformat.v4.new_markdown_cell(f"*{caption[1]}*"))
        position = found.end()
    rest = cell.source[position:].strip()
    if rest or not cells:
        cells.append(nbformat.v4.new_markdown_cell(rest, metadata=cell.metadata))
    for made in cells:
        if made.cell_type == "markdown":
            made.source = plain_markdown(made.source)
    return cells


def plain_markdown(text):
    """Replace what only the site understands by what any Jupyter shows."""
    text = BLOCK.sub(_plain_block, text)
    text = CITE.sub(lambda found: "(" + ", ".join(map(citation, found[1].split(","))) + ")", text)
    text = SITE_LINK.sub(_site_link, text)
    text = PAGE_LINK.sub(lambda found: f"]({notebook.handed_out(found[1])}", text)
    return re.sub(r"\[([^\]]*)\]\(#fig-[\w-]+\)", r"\1", text)  # figures have no anchors there


def _site_link(found):
    """Return a link to a page of the published site; its text alone where no address is known."""
    address = published_address()
    return f"[{found[1]}]({address}book/{found[2]}.html)" if address else found[1]


def _plain_block(found):
    kind, title, body = found["kind"], found["title"].strip(), found["body"]
    options = dict(re.findall(r"^:(\w+): (.*)$", body, re.MULTILINE))
    body = re.sub(r"^:\w+: .*\n", "", body, flags=re.MULTILINE).strip()
    if kind == "dropdown":
        return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
    if kind == "figure":
        drawing = base64.b64encode((notebook.NOTEBOOKS / title).read_bytes()).decode()
        return f"![{options['alt']}](data:image/svg+xml;base64,{drawing})\n\n{body}"
    quoted = "\n".join(f"> {line}".rstrip() for line in body.splitlines())
    return f"> **{title}**\n>\n{quoted}"


@cache
def _bibliography():
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    entries = re.split(r"^@\w+\{", text, flags=re.MULTILINE)[1:]
    return {entry.split(",")[0].strip(): entry for entry in entries}


def citation(key):
    """Return author and year of an entry of the bibliography, e.g. ``Abbott et al. 2016``."""
    entry = _bibliography()[key.strip()]
    field = {
        k.lower(): v for k, v in re.findall(r"^\s*(\w+)\s*=\s*[{\"](.*?)[}\"],?\s*$", entry, re.M)
    }
    authors = [a.strip().strip("{}") for a in field["author"].split(" and ")]
    names = [a.split(",")[0].strip() if "," in a else a.split()[-1] for a in authors]
    names = [n for n in names if n != "others"] + [n for n in names if n == "others"]
    if len(names) > 2 or names[-1] == "others":
        who = f"{names[0]} et al."
    else:
        who = " and ".join(names)
    return f"{re.sub(r'[{}]', '', who)} {field['year']}"


# --- writing ------------------------------------------------------------------------------------


def write_notebooks(folder, make):
    """Write a notebook of each page into a folder, and return their paths."""
    paths = []
    for page in notebook.pages():
        paths.append(folder / notebook.handed_out(page))
        notebook.write(make(page), paths[-1])
    return paths


def sums(contents):
    """Return the lines of a checksum file for pairs of name and bytes."""
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents)


def write_archive(path, notebooks):
    """Write the archive for students: notebooks, helpers, weights, and a checksum of each."""
    files = {p.name: p.read_bytes() for p in notebooks}
    for pattern in SHARED:
        for file in sorted(ROOT.glob(pattern)):
            name = file.relative_to(ROOT).as_posix()
            if file.is_file() and "__pycache__" not in file.parts and name not in OF_THE_SITE:
                files[name] = file.read_bytes()
    files["START.md"] = START.format(first=notebooks[0].name).encode()
    files["SHA256SUMS"] = sums(sorted(files.items())).encode()
    with written_whole(path) as part, zipfile.ZipFile(part, "w") as archive:
        for name, data in sorted(files.items()):
            member = zipfile.ZipInfo(f"convolutions-to-chirps/{name}", STAMP)
            member.external_attr = 0o644 << 16
            kind = zipfile.ZIP_STORED if name.endswith(".h5") else zipfile.ZIP_DEFLATED
            archive.writestr(member, data, kind, 9)


def release(folder):
    """Write everything that students receive into a folder, which then holds nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    notebooks = write_notebooks(folder, student_notebook)
    write_archive(folder / ZIP, notebooks)
    files = sorted(p for p in folder.iterdir() if p.is_file())
    text = sums((p.name, p.read_bytes()) for p in files)
    with written_whole(folder / "SHA256SUMS") as part:
        part.write_text(text, encoding="utf-8")


def main():
    release(STUDENT)
    size = (STUDENT / ZIP).stat().st_size / 1e6
    print(f"_build/student: {len(notebook.pages())} notebooks, {ZIP} ({size:.1f} MB), SHA256SUMS")
    shutil.rmtree(INSTRUCTOR, ignore_errors=True)
    write_notebooks(INSTRUCTOR, key_notebook)
    print("_build/instructor: the notebooks with their solutions")
    if os.environ.get("COURSE_KEYS"):
        from course.grade import key, term

        try:
            key.write(INSTRUCTOR / "key.json")
        except term.TermError as problem:
            sys.exit(str(problem))
        print("_build/instructor/key.json: the answers to the graded exercises of this term")
