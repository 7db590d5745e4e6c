"""Trained networks that are handed in: the grader evaluates the weights itself."""

import io

import keras
import numpy as np
import pytest

from helpers import datasets, models, released, sources
from tests.support import grading_class
from tests.support.grading_class import collected, hand_in, verdicts

PAGE = "first_cnn"
HERE = sources.at_hand("cifar10", sources.parts("cifar10")[0]) is not None
pytestmark = [
    pytest.mark.slow,
    grading_class.needs_sandbox,
    pytest.mark.skipif(not HERE, reason="CIFAR-10 is not at hand, and drawings do not count"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network after a few seconds of training: its weights, and what it says."""
    folder = tmp_path_factory.mktemp("trained")
    keras.utils.set_random_seed(0)
    data = datasets.load_cifar10(verbose=False)
    model = models.first_cnn()
    model.compile("adamax", "sparse_categorical_crossentropy")
    model.optimizer.learning_rate = 5e-3
    x = data.x_train[:6000].astype("float32") / 255 - 0.5
    model.fit(x, data.y_train[:6000], batch_size=32, epochs=2, verbose=0)
    model.save_weights(folder / "first_cnn.weights.h5")
    x_test = data.x_test[:1000].astype("float32") / 255 - 0.5
    said = model.predict(x_test, batch_size=500, verbose=0).argmax(axis=1)
    np.save(folder / "first_cnn.predictions.npy", said)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def my_network(who):
    return verdicts(who, PAGE)[0]["my_network"]


def test_weights_earn_what_they_recognise(tmp_path, monkeypatch, trained):
    submissions = grading_class.begin(tmp_path, monkeypatch)
    hand_in(submissions, "ada", **trained)
    swapped = np.load(io.BytesIO(trained["first_cnn.predictions.npy"]))[::-1]
    np.save(tmp_path / "swapped.npy", swapped)
    other = {**trained, "first_cnn.predictions.npy": (tmp_path / "swapped.npy").read_bytes()}
    hand_in(submissions, "bob", **other)
    theirs = released.released_file("first_cnn", "model.weights.h5").read_bytes()
    hand_in(submissions, "cleo", **{**trained, "first_cnn.weights.h5": theirs})
    alone = {"first_cnn.weights.h5": trained["first_cnn.weights.h5"]}
    hand_in(submissions, "dan", **alone)
    collected(submissions)
    ada = my_network("ada")
    assert ada["status"] == "right" and 0.05 < ada["score"] < 1, ada
    assert my_network("bob")["score"] == 0 and "predictions" in my_network("bob")["message"]
    assert my_network("cleo")["score"] == 0 and "released" in my_network("cleo")["message"]
    assert my_network("dan")["score"] == 0 and "not handed in" in my_network("dan")["message"]
