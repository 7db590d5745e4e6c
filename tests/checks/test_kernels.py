"""The checks of page 2 against right answers and many wrong ones."""

import numpy as np
import pytest
from scipy import linalg, signal

from helpers import checks
from helpers.checks import kernels as check
from tests.support.checking import Answers, given, outcome_of

EDGE = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
RELIEF = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])


# --- grey values --------------------------------------------------------------------------------

WHITE = {1: 255, 2: 65535}  # of numbers of one byte and of two


def by_table(pixels):
    """Look every grey level up."""
    return np.linspace(-0.5, 0.5, WHITE[pixels.itemsize] + 1)[pixels]


def answers_normalised():
    def wrapped(pixels):
        return pixels - np.array(WHITE[pixels.itemsize] // 2 + 1, pixels.dtype)

    return Answers(
        right=[
            by_table,
            lambda p: by_table(p).tolist(),
            lambda p: by_table(p).astype("float32"),
            lambda p: (p.astype(float) - WHITE[p.itemsize] / 2) / WHITE[p.itemsize],
        ],
        wrong=[
            (lambda p: p / 255 - 0.5, "16 bits go up to 65535"),
            (wrapped, "come round as bright ones"),
            (lambda p: wrapped(p) / WHITE[p.itemsize], "come round as bright ones"),
            (lambda p: p / WHITE[p.itemsize], "from 0 to 1"),
            (lambda p: p / p.max() - 0.5, "the largest number of this picture"),
            (lambda p: (p - p.min()) / max(np.ptp(p), 1) - 0.5, "the range of this picture"),
            (lambda p: p.astype(float) - WHITE[p.itemsize] / 2, "as large as before"),
            (lambda p: 2 * by_table(p), "twice as wide"),
            (lambda p: p / (WHITE[p.itemsize] + 1) - 0.5, "counting begins at 0"),
            (lambda p: p // WHITE[p.itemsize] - 0.5, "Use /"),
            (lambda p: -by_table(p), "sign"),
            (lambda p: by_table(p)[0], "the shape is"),
            (lambda p: p, "pixels of 8 bits"),
        ],
    )


# --- a kernel for a purpose ---------------------------------------------------------------------

LINE = np.array([[-1, 2, -1]] * 3)


def answers_my_kernel():
    noisy = np.array([[-1, 2, -1], [0, 0, 0], [1, -2, 1]])
    return Answers(
        right=[
            LINE,
            LINE.tolist(),
            LINE / 6,
            np.array([[0, 0, 0], [-1, 2, -1], [0, 0, 0]]),
            np.array([[-1, 2, -1], [-2, 4, -2], [-1, 2, -1]]),
            np.array([[-2, 2, 0], [-1, 2, -1], [0, 2, -2]]),
        ],
        wrong=[
            (EDGE, "Look at each row"),
            (np.full((3, 3), 1 / 9), "add up to"),
            (np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]), "On a plain wall".lower()),
            (SOBEL_X, "steadily lighter to the right"),
            (SOBEL_X.T, "lighter downwards"),
            (LINE.T, "lighter downwards"),
            (-LINE, "the answer -6. It should be positive"),
            (noisy, "should be positive"),
            (np.array([[-1, 1, 0]] * 3), "steadily lighter to the right"),
            (np.array([[-1, 2, -1]]), "expected (3, 3)"),
            (np.zeros((3, 3)), "all weights are zero"),
            (lambda picture: picture, "a function"),
        ],
    )


def test_the_kernels_that_pass_do_find_lines():
    """In a picture with everything in it, only the scratch is left."""
    rows, columns = np.mgrid[0:9, 0:9]
    picture = 0.2 + 0.1 * columns + np.sin(rows)
    scratched = picture + (columns == 4)
    for kernel in answers_my_kernel().right:
        weights = np.array(kernel, dtype=float)
        clean = signal.correlate2d(picture, weights, mode="valid")
        found = signal.correlate2d(scratched, weights, mode="valid")
        np.testing.assert_allclose(clean, 0, atol=1e-12)
        assert (found[:, 3] > 0).all()
        np.testing.assert_allclose(found[:, [0, 1, 5, 6]], 0, atol=1e-12)


# --- ReLU ---------------------------------------------------------------------------------------


