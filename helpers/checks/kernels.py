"""Checks of page 2, kernels on a photograph: grey values, kernels, ReLU, and two layers as one."""

import numpy as np

from helpers import convolution
from helpers.checks import Wrong, check, quiz
from helpers.checks.answers import numbers, same

RELIEF = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


# --- grey values (1.3.1) ------------------------------------------------------------------------


def _photos(rng):
    return [
        (rng.integers(20, 200, (4, 5)).astype(np.uint8),),
        (rng.integers(3_000, 50_000, (5, 3)).astype(np.uint16),),
        (np.array([[0, 1, 127], [128, 254, 255]], np.uint8),),
        (np.array([[0, 255, 256], [32_767, 32_768, 65_535]], np.uint16),),
        (np.full((2, 3), 200, np.uint8),),
        (rng.integers(0, 256, (3, 4)).astype(np.uint16),),
    ]


@check(cases=_photos)
def normalised(given, pixels):
    """Judge pixels of 8 or 16 bits, moved to −0.5 … 0.5 (1.3.1).

    Hints
    -----
    - Divide first, as the page does; then nothing can wrap around. By how much, if white is not
      always 255?
    - pixels.dtype knows how many bits there are, and np.iinfo tells the largest number that they
      can hold.
    - np.iinfo(pixels.dtype).max is 255 for 8 bits and 65535 for 16.
    """
    white, real = np.iinfo(pixels.dtype).max, pixels.astype(float)
    half = pixels.dtype.type(white // 2 + 1)
    wrapped = (pixels - half).astype(float)
    around = (
        "dark pixels have come round as bright ones. Divide before you subtract: the result of a "
        "division is no longer a whole number of 8 or 16 bits."
    )
    span, brightest = max(np.ptp(real), 1), real.max()
    own = "of this picture sets the scale. White is the largest number that the bits can hold."
    mistakes = {
        around: wrapped / white,
        f"{around} And divide by the number for white.": wrapped,
        "from 0 to 1. Move mid-grey to zero as well.": real / white,
        "mid-grey is at zero, but the numbers are still as large as before.": real - white / 2,
        f"the largest number {own}": real / brightest - 0.5,
        f"the range {own} Black is 0.": (real - real.min()) / span - 0.5,
        "from −1 to 1, which is twice as wide as asked for.": 2 * real / white - 1,
        "the number for white is one less than the number of grey levels, as counting begins at "
        "0.": real / (white + 1.0) - 0.5,
        "whole numbers came out of the division. Use /, not //.": real // white - 0.5,
    }
    if white > 255:
        mistakes["16 bits go up to 65535; this was divided by 255."] = real / 255 - 0.5
    bits = f"pixels of {8 * pixels.dtype.itemsize} bits"
    same(given, real / white - 0.5, where=bits, mistakes=mistakes, tolerance=1e-5)
    return "8 bits and 16, and nothing came round."


# --- a kernel for a purpose (1.3.2) -------------------------------------------------------------


@check()
def my_kernel(answer):
    """Judge a kernel that finds thin light upright lines and nothing else (1.3.2).

    Hints
    -----
    - The sum of the weights says what happens on a plain wall. What does the sum of one row of
      weights say, if the picture changes only downwards?
    - Each row must add up to zero. And a steady slope to the right leaves nothing if the weights
      look the same in a mirror.
    - Begin with one row of three weights: the middle one counts for, its two neighbours against,
      half as much each. Then fill the other rows with zeros, or with the same.
    """
    kernel = numbers(answer, "the kernel")
    if kernel.shape != (3, 3):
        raise Wrong(f"the kernel: the shape is {kernel.shape}, expected (3, 3).")
    if not kernel.any():
        raise Wrong("all weights are zero. It never answers anything, not even to a line.")

    def answers(picture):
        values = convolution.cross_correlate(picture, kernel)
        return values[np.unravel_index(np.abs(values).argmax(), values.shape)]

    small = 1e-6 * np.abs(kernel).max()
    places = np.tile(np.arange(5.0), (5, 1))
    wall, slope = answers(np.ones((5, 5))), answers(places)
    if abs(wall) > small:
        raise Wrong(
            f"on a plain wall of ones it answers {wall:g}. It should answer nothing there. What "
            "do its weights add up to?"
        )
    floor = max((answers(1.0 * (places.T >= row)) for row in range(1, 5)), key=abs)
    if abs(floor) > small:
        raise Wrong(
            f"where the picture gets lighter downwards, from 0 to 1, it answers {floor:g}. It "
            "should be blind to that. Look at each row of weights on its own."
        )
    if abs(slope) > small:
        raise Wrong(
            f"on a slope that gets steadily lighter to the right it answers {slope:g}. It should "
            "answer nothing there: what the right column adds, the left one must take away."
        )
    line = convolution.cross_correlate(1.0 * (places == 2), kernel)[0, 1]
    if line <= small:
        raise Wrong(
            f"under its middle column a light line gets the answer {line:g}. It should be positive."
        )
    return f"blind to walls, level edges and slopes; {line:g} on a light line."


# --- ReLU (1.3.3) -------------------------------------------------------------------------------


def _responses(rng):
    return [
        (rng.normal(0, 2, (4, 5)), 0.5),
        (rng.normal(0, 2, (3, 4)), -0.75),
        (rng.integers(-9, 10, (5, 4)), 3),
        (rng.integers(-9, 10, (4, 4)), -2),
        (rng.normal(0, 2, (2, 7)), 0.0),
        (-1 - rng.random((3, 3)), 0.25),
    ]


@check(cases=_responses)
def relu(given, values, bias):
    """Judge a bias followed by ReLU (1.3.3).

    Hints
    -----
    - Two steps: add, then cut. The order matters.
    - The page uses np.clip(values, 0, None) to cut. What goes in place of values?
    """
    moved = values + bias
    mistakes = {
        "the bias came after ReLU. By then what is below zero has been lost.": (
            np.maximum(values, 0) + bias
        ),
        "the bias is not in it.": np.maximum(values, 0),
        "the bias was subtracted.": np.maximum(values - bias, 0),
        "nothing was cut: there are still numbers below zero.": moved,
        "the negative numbers have lost their sign. They should become zero.": np.abs(moved),
        "the numbers above 1 are cut as well. ReLU has a floor and no ceiling.": moved.clip(0, 1),
        "the wrong half was kept.": np.minimum(moved, 0),
        "these say where something is left, not what.": 1.0 * (moved > 0),
        "the bias is not a floor. Add it, then let zero be the floor.": np.maximum(values, bias),
    }
    same(given, np.maximum(moved, 0), where=f"bias {bias:g}", mistakes=mistakes)
    return "first the bias, then the floor."


# --- a common scale (1.3.4) ---------------------------------------------------------------------


def _three_pictures(rng):
    def among(low, high, *shape):
        return rng.uniform(low, high, shape)

    def with_extreme(value, picture):
        picture.flat[rng.integers(picture.size)] = value
        return picture

    cases = []
    for place, value in ((1, -7.0), (0, 5.0), (2, -3.5), (2, 6.0), (0, -4.0), (1, 2.5)):
        pictures = [among(-2, 1, 3, 4), among(-1, 2, 2, 5), among(-1.5, 1.5, 4, 3)]
        pictures[place] = with_extreme(value, pictures[place])
        cases.append(tuple(pictures))
    cases.append(tuple(rng.integers(-9, 9, (3, 3)) for _ in range(3)))
    cases.append((among(1, 2, 2, 2), among(1, 4, 3, 3), among(0, 1, 2, 4)))
    return cases


@check(cases=_three_pictures)
def common_scale(given, first, second, third):
    """Judge a range of values for three pictures, with zero in the middle (1.3.4).

    Hints
    -----
    - The colours reach as far down as up, so only sizes matter, not signs. How large is the largest
      of all?
    - Take the largest np.abs of each picture, then the largest of the three. The pictures differ in
      shape, so they do not stack.
    - With that number limit, return (-limit, limit).
    """
    pictures = (first, second, third)
    sizes = [np.abs(p).max() for p in pictures]
    low, high = min(p.min() for p in pictures), max(p.max() for p in pictures)
    try:
        one = np.ndim(given) == 0
    except ValueError:
        one = False
    if one:
        raise Wrong(f"expected two numbers, (low, high), got {type(given).__name__}.")

    def around(limit):
        return [-limit, limit]

    mistakes = {
        "from the smallest to the largest value: zero is not in the middle of that.": [low, high],
        "the largest value sets it, but the smallest is further from zero, and is clipped.": (
            around(high)
        ),
        "the smallest value sets it, but the largest is further from zero, and is clipped.": (
            around(-low)
        ),
        "zero is the lower end. It should be the middle.": [0, max(sizes)],
        "the mean of the three ranges: it clips the picture with the widest.": (
            around(np.mean(sizes))
        ),
        "twice as wide as needed. The limit is a size, not a difference.": around(2 * max(sizes)),
        "as wide as from the smallest to the largest value. A limit is a distance from zero.": (
            around(high - low)
        ),
    }
    for name, size in zip(("first", "second", "third"), sizes, strict=True):
        mistakes[f"the {name} picture alone sets it. All three are to be shown with it."] = around(
            size
        )
    mistakes["the smallest of the three limits sets it: it clips the others."] = around(min(sizes))
    same(given, around(max(sizes)), "the range", mistakes=mistakes)
    return "zero is in the middle, and nothing is clipped."


# --- zeros beyond the frame ---------------------------------------------------------------------


@quiz(right="b")
def bias_and_border():
    """Judge the choice in the quiz bias_and_border.

    Choices
    -------
    - a: in the middle, yes. But at the frame part of the window is zeros, which are mid-grey here,
      not black.
    - b: the zeros are lighter than this wall. In a corner, five of nine pixels are invented.
    - c: a bias lifts everything: in the middle of the wall the blur answers −0.5, and −0.5 + 0.5 is
      not 0.5.
    - d: zeros darken a picture that is lighter than they are. This wall is darker.

    Hints
    -----
    - Which grey do the zeros beyond the frame stand for?
    - They are mid-grey, lighter than the wall. In the middle of the wall the blur answers −0.5; at
      the frame three of its nine pixels are 0. Now add the bias.
    """


# --- two layers (1.3.5) -------------------------------------------------------------------------


@check()
def one_kernel(answer):
    """Judge the single kernel that does what relief and then sobel_x do (1.3.5).

    Hints
    -----
    - A pixel of the second result sees 3 x 3 pixels of the first, and through them 5 x 5 of the
      picture. How often does each of these count, and with which weight?
    - Show both kernels, one after the other, a picture with one lit pixel. What comes out is the
      single kernel, turned by half a turn.
    - Two blurs made one larger kernel by convolve(ones, ones, mode="full"). The order of two
      kernels makes no difference to it, the flip does.
    """
    right = convolution.convolve(RELIEF, SOBEL_X, mode="full")
    crossed = convolution.cross_correlate(RELIEF, SOBEL_X, mode="full")
    turned = (
        "nearly: this is turned by half a turn. One lit pixel leaves a flipped stamp of the kernel."
    )
    mistakes = {
        "this is the cross-correlation of the two kernels, or a sign is wrong: half a turn only "
        "changes the signs of sobel_x. What does the same as both, one after the other, is their "
        "true convolution.": crossed,
        "this is the cross-correlation of the two kernels, and turned. What does the same as both, "
        "one after the other, is their true convolution.": crossed[::-1, ::-1],
        turned: right[::-1, ::-1],
        "it is transposed: rows and columns are swapped, or sobel_y was used. Relief looks the "
        "same transposed.": right.T,
        "the kernels were multiplied weight by weight. But each pixel of the first result already "
        "sees nine pixels.": RELIEF * SOBEL_X,
        "this is the product of two matrices. Slide one kernel over the other.": RELIEF @ SOBEL_X,
        "the two kernels were added. That is what one layer with both would do, not one after the "
        "other.": RELIEF + SOBEL_X,
        "this is the middle of it: the outer ring is missing. Mode full keeps it.": right[1:4, 1:4],
        "this is relief twice.": convolution.convolve(RELIEF, RELIEF, mode="full"),
        "this is sobel_x twice.": convolution.convolve(SOBEL_X, SOBEL_X, mode="full"),
    }
    same(answer, right, "the kernel", mistakes=mistakes)
    return "25 weights that do what twice nine do."


@quiz(right="b")
def second_layer():
    """Judge the choice in the quiz second_layer.

    Choices
    -------
    - a: two layers without ReLU do that as well, and so does one kernel of 5 x 5.
    - b: the light and the dark side of an edge cancel in a mean, unless a ReLU stands in between.
    - c: a smoothed Sobel kernel of 5 x 5 does that in one step.
    - d: two blurs are one wider blur, and a ReLU has nothing to do where nothing is negative.

    Hints
    -----
    - Three of these a single kernel of 5 x 5 can do, without any ReLU. Which one can it not?
    - Make the negative of a picture, −1 times its values: any single kernel then gives its old
      answer with the opposite sign. Which of the four asks for the same answer to both?
    """


# --- graded -------------------------------------------------------------------------------------


def _to_be_separated(rng):
    def whole(*shape):
        return rng.integers(1, 6, shape) * rng.choice([-1, 1], shape)

    full = np.triu(whole(3, 3))  # its diagonal has no zero, so its rank is 3
    return [
        (np.outer(whole(3), whole(3)),),
        (np.outer([0, *whole(2)], [0, *whole(3)]),),
        (rng.normal(size=(5, 1)) * rng.normal(size=(1, 3)),),
        (np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),),
        (np.outer(whole(5), whole(4)) + np.outer([0, *whole(4)], [*whole(3), 0]),),
        (full[rng.permutation(3)],),
        (rng.normal(size=(2, 5)),),
    ]


