"""Measure what a second worker brings: the pages run with one, then with two.

    python -m course bench-workers quick
    python -m course bench-workers quick --pages convolution,kernels

Writes _build/bench_workers.json. Only on a quiet computer does the ratio mean anything, so the load
before each run is kept beside it.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from course import notebook
from helpers import environment, sources


def timed(training, pages, workers):
    """Run all pages with a number of workers; return seconds, and the load before."""
    load = os.getloadavg()[0]
    targets = [f"_build/run/{training}/{page}.ipynb" for page in pages]
    graph = [sys.executable, "-m", "snakemake", "--profile", "profiles/local"]
    started = time.perf_counter()
    subprocess.run(
        [
            *graph,
            "--cores",
            str(workers),
            "--config",
            f"training={training}",
            "--forcerun",
            *targets,
            "--",
            *targets,
        ],
        check=True,
        capture_output=True,
    )
    return {"seconds": round(time.perf_counter() - started, 1), "load_before": round(load, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("training", choices=["released", "quick"])
    parser.add_argument("--pages", default=",".join(notebook.pages()))
    args = parser.parse_args()
    runs = {workers: timed(args.training, args.pages.split(","), workers) for workers in (1, 2)}
    ratio = round(runs[1]["seconds"] / runs[2]["seconds"], 2)
    result = {"training": args.training, "pages": args.pages, "workers": runs, "ratio": ratio}
    result |= environment.describe()
    with sources.written_whole(Path("_build/bench_workers.json")) as part:
        part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for workers, run in runs.items():
        print(f"{workers} workers: {run['seconds']} s, load before {run['load_before']}")
    print(f"two are {ratio} times as fast as one")
