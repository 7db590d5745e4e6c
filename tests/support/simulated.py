"""What the tests of simulated data share, in memory and on disk."""

import os
import subprocess
import sys

from tests.support import ROOT


def same(one, other, here=slice(None)):
    """Assert that two sets of events agree byte for byte."""
    for name in ("images", "labels", "kinds", "parameters", "events"):
        assert getattr(one, name)[here].tobytes() == getattr(other, name)[here].tobytes(), name


def python(code, *arguments, **options):
    """Run Python code in a process of its own and return what it printed."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | options.pop("env", {})
    command = [sys.executable, "-c", code, *map(str, arguments)]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, **options
    )
    return run.stdout.strip()


COST = """
import pathlib, resource, sys, time
from chirps import simulate, storage
n, folder = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
simulate.dataset(1, 1, seed=0)
started = time.process_time()
if folder:
    storage.stream(folder, n // 2, n // 2, seed=1)
else:
    simulate.dataset(n // 2, n // 2, seed=1)
seconds = time.process_time() - started
status = pathlib.Path("/proc/self/status")
if status.is_file():  # what getrusage says there includes the process that started this one
    line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
    peak = int(line.split()[1]) / 2**10
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes, on macOS
print(seconds, peak)
"""
