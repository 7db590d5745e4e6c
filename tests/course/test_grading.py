"""Grading: what is asked, how it is judged, and what comes out."""

import csv
import datetime
import io
import json
import shutil
import sqlite3
from decimal import Decimal
from fractions import Fraction

import nbformat
import numpy as np
import pytest

from course.build import student
from course.grade import (
    batch,
    codec,
    feedback,
    files,
    gradebook,
    judge,
    key,
    probes,
    sandbox,
    synthetic,
    term,
)
from helpers import checks, personal
from tests.support import grading_class
from tests.support.grading_class import PAGE, collected, hand_in, needs_sandbox, points, verdicts


@pytest.fixture
def submissions(tmp_path, monkeypatch):
    return grading_class.begin(tmp_path, monkeypatch)


# --- plain data ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [3, 2.5, True, None, "b", float("nan"), (1, 2.0), np.arange(6).reshape(2, 3), [[1, 2], [3, 4]],
     (np.arange(3), np.ones((2, 2))), np.float32(0.5), [np.arange(2), np.arange(3)]],
)  # fmt: skip
def test_answers_survive_the_way_out(value):
    arrays = []
    data = codec.pack(value, arrays)
    ((head, found),) = codec.messages(codec.message({"value": data}, arrays))
    back = codec.unpack(head["value"], found)
    if isinstance(value, list) and not np.isscalar(value[0]) and len(value[0]) != len(value[1]):
        value = tuple(value)
    for a, b in zip(*[v if isinstance(v, tuple) else (v,) for v in (back, value)], strict=True):
        np.testing.assert_array_equal(a, b)


def test_fractions_and_decimals_come_out_as_numbers():
    arrays = []
    data = codec.pack([[Fraction(1, 2), 2], [Decimal(3), 0.25]], arrays)
    np.testing.assert_array_equal(codec.unpack(data, arrays), [[0.5, 2], [3, 0.25]])
    with pytest.raises(codec.Refused):
        codec.pack(np.array([Fraction(1, 2), "2"]), [])


class Liar:
    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize(
    "value", [Liar(), object(), {"a": 1}, np.array([object()]), "x" * 5000, np.zeros(3_000_000)]
)
def test_what_is_no_plain_data_is_refused(value):
    with pytest.raises(codec.Refused):
        codec.pack(value, [])


def test_messages_stop_at_the_first_byte_that_is_none():
    good = codec.message({"a": 1}, [np.arange(3)])
    assert len(list(codec.messages(good + good))) == 2
    for bad in (b"\x00" * 50, b'{"sizes": [99999]}\n', b'{"sizes": ["x"]}\n', b"[1]\n"):
        assert len(list(codec.messages(good + bad + good))) == 1
    assert len(list(codec.messages(good + good[:-3]))) == 1


def test_pickled_arrays_are_never_read():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="expected numbers"):
        codec.load_array(buffer.getvalue())


def test_an_array_that_claims_to_be_huge_is_not_made():
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    header += b" " * (64 - (10 + len(header) + 1) % 64) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(ValueError, match="does not fit"):
        codec.load_array(data)


# --- which cells run ----------------------------------------------------------------------------


def sources(made):
    return [c["source"] for c in batch.cells_to_run(nbformat.writes(made).encode(), PAGE)]


def test_graded_cells_and_the_students_own_run_and_no_others():
    made = synthetic.solved(PAGE, "ada")
    run = sources(made)
    assert run and not [s for s in run if s.startswith("check.") or "matplotlib" in s]
    made.cells.insert(3, nbformat.v4.new_code_cell("mine = 1"))
    assert "mine = 1" in sources(made)
    made.cells[5].source += "\nchanged = 1"
    for cell in made.cells:  # an editor that keeps no ids, and one that keeps them elsewhere
        cell.metadata["id"] = cell.pop("id")
    made.nbformat_minor = 4
    assert set(run) <= set(sources(made))
    for cell in made.cells:
        cell.metadata.pop("id")
    assert set(run) <= set(sources(made))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x00\x01", "no notebook"),
        (b"{}", "no notebook"),
        (b'{"cells": 3}', "no notebook"),
        (b'{"cells": [{"cell_type": "code"}]}', "no notebook"),
        (b"[" * 100_000, "no notebook|nested"),
        (b'{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "for R"),
        (b'{"cells": [' + b'{"cell_type": "markdown"},' * 400 + b'{"cell_type": "raw"}]}', "cells"),
    ],
)
def test_what_is_no_notebook_is_named(data, message):
    with pytest.raises(batch.Unreadable, match=message):
        batch.cells_to_run(data, PAGE)


