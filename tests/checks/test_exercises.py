"""Every exercise answers back: to right answers, to wrong ones, and to none at all."""

import ast
import builtins
import importlib
import json
import symtable

import pytest

from course import exercises, notebook
from helpers import checks
from tests.support.checking import Answers, outcome_of, spoiled

ALL = exercises.all_exercises()
IDS = [f"{e.module}.{e.name}" for e in ALL]
each = pytest.mark.parametrize("exercise", ALL, ids=IDS)


def answers_to(exercise):
    """Return the answers that ``tests/checks/test_<module>.py`` keeps for an exercise."""
    module = importlib.import_module(f"tests.checks.test_{exercise.module}")
    make = getattr(module, f"answers_{exercise.name}", None)
    assert make, (
        f"the exercise {exercise.name} of {exercise.page} has no wrong-answer tests: write "
        f"answers_{exercise.name}() in tests/checks/test_{exercise.module}.py"
    )
    answers = make()
    assert isinstance(answers, Answers)
    return answers


def test_there_are_as_many_exercises_as_a_course_needs():
    assert len(ALL) >= 35
    assert len(set(IDS)) == len(IDS)


def test_every_check_belongs_to_an_exercise_and_every_page_has_some():
    for page in notebook.pages():
        mine = exercises.exercises(page)
        assert mine, page
        module = importlib.import_module(f"helpers.checks.{mine[0].module}")
        made = {n for n, c in vars(module).items() if isinstance(c, checks.Check)}
        assert made == {e.name for e in mine}, page


@each
def test_right_answers_pass_in_every_form(exercise):
    for answer in answers_to(exercise).right:
        outcome = outcome_of(exercise.check, answer)
        assert outcome.status == checks.RIGHT, outcome
        assert 0 < outcome.score <= 1
        assert exercise.graded or outcome.score == 1


@each
def test_wrong_answers_are_told_why(exercise):
    answers = answers_to(exercise)
    choices = len(getattr(exercise.check, "choices", ())) - 1
    assert len(answers.wrong) >= (choices if choices > 0 else 6)
    for answer, diagnosis in answers.wrong:
        outcome = outcome_of(exercise.check, answer)
        assert outcome.status == checks.WRONG, (answer, outcome)
        assert diagnosis in outcome.message, outcome
        assert outcome.score < 1


@each
def test_spoiled_answers_do_not_pass(exercise):
    for what, answer in spoiled(exercise.check, answers_to(exercise).right[0]):
        outcome = outcome_of(exercise.check, answer)
        if what == "untouched":
            assert outcome.status == checks.NOT_ATTEMPTED
        else:
            assert outcome.status == checks.WRONG, (what, outcome)


@each
def test_hints_grow_and_graded_solutions_stay_hidden(exercise, capsys):
    check = exercise.check
    assert len(check.hints) >= 2
    assert all(hint.endswith((".", "?", ")", "!")) for hint in check.hints)
    check.hint(1), check.hint()
    assert check.hints[1][:20] in " ".join(capsys.readouterr().out.split())
    check.solution()
    printed = capsys.readouterr().out
    if exercise.graded:
        assert check.points > 0, "a graded exercise is worth something"
        assert "yours to find" in printed
    else:
        assert check.points == 0, "only a graded exercise is worth points"
        assert printed.strip() == exercise.solution.strip(), "run: make record"


def test_stored_solutions_are_those_of_the_pages():
    stored = json.loads(checks.SOLUTIONS.read_text(encoding="utf-8"))
    assert stored == {i: e.solution for i, e in zip(IDS, ALL, strict=True) if not e.graded}


# --- the page does not depend on the answers ----------------------------------------------------


def names_read(source):
    """Return the names that a cell reads without having defined them first at its top level."""
    table = symtable.symtable(source, "cell", "exec")
    names = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    waiting = table.get_children()
    for child in waiting:
        names |= {s.get_name() for s in child.get_symbols() if s.is_global()}
        waiting.extend(child.get_children())
    return names - set(dir(builtins))


@pytest.mark.parametrize("page", notebook.pages())
def test_no_later_cell_needs_an_answer(page):
    cells = notebook.read_source(page).cells
    answers = {}
    for exercise in exercises.exercises(page):
        for name in exercises.assigned(exercise.solution):
            answers[name] = exercise
    for number, cell in enumerate(cells):
        if cell.cell_type != "code" or "exercise" in exercises.tags(cell):
            continue
        for name in names_read(cell.source) & set(answers):
            exercise = answers[name]
            assert number == exercise.number + 1, (
                f"{page}: the cell `{cell.source.splitlines()[0]}` uses {name}, the answer to "
                f"{exercise.name}; an unanswered exercise would break the page"
            )


# --- stubs --------------------------------------------------------------------------------------


def test_a_solution_in_a_function_becomes_an_error_to_be_replaced():
    begin, solution, end = "    ### BEGIN SOLUTION\n", "    return 2 * x\n", "    ### END SOLUTION"
    source = 'def f(x):\n    """Double it."""\n' + begin + solution + end
    stub = exercises.stub(source)
    assert stub == 'def f(x):\n    """Double it."""\n    raise NotImplementedError'
    assert exercises.unmarked(source).endswith("return 2 * x")


def test_a_solution_outside_of_one_becomes_a_value_to_be_replaced():
    source = "# How many?\n### BEGIN SOLUTION\n_part = 3\nn, m = _part, 4\n### END SOLUTION\nn"
    assert exercises.stub(source) == "# How many?\nn = None\nm = None\nn"


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "### BEGIN SOLUTION\nx = 1",
        "x = 1\n### END SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION",
    ],
)
def test_marks_that_do_not_match_are_refused(source):
    with pytest.raises(exercises.ExerciseError):
        exercises.stub(source)


def test_stubs_parse_and_hold_no_line_of_the_solution():
    for exercise in ALL:
        ast.parse(exercise.stub)
        assert exercises.BEGIN not in exercise.stub
