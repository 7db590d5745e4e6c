"""`helpers.convolution` against scipy, Keras, the published results, and its own arithmetic."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from helpers import convolution

IMAGE = [[2, 3, 2, 4], [3, 1, 2, 2], [4, 1, 0, 1], [7, 2, 1, 3]]
KERNEL = [[2, 1], [1, 3]]
POOL_IMAGE = [[1, 2, 2, 4], [3, 1, 2, 1], [4, 1, 0, 2], [5, 2, 2, 1]]

VALID = [[13, 15, 16], [14, 5, 9], [22, 7, 11]]
SAME = [[6, 11, 9, 14], [11, 13, 15, 16], [15, 14, 5, 9], [25, 22, 7, 11]]
FULL = [
    [6, 11, 9, 14, 4],
    [11, 13, 15, 16, 10],
    [15, 14, 5, 9, 5],
    [25, 22, 7, 11, 5],
    [7, 16, 5, 5, 6],
]

slow = settings(max_examples=40, deadline=None, derandomize=True, database=None)
fast = settings(slow, max_examples=100)

side = st.integers(1, 8)
kernel_side = st.integers(1, 5)
strides = st.tuples(st.integers(1, 4), st.integers(1, 4))
modes = st.sampled_from(convolution.MODES)
anchors = st.sampled_from(convolution.ANCHORS)


@st.composite
def matrices(draw, shape, fractions=False):
    """A matrix of small integers, exact in every library, or of fractions."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random.normal(0, 3, shape) if fractions else random.integers(-9, 10, shape)


@st.composite
def pairs(draw, mode=None, fractions=False):
    """An image, a kernel, a mode; the kernel fits inside the image in mode "valid"."""
    mode = mode or draw(modes)
    shape = draw(st.tuples(side, side))
    kernel_shape = draw(st.tuples(kernel_side, kernel_side))
    if mode == "valid":
        kernel_shape = tuple(np.minimum(shape, kernel_shape))
    return draw(matrices(shape, fractions)), draw(matrices(kernel_shape, fractions)), mode


def by_definition(image, kernel, stride, border):
    """The sum of products, cell by cell, on an image with the given border of zeros."""
    image = np.pad(image, border)
    height, width = kernel.shape
    rows = range(0, image.shape[0] - height + 1, stride[0])
    columns = range(0, image.shape[1] - width + 1, stride[1])
    return np.array(
        [[(image[r : r + height, c : c + width] * kernel).sum() for c in columns] for r in rows]
    )


# ---------------------------------------------------------------------------- published numbers


def test_published_cross_correlations():
    valid = convolution.cross_correlate(IMAGE, KERNEL)
    same = convolution.cross_correlate(IMAGE, KERNEL, mode="same", anchor="top-left")
    full = convolution.cross_correlate(IMAGE, KERNEL, mode="full")
    assert valid.tolist() == VALID
    assert same.tolist() == SAME
    assert full.tolist() == FULL


def test_published_same_is_not_what_keras_gives():
    same = convolution.cross_correlate(IMAGE, KERNEL, mode="same", anchor="keras")
    assert same.tolist() == [row[1:] for row in FULL[1:]]
    assert same.tolist() != SAME


@pytest.mark.parametrize(
    ("kind", "stride", "expected"),
    [
        ("average", None, [[1.75, 2.25], [3.0, 1.25]]),
        ("max", None, [[3, 4], [5, 2]]),
        ("average", 1, [[1.75, 1.75, 2.25], [2.25, 1.0, 1.25], [3.0, 1.25, 1.25]]),
        ("max", 1, [[3, 2, 4], [4, 2, 2], [5, 2, 2]]),
    ],
)
def test_published_poolings(kind, stride, expected):
    assert convolution.pool(POOL_IMAGE, 2, stride=stride, kind=kind).tolist() == expected


def test_published_arithmetic():
    assert convolution.worked(IMAGE, KERNEL)[0, 0] == "2*2+3*1+3*1+1*3 = 13"
    same = convolution.worked(IMAGE, KERNEL, mode="same", anchor="top-left")
    assert same[0, 0] == "0*2+0*1+0*1+2*3 = 6"
    assert convolution.worked(IMAGE, KERNEL, mode="full")[4, 4] == "3*2+0*1+0*1+0*3 = 6"
    assert convolution.worked_pool(POOL_IMAGE, kind="average")[0, 0] == "mean(1, 2, 3, 1) = 1.75"
    assert convolution.worked_pool(POOL_IMAGE)[1, 0] == "max(4, 1, 5, 2) = 5"
    assert convolution.worked([[-1.5]], [[-2]])[0, 0] == "(-1.5)*(-2) = 3"