@check(points=3, cases=_to_be_separated)
def separated(given, kernel):
    """Judge the columns and rows of separable kernels that add up to a kernel.

    Hints
    -----
    - The page splits edge into two separable kernels by its singular value decomposition. Two
      things are left: how many there are, and where to put the singular values.
    - The number of pairs is the rank: np.linalg.matrix_rank counts the singular values that are not
      zero, with a tolerance for rounding.
    - Keep as many columns, singular values and rows as that. The product of columns, singular
      values on a diagonal, and rows is the kernel: multiply the singular values into one side.
    """
    where = f"a kernel of {kernel.shape[0]} x {kernel.shape[1]}"
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise Wrong(f"{where}: expected two arrays, columns and rows.")
    columns, rows = numbers(given[0], "columns"), numbers(given[1], "rows")
    if columns.ndim == rows.ndim == 1:  # a single pair needs no second axis
        columns, rows = columns[:, np.newaxis], rows[np.newaxis, :]
    if columns.ndim != 2 or rows.ndim != 2:
        raise Wrong(f"{where}: columns and rows are matrices, one pair or several.")
    height, width = kernel.shape
    if columns.shape[0] != height or rows.shape[1] != width:
        swapped = columns.shape[1] == height or rows.shape[0] == width
        turn = " Transposed, perhaps?" if swapped else ""
        raise Wrong(
            f"{where}: columns have the shape {columns.shape} and rows {rows.shape}, expected "
            f"({height}, pairs) and (pairs, {width}).{turn}"
        )
    if columns.shape[1] != rows.shape[0]:
        raise Wrong(
            f"{where}: {columns.shape[1]} columns but {rows.shape[0]} rows. Each column needs a "
            "row."
        )
    rank, pairs = np.linalg.matrix_rank(kernel), columns.shape[1]
    left, sizes, right = np.linalg.svd(kernel.astype(float), full_matrices=False)
    mistakes = {
        "the singular values are not in it.": left[:, :pairs] @ right[:pairs],
        "the singular values are in it twice. Give them to one side, or their roots to both.": (
            (left * sizes**2)[:, :pairs] @ right[:pairs]
        ),
        "of the singular values only the roots are in it.": (
            (left * sizes**0.5)[:, :pairs] @ right[:pairs]
        ),
    }
    if pairs < rank:
        nearest = (left * sizes)[:, :pairs] @ right[:pairs]
        mistakes[
            "with so few pairs this is as near as one can get, but it is not the kernel. It takes "
            "more."
        ] = nearest
    same(columns @ rows, kernel, where=f"{where}: columns times rows", mistakes=mistakes)
    if pairs > rank:
        raise Wrong(
            f"{where}: right, but {pairs} pairs where fewer do. How many singular values are not "
            "zero?"
        )
    return "every kernel, in as few pairs as can be."
