"""The checks of the first CNN against right answers and many wrong ones."""

import pickle
import tempfile
from functools import cache, partial
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from sklearn.metrics import confusion_matrix

from helpers import checks, datasets, models, weights
from helpers.checks import first_cnn as check
from helpers.released import released_file
from inside import attribution
from tests.support.checking import Answers, given, outcome_of


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
    counts = [check._count(**{"bridge": bridge} | change) for change in changes]
    assert len(set(counts)) == len(counts)
    assert check._count(bridge=bridge) not in counts and check._count() == check.PARAMETERS


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


# --- part 3: the network's own stimulus ---------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return of_two_colours()


@cache
def of_two_colours():
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
    return np.broadcast_to(np.array([red, -0.001, blue]), (1, 32, 32, 3)).astype(dtype)


def answers_own_stimulus():
    model = of_two_colours()

    def asked(stimulus):
        return given(stimulus, model, target=8)

    return Answers(
        right=[asked(picture(0, 0.4)), asked(picture(0, 0.4)[0]), asked(picture(0, 0.4).tolist()),
               asked(keras.ops.convert_to_tensor(picture(0, 0.4)))],
        wrong=[
            (asked(stimulus), diagnosis)
            for stimulus, diagnosis in (
                (picture(0.4, 0), "sees a horse"),
                (picture(0, 255), "0 to 255"),
                (picture(0, 200, "uint8"), "0 to 255"),
                (picture(0, 0.0001), "still grey"),
                (picture(0, 0.03), "climb further"),
                (picture(0, 2), "grey is 0"),
                (np.abs(picture(0, 0.4)), "made viewable"),
                (np.round(255 * picture(0, 0.4)) / 255 - 0.5, "whole byte"),
                (np.zeros((10, 32, 32, 3)), "shape (10, 32, 32, 3)"),
                ((picture(0, 0.4), np.ones(1)), "Take the first"),
                (model, "expected a picture"),
            )
        ],
    )  # fmt: skip


def test_own_stimulus_is_found_and_recognised(model):
    assert check.own_stimulus(model)
    assert check.own_stimulus(model, target=8)
    assert check.own_stimulus(picture(0.4, 0), model)
    assert check.own_stimulus(picture(0.4, 0)[0], model)


def climbed(model, unit=6, **how):
    return attribution.maximum_stimuli(model, "logits", [unit], **how)[0]


@pytest.mark.parametrize("network", [lambda: released(), lambda: fitted()])
def test_a_trained_network_knows_its_ideal_frog(network):
    model = network()
    for stimulus in (climbed(model), climbed(model, steps=200, step=0.1), climbed(model, steps=5)):
        assert check.own_stimulus(stimulus, model, target=6)


def test_a_long_climb_may_drift_away_from_grey():
    far = climbed(released(), 1, steps=500, step=1.5)
    assert abs(far.mean()) > 0.5
    assert check.own_stimulus(far, released(), target=1)


@pytest.mark.parametrize(
    ("change", "diagnosis"),
    [
        (lambda x: 0 * x, "still grey"),
        (lambda x: climbed(released(), steps=0), "still grey"),
        (lambda x: x / 255, "still grey"),
        (attribution.viewable, "made viewable"),
        (lambda x: np.clip(x + 0.5, 0, 1), "made viewable"),
        (lambda x: x + 0.5, "on average"),
        (lambda x: units(np.clip(255 * (x + 0.5), 0, 255).astype("uint8")), "whole byte"),
        (lambda x: units(images().x_test[images().y_test == 6][:1]), "whole byte"),
        (lambda x: climbed(released(), 1), "sees an automobile"),
    ],
)
@pytest.mark.parametrize("target", [6, 8])
def test_what_was_not_climbed_is_refused(change, diagnosis, target):
    # the released network calls grey a ship
    outcome = check.own_stimulus(change(climbed(released(), target)), released(), target=target)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


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
    outcome = check.own_stimulus(stimulus, model)
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
        (lambda: zeroed(), "still grey"),
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
    @checks.check("One.", "Two.")
    def judge(answer):
        return answer["missing"]

    assert judge({}).status == checks.CANNOT_JUDGE
    assert not judge({})


# --- a network of one's own ---------------------------------------------------------------------


@cache
def images():
    return datasets.load_cifar10(verbose=False)


def units(x):
    return x.astype("float32") / 255 - 0.5


