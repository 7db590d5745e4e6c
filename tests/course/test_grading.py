"""Grading: what is collected, what is asked, how it is judged, and what comes out."""

import csv
import datetime
import io
import json
import os
import shutil
import sqlite3
import stat
import zipfile
from decimal import Decimal
from fractions import Fraction

import nbformat
import numpy as np
import pytest

from course.build import student
from course.grade import (
    batch,
    codec,
    collect,
    feedback,
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
from tests.support.grading_class import PAGE, collected, hand_in, points, verdicts

needs_sandbox = pytest.mark.skipif(
    not shutil.which("bwrap") and not os.environ.get("CI"),
    reason="bubblewrap is not installed: apt-get install bubblewrap",
)


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


# --- collecting ---------------------------------------------------------------------------------


def test_only_what_counts_is_taken(submissions):
    folder = hand_in(submissions, "ada", synthetic.solved(PAGE, "ada"))
    (folder / f"{PAGE}.ipynb").rename(folder / f"{PAGE} (1).ipynb")
    (folder / "holiday.jpg").write_bytes(b"x" * 100)
    (folder / "sub").mkdir()
    (folder / "sub" / "first_cnn.weights.h5").write_bytes(b"y")
    (submissions / "empty").mkdir()
    collected(submissions)
    assert set(grading_class.note("ada")["files"]) == {f"{PAGE}.ipynb", "first_cnn.weights.h5"}
    assert grading_class.note("empty")["files"] == {}


def test_links_and_what_is_too_large_are_refused(submissions, tmp_path, monkeypatch):
    outside = tmp_path / "outside.ipynb"
    outside.write_text("{}")
    folder = hand_in(submissions, "eve")
    (folder / f"{PAGE}.ipynb").symlink_to(outside)
    (folder / "more").symlink_to(tmp_path)
    (submissions / "mallory").symlink_to(tmp_path)
    big = hand_in(submissions, "bob")
    monkeypatch.setattr(collect, "LARGEST", 1000)
    (big / f"{PAGE}.ipynb").write_bytes(b"x" * 1001)
    os.mkfifo(big / "kernels.ipynb")
    collected(submissions)
    assert grading_class.note("eve")["problems"] == [
        f"{PAGE}.ipynb: it is a link",
        "more: it is a link",
    ]
    assert grading_class.note("mallory")["files"] == {}
    assert [p.split(":")[0] for p in grading_class.note("bob")["problems"]] == [
        f"{PAGE}.ipynb",
        "kernels.ipynb",
    ]
    copies = collect.GRADING / "collected"
    assert not [p for p in copies.rglob("*") if p.is_symlink()]


def test_every_page_was_submitted_when_its_own_newest_file_was_written(submissions):
    folder = hand_in(submissions, "ada", **{f"{PAGE}.ipynb": b"", "first_cnn.ipynb": b""})
    hand_in(submissions, "ada", **{"first_cnn.weights.h5": b"", "holiday.jpg": b""})
    (submissions / "empty").mkdir()
    days = (f"{PAGE}.ipynb", "first_cnn.ipynb", "first_cnn.weights.h5", "holiday.jpg")
    for day, name in enumerate(days, 1):
        when = datetime.datetime(2027, 3, day, tzinfo=datetime.UTC).timestamp()
        os.utime(folder / name, (when, when))
    collected(submissions)
    assert grading_class.note("ada")["submitted"] == {
        PAGE: "2027-03-01T00:00:00+00:00",
        "first_cnn": "2027-03-03T00:00:00+00:00",
    }
    assert grading_class.note("empty")["submitted"] == {}


def archive(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (2027, 3, 1, 12, 0, 0))
            if data is None:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                data = b"/etc/passwd"
            file.writestr(info, data)
    return path


def test_exports_of_canvas_and_moodle_are_understood(submissions, tmp_path):
    keys = tmp_path / "keys"
    (keys / "roster.csv").write_text(
        "id,name,canvas_id,moodle_id,email\nada,Ada L.,111,901,a@uni.example\nbob,Bob,222,902,\n"
    )
    nb = nbformat.writes(synthetic.solved(PAGE, "ada")).encode()
    canvas = archive(
        tmp_path / "canvas.zip",
        {f"lovelaceada_111_5550_{PAGE}-2.ipynb": nb, f"bob_LATE_222_5551_{PAGE}.ipynb": nb,
         f"stranger_333_5552_{PAGE}.ipynb": nb},
    )  # fmt: skip
    found, strays = collect.gather(canvas)
    assert set(found) == {"ada", "bob"} and f"{PAGE}.ipynb" in found["ada"].files
    assert len(strays) == 1 and "333" in strays[0]
    moodle = archive(
        tmp_path / "moodle.zip",
        {f"Ada L._901_assignsubmission_file_/{PAGE}.ipynb": nb,
         "Bob_902_assignsubmission_file_/first_cnn.weights.h5": b"w",
         f"Bob_902_assignsubmission_file_/../../{PAGE}.ipynb": nb,
         f"Bob_902_assignsubmission_file_/x/{PAGE}.ipynb": None},
    )  # fmt: skip
    found, strays = collect.gather(moodle)
    assert not strays
    assert f"{PAGE}.ipynb" in found["ada"].files
    assert set(found["bob"].files) == {"first_cnn.weights.h5"}
    assert found["bob"].problems == [
        f"{PAGE}.ipynb: its name leads out of the archive",
        f"{PAGE}.ipynb: it is a link",
    ]


def roster(tmp_path, *lines, first="id,name,canvas_id,moodle_id,email"):
    text = "".join(f"{line}\n" for line in (first, *lines))
    (tmp_path / "keys" / "roster.csv").write_text(text, encoding="utf-8")


def everything(folder):
    """Return an archive's members: what lies in a folder, the folder's name before it."""
    return {
        str(path.relative_to(folder.parent)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def graded(monkeypatch, source):
    """Run the command; return the students whom it would grade."""
    monkeypatch.setattr("sys.argv", ["collect.py", str(source)])
    collect.main()
    return {p.name: grading_class.note(p.name) for p in (collect.GRADING / "collected").iterdir()}


@pytest.mark.parametrize("listed", [False, True])
def test_a_folder_around_the_class_is_no_student(submissions, tmp_path, listed, monkeypatch):
    for who in ("alice01", "bob02"):
        hand_in(submissions, who, **{f"{PAGE}.ipynb": who.encode()})
    members = everything(submissions)
    members["__MACOSX/submissions/alice01/._01_convolution.ipynb"] = b"of a Mac"
    members["submissions/.DS_Store"] = b"of a Mac"
    members = {f"term/{name}": data for name, data in members.items()}
    if listed:
        roster(tmp_path, "alice01,Alice,,,", "bob02,Bob,,,", "carol03,Carol,,,")
    found = graded(monkeypatch, archive(tmp_path / "class.zip", members))
    assert set(found) == {"alice01", "bob02"}
    assert all(set(note["files"]) == {f"{PAGE}.ipynb"} for note in found.values())
    assert not any(note["problems"] for note in found.values())
    (tmp_path / "around").mkdir()
    submissions.rename(tmp_path / "around" / "submissions")
    assert set(graded(monkeypatch, tmp_path / "around")) == {"alice01", "bob02"}


def test_the_one_student_of_a_class_is_no_folder_around(submissions, tmp_path):
    hand_in(submissions, "alice01", **{f"{PAGE}.ipynb": b"x"})
    (submissions / "alice01" / "data").mkdir()
    (submissions / "alice01" / "data" / "first_cnn.weights.h5").write_bytes(b"w")
    assert set(collect.gather(submissions)[0]) == {"alice01"}
    (submissions / "alice01" / f"{PAGE}.ipynb").unlink()
    roster(tmp_path, "Alice01,Alice,,,")
    assert set(collect.gather(submissions)[0]) == {"Alice01"}


def test_an_export_in_a_folder_of_its_own_is_understood(submissions, tmp_path):
    roster(tmp_path, "ada,Ada L.,111,,")
    members = {f"export/lovelaceada_111_5550_{PAGE}.ipynb": b"x"}
    found, strays = collect.gather(archive(tmp_path / "canvas.zip", members))
    assert set(found) == {"ada"} and not strays


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "SUBMISSIONS is not set"),
        ("nowhere", "no such folder"),
        (str(term.ROOT), "holds the course itself"),
        (str(term.ROOT.parent), "holds the course itself"),
        ("class/alice01", "convolution.ipynb: it lies in no student's folder"),
        ("empty", "Found:\n  nothing"),
        ("class/alice01/convolution.ipynb", "no folder and no whole zip file"),
        ("others", "on the roster. Found: zoe. Expected: alice01, bob02"),
        ("misnamed", "alice01: not taken: work.zip; expected convolution.ipynb"),
    ],
)
def test_what_would_give_the_class_nothing_is_refused(tmp_path, monkeypatch, value, message):
    grading_class.begin(tmp_path, monkeypatch)
    roster(tmp_path, "alice01,Alice,,,", "bob02,Bob,,,")
    for folder, who in (("class", "alice01"), ("others", "zoe"), ("misnamed", "alice01")):
        (tmp_path / folder).mkdir()
        name = "work.zip" if folder == "misnamed" else f"{PAGE}.ipynb"
        hand_in(tmp_path / folder, who, **{name: b"x"})
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    graded(monkeypatch, "class")
    before = everything(collect.GRADING)
    with pytest.raises(SystemExit) as ended:
        graded(monkeypatch, value)
    assert str(ended.value).startswith("Nothing was graded. ")
    assert message in str(ended.value)
    assert everything(collect.GRADING) == before


