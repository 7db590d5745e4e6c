"""Images: their energies follow the law of noise, and show things where they are."""

import numpy as np
import pytest
from scipy import stats

from chirps import images, noise
from chirps.grid import BAND, DURATION, FREQUENCIES, TIMES, to_frequency

KINDS = list(images.TRANSFORMS)


@pytest.fixture(scope="module")
def spectra():
    return noise.gaussian(np.random.default_rng(3), 400)


@pytest.fixture(scope="module", params=KINDS)
def quiet(request, spectra):
    """Images of Gaussian noise, and the transform's name."""
    return images.TRANSFORMS[request.param](spectra), request.param


def burst(frequency, when, quality=12.0):
    """Return the whitened spectrum of a sine under a Gaussian."""
    time = TIMES - when
    envelope = np.exp(-((2 * np.pi * frequency * time / quality) ** 2) / 2)
    return to_frequency(envelope * np.cos(2 * np.pi * frequency * time))[None, None]


def test_shape_and_type(quiet):
    energies, _ = quiet
    assert energies.shape == (400, 39, 100, 2)
    assert energies.dtype == np.float32


def test_rows_run_from_400_hz_down_to_25_hz():
    for rows in (images.ROW_FREQUENCIES, images.STFT_ROW_FREQUENCIES):
        assert len(rows) == 39
        assert (rows[0], rows[-1]) == pytest.approx((400, 25))
    np.testing.assert_allclose(np.diff(np.log(images.ROW_FREQUENCIES)), -np.log(16) / 38)


# --- noise --------------------------------------------------------------------------------------


def test_the_median_of_noise_is_one(quiet):
    energies, _ = quiet
    assert np.median(energies) == pytest.approx(1, abs=0.03)
    for row in np.median(energies, axis=(0, 2, 3)):
        assert row == pytest.approx(1, abs=0.06)


def test_the_tail_of_noise_is_exponential_where_a_column_is_one_sample(quiet):
    energies, kind = quiet
    exact = np.isclose(images.survival(8.0, kind), 2.0**-8)
    assert exact.sum() == {"constant_q": 28, "stft": 39}[kind]
    # Columns 200 ms apart share nothing; rows do, so that each is tested for itself.
    apart = energies[:, exact][:, :, ::20].transpose(1, 0, 2, 3).reshape(exact.sum(), -1)
    p_values = [stats.kstest(row, stats.expon(scale=1 / np.log(2)).cdf).pvalue for row in apart]
    assert min(p_values) > 1e-4
    pixels = energies[:, exact]
    for energy in (2, 4, 6, 8, 10):
        assert np.mean(pixels > energy) == pytest.approx(2.0**-energy, rel=0.15)


def test_averaged_rows_follow_the_law_that_is_stated_for_them(quiet):
    energies, kind = quiet
    for energy, tolerance in ((0.5, 0.02), (2, 0.03), (4, 0.05), (6, 0.15)):
        stated = images.survival(energy, kind)
        found = np.mean(energies > energy, axis=(0, 2, 3))
        np.testing.assert_allclose(found, stated, rtol=4 * tolerance)
        assert found.mean() == pytest.approx(stated.mean(), rel=tolerance)
    np.testing.assert_allclose(images.survival(1.0, kind), 0.5)


def test_averaging_shortens_the_tail_of_the_highest_rows_only():
    tail = images.survival(8.0)
    assert (tail[:11] < 0.9 * 2.0**-8).all()
    assert (tail[:3] < 0.5 * 2.0**-8).all()
    np.testing.assert_allclose(tail[11:], 2.0**-8)


