"""Execute pages from their source and, if every cell succeeded, replace their records.

    python -m course record                      every page whose record is stale
    python -m course record first_cnn,gw_data    these, stale or not

An old record stands until the new one is complete; then it is replaced in one step.
"""

import argparse
import sys

import nbformat

from course import ROOT, exercises, notebook
from course.build import student
from course.run import digest, run_pages

LARGEST = 1_500_000  # bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="?", default="", help="with commas; else what is stale")
    parser.add_argument("--jobs", default="2")
    args = parser.parse_args()
    named = notebook.chosen_pages("PAGE", args.pages)
    pages = named or [p for p in notebook.pages() if not digest.record_is_current(p)]
    if not pages:
        return print("Every record follows from its inputs. To run a page all the same, name it.")
    for page in pages:
        student.refuse_unknown_markup(page)
    if run_pages(pages, jobs=args.jobs, forced=bool(named)).returncode:
        sys.exit(f"not all ran; the records of {', '.join(pages)} stand as they were")
    for page in pages:
        replace_record(page, ROOT / "_build" / "run" / "released" / f"{page}.ipynb")


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
