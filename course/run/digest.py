"""Tell by content whether a result is still what its inputs give.

    python -m course stale              which records are stale, and because of what
    python -m course stale first_cnn

A page's result follows from its source, the helpers that it imports, the metrics it is held
against, the released models and the data that it loads, and the versions of the packages it runs
on. Each has a sha256; their list is kept in the metadata of every executed page, under
``provenance``, with one digest over all. Times of files play no part.
"""

import hashlib
import json
import sys
import tomllib
from functools import cache

from course import ROOT, notebook
from course.run.dependencies import data_sets, helper_files, helpers_of, metrics_file, model_files
from helpers import sources

# What the lock's versions are followed from: the packages of the course and the kernel. What
# builds the site, runs the graph or tests the course does not change what a page shows.
EXTRA, KERNEL = "cpu", "ipykernel"
STAND_IN = "stand-in"


@cache
def _sha256(path):
    return sources.sha256_of(ROOT / path)


@cache
def versions_digest():
    """Return a sha256 over the locked versions of all packages that a page may run on."""
    packages = {}
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    for package in lock["package"]:
        packages.setdefault(package["name"], []).append(package)
    (course,) = (p for p in lock["package"] if p["source"].get("editable") == ".")
    waiting = [course["dependencies"], course["optional-dependencies"][EXTRA], [{"name": KERNEL}]]
    found = set()
    while waiting:
        for name in {dependency["name"] for dependency in waiting.pop()} - found:
            found.add(name)
            waiting += [package.get("dependencies", []) for package in packages[name]]
    lines = sorted(f"{p['name']}=={p['version']}" for name in found for p in packages[name])
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def data_at_hand(name):
    """Return which file or files of a data set are there without a download, or that some lack."""
    found = [sources.at_hand(name, part) for part in sources.parts(name)]
    if None in found:
        return {"stand_in": True}
    if len(found) == 1:
        return {"variant": found[0].entry["variant"], "sha256": found[0].entry["sha256"]}
    digests = "".join(file.entry["sha256"] for file in found)
    sha256 = hashlib.sha256(digests.encode()).hexdigest()
    return {"variant": f"{len(found)} files", "sha256": sha256}


@cache
def inputs(page):
    """Return what the result of a page follows from, each with its sha256.

    Returns
    -------
    dict of str to str
        Paths inside the repository; ``data NAME`` for data sets, the word "stand-in" for those out
        of reach; ``packages`` for the locked versions.
    """
    files = [f"notebooks/{page}.md", *helper_files(page), *metrics_file(page), *model_files(page)]
    found = {file: _sha256(file) for file in files}
    for name in data_sets(page):
        found[f"data {name}"] = data_at_hand(name).get("sha256", STAND_IN)
    return {**found, "packages": versions_digest()}


@cache
def code_digest(program):
    """Return one sha256 over the helpers that a program imports, directly or through others."""
    return digest_of({file: _sha256(file) for file in helpers_of(ROOT / program)})


def digest(page):
    """Return one sha256 over all inputs of a page as they are now."""
    return digest_of(inputs(page))


def digest_of(found):
    """Return one sha256 over a list of inputs."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def changes(page, provenance):
    """Say what changed since a result of `page` was made.

    Data that is out of reach here cannot have changed here: a fresh clone without data does not
    call every record stale.

    Parameters
    ----------
    page : str
    provenance : dict
        Of the metadata of the result.

    Returns
    -------
    list of str
        Names of inputs; empty where the result is current.
    """
    before, now = provenance.get("inputs"), inputs(page)
    if before is None:
        return ["no list of its inputs"]
    return sorted(
        name
        for name in before.keys() | now.keys()
        if before.get(name) != now.get(name) and not (name in before and now.get(name) == STAND_IN)
    )


def recorded(page):
    """Return the provenance of the record of a page; None where there is no record.

    Of a record that cannot be read, such as after a merge with conflicts, nothing is known: it is
    stale, and the next run replaces it.
    """
    path = notebook.NOTEBOOKS / f"{page}.ipynb"
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))["metadata"].get("provenance", {})
    except (ValueError, KeyError):
        return {}


def record_is_current(page, backend="tensorflow"):
    """Whether the record of a page is what running it now, on a backend, would give."""
    found = recorded(page)
    return (
        found is not None and not changes(page, found) and found.get("backend") in (None, backend)
    )


def main():
    pages = sys.argv[1:] or notebook.pages()
    stale = 0
    for page in pages:
        found = recorded(page)
        changed = ["no record"] if found is None else changes(page, found)
        stale += bool(changed)
        print(f"{page}: {'stale: ' + ', '.join(changed) if changed else 'current'}")
    print(f"{stale} of {len(pages)} records are stale")
