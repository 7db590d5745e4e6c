"""Cross-correlation, convolution and pooling of small matrices, with the arithmetic of every cell.

Plain numpy, written to be read: a window slides over the padded image, and each stop gives one
output cell. What Keras and most books call convolution is :func:`cross_correlate`;
:func:`convolve` flips the kernel first.

Modes say how many zeros surround the image:

========== ============================================== =========================
mode       zeros                                          output size
========== ============================================== =========================
``valid``  none                                           ``(n - k) // s + 1``
``same``   enough for the size of the image at stride 1   ``ceil(n / s)``
``full``   ``k - 1`` on each side                         ``(n + k - 2) // s + 1``
========== ============================================== =========================

where *n* is the size of the image along an axis, *k* that of the kernel, *s* the stride. In mode
``same`` the zeros cannot always be shared equally between both sides; `anchor` says who gets more:

================ =======================================================================
anchor           zeros before and after, along one axis
================ =======================================================================
``keras``        depends on n and s; the odd one goes after. At stride 1 as the next line
``bottom-right`` ``(k - 1) // 2`` before, ``k // 2`` after: ``scipy.signal.correlate2d``
``top-left``     ``k // 2`` before, ``(k - 1) // 2`` after: ``scipy.signal.convolve2d``
================ =======================================================================

An odd kernel at stride 1 gets the same zeros from all three. For another border than zeros, call
:func:`numpy.pad` yourself, then use mode ``valid``.

References
----------
V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
arXiv:1603.07285: the size formula is its relationship 6.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

MODES = ("valid", "same", "full")
ANCHORS = ("keras", "bottom-right", "top-left")
KINDS = ("max", "average")


def cross_correlate(image, kernel, *, stride=1, mode="valid", anchor="keras"):
    """Slide a kernel over an image; each output cell is the sum of the products under it.

    Parameters
    ----------
    image : array of real numbers, shape (height, width)
    kernel : array of real numbers, shape (kernel height, kernel width)
    stride : int or pair of int
        Steps of the kernel, down and to the right.
    mode : {"valid", "same", "full"}
        How many zeros surround the image.
    anchor : {"keras", "bottom-right", "top-left"}
        Where the zeros of mode "same" go; the other modes ignore it.

    Returns
    -------
    array, shape (output height, output width)
        Integers if image and kernel hold integers (they do not overflow at 255), else float64.
        Sizes as :func:`output_size`.

    Raises
    ------
    ValueError
        If an array is empty, not two-dimensional, or holds NaN or infinity; if the kernel is
        larger than the image in mode "valid"; if stride, mode or anchor is out of range.
    TypeError
        If the stride is not an integer, or an array does not hold real numbers.

    Notes
    -----
    Written as two loops in *Convolution by hand* (notebooks/convolution.md), and with all modes in
    its graded exercise.
    """
    image, kernel = _matrix(image, "image"), _matrix(kernel, "kernel")
    windows = _windows(image, kernel.shape, stride, mode, anchor)
    return np.einsum("ijkl,kl->ij", windows, kernel)


def convolve(image, kernel, *, mode="valid"):
    """Cross-correlate an image with the flipped kernel: the convolution of mathematics.

    Parameters, returns and raises as :func:`cross_correlate`. For a stride, or the zeros of
    ``scipy.signal.convolve2d`` in mode "same", cross-correlate with the flipped kernel yourself:
    ``cross_correlate(image, flip(kernel), mode="same", anchor="top-left")``.
    """
    return cross_correlate(image, flip(kernel), mode=mode)


def flip(kernel):
    """Turn a kernel by half a turn: upside down and left to right.

    Parameters
    ----------
    kernel : array, shape (kernel height, kernel width)

    Returns
    -------
    array, shape (kernel height, kernel width)

    Raises
    ------
    ValueError, TypeError
        As :func:`cross_correlate`.
    """
    return _matrix(kernel, "kernel")[::-1, ::-1]


def pool(image, size=2, *, stride=None, kind="max", mode="valid", anchor="keras"):
    """Keep the largest value, or the mean, of each window.

    Cells outside the image do not count: they never win the maximum, and the mean is taken over
    the cells inside.

    Parameters
    ----------
    image : array of real numbers, shape (height, width)
    size : int or pair of int
        Height and width of the window.
    stride : int or pair of int, optional
        Steps of the window; default `size`: windows side by side.
    kind : {"max", "average"}
    mode, anchor
        As :func:`cross_correlate`.

    Returns
    -------
    array, shape (output height, output width)
        Means are float64; maxima are integers if the image holds integers.

    Raises
    ------
    ValueError, TypeError
        As :func:`cross_correlate`, and for an unknown kind.
    """
    windows, inside = _pool_windows(image, size, stride, kind, mode, anchor)
    if kind == "max":
        return windows.max(axis=(2, 3))  # padded with the smallest value, which never wins
    return (windows * inside).sum(axis=(2, 3)) / inside.sum(axis=(2, 3))


def output_size(size, kernel_size, *, stride=1, mode="valid"):
    """Count the stops of a kernel along one axis.

    The first cell of the kernel can stand on cell 0, stride, 2 stride, … of the padded image, and
    not beyond cell ``size + zeros - kernel_size``.

    Parameters
    ----------
    size, kernel_size, stride : int
        Along one axis, in cells.
    mode : {"valid", "same", "full"}

    Returns
    -------
    int
        ``(size + zeros - kernel_size) // stride + 1``. No anchor changes it.

    Raises
    ------
    ValueError, TypeError
        As :func:`cross_correlate`.

    Notes
    -----
    The formula is an exercise in *Convolution by hand* (notebooks/convolution.md).

    References
    ----------
    Dumoulin and Visin (2016), relationship 6, where the zeros are 2p.
    """
    zeros = sum(padding(size, kernel_size, stride=stride, mode=mode))
    return (size + zeros - kernel_size) // stride + 1


def padding(size, kernel_size, *, stride=1, mode="same", anchor="keras"):
    """Return how many zeros go before and after an image, along one axis.

    Parameters
    ----------
    size, kernel_size, stride : int
        Along one axis, in cells.
    mode : {"valid", "same", "full"}
    anchor : {"keras", "bottom-right", "top-left"}
        Only mode "same" uses it. "keras" is the rule of Keras and TensorFlow: just enough zeros
        for the last window, so that with a stride even an odd kernel may be padded unequally.

    Returns
    -------
    before, after : int

    Raises
    ------
    ValueError, TypeError
        As :func:`cross_correlate`.
    """
    size = _positive_integer(size, "image size")
    kernel_size = _positive_integer(kernel_size, "kernel size")
    stride = _positive_integer(stride, "stride")
    _one_of(mode, MODES, "mode")
    _one_of(anchor, ANCHORS, "anchor")
    if mode == "valid":
        if kernel_size > size:
            raise ValueError(
                f"kernel or window of {kernel_size} cells on an image of {size}: it must fit "
                'inside in mode "valid". Use a smaller one, a larger image, or mode="same".'
            )
        return 0, 0
    if mode == "full":
        return kernel_size - 1, kernel_size - 1
    if anchor == "top-left":
        return kernel_size // 2, (kernel_size - 1) // 2
    if anchor == "bottom-right":
        return (kernel_size - 1) // 2, kernel_size // 2
    stops = -(-size // stride)  # size / stride, rounded up
    zeros = max((stops - 1) * stride + kernel_size - size, 0)
    return zeros // 2, zeros - zeros // 2


def worked(image, kernel, *, stride=1, mode="valid", anchor="keras"):
    """Write out the arithmetic of every output cell of :func:`cross_correlate`.

    For a convolution give it the flipped kernel: ``worked(image, flip(kernel))``.

    Parameters
    ----------
    image, kernel, stride, mode, anchor
        As :func:`cross_correlate`.

    Returns
    -------
    array of str (dtype object), shape (output height, output width)
        For example ``"2*2+3*1+3*1+1*3 = 13"``: image times kernel, row by row, with the zeros of
        the border. Fractions are rounded to six significant digits.

    Raises
    ------
    ValueError, TypeError
        As :func:`cross_correlate`.
    """
    results = cross_correlate(image, kernel, stride=stride, mode=mode, anchor=anchor)
    image, kernel = _matrix(image, "image"), _matrix(kernel, "kernel")
    windows = _windows(image, kernel.shape, stride, mode, anchor)
    cells = np.empty(results.shape, dtype=object)
    for cell, result in np.ndenumerate(results):
        pairs = zip(windows[cell].flat, kernel.flat, strict=True)
        products = "+".join(f"{_factor(pixel)}*{_factor(weight)}" for pixel, weight in pairs)
        cells[cell] = f"{products} = {_text(result)}"
    return cells


def worked_pool(image, size=2, *, stride=None, kind="max", mode="valid", anchor="keras"):
    """Write out the arithmetic of every output cell of :func:`pool`.

    Parameters
    ----------
    image, size, stride, kind, mode, anchor
        As :func:`pool`.

    Returns
    -------
    array of str (dtype object), shape (output height, output width)
        For example ``"mean(1, 2, 3, 1) = 1.75"``; cells outside the image are left out.

    Raises
    ------
    ValueError, TypeError
        As :func:`pool`.
    """
    results = pool(image, size, stride=stride, kind=kind, mode=mode, anchor=anchor)
    windows, inside = _pool_windows(image, size, stride, kind, mode, anchor)
    name = {"max": "max", "average": "mean"}[kind]
    cells = np.empty(results.shape, dtype=object)
    for cell, result in np.ndenumerate(results):
        values = ", ".join(_text(value) for value in windows[cell][inside[cell]])
        cells[cell] = f"{name}({values}) = {_text(result)}"
    return cells


def _windows(image, window, stride, mode, anchor, outside=0):
    """Return every stop of the window, shape (output height, output width, *window)."""
    stride = _pair(stride, "stride")
    border = [
        padding(size, kernel_size, stride=step, mode=mode, anchor=anchor)
        for size, kernel_size, step in zip(image.shape, window, stride, strict=True)
    ]
    padded = np.pad(image, border, constant_values=outside)
    return sliding_window_view(padded, window)[:: stride[0], :: stride[1]]


def _pool_windows(image, size, stride, kind, mode, anchor):
    """Return every stop of the pooling window, and which of its cells lie inside the image."""
    _one_of(kind, KINDS, "kind")
    image, size = _matrix(image, "image"), _pair(size, "size")
    stride = size if stride is None else stride
    windows = _windows(image, size, stride, mode, anchor, outside=image.min())
    inside = _windows(np.ones(image.shape, dtype=bool), size, stride, mode, anchor, outside=False)
    return windows, inside


def _matrix(values, name):
    """Return `values` as a matrix of int64 or float64, or say what is wrong with it."""
    try:
        matrix = np.asarray(values)
    except ValueError as problem:
        raise ValueError(
            f"{name} is not a matrix: its rows differ in length. Give every row the same number "
            "of values."
        ) from problem
    if matrix.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} holds {matrix.dtype} values, expected real numbers. Convert it, e.g. with "
            f"{name}.astype(float)."
        )
    if matrix.size == 0:
        raise ValueError(
            f"{name} is empty, shape {matrix.shape}; expected at least one cell. "
            "Check the slice or the file that it came from."
        )
    if matrix.ndim != 2:
        remedy = "Write a matrix as a list of rows: [[1, 2], [3, 4]]."
        if matrix.ndim > 2:
            remedy = "Take one channel, e.g. image[:, :, 0], or one item of the batch."
        raise ValueError(
            f"{name} has {matrix.ndim} dimension{'' if matrix.ndim == 1 else 's'}, shape "
            f"{matrix.shape}; expected 2: (height, width). {remedy}"
        )
    bad = np.argwhere(~np.isfinite(matrix))
    if len(bad):
        row, column = (int(index) for index in bad[0])
        raise ValueError(
            f"{name} holds {matrix[row, column]} at row {row}, column {column} ({len(bad)} such "
            "in all); expected finite numbers. Replace them first, e.g. with "
            f"np.nan_to_num({name})."
        )
    return matrix.astype(np.result_type(matrix, np.int64))  # uint8 would overflow at 255


def _pair(value, name):
    """Return an int or a pair of int as a pair."""
    if isinstance(value, (tuple, list, np.ndarray)) and np.ndim(value) == 1:
        if len(value) != 2:
            raise ValueError(
                f"{name} has {len(value)} values, expected one integer, or two: (down, right)."
            )
        return tuple(_positive_integer(item, name) for item in value)
    return (_positive_integer(value, name),) * 2


def _positive_integer(value, name):
    """Return `value` as an int of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(
            f"{name} is {value!r}, expected a whole number of cells. Write it as an integer, "
            "such as 1 or 2."
        )
    if value < 1:
        raise ValueError(f"{name} is {value}, expected 1 or more. The smallest that works is 1.")
    return int(value)


def _one_of(value, choices, name):
    """Raise unless `value` is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        names = ", ".join(f'"{choice}"' for choice in choices)
        raise ValueError(f"{name} is {value!r}, expected one of {names}. Check the spelling.")


def _text(number):
    """Return a number as a person would write it."""
    return str(number) if isinstance(number, np.integer) else f"{number + 0:.6g}"


def _factor(number):
    return f"({_text(number)})" if number < 0 else _text(number)