def test_answers_to_the_practice_questions():
    difference = np.array([[1, 0], [0, -1]])
    answer = [[1, 1, 0], [2, 1, 1], [2, 0, -3]]
    assert convolution.cross_correlate(IMAGE, difference).tolist() == answer
    assert (convolution.flip(difference) == -difference).all()
    assert convolution.output_size(28, 5) == 24
    assert convolution.output_size(24, 2, stride=2) == 12
    assert convolution.output_size(39, 3, stride=2, mode="same") == 20
    assert convolution.output_size(100, 3, stride=2, mode="same") == 50
    assert convolution.padding(39, 3, stride=2) == (1, 1)
    assert convolution.padding(100, 3, stride=2) == (0, 1)


# ----------------------------------------------------------------------------------------- scipy


@fast
@given(pairs())
def test_cross_correlate_agrees_with_scipy(pair):
    image, kernel, mode = pair
    ours = convolution.cross_correlate(image, kernel, mode=mode, anchor="bottom-right")
    np.testing.assert_array_equal(ours, signal.correlate2d(image, kernel, mode))


@fast
@given(pairs())
def test_convolve_agrees_with_scipy(pair):
    image, kernel, mode = pair
    theirs = signal.convolve2d(image, kernel, mode)
    flipped = convolution.flip(kernel)
    ours = convolution.cross_correlate(image, flipped, mode=mode, anchor="top-left")
    np.testing.assert_array_equal(ours, theirs)
    if mode != "same" or kernel.shape[0] % 2 == kernel.shape[1] % 2 == 1:
        np.testing.assert_array_equal(convolution.convolve(image, kernel, mode=mode), theirs)


@slow
@given(pairs(fractions=True))
def test_fractions_agree_with_scipy(pair):
    image, kernel, mode = pair
    flipped = convolution.flip(kernel)
    ours = convolution.cross_correlate(image, flipped, mode=mode, anchor="top-left")
    np.testing.assert_allclose(ours, signal.convolve2d(image, kernel, mode), rtol=0, atol=1e-10)


def test_scipy_anchors_differ_for_even_kernels_only():
    for size in range(1, 7):
        shift = convolution.padding(9, size, anchor="top-left")[0]
        shift -= convolution.padding(9, size, anchor="bottom-right")[0]
        assert shift == (1 if size % 2 == 0 else 0)


@fast
@given(pairs(), strides)
def test_stride_keeps_every_sth_cell(pair, stride):
    """In all but Keras's "same", where the stride moves the zeros too."""
    image, kernel, mode = pair
    ours = convolution.cross_correlate(image, kernel, mode=mode, anchor="top-left", stride=stride)
    every = signal.convolve2d(image, kernel[::-1, ::-1], mode)
    np.testing.assert_array_equal(ours, every[:: stride[0], :: stride[1]])


@slow
@given(pairs(), strides, anchors)
def test_cross_correlate_follows_the_definition(pair, stride, anchor):
    image, kernel, mode = pair
    options = {"mode": mode, "anchor": anchor}
    border = [
        convolution.padding(size, k, stride=s, **options)
        for size, k, s in zip(image.shape, kernel.shape, stride, strict=True)
    ]
    ours = convolution.cross_correlate(image, kernel, stride=stride, **options)
    np.testing.assert_array_equal(ours, by_definition(image, kernel, stride, border))
    sizes = zip(image.shape, kernel.shape, stride, strict=True)
    assert ours.shape == tuple(
        convolution.output_size(n, k, stride=s, mode=mode) for n, k, s in sizes
    )


# ----------------------------------------------------------------------------------------- Keras


@pytest.fixture(scope="module")
def keras():
    import keras  # seconds, so only where it is needed

    return keras


def batch(image):
    """A matrix as a batch of one image with one channel, as Keras wants it."""
    return np.asarray(image, dtype="float32")[None, :, :, None]


def matrix(batched):
    """The one channel of the one image in what Keras returns."""
    import keras

    return keras.ops.convert_to_numpy(batched)[0, :, :, 0]


