"""The noise of a detector: its curves, how to measure one, whitening, and noise that follows one.

The amplitude spectral density (ASD) is the root of the one-sided power spectral density S(f): in a
narrow band Δf, the strain noise has the variance S(f) Δf. Its unit is 1/√Hz.

References
----------
.. [A] P. Ajith, "Addressing the spin question in gravitational-wave searches: waveform templates
   for inspiralling compact binaries with nonprecessing spins", Phys. Rev. D 84, 084037 (2011),
   arXiv:1107.1267: the analytic curve.
.. [F] B. Allen et al., Phys. Rev. D 85, 122006 (2012), arXiv:gr-qc/0509116, appendix B: the
   bias of a median.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # scipy.signal takes a second to load, so it is named only where it is used

from chirps.grid import BAND, DURATION, FREQUENCIES, HIGHEST, LOWEST, N_FREQUENCIES, SAMPLE_RATE
from helpers import sources
from helpers.sources import DataError

DATASET = "gw_noise"

# Twenty pairs of curves, measured in both detectors at the same time, in the order of that time.
# They are divided by time, at pauses of ten days or more, so that no curve of one part was measured
# near one of another: noise of the same week has the same lines.
O3A_SPLIT = {
    "train": (10, 4, 13, 12, 0, 11, 9, 6, 2, 3, 19, 5),
    "validation": (18, 14, 1, 17),
    "test": (16, 7, 8, 15),
}

_FILES = {
    "design": "aLIGO_ZERO_DET_high_P_asd.txt",
    "O4": "aLIGO_O4_high_asd.txt",
} | {
    f"O3a-{detector}-{number}": f"O3a-{detector}-psd-{number}.hdf"
    for detector in ("H1", "L1")
    for number in range(20)
}
NAMES = ("analytic", *_FILES)


@dataclass(frozen=True, eq=False)
class NoiseCurve:
    """How much noise a detector has at each frequency.

    Attributes
    ----------
    name : str
    frequencies : array
        Hz, increasing.
    asd : array
        Amplitude spectral density at these frequencies, 1/√Hz.
    origin : str
        Where it comes from: "local copy", "cache", "download", a formula, an estimate.
    stand_in : bool
        True when another curve was asked for and out of reach.
    """

    name: str
    frequencies: np.ndarray
    asd: np.ndarray
    origin: str = "given"
    stand_in: bool = False

    def __post_init__(self):
        frequencies, asd = np.asarray(self.frequencies, float), np.asarray(self.asd, float)
        if frequencies.ndim != 1 or frequencies.shape != asd.shape or len(asd) < 2:
            raise ValueError(
                f"Noise curve {self.name!r}: frequencies and asd must be two lists of the same "
                f"length, at least 2; got shapes {frequencies.shape} and {asd.shape}."
            )
        if not np.all(np.diff(frequencies) > 0) or frequencies[0] < 0:
            raise ValueError(f"Noise curve {self.name!r}: frequencies must increase from 0 Hz up.")
        if not np.all(np.isfinite(asd) & (asd >= 0)):
            raise ValueError(f"Noise curve {self.name!r}: the asd must be finite, not negative.")
        object.__setattr__(self, "frequencies", frequencies)
        object.__setattr__(self, "asd", asd)

    def __str__(self):
        mark = "STAND-IN for " if self.stand_in else ""
        span = f"{self.frequencies[0]:g}–{self.frequencies[-1]:g} Hz"
        return f"{mark}noise curve {self.name}: {span}, {self.origin}"

    def asd_on(self, frequencies=FREQUENCIES):
        """Return the ASD at other frequencies, interpolated in the logarithms.

        Parameters
        ----------
        frequencies : array
            Hz, zero or positive.

        Returns
        -------
        array
            1/√Hz; infinite where the curve says nothing, so that whitening gives zero there.

        Raises
        ------
        ValueError
            If a frequency is negative or not finite.
        """
        frequencies = np.asarray(frequencies, float)
        if not np.all(np.isfinite(frequencies) & (frequencies >= 0)):
            raise ValueError("Frequencies must be finite and not negative, in Hz.")
        known = (self.frequencies > 0) & (self.asd > 0)
        x, y = np.log(self.frequencies[known]), np.log(self.asd[known])
        asd = np.full(frequencies.shape, np.inf)
        inside = frequencies > 0
        asd[inside] = np.exp(np.interp(np.log(frequencies[inside]), x, y, np.inf, np.inf))
        return asd


def analytic():
    """Return the design curve of Advanced LIGO as a formula, from 15 Hz to 1024 Hz.

    Returns
    -------
    NoiseCurve

    Notes
    -----
    Ajith (2011): a fit to the zero-detuned, high-power design. Below 400 Hz it follows the
    published curve within 2 %; it has none of its lines.
    """
    frequencies = np.geomspace(15, 1024, 400)
    x = frequencies / 245.4
    psd = 1e-48 * (
        0.0152 * x**-4
        + 0.2935 * x ** (9 / 4)
        + 2.7951 * x ** (3 / 2)
        - 6.5080 * x ** (3 / 4)
        + 17.7622
    )
    return NoiseCurve("analytic", frequencies, np.sqrt(psd), "formula of Ajith (2011)")


def measured(name):
    """Return a published noise curve, or the analytic one in its place.

    Parameters
    ----------
    name : str
        "design" (Advanced LIGO as designed), "O4" (as foreseen for the fourth observing run), or
        "O3a-H1-0" … "O3a-L1-19" (measured in the third run); see :func:`names`.

    Returns
    -------
    NoiseCurve
        Printed, it says which file was used. ``stand_in`` is True when no file was within reach.

    Raises
    ------
    ValueError
        If there is no curve of that name.
    helpers.sources.DataError
        If the file is damaged.
    """
    if name == "analytic":
        return analytic()
    if name not in _FILES:
        raise ValueError(
            f"Unknown noise curve {name!r}: the course knows 'analytic', 'design', 'O4' and "
            "'O3a-H1-0' to 'O3a-L1-19'."
        )
    found = sources.find(DATASET, _FILES[name])
    if found is None:
        curve = analytic()
        return NoiseCurve(
            name, curve.frequencies, curve.asd, f"analytic curve, {curve.origin}", stand_in=True
        )
    if found.path.suffix == ".txt":
        frequencies, asd = np.loadtxt(found.path, unpack=True)
    else:
        frequencies, asd = _read_psd(found.path)
    return NoiseCurve(name, frequencies, asd, found.origin)


def _read_psd(path):
    """Read a file of the first machine-learning challenge: a PSD on a regular grid."""
    import h5py

    try:
        with h5py.File(path) as file:
            psd = file["data"][:]
            step = float(file["data"].attrs["delta_f"])
    except (OSError, KeyError) as problem:
        raise DataError(f"{path} does not hold a power spectral density: {problem}") from problem
    return np.arange(len(psd)) * step, np.sqrt(psd)


def names(split):
    """Return the names of the measured curves of one part of the data.

    Parameters
    ----------
    split : {"train", "validation", "test"}
        Never train, choose and test on the same noise.

    Returns
    -------
    list of pairs of str
        Curves of H1 and L1 that were measured at the same time.

    Raises
    ------
    ValueError
        If the split is unknown.
    """
    if split not in O3A_SPLIT:
        raise ValueError(f"Unknown split {split!r}: choose from {', '.join(O3A_SPLIT)}.")
    return [(f"O3a-H1-{number}", f"O3a-L1-{number}") for number in O3A_SPLIT[split]]


def welch(strain, sample_rate=SAMPLE_RATE, segment=DURATION):
    """Measure the noise curve of a stretch of strain.

    The stretch is cut into segments that overlap by half; the spectrum is the median of theirs, so
    that a short glitch or a signal in one of them does not count.

    Parameters
    ----------
    strain : array, shape (n,)
    sample_rate : float
        Hz.
    segment : float
        Length of a segment in seconds; the resolution is its inverse.

    Returns
    -------
    NoiseCurve

    Raises
    ------
    ValueError
        If the strain holds NaN, or is shorter than four segments.

    Notes
    -----
    Welch's method (IEEE Trans. Audio Electroacoust. 15, 70, 1967) with a Hann window. The median
    of exponentially distributed powers is below their mean; the bias is divided out (Allen et al.
    2012, appendix B).
    """
    strain = np.asarray(strain, float)
    if strain.ndim != 1:
        raise ValueError(f"The strain of one detector is a list; got shape {strain.shape}.")
    length = round(segment * sample_rate)
    if len(strain) < 4 * length:
        raise ValueError(
            f"{len(strain) / sample_rate:g} s of strain are too short for segments of "
            f"{segment:g} s: give at least four times that, or choose shorter segments."
        )
    if not np.all(np.isfinite(strain)):
        raise ValueError("The strain holds NaN or infinity: cut the gaps out first.")
    frequencies, psd = scipy.signal.welch(strain, sample_rate, nperseg=length, average="median")
    return NoiseCurve("estimate", frequencies, np.sqrt(psd), f"median of {segment:g} s segments")


def estimated(rng, curve, seconds=32.0):
    """Draw what :func:`welch` would make of a curve after some seconds of its noise.

    An estimate from a short stretch is off by tens of per cent from bin to bin; whoever whitens
    with it gets noise that is not quite white. Drawn for noise without narrow lines: those would
    also leak into their neighbours.

    Parameters
    ----------
    rng : numpy.random.Generator
    curve : NoiseCurve
        The truth.
    seconds : float
        How long the stretch is, at least 16 s.

    Returns
    -------
    NoiseCurve
        On ``grid.FREQUENCIES`` within the band.
    """
    white = welch(rng.standard_normal(round(seconds * SAMPLE_RATE))).asd[BAND]
    band = FREQUENCIES[BAND]
    asd = curve.asd_on(band) * white * np.sqrt(SAMPLE_RATE / 2)  # white noise has the PSD 2 / rate
    return NoiseCurve(f"{curve.name}, estimated", band, asd, f"drawn as if from {seconds:g} s")


def whiten(strain, curve, sample_rate=SAMPLE_RATE, taper=0.0):
    """Return the whitened spectrum of strain: every frequency with the same noise.

    Parameters
    ----------
    strain : array, shape (..., n)
    curve : NoiseCurve
        Of the noise that the strain holds.
    sample_rate : float
        Hz, ``grid.SAMPLE_RATE`` or more. Of strain sampled faster, only the spectrum below
        ``grid.SAMPLE_RATE / 2`` is kept: it is resampled on the way.
    taper : float
        Seconds at each end that fade in and out, as half a period of a cosine. Real strain needs
        it: a jump from the end to the start has all frequencies.

    Returns
    -------
    complex array, shape (..., m // 2 + 1)
        For a stretch of m samples at ``grid.SAMPLE_RATE``; four seconds give a spectrum on
        ``grid.FREQUENCIES``. Zero outside the band; in noise of this curve ⟨|n|²⟩ is half the
        duration.

    Raises
    ------
    ValueError
        If the strain holds NaN, is sampled too slowly, is shorter than the tapers, or has no even
        number of samples at ``grid.SAMPLE_RATE``.
    """
    strain = np.asarray(strain, float)
    n = strain.shape[-1]
    kept = n / sample_rate * SAMPLE_RATE
    if sample_rate < SAMPLE_RATE:
        raise ValueError(
            f"Strain sampled at {sample_rate:g} Hz is too slow: {SAMPLE_RATE} Hz needed."
        )
    if kept % 2:
        raise ValueError(
            f"{n} samples at {sample_rate:g} Hz are {kept:g} at {SAMPLE_RATE} Hz: "
            "give a stretch with an even number of those."
        )
    if not np.all(np.isfinite(strain)):
        raise ValueError("The strain holds NaN or infinity: cut the gaps out first.")
    if not 0 <= 2 * taper * sample_rate <= n:
        raise ValueError(f"A taper of {taper:g} s does not fit twice into {n / sample_rate:g} s.")
    if taper:
        strain = strain * scipy.signal.windows.tukey(n, 2 * taper * sample_rate / n)
    frequencies = np.fft.rfftfreq(n, 1 / sample_rate)[: int(kept) // 2 + 1]
    inside = (frequencies >= LOWEST) & (frequencies <= HIGHEST)
    weight = np.where(inside, 1 / (sample_rate * curve.asd_on(frequencies)), 0)
    return np.fft.rfft(strain, axis=-1)[..., : len(weight)] * weight


def gaussian(rng, n, n_detectors=2):
    """Draw whitened Gaussian noise.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        How many segments. The first k of n are the same as the k drawn with the same generator.
    n_detectors : int

    Returns
    -------
    complex64 array, shape (n, n_detectors, N_FREQUENCIES)
        Whitened spectra: ⟨|n|²⟩ = T/2 inside the band, zero outside.
    """
    spectra = np.zeros((n, n_detectors, N_FREQUENCIES), np.complex64)
    parts = rng.standard_normal((n, n_detectors, int(BAND.sum()), 2), dtype=np.float32)
    parts *= np.float32(np.sqrt(DURATION) / 2)
    spectra[..., BAND] = parts.view(np.complex64)[..., 0]
    return spectra


def mismatch(true, believed):
    """Return by how much the noise of one curve is too loud after whitening with another.

    Parameters
    ----------
    true, believed : NoiseCurve

    Returns
    -------
    array, shape (N_FREQUENCIES,)
        Ratio of their ASDs inside the band, zero outside.
    """
    ratio = np.zeros(N_FREQUENCIES)
    band = FREQUENCIES[BAND]
    ratio[BAND] = true.asd_on(band) / believed.asd_on(band)
    return ratio
