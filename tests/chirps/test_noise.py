"""The grid and the noise: scipy's estimates, Parseval, published curves, damaged files."""

import hashlib

import h5py
import numpy as np
import pytest
from scipy import signal

from chirps import grid, noise
from chirps.noise import NoiseCurve
from chirps.noise_models import GaussianNoise
from helpers import sources
from helpers.sources import DataError

RATE = grid.SAMPLE_RATE
FLAT = NoiseCurve("flat", [1.0, 2048.0], [1e-23, 1e-23])

# The Advanced LIGO design with zero detuning and high power, LIGO-T0900288: Hz and 1/√Hz
DESIGN = {
    25: 1.2407e-23,
    40: 6.1108e-24,
    100: 3.9886e-24,
    200: 3.7342e-24,
    300: 3.7360e-24,
    400: 3.8423e-24,
}


def filtered(rng, curve, seconds, rate=RATE):
    """Draw strain noise with a curve by filtering white noise in the time domain."""
    frequencies = np.linspace(0, rate / 2, 1025)
    shape = curve.asd_on(np.clip(frequencies, 16, 500))
    taps = signal.firwin2(2049, frequencies, shape * np.sqrt(rate / 2), fs=rate)
    n = round(seconds * rate)
    return signal.fftconvolve(rng.standard_normal(n + len(taps) - 1), taps, "valid")


def at_hand(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_OFFLINE", "1")  # collecting tests must not download
        return sources.find(noise.DATASET, noise._FILES[name]) is not None


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """No data, no cache, no network."""
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.delenv("COURSE_DATA", raising=False)


# ---- the grid


def test_the_grid_is_four_seconds():
    assert grid.N_SAMPLES == 4096 and grid.N_FREQUENCIES == 2049
    np.testing.assert_array_equal(grid.FREQUENCIES, np.fft.rfftfreq(4096, 1 / 1024))
    assert grid.FREQUENCIES[grid.BAND][[0, -1]].tolist() == [20, 480]
    assert grid.WINDOW_START + grid.WINDOW < grid.DURATION
    with pytest.raises(ValueError, match="read-only"):
        grid.FREQUENCIES[0] = 1


@pytest.mark.parametrize("n", [4096, 32768])
def test_time_and_frequency_are_inverse(n):
    series = np.random.default_rng(0).standard_normal((2, n))
    np.testing.assert_allclose(grid.to_time(grid.to_frequency(series)), series, atol=1e-12)


def test_the_norm_is_the_textbook_signal_to_noise_ratio():
    # In white noise of standard deviation 1, a known signal has SNR² = Σ s².
    window = signal.windows.tukey(4096)
    series = 0.1 * window * np.sin(2 * np.pi * 90 * grid.TIMES)
    assert grid.norm(grid.to_frequency(series)) == pytest.approx(np.sqrt(np.sum(series**2)))


def test_the_filter_output_has_the_expected_mean_and_spread():
    # 4/T Re Σ x h* over the norm of h is normal with variance 1 around the SNR.
    rng = np.random.default_rng(1)
    template = grid.BAND * np.exp(2j * np.pi * grid.FREQUENCIES * 3.0)
    template = 8 * template / grid.norm(template)
    data = noise.gaussian(rng, 800, 1)[:, 0] + template
    ratio = 4 / grid.DURATION * (data * template.conj()).sum(-1).real / grid.norm(template)
    assert ratio.mean() == pytest.approx(8, abs=4 / np.sqrt(800))
    assert ratio.std() == pytest.approx(1, abs=0.1)


# ---- whitening


def test_noise_of_a_known_curve_whitens_to_unit():
    rng = np.random.default_rng(2)
    curve = noise.analytic()
    segments = np.stack([filtered(rng, curve, 4) for _ in range(60)])
    white = noise.whiten(segments, curve)
    assert white.shape == (60, grid.N_FREQUENCIES)
    assert not white[:, ~grid.BAND].any()
    power = np.mean(abs(white[:, grid.BAND]) ** 2, axis=0) / (grid.DURATION / 2)
    assert power.mean() == pytest.approx(1, abs=0.02)
    # in each of eight bands, not only on average
    assert [part.mean() for part in np.array_split(power, 8)] == pytest.approx([1] * 8, abs=0.05)
    series = grid.to_time(white)
    assert series.var() == pytest.approx(460 / 512, abs=0.02)
    frequencies, psd = signal.welch(series.ravel(), RATE, nperseg=4096)
    inside = (frequencies > 30) & (frequencies < 470)
    assert psd[inside].mean() == pytest.approx(2 / RATE, rel=0.03)


def test_whitening_resamples_what_is_sampled_faster():
    t = np.arange(4 * 4096) / 4096
    pulse = 1e-21 * np.exp(-(((t - 2) / 0.05) ** 2)) * np.cos(2 * np.pi * 100 * t)
    slow, fast = noise.whiten(pulse[::4], FLAT), noise.whiten(pulse, FLAT, sample_rate=4096)
    assert fast.shape == slow.shape == (2049,)
    np.testing.assert_allclose(fast, slow, atol=1e-6 * abs(slow).max())
    # ∫ h² dt = Σ h² dt, and a flat one-sided PSD S makes that the squared SNR times S / 2
    assert grid.norm(fast) == pytest.approx(np.sqrt(2 * np.sum(pulse**2) / 4096) / 1e-23)


def test_a_taper_hides_the_jump_between_the_ends():
    ramp = np.linspace(0, 1e-19, grid.N_SAMPLES)
    assert grid.norm(noise.whiten(ramp, FLAT)) > 100 * grid.norm(
        noise.whiten(ramp - ramp.mean(), FLAT, taper=1.0)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.full(4096, np.nan), FLAT), "NaN"),
        ((np.zeros(4095), FLAT), "even number"),
        ((np.zeros(4096), FLAT, 512), "too slow"),
        ((np.zeros(4096), FLAT, RATE, 2.5), "does not fit"),
    ],
)
def test_bad_strain(arguments, message):
    with pytest.raises(ValueError, match=message):
        noise.whiten(*arguments)


