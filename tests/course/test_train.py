"""A released network survives a killed training, and its card says what happened."""

import json
import os
import signal
import subprocess
import sys
import time

import h5py
import pytest

from tests.support import ROOT

pytestmark = pytest.mark.slow
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

# The command itself, on a few drawn images and for three epochs.
DRIVER = """
import dataclasses
import sys
from course.train import train
from helpers import datasets
small = datasets.load_toy10(2000, 100, verbose=False)
train.datasets.load_cifar10 = lambda **options: small
few = dict(recipe=dict(epochs={epochs}), seeds=(0,), choose_epochs=200)
train.NETWORKS["first_cnn"] = dataclasses.replace(train.NETWORKS["first_cnn"], **few)
sys.argv = ["train", *{arguments!r}]
train.main()
"""


def command(*arguments, epochs=3):
    return [sys.executable, "-c", DRIVER.format(arguments=arguments, epochs=epochs)]


def run(folder, *arguments, **options):
    return in_course(folder, command(*arguments, **options))


def in_course(folder, command):
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


def test_a_killed_training_resumes_and_is_released_complete(tmp_path):
    folder = tmp_path / "_build" / "models" / "first_cnn" / "seed-0"
    process = subprocess.Popen(
        command("run", "first_cnn", "--seed", "0"), cwd=tmp_path, env=ENVIRONMENT
    )
    deadline = time.monotonic() + 120
    while not (folder / "resume" / "latest.weights.h5").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)  # into the second epoch
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = json.loads((folder / "history.json").read_text())
    assert 1 <= len(before) < 3
    assert not (folder / "run.json").exists()

    resumed = run(tmp_path, "run", "first_cnn", "--seed", "0")
    assert resumed.returncode == 0, resumed.stderr
    assert "epoch 1:" not in resumed.stdout
    after = json.loads((folder / "history.json").read_text())
    assert len(after) == 3
    assert after[0] == before[0]
    assert len(list(folder.glob("epoch-*.weights.h5"))) == 3
    assert not list(folder.glob(".part-*"))

    again = run(tmp_path, "run", "first_cnn", "--seed", "0")
    assert "is complete" in again.stdout
    other = run(tmp_path, "run", "first_cnn", "--seed", "0", epochs=4)
    assert other.returncode != 0
    assert "another network or recipe" in other.stderr

    assert run(tmp_path, "run", "first_cnn", "--seed", "100", "--validate").returncode == 0
    for action in ("release", "publish"):
        done = run(tmp_path, action, "first_cnn")
        assert done.returncode == 0, done.stderr
    published = tmp_path / "data" / "models" / "first_cnn"
    card = json.loads((published / "run.json").read_text())
    validation = card["chosen_on"]["history"]["val_accuracy"]
    assert card["epochs"] == 1 + validation.index(max(validation))
    assert len(card["runs"][0]["history"]["loss"]) == card["epochs"]
    assert (published / "model.weights.h5").stat().st_size <= 6_000_000


WAVES = """
import dataclasses
import sys
from chirps import sets
from course.train import train
train.N_VALIDATION = train.N_TEST = 64
train.measure.network_measures = lambda model: {{"auc": 0.5}}
whole = sets.homework
def few(split):
    data = whole(split)
    parts = [(x[:96], y[:96]) for x, y in (
        (data.x_train, data.y_train), (data.x_validation, data.y_validation),
        (data.x_test, data.y_test))]
    return sets.WaveSet(*(array for part in parts for array in part), data.source)
sets.homework = few
table = train.NETWORKS
for name, changes in (("gw_small", dict(n_train=256, epochs=2)), ("gw_cnn", dict(epochs=4))):
    table[name] = dataclasses.replace(table[name], recipe=table[name].recipe | changes)
sys.argv = ["train", *{arguments!r}]
train.main()
"""


def waves(folder, *arguments):
    done = in_course(folder, [sys.executable, "-c", WAVES.format(arguments=arguments)])
    assert done.returncode == 0, done.stderr
    return json.loads(
        (folder / "_build" / "models" / arguments[1] / "seed-0" / "run.json").read_text()
    )


def test_simulated_batches_train_and_are_released(tmp_path):
    card = waves(tmp_path, "run", "gw_small")
    assert card["batches"] == {"curriculum": [10.0, 5.0]}
    waves(tmp_path, "release", "gw_small")
    card = json.loads((tmp_path / "_build" / "release" / "gw_small" / "run.json").read_text())
    run = card["runs"][0]
    assert run["measures"] == {"auc": 0.5} and card["test_images"] == 64
    assert len(run["history"]["val_loss"]) == 2 and "best_epoch" not in run


def test_the_epoch_with_the_lowest_validation_loss_is_released(tmp_path):
    waves(tmp_path, "run", "gw_cnn")
    waves(tmp_path, "release", "gw_cnn")
    released = tmp_path / "_build" / "release" / "gw_cnn"
    card = json.loads((released / "run.json").read_text())
    run = card["runs"][0]
    losses = run["history"]["val_loss"]
    assert len(losses) == 4
    assert card["epochs"] == run["best_epoch"] == 1 + losses.index(min(losses))
    assert set(run["last_epoch"]) == {f"{p}_accuracy" for p in ("train", "validation", "test")}
    best = tmp_path / "_build" / "models" / "gw_cnn" / "seed-0"
    names = [best / f"epoch-{card['epochs']:02d}.weights.h5", released / "model.weights.h5"]
    one, two = (sorted_weights(path) for path in names)
    assert one.keys() == two.keys()
    assert all((one[key] == two[key]).all() for key in one)


def sorted_weights(path):
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: arrays.update({name: item[:]} if hasattr(item, "shape") else {})
        )
    return arrays
