"""The check of a trained network that is handed in, against right folders and many wrong ones."""

import pickle
import tempfile
from functools import cache
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from helpers import checks, datasets, models, weights
from helpers.checks import first_cnn, predictions
from helpers.released import released_file
from tests.support.checking import Answers, outcome_of
from tests.support.first_cnns import classes, fitted, images, released, units

_KEPT = []  # folders, until the process ends


def handed_in(model=None, predicted=None, *, files=(), npz=False):
    """Return a new folder with what a student hands in."""
    _KEPT.append(tempfile.TemporaryDirectory())
    folder = Path(_KEPT[-1].name)
    if model is not None:
        model.save_weights(folder / predictions.WEIGHTS)
        if npz:
            arrays = weights.read(folder / predictions.WEIGHTS)
            np.savez(folder / "first_cnn.weights.npz", **arrays)
            (folder / predictions.WEIGHTS).unlink()
    if predicted is not None:
        np.save(folder / predictions.PREDICTIONS, predicted)
    for name, content in dict(files).items():
        (folder / name).write_bytes(content)
    return folder


@cache
def its_classes():
    return classes(fitted(), units(images().x_test[: predictions.N_PREDICTIONS]))


def changed(change):
    """A copy of the fitted network after a change to its weights."""
    model = models.first_cnn()
    model.set_weights(change([w.copy() for w in fitted().get_weights()]))
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
    with h5py.File(folder / predictions.WEIGHTS, "a") as file:
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
            (handed_in(fitted(), y) / predictions.WEIGHTS, "Give the folder"),
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
            (handed_in(predicted=y, files={predictions.WEIGHTS: hostile}), "damaged"),
            (handed_in(predicted=y, files={"first_cnn.weights.npz": hostile}), "damaged"),
            (handed_in(fitted(), files={predictions.PREDICTIONS: hostile}), "is no array"),
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
    outcome = first_cnn.my_network.outcome(
        handed_in(model, classes(model, units(images().x_test[:1000])))
    )
    assert outcome.status == checks.WRONG and outcome.score == 0
    assert "guessing is 10%" in outcome.message


def test_points_grow_with_accuracy(monkeypatch):
    folder, y = handed_in(fitted(), its_classes()), images().y_test
    for right, score in ((0.45, 0.5), (0.73, 1), (0.95, 1), (0.3, 0.2)):
        rows = np.random.default_rng(0).random(predictions.N_IMAGES) < right
        truth = y[: predictions.N_IMAGES]
        said = np.where(rows[: len(truth)], truth, (truth + 1) % 10)
        parts = iter(np.split(np.eye(10)[said], [predictions.N_PREDICTIONS]))
        monkeypatch.setattr(predictions, "_scores", lambda model, x, parts=parts: next(parts))
        np.save(folder / predictions.PREDICTIONS, said[: predictions.N_PREDICTIONS])
        outcome = first_cnn.my_network.outcome(folder)
        assert outcome.status == checks.RIGHT
        assert outcome.score == pytest.approx(score, abs=0.03)
        assert ("All points" in outcome.message) == (score == 1)


def test_drawings_do_not_count(monkeypatch):
    drawn = datasets.load_toy10(n_train=1000, n_test=1500, verbose=False)
    monkeypatch.setattr(predictions.datasets, "load_cifar10", lambda **how: drawn)
    folder = handed_in(fitted(), np.arange(1000) % 10)
    assert first_cnn.my_network.outcome(folder, graded=True).status == checks.CANNOT_JUDGE
    assert first_cnn.my_network.outcome(folder).status != checks.CANNOT_JUDGE
    assert first_cnn.my_network.outcome(handed_in(), graded=True).status == checks.WRONG


@pytest.mark.skipif("images().source.stand_in", reason="needs CIFAR-10")
def test_it_counts_on_photographs():
    outcome = first_cnn.my_network.outcome(
        handed_in(fitted(), its_classes(), npz=True), graded=True
    )
    assert outcome.status == checks.RIGHT and 0 < outcome.score < 0.6


def test_networks_from_two_seeds_are_not_alike(tmp_path):
    arrays = {}
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        model = models.first_cnn()
        model.save_weights(tmp_path / "a.weights.h5")
        arrays[seed] = weights.read(tmp_path / "a.weights.h5")
    own = weights.read(released_file("first_cnn", "model.weights.h5"))
    assert predictions._likeness(own, own) == pytest.approx(1)
    assert predictions._likeness(arrays[0], arrays[1]) < 0.5
    assert predictions._likeness(arrays[1], own) < 0.5
    assert (
        predictions._likeness(arrays[0], own) < 0.7
    )  # the released network began where this one is


def test_no_message_names_the_place_of_a_folder():
    about_files = [a for a, word in answers_my_network().wrong
                   if word in ("damaged", "is no array", "Give the folder", "no folder 'nowhere'")
                   or "missing" in word or "link" in word]  # fmt: skip
    assert len(about_files) >= 8
    for answer in about_files:
        assert tempfile.gettempdir() not in outcome_of(first_cnn.my_network, answer).message
