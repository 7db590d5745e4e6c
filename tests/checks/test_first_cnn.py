"""The checks of the first CNN against right answers and many wrong ones."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.metrics import confusion_matrix

from helpers import checks, models
from helpers.checks import first_cnn as check
from tests.checks.test_own_stimulus import answers_own_stimulus as answers_own_stimulus
from tests.checks.test_predictions import answers_my_network as answers_my_network
from tests.support.checking import Answers, given


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


# --- the data -----------------------------------------------------------------------------------


def answers_pixels_back():
    def exact(x):
        return (np.asarray(x, float) + 0.5) * 255

    def right(x):
        return np.clip(np.round(exact(x)), 0, 255).astype("uint8")

    return Answers(
        right=[right, lambda x: np.rint(exact(x).clip(0, 255)).astype(np.uint8),
               lambda x: (exact(x).clip(0, 255) + 0.5).astype("uint8")],
        wrong=[
            (lambda x: right(x).astype(int), "as int64"),
            (lambda x: right(x) / 1, "as float64"),
            (lambda x: right(x).tolist(), "but in a list"),
            (lambda x: exact(x).clip(0, 255).astype("uint8"), "fractions are cut off"),
            (lambda x: (np.round(exact(x)) % 256).astype("uint8"), "come round. Clip"),
            (lambda x: (exact(x).astype(int) % 256).astype("uint8"), "And round"),
            (lambda x: np.round(exact(x)), "are no bytes"),
            (exact, "are left"),
            (lambda x: exact(x).clip(0, 255), "fractions left"),
            (lambda x: np.round((x * 255).clip(0, 255)), "Add before you multiply"),
            (lambda x: ((x + 0.5) * 256).clip(0, 255).round(), "largest is 255"),
            (lambda x: np.round(255 * (x - x.min()) / np.ptp(x)), "stretches"),
            (lambda x: right(x)[0], "shape"),
        ],
    )  # fmt: skip


def answers_one_hot():
    def right(labels, n):
        return keras.utils.to_categorical(np.ravel(labels), n)

    def flat(labels):
        return np.ravel(labels)

    return Answers(
        right=[right, lambda labels, n: flat(labels)[:, None] == np.arange(n),
               lambda labels, n: right(labels, n).astype(int).tolist()],
        wrong=[
            (lambda labels, n: np.eye(n)[labels], "only their arrangement"),
            (lambda labels, n: np.eye(flat(labels).max() + 1)[flat(labels)], "largest label needs"),
            (lambda labels, n: np.roll(right(labels, n), 1, 1), "too far to the right"),
            (lambda labels, n: np.roll(right(labels, n), -1, 1), "too far to the left"),
            (lambda labels, n: right(labels, n).T, "Each label should have one"),
            (lambda labels, n: right(labels, n) * flat(labels)[:, None], "label itself"),
            (lambda labels, n: 1 - right(labels, n), "changed places"),
            (lambda labels, n: np.eye(n), "table of all classes"),
            (lambda labels, n: np.arange(n) <= flat(labels)[:, None], "up to the label"),
            (lambda labels, n: labels, "shape"),
        ],
    )  # fmt: skip


# --- its layers ---------------------------------------------------------------------------------


def relative(filters, hidden, **changes):
    """The network of the exercise, with room for mistakes."""
    how = {"padding": "same", "slope": 0.1, "bent": True, "drop": 0.25, "last": "softmax"} | changes
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for n in filters:
        act = layers.LeakyReLU(negative_slope=how["slope"]) if how["slope"] is not None else None
        act = how["act"]() if "act" in how else act
        more = how.get("more", {})
        model.add(layers.Conv2D(n, 3, padding=how["padding"], activation=act, **more))
        if how.get("pool", True):
            model.add(layers.MaxPooling2D(2))
        model.add(layers.Dropout(how["drop"]))
    model.add(layers.Flatten())
    model.add(layers.Dense(how.get("neurons", hidden)))
    if how["bent"]:
        model.add(layers.LeakyReLU(negative_slope=0.1))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10))
    if how["last"]:
        model.add(layers.Activation(how["last"]))
    return model


def leaky_by_hand():
    return lambda x: keras.activations.leaky_relu(x, negative_slope=0.1)


def in_blocks(filters, hidden):
    """The same network as a network of networks."""
    parts = relative(filters, hidden).layers
    blocks = [keras.Sequential(part) for part in (parts[:3], parts[3:-4], parts[-4:])]
    return keras.Sequential([keras.Input((32, 32, 3)), blocks[0], keras.Sequential(blocks[1:])])


def answers_make_model():
    return Answers(
        right=[
            relative,
            partial(relative, last=keras.activations.softmax),
            partial(relative, act=leaky_by_hand),
            in_blocks,
        ],
        wrong=[
            (
                partial(relative, bent=False),
                "LeakyReLU after the first dense layer is missing. With nothing in between",
            ),
            (partial(relative, padding="valid"), "padding is 'valid'"),
            (partial(relative, slope=0.3), "slope is 0.3, asked for is 0.1"),
            (partial(relative, slope=0), "is ReLU, asked for is LeakyReLU"),
            (
                partial(relative, slope=None),
                "LeakyReLU after the first convolution is missing. Without it negative numbers",
            ),
            (partial(relative, act=layers.PReLU), "is PReLU, asked for is LeakyReLU"),
            (partial(relative, act=layers.ELU), "is ELU, asked for is LeakyReLU"),
            (partial(relative, act=lambda: "leaky_relu"), "slope is 0.2, asked for is 0.1"),
            (partial(relative, act=lambda: "relu6"), "is relu6, asked for is LeakyReLU"),
            (partial(relative, act=lambda: keras.ops.abs), "asked for is LeakyReLU"),
            (partial(relative, more={"dilation_rate": 2}), "dilation_rate is (2, 2)"),
            (
                lambda filters, hidden: in_blocks(filters, hidden + 1),
                "dense layer: units is 33, asked for is 32",
            ),
            (partial(relative, drop=0.5), "rate is 0.5"),
            (partial(relative, pool=False), "max pooling is missing"),
            (partial(relative, last=None), "no probabilities"),
            (partial(relative, last="sigmoid"), "asked for is softmax"),
            (partial(relative, neurons=256), "units is 256"),
            (lambda filters, hidden: relative((8, 16), hidden), "with filters (4, 8, 4)"),
            (lambda filters, hidden: relative(filters, hidden).summary, "expected a Keras network"),
        ],
    )


# --- part 1: the number of parameters -----------------------------------------------------------


def answers_parameter_count():
    averaged = partial(network, bridge=layers.GlobalAveragePooling2D)
    right = averaged().count_params()
    return Answers(
        right=[given(answer, bridge="average") for answer in (right, np.int64(right), averaged())],
        wrong=[
            (given(answer, bridge="average"), diagnosis)
            for answer, diagnosis in (
                (network(), "That is the network with its flattening"),
                (averaged(bias=False), "all biases missing"),
                (right - 2570, "last layer missing"),
                (right - 256, "biases of the hidden dense layer missing"),
                (right - 10, "biases of the last layer missing"),
                (right - 266, "biases of both dense layers missing"),
                (right - 144, "biases of the convolutions missing"),
                (19_210, "two dense layers alone"),
                (32_832, "convolutions alone"),
                (averaged(kernel=5).count_params(), "5×5"),
                (averaged(hidden=()), "hidden dense layer missing"),
                (averaged(hidden=(128,)), "128 neurons"),
                (averaged(classes=1), "1 neuron?"),
                (averaged(filters=(16, 32, 64, 128)), "filters 16, 32, 64, 128"),
                (averaged(normalised=True), "BatchNormalization"),
                (float(right), "got float"),
                (averaged(kernel=5, hidden=(128,)), "And: "),
                (averaged(kernel=5, hidden=(128,)).count_params(), "the six layers"),
                (averaged(hidden=(77,)), "layer by layer"),
                (right - 100_000, "the six layers"),
            )
        ],
    )


def test_a_wrong_count_is_not_told_the_right_one():
    for how, right in (("flatten", "1,084,234"), ("average", "52,042")):
        assert right not in check.parameter_count.outcome(12, bridge=how).message


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
        ({"bias": False}, "all biases missing"),
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


@pytest.mark.parametrize("bridge", ["flatten", "average"])
def test_no_two_single_mistakes_have_the_same_count(bridge):
    changes = [c for c in check._MISTAKES.values() if c != {"bridge": bridge}]
    if bridge == "average":  # it takes in maps of any size
        changes = [c for c in changes if not c.keys() & {"padding", "pool_after"}]
    asked = replace(check.ASKED, bridge=bridge)
    counts = [replace(asked, **change).parameters for change in changes]
    assert len(set(counts)) == len(counts)
    assert asked.parameters not in counts and check.ASKED.parameters == 1_084_234


@pytest.mark.parametrize(
    "answer", ["1084234", 1084234.0, True, [1], 123_457, keras.Sequential([layers.Dense(3)])]
)
def test_other_wrong_answers(answer):
    outcome = check.parameter_count(answer)
    assert outcome.status == checks.WRONG and len(outcome.message) > 20


# --- training -----------------------------------------------------------------------------------


def answers_learning_rate():
    schedule = keras.optimizers.schedules.ExponentialDecay(5e-3, decay_steps=1, decay_rate=0.9)

    def wrong(rate):
        return lambda epoch: rate(epoch)

    return Answers(
        right=[lambda epoch: float(schedule(epoch)), lambda epoch: np.float32(0.005 * 0.9**epoch),
               lambda epoch: 0.005 * np.exp(epoch * np.log(0.9))],
        wrong=[
            (wrong(lambda e: 5e-3 * 0.9 ** (e + 1)), "next epoch"),
            (wrong(lambda e: 5e-3 * 0.9 ** (e - 1)), "first epoch is number 0"),
            (wrong(lambda e: 5e-3 * 0.1**e), "shrinks to a tenth"),
            (wrong(lambda e: 5e-3 * 1.1**e), "that grows"),
            (wrong(lambda e: 5e-3 / 0.9**e), "it divides"),
            (wrong(lambda e: 5e-3 - 5e-4 * e), "same amount"),
            (wrong(lambda e: 5e-3 * 0.9 * e), "is a power"),
            (wrong(lambda e: 5e-3), "does not shrink"),
            (wrong(lambda e: 0.9**e), "factor alone"),
            (wrong(lambda e: 5e-3 / (1 + e)), "one over"),
            # In one epoch or two these look like another mistake.
            (wrong(lambda e: (5e-3 * 0.9) ** e), "epoch 0: 1 is too large"),
            (wrong(lambda e: int(5e-3 * 0.9**e)), "epoch 0: 0 is too small"),
            (wrong(lambda e: 5e-3 * 0.9 ** (e // 2)), "epoch 1: 0.005 is too large"),
            (wrong(lambda e: 5e-3 * 0.9 ** max(e - 1, 0)), "number 1 has shrunk once"),
            (wrong(lambda e: [5e-3 * 0.9**e]), "expected one number"),
        ],
    )  # fmt: skip


def answers_test_set():
    return Answers(
        right=["c", "C"],
        wrong=[("a", "chosen"), ("b", "epoch was chosen"), ("d", "one-sided"), ("", "none of")],
    )


# --- part 2: accuracy ---------------------------------------------------------------------------

TRUTH = np.arange(1000) % 10
PROBABILITIES = np.random.default_rng(0).dirichlet(np.ones(10), size=1000)


def guesses(share, seed=0):
    """Labels of which this share is right."""
    right = np.random.default_rng(seed).random(len(TRUTH)) < share
    return np.where(right, TRUTH, (TRUTH + 3) % 10)


def answers_held_out_accuracy():
    plain = guesses(0.8, seed=1)

    def asked(answer):
        return given(answer, TRUTH, at_least=0.7, unlike=plain)

    good = guesses(0.75, seed=2)
    return Answers(
        right=[asked(good), asked(good.tolist()), asked(good.reshape(-1, 1)), asked(good * 1.0)],
        wrong=[
            (asked(plain), "Mirror them first"),
            (asked(guesses(0.4)), "another axis turned"),
            (asked(PROBABILITIES.argmax()), "one number"),
            (asked(0.78), "one number"),
            (asked(PROBABILITIES), "one score per class"),
            (asked(np.eye(10)[good]), "one-hot"),
            (asked(PROBABILITIES.max(axis=1)), "(.argmax)"),
            (asked(PROBABILITIES.argmax(axis=0)), "wrong axis"),
            (asked(TRUTH), "true labels themselves"),
            (asked(TRUTH.copy()), "true labels themselves"),
            (asked(TRUTH.tolist()), "true labels themselves"),
            (asked(np.full(1000, 3)), "same class"),
            (asked(good[:500]), "all held-out"),
            (asked((TRUTH + 1) % 10), "off by one"),
        ],
    )


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_good_predictions(shape):
    assert check.held_out_accuracy(guesses(0.8).reshape(shape), TRUTH.reshape(shape))
    assert check.held_out_accuracy(guesses(0.8).tolist(), TRUTH.tolist())


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


def answers_confusion():
    def right(truth, predicted, n):
        return confusion_matrix(truth, predicted, labels=range(n))

    def shares(axis):
        def wrong(*inputs):
            table = right(*inputs)
            return table / np.maximum(table.sum(axis=axis, keepdims=True), 1)

        return wrong

    def at_most_one(truth, predicted, n):
        table = np.zeros((n, n))
        table[truth, predicted] += 1
        return table

    return Answers(
        right=[right, lambda *inputs: right(*inputs).tolist(),
               lambda t, p, n: np.bincount(n * t + p, minlength=n * n).reshape(n, n)],
        wrong=[
            (lambda *inputs: right(*inputs).T, "it is transposed"),
            (at_most_one, "add up"),
            (shares(1), "shares of each row"),
            (shares(0), "shares of each column"),
            (lambda t, p, n: right(t, p, n) / len(t), "shares of all images"),
            (lambda *inputs: np.diag(np.diag(right(*inputs))), "only the right answers"),
            (lambda *inputs: right(*inputs) - np.diag(np.diag(right(*inputs))), "only the wrong"),
            (lambda t, p, n: confusion_matrix(t, p), "classes that do not occur"),
            (lambda *inputs: right(*inputs)[::-1], "upside down"),
            (lambda t, p, n: np.mean(t == p), "shape"),
        ],
    )  # fmt: skip


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
    judge = checks.Check(lambda answer: answer["missing"], ("One.", "Two."))

    assert judge({}).status == checks.CANNOT_JUDGE
    assert not judge({})
