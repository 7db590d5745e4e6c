"""A student works through every page, from the released archive alone.

Untouched, every check says "not attempted"; filled in from the key, every check says "right"; and
with one operator or constant of a solution changed, nearly every check says no.
"""

import json
import os
import subprocess
import sys
import zipfile

import nbclient
import nbformat
import pytest

from course import exercises, notebook
from course.build import student
from tests.support import ROOT, mutation

pytestmark = pytest.mark.slow
REJECTED = 0.95  # of all mutants
SECONDS, SECONDS_OF_A_NETWORK = 1, 20  # for a check


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The released archive, unpacked, and the instructor's key beside it."""
    folder = tmp_path_factory.mktemp("released")
    student.release(folder / "release")
    with zipfile.ZipFile(folder / "release" / student.ZIP) as packed:
        packed.extractall(folder)
    student.write_notebooks(folder / "key", student.key_notebook)
    return folder


@pytest.mark.parametrize("page", notebook.pages())
def test_untouched_solved_and_mutated(page, archive):
    unpacked = archive / "convolutions-to-chirps"
    of_page = exercises.exercises(page)
    mutants = {e.name: list(mutation.mutants(e.source)) for e in of_page if not e.check.hands_in}
    (archive / f"{page}.mutants.json").write_text(json.dumps(mutants))
    report = archive / f"{page}.report.json"
    script = [sys.executable, "-P", str(ROOT / "tests" / "support" / "practise.py")]
    handed_out = notebook.handed_out(page)
    files = [handed_out, str(archive / "key" / handed_out), str(report)]
    done = subprocess.run(
        [*script, *files, "--mutants", str(archive / f"{page}.mutants.json")],
        cwd=unpacked,
        env={**os.environ, "PYTHONPATH": str(unpacked)},  # the archive's modules, not these
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(report.read_text())
    assert [f["name"] for f in found] == [e.name for e in of_page]
    for exercise, result in zip(of_page, found, strict=True):
        assert [s for _, s, _ in result["untouched"]] == ["not attempted"], result
        assert [s for _, s, _ in result["solved"]] == ["right"], result
        evaluates_a_network = "keras" in exercises_module(exercise)
        limit = SECONDS_OF_A_NETWORK if evaluates_a_network else SECONDS
        assert result["solved"][0][2] <= limit, result
    tried = sum(f["mutants"] for f in found)
    passed = [f"{f['name']}, {what}" for f in found for what in f["survivors"]]
    slowest = max((f["solved"][0][2], f["name"]) for f in found)
    print(f"{page}: {tried - len(passed)} of {tried} mutants refused;", *passed, sep="\n  ")
    print(f"slowest check: {slowest[1]}, {slowest[0]:.2f} s")
    assert tried - len(passed) >= REJECTED * tried, passed


def exercises_module(exercise):
    """Return the source of the module of checks of an exercise."""
    return (ROOT / "helpers" / "checks" / f"{exercise.module}.py").read_text(encoding="utf-8")


def test_an_untouched_notebook_runs_in_jupyter(archive):
    """One page with Jupyter itself; the others above ran the same cells without it."""
    page = nbformat.read(archive / "convolutions-to-chirps" / "01_convolution.ipynb", as_version=4)
    folder = str(archive / "convolutions-to-chirps")
    resources = {"metadata": {"path": folder}}
    nbclient.NotebookClient(page, timeout=300, kernel_name="python3", resources=resources).execute()
    said = [o.text for c in page.cells for o in c.get("outputs", []) if "text" in o]
    verdicts = [t for t in said if "Not attempted" in t]
    assert len(verdicts) == len(exercises.exercises("convolution"))


# --- the mutations themselves -------------------------------------------------------------------


def test_every_operator_and_constant_of_a_solution_is_changed_once():
    source = (
        "def f(x, y):\n    '''Doc 1.'''\n    z = 7\n    ### BEGIN SOLUTION\n"
        "    if not x < 2:\n        return -x + y\n    return 'a'\n    ### END SOLUTION"
    )
    found = dict(mutation.mutants(source))
    assert len(found) == 6, found
    assert all("z = 7" in changed and "Doc 1." in changed for changed in found.values())
    texts = " ".join(found.values())
    for piece in ("if x < 2", "x <= 2", "x < 3", "x + y", "-x - y", "'b'"):
        assert piece in texts, piece
