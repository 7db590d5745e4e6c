"""The data sets that the course's networks for gravitational waves learn, choose and are tested on.

Images hold energies in units of the noise, from 0 to 25. Labels are 1 for a gravitational wave.

There are two families. :func:`homework` is a set like the homework's: loud chirps, plain noise.
:func:`modern` is what a search has to cope with: chirps down to where nobody can see them, in noise
of three kinds, with glitches and with chirps that reach the detectors too far apart.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from chirps import noise, noise_models, simulate, strain
from helpers.sources import Source

CLASSES = ("no detection", "gravitational wave")
SPLITS = ("by image", "by event")
SHARES = (0.64, 0.16, 0.20)  # training, validation, test: the homework's

NOISES = ("design", "measured", "real")
# Whose quiet seconds are trained, chosen and tested on. The events themselves are never in them.
REAL_NOISE = {"train": "GW150914", "validation": "GW151226", "test": "GW151012"}
TRAINING = {"design": 0.45, "measured": 0.40, "real": 0.15}  # share of each kind of noise
HARD = {"noise": 0.35, "glitch": 0.3, "two glitches": 0.1, "slide": 0.25}  # backgrounds to learn
ESTIMATES = 6  # of every measured curve: each as if from another 32 s


@dataclass(frozen=True, eq=False)
class WaveSet:
    """Labelled images in three parts.

    Attributes
    ----------
    x_train, x_validation, x_test : array, shape (n, 39, 100, 2)
        Energies as float32, or grey levels as uint8 (``images.from_bytes`` gives energies).
    y_train, y_validation, y_test : int64 array, shape (n,)
        1 for a gravitational wave.
    source : Source
        The settings they were simulated with.
    classes : tuple of str
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: Source
    classes: tuple = CLASSES


