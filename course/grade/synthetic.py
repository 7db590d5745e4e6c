"""Make a class that never was, for tests and for `python -m course bench-grading`.

Every student hands in a notebook of one page, filled in from the course's own solutions: all of it,
part of it, nothing; some with a cell that does not parse, for another language, or with outputs of
many megabytes. Which student is of which kind follows from the number.
"""

import copy
import random

import nbformat

from course.build import student
from course.grade import probes
from helpers import personal

KINDS = {  # kind: how many of a hundred
    "right": 50,
    "partly right": 24,
    "empty": 8,
    "syntax error": 6,
    "another kernel": 4,
    "huge outputs": 8,
}


def identifier(number):
    """Return the identifier of a student, such as ``s0007``."""
    return f"s{number:04d}"


def kind_of(number):
    """Return what kind of student a number is."""
    place = number * 37 % 100
    for kind, share in KINDS.items():
        if place < share:
            return kind
        place -= share
    raise AssertionError("shares add up to a hundred")


def solved(page, who, left_out=()):
    """Return a student's notebook with the solutions of the graded exercises filled in.

    Parameters
    ----------
    page, who : str
    left_out : collection of str
        Names of exercises to leave as they are.
    """
    made = copy.deepcopy(student.student_notebook(page))
    solutions = {e.stub: e for e in probes.graded(page)}
    for cell in made.cells:
        exercise = solutions.get(cell.source)
        if exercise and exercise.name not in left_out:
            cell.source = exercise.solution
        cell.source = cell.source.replace(f'"{personal.EXAMPLE}"', repr(who))
    return made


def submission(page, number):
    """Return what a student hands in: a notebook, and the kind of student."""
    who, kind = identifier(number), kind_of(number)
    names = [e.name for e in probes.graded(page)]
    rng = random.Random(number)
    if kind == "empty":
        return student.student_notebook(page), kind
    if kind == "partly right":
        return solved(page, who, rng.sample(names, rng.randint(1, max(1, len(names) - 1)))), kind
    made = solved(page, who)
    if kind == "syntax error":
        graded = [
            c for c in made.cells if {"exercise", "graded"} <= set(c.metadata.get("tags", []))
        ]
        rng.choice(graded).source += "\nprint('not closed"
    elif kind == "another kernel":
        made.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}
    elif kind == "huge outputs":
        cell = next(c for c in made.cells if c.cell_type == "code")
        cell.outputs = [nbformat.v4.new_output("stream", text="on and on\n" * 300_000)]
    return made, kind


def write(folder, page, students):
    """Write a class into a folder; return the kinds by identifier."""
    kinds = {}
    for number in range(students):
        made, kinds[identifier(number)] = submission(page, number)
        place = folder / identifier(number)
        place.mkdir(parents=True)
        nbformat.write(made, place / f"{page}.ipynb")
    return kinds
