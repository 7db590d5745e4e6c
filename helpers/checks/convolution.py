"""Checks of page 1, convolution by hand: border modes, output sizes, the flip, pooling."""

from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from helpers import convolution, personal
from helpers.checks import Wrong, check, quiz
from helpers.checks.answers import numbers, same

# What the page gives to practise on. No two of the eight ways to turn the kernel look the same.
IMAGE = np.array([[2, 0, 5, 1], [1, 3, 2, 4], [0, 6, 1, 2], [3, 1, 4, 0]])
KERNEL = np.array([[1, 3], [2, -1]])
POOL_IMAGE = np.array([[3, 1, 0, 6], [5, 9, 2, 4], [2, 8, 7, 1], [6, 4, 3, 5]])

# By the names that they have on the page, with those of its worked examples, which are at hand too.
IMAGES = {
    "image": np.array([[2, 3, 2, 4], [3, 1, 2, 2], [4, 1, 0, 1], [7, 2, 1, 3]]),
    "other_image": IMAGE,
}
KERNELS = {"kernel": np.array([[2, 1], [1, 3]]), "other_kernel": KERNEL}
POOL_IMAGES = {
    "pool_image": np.array([[1, 2, 2, 4], [3, 1, 2, 1], [4, 1, 0, 2], [5, 2, 2, 1]]),
    "other_pool_image": POOL_IMAGE,
}


# --- border modes (1.1) -------------------------------------------------------------------------


@check()
def valid_convolution(answer):
    """Judge the nine cells of mode "valid" (1.1 a).

    Hints
    -----
    - Lay the kernel on the top-left corner of the image, multiply each weight by the number under
      it and add the four products. Mind the sign of the last one.
    - The first cell is 2*1 + 0*3 + 1*2 + 3*(-1). For the next one, move the kernel one cell to the
      right.
    - convolution.worked(other_image, other_kernel) writes out every sum.
    """
    _compare(answer, IMAGE, KERNEL, "valid")
    return "nine cells. From 4 x 4 to 3 x 3: a row and a column are lost."


@check()
def same_convolution(answer):
    """Judge the sixteen cells of mode "same", zeros at the top and left (1.1 b).

    Hints
    -----
    - Write the image down with a row of zeros above it and a column of zeros at its left. Then do
      as before: the kernel makes 4 x 4 stops.
    - Nine of the sixteen cells are those of valid. New are the first row and the first column,
      where the zeros take part. The first sum is 0*1 + 0*3 + 0*2 + 2*(-1).
    - convolution.worked(other_image, other_kernel, mode="same", anchor="top-left") writes out every
      sum.
    """
    _compare(answer, IMAGE, KERNEL, "same", anchor="top-left")
    return "as large as the image, and the nine cells at the bottom right are those of valid."


@check()
def full_convolution(answer):
    """Judge the 25 cells of mode "full" (1.1 c).

    Hints
    -----
    - Now zeros go all around the image, one cell wide. The kernel makes 5 x 5 stops.
    - Sixteen of the cells are those of same. New are the last row and the last column. In the
      corners one product is left: the last cell is 0*1, for the 0 at the bottom right.
    - convolution.worked(other_image, other_kernel, mode="full") writes out every sum.
    """
    _compare(answer, IMAGE, KERNEL, "full")
    return "every place where kernel and image touch: 5 x 5."


