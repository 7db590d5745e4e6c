"""What several checks ask of numbers and arrays: are they any, and how do they differ."""

import contextlib
import math
from numbers import Number

import numpy as np

from helpers.checks import Wrong


def numbers(answer, what):
    """Return an answer as an array of finite numbers, whatever form it comes in.

    Lists, tensors of any backend and other number types are all right. Single precision stays, and
    what is an array of floats already is not copied.

    Parameters
    ----------
    answer : array-like
    what : str
        What was asked for, for the diagnosis, e.g. ``"the nine cells"``.

    Raises
    ------
    Wrong
        If it holds no numbers, complex ones, NaN or infinity.
    """
    try:
        if hasattr(answer, "detach"):  # a tensor of PyTorch
            answer = answer.detach().cpu()
        array = np.asarray(answer)
    except Exception:  # numpy refuses rows of unequal length
        rows = isinstance(answer, list | tuple) and any(hasattr(row, "__len__") for row in answer)
        hint = " Are all rows equally long?" if rows else ""
        raise Wrong(f"{what}: expected an array of numbers, got {kind(answer)}.{hint}") from None
    if array.dtype == bool:
        array = array.astype(int)
    texts = array.dtype.kind in "SUO" and any(isinstance(part, str | bytes) for part in array.flat)
    if array.dtype == object and all(isinstance(part, Number) for part in array.flat):
        with contextlib.suppress(Exception):  # fractions, decimals, whole numbers of any size
            array = array.astype(float)
    if array.dtype.kind not in "iuf":
        got = "an array of texts" if texts and array.ndim else kind(answer)
        raise Wrong(f"{what}: expected an array of numbers, got {got}.")
    if not np.isfinite(array).all():
        raise Wrong(f"{what}: there is NaN or infinity in it. Was anything divided by zero?")
    return array.astype(np.float32 if array.dtype == np.float32 else float, copy=False)


def number(answer, what):
    """Return an answer as a float.

    Parameters
    ----------
    answer : number
        An array is none, even if it holds a single number.
    what : str
        What was asked for, for the diagnosis, e.g. ``"a probability"``.

    Raises
    ------
    Wrong
        If it is no number, or NaN or infinity.
    """
    if np.ndim(answer):
        raise Wrong(f"expected {what}, one number, got {type(answer).__name__}.")
    try:
        found = float(answer)
    except (TypeError, ValueError):
        raise Wrong(f"expected {what}, got {type(answer).__name__}.") from None
    if not math.isfinite(found):
        raise Wrong(f"expected {what}, got {found}.")
    return found


def refuse(value, mistakes, *, within):
    """Raise :class:`Wrong` if a number is that of a known mistake.

    Parameters
    ----------
    value : float
    mistakes : dict of str to float
        Diagnoses, and the numbers that they belong to.
    within : float
        How near counts, relative to the number of the mistake.
    """
    for diagnosis, other in mistakes.items():
        if abs(value - other) < within * abs(other):
            raise Wrong(diagnosis)


def kind(answer):
    """Return what an answer is, for a diagnosis."""
    if isinstance(answer, str):
        return f"the text {answer[:20]!r}"
    if callable(answer):
        return "a function; call it"
    if isinstance(answer, np.ndarray):
        return f"an array of {answer.dtype}"
    return type(answer).__name__


def same(answer, right, what="", *, where="", mistakes=None, tolerance=1e-6):
    """Compare an array with the right one, and say what is likely wrong with it.

    Parameters
    ----------
    answer : array-like
    right : array-like
    what : str
        What was asked for, e.g. ``"the result"``.
    where : str
        Of a function that is tried on several inputs: which these are, e.g. ``"epoch 3"``, in place
        of `what`. It is said before every diagnosis.
    mistakes : dict of str to array-like, optional
        Diagnoses, and the answers that they belong to.
    tolerance : float
        Relative to the largest size in `right`.

    Raises
    ------
    Wrong
        With a known mistake first, then what can be seen of any array: another shape, transposed,
        mirrored, shifted, scaled, off by a constant, and last the first cell that differs. Of a
        function's outputs, a mistake is known only if it explains all that are wrong.
    """
    name = where or what
    given, right = np.asarray(numbers(answer, name), float), np.asarray(right, float)
    close = tolerance * max(np.abs(right).max(initial=0), 1e-12)
    if _equal(given, right, close):
        return
    causes = {
        diagnosis: f"{where}: {diagnosis}" if where else diagnosis
        for diagnosis, other in (mistakes or {}).items()
        if _equal(given, np.asarray(other, float), close)
    }
    plain = f"{name}: {_seen(given, right, close)}"
    raise Wrong(next(iter(causes.values()), plain), causes=causes, plain=plain)


def _equal(a, b, close):
    return a.shape == b.shape and bool((np.abs(a - b) <= close).all())


def _seen(given, right, close):
    """Describe what is wrong with an array, without giving the right one away."""

    def equal(a, b):
        return _equal(a, b, close)

    if given.shape != right.shape:
        wanted = f"expected {right.shape}" if right.ndim else "expected one number"
        text = f"the shape is {given.shape}, {wanted}."
        if given.size == right.size and equal(given.reshape(right.shape), right):
            return f"{text} The numbers are right, only their arrangement is not."
        if given.ndim == 2 and equal(given.T, right):
            return f"{text} It is transposed: rows and columns are swapped."
        return text
    if right.ndim and not given.any():
        return "all zeros."
    if right.ndim >= 2 and given.shape[0] == given.shape[1] and equal(given.swapaxes(0, 1), right):
        return "it is transposed: rows and columns are swapped."
    for axes, words in (((0,), "upside down"), ((1,), "left for right"), ((0, 1), "half a turn")):
        if right.ndim >= 2 and equal(np.flip(given, axes), right):
            return f"it is mirrored, {words}."
    if right.ndim == 1 and right.size > 1 and equal(given[::-1], right):
        return "it is in the reverse order."
    if equal(-given, right):
        return "the sign is wrong."
    if right.ndim == 0:
        return f"{given:g} is too {'large' if given > right else 'small'}."
    differences = given - right
    if right.size > 1 and np.ptp(differences) <= 1e-9 * np.abs(right).max(initial=1):
        return f"everything is off by the same amount, {differences.flat[0]:g}."
    for axis in range(right.ndim):
        for step in (1, -1):
            if right.shape[axis] > 1 and equal(np.roll(given, step, axis), right):
                return "everything is one place off."
    ratio = np.dot(given.ravel(), right.ravel()) / np.dot(given.ravel(), given.ravel())
    if right.size > 1 and equal(ratio * given, right):
        return f"everything is too {'small' if abs(ratio) > 1 else 'large'} by the same factor."
    where = np.argwhere(np.abs(differences) > close)
    first = ", ".join(map(str, where[0]))
    return (
        f"{len(where)} of {right.size} numbers differ, the first at [{first}]. Work that one out "
        "again."
    )
