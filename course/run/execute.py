"""Run one page with papermill and keep the result only if every cell succeeded.

    python -m course execute first_cnn quick OUTPUT.ipynb --log LOG.ipynb
    python -m course execute first_cnn quick OUTPUT.ipynb --log LOG.ipynb -p SEED 3

The partial notebook of a failed run stays at the path given by --log. Beside it a small JSON file
says how the run ended; `python -m course report` makes a table of these.
"""

import argparse
import ast
import json
import os
import platform
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from papermill.exceptions import PapermillException, PapermillExecutionError
from papermill.iorw import papermill_io

from course import notebook
from course.run import digest, hardware
from course.run.dependencies import data_sets, seeds, uses_keras
from course.run.digest import data_at_hand
from helpers import environment
from helpers.sources import written_whole

CELL_TIMEOUT = {"released": 600, "quick": 600, "full": 24 * 3600}  # seconds
START_TIMEOUT = 120  # seconds until a kernel answers
IN_A_CELL = "in a cell"  # these failures would come again, so nothing runs them twice
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page")
    parser.add_argument("training", choices=sorted(CELL_TIMEOUT))
    parser.add_argument("output", type=Path)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument(
        "-p",
        "--parameter",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="another value for a name of the cell tagged `parameters`",
    )
    parser.add_argument("--backend", help="what Keras runs on: tensorflow, jax or torch")
    parser.add_argument("--timeout", type=int, help="seconds that one cell may take")
    parser.add_argument("--attempt", type=int, default=1, help="2 where a cluster tries again")
    parser.add_argument("--store", help="also write the result here: s3://…, gs://… or a folder")
    args = parser.parse_args()
    notebook.prepare_environment(args.backend)
    if args.training == "quick":  # equal on any number of cores; and two side by side waste none
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(name, "1")
    given = {name: value(text) for name, text in args.parameter}
    limit = args.timeout or CELL_TIMEOUT[args.training]
    try:
        result = run(args.page, args.training, args.log, given, limit, args.attempt)
        if args.store:
            store(result, f"{args.store.rstrip('/')}/{args.training}/{args.page}.ipynb")
        notebook.write(result, args.output)
    except Failure as failure:
        sys.exit(f"{failure}\nThe partial notebook is {args.log}")
    except OSError as problem:  # a full disk has no room for a report either
        sys.exit(f"{args.page}: {said(problem)}")


class Failure(Exception):
    """A run that did not end well, in words."""


def run(page, training, log, given, limit, attempt):
    """Execute a page and keep at `log` how that went; return the result, or raise a Failure."""
    before = status_of(log)
    now = {
        "page": page,
        "training": training,
        "digest": digest.digest(page),
        "attempt": attempt,
        "host": os.environ.get("SLURMD_NODENAME") or platform.node(),
        "gpu": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        "started": time.time(),
    }
    if attempt > 1 and before.get("failed") == IN_A_CELL and before["digest"] == now["digest"]:
        raise Failure(f"{before['status']} (not tried again)")
    write_status(log, {**now, "status": "interrupted"})  # stands if this process is killed
    started = time.perf_counter()
    gpus = hardware.GpuMemory()
    failure = None
    try:
        with gpus:
            source = notebook.read_source(page)
            result = execute(page, source, parameters(source, training, given), log, limit)
    except PapermillExecutionError as error:
        failure, now["failed"] = cell_failure(page, error), IN_A_CELL
    except TimeoutError as error:
        failure, now["failed"] = timeout_failure(page, log, limit, error), IN_A_CELL
    except NoSuchKernel as error:
        failure = (
            f"{page}: there is no kernel {error.name!r} here; notebooks/{page}.md names "
            "it under `kernelspec`. Expected python3, which comes with the course."
        )
    except (PapermillException, RuntimeError, OSError) as error:
        failure = f"{page}: {said(error)}"
    now |= {
        "status": failure or "ok",
        "seconds": round(time.perf_counter() - started, 1),
        "ended": time.time(),
        "finished": time.strftime("%Y-%m-%d %H:%M"),
        "peak_memory_mb": environment.peak_memory_mb(of_children=True),
        "peak_gpu_memory_mb": gpus.peak_mb,
    }
    write_status(log, now)
    if failure:
        raise Failure(failure)
    result.metadata["provenance"] = provenance(page, training, now, result)
    return result


def status_of(log):
    """Return how the last run of a page ended, as far as it is known."""
    try:
        return json.loads(log.with_suffix(".json").read_text())
    except (OSError, ValueError):
        return {}


def write_status(log, status):
    with written_whole(log.with_suffix(".json")) as part:
        part.write_text(json.dumps(status))


def execute(page, source, chosen, log, limit):
    """Return the executed, cleaned notebook; raises where a cell does.

    Parameters
    ----------
    page : str
    source : nbformat.NotebookNode
    chosen : dict
        Names and values to set in the cell tagged `parameters`.
    log : pathlib.Path
        Where the notebook grows while it runs.
    limit : int
        Seconds that one cell may take.
    """
    prepared = log.with_suffix(".source.ipynb")
    notebook.write(source, prepared)
    with tempfile.TemporaryDirectory() as folder:
        measured = Path(folder) / "metrics.jsonl"
        measured.touch()
        os.environ["COURSE_METRICS"] = str(measured)
        papermill.execute_notebook(
            str(prepared),
            str(log),
            parameters=chosen,
            kernel_name=source.metadata.kernelspec.name,
            cwd=str(notebook.NOTEBOOKS),
            execution_timeout=limit,
            start_timeout=START_TIMEOUT,
            progress_bar=progress(page),
        )
        result = notebook.number(notebook.clean(nbformat.read(log, as_version=4)))
        result.metadata["measured"] = [json.loads(s) for s in measured.read_text().splitlines()]
    return result


