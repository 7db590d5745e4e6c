"""Work through a student's notebook: untouched, solved, and solved with one thing changed.

    python practise.py PAGE KEY REPORT [--mutants MUTANTS]

Runs in the folder of an unpacked archive, with nothing else of the course at hand. PAGE and KEY are
the student's notebook and the instructor's, whose cells pair up; MUTANTS holds, for each exercise,
changed solutions. What every check said, and in how many seconds, is written to REPORT, as JSON.
"""

import argparse
import contextlib
import io
import json
import os
import signal
import time
import warnings

import nbformat

os.environ.setdefault("MPLBACKEND", "agg")
LIMIT = 60  # seconds for a changed solution


class Verdicts(list):
    """What the checks of a cell said: (name, status, seconds)."""

    def watch(self, checks):
        """Note the outcome of every check from now on."""
        called = checks.Check.__call__

        def noted(check, *args, **kwargs):
            start = time.perf_counter()
            outcome = called(check, *args, **kwargs)
            self.append((check.name, outcome.status, time.perf_counter() - start))
            return outcome

        checks.Check.__call__ = noted

    def of(self, source, names):
        """Run a cell and return what its checks said."""
        self.clear()
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, "<cell>", "exec"), names)
        return list(self)


def timed_out(*_):
    raise TimeoutError


def survivors(mutants, checking, names, verdicts):
    """Return which changed solutions pass the check."""
    found = []
    for what, source in mutants:
        signal.alarm(LIMIT)
        try:
            changed = dict(names)
            verdicts.of(source, changed)
            if any(status == "right" for _, status, _ in verdicts.of(checking, changed)):
                found.append(what)
        except Exception:  # a solution that does not run is refused
            continue
        finally:
            signal.alarm(0)
    return found


def work_through(page, key, mutants):
    """Run all cells in order, and at every exercise the stub, the solution and the mutants."""
    from helpers import checks

    verdicts, report = Verdicts(), []
    verdicts.watch(checks)
    names, answers = {"__name__": "__main__"}, {}
    cells = [
        pair for pair in zip(page.cells, key.cells, strict=True) if pair[0].cell_type == "code"
    ]
    for (cell, solved), (check, _) in zip(cells, [*cells[1:], cells[-1]], strict=True):
        verdicts.of(cell.source, names)
        if "exercise" not in cell.metadata.get("tags", []):
            continue
        before = names | answers  # a graded exercise may build on the one before
        after = dict(before)
        untouched = verdicts.of(check.source, names)
        verdicts.of(solved.source, after)
        said = verdicts.of(check.source, after)
        answers |= {k: v for k, v in after.items() if before.get(k) is not v}
        name = said[-1][0]
        tried = mutants.get(name, [])
        passed = survivors(tried, check.source, before, verdicts)
        report.append(
            {
                "name": name,
                "untouched": untouched,
                "solved": said,
                "mutants": len(tried),
                "survivors": passed,
            }
        )
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page")
    parser.add_argument("key")
    parser.add_argument("report")
    parser.add_argument("--mutants")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, timed_out)
    mutants = {}
    if args.mutants:
        with open(args.mutants, encoding="utf-8") as file:
            mutants = json.load(file)
    page, key = (nbformat.read(path, as_version=4) for path in (args.page, args.key))
    report = work_through(page, key, mutants)
    with open(args.report, "w", encoding="utf-8") as file:
        json.dump(report, file)


if __name__ == "__main__":
    main()
