"""The checks of the first CNN against right answers and many wrong ones."""

import keras
import numpy as np
import pytest
from keras import layers

from helpers import checks, models
from helpers.checks import first_cnn as check


def network(
    filters=(16, 32, 32, 64),
    kernel=3,
    padding="same",
    pools=(2, 4),
    bridge=layers.Flatten,
    hidden=(256,),
    classes=10,
    bias=True,
    normalised=False,
    shape=(32, 32, 3),
):
    """A first CNN with mistakes, built by Keras and counted by Keras."""
    model = keras.Sequential([keras.Input(shape)])
    for n, maps in enumerate(filters, start=1):
        model.add(layers.Conv2D(maps, kernel, padding=padding, use_bias=bias))
        if normalised:
            model.add(layers.BatchNormalization())
        model.add(layers.LeakyReLU(negative_slope=0.1))
        if n in pools:
            model.add(layers.MaxPooling2D(2))
    model.add(bridge())
    for units in hidden:
        model.add(layers.Dense(units, use_bias=bias))
    model.add(layers.Dense(classes, activation="softmax", use_bias=bias))
    return model


# --- the number of parameters -------------------------------------------------------------------


@pytest.mark.parametrize("answer", [1_084_234, np.int64(1_084_234), models.first_cnn, network])
def test_right_count(answer):
    assert check.parameter_count(answer() if callable(answer) else answer).status == checks.RIGHT


@pytest.mark.parametrize(
    ("mistake", "diagnosis"),
    [
        ({"padding": "valid"}, 'padding="same"'),
        ({"pools": (4,)}, "one of the two poolings"),
        ({"pools": (2,)}, "one of the two poolings"),
        ({"pools": (1, 2, 3, 4)}, "after every convolution"),
        ({"kernel": 5}, "5×5"),
        ({"kernel": 2}, "2×2"),
        ({"filters": (16, 32, 64, 128)}, "filters 16, 32, 64, 128"),
        ({"filters": (32, 32, 64, 64)}, "filters 32, 32, 64, 64"),
        ({"filters": (16, 32, 32, 32)}, "filters 16, 32, 32, 32"),
        ({"hidden": ()}, "hidden dense layer missing"),
        ({"hidden": (256, 256)}, "two hidden"),
        ({"hidden": (128,)}, "128 neurons"),
        ({"hidden": (512,)}, "512 neurons"),
        ({"classes": 1}, "1 neuron?"),
        ({"classes": 100}, "100 neurons"),
        ({"bridge": layers.GlobalAveragePooling2D}, "Flatten"),
        ({"bias": False}, "biases"),
        ({"normalised": True}, "BatchNormalization"),
        ({"shape": (32, 32, 1)}, "one channel"),
        ({"padding": "valid", "kernel": 5}, "And: "),
        ({"pools": (2,), "hidden": (128,)}, "And: "),
    ],
    ids=str,
)
def test_wrong_networks_are_diagnosed(mistake, diagnosis):
    outcome = check.parameter_count(network(**mistake))
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def test_a_bare_number_is_diagnosed_too():
    without_pooling = 448 + 4640 + 9248 + 18496 + 256 * (32 * 32 * 64 + 1) + 2570
    assert "both poolings" in check.parameter_count(without_pooling).message


def test_no_two_single_mistakes_have_the_same_count():
    counts = [check._count(**change) for change in check._MISTAKES.values()]
    assert len(set(counts)) == len(counts)
    assert check.PARAMETERS not in counts and check._count() == check.PARAMETERS


@pytest.mark.parametrize(
    "answer", ["1084234", 1084234.0, True, [1], 123_457, keras.Sequential([layers.Dense(3)])]
)
def test_other_wrong_answers(answer):
    outcome = check.parameter_count(answer)
    assert outcome.status == checks.WRONG and len(outcome.message) > 20


# --- accuracy -----------------------------------------------------------------------------------

TRUTH = np.arange(1000) % 10


def guesses(share, seed=0):
    """Labels of which this share is right."""
    right = np.random.default_rng(seed).random(len(TRUTH)) < share
    return np.where(right, TRUTH, (TRUTH + 3) % 10)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_good_predictions(shape):
    assert check.held_out_accuracy(guesses(0.8).reshape(shape), TRUTH.reshape(shape))
    assert check.held_out_accuracy(guesses(0.8).tolist(), TRUTH.tolist())


