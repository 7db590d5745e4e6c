"""Simulated data: chirps, noise and glitches as two detectors would see them, in any number.

Every sample has a number, and is the same however many others are asked for, in whatever chunks
and on however many threads. Samples are made in blocks of 64, each from a random generator
of its own, seeded by (seed, label, block).

>>> events = dataset(1000, 1000, seed=1)
>>> events.images.shape, events.labels.mean()
((2000, 39, 100, 2), 0.5)

What is drawn
-------------
- *Sky and orientation* as of the binaries that two equally sensitive detectors find at a given
  signal-to-noise ratio: isotropic, times the volume in which each orientation is seen (Schutz,
  Class. Quantum Grav. 28, 125023 (2011), arXiv:1102.5421).
- *Network signal-to-noise ratio* with p(ρ) ∝ ρ⁻⁴: sources are spread evenly in volume, and ρ falls
  as 1/distance (same paper).
- *Masses* uniform and independent between two limits. This is a choice, not a population.
- *Backgrounds*: Gaussian noise; a glitch in one detector; a glitch in each at unrelated times; and
  chirps that reach the detectors 30–300 ms apart, which no wave can (10 ms at the most).

Sets too large for memory are written by :mod:`chirps.storage`.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from chirps import detectors, glitches, grid, images, waveform
from chirps import noise as noise_curves
from chirps.grid import BAND, FREQUENCIES, N_FREQUENCIES
from chirps.noise_models import GaussianNoise

BLOCK = 64  # samples that share a random generator
VERSION = 1  # of what a seed stands for; raise it when the same seed gives other parameters

SNR_RANGE = (8.0, 50.0)
MASS_RANGE = (5.0, 60.0)  # solar masses, at the detectors
MERGER_ZONE = (0.50, 0.95)  # where in the window a chirp ends, as a fraction of it
SLIDE = (0.03, 0.30)  # s; how far apart the chirps of a time slide are
MIX = {"noise": 0.4, "glitch": 0.4, "two glitches": 0.1, "slide": 0.1}
INSPIRAL_SECONDS = 2.8  # how much of a chirp fits before the earliest merger
HOMEWORK_ORIGINALS = (98, 76)  # gravitational waves, non-detections
COPIES = 16  # of each original

PARAMETERS = np.dtype(
    [
        ("mass1", "f8"),  # solar masses; the heavier
        ("mass2", "f8"),
        ("longitude", "f8"),  # rad, Earth-fixed
        ("sin_declination", "f8"),
        ("polarisation", "f8"),  # rad
        ("cos_inclination", "f8"),
        ("phase", "f8"),  # rad, of the wave
        ("time", "f8"),  # s from the start of the segment, at H1
        ("delay", "f8"),  # s, arrival at L1 minus arrival at H1
        ("distance", "f8"),  # Mpc
        ("snr", "f8"),  # optimal, of the network
        ("snr_h", "f8"),  # optimal, in H1: of the chirp or of the glitch
        ("snr_l", "f8"),
        ("glitch_h", "U16"),  # family of the glitch in H1
        ("glitch_l", "U16"),
    ]
)
ORIENTATION = ("longitude", "sin_declination", "polarisation", "cos_inclination")
IMAGE_SHAPE = (images.N_ROWS, images.N_COLUMNS, 2)
EVENT = np.dtype([("event", "i8"), ("label", "u1"), ("kind", "U16"), ("parameters", PARAMETERS)])


@dataclass(frozen=True, eq=False)
class LabelledEvents:
    """Simulated events: first the signals, then the backgrounds.

    Attributes
    ----------
    images : uint8 array, shape (n, 39, 100, 2)
        Grey levels; ``images.from_bytes`` gives energies. The last axis is H1, L1.
    labels : uint8 array, shape (n,)
        1 for a gravitational wave, 0 for a background.
    kinds : str array, shape (n,)
        "signal" or a key of :data:`MIX`.
    parameters : structured array, shape (n,)
        See :data:`PARAMETERS`; NaN or empty where a parameter does not apply.
    events : int64 array, shape (n,)
        Number of the event, unique for a seed: odd for signals, even for backgrounds.
    spectra : complex64 array, shape (n, 2, n_freq), or None
        The whitened spectra behind the images, where asked for.
    """

    images: np.ndarray
    labels: np.ndarray
    kinds: np.ndarray
    parameters: np.ndarray
    events: np.ndarray
    spectra: np.ndarray | None = None

    @classmethod
    def of_table(cls, pixels, table, spectra=None):
        """Return the events of images and of a table of :data:`EVENT`."""
        columns = (table[name] for name in ("label", "kind", "parameters", "event"))
        return cls(pixels, *columns, spectra)

    def __len__(self):
        return len(self.images)


@dataclass(frozen=True, eq=False)
class HomeworkLike:
    """A data set like the homework's.

    Attributes
    ----------
    gw : float32 array, shape (1568, 39, 100, 2)
        98 gravitational waves, each in 16 shifted copies; energies from 0 to 25.
    nd : float32 array, shape (1216, 39, 100, 2)
        76 non-detections, plain Gaussian noise, each in 16 shifted copies.
    gw_groups, nd_groups : int64 array, shape (1568,) and (1216,)
        Which original each image is a copy of. The homework's files do not say.
    """

    gw: np.ndarray
    nd: np.ndarray
    gw_groups: np.ndarray
    nd_groups: np.ndarray


# --- signals ------------------------------------------------------------------------------------


def segment_waves(mass1, mass2):
    """Return the waves of binaries as a segment of 4 s can hold them.

    A light binary spends longer than that in the band: what it sent out earlier than 2.8 s before
    its merger lies before the segment and is faded out, or it would come round at its end.

    Parameters
    ----------
    mass1, mass2 : array, shape (n,)
        Solar masses, at the detectors.

    Returns
    -------
    complex array, shape (n, n_freq)
        As :func:`chirps.waveform.phenom_d`, and zero outside the band.
    """
    mass1, mass2 = np.atleast_1d(mass1), np.atleast_1d(mass2)
    waves = np.zeros((len(mass1), N_FREQUENCIES), complex)
    band = FREQUENCIES[BAND]
    left = waveform.chirp_time(band, mass1[:, None], mass2[:, None]) / INSPIRAL_SECONDS
    # From 0 where the time is up to 1 where 60 % of it is left: a fifth of the frequency.
    fade = np.clip((1 - left) / 0.4, 0, 1)
    waves[:, BAND] = waveform.phenom_d(band, mass1, mass2) * np.sin(np.pi / 2 * fade) ** 2
    return waves


def signals(rng, n, *, snr=SNR_RANGE, slope=4.0, masses=MASS_RANGE, asd=None, slide=None):
    """Draw chirps as two detectors see them, whitened.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    snr : float, array of shape (n,), or tuple (lowest, highest)
        Optimal signal-to-noise ratio of the network.
    slope : float
        Between the two limits, p(ρ) ∝ ρ^-slope; 4 is even in volume, 1 even in log ρ.
    masses : tuple (lowest, highest)
        Limits of both masses, solar masses.
    asd : array, shape (2, n_freq) or (n, 2, n_freq), optional
        Noise of H1 and L1; default the analytic design curve for both.
    slide : tuple (shortest, longest), optional
        Let the chirps arrive this many seconds apart, evenly drawn, instead of at the delay of
        their place in the sky. Either detector may be first; both chirps end in the window.

    Returns
    -------
    spectra : complex64 array, shape (n, 2, n_freq)
    parameters : structured array, shape (n,), of :data:`PARAMETERS`

    Raises
    ------
    ValueError
        If limits are in the wrong order, out of range or not positive.
    """
    _check_signals(snr, masses, slide)
    parameters = _parameters(n)
    _draw_orientations(rng, parameters)
    u = rng.random((n, 7))
    low, high = masses
    pair = np.sort(low + (high - low) * u[:, :2], axis=1)
    parameters["mass1"], parameters["mass2"] = pair[:, 1], pair[:, 0]
    parameters["phase"] = 2 * np.pi * u[:, 2]
    parameters["snr"] = _power_law(u[:, 3], *snr, slope) if isinstance(snr, tuple) else snr
    _draw_times(parameters, u[:, 4:], slide)
    return _whitened_signals(parameters, asd), parameters


def dataset(
    n_signals,
    n_noise,
    seed,
    *,
    mix=None,
    snr=SNR_RANGE,
    slope=4.0,
    masses=MASS_RANGE,
    noise=None,
    image="constant_q",
    start=0,
    spectra=False,
    workers=1,
):
    """Simulate labelled events in memory.

    Parameters
    ----------
    n_signals, n_noise : int
        How many gravitational waves, and how many backgrounds.
    seed : int
        Same seed and settings, same events.
    mix : dict, optional
        Relative numbers of the kinds of background; default :data:`MIX`.
    snr, slope, masses
        As for :func:`signals`; also for the chirps of time slides.
    noise : GaussianNoise or StrainNoise, optional
        Default Gaussian noise of the analytic design curve.
    image : {"constant_q", "stft"}
    start : int
        Number of the first event of each label: ``start=1000`` continues after 1000.
    spectra : bool
        Whether to keep the whitened spectra (33 kB each).
    workers : int
        Threads. The result does not depend on it.

    Returns
    -------
    LabelledEvents

    Raises
    ------
    ValueError
        If a setting makes no sense; it says which.
    """
    recipe = recipe_of(seed, mix, snr, slope, masses, noise, image)
    tasks = tasks_of(n_signals, n_noise, start)
    n = n_signals + n_noise
    pixels = np.empty((n, *IMAGE_SHAPE), np.uint8)
    table = np.empty(n, EVENT)
    kept = np.empty((n, 2, N_FREQUENCIES), np.complex64) if spectra else None
    done = 0
    for part, rows, behind in simulate_tasks(recipe, tasks, workers, keep=spectra):
        here = slice(done, done + len(part))
        pixels[here], table[here] = part, rows
        if spectra:
            kept[here] = behind
        done += len(part)
    return LabelledEvents.of_table(pixels, table, kept)


def homework_like(seed=0):
    """Simulate a data set like the homework's: loud chirps, plain noise, 16 copies of each.

    The homework's own files are not ours to ship. Their published sizes and figures show 98 and 76
    originals in 16 shifted copies each, energies that saturate at 25, long bright chirps, and
    Gaussian noise for everything else. A copy here is the same strain, seen through a window that
    starts one column of 10 ms later.

    Parameters
    ----------
    seed : int
        Same seed, same images.

    Returns
    -------
    HomeworkLike
        Copies of one original stand together: rows 16 i to 16 i + 15 are of original i.
    """
    n_columns = images.N_COLUMNS + COPIES - 1
    # The chirps end late in the window, so that all copies show the merger.
    begin = grid.WINDOW_START - images.COLUMN_SECONDS * (COPIES // 2)
    sets = {}
    for label, originals in ((1, HOMEWORK_ORIGINALS[0]), (0, HOMEWORK_ORIGINALS[1])):
        rng = np.random.default_rng([seed, label, 98_76])
        spectra = noise_curves.gaussian(rng, originals)
        if label:
            spectra += signals(rng, originals, snr=(20.0, 80.0), slope=1.0, masses=(5.0, 20.0))[0]
        wide = images.constant_q(spectra, start=round(begin, 2), n_columns=n_columns)
        copies = [wide[:, :, j : j + images.N_COLUMNS] for j in range(COPIES)]
        stacked = np.stack(copies, axis=1).reshape(-1, *IMAGE_SHAPE)
        sets[label] = np.minimum(stacked, np.float32(images.FULL_SCALE))
    groups = [np.repeat(np.arange(n), COPIES) for n in HOMEWORK_ORIGINALS]
    return HomeworkLike(sets[1], sets[0], *groups)


# --- block by block -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Recipe:
    """Everything that decides what a sample looks like."""

    seed: int
    mix: dict
    snr: object
    slope: float
    masses: tuple
    noise: object
    image: str

    @property
    def note(self):
        """The same as plain JSON."""
        return {
            "version": VERSION,
            "seed": self.seed,
            "mix": self.mix,
            "snr": list(self.snr) if isinstance(self.snr, tuple) else self.snr,
            "slope": self.slope,
            "masses": list(self.masses),
            "noise": self.noise.fingerprint,
            "image": self.image,
        }


@dataclass(frozen=True)
class Task:
    """Samples `first` to `last` of one block."""

    label: int
    block: int
    first: int
    last: int

    def __len__(self):
        return self.last - self.first


def recipe_of(
    seed, mix=None, snr=SNR_RANGE, slope=4.0, masses=MASS_RANGE, noise=None, image="constant_q"
):
    """Return the :class:`Recipe` of the settings of :func:`dataset`, after a look at each."""
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed is {seed!r}, expected a whole number from 0.")
    mix = dict(MIX if mix is None else mix)
    unknown = set(mix) - set(MIX)
    if unknown or not mix or min(mix.values()) < 0 or sum(mix.values()) <= 0:
        raise ValueError(f"mix is {mix}, expected non-negative weights of some of {list(MIX)}.")
    mix = {kind: float(mix[kind]) for kind in MIX if kind in mix}  # one order for all
    if image not in images.TRANSFORMS:
        raise ValueError(f"image is {image!r}, expected one of {list(images.TRANSFORMS)}.")
    if isinstance(snr, list):
        snr = tuple(snr)
    if not isinstance(snr, tuple):
        snr = float(snr)
    _check_signals(snr, masses, SLIDE)
    if noise is None:
        noise = GaussianNoise([(noise_curves.analytic(), noise_curves.analytic())])
    return Recipe(int(seed), mix, snr, float(slope), tuple(map(float, masses)), noise, image)


def tasks_of(n_signals, n_noise, start):
    """Return the tasks that make so many events of each label, in order."""
    for name, number in (("n_signals", n_signals), ("n_noise", n_noise), ("start", start)):
        if not isinstance(number, (int, np.integer)) or number < 0:
            raise ValueError(f"{name} is {number!r}, expected a whole number from 0.")
    tasks = []
    for label, n in ((1, n_signals), (0, n_noise)):
        first = start
        while first < start + n:
            block = first // BLOCK
            last = min((block + 1) * BLOCK, start + n)
            tasks.append(Task(label, block, first - block * BLOCK, last - block * BLOCK))
            first = last
    return tasks


def simulate_tasks(recipe, tasks, workers=1, keep=False):
    """Yield images, table rows and (if kept) spectra of each task, in order."""

    def make(task):
        here = slice(task.first, task.last)
        spectra, rows = _block(recipe, task.label, task.block)
        transform = images.TRANSFORMS[recipe.image]
        # A whole block is made whatever is asked for, so that nothing depends on what is.
        pixels = images.to_bytes(transform(spectra))[here]
        return pixels, rows[here], spectra[here] if keep else None

    if workers <= 1:
        yield from map(make, tasks)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque()
        for task in tasks:
            waiting.append(pool.submit(make, task))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _block(recipe, label, block):
    """Return whitened spectra (64, 2, n_freq) and table rows of one block."""
    seed = [recipe.seed, label, block]
    # One generator for what is drawn, one for the noise: the first can be pinned.
    rng, noise_rng = (np.random.default_rng([*seed, k]) for k in (0, 1))
    which = (rng.random(BLOCK) * len(recipe.noise.asd)).astype(int)
    spectra = recipe.noise.sample(noise_rng, which)
    rows = np.zeros(BLOCK, EVENT)
    rows["event"] = 2 * (block * BLOCK + np.arange(BLOCK)) + label
    rows["label"] = label
    rows["parameters"] = _parameters(BLOCK)
    options = {"snr": recipe.snr, "slope": recipe.slope, "masses": recipe.masses}
    if label:
        rows["kind"] = "signal"
        chirps, rows["parameters"] = signals(rng, BLOCK, asd=recipe.noise.asd[which], **options)
        return spectra + chirps, rows

    names = np.array(list(recipe.mix))
    shares = np.cumsum(list(recipe.mix.values()))
    drawn = np.searchsorted(shares / shares[-1], rng.random(BLOCK), side="right")
    rows["kind"] = names[np.minimum(drawn, len(names) - 1)]
    _add_glitches(rng, spectra, rows)
    slid = np.flatnonzero(rows["kind"] == "slide")
    if len(slid):
        asd = recipe.noise.asd[which[slid]]
        chirps, drawn = signals(rng, len(slid), asd=asd, slide=SLIDE, **options)
        spectra[slid] += chirps
        rows["parameters"][slid] = drawn
    return spectra, rows


def _add_glitches(rng, spectra, rows):
    single = rows["kind"] == "glitch"
    hit = rng.random(BLOCK) < 0.5  # in H1, else in L1
    for d, letter in enumerate("hl"):
        in_this = hit if d == 0 else ~hit
        chosen = np.flatnonzero((single & in_this) | (rows["kind"] == "two glitches"))
        added, families, snr = glitches.draw_glitches(rng, len(chosen))
        spectra[chosen, d] += added
        rows["parameters"][f"glitch_{letter}"][chosen] = families
        rows["parameters"][f"snr_{letter}"][chosen] = snr


# --- inside: signals ----------------------------------------------------------------------------


def _parameters(n):
    """Return `n` rows of nothing."""
    parameters = np.empty(n, PARAMETERS)
    parameters[:] = tuple(np.nan if PARAMETERS[k].kind == "f" else "" for k in PARAMETERS.names)
    return parameters


def _draw_orientations(rng, parameters):
    """Draw place and orientation as detected: isotropic, accepted ∝ (Σ response²)^(3/2)."""
    n, filled = len(parameters), 0
    while filled < n:
        u = rng.random((512, 5))
        drawn = 2 * np.pi * u[:, 0], 2 * u[:, 1] - 1, np.pi * u[:, 2], 2 * u[:, 3] - 1
        response = _responses(*drawn)
        volume = (np.abs(response) ** 2).sum(-1) ** 1.5  # at most 2^(3/2): both overhead, face-on
        accepted = np.flatnonzero(u[:, 4] < volume / 2**1.5)[: n - filled]
        here = slice(filled, filled + len(accepted))
        for name, values in zip(ORIENTATION, drawn, strict=True):
            parameters[name][here] = values[accepted]
        filled += len(accepted)


def _responses(longitude, sin_declination, polarisation, cos_inclination):
    """Return what H1 and L1 measure of a face-on plus wave, complex, shape (n, 2)."""
    plus, cross = (1 + cos_inclination**2) / 2, -1j * cos_inclination
    patterns = [
        detectors.antenna_pattern(name, longitude, sin_declination, polarisation)
        for name in detectors.DETECTORS
    ]
    return np.stack([f_plus * plus + f_cross * cross for f_plus, f_cross in patterns], -1)


def _draw_times(parameters, u, slide):
    """Set arrival times: the chirps end in MERGER_ZONE of the window."""
    first, last = grid.WINDOW_START + grid.WINDOW * np.array(MERGER_ZONE)
    if slide is None:
        parameters["time"] = first + (last - first) * u[:, 0]
        parameters["delay"] = detectors.delay(
            parameters["longitude"], parameters["sin_declination"]
        )
        return
    apart = slide[0] + (slide[1] - slide[0]) * u[:, 1]
    earlier = first + (last - first - apart) * u[:, 0]  # both inside the zone
    h1_first = u[:, 2] < 0.5
    parameters["time"] = np.where(h1_first, earlier, earlier + apart)
    parameters["delay"] = np.where(h1_first, apart, -apart)


def _whitened_signals(parameters, asd):
    """Return complex64 spectra (n, 2, n_freq); fills in distance, snr_h and snr_l."""
    n = len(parameters)
    if asd is None:
        asd = np.stack([noise_curves.analytic().asd_on(FREQUENCIES)] * 2)
    band = FREQUENCIES[BAND]
    wave = segment_waves(parameters["mass1"], parameters["mass2"])[:, BAND]
    wave *= np.exp(1j * parameters["phase"])[:, None]
    response = _responses(*(parameters[name] for name in ORIENTATION))
    spectra = np.zeros((n, 2, N_FREQUENCIES), np.complex64)
    at_1_mpc = np.empty((n, 2))
    for d, late in enumerate((0.0, parameters["delay"])):
        shift = np.exp(-2j * np.pi * band * (parameters["time"] + late)[:, None])
        seen = wave * shift * response[:, d, None] / asd[..., d, :][..., BAND]
        at_1_mpc[:, d] = grid.norm(seen)
        spectra[:, d, BAND] = seen
    network = np.hypot(*at_1_mpc.T)
    scale = parameters["snr"] / network
    spectra *= scale[:, None, None].astype(np.float32)
    parameters["distance"] = 1 / scale
    parameters["snr_h"], parameters["snr_l"] = (at_1_mpc * scale[:, None]).T
    return spectra


def _power_law(u, low, high, slope):
    """Turn uniform numbers into numbers with density ∝ x^-slope between two limits."""
    if slope == 1:
        return low * (high / low) ** u
    k = 1 - slope
    return (low**k + u * (high**k - low**k)) ** (1 / k)


def _check_signals(snr, masses, slide):
    low, high = snr if isinstance(snr, tuple) else (np.min(snr), np.max(snr))
    if not 0 < low <= high < np.inf:
        raise ValueError(f"snr is {snr}, expected positive, or (lowest, highest) with both so.")
    try:
        low, high = masses
    except TypeError:
        raise ValueError(f"masses is {masses!r}, expected (lowest, highest).") from None
    least, most = waveform.MASS_RANGE
    if not least <= low <= high <= most:
        raise ValueError(
            f"masses is {masses}, expected (lowest, highest) between {least:g} and {most:g} "
            "solar masses."
        )
    if high / low > waveform.LARGEST_RATIO:
        raise ValueError(
            f"masses is {masses}: pairs could be as unequal as {high / low:.0f} to 1, expected at "
            f"most {waveform.LARGEST_RATIO:g} to 1, for which the waveform was made."
        )
    span = grid.WINDOW * (MERGER_ZONE[1] - MERGER_ZONE[0])
    if slide is not None and not 0 <= slide[0] <= slide[1] <= span:
        raise ValueError(f"slide is {slide}, expected (shortest, longest) from 0 to {span:.2f} s.")
