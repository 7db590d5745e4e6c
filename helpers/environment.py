"""What a program ran on: for run cards and for the strip at the foot of each page."""

import os
import platform
import subprocess
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
        "hardware": ", ".join([processor(), f"{os.cpu_count()} cores", *nvidia_smi("name")]),
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


def nvidia_smi(question):
    """Return what the NVIDIA driver answers about the GPUs that this process may use.

    Parameters
    ----------
    question : str
        A property, e.g. ``"name"`` or ``"memory.used"``.

    Returns
    -------
    list of str
        One for each GPU; empty without any.
    """
    command = ["nvidia-smi", f"--query-gpu={question}", "--format=csv,noheader,nounits"]
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown == "":
        return []
    if shown:
        command.append(f"--id={shown}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.strip().splitlines()


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
