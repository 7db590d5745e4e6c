"""The checks of page 1 against right answers and many wrong ones."""

import numpy as np
import pytest
from scipy import ndimage, signal

from course import notebook
from helpers import checks, personal
from helpers.checks import convolution as check
from tests.support.checking import Answers, given, outcome_of

IMAGE = np.array([[2, 0, 5, 1], [1, 3, 2, 4], [0, 6, 1, 2], [3, 1, 4, 0]])
KERNEL = np.array([[1, 3], [2, -1]])
FLIPPED = KERNEL[::-1, ::-1]
POOL_IMAGE = np.array([[3, 1, 0, 6], [5, 9, 2, 4], [2, 8, 7, 1], [6, 4, 3, 5]])
WORKED = {  # by the page
    "image": np.array([[2, 3, 2, 4], [3, 1, 2, 2], [4, 1, 0, 1], [7, 2, 1, 3]]),
    "kernel": np.array([[2, 1], [1, 3]]),
    "pool_image": np.array([[1, 2, 2, 4], [3, 1, 2, 1], [4, 1, 0, 2], [5, 2, 2, 1]]),
}


def slide(image, kernel, mode="valid"):
    """Cross-correlate with SciPy; mode "same" pads at the bottom and right."""
    return signal.correlate2d(image, kernel, mode=mode)


def forms(array):
    """Return an array of whole numbers in forms that are all right."""
    return [array, array.tolist(), array.astype("float32"), array + 1e-7]


def changed(array, cell, by=1):
    other = np.array(array)
    other[cell] += by
    return other


# --- border modes -------------------------------------------------------------------------------


def answers_valid_convolution():
    right = slide(IMAGE, KERNEL)
    return Answers(
        right=forms(right),
        wrong=[
            (signal.convolve2d(IMAGE, KERNEL, mode="valid"), "half a turn"),
            (slide(IMAGE, KERNEL[::-1]), "upside down"),
            (slide(IMAGE, KERNEL[:, ::-1]), "mirrored, left for right"),
            (slide(IMAGE, KERNEL.T), "transposed: its rows"),
            (slide(IMAGE, np.ones((2, 2))), "weights are not in it"),
            (slide(IMAGE, KERNEL, "full"), 'cells of mode "full"'),
            (slide(IMAGE, KERNEL, "same"), 'cells of mode "same"'),
            (changed(right, (1, 2)), "[1, 2]. The window there is [[2, 4], [1, 2]]"),
            (changed(changed(right, (0, 1)), (2, 0), -6), "2 of 9 cells are wrong, the first"),
            (slide(IMAGE, np.abs(KERNEL)), "minus sign is lost"),
            (slide(WORKED["image"], WORKED["kernel"]), "cells of image and kernel. Others are"),
            (slide(IMAGE, WORKED["kernel"]), "cells of other_image and kernel"),
            (slide(WORKED["image"], KERNEL), "cells of image and other_kernel"),
            (slide(IMAGE, KERNEL) % 10, "numbers differ"),
            (right[:2], "the shape is (2, 3), expected (3, 3)"),
            (right.ravel(), "only their arrangement"),
            ([[1, 2, 3], [4, 5], [6]], "expected an array of numbers"),
        ],
    )


def answers_same_convolution():
    right = signal.convolve2d(IMAGE, FLIPPED, mode="same")  # pads at the top and left
    edges = slide(np.pad(IMAGE, ((1, 0), (1, 0)), mode="edge"), KERNEL)
    return Answers(
        right=forms(right),
        wrong=[
            (slide(IMAGE, KERNEL, "same"), "at the bottom and right. Here they belong at the top"),
            (slide(np.pad(IMAGE, ((1, 0), (0, 1))), KERNEL), "yours are at the top and right."),
            (slide(np.pad(IMAGE, ((0, 1), (1, 0))), KERNEL), "yours are at the bottom and left."),
            (slide(np.pad(WORKED["image"], ((1, 0), (1, 0))), KERNEL), "image and other_kernel"),
            (signal.convolve2d(IMAGE, KERNEL, mode="same"), "half a turn"),
            (edges, "should be zeros"),
            (slide(IMAGE, KERNEL), 'cells of mode "valid"'),
            (slide(IMAGE, KERNEL, "full"), 'cells of mode "full"'),
            (changed(right, (0, 0), 4), "one cell is wrong, the one at [0, 0]. The window there is "
             "[[0, 0], [0, 2]]"),
            (np.pad(slide(IMAGE, KERNEL), ((1, 0), (1, 0))), "numbers differ"),
            (right[:, :3], "expected (4, 4)"),
        ],
    )  # fmt: skip


