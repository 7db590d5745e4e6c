"""A released network survives a killed training, and its card says what happened."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow

# The tool itself, on a few drawn images and for three epochs.
DRIVER = """
import dataclasses
import sys
sys.path.insert(0, {tools!r})
import train
from helpers import datasets
small = datasets.load_toy10(2000, 100, verbose=False)
train.datasets.load_cifar10 = lambda **options: small
few = dict(recipe=dict(epochs={epochs}), seeds=(0,), choose_epochs=200)
train.NETWORKS["first_cnn"] = dataclasses.replace(train.NETWORKS["first_cnn"], **few)
sys.argv = ["train.py", *{arguments!r}]
train.main()
"""


def command(*arguments, epochs=3):
    tools = str(ROOT / "tools")
    return [sys.executable, "-c", DRIVER.format(tools=tools, arguments=arguments, epochs=epochs)]


def run(folder, *arguments, **options):
    return subprocess.run(
        command(*arguments, **options), cwd=folder, capture_output=True, text=True
    )


def test_a_killed_training_resumes_and_is_released_complete(tmp_path):
    folder = tmp_path / "_build" / "models" / "first_cnn" / "seed-0"
    process = subprocess.Popen(command("run", "first_cnn", "--seed", "0"), cwd=tmp_path)
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
