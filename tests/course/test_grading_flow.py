"""The whole way from a folder of submissions to a gradebook, through the graph of rules."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from course.bench import grading as bench_grading
from course.grade import synthetic
from tests.support import grading_class
from tests.support.grading_class import PAGE, SEED

pytestmark = [pytest.mark.slow, grading_class.needs_sandbox]
STUDENTS = 30


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course, the keys of a term, and a class that has handed in."""
    place = tmp_path_factory.mktemp("term")
    course = bench_grading.copy_of_course(place / "course")
    (place / "keys").mkdir()
    (place / "keys" / "seed.txt").write_text(SEED)
    synthetic.write(place / "class", PAGE, STUDENTS)
    return course


def environment(course):
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    keys = str(course.parent / "keys")
    return {**os.environ, "PATH": path, "PYTHONPATH": str(course), "COURSE_KEYS": keys}


def collect(course):
    script = [sys.executable, "-m", "course", "collect", str(course.parent / "class")]
    subprocess.run(script, cwd=course, env=environment(course), check=True)


RULES = [sys.executable, "-m", "snakemake", "--profile", "profiles/local", "--cores", "2", "--"]
BOOK = "_build/grading/gradebook.sqlite"


def grade(course):
    collect(course)
    done = subprocess.run(
        [*RULES, BOOK], cwd=course, env=environment(course), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return (course / BOOK).read_bytes()


def answers(course):
    """Return which submissions have been run, and when."""
    found = (course / "_build" / "grading" / "answers").glob("*/*/answers.json")
    return {path: path.stat().st_mtime_ns for path in found}


def test_a_killed_grading_goes_on_and_gives_the_same_book(course):
    whole = grade(course)
    with sqlite3.connect(course / BOOK) as book:
        assert book.execute("select count(*) from grades").fetchone() == (STUDENTS,)
        for number in range(STUDENTS):
            row = book.execute(
                "select points, of from grades where student = ?", [synthetic.identifier(number)]
            )
            points, of = row.fetchone()
            kind = synthetic.kind_of(number)
            assert (points == of) == (kind in ("right", "huge outputs")), (number, kind)
            if kind in ("empty", "another kernel"):
                assert points == 0
    shutil.rmtree(course / "_build")
    collect(course)
    rng, kept = random.Random(3), {}
    for done in sorted(rng.sample(range(1, STUDENTS), 3)):
        process = subprocess.Popen(
            [*RULES, BOOK],
            cwd=course,
            env=environment(course),
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        while len(answers(course)) < done and process.poll() is None:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 1))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for path, when in kept.items():
            assert path.stat().st_mtime_ns == when, "what had been run was run again"
        kept = answers(course)
        assert len(kept) >= done
    assert grade(course) == whole
    for path, when in kept.items():
        assert path.stat().st_mtime_ns == when, "what had been run was run again"
    assert len(list((course / "_build" / "grading" / "feedback").iterdir())) == STUDENTS


def test_one_new_submission_runs_one_submission(course):
    grade(course)
    before = answers(course)
    synthetic.write(course.parent / "late", PAGE, STUDENTS + 1)
    newest = synthetic.identifier(STUDENTS)
    shutil.copytree(course.parent / "late" / newest, course.parent / "class" / newest)
    grade(course)
    after = answers(course)
    assert {p: after[p] for p in before} == before
    assert len(after) == len(before) + 1
