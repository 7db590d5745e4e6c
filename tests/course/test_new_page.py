"""A new chapter in one command: it runs, is recorded, and every rule for pages finds it sound."""

import shutil
import sys

import pytest
import yaml

from course import new_page, notebook
from course.build import overview
from tests.support import ROOT
from tests.support.engine import copy_course, run

NAME = "dilation"
BUILD = """
import nbformat
from course import notebook
from course.build import site
assert site.problems() == []
site.BOOK = site.ROOT / "staged"
site.live.write = lambda: None
site.stage()
"""


def test_it_is_entered_where_it_was_wanted_and_nothing_else_changes():
    files = new_page.new_files(NAME, "Dilated convolutions", "Convolutions by hand")
    made = {path.relative_to(ROOT).as_posix(): text for path, text in files.items()}
    assert set(made) == {
        "_toc.yml",
        "book/index.md",
        "notebooks/dilation.md",
        "helpers/checks/dilation.py",
        "tests/checks/test_dilation.py",
    }
    assert "\n# Dilated convolutions\n" in made["notebooks/dilation.md"]
    for changed in ("_toc.yml", "book/index.md"):
        before, after = (ROOT / changed).read_text("utf-8").splitlines(), made[changed].splitlines()
        (line,) = [line for line in after if NAME in line]
        assert [line for line in after if NAME not in line] == before
        assert NAME in after[after.index(line)] and "kernels" in after[after.index(line) - 1]
    part = yaml.safe_load(made["_toc.yml"])["parts"][0]
    assert part["chapters"][-1] == {"file": "notebooks/dilation.ipynb"}


def test_by_default_it_comes_last_and_no_other_chapter_gets_another_number():
    toc = new_page.new_files(NAME, "Dilation")[notebook.TOC]
    chapters = [line.split("/")[1] for line in toc.splitlines() if "notebooks/" in line]
    assert chapters == [f"{page}.ipynb" for page in [*notebook.pages(), NAME]]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("3d", "use small letters"),
        ("first-look", "use small letters"),
        ("Dilation", "use small letters"),
        ("_dilation", "use small letters"),
        ("../x", "use small letters"),
        ("", "use small letters"),
        ("lambda", "no keyword of python"),
        ("kernels", "notebooks/kernels.md exists already"),
        ("answers", "helpers/checks/answers.py exists already"),
        ("networks", "helpers/checks/networks.py exists already"),
        ("core", "tests/checks/test_core.py exists already"),
        ("json", "helpers.checks has something called json already"),
        ("quiz", "helpers.checks has something called quiz already"),
    ],
)
def test_names_that_a_page_cannot_have_are_refused(name, said):
    with pytest.raises(notebook.BookError) as refused:
        new_page.new_files(name, "A title")
    assert said in str(refused.value).lower() and "\n" not in str(refused.value)


def test_a_part_that_is_not_there_is_refused():
    with pytest.raises(notebook.BookError, match="no part 'Chrips'; parts: Convolutions by hand"):
        new_page.new_files(NAME, "Dilation", "Chrips")


def test_all_files_are_written_or_none(tmp_path):
    old, new = tmp_path / "old.yml", tmp_path / "new.md"
    old.write_bytes(b"as it was\r\n")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        new_page.write({old: "changed", new: "new", tmp_path / "file" / "below": "impossible"})
    assert old.read_bytes() == b"as it was\r\n"
    assert not new.exists()
    new_page.write({old: "changed", new: "new"})
    assert (old.read_text(), new.read_text()) == ("changed", "new")


@pytest.mark.slow
def test_a_new_page_is_recorded_built_and_checked(tmp_path):
    more = ("book", "tests", "_toc.yml", "_config.yml", "pyproject.toml", "LICENSE")
    course = copy_course(tmp_path, *more)
    for path in (ROOT / "notebooks").iterdir():
        if path.suffix in (".md", ".ipynb", ".svg"):
            shutil.copy(path, course / "notebooks")
    shutil.copy(ROOT / "_toc.yml", course)

    def does(*command):
        done = run(course, sys.executable, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    part = ("--part", "Convolutions by hand")
    assert f"make record PAGE={NAME}" in does("-m", "course", "new-page", NAME, *part)
    index = (course / "book" / "index.md").read_text(encoding="utf-8")
    assert f"\n{NAME}: " in index and overview.BLOCK.search(index)
    does("-m", "course", "record", NAME)
    does("-c", BUILD)
    glossary = (course / "staged" / "book" / "glossary.md").read_text(encoding="utf-8")
    assert "[Chapter 4](../notebooks/cifar_cnn.ipynb)" in glossary
    staged = (course / "staged" / "book" / "index.md").read_text(encoding="utf-8")
    assert f"- [3]{{.chapter-number}} [Dilation](../notebooks/{NAME}.ipynb)" in staged
    assert "[1\N{NO-BREAK SPACE}exercise · about" in staged
    tests = (
        "tests/checks/test_exercises.py",
        "tests/course/test_pages.py",
        "tests/site/test_home.py",
    )
    told = does(
        "-m", "pytest", "-n0", *tests, "-k", f"{NAME} or stored or belongs or chapter or box"
    )
    assert "failed" not in told
    does("-m", "ruff", "check", f"helpers/checks/{NAME}.py", f"tests/checks/test_{NAME}.py")
