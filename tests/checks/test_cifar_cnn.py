"""The checks of page 3 against right answers and many wrong ones."""

from dataclasses import replace
from functools import cache, partial

import keras
import numpy as np
import pytest
from keras import layers

from helpers import checks, models, training
from helpers.checks import cifar_cnn as check
from tests.checks.test_networks import answers_count_parameters as answers_count_parameters
from tests.support.checking import Answers, given

ALTERNATING = ("same", "valid", "same", "valid")


def network(
    n_filter=64,
    padding=ALTERNATING,
    kernel=3,
    pools=(2, 4),
    bridge=layers.Flatten,
    hidden=(512,),
    classes=10,
    bias=True,
    normalised=False,
    shape=(32, 32, 3),
):
    """The homework's network with mistakes, built by Keras and counted by Keras."""
    model = keras.Sequential([keras.Input(shape)])
    for number, border in enumerate(padding, start=1):
        model.add(layers.Conv2D(n_filter, kernel, padding=border, use_bias=bias))
        if normalised:
            model.add(layers.BatchNormalization())
        if number in pools:
            model.add(layers.MaxPooling2D(2))
    model.add(bridge())
    for units in hidden:
        model.add(layers.Dense(units, use_bias=bias))
    model.add(layers.Dense(classes, use_bias=bias))
    return model


# --- 2.1 ----------------------------------------------------------------------------------------


