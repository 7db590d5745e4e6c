"""Find the files of a data set, verify them, and say what was used.

The order is fixed: a local copy under ``$COURSE_DATA``, the cache, a download. Whoever calls
:func:`find` draws a stand-in when it returns ``None``. Nothing is parsed before its sha256 agrees
with ``data/registry.toml``.
"""

import hashlib
import os
import platform
import tempfile
import time
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 60  # seconds without a byte
ABANDONED = 24 * 3600  # seconds after which another machine's temporary file counts as left over


class DataError(RuntimeError):
    """A data file is damaged, incomplete or not what it claims to be."""


@dataclass(frozen=True)
class Source:
    """What a data set was made from: printed as one line, and kept in run cards.

    Attributes
    ----------
    title : str
        Name of the data set.
    variant : str
        Which form of it, e.g. ``"JPEG copy, quality 75"``.
    origin : {"local copy", "cache", "download", "drawn here"}
        Where it came from this time.
    sha256 : str
        Digest of the file, or of the pixels of a stand-in.
    items : int
        How many images it holds.
    credit : str
        To be shown with every figure.
    stand_in : bool
        True when the course drew it because the real data was out of reach.
    """

    title: str
    variant: str
    origin: str
    sha256: str
    items: int
    credit: str
    stand_in: bool = False

    def __str__(self):
        mark = "STAND-IN for " if self.stand_in else ""
        number = f"{self.items:,} image{'' if self.items == 1 else 's'}"
        return (
            f"{mark}{self.title} ({self.variant}): {number}, {self.origin}, "
            f"sha256 {self.sha256[:8]}…"
        )


@dataclass(frozen=True)
class FoundFile:
    """A verified file on disk."""

    path: Path
    entry: dict
    origin: str


@cache
def course_data():
    """Return the folder of the course's own data: registry, metrics, released models, bank.

    It is ``data`` beside the packages in a checkout and in the students' archive, and lies inside
    of `helpers` where the course is installed.
    """
    here = Path(__file__).resolve().parent
    for folder in (here.parent / "data", here / "_data"):
        if (folder / "registry.toml").is_file():
            return folder
    raise DataError(
        f"data/registry.toml is missing (looked in {here.parent / 'data'}). "
        "Clone the course again, or reinstall it."
    )


@cache
def registry():
    """Return ``data/registry.toml`` as a dictionary."""
    return tomllib.loads((course_data() / "registry.toml").read_text(encoding="utf-8"))


