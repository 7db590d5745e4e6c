"""The checks of page 6 against right answers and many wrong ones."""

import numpy as np
import pytest
from scipy import signal
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from helpers import checks
from helpers.checks import gw_data as check
from helpers.gw import grid, images, noise, simulate

# --- 3.1.1 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [0.010012, 0.01, np.float64(0.01001), "0.01"])
def test_right_delays(answer):
    assert check.largest_delay(answer)


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (10.0, "milliseconds"),
        (3001.7, "kilometres"),
        (3.0017e6, "metres"),
        (1e-5, "mixed up"),
        (0.02, "half of it"),
        (8751, "sound"),
        (-0.01, "positive"),
        (0.0105, "straight line"),
        (0.5, "Divide"),
        (float("nan"), "nan"),
        ([1, 2], "list"),
    ],
)
def test_wrong_delays(answer, diagnosis):
    outcome = check.largest_delay(answer)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


# --- strain to image ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strain():
    """32 s of noise of the analytic curve at 1024 Hz, and its whitened series by scipy."""
    rng = np.random.default_rng(5)
    n = 32 * grid.SAMPLE_RATE
    f = np.fft.rfftfreq(n, 1 / grid.SAMPLE_RATE)
    asd = noise.analytic().asd_on(np.clip(f, 20, 480))
    white = rng.standard_normal(n)
    coloured = np.fft.irfft(np.fft.rfft(white) * asd) * np.sqrt(grid.SAMPLE_RATE / 2)
    sos = signal.butter(12, [20, 480], "band", fs=grid.SAMPLE_RATE, output="sos")
    return coloured, signal.sosfiltfilt(sos, white)


def divided(values, power):
    """Whiten by dividing the spectrum by a power of the ASD; 1 is right."""
    f = np.fft.rfftfreq(len(values), 1 / grid.SAMPLE_RATE)
    inside = (f >= 20) & (f <= 480)
    spectrum = np.fft.rfft(values) / grid.SAMPLE_RATE
    spectrum[inside] /= noise.analytic().asd_on(f[inside]) ** power
    return np.fft.irfft(spectrum * inside) * np.sqrt(2 * grid.SAMPLE_RATE)


def test_white_series(strain):
    values, white = strain
    assert check.whitened(white)
    assert check.whitened(divided(values, 1))


def loud_at_one_end(rng, share):
    """White noise whose lowest or highest frequencies are too loud."""
    spectrum = np.fft.rfft(rng.standard_normal(16384))
    f = np.fft.rfftfreq(16384, 1 / grid.SAMPLE_RATE)
    factor = 3.0 if share > 0 else 1 / 3.0
    spectrum *= np.where(f < 150, factor, 1) * ((f > 20) & (f < 480))
    values = np.fft.irfft(spectrum)
    return values / values.std()


@pytest.mark.parametrize(
    ("wrong", "diagnosis"),
    [
        (lambda x, w: x, "as it was measured"),
        (lambda x, w: 1e-21 * w, "as it was measured"),
        (lambda x, w: divided(x, 2), "not by its square"),
        (lambda x, w: 3 * w, "standard deviation"),
        (lambda x, w: w / 30, "standard deviation"),
        (lambda x, w: loud_at_one_end(np.random.default_rng(0), 1), "low frequencies"),
        (lambda x, w: loud_at_one_end(np.random.default_rng(0), -1), "high frequencies"),
        (lambda x, w: w[:100], "two seconds"),
        (lambda x, w: np.stack([w, w]), "two seconds"),
        (lambda x, w: np.where(np.arange(len(w)) == 7, np.nan, w), "NaN"),
    ],
)
def test_series_that_are_not_white(strain, wrong, diagnosis):
    outcome = check.whitened(wrong(*strain))
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


@pytest.fixture(scope="module")
def pictures():
    """Energies of noise: squares of a complex Gaussian, smoothed by nothing. Median 1."""
    z = np.random.default_rng(8).standard_normal((39, 100, 2, 2))
    return (z**2).sum(-1) / (2 * np.log(2))


def test_right_energies(pictures):
    assert check.energies(pictures)
    assert check.energies(pictures[..., 0])
    assert check.energies(images.constant_q(noise.gaussian(np.random.default_rng(1), 1))[0])


@pytest.mark.parametrize(
    ("wrong", "diagnosis"),
    [
        (lambda x: x.swapaxes(0, 1), "swapped"),
        (lambda x: x[:20], "shape"),
        (lambda x: np.log(x), "never negative"),
        (lambda x: np.sqrt(x), "amplitudes"),
        (lambda x: 5 * x, "divide each row"),
        (lambda x: x / 255, "median is 0.003"),
        (lambda x: np.where(x > 1.2, x, 0), "half of the pixels"),
        (lambda x: x / 0, "NaN"),
    ],
)
def test_wrong_energies(pictures, wrong, diagnosis):
    with np.errstate(divide="ignore"):
        outcome = check.energies(wrong(pictures))
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


