"""Real strain: the events of the course, and the whitening of any strain.

>>> pair = load_event("GW150914")
>>> h1, l1 = (whiten(pair.strains[d], exclude=pair.event.gps) for d in ("H1", "L1"))
>>> spectra = spectra_around(pair.event.gps, h1, l1)  # (1, 2, n_freq), for chirps.images

Strain with gaps where it is wanted raises an error that says so; nothing is guessed or filled in.

References
----------
B. P. Abbott et al., *GWTC-1*, Phys. Rev. X 9, 031040 (2019), arXiv:1811.12907: table I, the
signal-to-noise ratios (of the search GstLAL).
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import scipy  # scipy.signal takes a second to load, so it is named only where it is used
from scipy import special

from chirps import detectors, grid, noise, waveform
from chirps.grid import BAND, DURATION, N_SAMPLES, SAMPLE_RATE
from chirps.gwosc import Strain, gps_span, read_hdf5, runs
from helpers import sources
from helpers.sources import DataError, Source

DATASET = "gw_strain"
TAPER = 0.5  # s; at each end of a stretch before it is whitened
EDGE = 1.0  # s; dropped at each end of a stretch after whitening
PSD_SEGMENT = 4.0  # s
PSD_LEAST_SEGMENTS = 5
EVENT_AT = grid.WINDOW_START + 0.75 * grid.WINDOW  # s; where in the segment an event is put


@dataclass(frozen=True)
class Event:
    """What is known about a merger.

    Attributes
    ----------
    name : str
    gps : float
        Time of the merger, to some hundredths of a second, s.
    file_start : int
        GPS time at which the 32 s files begin, s.
    mass1, mass2 : float
        Masses at the detectors of the best template, solar masses (BBH_events_v3.json of GWOSC).
    snr : float
        Network signal-to-noise ratio found by GstLAL (GWTC-1).
    """

    name: str
    gps: float
    file_start: int
    mass1: float
    mass2: float
    snr: float


EVENTS = {
    event.name: event
    for event in (
        Event("GW150914", 1126259462.44, 1126259446, 41.743, 29.237, 24.4),
        Event("GW151012", 1128678900.44, 1128678884, 44.111, 11.205, 10.0),
        Event("GW151226", 1135136350.65, 1135136334, 19.6427, 6.7054, 13.1),
    )
}
FORMER_NAMES = {"LVT151012": "GW151012"}  # a candidate until it was found significant in 2018


@dataclass(frozen=True)
class Pair:
    """Strain of both detectors around an event.

    Attributes
    ----------
    event : Event
    strains : dict
        Strain by detector, ``"H1"`` and ``"L1"``.
    source : helpers.sources.Source
        What it was read from, and whether it is a stand-in.
    """

    event: Event
    strains: dict
    source: Source


class StrainSource(Source):
    """A source that counts detectors, not images."""

    def __str__(self):
        """One line for readers."""
        mark = "STAND-IN for " if self.stand_in else ""
        return f"{mark}{self.title} ({self.variant}): {self.origin}, sha256 {self.sha256[:8]}…"


@dataclass(frozen=True, eq=False)
class Whitened:
    """Whitened strain of one detector at 1024 Hz, 20–480 Hz.

    Attributes
    ----------
    detector : str
    gps_start : float
        Time of the first sample, s.
    values : float64 array, shape (n,)
        In standard deviations of white noise (:func:`chirps.grid.to_time`); NaN in gaps and
        within :data:`EDGE` of them and of the ends.
    curve : chirps.noise.NoiseCurve
        The noise it was whitened with.
    """

    detector: str
    gps_start: float
    values: np.ndarray
    curve: noise.NoiseCurve

    def spectra(self, starts):
        """Return the whitened spectra of segments of 4 s.

        Parameters
        ----------
        starts : array of float, shape (n,)
            GPS times at which the segments begin, s; taken at the nearest sample.

        Returns
        -------
        complex64 array, shape (n, n_freq)

        Raises
        ------
        DataError
            If a segment leaves the stretch or meets a gap.
        """
        first = np.rint((np.atleast_1d(starts) - self.gps_start) * SAMPLE_RATE).astype(int)
        series = np.empty((len(first), N_SAMPLES))
        for i, a in enumerate(first):
            inside = 0 <= a <= len(self.values) - N_SAMPLES
            if not inside or np.isnan(self.values[a : a + N_SAMPLES]).any():
                start = self.gps_start + a / SAMPLE_RATE
                raise DataError(
                    f"{self.detector} has no usable strain for all of "
                    f"{gps_span(start, start + DURATION)}: usable after whitening is "
                    f"{self._stretches()}. Choose another time, or get a longer file from "
                    "gwosc.org."
                )
            series[i] = self.values[a : a + N_SAMPLES]
        return (grid.to_frequency(series) * BAND).astype(np.complex64)

    def _stretches(self):
        times = self.gps_start + np.array(runs(np.isfinite(self.values))) / SAMPLE_RATE
        return ", ".join(gps_span(*run) for run in times) or "nothing"


# --- events -------------------------------------------------------------------------------------


def event_named(name):
    """Return the :class:`Event` of that name; LVT151012 is understood as GW151012."""
    try:
        return EVENTS[FORMER_NAMES.get(name, name)]
    except (KeyError, TypeError):
        known = ", ".join([*EVENTS, *FORMER_NAMES])
        raise ValueError(
            f"Unknown event {name!r}: the course has strain of {known}. For any other event "
            "download two files from gwosc.org and use read_pair."
        ) from None


def load_event(event, *, allow_stand_in=True, verbose=True):
    """Load the strain of both detectors around an event.

    Parameters
    ----------
    event : str
        One of :data:`EVENTS`.
    allow_stand_in : bool
        Whether to simulate a pair when the files are out of reach.
    verbose : bool
        Whether to print what was used, in one line.

    Returns
    -------
    Pair

    Raises
    ------
    ValueError
        If the event is unknown.
    DataError
        If a file is damaged, or nothing is within reach and no stand-in is allowed.
    """
    event = event_named(event)
    names = [_file_name(event, detector) for detector in detectors.DETECTORS]
    found = [sources.find(DATASET, name) for name in names]
    about = sources.registry()[DATASET]
    if None not in found:
        strains = {
            detector: read_hdf5(file.path, detector)
            for detector, file in zip(detectors.DETECTORS, found, strict=True)
        }
        source = StrainSource(
            title=about["title"],
            variant=f"{event.name}, H1 and L1, 32 s at 4096 Hz",
            origin=found[0].origin,
            sha256=found[0].entry["sha256"],
            items=2,
            credit=about["credit"],
        )
        pair = Pair(event, strains, source)
    elif allow_stand_in:
        pair = simulated_pair(event.name)
    else:
        raise DataError(
            f"Strain of {event.name} is out of reach: no local copy in $COURSE_DATA, nothing "
            "cached, and no download. Connect to a network, or point COURSE_DATA at a folder that "
            f"holds gw/strain/{names[0]} and gw/strain/{names[1]}."
        )
    if verbose:
        print(pair.source)
    return pair


def simulated_pair(event="GW150914", *, seed=0):
    """Simulate strain like that of an event: Gaussian noise of the design curve and a signal.

    The signal has the event's masses and network signal-to-noise ratio, no spin, and comes from a
    place in the sky from which it reaches L1 6.9 ms before H1, as GW150914 did.

    Parameters
    ----------
    event : str
        One of :data:`EVENTS`.
    seed : int
        Same seed, same strain.

    Returns
    -------
    Pair
        With ``source.stand_in``; 32 s at 4096 Hz, at the event's time.
    """
    event = event_named(event)
    sample_rate, duration = 4096, 32
    n = sample_rate * duration
    frequencies = np.fft.rfftfreq(n, 1 / sample_rate)
    curve = noise.analytic()
    asd = curve.asd_on(np.clip(frequencies, curve.frequencies[0], curve.frequencies[-1]))
    band = (frequencies >= grid.LOWEST) & (frequencies <= grid.HIGHEST)

    wave = waveform.phenom_d(frequencies, event.mass1, event.mass2)
    arrival = event.gps - event.file_start
    delay = detectors.delay(_LONGITUDE, _SIN_DECLINATION)
    signals, power = {}, 0.0
    for detector, late in (("H1", 0.0), ("L1", delay)):
        plus, cross = detectors.antenna_pattern(
            detector, _LONGITUDE, _SIN_DECLINATION, _POLARISATION
        )
        # Seen from behind: the cross polarisation is +i times the plus polarisation.
        shift = np.exp(-2j * np.pi * frequencies * (arrival + late))
        signals[detector] = (plus + 1j * cross) * wave * shift
        power += 4 / duration * np.sum(np.abs(signals[detector] / asd)[band] ** 2)

    rng = np.random.default_rng([150914, seed])
    strains = {}
    for detector, wanted in signals.items():
        white = rng.standard_normal((len(frequencies), 2)) @ [1, 1j] * np.sqrt(duration) / 2
        spectrum = white * asd + wanted * event.snr / np.sqrt(power)
        values = np.fft.irfft(spectrum * sample_rate, n)
        strains[detector] = Strain(detector, event.file_start, sample_rate, values)
    source = StrainSource(
        title=sources.registry()[DATASET]["title"],
        variant=f"simulated pair like {event.name}, 32 s at 4096 Hz, seed {seed}",
        origin="drawn here",
        sha256=_digest(strains),
        items=2,
        credit=f"Stand-in: simulated strain like {event.name}, made by this course",
        stand_in=True,
    )
    return Pair(event, strains, source)


# --- whitening ----------------------------------------------------------------------------------


def noise_curve(strain, *, exclude=None):
    """Measure the noise of a stretch of strain, without the part around an event.

    Parameters
    ----------
    strain : Strain
    exclude : float, optional
        GPS time of an event: segments that contain it, or touch a gap, are left out.

    Returns
    -------
    chirps.noise.NoiseCurve

    Raises
    ------
    DataError
        If fewer than five segments of 4 s are left.

    Notes
    -----
    The median of periodograms of 4 s that overlap by half, divided by its bias, as in Allen et
    al., Phys. Rev. D 85, 122006 (2012), appendix B.
    """
    length = round(PSD_SEGMENT * strain.sample_rate)
    usable = strain.usable
    starts = np.arange(0, len(usable) - length + 1, length // 2)
    keep = [a for a in starts if usable[a : a + length].all()]
    if exclude is not None:
        at = (exclude - strain.gps_start) * strain.sample_rate
        keep = [a for a in keep if not a - strain.sample_rate / 4 < at < a + length]
    if len(keep) < PSD_LEAST_SEGMENTS:
        raise DataError(
            f"{strain.detector}: {len(keep)} clean segments of {PSD_SEGMENT:g} s are too few to "
            f"measure the noise, expected {PSD_LEAST_SEGMENTS} or more{_gap_note(strain)}. Use a "
            "longer file."
        )
    segments = np.concatenate([strain.values[a : a + length] for a in keep])
    frequencies, psd = scipy.signal.welch(
        segments, strain.sample_rate, nperseg=length, noverlap=0, average="median"
    )
    return noise.NoiseCurve(
        f"{strain.detector} at {strain.gps_start:.0f}",
        frequencies,
        np.sqrt(psd),
        f"median of {len(keep)} segments of {PSD_SEGMENT:g} s",
    )


def whiten(strain, *, exclude=None, curve=None):
    """Whiten strain and bring it to 1024 Hz.

    Every stretch without a gap is whitened for itself. The whitened spectrum ends at 480 Hz, so
    that going back to time at 1024 Hz is the resampling: nothing is left above to fold down.

    Parameters
    ----------
    strain : Strain
    exclude : float, optional
        GPS time of an event that the noise estimate leaves out.
    curve : chirps.noise.NoiseCurve, optional
        The noise; default :func:`noise_curve` of this strain.

    Returns
    -------
    Whitened

    Raises
    ------
    DataError
        If too little usable strain is there to measure the noise, or no stretch is long enough.

    Notes
    -----
    The estimate of the noise scatters, and the mean of 1/S is above one over the mean of S: strain
    whitened with a curve from a dozen segments comes out some 3 % too loud, and so would every
    signal-to-noise ratio. A measured curve is therefore scaled, by one number, so that the whitened
    strain has the median that white noise has.
    """
    measured = curve is None
    if measured:
        curve = noise_curve(strain, exclude=exclude)
    ratio = strain.sample_rate // SAMPLE_RATE
    n = len(strain.values) // ratio
    values = np.full(n, np.nan)
    edge = round(EDGE * SAMPLE_RATE)
    for a, b in runs(strain.usable):
        first, last = -(-a // ratio), b // ratio  # on the coarse grid
        last -= (last - first) % 2
        if last - first < N_SAMPLES + 2 * edge:
            continue
        stretch = strain.values[first * ratio : last * ratio]
        # The sea of low-frequency noise is 10⁴ times the rest; its mean must not leak at the taper.
        spectrum = noise.whiten(stretch - stretch.mean(), curve, strain.sample_rate, TAPER)
        white = grid.to_time(spectrum)
        values[first + edge : last - edge] = white[edge:-edge]
    if not np.isfinite(values).any():
        raise DataError(
            f"{strain.detector}: no stretch of {DURATION + 2 * EDGE:g} s without a gap"
            f"{_gap_note(strain)}. Use another file."
        )
    if measured:
        level = _level(values, None if exclude is None else exclude - strain.gps_start)
        values /= level
        curve = replace(curve, asd=curve.asd * level)
    return Whitened(strain.detector, strain.gps_start, values, curve)


def spectra_around(gps, *whitened):
    """Return the whitened spectra of the 4 s in which an event stands where signals do.

    Parameters
    ----------
    gps : float or array of shape (n,)
        Time of the event; it is put three quarters into the second that becomes an image.
    *whitened : Whitened
        One per detector, H1 first.

    Returns
    -------
    complex64 array, shape (n, n_detectors, n_freq)

    Raises
    ------
    DataError
        If a segment leaves the strain or meets a gap.
    """
    starts = np.atleast_1d(gps) - EVENT_AT
    return np.stack([series.spectra(starts) for series in whitened], axis=1)


# --- inside -------------------------------------------------------------------------------------

# A place from which a wave reaches L1 6.9 ms before H1, and H1 1.5 times as strongly.
_LONGITUDE, _SIN_DECLINATION, _POLARISATION = 0.26, -0.778, 2.84  # rad, 1, rad


def _file_name(event, detector):
    return f"{detector[0]}-{detector}_LOSC_4_V2-{event.file_start}-32.hdf5"


def _level(values, event):
    """Return the standard deviation of whitened strain over that of white noise in the band."""
    quiet = values.copy()
    if event is not None:
        first = round((event - 1) * SAMPLE_RATE)
        quiet[max(first, 0) : max(first + 2 * SAMPLE_RATE, 0)] = np.nan
    deviation = np.nanmedian(np.abs(quiet)) / special.ndtri(0.75)  # glitches do not count
    return deviation / np.sqrt((grid.HIGHEST - grid.LOWEST) / (SAMPLE_RATE / 2))


def _gap_note(strain):
    gaps = strain.gaps()
    if not gaps:
        return ""
    return "; not usable (NaN or quality mask): " + ", ".join(gps_span(*gap) for gap in gaps[:4])


def _digest(strains):
    digest = hashlib.sha256()
    for strain in strains.values():
        digest.update(strain.values.astype("<f8").tobytes())
    return digest.hexdigest()
