"""A small term in a temporary folder, for the tests of the grader."""

import json

import nbformat

from course.grade import batch, collect, gradebook, judge, synthetic

PAGE = "convolution"
SEED = "a secret of this term, for tests only"


def begin(tmp_path, monkeypatch):
    """Return the folder for submissions of a new term."""
    keys, place, submissions = (tmp_path / n for n in ("keys", "grading", "submissions"))
    keys.mkdir()
    submissions.mkdir()
    (keys / "seed.txt").write_text(SEED)
    monkeypatch.setenv("COURSE_KEYS", str(keys))
    for module in (collect, batch, judge, gradebook):
        monkeypatch.setattr(module, "GRADING", place)
    return submissions


def hand_in(submissions, who, notebook=None, page=PAGE, **files):
    """Put a notebook, and files, into a student's folder."""
    folder = submissions / who
    folder.mkdir(exist_ok=True)
    if notebook is not None:
        nbformat.write(notebook, folder / f"{page}.ipynb")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def collected(submissions):
    """Gather what is in the folder; return the digests."""
    found, strays = collect.gather(submissions)
    assert not strays
    return collect.write(found, collect.GRADING / "collected")


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
    return json.loads((collect.GRADING / "collected" / who / "collected.json").read_text())