def answers_relu():
    def by_loop(values, bias):
        return [[max(value + bias, 0) for value in row] for row in values]

    def in_place(values, bias):
        values += np.asarray(bias).astype(values.dtype)
        values[values < 0] = 0
        return values

    return Answers(
        right=[
            lambda values, bias: np.where(values > -bias, values + bias, 0),
            by_loop,
            lambda values, bias: (values + bias) * (values + bias > 0),
        ],
        wrong=[
            (lambda values, bias: np.maximum(values, 0) + bias, "the bias came after"),
            (lambda values, bias: np.maximum(values, 0), "the bias is not in it"),
            (lambda values, bias: np.maximum(values - bias, 0), "subtracted"),
            (lambda values, bias: values + bias, "nothing was cut"),
            (lambda values, bias: np.abs(values + bias), "lost their sign"),
            (lambda values, bias: np.clip(values + bias, 0, 1), "no ceiling"),
            (lambda values, bias: np.minimum(values + bias, 0), "wrong half"),
            (lambda values, bias: values + bias > 0, "not what"),
            (lambda values, bias: np.maximum(values, bias), "not a floor"),
            (lambda values, bias: np.maximum(values + bias, 0.1 * (values + bias)), "differ"),
            (lambda values, bias: (values + bias)[values + bias > 0], "the shape is"),
            (in_place, "Work on a copy"),
        ],
    )


# --- a common scale -----------------------------------------------------------------------------


def answers_common_scale():
    def right(*pictures):
        limit = linalg.norm(np.concatenate([p.ravel() for p in pictures]), np.inf)
        return -limit, limit

    def around(rule):
        def answer(*pictures):
            limit = rule(pictures)
            return -limit, limit

        return answer

    return Answers(
        right=[
            lambda *pictures: np.array(right(*pictures)),
            right,
            lambda *pictures: list(right(*pictures)),
        ],
        wrong=[
            (lambda *ps: (min(p.min() for p in ps), max(p.max() for p in ps)), "not in the middle"),
            (around(lambda ps: max(p.max() for p in ps)), "smallest is further from zero"),
            (around(lambda ps: -min(p.min() for p in ps)), "largest is further from zero"),
            (lambda *ps: (0, right(*ps)[1]), "lower end"),
            (around(lambda ps: min(np.abs(p).max() for p in ps)), "smallest of the three"),
            (around(lambda ps: np.mean([np.abs(p).max() for p in ps])), "mean of the three"),
            (around(lambda ps: np.abs(ps[0]).max()), "the first picture alone"),
            (around(lambda ps: np.abs(ps[1]).max()), "the second picture alone"),
            (around(lambda ps: np.abs(ps[2]).max()), "the third picture alone"),
            (around(lambda ps: np.ptp(np.concatenate([p.ravel() for p in ps]))), "a distance"),
            (lambda *ps: right(*ps)[1], "expected two numbers"),
            (lambda *ps: right(*ps)[::-1], "reverse order"),
            (lambda *ps: np.abs(np.stack(ps)).max(), "ValueError"),
        ],
    )


# --- zeros beyond the frame ---------------------------------------------------------------------


def answers_bias_and_border():
    return Answers(
        right=["b", "(B)"],
        wrong=[("a", "mid-grey"), ("c", "not 0.5"), ("d", "darker"), ("no", "none of the choices")],
    )


def test_a_black_wall_gets_a_light_frame():
    blurred = signal.correlate2d(np.full((5, 6), -0.5), np.full((3, 3), 1 / 9), mode="same")
    answer = np.maximum(blurred + 0.5, 0)
    np.testing.assert_allclose(answer[1:-1, 1:-1], 0, atol=1e-12)
    assert answer[0, 0] > answer[0, 2] > 0.1


# --- two layers ---------------------------------------------------------------------------------


def answers_one_kernel():
    # What both kernels make of one lit pixel, one after the other, turned by half a turn.
    lit = np.zeros((9, 9))
    lit[4, 4] = 1
    stamp = signal.correlate2d(signal.correlate2d(lit, RELIEF, "valid"), SOBEL_X, "valid")
    right = stamp[::-1, ::-1]
    return Answers(
        right=[
            right,
            right.tolist(),
            right.astype(int),
            signal.convolve2d(RELIEF, SOBEL_X),
            signal.convolve2d(SOBEL_X, RELIEF),
        ],
        wrong=[
            (stamp, "turned by half a turn"),
            (signal.correlate2d(RELIEF, SOBEL_X), "cross-correlation of the two"),
            (signal.correlate2d(SOBEL_X, RELIEF), "cross-correlation of the two"),
            (RELIEF * SOBEL_X, "weight by weight"),
            (RELIEF @ SOBEL_X, "product of two matrices"),
            (RELIEF + SOBEL_X, "were added"),
            (signal.convolve2d(RELIEF, SOBEL_X, "same"), "outer ring"),
            (signal.convolve2d(RELIEF, RELIEF), "relief twice"),
            (signal.convolve2d(SOBEL_X, SOBEL_X), "sobel_x twice"),
            (right.T, "or sobel_y was used"),
            (signal.convolve2d(RELIEF, SOBEL_X.T), "or sobel_y was used"),
            (-right, "or a sign is wrong"),
            (right / 9, "too small by the same factor"),
        ],
    )


