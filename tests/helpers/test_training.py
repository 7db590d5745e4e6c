"""Schedules, splits, run cards, and weights that are whole or absent."""

import os
import signal
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest
from scipy import stats

from helpers import models, sources, training
from helpers import released as released_module
from tests.support import ROOT

PRINTED_RATES = [0.005, 0.0045, 0.00405, 0.003645, 0.0032805]  # the original's output
PRINTED_RATES += [0.00295245, 0.00265721, 0.00239148, 0.00215234, 0.0019371]


def tiny():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(3, activation="softmax", name="dense"),
        ]
    )


@pytest.fixture(scope="module")
def trained():
    """A tiny network after two epochs, and its history."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 64)
    x = rng.normal(size=(64, 4, 4, 1)) + y[:, None, None, None]
    model = tiny()
    model.compile("adamax", "categorical_crossentropy", metrics=["accuracy"])
    labels = np.eye(3)[y]
    history = training.fit(
        model, x, labels, training.Recipe(epochs=3, batch_size=16), validation_data=(x, labels)
    )
    return model, history


def test_the_recipe_s_rates_are_those_that_the_original_printed():
    recipe = training.Recipe(epochs=10)
    rates = [recipe.learning_rate_at(epoch) for epoch in range(10)]
    np.testing.assert_allclose(rates, PRINTED_RATES, rtol=2e-6)


def test_the_optimizer_really_uses_these_rates(trained):
    model, history = trained
    np.testing.assert_allclose(history["learning_rate"], PRINTED_RATES[:3], rtol=1e-6)
    rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    assert rate == pytest.approx(PRINTED_RATES[2], rel=1e-6)
    assert int(model.optimizer.iterations) == 3 * 4


def test_history_has_one_plain_number_per_epoch(trained):
    _, history = trained
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    for values in history.values():
        assert len(values) == 3 and all(type(v) is float for v in values)
    assert history["loss"][-1] < history["loss"][0]


def test_progress_prints_the_rate_of_every_epoch(capsys):
    model = tiny()
    model.compile("adamax", "categorical_crossentropy", metrics=["accuracy"])
    x, y = np.zeros((8, 4, 4, 1)), np.eye(3)[np.zeros(8, int)]
    training.fit(model, x, y, training.Recipe(epochs=2, batch_size=4))
    printed = capsys.readouterr().out
    assert "Epoch 1/2, learning rate 0.005000" in printed
    assert "Epoch 2/2, learning rate 0.004500" in printed
    training.fit(model, x, y, training.Recipe(epochs=1), progress=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("n", "held"), [(100, 20), (100, 0), (7, 7)])
def test_split_off_is_a_partition(n, held):
    train, validation = training.split_off(n, held, seed=3)
    assert len(validation) == held
    assert sorted([*train, *validation]) == list(range(n))
    again = training.split_off(n, held, seed=3)
    np.testing.assert_array_equal(validation, again[1])


@pytest.mark.parametrize(("p", "n"), [(0.7842, 10_000), (0.5, 100), (1.0, 50)])
def test_binomial_error(p, n):
    assert training.binomial_error(p, n) == pytest.approx(stats.binom.std(n, p) / n)


# --- cards and weights --------------------------------------------------------------------------


@pytest.fixture
def released(tmp_path, monkeypatch, trained):
    """A folder of released models that holds the tiny network."""
    model, history = trained
    path = tmp_path / "tiny" / "model.weights.h5"
    training.save_released(model, path)
    card = {"weights_sha256": sources.sha256_of(path), "history": history, "name": "tiny – ±"}
    training.save_card(tmp_path / "tiny" / "run.json", card)
    monkeypatch.setattr(released_module, "models", lambda: tmp_path)
    return path, card


def test_card_and_weights_come_back_as_they_went(released, trained):
    _, card = released
    fresh = tiny()
    fresh.set_weights([w * 0 for w in fresh.get_weights()])
    assert training.load_released(fresh, "tiny") == card == training.released_card("tiny")
    for ours, theirs in zip(fresh.get_weights(), trained[0].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_released_weights_hold_no_optimizer_state(released):
    path, _ = released
    arrays = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: arrays.append((name, getattr(item, "shape", None))))
    numbers = sum(int(np.prod(shape)) for _, shape in arrays if shape is not None)
    assert numbers == tiny().count_params(), [name for name, _ in arrays if "optimizer" in name]


@pytest.mark.parametrize("damage", ["flipped", "truncated", "empty"])
def test_damaged_weights_are_refused_before_they_are_read(released, damage):
    path, _ = released
    whole = bytearray(path.read_bytes())
    if damage == "flipped":
        whole[len(whole) // 2] ^= 1
    path.write_bytes({"flipped": whole, "truncated": whole[:-100], "empty": b""}[damage])
    fresh = tiny()
    before = fresh.get_weights()
    with pytest.raises(sources.DataError, match=r"damaged.*Restore it"):
        training.load_released(fresh, "tiny")
    for ours, theirs in zip(before, fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_missing_model_names_those_that_exist(released):
    with pytest.raises(sources.DataError, match="released models: tiny"):
        training.released_card("huge")


KILLED = """
import os, pathlib, signal, sys
import keras
from helpers import training
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
def half(self, path, **_):
    pathlib.Path(path).write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
keras.Sequential.save_weights = half
keras.Model.save_weights = half
training.save_released(model, sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.weights.h5"
    path.write_bytes(b"the old weights")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert path.read_bytes() == b"the old weights"
    training.save_released(tiny(), path)  # sweeps what the killed process left
    assert path.stat().st_size > 1000
    assert not list(tmp_path.glob(".part-*")), list(tmp_path.iterdir())


def test_input_digest_changes_with_everything_that_matters():
    recipe = training.Recipe(epochs=3)
    digest = training.input_digest(tiny(), recipe, "ab", 0)
    assert len(digest) == 64
    assert digest == training.input_digest(tiny(), recipe, "ab", 0)
    others = [
        training.input_digest(models.first_cnn(), recipe, "ab", 0),
        training.input_digest(tiny(), training.Recipe(epochs=4), "ab", 0),
        training.input_digest(tiny(), recipe, "ac", 0),
        training.input_digest(tiny(), recipe, "ab", 1),
    ]
    assert len({digest, *others}) == 5


def test_environment_names_backend_and_versions():
    about = training.environment()
    assert about["backend"] == keras.backend.backend()
    assert about["packages"]["keras"] == keras.__version__


@pytest.mark.parametrize("where", ["training", "validation"])
def test_an_image_that_is_not_finite_stops_the_training(where):
    x = np.zeros((4, 4, 4, 1), "float32")
    y = keras.utils.to_categorical([0, 1, 0, 1], 2)
    bad = x.copy()
    bad[2, 1, 3, 0] = np.nan
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(2, activation="softmax"))
    model.compile("adamax", "categorical_crossentropy", metrics=["accuracy"])
    before = model.get_weights()
    images, watched = (bad, x) if where == "training" else (x, bad)
    with pytest.raises(
        ValueError, match=r"\[2\] holds nan at \(row, column, channel\) \(1, 3, 0\)"
    ):
        training.fit(model, images, y, training.Recipe(epochs=1), validation_data=(watched, y))
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
