"""Execute pages from their source and, if every cell succeeded, replace their records.

    python -m course record                               every page whose record is stale
    python -m course record first_cnn,gw_data       these, stale or not

An old record stands until the new one is complete; then it is replaced in one step.
"""

import argparse
import subprocess
import sys

import nbformat

from course import ROOT, exercises, notebook
from course.run import digest

LARGEST = 1_500_000  # bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="?", default="", help="with commas; else what is stale")
    parser.add_argument("--jobs", default="2")
    args = parser.parse_args()
    named = [page for page in args.pages.split(",") if page]
    if unknown := sorted(set(named) - set(notebook.pages())):
        known = ", ".join(notebook.pages())
        wrong = f"PAGE={args.pages}: no page {', '.join(unknown)}"
        sys.exit(f"{wrong}; expected one or more of {known}, joined by commas")
    pages = named or [p for p in notebook.pages() if not digest.record_is_current(p)]
    if not pages:
        return print("Every record follows from its inputs. To run a page all the same, name it.")
    targets = [f"_build/run/released/{page}.ipynb" for page in pages]
    graph = ["snakemake", "--profile", "profiles/local", "--cores", args.jobs]
    forced = ["--forcerun", *targets] if named else []
    if subprocess.run([*graph, *forced, "--", *targets]).returncode:
        sys.exit(f"not all ran; the records of {', '.join(pages)} stand as they were")
    for page, run in zip(pages, targets, strict=True):
        replace_record(page, ROOT / run)


def replace_record(page, run):
    """Check a finished run and put it in place of the record of `page`."""
    record = nbformat.read(run, as_version=4)
    stand_ins = [n for n, d in record.metadata.provenance.data.items() if d.get("stand_in")]
    if stand_ins:
        sys.exit(
            f"{page} ran on a stand-in for {', '.join(stand_ins)}; a record shows real data. "
            "Point COURSE_DATA at a copy of it. The record stands as it was."
        )
    size = run.stat().st_size
    if size > LARGEST:
        sys.exit(
            f"{page} would be {size:,} bytes, the limit is {LARGEST:,}: make its figures smaller. "
            "The record stands as it was."
        )
    target = notebook.NOTEBOOKS / f"{page}.ipynb"
    notebook.write(record, target)
    if exercises.exercises(page):
        exercises.store_solutions(page)
    print(f"recorded notebooks/{page}.ipynb, {size:,} bytes")
