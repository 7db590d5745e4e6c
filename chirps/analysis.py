"""Everything the course knows how to ask about one moment in the data of two detectors.

:func:`analyse` searches the strain around a time with the template bank, measures the background
with time slides, and shows the same second to a released network. ``python -m chirps`` is this
module on the command line.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import special

from chirps import coincidence, images, search, strain
from chirps.grid import DURATION, FREQUENCIES, SAMPLE_RATE, WINDOW, WINDOW_START
from helpers import released, sources
from helpers.sources import DataError

DETECTORS = ("H1", "L1")
LONGEST = 128  # s of strain around the time; more costs more and tells little more
AROUND = 0.5  # s: how far from the given time a candidate may lie
LIMIT = f"{100 * search.CONFIDENCE:.0f} % upper limit"
NETWORK = "gw_scan"  # the released network that is asked by default


@dataclass(frozen=True, eq=False)
class Candidate:
    """The loudest coincidence near the given time.

    Attributes
    ----------
    coincident : bool
        Whether both detectors have a trigger. If not, the numbers are those of the loudest pair
        of peaks, which noise makes all the time.
    gps : array, shape (2,)
        Arrival at H1 and L1, GPS seconds.
    snr, chi_squared, new_snr : array, shape (2,)
        Of H1 and L1.
    template : int
        Index into the bank.
    mass1, mass2 : float
        Of the template, solar masses at the detector. The template has no spin: masses of the
        source may differ from it by more than its neighbours in the bank do.
    """

    coincident: bool
    gps: np.ndarray
    snr: np.ndarray
    chi_squared: np.ndarray
    new_snr: np.ndarray
    template: int
    mass1: float
    mass2: float

    @property
    def network_snr(self):
        """√(ρ_H² + ρ_L²)."""
        return float(np.hypot(*self.snr))

    @property
    def network_new_snr(self):
        """The same of the re-weighted ratios: what candidates are ranked by."""
        return float(np.hypot(*self.new_snr))

    @property
    def delay(self):
        """Arrival at L1 minus arrival at H1 in seconds."""
        return float(self.gps[1] - self.gps[0])


@dataclass(frozen=True)
class NetworkScore:
    """What a released network says about one second, and about seconds that hold no wave.

    Attributes
    ----------
    name : str
    score : float
        The network's output before its last sigmoid or softmax, gravitational wave minus other.
    n_windows : int
        Background: pairs of seconds of H1 and L1 from different times.
    n_louder : int
        Pairs with a score at least as high.
    """

    name: str
    score: float
    n_windows: int
    n_louder: int

    @property
    def probability(self):
        """Upper limit on the false-alarm probability of one second, 90 % confidence: never zero.

        Clopper's and Pearson's for a share, as if the pairs were independent.
        """
        if self.n_louder >= self.n_windows:
            return 1.0
        quieter = self.n_windows - self.n_louder
        return float(special.betaincinv(self.n_louder + 1, quieter, search.CONFIDENCE))


@dataclass(frozen=True, eq=False)
class Analysis:
    """The result of :func:`analyse`.

    Attributes
    ----------
    gps : float
        The time that was asked about.
    candidate : Candidate
    background : chirps.coincidence.Background
    n_templates : int
    network : NetworkScore or None
        None where no network is released.
    energies : array, shape (39, 100, 2)
        Constant-Q images of one second of H1 and L1; the time asked about is at 0.75 s.
    snr_times : array, shape (n,)
        Seconds after `gps`.
    snr_series : array, shape (2, n)
        Signal-to-noise ratio of the candidate's template against time, in H1 and L1.
    """

    gps: float
    candidate: Candidate
    background: coincidence.Background
    n_templates: int
    network: NetworkScore | None
    energies: np.ndarray
    snr_times: np.ndarray
    snr_series: np.ndarray

    @property
    def probability(self):
        """Upper limit on the false-alarm probability of one second; 1 if nothing coincides."""
        if not self.candidate.coincident:
            return 1.0
        return self.background.probability(self.candidate.network_new_snr)

    def as_dict(self):
        """Return the numbers as plain types, for JSON."""
        c, b = self.candidate, self.background
        return {
            "gps": self.gps,
            "coincident": c.coincident,
            "detectors": {
                name: {
                    "gps": round(float(c.gps[d]), 5),
                    "snr": float(c.snr[d]),
                    "chi_squared": float(c.chi_squared[d]),
                    "new_snr": float(c.new_snr[d]),
                }
                for d, name in enumerate(DETECTORS)
            },
            "network_snr": c.network_snr,
            "network_new_snr": c.network_new_snr,
            "delay_ms": 1e3 * c.delay,
            "template": {"mass1": c.mass1, "mass2": c.mass2},
            "background": {
                "effective_seconds": b.time,
                "slides": b.n_slides,
                "seconds_of_data": b.stretch,
                "seconds_louder": b.louder_than(c.network_new_snr) if c.coincident else None,
                "independent": False,
            },
            "confidence": search.CONFIDENCE,
            "false_alarm_probability_limit": self.probability,
            "classifier": None
            if self.network is None
            else {
                "name": self.network.name,
                "score": self.network.score,
                "background_windows": self.network.n_windows,
                "windows_louder": self.network.n_louder,
                "independent": False,
                "false_alarm_probability_limit": self.network.probability,
            },
        }

    def lines(self):
        """Return the report: one line for each number."""
        c, b = self.candidate, self.background
        lines = [
            f"{name}: SNR {c.snr[d]:.1f}, reduced χ² {c.chi_squared[d]:.2f}, "
            f"re-weighted SNR {c.new_snr[d]:.1f}, at GPS {c.gps[d]:.4f}"
            for d, name in enumerate(DETECTORS)
        ]
        louder = f"; {b.louder_than(c.network_new_snr)} s of the background are as loud"
        louder = louder if c.coincident else ""
        first, second = DETECTORS if c.delay > 0 else DETECTORS[::-1]
        lines += [
            f"network: SNR {c.network_snr:.1f}, re-weighted {c.network_new_snr:.1f}; best of "
            f"{self.n_templates:,} templates {c.mass1:.1f} + {c.mass2:.1f} solar masses, no spin",
            f"delay: {1e3 * abs(c.delay):.1f} ms, {first} before {second}"
            if c.coincident
            else f"no coincidence: the detectors do not both reach SNR {search.THRESHOLD:g}",
            f"false alarms: probability per second at most {self.probability:.2g} ({LIMIT})"
            + louder,
            str(b),
        ]
        if self.network is None:
            return [*lines, "classifier: no released network"]
        n = self.network
        return [
            *lines,
            f"classifier {n.name}: score {n.score:.2f}, false-alarm probability per second at most "
            f"{n.probability:.2g} ({LIMIT}); {n.n_louder} of {n.n_windows:,} shifted windows score "
            "as high (windows of the same data are not independent)",
        ]


def analyse(strains, gps, *, network=NETWORK, bank=None):
    """Search two detectors around a time.

    Parameters
    ----------
    strains : dict
        Strain of ``"H1"`` and ``"L1"``, as :func:`chirps.gwosc.read_pair` returns it.
    gps : float
        GPS time, s. A candidate may lie up to 0.5 s from it.
    network : str or None
        A released network to ask as well; None for none.
    bank : TemplateBank, optional
        Default: the bank of the course.

    Returns
    -------
    Analysis

    Raises
    ------
    helpers.sources.DataError
        If the time is not inside the data, or the data around it have a gap or are too short.
    """
    bank = search.template_bank() if bank is None else bank
    if not len(bank):
        raise ValueError("The template bank is empty.")
    whitened = [strain.whiten(_around(strains[d], gps), exclude=gps) for d in DETECTORS]
    start, series = _common_stretch(whitened, gps)
    asd = np.stack([w.curve.asd_on(FREQUENCIES) for w in whitened])
    templates = bank.whitened(asd)
    found = [coincidence.triggers(x, h) for x, h in zip(series, templates, strict=True)]
    when = gps - start
    span = coincidence.BEFORE_PEAK, series.shape[1] / SAMPLE_RATE - coincidence.AFTER_PEAK
    background = coincidence.time_slides(*found, span, without=(when - AROUND, when + AROUND))
    candidate = _candidate(found, when, start, bank) or _loudest(whitened, templates, gps, bank)

    rho = np.array(
        [
            np.abs(coincidence.long_snr_series(x, h[candidate.template]))
            for x, h in zip(series, templates, strict=True)
        ]
    )
    times = start - gps + np.arange(series.shape[1]) / SAMPLE_RATE
    near = np.abs(times) <= AROUND
    return Analysis(
        gps=float(gps),
        candidate=candidate,
        background=background,
        n_templates=len(bank),
        network=network_score(network, whitened, gps),
        energies=images.constant_q(strain.spectra_around(gps, *whitened))[0],
        snr_times=times[near],
        snr_series=rho[:, near],
    )


def _around(data, gps):
    """Cut long files to ``LONGEST`` seconds around the time, at whole seconds."""
    if not data.gps_start <= gps < data.gps_end:
        raise DataError(
            f"GPS {gps:.2f} is not inside the file of {data.detector}, which covers GPS "
            f"{data.gps_start:.0f} to {data.gps_end:.0f}. Give a time inside, or another file."
        )
    seconds = int(data.duration)
    if seconds <= LONGEST:
        return data
    first = int(np.clip(gps - data.gps_start - LONGEST / 2, 0, seconds - LONGEST))
    last = first + LONGEST
    return replace(
        data,
        gps_start=data.gps_start + first,
        values=data.values[first * data.sample_rate : last * data.sample_rate],
        quality=None if data.quality is None else data.quality[first:last],
    )


def _common_stretch(whitened, gps):
    """Return start (GPS) and whitened data (2, n) of the stretch around `gps` without a gap."""
    start = max(w.gps_start for w in whitened)
    end = min(w.gps_start + len(w.values) / SAMPLE_RATE for w in whitened)
    n = round((end - start) * SAMPLE_RATE)
    offsets = [round((start - w.gps_start) * SAMPLE_RATE) for w in whitened]
    series = np.stack([w.values[a : a + n] for w, a in zip(whitened, offsets, strict=True)])
    bad = np.flatnonzero(~np.isfinite(series).all(0))
    at = round((gps - start) * SAMPLE_RATE)
    first = max(bad[bad <= at], default=-1) + 1
    last = min(bad[bad > at], default=n)
    before, after = coincidence.BEFORE_PEAK + AROUND, coincidence.AFTER_PEAK + AROUND
    if at - first < before * SAMPLE_RATE or last - at < after * SAMPLE_RATE:
        raise DataError(
            f"GPS {gps:.2f} is too near a gap or the end of the data: H1 and L1 together have "
            f"{max(at - first, 0) / SAMPLE_RATE:.1f} s of clean strain before it and "
            f"{max(last - at, 0) / SAMPLE_RATE:.1f} s after; expected {before:g} and {after:g}. "
            "Choose another time or a longer file."
        )
    return start + first / SAMPLE_RATE, series[:, first:last]


def _candidate(found, when, start, bank):
    """Return the best-ranked coincidence near the time, or None."""
    near = [t[np.abs(t["time"] - when) <= AROUND] for t in found]
    i, j = coincidence.coincidences(*near)
    if not len(i):
        return None
    best = np.hypot(near[0]["new_snr"][i], near[1]["new_snr"][j]).argmax()
    pair = np.array([near[0][i[best]], near[1][j[best]]])
    numbers = pair["snr"], pair["chi_squared"], pair["new_snr"]
    return _of_template(bank, int(pair["template"][0]), True, start + pair["time"], *numbers)


def _loudest(whitened, templates, gps, bank):
    """Return the loudest pair of peaks around the time, however weak."""
    begin = gps - DURATION + coincidence.AFTER_PEAK
    spectra = np.stack([w.spectra(begin) for w in whitened], axis=1)
    middle = DURATION - coincidence.AFTER_PEAK
    window = middle - AROUND, middle + AROUND
    found = search.matched_filter(spectra, templates, window=window)
    numbers = found.snr[0], found.chi_squared[0], found.new_snr[0]
    return _of_template(bank, int(found.template[0]), False, begin + found.time[0], *numbers)


def _of_template(bank, k, *numbers):
    return Candidate(*numbers, k, float(bank.mass1[k]), float(bank.mass2[k]))


# ------------------------------------------------------------------------------------ the network


def network_score(name, whitened, gps):
    """Ask a released network about the second around a time, and about shifted pairs of seconds.

    Parameters
    ----------
    name : str or None
        A folder of ``data/models``, built by the function of that name in :mod:`helpers.models`.
    whitened : sequence of Whitened
        H1 and L1.
    gps : float
        GPS time of the candidate.

    Returns
    -------
    NetworkScore or None
        None if there is no such released network.
    """
    model = None if name is None else released_network(name)
    if model is None:
        return None
    own = images.constant_q(strain.spectra_around(gps, *whitened))
    seconds = [_quiet_seconds(w, gps) for w in whitened]
    # Any second of H1 with any other of L1: the same wave or noise is in both only by chance.
    i, j = np.nonzero(np.abs(np.subtract.outer(seconds[0][0], seconds[1][0])) > 0.5)
    pairs = np.stack([seconds[0][1][i], seconds[1][1][j]], axis=-1)
    scores = score(model, np.concatenate([own, pairs]))
    louder = int(np.sum(scores[1:] >= scores[0]))
    return NetworkScore(name, float(scores[0]), len(pairs), louder)


def _quiet_seconds(series, gps):
    """Return starts and images (n, 39, 100) of the seconds of a detector off the candidate."""
    first = series.gps_start + np.arange(int(len(series.values) / SAMPLE_RATE - DURATION) + 1)
    keep, energies = [], []
    for start in first:
        window = start + WINDOW_START
        if window - AROUND < gps < window + WINDOW + AROUND:
            continue
        try:
            spectra = series.spectra(start)
        except DataError:  # a gap
            continue
        keep.append(start)
        energies.append(images.constant_q(spectra[:, None])[0, ..., 0])
    return np.array(keep), np.array(energies).reshape(len(keep), *images.ROW_FREQUENCIES.shape, -1)


def released_network(name):
    """Return a released network with its weights, or None if none of that name is released.

    Raises
    ------
    ValueError
        If the name is not one of a network for gravitational waves.
    """
    if not released.is_released(name):
        return None
    from helpers import models, training  # only here: Keras takes seconds to start

    if not name.startswith("gw_") or not hasattr(models, name):
        raise ValueError(
            f"The released network {name!r} is not one for gravitational waves; their names begin "
            "with gw_."
        )
    model = getattr(models, name)()
    training.load_released(model, name)
    return model


def score(model, energies):
    """Return the scores of a network for images: its outputs before the last sigmoid or softmax.

    Parameters
    ----------
    model : keras.Model
        With one output for "gravitational wave", or with that one last of two.
    energies : array, shape (n, 39, 100, 2)

    Returns
    -------
    array, shape (n,)
        Higher for a wave. For two outputs, their difference.
    """
    from inside import attribution

    # As the networks saw them in training: 256 levels, saturated.
    seen = images.from_bytes(images.to_bytes(energies))
    logits = attribution.class_logits(model, seen)
    return logits[:, -1] - logits[:, 0] if logits.shape[1] > 1 else logits[:, 0]


# ------------------------------------------------------------------------------------ the picture


def plot(result, path):
    """Draw both spectrograms and the signal-to-noise ratio against time.

    Parameters
    ----------
    result : Analysis
    path : str or pathlib.Path
        Where to write it; the ending chooses the format.

    Raises
    ------
    OSError, ValueError
        If the file cannot be written, or its ending names no format.
    """
    from matplotlib.figure import Figure

    from chirps import plots

    fig = Figure(figsize=(8, 6.4))
    axes = fig.subplot_mosaic([["H1", "L1"], ["snr", "snr"]], height_ratios=(3, 2))
    axes["L1"].sharey(axes["H1"])
    for d, name in enumerate(DETECTORS):
        start = WINDOW_START - strain.EVENT_AT
        plots.spectrogram(axes[name], result.energies[..., d], name, start=start)
    axes["L1"].tick_params(labelleft=False)
    axes["L1"].set_ylabel("")
    mesh = axes["L1"].collections[0]
    fig.colorbar(mesh, ax=[axes["H1"], axes["L1"]], label="energy (median of noise: 1)", pad=0.02)
    for name, values in zip(DETECTORS, result.snr_series, strict=True):
        colour = plots.COLOURS[name]
        axes["snr"].plot(result.snr_times, values, color=colour, linewidth=1, label=name)
    middle = float(np.mean(result.candidate.gps) - result.gps)
    axes["snr"].axhline(
        search.THRESHOLD, color="0.4", linestyle=":", linewidth=1, label="threshold of a trigger"
    )
    top = 1.3 * max(result.snr_series.max(), search.THRESHOLD)  # room for the legend
    axes["snr"].set(xlim=(middle - 0.15, middle + 0.15), ylim=(0, top))
    axes["snr"].set(
        xlabel=f"time (s) after GPS {result.gps:.2f}", ylabel="SNR of the best template"
    )
    axes["snr"].legend(loc="upper right", ncols=3)
    fig.suptitle(_title(result), fontsize=10)
    with sources.written_whole(path) as part:
        fig.savefig(part, format=Path(path).suffix.lstrip(".") or "png")


def _title(result):
    c = result.candidate
    if not c.coincident:
        return f"GPS {result.gps:.2f}: no coincidence"
    return (
        f"GPS {result.gps:.2f}: network SNR {c.network_snr:.1f}, "
        f"false-alarm probability per second at most {result.probability:.2g} ({LIMIT})"
    )