def test_few_lines_say_what_was_not_taken(submissions, tmp_path, monkeypatch, capsys):
    roster(tmp_path, "ada,Ada,,,", "bob,Bob,,,")
    for who in ("ada", "zoe"):
        hand_in(submissions, who, **{f"{PAGE}.ipynb": b"x"})
    for number in range(30):
        (submissions / f"{number:02}\x1b[31m\udcff.txt").write_bytes(b"x")
    graded(monkeypatch, submissions)
    said = capsys.readouterr().out
    assert "not on the roster, graded all the same: zoe\n" in said
    assert "on the roster, nothing handed in: bob\n" in said
    assert said.count("not taken: ") == collect.FEW
    assert "... and 20 more" in said and "\x1b" not in said
    assert len((collect.GRADING / "strays.txt").read_text().splitlines()) == 30


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("Copy of convolution.ipynb", "convolution.ipynb"),
        ("Copy+of+convolution.ipynb", "convolution.ipynb"),
        ("01_convolution_Carol Müller.ipynb", "convolution.ipynb"),
        ("mueller_01_Convolution (2).ipynb", "convolution.ipynb"),
        ("convolution-2.ipynb", "convolution.ipynb"),
        ("first_cnn.weights (1).h5", "first_cnn.weights.h5"),
        ("first_cnn (1).weights.h5", "first_cnn.weights.h5"),
        ("Copy of first_cnn.predictions-3.npy", "first_cnn.predictions.npy"),
        ("101_convolution.ipynb", None),
        ("01_convolutions.ipynb", None),
        ("convolution.ipynb.txt", None),
        ("convolution.py", None),
        ("x" * 300 + " convolution.ipynb", None),
    ],
)
def test_names_with_something_around_them_are_taken(name, target):
    gathered, wanted = collect.Gathered(), collect.wanted_files()
    gathered.add(name, b"x", datetime.datetime.now(datetime.UTC), wanted)
    gathered.conclude(wanted)
    assert list(gathered.files) == ([target] if target else [])
    if not target:
        assert gathered.problems[0].startswith(f"not taken: {name[:200]}; expected convolution")


