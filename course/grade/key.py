"""The key to a term: what the course's solutions make of the secret inputs and own numbers."""

import contextlib
import io
import json

import numpy as np

from course import exercises, notebook
from course.grade import probes, term
from course.grade.term import TermError
from helpers import personal
from helpers.sources import written_whole

__all__ = ["TermError", "answers", "write"]


def solved(page, who):
    """Return the names that the graded cells of a page define, filled in for a student."""
    names = {}
    of_files = {e.source for e in probes.graded(page) if probes.kind(e) == "files"}
    for cell in notebook.read_source(page).cells:
        tags = exercises.tags(cell)
        if cell.cell_type != "code" or "graded" not in tags or cell.source in of_files:
            continue
        if not cell.source.startswith("check."):
            source = exercises.unmarked(cell.source) if "exercise" in tags else cell.source
            source = source.replace(f'"{personal.EXAMPLE}"', repr(who))
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(source, page, "exec"), names)
    return names


def answers(students):
    """Return what is right: for functions by secret input, for personal numbers by student.

    Parameters
    ----------
    students : iterable of str

    Returns
    -------
    dict
        By ``module.name``; plain JSON.
    """
    found = {}
    for page in notebook.pages():
        graded = probes.graded(page)
        if not graded:
            continue
        names = solved(page, personal.EXAMPLE)
        for exercise in graded:
            if probes.kind(exercise) == "function":
                function = names[exercise.answer]
                found[probes.full_name(exercise)] = [
                    {"inputs": plain(case), "output": plain(function(*case))}
                    for case in probes.cases(exercise)
                ]
        personal_ones = [e for e in graded if probes.kind(e) == "value"]
        for who in students if personal_ones else ():
            names = solved(page, who)
            for exercise in personal_ones:
                values = found.setdefault(probes.full_name(exercise), {})
                values[who] = plain(names[exercise.answer])
    return found


def plain(value):
    """Return arrays as lists, for JSON."""
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def write(path):
    """Write the key of the term; the students are those of the roster."""
    term.secret()
    students = list(term.roster()) or [personal.EXAMPLE]
    with written_whole(path) as part:
        part.write_text(json.dumps(answers(students), indent=1), encoding="utf-8")