def small(n_filter, num_classes, **changes):
    """The small network of the exercise, or one with mistakes, in pieces that can be moved."""
    how = {"padding": "same", "relu": "relu", "kernel": 5, "rate": 0.25} | changes
    parts = [
        layers.Conv2D(n_filter, how["kernel"], padding=how["padding"], activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(how.get("second", 2 * n_filter), 3, activation=how["relu"]),
        layers.MaxPooling2D((2, 2)),
        layers.Dropout(how["rate"]),
        layers.Flatten(),
        layers.Dense(how.get("outputs", num_classes), activation=how.get("last", "softmax")),
    ]
    if "order" in how:
        parts = [parts[k] for k in how["order"]]
    parts = how.get("change", list)(parts)
    return keras.Sequential([keras.Input(how.get("shape", (32, 32, 3))), *parts])


def functional(n_filter, num_classes):
    """The same network in Keras's other style, its activations as layers of their own."""
    x = image = keras.Input((32, 32, 3))
    for filters, kernel, padding in ((n_filter, 5, "same"), (2 * n_filter, (3, 3), "valid")):
        x = layers.Conv2D(filters, kernel, padding=padding)(x)
        x = layers.MaxPool2D()(layers.ReLU()(x))
    x = layers.Flatten()(layers.Dropout(0.25)(x))
    return keras.Model(image, layers.Softmax()(layers.Dense(num_classes)(x)))


def with_layer(place, layer):
    return lambda parts: [*parts[:place], layer(), *parts[place:]]


def replaced(place, layer):
    return lambda parts: [*parts[:place], layer(), *parts[place + 1 :]]


def answers_build():
    def wrong(diagnosis, **changes):
        return partial(small, **changes), diagnosis

    return Answers(
        right=[small, functional, partial(small, relu=keras.activations.relu)],
        wrong=[
            wrong("softmax after the dense layer is missing", last=None),
            wrong("is sigmoid, asked for is softmax", last="sigmoid"),
            wrong("padding is 'valid', asked for is 'same'", padding="valid"),
            wrong("ReLU after the second convolution is missing", relu=None),
            wrong("is LeakyReLU, asked for is ReLU", relu="leaky_relu"),
            wrong("kernel_size is (3, 3)", kernel=3),
            wrong("filters is 8, asked for is 16", second=8),
            wrong("units is 10, asked for is 5", outputs=10),
            wrong("rate is 0.5", rate=0.5),
            wrong("first max pooling is missing, behind", order=[0, 2, 3, 4, 5, 6]),
            wrong("second max pooling is missing, behind", order=[0, 1, 2, 4, 5, 6]),
            wrong("dropout is missing", order=[0, 1, 2, 3, 5, 6]),
            wrong("flattening is missing", order=[0, 1, 2, 3, 4, 6]),
            wrong("have changed places", order=[0, 1, 2, 3, 5, 4, 6]),
            wrong("dense layer is missing", order=[0, 1, 2, 3, 4, 5]),
            wrong("one layer too many", change=with_layer(6, lambda: layers.Dense(64))),
            wrong("one layer too many", change=with_layer(7, lambda: layers.Dropout(0.5))),
            wrong(
                "there is the average pooling",
                change=replaced(1, lambda: layers.AveragePooling2D(2)),
            ),
            wrong("there is the GlobalAver", change=replaced(5, layers.GlobalAveragePooling2D)),
            wrong(
                "ReLU after the first max pooling is one layer too many",
                change=with_layer(2, layers.ReLU),
            ),
            wrong("strides is (1, 1)", change=replaced(1, lambda: layers.MaxPooling2D(2, 1))),
            wrong("the input is (28, 28, 1)", shape=(28, 28, 1)),
            (partial(small, order=[0, 1, 2]), "second max pooling is missing"),
            (lambda n, c: keras.Sequential([layers.Dense(3)]), "no input shape"),
            (lambda n, c: small(n, c).layers, "expected a Keras network, got list"),
            (lambda n, c: small(8, 10), "with 3 filters and 5 classes"),
        ],
    )


# --- 2.1.1 --------------------------------------------------------------------------------------


def answers_parameter_count():
    right = models.cifar_cnn(n_filter=32).count_params()
    narrow = partial(network, n_filter=32)
    return Answers(
        right=[given(answer, n_filter=32) for answer in (right, np.int64(right), narrow())],
        wrong=[
            (given(answer, n_filter=32), diagnosis)
            for answer, diagnosis in (
                (network(), "with 64 filters"),
                (narrow(bias=False), "biases"),
                (narrow(padding=("same",) * 4), 'all four paddings "same"'),
                (narrow(padding=("valid",) * 4).count_params(), 'all four paddings "valid"'),
                (narrow(pools=(2,)), "second pooling"),
                (narrow(hidden=()).count_params(), "hidden dense layer missing"),
                (narrow(shape=(32, 32, 1)), "one channel"),
                (float(right), "got float"),
                (right + 3, "layer by layer"),
            )
        ],
    )


def test_a_wrong_count_is_not_told_the_right_one():
    assert "624" not in check.parameter_count.outcome(1234, n_filter=32).message


def test_right_counts():
    assert check.parameter_count(1_297_866)
    assert check.parameter_count(np.int64(1_297_866))
    assert check.parameter_count(network())
    assert check.parameter_count(models.cifar_cnn(n_filter=8), n_filter=8)


@pytest.mark.parametrize(
    ("mistake", "diagnosis"),
    [
        ({"padding": ("same",) * 4}, 'all four paddings "same"'),
        ({"padding": ("valid",) * 4}, 'all four paddings "valid"'),
        ({"pools": (2,)}, "second pooling"),
        ({"pools": ()}, "both poolings"),
        ({"padding": ALTERNATING[:2]}, "pair of convolutions missing"),
        ({"padding": ALTERNATING + ALTERNATING[:2], "pools": (2, 4, 6)}, "third pair"),
        ({"kernel": 5}, "5×5"),
        ({"kernel": 2}, "2×2"),
        ({"hidden": ()}, "hidden dense layer missing"),
        ({"hidden": (512, 512)}, "two hidden"),
        ({"hidden": (256,)}, "256 neurons"),
        ({"bridge": layers.GlobalAveragePooling2D}, "Flatten"),
        ({"bias": False}, "biases"),
        ({"normalised": True}, "BatchNormalization"),
        ({"shape": (32, 32, 1)}, "one channel"),
        ({"classes": 1}, "1 neuron?"),
        ({"n_filter": 32}, "32 filters"),
        ({"padding": ("same",) * 4, "hidden": (128,)}, "And: "),
    ],
    ids=str,
)
def test_wrong_networks_are_diagnosed(mistake, diagnosis):
    outcome = check.parameter_count(network(**mistake))
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def test_no_two_single_mistakes_have_the_same_count():
    asked = check._asked(64)
    counts = [replace(asked, **change).parameters for change in check._MISTAKES.values()]
    assert len(set(counts)) == len(counts)
    assert asked.parameters == 1_297_866 not in counts


@pytest.mark.parametrize("answer", ["1297866", 1297866.0, True, [1], 7, keras.Sequential()])
def test_other_wrong_counts(answer):
    outcome = check.parameter_count(answer)
    assert outcome.status == checks.WRONG and len(outcome.message) > 20


# --- the time of a layer ------------------------------------------------------------------------


def counted(rows, columns, k, channels, filters, padding):
    """Multiply-adds by Keras: a convolution of ones counts its own products."""
    image = np.ones((1, rows, columns, channels), "float32")
    if padding == "same":  # products with padded zeros count; so pad with ones
        low = (k - 1) // 2
        image = np.pad(image, [(0, 0), *[(low, k - 1 - low)] * 2, (0, 0)], constant_values=1)
    layer = layers.Conv2D(filters, k, kernel_initializer="ones")
    return int(np.asarray(layer(image), float).sum())


def answers_multiply_adds():
    def pixels(rows, columns, k, padding):
        lost = 0 if padding == "same" else k - 1
        return (rows - lost) * (columns - lost)

    def wrong(count):
        return lambda r, c, k, ch, f, padding: count(pixels(r, c, k, padding), k, ch, f)

    return Answers(
        right=[
            counted,
            lambda *inputs: float(counted(*inputs)),
            lambda *inputs: np.array(counted(*inputs)),
        ],
        wrong=[
            (
                lambda r, c, k, ch, f, padding: r * c * k * k * ch * f,
                'products with padding="same"',
            ),
            (
                lambda r, c, k, ch, f, padding: (r - k + 1) * (c - k + 1) * k * k * ch * f,
                'products with padding="valid"',
            ),
            (wrong(lambda p, k, ch, f: f * (k * k * ch + 1)), "these are the parameters"),
            (wrong(lambda p, k, ch, f: f * k * k * ch), "these are the weights"),
            (wrong(lambda p, k, ch, f: p * f * (k * k * ch + 1)), "a bias is added"),
            (wrong(lambda p, k, ch, f: p * f * k * k), "all channels of the input"),
            (wrong(lambda p, k, ch, f: p * k * k * ch), "one filter"),
            (wrong(lambda p, k, ch, f: p * k * ch * f), "k · k weights for each channel"),
            (wrong(lambda p, k, ch, f: p * f), "output numbers"),
            (wrong(lambda p, k, ch, f: 2 * p * k * k * ch * f), "one by one"),
            (
                lambda r, c, k, ch, f, padding: (
                    (r * c if padding == "same" else (r - k) * (c - k)) * k * k * ch * f
                ),
                "not k",
            ),
            (wrong(lambda p, k, ch, f: p * k * k * ch * f - 1), "too small"),
        ],
    )


# --- 2.1.2 --------------------------------------------------------------------------------------


def averaged(n_filter):
    """The network of the exercise: a global average, and 256 neurons behind it."""
    return network(n_filter, bridge=layers.GlobalAveragePooling2D, hidden=(256,))


def fitted(make):
    counts = [make(n_filter=n).count_params() for n in (2, 4, 6)]
    return tuple(np.round(np.polyfit((2, 4, 6), counts, 2)).astype(int).tolist())


def answers_polynomial():
    right = fitted(averaged)
    a, b, c = right

    def asked(answer):
        return given(answer, hidden=256, area=1)

    return Answers(
        right=[asked(form) for form in (right, list(map(float, right)), np.array(right))],
        wrong=[
            (asked(answer), diagnosis)
            for answer, diagnosis in (
                ((27, 18_463, 5_642), "the page's own network"),
                ((27, 543, 5_642), "256 neurons here"),
                ((a, 36 * 256 + 31, c), "not 36"),
                ((a, 512 + 31, c), "256 neurons here"),
                ((c, b, a), "wrong order"),
                ((36, b, c), "three colours"),
                ((a, 256, c), "27 weights"),
                ((a, b - 4, c), "four convolutions has n biases"),
                ((a, 31, c), "256 weights for each number"),
                ((a, b, c - 256), "256 biases"),
                ((a, b, c - 10), "ten biases"),
                ((a, b, 2560), "256 and 10"),
                ((9, 1, 1), "look again at n² and n and the constant"),
                ((a + 0.1, b, c), "do not fit"),
                ((a, b), "shape (2,)"),
                ("quadratic", "three numbers"),
            )
        ],
    )


@pytest.mark.parametrize("answer", [(27, 18463, 5642), [27.0, 18463.0, 5642.0]])
def test_right_polynomial(answer):
    assert check.polynomial(answer)
    assert check.polynomial(np.array(answer))


def test_the_polynomial_that_is_asked_for_is_that_of_keras():
    assert fitted(models.cifar_cnn) == check.COEFFICIENTS == fitted(network)
    assert check.polynomial(fitted(models.cifar_cnn))


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        ((5642, 18463, 27), "wrong order"),
        ((0, 18463, 5642), "9 n²"),
        ((9, 18463, 5642), "not one"),
        ((36, 18463, 5642), "three colours"),
        ((27, 18459, 5642), "four convolutions has n biases"),
        ((27, 18432, 5642), "27 weights"),
        ((27, 32799, 5642), "6 × 6"),
        ((27, 18463, 5130), "512 biases"),
        ((27, 18463, 5120), "512 and 10"),
        ((27, 1, 1), "n and the constant"),
        ((26.9, 18463, 5642), "do not fit"),
        ((18463, 5642), "three numbers"),
        ((27, float("nan"), 5642), "NaN"),
        ("quadratic", "three numbers"),
        (27, "three numbers"),
    ],
    ids=str,
)
def test_wrong_polynomials(answer, diagnosis):
    outcome = check.polynomial(answer)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def test_the_table_of_the_quiz_is_that_of_a_network():
    """Four convolutions without a dense layer: 27 n² + 31 n, nearly × 4 from row to row."""
    counts = [network(n, hidden=()).count_params() - 10 * (36 * n + 1) for n in (32, 64, 128, 256)]
    assert counts == [28_640, 112_576, 446_336, 1_777_408]