def test_the_newest_of_several_files_counts_and_a_human_is_told(submissions):
    folder = hand_in(
        submissions, "ada", **{f"{PAGE}.ipynb": b"old", f"Copy of {PAGE}.ipynb": b"new"}
    )
    for name, when in ((f"{PAGE}.ipynb", 1000), (f"Copy of {PAGE}.ipynb", 2000)):
        os.utime(folder / name, (when, when))
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / f"{PAGE}-checkpoint.ipynb").write_bytes(b"of the editor")
    same = hand_in(submissions, "bob", **{f"{PAGE}.ipynb": b"x", f"{PAGE} (1).ipynb": b"x"})
    twins = hand_in(submissions, "cleo", **{f"{PAGE}.ipynb": b"right", f"{PAGE}_b.ipynb": b"b"})
    for path in (*same.iterdir(), *twins.iterdir()):
        os.utime(path, (1000, 1000))
    collected(submissions)
    copies = collect.GRADING / "collected"
    assert (copies / "ada" / f"{PAGE}.ipynb").read_bytes() == b"new"
    assert grading_class.note("ada")["problems"] == [
        f"several different files for {PAGE}.ipynb; the newest was taken: Copy of {PAGE}.ipynb"
    ]
    assert grading_class.note("bob")["problems"] == []
    assert (copies / "cleo" / f"{PAGE}.ipynb").read_bytes() == b"right"


