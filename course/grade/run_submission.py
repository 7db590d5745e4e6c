"""The untrusted side: run one notebook inside the sandbox, and send what it answers.

    python run_submission.py JOB

No check and no key is in reach here. JOB is a folder with

- ``job.json``: the cells to run, the answers to send, the limits;
- ``probes``: for each function the inputs to try it on (messages of `codec`);
- ``files``: what was handed in beside the notebook.

Everything is sent on the standard output that this process was started with: a message when it is
ready, one when a cell begins, one when it has ended, and one for every answer as soon as the cell
that makes it has run. So whatever a later cell does, what was answered before stays answered.
"""

import os
import sys

os.environ["MPLBACKEND"] = "agg"

import contextlib
import json
import signal
from pathlib import Path

import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from course.grade import codec

ENOUGH = 400  # characters of an error


class Overtime(BaseException):
    """A cell or a call has used up its time."""


def overtime(*_):
    raise Overtime


@contextlib.contextmanager
def limited(seconds):
    """Raise :class:`Overtime` after some seconds; whoever ignores it is killed from outside."""
    signal.signal(signal.SIGALRM, overtime)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Sender:
    """Sends messages to the grader; everything else that is printed goes nowhere."""

    def __init__(self):
        self._pipe = os.fdopen(os.dup(1), "wb")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)

    def __call__(self, head, arrays=()):
        self._pipe.write(codec.message(head, arrays))
        self._pipe.flush()


def text_of(error):
    """Return a short text for an exception, whatever it does when it is asked for one."""
    if isinstance(error, Overtime):
        return "it took too long"
    try:
        return f"{type(error).__name__}: {error}"[:ENOUGH]
    except BaseException:
        return "an error that cannot say what it is"


def make_shell():
    """Return an IPython shell that keeps no history and prints no tracebacks."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    shell = InteractiveShell.instance(config=config)
    shell.showtraceback = shell.showsyntaxerror = shell.showindentationerror = lambda *a, **k: None
    return shell


def run_cell(shell, source, seconds):
    """Run a cell; return its error as text, or None."""
    try:
        with limited(seconds):
            result = shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
    except BaseException as problem:
        error = problem
    return None if error is None else text_of(error)


def answer(send, value, exercise, probes, seconds):
    """Send the value of an answer, or what a function makes of its inputs."""
    head, arrays = {"answer": exercise["name"]}, []
    if exercise["kind"] == "function" and callable(value):
        head["calls"] = []
        for case in probes:
            send({"calls": exercise["name"]})  # still alive
            head["calls"].append(call(value, case, arrays, seconds))
    else:
        try:
            with limited(seconds):
                head["value"] = codec.pack(value, arrays)
        except BaseException as problem:
            refused = isinstance(problem, codec.Refused)
            head["refused"], arrays = str(problem)[:ENOUGH] if refused else text_of(problem), []
    send(head, arrays)


def call(function, case, arrays, seconds):
    """Return what a function makes of one case: its output, or what it raised."""
    copies = [x.copy() if isinstance(x, np.ndarray) else x for x in case]
    kept = len(arrays)
    try:
        with limited(seconds):
            output = codec.pack(function(*copies), arrays)
        changed = any(
            isinstance(a, np.ndarray) and a.tobytes() != b.tobytes()
            for a, b in zip(case, copies, strict=True)
        )
        return {"output": output, "changed": changed}
    except NotImplementedError:
        del arrays[kept:]
        return {"raised": "NotImplementedError"}
    except codec.Refused as problem:
        del arrays[kept:]
        return {"refused": str(problem)[:ENOUGH]}
    except BaseException as problem:
        del arrays[kept:]
        return {"raised": text_of(problem)}


def convert_files(send, job, folder):
    """Send the arrays of files that were handed in."""
    for name in job["files"]:
        path = folder / "files" / name
        head, arrays = {"file": name}, []
        try:
            with limited(job["cell_seconds"]):
                if not path.is_file():
                    head["missing"] = True
                elif name.endswith(".npy"):
                    arrays = [codec.load_array(path.read_bytes())]
                    head["names"] = [""]
                else:
                    from helpers import weights

                    found = weights.read(path)
                    head["names"], arrays = list(found), list(found.values())
        except BaseException as problem:
            head["refused"], arrays = text_of(problem), []
        send(head, arrays)


def main():
    folder = Path(sys.argv[1])
    send = Sender()
    send({"ready": True})  # from here on, what goes wrong is the submission's
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    convert_files(send, job, folder)
    probes = {}
    for head, arrays in codec.messages((folder / "probes").read_bytes()):
        probes[head["name"]] = [codec.unpack(case, arrays) for case in head["cases"]]
    shell = make_shell()
    before = dict.fromkeys((e["answer"] for e in job["exercises"]), None)
    for cell in job["cells"]:
        send({"begins": cell["number"]})
        error = run_cell(shell, cell["source"], job["cell_seconds"])
        for exercise in job["exercises"]:
            name = exercise["answer"]
            if name in shell.user_ns and shell.user_ns[name] is not before[name]:
                before[name] = shell.user_ns[name]
                cases = probes.get(exercise["name"], [])
                answer(send, before[name], exercise, cases, job["call_seconds"])
        send({"ends": cell["number"], "error": error})
    send({"done": True})
    os._exit(0)  # whatever was registered to run at exit, or runs beside


if __name__ == "__main__":
    main()
