"""`python -m course COMMAND`: what maintainers and instructors run; most of it behind `make`."""

import ast
import importlib
import sys

from course import ROOT, BookError

COMMANDS = {
    "execute": "course.run.execute",
    "record": "course.run.record",
    "stale": "course.run.digest",
    "drift": "course.run.drift",
    "report": "course.run.report",
    "test": "course.run.tests",
    "new-page": "course.new_page",
    "site": "course.build.site",
    "pdf": "course.build.print_pages",
    "live": "course.build.live",
    "student": "course.build.student",
    "lab": "course.build.lab",
    "leaks": "course.build.leaks",
    "known": "course.train.known",
    "train": "course.train.train",
    "measure": "course.train.measure",
    "sweep": "course.train.sweep",
    "collect": "course.grade.collect",
    "run-batch": "course.grade.batch",
    "judge": "course.grade.judge",
    "gradebook": "course.grade.gradebook",
    "bench": "course.bench.bench",
    "bench-chirps": "course.bench.chirps",
    "bench-grading": "course.bench.grading",
}


def summary(module):
    """Return the first sentence of a module, read without importing it."""
    source = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)).partition("\n")[0].partition(": `")[0]


def main():
    """Call the `main` of the command's module; it finds its arguments in ``sys.argv``.

    What is wrong with the book is said in one line, without a traceback.
    """
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command not in COMMANDS:
        lines = [f"  {name:16}{summary(module)}" for name, module in COMMANDS.items()]
        wrong = (
            f"there is no command {command!r}\n\n" if command not in ("", "-h", "--help") else ""
        )
        print(f"{wrong}python -m course COMMAND [--help]\n", *lines, sep="\n")
        return 2 * bool(wrong)
    sys.argv = [f"python -m course {command}", *sys.argv[2:]]
    try:
        return importlib.import_module(COMMANDS[command]).main()
    except BookError as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
