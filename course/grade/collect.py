"""Gather what students handed in: `python -m course collect SUBMISSIONS`.

SUBMISSIONS is a folder with one folder for each student, named by identifier; or what a learning
management system exports, as a zip file or unpacked: Canvas (``name_12345_67890_file.ipynb``) or
Moodle (``Name_12345_assignsubmission_file_/file.ipynb``). The roster says whose number or name that
is. A folder around all of them, as zipping adds it, does no harm.

Only notebooks of the course's pages and the files that its exercises ask for are taken, as copies.
Which page a notebook is of, it says in its metadata; else its name does, with anything around it
and any number in front. What is too large, too much, or a link, is refused with the reason; what
goes by another name is listed. If nothing can be graded, nothing is changed.
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
import unicodedata
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from course import ROOT, exercises, notebook
from course.grade import files, term

LARGEST = 25_000_000  # bytes of one file
MOST = 200  # files of one student
BATCH = 25  # submissions in one job
FEW = 10  # names in a message
# Canvas sees to it that no name holds such a number, so the first one is the student's.
CANVAS = re.compile(r"(?P<who>.+?)_(?P<late>LATE_)?(?P<id>\d+)_\d+_(?P<file>.+)")
MOODLE = re.compile(r"(?P<who>[^_]+)_(?P<id>\d+)_assignsubmission_[a-z]+_?")
MOODLE_FILE = re.compile(r"(?P<who>[^_]+)_(?P<id>\d+)_assignsubmission_[a-z]+_(?P<file>.+)")
UNREADABLE = (OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)


class Wanted(NamedTuple):
    """A file that counts: of which page, by what names, and the name that students know."""

    page: str
    pattern: re.Pattern
    known_as: str


@cache
def wanted_files():
    """Return every file that counts, in the order of the book, by the name of its copy."""
    found = {}
    for page in notebook.pages():
        graded = [e for e in exercises.exercises(page) if e.graded]
        if graded:
            name = f"{page}.ipynb"
            found[name] = Wanted(page, _pattern(name), notebook.handed_out(page))
        for exercise in graded:
            for name in exercise.hands_in:
                found[name] = Wanted(page, _pattern(name), name)
    return found


def graded_pages():
    """Return the pages that have something graded, in the order of the book."""
    return list(dict.fromkeys(wanted.page for wanted in wanted_files().values()))


def _pattern(name):
    """Return a pattern for a name with something around its parts.

    Browsers, systems and students add to names: ``convolution (1).ipynb``, ``Copy of
    convolution.ipynb``, ``01_convolution_Ada.ipynb``, ``first_cnn.weights-2.h5``.
    """
    parts = r"(?:[^A-Za-z0-9].*)?\.".join(re.escape(part) for part in name.split("."))
    return re.compile(rf"(?:.*[^A-Za-z0-9])?{parts}", re.IGNORECASE)


def by_name(name):
    """Return the file that counts which a name means, the longest if several; or None."""
    if len(name) > 255:
        return None
    fitting = [t for t, wanted in wanted_files().items() if wanted.pattern.fullmatch(name)]
    return max(fitting, key=len, default=None)


def by_content(name, data):
    """Return the file that counts which a notebook says it is; None if it says nothing of use.

    Anything at all may be in it.
    """
    if not name.lower().endswith(".ipynb"):
        return None
    try:
        said = f"{json.loads(data)['metadata']['course']['page']}.ipynb"
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError):
        return None
    return said if said in wanted_files() else None


class NothingToGrade(ValueError):
    """What SUBMISSIONS names cannot be meant; the message says why, and what is expected."""


class Gathered:
    """What one student handed in."""

    def __init__(self):
        self.files, self.problems, self.seen = {}, [], 0
        self.names, self.several, self.left = {}, set(), []

    def add(self, name, data, when):
        """Take a file if it is one that counts; the newest of several for the same."""
        named = by_name(name)
        target = by_content(name, data) or named
        if target is None:
            self.left.append(name)
            return
        if named not in (None, target):
            of, by = wanted_files()[target].known_as, wanted_files()[named].known_as
            self.refuse(f"{_text(name)}: by its name {by}, by its content {of}; taken as {of}")
        self._choose(target, name, data, when)

    def _choose(self, target, name, data, when):
        """Take the file, unless a newer one, or as old with the right name, has been taken."""
        if target in self.files:
            other, since = self.files[target]
            if other != data:
                self.several.add(target)
            names = [notebook.without_number(n) == target for n in (name, self.names[target])]
            if (when, names[0]) < (since, names[1]):
                return
        self.files[target], self.names[target] = (data, when), name

    @property
    def submitted(self):
        """When the newest file of each page was written: a page does not make another late."""
        found = {}
        for name, (_, when) in self.files.items():
            page = wanted_files()[name].page
            found[page] = max(when, found.get(page, when))
        return found

    def refuse(self, text):
        self.problems.append(text)

    def conclude(self):
        """Say what was not taken, so that nobody gets nothing for a name and does not know it."""
        wanted = wanted_files()
        for target in sorted(self.several):
            known, taken = wanted[target].known_as, _text(self.names[target])
            self.refuse(f"several different files for {known}; the newest was taken: {taken}")
        if self.left:
            expected = ", ".join(one.known_as for one in wanted.values())
            self.refuse(f"not taken: {_few(self.left)}; expected {expected}")


def gather(source):
    """Return what is in a folder or an archive, by student.

    Returns
    -------
    dict of str to Gathered
    list of str
        What could not be given to any student.
    """
    whose = Owners(term.roster())
    found, strays = {}, []
    around = _around([parts for parts, *_ in _entries(source)], whose)
    for parts, read, when, problem in _entries(source):
        if parts[: len(around)] == around:
            parts = parts[len(around) :]
        if parts in ([], [""]):  # a folder around
            continue
        who, name = whose.owner(parts)
        if who is None:
            if parts[-1]:
                strays.append(f"{_text('/'.join(parts))}: {name}")
            continue
        gathered = found.setdefault(who, Gathered())
        if not name:  # a folder: somebody who handed in nothing that counts is still somebody
            continue
        gathered.seen += 1
        if gathered.seen == MOST + 1:
            gathered.refuse(f"more than {MOST} files: the rest was not looked at")
        if gathered.seen > MOST:
            continue
        if problem:
            gathered.refuse(f"{_text(name)}: {problem}")
            continue
        try:
            gathered.add(name, read(), when)
        except UNREADABLE as error:
            why = getattr(error, "strerror", None) or "it could not be read"
            gathered.refuse(f"{_text(name)}: {why}")
    for gathered in found.values():
        gathered.conclude()
    return found, strays


def _text(name):
    """Return a name as text that can be written and printed."""
    return "".join(c if c.isprintable() else "?" for c in name[:200])


def _few(names):
    """Return the first of some names, and how many there are beside."""
    names = [_text(name) for name in names]
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more


def _around(paths, whose):
    """Return the folders around those of the students, outermost first; usually there are none."""
    around = []
    while True:
        below = [p[len(around) :] for p in paths if p[: len(around)] == around and ".." not in p]
        tops = {p[0] for p in below if len(p) > 1}
        if len(tops) != 1 or whose.is_student(*tops):
            return around
        inside = [p[1:] for p in below if p[0] in tops and len(p) > 1]
        names = [p[0] for p in inside if len(p) == 1 and p[0]]
        exports = [name for name in names if CANVAS.fullmatch(name) or MOODLE_FILE.fullmatch(name)]
        if not exports and (any(map(by_name, names)) or all(len(p) == 1 for p in inside)):
            return around  # it holds files of a student, or nothing
        around += tops


def _plain(name):
    """Return the letters and digits of a name: systems change the rest."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", name)).casefold()


