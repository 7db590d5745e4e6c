"""Triggers, coincidences and time slides, against counts and laws that are known."""

import numpy as np
import pytest
from scipy import stats

from chirps import coincidence, grid, search
from chirps.grid import BAND, FREQUENCIES, SAMPLE_RATE


@pytest.fixture(scope="module")
def templates():
    return search.template_bank().within(25).whitened()


def some_triggers(rng, n, span, n_templates=3):
    found = np.zeros(n, coincidence.TRIGGER)
    found["template"] = rng.integers(0, n_templates, n)
    found["time"] = rng.uniform(*span, n)
    found["snr"] = found["new_snr"] = 4 + rng.exponential(0.5, n)
    return found


@pytest.fixture(scope="module")
def stretch():
    """Twenty seconds of white noise in the band."""
    n = 20 * SAMPLE_RATE
    rng = np.random.default_rng(11)
    frequencies = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    spectrum = grid.to_frequency(rng.standard_normal(n))
    return grid.to_time(spectrum * ((frequencies >= 20) & (frequencies <= 480)))


def test_a_wave_in_a_long_stretch_gives_a_trigger(stretch, templates):
    k, when, strength = 5, 9.3, 12.0
    wave = grid.to_time(templates[k] * np.exp(-2j * np.pi * FREQUENCIES * 3.0))
    data = stretch.copy()
    first = round((when - 3.0) * SAMPLE_RATE)
    data[first : first + grid.N_SAMPLES] += strength * wave
    found = coincidence.triggers(data, templates)
    loudest = found[found["snr"].argmax()]
    assert abs(loudest["time"] - (first / SAMPLE_RATE + 3.0)) < 1e-3
    assert abs(loudest["snr"] - strength) < 2.5
    assert loudest["chi_squared"] < 2
    own = found[found["template"] == k]
    # The series from the long stretch agrees with the filter of the 4 s around the wave.
    x = grid.to_frequency(data[first : first + grid.N_SAMPLES]) * BAND
    z = np.abs(search.snr_series(x, templates[k]))
    at = round(3.0 * SAMPLE_RATE)
    np.testing.assert_allclose(own["snr"].max(), z[at - 5 : at + 6].max(), rtol=0.01)


def test_the_rate_of_triggers_in_noise_is_that_of_a_rayleigh_distribution(stretch, templates):
    """Count samples above threshold: their share is exp(-ρ²/2), whatever the template."""
    share = [
        np.mean(np.abs(coincidence.long_snr_series(stretch, h))[3 * SAMPLE_RATE : -SAMPLE_RATE] > 2)
        for h in templates
    ]
    np.testing.assert_allclose(np.mean(share), np.exp(-2), rtol=0.12)


def test_triggers_keep_away_from_the_ends_and_from_each_other(stretch, templates):
    found = coincidence.triggers(stretch, templates, threshold=3.0)
    assert len(found) > 50
    assert found["time"].min() >= 3.0 - 1e-3 and found["time"].max() <= 19.0
    for k in range(len(templates)):
        times = found["time"][found["template"] == k]
        assert np.all(np.diff(times) > coincidence.CLUSTER)
    assert np.all(found["snr"] >= 3.0)


def test_gaps_and_short_stretches_are_refused(stretch, templates):
    with pytest.raises(ValueError, match="cut the gaps"):
        coincidence.triggers(np.where(np.arange(len(stretch)) == 5000, np.nan, stretch), templates)
    with pytest.raises(ValueError, match="too short for templates of 4 s"):
        coincidence.triggers(stretch[: 4 * SAMPLE_RATE], templates)


def test_coincidences_are_those_of_two_nested_loops():
    rng = np.random.default_rng(12)
    first, second = (some_triggers(rng, n, (3.0, 5.0)) for n in (80, 60))
    expected = {
        (i, j)
        for i, a in enumerate(first)
        for j, b in enumerate(second)
        if a["template"] == b["template"] and abs(a["time"] - b["time"]) <= 0.015
    }
    pairs = list(zip(*coincidence.coincidences(first, second), strict=True))
    assert len(expected) > 10
    assert set(pairs) == expected and len(pairs) == len(expected)
    assert [len(x) for x in coincidence.coincidences(first[:0], second)] == [0, 0]


def test_slides_of_unrelated_triggers_give_the_expected_number_of_coincidences():
    rng = np.random.default_rng(13)
    span, n = (3.0, 33.0), 400
    first, second = (some_triggers(rng, n, span, n_templates=1) for _ in range(2))
    background = coincidence.time_slides(first, second, span, step=0.5)
    assert background.n_slides == 59
    np.testing.assert_allclose(background.time, 59 * 30)
    # In each second of H1: n/30 triggers, each with n × 2 × 15 ms / 30 s partners on average.
    expected = 59 * 30 * (1 - np.exp(-(n / 30) * n * 0.030 / 30))
    assert abs(len(background.loudest) - expected) < 0.06 * expected


def test_a_candidate_is_not_its_own_background():
    rng = np.random.default_rng(14)
    span = (3.0, 29.0)
    first, second = (some_triggers(rng, 100, span, n_templates=1) for _ in range(2))
    for found in (first, second):
        found[0] = (0, 15.2, 30.0, 1.0, 30.0)
    with_it = coincidence.time_slides(first, second, span)
    without = coincidence.time_slides(first, second, span, without=(14.7, 15.7))
    assert with_it.loudest.max() > 29 > without.loudest.max()
    # Live time, counted on a grid: seconds of a slide in which neither detector is cut out.
    t = np.arange(*span, 0.001) + 0.0005
    live = 0.0
    for shift in 0.1 * np.arange(1, without.n_slides + 1):
        unshifted = span[0] + (t - span[0] - shift) % 26
        cut = (np.abs(t - 15.2) < 0.5) | (np.abs(unshifted - 15.2) < 0.5)
        live += 0.001 * np.sum(~cut)
    np.testing.assert_allclose(without.time, live, rtol=1e-3)
    assert without.stretch == pytest.approx(25)


def test_no_false_alarm_is_ever_impossible():
    background = coincidence.Background(np.array([6.0, 7.0, 7.0, 8.0]), 1000.0, 50, 20.0)
    assert [background.louder_than(x) for x in (5, 7, 7.5, 9)] == [4, 3, 1, 0]
    assert background.rate(9) == pytest.approx(np.log(10) / 1000)
    for loud, duration in ((9, 1.0), (7, 10.0)):
        at_least_one = stats.poisson(duration * background.rate(loud)).sf(0)
        assert background.probability(loud, duration) == pytest.approx(at_least_one)
    assert 0 < search.false_alarm_probability(0, 1e12) < 1e-11
    assert search.false_alarm_probability(10**6, 10.0) <= 1
    assert "not independent" in str(background) and "1,000 s in effect" in str(background)
    for count, time in ((-1, 10), (0, 0)):
        with pytest.raises(ValueError, match="makes no sense"):
            search.false_alarm_rate(count, time)


def test_slides_that_make_no_sense_are_refused():
    none = np.zeros(0, coincidence.TRIGGER)
    with pytest.raises(ValueError, match="more than 30 ms"):
        coincidence.time_slides(none, none, (3.0, 29.0), step=0.02)
    with pytest.raises(ValueError, match="too short for slides"):
        coincidence.time_slides(none, none, (3.0, 3.05))
