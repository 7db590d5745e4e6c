"""Running pages: failures are named, old results stand, and only what is stale is redone."""

import os
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import notebook
import pytest
from conftest import ROOT

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
BIN = os.path.dirname(sys.executable)


def page_source(*cells, parameters=None):
    text = HEADER + "\n# A small page\n"
    if parameters:
        text += f"\n```{{code-cell}} ipython3\n:tags: [parameters]\n\n{parameters}\n```\n"
    for cell in cells:
        text += f"\n```{{code-cell}} ipython3\n{cell}\n```\n"
    return text


@pytest.fixture
def course(tmp_path):
    """A copy of the course's machinery with no pages."""
    for name in ("tools", "helpers", "profiles", "data"):
        ignore = shutil.ignore_patterns("__pycache__", "models")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    for name in ("Snakefile", "Makefile", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def run(course, *command, **options):
    env = {
        **os.environ,
        "PATH": BIN + os.pathsep + os.environ["PATH"],
        "PYTHONPATH": str(course),
        "COURSE_OFFLINE": "1",
    }
    return subprocess.run(
        command, cwd=course, env=env, capture_output=True, text=True, timeout=300, **options
    )


def execute(course, page, training="released"):
    output, log = course / "out.ipynb", course / "log" / f"{page}.ipynb"
    command = ("tools/execute.py", page, training, str(output), "--log", str(log))
    return run(course, sys.executable, *command), output, log


def test_a_page_with_an_error_is_named_and_leaves_no_result(course):
    (course / "notebooks" / "10_bad.md").write_text(page_source("x = 1", "x / 0", "print(x)"))
    result, output, log = execute(course, "10_bad")
    assert result.returncode != 0
    assert "10_bad: cell [2] starting with `x / 0` raised ZeroDivisionError" in result.stderr
    assert not output.exists()
    assert log.exists(), "the partial notebook is kept"


def test_the_dial_is_set_and_a_page_without_it_is_refused(course):
    dial = page_source("print(TRAINING)", parameters='TRAINING = "released"')
    (course / "notebooks" / "10_dial.md").write_text(dial)
    result, output, _ = execute(course, "10_dial", "quick")
    assert result.returncode == 0, result.stderr
    cells = nbformat.read(output, as_version=4).cells
    assert cells[-1].outputs[0].text == "quick\n"
    (course / "notebooks" / "10_dial.md").write_text(
        page_source("print(1)", parameters="OTHER = 2")
    )
    result, _, _ = execute(course, "10_dial", "quick")
    assert result.returncode != 0
    assert "unknown parameter TRAINING" in result.stderr


def test_an_executed_page_is_clean(course):
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    (course / "notebooks" / "10_plot.md").write_text(page_source("print(1)", draw))
    result, output, _ = execute(course, "10_plot")
    assert result.returncode == 0, result.stderr
    done = nbformat.read(output, as_version=4)
    assert "papermill" not in done.metadata
    assert all(set(cell.metadata) <= {"tags", "mystnb"} for cell in done.cells)
    image = done.cells[-1].outputs[0].data
    assert set(image) == {"image/png"}
    assert done.metadata.provenance.peak_memory_mb > 20


def test_a_page_that_does_not_exist_is_named():
    with pytest.raises(SystemExit, match="no page '99_no'; pages: "):
        notebook.read_source("99_no")


def snakemake(course, *targets):
    profile = ("--profile", "profiles/local", "--cores", "2")
    return run(course, sys.executable, "-m", "snakemake", *profile, *targets)


def times(course):
    folder = course / "_build" / "run" / "released"
    return {path.stem: path.stat().st_mtime_ns for path in folder.glob("*.ipynb")}


@pytest.mark.slow
def test_only_what_is_stale_is_redone(course):
    (course / "notebooks" / "10_a.md").write_text(page_source("from helpers import convolution"))
    (course / "notebooks" / "11_b.md").write_text(page_source("from helpers import sources"))
    first = snakemake(course)
    assert first.returncode == 0, first.stderr
    before = times(course)
    assert set(before) == {"10_a", "11_b"}
    for path in (*(course / "notebooks").iterdir(), *(course / "helpers").glob("*.py")):
        path.touch()
    assert snakemake(course).returncode == 0
    assert times(course) == before, "a touched file is not a changed file"
    with open(course / "helpers" / "convolution.py", "a") as file:
        file.write("\n# changed\n")
    assert snakemake(course).returncode == 0
    after = times(course)
    assert after["10_a"] != before["10_a"]
    assert after["11_b"] == before["11_b"]


@pytest.mark.slow
def test_a_failed_or_killed_record_leaves_the_old_one(course):
    page = course / "notebooks" / "10_a.md"
    record = course / "notebooks" / "10_a.ipynb"
    make = (sys.executable, "tools/record.py", "10_a")
    page.write_text(page_source("print(1)"))
    assert run(course, *make).returncode == 0
    old = record.read_bytes()

    page.write_text(page_source("print(2)", "1 / 0"))
    failed = run(course, *make)
    assert failed.returncode != 0
    assert "its record stands" in failed.stderr
    assert record.read_bytes() == old

    marker = course / "started"
    wait = f"import time, pathlib\npathlib.Path({str(marker)!r}).touch()\ntime.sleep(60)"
    page.write_text(page_source("print(3)", wait))
    env = {**os.environ, "PATH": BIN + os.pathsep + os.environ["PATH"], "PYTHONPATH": str(course)}
    process = subprocess.Popen(make, cwd=course, env=env, start_new_session=True)
    deadline = time.monotonic() + 120
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert marker.exists(), "the page never started"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert record.read_bytes() == old
    assert not (course / "_build" / "run" / "released" / "10_a.ipynb").exists()

    page.write_text(page_source("print(4)"))
    again = run(course, *make)
    assert again.returncode == 0, again.stderr
    assert nbformat.read(record, as_version=4).cells[-1].outputs[0].text == "4\n"


@pytest.mark.slow
def test_a_record_made_from_a_stand_in_is_refused(course):
    load = "from helpers import datasets\ndog = datasets.load_dog()"
    (course / "notebooks" / "10_a.md").write_text(page_source(load))
    environment = {"COURSE_DATA": "", "COURSE_CACHE": str(course / "cache")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        result = run(course, sys.executable, "tools/record.py", "10_a")
    assert result.returncode != 0
    assert "ran on a stand-in for dog" in result.stderr
    assert not (course / "notebooks" / "10_a.ipynb").exists()