def answers_growth():
    return Answers(
        right=["b", "B", " (b)"],
        wrong=[("a", "double the count"), ("c", "equal steps"), ("d", "enough"), (2, "letter")],
    )


# --- 2.1.3 --------------------------------------------------------------------------------------

FILTERS = [64 * 2**k for k in range(9)]
COUNTS = [27 * n * n + 18463 * n + 5642 for n in FILTERS]
EVEN = range(32, 289, 32)


@cache
def even_counts():
    return [models.cifar_cnn(n_filter=n).count_params() for n in EVEN]


def answers_sweep():
    counts = even_counts()
    doubled = [32 * 2**k for k in range(9)]

    def asked(filters, counts):
        return given(filters, counts, at=EVEN)

    return Answers(
        right=[asked(list(EVEN), counts), asked(EVEN, np.array(counts)),
               asked(np.array(EVEN, float), tuple(counts))],
        wrong=[
            (asked(list(EVEN), COUNTS), "belongs to 64 filters"),
            (asked(counts, list(EVEN)), "changed places"),
            (asked(FILTERS, COUNTS), "twice the one before"),
            (asked(doubled, [models.cifar_parameters(n) for n in doubled]), "equal"),
            (asked(list(EVEN)[::-1], counts[::-1]), "another order"),
            (asked(list(EVEN)[:5], counts[:5]), "asked are 9, from 32 to 288"),
            (asked(list(EVEN), counts[:8]), "9 numbers of filters, but 8"),
            (asked(list(EVEN), None), "two columns"),
            (asked(32, counts), "two columns"),
            (asked(list(EVEN), [c - 512 for c in counts]), "count_params"),
        ],
    )  # fmt: skip


