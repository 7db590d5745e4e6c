"""What the sandbox is given for a page: which answers to send, and inputs for the functions.

The inputs follow from the secret seed, so nobody knows them before the handing in. They are inputs
only: what should come out, nobody writes down anywhere.
"""

from functools import cache

import numpy as np

from course import exercises
from course.build import student
from course.grade import codec, term


def kind(exercise):
    """Return how an exercise is graded: ``"value"``, ``"function"`` or ``"files"``."""
    if exercise.hands_in:
        return "files"
    return "function" if exercise.check.cases else "value"


@cache
def graded(page):
    """Return the graded exercises of a page."""
    return [e for e in exercises.exercises(page) if e.graded]


def full_name(exercise):
    """Return ``module.name``."""
    return f"{exercise.module}.{exercise.name}"


@cache
def asked(page):
    """Return what to send of a page, for the job of the sandbox."""
    return [
        {"name": full_name(e), "answer": e.answer, "kind": kind(e)}
        for e in graded(page)
        if kind(e) != "files"
    ]


def files_asked(page):
    """Return the names of the files that the page's exercises ask for."""
    return [name for e in graded(page) for name in e.hands_in]


def cases(exercise):
    """Return the secret inputs of an exercise that asks for a function."""
    return exercise.check.cases(np.random.default_rng(term.seed_of(full_name(exercise))))


@cache
def probe_bytes(page):
    """Return the inputs of all functions of a page, as `codec` messages."""
    found = []
    for exercise in graded(page):
        if kind(exercise) == "function":
            arrays = []
            packed = [codec.pack(tuple(case), arrays) for case in cases(exercise)]
            found.append(codec.message({"name": full_name(exercise), "cases": packed}, arrays))
    return b"".join(found)


@cache
def released_cells(page):
    """Return the cells of the notebook that students received: (id, source, tags) of each."""
    return [
        (cell.id, cell.source.strip(), set(exercises.tags(cell)))
        for cell in student.student_notebook(page).cells
        if cell.cell_type == "code"
    ]
