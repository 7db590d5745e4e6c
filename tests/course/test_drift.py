"""Drift: a changed seed moves numbers, and they are named with what they may do."""

import nbformat
import pytest

from course import notebook
from course.run import drift
from tests.support.engine import command, course, write_page

__all__ = ["course"]  # the fixture


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("loss 0.50, 3 epochs", "loss 0.51, 3 epochs", [("0.50", "0.51")]),
        ("1,000 images", "1,001 images", [("1,000", "1,001")]),
        ("-2e-7", "+2e-7", [("-2e-7", "+2e-7")]),
        ("same 1", "same 1", []),
        ("up 1", "down 1", None),
    ],
)
def test_numbers_are_compared_one_by_one(before, after, moved):
    assert drift.moved_numbers(before, after) == moved


def test_a_metric_says_whether_it_is_within_its_tolerance():
    metric = {"name": "a.b", "value": 0.52, "expected": {"value": 0.5, "tolerance": 0.03}}
    assert drift.metric_line(metric, 0.5) == ("a.b: 0.5 → 0.52, within 0.5 ± 0.03", True)
    metric["value"] = 0.54
    assert drift.metric_line(metric, None) == ("a.b: 0.54, OUTSIDE 0.5 ± 0.03", False)
    metric["expected"] = None
    assert drift.metric_line(metric, None) == ("a.b: 0.54, nothing is expected on this data", True)


@pytest.mark.parametrize("page", notebook.pages())
def test_a_record_does_not_drift_from_itself(page):
    record = nbformat.read(notebook.NOTEBOOKS / f"{page}.ipynb", as_version=4)
    record.metadata.provenance.setdefault("metrics", [])
    found = drift.compare(record, record)
    assert found["numbers"] > 10
    assert not found["outside"] + found["free"] + found["beyond"]


MEASURE = """
from helpers import metrics
from helpers.sources import Source
source = Source("a", "b", "drawn here", "abcdef", 1, "c")
metrics.check("luck", draws.mean(), training="released", source=source)
"""


@pytest.mark.slow
def test_a_changed_seed_is_named_with_numbers_and_tolerances(course):
    (course / "data" / "metrics.toml").write_text(
        '[[luck]]\ntraining = "released"\ndata = "abc"\nvalue = 0.5\ntolerance = 0.2\n'
    )
    draw = "import numpy as np\ndraws = np.random.default_rng(0).random(100)\nprint(draws[0])"
    page = write_page(course, "10_luck", draw, "print(len(draws))", MEASURE.strip())
    made = command(course, "record", "10_luck")
    assert made.returncode == 0, made.stderr
    again = command(course, "drift")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "none moved" in again.stdout

    page.write_text(page.read_text().replace("default_rng(0)", "default_rng(1)"))
    other = command(course, "drift")
    assert other.returncode == 1
    told = other.stdout.splitlines()
    assert any("OUTSIDE (compared exactly)" in s and "0.6369616873214543 → " in s for s in told)
    assert any("luck: " in s and " → " in s and "within 0.5 ± 0.2" in s for s in told)
    assert not any("print(len(draws))" in s for s in told)

    page.write_text(page.read_text().replace("draws.mean()", "draws.mean() + 1"))
    far = command(course, "drift")
    assert far.returncode == 1
    assert "expected 0.5 ± 0.2" in far.stdout + far.stderr
    assert "10_luck: was not run" in far.stdout