PROBABILITIES = np.random.default_rng(0).dirichlet(np.ones(10), size=1000)


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (PROBABILITIES, "one score per class"),
        (np.eye(10)[TRUTH], "one-hot"),
        (PROBABILITIES.max(axis=1), "(.argmax)"),
        (PROBABILITIES.argmax(axis=0), "wrong axis"),
        (np.tile(TRUTH, 5), "training images"),
        (guesses(0.9)[:500], "all held-out"),
        (np.full(1000, np.nan), "NaN"),
        (TRUTH.copy() + 1, "from 1 to 10"),
        ((TRUTH + 1) % 10, "off by one"),
        (np.full(1000, 3), "same class"),
        (np.random.default_rng(0).permutation(TRUTH), "guessing"),
        (guesses(0.55), "more epochs"),
        (TRUTH, "true labels themselves"),
        (np.array(["cat"] * 1000), "class numbers"),
        (np.zeros((10, 10, 10)), "shape"),
        (TRUTH - 5, "from -5"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_bad_predictions(answer, diagnosis):
    outcome = check.held_out_accuracy(answer, TRUTH)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def test_one_hot_truth_and_threshold():
    assert "argmax" in check.held_out_accuracy(guesses(0.9), np.eye(10)[TRUTH]).message
    assert check.held_out_accuracy(guesses(0.5), TRUTH, at_least=0.4)
    assert not check.held_out_accuracy(guesses(0.5), TRUTH, at_least=0.6)


# --- the network's own stimulus -----------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """A network that knows one thing: the redder, the more of a horse; the bluer, of a ship."""
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, name="logits"),
            layers.Activation("softmax"),
        ]
    )
    weights = np.zeros((3, 10))
    weights[0, 7], weights[2, 8] = 30, 30
    model.layers[1].set_weights([weights, np.zeros(10)])
    return model


def picture(red, blue, dtype="float32"):
    return np.broadcast_to(np.array([red, 0, blue]), (1, 32, 32, 3)).astype(dtype)


def test_own_stimulus_is_found_and_recognised(model):
    assert check.own_stimulus(model)
    assert check.own_stimulus(model, target=8)
    assert check.own_stimulus(model, picture(0.4, 0))
    assert check.own_stimulus(model, picture(0.4, 0)[0])


@pytest.mark.parametrize(
    ("stimulus", "diagnosis"),
    [
        (picture(255, 0), "0 to 255"),
        (picture(200, 0, "uint8"), "0 to 255"),
        (picture(0, 0.4), "sees a ship"),
        (picture(0.0001, 0), "still grey"),
        (picture(0.03, 0), "climb further"),
        (picture(np.nan, 0), "NaN"),
        (np.zeros((1, 28, 28, 3)), "shape"),
        (np.zeros((2, 32, 32, 3)), "shape"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_wrong_stimuli(model, stimulus, diagnosis):
    outcome = check.own_stimulus(model, stimulus)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def with_nan():
    model = models.first_cnn()
    model.set_weights([w * np.nan for w in model.get_weights()])
    return model


def without_softmax():
    whole = models.first_cnn()
    return keras.Model(whole.inputs[0], whole.get_layer("logits").output)


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (with_nan, "not finite"),
        (without_softmax, "softmax"),
        (lambda: models.first_cnn(num_classes=7), "7 outputs"),
        (lambda: keras.Sequential([layers.Dense(10)]), "not built"),
        (lambda: "model", "expected a Keras network"),
        (lambda: zeroed(), "expected at least 0.5"),
    ],
)
def test_wrong_networks(answer, diagnosis):
    outcome = check.own_stimulus(answer())
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def zeroed():
    model = models.first_cnn()
    model.set_weights([w * 0 for w in model.get_weights()])
    return model


def test_a_network_without_a_dense_layer_cannot_be_judged():
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(10, 3),
            layers.GlobalAveragePooling2D(),
            layers.Softmax(),
        ]
    )
    assert check.own_stimulus(model).status == checks.CANNOT_JUDGE


# --- the common core ----------------------------------------------------------------------------


@pytest.mark.parametrize("judge", [check.parameter_count, check.own_stimulus])
def test_nothing_yet(judge, capsys):
    assert judge(None).status == checks.NOT_ATTEMPTED
    assert capsys.readouterr().out.startswith("· Not attempted")


def test_one_line_is_printed_and_nothing_else_is_shown(capsys):
    outcome = check.parameter_count(12)
    assert capsys.readouterr().out == f"{outcome}\n"
    assert str(outcome).startswith("✗ Wrong: 12 parameters")
    outcome._ipython_display_()
    assert capsys.readouterr().out == ""


def test_a_failing_check_breaks_nothing():
    @checks.check
    def judge(answer):
        return answer["missing"]

    assert judge({}).status == checks.CANNOT_JUDGE
    assert not judge({})
