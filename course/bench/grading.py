"""Measure the grader: `python -m course bench-grading [--students 1000] [--peer] [--page PAGE]`.

Makes a class, grades it by the same rules as `make grade`, and counts CPU seconds of everything
that was started. With --peer the same submissions go through `nbgrader autograde` in the same run,
in an environment of its own under ``_build``: the notebooks as they were handed in, which nbgrader
runs from the first cell to the last, and again with nothing left in them but the graded cells.
nbgrader's own metadata is added, and a cell of assertions in place of each check.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import nbformat
import numpy as np

from course import ROOT, exercises
from course.build import student
from course.grade import probes, synthetic
from helpers import environment
from helpers.sources import written_whole

PAGE = "kernels"  # needs no TensorFlow
PEER = ROOT / "_build" / "nbgrader"


def spent(command, **options):
    """Run a command; return wall seconds and CPU seconds of it and all that it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, **options)
    wall = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def copy_of_course(place):
    """Copy what grading needs, so that nobody's gradebook is touched."""
    ignore = shutil.ignore_patterns("__pycache__", "models", "*.ipynb")
    for name in ("tools", "helpers", "profiles", "data", "notebooks"):
        shutil.copytree(ROOT / name, place / name, ignore=ignore)
    (place / "book").mkdir()
    for name in ("Snakefile", "uv.lock", "_config.yml", "book/references.bib"):
        shutil.copy(ROOT / name, place / name)
    return place


def ours(place, folder):
    """Grade a folder of submissions; return wall and CPU seconds, and the memory of the largest."""
    course = copy_of_course(place / "course")
    (place / "keys").mkdir()
    (place / "keys" / "seed.txt").write_text("the secret of a class that never was")
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    env = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": str(course),
        "COURSE_KEYS": str(place / "keys"),
    }
    rules = ["snakemake", "--profile", "profiles/local", "--cores", "2", "--"]
    wall, cpu = 0, 0
    for command in (
        [sys.executable, "-m", "course", "collect", str(folder)],
        [sys.executable, "-m", *rules, "_build/grading/gradebook.sqlite"],
    ):
        seconds, more = spent(command, cwd=course, env=env)
        wall, cpu = wall + seconds, cpu + more
    measured = [
        json.loads(p.read_text()) for p in (course / "_build/grading").rglob("measured.json")
    ]
    summary = (course / "_build/grading/summary.txt").read_text()
    graded = (course / "_build/grading/grades.csv").read_text().count("\n") - 1
    return wall, cpu, max(m["memory"] for m in measured), graded, summary


# --- nbgrader -----------------------------------------------------------------------------------


def install_peer():
    """Install nbgrader beside, if it is not there; return its Python."""
    python = PEER / "bin" / "python"
    if not (PEER / "bin" / "nbgrader").is_file():
        uv = ROOT / ".boot" / "bin" / "uv"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, PEER], check=True)
        packages = [f"{p}=={version(p)}" for p in student.PACKAGES.values() if p != "keras"]
        install = [uv, "pip", "install", "--quiet", "--python", python, "nbgrader", "ipykernel"]
        subprocess.run([*install, *packages], check=True)
    return python


def peers_notebook(made, page, graded_only):
    """Return a notebook with nbgrader's metadata, and assertions in place of the checks."""
    order, cells, number = list(probes.graded(page)), [], 0
    for cell in made.cells:
        tags = exercises.tags(cell)
        if cell.cell_type != "code" or "setup" in tags or (graded_only and "graded" not in tags):
            continue
        if "graded" in tags and cell.source.startswith("check."):
            exercise = order[number]
            number += 1
            cells.append(peer_cell(assertions(exercise), f"test-{exercise.name}", exercise))
        elif {"graded", "exercise"} <= set(tags):
            cells.append(peer_cell(cell.source, order[number].name, None, solution=True))
        else:
            cells.append(nbformat.v4.new_code_cell(cell.source))
    return nbformat.v4.new_notebook(cells=cells, metadata=dict(made.metadata))


def peer_cell(source, name, exercise, solution=False):
    """Return a cell that nbgrader knows as a solution, or as a test that is worth points."""
    about = {"grade": exercise is not None, "grade_id": name, "locked": exercise is not None}
    about |= {"schema_version": 3, "solution": solution, "task": False}
    if exercise is not None:
        about["points"] = exercise.check.points
    return nbformat.v4.new_code_cell(source, metadata={"nbgrader": about})


def assertions(exercise):
    """Return assertions that ask for no more than our check does."""
    if not exercise.check.cases:
        return f"assert np.asarray({exercise.answer}).sum() > 0"
    n = len(exercise.check.cases(np.random.default_rng(0)))
    return f"assert callable({exercise.answer})\n" * n


def theirs(place, page, students, graded_only):
    """Grade the same submissions with nbgrader; return wall and CPU seconds, and how many."""
    python, course = install_peer(), place / f"peer-{graded_only}"
    empty = peers_notebook(student.student_notebook(page), page, graded_only)
    (course / "source" / "ps1").mkdir(parents=True)
    nbformat.write(empty, course / "source" / "ps1" / "ps1.ipynb")
    for number in range(students):
        made, _ = synthetic.submission(page, number)
        folder = course / "submitted" / synthetic.identifier(number) / "ps1"
        folder.mkdir(parents=True)
        nbformat.write(peers_notebook(made, page, graded_only), folder / "ps1.ipynb")
    (course / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.course_id = "course"\n'
        "c.ClearSolutions.enforce_metadata = False\nc.ExecutePreprocessor.timeout = 60\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{python.parent}:/usr/bin:/bin"}
    tool = [str(python), "-m", "nbgrader"]
    spent([*tool, "generate_assignment", "ps1"], cwd=course, env=env)
    result = spent([*tool, "autograde", "ps1", "--create"], cwd=course, env=env)
    done = len(list((course / "autograded").glob("*/ps1/ps1.ipynb")))
    return *result, done


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--page", default=PAGE)
    parser.add_argument("--peer", action="store_true")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        synthetic.write(place / "class", args.page, args.students)
        wall, cpu, memory, graded, summary = ours(place, place / "class")
        rows.append(("make grade", graded, wall, cpu / args.students))
        print(summary)
        for words, graded_only in (("whole notebooks", False), ("graded cells", True)):
            if args.peer:
                seconds, more, n = theirs(place, args.page, args.students, graded_only)
                rows.append((f"nbgrader autograde, {words}", n, seconds, more / args.students))
    hardware = environment.describe(["numpy"], None)["hardware"]
    lines = [f"{args.page} on {hardware}; a sandbox held at most {memory / 1e6:.0f} MB.", ""]
    lines += [
        "| | submissions | wall (s) | in a minute | CPU (s) each | ratio |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, n, seconds, each in rows:
        ratio = each / rows[0][3]
        numbers = f"{n} | {seconds:.0f} | {60 * n / seconds:.0f} | {each:.2f} | {ratio:.1f}"
        lines.append(f"| {name} | {numbers} |")
    text = "\n".join(lines) + "\n"
    print(text)
    with written_whole(ROOT / "_build" / "bench_grading.md") as part:
        part.write_text(text, encoding="utf-8")