class Owners:
    """Who is who: by identifier, by the number of Canvas, by the full name in Moodle.

    Parameters
    ----------
    roster : dict of str to term.Student
    """

    def __init__(self, roster):
        self.roster = roster
        self.ids = {who.lower(): who for who in roster}
        self.canvas = {s.canvas_id: who for who, s in roster.items() if s.canvas_id}
        self.moodle = {s.moodle_id: who for who, s in roster.items() if s.moodle_id}
        self.names = {}
        for who, student in roster.items():
            if _plain(student.name):
                self.names.setdefault(_plain(student.name), []).append(who)

    def is_student(self, folder):
        """Say whether a folder is that of a student, as far as its name tells."""
        return folder.lower() in self.ids or bool(MOODLE.fullmatch(folder))

    def owner(self, parts):
        """Return the student and the file's name for a path, or None and why there is none.

        The last part is empty for a folder.
        """
        top, name, folder = parts[0], parts[-1], len(parts) > 1
        if found := (MOODLE if folder else MOODLE_FILE).fullmatch(top):
            who, why = self._of_moodle(found["who"], found["id"])
            return (None, why) if who is None else (who, name if folder else found["file"])
        if not folder:
            found = CANVAS.fullmatch(top)
            if not found:
                return None, "it lies in no student's folder"
            who = self.canvas.get(found["id"])
            if who is None:
                return None, f"nobody on the roster has the canvas_id {found['id']}"
            return who, found["file"]
        if not term.IDENTIFIER.fullmatch(top):
            return None, f"{_text(top[:40])!r} is no identifier"
        return self.ids.setdefault(top.lower(), top), name

    def _of_moodle(self, name, number):
        """Return the student whom Moodle calls so; its numbers are others for every assignment."""
        named, numbered = self.names.get(_plain(name), []), self.moodle.get(number)
        if numbered in named or (len(named) == 1 and numbered is None):
            return numbered or named[0], None
        if len(named) > 1:
            return None, f"{', '.join(named)} have this name on the roster, and none this moodle_id"
        if numbered is None:
            return None, "nobody on the roster has this name or this moodle_id"
        of_number = self.roster[numbered].name
        # Moodle puts the group before the name; with hidden names, the roster has to have none.
        if not named and _plain(name).endswith(_plain(of_number)):
            return numbered, None
        return None, f"by the roster the moodle_id {number} is that of {of_number or numbered}"


