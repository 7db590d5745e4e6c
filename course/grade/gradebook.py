"""Put the verdicts of a class into one file: `python -m course gradebook JUDGED …`.

Writes ``gradebook.sqlite`` (tables `students`, `grades`, `exercises`, `flags`), ``grades.csv``,
``canvas.csv`` and ``moodle.csv`` for the learning management systems, and ``feedback/<id>.html``
for every student. The same verdicts always give the same files, once all deadlines have passed.
"""

import csv
import datetime
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from course.grade import feedback, files, judge, probes, term
from course.grade.collect import graded_pages
from helpers import checks
from helpers.sources import written_whole

METADATA = sa.MetaData()
STUDENTS = sa.Table(
    "students",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("on_roster", sa.Boolean, nullable=False),
)
GRADES = sa.Table(
    "grades",
    METADATA,
    sa.Column("student", sa.ForeignKey("students.id"), primary_key=True),
    sa.Column("page", sa.String, primary_key=True),
    sa.Column("points", sa.Float),  # null: excused, or nothing handed in and not due yet
    sa.Column("of", sa.Float, nullable=False),
    sa.Column("before_lateness", sa.Float, nullable=False),
    sa.Column("submitted", sa.String),
    sa.Column("note", sa.String, nullable=False),
)
EXERCISES = sa.Table(
    "exercises",
    METADATA,
    sa.Column("student", sa.ForeignKey("students.id"), primary_key=True),
    sa.Column("page", sa.String, primary_key=True),
    sa.Column("exercise", sa.String, primary_key=True),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("points", sa.Float, nullable=False),
    sa.Column("of", sa.Float, nullable=False),
    sa.Column("message", sa.String, nullable=False),
)
FLAGS = sa.Table(  # for a human to look at; nothing here changes a grade
    "flags",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("student", sa.String, nullable=False),
    sa.Column("page", sa.String, nullable=False),
    sa.Column("text", sa.String, nullable=False),
)


@dataclass
class PageGrade:
    """What a student gets for a page.

    Attributes
    ----------
    verdicts : list of dict
        Of every graded exercise, with `earned` and `points` after the term's policy.
    kept : float
        Share that lateness leaves.
    due : bool
        Whether the deadline has passed; until then, nothing handed in is no zero.
    whole : bool
        Whether the notebook could be read and was run to its end.
    """

    page: str
    verdicts: list = field(default_factory=list)
    kept: float = 1.0
    submitted: str | None = None
    note: str = ""
    excused: bool = False
    due: bool = True
    errors: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)
    whole: bool = True

    @property
    def of(self):
        """Points that could be had."""
        return round(sum(v["points"] for v in self.verdicts), 4)

    @property
    def before_lateness(self):
        """Points before lateness."""
        return round(sum(v["earned"] for v in self.verdicts), 4)

    @property
    def points(self):
        """Points that count; None for the excused, and where a submission may still come."""
        if self.excused or (self.submitted is None and not self.due):
            return None
        return round(self.before_lateness * self.kept, 2)


