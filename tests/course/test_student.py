"""What students receive: notebooks that open anywhere, and an archive that proves itself."""

import hashlib
import re
import subprocess
import sys
import zipfile

import nbformat
import pytest

from course import exercises, notebook
from course.build import lab, student
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
    assert bool(run) == any(e.graded for e in exercises.exercises(page))
    assert not of_practice & {cell["source"] for cell in run}


@pytest.mark.parametrize("page", PAGES)
def test_text_needs_nothing_but_jupyter(page):
    for cell in student.student_notebook(page).cells:
        if cell.cell_type == "markdown":
            assert ":::" not in cell.source
            assert not re.search(r"\{[a-z]+\}`", cell.source), cell.source
            assert "](../" not in cell.source, "an archive has no such folder"
            for link in re.findall(r"\]\((?!https?:|data:)([^)#]+)", cell.source):
                assert link in map(notebook.handed_out, PAGES), link


@pytest.mark.parametrize("made", [student.student_notebook, student.key_notebook])
def test_the_name_has_the_chapters_number_and_the_notebook_says_its_page(tmp_path, made):
    paths = student.write_notebooks(tmp_path, made)
    assert [path.name for path in paths[:2]] == ["01_convolution.ipynb", "02_kernels.ipynb"]
    found = [nbformat.read(path, as_version=4).metadata["course"] for path in paths]
    assert found == [{"page": page} for page in PAGES]


def test_another_order_gives_other_numbers(tmp_path, monkeypatch):
    toc = notebook.TOC.read_text(encoding="utf-8")
    names = "notebooks/convolution.ipynb", "notebooks/kernels.ipynb"
    changed = toc.replace(names[0], "A").replace(names[1], names[0]).replace("A", names[1], 1)
    (tmp_path / "_toc.yml").write_text(changed, encoding="utf-8")
    monkeypatch.setattr(notebook, "TOC", tmp_path / "_toc.yml")
    assert notebook.handed_out("kernels") == "01_kernels.ipynb"
    assert student.plain_markdown("[first](convolution.ipynb#a)") == (
        "[first](02_convolution.ipynb#a)"
    )


def test_the_folder_to_work_in_keeps_what_is_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lab, "LAB", tmp_path)
    (tmp_path / "01_convolution.ipynb").write_text("mine")
    lab.main()
    assert capsys.readouterr().out.startswith("lab/01_convolution.ipynb is yours")
    assert (tmp_path / "01_convolution.ipynb").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == set(map(notebook.handed_out, PAGES))


def test_the_start_page_speaks_to_every_system():
    for word in (".venv/bin/pip install", ".venv\\Scripts\\pip install", "AVX", "Colab"):
        assert word in student.START


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
    ours = {"helpers", "inside", "chirps"}
    known = {*student.packages(), *ours, *sys.stdlib_module_names}
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
    assert {notebook.handed_out(page) for page in PAGES} <= set(files)
    assert not [n for n in names if re.search("/tests/|/course/|directive", n)]
    assert [n for n in names if n.endswith(".md")] == ["convolutions-to-chirps/START.md"]
    start = (folder / "START.md").read_text(encoding="utf-8")
    assert personal.EXAMPLE in start, "it says what to put in place of the example"
    for name in re.findall(r"[\w-]+\.(?:ipynb|txt)", start):
        assert name in files, name
    probe = (
        "import chirps, helpers, inside, sys; from helpers import released, widgets\n"
        "print(helpers.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=folder, capture_output=True, text=True, check=True
    )
    assert str(folder) in done.stdout, "the archive's own helpers are used"
