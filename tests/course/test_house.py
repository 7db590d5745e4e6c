"""The rooms stay what they are: small files, a small `helpers`, and imports that only go down."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from course.__main__ import COMMANDS
from tests.support import ROOT
from tests.support.house import lines_of_code, tracked

ROOMS = ("inside", "helpers", "chirps", "widgets", "course")
BIN = Path(sys.executable).parent


def test_no_file_is_longer_than_one_sitting():
    files = tracked("*.py", "*.js", "*.mjs", "*.css", "*.smk", "Snakefile", "Makefile", "*.yml")
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > 600}


def test_helpers_is_small_and_the_house_does_not_grow():
    code = {path.relative_to(ROOT): lines_of_code(path) for path in tracked("*.py")}
    flat = sum(n for path, n in code.items() if path.parent == Path("helpers"))
    without_tests = sum(n for path, n in code.items() if path.parts[0] != "tests")
    assert flat <= 1_800
    assert without_tests <= 15_000


def test_lines_of_code_leave_out_what_explains(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        '"""Say.\n\nMore.\n"""\n\n# why\nx = """a\nb"""  # two\n\n\ndef f():\n    """Say."""\n'
    )
    assert lines_of_code(path) == 3


def test_nobody_edits_the_path_of_imports():
    edit = re.compile(r"\bsys\.path(?:\.(?:insert|append|extend)|\[.*?\]\s*=|\s*\+?=)")
    found = [path for path in tracked("*.py", "*.smk", "Snakefile", "notebooks/*.md")
             if edit.search(path.read_text(encoding="utf-8"))]  # fmt: skip
    assert not found


@pytest.fixture
def house(tmp_path):
    """Return a copy of the rooms and of what their linters are told."""
    for room in (*ROOMS, "tests/support"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, tmp_path / room, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(house, *command):
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        env={**os.environ, "NO_COLOR": "1"},
        cwd=house,
        capture_output=True,
        text=True,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def add(house, lines):
    for file, line in lines.items():
        with open(house / file, "a", encoding="utf-8") as module:
            module.write(f"\n\n{line}\n")


def test_imports_upwards_are_refused(house):
    upwards = {
        "inside/rewire.py": "from helpers import plots",
        "helpers/plots.py": "def late():\n    from chirps import grid",
        "helpers/metrics.py": "from helpers.checks import answers",
        "chirps/glitches.py": "import helpers.checks.kernels",
        "chirps/plots.py": "from helpers import widgets",
        "helpers/checks/kernels.py": "from widgets import show",
        "widgets/es_modules.py": "from course import notebook",
    }
    add(house, upwards)
    code, said = lint(house, "lint-imports", "--no-cache")
    assert code == 1
    for file in upwards:
        assert file.removesuffix(".py").replace("/", ".") in said


@pytest.mark.parametrize(
    ("lines", "folders"),
    [
        (
            {"chirps/grid.py": "import pandas", "helpers/plots.py": "import psutil"},
            ("inside", "helpers", "chirps", "widgets"),
        ),
        ({"course/notebook.py": "import pandas"}, ("course", "--ignore", "DEP004,DEP002")),
    ],
)
def test_undeclared_imports_are_refused(house, lines, folders):
    add(house, lines)
    code, said = lint(house, "deptry", "--no-ansi", *folders)
    assert code == 1
    for file, line in lines.items():
        assert f"{file}:" in said and f"{line.split()[1]!r} imported but" in said


def test_lines_end_alike_on_every_system(tmp_path):
    """Git for Windows is often told to write other line ends, and a record follows from bytes."""
    paths = [path.relative_to(ROOT).as_posix() for path in tracked("notebooks", "data", "helpers")]
    command = ["git", "check-attr", "eol", "--stdin"]
    done = subprocess.run(command, cwd=ROOT, input="\n".join(paths), capture_output=True, text=True)
    assert {line.rpartition(": ")[2] for line in done.stdout.splitlines()} == {"lf"}


def test_the_pictures_of_the_house_are_true():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    drawn = re.search(r"<!-- the floors.*?-->\n\n(.*?)\n\n", text, re.DOTALL)[1].splitlines()
    floors = [line.split()[0].replace("/", ".") for line in drawn]
    assert floors == contract["name"].split(" < ")[::-1]
    assert [floor for floor in floors if floor != "helpers.checks"] == contract["layers"]
    told = re.findall(r"^\| `([\w/]+)/` \|", text, re.MULTILINE)
    folders = {path.relative_to(ROOT).parts[0] for path in tracked("*/*")}
    assert {room.split("/")[0] for room in told} == {f for f in folders if f[0] != "."} - {
        "profiles"
    }
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"\bmake ([a-z]+)", text):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command
    for command in re.findall(r"python -m course ([a-z-]+)", text):
        assert command in COMMANDS, command
