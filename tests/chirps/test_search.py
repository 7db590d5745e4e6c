"""The search: no binary is missed by the bank, and statistics are what theory says."""

from functools import cache

import numpy as np
import pytest
from scipy import fft, signal, stats

from chirps import bank as banks
from chirps import detectors, glitches, grid, noise, search, simulate, strain
from chirps.grid import BAND, DURATION, FREQUENCIES, SAMPLE_RATE
from chirps.waveform import chirp_mass, match
from helpers import sources

ASD = noise.analytic().asd_on(FREQUENCIES)


@pytest.fixture(scope="module")
def bank():
    return search.template_bank()


@pytest.fixture(scope="module")
def heavy(bank):
    """A part of the bank that is quick to filter with."""
    return bank.within(25)


def test_a_part_of_the_bank_covers_its_range(bank):
    part = bank.within(20, 50)
    assert len(part) < len(bank) / 10
    edges = banks.draw_edge_masses(np.random.default_rng(1), 12, (20, 50))
    assert best_matches(part, *edges).min() > 0.955


@pytest.fixture(scope="module")
def templates(heavy):
    return heavy.whitened()


# ------------------------------------------------------------------------------------- the bank


@cache
def asd_of(curve):
    return noise.measured(curve).asd_on(FREQUENCIES)


@cache
def templates_of(bank, curve):
    return bank.whitened(asd_of(curve))


def best_matches(bank, mass1, mass2, curve="analytic"):
    """Match of each binary with the best template, which has about its chirp mass."""
    asd, templates = asd_of(curve), templates_of(bank, curve)
    masses = chirp_mass(bank.mass1, bank.mass2)
    found = []
    for wave, mass in zip(
        simulate.segment_waves(mass1, mass2) / asd, chirp_mass(mass1, mass2), strict=True
    ):
        near = templates[np.abs(np.log(masses / mass)) < 0.16]
        product = (wave / np.linalg.norm(wave)).astype(np.complex64) * near.conj()
        rough = np.abs(fft.ifft(product, axis=-1)).max(-1)
        found.append(match(wave, near[np.argsort(-rough)[:5]], 1.0).max())
    return np.array(found)


def fresh(how, n, lightest=5, heaviest=60, seed=77):
    rng = np.random.default_rng(seed)
    if how == "chirp times":
        return banks.draw_masses(rng, n, (lightest, heaviest))
    low, high = (lightest, heaviest) if how == "masses" else np.log((lightest, heaviest))
    masses = rng.uniform(low, high, (2, n))
    return np.sort(masses if how == "masses" else np.exp(masses), axis=0)[::-1]


@pytest.mark.parametrize("how", ["masses", "log masses", "chirp times"])
def test_fresh_binaries_match_a_template(bank, how):
    matches = best_matches(bank, *fresh(how, 25))
    assert np.mean(matches >= bank.min_match) >= 0.92  # of 25, two may miss it
    assert matches.min() > 0.955


@pytest.mark.slow
@pytest.mark.parametrize("how", ["masses", "log masses", "chirp times"])
def test_at_least_98_in_100_binaries_reach_the_stated_match(bank, how):
    matches = best_matches(bank, *fresh(how, 400, seed=78))
    assert np.mean(matches >= bank.min_match) >= 0.98
    assert matches.min() > 0.955


@pytest.mark.parametrize("corner", [(5, 5), (60, 5), (60, 60), (5.05, 5.02), (59, 5.1)])
def test_the_corners_of_the_range_are_covered(bank, corner):
    m1, m2 = (np.array([m], float) for m in corner)
    assert best_matches(bank, m1, m2)[0] > 0.96


@pytest.mark.slow
def test_the_bank_serves_real_noise_curves_too(bank):
    matches = best_matches(bank, *fresh("log masses", 100), "O3a-L1-16")
    assert np.mean(matches >= bank.min_match) >= 0.97