def test_a_folder_that_cannot_be_read_is_named(submissions, monkeypatch):
    folder = hand_in(submissions, "ada", **{f"{PAGE}.ipynb": b"x"})
    whole = os.scandir

    def scandir(path):
        if str(path) == str(folder):
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found, _ = collect.gather(submissions)
    assert found["ada"].problems == ["ada: the folder cannot be read"]


def test_an_archive_with_a_damaged_member_costs_only_this_one(submissions, tmp_path):
    path = archive(tmp_path / "class.zip", {f"ada/{PAGE}.ipynb": b"12345", "bob/x.txt": b"x"})
    path.write_bytes(path.read_bytes().replace(b"12345", b"54321"))
    found, _ = collect.gather(path)
    assert found["ada"].problems == [f"{PAGE}.ipynb: it could not be read"]


def test_canvas_and_moodle_have_numbers_of_their_own(submissions, tmp_path):
    roster(tmp_path, "alice01,Alice A,101,901,", "bob02,Bob B,102,101,")
    found, strays = collect.gather(
        archive(tmp_path / "canvas.zip", {f"alicea_101_55555_{PAGE}.ipynb": b"x"})
    )
    assert set(found) == {"alice01"} and not strays
    found, _ = collect.gather(
        archive(tmp_path / "moodle.zip", {f"Bob B_101_assignsubmission_file_/{PAGE}.ipynb": b"x"})
    )
    assert set(found) == {"bob02"}


def test_names_with_underscores_and_flat_downloads_are_understood(submissions, tmp_path):
    roster(tmp_path, "dave04,Dave X,104,904,")
    for name in (
        f"van_der_dave_104_55558_{PAGE}.ipynb",
        f"van_der_dave_LATE_104_55558_Copy of {PAGE}.ipynb",
        f"Dave X_904_assignsubmission_file_{PAGE}.ipynb",
        f"Dave X_904_assignsubmission_file/{PAGE}.ipynb",
    ):
        found, strays = collect.gather(archive(tmp_path / "a.zip", {name: b"x"}))
        assert set(found) == {"dave04"} and not strays, name
        assert set(found["dave04"].files) == {f"{PAGE}.ipynb"}


@pytest.mark.parametrize(
    ("folder", "who"),
    [
        ("Ada Lovelace_555", "ada"),  # the number is another for every assignment
        ("ada lovelace_901", "ada"),
        ("Seán OBrien_7", "sean"),  # Moodle leaves out what no file may be called
        ("Team 3-Ada Lovelace_901", "ada"),
        ("Anna Schmidt_911", "anna1"),
        ("Anna Schmidt_912", "anna2"),
        ("Participant_920", "nameless"),
        ("Anna Schmidt_7", None),  # which of the two?
        ("Ada Lovelace_911", None),  # name and number contradict each other
        ("Bob_901", None),
        ("Participant_901", None),
        ("Bob_7", None),
    ],
)
def test_moodle_is_matched_by_name_and_never_by_number_alone(submissions, tmp_path, folder, who):
    roster(tmp_path, "ada,Ada Lovelace,,901,", "sean,Seán O'Brien,,,", "nameless,,,920,",
           "anna1,Anna Schmidt,,911,", "anna2,Anna Schmidt,,912,")  # fmt: skip
    members = {f"{folder}_assignsubmission_file_/{PAGE}.ipynb": b"x"}
    found, strays = collect.gather(archive(tmp_path / "moodle.zip", members))
    assert list(found) == ([who] if who else [])
    assert len(strays) == (who is None)