def parameters(source, training, given):
    """Return what to set in the cell tagged `parameters`; refuse what it does not have.

    Nothing where all values are the defaults: then nothing is injected, and the record stays equal
    to its source.
    """
    known = notebook.parameters(source)
    # A page that does not train has no dial.
    wanted = {"TRAINING": training, **given} if known else dict(given)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise RuntimeError(
            f"unknown parameter {', '.join(unknown)}; the cell tagged `parameters` has "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    for name, chosen in wanted.items():
        kind = type(known[name])
        if kind is float and isinstance(chosen, int):
            wanted[name] = float(chosen)
        elif not isinstance(chosen, kind) and known[name] is not None:
            raise RuntimeError(
                f"{name} = {chosen!r} is {type(chosen).__name__}; the cell tagged `parameters` "
                f"has {name} = {known[name]!r}, so {kind.__name__} is expected"
            )
    return {} if all(known[n] == chosen for n, chosen in wanted.items()) else wanted


def value(text):
    """Return a number, a list or a truth where a text is one of Python's literals."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


class Lines:
    """Turns the redrawing of a progress bar into lines, for logs."""

    def write(self, text):
        text = text.strip("\r\n ")
        if text:
            print(text, file=sys.stderr, flush=True)

    def flush(self):
        pass


def progress(page):
    """Say page, cell and time: a bar on a terminal, now and then a line elsewhere."""
    bar = {"desc": page, "bar_format": "{desc}: cell {n_fmt} of {total_fmt}, {elapsed}"}
    if sys.stderr.isatty() and not os.environ.get("CI"):
        bar["bar_format"] += " {bar}"
        return bar
    return {**bar, "file": Lines(), "mininterval": 30, "miniters": 1}


# --- failures in words ----------------------------------------------------------------------------


def said(error):
    """Return an error in one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename or 'while writing'}"
    return str(error) or type(error).__name__


def cell_failure(page, error):
    """Return one line that names page, cell, source line and error."""
    where = place(page, error.source, error.traceback, error.exec_count)
    return f"{where} raised {error.ename}: {ANSI.sub('', error.evalue)}"


def timeout_failure(page, log, limit, error):
    """Return one line that names the cell which took too long: the last that was started."""
    cells = nbformat.read(log, as_version=4).cells if log.is_file() else []
    started = [c for c in cells if c.metadata.get("papermill", {}).get("start_time")]
    if not started:
        return f"{page}: {said(error).splitlines()[0]}"
    last = started[-1]
    tracebacks = [o.traceback for o in last.get("outputs", []) if o.output_type == "error"]
    where = place(page, last.source, tracebacks[-1] if tracebacks else [])
    return f"{where} took longer than {limit} seconds"


def place(page, source, traceback, number=None):
    """Return where in a page a cell failed: its number, the line of the source file, the code."""
    frames = re.findall(r"Cell In\[(\d+)\], line (\d+)", ANSI.sub("", "\n".join(traceback or [])))
    number = str(number or (frames[0][0] if frames else "?"))  # the outermost is the cell that ran
    within = ([line for cell, line in frames if cell == number] or [1])[-1]
    lines = source.splitlines() or [""]
    code = lines[min(int(within), len(lines)) - 1].strip()[:60]
    text = (notebook.NOTEBOOKS / f"{page}.md").read_text(encoding="utf-8")
    start = text.find(source.strip("\n"))
    where = f"notebooks/{page}.md"
    if start >= 0:
        where += f":{text.count(chr(10), 0, start) + int(within)}"
    return f"{page}: cell [{number}], {where} `{code}`"


# --- what stands behind a result ------------------------------------------------------------------


def provenance(page, training, status, result):
    """Return what stands behind the figures of a run; kept in metadata, never compared."""
    packages = ["numpy", "scipy", "matplotlib"]
    backend = None
    if uses_keras(page):
        packages += ["keras", "tensorflow-cpu", "tensorflow", "jax", "torch"]
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    found = digest.inputs(page)
    gpu_memory = status["peak_gpu_memory_mb"]
    return {
        "training": training,
        "seconds": status["seconds"],
        "peak_memory_mb": status["peak_memory_mb"],
        **({"peak_gpu_memory_mb": gpu_memory} if gpu_memory else {}),
        "seeds": seeds(page),
        "metrics": result.metadata.pop("measured"),
        "data": {name: data_at_hand(name) for name in data_sets(page)},
        "inputs": found,
        "input_digest": digest.digest_of(found),
        **environment.describe(packages, backend),
    }


def store(result, target):
    """Write a notebook where papermill can: a folder, or a bucket with the packages for it."""
    try:
        if "://" not in target:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
        papermill_io.write(nbformat.writes(result), target)
    except (PapermillException, ImportError) as error:
        raise Failure(
            f"{target}: {error}. `make run STORE=s3://…` and `STORE=gs://…` install what it needs."
        ) from error
