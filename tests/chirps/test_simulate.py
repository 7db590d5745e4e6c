"""Simulated data: repeatable to the byte, of the strength it says, and of little cost."""

import hashlib
import json
import os
import time

import numpy as np
import pytest
from scipy import integrate, stats

from chirps import detectors, grid, images, noise, simulate, waveform
from chirps.grid import BAND, DURATION, FREQUENCIES, TIMES
from chirps.noise_models import GaussianNoise, StrainNoise
from chirps.simulate import BLOCK, dataset
from chirps.strain import simulated_pair, whiten
from tests.support import ROOT
from tests.support.simulated import COST, python, same

DESIGN = noise.analytic().asd_on(FREQUENCIES)


def digest(events):
    content = events.images.tobytes() + events.parameters.tobytes()
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def events():
    return dataset(2 * BLOCK + 6, 4 * BLOCK + 6, seed=1)


# --- what comes out -----------------------------------------------------------------------------


def test_shapes_and_types(events):
    n = 6 * BLOCK + 12
    assert (events.images.shape, events.images.dtype) == ((n, 39, 100, 2), np.uint8)
    assert (events.labels.shape, events.labels.dtype) == ((n,), np.uint8)
    assert len(events) == n
    assert events.labels.sum() == 2 * BLOCK + 6
    assert (events.kinds[events.labels == 1] == "signal").all()
    assert len(set(events.events)) == n
    assert (events.events % 2 == events.labels).all()


def test_backgrounds_come_in_the_proportions_asked_for(events):
    kinds = events.kinds[events.labels == 0]
    for kind, share in simulate.MIX.items():
        n = len(kinds)
        assert abs((kinds == kind).sum() - share * n) < 4 * (share * (1 - share) * n) ** 0.5
    only = dataset(0, 20, seed=1, mix={"slide": 2})
    assert (only.kinds == "slide").all()


def test_the_table_says_what_is_in_the_strain(events):
    table, kinds = events.parameters, events.kinds
    chirp = np.isin(kinds, ["signal", "slide"])
    assert (np.isfinite(table["mass1"]) == chirp).all()
    one = (table["glitch_h"] != "").astype(int) + (table["glitch_l"] != "")
    assert (one == (kinds == "glitch") + 2 * (kinds == "two glitches")).all()
    assert (np.isnan(table["snr_h"]) == ((table["glitch_h"] == "") & ~chirp)).all()


def test_noise_images_have_median_one(events):
    quiet = images.from_bytes(events.images[events.kinds == "noise"])
    assert np.median(quiet) == pytest.approx(1, abs=0.03 + 25 / 255 / 2)


def test_noise_differs_between_detectors_samples_and_seeds(events):
    pixels = [image[..., d].tobytes() for image in events.images for d in range(2)]
    pixels += [image.tobytes() for image in dataset(4, 4, seed=2).images[..., 0]]
    assert len(set(pixels)) == len(pixels)


# --- repeatable ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_signals", "n_noise"), [(0, 5), (5, 0), (BLOCK, 1), (BLOCK + 3, 70)])
def test_a_sample_does_not_depend_on_how_many_are_asked_for(events, n_signals, n_noise):
    few = dataset(n_signals, n_noise, seed=1)
    signals, noises = np.flatnonzero(events.labels == 1), np.flatnonzero(events.labels == 0)
    chosen = np.concatenate([signals[:n_signals], noises[:n_noise]])
    for name in ("images", "kinds", "parameters", "events"):
        assert getattr(few, name).tobytes() == getattr(events, name)[chosen].tobytes()


def test_one_may_begin_anywhere(events):
    later = dataset(10, 0, seed=1, start=BLOCK - 4)
    same(later, events_slice(events, BLOCK - 4, BLOCK + 6))


def events_slice(events, first, last):
    names = ("images", "labels", "kinds", "parameters", "events")
    return simulate.LabelledEvents(**{n: getattr(events, n)[first:last] for n in names})


def test_threads_change_nothing(events):
    same(dataset(2 * BLOCK + 6, 4 * BLOCK + 6, seed=1, workers=3), events)


def test_another_process_with_more_threads_makes_the_same_bytes(events):
    code = """
import hashlib
from chirps.simulate import dataset
e = dataset(70, 0, seed=1, workers=2)
print(hashlib.sha256(e.images.tobytes() + e.parameters.tobytes()).hexdigest())
"""
    threads = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    assert python(code, env=threads) == digest(events_slice(events, 0, 70))


