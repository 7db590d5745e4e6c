"""Run one page with papermill and keep the result only if every cell succeeded.

    python tools/execute.py 05_first_cnn quick OUTPUT.ipynb --log LOG.ipynb

The partial notebook of a failed run stays at the path given by --log. Beside it a small JSON file
says how the run ended; `tools/report_runs.py` makes a table of these.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from pathlib import Path

import nbformat
import notebook
import papermill
from dependencies import data_sets, helper_files, source_text
from papermill.exceptions import PapermillExecutionError

from helpers import environment, sources
from helpers.sources import written_whole

CELL_TIMEOUT = {"released": 600, "quick": 600, "full": 24 * 3600}  # seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page")
    parser.add_argument("training", choices=sorted(CELL_TIMEOUT))
    parser.add_argument("output", type=Path)
    parser.add_argument("--log", type=Path, required=True)
    args = parser.parse_args()
    notebook.prepare_environment()
    status = {"page": args.page, "training": args.training, "status": "interrupted"}
    write_status(args.log, status)  # stands if this process is killed
    started = time.perf_counter()
    try:
        result = execute(args.page, args.training, args.log)
    except (PapermillExecutionError, RuntimeError, OSError) as error:
        status["status"] = message = failure(args.page, error)
    else:
        status["status"], message = "ok", None
    status["seconds"] = round(time.perf_counter() - started, 1)
    status["peak_memory_mb"] = environment.peak_memory_mb(of_children=True)
    status["finished"] = time.strftime("%Y-%m-%d %H:%M")
    write_status(args.log, status)
    if message:
        sys.exit(f"{message}\nThe partial notebook is {args.log}")
    result.metadata["provenance"] = provenance(args.page, args.training, status)
    notebook.write(result, args.output)


def write_status(log, status):
    with written_whole(log.with_suffix(".json")) as part:
        part.write_text(json.dumps(status))


def execute(page, training, log):
    """Return the executed, cleaned notebook; raises where a cell does."""
    source = notebook.read_source(page)
    log.parent.mkdir(parents=True, exist_ok=True)
    prepared = log.with_suffix(".source.ipynb")
    notebook.write(source, prepared)
    known = papermill.inspect_notebook(str(prepared))
    if any("parameters" in cell.metadata.get("tags", []) for cell in source.cells):
        wanted = {"TRAINING": training}
    else:
        wanted = {}  # a page that does not train has no dial
    unknown = set(wanted) - set(known)
    if unknown:
        raise RuntimeError(
            f"unknown parameter {', '.join(sorted(unknown))}; the cell tagged `parameters` has "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    if all(known[name]["default"].strip("\"'") == value for name, value in wanted.items()):
        wanted = {}  # the defaults: nothing to inject, and the record stays equal to its source
    papermill.execute_notebook(
        str(prepared),
        str(log),
        parameters=wanted,
        kernel_name="python3",
        cwd=str(notebook.NOTEBOOKS),
        execution_timeout=CELL_TIMEOUT[training],
        start_timeout=120,
        progress_bar={"desc": page, "unit": " cells"} if sys.stderr.isatty() else False,
    )
    return notebook.clean(nbformat.read(log, as_version=4))


def failure(page, error):
    """Return one line that names page, cell and error."""
    if isinstance(error, PapermillExecutionError):
        line = error.source.strip().splitlines()[0][:60]
        return (
            f"{page}: cell [{error.exec_count}] starting with `{line}` "
            f"raised {error.ename}: {error.evalue}"
        )
    return f"{page}: {error}"


def provenance(page, training, status):
    """Return what stands behind the figures of a run; kept in metadata, never compared."""
    packages = ["numpy", "scipy", "matplotlib"]
    uses_keras = "helpers/training.py" in helper_files(page) or "import keras" in source_text(page)
    if uses_keras:
        packages += ["keras", "tensorflow-cpu", "tensorflow", "jax", "torch"]
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    return {
        "training": training,
        "seconds": status["seconds"],
        "peak_memory_mb": status["peak_memory_mb"],
        "data": {name: data_at_hand(name) for name in data_sets(page)},
        **environment.describe(packages, backend if uses_keras else None),
    }


def data_at_hand(name):
    """Return which file or files of a data set are there without a download, or that some lack."""
    found = [sources.at_hand(name, part) for part in sources.parts(name)]
    if None in found:
        return {"stand_in": True}
    if len(found) == 1:
        return {"variant": found[0].entry["variant"], "sha256": found[0].entry["sha256"]}
    digests = "".join(file.entry["sha256"] for file in found)
    sha256 = hashlib.sha256(digests.encode()).hexdigest()
    return {"variant": f"{len(found)} files", "sha256": sha256}


if __name__ == "__main__":
    main()
