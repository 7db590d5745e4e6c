r"""Plain data in and out of the sandbox: JSON and arrays of numbers, nothing that could run.

Both sides use this module; inside the sandbox it lies alone, so it imports numpy and nothing of
the course. A message is one line of JSON and, behind it, the bytes of the arrays that it mentions::

    {"answer": "my_valid", "value": {"array": 0}, "sizes": [200]}\n
    (200 bytes of numpy's .npy format)
"""

import contextlib
import io
import json
import math
from numbers import Number

import numpy as np

LARGEST = 2_000_000  # numbers in one array
LONGEST_HEAD = 1_000_000  # bytes of a message without its arrays
LONGEST = 2_000  # characters of a text
DEEPEST = 3  # tuples in tuples
WIDEST = 50  # parts of a tuple


class Refused(ValueError):
    """A value is no plain data; the message says what it is."""


def pack(value, arrays, depth=0):
    """Return a value as JSON, and append its arrays to a list.

    Parameters
    ----------
    value : number, bool, str, None, array-like of numbers, or tuple of these
    arrays : list of numpy.ndarray
        Extended in place; the JSON refers to its positions.

    Raises
    ------
    Refused
        If it is anything else.
    """
    if value is None or type(value) in (bool, int, str):
        if isinstance(value, str) and len(value) > LONGEST:
            raise Refused(f"a text of {len(value):,} characters")
        if type(value) is int and abs(value) > 10**30:
            raise Refused("a whole number of more than 30 digits")
        return {"plain": value}
    if type(value) is float:
        return {"plain": value} if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, tuple) or _is_ragged(value):
        if depth == DEEPEST or len(value) > WIDEST:
            raise Refused("tuples nested too deeply, or too long")
        return {"tuple": [pack(part, arrays, depth + 1) for part in value]}
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    try:
        array = np.array(value)  # of an object that only says it is an array, its numbers
    except Exception:
        raise Refused(f"a {type(value).__name__}") from None
    if array.dtype == object and all(isinstance(part, Number) for part in array.flat):
        with contextlib.suppress(Exception):  # fractions and decimals, as the checks take them
            array = array.astype(float)
    if type(array) is not np.ndarray or array.dtype.kind not in "biufc":
        raise Refused(f"a {type(value).__name__}")
    if array.size > LARGEST:
        raise Refused(f"an array of {array.size:,} numbers")
    arrays.append(array)
    return {"array": len(arrays) - 1}


def _is_ragged(value):
    """Whether a list is no array: its parts differ in length."""
    if not isinstance(value, list) or not any(hasattr(part, "__len__") for part in value):
        return False
    try:
        return np.array(value).dtype == object
    except ValueError:
        return True


def unpack(data, arrays):
    """Return the value that `pack` made data of.

    Raises
    ------
    Refused
        If the data is not what `pack` makes.
    """
    match data:
        case {"plain": None | bool() | int() | float() | str() as value}:
            return value
        case {"float": "nan" | "inf" | "-inf" as text}:
            return float(text)
        case {"tuple": list(parts)} if len(parts) <= WIDEST:
            return tuple(unpack(part, arrays) for part in parts)
        case {"array": int(k)} if 0 <= k < len(arrays):
            return arrays[k]
    raise Refused("not the data of an answer")


def message(head, arrays=()):
    """Return the bytes of a message: a dictionary, and arrays that it refers to."""
    blocks = []
    for array in arrays:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
        blocks.append(buffer.getvalue())
    line = json.dumps({**head, "sizes": [len(b) for b in blocks]})
    return line.encode() + b"\n" + b"".join(blocks)


def messages(data):
    """Yield (head, arrays) for every whole message; stop at the first byte that is none.

    Parameters
    ----------
    data : bytes
        From the sandbox: anything at all.
    """
    position = 0
    while 0 <= (end := data.find(b"\n", position)) <= position + LONGEST_HEAD:
        try:
            head = json.loads(data[position:end])
            sizes = head.pop("sizes")
            position = end + 1
            arrays = []
            for size in sizes:
                if type(size) is not int or not 0 < size <= len(data) - position:
                    return
                arrays.append(load_array(data[position : position + size]))
                position += size
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return
        yield head, arrays


def load_array(data):
    """Return the array in bytes of numpy's format; its size is checked before it is made.

    Raises
    ------
    ValueError
        If there is no such array, or anything but numbers in it.
    """
    buffer = io.BytesIO(data)
    version = np.lib.format.read_magic(buffer)
    if version != (1, 0):
        raise ValueError(f"version {version}, expected (1, 0)")
    shape, _, dtype = np.lib.format.read_array_header_1_0(buffer, max_header_size=10_000)
    if dtype.kind not in "biufc" or dtype.hasobject:
        raise ValueError(f"{dtype}, expected numbers")
    size = math.prod(shape)
    if size > LARGEST or size * dtype.itemsize != len(data) - buffer.tell():
        raise ValueError("the header does not fit the data")
    buffer.seek(0)
    return np.lib.format.read_array(buffer, allow_pickle=False)
