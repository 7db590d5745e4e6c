"""Running pages: failures are named, old results stand, and only what is stale is redone."""

import os
import shutil
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from pathlib import Path
from random import Random

import nbformat
import pytest

from course import notebook
from tests.support.engine import (
    SNAKEMAKE,
    command,
    course,
    environment_of,
    execute,
    page_source,
    run,
    snakemake,
    write_page,
)

__all__ = ["course"]  # the fixture


def test_a_page_with_an_error_is_named_and_leaves_no_result(course):
    write_page(course, "10_bad", "def f(x):\n    return x / 0", "y = 1\nf(y)", "print(x)")
    result, output, log = execute(course, "10_bad")
    assert result.returncode != 0
    said = "10_bad: cell [2], notebooks/10_bad.md:22 `f(y)` raised ZeroDivisionError"
    assert said in result.stderr
    assert not output.exists()
    assert log.exists(), "the partial notebook is kept"


def test_the_dial_is_set_and_a_page_without_it_is_refused(course):
    write_page(course, "10_dial", "print(TRAINING)", parameters='TRAINING = "released"')
    result, output, _ = execute(course, "10_dial", "quick")
    assert result.returncode == 0, result.stderr
    cells = nbformat.read(output, as_version=4).cells
    assert cells[-1].outputs[0].text == "quick\n"
    write_page(course, "10_dial", "print(1)", parameters="OTHER = 2")
    result, _, _ = execute(course, "10_dial", "quick")
    assert result.returncode != 0
    assert "unknown parameter TRAINING" in result.stderr


@pytest.mark.slow
def test_a_parameter_is_set_as_its_default_is_typed(course):
    parameters = 'TRAINING = "quick"\nRATE: float = 0.1\nSEED = 0'
    write_page(course, "10_dial", "print(RATE, SEED)", parameters=parameters)
    result, output, _ = execute(course, "10_dial", "quick", "-p", "RATE", "1", "-p", "SEED", "7")
    assert result.returncode == 0, result.stderr
    assert nbformat.read(output, as_version=4).cells[-1].outputs[0].text == "1.0 7\n"
    output.unlink()
    for wrong, said in (
        (("SEED", "many"), "SEED = 'many' is str; the cell tagged `parameters` has SEED = 0"),
        (
            ("SPEED", "1"),
            "unknown parameter SPEED; the cell tagged `parameters` has RATE, SEED, TR",
        ),
    ):
        result, output, _ = execute(course, "10_dial", "quick", "-p", *wrong)
        assert result.returncode != 0
        assert said in result.stderr
        assert not output.exists()


@pytest.mark.slow
def test_a_cell_that_takes_too_long_is_named(course):
    code = "import time\nprint('before')\ntime.sleep(60)"
    write_page(course, "10_slow", "x = 1", code)
    result, output, log = execute(course, "10_slow", "released", "--timeout", "2")
    assert result.returncode != 0
    said = "10_slow: cell [2], notebooks/10_slow.md:22 `time.sleep(60)` took longer than 2 seconds"
    assert said in result.stderr
    assert not output.exists()
    partial = nbformat.read(log, as_version=4)
    assert partial.cells[-1].outputs[0].text == "before\n"


def test_a_kernel_that_is_not_there_is_named(course):
    page = write_page(course, "10_other", "print(1)")
    page.write_text(page.read_text().replace("  name: python3", "  name: julia-1.9"))
    result, output, _ = execute(course, "10_other")
    assert result.returncode != 0
    assert "10_other: there is no kernel 'julia-1.9' here" in result.stderr
    assert not output.exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk_is_named_and_the_old_result_stands(course):
    """Fill the disk before the run, and by the run itself."""
    big = "import base64, os\nprint(base64.b64encode(os.urandom(3_000_000)).decode())"
    write_page(course, "10_big", "print(1)", big)
    disk = course / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=True)
    try:
        output = disk / "out.ipynb"
        output.write_text("the old result")
        log = disk / "log" / "10_big.ipynb"
        result = command(course, "execute", "10_big", "released", str(output), "--log", str(log))
        assert result.returncode != 0
        assert "10_big: No space left on device" in result.stderr, result.stderr
        assert output.read_text() == "the old result"
        assert not list(disk.rglob(".part-*"))
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.slow
def test_a_failing_cell_is_not_tried_again_but_a_killed_run_is(course):
    count = f"open({str(course / 'runs')!r}, 'a').write('x')"
    page = write_page(course, "10_bad", count, "1 / 0")
    assert execute(course, "10_bad")[0].returncode != 0
    again = execute(course, "10_bad", "released", "--attempt", "2")[0]
    assert "ZeroDivisionError" in again.stderr and "not tried again" in again.stderr
    assert (course / "runs").read_text() == "x"
    page.write_text(page_source(count))
    assert execute(course, "10_bad", "released", "--attempt", "2")[0].returncode == 0
    assert (course / "runs").read_text() == "xx"


def test_an_executed_page_is_clean(course):
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    write_page(course, "10_plot", "print(1)", draw)
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


def times(course):
    folder = course / "_build" / "run" / "released"
    return {path.stem: path.stat().st_mtime_ns for path in folder.glob("*.ipynb")}


def in_doubt(course):
    """Return pages that Snakemake may find done and not know it: a kill can come in between."""
    marks = (course / ".snakemake" / "incomplete").glob("*")
    return {Path(urlsafe_b64decode(mark.name).decode()).stem for mark in marks}


