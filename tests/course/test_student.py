"""What students receive: notebooks that open anywhere, and an archive that proves itself."""

import hashlib
import re
import subprocess
import sys
import zipfile

import nbformat
import pytest

from course import exercises, notebook
from course.build import student
from course.grade import batch
from helpers import personal

PAGES = notebook.pages()


@pytest.mark.parametrize("page", PAGES)
def test_a_students_notebook_has_stubs_and_no_outputs(page):
    made = student.student_notebook(page)
    nbformat.validate(made)
    stubs = [c.source for c in made.cells if "exercise" in exercises.tags(c)]
    assert stubs == [e.stub for e in exercises.exercises(page)]
    assert not [c for c in made.cells if c.get("outputs")]
    assert made.cells[0].source.startswith("# ") and "setup" in exercises.tags(made.cells[1])


@pytest.mark.parametrize("page", PAGES)
def test_ids_do_not_depend_on_the_solutions(page):
    """Else a guess could be tried against the hash of the true source."""
    solved = {c.id for c in notebook.read_source(page).cells if "exercise" in exercises.tags(c)}
    assert not solved & {c.id for c in student.student_notebook(page).cells}


@pytest.mark.parametrize("page", PAGES)
def test_the_instructors_cells_have_the_ids_that_students_received(page):
    """By these the grader knows the course's cells: those of practice are not run."""
    received, solved = student.student_notebook(page), student.key_notebook(page)
    assert [c.id for c in solved.cells] == [c.id for c in received.cells]
    run = batch.cells_to_run(nbformat.writes(solved).encode(), page)
    of_practice = {e.solution.strip() for e in exercises.exercises(page) if not e.graded}
    assert run and not of_practice & {cell["source"] for cell in run}


@pytest.mark.parametrize("page", PAGES)
def test_text_needs_nothing_but_jupyter(page):
    for cell in student.student_notebook(page).cells:
        if cell.cell_type == "markdown":
            assert ":::" not in cell.source
            assert not re.search(r"\{[a-z]+\}`", cell.source), cell.source
            assert "](../" not in cell.source, "an archive has no such folder"
            for link in re.findall(r"\]\((?!https?:|data:)([^)#]+)", cell.source):
                assert link.removesuffix(".ipynb") in PAGES, link


def test_blocks_and_citations_become_plain():
    text = ":::{dropdown} Answer\nTwo.\n:::\n\nAs known {cite}`abbott2016,welch1967`."
    plain = student.plain_markdown(text)
    assert "<details><summary>Answer</summary>\n\nTwo.\n\n</details>" in plain
    assert "(Abbott et al. 2016, Welch 1967)" in plain
    box = student.plain_markdown(":::{admonition} Mind\n:class: warning\nOne.\n\nTwo.\n:::")
    assert box == "> **Mind**\n>\n> One.\n>\n> Two."


@pytest.mark.parametrize("page", ["cifar_cnn", "first_cnn", "gw_classifier"])
def test_the_dial_is_a_field_of_a_form(page):
    cells = student.student_notebook(page).cells
    (dial,) = [c.source for c in cells if "parameters" in exercises.tags(c)]
    assert dial == 'TRAINING = "released"  # @param ["released", "quick", "full"]'


def test_links_to_other_pages_lead_to_the_published_site(monkeypatch):
    text = "See [Live networks](../book/live.md)."
    student.settings.cache_clear()
    monkeypatch.setenv("GITHUB_REPOSITORY", "Someone/course")
    there = "[Live networks](https://someone.github.io/course/book/live.html)"
    assert student.plain_markdown(text) == f"See {there}."
    monkeypatch.delenv("GITHUB_REPOSITORY")
    student.settings.cache_clear()
    assert student.plain_markdown(text) == "See Live networks."
    student.settings.cache_clear()


def test_the_first_cell_installs_the_released_course_and_only_what_is_missing(monkeypatch):
    student.settings.cache_clear()
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/course")
    source = student.setup_source()
    assert "https://github.com/someone/course/archive/refs/tags/v" in source
    assert '"--no-deps", course' in source and "tensorflow" not in source
    compile(source, "setup", "exec")
    monkeypatch.delenv("GITHUB_REPOSITORY")
    student.settings.cache_clear()
    compile(student.setup_source(), "setup", "exec")
    assert "github" not in student.setup_source()
    student.settings.cache_clear()


def test_the_first_cell_knows_every_package_that_the_pages_import():
    imported = set()
    for page in PAGES:
        for cell in notebook.read_source(page).cells:
            if cell.cell_type == "code":
                imported |= set(re.findall(r"^(?:import|from) (\w+)", cell.source, re.MULTILINE))
    known = {*student.PACKAGES, "helpers", *sys.stdlib_module_names}
    assert imported <= known


def test_the_archive_is_complete_and_always_the_same(tmp_path):
    for name in ("a", "b"):
        student.release(tmp_path / name)
    first, second = (tmp_path / n / student.ZIP for n in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        archive.extractall(tmp_path)
        names = archive.namelist()
    folder = tmp_path / "convolutions-to-chirps"
    listed = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    assert set(listed) == set(files) - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == digest
    assert {f"{page}.ipynb" for page in PAGES} <= set(files)
    assert not [n for n in names if re.search("/tests/|/tools/", n)]
    assert [n for n in names if n.endswith(".md")] == ["convolutions-to-chirps/START.md"]
    start = (folder / "START.md").read_text(encoding="utf-8")
    assert personal.EXAMPLE in start, "it says what to put in place of the example"
    probe = "import helpers, sys; from helpers import released; print(helpers.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=folder, capture_output=True, text=True, check=True
    )
    assert str(folder) in done.stdout, "the archive's own helpers are used"
