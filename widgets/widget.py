"""What the package knows of a widget, and which values fit its options."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from pathlib import PurePosixPath

MATRIX, NUMBER, FLAG, TEXT, LIST = "a matrix", "a number", "true or false", "a text", "a list"
ANSWERS = "a list of answers: each a text, whether it is correct, and feedback if it is not"


@dataclass(frozen=True)
class Widget:
    """A widget of the course.

    Attributes
    ----------
    module : str
        Its script, as the site has it below ``_static``.
    title : str
        What it is called in words.
    options : dict
        What can be set: for each name the kind of value, or a tuple of the values to choose from.
    data : dict
        What it shows: for each name a function without arguments that makes it, for JSON.
    later : dict
        The same for data that a page loads only when it is asked for; a notebook gets it at once.
    picture : callable, optional
        Draws what readers without scripts see into a ``matplotlib.figure.Figure``, which has the
        style of :mod:`helpers.plots`.
    alt : str
        What that picture shows, in words.
    picture_format : {"svg", "webp"}
        Pictures that hold photos or maps are made of pixels.
    """

    module: str
    title: str
    options: dict
    data: dict = field(default_factory=dict)
    later: dict = field(default_factory=dict)
    picture: Callable | None = None
    alt: str = ""
    picture_format: str = "svg"

    @property
    def name(self):
        """The name by which it is asked for."""
        return PurePosixPath(self.module).stem

    @property
    def picture_file(self):
        """The file of its picture, as the site has it below ``_static``."""
        return f"widgets/pictures/{self.name}.{self.picture_format}"


def fits(value, kind):
    """Whether a value is of a kind, as :attr:`Widget.options` has it."""
    if isinstance(kind, tuple):
        return any(value == choice and type(value) is type(choice) for choice in kind)
    return FITS[kind](value)


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_matrix(value):
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        return False
    widths = {len(row) for row in value}
    return len(widths) == 1 and widths != {0} and all(_is_number(x) for row in value for x in row)


def _is_answer(value):
    return (
        isinstance(value, dict)
        and {"text"} <= set(value) <= {"text", "correct", "feedback"}
        and isinstance(value["text"], str)
        and isinstance(value.get("correct", False), bool)
        and isinstance(value.get("feedback", ""), str)
        and bool(value.get("correct") or value.get("feedback"))
    )


def _are_answers(value):
    """Whether it is a list of answers, one of them correct, and every wrong one with feedback."""
    if not isinstance(value, list) or not all(map(_is_answer, value)):
        return False
    return any(answer.get("correct") for answer in value)


FITS = {
    MATRIX: _is_matrix,
    NUMBER: _is_number,
    FLAG: lambda value: isinstance(value, bool),
    TEXT: lambda value: isinstance(value, str),
    LIST: lambda value: isinstance(value, list),
    ANSWERS: _are_answers,
}