def test_without_its_light_end_light_binaries_are_missed(bank):
    matches = best_matches(bank.within(8), *fresh("masses", 10, 5, 5.3))
    assert matches.max() < 0.9


def test_the_bank_is_of_the_range_and_in_order(bank):
    assert np.all((bank.mass2 >= 5) & (bank.mass1 >= bank.mass2) & (bank.mass1 <= 60))
    assert np.all(np.diff(chirp_mass(bank.mass1, bank.mass2)) >= -1e-3)
    with pytest.raises(ValueError, match="not a range within the bank's, 5 to 60"):
        bank.within(3, 20)


def test_placing_covers_a_narrower_range():
    placed = banks.place(n=250, seed=3, min_match=0.97, mass_range=(30, 60))
    assert len(placed) < 25
    drawn = banks.draw_masses(np.random.default_rng(3), 20, (30, 60))
    m1, m2 = np.concatenate([drawn, [[30, 60, 60], [30, 30, 60]]], axis=1)
    assert best_matches(placed, m1, m2).min() > 0.955


def test_every_binary_is_chosen_or_next_to_one_that_is():
    rng = np.random.default_rng(0)
    x = rng.random(300)
    near = [np.flatnonzero(np.abs(x - value) <= 0.05) for value in x]
    chosen = banks.cover(near)
    assert np.abs(x[:, None] - x[chosen]).min(1).max() <= 0.05
    assert len(chosen) < 20  # ten at best


def test_chirp_times_and_masses_are_inverse():
    m1, m2 = fresh("log masses", 50)
    np.testing.assert_allclose(banks.masses_of(*banks.chirp_times(m1, m2)), (m1, m2), rtol=1e-6)


def test_templates_have_unit_norm_for_every_noise(heavy):
    asd = np.stack([ASD, ASD * (1 + FREQUENCIES / 100)])
    templates = heavy.whitened(asd)
    assert templates.shape == (2, len(heavy), grid.N_FREQUENCIES)
    np.testing.assert_allclose(grid.norm(templates), 1, rtol=1e-5)
    assert not templates[..., ~BAND].any()
    with pytest.raises(ValueError, match="asd has shape"):
        heavy.whitened(ASD[:-1])


def test_a_damaged_or_missing_table_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "course_data", lambda: tmp_path)
    with pytest.raises(sources.DataError, match=r"bank\.csv is missing.*python -m chirps\.bank"):
        search.template_bank()
    table = tmp_path / banks.TABLE
    table.parent.mkdir()
    table.write_text("# masses\n5.0,5.0\n6.0\n")
    with pytest.raises(sources.DataError, match="not a table of two masses"):
        search.template_bank()


def test_the_command_writes_a_table_that_can_be_read(monkeypatch, tmp_path, bank, capsys):
    monkeypatch.setattr(sources, "course_data", lambda: tmp_path)
    (tmp_path / banks.TABLE).parent.mkdir()
    monkeypatch.setattr(banks, "place", lambda: bank)
    banks.main()
    assert f"{len(bank)} templates" in capsys.readouterr().out
    again = search.template_bank()
    np.testing.assert_array_equal(again.mass1, bank.mass1)
    np.testing.assert_array_equal(again.mass2, bank.mass2)


# ------------------------------------------------------------------------------ matched filter


