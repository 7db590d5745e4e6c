"""What is released is small, real, measured on three seeds, and belongs to today's network."""

import math

import pytest
from conftest import ROOT

from helpers import metrics, models, sources, training

CARD = training.released_card("first_cnn")
WEIGHTS = ROOT / "data" / "models" / "first_cnn" / "model.weights.h5"
JPEG_COPY = "ce962c3636592f547756899545a76d9da96b647fe7452affc10474e033f56311"


def test_weights_are_those_of_the_card_and_small():
    assert sources.sha256_of(WEIGHTS) == CARD["weights_sha256"]
    assert WEIGHTS.stat().st_size <= 6_000_000


def test_three_seeds_were_trained_and_each_reached_what_the_course_promises():
    runs = CARD["runs"]
    assert len({run["seed"] for run in runs}) == len(runs) >= 3
    assert len({tuple(run["history"]["loss"]) for run in runs}) == len(runs)
    for run in runs:
        assert run["test_accuracy"] >= 0.74
        p, n = run["test_accuracy"], CARD["test_images"]
        assert run["test_error"] == pytest.approx(math.sqrt(p * (1 - p) / n))
        assert run["data"]["sha256"] == JPEG_COPY
        assert {"python", "keras", "numpy"} <= set(run["packages"])
        assert run["wall_time_s"] > 60 and run["peak_memory_mb"] > 100
    mean = sum(run["test_accuracy"] for run in runs) / len(runs)
    assert CARD["test_accuracy_mean"] == pytest.approx(mean)


def test_epochs_were_chosen_on_images_held_out_of_the_training_set():
    chosen_on = CARD["chosen_on"]
    assert chosen_on["recipe"]["n_validation"] == 5000
    validation = chosen_on["history"]["val_accuracy"]
    assert CARD["epochs"] == 1 + validation.index(max(validation))
    assert all(len(run["history"]["loss"]) == CARD["epochs"] for run in CARD["runs"])


def test_the_page_expects_what_the_card_measured():
    source = sources.Source(**CARD["runs"][0]["data"])
    name = "first_cnn.test_accuracy"
    entry = metrics.expected(name, training="released", source=source)
    released = next(r for r in CARD["runs"] if r["seed"] == CARD["released_seed"])
    assert entry["value"] == pytest.approx(released["test_accuracy"], abs=5e-5)
    entry = metrics.expected(name, training="full", source=source)
    assert entry["value"] == pytest.approx(CARD["test_accuracy_mean"], abs=5e-5)


def test_the_card_belongs_to_the_network_of_today():
    model = models.first_cnn()
    for run in CARD["runs"]:
        recipe = training.Recipe(**run["recipe"])
        digest = training.input_digest(model, recipe, run["data"]["sha256"], run["seed"])
        assert digest == run["input_digest"], "the network or its recipe changed: train it again"
    training.load_released(model, "first_cnn")
