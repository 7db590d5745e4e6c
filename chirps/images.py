"""Time-frequency images: one second of whitened strain as 39 rows × 100 columns × detectors.

A row is a narrow filter around one frequency; a pixel is the energy that passes it during 10 ms.
:func:`constant_q` uses log-spaced rows whose width grows with their frequency (Q = 12), as the
field does; :func:`stft` uses evenly spaced rows of one width. Row 0 is the highest frequency, as
a picture is drawn.

Energies are in units of the noise: in Gaussian noise the median of every pixel is 1. Before the
mean over a column is taken, the energy of Gaussian noise is exponentially distributed, exactly:
P(energy > x) = 2^-x. Rows so narrow that one sample per column suffices (all of :func:`stft`, and
:func:`constant_q` below 181 Hz) keep that law. Wider rows average two or three correlated samples,
which narrows the distribution; :func:`survival` gives the exact law of each row.

References
----------
S. Chatterji et al., *Multiresolution techniques for the detection of gravitational-wave bursts*,
Class. Quantum Grav. 21, S1809 (2004), arXiv:gr-qc/0412119, and S. Chatterji, PhD thesis, MIT
(2005): the constant-Q transform and its bisquare window.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy  # scipy.optimize takes long to load, so it is named only where it is used
from scipy import fft

from chirps.grid import BAND, DURATION, FREQUENCIES, WINDOW_START

N_ROWS = 39
N_COLUMNS = 100
COLUMN_SECONDS = 0.01
QUALITY = 12.0  # central frequency over bandwidth, of every constant-Q row
STFT_HALF_WIDTH = 22.0  # Hz, of every STFT row
FULL_SCALE = 25.0  # energy at which images saturate

ROW_FREQUENCIES = np.geomspace(400.0, 25.0, N_ROWS)  # Hz, constant-Q
STFT_ROW_FREQUENCIES = np.linspace(400.0, 25.0, N_ROWS)  # Hz

_SLAB = 32  # spectra transformed at a time: small enough for a processor's cache


@dataclass(frozen=True)
class _Row:
    """One filter: which bins it takes, with which weights, and how its energy is scaled."""

    n_points: int  # samples in DURATION; a multiple of the number of columns in DURATION
    bins: slice  # of the spectrum
    places: np.ndarray  # where these bins go in the shifted, shorter spectrum
    weights: np.ndarray  # complex64
    scale: np.float32  # makes the median 1
    eigenvalues: np.ndarray  # of a column's mean energy in noise, in units of the median


def constant_q(spectra, *, start=WINDOW_START, n_columns=N_COLUMNS):
    """Turn whitened spectra into constant-Q images.

    Parameters
    ----------
    spectra : complex array, shape (n, n_detectors, n_freq)
        Whitened one-sided spectra on :data:`chirps.grid.FREQUENCIES`.
    start : float
        Where the first column begins, in seconds from the start of the segment; a multiple of
        10 ms.
    n_columns : int
        How many columns of 10 ms. More than 100 leave room to cut shifted images from.

    Returns
    -------
    float32 array, shape (n, 39, n_columns, n_detectors)
        Energies; median 1 in Gaussian noise. Row 0 is 400 Hz, the last row 25 Hz.

    Raises
    ------
    ValueError
        If the spectra are not on the grid, not finite, or the columns leave the segment.
    """
    return _images(spectra, "constant_q", start, n_columns)


def stft(spectra):
    """Turn whitened spectra into short-time Fourier images: every row 22 Hz half-width.

    Parameters and result as :func:`constant_q`, with rows at :data:`STFT_ROW_FREQUENCIES`.
    """
    return _images(spectra, "stft", WINDOW_START, N_COLUMNS)


TRANSFORMS = {"constant_q": constant_q, "stft": stft}


def survival(energy, transform="constant_q"):
    """Probability that a pixel of Gaussian noise exceeds `energy`, exactly, for each row.

    The mean of correlated exponential energies is a sum of independent exponentials whose means
    λ are the eigenvalues of the samples' covariance, so that
    P(E > x) = Σ_i exp(-x/λ_i) Π_{j≠i} λ_i / (λ_i - λ_j).

    Parameters
    ----------
    energy : float
    transform : {"constant_q", "stft"}

    Returns
    -------
    float array, shape (39,)
        0.5 at ``energy = 1``, by construction; ``2**-energy`` in the rows without averaging.
    """
    return np.array([_survival(energy, row.eigenvalues) for row in _rows(transform)])


def to_bytes(energies):
    """Store energies as 256 grey levels; what exceeds :data:`FULL_SCALE` saturates.

    Parameters
    ----------
    energies : float array

    Returns
    -------
    uint8 array, same shape
    """
    levels = np.multiply(energies, np.float32(255 / FULL_SCALE), dtype=np.float32)
    return np.clip(np.rint(levels, out=levels), 0, 255, out=levels).astype(np.uint8)


def from_bytes(images):
    """Turn grey levels back into energies, from 0 to :data:`FULL_SCALE`, as float32."""
    return np.multiply(images, np.float32(FULL_SCALE / 255), dtype=np.float32)


# --- inside -------------------------------------------------------------------------------------


def _images(spectra, transform, start, n_columns):
    spectra = np.asarray(spectra)
    if spectra.ndim != 3 or spectra.shape[-1] != len(FREQUENCIES):
        raise ValueError(
            f"spectra have shape {spectra.shape}; expected (n, n_detectors, {len(FREQUENCIES)}). "
            "For one detector use spectrum[np.newaxis, np.newaxis]."
        )
    first = round(start / COLUMN_SECONDS)
    if abs(first * COLUMN_SECONDS - start) > 1e-6:
        raise ValueError(f"start is {start} s, expected a multiple of {COLUMN_SECONDS} s.")
    if n_columns < 1 or first < 0 or first + n_columns > round(DURATION / COLUMN_SECONDS):
        raise ValueError(
            f"{n_columns} columns from {start} s on leave the segment of {DURATION:g} s."
        )
    n, n_detectors, _ = spectra.shape
    energies = np.empty((n, N_ROWS, n_columns, n_detectors), np.float32)
    for i in range(0, n, _SLAB):
        slab = spectra[i : i + _SLAB].astype(np.complex64, copy=False)
        for r, row in enumerate(_rows(transform)):
            energies[i : i + _SLAB, r] = _row_energies(slab, row, first, n_columns)
    if not np.isfinite(energies).all():
        sample = np.argwhere(~np.isfinite(energies))[0, 0]
        raise ValueError(
            f"spectra[{sample}] is not finite. Strain with gaps (NaN) must be cut before it is "
            "transformed; see chirps.strain."
        )
    return energies


def _row_energies(spectra, row, first, n_columns):
    """Return energies (n, n_columns, n_detectors) of one row."""
    n, n_detectors, _ = spectra.shape
    shifted = np.zeros((n, n_detectors, row.n_points), np.complex64)
    shifted[..., row.places] = spectra[..., row.bins] * row.weights
    per_column = row.n_points // round(DURATION / COLUMN_SECONDS)
    samples = fft.ifft(shifted, axis=-1, norm="forward", overwrite_x=True)
    samples = samples[..., first * per_column : (first + n_columns) * per_column]
    energy = samples.real**2 + samples.imag**2
    if per_column > 1:
        energy = energy.reshape(n, n_detectors, n_columns, per_column).mean(-1)
    return energy.swapaxes(1, 2) * row.scale


@cache
def _rows(transform):
    """Return the 39 filters of a transform, from the highest frequency to the lowest."""
    if transform == "constant_q":  # half-width of a bisquare window, Chatterji (2005)
        centres, half_widths = ROW_FREQUENCIES, ROW_FREQUENCIES * np.sqrt(11) / QUALITY
    elif transform == "stft":
        centres = STFT_ROW_FREQUENCIES
        half_widths = np.full(N_ROWS, STFT_HALF_WIDTH)
    else:
        raise ValueError(f"transform is {transform!r}, expected one of {list(TRANSFORMS)}.")
    return tuple(_row(f, w) for f, w in zip(centres, half_widths, strict=True))


def _row(centre, half_width):
    """Build the filter around `centre` (Hz)."""
    middle = round(centre * DURATION)
    reach = int(half_width * DURATION)
    offsets = np.arange(-reach, reach + 1)
    inside = (middle + offsets > 0) & (middle + offsets < len(FREQUENCIES))
    inside[inside] = BAND[middle + offsets[inside]]
    offsets = offsets[inside]
    window = (1 - (offsets / (half_width * DURATION)) ** 2) ** 2
    window /= np.sqrt((window**2).sum())  # unit energy from white noise in the band

    # The fewest samples per column that hold the filter's bandwidth without aliasing.
    columns = round(DURATION / COLUMN_SECONDS)
    per_column = -(-len(offsets) // columns)
    n_points = columns * per_column
    # Samples lie in the middle of what they stand for, not at its left end.
    delay = np.exp(2j * np.pi * offsets * 0.5 / n_points)

    steps = np.subtract.outer(np.arange(per_column), np.arange(per_column))
    covariance = (window**2 * np.exp(2j * np.pi * steps[..., None] * offsets / n_points)).sum(-1)
    eigenvalues = np.linalg.eigvalsh(covariance / per_column)
    median = _median(eigenvalues)
    return _Row(
        n_points=n_points,
        bins=slice(middle + offsets[0], middle + offsets[-1] + 1),
        places=offsets % n_points,
        weights=(window * delay).astype(np.complex64),
        scale=np.float32(2 / DURATION / median),
        eigenvalues=eigenvalues / median,
    )


def _survival(energy, eigenvalues):
    gaps = np.subtract.outer(eigenvalues, eigenvalues)
    np.fill_diagonal(gaps, eigenvalues)  # a factor of 1
    factors = (eigenvalues[:, None] / gaps).prod(1)
    return float((factors * np.exp(-energy / eigenvalues)).sum())


def _median(eigenvalues):
    most = 20 * eigenvalues.sum()
    return scipy.optimize.brentq(lambda x: _survival(x, eigenvalues) - 0.5, 1e-6, most)