def test_the_series_is_the_correlation_in_time(templates):
    data = noise.gaussian(np.random.default_rng(0), 1)[0, 0]
    z = search.snr_series(data, templates[3])
    series, wave = grid.to_time(data), grid.to_time(templates[3])
    wave = np.roll(wave, grid.N_SAMPLES // 2)  # the peak in the middle
    full = signal.correlate(np.tile(series, 3), wave, mode="same")
    np.testing.assert_allclose(z.real, full[grid.N_SAMPLES : 2 * grid.N_SAMPLES], atol=2e-3)


def test_a_known_wave_is_found_with_its_optimal_snr():
    chirps, drawn = simulate.signals(np.random.default_rng(1), 12, snr=(8.0, 40.0))
    for chirp, p in zip(chirps, drawn, strict=True):
        own = banks.TemplateBank(*np.array([[p["mass1"]], [p["mass2"]]]))
        found = search.matched_filter(chirp[None], own.whitened())
        np.testing.assert_allclose(found.snr[0], (p["snr_h"], p["snr_l"]), rtol=0.02)
        np.testing.assert_allclose(found.network_snr[0], p["snr"], rtol=0.02)
        np.testing.assert_allclose(found.time[0, 0], p["time"], atol=2e-4)
        np.testing.assert_allclose(found.delay[0], p["delay"], atol=3e-4)


def test_the_bank_recovers_waves_between_its_templates(heavy, templates):
    chirps, drawn = simulate.signals(np.random.default_rng(2), 40, snr=20.0, masses=(25.0, 60.0))
    found = search.matched_filter(chirps, templates)
    ratio = found.network_snr / drawn["snr"]  # without noise
    assert ratio.min() > heavy.min_match - 0.015 and ratio.max() < 1.001
    np.testing.assert_allclose(found.delay, drawn["delay"], atol=1e-3)


def test_noise_adds_two_degrees_of_freedom_to_the_squared_snr():
    """At the true time and template, ρ² has the non-central χ² distribution of two dimensions."""
    rng = np.random.default_rng(3)
    n, strength = 1500, 6.0
    wave = banks.TemplateBank(np.array([36.0]), np.array([29.0])).whitened()[0]
    data = noise.gaussian(rng, n, 1)[:, 0] + np.float32(strength) * wave
    z = 4 / DURATION * np.sum(data * wave.conj(), axis=1)
    rho = np.abs(search.snr_series(data[:200], wave))[:, 0]
    np.testing.assert_allclose(rho, np.abs(z[:200]), rtol=1e-4)
    law = stats.ncx2(df=2, nc=strength**2)
    assert stats.kstest(np.abs(z) ** 2, law.cdf).pvalue > 1e-3
    assert stats.kstest((1.05 * np.abs(z)) ** 2, law.cdf).pvalue < 1e-3  # 5 % would be noticed


def test_noise_alone_is_rayleigh_distributed(templates):
    data = noise.gaussian(np.random.default_rng(4), 250, 1)[:, 0]
    # One time in 0.2 s: far enough apart to be independent for a heavy binary.
    rho = np.abs(search.snr_series(data, templates[-1]))[:, :: SAMPLE_RATE // 5].ravel()
    assert len(rho) > 4000
    assert stats.kstest(rho, stats.rayleigh.cdf).pvalue > 1e-3
    assert stats.kstest(rho * 1.05, stats.rayleigh.cdf).pvalue < 1e-3


def test_the_loudest_of_noise_is_within_the_window_and_the_coincidence(templates):
    data = noise.gaussian(np.random.default_rng(5), 40)
    found = search.matched_filter(data, templates)
    assert np.abs(found.delay).max() <= search.COINCIDENCE
    assert np.abs(found.delay).max() > 0.009  # noise knows no speed of light
    assert np.all(np.abs(found.time[:, 0] - 3.0) <= 0.501)
    np.testing.assert_allclose(found.network_snr**2, (found.snr**2).sum(1))


def test_the_coarse_search_agrees_with_every_sample(templates):
    """Compare with the brute-force maximum over templates, times and delays at 4096 Hz."""
    data = noise.gaussian(np.random.default_rng(6), 6)
    rate, n = 4096, 16384
    near = int(0.0145 * rate)
    best = np.zeros(len(data))
    for template in templates:
        power = np.abs(search.snr_series(data, template, n)) ** 2
        for shift in range(-near, near + 1):
            total = power[:, 0] + np.roll(power[:, 1], shift, axis=-1)
            best = np.maximum(best, total[:, int(2.5 * rate) : int(3.5 * rate)].max(-1))
    found = search.matched_filter(data, templates)
    np.testing.assert_allclose(found.network_snr, np.sqrt(best), rtol=0.03)


def test_chirps_slid_out_of_coincidence_lose_a_detector(templates):
    options = {"snr": 15.0, "masses": (25.0, 60.0)}
    rng = np.random.default_rng(7)
    slid, drawn = simulate.signals(rng, 30, slide=(0.03, 0.3), **options)
    found = search.matched_filter(slid + noise.gaussian(rng, 30), templates)
    weaker = np.minimum(*found.snr.T)
    assert np.median(weaker) < 4.5  # the loudest of noise within 15 ms, not the other chirp
    assert np.median(np.minimum(drawn["snr_h"], drawn["snr_l"])) > 7
    true, _ = simulate.signals(rng, 30, **options)
    found = search.matched_filter(true + noise.gaussian(rng, 30), templates)
    assert np.median(np.minimum(*found.snr.T)) > 7


def test_the_ranking_wants_both_detectors():
    def one(*snr):
        template, time = np.zeros(1, int), np.zeros((1, 2))
        return search.Candidates(template, time, np.array([snr]), np.ones((1, 2)))

    assert one(6.0, 8.0).statistic == 10
    assert one(60.0, 3.5).statistic == 3.5 < one(4.0, 4.0).statistic


def test_different_noise_in_the_detectors_needs_two_sets_of_templates(heavy):
    asd = np.stack([ASD, ASD * (1 + (FREQUENCIES / 60) ** 2)])
    rng = np.random.default_rng(8)
    chirps, drawn = simulate.signals(rng, 8, snr=20.0, masses=(25.0, 60.0), asd=asd)
    found = search.matched_filter(chirps, heavy.whitened(asd))
    np.testing.assert_allclose(found.snr[:, 1], drawn["snr_l"], rtol=0.04)
    wrong = search.matched_filter(chirps, heavy.whitened(asd[0]))
    assert np.all(wrong.snr[:, 1] < 0.99 * found.snr[:, 1])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x[:, 0], r"expected \(n, 2, n_freq\)"),
        (lambda x: x[..., :-1], "templates have shape"),
        (lambda x: np.where(FREQUENCIES == 50, np.nan, x), "not finite: cut the gaps"),
    ],
)
def test_spectra_that_do_not_fit_are_refused(templates, spoil, message):
    with pytest.raises(ValueError, match=message):
        search.matched_filter(spoil(noise.gaussian(np.random.default_rng(0), 2)), templates)


