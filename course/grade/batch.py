"""Run a batch of submissions, each in a sandbox: `python -m course run-batch BATCH OUT`.

Of a notebook the graded cells run, and those that the student added; of the course's own cells no
other, so nothing is trained anew. What a submission answered is kept beside a digest of all that
it depends on, and is not run again while that stands.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from course import ROOT
from course.grade import codec, files, probes, sandbox
from course.grade.collect import wanted_files
from helpers.sources import written_whole

CELL_SECONDS = 15
CALL_SECONDS = 5
RERUNS = 3  # without the cell that did not end
LIMITS = sandbox.Limits(silence=CELL_SECONDS + 10)
MOST_CELLS = 300

# What of the course is in reach: what graded cells may use, what reads weights, what sends answers.
IN_REACH = (
    *(f"helpers/{name}.py" for name in ("__init__", "personal", "sources", "weights")),
    *("course/__init__.py", "course/grade/__init__.py", "course/grade/codec.py"),
)


class Unreadable(ValueError):
    """A notebook that cannot be run; the message says why."""


@cache
def release(page):
    """Return which of the cells that students received are to be run, by id and by source."""
    of_files = {e.stub.strip() for e in probes.graded(page) if probes.kind(e) == "files"}
    by_id, by_source = {}, {}
    for cell_id, source, tags in probes.released_cells(page):
        runs = "graded" in tags and not source.startswith("check.") and source not in of_files
        by_id[cell_id], by_source[source] = runs, runs
    return by_id, by_source


def cells_to_run(data, page):
    """Return the cells of a notebook that the grader runs.

    Parameters
    ----------
    data : bytes
        The notebook, as it was handed in.
    page : str

    Returns
    -------
    list of dict
        `number` among all cells of the notebook, and `source`.

    Raises
    ------
    Unreadable
        If it is no notebook, or one for another language.
    """
    try:
        content = json.loads(data)
        cells, metadata = content["cells"], content.get("metadata", {})
        language = metadata.get("kernelspec", {}).get("language") or metadata.get(
            "language_info", {}
        ).get("name")
        read = [_code(cell) for cell in cells]
    except RecursionError:
        raise Unreadable("the notebook is nested too deeply") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unreadable("it is no notebook: save it in Jupyter or Colab as .ipynb") from None
    if language not in (None, "python"):
        raise Unreadable(f"the notebook is for {str(language)[:20]}, expected Python")
    if len(read) > MOST_CELLS:
        raise Unreadable(f"the notebook has {len(read)} cells, at most {MOST_CELLS} are run")
    by_id, by_source = release(page)
    found = []
    for number, cell in enumerate(read):
        if cell is None:
            continue
        ids, source, tags = cell
        known = [by_id[i] for i in ids if i in by_id]
        if known:
            runs = known[0]
        elif source in by_source:
            runs = by_source[source]
        else:  # the student's own, or one whose id an editor has lost
            runs = bool(source) and not source.startswith(("check.", "from helpers.checks"))
            runs = runs and ("setup" not in tags)
        if runs:
            found.append({"number": number, "source": source})
    return found


def _code(cell):
    """Return (ids, source, tags) of a code cell; None for any other."""
    if cell["cell_type"] != "code":
        return None
    source, about = cell["source"], cell.get("metadata", {})
    source = source if isinstance(source, str) else "".join(source)
    ids = [i for i in (cell.get("id"), about.get("id")) if isinstance(i, str)]
    return ids, source.strip(), [str(tag) for tag in about.get("tags", [])]


def run_notebook(page, folder):
    """Run what a student handed in for a page.

    Parameters
    ----------
    page : str
    folder : pathlib.Path
        The collected files of the student.

    Returns
    -------
    answers : dict
        What was answered, refused and went wrong; plain JSON.
    arrays : list of numpy.ndarray
        What the answers refer to.
    measured : dict
        Seconds, CPU seconds and bytes of memory.

    Raises
    ------
    sandbox.NoSandbox
        If the sandbox ended before anything of the student ran: that is no fault of theirs.
    """
    path, cells, problems = folder / f"{page}.ipynb", [], []
    if path.is_file():
        try:
            cells = cells_to_run(path.read_bytes(), page)
        except Unreadable as problem:
            problems.append(str(problem))
    answers = {"answers": {}, "files": {}, "errors": {}, "problems": problems}
    arrays, measured = [], {"seconds": 0.0, "cpu_seconds": 0.0, "memory": 0, "runs": 0}
    skipped = set()
    for _ in range(1 + RERUNS):
        left = [cell for cell in cells if cell["number"] not in skipped]
        if not left and not _any_files(page, folder):
            break
        result = in_sandbox(page, left, folder)
        measured["seconds"] += result.seconds
        measured["cpu_seconds"] += result.cpu_seconds
        measured["memory"] = max(measured["memory"], result.memory)
        measured["runs"] += 1
        finished, unended = _take(result, answers, arrays, page)
        if finished:
            break
        if unended not in {cell["number"] for cell in left}:
            problems.append(f"the run was stopped: {REASONS[result.ended]}")
            break
        skipped.add(unended)
        answers["errors"][str(unended)] = f"the cell was stopped: {REASONS[result.ended]}"
    else:
        problems.append("too many cells had to be stopped; the rest was not run")
    return answers, arrays, measured


REASONS = {
    "time": "it did not end in time",
    "memory": f"it took more than {LIMITS.memory / 1e9:.1f} GB of memory",
    "output": "it sent more than an answer can be",
    "died": "Python itself ended",
    "done": "Python itself ended",
}


def _any_files(page, folder):
    return any((folder / name).is_file() for name in probes.files_asked(page))


def in_sandbox(page, cells, folder):
    """Run cells in the sandbox and return what became of them."""
    with tempfile.TemporaryDirectory(prefix="grading-") as place:
        job = Path(place)
        about = {
            "cells": cells,
            "exercises": probes.asked(page),
            "files": probes.files_asked(page),
            "cell_seconds": CELL_SECONDS,
            "call_seconds": CALL_SECONDS,
        }
        (job / "job.json").write_text(json.dumps(about), encoding="utf-8")
        (job / "probes").write_bytes(probes.probe_bytes(page))
        (job / "files").mkdir()
        for name in about["files"]:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, job / "files" / name)
        for path in (job, *job.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        shared = {"/job": job}
        shared |= {f"/course/{name}": ROOT / name for name in IN_REACH}
        shared["/course/run_submission.py"] = ROOT / "course" / "grade" / "run_submission.py"
        program = [sys.executable, "/course/run_submission.py", "/job"]
        result = sandbox.run(program, shared, LIMITS)
    if next(codec.messages(result.output), ({}, []))[0] != {"ready": True}:
        raise sandbox.NoSandbox(
            f"{page}: the sandbox ended before anything of the student's ran: "
            f"{REASONS[result.ended]}. {result.errors.strip()}\nRun the same command again: it "
            "goes on where it stopped. If this comes back, the computer is too busy."
        )
    return result


def _take(result, answers, arrays, page):
    """Add what the sandbox sent; return whether it came to the end, and the cell that did not.

    It may be anything: whoever ran inside could write to the same pipe. So it is taken as data
    about this one submission, and nothing more.
    """
    names = {asked["name"] for asked in probes.asked(page)}
    finished, unended = False, None
    for head, found in codec.messages(result.output):
        match head:
            case {"done": True}:
                finished = True
            case {"begins": int(number)}:
                unended = number
            case {"ends": int(number), "error": error} if 0 <= number < MOST_CELLS:
                unended = None
                if isinstance(error, str):
                    answers["errors"][str(number)] = error[:400]
            case {"answer": str(name), **rest} if name in names:
                answers["answers"][name] = {**rest, "first": len(arrays), "n": len(found)}
                arrays.extend(found)
            case {"file": str(name), **rest} if name in probes.files_asked(page):
                answers["files"][name] = {**rest, "first": len(arrays), "n": len(found)}
                arrays.extend(found)
    return finished, unended


# --- a batch ------------------------------------------------------------------------------------


@cache
def machinery():
    """Return a digest of what a run depends on beside the submission."""
    digest = hashlib.sha256(
        repr((LIMITS, CELL_SECONDS, CALL_SECONDS, RERUNS, sys.version)).encode()
    )
    own = (f"course/grade/{name}.py" for name in ("batch", "sandbox", "run_submission"))
    for name in (*IN_REACH, *own):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def digest_of(page, handed_in):
    """Return the digest of everything that the answers to a page depend on."""
    parts = [machinery(), json.dumps(handed_in, sort_keys=True), json.dumps(probes.asked(page))]
    released = [(i, s, sorted(t)) for i, s, t in probes.released_cells(page)]
    parts += [hashlib.sha256(probes.probe_bytes(page)).hexdigest(), json.dumps(released)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def pages_of(digests):
    """Return, for each page that a student handed in something for, the digests of these files."""
    wanted, found = wanted_files(), {}
    for name, digest in digests.items():
        found.setdefault(wanted[name].page, {})[name] = digest
    return found


def run_student(who):
    """Run all that one student handed in; return the digests of the answers, by page."""
    folder, done = files.GRADING / "collected" / who, {}
    about = files.read_json(folder / "collected.json")
    for page, handed_in in sorted(pages_of(about["files"]).items()):
        target = files.GRADING / "answers" / who / page
        digest = digest_of(page, handed_in)
        note = target / "answers.json"
        if not note.is_file() or files.read_json(note)["of"] != digest:
            answers, arrays, measured = run_notebook(page, folder)
            keep(target, {"of": digest, **answers}, arrays, measured)
        done[page] = hashlib.sha256(note.read_bytes()).hexdigest()
    return done


def keep(target, answers, arrays, measured):
    """Write answers, arrays and measurements; the answers last, so that they are whole."""
    target.mkdir(parents=True, exist_ok=True)
    (target / "answers.json").unlink(missing_ok=True)
    with written_whole(target / "arrays.npz") as part, open(part, "wb") as file:
        np.savez(file, **{f"a{k}": array for k, array in enumerate(arrays)})
    files.write_text(target / "measured.json", json.dumps(measured))
    answers["arrays"] = hashlib.sha256((target / "arrays.npz").read_bytes()).hexdigest()
    files.write_text(target / "answers.json", files.as_json(answers))


def main():
    batch, out = map(Path, sys.argv[1:])
    try:
        sandbox.prove()
    except sandbox.NoSandbox as problem:
        sys.exit(f"Nothing was graded. {problem}")
    try:
        done = {who: run_student(who) for who in sorted(files.read_json(batch))}
    except sandbox.NoSandbox as problem:
        sys.exit(str(problem))
    files.write_text(out, files.as_json(done))
