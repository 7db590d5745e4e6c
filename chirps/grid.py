"""The grid that everything is computed on, and the convention for whitened spectra.

Four seconds of strain at 1024 Hz. A spectrum is the continuous Fourier transform

    h(f) = ∫ h(t) exp(−2πi f t) dt ,

sampled at the non-negative frequencies: ``numpy.fft.rfft(strain) / SAMPLE_RATE``, in 1/Hz.

A *whitened* spectrum is divided by the amplitude spectral density of the noise (in 1/√Hz) and is
zero outside the band. In the noise, each of its bins has ⟨|n|²⟩ = T/2 for a segment of T
seconds, so that for a signal the squared norm 4/T Σ |s|² is its squared optimal
signal-to-noise ratio: the discrete form of 4 ∫ |h(f)|² / S(f) df.

References
----------
B. Allen et al., "FINDCHIRP: an algorithm for detection of gravitational waves from inspiraling
compact binaries", Phys. Rev. D 85, 122006 (2012), arXiv:gr-qc/0509116: the same conventions.
"""

import numpy as np

SAMPLE_RATE = 1024  # Hz
DURATION = 4.0  # s
N_SAMPLES = int(SAMPLE_RATE * DURATION)
N_FREQUENCIES = N_SAMPLES // 2 + 1
FREQUENCIES = np.arange(N_FREQUENCIES) / DURATION  # Hz
TIMES = np.arange(N_SAMPLES) / SAMPLE_RATE  # s
LOWEST, HIGHEST = 20.0, 480.0  # Hz
BAND = (FREQUENCIES >= LOWEST) & (FREQUENCIES <= HIGHEST)
WINDOW_START, WINDOW = 2.5, 1.0  # s: the second of the segment that becomes an image

for _array in (FREQUENCIES, TIMES, BAND):
    _array.flags.writeable = False


def norm(spectrum):
    """Return the optimal signal-to-noise ratio of whitened spectra.

    Parameters
    ----------
    spectrum : complex array, shape (..., N_FREQUENCIES)
        Whitened spectra of segments of ``DURATION`` seconds.

    Returns
    -------
    array, shape (...)
        √(4/T Σ |s|²), without unit.
    """
    return np.sqrt(4 / DURATION * np.sum(np.abs(spectrum) ** 2, axis=-1, dtype=float))


def to_time(spectrum):
    """Return the time series of whitened spectra, in standard deviations of the white noise.

    White noise over all frequencies would have variance 1; cut to the band it keeps the
    fraction (``HIGHEST`` − ``LOWEST``) / (``SAMPLE_RATE`` / 2) ≈ .90 of it.

    Parameters
    ----------
    spectrum : complex array, shape (..., n // 2 + 1)
        Whitened spectra at ``SAMPLE_RATE``; any even length n of the segment.

    Returns
    -------
    array, shape (..., n)
    """
    return np.fft.irfft(spectrum, axis=-1) * np.sqrt(2 * SAMPLE_RATE)


def to_frequency(series):
    """Return the whitened spectra of whitened time series: the inverse of :func:`to_time`.

    Parameters
    ----------
    series : array, shape (..., n)
        In standard deviations of white noise, sampled at ``SAMPLE_RATE``; n even.

    Returns
    -------
    complex array, shape (..., n // 2 + 1)
    """
    return np.fft.rfft(series, axis=-1) / np.sqrt(2 * SAMPLE_RATE)


def duration_of(spectra):
    """Return the length of segments in seconds from the number of their frequencies."""
    return 2 * (spectra.shape[-1] - 1) / SAMPLE_RATE


def band_of(duration):
    """Return which frequencies of a segment of that many seconds lie in the band, as a slice."""
    return slice(int(np.ceil(LOWEST * duration)), int(HIGHEST * duration) + 1)