# ---- measuring a curve


def test_median_welch_is_unbiased():
    rng = np.random.default_rng(3)
    curves = [noise.welch(1e-21 * rng.standard_normal(64 * RATE)) for _ in range(12)]
    psd = np.mean([curve.asd**2 for curve in curves], axis=0)[8:-8]
    assert psd.mean() == pytest.approx(1e-42 * 2 / RATE, rel=0.01)
    # without the correction it would be low by about ln 2
    frequencies, mean = signal.welch(1e-21 * rng.standard_normal(700 * RATE), RATE, nperseg=4096)
    np.testing.assert_array_equal(curves[0].frequencies, frequencies)
    assert psd.mean() == pytest.approx(mean[8:-8].mean(), rel=0.01)


def test_a_glitch_moves_the_mean_but_not_the_median():
    rng = np.random.default_rng(4)
    strain = rng.standard_normal(64 * RATE)
    clean = noise.welch(strain).asd
    strain[20 * RATE : 20 * RATE + 100] += 50 * np.hanning(100) * np.cos(np.arange(100))
    hit = noise.welch(strain).asd
    loud = slice(4 * 100, 4 * 220)
    assert np.mean(hit[loud] ** 2) < 1.15 * np.mean(clean[loud] ** 2)
    spoilt = signal.welch(strain, RATE, nperseg=4096)[1]
    assert np.mean(spoilt[loud]) > 2 * np.mean(clean[loud] ** 2)


@pytest.mark.parametrize(
    ("strain", "message"),
    [
        (np.zeros(15 * RATE), "15 s of strain are too short for segments of 4 s"),
        (np.full(32 * RATE, np.nan), "NaN"),
        (np.zeros((2, 32 * RATE)), r"got shape \(2, 32768\)"),
    ],
)
def test_a_curve_cannot_be_measured_from_that(strain, message):
    with pytest.raises(ValueError, match=message):
        noise.welch(strain)