def answers_full_convolution():
    right = slide(IMAGE, KERNEL, "full")
    edges = slide(np.pad(IMAGE, 1, mode="edge"), KERNEL)
    return Answers(
        right=forms(right),
        wrong=[
            (signal.convolve2d(IMAGE, KERNEL, mode="full"), "half a turn"),
            (slide(IMAGE, KERNEL.T, "full"), "transposed: its rows"),
            (slide(IMAGE, np.abs(KERNEL), "full"), "minus sign is lost"),
            (slide(WORKED["image"], WORKED["kernel"], "full"), "cells of image and kernel"),
            (edges, "should be zeros"),
            (
                signal.convolve2d(IMAGE, FLIPPED, mode="same"),
                'cells of mode "same", zeros at the top',
            ),
            (slide(IMAGE, KERNEL), 'cells of mode "valid"'),
            (slide(np.pad(IMAGE, 2), KERNEL), "the shape is (7, 7)"),
            (changed(right, (4, 4)), "[4, 4]"),
            (right[::-1], "upside down"),
        ],
    )


# --- sizes --------------------------------------------------------------------------------------


def stops(n, k, padding, stride):
    """Count by sliding a kernel over a row of zeros."""
    row = np.zeros((1, n + padding))
    return slide(row, np.ones((1, k)))[:, ::stride].shape[1]