def test_a_window_that_leaves_the_segment_is_refused(templates):
    data = noise.gaussian(np.random.default_rng(0), 2)
    with pytest.raises(ValueError, match="leaves the segment of 4 s"):
        search.matched_filter(data, templates, window=(3.5, 4.0))


# ------------------------------------------------------------------------------------------- χ²


@pytest.mark.parametrize(("strength", "n_bands"), [(0, 16), (30, 16), (30, 8)])
def test_chi_squared_follows_its_law_in_noise_and_for_a_wave(strength, n_bands):
    n = 1200
    wave = banks.TemplateBank(np.array([20.0]), np.array([15.0])).whitened()
    data = noise.gaussian(np.random.default_rng(9), n, 1)[:, 0] + np.float32(strength) * wave
    dof = 2 * n_bands - 2
    reduced = search.chi_squared(data, np.repeat(wave, n, 0), np.zeros(n), n_bands)
    assert abs(reduced.mean() - 1) < 4 * np.sqrt(2 / dof / n)
    assert abs(reduced.var() / (2 / dof) - 1) < 0.25
    assert stats.kstest(reduced * dof, stats.chi2(dof).cdf).pvalue > 1e-3


def test_chi_squared_of_a_wrong_template_grows_with_the_square_of_the_snr(templates):
    wave = simulate.segment_waves(8.0, 7.0) / ASD
    wave = (wave / grid.norm(wave)[:, None]).astype(np.complex64)
    heavy = np.repeat(templates[-1:], 2, 0)
    weak, strong = search.chi_squared(np.concatenate([10 * wave, 20 * wave]), heavy, np.zeros(2))
    np.testing.assert_allclose(strong, 4 * weak, rtol=1e-3)