def homework(split, seed=0):
    """Return the data set like the homework's, split in one of two ways.

    Parameters
    ----------
    split : {"by image", "by event"}
        "by image" shuffles all images, as the homework did, so that copies of one event land on
        both sides. "by event" keeps all copies of an event together.
    seed : int
        Of the simulation and of the split.

    Returns
    -------
    WaveSet
        64 % to train on, 16 % to validate on, 20 % to test on, of both classes alike.

    Raises
    ------
    ValueError
        If the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}: choose 'by image' or 'by event'.")
    data = simulate.homework_like(seed)
    x = np.concatenate([data.gw, data.nd])
    y = np.repeat([1, 0], [len(data.gw), len(data.nd)])
    groups = np.concatenate([data.gw_groups, simulate.HOMEWORK_ORIGINALS[0] + data.nd_groups])
    parts = three_parts(y, groups if split == "by event" else None, seed)
    settings = {"data": "homework_like", "version": simulate.VERSION, "seed": seed, "split": split}
    source = _source("Gravitational waves like the homework's", f"split {split}", settings, len(x))
    return WaveSet(*(array for part in parts for array in (x[part], y[part])), source)


def three_parts(labels, groups=None, seed=0):
    """Cut a data set into training, validation and test, with equal shares of each class.

    Parameters
    ----------
    labels : int array, shape (n,)
    groups : int array, shape (n,), optional
        Images with the same number stay together; by default each image is on its own.
    seed : int

    Returns
    -------
    tuple of three int arrays
        Indices in random order, without overlap.
    """
    labels = np.asarray(labels)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    rng = np.random.default_rng(seed)
    cuts = np.cumsum(SHARES)[:2]
    parts = [[], [], []]
    for label in np.unique(labels):
        members = rng.permutation(np.unique(groups[labels == label]))
        bounds = np.rint(cuts * len(members)).astype(int)
        for part, chosen in zip(parts, np.split(members, bounds), strict=True):
            part.extend(np.flatnonzero((labels == label) & np.isin(groups, chosen)))
    return tuple(rng.permutation(part) for part in parts)


@dataclass(frozen=True, eq=False)
class Part:
    """Images of one part of the modern data, in random order.

    Attributes
    ----------
    pixels : uint8 array, shape (n, 39, 100, 2)
    labels : uint8 array, shape (n,)
    kinds : str array, shape (n,)
    snr : float array, shape (n,)
        Of the network; NaN where there is no chirp.
    source : Source
    """

    pixels: np.ndarray
    labels: np.ndarray
    kinds: np.ndarray
    snr: np.ndarray
    source: Source


def modern(
    part, n, seed, *, noises=TRAINING, mix=HARD, snr=(5.0, 30.0), slope=2.0, workers=1, verbose=True
):
    """Simulate one part of the modern data: half chirps, half backgrounds.

    Parameters
    ----------
    part : {"train", "validation", "test"}
        Which measured curves and which real noise may be used.
    n : int
        How many images.
    seed : int
    noises : dict
        Share of each kind of noise, of :data:`NOISES`.
    mix, snr, slope, workers
        As for :func:`chirps.simulate.dataset`. By default there are more slides and more faint
        chirps than nature has: those are what a network must learn.
    verbose : bool
        Whether to print where each kind of noise came from.

    Returns
    -------
    Part

    Raises
    ------
    ValueError
        If a kind of noise or the part is unknown, or the shares do not add up to 1.
    """
    if abs(sum(noises.values()) - 1) > 1e-6:
        raise ValueError(f"The shares of noise are {noises}: expected a sum of 1.")
    source = modern_source(part, n, seed, noises=noises, mix=mix, snr=snr, slope=slope)
    pieces = []
    for number, (kind, share) in enumerate(sorted(noises.items())):
        half = round(n * share / 2)
        options = {"mix": mix, "snr": snr, "slope": slope, "noise": noise_of(kind, part)}
        # Unrelated seeds for the kinds of noise, so that no chirp comes twice.
        own = 1000 * seed + number
        pieces.append(simulate.dataset(half, half, own, workers=workers, **options))
        if verbose:
            print(f"{len(pieces[-1]):,} images in {kind} noise", flush=True)
    order = np.random.default_rng(seed).permutation(sum(map(len, pieces)))
    arrays = [
        np.concatenate(arrays)[order]
        for arrays in zip(
            *((p.images, p.labels, p.kinds, p.parameters["snr"]) for p in pieces), strict=True
        )
    ]
    return Part(*arrays, source)


def modern_source(part, n, seed, *, noises=TRAINING, mix=HARD, snr=(5.0, 30.0), slope=2.0):
    """Return the description that :func:`modern` gives its data, without simulating any."""
    settings = {"data": "modern", "version": simulate.VERSION, "part": part, "n": n, "seed": seed}
    settings |= {"noises": noises, "mix": mix, "snr": snr, "slope": slope}
    return _source("Simulated gravitational waves", f"{part} part", settings, n)


@cache
def noise_of(kind, part):
    """Return one of the three kinds of noise, as one part of the data may see it.

    Parameters
    ----------
    kind : {"design", "measured", "real"}
        "design": Gaussian noise of the analytic design curve, which is known exactly.
        "measured": Gaussian noise of curves measured in the third run, whitened with an estimate
        from 32 s, as a search must. "real": strain around an event, without the event.
    part : {"train", "validation", "test"}
        No curve and no stretch of strain is in two parts.

    Returns
    -------
    chirps.noise_models.GaussianNoise, StrainNoise, or None
        For the ``noise`` of :func:`chirps.simulate.dataset`; None is the design curve.

    Raises
    ------
    ValueError
        If the kind or the part is unknown.
    """
    if kind not in NOISES or part not in REAL_NOISE:
        raise ValueError(
            f"No noise {kind!r} of {part!r}: choose one of {NOISES} and of {tuple(REAL_NOISE)}."
        )
    if kind == "design":
        return None
    if kind == "real":
        pair = strain.load_event(REAL_NOISE[part], verbose=False)
        gps = pair.event.gps
        whitened = [strain.whiten(pair.strains[d], exclude=gps) for d in ("H1", "L1")]
        return noise_models.StrainNoise([whitened], [gps])
    rng = np.random.default_rng([list(REAL_NOISE).index(part), 32])
    pairs = [tuple(map(noise.measured, names)) for names in noise.names(part)] * ESTIMATES
    believed = [tuple(noise.estimated(rng, curve) for curve in pair) for pair in pairs]
    return noise_models.GaussianNoise(pairs, believed=believed)


def _source(title, variant, settings, n):
    """Describe simulated data. Pixels differ in the last bit between machines; settings do not."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return Source(title, variant, "drawn here", digest, n, "simulated for this course")
