"""Noise to simulate in: Gaussian noise that follows curves of H1 and L1, or real, quiet strain.

:func:`chirps.simulate.dataset` takes an object with these parts: ``asd``, shape (n, 2, n_freq), of
the pairs of curves that the data are whitened with; ``sample(rng, which)``; ``fingerprint``.
"""

import hashlib
from copy import copy

import numpy as np

from chirps import grid, noise
from chirps.grid import BAND, DURATION, FREQUENCIES, N_SAMPLES, SAMPLE_RATE
from helpers.sources import DataError


class GaussianNoise:
    """Gaussian noise that follows noise curves.

    Parameters
    ----------
    pairs : sequence of (NoiseCurve, NoiseCurve)
        Curves of H1 and L1; every sample takes one of the pairs.
    believed : sequence of (NoiseCurve, NoiseCurve), optional
        The curves that the data are whitened with, where they are not the true ones.
    """

    def __init__(self, pairs, believed=None):
        believed = pairs if believed is None else believed
        if not len(pairs) or len(pairs) != len(believed):
            raise ValueError(
                f"Got {len(pairs)} pairs of noise curves and {len(believed)} to whiten with; "
                "expected one or more, and as many."
            )
        self.asd = np.array([[curve.asd_on(FREQUENCIES) for curve in pair] for pair in believed])
        _check_asd(self.asd)
        self._ratio = None
        if believed is not pairs:
            self._ratio = np.array(
                [
                    [noise.mismatch(t, b) for t, b in zip(true, seen, strict=True)]
                    for true, seen in zip(pairs, believed, strict=True)
                ],
                np.float32,
            )

    def sample(self, rng, which):
        """Return whitened noise (n, 2, n_freq), of the pair of curves that `which` (n,) names."""
        spectra = noise.gaussian(rng, len(which))
        return spectra if self._ratio is None else spectra * self._ratio[which]

    def only(self, pair):
        """Return the noise of one of the pairs of curves, by its number."""
        one = copy(self)
        one.asd = self.asd[[pair]]
        one._ratio = None if self._ratio is None else self._ratio[[pair]]
        return one

    @property
    def fingerprint(self):
        """What makes this noise different from other noise."""
        return _fingerprint(self.asd, *([] if self._ratio is None else [self._ratio]))


class StrainNoise:
    """Real noise: segments of whitened strain, away from its event.

    H1 and L1 are taken at unrelated times, so that a sample holds no real coincidence.

    Parameters
    ----------
    pairs : sequence of (Whitened, Whitened)
        Whitened strain of H1 and L1 (:func:`chirps.strain.whiten`). Every sample takes one.
    events : sequence of float
        GPS time of the event in each pair; segments that contain it are never taken.
    """

    def __init__(self, pairs, events):
        if not len(pairs) or len(pairs) != len(events):
            raise ValueError(f"Got {len(pairs)} pairs of strain and {len(events)} event times.")
        self._pairs = [tuple(pair) for pair in pairs]
        self._starts = [
            [_clean_starts(series, gps) for series in pair]
            for pair, gps in zip(pairs, events, strict=True)
        ]
        self.asd = np.array([[s.curve.asd_on(FREQUENCIES) for s in pair] for pair in pairs])
        _check_asd(self.asd)

    def sample(self, rng, which):
        """Return whitened noise (n, 2, n_freq), of the pair of strain that `which` (n,) names."""
        places = rng.random((len(which), 2))
        series = np.empty((len(which), 2, N_SAMPLES))
        for i, pair in enumerate(which):
            for d in range(2):
                starts = self._starts[pair][d]
                first = starts[int(places[i, d] * len(starts))]
                series[i, d] = self._pairs[pair][d].values[first : first + N_SAMPLES]
        return (grid.to_frequency(series) * BAND).astype(np.complex64)

    @property
    def fingerprint(self):
        """What makes this noise different from other noise."""
        return _fingerprint(self.asd, *[s.values for pair in self._pairs for s in pair])


# --- inside -------------------------------------------------------------------------------------


def _check_asd(asd):
    if asd.ndim != 3 or asd.shape[1] != 2 or not np.isfinite(asd[..., BAND]).all():
        raise ValueError(
            f"The noise curves must be pairs (H1, L1) that cover {grid.LOWEST:g} to "
            f"{grid.HIGHEST:g} Hz."
        )


def _clean_starts(series, gps):
    """Return every first sample of a segment without gap and without the event."""
    bad = ~np.isfinite(series.values)
    event = round((gps - series.gps_start) * SAMPLE_RATE)
    around = round(0.5 * SAMPLE_RATE)  # a light chirp is longer, but faint before
    bad[max(event - 2 * around, 0) : max(event + around, 0)] = True
    before = np.concatenate([[0], np.cumsum(bad)])
    starts = np.flatnonzero(before[N_SAMPLES:] == before[:-N_SAMPLES])
    if not len(starts):
        raise DataError(
            f"{series.detector} from GPS {series.gps_start:.0f} on has no {DURATION:g} s without "
            "the event or a gap. Use a longer file."
        )
    return starts


def _fingerprint(*arrays):
    digest = hashlib.sha256()
    for array in arrays:
        # Nine digits: the last bits of a logarithm differ between machines.
        digest.update(np.char.mod("%.9e", np.nan_to_num(array, posinf=0.0)).tobytes())
    return digest.hexdigest()[:16]
