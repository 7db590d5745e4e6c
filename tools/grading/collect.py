"""Gather what students handed in: `python tools/grading/collect.py SUBMISSIONS`.

SUBMISSIONS is a folder with one folder for each student, named by identifier; or what a learning
management system exports, as a zip file or unpacked: Canvas (``name_12345_67890_file.ipynb``) or
Moodle (``Name_12345_assignsubmission_file_/file.ipynb``), whose numbers the roster translates.

Only notebooks of the course's pages and the files that its exercises ask for are taken, as copies.
What is too large, too much, or a link, is refused with the reason. Nothing is opened here.
"""

import argparse
import datetime
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import zipfile
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import exercises
import notebook
import term

from helpers.sources import written_whole

GRADING = notebook.ROOT / "_build" / "grading"
LARGEST = 25_000_000  # bytes of one file
MOST = 200  # files of one student
BATCH = 25  # submissions in one job
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
CANVAS = re.compile(r"(?P<who>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_(?P<file>.+)")
MOODLE = re.compile(r"(?P<who>[^_]+)_(?P<id>\d+)_assignsubmission_file_?")


@cache
def wanted_files():
    """Return a pattern for every file that counts: page or file name → (page, pattern)."""
    found = {}
    for page in notebook.pages():
        graded = [e for e in exercises.exercises(page) if e.graded]
        if graded:
            # Browsers and systems add numbers: 01_convolution (1).ipynb, 01_convolution-2.ipynb.
            found[f"{page}.ipynb"] = page, re.compile(rf"{page}[ _.()\d-]*\.ipynb")
        for exercise in graded:
            for name in exercise.hands_in:
                stem, _, suffix = name.partition(".")
                found[name] = page, re.compile(rf"{re.escape(stem)}[ _()\d-]*\.{re.escape(suffix)}")
    return found


class Gathered:
    """What one student handed in."""

    def __init__(self):
        self.files, self.problems, self.seen = {}, [], 0

    def add(self, name, data, when, wanted):
        """Take a file if it is one that counts; the newer of two with one name."""
        for target, (_, pattern) in wanted.items():
            if pattern.fullmatch(name):
                known = self.files.get(target)
                if known is None or when >= known[1]:
                    self.files[target] = data, when
                return

    @property
    def submitted(self):
        """When the newest file of each page was written: a page does not make another late."""
        found = {}
        for name, (_, when) in self.files.items():
            page = wanted_files()[name][0]
            found[page] = max(when, found.get(page, when))
        return found

    def refuse(self, text):
        self.problems.append(text)


def gather(source):
    """Return what is in a folder or an archive, by student.

    Returns
    -------
    dict of str to Gathered
    list of str
        What could not be given to any student.
    """
    roster = term.roster()
    by_lms = {}
    for student in roster.values():
        for number in (student.canvas_id, student.moodle_id):
            if number:
                by_lms[number] = student.id
    found, strays, wanted = {}, [], wanted_files()
    for parts, read, when, problem in _entries(source):
        who, name = _owner(parts, by_lms)
        if who is None:
            strays.append(f"{'/'.join(parts)}: {name}")
            continue
        gathered = found.setdefault(who, Gathered())
        gathered.seen += 1
        if name is None:  # a folder: somebody who handed in nothing that counts is still somebody
            continue
        if gathered.seen == MOST + 1:
            gathered.refuse(f"more than {MOST} files: the rest was not looked at")
        if gathered.seen > MOST:
            continue
        if problem:
            gathered.refuse(f"{name}: {problem}")
            continue
        try:
            gathered.add(name, read(), when, wanted)
        except OSError as error:
            gathered.refuse(f"{name}: {error.strerror or 'it could not be read'}")
    return found, strays


def _owner(parts, by_lms):
    """Return the student and the file's name for a path, or None and why there is none.

    A path of one part that ends in a slash is a folder, and its name is None.
    """
    top, name = parts[0].rstrip("/"), parts[-1] if len(parts) > 1 else None
    folder = len(parts) > 1 or parts[0].endswith("/")
    if found := (MOODLE if folder else CANVAS).fullmatch(top):
        who = by_lms.get(found["id"])
        if who is None:
            return None, f"nobody on the roster has the number {found['id']}"
        return who, name if folder else found["file"]
    if not folder:
        return None, "it lies in no student's folder"
    if not IDENTIFIER.fullmatch(top):
        return None, f"{top[:40]!r} is no identifier"
    return top, name


