"""Checks of the exercises: one module per page, each function one exercise.

A check takes an answer, prints its verdict, and says what is wrong before it says "wrong". It never
raises: a check that cannot judge an answer says so.
"""

import functools
import math
import textwrap
from dataclasses import dataclass

RIGHT = "right"
WRONG = "wrong"
NOT_ATTEMPTED = "not attempted"
CANNOT_JUDGE = "cannot judge"


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes
    ----------
    status : {"right", "wrong", "not attempted", "cannot judge"}
    message : str
        What was found, or what to look at next.
    """

    status: str
    message: str

    def __str__(self):
        mark = {RIGHT: "✓ ", WRONG: "✗ "}.get(self.status, "· ")
        line = f"{mark}{self.status.capitalize()}: {self.message}"
        return textwrap.fill(line, width=79, subsequent_indent="  ", break_long_words=False)

    def __bool__(self):
        return self.status == RIGHT

    def _ipython_display_(self):
        """Show nothing more at the end of a cell: the line has been printed."""


class Wrong(Exception):
    """Raised inside a check with the diagnosis of a wrong answer."""


class CannotJudge(Exception):
    """Raised inside a check when the answer may be right but nothing here can tell."""


def check(judge):
    """Make a check of a function that returns praise, or raises :class:`Wrong`.

    An answer of None counts as not attempted. An unexpected error in the judge becomes "cannot
    judge", so that no answer can break a page.
    """

    @functools.wraps(judge)
    def checked(answer=None, *args, **kwargs):
        try:
            if answer is None:
                outcome = Outcome(NOT_ATTEMPTED, "replace None by your answer and run this again.")
            else:
                outcome = Outcome(RIGHT, judge(answer, *args, **kwargs))
        except Wrong as diagnosis:
            outcome = Outcome(WRONG, str(diagnosis))
        except CannotJudge as reason:
            outcome = Outcome(CANNOT_JUDGE, str(reason))
        except Exception as problem:  # whatever a student hands in
            outcome = Outcome(CANNOT_JUDGE, f"{type(problem).__name__}: {problem}")
        print(outcome)
        return outcome

    return checked


def finite_number(value, what):
    """Return an answer as a float; raise :class:`Wrong`, naming `what` was expected, otherwise."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Wrong(f"expected {what}, got {type(value).__name__}.") from None
    if not math.isfinite(number):
        raise Wrong(f"expected {what}, got {number}.")
    return number
