"""Glitches: of the strength asked for, in the window, with the shape of their family."""

import numpy as np
import pytest

from chirps import glitches, images
from chirps.grid import BAND, FREQUENCIES, TIMES, to_time

FAMILIES = list(glitches.FAMILIES)


def drawn(n, family=None, seed=0, **options):
    return glitches.draw_glitches(np.random.default_rng(seed), n, family, **options)


def test_shapes_and_types():
    spectra, families, snr = drawn(7)
    assert (spectra.shape, spectra.dtype) == ((7, 2049), np.complex64)
    assert families.shape == snr.shape == (7,)
    assert not spectra[:, ~BAND].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_strength_is_exact_in_time_as_in_frequency(family):
    """White noise has variance 1 in each sample, so that the SNR is the root of the energy."""
    spectra, families, _ = drawn(5, family, snr=17.0)
    assert set(families) == {family}
    np.testing.assert_allclose((to_time(spectra) ** 2).sum(-1), 17.0**2, rtol=1e-4)


def test_strength_is_drawn_evenly_in_its_logarithm():
    snr = drawn(800)[2]
    low, high = glitches.SNR_RANGE
    assert low <= snr.min() < snr.max() <= high
    counts = np.histogram(np.log(snr), 4, (np.log(low), np.log(high)))[0]
    assert np.abs(counts - 200).max() < 4 * 200**0.5


def test_all_families_come_with_equal_chances():
    names, counts = np.unique(drawn(800)[1], return_counts=True)
    assert set(names) == set(FAMILIES)
    assert np.abs(counts - 160).max() < 4 * 160**0.5


@pytest.mark.parametrize("family", FAMILIES)
def test_glitches_lie_in_the_window(family):
    energy = to_time(drawn(20, family)[0]) ** 2
    centre = (energy * TIMES).sum(-1) / energy.sum(-1)
    assert 2.5 < centre.min() < centre.max() < 3.5


@pytest.mark.parametrize(
    ("family", "lowest", "highest"),
    [("sine-Gaussian", 24, 470), ("scattered light", 19, 75), ("whistle", 60, 440)],
)
def test_frequencies_are_those_of_the_family(family, lowest, highest):
    power = np.abs(drawn(40, family)[0]) ** 2
    inside = (FREQUENCIES >= lowest) & (FREQUENCIES <= highest)
    assert (power[:, inside].sum(-1) > 0.9 * power.sum(-1)).all()


def test_blips_are_short_and_scattered_light_is_long():
    def duration(family):
        """Return the shortest time that holds 80 % of the energy, on average, in s."""
        energy = np.sort(to_time(drawn(20, family)[0]) ** 2, axis=-1)[:, ::-1]
        held = np.cumsum(energy, -1) / energy.sum(-1, keepdims=True)
        return (held < 0.8).sum(-1).mean() / 1024

    assert duration("blip") < 0.03 < duration("whistle") < 0.2 < duration("scattered light")


def test_a_scattering_surface_draws_arches():
    """The frequency of the fringes follows |cos|, so that the top row is reached twice a period."""
    u = np.array([0.5, 1.0, 0.0, 0.0, 0.0])[:, None, None]  # a period of 0.75 s, up to 70 Hz
    series = glitches.scattered_light(TIMES[None] - 3.0, u)[0]
    spectra = (np.fft.rfft(series) / 1024 * BAND)[None, None]
    energies = images.constant_q(spectra, n_columns=110)[0, :, :, 0]
    top = np.abs(images.ROW_FREQUENCIES - 66).argmin()
    ridge = energies[top - 1 : top + 2].sum(0)
    assert ridge[50] > 5 * ridge[31]  # at 3.0 s the surface is fastest, at 2.8125 s it rests
    assert ridge[87] > 2 * ridge[69]  # half a period later again


# --- repeatable ---------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [None, "whistle"])
def test_a_glitch_does_not_depend_on_how_many_are_drawn(family):
    for few, many in zip(drawn(3, family, seed=4), drawn(50, family, seed=4), strict=True):
        np.testing.assert_array_equal(few, many[:3])


def test_none_is_allowed():
    spectra, families, snr = drawn(0)
    assert spectra.shape == (0, 2049)
    assert len(families) == len(snr) == 0


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="'tomte', expected one of"):
        drawn(1, "tomte")