@slow
@given(pair=st.sampled_from(["valid", "same"]).flatmap(pairs), stride=strides)
def test_cross_correlate_agrees_with_keras(keras, pair, stride):
    image, kernel, mode = pair
    weights = kernel.astype("float32")[:, :, None, None]
    theirs = keras.ops.conv(batch(image), weights, strides=stride, padding=mode)
    ours = convolution.cross_correlate(image, kernel, stride=stride, mode=mode)  # anchor "keras"
    np.testing.assert_array_equal(ours, matrix(theirs))


@slow
@given(
    pair=st.sampled_from(["valid", "same"]).flatmap(pairs),
    stride=strides,
    kind=st.sampled_from(convolution.KINDS),
)
def test_pool_agrees_with_keras(keras, pair, stride, kind):
    image, kernel, mode = pair  # only the shape of the kernel matters
    theirs = {"max": keras.ops.max_pool, "average": keras.ops.average_pool}[kind](
        batch(image), kernel.shape, strides=stride, padding=mode
    )
    ours = convolution.pool(image, kernel.shape, stride=stride, kind=kind, mode=mode)
    np.testing.assert_allclose(ours, matrix(theirs), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mode", ["valid", "same"])
@pytest.mark.parametrize(("height", "width"), [(7, 7), (8, 5)])
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_keras_layers(keras, mode, height, width, size, stride):
    """The layers that students use, not only the operations underneath."""
    random = np.random.default_rng(height * size * stride)
    image = random.integers(-9, 10, (height, width))
    kernel = random.integers(-9, 10, (size, size))
    options = {"strides": stride, "padding": mode}

    layer = keras.layers.Conv2D(1, size, use_bias=False, **options)
    layer.build((1, height, width, 1))
    layer.set_weights([kernel[:, :, None, None]])
    ours = convolution.cross_correlate(image, kernel, stride=stride, mode=mode)
    np.testing.assert_array_equal(ours, matrix(layer(batch(image))))

    for kind, pooling in (
        ("max", keras.layers.MaxPooling2D),
        ("average", keras.layers.AveragePooling2D),
    ):
        ours = convolution.pool(image, size, stride=stride, kind=kind, mode=mode)
        theirs = matrix(pooling(size, **options)(batch(image)))
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_default_stride_of_pooling_is_that_of_keras(keras):
    image = np.arange(42).reshape(6, 7)
    theirs = keras.layers.MaxPooling2D((2, 3))(batch(image))
    np.testing.assert_array_equal(convolution.pool(image, (2, 3)), matrix(theirs))


# --------------------------------------------------------------------------------------- anchors


@pytest.mark.parametrize(
    ("size", "kernel_size", "stride", "anchor", "expected"),
    [
        (4, 2, 1, "top-left", (1, 0)),  # the homework's
        (4, 2, 1, "bottom-right", (0, 1)),
        (4, 2, 1, "keras", (0, 1)),
        (4, 4, 1, "top-left", (2, 1)),
        (4, 4, 1, "keras", (1, 2)),
        (4, 3, 1, "keras", (1, 1)),
        (4, 3, 2, "keras", (0, 1)),  # an odd kernel, and yet unequal
        (5, 3, 2, "keras", (1, 1)),
        (4, 2, 2, "keras", (0, 0)),
        (7, 2, 5, "keras", (0, 0)),  # the stride jumps over the end
        (4, 3, 2, "top-left", (1, 1)),
    ],
)
def test_padding(size, kernel_size, stride, anchor, expected):
    found = convolution.padding(size, kernel_size, stride=stride, anchor=anchor)
    assert found == expected


@fast
@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 6), anchors)
def test_same_gives_size_over_stride(size, kernel_size, stride, anchor):
    before, after = convolution.padding(size, kernel_size, stride=stride, anchor=anchor)
    expected = -(-size // stride)
    assert (size + before + after - kernel_size) // stride + 1 == expected
    assert convolution.output_size(size, kernel_size, stride=stride, mode="same") == expected
    if stride == 1 and kernel_size % 2:
        assert before == after == kernel_size // 2


# ------------------------------------------------------------------------------- flip and pooling


@slow
@given(pairs(mode="full"))
def test_convolution_commutes(pair):
    """Why mathematics flips: image and kernel may change places."""
    image, kernel, _ = pair
    np.testing.assert_array_equal(
        convolution.convolve(image, kernel, mode="full"),
        convolution.convolve(kernel, image, mode="full"),
    )


def test_flip_is_a_half_turn():
    assert convolution.flip([[1, 2], [3, 4]]).tolist() == [[4, 3], [2, 1]]
    assert convolution.flip(KERNEL).tolist() == [[3, 1], [1, 2]]


@slow
@given(pairs(), strides, anchors, st.sampled_from(convolution.KINDS))
def test_pool_ignores_what_lies_outside(pair, stride, anchor, kind):
    image, kernel, mode = pair
    options = {"mode": mode, "anchor": anchor}
    border = [
        convolution.padding(size, k, stride=s, **options)
        for size, k, s in zip(image.shape, kernel.shape, stride, strict=True)
    ]
    padded = np.pad(image.astype(float), border, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    summary = {"max": np.nanmax, "average": np.nanmean}[kind]
    expected = summary(windows[:: stride[0], :: stride[1]], axis=(2, 3))
    ours = convolution.pool(image, kernel.shape, stride=stride, kind=kind, **options)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


def test_small_integers_do_not_overflow():
    bright = np.full((3, 3), 255, dtype=np.uint8)
    assert convolution.cross_correlate(bright, np.ones((3, 3), dtype=np.uint8)) == 9 * 255
    assert convolution.pool(bright, 3, kind="average") == 255


def test_input_is_left_alone():
    image, kernel = np.array(IMAGE), np.array(KERNEL)
    result = convolution.cross_correlate(image, kernel, mode="full")
    convolution.pool(image)
    result[:] = 0
    convolution.flip(kernel).copy()
    assert image.tolist() == IMAGE
    assert kernel.tolist() == KERNEL


# ---------------------------------------------------------------------------- worked arithmetic

NAMES = {"mean": lambda *values: sum(values) / len(values), "max": lambda *values: max(values)}


def evaluate(text):
    """Compute the left side of a worked cell, after checking that it is arithmetic only."""
    left, right = text.split(" = ")
    assert re.fullmatch(r"(mean|max)?[-+*(), .e\d]+", left), left
    return eval(left, {"__builtins__": {}}, NAMES), float(right)


@slow
@given(pairs(), strides, anchors)
def test_worked_arithmetic_evaluates_to_the_cell(pair, stride, anchor):
    image, kernel, mode = pair
    options = {"stride": stride, "mode": mode, "anchor": anchor}
    results = convolution.cross_correlate(image, kernel, **options)
    cells = convolution.worked(image, kernel, **options)
    assert cells.shape == results.shape
    for text, result in zip(cells.flat, results.flat, strict=True):
        assert evaluate(text) == (result, result)
        assert text.count("*") == kernel.size


@slow
@given(pairs(fractions=True), anchors)
def test_worked_fractions_are_close(pair, anchor):
    image, kernel, mode = pair
    results = convolution.cross_correlate(image, kernel, mode=mode, anchor=anchor)
    cells = convolution.worked(image, kernel, mode=mode, anchor=anchor)
    for text, result in zip(cells.flat, results.flat, strict=True):
        np.testing.assert_allclose(evaluate(text), result, rtol=1e-5, atol=5e-3)


@slow
@given(pairs(), strides, anchors, st.sampled_from(convolution.KINDS))
def test_worked_pooling_evaluates_to_the_cell(pair, stride, anchor, kind):
    image, kernel, mode = pair
    options = {"stride": stride, "kind": kind, "mode": mode, "anchor": anchor}
    results = convolution.pool(image, kernel.shape, **options)
    cells = convolution.worked_pool(image, kernel.shape, **options)
    assert cells.shape == results.shape
    for text, result in zip(cells.flat, results.flat, strict=True):
        np.testing.assert_allclose(evaluate(text), result, rtol=1e-5)


# ---------------------------------------------------------------------------------------- errors

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("image", "kernel", "error", "message"),
    [
        (np.ones((2, 5)), np.ones((3, 3)), ValueError, r'3 cells on an image of 2.*mode="same"'),
        (np.ones((5, 2)), np.ones((3, 3)), ValueError, r'3 cells on an image of 2.*mode="same"'),
        ([[1, NAN]], [[1]], ValueError, r"image holds nan at row 0, column 1 .*nan_to_num"),
        ([[1], [-INF]], [[1]], ValueError, r"image holds -inf at row 1, column 0"),
        ([[1]], [[INF]], ValueError, r"kernel holds inf at row 0, column 0"),
        ([1, 2, 3], [[1]], ValueError, r"image has 1 dimension, shape \(3,\).*list of rows"),
        (np.ones((4, 4, 3)), [[1]], ValueError, r"image has 3 dimensions.*one channel"),
        ([[1]], 3, ValueError, r"kernel has 0 dimensions"),
        ([[1]], np.ones((2, 2, 1, 1)), ValueError, r"kernel has 4 dimensions"),
        ([], [[1]], ValueError, r"image is empty, shape \(0,\)"),
        (np.ones((0, 3)), [[1]], ValueError, r"image is empty, shape \(0, 3\)"),
        ([[1]], [[]], ValueError, r"kernel is empty, shape \(1, 0\)"),
        ([[1, 2], [3]], [[1]], ValueError, r"image is not a matrix: its rows differ in length"),
        ([["1", "2"]], [[1]], TypeError, r"image holds <U1 values, expected real numbers"),
        ([[1]], [[1j]], TypeError, r"kernel holds complex128 values, expected real numbers"),
        ([[None]], [[1]], TypeError, r"image holds object values"),
    ],
)
def test_bad_arrays(image, kernel, error, message):
    for function in (
        convolution.cross_correlate,
        convolution.convolve,
        convolution.worked,
    ):
        with pytest.raises(error, match=message):
            function(image, kernel)


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ({"stride": 0}, ValueError, "stride is 0, expected 1 or more"),
        ({"stride": -2}, ValueError, "stride is -2, expected 1 or more"),
        ({"stride": (1, 0)}, ValueError, "stride is 0, expected 1 or more"),
        ({"stride": 1.5}, TypeError, "stride is 1.5, expected a whole number"),
        ({"stride": 2.0}, TypeError, "stride is 2.0, expected a whole number"),
        ({"stride": True}, TypeError, "stride is True, expected a whole number"),
        ({"stride": "2"}, TypeError, "stride is '2', expected a whole number"),
        ({"stride": (1, 2, 1)}, ValueError, "stride has 3 values, expected one integer, or two"),
        ({"mode": "Same"}, ValueError, 'mode is \'Same\', expected one of "valid", "same", "full"'),
        ({"mode": None}, ValueError, "mode is None"),
        ({"anchor": "scipy"}, ValueError, "anchor is 'scipy', expected one of \"keras\""),
        ({"anchor": "scipy", "mode": "full"}, ValueError, "anchor is 'scipy'"),
    ],
)
def test_bad_options(option, error, message):
    for function in (convolution.cross_correlate, convolution.worked):
        with pytest.raises(error, match=message):
            function(IMAGE, KERNEL, **option)
    if list(option) == ["mode"]:
        with pytest.raises(error, match=message):
            convolution.convolve(IMAGE, KERNEL, **option)
    for function in (convolution.pool, convolution.worked_pool):
        with pytest.raises(error, match=message):
            function(IMAGE, 2, **option)


@pytest.mark.parametrize(
    ("size", "options", "error", "message"),
    [
        (5, {}, ValueError, "kernel or window of 5 cells on an image of 4"),
        (0, {}, ValueError, "size is 0, expected 1 or more"),
        (2.5, {}, TypeError, "size is 2.5, expected a whole number"),
        ((2, 2, 2), {}, ValueError, "size has 3 values"),
        (2, {"kind": "mean"}, ValueError, 'kind is \'mean\', expected one of "max", "average"'),
    ],
)
def test_bad_pooling(size, options, error, message):
    for function in (convolution.pool, convolution.worked_pool):
        with pytest.raises(error, match=message):
            function(IMAGE, size, **options)


@pytest.mark.parametrize("bad", [0, -1])
def test_bad_sizes(bad):
    for function in (convolution.output_size, convolution.padding):
        with pytest.raises(ValueError, match=f"image size is {bad}"):
            function(bad, 1)
        with pytest.raises(ValueError, match=f"kernel size is {bad}"):
            function(1, bad)
    with pytest.raises(ValueError, match="kernel or window of 3 cells on an image of 2"):
        convolution.output_size(2, 3)
