"""Checks of the exercises: one module per page, each check one exercise.

A check takes an answer, prints its verdict, and says what is wrong before it says "wrong". It never
raises: a check that cannot judge an answer says so. Every check has hints, from a nudge to nearly
the answer, and an ungraded one can show its solution::

    check.valid_convolution(my_valid)
    check.valid_convolution.hint()
    check.valid_convolution.solution()
"""

import contextlib
import dis
import functools
import inspect
import io
import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RIGHT = "right"
WRONG = "wrong"
NOT_ATTEMPTED = "not attempted"
CANNOT_JUDGE = "cannot judge"

PRACTICE_SEED = 2015  # of the inputs that a student's own functions are tried on in the notebook

SOLUTIONS = Path(__file__).with_name("solutions.json")


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes
    ----------
    status : {"right", "wrong", "not attempted", "cannot judge"}
    message : str
        What was found, or what to look at next.
    score : float
        Share of the credit that the answer has earned, 0 to 1.
    """

    status: str
    message: str
    score: float = 0.0

    def __str__(self):
        mark = {RIGHT: "✓ ", WRONG: "✗ "}.get(self.status, "· ")
        line = f"{mark}{self.status.capitalize()}: {self.message}"
        return textwrap.fill(line, width=79, subsequent_indent="  ", break_long_words=False)

    def __bool__(self):
        return self.status == RIGHT

    def _ipython_display_(self):
        """Show nothing more at the end of a cell: the line has been printed."""


class Wrong(Exception):
    """Raised inside a check with the diagnosis of a wrong answer.

    Parameters
    ----------
    diagnosis : str
    score : float
        Partial credit, 0 to 1.
    causes : dict of str to str, optional
        Where an answer was compared with known mistakes: each that leads to it, and its diagnosis.
    plain : str, optional
        What is wrong, without a guess at the mistake.
    """

    def __init__(self, diagnosis, score=0.0, *, causes=None, plain=None):
        super().__init__(diagnosis)
        self.score, self.causes, self.plain = score, causes, plain or diagnosis


class CannotJudge(Exception):
    """Raised inside a check when the answer may be right but nothing here can tell."""


class Check:
    """One exercise: its judge, its hints, its worth. Made by :func:`check`.

    Attributes
    ----------
    name, page : str
        The exercise, and the module of its page.
    hints : tuple of str
    points : float
        What it is worth when graded; 0 for practice.
    cases : callable or None
        For an exercise that asks for a function: ``cases(rng)`` returns the inputs that it is
        tried on, a list of tuples.
    hands_in : tuple of str
        For an exercise whose answer is files: their names. The answer is the folder they are in.
    """

    def __init__(self, judge, hints, points=0, cases=None, hands_in=()):
        if len(hints) < 2:
            raise TypeError(
                f"the check {judge.__name__} needs at least two hints, from a nudge to nearly the "
                'answer: items "- …" of a section Hints at the end of its docstring'
            )
        functools.update_wrapper(self, judge)
        self.name, self.page = judge.__name__, judge.__module__.rpartition(".")[2]
        self.hints, self.points, self.cases = tuple(hints), points, cases
        self.hands_in = tuple(hands_in)
        self._judge, self._shown = judge, 0

    def __call__(self, answer=None, *args, **kwargs):
        """Judge an answer, print the verdict and return it."""
        outcome = self.outcome(answer, *args, **kwargs)
        print(outcome)
        return outcome

    def outcome(self, answer=None, *args, **kwargs):
        """Judge an answer without printing."""
        try:
            if answer is None:
                return Outcome(NOT_ATTEMPTED, "replace None by your answer and run this again.")
            if self.cases:
                return self._of_function(answer, *args, **kwargs)
            praise = self._judge(answer, *args, **kwargs)
            praise, score = praise if isinstance(praise, tuple) else (praise, 1.0)
            return Outcome(RIGHT, praise, score)
        except Wrong as diagnosis:
            return Outcome(WRONG, str(diagnosis), diagnosis.score)
        except CannotJudge as reason:
            return Outcome(CANNOT_JUDGE, str(reason))
        except NotImplementedError:
            return Outcome(NOT_ATTEMPTED, "write the function, then run this again.")
        except Exception as problem:  # whatever a student hands in
            return Outcome(CANNOT_JUDGE, f"{type(problem).__name__}: {problem}")

    def _of_function(self, function, *args, seed=PRACTICE_SEED, **kwargs):
        """Try a student's function on every case; the first failure is the diagnosis.

        A case may fit a mistake by coincidence. So a mistake is named only if it explains all the
        outputs that were compared and differ.
        """
        if not callable(function):
            raise Wrong(f"expected a function, got {type(function).__name__}.")
        cases = self.cases(np.random.default_rng(seed))
        failures, praise = [], None
        for case in cases:
            try:
                given = called(function, case)
                praise = self._judge(given, *case, *args, **kwargs)
            except Wrong as diagnosis:
                failures.append(diagnosis)
        if failures:
            score = 1 - len(failures) / len(cases)
            some = f" ({len(failures)} of {len(cases)} tries went wrong.)" if score else ""
            compared = [f.causes for f in failures if f.causes is not None]
            common = (
                words
                for cause, words in (failures[0].causes or {}).items()
                if all(cause in causes for causes in compared)
            )
            raise Wrong(next(common, failures[0].plain) + some, score)
        praise = praise or f"right for all {len(cases)} inputs that were tried."
        return Outcome(RIGHT, praise + (_missing_when_graded(function) if self.points else ""), 1.0)

    def hint(self, number=None):
        """Print the next hint, or the one of a number (counted from 1)."""
        if number is None:
            number = min(self._shown + 1, len(self.hints))
        if number not in range(1, len(self.hints) + 1):
            print(f"There are {len(self.hints)} hints: hint(1) to hint({len(self.hints)}).")
            return
        self._shown = number
        more = "" if number == len(self.hints) else f" Another: check.{self.name}.hint()"
        text = f"Hint {number} of {len(self.hints)}: {self.hints[number - 1]}{more}"
        print(textwrap.fill(text, width=79, subsequent_indent="  ", break_long_words=False))

    def solution(self):
        """Print the solution of a practice exercise."""
        if self.points:
            print("This one is graded: its solution is yours to find. Try check."
                  f"{self.name}.hint().")  # fmt: skip
            return
        known = json.loads(SOLUTIONS.read_text(encoding="utf-8")) if SOLUTIONS.is_file() else {}
        print(known.get(f"{self.page}.{self.name}", "No solution is stored for this exercise."))


def check(*, points=0, cases=None, hands_in=()):
    """Make a check of a judge: a function that returns praise, or raises :class:`Wrong`.

    A right answer that could be better still (a network that could see more) earns less than full
    credit: the judge then returns praise and score. An answer of None counts as not attempted, as
    does a function that raises ``NotImplementedError``. An unexpected error in the judge becomes
    "cannot judge", so that no answer can break a page.

    The docstring of the judge ends with a section ``Hints``: at least two items, from a nudge to
    nearly the answer.

    Parameters
    ----------
    points : float
        What the exercise is worth if it is graded.
    cases : callable, optional
        For an exercise that asks for a function. ``cases(rng)`` returns a list of tuples of inputs
        (arrays, numbers, strings); the judge then gets ``(output, *inputs)`` of each in turn. In
        the notebook they are always the same, in grading they are drawn after the handing in.
    hands_in : sequence of str
        For an exercise whose answer is files, such as trained weights: their names. The answer is
        the folder that holds them; in grading the cell is not run, the files are read.

    Examples
    --------
    >>> @check()
    ... def total(answer):
    ...     '''Judge the sum of 1 and 2.
    ...
    ...     Hints
    ...     -----
    ...     - Add up.
    ...     - The sum of 1 and 2.
    ...     '''
    ...     if answer != 3:
    ...         raise Wrong("that is not the sum of 1 and 2.")
    ...     return "1 + 2."
    >>> outcome = total(3)
    ✓ Right: 1 + 2.
    """
    return lambda judge: Check(judge, items(judge, "Hints"), points, cases, hands_in)


def items(judge, title):
    """Return the items "- …" of a section of a docstring, such as its hints."""
    _, _, after = inspect.getdoc(judge).partition(f"\n{title}\n{'-' * len(title)}\n")
    listed = re.split(r"\n\S.*\n---", f"\n{after}")[0]  # up to the next section
    return [" ".join(item.split()) for item in listed.split("\n- ")[1:]]


def quiz(right):
    """Make a check of a question with one right choice.

    It is written as a function without a body, whose docstring says all: in the section
    ``Choices`` for every letter why it is right, or what speaks against it, and the hints.

    Parameters
    ----------
    right : str
        The letter of the right choice.

    Examples
    --------
    >>> @quiz(right="b")
    ... def which_sum():
    ...     '''Judge the choice in the quiz which_sum.
    ...
    ...     Choices
    ...     -------
    ...     - a: that is the product.
    ...     - b: 1 + 2.
    ...
    ...     Hints
    ...     -----
    ...     - Add up.
    ...     - The sum of 1 and 2.
    ...     '''
    >>> outcome = which_sum("a")
    ✗ Wrong: that is the product.
    """

    def made_of(question):
        choices = dict(item.split(": ", 1) for item in items(question, "Choices"))

        @functools.wraps(question)
        def judge(answer):
            if not isinstance(answer, str):
                kind = type(answer).__name__
                raise Wrong(f'expected a letter in quotes, such as "a", got {kind}.')
            letter = answer.strip(" \t\n().'\"").lower()
            if letter not in choices:
                raise Wrong(f"{answer!r} is none of the choices {', '.join(sorted(choices))}.")
            if letter != right:
                raise Wrong(choices[letter])
            return choices[letter]

        made = Check(judge, items(question, "Hints"))
        made.choices, made.right = choices, right
        return made

    return made_of


def _missing_when_graded(function):
    """Return a reminder if a function uses what may be missing when graded cells run alone.

    What counts is `helpers`, and every name that the notebook has made but np, which the graded
    cells import. In grading the function is a record, with no code to look into.
    """
    names, waiting = {}, [function]
    while waiting:
        place = waiting.pop()
        if not inspect.isfunction(place):
            continue
        known = place.__globals__
        for name in _names_outside(place.__code__):
            value = known.get(name)
            of_notebook = name in known and name != "np" and value is not function
            if name not in names and (of_notebook or name.partition(".")[0] == "helpers"):
                names[name] = value
                if getattr(value, "__globals__", None) is known:
                    waiting.append(value)
    if not names:
        return ""
    return (
        f" But it uses {', '.join(names)}: does a graded cell make that, or one that you added? "
        "Only these run when it is graded, and of helpers only personal is there."
    )


def _names_outside(code):
    """Yield the global names that a piece of code uses, and the modules that it imports."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "IMPORT_NAME"):
            yield step.argval
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _names_outside(constant)


def called(function, case):
    """Call a student's function with copies of the inputs, and return what it returns.

    Raises
    ------
    Wrong
        If it raises, returns None, or changes its inputs.
    NotImplementedError
        If it has not been written.
    """
    copies = [x.copy() if isinstance(x, np.ndarray) else x for x in case]
    shapes = ", ".join(shown(x) for x in case)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # what it prints is not the verdict
            given = function(*copies)
    except (NotImplementedError, Wrong, CannotJudge):
        raise
    except Exception as problem:
        raise Wrong(
            f"called with {shapes}, it raised {type(problem).__name__}: {problem}"
        ) from None
    if given is None:
        raise Wrong(f"called with {shapes}, it returned None. Does it end with return?")
    for before, after in zip(case, copies, strict=True):
        if isinstance(before, np.ndarray) and before.tobytes() != after.tobytes():
            raise Wrong("it changed the array it was given. Work on a copy.")
    return given


def shown(value):
    """Return a short text for an input: the shape of an array, or the value."""
    return f"an array {value.shape}" if isinstance(value, np.ndarray) else repr(value)
