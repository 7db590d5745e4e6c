"""What an instructor sets: the secret seed, the roster, deadlines and penalties.

All of it lies in the folder named by ``$COURSE_KEYS``, outside of the repository:

- ``seed.txt``: a secret of at least 16 characters; the inputs of graded functions follow from it;
- ``roster.csv`` (optional): ``id,name,canvas_id,moodle_id,email``, one student a line; only ``id``
  is required;
- ``policy.toml`` (optional): see :class:`Policy`.
"""

import csv
import datetime
import hashlib
import io
import math
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from course import ROOT, notebook

SHORTEST_SEED = 16  # characters
COLUMNS = ("id", "name", "canvas_id", "moodle_id", "email")
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")  # also the name of files


class TermError(ValueError):
    """Something in the folder of keys is missing or wrong."""


@dataclass(frozen=True)
class Policy:
    """How points become a grade.

    Attributes
    ----------
    deadlines : dict of str to datetime.datetime
        When a page is due, with time zone; a page without one is never late, and due at any time.
    late_per_day : float
        Share of the points that every day begun costs.
    late_at_most : float
        Largest share that lateness costs.
    grace_hours : float
        Lateness that costs nothing.
    missing : {"zero", "excused"}
        What a student on the roster without a submission gets once the page is due.
    points : dict of str to float
        Points of an exercise, as ``module.name``, where they differ from the course's.
    """

    deadlines: dict = field(default_factory=dict)
    late_per_day: float = 0.1
    late_at_most: float = 0.5
    grace_hours: float = 0.0
    missing: str = "zero"
    points: dict = field(default_factory=dict)

    def is_due(self, page, now):
        """Return whether the deadline of a page has passed.

        Parameters
        ----------
        page : str
        now : datetime.datetime
            With time zone.
        """
        return page not in self.deadlines or self.deadlines[page] <= now

    def kept(self, page, submitted):
        """Return the share of the points that lateness leaves, 0 to 1.

        Parameters
        ----------
        page : str
        submitted : datetime.datetime or None
            With time zone; None counts as in time.
        """
        due = self.deadlines.get(page)
        if due is None or submitted is None:
            return 1.0
        late = submitted - due - datetime.timedelta(hours=self.grace_hours)
        if late <= datetime.timedelta(0):
            return 1.0
        days = -(-late // datetime.timedelta(days=1))  # every day begun
        return 1 - min(self.late_at_most, self.late_per_day * days)


@dataclass(frozen=True)
class Student:
    """A line of the roster."""

    id: str
    name: str = ""
    canvas_id: str = ""
    moodle_id: str = ""
    email: str = ""


def keys_folder():
    """Return the folder of keys.

    Raises
    ------
    TermError
        If it is not named, does not exist, or lies in the repository.
    """
    name = os.environ.get("COURSE_KEYS")
    how = (
        "Make a folder outside of the repository, put a secret into its seed.txt "
        '(python3 -c "import secrets; print(secrets.token_hex(32))") and set COURSE_KEYS to it.'
    )
    if not name:
        raise TermError(f"COURSE_KEYS is not set. {how}")
    folder = Path(name).expanduser().resolve()
    if folder == ROOT or folder.is_relative_to(ROOT):
        raise TermError(f"COURSE_KEYS is {name}, inside the repository. {how}")
    if not folder.is_dir():
        raise TermError(f"COURSE_KEYS is {name}, and there is no such folder. {how}")
    return folder


def secret():
    """Return the secret of the term."""
    path = keys_folder() / "seed.txt"
    text = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    if len(text) < SHORTEST_SEED:
        raise TermError(
            f"seed.txt in $COURSE_KEYS is missing or short; it needs {SHORTEST_SEED} characters "
            'that nobody can guess: python3 -c "import secrets; print(secrets.token_hex(32))"'
        )
    return text


def digest(now):
    """Return a digest of what the instructor set, and of which deadlines have passed.

    Parameters
    ----------
    now : datetime.datetime
        With time zone.
    """
    rules = policy()
    due = [rules.is_due(page, now) for page in sorted(rules.deadlines)]
    return hashlib.sha256(repr((secret(), rules, roster(), due)).encode()).hexdigest()


def seed_of(exercise):
    """Return the seed of the inputs of an exercise, a list of whole numbers.

    Parameters
    ----------
    exercise : str
        As ``module.name``.
    """
    return list(hashlib.sha256(f"{secret()}/{exercise}".encode()).digest())


def roster():
    """Return the students of the roster, by id; empty where there is none.

    Raises
    ------
    TermError
        If a line could give one student's work to another, or cannot be read.
    """
    path = keys_folder() / "roster.csv"
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise TermError(
            'roster.csv is not in UTF-8. In Excel, save it as "CSV UTF-8"; elsewhere, choose UTF-8.'
        ) from None
    # A German or French Excel separates by semicolons, and calls it CSV as well.
    separator = max(",;\t", key=text.partition("\n")[0].count)
    students, taken = {}, {}
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
        if "id" not in reader.fieldnames:
            raise TermError(
                f"the first line of roster.csv names {_listed(reader.fieldnames)}, expected the "
                f"column id and, where you have them, {_listed(COLUMNS[1:])}."
            )
        for row in reader:
            student = _student(row, reader.line_num)
            if student is None:
                continue
            for column in ("id", "canvas_id", "moodle_id", "email"):
                value = getattr(student, column)
                first = taken.setdefault((column, value.lower()), reader.line_num)
                if value and first != reader.line_num:
                    raise TermError(
                        f"roster.csv has the {column} {value!r} in the lines {first} and "
                        f"{reader.line_num}; everybody needs their own."
                    )
            students[student.id] = student
    except csv.Error as problem:
        raise TermError(f"roster.csv cannot be read: {problem}") from None
    return students


def _student(row, line):
    """Return the student of a line of the roster; None for an empty line."""
    more = row.pop(None, None) or []
    if any(cell.strip() for cell in more):
        raise TermError(
            f"roster.csv, line {line}, has more cells than the first line has columns. Put a name "
            "with a comma in it into double quotes."
        )
    student = Student(**{k: (row.get(k) or "").strip() for k in COLUMNS})
    if student == Student(""):
        return None
    if not IDENTIFIER.fullmatch(student.id):
        raise TermError(
            f"roster.csv, line {line}: the id is {student.id!r}, expected up to 64 letters without "
            "accents, digits and . _ @ + -, the first a letter or digit."
        )
    for column in ("canvas_id", "moodle_id"):
        number = getattr(student, column)
        if number and not re.fullmatch("[0-9]+", number):
            raise TermError(
                f"roster.csv, line {line}: the {column} is {number!r}, expected a whole number."
            )
    return student


def _listed(names):
    return ", ".join(names) or "nothing"


def policy():
    """Return the policy of the term; the defaults where there is none."""
    path = keys_folder() / "policy.toml"
    if not path.is_file():
        return Policy()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:  # no TOML, or no UTF-8
        raise TermError(f"policy.toml cannot be read: {problem}") from None
    unknown = set(given) - set(Policy.__dataclass_fields__)
    if unknown:
        known = ", ".join(Policy.__dataclass_fields__)
        raise TermError(f"policy.toml: unknown {', '.join(sorted(unknown))}; known are {known}.")
    for name in ("late_per_day", "late_at_most"):
        share = given.get(name, 0)
        fine = _is_number(share) and share <= 1
        _expect(fine, f"{name} is {share!r}", "a share from 0 to 1, such as 0.1 for 10 %.")
    grace = given.get("grace_hours", 0)
    _expect(_is_number(grace), f"grace_hours is {grace!r}", "a number of hours, such as 2.")
    if {"deadlines", "points"} & set(given):
        pages, names = _graded()
        given |= {"deadlines": _table(given, "deadlines", pages)}
        given |= {"points": _table(given, "points", names)}
        for page, due in given["deadlines"].items():
            fine = isinstance(due, datetime.datetime) and due.tzinfo is not None
            form = "date and time with time zone, such as 2027-03-01T23:59:00+01:00."
            _expect(fine, f"the deadline of {page} is {due!r}", form)
        for name, points in given["points"].items():
            what = f"the points of {name} are {points!r}"
            _expect(_is_number(points), what, "a number, such as 6.")
    if given.get("missing", "zero") not in ("zero", "excused"):
        raise TermError('policy.toml: missing is "zero" or "excused".')
    return Policy(**given)


def _expect(fine, what, expected):
    """Raise an error that says what the policy has, unless that is fine, and what is expected."""
    if not fine:
        raise TermError(f"policy.toml: {what}, expected {expected}")


def _is_number(value):
    """Return whether a value of the policy is a number that can be one: finite, not negative."""
    return type(value) in (int, float) and math.isfinite(value) and value >= 0


def _graded():
    """Return the pages with graded exercises, and these as ``module.name``."""
    from course import exercises

    found = [exercise for exercise in exercises.all_exercises() if exercise.graded]
    return list(dict.fromkeys(e.page for e in found)), [f"{e.module}.{e.name}" for e in found]


def _table(given, name, known):
    """Return a table of the policy by names that the course knows; any other is an error.

    The number of a chapter in front of a name, as notebooks have it, is ignored.
    """
    table, found = given.get(name, {}), {}
    _expect(isinstance(table, dict), f"{name} is {table!r}", f"a table: a line [{name}].")
    some = ", ".join(f'"{one}"' if "." in one else one for one in known)
    for key, value in table.items():
        meant = notebook.without_number(key)
        _expect(meant in known, f"[{name}] has {key!r}", f"some of: {some}")
        _expect(meant not in found, f"[{name}] has {meant} twice, once as {key!r}", "it once.")
        found[meant] = value
    return found
