"""Collecting: what is taken of what students hand in, for whom, and for which page."""

import datetime
import json
import os

import nbformat
import pytest

from course import notebook
from course.build import student
from course.grade import collect, files, synthetic, term
from tests.support import grading_class
from tests.support.grading_class import PAGE, archive, collected, hand_in, roster


@pytest.fixture
def submissions(tmp_path, monkeypatch):
    return grading_class.begin(tmp_path, monkeypatch)


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
    copies = files.GRADING / "collected"
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
    return {p.name: grading_class.note(p.name) for p in (files.GRADING / "collected").iterdir()}


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
        ("misnamed", "alice01: not taken: work.zip; expected 01_convolution.ipynb"),
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
    before = everything(files.GRADING)
    with pytest.raises(SystemExit) as ended:
        graded(monkeypatch, value)
    assert str(ended.value).startswith("Nothing was graded. ")
    assert message in str(ended.value)
    assert everything(files.GRADING) == before


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
    assert len((files.GRADING / "strays.txt").read_text().splitlines()) == 30


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
        ("101_convolution.ipynb", "convolution.ipynb"),
        ("Copy of 05_first_cnn (1).ipynb", "first_cnn.ipynb"),
        ("01_convolution_of_02_kernels.ipynb", "convolution.ipynb"),
        ("01_convolutions.ipynb", None),
        ("convolution.ipynb.txt", None),
        ("convolution.py", None),
        ("x" * 300 + " convolution.ipynb", None),
    ],
)
def test_names_with_something_around_them_are_taken(name, target):
    gathered = collect.Gathered()
    gathered.add(name, b"x", datetime.datetime.now(datetime.UTC))
    gathered.conclude()
    assert list(gathered.files) == ([target] if target else [])
    if not target:
        assert gathered.problems[0].startswith(f"not taken: {name[:200]}; expected 01_convolution")


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
    copies = files.GRADING / "collected"
    assert (copies / "ada" / f"{PAGE}.ipynb").read_bytes() == b"new"
    assert grading_class.note("ada")["problems"] == [
        f"several different files for 01_{PAGE}.ipynb; the newest was taken: Copy of {PAGE}.ipynb"
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


# --- which page a notebook is of ----------------------------------------------------------------


def of_page(page):
    """Return a notebook that says which page it is of."""
    return json.dumps({"cells": [], "metadata": {"course": {"page": page}}}).encode()


def taken(name, data):
    """Return what one file is taken for, and what is said about it."""
    gathered = collect.Gathered()
    gathered.add(name, data, datetime.datetime.now(datetime.UTC))
    gathered.conclude()
    return list(gathered.files), gathered.problems


@pytest.mark.parametrize("page", notebook.pages())
def test_what_students_receive_is_collected_by_any_name(page):
    data = nbformat.writes(student.student_notebook(page)).encode()
    key = nbformat.writes(student.key_notebook(page)).encode()
    handed_out = notebook.handed_out(page)
    for name in (handed_out, f"{page}.ipynb", f"99_{page}.ipynb", "homework.ipynb", "a.IPYNB"):
        for content in (data, key):
            assert taken(name, content) == ([f"{page}.ipynb"], []), name
    assert taken(handed_out, b'{"cells": [], "metadata": {}}') == ([f"{page}.ipynb"], [])


def test_the_notebook_itself_says_of_which_page_it_is_and_a_human_is_told(submissions):
    said = "02_kernels (1).ipynb: by its name 02_kernels.ipynb, by its content 01_convolution.ipynb"
    assert taken("02_kernels (1).ipynb", of_page(PAGE)) == (
        [f"{PAGE}.ipynb"],
        [f"{said}; taken as 01_convolution.ipynb"],
    )
    hand_in(submissions, "ada", **{"02_kernels (1).ipynb": of_page(PAGE)})
    collected(submissions)
    assert grading_class.note("ada")["problems"] == [f"{said}; taken as 01_convolution.ipynb"]
    assert set(grading_class.note("ada")["submitted"]) == {PAGE}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff not JSON",
        b"[" * 1_000_000,
        b'{"metadata": ' * 100_000,
        b'{"metadata": {"course": {"page": ' + b"[" * 900 + b"]" * 900 + b"}}}",
        b'{"metadata": {"course": {"page": ' + b"9" * 10_000 + b"}}}",
        b'{"metadata": {"course": {"page": "' + b"x" * 1_000_000 + b'"}}}',
        *(
            json.dumps(content).encode()
            for content in (
                [], 3, None, "kernels", {}, {"metadata": []}, {"metadata": None},
                {"metadata": {"course": "kernels"}}, {"metadata": {"course": ["page"]}},
                {"metadata": {"course": {"page": None}}}, {"metadata": {"course": {"page": 2}}},
                {"metadata": {"course": {"page": ["kernels"]}}},
                {"metadata": {"course": {"page": {"kernels": "kernels"}}}},
                {"metadata": {"course": {"page": "../kernels"}}},
                {"metadata": {"course": {"page": "no_such_page"}}},
                {"metadata": {"course": {"page": "first_cnn.weights.h5"}}},
            )
        ),
    ],
)  # fmt: skip
def test_a_notebook_that_says_nothing_of_use_goes_by_its_name(data):
    assert taken("01_convolution.ipynb", data) == ([f"{PAGE}.ipynb"], [])
    files, problems = taken("homework.ipynb", data)
    assert files == [] and problems[0].startswith("not taken: homework.ipynb; expected 01_")


def test_only_notebooks_are_asked_of_which_page_they_are():
    assert taken("homework.txt", of_page(PAGE))[0] == []
    assert taken("first_cnn.weights.h5", of_page(PAGE)) == (["first_cnn.weights.h5"], [])


def test_the_number_in_front_is_no_other_file(submissions):
    """Of two as old, the one whose name has nothing more than a number is taken."""
    folder = hand_in(submissions, "ada", **{f"01_{PAGE}.ipynb": b"right", f"{PAGE}_b.ipynb": b"b"})
    for path in folder.iterdir():
        os.utime(path, (1000, 1000))
    collected(submissions)
    assert (files.GRADING / "collected" / "ada" / f"{PAGE}.ipynb").read_bytes() == b"right"
