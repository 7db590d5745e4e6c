"""Strain is whitened so that strengths are right, and refused with a reason where it has gaps."""

import numpy as np
import pytest
from scipy import signal

from chirps import grid, images, noise, simulate, strain
from chirps.grid import BAND, DURATION, FREQUENCIES
from chirps.gwosc import Strain
from helpers import sources
from helpers.sources import DataError

RATE = 4096


@pytest.fixture(scope="module")
def pair():
    return strain.simulated_pair()


@pytest.fixture(scope="module")
def whitened(pair):
    return {d: strain.whiten(s, exclude=pair.event.gps) for d, s in pair.strains.items()}


@pytest.fixture
def unreachable(monkeypatch, tmp_path):
    """No local copy, an empty cache, no network."""
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_OFFLINE", "1")


def needs_files(event):
    """Skip unless the real files are at hand."""
    for detector in ("H1", "L1"):
        name = strain._file_name(strain.EVENTS[event], detector)
        entry = next(e for e in sources.registry()[strain.DATASET]["files"] if e["name"] == name)
        if not (sources._local_copy(entry) or sources._cached(entry)):
            pytest.skip(f"{name} is not at hand")


def with_gap(one, first, last, value=np.nan):
    values = one.values.copy()
    values[int(first * RATE) : int(last * RATE)] = value
    return Strain(one.detector, one.gps_start, RATE, values)


# --- gaps ---------------------------------------------------------------------------------------


def test_gaps_are_found(pair):
    one = with_gap(pair.strains["H1"], 5, 7.5)
    assert one.gaps() == [(one.gps_start + 5, one.gps_start + 7.5)]


def test_a_gap_elsewhere_does_no_harm(pair, whitened):
    one = with_gap(pair.strains["H1"], 3, 4)
    seen = strain.whiten(one, exclude=pair.event.gps)
    assert np.isnan(seen.values[: 5 * 1024]).all()  # 0–3 s is too short; 4–5 s is its edge
    assert np.isfinite(seen.values[5 * 1024 + 1 : 31 * 1024 - 1]).all()
    snr = grid.norm(strain.spectra_around(pair.event.gps, seen, whitened["L1"]))[0]
    expected = grid.norm(strain.spectra_around(pair.event.gps, *whitened.values()))[0]
    np.testing.assert_allclose(snr, expected, rtol=0.03)


def test_a_gap_at_the_event_is_an_error_that_says_where(pair):
    gps = pair.event.gps
    one = with_gap(pair.strains["H1"], 17.0, 17.2)
    seen = strain.whiten(one, exclude=gps)
    with pytest.raises(DataError, match=r"H1 has no usable strain for all of GPS 1126259459\.19"):
        strain.spectra_around(gps, seen)


def test_too_many_gaps_are_an_error(pair):
    one = with_gap(pair.strains["L1"], 2, 30)
    with pytest.raises(DataError, match=r"L1: 0 clean segments .* not usable .* GPS 1126259448"):
        strain.whiten(one)
    values = pair.strains["L1"].values.copy()
    values[:: 5 * RATE] = np.nan
    holes = Strain("L1", 0, RATE, values)
    with pytest.raises(DataError, match=r"L1: no stretch of 6 s without a gap"):
        strain.whiten(holes, curve=noise.analytic())


def test_a_time_outside_the_file_is_an_error(pair, whitened):
    for gps in (pair.event.gps + 100, pair.event.gps - 15):
        with pytest.raises(DataError, match=r"no usable strain .* usable after whitening is GPS"):
            strain.spectra_around(gps, whitened["H1"])


# --- whitening ----------------------------------------------------------------------------------


