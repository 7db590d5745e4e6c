"""Look for solutions in what students receive: `python -m course leaks`, after `make site`.

What must not be found are the lines that exist only in what is taken away: from the site the cells
tagged `graded`, from the students' notebooks and archive the solutions of all exercises. Lines that
stand in the open as well, in another cell of a page or in the code that students receive, are no
secret.
"""

import html
import io
import json
import re
import zipfile
from functools import cache
from pathlib import Path

import nbformat
from sphinx.search.en import SearchEnglish

from course import ROOT, exercises, notebook

SHORTEST = 12  # characters without blanks; shorter lines say nothing
TAG = re.compile(r"<[^>]+>")
SCRIPT = re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL)


def squeezed(text):
    """Return a text without blanks, so that layout hides nothing."""
    return re.sub(r"\s+", "", text)


def lines_of(text):
    """Return the telling lines of a text, squeezed."""
    return {line for line in map(squeezed, text.splitlines()) if len(line) >= SHORTEST}


def output_text(cell):
    """Return the text of all outputs of a cell."""
    parts = []
    for output in cell.get("outputs", []):
        parts.append(output.get("text", ""))
        parts += [
            d for k, d in output.get("data", {}).items() if isinstance(d, str) and "/p" not in k
        ]
    return "\n".join(parts)


def open_texts(graded_only):
    """Yield what anybody may read: open cells, their outputs, and the code that students receive.

    Parameters
    ----------
    graded_only : bool
        See :func:`secret_lines`.
    """
    for page in notebook.pages():
        for cell in notebook.read_source(page).cells:
            if not {"exercise", "graded"} & set(exercises.tags(cell)):
                yield cell.source
        for exercise in exercises.exercises(page):
            yield from (exercise.stub, exercise.checking)
            if graded_only and not exercise.graded:
                yield exercise.solution
        hidden = {"graded"} if graded_only else {"graded", "exercise"}
        yield from (output_text(c) for c in _recorded(page) if not hidden & set(exercises.tags(c)))
    for room in ("inside", "helpers", "chirps", "widgets"):
        for path in (ROOT / room).rglob("*.py"):
            yield path.read_text(encoding="utf-8")


def _recorded(page):
    path = notebook.NOTEBOOKS / f"{page}.ipynb"
    return nbformat.read(path, as_version=4).cells if path.is_file() else []


@cache
def secret_lines(graded_only):
    """Return the lines of solutions, and of what they put out, that stand nowhere in the open.

    Parameters
    ----------
    graded_only : bool
        True for the site, which shows the solutions of practice exercises folded.
    """
    found = set()
    for exercise in exercises.all_exercises():
        if exercise.graded or not graded_only:
            found |= lines_of(exercise.solution)
    for page in notebook.pages():
        for cell in _recorded(page):
            tags = exercises.tags(cell)
            if "exercise" in tags and ("graded" in tags or not graded_only):
                found |= lines_of(output_text(cell))
    known = "\n".join(map(squeezed, open_texts(graded_only)))
    return frozenset(line for line in found if line not in known)


@cache
def secret_words():
    """Return the words that only the graded solutions use, as a search index would hold them."""
    texts = [*open_texts(True)]
    for pattern in ("book/**/*.md", "book/**/*.bib"):
        texts += [path.read_text(encoding="utf-8") for path in ROOT.glob(pattern)]
    open_words = {word for text in texts for word in words(text)}
    graded = {w for e in exercises.all_exercises() if e.graded for w in words(e.solution)}
    return frozenset(w for w in graded - open_words if len(w) >= 4 and not w.isdigit())


def words(text):
    """Return the words of a text as Sphinx's index stores them."""
    stem = SearchEnglish({}).stem
    return {stem(word) for word in re.findall(r"\w+", text.lower())}


# --- searching ----------------------------------------------------------------------------------


def texts(name, data):
    """Return what a file says: (place, squeezed text) pairs; archives are opened.

    Everything in a notebook counts: sources, outputs, metadata.
    """
    suffix = Path(name).suffix
    if suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from texts(f"{name}:{member}", archive.read(member))
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return  # pictures, fonts, weights
    if suffix == ".html":
        text = html.unescape(TAG.sub("", SCRIPT.sub("", text)))
    elif suffix in (".ipynb", ".json"):
        text = "\n".join(_strings(json.loads(text)))
    yield name, squeezed(text)


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        joined = all(isinstance(v, str) for v in value)
        yield from ["".join(value)] if joined else (s for v in value for s in _strings(v))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)


def index_words(text):
    """Return the words of Sphinx's search index."""
    index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
    return set(index["terms"]) | set(index["titleterms"])


def find(files, graded_only):
    """Return where secrets are found, one line each.

    Parameters
    ----------
    files : iterable of (str, bytes)
        Names and contents.
    graded_only : bool
        See :func:`secret_lines`.
    """
    secrets, found = secret_lines(graded_only), []
    for name, data in files:
        if name.endswith("searchindex.js"):
            leaked = sorted(index_words(data.decode()) & secret_words())
            found += [f"{name}: the word {word!r}" for word in leaked]
            continue
        for place, text in texts(name, data):
            if place.endswith("solutions.json"):  # practice solutions, for check.….solution()
                found += [f"{place}: {s}" for s in secret_lines(True) if s in text]
            else:
                found += [f"{place}: {s}" for s in secrets if s in text]
    return found


def contents(folder, without=()):
    """Yield names and contents of all files in a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part in without for part in path.relative_to(folder).parts):
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def main():
    html_folder = ROOT / "_build" / "html"
    found = find(contents(html_folder, without=("student",)), graded_only=True)
    found += find(contents(html_folder / "student"), graded_only=False)
    print("\n".join(found) or "No solution is in what students receive.")
    return bool(found)
