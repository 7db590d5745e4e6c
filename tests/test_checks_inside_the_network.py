"""The checks of page 4 against right answers and many wrong ones, made with TensorFlow itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from helpers import checks, interpret, models
from helpers.checks import inside_the_network as check

LABEL = 3


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(4)
    network = models.cifar_cnn((16, 16, 3), n_filter=12)
    network.get_layer("softmax").set_weights(
        [w * 4 for w in network.get_layer("softmax").get_weights()]  # surer, as if trained
    )
    return network


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).random((16, 16, 3), dtype="float32")


def gradient(model, image, label=LABEL, *, probability=False):
    """Of the logit or the probability, without helpers.interpret."""
    last = model.get_layer("softmax")
    hidden = keras.Model(model.inputs[0], model.get_layer("dense1").output)
    x = tf.constant(image[None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = tf.matmul(hidden(x, training=False), last.kernel) + last.bias
        scores = tf.nn.softmax(scores) if probability else scores
        score = scores[0, label]
    return tape.gradient(score, x).numpy()[0]


def judged(outcome, capsys):
    assert str(outcome) in capsys.readouterr().out
    return outcome


# --- saliency map -------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 1e-3, "float16"])
def test_right_saliency_map(model, image, scale, capsys):
    answer = np.abs(gradient(model, image)).max(axis=-1)
    answer = answer.astype(scale) if isinstance(scale, str) else scale * answer
    assert judged(check.saliency_map(answer, model, image, LABEL), capsys).status == checks.RIGHT


def stretched(cam):
    return np.asarray(Image.fromarray(cam.astype("float32")).resize((16, 16), Image.BICUBIC))


WRONG_MAPS = {
    "all colours": (lambda m, x: gradient(m, x), "largest size of each pixel"),
    "sum": (lambda m, x: np.abs(gradient(m, x).sum(axis=-1)), "sum over colours"),
    "mean": (lambda m, x: np.abs(gradient(m, x)).mean(axis=-1), "mean over colours"),
    "sign": (lambda m, x: gradient(m, x).max(axis=-1), "np.abs"),
    "class": (lambda m, x: np.abs(gradient(m, x, 7)).max(axis=-1), "class 7"),
    "probability": (
        lambda m, x: np.abs(gradient(m, x, probability=True)).max(axis=-1),
        "gradient of the probability",
    ),
    "guided": (
        lambda m, x: interpret.saliency_map(interpret.saliency(m, x[None], LABEL, "guided"))[0],
        "guided map",
    ),
    "cells": (lambda m, x: interpret.grad_cam(m, x[None], LABEL)[0], "class activation map"),
    "stretched cells": (
        lambda m, x: stretched(interpret.grad_cam(m, x[None], LABEL, "conv4")[0]),
        "class activation map",
    ),
    "blank": (lambda m, x: np.zeros((16, 16)), "blank"),
    "shape": (lambda m, x: np.ones((9, 7)), "expected (16, 16)"),
    "nan": (lambda m, x: np.full((16, 16), np.nan), "NaN"),
    "noise": (lambda m, x: np.random.default_rng(1).random((16, 16)), "Which score"),
}


@pytest.mark.parametrize("mistake", WRONG_MAPS)
def test_wrong_saliency_map_is_diagnosed(model, image, mistake, capsys):
    make, diagnosis = WRONG_MAPS[mistake]
    outcome = judged(check.saliency_map(make(model, image), model, image, LABEL), capsys)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


# --- feature maps -------------------------------------------------------------------------------


def maps(model, image, layer="conv3"):
    return keras.Model(model.inputs[0], model.get_layer(layer).output)(image[None]).numpy()[0]


def before_relu(model, image):
    below = tf.constant(maps(model, image, "pool1")[None])
    kernel, bias = model.get_layer("conv3").get_weights()
    return (tf.nn.conv2d(below, kernel, 1, "SAME") + bias).numpy()[0]


def test_right_feature_maps(model, image, capsys):
    outcome = check.feature_maps(maps(model, image)[..., :9], model, "conv3", image)
    assert judged(outcome, capsys).status == checks.RIGHT


WRONG_FEATURES = {
    "all": (lambda m, x: maps(m, x), "These are 12 maps"),
    "ten": (lambda m, x: maps(m, x)[..., :10], "These are 10 maps"),
    "batch": (lambda m, x: maps(m, x)[None, ..., :9], "batch of one"),
    "first": (lambda m, x: np.moveaxis(maps(m, x)[..., :9], -1, 0), "filters come first"),
    "layer": (lambda m, x: maps(m, x, "conv2")[..., :9], "another layer"),
    "twin": (lambda m, x: maps(m, x, "pool1")[..., :9], "maps of pool1"),
    "bytes": (lambda m, x: maps(m, 255 * x)[..., :9], "0 … 255"),
    "twice": (lambda m, x: maps(m, x / 255)[..., :9], "1/255"),
    "sums": (lambda m, x: before_relu(m, x)[..., :9], "before the ReLU"),
    "image": (lambda m, x: maps(m, x[::-1])[..., :9], "Same image"),
    "text": (lambda m, x: "maps", "expected numbers"),
}


@pytest.mark.parametrize("mistake", WRONG_FEATURES)
def test_wrong_feature_maps_are_diagnosed(model, image, mistake, capsys):
    make, diagnosis = WRONG_FEATURES[mistake]
    outcome = judged(check.feature_maps(make(model, image), model, "conv3", image), capsys)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def test_a_dense_layer_cannot_be_judged_and_nothing_is_not_attempted(model, image, capsys):
    outcome = check.feature_maps(np.zeros((7, 7, 9)), model, "dense1", image)
    assert judged(outcome, capsys).status == checks.CANNOT_JUDGE
    outcome = check.saliency_map(None, model, image, LABEL)
    assert judged(outcome, capsys).status == checks.NOT_ATTEMPTED