@pytest.mark.parametrize("family", list(glitches.FAMILIES))
def test_glitches_do_not_look_like_waves(templates, family):
    rng = np.random.default_rng(10)
    data = noise.gaussian(rng, 12)
    data[:, 0] += glitches.draw_glitches(rng, 12, family, snr=80.0)[0]
    found = search.matched_filter(data, templates)
    loud = found.snr[:, 0] > 8
    assert loud.sum() >= 4
    assert np.median(found.chi_squared[loud, 0]) > 3
    assert np.median((found.new_snr / found.snr)[loud, 0]) < 0.45
    assert np.median(found.chi_squared[:, 1]) < 2  # the other detector holds noise


def test_new_snr_is_that_of_the_pycbc_search():
    np.testing.assert_array_equal(search.new_snr(8.0, np.array([0.2, 1.0])), 8)
    np.testing.assert_allclose(search.new_snr(10.0, 2.0), 10 / (4.5 ** (1 / 6)))
    with pytest.raises(ValueError, match="at least 2"):
        search.chi_squared(np.ones((1, 2049)), np.ones((1, 2049)), np.zeros(1), 1)


# -------------------------------------------------------------------------------- false alarms


@pytest.mark.parametrize("n_louder", [0, 1, 5, 200])
def test_the_rate_of_false_alarms_is_a_limit_and_not_an_estimate(n_louder):
    """At a rate of that limit, so few would be seen in one background of ten."""
    rate = search.false_alarm_rate(n_louder, 500.0)
    assert stats.poisson(500 * rate).cdf(n_louder) == pytest.approx(0.1)
    assert rate > (1 + n_louder) / 500


# ----------------------------------------------------------------------------------- real events


def found_in(pair, bank):
    whitened = [strain.whiten(pair.strains[d], exclude=pair.event.gps) for d in ("H1", "L1")]
    asd = np.stack([w.curve.asd_on(FREQUENCIES) for w in whitened])
    return search.matched_filter(
        strain.spectra_around(pair.event.gps, *whitened), bank.whitened(asd)
    )


def at_hand(event):
    pair = strain.load_event(event, verbose=False)
    if pair.source.stand_in:
        pytest.skip("the strain files are out of reach")
    return pair


def test_gw150914_has_its_published_strength_and_delay(heavy):
    """Phys. Rev. Lett. 116, 061102 (2016): SNR 24, 6.9 (+0.5, −0.4) ms earlier in L1."""
    found = found_in(at_hand("GW150914"), heavy)
    assert 22 < found.network_snr[0] < 25
    assert abs(1e3 * found.delay[0] + 6.9) <= 0.5
    assert found.snr[0, 0] > found.snr[0, 1] > 10
    assert np.all(found.chi_squared < 2)


def test_its_stand_in_has_them_too(heavy):
    found = found_in(strain.simulated_pair(), heavy)
    assert 22 < found.network_snr[0] < 27
    assert abs(1e3 * found.delay[0] + 6.9) <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("event", "published"), [("GW151012", 10.0), ("GW151226", 13.1)])
def test_the_weaker_events_are_found(bank, event, published):
    """GWTC-1, Phys. Rev. X 9, 031040 (2019), table I; templates without spin lose a little."""
    found = found_in(at_hand(event), bank)
    assert 0.9 * published < found.network_snr[0] < 1.1 * published


def test_no_wave_of_the_coincidence_window_takes_longer_than_light():
    assert detectors.MAX_DELAY < search.COINCIDENCE < detectors.MAX_DELAY + 0.006
