"""The search that the network is measured against: matched filter, χ², false alarms.

A template h that is correlated with the data x at every time gives the signal-to-noise ratio

    ρ(t) = |z(t)|,   z(t) = 4 ∫₀^∞ x(f) h*(f) / S(f) exp(2πi f t) df ,

for a template of unit norm and noise with the one-sided spectrum S. In Gaussian noise the real and
the imaginary part of z have variance 1, so that ρ has a Rayleigh distribution, and nothing finds a
known wave of unknown phase more often at the same false-alarm probability. The functions here take
x and h whitened, each divided by the root of S.

Real detectors also have glitches. Three things tell them from waves: both detectors must see the
same template within 15 ms; the wave must be as strong in every band of frequencies as its template
says (χ²); and it must stand out from coincidences that cannot be waves, because one detector was
shifted in time against the other (:mod:`chirps.coincidence`).

References
----------
.. [F] B. Allen et al., "FINDCHIRP", Phys. Rev. D 85, 122006 (2012), arXiv:gr-qc/0509116: the
   matched filter.
.. [A] B. Allen, "χ² time-frequency discriminator for gravitational wave detection", Phys. Rev. D
   71, 062001 (2005), arXiv:gr-qc/0405045.
.. [U] S. Usman et al., "The PyCBC search for gravitational waves from compact binary coalescence",
   Class. Quantum Grav. 33, 215004 (2016), arXiv:1508.02357: re-weighted signal-to-noise ratio,
   coincidence, time slides, and false alarms as a Poisson process.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft, special
from scipy.ndimage import maximum_filter1d

from chirps.bank import template_bank as template_bank  # part of the search
from chirps.grid import WINDOW, WINDOW_START, band_of, duration_of

COINCIDENCE = 0.015  # s: 10 ms of light travel between the detectors, 5 ms of error in the times
N_BANDS = 16  # of the χ²
THRESHOLD = 4.0  # signal-to-noise ratio from which on a detector has a trigger
CONFIDENCE = 0.9  # of the upper limits on false alarms
SEGMENTS = 32  # filtered at a time: small enough for a processor's cache
_REFINED = 8  # templates of each segment whose peaks are looked at more closely
_COARSE_RATE = 512  # Hz; z(t) has no negative frequencies, so that this holds up to 480 Hz of it
_FINE_RATE = 8192  # Hz; a peak is found within 0.06 ms


# ----------------------------------------------------------------------------- matched filter


def snr_series(spectrum, template, n_samples=None):
    """Correlate whitened data with a template of unit norm at every time.

    Parameters
    ----------
    spectrum, template : complex array, shape (..., n_freq)
        Whitened one-sided spectra, as many frequencies as ``numpy.fft.rfft`` gives for a segment;
        broadcast against each other.
    n_samples : int, optional
        In how many points the segment is divided; by default its own, at ``SAMPLE_RATE``.

    Returns
    -------
    complex array, shape (..., n_samples)
        z(t): its absolute value is the signal-to-noise ratio, its argument the phase. The segment
        is taken as periodic.

    Notes
    -----
    Allen et al. (2012). One inverse Fourier transform over the positive
    frequencies gives both phases of the template at once.
    """
    n_samples = n_samples or 2 * (spectrum.shape[-1] - 1)
    scale = np.float32(4 / duration_of(spectrum))
    return fft.ifft(spectrum * np.conj(template) * scale, n_samples, axis=-1, norm="forward")


@dataclass(frozen=True, eq=False)
class Candidates:
    """The loudest coincidence of each segment.

    Attributes
    ----------
    template : int array, shape (n,)
        Index into the bank; the same for both detectors.
    time : array, shape (n, 2)
        Arrival of the peak at H1 and L1, in seconds from the start of the segment.
    snr : array, shape (n, 2)
        Signal-to-noise ratio at these times.
    chi_squared : array, shape (n, 2)
        Reduced: about 1 for noise and for a wave that looks like its template.
    """

    template: np.ndarray
    time: np.ndarray
    snr: np.ndarray
    chi_squared: np.ndarray

    @property
    def new_snr(self):
        """Re-weighted signal-to-noise ratio in each detector, shape (n, 2)."""
        return new_snr(self.snr, self.chi_squared)

    @property
    def network_snr(self):
        """√(ρ_H² + ρ_L²), shape (n,)."""
        return np.hypot(*self.snr.T)

    @property
    def network_new_snr(self):
        """The same of the re-weighted ratios, shape (n,)."""
        return np.hypot(*self.new_snr.T)

    @property
    def statistic(self):
        """What to rank segments by, shape (n,).

        The network's re-weighted ratio where both detectors reach ``THRESHOLD``. Else the smaller
        of the two, which is less than any coincidence has: a glitch in one detector, however loud,
        is none.
        """
        weaker = self.new_snr.min(axis=1)
        return np.where(weaker >= THRESHOLD, self.network_new_snr, weaker)

    @property
    def delay(self):
        """Arrival at L1 minus arrival at H1 in seconds, shape (n,)."""
        return self.time[:, 1] - self.time[:, 0]


def matched_filter(spectra, templates, *, window=(WINDOW_START, WINDOW_START + WINDOW)):
    r"""Find the loudest coincidence of every segment: over templates, times and delays.

    Parameters
    ----------
    spectra : complex array, shape (n, 2, n_freq)
        Whitened data of H1 and L1, one segment per row.
    templates : complex64 array, shape (n_templates, n_freq) or (2, n_templates, n_freq)
        As :meth:`chirps.bank.TemplateBank.whitened` gives them; the second form for detectors with
        different noise curves.
    window : tuple of float
        When the wave may arrive at H1, in seconds from the start of the segment; by default the
        second that becomes an image.

    Returns
    -------
    Candidates

    Raises
    ------
    ValueError
        If the shapes do not fit, or a spectrum is not finite.

    Notes
    -----
    Maximises ρ_H²(t) + ρ_L²(t′) with \|t′ − t\| ≤ 15 ms, first on a grid of 2 ms. The loudest eight
    templates of each segment are refined on a grid of 0.12 ms, and the best of them gets its χ².
    """
    spectra = _checked_spectra(spectra)
    templates = _per_detector(templates, spectra.shape[-1])
    template = np.empty(len(spectra), int)
    time, snr, chi2 = np.empty((3, len(spectra), 2))
    for i in range(0, len(spectra), SEGMENTS):
        these = slice(i, i + SEGMENTS)
        x = spectra[these]
        template[these], time[these], snr[these] = _refined(
            x, templates, *_promising(x, templates, window)
        )
        for d in range(2):
            chi2[these, d] = chi_squared(x[:, d], templates[d, template[these]], time[these, d])
    return Candidates(template, time, snr, chi2)


def _promising(spectra, templates, window):
    """Return the loudest templates of a few segments and the coarse times of their two peaks.

    Returns
    -------
    best : int array, shape (n, _REFINED)
    times : array, shape (n, _REFINED, 2)
    """
    n, duration = len(spectra), duration_of(spectra)
    n_samples = round(duration * _COARSE_RATE)
    reach = int(COINCIDENCE * _COARSE_RATE)
    first, last = (round(t * _COARSE_RATE) for t in window)
    if not 0 <= first - reach < last + reach < n_samples:
        raise ValueError(
            f"The window from {window[0]:g} to {window[1]:g} s, with {COINCIDENCE * 1e3:.0f} ms on "
            f"both sides, leaves the segment of {duration:g} s."
        )
    band = band_of(duration)
    x = spectra[:, :, band] * np.float32(4 / duration)
    product = np.zeros((n, 2, n_samples), np.complex64)
    power = np.empty((n, templates.shape[1]), np.float32)
    peaks = np.empty((*power.shape, 2), int)
    for k in range(templates.shape[1]):
        np.multiply(x, templates[:, k, band].conj(), out=product[:, :, band])
        z = fft.ifft(product, axis=-1, norm="forward")[..., first - reach : last + reach]
        squared = z.real**2 + z.imag**2
        near = maximum_filter1d(squared[:, 1], 2 * reach + 1, axis=-1)
        total = (squared[:, 0] + near)[:, reach:-reach]
        at = total.argmax(-1)[:, None]
        power[:, k] = np.take_along_axis(total, at, -1)[:, 0]
        around = np.take_along_axis(squared[:, 1], at + np.arange(2 * reach + 1), -1)
        peaks[:, k, 0] = first + at[:, 0]
        peaks[:, k, 1] = first + at[:, 0] - reach + around.argmax(-1)
    best = np.argsort(-power, axis=1)[:, :_REFINED]
    return best, np.take_along_axis(peaks, best[..., None], 1) / _COARSE_RATE


def _refined(spectra, templates, best, times):
    """Return the loudest of the promising templates, with the times and heights of its peaks."""
    duration = duration_of(spectra)
    band = band_of(duration)
    frequencies = (np.arange(spectra.shape[-1]) / duration)[band]
    half = 1 / (2 * _COARSE_RATE)
    offsets = np.arange(-half, half + 1e-9, 1 / _FINE_RATE)
    turns = np.exp(2j * np.pi * frequencies[:, None] * offsets).astype(np.complex64)
    shape = best.shape
    fine, snr = np.empty((2, *shape, 2))
    for d in range(2):
        for k in range(shape[1]):
            product = spectra[:, d, band] * templates[d, best[:, k]][:, band].conj()
            product *= np.exp(2j * np.pi * frequencies * times[:, k, d, None])
            rho = np.abs(product.astype(np.complex64) @ turns) * (4 / duration)
            if d == 1:  # both peaks may have moved, but not out of coincidence
                apart = times[:, k, 1, None] + offsets - fine[:, k, 0, None]
                rho[np.abs(apart) > COINCIDENCE] = 0
            fine[:, k, d] = times[:, k, d] + offsets[rho.argmax(-1)]
            snr[:, k, d] = rho.max(-1)
    loudest = np.hypot(snr[..., 0], snr[..., 1]).argmax(1)[:, None]
    chosen = (
        np.take_along_axis(array, loudest.reshape(-1, *[1] * (array.ndim - 1)), 1)[:, 0]
        for array in (best, fine, snr)
    )
    return tuple(chosen)


# --------------------------------------------------------------------------- does it look right?


def chi_squared(spectra, templates, times, n_bands=N_BANDS):
    """Test whether the signal-to-noise ratio is spread over frequency as in the template.

    Parameters
    ----------
    spectra, templates : complex array, shape (n, n_freq)
        Whitened data of one detector, and the template to test each with, of unit norm.
    times : array, shape (n,)
        When the template peaks, in seconds from the start of the segment.
    n_bands : int
        How many bands, each with about the same share of the template.

    Returns
    -------
    array, shape (n,)
        χ² divided by its 2 n_bands − 2 degrees of freedom. Mean 1 in Gaussian noise, with or
        without a wave that has exactly the form of the template, at a time fixed beforehand.

    Raises
    ------
    ValueError
        If there are fewer than two bands.

    Notes
    -----
    Allen (2005), for bands with unequal shares: if the band l holds the share q_l of the
    template's squared norm and gives z_l, then χ² = Σ_l |z_l − q_l z|² / q_l.
    """
    if n_bands < 2:
        raise ValueError(f"The χ² compares bands: give at least 2, not {n_bands}.")
    duration = duration_of(spectra)
    band = band_of(duration)
    frequencies = np.arange(spectra.shape[-1])[band] / duration
    x, h = spectra[:, band], templates[:, band]
    turned = x * h.conj() * np.exp(2j * np.pi * frequencies * np.asarray(times)[:, None])
    z = _running_sum(turned) * 4 / duration
    share = _running_sum(np.abs(h) ** 2)
    share /= share[:, -1:]
    targets = np.arange(n_bands + 1) / n_bands
    edges = np.array([np.searchsorted(row, targets - 1e-9) for row in share])
    z, share = (np.diff(np.take_along_axis(a, edges, 1), axis=1) for a in (z, share))
    excess = np.abs(z - share * z.sum(1, keepdims=True)) ** 2
    filled = share > 0  # a narrow template may leave a band without a single frequency
    terms = np.divide(excess, share, out=np.zeros_like(excess), where=filled)
    return terms.sum(1) / np.maximum(2 * filled.sum(1) - 2, 1)


def _running_sum(values):
    return np.pad(np.cumsum(values, axis=1, dtype=np.result_type(values, float)), ((0, 0), (1, 0)))


def new_snr(snr, chi_squared):
    """Reduce the signal-to-noise ratio of what does not look like its template.

    Parameters
    ----------
    snr, chi_squared : array
        The χ² is the reduced one.

    Returns
    -------
    array
        ρ where χ² ≤ 1, else ρ / [(1 + χ²³)/2]^(1/6) (Usman et al. 2016).
    """
    excess = np.maximum(chi_squared, 1)
    return snr / ((1 + excess**3) / 2) ** (1 / 6)


def false_alarm_rate(n_louder, background_time):
    """Return an upper limit on the rate of false alarms at least as loud as a candidate.

    Parameters
    ----------
    n_louder : int
        Events of the background at least as loud as the candidate.
    background_time : float
        Seconds.

    Returns
    -------
    float
        1/s, never zero. If false alarms came at a higher rate, so few as `n_louder` would be seen
        in one background of ten, or less often: ``CONFIDENCE`` is 90 %.

    Raises
    ------
    ValueError
        If the count is negative, or the time not positive.

    Notes
    -----
    The classical limit for a Poisson process: 2.30 events where none was seen. It takes the seconds
    of the background as independent; those of time slides are not quite. The customary estimate
    (1 + `n_louder`) / `background_time` (Usman et al. 2016, eqs. 17 and 18) is lower: it is right
    on average, and no limit.
    """
    if n_louder < 0 or background_time <= 0:
        raise ValueError(
            f"A count of {n_louder} in {background_time:g} s of background makes no sense: give a "
            "count from 0 on and a positive time."
        )
    return float(special.gammaincinv(n_louder + 1, CONFIDENCE)) / background_time


def false_alarm_probability(n_louder, background_time, duration=WINDOW):
    """Return an upper limit on the probability of a false alarm as loud as the candidate.

    Parameters
    ----------
    n_louder, background_time
        As for :func:`false_alarm_rate`.
    duration : float
        Seconds of data in which the candidate was looked for.

    Returns
    -------
    float
        Of one or more false alarms, 1 − exp(−duration × rate): greater than 0, at most 1.
    """
    return -float(np.expm1(-duration * false_alarm_rate(n_louder, background_time)))


# ------------------------------------------------------------------------------------- checks


def _checked_spectra(spectra):
    spectra = np.asarray(spectra)
    if spectra.ndim != 3 or spectra.shape[1] != 2:
        raise ValueError(
            f"spectra have shape {spectra.shape}; expected (n, 2, n_freq): segments, H1 and L1, "
            "frequencies."
        )
    spectra = spectra.astype(np.complex64, copy=False)
    if not np.all(np.isfinite(spectra)):
        raise ValueError("A spectrum is not finite: cut the gaps out of the strain first.")
    return spectra


def _per_detector(templates, n_freq):
    templates = np.asarray(templates)
    if templates.ndim == 2:
        templates = np.broadcast_to(templates, (2, *templates.shape))
    if templates.ndim != 3 or len(templates) != 2 or templates.shape[-1] != n_freq:
        raise ValueError(
            f"templates have shape {templates.shape}; expected (n_templates, {n_freq}), or two of "
            "these, for H1 and L1."
        )
    return templates