# ---- curves


def test_interpolation_is_exact_for_a_power_law_and_silent_outside():
    frequencies = np.geomspace(10, 1000, 9)
    curve = NoiseCurve("law", frequencies, 1e-22 * frequencies**-1.5)
    f = np.array([0, 5, 10, 33.3, 512, 1000, 1001])
    asd = curve.asd_on(f)
    np.testing.assert_allclose(asd[2:6], 1e-22 * f[2:6] ** -1.5)
    assert np.isinf(asd[[0, 1, 6]]).all()
    with pytest.raises(ValueError, match="not negative"):
        curve.asd_on([-20.0])
    with pytest.raises(ValueError, match="finite"):
        curve.asd_on(np.nan)


def test_the_analytic_curve_follows_the_published_design():
    curve = noise.analytic()
    np.testing.assert_allclose(curve.asd_on(list(DESIGN)), list(DESIGN.values()), rtol=0.02)
    assert np.isfinite(curve.asd_on()[grid.BAND]).all()


@pytest.mark.skipif(not at_hand("design"), reason="no noise curves at hand")
def test_the_analytic_curve_follows_the_design_at_every_frequency():
    curve = noise.measured("design")
    below = (grid.FREQUENCIES >= 20) & (grid.FREQUENCIES <= 400)
    ratio = noise.analytic().asd_on()[below] / curve.asd_on()[below]
    assert abs(ratio - 1).max() < 0.025 and not curve.stand_in


@pytest.mark.skipif(not at_hand("O3a-L1-19"), reason="no noise curves at hand")
def test_measured_curves_are_read():
    for name in noise.NAMES:
        curve = noise.measured(name)
        band = curve.asd_on()[grid.BAND]
        assert curve.name == name and not curve.stand_in
        assert np.isfinite(band).all() and 1e-24 < np.median(band) < 2e-23, name


@pytest.mark.skipif(not at_hand("O3a-L1-19"), reason="no noise curves at hand")
def test_the_parts_are_days_apart_and_pairs_are_of_one_time():
    def when(name):
        with h5py.File(sources.find(noise.DATASET, noise._FILES[name]).path) as file:
            return file["data"].attrs["epoch"]

    times = {}
    for split in noise.O3A_SPLIT:
        pairs = noise.names(split)
        assert all(when(h) == when(l) for h, l in pairs)  # noqa: E741
        times[split] = [when(h) for h, _ in pairs]
    day = 86400
    assert min(times["validation"]) - max(times["train"]) > 9 * day
    assert min(times["test"]) - max(times["validation"]) > 9 * day


def test_no_curve_is_in_two_parts():
    everything = sum(noise.O3A_SPLIT.values(), ())
    assert sorted(everything) == list(range(20))
    assert {name for split in noise.O3A_SPLIT for pair in noise.names(split) for name in pair} == {
        name for name in noise.NAMES if name.startswith("O3a")
    }


def test_every_curve_is_in_the_registry():
    listed = {entry["name"] for entry in sources.registry()[noise.DATASET]["files"]}
    assert listed == set(noise._FILES.values())


def test_without_a_file_the_analytic_curve_stands_in_and_says_so(nothing):
    curve = noise.measured("O4")
    assert curve.stand_in
    assert str(curve).startswith("STAND-IN for noise curve O4: 15–1024 Hz, analytic")
    np.testing.assert_array_equal(curve.asd, noise.analytic().asd)


