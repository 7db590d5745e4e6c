"""Coincidences in long stretches of data, and how often noise makes them: time slides.

Each detector has triggers, the times at which a template stands out. Triggers of the same template
in both within 15 ms are a coincidence. Shifted in time by more than that, one detector against the
other, the same triggers show what coincidences are like that cannot be waves: the background.

References
----------
S. Usman et al., "The PyCBC search for gravitational waves from compact binary coalescence", Class.
Quantum Grav. 33, 215004 (2016), arXiv:1508.02357: coincidence and time slides.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import maximum_filter1d

from chirps import search
from chirps.grid import N_SAMPLES, SAMPLE_RATE, WINDOW, band_of, duration_of, to_frequency, to_time

CLUSTER = 0.05  # s: one trigger per template and so much time
SLIDE_STEP = 0.1  # s between two slides, many times the coincidence window
BEFORE_PEAK, AFTER_PEAK = 3.0, 1.0  # s: how far a template of 4 s reaches
TRIGGER = np.dtype(
    [("template", int), ("time", float), ("snr", float), ("chi_squared", float), ("new_snr", float)]
)


def long_snr_series(series, template):
    """Correlate a long stretch of whitened data with the template of a 4 s segment.

    Parameters
    ----------
    series : array, shape (n,)
        Whitened data at ``SAMPLE_RATE``, in standard deviations of white noise.
    template : complex array, shape (N_FREQUENCIES,)
        Of unit norm, as :meth:`chirps.bank.TemplateBank.whitened` gives it.

    Returns
    -------
    complex array, shape (n,)
        z(t) as :func:`chirps.search.snr_series`; it is complete from ``BEFORE_PEAK`` after the
        beginning until ``AFTER_PEAK`` before the end, where the template lies within the data.
    """
    return _long_snr_series(_long_spectrum(series), template)[: len(series)]


def _long_spectrum(series):
    """Pad with zeros to a number of samples that is quick to transform."""
    seconds = fft.next_fast_len(-(-len(series) // SAMPLE_RATE))
    padding = seconds * SAMPLE_RATE - len(series)
    return to_frequency(np.pad(series, (0, padding))).astype(np.complex64)


def _long_snr_series(spectrum, template):
    """Lengthen the template with zeros around the wave and filter."""
    n_samples = 2 * (len(spectrum) - 1)
    after = round(AFTER_PEAK * SAMPLE_RATE)
    wave = to_time(template)
    longer = np.zeros(n_samples, np.float32)
    longer[:after], longer[after - N_SAMPLES :] = wave[:after], wave[after:]
    h = fft.rfft(longer) / np.float32(np.sqrt(2 * SAMPLE_RATE))
    outside = np.ones(len(h), bool)
    outside[band_of(duration_of(h))] = False
    h[outside] = 0
    return search.snr_series(spectrum, h)


def triggers(series, templates, *, threshold=search.THRESHOLD):
    """Find every time at which a template stands out in one detector.

    Parameters
    ----------
    series : array, shape (n,)
        Whitened data at ``SAMPLE_RATE``, in standard deviations of white noise, without gaps.
    templates : complex64 array, shape (n_templates, N_FREQUENCIES)
        As :meth:`chirps.bank.TemplateBank.whitened` gives them for the noise of this detector.
    threshold : float
        Smallest signal-to-noise ratio of a trigger.

    Returns
    -------
    structured array
        Fields template, time (s from the start), snr, chi_squared, new_snr; ordered by template
        and time. One for each template and 50 ms at most; none in the first three seconds and the
        last, where a template would reach beyond the data.

    Raises
    ------
    ValueError
        If the series is not finite or shorter than a template.
    """
    series = np.asarray(series, float)
    if not np.all(np.isfinite(series)):
        raise ValueError("The data are not finite: cut the gaps out of the strain first.")
    first = round(BEFORE_PEAK * SAMPLE_RATE)
    last = len(series) - round(AFTER_PEAK * SAMPLE_RATE)
    if last <= first:
        raise ValueError(f"{len(series) / SAMPLE_RATE:g} s are too short for templates of 4 s.")
    spectrum = _long_spectrum(series)
    size = 2 * round(CLUSTER * SAMPLE_RATE) + 1
    found = [np.zeros(0, TRIGGER)]
    for k, template in enumerate(templates):
        rho = np.abs(_long_snr_series(spectrum, template))
        loud = np.flatnonzero((rho >= threshold) & (rho == maximum_filter1d(rho, size)))
        peaks = loud[(loud >= first) & (loud < last)]
        new = np.zeros(len(peaks), TRIGGER)
        shift, new["snr"] = _parabola(rho[peaks - 1], rho[peaks], rho[peaks + 1])
        new["template"], new["time"] = k, (peaks + shift) / SAMPLE_RATE
        for i in range(0, len(peaks), search.SEGMENTS):
            starts = peaks[i : i + search.SEGMENTS] - first
            x = to_frequency(series[starts[:, None] + np.arange(N_SAMPLES)])
            times = new["time"][i : i + search.SEGMENTS] - starts / SAMPLE_RATE
            h = np.broadcast_to(template, x.shape)
            new["chi_squared"][i : i + search.SEGMENTS] = search.chi_squared(x, h, times)
        found.append(new)
    found = np.concatenate(found)
    found["new_snr"] = search.new_snr(found["snr"], found["chi_squared"])
    return found


def _parabola(left, centre, right):
    """Return place and height of the top of a parabola through three samples around a peak."""
    bend = np.minimum(left - 2 * centre + right, -1e-12)
    shift = np.clip((left - right) / (2 * bend), -0.5, 0.5)
    return shift, centre - (left - right) * shift / 4


def coincidences(first, second):
    """Pair the triggers of two detectors that have the same template within 15 ms.

    Parameters
    ----------
    first, second : structured array
        As :func:`triggers` returns them.

    Returns
    -------
    i, j : int arrays
        ``first[i]`` goes with ``second[j]``.
    """
    if not len(first) or not len(second):
        return np.zeros(0, int), np.zeros(0, int)
    # One number per trigger, that orders by template and within a template by time.
    times = np.concatenate([first["time"], second["time"]])
    apart = np.ptp(times) + 2 * search.COINCIDENCE + 1
    key = first["template"] * apart + first["time"]
    second_key = second["template"] * apart + second["time"]
    order = np.argsort(second_key)
    low = np.searchsorted(second_key[order], key - search.COINCIDENCE)
    high = np.searchsorted(second_key[order], key + search.COINCIDENCE, side="right")
    i = np.repeat(np.arange(len(first)), high - low)
    # Of the k-th partner of a trigger, low + k is the place in the order.
    before = np.cumsum(high - low) - (high - low)
    place = np.arange(len(i)) + np.repeat(low - before, high - low)
    return i, order[place]


@dataclass(frozen=True, eq=False)
class Background:
    """What coincidences look like when they cannot be waves.

    Attributes
    ----------
    loudest : array
        Network re-weighted signal-to-noise ratio of the loudest coincidence of every second that
        has one, ascending.
    time : float
        Effective duration in seconds: live seconds of all slides together.
    n_slides : int
    stretch : float
        Seconds of data in each detector that the slides share. They are not independent: the
        same noise comes back in every one, in other pairs. So the background cannot show what
        happens in this detector less often than once in the stretch.
    """

    loudest: np.ndarray
    time: float
    n_slides: int
    stretch: float

    def louder_than(self, statistic):
        """Return how many seconds of the background are at least as loud."""
        return len(self.loudest) - int(np.searchsorted(self.loudest, statistic, side="left"))

    def rate(self, statistic):
        """Return an upper limit on the rate of false alarms at least as loud, in 1/s."""
        return search.false_alarm_rate(self.louder_than(statistic), self.time)

    def probability(self, statistic, duration=WINDOW):
        """Return an upper limit on the probability of a false alarm as loud in a `duration`."""
        return search.false_alarm_probability(self.louder_than(statistic), self.time, duration)

    def __str__(self):
        return (
            f"background: {self.n_slides} time slides of {self.stretch:.1f} s, {self.time:,.0f} s "
            "in effect (slides of the same data are not independent)"
        )


def time_slides(first, second, span, *, step=SLIDE_STEP, without=None):
    """Measure the background: shift one detector against the other and count coincidences.

    Parameters
    ----------
    first, second : structured array
        Triggers of the two detectors.
    span : tuple of float
        The part that was searched, in seconds. It is closed to a ring: what is shifted out at one
        end comes back at the other.
    step : float
        Seconds between slides; more than twice the coincidence window.
    without : tuple of float, optional
        A part to leave out of both detectors, such as the second around a candidate, so that it
        is not its own background.

    Returns
    -------
    Background

    Raises
    ------
    ValueError
        If the step is too short, or the span holds no slide.
    """
    start, stretch = span[0], span[1] - span[0]
    n_slides = int(np.ceil(stretch / step - 1e-9)) - 1
    if step <= 2 * search.COINCIDENCE:
        raise ValueError(
            f"Slides of {step * 1e3:g} ms would find the same coincidences again: use more than "
            f"{2 * search.COINCIDENCE * 1e3:g} ms."
        )
    if n_slides < 1:
        raise ValueError(f"{stretch:g} s are too short for slides of {step:g} s.")
    gap = 0.0
    if without is not None:
        low, high = np.clip(without, *span)
        gap = high - low
        first, second = (t[(t["time"] < low) | (t["time"] > high)] for t in (first, second))
    loudest, live = [], 0.0
    for slide in step * np.arange(1, n_slides + 1):
        moved = second.copy()
        moved["time"] = start + (second["time"] - start + slide) % stretch
        i, j = coincidences(first, moved)
        loudest.append(_loudest_per_second(first, second, i, j))
        overlap = max(gap - min(slide, stretch - slide), 0)  # of the gap and its moved copy
        live += stretch - 2 * gap + overlap
    return Background(np.sort(np.concatenate(loudest)), float(live), n_slides, stretch - gap)


def _loudest_per_second(first, second, i, j):
    """Return the largest network statistic in each second that has a coincidence."""
    network = np.hypot(first["new_snr"][i], second["new_snr"][j])
    seconds, place = np.unique(np.floor(first["time"][i]), return_inverse=True)
    largest = np.zeros(len(seconds))
    np.maximum.at(largest, place, network)
    return largest