def grade(judged, collected, policy, roster, pages, now):
    """Return what everybody gets.

    Parameters
    ----------
    judged : dict
        Verdicts by student and page.
    collected : dict
        For each student the note that `collect` left.
    policy : term.Policy
    roster : dict of str to term.Student
    pages : list of str
        The pages that are graded this time.
    now : datetime.datetime
        With time zone; pages that are due later are not due yet.

    Returns
    -------
    dict of str to list of PageGrade
    list of (student, page, text)
        What a human should look at.
    """
    grades, flags, seen = {}, [], {}
    for who in sorted({*collected, *roster}):
        note = collected.get(who)
        grades[who] = []
        for page in pages:
            found = judged.get(who, {}).get(page)
            made = PageGrade(page, due=policy.is_due(page, now))
            made.note = "" if made.due else "not due yet"
            given = map(_nothing, probes.graded(page)) if found is None else found["verdicts"]
            made.verdicts = [_counted(verdict, policy) for verdict in given]
            if found is None:
                made.note = made.note or "nothing was handed in"
                made.excused = made.due and policy.missing == "excused"
            else:
                made.submitted = note["submitted"][page]
                when = datetime.datetime.fromisoformat(made.submitted)
                made.kept = policy.kept(page, when)
                made.errors, made.problems = found["errors"], list(found["problems"])
                made.whole = not found["problems"]
                flags += [(who, page, problem) for problem in found["problems"]]
                if made.kept < 1:
                    made.note = f"late: {1 - made.kept:.0%} of the points are lost"
                for verdict in made.verdicts:
                    if verdict["status"] == checks.CANNOT_JUDGE:
                        flags.append((who, page, f"{verdict['name']}: {verdict['message']}"))
                for name, digest in found["equals"].items():
                    seen.setdefault((page, name, digest), []).append(who)
            grades[who].append(made)
        for problem in note["problems"] if note else ():
            for made in grades[who]:
                made.problems.append(problem)
            flags.append((who, "", problem))
        if who not in roster and roster:
            flags.append((who, "", "not on the roster"))
    for (page, name, _), several in seen.items():
        if len(several) > 1:
            flags += [
                (who, page, f"{name} equals that of {_others(who, several)}") for who in several
            ]
    return grades, sorted(flags)


def _others(who, several):
    return ", ".join(other for other in several if other != who)


def _nothing(exercise):
    """Return the verdict on an exercise for which nothing was handed in."""
    nothing = checks.Outcome(checks.NOT_ATTEMPTED, "nothing was handed in.")
    return judge.verdict(exercise, nothing)


def _counted(verdict, policy):
    """Return a verdict with the points of the term."""
    points = float(policy.points.get(verdict["name"], verdict["points"]))
    return {**verdict, "points": points, "earned": round(verdict["score"] * points, 4)}


# --- files --------------------------------------------------------------------------------------


def write_database(path, grades, flags, roster):
    """Write the gradebook, whole."""
    with written_whole(path) as part:
        part.unlink(missing_ok=True)
        engine = sa.create_engine(f"sqlite:///{part}")
        METADATA.create_all(engine)
        made_of = [(who, made) for who, pages in grades.items() for made in pages]
        rows = {
            STUDENTS: [(w, roster[w].name if w in roster else "", w in roster) for w in grades],
            GRADES: [
                (who, m.page, m.points, m.of, m.before_lateness, m.submitted, m.note)
                for who, m in made_of
            ],
            EXERCISES: [
                (who, m.page, *(v[k] for k in ("name", "status", "earned", "points", "message")))
                for who, m in made_of
                for v in m.verdicts
            ],
            FLAGS: [(number, *flag) for number, flag in enumerate(flags, 1)],
        }
        with engine.begin() as connection:
            for table, content in rows.items():
                if content:
                    names = table.columns.keys()
                    connection.execute(
                        table.insert(), [dict(zip(names, row, strict=True)) for row in content]
                    )
        engine.dispose()


def safe(text):
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(tuple("=+-@\t\r")) and not _is_number(text) else text


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def write_csv(path, header, rows):
    """Write a table, whole."""
    with written_whole(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([safe(cell) for cell in row] for row in rows)


def shown(made):
    """Return points as text: EX for the excused, nothing where a submission may still come."""
    if made.points is None:
        return "EX" if made.excused else ""
    return f"{made.points:g}"


def write_tables(folder, grades, roster):
    """Write the tables for people and for learning management systems."""
    pages = [made.page for made in _first(grades)]
    most = [f"{made.of:g}" for made in _first(grades)]
    known = [roster.get(who, term.Student(who)) for who in grades]
    cells = [[shown(made) for made in of_student] for of_student in grades.values()]
    everybody = list(zip(known, cells, strict=True))
    of = [f"{page} ({points})" for page, points in zip(pages, most, strict=True)]
    rows = [[who.id, who.name, *points] for who, points in everybody]
    write_csv(folder / "grades.csv", ["id", "name", *of], rows)
    # Canvas: these five columns, then one for each assignment; its second line holds the maxima.
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *pages]
    rows = [[w.name or w.id, w.canvas_id, w.id, w.id, "", *points] for w, points in everybody]
    write_csv(folder / "canvas.csv", header, [["    Points Possible", *[""] * 4, *most], *rows])
    # Moodle: any column that tells students apart, here the identifier and the e-mail address.
    rows = [[w.id, w.email, *("" if p == "EX" else p for p in points)] for w, points in everybody]
    write_csv(folder / "moodle.csv", ["ID number", "Email address", *pages], rows)