def test_what_is_drawn_is_pinned():
    """Across machines only what is drawn is the same to the last digits that matter."""
    table = dataset(2, 6, seed=3).parameters
    pinned = json.loads((ROOT / "tests/fixtures/gw_parameters.json").read_text())
    for name, values in pinned.items():
        found = table[name]
        if found.dtype.kind == "U":
            assert found.tolist() == values
        else:
            expected = np.array([np.nan if v is None else v for v in values])
            np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=name)


def test_both_kinds_of_image_show_the_same_events(events):
    other = dataset(6, 6, seed=1, image="stft")
    first = dataset(6, 6, seed=1)
    assert other.parameters.tobytes() == first.parameters.tobytes()
    assert other.images.tobytes() != first.images.tobytes()


# --- signals ------------------------------------------------------------------------------------


def chirps(n, seed=0, **options):
    return simulate.signals(np.random.default_rng(seed), n, **options)


def test_the_energy_in_time_is_the_squared_snr():
    spectra, table = chirps(40)
    energy = (grid.to_time(spectra) ** 2).sum(-1)
    np.testing.assert_allclose(energy.sum(1), table["snr"] ** 2, rtol=1e-4)
    np.testing.assert_allclose(energy, np.stack([table["snr_h"], table["snr_l"]], 1) ** 2, 1e-4)


def matched(spectra, mass1, mass2, zoom=4):
    """Filter spectra (2, n_freq) with the wave itself; return peak SNRs and times in s."""
    template = np.zeros(len(FREQUENCIES), complex)
    template[BAND] = waveform.phenom_d(FREQUENCIES[BAND], mass1, mass2) / DESIGN[BAND]
    template /= np.sqrt(4 / DURATION * np.sum(np.abs(template) ** 2))
    n = zoom * grid.N_SAMPLES
    padded = np.zeros((2, n), complex)
    padded[:, : len(FREQUENCIES)] = 4 / DURATION * spectra * template.conj()
    snr = np.abs(np.fft.ifft(padded) * n)
    return snr.max(1), snr.argmax(1) * DURATION / n


def test_injections_are_recovered_at_their_strength_time_and_delay():
    """A filter of our own on signals in noise, which knows the masses and nothing else."""
    events = dataset(128, 0, seed=7, snr=25.0, masses=(20.0, 60.0), spectra=True)
    ratios = []
    for spectra, row in zip(events.spectra, events.parameters, strict=True):
        snr, when = matched(spectra, row["mass1"], row["mass2"])
        expected = np.hypot(row["snr_h"], row["snr_l"])
        # A maximum over time and phase adds about 1/SNR in each detector, on average.
        ratios.append((np.hypot(*snr) - 1.5 / expected) / expected)
        if min(row["snr_h"], row["snr_l"]) > 12:
            assert when[0] == pytest.approx(row["time"], abs=0.002)
            assert when[1] - when[0] == pytest.approx(row["delay"], abs=0.002)
    assert np.mean(ratios) == pytest.approx(1, abs=0.02)
    assert np.std(ratios) == pytest.approx(1 / 25, rel=0.25)


def test_distance_and_snr_belong_together():
    """Farther binaries are fainter: check one against the definition, at its distance."""
    spectra, table = chirps(20, masses=(20.0, 60.0))
    for row, seen in zip(table, spectra, strict=True):
        wave = waveform.phenom_d(FREQUENCIES, row["mass1"], row["mass2"]) / row["distance"]
        plus, cross = detectors.antenna_pattern(
            "L1", row["longitude"], row["sin_declination"], row["polarisation"]
        )
        inclination = row["cos_inclination"]
        strain = plus * (1 + inclination**2) / 2 * wave - 1j * cross * inclination * wave
        expected = np.sqrt(4 / DURATION * np.sum(np.abs(strain / DESIGN)[BAND] ** 2))
        assert row["snr_l"] == pytest.approx(expected, rel=0.01)
        assert grid.norm(seen[1]) == pytest.approx(expected, rel=0.01)


def test_snr_falls_as_the_fourth_power():
    snr = simulate._power_law(np.random.default_rng(0).random(20000), 8.0, 50.0, 4.0)

    def cdf(x):
        return (8.0**-3 - x**-3.0) / (8.0**-3 - 50.0**-3)

    assert stats.kstest(snr, cdf).pvalue > 0.001
    drawn = chirps(64, snr=(8.0, 50.0))[1]["snr"]
    assert stats.kstest(drawn, cdf).pvalue > 0.001


def test_other_slopes():
    u = np.random.default_rng(0).random(5000)
    for slope, cdf in ((1.0, stats.loguniform(5, 80).cdf), (0.0, stats.uniform(5, 75).cdf)):
        assert stats.kstest(simulate._power_law(u, 5.0, 80.0, slope), cdf).pvalue > 0.001


