"""The checks of page 3 against right answers and many wrong ones."""

import keras
import numpy as np
import pytest
from keras import layers

from helpers import checks, models
from helpers.checks import cifar_cnn as check

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


# --- 2.1.1 --------------------------------------------------------------------------------------


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
    counts = [check._count(64, **change) for change in check._MISTAKES.values()]
    assert len(set(counts)) == len(counts)
    assert check._count(64) == 1_297_866 not in counts


@pytest.mark.parametrize("answer", ["1297866", 1297866.0, True, [1], 7, keras.Sequential()])
def test_other_wrong_counts(answer):
    outcome = check.parameter_count(answer)
    assert outcome.status == checks.WRONG and len(outcome.message) > 20


# --- 2.1.2 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [(27, 18463, 5642), [27.0, 18463.0, 5642.0]])
def test_right_polynomial(answer):
    assert check.polynomial(answer)
    assert check.polynomial(np.array(answer))


def test_the_polynomial_that_is_asked_for_is_that_of_keras():
    counts = [models.cifar_cnn(n_filter=n).count_params() for n in (2, 4, 6)]
    fitted = np.round(np.polyfit((2, 4, 6), counts, 2)).astype(int)
    assert tuple(fitted) == check.COEFFICIENTS


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
        ((18463, 5642), "2 numbers"),
        ((27, float("nan"), 5642), "look again at n"),
        ("quadratic", "three numbers"),
        (27, "three numbers"),
    ],
    ids=str,
)
def test_wrong_polynomials(answer, diagnosis):
    outcome = check.polynomial(answer)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


# --- 2.1.3 --------------------------------------------------------------------------------------

FILTERS = [64 * 2**k for k in range(9)]
COUNTS = [27 * n * n + 18463 * n + 5642 for n in FILTERS]


def test_right_sweeps():
    assert check.sweep(FILTERS, COUNTS)
    assert check.sweep(np.array([4, 8, 32]), np.array([79926, 155074, 624106]))


@pytest.mark.parametrize(
    ("filters", "counts", "diagnosis"),
    [
        ([32 * x for x in range(1, 10)], COUNTS, "belongs to 64 filters"),
        (COUNTS, FILTERS, "1,297,866 filters have"),
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
        ({"val_accuracy": [np.nan] * 12}, "between 0 and 1"),
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
