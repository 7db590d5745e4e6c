"""Execute one page from its source and, if every cell succeeded, replace its record.

    python tools/record.py 05_first_cnn
    python tools/record.py --digests        add what records made before lack: their inputs

The old record stands until the new one is complete; then it is replaced in one step.
"""

import argparse
import subprocess
import sys
import time

import digest
import exercises
import nbformat
import notebook

LARGEST = 1_500_000  # bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", nargs="?")
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--digests", action="store_true", help="of all pages, without running them")
    args = parser.parse_args()
    if args.digests:
        return [add_inputs(page) for page in [args.page] * bool(args.page) or notebook.pages()]
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


def add_inputs(page):
    """Store the inputs of a record that was made before records kept them.

    The record must hold the cells of its source. That it also follows from the helpers, models and
    data of today is what the comparison of the tests shows, so the metadata says when this was
    added.
    """
    target = notebook.NOTEBOOKS / f"{page}.ipynb"
    if not target.is_file():
        return print(f"{page}: no record")
    record = nbformat.read(target, as_version=4)
    if "inputs" in record.metadata.provenance:
        return print(f"{page}: has its inputs")
    source = notebook.read_source(page)
    if [(c.id, c.source) for c in record.cells] != [(c.id, c.source) for c in source.cells]:
        return print(f"{page}: its source has changed; run: make record PAGE={page}")
    found = digest.inputs(page)
    if digest.STAND_IN in found.values():
        return print(f"{page}: its data is out of reach here, so nothing is known about it")
    record.metadata.provenance |= {
        "inputs": found,
        "input_digest": digest.digest_of(found),
        "inputs_added": time.strftime("%Y-%m-%d"),
    }
    notebook.write(record, target)
    print(f"{page}: {len(found)} inputs added")


if __name__ == "__main__":
    main()
