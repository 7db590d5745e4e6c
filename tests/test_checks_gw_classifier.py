"""The checks of page 7 against right answers and many wrong ones."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy import optimize, special, stats

from helpers import checks, models
from helpers.checks import gw_classifier as check
from helpers.gw import search

ALTERNATING = ("same", "valid", "same", "valid")


def network(
    n_filter=64,
    padding=ALTERNATING,
    kernel=5,
    pool=(3, 2),
    pools=(2, 4),
    hidden=(128,),
    outputs=2,
    bias=True,
    shape=(39, 100, 2),
):
    """The homework's network with mistakes, built by Keras and counted by Keras."""
    model = keras.Sequential([keras.Input(shape)])
    for number, border in enumerate(padding, start=1):
        model.add(layers.Conv2D(n_filter, kernel, padding=border, use_bias=bias))
        if number in pools:
            model.add(layers.MaxPooling2D(pool))
    model.add(layers.Flatten())
    for units in (*hidden, outputs):
        model.add(layers.Dense(units, use_bias=bias))
    return model


# --- the number of parameters -------------------------------------------------------------------


def test_right_counts():
    assert check.parameter_count(671_490)
    assert check.parameter_count(np.int64(671_490))
    assert check.parameter_count(network())
    assert check.parameter_count(models.gw_cnn())


@pytest.mark.parametrize(
    ("mistake", "diagnosis"),
    [
        ({"padding": ("same",) * 4}, 'all four paddings "same"'),
        ({"pool": (2, 2)}, "2 × 2"),
        ({"pool": (2, 3)}, "turned"),
        ({"pool": (3, 3)}, "3 × 3? They take 3 rows"),
        ({"pools": (2,)}, "second pooling"),
        ({"pools": ()}, "both poolings"),
        ({"padding": ALTERNATING[:2]}, "pair of convolutions"),
        ({"padding": ()}, "no convolutions"),
        ({"kernel": 3}, "3 × 3? They should be 5 × 5"),
        ({"hidden": ()}, "hidden dense layer missing"),
        ({"hidden": (512,)}, "512 neurons"),
        ({"bias": False}, "biases"),
        ({"shape": (39, 100, 1)}, "one channel"),
        ({"shape": (39, 100, 3)}, "three channels"),
        ({"outputs": 1}, "one sigmoid"),
        ({"n_filter": 32}, "32 filters"),
        ({"kernel": 3, "hidden": (512,)}, "And: "),
    ],
    ids=str,
)
def test_wrong_networks_are_diagnosed(mistake, diagnosis):
    outcome = check.parameter_count(network(**mistake))
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def test_no_two_single_mistakes_have_the_same_count():
    counts = [check._count(**change) for change in check._MISTAKES.values()]
    assert len(set(counts)) == len(counts)
    assert check._count() == 671_490 not in counts


@pytest.mark.parametrize("answer", ["671490", 671490.0, True, [1], 7, keras.Sequential()])
def test_other_wrong_counts(answer):
    outcome = check.parameter_count(answer)
    assert outcome.status == checks.WRONG and len(outcome.message) > 20


# --- rankings -----------------------------------------------------------------------------------

RNG = np.random.default_rng(7)
LABELS = np.arange(2000) % 2
LOGITS = 8 * LABELS - 4 + RNG.normal(size=2000)
LOUD = 20 * LOGITS.astype("float32")  # as a network that is very sure


def test_right_rankings():
    assert check.ranking(LOGITS, LABELS)
    assert check.ranking(LOGITS[:, None], LABELS[:, None])
    assert check.ranking(special.expit(LOGITS), LABELS)
    assert check.ranking(LOGITS - 7 * LABELS, LABELS, at_least=0.7)