# --- 3.1.2 --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def homework():
    return simulate.homework_like(3)


def prepared(homework, *, scales=(25, 25), share=0.2, shuffle=True, labels=(1, 0)):
    """Prepare the data set with scikit-learn, with mistakes; every fourth image only."""
    gw, nd = homework.gw[::4] / scales[0], homework.nd[::4] / scales[1]
    x, y = np.concatenate([gw, nd]), np.repeat(labels, [len(gw), len(nd)])
    parts = train_test_split(x, y, test_size=share, random_state=0, stratify=y)
    x_train, x_test, y_train, y_test = parts
    if not shuffle:
        order = np.argsort(y_train, kind="stable")
        x_train, y_train = x_train[order], y_train[order]
    return [x_train, y_train, x_test, y_test]


def test_right_preparations(homework):
    assert check.prepared(*prepared(homework))
    assert check.prepared(*prepared(homework, scales=(30, 30)))


@pytest.mark.parametrize(
    ("mistake", "diagnosis"),
    [
        ({"scales": (1, 1)}, "Divide them all"),
        ({"scales": (255, 255)}, "not bytes"),
        ({"scales": (25, 18.8)}, "own maximum"),
        ({"share": 0.33}, "20 %"),
        ({"shuffle": False}, "sorted"),
        ({"labels": (0, 1)}, "label 0"),
        ({"labels": (1, 2)}, "1 for a wave"),
    ],
    ids=str,
)
def test_wrong_preparations(homework, mistake, diagnosis):
    outcome = check.prepared(*prepared(homework, **mistake))
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def test_other_wrong_preparations(homework):
    x_train, y_train, x_test, y_test = prepared(homework)
    mixed = np.random.default_rng(0).permutation(y_train)
    for parts, diagnosis in (
        ((x_train, mixed, x_test, y_test), "shuffled differently"),
        ((x_train,), "four arrays"),
        ((x_train[..., 0], y_train, x_test, y_test), "expected (n, 39, 100, 2)"),
        ((x_train, y_train[1:], x_test, y_test), "labels in y_train"),
        ((x_train, y_train, x_test, np.stack([y_test, 1 - y_test], 1)), "one number per image"),
        ((x_train, y_train, x_test, 0 * y_test), "one class only"),
        ((x_train, y_train, np.full_like(x_test, np.nan), y_test), "NaN"),
        ((x_train, y_test, x_test, y_train), "labels in y_train"),
    ):
        outcome = check.prepared(*parts)
        assert outcome.status == checks.WRONG
        assert diagnosis in outcome.message


# --- the leak -----------------------------------------------------------------------------------

GROUPS = np.repeat(np.arange(174), 16)
LABELS = np.repeat([1, 0], [1568, 1216])


def test_splits_of_scikit_learn():
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    for train, test in folds.split(LABELS, LABELS, GROUPS):
        assert check.split(train, test, GROUPS)
        is_test = np.isin(np.arange(len(GROUPS)), test)
        assert check.split(~is_test, is_test, GROUPS)


def test_wrong_splits():
    rows = np.arange(2784)
    train, test = train_test_split(rows, test_size=0.2, stratify=LABELS, random_state=0)
    outcome = check.split(train, test, GROUPS)
    assert outcome.status == checks.WRONG and "sibling in training" in outcome.message
    for parts, diagnosis in (
        ((rows[:1600], rows[1599:], GROUPS), "1 images are on both"),
        ((rows[:1600], rows[1600:2000], GROUPS), "784 images are on neither"),
        ((rows, rows[:0], GROUPS), "empty"),
        ((rows,), "three arrays"),
        ((rows[:1601], rows[1601:], GROUPS), "1 of 174 events"),
    ):
        outcome = check.split(*parts)
        assert outcome.status == checks.WRONG
        assert diagnosis in outcome.message


def test_groups_whatever_their_numbers():
    names = np.random.default_rng(0).permutation(174)
    assert check.groups(names[GROUPS], GROUPS)


@pytest.mark.parametrize(
    ("found", "diagnosis"),
    [
        (GROUPS // 2, "strangers were joined"),
        (np.arange(2784) // 8, "siblings were parted"),
        (np.arange(2784) // 10, "some torn and some joined"),
        (GROUPS[:-1], "2783"),
    ],
    ids=["joined", "parted", "both", "too few"],
)
def test_wrong_groups(found, diagnosis):
    outcome = check.groups(found, GROUPS)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


@pytest.mark.parametrize(
    "judge",
    [
        check.largest_delay,
        check.whitened,
        check.energies,
        check.prepared,
        check.split,
        check.groups,
    ],
)
def test_nothing_yet(judge):
    assert judge(None).status == checks.NOT_ATTEMPTED


@pytest.mark.parametrize("judge", [check.whitened, check.energies, check.split, check.groups])
def test_no_answer_breaks_a_page(judge):
    assert not judge("what?", object(), None) if judge is check.split else not judge("what?")