def test_case_does_not_make_two_of_one_student(submissions, tmp_path):
    roster(tmp_path, "alice01,Alice,,,")
    hand_in(submissions, "ALICE01", **{f"{PAGE}.ipynb": b"x"})
    hand_in(submissions, "Zoe", **{f"{PAGE}.ipynb": b"x"})
    hand_in(submissions, "zoe", **{"kernels.ipynb": b"x"})
    found, _ = collect.gather(submissions)
    assert set(found) == {"alice01", "Zoe"}
    assert set(found["Zoe"].files) == {f"{PAGE}.ipynb", "kernels.ipynb"}


def test_batches_do_not_change_when_nothing_does(submissions, tmp_path):
    for number in range(60):
        hand_in(submissions, f"s{number}", x=b"")
    first = collect.write_batches(collected(submissions), tmp_path / "batches")
    times = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "batches").iterdir()}
    hand_in(submissions, "s7", synthetic.solved(PAGE, "s7"))
    second = collect.write_batches(collected(submissions), tmp_path / "batches")
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "batches").iterdir()}
    assert sum(len(b) for b in first.values()) == 60
    assert sum(times[n] != after[n] for n in times) == 1
    assert set(first) == set(second)


# --- the term -----------------------------------------------------------------------------------


def test_keys_must_be_there_and_outside(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_KEYS", raising=False)
    with pytest.raises(term.TermError, match="COURSE_KEYS is not set"):
        term.secret()
    monkeypatch.setenv("COURSE_KEYS", str(term.ROOT / "keys"))
    with pytest.raises(term.TermError, match="inside the repository"):
        term.secret()
    monkeypatch.setenv("COURSE_KEYS", str(tmp_path))
    with pytest.raises(term.TermError, match="missing or short"):
        term.secret()
    (tmp_path / "seed.txt").write_text("short")
    with pytest.raises(term.TermError, match="missing or short"):
        term.secret()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,canvas_id\na,1\nb,1\n", "canvas_id '1' in the lines 2 and 3"),
        ("id,moodle_id\na,1\nb,1\n", "moodle_id '1' in the lines 2 and 3"),
        ("id,email\na,a@b\nb,A@b\n", "email 'A@b' in the lines 2 and 3"),
        ("id\nada\n\nADA\n", "id 'ADA' in the lines 2 and 4"),
        ("id\n../x\n", "line 2: the id is '../x', expected"),
        ("id,name\n,Ada\n", "line 2: the id is '', expected"),
        ("id,canvas_id\na,12345.0\n", "line 2: the canvas_id is '12345.0', expected a whole"),
        ("id,name,canvas_id\na,Lovelace, Ada,1\n", "line 2, has more cells"),
        ("identifier,name\na,Ada\n", "names identifier, name, expected the column id"),
        ("", "names nothing, expected the column id"),
        ("id,name\na,Müller\n".encode("latin-1"), 'save it as "CSV UTF-8"'),
        ("id,name\na,Ada\n".encode("utf-16"), 'save it as "CSV UTF-8"'),
    ],
)
def test_a_wrong_roster_is_named(submissions, tmp_path, text, message):
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "keys" / "roster.csv").write_bytes(data)
    with pytest.raises(term.TermError) as problem:
        term.roster()
    assert message in str(problem.value)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rosters_of_spreadsheets_are_read(submissions, tmp_path, separator):
    lines = [" ID ", "Name", "canvas_id"], ["ada", "Ada Müller", "12"], ["", "", ""]
    text = "".join(separator.join(line) + "\r\n" for line in lines)
    (tmp_path / "keys" / "roster.csv").write_bytes(text.encode("utf-8-sig"))
    assert term.roster() == {"ada": term.Student("ada", "Ada Müller", "12")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("late = 1", "unknown late"),
        ("[deadlines]\n01_convolution = 2027-03-01", "with time zone"),
        ("[deadlines]\n01_convolutions = 2027-03-01", "'01_convolutions', expected some of: 01_"),
        ("deadlines = 3", "expected a table"),
        ('missing = "none"', "zero"),
        ("= 3", "cannot be read"),
        ("# Müller", "cannot be read"),
        ("late_per_day = 10", "late_per_day is 10, expected a share from 0 to 1"),
        ("late_at_most = 50", "late_at_most is 50, expected a share"),
        ('late_per_day = "ten"', "'ten', expected a share"),
        ("late_per_day = true", "expected a share"),
        ("late_at_most = -0.1", "expected a share"),
        ("grace_hours = -2", "grace_hours is -2, expected a number of hours"),
        ("grace_hours = inf", "expected a number of hours"),
        ('[points]\n"convolution.my_correlate" = "six"', "my_correlate are 'six', expected a n"),
        ('[points]\n"convolution.my_correlate" = -1', "expected a number"),
        ('[points]\n"convolution.my_corelate" = 6', 'expected some of: .*"convolution.my_correl'),
        ("[points]\nconvolution.my_correlate = 6", "'convolution', expected some of: \"conv"),
    ],
)
def test_a_wrong_policy_is_named(submissions, tmp_path, text, message):
    (tmp_path / "keys" / "policy.toml").write_text(text, encoding="latin-1")
    with pytest.raises(term.TermError, match=message):
        term.policy()