# --- running and judging ------------------------------------------------------------------------


def test_nothing_is_graded_without_a_sandbox(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(sandbox.NoSandbox, match="Install bubblewrap"):
        sandbox.prove()


@needs_sandbox
def test_a_sandbox_that_does_not_confine_is_refused(monkeypatch):
    whole = sandbox.command

    def leaky(program, shared, limits):
        return [w for w in whole(program, shared, limits) if w != "--unshare-net"]

    sandbox.prove()
    monkeypatch.setattr(sandbox, "command", leaky)
    with pytest.raises(sandbox.NoSandbox, match="reaches the network"):
        sandbox.prove()


@needs_sandbox
def test_a_class_gets_what_it_earned(submissions):
    names = [e.name for e in probes.graded(PAGE)]
    total = sum(e.check.points for e in probes.graded(PAGE))
    hand_in(submissions, "ada", synthetic.solved(PAGE, "ada"))
    hand_in(submissions, "bob", synthetic.solved(PAGE, "bob", left_out=names[:2]))
    hand_in(submissions, "cleo", student.student_notebook(PAGE))
    hand_in(submissions, "dan", synthetic.solved(PAGE, "ada"))  # ada's work
    broken = synthetic.solved(PAGE, "eve")
    for cell in broken.cells:
        if "exercise" in cell.metadata.get("tags", []) and "my_full" in cell.source:
            cell.source += "("
    hand_in(submissions, "eve", broken)
    hand_in(submissions, "fay", **{f"{PAGE}.ipynb": b"not a notebook"})
    collected(submissions)
    assert points(verdicts("ada")[0]) == total
    bob, _ = verdicts("bob")
    assert {n for n, v in bob.items() if v["status"] == "not attempted"} == set(names[:2])
    cleo, _ = verdicts("cleo")
    assert {v["status"] for v in cleo.values()} == {"not attempted"}
    dan, _ = verdicts("dan")
    assert all(dan[n]["score"] == 0 for n in names if n.startswith("my_") and n != "my_correlate")
    eve, about = verdicts("eve")
    assert eve["my_full"]["score"] == 0 and eve["my_correlate"]["score"] == 1
    assert any("SyntaxError" in text for text in about["errors"].values())
    fay, about = verdicts("fay")
    assert points(fay) == 0 and "it is no notebook" in about["problems"][0]


@needs_sandbox
def test_the_instructors_notebook_earns_full_points_without_an_error(submissions):
    hand_in(submissions, personal.EXAMPLE, student.key_notebook(PAGE))
    collected(submissions)
    found, about = verdicts(personal.EXAMPLE)
    assert points(found) == sum(e.check.points for e in probes.graded(PAGE))
    assert not about["errors"] and not about["problems"]


@needs_sandbox
def test_partly_right_functions_earn_part_of_the_points(submissions):
    made = synthetic.solved(PAGE, "ada", left_out=["my_correlate"])
    cell = next(c for c in made.cells if "def my_correlate" in c.source)
    cell.source = (
        "def my_correlate(image, kernel, stride, mode):\n"
        "    if mode != 'valid':\n        raise ValueError('valid only')\n"
        "    view = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)\n"
        "    return (view[::stride, ::stride] * kernel).sum(axis=(2, 3))"
    )
    hand_in(submissions, "ada", made)
    collected(submissions)
    verdict = verdicts("ada")[0]["my_correlate"]
    assert 0 < verdict["score"] < 1 and verdict["status"] == "wrong"
    assert "ValueError: valid only" in verdict["message"]


@needs_sandbox
def test_what_has_run_is_not_run_again_unless_it_changed(submissions, monkeypatch, tmp_path):
    hand_in(submissions, "ada", synthetic.solved(PAGE, "ada"))
    collected(submissions)
    ran = []
    whole = batch.in_sandbox
    monkeypatch.setattr(batch, "in_sandbox", lambda *a: ran.append(a[0]) or whole(*a))
    first = batch.run_student("ada")
    assert batch.run_student("ada") == first and len(ran) == 1
    hand_in(submissions, "ada", synthetic.solved(PAGE, "ada", left_out=["my_full"]))
    collected(submissions)
    assert batch.run_student("ada") != first and len(ran) == 2


def test_a_replayed_function_answers_only_what_it_was_asked():
    exercise = next(e for e in probes.graded(PAGE) if e.check.cases)
    cases = exercise.check.cases(np.random.default_rng(5))
    outputs = [np.zeros(2)] * len(cases)
    calls = [{"output": {"array": k}, "changed": False} for k in range(len(cases))]
    outcome = exercise.check.outcome(judge.Replay(calls, cases, outputs), seed=6)
    assert outcome.status == checks.CANNOT_JUDGE
    raised = [{"raised": "NotImplementedError"}] * len(cases)
    outcome = exercise.check.outcome(judge.Replay(raised, cases, []), seed=5)
    assert outcome.status == checks.NOT_ATTEMPTED
    changed = [{"output": {"array": 0}, "changed": True}] * len(cases)
    outcome = exercise.check.outcome(judge.Replay(changed, cases, outputs), seed=5)
    assert "changed the array" in outcome.message


# --- what comes out -----------------------------------------------------------------------------


def judged_class(earned=1.0):
    verdicts = [
        {"name": f"convolution.{e.name}", "status": "right", "message": "<b>fine</b>",
         "score": earned, "points": e.check.points}
        for e in probes.graded(PAGE)
    ]  # fmt: skip
    page = {"verdicts": verdicts, "errors": {"3": "NameError: <script>"}, "problems": [],
            "equals": {"first_cnn.weights.h5": "abc"}}  # fmt: skip
    return {"ada": {PAGE: page}, "bob": {PAGE: page}}


NOW = datetime.datetime(2027, 4, 1, tzinfo=datetime.UTC)


def graded_class(policy=None, roster=None, pages=(PAGE,), now=NOW):
    submitted = {PAGE: "2027-03-03T10:00:00+00:00", "kernels": "2027-03-20T10:00:00+00:00"}
    note = {"submitted": submitted, "problems": ["x.h5: it is a link"]}
    roster = {r.id: r for r in roster or ()}
    notes = {"ada": note, "bob": note}
    args = (judged_class(), notes, policy or term.Policy(), roster, pages, now)
    return gradebook.grade(*args), roster


def test_lateness_missing_and_changed_points_count():
    due = datetime.datetime(2027, 3, 1, 10, tzinfo=datetime.UTC)
    total = sum(e.check.points for e in probes.graded(PAGE))
    policy = term.Policy({PAGE: due}, missing="excused", points={"convolution.my_valid": 5})
    (grades, flags), _ = graded_class(policy, [term.Student("ada"), term.Student("zoe")])
    assert grades["ada"][0].of == total + 4
    assert grades["ada"][0].points == pytest.approx(0.8 * (total + 4))
    assert grades["zoe"][0].points is None
    assert ("bob", "", "not on the roster") in flags
    assert ("ada", PAGE, "first_cnn.weights.h5 equals that of bob") in flags


@pytest.mark.parametrize("missing", ["zero", "excused"])
def test_a_page_that_is_not_due_yet_is_no_zero(tmp_path, missing):
    total = sum(e.check.points for e in probes.graded(PAGE))
    policy = term.Policy({PAGE: NOW, "first_cnn": NOW}, missing=missing)
    students = [term.Student("ada"), term.Student("zoe")]
    seen = {}
    for name, seconds in (("before", -1), ("after", 0)):
        now = NOW + datetime.timedelta(seconds=seconds)
        (grades, flags), roster = graded_class(policy, students, [PAGE, "first_cnn"], now)
        gradebook.write_tables(tmp_path, grades, roster)
        for table in ("grades", "canvas", "moodle"):
            with open(tmp_path / f"{table}.csv", newline="") as file:
                for row in csv.reader(file):
                    seen[name, table, row[0]] = row[-2:]
        seen[name] = grades, gradebook.summary(grades, flags, []).splitlines()[1:3]
    grades, (early, nobody) = seen["before"]
    for table in ("grades", "canvas", "moodle"):
        assert seen["before", table, "ada"] == [f"{total:g}", ""], "who was early sees the points"
        assert seen["before", table, "zoe"] == ["", ""]
        none = {"zero": "0", "excused": "" if table == "moodle" else "EX"}[missing]
        assert seen["after", table, "ada"] == [f"{total:g}", none]
        assert seen["after", table, "zoe"] == [none, none]
    assert early.split()[1:3] == ["2", "–"] and early.endswith("not due yet")
    assert nobody.split()[1:3] == ["0", "–"]
    assert [made.note for made in grades["zoe"]] == ["not due yet"] * 2
    assert "Not due yet." in feedback.page_of("zoe", None, grades["zoe"])
    assert f"up to {total:g} points" in feedback.page_of("zoe", None, grades["zoe"])
    after = seen["after"][1]
    assert after[0].split()[1:3] == ["2", f"{total:.2f}"] and "due" not in after[0]


def test_a_page_without_a_deadline_is_due():
    (grades, _), _ = graded_class(None, [term.Student("ada"), term.Student("zoe")])
    assert grades["zoe"][0].points == 0 and grades["zoe"][0].note == "nothing was handed in"


def test_a_page_that_was_handed_in_later_makes_no_other_late():
    due = datetime.datetime(2027, 3, 3, 12, tzinfo=datetime.UTC)
    (grades, _), _ = graded_class(term.Policy({PAGE: due}))
    assert grades["ada"][0].kept == 1 and grades["ada"][0].note == ""
    assert grades["ada"][0].submitted == "2027-03-03T10:00:00+00:00"


def test_what_was_not_graded_is_flagged_and_counted():
    judged = judged_class(0.0)
    judged["ada"][PAGE] = {**judged["ada"][PAGE], "problems": ["it is no notebook"], "equals": {}}
    del judged["bob"]
    when = "2027-03-03T10:00:00+00:00"
    collected = {
        "ada": {"submitted": {PAGE: when}, "problems": []},
        "bob": {"submitted": {}, "problems": ["not taken: hw.zip; expected x.ipynb"]},
        "cleo": {"submitted": {}, "problems": []},
    }
    grades, flags = gradebook.grade(judged, collected, term.Policy(), {}, [PAGE], NOW)
    assert ("ada", PAGE, "it is no notebook") in flags
    assert ("bob", "", "not taken: hw.zip; expected x.ipynb") in flags
    said = gradebook.summary(grades, flags, [])
    assert "1 notebooks could not be read" in said
    assert "1 students handed in files of which none counts" in said
    assert "hw.zip" in feedback.page_of("bob", None, grades["bob"])
    whole, _ = graded_class()
    assert "could not" not in gradebook.summary(whole[0], [], [])


def test_only_what_is_graded_now_is_measured(submissions):
    for who, runs in (("ada", 1), ("bob", 0), ("of last year", 1)):
        place = files.GRADING / "answers" / who / PAGE
        place.mkdir(parents=True)
        (place / "measured.json").write_text(json.dumps({"runs": runs}))
    assert gradebook.measurements(judged_class()) == [{"runs": 1}]


def test_the_gradebook_and_its_tables(tmp_path):
    (grades, flags), roster = graded_class(
        None, [term.Student("ada", "=cmd|' /C calc'!A0", "111", "901", "a@uni.example")]
    )
    for name in ("a", "b"):
        gradebook.write_database(tmp_path / name, grades, flags, roster)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with sqlite3.connect(tmp_path / "a") as book:
        total = sum(e.check.points for e in probes.graded(PAGE))
        assert book.execute("select points from grades where student = 'ada'").fetchone() == (
            total,
        )
        assert book.execute("select count(*) from exercises").fetchone()[0] == 2 * len(
            probes.graded(PAGE)
        )
    gradebook.write_tables(tmp_path, grades, roster)
    with open(tmp_path / "canvas.csv", newline="") as file:
        header, most, first, *_ = csv.reader(file)
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", PAGE]
    assert most[0].strip() == "Points Possible" and most[-1] == f"{total:g}"
    assert first[0].startswith("'="), "no spreadsheet may run it"
    assert first[1:4] == ["111", "ada", "ada"]
    with open(tmp_path / "moodle.csv", newline="") as file:
        assert next(csv.reader(file)) == ["ID number", "Email address", PAGE]


def test_feedback_shows_text_as_text():
    (grades, _), _ = graded_class()
    page = feedback.page_of("ada", None, grades["ada"])
    assert "<script>" not in page and "&lt;script&gt;" in page and "&lt;b&gt;fine" in page
    assert "default-src 'none'" in page


def test_the_key_is_right_by_the_checks_and_by_the_secret_inputs(submissions, tmp_path):
    (tmp_path / "keys" / "roster.csv").write_text("id\nada\nbob\n")
    key.write(tmp_path / "key.json")
    answers = json.loads((tmp_path / "key.json").read_text())
    for exercise in probes.graded(PAGE):
        found = answers[probes.full_name(exercise)]
        if exercise.check.cases:
            cases = [tuple(c["inputs"]) for c in found]
            for case, secret in zip(cases, probes.cases(exercise), strict=True):
                np.testing.assert_array_equal(case[0], secret[0])
        else:
            assert set(found) == {"ada", "bob"}
            for who, value in found.items():
                assert exercise.check.outcome(value, who).status == checks.RIGHT
