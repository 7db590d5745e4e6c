"""The check of the first CNN's own stimulus, with networks that know something."""

from functools import cache

import keras
import numpy as np
import pytest
from keras import layers

from helpers import checks, models
from helpers.checks import first_cnn as check
from inside import stimuli
from tests.support.checking import Answers, given
from tests.support.first_cnns import fitted, images, released, units


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
    return stimuli.maximum_stimuli(model, "logits", [unit], **how)[0]


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
        (stimuli.viewable, "made viewable"),
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