def _entries(source):
    """Yield (parts of the path, how to read it, when it was written, problem) of each file."""
    if source.is_file():
        yield from _in_archive(source)
        return
    for top in sorted(source.iterdir()):
        if top.is_symlink():
            yield [top.name, top.name], None, None, "it is a link"
        elif top.is_dir():
            yield [f"{top.name}/"], None, None, None
            for folder, folders, names in os.walk(top, followlinks=False):
                for name in sorted(folders):
                    if (Path(folder) / name).is_symlink():
                        yield [top.name, name], None, None, "it is a link"
                for name in sorted(names):
                    yield from _one(Path(folder) / name, [top.name, name])
        else:
            yield from _one(top, [top.name])


def _one(path, parts):
    about = path.lstat()
    problem = None
    if stat.S_ISLNK(about.st_mode):
        problem = "it is a link"
    elif not stat.S_ISREG(about.st_mode):
        problem = "it is no file"
    elif about.st_size > LARGEST:
        problem = f"{about.st_size / 1e6:.0f} MB; at most {LARGEST / 1e6:.0f} MB are taken"
    when = datetime.datetime.fromtimestamp(int(about.st_mtime), datetime.UTC)

    def read():
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            return file.read(LARGEST + 1)

    yield parts, read, when, problem


def _in_archive(source):
    """Yield the files of an archive; their names never become paths."""
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            parts = [p for p in member.filename.replace("\\", "/").split("/") if p]
            if not parts or member.is_dir():
                continue
            problem = None
            if ".." in parts:
                problem = "its name leads out of the archive"
            elif stat.S_ISLNK(member.external_attr >> 16):
                problem = "it is a link"
            elif member.file_size > LARGEST:
                problem = f"{member.file_size / 1e6:.0f} MB; at most {LARGEST / 1e6:.0f} are taken"
            when = datetime.datetime(*member.date_time, tzinfo=datetime.UTC)

            def read(member=member):
                with archive.open(member) as file:
                    return file.read(LARGEST + 1)

            yield parts, read, when, problem


def write(found, folder):
    """Write copies of what was gathered, and a digest of each student's; drop who is gone."""
    for who in folder.iterdir() if folder.is_dir() else ():
        if who.name not in found:
            shutil.rmtree(who)
    digests = {}
    for who, gathered in sorted(found.items()):
        about = {
            "id": who,
            "files": {n: hashlib.sha256(d).hexdigest() for n, (d, _) in gathered.files.items()},
            "submitted": {page: when.isoformat() for page, when in gathered.submitted.items()},
            "problems": sorted(gathered.problems),
        }
        text = json.dumps(about, indent=1, sort_keys=True)
        digests[who] = hashlib.sha256(text.encode()).hexdigest()
        target = folder / who
        note = target / "collected.json"
        if note.is_file() and note.read_text(encoding="utf-8") == text:
            continue
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name, (data, _) in gathered.files.items():
            (target / name).write_bytes(data)
        with written_whole(note) as part:  # last: a folder without it is not whole
            part.write_text(text, encoding="utf-8")
    return digests


def write_batches(digests, folder):
    """Write the list of each batch, by a hash of the identifier, so that few lists ever change."""
    n = max(1, -(-len(digests) // BATCH))
    batches = {}
    for who, digest in digests.items():
        number = int(hashlib.sha256(who.encode()).hexdigest(), 16) % n
        batches.setdefault(f"{number:04d}-of-{n:04d}", {})[who] = digest
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.stem not in batches:
            path.unlink()
    for name, content in batches.items():
        path, text = folder / f"{name}.json", json.dumps(content, indent=1, sort_keys=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            with written_whole(path) as part:
                part.write_text(text, encoding="utf-8")
    return batches


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("submissions", type=Path)
    args = parser.parse_args()
    source = args.submissions
    if not source.exists():
        sys.exit(f"SUBMISSIONS={source}: there is no such folder or archive.")
    try:
        term.secret()
        term.policy()  # a mistake in it shows before anything runs
        found, strays = gather(source)
    except (term.TermError, zipfile.BadZipFile) as problem:
        sys.exit(f"{problem}")
    batches = write_batches(write(found, GRADING / "collected"), GRADING / "batches")
    with written_whole(GRADING / "strays.txt") as part:
        part.write_text("".join(f"{line}\n" for line in strays), encoding="utf-8")
    n_problems = sum(bool(g.problems) for g in found.values())
    print(f"{len(found)} students in {len(batches)} batches, {n_problems} with something refused")
    for line in strays:
        print(f"not taken: {line}")


if __name__ == "__main__":
    main()