def test_a_wrong_policy_stops_before_anything_is_collected(submissions, tmp_path, monkeypatch):
    (tmp_path / "keys" / "policy.toml").write_text("late_per_day = 10")
    hand_in(submissions, "ada", student.student_notebook(PAGE))
    monkeypatch.setattr("sys.argv", ["collect.py", str(submissions)])
    with pytest.raises(SystemExit, match="late_per_day is 10"):
        collect.main()
    assert not collect.GRADING.exists()


def test_a_right_policy_is_taken(submissions, tmp_path):
    (tmp_path / "keys" / "policy.toml").write_text(
        "late_per_day = 0.2\nlate_at_most = 1\ngrace_hours = 2\n"
        f"[deadlines]\n{PAGE} = 2027-03-01T23:59:00+01:00\n"
        '[points]\n"convolution.my_correlate" = 6\n'
    )
    policy = term.policy()
    due = datetime.datetime(2027, 3, 1, 22, 59, tzinfo=datetime.UTC)
    assert policy.deadlines == {PAGE: due} and policy.points == {"convolution.my_correlate": 6}
    assert policy.is_due(PAGE, due) and policy.is_due("kernels", due)
    before = due - datetime.timedelta(seconds=1)
    assert not policy.is_due(PAGE, before)
    assert term.digest(before) != term.digest(due), "the book is made again after a deadline"
    assert term.digest(due) == term.digest(due + datetime.timedelta(days=1))


def test_lateness_costs_by_the_day_up_to_a_limit():
    due = datetime.datetime(2027, 3, 1, tzinfo=datetime.UTC)
    policy = term.Policy({PAGE: due}, late_per_day=0.1, late_at_most=0.3, grace_hours=2)
    hours = {-1: 1, 1: 1, 2: 1, 3: 0.9, 25: 0.9, 27: 0.8, 24 * 30: 0.7}
    for late, kept in hours.items():
        assert policy.kept(PAGE, due + datetime.timedelta(hours=late)) == pytest.approx(kept)
    assert policy.kept("another", due) == 1


def test_another_secret_asks_for_other_numbers(submissions, tmp_path):
    exercise = next(e for e in probes.graded(PAGE) if e.check.cases)
    first = probes.cases(exercise)
    assert all(
        np.array_equal(a, b) for a, b in zip(first[0], probes.cases(exercise)[0], strict=True)
    )
    (tmp_path / "keys" / "seed.txt").write_text("another secret of this term")
    second = probes.cases(exercise)
    assert not np.array_equal(first[0][0], second[0][0])
    public = exercise.check.cases(np.random.default_rng(checks.PRACTICE_SEED))
    assert not np.array_equal(first[0][0], public[0][0])


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
        place = collect.GRADING / "answers" / who / PAGE
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