def test_inclinations_are_those_of_detected_binaries():
    """Schutz (2011), eq. 28: p(i) ∝ (1 + 6 cos² i + cos⁴ i)^(3/2) sin i."""
    table = simulate._parameters(4000)
    simulate._draw_orientations(np.random.default_rng(2), table)

    def density(x):
        return (1 + 6 * x**2 + x**4) ** 1.5

    x = np.linspace(0, 1, 2001)
    cdf = integrate.cumulative_simpson(density(x), x=x, initial=0)
    found = stats.kstest(np.abs(table["cos_inclination"]), lambda v: np.interp(v, x, cdf / cdf[-1]))
    assert found.pvalue > 0.001
    assert np.abs(table["longitude"] - np.pi).max() <= np.pi


def test_delays_are_possible_and_mergers_are_in_the_window():
    table = chirps(BLOCK)[1]
    assert np.abs(table["delay"]).max() <= detectors.MAX_DELAY
    assert table["time"].min() >= 3.0
    assert table["time"].max() <= 3.45
    assert (table["mass1"] >= table["mass2"]).all()


def test_light_chirps_do_not_come_round_at_the_end_of_the_segment():
    def after(wave):
        """Return the share of the energy in the half second that follows the merger."""
        shifted = wave / DESIGN * np.exp(-2j * np.pi * FREQUENCIES * 3.1)
        energy = grid.to_time(np.where(BAND, shifted, 0)) ** 2
        return energy[(TIMES > 3.15) & (TIMES < 3.65)].sum() / energy.sum()

    whole = waveform.phenom_d(FREQUENCIES, 5.0, 5.0)
    assert after(whole) > 5e-3
    assert after(simulate.segment_waves(5.0, 5.0)[0]) < 1e-3
    heavy = simulate.segment_waves(35.0, 30.0)[0]
    np.testing.assert_allclose(heavy[BAND], waveform.phenom_d(FREQUENCIES, 35.0, 30.0)[BAND])


def test_a_chirp_in_an_image_sweeps_as_newton_and_einstein_say():
    spectra, table = chirps(1, snr=60.0, masses=(10.0, 12.0), seed=3)
    energies = images.constant_q(spectra)[0].max(-1)
    for before in (0.4, 0.2, 0.1):
        column = int((table["time"][0] - before - 2.5) / 0.01)
        frequencies = np.linspace(25, 300, 2000)
        at = waveform.chirp_time(frequencies, table["mass1"][0], table["mass2"][0])
        expected = frequencies[np.abs(at - before).argmin()]
        found = images.ROW_FREQUENCIES[energies[:, column].argmax()]
        assert found == pytest.approx(expected, rel=0.12)


# --- time slides --------------------------------------------------------------------------------


def test_slides_are_spread_evenly_and_stay_in_the_window():
    spectra, table = chirps(3 * BLOCK, snr=60.0, slide=simulate.SLIDE, masses=(25.0, 60.0))
    apart = table["delay"]
    assert stats.kstest(np.abs(apart), stats.uniform(0.03, 0.27).cdf).pvalue > 0.001
    assert abs((apart > 0).mean() - 0.5) < 4 * 0.5 / len(apart) ** 0.5
    energies = images.constant_q(spectra)
    for d, when in enumerate((table["time"], table["time"] + table["delay"])):
        assert when.min() >= 3.0
        assert when.max() <= 3.45
        # Where the picture is brightest above 60 Hz, summed over rows, the chirp ends.
        brightest = energies[:, :26, :, d].sum(1).argmax(1)
        heard = (table["snr_h"], table["snr_l"])[d] > 15
        assert np.abs(brightest - (when - 2.5) / 0.01)[heard].max() < 8


# --- noise --------------------------------------------------------------------------------------


def test_noise_whitened_with_the_wrong_curve_is_too_loud():
    true = noise.NoiseCurve("true", [10, 1000], [2e-23, 2e-23])
    believed = noise.NoiseCurve("believed", [10, 1000], [1e-23, 1e-23])
    model = GaussianNoise([(true, believed)], believed=[(believed, believed)])
    quiet = dataset(0, 40, seed=3, mix={"noise": 1}, noise=model)
    energy = np.median(images.from_bytes(quiet.images), axis=(0, 1, 2))
    np.testing.assert_allclose(energy, [4, 1], rtol=0.06)


