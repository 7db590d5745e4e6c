"""What all checks share: how mistakes are told apart, numbers taken, and functions looked into."""

import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from course import exercises, notebook
from helpers import checks
from helpers.checks import answers

GRADED = [e for e in exercises.all_exercises() if e.graded and not e.hands_in]


@checks.check(cases=lambda rng: [(n,) for n in range(4)])
def number(given, n):
    """Judge a function that returns its input.

    Hints
    -----
    - Count.
    - Return n, which may
      stand on two lines.
    """
    mistakes = {"that is n squared.": n**2, "that is one more.": n + 1}
    answers.same(given, n, where=f"n = {n}", mistakes=mistakes)
    return "n."


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda n: n + 1, "n = 0: that is one more."),
        (lambda n: n * n, "n = 2: that is n squared. (2 of 4 tries went wrong.)"),
        (lambda n: 1, "n = 0: 1 is too large. (3 of 4 tries went wrong.)"),
        (lambda n: n * n if n < 3 else None, "n = 2: that is n squared. (2 of 4 tries"),
    ],
)
def test_a_mistake_is_named_if_it_explains_whatever_differs(function, message):
    assert number.outcome(function).message.startswith(message)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([Fraction(1, 2), Decimal(2)], None),
        (np.array([0.5, 2], dtype=object), None),
        (Decimal("0.5"), "the shape is (), expected (2,)"),
        (["0.5", "2"], "got an array of texts"),
        (np.array(["0.5", "2"]), "got an array of texts"),
        (np.array([0.5, "2"], dtype=object), "got an array of texts"),
        (np.array([0.5, None]), "got an array of object"),
        ([0.5, {}], "got list"),
        ([0, 0], "all zeros"),
    ],
)
def test_numbers_are_taken_in_any_form_and_others_are_named(answer, message):
    if message is None:
        answers.same(answer, [0.5, 2], "it")
        return
    with pytest.raises(checks.Wrong, match=f"^it: .*{re.escape(message)}"):
        answers.same(answer, [0.5, 2], "it")


HELPER = "from helpers import convolution\ndef padded(x): return np.pad(rows(x), 1)\n"


@pytest.mark.parametrize(
    ("body", "uses"),
    [
        ("return np.array([len(x) for _ in range(x.ndim)])", None),
        ("import math\n    return f(x[1:]) if len(x) else math.pi", None),
        ("return convolution.flip(x)", "convolution:"),
        ("from helpers.convolution import flip\n    return flip(x)", "helpers.convolution:"),
        ("return [rows(row) for row in x]", "rows:"),
        ("return padded(x)", "padded, rows:"),
        ("return x.rows", None),
    ],
)
def test_what_may_be_missing_when_graded_is_named(body, uses):
    """A name of the notebook that a function uses, directly or in a function that it calls."""
    names = {"np": np, "rows": len}
    exec(f"{HELPER}def f(x):\n    {body}", names)
    said = {}
    for points in (0, 1):
        check = checks.Check(lambda given: "so.", ("a", "b"), points, lambda rng: [])
        said[points] = check.outcome(names["f"]).message
    assert "it uses" not in said[0], "practice is not graded"
    if uses:
        assert f"it uses {uses} does a graded cell make that" in said[1]
    else:
        assert said[1] == said[0]


@pytest.mark.parametrize("exercise", GRADED, ids=[e.name for e in GRADED])
def test_solutions_of_graded_functions_need_no_other_cell(exercise):
    if not exercise.check.cases:
        return
    names = {}
    for cell in notebook.read_source(exercise.page).cells:
        if "graded" in exercises.tags(cell) and cell.source.startswith("import numpy"):
            exec(cell.source, names)
    exec(exercise.solution, names)
    outcome = exercise.check.outcome(names[exercise.answer])
    assert outcome.status == checks.RIGHT and "it uses" not in outcome.message


def test_hints_stand_in_the_docstring_and_fewer_than_two_are_refused():
    assert number.hints == ("Count.", "Return n, which may stand on two lines.")

    def judge(answer):
        """Judge.

        Hints
        -----
        - Only one.
        """

    with pytest.raises(TypeError, match="at least two hints"):
        checks.check()(judge)
