"""A small term in a temporary folder, for the tests of the grader."""

import json
import os
import shutil
import stat
import zipfile

import nbformat
import pytest

from course.grade import batch, collect, files, judge, synthetic

PAGE = "convolution"
SEED = "a secret of this term, for tests only"

needs_sandbox = pytest.mark.skipif(
    not shutil.which("bwrap") and not os.environ.get("CI"),
    reason="bubblewrap is not installed: apt-get install bubblewrap",
)


def begin(tmp_path, monkeypatch):
    """Return the folder for submissions of a new term."""
    keys, place, submissions = (tmp_path / n for n in ("keys", "grading", "submissions"))
    keys.mkdir()
    submissions.mkdir()
    (keys / "seed.txt").write_text(SEED)
    monkeypatch.setenv("COURSE_KEYS", str(keys))
    monkeypatch.setattr(files, "GRADING", place)
    return submissions


def hand_in(submissions, who, notebook=None, page=PAGE, **more):
    """Put a notebook, and files, into a student's folder."""
    folder = submissions / who
    folder.mkdir(exist_ok=True)
    if notebook is not None:
        nbformat.write(notebook, folder / f"{page}.ipynb")
    for name, data in more.items():
        (folder / name).write_bytes(data)
    return folder


def collected(submissions):
    """Gather what is in the folder; return the digests."""
    found, strays = collect.gather(submissions)
    assert not strays
    return collect.write(found, files.GRADING / "collected")


def verdicts(who, page=PAGE):
    """Run and judge one student; return the verdicts by the exercise's short name, and the rest."""
    judged = judge.judge_student(who, batch.run_student(who))
    found = judged.get(page)
    return {v["name"].split(".")[1]: v for v in found["verdicts"]}, found


def points(found):
    return sum(v["score"] * v["points"] for v in found.values())


def with_cell(who, source, before=None):
    """Return a solved notebook with one cell more: at the end, or before an exercise's cell."""
    made = synthetic.solved(PAGE, who)
    cell = nbformat.v4.new_code_cell(source)
    at = len(made.cells)
    if before:
        at = next(k for k, c in enumerate(made.cells) if f"check.{before}(" in c.source) - 1
    made.cells.insert(at, cell)
    return made


def note(who):
    return json.loads((files.GRADING / "collected" / who / "collected.json").read_text())


def roster(tmp_path, *lines, first="id,name,canvas_id,moodle_id,email"):
    """Write the roster of the term."""
    text = "".join(f"{line}\n" for line in (first, *lines))
    (tmp_path / "keys" / "roster.csv").write_text(text, encoding="utf-8")


def archive(path, members):
    """Write a zip file of members; one without data is a link."""
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (2027, 3, 1, 12, 0, 0))
            if data is None:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                data = b"/etc/passwd"
            file.writestr(info, data)
    return path
