"""The waveform against LALSimulation's IMRPhenomD, Leaver's equations and published numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from chirps import grid, noise, waveform
from chirps.waveform import chirp_mass, chirp_time, match, phenom_d
from tests.support import FIXTURES

REFERENCES = np.load(FIXTURES / "gw_references.npz")
FREQUENCIES = REFERENCES["frequencies"]
PAIRS = [tuple(pair) for pair in REFERENCES["masses"].tolist()]
ASD = np.where(grid.BAND, 1e-23, np.inf)

masses = st.floats(5, 60)


@pytest.mark.parametrize("row", range(len(PAIRS)), ids=[f"{a:g}+{b:g}" for a, b in PAIRS])
def test_it_is_lalsimulations_imrphenomd(row):
    ours = phenom_d(FREQUENCIES, *PAIRS[row])
    plus, cross = REFERENCES["polarisations"][row]
    inside = ours != 0  # LAL goes on above M f = 0.2, where nothing is left
    assert inside[FREQUENCIES < 300].all()
    # the amplitude in absolute units, 1/Hz at 1 Mpc, and both polarisations
    np.testing.assert_allclose(abs(ours[inside]), abs(plus[inside]), rtol=1e-4)
    np.testing.assert_allclose(-1j * plus, cross, rtol=1e-12)
    # the phase, but for an arbitrary constant and an arbitrary time
    difference = np.unwrap(np.angle(ours[inside] / plus[inside]))
    line = np.polynomial.Polynomial.fit(FREQUENCIES[inside], difference, 1)
    assert abs(difference - line(FREQUENCIES[inside])).max() < 2e-3
    assert abs(line.convert().coef[1]) / (2 * np.pi) < 2e-3  # s
    # and the match over the band, in white noise
    plus = plus * np.exp(1j * line(FREQUENCIES))
    weight = np.gradient(FREQUENCIES)
    overlap = abs(np.sum(weight * ours * plus.conj()))
    overlap /= np.sqrt(np.sum(weight * abs(ours) ** 2) * np.sum(weight * abs(plus) ** 2))
    assert overlap > 0.999999


def test_the_signal_to_noise_ratio_is_lals():
    distance = 400  # Mpc
    h = phenom_d(grid.FREQUENCIES, *REFERENCES["masses"].T) / distance
    np.testing.assert_allclose(grid.norm(h / ASD), REFERENCES["snr"], rtol=1e-3)


def test_against_an_installed_lalsimulation():
    lalsimulation = pytest.importorskip("lalsimulation")
    import lal

    rng = np.random.default_rng(1)
    pairs = rng.uniform(5, 60, (40, 2))
    inside = lal.CreateREAL8Sequence(int(grid.BAND.sum()))
    inside.data = grid.FREQUENCIES[grid.BAND]
    theirs = np.zeros((len(pairs), grid.N_FREQUENCIES), complex)
    for row, (mass1, mass2) in enumerate(pairs * lal.MSUN_SI):
        plus, _ = lalsimulation.SimInspiralChooseFDWaveformSequence(
            0.0, mass1, mass2, *6 * [0.0], 20.0, 1e6 * lal.PC_SI, 0.0, None,
            lalsimulation.IMRPhenomD, inside,
        )  # fmt: skip
        theirs[row, grid.BAND] = plus.data.data
    assert match(phenom_d(grid.FREQUENCIES, *pairs.T), theirs, ASD).min() > 0.9999999


def test_ringdown_solves_leavers_equations():
    # undo the final state to get back to the bare black hole
    for eta in (0.05, 0.1, 0.2, 0.25):
        spin = eta * np.polyval(waveform.FINAL_SPIN, eta)
        left = 1 - eta * np.polyval(waveform.RADIATED_ENERGY, eta)
        frequency, damping = np.array(waveform.ringdown(eta)) * left * 2 * np.pi
        known = REFERENCES["ringdown"]
        assert frequency == pytest.approx(
            np.interp(spin, REFERENCES["spins"], known.real), rel=2e-3
        )
        assert damping == pytest.approx(np.interp(spin, REFERENCES["spins"], -known.imag), rel=2e-3)
    spun_up = np.log(1 - REFERENCES["spins"])
    fit = (
        2
        * np.pi
        * (np.polyval(waveform.RINGDOWN, spun_up) - 1j * np.polyval(waveform.DAMPING, spun_up))
    )
    np.testing.assert_allclose(fit, REFERENCES["ringdown"], rtol=1e-7)


def test_the_solutions_are_the_published_ones():
    # E. Berti, V. Cardoso and C. Will, Phys. Rev. D 73, 064030 (2006), table II: l = m = 2, n = 0
    published = {0: 0.3737 - 0.0890j, 0.2: 0.4021 - 0.0883j, 0.4: 0.4398 - 0.0869j}
    published |= {0.5: 0.4641 - 0.0856j, 0.6: 0.4940 - 0.0838j, 0.7: 0.5326 - 0.0808j}
    for spin, frequency in published.items():
        at = np.argmin(abs(REFERENCES["spins"] - spin))
        assert abs(REFERENCES["ringdown"][at] - frequency) < 1e-4


def test_the_final_black_hole_is_that_of_numerical_relativity():
    # M. Scheel et al., Phys. Rev. D 79, 024003 (2009): equal masses leave 0.95162 and spin 0.68646
    assert 0.25 * np.polyval(waveform.FINAL_SPIN, 0.25) == pytest.approx(0.68646, abs=3e-4)
    assert 0.25 * np.polyval(waveform.RADIATED_ENERGY, 0.25) == pytest.approx(1 - 0.95162, abs=3e-4)


def test_a_frequency_arrives_when_the_chirp_time_says():
    f = np.array([19.99, 20.0, 20.01])
    for pair in ((5, 5), (10, 6)):
        phase = np.unwrap(np.angle(phenom_d(f, *pair)))
        arrival = -(phase[2] - phase[0]) / (2 * np.pi * (f[2] - f[0]))
        assert -arrival == pytest.approx(chirp_time(20, *pair), rel=0.06)  # leading order only


def test_the_strain_peaks_just_before_zero():
    rate, n = 4096, 2**15
    f = np.arange(n // 2 + 1) * rate / n
    for pair in ((36, 29), (10, 7), (60, 60), (90, 5)):
        h = phenom_d(f, *pair) * (f > 10)
        strain = np.abs(np.fft.ifft(np.concatenate([h, np.zeros(n // 2 - 1)])))
        peak = (np.argmax(strain) + n // 2) % n - n // 2
        total = sum(pair) * waveform.SOLAR_MASS
        assert -20 * total < peak / rate < 0


@settings(max_examples=25, deadline=None)
@given(masses, masses)
def test_pieces_join_in_value_and_slope(mass1, mass2):
    total = (mass1 + mass2) * waveform.SOLAR_MASS
    eta = mass1 * mass2 / (mass1 + mass2) ** 2
    fits = {name: np.array(values) for name, values in waveform._fits(np.array([eta])).items()}
    joints = [0.014, fits["peak"][0], 0.018, fits["ringdown"][0] / 2]
    for x in joints:
        step = 1e-5 * x
        h = phenom_d(
            np.array([x - 2 * step, x - step, x + step, x + 2 * step]) / total, mass1, mass2
        )
        for values in (np.log(abs(h)), np.unwrap(np.angle(h))):
            left, right = values[1] - values[0], values[3] - values[2]
            assert values[2] - values[1] == pytest.approx(left + right, abs=2e-5)
            assert right == pytest.approx(left, abs=2e-6)


@settings(max_examples=20, deadline=None)
@given(masses, masses, st.floats(0.7, 2))
def test_mass_only_sets_the_scale(mass1, mass2, factor):
    f = np.linspace(20, 400, 30)
    here = phenom_d(f, mass1, mass2)
    there = phenom_d(f / factor, factor * mass1, factor * mass2)
    close = np.abs(f * (mass1 + mass2) * waveform.SOLAR_MASS - waveform.CUTOFF) < 1e-6
    np.testing.assert_allclose(there[~close], factor**2 * here[~close], rtol=1e-6)


def test_shapes_follow_the_masses_and_no_binary_depends_on_its_neighbours():
    f = grid.FREQUENCIES
    assert phenom_d(f, 36, 29).shape == (2049,)
    assert phenom_d(f, [36, 30, 20], 10.0).shape == (3, 2049)
    assert phenom_d(f, np.full((2, 1), 30.0), [10, 20, 30]).shape == (2, 3, 2049)
    assert phenom_d(f, [], []).shape == (0, 2049)
    rng = np.random.default_rng(2)
    mass1, mass2 = rng.uniform(5, 60, (2, 17))
    together = phenom_d(f, mass1, mass2)
    np.testing.assert_array_equal(together[5], phenom_d(f, mass1[5], mass2[5]))
    np.testing.assert_allclose(together, phenom_d(f, mass2, mass1), rtol=1e-9)
    assert not together[:, 0].any()  # 0 Hz
    assert np.isfinite(together).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([20.0], 2.9, 10), "2.9 solar masses is out of range.*3 to 200"),
        (([20.0], 10, 250), "250 solar masses"),
        (([20.0], 10, [20, np.nan]), "nan solar masses"),
        (([20.0], -5, 10), "-5 solar masses"),
        (([20.0], 95, 5), "mass ratio of 19.0.*18:1"),
        (([-1.0, 20], 30, 20), "not negative"),
        (([np.inf], 30, 20), "finite"),
        (([np.nan], 30, 20), "finite"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        phenom_d(*arguments)


def test_a_wave_matches_itself_shifted_turned_and_scaled():
    h = phenom_d(grid.FREQUENCIES, [36, 12], [29, 8])
    for shift in (0.0, 0.0123456, -0.3):
        other = 3 * h * np.exp(2j * np.pi * grid.FREQUENCIES * shift + 1j)
        np.testing.assert_allclose(match(h, other, ASD), 1, atol=1e-12)


def test_match_is_the_largest_overlap():
    first, second = phenom_d(grid.FREQUENCIES, [36, 33], [29, 26])
    asd = noise.analytic().asd_on(grid.FREQUENCIES)

    def overlap(shift):
        turned = second * np.exp(-2j * np.pi * grid.FREQUENCIES * shift)
        a, b = (first / asd)[grid.BAND], (turned / asd)[grid.BAND]
        return -abs(np.vdot(a, b)) / np.sqrt(np.vdot(a, a).real * np.vdot(b, b).real)

    shifts = np.linspace(-0.2, 0.2, 801)
    best = shifts[np.argmin([overlap(shift) for shift in shifts])]
    found = optimize.minimize_scalar(
        overlap, bounds=(best - 5e-4, best + 5e-4), method="bounded", options={"xatol": 1e-9}
    )
    assert 0.5 < -found.fun < 0.999
    asd[~grid.BAND] = np.inf
    assert match(first, second, asd) == pytest.approx(-found.fun, abs=1e-9)
    assert match(first, second, asd) == pytest.approx(match(second, first, asd))


def test_match_wants_the_grid():
    h = phenom_d(np.arange(100.0), 36, 29)
    with pytest.raises(ValueError, match="2049 values"):
        match(h, h, ASD)


def test_chirp_mass_and_time():
    # GW150914 at the detector: B. Abbott et al., Phys. Rev. Lett. 116, 061102 (2016): 30 solar
    # masses; from 35 Hz it swept to the merger in 0.2 s
    assert chirp_mass(39, 32) == pytest.approx(30, abs=1)
    assert chirp_time(35, 39, 32) == pytest.approx(0.2, abs=0.05)
    assert chirp_mass(30, 30) == pytest.approx(30 / 2**0.2)
    assert chirp_time(20, 5, 5) == pytest.approx(19, abs=0.5)
    with pytest.raises(ValueError, match="0 Hz"):
        chirp_time(0, 30, 30)
