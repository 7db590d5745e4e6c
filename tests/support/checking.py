"""Right and wrong answers to an exercise, and what can be spoiled in any right one."""

import inspect
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Answers:
    """What a check must accept, and what it must refuse.

    Attributes
    ----------
    right : list
        Right answers in several forms. An answer is what the check is given: one value or function,
        or, with what else the check needs, a :func:`given`.
    wrong : list of (answer, str)
        Wrong answers, each with a word or two that its diagnosis must contain.
    """

    right: list
    wrong: list = field(default_factory=list)


class given:
    """An answer with the other arguments of its check: ``given(answer, model, layer=…)``."""

    def __init__(self, answer, *args, **kwargs):
        self.answer, self.args, self.kwargs = answer, args, kwargs


def outcome_of(check, answer):
    """Return what a check says of an answer."""
    if isinstance(answer, given):
        return check.outcome(answer.answer, *answer.args, **answer.kwargs)
    return check.outcome(answer)


def spoiled(check, right):
    """Yield (what was done, spoiled answer) for a right answer, where that makes sense.

    An array is replaced by zeros, put into another shape, transposed, moved by one, and given a
    NaN. Of a function this is done to what it returns; a choice in a quiz becomes another.
    """
    rest = right if isinstance(right, given) else given(right)

    def with_answer(answer):
        return given(answer, *rest.args, **rest.kwargs)

    yield "untouched", with_answer(_untouched if check.cases else None)
    answer = rest.answer
    if callable(answer) and check.cases:
        for what, spoil in _SPOILS.items():
            yield what, with_answer(_spoiling(answer, spoil))
        yield "nothing returned", with_answer(lambda *inputs: None)
        yield "an error", with_answer(_raising)
        yield "no function", with_answer(3)
    elif not isinstance(answer, str):
        array = np.asarray(answer) if not callable(answer) else np.array(object())
        for what, spoil in _SPOILS.items():
            if array.dtype.kind in "biuf" and (new := spoil(array)) is not None:
                yield what, with_answer(new)
        yield "a text", with_answer("forty-two")


def _untouched(*inputs):
    raise NotImplementedError


def _raising(*inputs):
    raise TypeError("unsupported operand")


def _spoiling(function, spoil):
    def spoiled_function(*inputs):
        output = function(*inputs)
        array = np.asarray(output) if not isinstance(output, tuple) else None
        if array is None or array.dtype.kind not in "biuf":
            return None
        new = spoil(array)
        return output + 1 if new is None else new  # what cannot be spoiled so is off by one

    spoiled_function.__signature__ = inspect.signature(function)
    return spoiled_function


def _transposed(array):
    if array.ndim < 2:
        return None
    other = array.swapaxes(0, 1)
    return None if other.shape == array.shape and np.array_equal(other, array) else other


_SPOILS = {
    "zeros": lambda a: np.zeros_like(a) if a.any() else None,
    "wrong shape": lambda a: a.reshape(-1, 1, 1) if a.shape != (a.size, 1, 1) else a.ravel(),
    "transposed": _transposed,
    "off by one": lambda a: a + 1,
    "NaN": lambda a: np.full(a.shape, np.nan),
}