def test_the_kernels_of_the_check_are_those_of_the_test():
    np.testing.assert_array_equal(check.RELIEF, RELIEF)
    np.testing.assert_array_equal(check.SOBEL_X, SOBEL_X)


def answers_second_layer():
    return Answers(
        right=["b", " b"],
        wrong=[("a", "5 x 5"), ("c", "Sobel"), ("d", "wider blur")],
    )


# --- graded -------------------------------------------------------------------------------------


def by_svd(kernel):
    left, sizes, right = linalg.svd(kernel)
    pairs = int((sizes > 1e-10 * sizes[0]).sum())
    return left, sizes, right, pairs


def right_separated(kernel):
    left, sizes, right, n = by_svd(kernel)
    return left[:, :n] * sizes[:n], right[:n]


def by_qr(kernel):
    """Take independent columns of the kernel, and solve for the rows."""
    _, triangle, order = linalg.qr(kernel, pivoting=True)
    sizes = np.abs(np.diag(triangle))
    columns = kernel[:, order[: (sizes > 1e-10 * sizes[0]).sum()]]
    return [columns.tolist(), np.linalg.lstsq(columns, kernel)[0]]


def answers_separated():
    def roots(kernel):
        left, sizes, right, n = by_svd(kernel)
        return left[:, :n] * sizes[:n] ** 0.5, sizes[:n, None] ** 0.5 * right[:n]

    def flat(kernel):
        columns, rows = right_separated(kernel)
        return (columns[:, 0], rows[0]) if len(rows) == 1 else (columns, rows)

    def with_power(power):
        def answer(kernel):
            left, sizes, right, n = by_svd(kernel)
            return left[:, :n] * sizes[:n] ** power, right[:n]

        return answer

    def with_pairs(number):
        def answer(kernel):
            left, sizes, right, n = by_svd(kernel)
            n = number(n, sizes.size)
            return left[:, :n] * sizes[:n], right[:n]

        return answer

    def first_of_each(kernel):
        with np.errstate(all="ignore"):
            return kernel[:, :1], kernel[:1] / kernel[0, 0]

    def swapped(kernel):
        columns, rows = right_separated(kernel)
        return columns.T, rows.T

    return Answers(
        right=[right_separated, by_qr, roots, flat],
        wrong=[
            (with_power(0), "the singular values are not in it"),
            (with_power(2), "twice"),
            (with_power(0.5), "only the roots"),
            (with_pairs(lambda n, most: 1), "as near as one can get"),
            (with_pairs(lambda n, most: most), "fewer do"),
            (with_pairs(lambda n, most: min(n + 1, most)), "fewer do"),
            (first_of_each, "NaN or infinity"),
            (swapped, "Transposed"),
            (lambda kernel: right_separated(kernel)[::-1], "expected"),
            (lambda kernel: kernel, "two arrays"),
            (lambda kernel: (kernel, np.eye(kernel.shape[1])), "fewer do"),
            (lambda kernel: (right_separated(kernel)[0], kernel[:0]), "Each column needs a row"),
            (lambda kernel: (kernel.sum(1), kernel.sum(0)), "columns times rows"),
            (lambda kernel: np.linalg.svd(kernel), "two arrays"),
        ],
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", ["normalised", "relu", "common_scale", "separated"])
def test_whatever_is_drawn_the_right_one_passes_and_the_others_do_not(name, seed):
    answers, judge = globals()[f"answers_{name}"](), getattr(check, name)
    for answer in answers.right:
        assert outcome_of(judge, given(answer, seed=seed))
    for answer, _ in answers.wrong:
        outcome = outcome_of(judge, given(answer, seed=seed))
        assert outcome.status == checks.WRONG and outcome.score < 1


def test_the_ranks_that_are_asked_for_are_mixed():
    for seed in range(20):
        kernels = [k for (k,) in check.separated.cases(np.random.default_rng(seed))]
        assert [by_svd(k)[-1] for k in kernels] == [1, 1, 1, 2, 2, 3, 2]