def answers_output_size():
    return Answers(
        right=[
            stops,
            lambda n, k, padding, stride: float(stops(n, k, padding, stride)),
            lambda n, k, padding, stride: len(range(0, n + padding - k + 1, stride)),
            lambda n, k, padding, stride: -((k - 1 - n - padding) // stride),
        ],
        wrong=[
            (lambda n, k, padding, stride: (n + padding - k) // stride, "one too few"),
            (lambda n, k, padding, stride: -((k - n - padding) // stride) + 1, "round down"),
            (lambda n, k, padding, stride: (n + padding - k) / stride + 1, "whole number"),
            (lambda n, k, padding, stride: (n + 2 * padding - k) // stride + 1, "counted twice"),
            (lambda n, k, padding, stride: (n - k) // stride + 1, "zeros are missing"),
            (lambda n, k, padding, stride: n + padding - k + 1, "too large"),
            (lambda n, k, padding, stride: -(-n // stride), "stride 4: 3 is too small"),
            (lambda n, k, padding, stride: 0, "stride 4: 0 is too small"),
            (lambda n, k, padding, stride: (n, k), "one number"),
            (lambda n, k, padding: 3, "TypeError"),
            (lambda n, k, padding, stride: round((n + padding - k) / stride) + 1, "tries went"),
        ],
    )


# --- the flip -----------------------------------------------------------------------------------


def answers_true_convolution():
    right = signal.convolve2d(IMAGE, KERNEL, mode="valid")
    return Answers(
        right=forms(right),
        wrong=[
            (slide(IMAGE, KERNEL), "was not flipped"),
            (slide(IMAGE, KERNEL[::-1]), "only turned upside down"),
            (slide(IMAGE, KERNEL[:, ::-1]), "only mirrored"),
            (slide(IMAGE, KERNEL.T), "transposed"),
            (slide(IMAGE, np.rot90(KERNEL)), "a quarter. A flip"),
            (slide(IMAGE, np.rot90(KERNEL, 3)), "a quarter; a flip"),
            (slide(IMAGE, np.abs(FLIPPED)), "-1 was taken as 1"),
            (signal.convolve2d(WORKED["image"], WORKED["kernel"], "valid"), "image and kernel"),
            (right[::-1, ::-1], "half a turn"),
            (changed(right, (0, 0)), "[0, 0]"),
            (signal.convolve2d(IMAGE, KERNEL), "the shape is (5, 5)"),
        ],
    )


def answers_which_flip():
    return Answers(
        right=["c", "C", " (c) ", "c.", "'c'", '"c"', "c)"],
        wrong=[("a", "transpose"), ("b", "signs"), ("d", "another"), ("e", "none of the choices"),
               (3, "a letter")],
    )  # fmt: skip


def test_only_one_of_the_kernels_in_the_quiz_survives_half_a_turn():
    kernels = {
        "a": [[1, 2], [2, 3]],
        "b": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
        "c": [[1, 2, 3], [4, 0, 4], [3, 2, 1]],
        "d": [[0, 1], [0, -1]],
    }
    image = np.random.default_rng(0).integers(0, 9, (6, 6))
    same = [
        letter
        for letter, kernel in kernels.items()
        if np.array_equal(slide(image, kernel), signal.convolve2d(image, kernel, mode="valid"))
    ]
    assert same == [check.which_flip.right]


def answers_where_zeros():
    return Answers(
        right=["b", "B"],
        wrong=[("a", "stride 1"), ("c", "shares"), ("d", "41"), ("f", "none of the choices")],
    )


def test_the_quiz_on_zeros_follows_keras():
    from helpers.backend import keras

    image = np.arange(39 * 100, dtype="float32").reshape(1, 39, 100, 1) + 1
    ones = np.ones((3, 3, 1, 1), dtype="float32")
    padded = np.pad(image[0, :, :, 0], ((1, 1), (0, 1)))
    theirs = keras.ops.convert_to_numpy(keras.ops.conv(image, ones, 2, padding="same"))
    ours = slide(padded, ones[:, :, 0, 0])[::2, ::2]
    np.testing.assert_allclose(theirs[0, :, :, 0], ours, rtol=1e-5)


# --- pooling ------------------------------------------------------------------------------------


def windows(image, size, stride):
    """Yield the windows one by one."""
    for top in range(0, image.shape[0] - size + 1, stride):
        for left in range(0, image.shape[1] - size + 1, stride):
            yield image[top : top + size, left : left + size]


def pooled(image, size, stride, how):
    values = [how(window) for window in windows(image, size, stride)]
    return np.array(values).reshape(-1, (image.shape[1] - size) // stride + 1)


def answers_average_pooling():
    right = pooled(POOL_IMAGE, 2, 2, np.mean)
    return Answers(
        right=forms(right),
        wrong=[
            (pooled(POOL_IMAGE, 2, 2, np.max), "this is max pooling"),
            (pooled(POOL_IMAGE, 2, 2, np.sum), "sums"),
            (pooled(POOL_IMAGE, 2, 2, np.min), "smallest"),
            (np.floor(right), "rounded down"),
            (pooled(POOL_IMAGE, 2, 1, np.mean), "this is stride 1"),
            (pooled(WORKED["pool_image"], 2, 2, np.mean), "cells of pool_image"),
            (POOL_IMAGE[::2, ::2], "top left"),
            (changed(right, (1, 1), 0.5), "[1, 1]. The window there is [[7, 1], [3, 5]]"),
            (right.ravel(), "arrangement"),
        ],
    )


def answers_max_pooling():
    right = pooled(POOL_IMAGE, 2, 2, np.max)
    return Answers(
        right=forms(right),
        wrong=[
            (pooled(POOL_IMAGE, 2, 2, np.mean), "this is average pooling"),
            (pooled(POOL_IMAGE, 2, 2, np.min), "smallest"),
            (pooled(POOL_IMAGE, 2, 2, np.sum), "sums"),
            (pooled(POOL_IMAGE, 2, 2, np.median), "medians"),
            (pooled(POOL_IMAGE, 2, 1, np.max), "this is stride 1"),
            (POOL_IMAGE[::2, ::2], "top left"),
            (changed(right, (0, 1)), "[0, 1]"),
            (9, "the shape is ()"),
        ],
    )


def answers_overlapping_pooling():
    right = pooled(POOL_IMAGE, 2, 1, np.max)
    return Answers(
        right=forms(right),
        wrong=[
            (pooled(POOL_IMAGE, 2, 2, np.max), "this is stride 2"),
            (pooled(POOL_IMAGE, 2, 1, np.mean), "this is average pooling"),
            (pooled(POOL_IMAGE, 2, 1, np.min), "smallest"),
            (pooled(POOL_IMAGE, 3, 1, np.max), "the shape is (2, 2)"),
            (pooled(WORKED["pool_image"], 2, 1, np.max), "cells of pool_image"),
            (changed(right, (0, 2), 3), "[0, 2]"),
            (ndimage.maximum_filter(POOL_IMAGE, 2), "the shape is (4, 4)"),
        ],
    )


# --- graded -------------------------------------------------------------------------------------

STUDENTS = [personal.EXAMPLE, "s0451", " Ada ", "9"]
STUDENT = STUDENTS[1]


def numbers_of(student):
    return (
        personal.matrix(student, "image", (4, 4), 0, 10),
        personal.matrix(student, "kernel", (2, 2), 1, 6),
        9 * personal.matrix(student, "pooling", (5, 5), 0, 12),
    )


def slid_by(student, mode):
    image, kernel, _ = numbers_of(student)
    return slide(image, kernel, mode)


def of_student(pairs):
    return [(given(answer, STUDENT), diagnosis) for answer, diagnosis in pairs]


def answers_my_valid():
    image, kernel, _ = numbers_of(STUDENT)
    right = slide(image, kernel)
    return Answers(
        right=[given(form, STUDENT) for form in forms(right)]
        + [given(slid_by(s, "valid"), s) for s in STUDENTS],
        wrong=of_student(
            [
                (signal.convolve2d(image, kernel, mode="valid"), "half a turn"),
                (slide(image, kernel.T), "transposed: its rows"),
                (slid_by(personal.EXAMPLE, "valid"), "identifier ab12cd34"),
                (slide(image, kernel, "same"), 'cells of mode "same"'),
                (slide(image, kernel, "full"), 'cells of mode "full"'),
                (changed(right, (2, 1)), "[2, 1]"),
                (slid_by(STUDENTS[2], "valid"), "numbers differ"),
                ("nine cells", "array of numbers"),
            ]
        ),
    )


def answers_my_same():
    image, kernel, _ = numbers_of(STUDENT)
    right = slide(image, kernel, "same")
    top_left = signal.convolve2d(image, kernel[::-1, ::-1], mode="same")
    return Answers(
        right=[given(form, STUDENT) for form in forms(right)]
        + [given(slid_by(s, "same"), s) for s in STUDENTS],
        wrong=of_student(
            [
                (top_left, "at the top and left. Here they belong at the bottom and right"),
                (slide(image, kernel[::-1, ::-1], "same"), "half a turn"),
                (slide(image, kernel), 'cells of mode "valid"'),
                (slide(np.pad(image, (0, 1), mode="edge"), kernel), "should be zeros"),
                (slid_by(personal.EXAMPLE, "same"), "identifier ab12cd34"),
                (changed(right, (3, 3)), "[3, 3]"),
            ]
        ),
    )


def answers_my_full():
    image, kernel, _ = numbers_of(STUDENT)
    right = slide(image, kernel, "full")
    return Answers(
        right=[given(form, STUDENT) for form in forms(right)]
        + [given(slid_by(s, "full"), s) for s in STUDENTS],
        wrong=of_student(
            [
                (signal.convolve2d(image, kernel), "half a turn"),
                (slide(image, kernel, "same"), 'cells of mode "same"'),
                (slide(image, kernel), 'cells of mode "valid"'),
                (slide(image, kernel[:, ::-1], "full"), "mirrored, left for right"),
                (slid_by(personal.EXAMPLE, "full"), "identifier ab12cd34"),
                (changed(right, (0, 4)), "[0, 4]"),
            ]
        ),
    )


def answers_my_pooling():
    def means(student):
        smooth = ndimage.uniform_filter(numbers_of(student)[2].astype(float), 3)
        return smooth[1:-1:2, 1:-1:2]

    image, right = numbers_of(STUDENT)[2], means(STUDENT)
    return Answers(
        right=[given(form, STUDENT) for form in forms(right)]
        + [given(means(s), s) for s in STUDENTS],
        wrong=of_student(
            [
                (pooled(image, 2, 2, np.mean), "windows are of 2 x 2"),
                (pooled(image, 3, 2, np.max), "this is max pooling"),
                (pooled(image, 3, 2, np.sum), "sums"),
                (pooled(image, 3, 1, np.mean), "this is stride 1"),
                (pooled(image, 3, 3, np.mean), "this is stride 3"),
                (means(personal.EXAMPLE), "identifier ab12cd34"),
                (changed(right, (1, 0)), "[1, 0]. The window there is [["),
                (image, "the shape is (5, 5)"),
            ]
        ),
    )


@pytest.mark.parametrize("name", ["my_valid", "my_same", "my_full", "my_pooling"])
def test_whoever_keeps_the_examples_identifier_is_told_that_it_earns_nothing(name):
    judge, answers = getattr(check, name), globals()[f"answers_{name}"]()
    said = {a.args[0]: outcome_of(judge, a).message for a in answers.right[-len(STUDENTS) :]}
    assert [who for who in STUDENTS if "set STUDENT to" in said[who]] == [personal.EXAMPLE]


@pytest.mark.parametrize("student", [None, "", 7])
def test_without_an_identifier_nothing_is_judged(student):
    for judge in (check.my_valid, check.my_same, check.my_full, check.my_pooling):
        outcome = judge.outcome([[1, 2], [3, 4]], student)
        assert outcome.status == checks.CANNOT_JUDGE
        assert "Set it to your identifier" in outcome.message


def zeros_before_and_after(n, k, stride):
    """Count the zeros of Keras's "same", window by window."""
    stops = -(-n // stride)
    total = max((stops - 1) * stride + k - n, 0)
    return total // 2, total - total // 2


def correlate(image, kernel, stride, mode, shared=zeros_before_and_after):
    """Cross-correlate by SciPy; the border is `shared` out as told."""
    if mode == "same":
        border = [
            shared(n, k, stride) for n, k in zip(image.shape, kernel.shape, strict=True)
        ]  # fmt: skip
        image, mode = np.pad(image, border), "valid"
    return slide(image, kernel, mode)[::stride, ::stride]


def cut_from_full(image, kernel, stride, mode):
    """Cross-correlate as the lesson says: every answer is cut out of the full one."""
    full = slide(image, kernel, "full")
    first = [0, 0]
    size = list(full.shape)
    for axis, (n, k) in enumerate(zip(image.shape, kernel.shape, strict=True)):
        if mode == "valid":
            first[axis], size[axis] = k - 1, n - k + 1
        elif mode == "same":
            total = max((-(-n // stride) - 1) * stride + k - n, 0)
            first[axis] = k - 1 - total // 2
            size[axis] = (-(-n // stride) - 1) * stride + 1
    rows, columns = (slice(f, f + s, stride) for f, s in zip(first, size, strict=True))
    return full[rows, columns].tolist()


def answers_my_correlate():
    def with_kernel(change):
        return lambda image, kernel, stride, mode: correlate(image, change(kernel), stride, mode)

    def sharing(rule):
        return lambda *inputs: correlate(*inputs, shared=rule)

    def after_first(n, k, stride):
        before, after = zeros_before_and_after(n, k, stride)
        return after, before

    def whole(image, kernel, stride, mode):
        return np.trunc(correlate(image, kernel, stride, mode))

    def no_same(image, kernel, stride, mode):
        return correlate(image, kernel, stride, "full" if mode == "same" else mode)

    def edge(image, kernel, stride, mode):
        if mode == "valid":
            return correlate(image, kernel, stride, mode)
        border = [
            zeros_before_and_after(n, k, stride) if mode == "same" else (k - 1, k - 1)
            for n, k in zip(image.shape, kernel.shape, strict=True)
        ]
        return slide(np.pad(image, border, mode="edge"), kernel)[::stride, ::stride]

    return Answers(
        right=[correlate, cut_from_full],
        wrong=[
            (with_kernel(lambda k: k[::-1, ::-1]), "half a turn"),
            (with_kernel(lambda k: k[::-1]), "upside down"),
            (with_kernel(lambda k: np.ones_like(k)), "weights are not in it"),
            (with_kernel(lambda k: k.T), "the shape is"),
            (sharing(after_first), "at the top and left. Here they belong at the bottom"),
            (sharing(lambda n, k, stride: ((k - 1) // 2, k // 2)), "those of stride 1"),
            (sharing(lambda n, k, stride: (k // 2, k // 2)), "too many for an even kernel"),
            (with_kernel(np.abs), "minus sign is lost"),
            (no_same, 'these are the cells of mode "full"'),
            (edge, "should be zeros"),
            (whole, "fractions are cut off"),
            (lambda image, kernel, stride, mode: correlate(image, kernel, 1, mode), "is stride 1"),
            (lambda image, kernel, stride, mode: correlate(image, kernel, stride, "valid"),
             'cells of mode "valid"'),
            (lambda image, kernel: image, "TypeError"),
        ],
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_drawn_the_right_one_passes_and_the_others_do_not(seed):
    answers = answers_my_correlate()
    for answer in answers.right:
        assert outcome_of(check.my_correlate, given(answer, seed=seed))
    for answer, _ in answers.wrong:
        outcome = outcome_of(check.my_correlate, given(answer, seed=seed))
        assert outcome.status == checks.WRONG and outcome.score < 1


def test_our_same_is_that_of_keras():
    from helpers.backend import keras

    rng = np.random.default_rng(1)
    for shape, size, stride in [((5, 6), (2, 2), 1), ((6, 4), (3, 3), 2), ((7, 6), (2, 1), 3)]:
        image, kernel = rng.normal(size=shape), rng.normal(size=size)
        batch, weights = image[None, :, :, None], kernel[:, :, None, None]
        theirs = keras.ops.conv(batch, weights, stride, padding="same")
        theirs = keras.ops.convert_to_numpy(theirs)[0, :, :, 0]
        np.testing.assert_allclose(correlate(image, kernel, stride, "same"), theirs, rtol=1e-4,
                                   atol=1e-5)  # fmt: skip


def test_partial_credit_grows_with_what_works():
    def score(function):
        return outcome_of(check.my_correlate, function).score

    def only_valid(image, kernel, stride, mode):
        if mode != "valid":
            raise ValueError(mode)
        return correlate(image, kernel, stride, mode)

    def not_same(image, kernel, stride, mode):
        if mode == "same":
            raise ValueError(mode)
        return correlate(image, kernel, stride, mode)

    assert 0 < score(only_valid) < score(not_same) < score(correlate) == 1


def test_practice_matrices_of_page_and_check_agree():
    np.testing.assert_array_equal(check.IMAGE, IMAGE)
    np.testing.assert_array_equal(check.KERNEL, KERNEL)
    np.testing.assert_array_equal(check.POOL_IMAGE, POOL_IMAGE)
    worked = [check.IMAGES["image"], check.KERNELS["kernel"], check.POOL_IMAGES["pool_image"]]
    for ours, name in zip(worked, WORKED, strict=True):
        np.testing.assert_array_equal(ours, WORKED[name])
    source = notebook.read_source("convolution")
    code = "\n".join(cell.source for cell in source.cells if cell.cell_type == "code")
    for name, matrix in WORKED.items():
        assert f"\n{name} = np.array({matrix.tolist()})" in code
    turned = [np.rot90(k, n) for n in range(4) for k in (KERNEL, KERNEL.T)]
    assert len({k.tobytes() for k in map(np.ascontiguousarray, turned)}) == 8