def _first(grades):
    return next(iter(grades.values()), [])


def summary(grades, flags, measured):
    """Return what an instructor wants to know at once."""
    pages = [made.page for made in _first(grades)]
    lines = [f"{'page':24}{'handed in':>10}{'mean':>8}{'of':>6}{'full marks':>12}"]
    for k, page in enumerate(pages):
        made = [g[k] for g in grades.values()]
        had = [m for m in made if m.submitted]
        due = made[0].due  # the mean of those who were early is not that of the class
        mean = f"{sum(m.points for m in had) / len(had):.2f}" if had and due else "–"
        full = sum(m.points == m.of for m in had)
        line = f"{page:24}{len(had):10}{mean:>8}{made[0].of:6g}{full:12}"
        lines.append(line if due else f"{line}  not due yet")
    unread = sum(not made.whole for pages_of in grades.values() for made in pages_of)
    if unread:
        lines.append(f"{unread} notebooks could not be read, or not be run to the end")
    nothing = sum(
        any(m.problems for m in made) and not any(m.submitted for m in made)
        for made in grades.values()
    )
    if nothing:
        lines.append(f"{nothing} students handed in files of which none counts")
    if measured:
        seconds = sum(m["cpu_seconds"] for m in measured)
        memory = max(m["memory"] for m in measured) / 1e6
        lines.append(
            f"{len(measured)} notebooks run in the sandbox, {seconds / len(measured):.2f} CPU "
            f"seconds each, at most {memory:.0f} MB"
        )
    if flags:
        lines.append(f"{len(flags)} things to look at (table `flags`), the first of them:")
        lines += [f"  {who} {page} {text}"[:160] for who, page, text in flags[:5]]
    return "\n".join(lines)


def measurements(judged):
    """Return what the runs took of which there are verdicts; students of before do not count."""
    places = [files.GRADING / "answers" / who / page for who in judged for page in judged[who]]
    found = [files.read_json(place / "measured.json") for place in sorted(places)]
    return [measured for measured in found if measured["runs"]]


def main():
    judged = {}
    for name in sys.argv[1:]:
        judged |= files.read_json(Path(name))
    place = files.GRADING
    notes = sorted((place / "collected").glob("*/collected.json"))
    collected = {path.parent.name: files.read_json(path) for path in notes}
    handed_in = {page for found in judged.values() for page in found}
    policy, roster = term.policy(), term.roster()
    pages = [p for p in graded_pages() if p in handed_in or p in policy.deadlines]
    now = datetime.datetime.now(datetime.UTC)
    grades, flags = grade(judged, collected, policy, roster, pages, now)
    write_database(place / "gradebook.sqlite", grades, flags, roster)
    write_tables(place, grades, roster)
    new = place / f"feedback.{os.getpid()}"
    for who, made in grades.items():
        feedback.write(new / f"{who}.html", who, roster.get(who), made)
    shutil.rmtree(place / "feedback", ignore_errors=True)
    if new.is_dir():
        new.rename(place / "feedback")
    files.write_text(place / "summary.txt", summary(grades, flags, measurements(judged)) + "\n")
