"""Numbers of one's own: exercises whose answer differs from student to student.

Everything follows from the student's identifier by a public rule, so that anybody can repeat it and
nobody can use the answer of another.
"""

import hashlib

import numpy as np

EXAMPLE = "ab12cd34"  # the identifier in the course's own notebooks


def generator(student, purpose):
    """Return the random numbers of a student for a purpose.

    Parameters
    ----------
    student : str
        Identifier, as the instructor gave it. Case and blanks around it do not matter.
    purpose : str
        Such as the name of an exercise.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    ValueError
        If there is no identifier.
    """
    if not isinstance(student, str) or not student.strip():
        raise ValueError(
            f"STUDENT is {student!r}. Set it to your identifier, a text in quotes, for example "
            f'STUDENT = "{EXAMPLE}".'
        )
    text = f"{student.strip().lower()}/{purpose}"
    return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))


def matrix(student, purpose, shape, low=0, high=10):
    """Return whole numbers of one's own from `low` up to, not including, `high`.

    The matrix differs from its transpose, from its mirror images and from itself after half a turn,
    so that every slip shows.

    Parameters
    ----------
    student, purpose : str
        See :func:`generator`.
    shape : tuple of int
    low, high : int

    Returns
    -------
    numpy.ndarray of int, shape `shape`

    Examples
    --------
    >>> matrix("ab12cd34", "kernel", (2, 2), 0, 5).shape
    (2, 2)
    """
    rng = generator(student, purpose)
    while True:
        found = rng.integers(low, high, shape)
        looks = [found[::-1], found[:, ::-1], found[::-1, ::-1]]
        if shape[0] == shape[1]:
            looks.append(found.T)
        if not any(np.array_equal(found, other) for other in looks):
            return found