def test_damaged_files_are_refused(nothing, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (entry,) = (
        e for e in sources.registry()["gw_noise"]["files"] if e["name"] == "O3a-H1-psd-0.hdf"
    )
    path = tmp_path / entry["local"]
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as file:
        file["something else"] = np.ones(3)
    with pytest.raises(DataError, match="is damaged"):
        noise.measured("O3a-H1-0")

    def trust():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        table = {"gw_noise": {"files": [entry | {"sha256": digest}]}}
        monkeypatch.setattr(sources, "registry", lambda: table)

    trust()
    with pytest.raises(DataError, match="does not hold a power spectral density"):
        noise.measured("O3a-H1-0")
    path.write_bytes(path.read_bytes()[:500])
    trust()
    with pytest.raises(DataError, match="does not hold a power spectral density"):
        noise.measured("O3a-H1-0")
    with pytest.raises(DataError, match="lists no file"):
        sources.find("gw_noise", "elsewhere.txt")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: noise.measured("O5"), "Unknown noise curve 'O5'.*'design', 'O4'"),
        (lambda: noise.measured("O3a-H1-20"), "Unknown noise curve"),
        (lambda: noise.names("training"), "Unknown split 'training'"),
        (lambda: NoiseCurve("x", [1, 2], [1, 2, 3]), "same length"),
        (lambda: NoiseCurve("x", [2, 1], [1, 1]), "increase"),
        (lambda: NoiseCurve("x", [-1, 1], [1, 1]), "increase from 0"),
        (lambda: NoiseCurve("x", [1, 2], [1, np.nan]), "finite"),
        (lambda: GaussianNoise([(FLAT, FLAT)], []), "1 pairs of noise curves and 0 to whiten"),
    ],
)
def test_bad_curves(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- drawing noise


def test_gaussian_noise_is_white_normal_and_independent():
    spectra = noise.gaussian(np.random.default_rng(5), 200)
    assert spectra.shape == (200, 2, 2049) and spectra.dtype == np.complex64
    assert not spectra[..., ~grid.BAND].any()
    inside = spectra[..., grid.BAND]
    power = abs(inside) ** 2 / (grid.DURATION / 2)
    assert power.mean() == pytest.approx(1, abs=0.005)
    assert np.mean(power > np.log(100)) == pytest.approx(0.01, rel=0.05)  # exponential tail
    assert abs(np.mean(inside[:, 0] * inside[:, 1].conj())) < 0.01
    assert abs(np.mean(inside[:, :, 1:] * inside[:, :, :-1].conj())) < 0.01
    assert abs(np.mean(inside.real * inside.imag)) < 0.01


def test_the_first_samples_do_not_depend_on_how_many_follow():
    few, many = (noise.gaussian(np.random.default_rng(6), n) for n in (3, 9))
    np.testing.assert_array_equal(few, many[:3])


def test_noise_whitened_with_the_wrong_curve():
    quiet = NoiseCurve("quiet", FLAT.frequencies, FLAT.asd / 3)
    rng = np.random.default_rng(7)
    model = GaussianNoise([(FLAT, FLAT)], [(FLAT, quiet)])
    spectra = model.sample(rng, np.zeros(100, int))
    power = np.mean(abs(spectra[..., grid.BAND]) ** 2, axis=(0, 2)) / (grid.DURATION / 2)
    assert power == pytest.approx([1, 9], rel=0.01)
    # the same as drawing strain of the one and whitening it with the other
    strain = np.stack([filtered(rng, noise.analytic(), 4) for _ in range(40)])
    white = noise.whiten(strain, FLAT)
    expected = noise.mismatch(noise.analytic(), FLAT)
    ratio = np.mean(abs(white[:, grid.BAND]) ** 2, axis=0) / 2 / expected[grid.BAND] ** 2
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert not expected[~grid.BAND].any()


def test_an_estimated_curve_scatters_as_a_measured_one_does():
    rng = np.random.default_rng(8)
    truth = noise.analytic()
    drawn = np.stack([noise.estimated(rng, truth, 32).asd for _ in range(20)])
    measured = np.stack([noise.welch(filtered(rng, truth, 32)).asd[grid.BAND] for _ in range(20)])
    known = truth.asd_on(grid.FREQUENCIES[grid.BAND])
    ratios = [(curves / known) ** 2 for curves in (drawn, measured)]
    assert [ratio.mean() for ratio in ratios] == pytest.approx([1, 1], abs=0.02)
    assert ratios[0].std() == pytest.approx(ratios[1].std(), rel=0.05)
    assert ratios[0].std() > 0.2  # and it is not a small effect
