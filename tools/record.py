"""Execute one page from its source and, if every cell succeeded, replace its record.

    python tools/record.py 05_first_cnn

The old record stands until the new one is complete; then it is replaced in one step.
"""

import argparse
import subprocess
import sys

import exercises
import nbformat
import notebook

LARGEST = 1_500_000  # bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page")
    parser.add_argument("--jobs", default="2")
    args = parser.parse_args()
    if args.page not in notebook.pages():
        sys.exit(f"PAGE={args.page}: expected one of {', '.join(notebook.pages())}")
    run = notebook.ROOT / "_build" / "run" / "released" / f"{args.page}.ipynb"
    target = f"_build/run/released/{args.page}.ipynb"
    graph = ["snakemake", "--profile", "profiles/local", "--cores", args.jobs]
    code = subprocess.run([*graph, "--forcerun", target, "--", target]).returncode
    if code:
        sys.exit(f"{args.page} did not run; its record stands as it was")
    replace_record(args.page, run)


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


if __name__ == "__main__":
    main()