@pytest.mark.parametrize(
    ("scores", "labels", "diagnosis"),
    [
        (-LOGITS, LABELS, "upside down"),
        (LOGITS > 0, LABELS, "decisions"),
        (np.roll(LOGITS, 500), RNG.permutation(LABELS), "same order"),
        (LOGITS - 7 * LABELS, LABELS, "Train longer"),
        (special.expit(LOUD), LABELS, "share the highest score"),
        (np.where(LABELS, np.nan, LOGITS), LABELS, "NaN"),
        (LOGITS[:-1], LABELS, "1999 scores"),
        (LOGITS.reshape(1000, 2), LABELS, "one score per image"),
        ("good", LABELS, "expected numbers"),
        (LOGITS, None, "two arrays"),
        (LOGITS, LABELS * 2, "1 for a wave"),
        (LOGITS, LABELS * 0, "of both"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_wrong_rankings(scores, labels, diagnosis):
    outcome = check.ranking(scores, labels)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


# --- thresholds ---------------------------------------------------------------------------------

BACKGROUND = RNG.normal(-4, 1, 5000)


def test_right_thresholds():
    for p in (0.1, 0.01, 0.001):
        assert check.threshold(np.quantile(BACKGROUND, 1 - p), BACKGROUND, p)
        assert check.threshold(np.sort(BACKGROUND)[-round(5000 * p)], BACKGROUND, p)


@pytest.mark.parametrize(
    ("value", "diagnosis"),
    [
        (np.quantile(BACKGROUND, 0.01), "wrong end"),
        (0.5, "Equal odds"),
        (0, "Equal odds"),
        (np.quantile(LOGITS[LABELS == 1], 0.05), "waves have no say"),
        (np.quantile(BACKGROUND, 0.9), "quantile of the background"),
        (np.nan, "got nan"),
        ("high", "got str"),
    ],
    ids=str,
)
def test_wrong_thresholds(value, diagnosis):
    outcome = check.threshold(value, BACKGROUND, 0.01)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def test_a_threshold_needs_its_background():
    assert "three things" in check.threshold(1.0).message
    assert "NaN" in check.threshold(1.0, [0.0, np.nan, 1.0], 0.5).message


# --- volumes and bounds -------------------------------------------------------------------------


def test_right_volumes():
    assert check.volume_ratio(2.0**3, better=5.0, worse=10.0)
    assert check.volume_ratio((7.7 / 7.0) ** 3, better=7.0, worse=7.7)


@pytest.mark.parametrize(
    ("value", "diagnosis"),
    [(2, "distances"), (4, "areas"), (1 / 8, "Upside down"), (16, "ρ⁻⁴"), (5, "third power")],
)
def test_wrong_volumes(value, diagnosis):
    outcome = check.volume_ratio(value, better=5.0, worse=10.0)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def exact(n, time, confidence=0.9):
    """The rate at which n or fewer events are seen one time in ten, found by bisection."""
    limit = optimize.brentq(lambda mean: stats.poisson.cdf(n, mean) - 1 + confidence, 1e-6, 99 + n)
    return -np.expm1(-limit / time)


@pytest.mark.parametrize("n", [0, 1, 7])
def test_right_bounds(n):
    assert check.bound(exact(n, 5000.0), n_louder=n, time=5000.0)
    assert check.bound(search.false_alarm_probability(n, 600.0), n_louder=n, time=600.0)


@pytest.mark.parametrize(
    ("value", "n", "diagnosis"),
    [
        (0, 0, "cannot be measured"),
        (0.0, 3, "cannot be measured"),
        (-1e-3, 0, "no probability"),
        (2, 0, "no probability"),
        (3 / 5000, 3, "n/T"),
        (1 / 5000, 0, "(1 + n)/T"),
        (4 / 5000, 3, "(1 + n)/T"),
        (exact(0, 5000, 0.95), 0, "confidence of 95"),
        (exact(2, 5000, 0.68), 2, "confidence of 68"),
        (1e-9, 0, "false_alarm_rate"),
        (np.inf, 0, "got inf"),
    ],
)
def test_wrong_bounds(value, n, diagnosis):
    outcome = check.bound(value, n_louder=n, time=5000.0)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


@pytest.mark.parametrize("judge", [check.parameter_count, check.ranking, check.threshold])
def test_nothing_yet(judge):
    assert judge(None).status == checks.NOT_ATTEMPTED


def test_nothing_yet_with_settings():
    assert check.volume_ratio(None, better=1, worse=2).status == checks.NOT_ATTEMPTED
    assert check.bound(None, n_louder=0, time=1.0).status == checks.NOT_ATTEMPTED
