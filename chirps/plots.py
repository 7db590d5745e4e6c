"""Plotters for strain, noise curves and time-frequency images. Each takes and returns an ``Axes``.

Detectors have the colours that LIGO gives them, as far as our palette goes: H1 is orange, L1 blue.
"""

import numpy as np

from chirps import images
from chirps.grid import BAND, FREQUENCIES
from helpers import plots

COLOURS = {"H1": plots.ORANGE, "L1": plots.BLUE}
TICKS = {"constant_q": (32, 64, 128, 256), "stft": (100, 200, 300, 400)}  # Hz


def series(ax, times, lines, ylabel):
    """Draw one or more time series; those named H1 and L1 in their colours.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    times : array, shape (n,)
        Seconds.
    lines : dict of str to array, shape (n,)
        Label: values. A legend is drawn where there are two or more.
    ylabel : str
        Quantity and unit.

    Returns
    -------
    matplotlib.axes.Axes
    """
    others = iter((plots.GREEN, "0.2", plots.PURPLE))
    for label, values in lines.items():
        colour = COLOURS.get(label) or next(others)
        ax.plot(times, values, color=colour, linewidth=1.1, label=label)
    ax.set(xlabel="time (s)", ylabel=ylabel, xlim=(times[0], times[-1]))
    if len(lines) > 1:
        ax.legend()
    return ax


def noise(ax, curves):
    """Draw noise curves over the band in which we search, on logarithmic axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : dict of str to chirps.noise.NoiseCurve
        Label: curve.

    Returns
    -------
    matplotlib.axes.Axes
    """
    others = iter((plots.GREEN, "0.2", plots.PURPLE, "0.6"))
    band = FREQUENCIES[BAND]
    for label, curve in curves.items():
        colour = COLOURS.get(label) or next(others)
        ax.plot(band, curve.asd_on(band), color=colour, linewidth=1, label=label)
    ax.set(xscale="log", yscale="log", xlim=(band[0], band[-1]))
    ax.set(xlabel="frequency (Hz)", ylabel="noise (1/√Hz)")
    ax.set_xticks([20, 50, 100, 200, 400], ["20", "50", "100", "200", "400"])
    ax.set_xticks([], minor=True)
    ax.legend()
    return ax


def spectrogram(ax, energies, title=None, *, start=0.0, transform="constant_q"):
    """Draw the image of one detector over time and frequency; `ax.collections[0]` has its scale.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    energies : array, shape (39, n_columns)
        As :mod:`chirps.images` makes them, the highest frequency in row 0.
    title : str, optional
    start : float
        When the first column begins, s.
    transform : {"constant_q", "stft"}
        Which frequencies the rows have. The axis is logarithmic for the first.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the image does not have 39 rows, or the transform is unknown.
    """
    energies = np.asarray(energies)
    if energies.ndim != 2 or len(energies) != images.N_ROWS:
        raise ValueError(
            f"The image has shape {energies.shape}; expected ({images.N_ROWS}, n_columns), one "
            "detector at a time: energies[..., 0]."
        )
    ax.pcolormesh(
        start + images.COLUMN_SECONDS * np.arange(energies.shape[1] + 1),
        _borders(transform),
        energies,
        cmap=plots.MAGNITUDE,
        vmin=0,
        vmax=images.FULL_SCALE,
        rasterized=True,
    )
    ax.set(xlabel="time (s)", ylabel="frequency (Hz)")
    if transform == "constant_q":
        ax.set_yscale("log")
    ax.set_yticks(TICKS[transform], [str(f) for f in TICKS[transform]])
    ax.minorticks_off()
    if title is not None:
        ax.set_title(title)
    return ax


def both(ax, image, title):
    """Draw the images of both detectors small, without axes, H1 on the left and L1 on the right.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    image : array, shape (39, n_columns, 2)
        Energies.
    title : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    image = np.asarray(image, float)
    gap = np.full((len(image), 4), np.nan)  # drawn white
    sheet = np.concatenate([image[..., 0], gap, image[..., 1]], axis=1)
    ax.imshow(sheet, cmap=plots.MAGNITUDE, vmin=0, vmax=images.FULL_SCALE, aspect="auto")
    ax.set_axis_off()
    width = image.shape[1]
    for label, left in (("H1", 0), ("L1", width + 4)):
        ax.text(left + 2, 1, label, color="white", fontsize=8, va="top")
    ax.set_title(title, fontsize=9)
    return ax


def _borders(transform):
    """Return the frequencies between the rows, from the highest to the lowest."""
    if transform == "constant_q":
        rows = images.ROW_FREQUENCIES
        half = np.sqrt(rows[0] / rows[1])
        return np.append(rows * half, rows[-1] / half)
    if transform == "stft":
        rows = images.STFT_ROW_FREQUENCIES
        half = (rows[0] - rows[1]) / 2
        return np.append(rows + half, rows[-1] - half)
    raise ValueError(f"transform is {transform!r}, expected one of {list(images.TRANSFORMS)}.")


# ------------------------------------------------------------------------- how well it is detected

# Networks in colour, everything else in black and grey.
DETECTORS = {
    "scanning network": {"color": plots.GREEN, "linewidth": 2},
    "small network": {"color": plots.PURPLE},
    "homework's network": {"color": plots.ORANGE},
    "logistic regression": {"color": "0.6"},
    "matched filter": {"color": "black"},
    "with χ² and coincidence": {"color": "black", "linestyle": "--"},
}


def efficiency(ax, curves):
    """Draw the share of waves that is found against their signal-to-noise ratio.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : dict of str to dict
        Label: ``snr``, ``efficiency``, ``low`` and ``high``, one number per bin, as of
        :class:`chirps.efficiency.Curve`; the band between the last two is shaded. Labels of
        :data:`DETECTORS` have a style of their own.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax.axhline(0.5, color="0.8", linewidth=1)
    for label, curve in curves.items():
        style = DETECTORS.get(label, {})
        (line,) = ax.plot(curve["snr"], curve["efficiency"], label=label, **style)
        ax.fill_between(
            curve["snr"], curve["low"], curve["high"], color=line.get_color(), alpha=0.2, lw=0
        )
    ax.set(xscale="log", xlabel="signal-to-noise ratio of both detectors", ylabel="share found")
    ax.set_xticks([4, 5, 6, 8, 10, 14, 20], ["4", "5", "6", "8", "10", "14", "20"])
    ax.set_xticks([], minor=True)
    ax.set_ylim(-0.02, 1.02)
    ax.legend()
    return ax


def roc(ax, scores):
    """Draw the share of waves found against the share of false alarms, on a logarithmic axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    scores : dict of str to tuple of array (background, signals)
        Label: scores of images without and with a wave. Labels of :data:`DETECTORS` have a style
        of their own. The axis begins at one image of the largest background.

    Returns
    -------
    matplotlib.axes.Axes
    """
    for label, (background, signals) in scores.items():
        # From the loudest background on: above it there are no false alarms to draw.
        limits = np.sort(np.asarray(background))[::-1]
        alarms = np.searchsorted(-limits, -limits, side="right") / len(limits)
        found = np.mean(np.asarray(signals)[:, None] >= limits, axis=0)
        ax.plot(alarms, found, drawstyle="steps-post", label=label, **DETECTORS.get(label, {}))
    lowest = 1 / max(len(background) for background, _ in scores.values())
    ax.set(xscale="log", xlim=(lowest, 1), ylim=(0, 1.02))
    ax.set(xlabel="false-alarm probability per second", ylabel="share found")
    ax.legend()
    return ax
