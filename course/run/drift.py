"""Run pages again and say which of their numbers moved: `make drift PAGES=first_cnn`.

A number that the tests compare must not move at all. One that is held against data/metrics.toml may
move within the tolerance given there. All others, of outputs that are never compared, may move.
Ends with exit code 1 where a number moved further than it may.
"""

import argparse
import re
import sys
from itertools import zip_longest

import nbformat

from course import ROOT, notebook
from course.run import run_pages

NUMBER = re.compile(r"[-+−]?\d[\d,]*\.?\d*(?:[eE][-+]?\d+)?")
SHOWN = 5  # numbers of a cell that are printed one by one


def text_of(cell):
    """Return what a cell printed, as nbval compares it: no pictures, no error stream."""
    parts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream" and output.name == "stdout":
            parts.append(output.text)
        elif "text/plain" in output.get("data", {}):
            parts.append(output.data["text/plain"])
    return "".join(parts)


def moved_numbers(before, after):
    """Return pairs of numbers that differ between two texts; None where words differ too."""
    if NUMBER.sub("#", before) != NUMBER.sub("#", after):
        return None
    pairs = zip(NUMBER.findall(before), NUMBER.findall(after), strict=True)
    return [(old, new) for old, new in pairs if old != new]


def compare(record, run):
    """Compare a record with a new run of the same source.

    Returns
    -------
    dict
        ``numbers``: how many were compared; ``outside`` and ``free``: lines about outputs that
        moved though they must not, and that may; ``metrics``: lines about metrics, ``beyond``
        those of them out of tolerance.
    """
    found = {"numbers": 0, "outside": [], "free": [], "metrics": [], "beyond": []}
    kinds = [[c for c in n.cells if c.cell_type == "code"] for n in (record, run)]
    for old, new in zip_longest(*kinds):
        if old is None or new is None or old.source != new.source:
            found["outside"].append(f"{name_of(new or old)}: its source has changed")
        if old is None or new is None:
            continue
        before, after = text_of(old), text_of(new)
        exact = "nbval-ignore-output" not in new.metadata.get("tags", [])
        found["numbers"] += len(NUMBER.findall(after)) if exact else 0
        if before == after:
            continue
        pairs = moved_numbers(before, after)
        if pairs is None:
            said = "its words have changed"
        else:
            said = ", ".join(f"{a} → {b}" for a, b in pairs[:SHOWN])
            said += f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
        found["outside" if exact else "free"].append(f"{name_of(new)}: {said}")
    recorded = record.metadata.get("provenance", {}).get("metrics", [])
    before = {metric["name"]: metric["value"] for metric in recorded}
    for metric in run.metadata.provenance.metrics:
        line, within = metric_line(metric, before.get(metric["name"]))
        found["metrics" if within else "beyond"].append(line)
    return found


def metric_line(metric, before):
    """Return a metric in words, and whether it is within its tolerance."""
    name, value, expected = metric["name"], metric["value"], metric["expected"]
    moved = f"{name}: {value:.6g}" if before is None else f"{name}: {before:.6g} → {value:.6g}"
    if expected is None:
        return f"{moved}, nothing is expected on this data", True
    within = abs(value - expected["value"]) <= expected["tolerance"] + 1e-9
    verdict = "within" if within else "OUTSIDE"
    return f"{moved}, {verdict} {expected['value']} ± {expected['tolerance']}", within


def name_of(cell):
    first = (cell.source.strip().splitlines() or [""])[0][:50]
    return f"cell [{cell.execution_count or '?'}] `{first}`"


def report(page, found):
    """Return lines about one page."""
    worst = found["outside"] + found["beyond"]
    head = f"{page}: {found['numbers']} numbers compared, "
    head += f"{len(worst)} outputs moved further than they may" if worst else "none moved"
    lines = [head]
    lines += [f"  OUTSIDE (compared exactly)  {line}" for line in found["outside"]]
    lines += [f"  OUTSIDE (of its tolerance)  {line}" for line in found["beyond"]]
    lines += [f"  within tolerance            {line}" for line in found["metrics"]]
    lines += [f"  not compared                {line}" for line in found["free"]]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="with spaces or commas between; default: all")
    parser.add_argument("--training", default="released")
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--jobs", default="2")
    args = parser.parse_args()
    pages = notebook.chosen_pages("PAGES", ",".join(args.pages)) or notebook.pages()
    folder = ROOT / "_build" / "run" / args.training
    config = [f"backend={args.backend}"]
    ran = run_pages(pages, args.training, jobs=args.jobs, forced=True, config=config)
    outside = 0
    for page in pages:
        if not (folder / f"{page}.ipynb").is_file():
            print(f"{page}: was not run")
            continue
        record = nbformat.read(notebook.NOTEBOOKS / f"{page}.ipynb", as_version=4)
        run = nbformat.read(folder / f"{page}.ipynb", as_version=4)
        found = compare(record, run)
        outside += len(found["outside"]) + len(found["beyond"])
        print("\n".join(report(page, found)))
    sys.exit(1 if ran.returncode or outside else 0)
