"""Run the tests: `python -m course test fast`, `slow` or `release`.

fast: lint, unit and property tests, and every record against a fresh run. Where the data at hand is
      the data of the record, all its compared cells must agree; elsewhere every cell must run, and
      those tagged `nbval-check-output` must agree.
slow: mutated records must fail, killed runs must leave nothing half-written, quick runs, the built
      site.
release: what is slow by nature and needs more than the others: a real Slurm of two nodes.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from course import ROOT, notebook
from course.run.dependencies import data_sets
from course.run.digest import data_at_hand

PYTHON = [sys.executable, "-m"]
BIN = Path(sys.executable).parent
DEPTRY = [*PYTHON, "deptry", "--no-ansi"]
PYTEST = [*PYTHON, "pytest", "-n", "2", "--dist", "loadfile"]
# What is looked at before anything is run.
LINT = {
    "lint": [*PYTHON, "ruff", "check", "."],
    "format": [*PYTHON, "ruff", "format", "--check", "."],
    "imports only go down": [BIN / "lint-imports", "--no-cache"],
    "what students import is declared": [*DEPTRY, "inside", "helpers", "chirps", "widgets"],
    "all imports are declared": [*DEPTRY, "course", "tests", "--ignore", "DEP002,DEP004"],
}


def comparable(page):
    """Whether the data at hand is what the record of `page` was made from."""
    record = json.loads((notebook.NOTEBOOKS / f"{page}.ipynb").read_text(encoding="utf-8"))
    recorded = record["metadata"]["provenance"]["data"]
    return all(recorded.get(name) == data_at_hand(name) for name in data_sets(page))


def record_commands():
    """Return one pytest command for the records to compare whole, one for the others."""
    recorded = [p for p in notebook.pages() if (notebook.NOTEBOOKS / f"{p}.ipynb").is_file()]
    whole = [page for page in recorded if comparable(page)]
    others = [page for page in recorded if page not in whole]
    commands = {}
    for flag, chosen, title in (
        ("--nbval", whole, "records compared whole"),
        ("--nbval-lax", others, "records run on other data, exact cells compared"),
    ):
        if chosen:
            files = [f"notebooks/{page}.ipynb" for page in chosen]
            command = [*PYTEST, flag, "--nbval-current-env", "--nbval-cell-timeout", "600", *files]
            commands[f"{title}: {', '.join(chosen)}"] = command
    return commands


def main():
    os.chdir(ROOT)
    os.environ.setdefault("COURSE_OFFLINE", "1")  # tests wait for no network
    notebook.prepare_environment()
    if sys.argv[1:] == ["slow"]:
        steps = {"slow tests": [*PYTEST, "-m", "slow", "--durations=40", "tests"]}
    elif sys.argv[1:] == ["release"]:
        steps = {"a real Slurm": [*PYTHON, "pytest", "-m", "slurm", "tests/course/test_slurm.py"]}
    else:
        steps = {**LINT, "unit and property tests": [*PYTEST, "tests"], **record_commands()}
    failed = []
    for title, command in steps.items():
        print(f"\n== {title}", flush=True)
        started = time.perf_counter()
        code = subprocess.run(command).returncode
        print(f"== {time.perf_counter() - started:.0f} s", flush=True)
        if code:
            failed.append(title)
    sys.exit(f"failed: {'; '.join(failed)}" if failed else 0)