@pytest.mark.slow
def test_only_what_is_stale_is_redone(course):
    write_page(course, "10_a", "from helpers import convolution")
    write_page(course, "11_b", "from helpers import sources")
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
def test_a_fresh_clone_runs_only_the_pages_whose_record_is_stale(course):
    for name, module in (("10_a", "convolution"), ("11_b", "sources")):
        write_page(course, name, f"from helpers import {module}")
        assert command(course, "record", name).returncode == 0
    for folder in ("_build", ".snakemake"):
        shutil.rmtree(course / folder)
    for path in course.rglob("*"):  # a clone has new times
        path.touch()
    assert snakemake(course).returncode == 0
    assert times(course) == {}, "records that follow from their inputs are not run again"
    with open(course / "helpers" / "convolution.py", "a") as file:
        file.write("\n# changed\n")
    told = command(course, "stale").stdout.splitlines()
    assert told == [
        "10_a: stale: helpers/convolution.py",
        "11_b: current",
        "1 of 2 records are stale",
    ]
    made = command(course, "record")
    assert made.returncode == 0, made.stderr
    assert set(times(course)) == {"10_a"}
    assert "recorded notebooks/10_a.ipynb" in made.stdout
    assert "Every record follows" in command(course, "record").stdout


@pytest.mark.slow
def test_a_failed_or_killed_record_leaves_the_old_one(course):
    record = course / "notebooks" / "10_a.ipynb"
    make = (sys.executable, "-m", "course", "record", "10_a")
    page = write_page(course, "10_a", "print(1)")
    assert run(course, *make).returncode == 0
    old = record.read_bytes()

    page.write_text(page_source("print(2)", "1 / 0"))
    failed = run(course, *make)
    assert failed.returncode != 0
    assert "10_a stand as they were" in failed.stderr
    assert record.read_bytes() == old

    marker = course / "started"
    wait = f"import time, pathlib\npathlib.Path({str(marker)!r}).touch()\ntime.sleep(60)"
    page.write_text(page_source("print(3)", wait))
    process = subprocess.Popen(make, cwd=course, env=environment_of(course), start_new_session=True)
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
    write_page(course, "10_a", load)
    environment = {"COURSE_DATA": "", "COURSE_CACHE": str(course / "cache")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        result = command(course, "record", "10_a")
    assert result.returncode != 0
    assert "ran on a stand-in for dog" in result.stderr
    assert not (course / "notebooks" / "10_a.ipynb").exists()


@pytest.mark.slow
def test_a_run_killed_at_three_random_moments_ends_as_one_that_was_not(course):
    pages = ("10_a", "11_b", "12_c", "13_d")
    started = course / "started"
    for page in pages:
        cells = (
            f"open({str(started)!r}, 'a').write('{page} ')",
            "import time\nimport numpy as np\ntime.sleep(1)",
            f"print({page!r}, np.random.default_rng(7).random(3))",
        )
        write_page(course, page, *cells)
    began = time.monotonic()
    assert snakemake(course).returncode == 0
    seconds = time.monotonic() - began
    folder = course / "_build" / "run" / "released"
    whole = {page: cells_of(folder / f"{page}.ipynb") for page in pages}
    for name in ("_build", ".snakemake"):
        shutil.rmtree(course / name)
    started.unlink()

    random = Random(0)
    env = environment_of(course)
    finished = {}
    for _ in range(3):
        process = subprocess.Popen(
            SNAKEMAKE, cwd=course, env=env, start_new_session=True, stderr=subprocess.DEVNULL
        )
        time.sleep(random.uniform(0.3, 0.8) * seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for page, when in finished.items():
            assert times(course)[page] == when, f"{page} had finished and was run again"
        finished = {p: when for p, when in times(course).items() if p not in in_doubt(course)}
        for path in folder.glob("*.ipynb"):
            nbformat.validate(nbformat.read(path, as_version=4))

    assert finished, "every kill came before a page was finished"
    assert snakemake(course).returncode == 0
    assert {page: cells_of(folder / f"{page}.ipynb") for page in pages} == whole
    assert finished.items() <= times(course).items()
    assert not list((course / "_build").rglob(".part-*"))


def cells_of(path):
    return nbformat.read(path, as_version=4).cells


@pytest.mark.slow
def test_a_result_is_also_written_elsewhere(course):
    write_page(course, "10_a", "print(1)")
    result, output, _ = execute(course, "10_a", "released", "--store", str(course / "store"))
    assert result.returncode == 0, result.stderr
    copy = course / "store" / "released" / "10_a.ipynb"
    assert cells_of(copy) == cells_of(output)
    refused = execute(course, "10_a", "released", "--store", "s3://bucket/course")[0]
    assert refused.returncode != 0
    assert "s3://bucket/course/released/10_a.ipynb" in refused.stderr
    assert "STORE=s3://" in refused.stderr


@pytest.mark.parametrize("command", ["record", "stale", "drift"])
def test_a_table_of_contents_that_does_not_fit_is_said_in_a_line(course, command):
    write_page(course, "10_a", "print(1)")
    (course / "notebooks" / "11_b.md").write_text(page_source("print(2)"))
    said = "notebooks/11_b.md is in no part of _toc.yml: add the line"
    done = run(course, sys.executable, "-m", "course", command)
    assert done.returncode == 2
    assert done.stderr.startswith(said) and done.stderr.count("\n") == 1


def test_the_graph_says_in_a_line_what_is_wrong_with_the_table_of_contents(course):
    write_page(course, "10_a", "print(1)").unlink()
    done = snakemake(course)
    assert done.returncode == 2
    assert "_toc.yml lists notebooks/10_a.ipynb, and there is no notebooks/10_a.md" in done.stderr
    assert "Traceback" not in done.stderr and "File " not in done.stderr
