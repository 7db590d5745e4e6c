"""Find the exercises in the pages, and make stubs of their solutions.

An exercise is a code cell tagged `exercise`, followed by the code cell that checks it. Between
``### BEGIN SOLUTION`` and ``### END SOLUTION`` stands the solution. A student finds in its place
``raise NotImplementedError`` inside a function, and ``name = None`` for every value that it assigns
outside of one. An exercise that is tagged `graded` as well is never shown on the site.
"""

import ast
import importlib
import json
import re
from dataclasses import dataclass
from functools import cache

from course import BookError, notebook
from helpers import checks
from helpers.sources import written_whole

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


class ExerciseError(BookError):
    """The source of a page breaks the rules for exercises."""


@dataclass(frozen=True)
class Exercise:
    """One exercise of a page.

    Attributes
    ----------
    page : str
    number : int
        Of its cell among all cells of the page; the check is the next cell.
    name, module : str
        The check, and the module of `helpers.checks` that holds it.
    answer : str
        What is handed to the check first: the name of a value or a function.
    graded : bool
    source, checking : str
        The exercise with its solution, and the cell that checks it.
    """

    page: str
    number: int
    name: str
    module: str
    answer: str
    graded: bool
    source: str
    checking: str

    @property
    def stub(self):
        """The cell as a student finds it."""
        return stub(self.source)

    @property
    def solution(self):
        """The cell with its solution and without the marks."""
        return unmarked(self.source)

    @property
    def hands_in(self):
        """Names of the files that are its answer, if it is files."""
        return self.check.hands_in

    @property
    def check(self):
        """The :class:`helpers.checks.Check`."""
        return getattr(importlib.import_module(f"helpers.checks.{self.module}"), self.name)


def tags(cell):
    return cell.metadata.get("tags", [])


@cache
def exercises(page):
    """Return the exercises of a page, in order.

    Raises
    ------
    ExerciseError
        If an exercise has no solution, or its next cell does not check it.
    """
    cells = notebook.read_source(page).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    imported = re.search(r"^from helpers\.checks import (\w+) as check$", text, re.MULTILINE)
    found = []
    for number, cell in enumerate(cells):
        if "exercise" not in tags(cell):
            if BEGIN in cell.source:
                raise ExerciseError(f"{page}, cell {number}: a solution, but no tag `exercise`")
            continue
        following = cells[number + 1] if number + 1 < len(cells) else None
        name, answer = _checked(following, f"{page}, cell {number}")
        if not imported:
            raise ExerciseError(f"{page}: no line `from helpers.checks import … as check`")
        stub(cell.source)
        found.append(
            Exercise(
                page,
                number,
                name,
                imported[1],
                answer,
                "graded" in tags(cell),
                cell.source,
                following.source,
            )
        )
    return found


def _checked(cell, where):
    """Return the name of the check in a cell, and what it is given first."""
    if cell is not None and cell.cell_type == "code":
        for node in ast.walk(ast.parse(cell.source)):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="check"), attr=name), args=[first, *_]
                ):
                    return name, ast.unparse(first)
    raise ExerciseError(f"{where}: the next cell should check the exercise: check.name(answer)")


def all_exercises():
    """Return the exercises of all pages."""
    return [exercise for page in notebook.pages() for exercise in exercises(page)]


def store_solutions(page):
    """Write what ``check.….solution()`` shows for a page: the solutions that are not graded."""
    path, mine = checks.SOLUTIONS, exercises(page)
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    stored = {name: s for name, s in stored.items() if name.split(".")[0] != mine[0].module}
    stored |= {f"{e.module}.{e.name}": e.solution for e in mine if not e.graded}
    with written_whole(path) as part:
        text = json.dumps(dict(sorted(stored.items())), indent=1, ensure_ascii=False)
        part.write_text(text + "\n", encoding="utf-8")


def stub(source):
    """Return the source of an exercise as a student finds it.

    Raises
    ------
    ExerciseError
        If there is no solution in it, or its marks do not match.
    """
    kept, solution, inside, found = [], [], False, False
    for line in source.splitlines():
        mark = line.strip()
        if mark == BEGIN:
            if inside:
                raise ExerciseError(f"{BEGIN} twice without {END}")
            inside, found, solution = True, True, []
            indent = line[: len(line) - len(line.lstrip())]
        elif mark == END:
            if not inside:
                raise ExerciseError(f"{END} without {BEGIN}")
            inside = False
            if indent:
                kept.append(f"{indent}raise NotImplementedError")
            else:
                kept += [f"{name} = None" for name in assigned("\n".join(solution))]
        elif inside:
            solution.append(line)
        else:
            kept.append(line)
    if inside or not found:
        raise ExerciseError(f"an exercise needs {BEGIN} and {END}:\n{source}")
    text = "\n".join(kept)
    ast.parse(text)
    return text


def assigned(source):
    """Return the names that a piece of source defines at its top level, in order."""
    names = []
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=targets):
                names += [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
            case ast.FunctionDef(name=name):
                names.append(name)
    return list(dict.fromkeys(name for name in names if not name.startswith("_")))


def unmarked(source):
    """Return a source without the lines that mark its solution."""
    return "\n".join(line for line in source.splitlines() if line.strip() not in (BEGIN, END))