def _compare(answer, image, kernel, mode, *, stride=1, anchor="keras", where=""):
    """Raise :class:`Wrong` unless an answer is the cross-correlation of an image with a kernel."""

    def result(image=image, kernel=kernel, **changes):
        how = {"stride": stride, "mode": mode, "anchor": anchor} | changes
        return convolution.cross_correlate(image, kernel, **how)

    right = result()
    mistakes = {
        "the kernel was turned by half a turn first. That is true convolution; here the kernel "
        "lies on the image as it stands.": result(kernel=convolution.flip(kernel)),
        "the kernel is upside down.": result(kernel=kernel[::-1]),
        "the kernel is mirrored, left for right.": result(kernel=kernel[:, ::-1]),
        "the weights are not in it. Multiply each number by its weight before you add.": result(
            kernel=np.ones_like(kernel)
        ),
        "a minus sign is lost: a weight below zero was taken as one above.": result(
            kernel=np.abs(kernel)
        ),
    }
    if not where:
        mistakes |= _of_others(image, kernel, result)
    if kernel.shape[0] == kernel.shape[1]:
        mistakes["the kernel is transposed: its rows were used as columns."] = result(
            kernel=kernel.T
        )
    if stride > 1:
        mistakes["this is stride 1: the kernel moves by more than one cell."] = result(stride=1)
    if mode != "valid":
        border = _border(image, kernel.shape, stride, mode, anchor)
        mistakes["the border is a copy of the edge of the image. It should be zeros."] = result(
            np.pad(image, border, mode="edge"), mode="valid"
        )
    if mode == "same":
        if stride > 1:
            mistakes[
                "the zeros are those of stride 1. Keras adds only those that the last window "
                "needs, and an odd one goes after."
            ] = result(anchor="bottom-right")
        mistakes |= _misplaced_zeros(image, result, border, anchor)
    for other in [m for m in convolution.MODES if m != mode]:
        words = f'these are the cells of mode "{other}"'
        mistakes[f"{words}."] = result(mode=other)
        if other == "same":
            mistakes[f"{words}, zeros at the top and left."] = result(mode=other, anchor="top-left")
    if mode == "same":
        half = [(k // 2, k // 2) for k in kernel.shape]
        mistakes[
            "k // 2 zeros on both sides are too many for an even kernel, and may be for a stride "
            "above 1."
        ] = result(np.pad(image, half), mode="valid")
    if (right % 1).any():
        cut = "the fractions are cut off. An array made for whole numbers cannot hold them."
        mistakes[cut] = np.trunc(right)
    if where:
        same(answer, right, where=where, mistakes=mistakes)
    else:
        windows = _windows(image, kernel.shape, stride, mode, anchor)
        advice = "multiply it by the kernel and add up"
        _same_cells(answer, right, windows, advice, where=f"mode {mode}", mistakes=mistakes)


def _border(image, window, stride, mode, anchor):
    """Return the zeros (before, after) along both axes."""
    return [
        convolution.padding(n, k, stride=stride, mode=mode, anchor=anchor)
        for n, k in zip(image.shape, window, strict=True)
    ]


def _windows(image, window, stride=1, mode="valid", anchor="keras"):
    """Return what lies under the kernel at every stop."""
    padded = np.pad(image, _border(image, window, stride, mode, anchor))
    return sliding_window_view(padded, window)[::stride, ::stride]


def _of_others(image, kernel, result):
    """Return what the other images and kernels of the page lead to."""
    return {
        f"these are the cells of {a} and {b}. Others are asked for.": result(im, ke)
        for (a, im), (b, ke) in product(IMAGES.items(), KERNELS.items())
        if im is not image or ke is not kernel
    }


def _misplaced_zeros(image, result, border, anchor):
    """Return what the zeros of `border` lead to on other sides."""
    wanted = (0, 0) if anchor == "top-left" else (1, 1)  # rows, columns: before or after

    def named(sides):
        return f"at the {('top', 'bottom')[sides[0]]} and {('left', 'right')[sides[1]]}"

    mistakes = {}
    for sides in ((0, 0), (1, 1), (0, 1), (1, 0)):
        if sides != wanted:
            changed = [
                zeros[::-1] if side != usual else zeros
                for zeros, side, usual in zip(border, sides, wanted, strict=True)
            ]
            mistakes[
                f"zeros that cannot be shared equally go to one side, and yours are {named(sides)}."
                f" Here they belong {named(wanted)}."
            ] = result(np.pad(image, changed), mode="valid")
    return mistakes


def _alike(answer, other):
    """Say whether an answer is this array, nearly."""
    try:
        given = numbers(answer, "")
    except Wrong:
        return False
    return given.shape == other.shape and np.allclose(given, other, rtol=1e-6, atol=1e-9)


def _same_cells(answer, right, windows, advice, *, mistakes, what="", where=""):
    """Compare as :func:`same` does; where no mistake fits and few cells are wrong, show a window.

    Parameters
    ----------
    windows : array, shape (rows, columns, height, width)
        What lies under the kernel at every stop.
    advice : str
        What to do with the window of the first wrong cell.
    """
    try:
        same(answer, right, what, where=where, mistakes=mistakes)
    except Wrong as diagnosis:
        given = numbers(answer, where or what)
        if diagnosis.causes or given.shape != right.shape:
            raise
        wrong = np.argwhere(np.abs(given - right) > 1e-6 * np.abs(right).max())
        if len(wrong) > right.size / 3:
            raise
        row, column = wrong[0]
        some = "one cell is wrong, the one"
        if len(wrong) > 1:
            some = f"{len(wrong)} of {right.size} cells are wrong, the first"
        raise Wrong(
            f"{where or what}: {some} at [{row}, {column}]. The window there is "
            f"{windows[row, column].tolist()}: {advice}."
        ) from None


# --- sizes --------------------------------------------------------------------------------------


def _sizes(rng):
    cases = [(10, 5, 8, 4), (4, 2, 0, 1), (4, 2, 0, 3), (5, 5, 0, 2), (28, 5, 0, 1), (39, 3, 2, 2)]
    for _ in range(4):
        k, stride = int(rng.integers(1, 8)), int(rng.integers(1, 6))
        cases.append((int(rng.integers(8, 50)), k, int(rng.integers(0, 2 * k)), stride))
    return cases


@check(cases=_sizes)
def output_size(given, n, k, padding, stride):
    """Judge the number of stops of a kernel.

    Hints
    -----
    - The first cell of the kernel may stand on cell 0, stride, 2 stride, and so on, as long as the
      kernel does not stick out at the end. Count these places.
    - The last place where it fits is n + padding - k. How many whole strides does it take to get
      there? The first place counts as well.
    - Whole strides are a division rounded down, in Python //. Then add 1 for the first place.
    """
    last = n + padding - k
    right = last // stride + 1
    where = f"{n} cells, a kernel of {k}, {padding} zeros, stride {stride}"
    mistakes = {
        "one too few. The place where the kernel starts counts as well.": right - 1,
        "one too many. A last step that does not fit is not made: round down.": right + 1,
        "a number of stops is a whole number. Round down.": last / stride + 1,
        "the zeros are counted twice. They are all zeros together, of both sides.": (
            (last + padding) // stride + 1
        ),
        "the zeros are missing. They make the image longer.": (n - k) // stride + 1,
    }
    same(given, right, where=where, mistakes=mistakes)
    return "every stop counted, and none that does not fit."


# --- the flip -----------------------------------------------------------------------------------


@check()
def true_convolution(answer):
    """Judge what ``scipy.signal.convolve2d`` makes of the practice image.

    Hints
    -----
    - Convolution is cross-correlation with the flipped kernel. Write that kernel down first.
    - Half a turn swaps top-left with bottom-right, and top-right with bottom-left. Then slide as
      before.
    - The flipped kernel is -1, 2 above 3, 1. The first sum is 2*(-1) + 0*2 + 1*3 + 3*1.
    """
    flipped = convolution.flip(KERNEL)

    def slid(kernel):
        return convolution.cross_correlate(IMAGE, kernel)

    right = slid(flipped)
    mistakes = {
        "this is cross-correlation: the kernel was not flipped.": slid(KERNEL),
        "the kernel was only turned upside down. Half a turn swaps left and right as well.": slid(
            KERNEL[::-1]
        ),
        "the kernel was only mirrored, left for right. Half a turn swaps top and bottom as well.": (
            slid(KERNEL[:, ::-1])
        ),
        "the kernel was transposed. A flip is half a turn.": slid(KERNEL.T),
        "the kernel was turned by a quarter. A flip is half a turn.": slid(np.rot90(KERNEL)),
        "the kernel was turned by a quarter; a flip is half a turn.": slid(np.rot90(KERNEL, -1)),
        "a minus sign is lost: the weight -1 was taken as 1.": slid(np.abs(flipped)),
    }
    mistakes |= _of_others(
        IMAGE, KERNEL, lambda im, ke: convolution.cross_correlate(im, convolution.flip(ke))
    )
    windows = _windows(IMAGE, KERNEL.shape)
    advice = "multiply it by the flipped kernel"
    _same_cells(answer, right, windows, advice, what="the result", mistakes=mistakes)
    return "the flipped kernel, slid as before."


@quiz(right="c")
def which_flip():
    """Judge the choice in the quiz which_flip.

    Choices
    -------
    - a: this one is equal to its own transpose. Half a turn makes 3, 2 above 2, 1 of it.
    - b: a mirror does not change this one, left for right. Half a turn changes its signs.
    - c: read backwards it is the same, so half a turn does not change it.
    - d: half a turn makes -1, 0 above 1, 0 of it: another kernel.

    Hints
    -----
    - Write each kernel down, turn the paper upside down, and read.
    - Half a turn swaps the first number with the last, the second with the last but one, and so on.
      The kernel must read the same backwards.
    """


@quiz(right="b")
def where_zeros():
    """Judge the choice in the quiz where_zeros.

    Choices
    -------
    - a: that would be stride 1. With stride 2 the last window may need fewer zeros.
    - b: 20 stops reach over 41 cells, two more than 39; 50 stops over 101, one more than 100.
    - c: two zeros are missing downwards, and Keras shares them: one goes above.
    - d: the 20 stops downwards reach over 19 * 2 + 3 = 41 cells, and the image has 39.

    Hints
    -----
    - Down and across are two questions. For each, count the stops first: the size over the stride,
      rounded up.
    - Stops reach over (stops - 1) * stride + 3 cells. How many more is that than the image has? An
      odd one goes to the end.
    """


# --- pooling (1.2) ------------------------------------------------------------------------------


@check()
def average_pooling(answer):
    """Judge average pooling, 2 x 2 with stride 2 (1.2.1).

    Hints
    -----
    - Cut the matrix into four windows of 2 x 2, side by side. Each becomes one number.
    - Add up the four numbers of a window and divide by four. The first window holds 3, 1, 5 and 9.
    """
    _compare_pool(answer, POOL_IMAGE, 2, 2, "average")
    return "four windows, four means."


@check()
def max_pooling(answer):
    """Judge max pooling, 2 x 2 with stride 2 (1.2.1).

    Hints
    -----
    - The windows are the same four as before, side by side.
    - Keep the largest number of each window. The first holds 3, 1, 5 and 9.
    """
    _compare_pool(answer, POOL_IMAGE, 2, 2, "max")
    return "four windows, four maxima."


@check()
def overlapping_pooling(answer):
    """Judge max pooling, 2 x 2 with stride 1 (1.2.2).

    Hints
    -----
    - With stride 1 the window moves by one cell, so it makes 3 x 3 stops.
    - The second window of the first row holds 1, 0, 9 and 2. One number of the matrix is the
      largest of four windows.
    """
    _compare_pool(answer, POOL_IMAGE, 2, 1, "max")
    return "nine windows. The 9 lies in four of them, and wins all four."


def _compare_pool(answer, image, size, stride, kind):
    """Raise :class:`Wrong` unless an answer is the pooled image."""

    def pooled(kind=kind, stride=stride, size=size, image=image):
        return convolution.pool(image, size, stride=stride, kind=kind)

    right = pooled()
    other_kind = {"max": "average", "average": "max"}[kind]
    wanted = {"max": "the largest number", "average": "the mean"}[kind]
    windows = _windows(image, (size, size), stride)
    mistakes = {}
    if kind == "average":
        mistakes["the means are rounded down. Keep their fractions."] = np.floor(right)
    mistakes |= {
        f"this is {other_kind} pooling. Keep {wanted} of each window.": pooled(other_kind),
        f"these are the sums. Keep {wanted} of each window.": windows.sum(axis=(2, 3)),
        f"these are the smallest numbers. Keep {wanted} of each window.": windows.min(axis=(2, 3)),
        f"these are the medians. Keep {wanted} of each window.": np.median(windows, axis=(2, 3)),
        f"these are the numbers at the top left of each window. Keep {wanted} of all.": (
            windows[:, :, 0, 0]
        ),
    }
    for other in {1, 2, 3} - {stride}:
        mistakes[f"this is stride {other}: the windows here move by {stride}."] = pooled(
            stride=other
        )
    for name, other in POOL_IMAGES.items():
        if other is not image:
            mistakes[f"these are the cells of {name}. Another is asked for."] = pooled(image=other)
    if size != 2:
        small = f"these windows are of 2 x 2. Here they are of {size} x {size}."
        mistakes[small] = pooled(size=2)
    advice = f"find {wanted}"
    _same_cells(answer, right, windows, advice, what="the result", mistakes=mistakes)


# --- graded -------------------------------------------------------------------------------------


def own(student):
    """Return the image, the kernel and the map for pooling of a student.

    Parameters
    ----------
    student : str

    Returns
    -------
    array, shape (4, 4); array, shape (2, 2); array, shape (5, 5)
    """
    return (
        personal.matrix(student, "image", (4, 4), 0, 10),
        personal.matrix(student, "kernel", (2, 2), 1, 6),
        9 * personal.matrix(student, "pooling", (5, 5), 0, 12),
    )


@check(points=1)
def my_valid(answer, student):
    """Judge the cells of mode "valid" for a student's own numbers.

    Hints
    -----
    - There are nine stops. Write the window of each next to the kernel before you multiply.
    - The exercise valid_convolution further up is the same with other numbers: its hints fit.
    """
    return _of_student(answer, student, "valid", "nine cells")


@check(points=1)
def my_same(answer, student):
    """Judge the cells of mode "same", as Keras, for a student's own numbers.

    Hints
    -----
    - Keras does not share zeros that it cannot halve: it puts them after the image. Which rows and
      columns is that?
    - Nine of the sixteen cells are those of valid, at the top left. New are the last row and the
      last column.
    """
    praise = "sixteen cells, with the zeros where Keras has them"
    return _of_student(answer, student, "same", praise)


@check(points=1)
def my_full(answer, student):
    """Judge the cells of mode "full" for a student's own numbers.

    Hints
    -----
    - Zeros go all around the image. How wide is that border for a kernel of two cells?
    - Sixteen of the 25 cells are those of same. With Keras's zeros these lie at the bottom right,
      so the first row and the first column are new.
    """
    return _of_student(answer, student, "full", "25 cells")


@check(points=1)
def my_pooling(answer, student):
    """Judge average pooling, 3 x 3 with stride 2, of a student's own numbers.

    Hints
    -----
    - How many windows of 3 cells fit on 5 cells, if each begins two cells after the one before?
    - The windows overlap: the first covers rows 0 to 2, the second rows 2 to 4, and the columns
      likewise.
    """
    image = own(student)[2]
    if not _is_example(student):
        example = own(personal.EXAMPLE)[2]
        _unlike(answer, convolution.pool(example, 3, stride=2, kind="average"))
    _compare_pool(answer, image, 3, 2, "average")
    return _praise("four means", student)


def _is_example(student):
    """Whether an identifier is the one in the course's notebook, which is nobody's."""
    return student.strip().lower() == personal.EXAMPLE


def _praise(what, student):
    """Return the praise for a student's own numbers; for the example's, what is left to do."""
    if _is_example(student):
        return (
            f"for {personal.EXAMPLE}, the course's example. That earns nothing: set STUDENT to the "
            "identifier that your instructor gave you, run the cells again, and work with your "
            "own numbers."
        )
    return f"your {what}."


def _of_student(answer, student, mode, praise):
    """Judge the cells of a mode for a student's own numbers, and not for the example's."""
    image, kernel, _ = own(student)  # complains of a student without identifier
    if not _is_example(student):
        example, weights, _ = own(personal.EXAMPLE)
        _unlike(answer, convolution.cross_correlate(example, weights, mode=mode))
    _compare(answer, image, kernel, mode)
    return _praise(praise, student)


def _unlike(answer, example):
    if _alike(answer, example):
        raise Wrong(
            f"these are the cells for the identifier {personal.EXAMPLE}, the one in the course's "
            "notebook. Set STUDENT to your own, run the cells again, and work with your own "
            "numbers."
        )


def _images(rng):
    def whole(*shape):
        return rng.integers(1, 10, shape) * rng.choice([-1, 1], shape)

    def fractions(*shape):
        return rng.normal(size=shape)

    return [
        (whole(5, 7), whole(2, 3), 1, "valid"),
        (fractions(6, 4), fractions(3, 2), 1, "valid"),
        (whole(8, 6), whole(3, 2), 3, "valid"),
        (whole(4, 3), whole(4, 3), 2, "valid"),
        (whole(5, 6), whole(2, 2), 1, "same"),
        (whole(4, 5), whole(4, 3), 1, "same"),
        (whole(6, 4), fractions(3, 3), 2, "same"),
        (whole(7, 6), whole(2, 1), 3, "same"),
        (fractions(4, 5), whole(2, 3), 1, "full"),
        (whole(4, 5), whole(3, 4), 2, "full"),
    ]


@check(points=4, cases=_images)
def my_correlate(given, image, kernel, stride, mode):
    """Judge a student's cross-correlation with border modes and stride.

    Hints
    -----
    - Make it in two steps. First the zeros, by np.pad, which takes a pair (before, after) for each
      axis; then slide without any further thought of the border.
    - The zeros along one axis, in all: none for "valid", 2 (k - 1) for "full", and for "same" what
      the last window needs: the section on same has the formula. Half of them, rounded down, go
      before.
    - Along each axis there are (n + zeros - k) // stride + 1 stops, for all zeros of that axis. At
      the stop in row i and column j the window begins at row i * stride and column j * stride. Let
      the result hold fractions.
    """
    where = f"mode {mode}, stride {stride}, image {image.shape}, kernel {kernel.shape}"
    _compare(given, image, kernel, mode, stride=stride, where=where)
    return "all borders, strides and shapes."