# --- one pixel, by the definition ---------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_pixel_is_the_mean_energy_behind_a_bisquare_filter(kind, spectra):
    """Sum the definition directly at the sample times of a few pixels."""
    energies = images.TRANSFORMS[kind](spectra[:1])[0]
    medians = {}
    for row, column, detector in [(38, 0, 0), (30, 99, 1), (20, 50, 0), (5, 17, 1), (0, 63, 0)]:
        if kind == "constant_q":
            centre = images.ROW_FREQUENCIES[row]
            half_width = centre * 11**0.5 / 12
        else:
            centre, half_width = images.STFT_ROW_FREQUENCIES[row], 22.0
        centre = round(centre * DURATION) / DURATION
        window = np.clip(1 - ((FREQUENCIES - centre) / half_width) ** 2, 0, None) ** 2 * BAND
        window /= np.sqrt(np.sum(window**2))
        samples = -(-np.count_nonzero(window) // 400)
        times = 2.5 + 0.01 * (column + (np.arange(samples) + 0.5) / samples)
        filtered = np.exp(2j * np.pi * times[:, None] * FREQUENCIES) @ (
            window * spectra[0, detector].astype(complex)
        )
        energy = np.mean(np.abs(filtered) ** 2) * 2 / DURATION
        medians[row] = energy / energies[row, column, detector]
        if samples == 1:
            assert medians[row] == pytest.approx(np.log(2), rel=1e-4)
        else:  # the median of an average lies between that of one sample and the mean
            assert np.log(2) < medians[row] < 1


# --- where things are ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("frequency", "when"), [(60, 2.8), (120, 3.005), (220, 3.302)])
def test_a_burst_shows_at_its_time_and_frequency(kind, frequency, when):
    energies = images.TRANSFORMS[kind](burst(frequency, when))[0, :, :, 0]
    row, column = np.unravel_index(energies.argmax(), energies.shape)
    rows = images.ROW_FREQUENCIES if kind == "constant_q" else images.STFT_ROW_FREQUENCIES
    assert abs(row - np.abs(rows - frequency).argmin()) <= 1
    assert column == int((when - 2.5) / 0.01)


def test_a_later_window_shows_the_same_shifted():
    spectra = burst(100, 3.0) + noise.gaussian(np.random.default_rng(0), 1, 1)
    wide = images.constant_q(spectra, start=2.4, n_columns=115)
    np.testing.assert_allclose(wide[:, :, 10:110], images.constant_q(spectra), rtol=1e-4, atol=1e-5)


def test_detectors_keep_their_places(spectra):
    both = images.constant_q(spectra[:2])
    np.testing.assert_allclose(both[..., 1], images.constant_q(spectra[:2, 1:])[..., 0], rtol=1e-4)


# --- grey levels --------------------------------------------------------------------------------


def test_grey_levels_and_back():
    energies = np.array([0, 1, 12.5, 25, 400], np.float32)
    levels = images.to_bytes(energies)
    assert levels.dtype == np.uint8
    assert levels.tolist() == [0, 10, 128, 255, 255]
    back = images.from_bytes(levels)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, np.minimum(energies, 25), atol=25 / 255 / 2 + 1e-6)


# --- bad input ----------------------------------------------------------------------------------


def test_wrong_shape_is_refused(spectra):
    with pytest.raises(ValueError, match=r"shape \(2, 2049\); expected \(n, n_detectors, 2049\)"):
        images.constant_q(spectra[0])


def test_gaps_are_refused(spectra):
    broken = spectra[:3].copy()
    broken[2, 0, 500] = np.nan
    with pytest.raises(ValueError, match=r"spectra\[2\] is not finite"):
        images.stft(broken)


@pytest.mark.parametrize(("start", "n_columns"), [(3.5, 100), (-0.1, 10), (0, 0)])
def test_a_window_outside_the_segment_is_refused(spectra, start, n_columns):
    with pytest.raises(ValueError, match="leave the segment of 4 s"):
        images.constant_q(spectra[:1], start=start, n_columns=n_columns)


def test_a_start_between_columns_is_refused(spectra):
    with pytest.raises(ValueError, match=r"multiple of 0\.01 s"):
        images.constant_q(spectra[:1], start=2.505)


def test_an_unknown_transform_is_refused():
    with pytest.raises(ValueError, match="expected one of"):
        images.survival(1.0, "wavelet")