def test_right_sweeps():
    assert check.sweep(FILTERS, COUNTS)
    assert check.sweep(np.array([4, 8, 32]), np.array([79926, 155074, 624106]))


@pytest.mark.parametrize(
    ("filters", "counts", "diagnosis"),
    [
        ([32 * x for x in range(1, 10)], COUNTS, "belongs to 64 filters"),
        (COUNTS, FILTERS, "changed places"),
        (FILTERS, np.array(COUNTS).astype("int32"), "32 bits"),
        (FILTERS, np.array(COUNTS).astype("uint32"), "32 bits"),
        (FILTERS[:8], COUNTS, "8 numbers of filters, but 9"),
        (FILTERS[:2], COUNTS[:2], "fewer than three"),
        ([64] * 3, COUNTS[:1] * 3, "vary it"),
        ([64.5, 128, 256], COUNTS[:3], "no number of filters"),
        ([0, 64, 128], [5642, *COUNTS[:2]], "no number of filters"),
        (FILTERS, [c + 1 for c in COUNTS], "count_params"),
        (FILTERS, None, "two columns"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_wrong_sweeps(filters, counts, diagnosis):
    outcome = check.sweep(filters, counts)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


# --- 2.2.1 --------------------------------------------------------------------------------------


def rising(to, n=12, ahead=0.0):
    watched = np.linspace(0.3, to, n)
    return {"accuracy": (watched + ahead).tolist(), "val_accuracy": watched.tolist()}


def answers_trained():
    steps = {r["network"]: r for r in training.released_card("cifar_cnn_steps")["runs"]}
    plain, schedule = steps["cifar_cnn_32_filters"], steps["cifar_cnn_schedule"]
    long = training.released_card("cifar_cnn")["runs"][0]["history"]
    wrapped = keras.callbacks.History()
    wrapped.history = rising(0.72, n=20)

    def asked(history):
        return given(history, epochs=10, at_least=0.7, at_most=20)

    return Answers(
        right=[asked(schedule["history"]), asked(wrapped), asked(rising(0.71, n=10))],
        wrong=[
            (asked(long), "60 epochs. Find a training"),
            (asked(plain["history"]), "another step size"),
            (asked(schedule), "this is a whole run"),
            (asked(schedule["history"]["val_accuracy"]), "got list"),
            (
                asked({k: v for k, v in schedule["history"].items() if "val" not in k}),
                "Hold images",
            ),
            (asked(rising(0.8, n=5)), "5 epochs, at least 10"),
            (asked(rising(0.65, n=15, ahead=0.2)), "by heart"),
            (asked({"val_accuracy": [0.5] * 11 + [0.71, 0.69]}), "after epoch 12"),
            (asked(steps), "no val_accuracy"),
        ],
    )


def test_good_trainings():
    assert check.trained(rising(0.75))
    assert check.trained(rising(0.45, n=5), epochs=5, at_least=0.4)
    wrapped = keras.callbacks.History()
    wrapped.history = rising(0.75)
    assert check.trained(wrapped)


@pytest.mark.parametrize(
    ("history", "diagnosis"),
    [
        ([0.8], "got list"),
        ({}, "nothing"),
        ({"accuracy": [0.8] * 12, "loss": [1] * 12}, "has accuracy, loss, but no val_accuracy"),
        (rising(0.75, n=9), "9 epochs, at least 10"),
        (rising(0.65), "more epochs"),
        (rising(0.7), "more than 70%"),
        (rising(0.65, ahead=0.2), "by heart"),
        ({"val_accuracy": [0.1] * 12}, "guessing"),
        ({"val_accuracy": [0.5] * 6 + [0.75] + [0.6] * 5}, "after epoch 7"),
        ({"val_accuracy": [np.nan] * 12}, "NaN"),
        ({"val_accuracy": [75.0] * 12}, "between 0 and 1"),
        ({"val_accuracy": []}, "one number per epoch"),
        ({"val_accuracy": 0.8}, "one number per epoch"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_bad_trainings(history, diagnosis):
    outcome = check.trained(history)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


@pytest.mark.parametrize("judge", [check.parameter_count, check.polynomial, check.trained])
def test_nothing_yet(judge):
    assert judge(None).status == checks.NOT_ATTEMPTED


def answers_training_curve():
    return Answers(
        right=["c"],
        wrong=[("a", "leak"), ("b", "Four percent"), ("d", "random split"), ("e", "none of")],
    )


# --- calibration --------------------------------------------------------------------------------


def by_hand(confidence, right, n_bins):
    """The same error in plain Python."""
    pairs = sorted(zip(confidence.tolist(), right.tolist(), strict=True))
    n, total, start = len(pairs), 0.0, 0
    for k in range(n_bins):
        size = n // n_bins + (k < n % n_bins)
        part, start = pairs[start : start + size], start + size
        total += abs(sum(c for c, _ in part) - sum(r for _, r in part))
    return total / n


def answers_calibration_error():
    def parts(confidence, right, n_bins):
        return np.array_split(np.argsort(confidence), n_bins)

    def gaps(c, r, n):
        return np.array([c[p].mean() - r[p].mean() for p in parts(c, r, n)])

    def weights(c, r, n):
        return [len(p) for p in parts(c, r, n)]

    def equally_wide(c, r, n):
        bins = np.minimum((c * n).astype(int), n - 1)
        return sum(abs(c[bins == k].sum() - r[bins == k].sum()) for k in range(n)) / len(c)

    return Answers(
        right=[by_hand, lambda *inputs: np.float32(by_hand(*inputs)),
               lambda c, r, n: np.average(abs(gaps(c, r, n)), weights=weights(c, r, n))],
        wrong=[
            (equally_wide, "equally wide"),
            (lambda c, r, n: by_hand(np.arange(len(c)) * 0.0 + c, r, 1), "have cancelled"),
            (lambda c, r, n: c.mean() - r.mean(), "have cancelled"),
            (lambda c, r, n: r.mean() - c.mean(), "mind the sign"),
            (lambda c, r, n: abs(gaps(c, r, n)).mean(), "Weight each"),
            (lambda c, r, n: abs(gaps(c, r, n)).sum(), "sum over the parts"),
            (lambda c, r, n: abs(gaps(c, r, n)).max(), "largest distance"),
            (lambda c, r, n: np.average(gaps(c, r, n) ** 2, weights=weights(c, r, n)) ** 0.5,
             "root of a mean square"),
            (lambda c, r, n: abs(c - r).mean(), "on its own"),
            (lambda c, r, n: ((c - r) ** 2).mean(), "Brier"),
            (lambda c, r, n: sum(abs(c[p].sum() - r[p].sum())
                                 for p in np.array_split(np.arange(len(c)), n)) / len(c),
             "in the order in which they came"),
        ],
    )  # fmt: skip
