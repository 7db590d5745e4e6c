"""Measure the grader: `python -m course bench-grading [--students 1000] [--page PAGE]`.

Makes a class, grades it by the same rules as `make grade`, and counts CPU seconds of everything
that was started.
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
from pathlib import Path

from course import ROOT
from course.grade import synthetic
from helpers import environment
from helpers.sources import written_whole

PAGE = "kernels"  # needs no TensorFlow


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
    rooms = ("inside", "helpers", "chirps", "widgets", "course")
    for name in (*rooms, "profiles", "data", "notebooks"):
        shutil.copytree(ROOT / name, place / name, ignore=ignore)
    (place / "book").mkdir()
    for name in (
        "Snakefile",
        "uv.lock",
        "pyproject.toml",
        "_config.yml",
        "_toc.yml",
        "book/references.bib",
    ):
        shutil.copy(ROOT / name, place / name)
    return place


def grade(place, folder):
    """Grade a folder of submissions; return wall and CPU seconds, and the memory of the largest."""
    course = copy_of_course(place / "course")
    (place / "keys").mkdir()
    (place / "keys" / "seed.txt").write_text("the secret of a class that never was")
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(course)}
    env["COURSE_KEYS"] = str(place / "keys")
    rules = ["snakemake", "--profile", "profiles/local", "--cores", "2", "--"]
    wall, cpu = 0, 0
    for command in (
        ["course", "collect", str(folder)],
        [*rules, "_build/grading/gradebook.sqlite"],
    ):
        seconds, more = spent([sys.executable, "-m", *command], cwd=course, env=env)
        wall, cpu = wall + seconds, cpu + more
    measured = [
        json.loads(p.read_text()) for p in (course / "_build/grading").rglob("measured.json")
    ]
    summary = (course / "_build/grading/summary.txt").read_text()
    graded = (course / "_build/grading/grades.csv").read_text().count("\n") - 1
    return wall, cpu, max(m["memory"] for m in measured), graded, summary


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--page", default=PAGE)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        synthetic.write(place / "class", args.page, args.students)
        wall, cpu, memory, graded, summary = grade(place, place / "class")
    print(summary)
    hardware = environment.describe(["numpy"], None)["hardware"]
    text = (
        f"{args.page} on {hardware}; a sandbox held at most {memory / 1e6:.0f} MB.\n\n"
        "| | submissions | wall (s) | in a minute | CPU (s) each |\n|---|---:|---:|---:|---:|\n"
        f"| make grade | {graded} | {wall:.0f} | {60 * graded / wall:.0f} "
        f"| {cpu / args.students:.2f} |\n"
    )
    print(text)
    with written_whole(ROOT / "_build" / "bench_grading.md") as part:
        part.write_text(text, encoding="utf-8")