@cache
def fitted():
    """A first CNN that knows something without a training.

    Its convolutions and its hidden layer stay as they were drawn; the last layer is fitted to what
    these make of 2,500 images, which is linear algebra.
    """
    keras.utils.set_random_seed(7)
    model = models.first_cnn()
    features = keras.Model(model.inputs, model.get_layer("leaky5").output)
    a = features.predict(units(images().x_train[:2500]), batch_size=500, verbose=0)
    middle, spread = a.mean(axis=0), a.std(axis=0) + 1e-6
    a = (a - middle) / spread
    wanted = np.eye(10)[images().y_train[:2500]] - 0.1
    w = np.linalg.solve(a.T @ a + 50 * np.eye(a.shape[1]), a.T @ wanted) / spread[:, None]
    model.get_layer("logits").set_weights([10 * w, -10 * middle @ w])
    return model


def classes(model, x):
    return model.predict(x, batch_size=500, verbose=0).argmax(axis=1)


_KEPT = []  # folders, until the process ends


def handed_in(model=None, predicted=None, *, files=(), npz=False):
    """Return a new folder with what a student hands in."""
    _KEPT.append(tempfile.TemporaryDirectory())
    folder = Path(_KEPT[-1].name)
    if model is not None:
        model.save_weights(folder / check.WEIGHTS)
        if npz:
            arrays = weights.read(folder / check.WEIGHTS)
            np.savez(folder / "first_cnn.weights.npz", **arrays)
            (folder / check.WEIGHTS).unlink()
    if predicted is not None:
        np.save(folder / check.PREDICTIONS, predicted)
    for name, content in dict(files).items():
        (folder / name).write_bytes(content)
    return folder


@cache
def its_classes():
    return classes(fitted(), units(images().x_test[: check.N_PREDICTIONS]))


def changed(change):
    """A copy of the fitted network after a change to its weights."""
    model = models.first_cnn()
    model.set_weights(change([w.copy() for w in fitted().get_weights()]))
    return model


@cache
def released():
    model = models.first_cnn()
    model.load_weights(released_file("first_cnn", "model.weights.h5"))
    return model


def shuffled(model):
    """The same network with its filters in another order."""
    order, weights_ = slice(None), model.get_weights()
    rng = np.random.default_rng(1)
    for k in range(0, 6, 2):
        new = rng.permutation(weights_[k].shape[-1])
        weights_[k], weights_[k + 1] = weights_[k][:, :, order][..., new], weights_[k + 1][new]
        order = new
    weights_[6] = weights_[6][:, :, order]
    return weights_


def rounded(model):
    """The same network with noise on all weights."""
    rng = np.random.default_rng(2)
    return [w + 0.2 * w.std() * rng.normal(size=w.shape) for w in model.get_weights()]


def copied(change):
    model = models.first_cnn()
    model.set_weights(change(released()))
    return model


def with_link(folder):
    with h5py.File(folder / check.WEIGHTS, "a") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")
    return folder


def with_nan_in(weights_):
    weights_[4][0, 0, 0, 0] = np.nan
    return weights_


@cache
def answers_my_network():
    y, hostile = its_classes(), pickle.dumps([print])
    other = models.first_cnn(num_classes=12)
    images_01 = classes(fitted(), images().x_test[:1000].astype("float32") / 255)
    in_bytes = classes(fitted(), images().x_test[:1000].astype("float32"))
    of_training = classes(fitted(), units(images().x_train[:1000]))
    unbent = models.first_cnn(dense_activation=False)
    unbent.set_weights(fitted().get_weights())
    text = np.array(["cat"] * 1000)
    return Answers(
        right=[
            handed_in(fitted(), y),
            str(handed_in(fitted(), y.reshape(-1, 1).astype("uint8"))),
            handed_in(fitted(), y, npz=True),
        ],
        wrong=[
            (handed_in(fitted()), "predictions.npy is missing"),
            (handed_in(predicted=y), "weights.h5 is missing"),
            (handed_in(fitted(), y) / check.WEIGHTS, "Give the folder"),
            (handed_in() / "nowhere", "no folder 'nowhere'"),
            (fitted(), "expected the folder with the two files"),
            (handed_in(released(), y), "the released weights"),
            (handed_in(copied(shuffled), y), "the released weights"),
            (handed_in(copied(rounded), y), "the released weights"),
            (handed_in(other, y), "'logits': an array (256, 12) where the network has (256, 10)"),
            (handed_in(models.cifar_cnn(n_filter=2), y), "'conv1': an array (3, 3, 3, 2)"),
            (handed_in(changed(with_nan_in), y), "layers/conv2d_2/vars/0: there is NaN"),
            (handed_in(changed(lambda w: [1e30 * v for v in w]), y), "not finite"),
            (with_link(handed_in(fitted(), y)), "a link to somewhere else"),
            (handed_in(predicted=y, files={check.WEIGHTS: hostile}), "damaged"),
            (handed_in(predicted=y, files={"first_cnn.weights.npz": hostile}), "damaged"),
            (handed_in(fitted(), files={check.PREDICTIONS: hostile}), "is no array"),
            (handed_in(fitted(), np.array([print] * 1000)), "is no array"),
            (handed_in(fitted(), text), "expected class numbers"),
            (handed_in(fitted(), np.full(1000, 3)), "all predictions are the same class"),
            (handed_in(fitted(), y[:999]), "999 predictions for 1,000"),
            (handed_in(fitted(), np.array(3)), "one number"),
            (handed_in(fitted(), np.eye(10)[y]), "one-hot"),
            (handed_in(fitted(), y + 1), "from 1 to 10"),
            (handed_in(fitted(), y * np.nan), "NaN"),
            (handed_in(fitted(), images().y_test[:1000]), "what these weights say"),
            (handed_in(fitted(), images_01), "0 … 1"),
            (handed_in(fitted(), in_bytes), "in bytes"),
            (handed_in(fitted(), of_training), "first training images"),
            (handed_in(fitted(), classes(unbent, units(images().x_test[:1000]))), "LeakyReLU"),
            (handed_in(fitted(), y[::-1]), "same copy of CIFAR-10"),
        ],
    )


