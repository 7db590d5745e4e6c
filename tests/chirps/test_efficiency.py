"""Thresholds, efficiencies and their errors against scipy, counting and known curves."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import optimize, stats
from sklearn import metrics

from chirps import efficiency
from chirps import plots as gw_plots

# --- thresholds ---------------------------------------------------------------------------------


@pytest.mark.parametrize("probability", [0.5, 0.1, 0.01])
def test_a_threshold_lets_the_stated_share_of_the_background_pass(probability):
    background = np.random.default_rng(1).normal(size=1000)
    limit = efficiency.threshold(background, probability)
    assert np.sum(background >= limit) == 1000 * probability
    assert np.sum(background > limit) == 1000 * probability - 1


def test_the_order_of_the_background_does_not_matter_and_ties_are_one_score():
    assert efficiency.threshold([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], 0.3) == 5
    assert efficiency.threshold(np.arange(10.0)[::-1], 0.1) == 9
    assert efficiency.threshold(np.arange(10.0), 1.0) == 0


def test_new_background_passes_as_often_as_it_should():
    rng = np.random.default_rng(2)
    shares = [
        np.mean(rng.exponential(size=2000) > efficiency.threshold(rng.exponential(size=2000), 0.05))
        for _ in range(200)
    ]
    error = np.std(shares) / np.sqrt(200)
    assert abs(np.mean(shares) - 0.05) < 4 * error + 1 / 2000


@pytest.mark.parametrize(
    ("background", "probability", "message"),
    [
        (np.zeros(99), 0.001, "give at least 1000"),
        (np.zeros(0), 0.1, "0 seconds"),
        ([0.0, np.nan], 0.5, "finite"),
        ([0.0, np.inf], 0.5, "finite"),
        (np.zeros(10), 2.0, "cannot set"),
    ],
)
def test_a_background_that_cannot_say_is_refused(background, probability, message):
    with pytest.raises(ValueError, match=message):
        efficiency.threshold(background, probability)


# --- curves -------------------------------------------------------------------------------------


def test_a_curve_counts_what_was_found_in_each_bin():
    snr = [4.5, 4.6, 6.0, 7.0, 7.5, 7.9, 30.0]
    found = [False, False, True, False, True, True, True]
    curve = efficiency.curve(found, snr, [4, 5, 8, 9, 16])
    np.testing.assert_allclose(curve.snr, np.sqrt([20, 40, 72, 144]))
    np.testing.assert_allclose(curve.efficiency, [0, 3 / 4, np.nan, np.nan])  # 30 is outside
    assert curve.low[0] == 0 and np.isnan(curve.low[2])


@pytest.mark.parametrize(("k", "n"), [(0, 12), (1, 12), (7, 12), (12, 12), (500, 1000)])
def test_the_errors_are_those_of_scipys_exact_interval(k, n):
    found = np.arange(n) < k
    curve = efficiency.curve(found, np.full(n, 5.0), [4, 6])
    exact = stats.binomtest(k, n).proportion_ci(0.68, method="exact")
    np.testing.assert_allclose([curve.low[0], curve.high[0]], exact, atol=1e-9)


# --- half efficiency ----------------------------------------------------------------------------


def drawn(rng, n, half=7.0, steepness=9.0, low=4.0, high=20.0):
    """Signals that are found with the probability of a logistic curve in log ρ."""
    snr = low * (high / low) ** rng.random(n)
    return rng.random(n) < 1 / (1 + (half / snr) ** steepness), snr


def test_half_efficiency_is_recovered_with_an_honest_error():
    rng = np.random.default_rng(3)
    fits = np.array([efficiency.half_efficiency(*drawn(rng, 400)) for _ in range(60)])
    value, error = fits.T
    pull = (value - 7.0) / error
    assert abs(pull.mean()) < 0.5  # four standard errors of the mean
    assert 0.7 < pull.std() < 1.35
    assert 0.05 < error.mean() < 0.4


def test_it_is_the_maximum_of_the_likelihood():
    found, snr = drawn(np.random.default_rng(4), 800)
    value, error = efficiency.half_efficiency(found, snr)

    def surprise(p):
        return -stats.bernoulli.logpmf(found, 1 / (1 + (p[0] / snr) ** p[1])).sum()

    best = optimize.minimize(surprise, [8.0, 5.0], method="Powell").x[0]
    assert value == pytest.approx(best, rel=1e-3)
    # Profile likelihood: one error away, the log-likelihood is down by one half.
    for shift in (-error, error):
        aside = optimize.minimize_scalar(
            lambda b, h=value + shift: surprise([h, b]), bounds=(1, 40), method="bounded"
        )
        assert aside.fun - surprise(optimize.minimize(surprise, [value, 9.0]).x) == pytest.approx(
            0.5, abs=0.15
        )


def test_it_does_not_depend_on_how_the_signals_are_spread():
    rng = np.random.default_rng(5)
    evenly, error = efficiency.half_efficiency(*drawn(rng, 20_000))
    found, snr = drawn(rng, 60_000)
    faint = rng.random(60_000) < (4 / snr) ** 2
    other, other_error = efficiency.half_efficiency(found[faint], snr[faint])
    assert abs(evenly - other) < 4 * np.hypot(error, other_error)


def test_outside_the_signals_there_is_no_answer():
    snr = np.linspace(5, 20, 100)
    for found in (snr > 19.5, snr > 5.2):
        assert np.isnan(efficiency.half_efficiency(found, snr)).all()
    value, error = efficiency.half_efficiency(
        drawn(np.random.default_rng(6), 500)[0], snr.repeat(5)
    )
    assert np.isfinite([value, error]).all()


# --- drawn --------------------------------------------------------------------------------------


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def test_the_roc_that_is_drawn_is_that_of_scikit_learn(ax):
    rng = np.random.default_rng(7)
    background, signals = rng.integers(0, 30, 400), rng.integers(10, 50, 200)  # with ties
    assert gw_plots.roc(ax, {"small network": (background, signals)}) is ax
    (line,) = ax.lines
    alarms, found = line.get_data()
    labels = np.repeat([0, 1], [400, 200])
    scores = np.concatenate([background, signals])
    at, share, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    # The highest share that each share of false alarms buys.
    wanted = [share[at <= a + 1e-9].max() for a in alarms]
    np.testing.assert_allclose(found, wanted)
    assert alarms.min() == np.mean(background == background.max()) and alarms.max() == 1
    assert ax.get_xscale() == "log" and ax.get_xlim()[0] == pytest.approx(1 / 400)


def test_efficiencies_are_drawn_where_they_are_with_their_bands(ax):
    rng = np.random.default_rng(8)
    curve = vars(efficiency.curve(*drawn(rng, 500), np.geomspace(4, 20, 9)))
    assert gw_plots.efficiency(ax, {"matched filter": curve, "another": curve}) is ax
    _, first, second = ax.lines  # after the line at one half
    np.testing.assert_array_equal(first.get_data(), (curve["snr"], curve["efficiency"]))
    assert first.get_color() == "black" != second.get_color()
    corners = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert corners.min() == curve["low"].min() and corners.max() == curve["high"].max()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "matched filter",
        "another",
    ]
