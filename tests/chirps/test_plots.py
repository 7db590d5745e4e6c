"""Plotters for gravitational waves: what is drawn stands where its numbers say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from chirps import grid, images, noise
from chirps import plots as gw_plots
from helpers import plots


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def burst(frequency, when):
    """Energies of a short sine, both transforms."""
    time = grid.TIMES - when
    wave = np.exp(-((time / 0.02) ** 2)) * np.cos(2 * np.pi * frequency * time)
    spectrum = grid.to_frequency(60 * wave)[None, None]
    return {name: make(spectrum)[0, ..., 0] for name, make in images.TRANSFORMS.items()}


@pytest.mark.parametrize("transform", list(images.TRANSFORMS))
def test_a_burst_is_drawn_at_its_frequency_and_time(ax, transform):
    energies = burst(200.0, grid.WINDOW_START + 0.305)[transform]
    assert gw_plots.spectrogram(ax, energies, start=100.0, transform=transform) is ax
    mesh = ax.collections[0]
    drawn = mesh.get_array().reshape(energies.shape)
    row, column = np.unravel_index(drawn.argmax(), drawn.shape)
    corners = mesh.get_coordinates()
    (left, top), (right, bottom) = corners[row, column], corners[row + 1, column + 1]
    assert left <= 100.305 <= right + 0.01
    assert bottom * 0.95 <= 200 <= top * 1.05
    assert ax.get_yscale() == ("log" if transform == "constant_q" else "linear")
    assert "Hz" in ax.get_ylabel() and "(s)" in ax.get_xlabel()


def test_every_row_lies_inside_its_borders(ax):
    for transform, rows in (
        ("constant_q", images.ROW_FREQUENCIES),
        ("stft", images.STFT_ROW_FREQUENCIES),
    ):
        gw_plots.spectrogram(ax, np.ones((39, 100)), transform=transform)
        borders = ax.collections[-1].get_coordinates()[:, 0, 1]
        assert (borders[:-1] > rows).all() and (rows > borders[1:]).all()


def test_all_spectrograms_share_one_scale(ax):
    gw_plots.spectrogram(ax, np.zeros((39, 100)))
    assert ax.collections[0].get_clim() == (0, images.FULL_SCALE)


def test_wrong_images_are_refused(ax):
    with pytest.raises(ValueError, match="one detector at a time"):
        gw_plots.spectrogram(ax, np.zeros((39, 100, 2)))
    with pytest.raises(ValueError, match="constant_q"):
        gw_plots.spectrogram(ax, np.zeros((39, 100)), transform="wavelet")


def test_series_in_the_colours_of_their_detectors(ax):
    t = np.linspace(0, 1, 50)
    assert gw_plots.series(ax, t, {"L1": t, "predicted": -t, "H1": 2 * t}, "strain") is ax
    colours = {line.get_label(): line.get_color() for line in ax.lines}
    assert (colours["H1"], colours["L1"]) == (plots.ORANGE, plots.BLUE)
    assert len(set(colours.values())) == 3
    np.testing.assert_array_equal(ax.lines[2].get_ydata(), 2 * t)
    assert ax.get_legend() is not None


def test_one_series_needs_no_legend(ax):
    gw_plots.series(ax, np.arange(3.0), {"H1": np.arange(3.0)}, "strain")
    assert ax.get_legend() is None


def test_noise_curves_over_the_band(ax):
    curve = noise.analytic()
    assert gw_plots.noise(ax, {"H1": curve, "design": curve}) is ax
    f, asd = ax.lines[0].get_data()
    assert (f[0], f[-1]) == (grid.LOWEST, grid.HIGHEST)
    np.testing.assert_allclose(asd, curve.asd_on(f))
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_both_detectors_side_by_side(ax):
    image = np.random.default_rng(0).exponential(size=(39, 100, 2))
    assert gw_plots.both(ax, image, "a title") is ax
    drawn = ax.images[0].get_array()
    np.testing.assert_array_equal(drawn[:, :100], image[..., 0])
    np.testing.assert_array_equal(drawn[:, -100:], image[..., 1])
    assert np.ma.getmaskarray(drawn)[:, 100:-100].all() or np.isnan(drawn[:, 100:-100]).all()
    assert [text.get_text() for text in ax.texts] == ["H1", "L1"]
