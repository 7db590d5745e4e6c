"""The records guard themselves: one altered value fails, and without real data all cells run."""

import os
import random
import re
import subprocess
import sys

import nbformat
import pytest

from course import notebook
from course.run import tests as run_tests

pytestmark = pytest.mark.slow
NBVAL = [sys.executable, "-m", "pytest", "-p", "no:randomly", "--nbval-current-env"]


def compare(path, flag, **environment):
    return subprocess.run(
        [*NBVAL, flag, "--rootdir", str(path.parent), str(path)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def alter_one_digit(record, only_checked):
    """Change one digit of a compared output, and end the record there; return the cell's number."""
    candidates = []
    record.cells = [cell for cell in record.cells if cell.cell_type == "code"]
    for number, cell in enumerate(record.cells):
        tags = cell.metadata.get("tags", [])
        if "nbval-ignore-output" in tags or (only_checked and "nbval-check-output" not in tags):
            continue
        candidates += [
            (number, output, digit)
            for output in cell.outputs
            if output.output_type == "stream"
            for digit in re.finditer(r"\d", output.text)
        ]
    number, output, digit = random.Random(0).choice(candidates)
    changed = str((int(digit.group()) + 1) % 10)
    output.text = output.text[: digit.start()] + changed + output.text[digit.end() :]
    del record.cells[number + 1 :]
    return number


@pytest.mark.parametrize("page", notebook.pages())
def test_an_altered_digit_fails(page, tmp_path):
    whole = run_tests.comparable(page)
    record = nbformat.read(notebook.NOTEBOOKS / f"{page}.ipynb", as_version=4)
    number = alter_one_digit(record, only_checked=not whole)
    nbformat.write(record, tmp_path / f"{page}.ipynb")
    result = compare(tmp_path / f"{page}.ipynb", "--nbval" if whole else "--nbval-lax")
    assert result.returncode == 1, result.stdout
    assert re.search(r"\b1 failed", result.stdout), result.stdout[-3000:]
    assert re.search(rf"Cell {number}\b", result.stdout)


@pytest.mark.parametrize("page", notebook.pages())
def test_without_real_data_every_cell_runs(page, tmp_path):
    record = tmp_path / f"{page}.ipynb"
    record.write_bytes((notebook.NOTEBOOKS / f"{page}.ipynb").read_bytes())
    nowhere = {"COURSE_DATA": "", "COURSE_CACHE": str(tmp_path / "cache"), "COURSE_OFFLINE": "1"}
    result = compare(record, "--nbval-lax", **nowhere)
    assert result.returncode == 0, result.stdout[-3000:]