def test_signals_follow_the_curve_of_their_sample():
    """A detector with half the noise hears twice the signal."""
    deaf = noise.NoiseCurve("deaf", [10, 1000], [2e-23, 2e-23])
    keen = noise.NoiseCurve("keen", [10, 1000], [1e-23, 1e-23])
    table = {}
    for name, pair in {"same": (keen, keen), "other": (deaf, keen)}.items():
        events = dataset(30, 0, seed=3, noise=GaussianNoise([pair]))
        table[name] = events.parameters
    ratio = table["other"]["snr_h"] / table["other"]["snr_l"]
    np.testing.assert_allclose(ratio, table["same"]["snr_h"] / table["same"]["snr_l"] / 2, 1e-6)


@pytest.fixture(scope="module")
def real_noise():
    pair = simulated_pair(seed=5)
    whitened = tuple(whiten(pair.strains[d], exclude=pair.event.gps) for d in ("H1", "L1"))
    return StrainNoise([whitened], [pair.event.gps])


def test_noise_from_strain_never_shows_the_event(real_noise):
    quiet = dataset(0, 128, seed=4, mix={"noise": 1}, noise=real_noise)
    energies = images.from_bytes(quiet.images)
    assert np.median(energies) == pytest.approx(1, abs=0.08)
    loud = (energies >= 25).sum((1, 2, 3))
    assert loud.max() < 3  # the event saturates dozens of pixels
    same(dataset(0, 9, seed=4, mix={"noise": 1}, noise=real_noise), quiet, slice(9))


def test_curves_that_miss_part_of_the_band_are_refused():
    narrow = noise.NoiseCurve("narrow", [50, 1000], [1e-23, 1e-23])
    with pytest.raises(ValueError, match="cover 20 to 480 Hz"):
        GaussianNoise([(narrow, narrow)])


# --- cost ---------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="measures with the resource module")
def test_a_thousand_images_cost_three_seconds_and_250_mb_at_most():
    seconds, megabytes = map(float, python(COST, 1000).split())
    assert seconds < 3
    assert megabytes < 250


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed is -1, expected a whole number"),
        ({"n_noise": -3}, "n_noise is -3"),
        ({"start": 1.5}, "start is 1.5"),
        ({"mix": {"tomtes": 1}}, "expected non-negative weights of some of"),
        ({"mix": {"noise": 0}}, "expected non-negative weights"),
        ({"image": "wavelet"}, "expected one of"),
        ({"snr": 0}, "snr is 0.0, expected positive"),
        ({"snr": (20, 10)}, "snr is .20, 10., expected positive"),
        ({"masses": (1, 60)}, "between 3 and 200 solar masses"),
        ({"masses": (3, 200)}, "as unequal as 67 to 1"),
        ({"masses": 30}, "expected .lowest, highest."),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        dataset(**{"n_signals": 1, "n_noise": 1, "seed": 0} | options)


def test_slides_longer_than_the_window_are_refused():
    with pytest.raises(ValueError, match=r"from 0 to 0\.45 s"):
        chirps(1, slide=(0.1, 0.9))


# --- a data set like the homework's -------------------------------------------------------------


@pytest.fixture(scope="module")
def homework():
    return simulate.homework_like()


def test_the_homework_like_set_has_the_published_sizes(homework):
    assert homework.gw.shape == (1568, 39, 100, 2)
    assert homework.nd.shape == (1216, 39, 100, 2)
    for part in (homework.gw, homework.nd):
        assert part.dtype == np.float32
        assert part.min() >= 0
        assert part.max() <= 25
    assert homework.gw.max() == 25
    for groups, originals in ((homework.gw_groups, 98), (homework.nd_groups, 76)):
        assert np.bincount(groups).tolist() == [16] * originals


def test_copies_are_shifted_by_a_column(homework):
    for part in (homework.gw, homework.nd):
        siblings = part[16:32]
        np.testing.assert_array_equal(siblings[1:, :, :-1], siblings[:-1, :, 1:])
        assert np.abs(part[16] - part[32]).mean() > 0.5  # another original is another image


def test_the_homeworks_non_detections_are_plain_noise(homework):
    assert np.median(homework.nd) == pytest.approx(1, abs=0.03)
    exceeding = np.mean(homework.nd > 8, axis=(0, 2, 3))
    np.testing.assert_allclose(exceeding.mean(), images.survival(8.0).mean(), rtol=0.1)
    assert np.mean(homework.gw >= 25) > 20 * np.mean(homework.nd >= 25)


def test_same_seed_same_homework_in_little_time(homework):
    started = time.process_time()
    again = simulate.homework_like()
    assert time.process_time() - started < 4
    np.testing.assert_array_equal(again.gw, homework.gw)
    np.testing.assert_array_equal(again.nd, homework.nd)