def test_whitened_noise_is_white_and_of_unit_strength(pair, whitened):
    for one in whitened.values():
        inside = one.values[np.isfinite(one.values)]
        assert len(inside) == 30 * 1024
        quiet = inside[: 12 * 1024]
        frequencies, psd = signal.welch(quiet, 1024, nperseg=1024)
        band = (frequencies > 25) & (frequencies < 475)
        # One-sided: unit variance spread over 512 Hz.
        assert psd[band].mean() * 512 == pytest.approx(1, abs=0.04)
        for low in range(25, 475, 50):
            part = (frequencies >= low) & (frequencies < low + 50)
            assert psd[part].mean() * 512 == pytest.approx(1, abs=0.25)
        assert psd[(frequencies < 15) | (frequencies > 490)].max() < 0.01 / 512


def test_a_signal_keeps_its_strength_from_file_to_image(pair):
    """Whitening is linear: what an added wave adds has the SNR that the true noise gives it."""
    wave = simulate.segment_waves(36.0, 30.0)[0]
    asd = noise.analytic().asd_on(FREQUENCIES)
    true = np.sqrt(4 / DURATION * np.sum(np.abs(wave / asd)[BAND] ** 2))
    series = np.fft.irfft(wave * np.exp(-2j * np.pi * FREQUENCIES * 3.25) * 4096, 4 * RATE)
    ratios = []
    for seed in range(2):
        for one in strain.simulated_pair(seed=seed).strains.values():
            values = one.values * 1.0
            values[8 * RATE : 12 * RATE] += series / true * 20
            louder = Strain(one.detector, 0.0, RATE, values)
            curve = strain.whiten(louder, exclude=11.25).curve
            parts = [
                strain.whiten(Strain("H1", 0.0, RATE, v), curve=curve).spectra(8.0)[0]
                for v in (values, one.values)
            ]
            ratios.append(grid.norm(parts[0] - parts[1]) / 20)
    assert np.mean(ratios) == pytest.approx(1, abs=0.02)


def test_the_noise_estimate_leaves_the_event_out(pair):
    one, gps = pair.strains["H1"], pair.event.gps
    loud = Strain("H1", one.gps_start, RATE, one.values.copy())
    at = round((gps - one.gps_start) * RATE)
    loud.values[at - 10 : at + 10] += 1e-17
    without = strain.noise_curve(loud, exclude=gps)
    clean = strain.noise_curve(one, exclude=gps)
    np.testing.assert_array_equal(without.asd, clean.asd)
    assert "segments" in without.origin


def test_the_noise_estimate_agrees_with_scipy(pair):
    one = pair.strains["H1"]
    ours = strain.noise_curve(one)
    frequencies, psd = signal.welch(one.values, RATE, nperseg=4 * RATE, average="median")
    band = (frequencies > 20) & (frequencies < 480)
    np.testing.assert_allclose(ours.frequencies, frequencies)
    np.testing.assert_allclose(ours.asd[band] ** 2, psd[band], rtol=1e-3)


def test_files_at_16_khz_are_brought_to_the_same_grid(pair, whitened):
    one = pair.strains["H1"]
    fine = Strain("H1", one.gps_start, 4 * RATE, signal.resample(one.values, 4 * 32 * RATE))
    seen = strain.whiten(fine, exclude=pair.event.gps)
    both = np.isfinite(seen.values)
    agreement = np.corrcoef(seen.values[both], whitened["H1"].values[both])[0, 1]
    assert agreement > 0.999


# --- events -------------------------------------------------------------------------------------


def test_an_unknown_event_is_refused():
    with pytest.raises(ValueError, match=r"Unknown event 'GW999999': the course has strain of GW"):
        strain.load_event("GW999999")


def test_the_former_name_is_understood():
    assert strain.event_named("LVT151012").name == "GW151012"


def test_out_of_reach_a_labelled_stand_in_is_made(unreachable, capsys):
    pair = strain.load_event("GW151226")
    assert pair.source.stand_in
    assert "Stand-in" in pair.source.credit
    assert capsys.readouterr().out.startswith("STAND-IN for LIGO strain (simulated pair like GW151")
    with pytest.raises(DataError, match="out of reach: no local copy"):
        strain.load_event("GW151226", allow_stand_in=False)