def _entries(source):
    """Yield (parts of the path, how to read it, when it was written, problem) of each file.

    The last part is empty for a folder.
    """
    for entry in _in_archive(source) if source.is_file() else _in_folder(source):
        if not _is_clutter(entry[0]):
            yield entry


def _is_clutter(parts):
    """Say whether a computer left this file, and no student: hidden files, and the like."""
    hidden = any(part.startswith(".") and part != ".." for part in parts)
    return hidden or "__MACOSX" in parts or parts[-1].lower() in ("thumbs.db", "desktop.ini")


def _in_folder(source):
    """Yield what lies below a folder; links are not followed."""
    closed = []
    for folder, folders, names in os.walk(source, followlinks=False, onerror=closed.append):
        above = list(Path(folder).relative_to(source).parts)
        folders.sort()
        for name in folders:
            if (Path(folder) / name).is_symlink():
                yield [*above, name, name], None, None, "it is a link"
            else:
                yield [*above, name, ""], None, None, None
        for name in sorted(names):
            yield _one(Path(folder) / name, [*above, name])
    for error in closed:
        parts = Path(error.filename).relative_to(source).parts
        if not parts:
            raise error
        yield [*parts, parts[-1]], None, None, "the folder cannot be read"


def _problem(mode, size):
    """Return why a file is not taken; None where nothing speaks against it."""
    if stat.S_ISLNK(mode):
        return "it is a link"
    if not stat.S_ISREG(mode):
        return "it is no file"
    if size > LARGEST:
        return f"{size / 1e6:.0f} MB; at most {LARGEST / 1e6:.0f} MB are taken"
    return None


def _one(path, parts):
    about = path.lstat()
    when = datetime.datetime.fromtimestamp(int(about.st_mtime), datetime.UTC)

    def read():
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            return file.read(LARGEST + 1)

    return parts, read, when, _problem(about.st_mode, about.st_size)


def _in_archive(source):
    """Yield the files of an archive; their names never become paths."""
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            parts = [p for p in member.filename.replace("\\", "/").split("/") if p not in ("", ".")]
            if not parts:
                continue
            if member.is_dir():
                yield [*parts, ""], None, None, None
                continue
            # Where an archive was made without Unix, it gives no kind of file.
            kind = stat.S_IFMT(member.external_attr >> 16) or stat.S_IFREG
            problem = _problem(kind, member.file_size)
            if ".." in parts:
                problem = "its name leads out of the archive"
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
        text = files.as_json(about)
        digests[who] = hashlib.sha256(text.encode()).hexdigest()
        target = folder / who
        note = target / "collected.json"
        if note.is_file() and note.read_text(encoding="utf-8") == text:
            continue
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name, (data, _) in gathered.files.items():
            (target / name).write_bytes(data)
        files.write_text(note, text)  # last: a folder without it is not whole
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
        path, text = folder / f"{name}.json", files.as_json(content)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            files.write_text(path, text)
    return batches


