"""Batches of gravitational-wave images that change from epoch to epoch, as physics allows."""

from functools import cache

import numpy as np

from chirps import images

RECOMBINED = ("noise", "glitch", "two glitches")  # backgrounds whose detectors know nothing
# of each other


class Batches:
    """Batches for ``model.fit``, the same for the same seed and epoch.

    Parameters
    ----------
    pixels : uint8 array, shape (n, 39, 100, 2)
        Grey levels. May be memory-mapped.
    labels : int array, shape (n,)
        1 for a gravitational wave.
    kinds : str array, shape (n,)
        As of :class:`chirps.simulate.LabelledEvents`.
    snr : float array, shape (n,)
        Signal-to-noise ratio of the network, for signals.
    batch_size, epochs, seed : int
    swap : bool
        Exchange the detectors of half of all images: nature has no preference.
    slide : bool
        Combine H1 of one background with L1 of another, as a time slide does.
    curriculum : tuple (first, last), optional
        Begin with signals above the first signal-to-noise ratio; half-way, be down at the last.

    Notes
    -----
    Call :meth:`start` at the beginning of every epoch. Each is a ``keras.utils.PyDataset``.
    """

    def __new__(cls, *arguments, **options):
        """Return an object that Keras knows as a data set."""
        return super().__new__(_known_to_keras(cls))

    def __init__(
        self,
        pixels,
        labels,
        kinds,
        snr,
        *,
        batch_size,
        epochs,
        seed,
        swap=True,
        slide=True,
        curriculum=None,
    ):
        super().__init__()
        self._pixels, self._labels = pixels, np.asarray(labels)
        self._free = np.isin(kinds, RECOMBINED)
        self._snr = np.asarray(snr)
        self._batch_size, self._epochs, self._seed = batch_size, epochs, seed
        self._swap, self._slide, self._curriculum = swap, slide, curriculum
        self.start(0)

    def __len__(self):
        """Return the number of batches of an epoch; a last short one is left out."""
        return len(self._labels) // self._batch_size

    def lowest_snr(self, epoch):
        """Return the signal-to-noise ratio from which on an epoch has signals."""
        if self._curriculum is None:
            return 0.0
        first, last = self._curriculum
        return first + (last - first) * min(1.0, 2 * epoch / self._epochs)

    def start(self, epoch):
        """Order the images for an epoch, counted from 0."""
        self._epoch = epoch
        rng = np.random.default_rng([self._seed, epoch])
        signals = np.flatnonzero(self._labels == 1)
        allowed = signals[self._snr[signals] >= self.lowest_snr(epoch)]
        # As many signals as ever: while few are loud enough, these come more than once.
        signals = np.resize(rng.permutation(allowed), len(signals))
        self._order = rng.permutation(np.concatenate([signals, np.flatnonzero(self._labels == 0)]))

    def __getitem__(self, number):
        """Return energies (n, 39, 100, 2) and labels (n, 1) of a batch."""
        rng = np.random.default_rng([self._seed, self._epoch, number])
        first = number * self._batch_size
        chosen = np.sort(self._order[first : first + self._batch_size])
        x = self._pixels[chosen]
        if self._slide:
            free = np.flatnonzero(self._free[chosen])
            x[free, ..., 1] = x[rng.permutation(free), ..., 1]
        if self._swap:
            swapped = rng.random(len(x)) < 0.5
            x[swapped] = x[swapped][..., ::-1]
        return images.from_bytes(x), self._labels[chosen, None].astype(np.float32)


@cache
def _known_to_keras(cls):
    """Return the class as one of Keras's data sets; only here, as Keras takes seconds to start."""
    from helpers.backend import keras

    return type(cls.__name__, (cls, keras.utils.PyDataset), {})
