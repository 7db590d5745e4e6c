"""No solution reaches students: what is planted is found, and in what is built there is none."""

import html
import io
import json
import subprocess
import sys
import zipfile

import nbformat
import pytest

from course import exercises, notebook
from course.build import leaks, student
from tests.support import ROOT

GRADED = [e for e in exercises.all_exercises() if e.graded]
PRACTICE = [e for e in exercises.all_exercises() if not e.graded]


def telling(exercise, graded_only=True):
    """Return a line of a solution that is a secret, as it is written."""
    lines = exercise.solution.splitlines()
    secrets = leaks.secret_lines(graded_only)
    return next((line for line in lines if leaks.squeezed(line) in secrets), None)


@pytest.fixture(scope="module")
def secret():
    return next(line for line in map(telling, GRADED) if line)


def notebook_bytes(cell):
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode()


def code_with_output(text):
    output = nbformat.v4.new_output("stream", text=text)
    return nbformat.v4.new_code_cell("1 + 1", outputs=[output])


@pytest.mark.parametrize(
    "plant",
    [
        lambda s: nbformat.v4.new_code_cell(f"import numpy\n{s}"),
        lambda s: nbformat.v4.new_markdown_cell(f"The answer:\n\n{s}"),
        lambda s: code_with_output(f"so:\n{s}\n"),
        lambda s: nbformat.v4.new_code_cell("1 + 1", metadata={"note": {"old": [s]}}),
    ],
    ids=["source", "text", "output", "metadata"],
)
def test_a_planted_solution_is_found_in_a_notebook(secret, plant):
    name = "student/convolution.ipynb"
    assert leaks.find([(name, notebook_bytes(plant(secret)))], graded_only=False)
    clean = notebook_bytes(nbformat.v4.new_code_cell("1 + 1"))
    assert not leaks.find([(name, clean)], graded_only=False)


def test_a_planted_solution_is_found_in_a_page(secret):
    spans = "".join(f'<span class="n">{html.escape(part)}</span> ' for part in secret.split())
    assert leaks.find([("a.html", f"<pre>x\n{spans}</pre>".encode())], graded_only=True)


def test_a_planted_solution_is_found_in_an_archive(secret):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("course/helpers/note.py", f"# {secret}\n")
    assert leaks.find([("course.zip", buffer.getvalue())], graded_only=False)


def test_a_planted_output_of_a_graded_check_is_found():
    record = [c for page in notebook.pages() for c in leaks._recorded(page)]
    graded = [c for c in record if {"exercise", "graded"} <= set(exercises.tags(c))]
    outputs = [line for c in graded for line in leaks.lines_of(leaks.output_text(c))]
    for line in set(outputs) & leaks.secret_lines(True):
        assert leaks.find([("a.html", line.encode())], graded_only=True)


@pytest.mark.slow
def test_a_planted_solution_is_found_in_the_search_index(tmp_path):
    """Sphinx itself makes the index of a page that holds a graded solution."""
    (tmp_path / "conf.py").write_text('extensions = ["myst_parser"]\n')
    for name, exercise in (("leaky", GRADED), ("clean", PRACTICE)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "conf.py").write_text('extensions = ["myst_parser"]\n')
        text = "\n\n".join(f"```\n{e.solution}\n```" for e in exercise)
        (folder / "index.md").write_text(f"# Page\n\n{text}\n", encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-q", str(folder), str(folder / "html")]
        subprocess.run(command, check=True)
        index = (folder / "html" / "searchindex.js").read_bytes()
        found = leaks.find([("searchindex.js", index)], graded_only=True)
        assert bool(found) == (name == "leaky"), found


def test_students_notebooks_hold_no_solution():
    for page in notebook.pages():
        data = nbformat.writes(student.student_notebook(page)).encode()
        assert not leaks.find([(f"{page}.ipynb", data)], graded_only=False)


def test_the_key_does_hold_them():
    for exercise in GRADED:
        key = nbformat.writes(student.key_notebook(exercise.page)).encode()
        assert leaks.find([("key.ipynb", key)], graded_only=True), exercise.name


@pytest.mark.slow
def test_nothing_that_is_built_holds_a_solution(site):
    done = subprocess.run(
        [sys.executable, "-m", "course", "leaks"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    pages = ROOT / "_build" / "html" / "notebooks"
    for exercise in PRACTICE:  # the search looked at the right thing: these are there
        line = telling(exercise, graded_only=False)
        text = (pages / f"{exercise.page}.html").read_text(encoding="utf-8")
        if line:
            said = "".join(where for _, where in leaks.texts("a.html", text.encode()))
            assert leaks.squeezed(line) in said, exercise.name


def test_stored_solutions_are_practice_only():
    stored = json.loads((ROOT / "helpers" / "checks" / "solutions.json").read_text("utf-8"))
    assert not {f"{e.module}.{e.name}" for e in GRADED} & set(stored)