def test_guessing_earns_nothing():
    keras.utils.set_random_seed(3)
    model = models.first_cnn()
    model.get_layer("logits").set_weights(
        [100 * w for w in model.get_layer("logits").get_weights()]
    )
    outcome = check.my_network.outcome(
        handed_in(model, classes(model, units(images().x_test[:1000])))
    )
    assert outcome.status == checks.WRONG and outcome.score == 0
    assert "guessing is 10%" in outcome.message


def test_points_grow_with_accuracy(monkeypatch):
    folder, y = handed_in(fitted(), its_classes()), images().y_test
    for right, score in ((0.45, 0.5), (0.73, 1), (0.95, 1), (0.3, 0.2)):
        rows = np.random.default_rng(0).random(check.N_IMAGES) < right
        truth = y[: check.N_IMAGES]
        said = np.where(rows[: len(truth)], truth, (truth + 1) % 10)
        parts = iter(np.split(np.eye(10)[said], [check.N_PREDICTIONS]))
        monkeypatch.setattr(check, "_scores", lambda model, x, parts=parts: next(parts))
        np.save(folder / check.PREDICTIONS, said[: check.N_PREDICTIONS])
        outcome = check.my_network.outcome(folder)
        assert outcome.status == checks.RIGHT
        assert outcome.score == pytest.approx(score, abs=0.03)
        assert ("All points" in outcome.message) == (score == 1)


def test_drawings_do_not_count(monkeypatch):
    drawn = datasets.load_toy10(n_train=1000, n_test=1500, verbose=False)
    monkeypatch.setattr(check.datasets, "load_cifar10", lambda **how: drawn)
    folder = handed_in(fitted(), np.arange(1000) % 10)
    assert check.my_network.outcome(folder, graded=True).status == checks.CANNOT_JUDGE
    assert check.my_network.outcome(folder).status != checks.CANNOT_JUDGE
    assert check.my_network.outcome(handed_in(), graded=True).status == checks.WRONG


@pytest.mark.skipif("images().source.stand_in", reason="needs CIFAR-10")
def test_it_counts_on_photographs():
    outcome = check.my_network.outcome(handed_in(fitted(), its_classes(), npz=True), graded=True)
    assert outcome.status == checks.RIGHT and 0 < outcome.score < 0.6


def test_networks_from_two_seeds_are_not_alike(tmp_path):
    arrays = {}
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        model = models.first_cnn()
        model.save_weights(tmp_path / "a.weights.h5")
        arrays[seed] = weights.read(tmp_path / "a.weights.h5")
    own = weights.read(released_file("first_cnn", "model.weights.h5"))
    assert check._likeness(own, own) == pytest.approx(1)
    assert check._likeness(arrays[0], arrays[1]) < 0.5
    assert check._likeness(arrays[1], own) < 0.5
    assert check._likeness(arrays[0], own) < 0.7  # the released network began where this one is


def test_no_message_names_the_place_of_a_folder():
    about_files = [a for a, word in answers_my_network().wrong
                   if word in ("damaged", "is no array", "Give the folder", "no folder 'nowhere'")
                   or "missing" in word or "link" in word]  # fmt: skip
    assert len(about_files) >= 8
    for answer in about_files:
        assert tempfile.gettempdir() not in outcome_of(check.my_network, answer).message
