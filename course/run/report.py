"""Print how the last run of every page ended: `python -m course report quick`."""

import json
import sys
from pathlib import Path

from course import notebook

LOG = Path("_build/log")


def main():
    training = sys.argv[1]
    rows = [("page", "seconds", "peak memory", "finished", "status")]
    for page in notebook.pages():
        path = LOG / training / f"{page}.json"
        if not path.is_file():
            rows.append((page, "", "", "", "not run"))
            continue
        run = json.loads(path.read_text())
        seconds = f"{run['seconds']:.0f}" if "seconds" in run else ""
        memory = f"{run['peak_memory_mb']:,} MB" if run.get("peak_memory_mb") else ""
        rows.append((page, seconds, memory, run.get("finished", ""), run["status"]))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    print(f"\nTRAINING={training}")
    for row in rows:
        print("  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[4]]))
    if training == "released":
        print("Pages whose record is current are not run: python -m course stale")