def source_of(text):
    """Return the path that SUBMISSIONS names.

    Raises
    ------
    NothingToGrade
        If that can be no folder or archive of submissions.
    """
    if not text.strip():
        raise NothingToGrade("SUBMISSIONS is not set: make grade SUBMISSIONS=folder-or-zip")
    source = Path(text).expanduser()
    if not source.exists():
        raise NothingToGrade(f"SUBMISSIONS={text}: there is no such folder or archive.")
    if ROOT.is_relative_to(source.resolve()):
        raise NothingToGrade(
            f"SUBMISSIONS={text} holds the course itself. Put the submissions into a folder of "
            "their own: make grade SUBMISSIONS=folder-or-zip"
        )
    if not source.is_dir() and not zipfile.is_zipfile(source):
        raise NothingToGrade(
            f"SUBMISSIONS={text} is no folder and no whole zip file. Expected is a folder that "
            "holds one folder for each student, or a zip file of it."
        )
    return source


def refuse_mistakes(text, found, strays, roster):
    """Refuse submissions that would give a whole class nothing.

    Parameters
    ----------
    text : str
        What SUBMISSIONS is.
    found, strays
        What :func:`gather` returned.
    roster : dict of str to term.Student

    Raises
    ------
    NothingToGrade
        If no file counts, or nobody is on a roster that exists.
    """
    if not any(gathered.files for gathered in found.values()):
        seen = strays + [f"{who}: {p}" for who in sorted(found) for p in found[who].problems]
        seen = seen or [f"{who}: no file" for who in sorted(found)] or ["nothing"]
        example = next(iter(wanted_files().values())).known_as
        raise NothingToGrade(
            f"SUBMISSIONS={text} holds no file that counts and belongs to a student. Expected are "
            f"one folder for each student, such as ab12cd34/{example}, or what Canvas or "
            "Moodle exports. Found:\n  " + "\n  ".join(seen[:FEW])
        )
    if roster and not set(found) & set(roster):
        raise NothingToGrade(
            f"SUBMISSIONS={text}: nobody in it is on the roster. Found: {_few(sorted(found))}. "
            f"Expected: {_few(sorted(roster))}."
        )


def report(found, strays, batches, roster):
    """Return what to say of what was gathered."""
    refused = sum(bool(gathered.problems) for gathered in found.values())
    lines = [f"{len(found)} students in {len(batches)} batches, {refused} with something refused"]
    unknown, without = sorted(set(found) - set(roster)), sorted(set(roster) - set(found))
    if roster and unknown:
        lines.append(f"not on the roster, graded all the same: {_few(unknown)}")
    if without:
        lines.append(f"on the roster, nothing handed in: {_few(without)}")
    lines += [f"not taken: {line}" for line in strays[:FEW]]
    if len(strays) > FEW:
        lines.append(f"... and {len(strays) - FEW} more in _build/grading/strays.txt")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("submissions")
    text = parser.parse_args().submissions
    try:
        source = source_of(text)
        term.secret()
        term.policy()  # a mistake in it shows before anything runs
        roster = term.roster()
        found, strays = gather(source)
        refuse_mistakes(text, found, strays, roster)
    except (term.TermError, NothingToGrade, zipfile.BadZipFile) as problem:
        sys.exit(f"Nothing was graded. {problem}")
    except OSError as problem:
        sys.exit(f"Nothing was graded. SUBMISSIONS={text} cannot be read: {problem.strerror}.")
    digests = write(found, files.GRADING / "collected")
    batches = write_batches(digests, files.GRADING / "batches")
    files.write_text(files.GRADING / "strays.txt", "".join(f"{line}\n" for line in strays))
    print(report(found, strays, batches, roster))