def cache_dir():
    """Return the cache folder: ``$COURSE_CACHE``, else the user's cache. Creates it."""
    chosen = os.environ.get("COURSE_CACHE")
    if chosen:
        folder = Path(chosen).expanduser()
    else:
        import pooch

        folder = Path(pooch.os_cache("convolutions-to-chirps"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DataError(
            f"The cache folder {folder} cannot be made ({problem.strerror}). "
            "Point COURSE_CACHE at a folder that you may write to."
        ) from problem
    return folder


def offline():
    """Whether ``$COURSE_OFFLINE`` forbids downloads."""
    return os.environ.get("COURSE_OFFLINE", "").lower() not in ("", "0", "false", "no")


def sha256_of(path):
    """Return the sha256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path, sha256, remedy):
    """Raise :class:`DataError` unless the file at `path` has this `sha256`."""
    found = sha256_of(path)
    if found != sha256:
        raise DataError(
            f"{path} is damaged: its sha256 is {found[:16]}…, expected {sha256[:16]}… "
            f"({path.stat().st_size:,} bytes). {remedy}"
        )


@contextmanager
def written_whole(path):
    """Yield a temporary path beside `path`; move it there only if the block succeeds.

    A process killed in the middle leaves a ``.part-…`` file and never a half-written `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    handle, name = tempfile.mkstemp(prefix=f"{_part(path)}{os.getpid()}-", dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o644)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _part(path):
    return f".part-{path.name}-{platform.node()}-"


def _sweep(path):
    """Remove the temporary files that killed processes left for `path`.

    On a disk that machines share, a process of another one cannot be asked whether it still runs:
    its file is kept for a day.
    """
    for leftover in path.parent.glob(f".part-{path.name}-*"):
        pid = leftover.name.rsplit("-", 2)[1]
        dead = leftover.name.startswith(_part(path)) and not _is_running(pid)
        try:
            if dead or time.time() - leftover.stat().st_mtime > ABANDONED:
                leftover.unlink()
        except FileNotFoundError:  # another process was faster
            continue


def _is_running(pid):
    if os.name != "posix":  # elsewhere signal 0 is not a question but a blow
        return True
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:  # someone else's process
        return True
    return True


def find(dataset, name=None):
    """Return a file of a data set that is within reach, verified.

    Parameters
    ----------
    dataset : str
        A table of ``data/registry.toml``, e.g. ``"cifar10"``.
    name : str, optional
        The ``name`` of one of its files, where they are parts of a whole. By default the files
        are the same data in several forms, and the first within reach is returned.

    Returns
    -------
    FoundFile or None
        None when there is no local copy, nothing cached and nothing to download.

    Raises
    ------
    DataError
        If a file is there but its sha256 is wrong, or the registry lists no file of that name.
    """
    return at_hand(dataset, name) or _first(dataset, name, _downloaded)


def at_hand(dataset, name=None):
    """Return what :func:`find` would, without asking the network."""
    return _first(dataset, name, _local_copy) or _first(dataset, name, _cached)


def parts(dataset):
    """Return what to :func:`find` to have all of a data set.

    Parameters
    ----------
    dataset : str
        A table of ``data/registry.toml``.

    Returns
    -------
    list of str, or [None]
        The names of its parts; None alone where any one of its files is the whole.
    """
    about = registry()[dataset]
    return [entry["name"] for entry in about["files"]] if about.get("parts") else [None]


def _first(dataset, name, look):
    entries = registry()[dataset]["files"]
    if name is not None:
        entries = [entry for entry in entries if entry["name"] == name]
        if not entries:
            raise DataError(f"data/registry.toml lists no file {name!r} under [{dataset}].")
    return next(filter(None, map(look, entries)), None)


def _local_copy(entry):
    root = os.environ.get("COURSE_DATA")
    if not root:
        return None
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"COURSE_DATA is set to {root!r}, which is not a folder. "
            "Point it at a folder of data, or unset it."
        )
    path = folder / entry["local"]
    if not path.is_file():
        return None
    verify(path, entry["sha256"], "Copy it again, or unset COURSE_DATA to use a download.")
    return FoundFile(path, entry, "local copy")


def _cached(entry):
    path = cache_dir() / entry["name"]
    if not path.is_file():
        return None
    verify(path, entry["sha256"], "Delete it and run again: it is fetched anew.")
    return FoundFile(path, entry, "cache")


def _downloaded(entry):
    if offline():
        return None
    path = cache_dir() / entry["name"]
    for url in entry["urls"]:
        try:
            with written_whole(path) as part:
                _fetch(url, part)
                found = sha256_of(part)
                if found != entry["sha256"]:
                    raise DataError(
                        f"it served {part.stat().st_size:,} bytes with sha256 {found[:16]}…, "
                        f"expected {entry['sha256'][:16]}…"
                    )
        except (OSError, DataError, ValueError) as problem:  # requests' errors are OSErrors
            print(f"could not use {url.split('/')[2]} for {path.name}: {_reason(problem)}")
            continue
        return FoundFile(path, entry, "download")
    return None


def _fetch(url, target):
    """Download `url` to the file `target` with a short limit on connecting."""
    import pooch

    downloader = pooch.HTTPDownloader(
        progressbar=True, chunk_size=2**16, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
    )
    with open(target, "wb") as file:
        downloader(url, file, None)


def _reason(problem):
    """Say in a few words why a download failed."""
    import requests

    if isinstance(problem, requests.Timeout):
        return "no answer in time"
    if isinstance(problem, requests.ConnectionError):
        return f"no connection, or it broke off ({type(problem).__name__})"
    return str(problem).partition("\n")[0][:160] or type(problem).__name__
