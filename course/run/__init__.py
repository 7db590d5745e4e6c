"""Execute the pages, and tell whether what they show still follows from what they read."""

import subprocess
import sys


def run_pages(pages, training="released", *, jobs, forced, config=(), **options):
    """Run pages by the graph of the Snakefile.

    Parameters
    ----------
    pages : sequence of str
    training : {"released", "quick", "full"}
    jobs : int or str
        How many may run at once.
    forced : bool
        Whether to run also those that are done.
    config : sequence of str
        More of Snakemake's configuration, e.g. ``"backend=jax"``.
    **options
        For :func:`subprocess.run`.

    Returns
    -------
    subprocess.CompletedProcess
    """
    targets = [f"_build/run/{training}/{page}.ipynb" for page in pages]
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local"]
    command += ["--cores", str(jobs), "--config", f"training={training}", *config]
    command += ["--forcerun", *targets] if forced else []
    return subprocess.run([*command, "--", *targets], **options)
