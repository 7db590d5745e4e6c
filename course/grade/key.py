"""The key to a term: what the course's solutions make of the secret inputs and own numbers."""

import contextlib
import io
import json

from course import exercises, notebook
from course.grade import files, probes, term
from helpers import personal


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
        By ``module.name``.
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
                    {"inputs": case, "output": function(*case)} for case in probes.cases(exercise)
                ]
        personal_ones = [e for e in graded if probes.kind(e) == "value"]
        for who in students if personal_ones else ():
            names = solved(page, who)
            for exercise in personal_ones:
                values = found.setdefault(probes.full_name(exercise), {})
                values[who] = names[exercise.answer]
    return found


def write(path):
    """Write the key of the term; the students are those of the roster."""
    term.secret()
    students = list(term.roster()) or [personal.EXAMPLE]
    key = json.dumps(answers(students), indent=1, default=lambda array: array.tolist())
    files.write_text(path, key)
