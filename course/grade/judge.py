"""Judge the answers of a batch: `python -m course judge RAN OUT`.

This is the trusted side. It reads plain data, runs nothing of a student's, and asks the same checks
that students have. A function is judged by what it returned in the sandbox for the secret inputs.
Networks are evaluated here, from their weights; Keras is started only if there are some, and once
for all of the batch.
"""

import hashlib
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from course import ROOT
from course.grade import codec, files, probes, term
from helpers import checks

LARGEST = 200_000_000  # bytes of all arrays of a submission


class Unreadable(ValueError):
    """What the sandbox left is not what it leaves."""


def read_arrays(path):
    """Return the arrays that the sandbox left, after a look at how large they are."""
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > LARGEST:
            raise Unreadable(f"more than {LARGEST / 1e6:.0f} MB of arrays")
    with np.load(path, allow_pickle=False) as file:
        return [file[f"a{k}"] for k in range(len(file.files))]


class Replay:
    """Stands for a student's function: gives again what it returned in the sandbox.

    Parameters
    ----------
    calls : list of dict
        What each case led to.
    cases : list of tuple
        The inputs, in the same order.
    arrays : list of numpy.ndarray
    """

    def __init__(self, calls, cases, arrays):
        self._calls, self._cases, self._arrays, self._next = calls, cases, arrays, 0

    def __call__(self, *inputs):
        k, self._next = self._next, self._next + 1
        if k >= len(self._calls) or not _equal(inputs, self._cases[k]):
            raise checks.CannotJudge("the check asked for inputs that were not tried")
        match self._calls[k]:
            case {"output": output, "changed": changed}:
                if changed:
                    raise checks.Wrong("it changed the array it was given. Work on a copy.")
                return codec.unpack(output, self._arrays)
            case {"raised": "NotImplementedError"}:
                raise NotImplementedError
            case {"raised": str(text)}:
                name, _, rest = text.partition(": ")
                raise type(name, (Exception,), {})(rest)
            case {"refused": str(text)}:
                raise checks.Wrong(f"it returned {text}, which is no answer.")
        raise checks.CannotJudge("what was recorded of the function cannot be read")


def _equal(inputs, case):
    return len(inputs) == len(case) and all(
        np.array_equal(a, b) if isinstance(b, np.ndarray) else a == b
        for a, b in zip(inputs, case, strict=True)
    )


def judge_page(who, page, answers, arrays):
    """Return the verdicts on one student's answers to a page.

    Returns
    -------
    list of dict
        For each graded exercise `name`, `status`, `message`, `score` (0 to 1), `points` (at most).
    """
    verdicts = []
    for exercise in probes.graded(page):
        try:
            outcome = _outcome(exercise, who, answers, arrays)
        except (codec.Refused, KeyError, TypeError, AttributeError, IndexError) as problem:
            outcome = checks.Outcome(checks.CANNOT_JUDGE, f"the answer cannot be read: {problem}")
        verdicts.append(verdict(exercise, outcome))
    return verdicts


def verdict(exercise, outcome):
    """Return what is kept of the outcome of a check; see :func:`judge_page`."""
    return {
        "name": probes.full_name(exercise),
        "status": outcome.status,
        "message": outcome.message,
        "score": float(np.clip(outcome.score, 0, 1)),
        "points": exercise.check.points,
    }


def _outcome(exercise, who, answers, arrays):
    """Return what the check says of one answer."""
    check, kind = exercise.check, probes.kind(exercise)
    if kind == "files":
        return _of_files(check, answers["files"], arrays)
    given = answers["answers"].get(probes.full_name(exercise))
    if given is None:
        return checks.Outcome(checks.NOT_ATTEMPTED, "there is no answer in the notebook.")
    arrays = _its_own(given, arrays)
    if "refused" in given:
        return checks.Outcome(checks.WRONG, f"the answer is {given['refused']}; expected numbers.")
    if kind == "function" and "calls" in given:
        replay = Replay(given["calls"], probes.cases(exercise), arrays)
        return check.outcome(replay, seed=term.seed_of(probes.full_name(exercise)))
    value = codec.unpack(given["value"], arrays)
    return check.outcome(value, *([who] if kind == "value" else []))


def _its_own(about, arrays):
    """Return, of all arrays of a submission, those of one answer or file."""
    return arrays[about["first"] : about["first"] + about["n"]]


def _of_files(check, given, arrays):
    """Return what the check says of files that were handed in, written anew from their arrays."""
    missing = [name for name in check.hands_in if given.get(name, {"missing": 1}).get("missing")]
    if len(missing) == len(check.hands_in):
        return checks.Outcome(checks.NOT_ATTEMPTED, "no files were handed in.")
    if missing:
        return checks.Outcome(checks.WRONG, f"{missing[0]} was not handed in.")
    for name in check.hands_in:
        if "refused" in given[name]:
            return checks.Outcome(checks.WRONG, f"{name}: {given[name]['refused']}")
    with tempfile.TemporaryDirectory() as folder:
        for name in check.hands_in:
            about = given[name]
            found = _its_own(about, arrays)
            if name.endswith(".npy"):
                np.save(Path(folder, name), found[0], allow_pickle=False)
            else:
                named = dict(zip(about["names"], found, strict=True))
                np.savez(Path(folder, name).with_suffix(".npz"), **named)
        return check.outcome(folder, graded=True)


# --- a batch ------------------------------------------------------------------------------------


@cache
def machinery():
    """Return a digest of the checks and of what they use."""
    digest = hashlib.sha256(term.secret().encode())
    used = ("helpers/**/*.py", "inside/*.py", "chirps/*.py", "course/grade/*.py")
    for path in sorted(path for pattern in used for path in ROOT.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def judge_student(who, pages):
    """Return the verdicts on all that a student answered, by page; keep them on disk."""
    found = {}
    for page, digest in pages.items():
        place = files.GRADING / "answers" / who / page
        target = files.GRADING / "verdicts" / who / f"{page}.json"
        of = hashlib.sha256(f"{machinery()} {digest} {page}".encode()).hexdigest()
        if target.is_file() and (kept := files.read_json(target))["of"] == of:
            found[page] = kept
            continue
        answers = files.read_json(place / "answers.json")
        arrays = read_arrays(place / "arrays.npz")
        found[page] = {
            "of": of,
            "verdicts": judge_page(who, page, answers, arrays),
            "errors": answers["errors"],
            "problems": answers["problems"],
            "equals": equals(answers, arrays),
        }
        files.write_text(target, files.as_json(found[page]))
    return found


def equals(answers, arrays):
    """Return a digest for every file of weights, to find what two students handed in alike."""
    found = {}
    for name, about in answers["files"].items():
        if name.endswith(".h5") and about.get("n"):
            digest = hashlib.sha256()
            for array in _its_own(about, arrays):
                digest.update(array.tobytes())
            found[name] = digest.hexdigest()
    return found


def main():
    ran, out = map(Path, sys.argv[1:])
    judged = {who: judge_student(who, pages) for who, pages in files.read_json(ran).items()}
    files.write_text(out, files.as_json(judged))
