"""What a program ran on: for run cards and for the strip at the foot of each page."""

import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path


def describe(packages=(), backend=None):
    """Return package versions, backend, hardware and date.

    Parameters
    ----------
    packages : sequence of str
        Names of distributions; those not installed are left out.
    backend : str, optional
        Name of the Keras backend in use.

    Returns
    -------
    dict
    """
    versions = {"python": platform.python_version()}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "packages": versions,
        **({"backend": backend} if backend else {}),
        "hardware": f"{processor()}, {os.cpu_count()} cores",
        "date": time.strftime("%Y-%m-%d"),
    }


def processor():
    """Return the name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def peak_memory_mb(*, of_children=False):
    """Return the largest resident memory of a process so far, in MB; None where unknown.

    Parameters
    ----------
    of_children : bool
        Ask for the largest of the finished child processes instead of this one.
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    whose = resource.RUSAGE_CHILDREN if of_children else resource.RUSAGE_SELF
    peak = resource.getrusage(whose).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))