def test_a_damaged_local_copy_is_refused(monkeypatch, tmp_path):
    entry = sources.registry()[strain.DATASET]["files"][0]
    path = tmp_path / entry["local"]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a file")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(DataError, match="is damaged: its sha256"):
        strain.load_event("GW150914")


def test_a_stand_in_is_the_same_each_time(pair):
    again = strain.simulated_pair()
    assert again.source.sha256 == pair.source.sha256
    assert strain.simulated_pair(seed=1).source.sha256 != pair.source.sha256


def found(pair, whitened, mass1, mass2):
    """Filter around the event with one template; return SNRs and times in s."""
    spectra = strain.spectra_around(pair.event.gps, whitened["H1"], whitened["L1"])[0]
    n = 8 * grid.N_SAMPLES
    snr, when = [], []
    for one, spectrum in zip(whitened.values(), spectra, strict=True):
        template = np.zeros(n, complex)
        wave = simulate.segment_waves(mass1, mass2)[0]
        template[: len(FREQUENCIES)][BAND] = (wave / one.curve.asd_on(FREQUENCIES))[BAND]
        template /= grid.norm(template)
        padded = np.zeros(n, complex)
        padded[: len(FREQUENCIES)] = spectrum
        series = np.abs(np.fft.ifft(padded * template.conj()) * n * 4 / DURATION)
        near = slice(int(3.0 / DURATION * n), int(3.5 / DURATION * n))
        snr.append(series[near].max())
        when.append((near.start + series[near].argmax()) * DURATION / n)
    return np.array(snr), np.array(when)


def test_the_stand_in_is_like_gw150914(pair, whitened):
    snr, when = found(pair, whitened, pair.event.mass1, pair.event.mass2)
    assert np.hypot(*snr) == pytest.approx(pair.event.snr, abs=2.5)
    assert when[1] - when[0] == pytest.approx(-0.0069, abs=0.001)
    assert snr[0] > snr[1]


def test_gw150914_has_its_published_strength_and_delay():
    """Abbott et al., PRL 116, 061102 (2016): network SNR 24, L1 6.9 (+0.5 -0.4) ms before H1."""
    needs_files("GW150914")
    pair = strain.load_event("GW150914", verbose=False)
    whitened = {d: strain.whiten(s, exclude=pair.event.gps) for d, s in pair.strains.items()}
    snr, when = found(pair, whitened, 39.0, 33.0)
    assert 22 < np.hypot(*snr) < 25
    assert when[1] - when[0] == pytest.approx(-0.0069, abs=0.0005)


def test_gw150914_shows_its_chirp_in_both_detectors():
    needs_files("GW150914")
    pair = strain.load_event("GW150914", verbose=False)
    whitened = [strain.whiten(s, exclude=pair.event.gps) for s in pair.strains.values()]
    energies = images.constant_q(strain.spectra_around(pair.event.gps, *whitened))[0]
    for d in range(2):
        assert energies[..., d].max() > 25
        loud = np.argwhere(energies[..., d] > 12)
        frequencies = images.ROW_FREQUENCIES[loud[:, 0]]
        assert abs(loud[:, 1].mean() - 72) < 6  # the merger stands at column 75
        early, late = loud[:, 1] < 68, loud[:, 1] >= 71
        assert frequencies[early].max() < 90 < 180 < frequencies[late].max()
    elsewhere = np.delete(energies, np.s_[50:85], axis=1)
    assert np.median(elsewhere) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("event", list(strain.EVENTS))
def test_real_strain_is_whitened_to_median_one(event):
    needs_files(event)
    pair = strain.load_event(event, verbose=False)
    gps = pair.event.gps + np.array([-11, -9, -7, -5, -3, 3, 5, 7, 9, 11])
    whitened = [strain.whiten(s, exclude=pair.event.gps) for s in pair.strains.values()]
    energies = images.constant_q(strain.spectra_around(gps, *whitened))
    assert np.median(energies) == pytest.approx(1, abs=0.06)
