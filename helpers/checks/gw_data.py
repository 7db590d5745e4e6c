"""Checks of page 6: delay, whitening, images, and data that are split without a leak."""

import numpy as np

from helpers.checks import Wrong, check, finite_number
from helpers.gw import detectors, grid, images

# --- 3.1.1: two detectors -----------------------------------------------------------------------

_DISTANCE = detectors.MAX_DELAY * detectors.SPEED_OF_LIGHT  # m, straight through the Earth


@check
def largest_delay(seconds):
    """Judge the longest time that a wave can take from one detector to the other.

    Parameters
    ----------
    seconds : float
    """
    seconds = finite_number(seconds, "the delay in seconds")
    if abs(seconds - detectors.MAX_DELAY) < 2e-4:
        return f"{1e3 * seconds:.1f} ms. Anything that arrives further apart is no wave."
    for value, hint in (
        (1e3 * detectors.MAX_DELAY, "That is in milliseconds: give seconds."),
        (_DISTANCE, "That is the distance in metres: divide by the speed of light."),
        (_DISTANCE / 1e3, "That is the distance in kilometres: divide by the speed of light."),
        (1e3 * detectors.MAX_DELAY / 1e6, "Kilometres and metres are mixed up."),
        (
            2 * detectors.MAX_DELAY,
            "That is from the earliest to the latest: half of it is asked for.",
        ),
        (_DISTANCE / 343, "That is the speed of sound."),
    ):
        if abs(seconds - value) < 0.02 * value:
            raise Wrong(hint)
    if seconds < 0:
        raise Wrong("a largest delay is positive; its sign says who hears the wave first.")
    if 0.0095 < seconds < 0.0115:
        raise Wrong(
            f"{1e3 * seconds:.1f} ms, close. Take the straight line through the Earth, not along "
            "its surface, and light's 299,792,458 m/s."
        )
    raise Wrong(f"{seconds:.3g} s. Divide the distance between the two vertices by c.")


# --- strain to image ----------------------------------------------------------------------------


@check
def whitened(values):
    """Judge a whitened time series: every frequency of the band as loud as every other.

    Parameters
    ----------
    values : array, shape (n,)
        At 1024 Hz, in standard deviations of white noise.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2 * grid.SAMPLE_RATE:
        raise Wrong(
            f"the shape is {values.shape}, expected at least two seconds of one detector at "
            f"{grid.SAMPLE_RATE} Hz."
        )
    if not np.isfinite(values).all():
        raise Wrong(
            "some values are NaN or infinite. Cut gaps out, and set the spectrum to zero where the "
            "noise curve says nothing."
        )
    deviation = 1.4826 * np.median(np.abs(values - np.median(values)))
    if deviation < 1e-15:
        raise Wrong("this is strain as it was measured, around 1e-19. Divide its spectrum first.")
    # Power per band in what white noise would have.
    low, middle, high = (_power(values, *band) for band in ((25, 60), (60, 200), (200, 450)))
    if deviation > 1e10:
        raise Wrong("enormous values: divide by the amplitude spectral density, not by its square.")
    if low > 3 * high:
        raise Wrong(
            "low frequencies are too loud. Did you divide by the noise curve of this detector?"
        )
    if high > 3 * low:
        raise Wrong("high frequencies are too loud. Divide by the root of the PSD, not by the PSD.")
    expected = np.sqrt((grid.HIGHEST - grid.LOWEST) / (grid.SAMPLE_RATE / 2))
    if abs(deviation / expected - 1) > 0.15:
        raise Wrong(
            f"all frequencies are alike, but the standard deviation is {deviation:.3g}, expected "
            f"{expected:.2f}. Look at the factors: rfft(x) / rate, then irfft times √(2 · rate)."
        )
    if max(low, middle, high) > 2 * min(low, middle, high):
        raise Wrong("some frequencies are louder than others: is the curve that of these data?")
    return f"white between 25 and 450 Hz, standard deviation {deviation:.2f}."


def _power(values, low, high):
    """Return the median power in a band, in units of white noise of variance 1."""
    # A window, or the steep noise of unwhitened strain leaks over all frequencies.
    window = np.hanning(len(values))
    spectrum = np.fft.rfft((values - values.mean()) * window)
    power = np.abs(spectrum) ** 2 / np.sum(window**2) / np.log(2)
    frequencies = np.fft.rfftfreq(len(values), 1 / grid.SAMPLE_RATE)
    return np.median(power[(frequencies > low) & (frequencies < high)])


@check
def energies(image):
    """Judge a time-frequency image: energies, in units of the noise's median.

    Parameters
    ----------
    image : array, shape (39, 100) or (39, 100, 2)
    """
    image = np.asarray(image, float)
    shape = (images.N_ROWS, images.N_COLUMNS)
    if image.shape[:2] == shape[::-1]:
        raise Wrong("time and frequency are swapped: 39 rows of frequency, 100 columns of time.")
    if image.shape[:2] != shape or image.ndim > 3:
        raise Wrong(f"the shape is {image.shape}, expected (39, 100) or (39, 100, 2).")
    if not np.isfinite(image).all():
        raise Wrong("some pixels are NaN or infinite.")
    if image.min() < 0:
        raise Wrong("energies are never negative. Square the absolute value; take no logarithm.")
    median = np.median(image)
    if median == 0:
        raise Wrong("half of the pixels are 0. Was the image rounded, or cut off below?")
    if not 0.7 < median < 1.5:
        raise Wrong(
            f"the median is {median:.3g}, expected about 1: divide each row by its median in noise."
        )
    share = np.mean(image > 3 * median)  # 2⁻³ for energies, 2⁻⁹ for their roots
    if share < 0.03:
        raise Wrong(
            f"only {share:.1%} of the pixels exceed three times the median; noise has more. Are "
            "these amplitudes? Square them."
        )
    return f"energies, median {median:.2f}."


# --- 3.1.2: the data set ------------------------------------------------------------------------


@check
def prepared(x_train, y_train=None, x_test=None, y_test=None):
    """Judge images and labels that are ready to train on.

    Parameters
    ----------
    x_train, x_test : array, shape (n, 39, 100, 2)
        From 0 to 1.
    y_train, y_test : array, shape (n,)
        1 for a gravitational wave, 0 for none.
    """
    if y_train is None or x_test is None or y_test is None:
        raise Wrong("expected four arrays: x_train, y_train, x_test, y_test.")
    x_train, y_train, x_test, y_test = map(np.asarray, (x_train, y_train, x_test, y_test))
    for name, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.ndim != 4 or x.shape[1:] != (images.N_ROWS, images.N_COLUMNS, 2):
            raise Wrong(f"x_{name} has shape {x.shape}, expected (n, 39, 100, 2).")
        if len(x) != len(y):
            raise Wrong(f"{len(x)} images in x_{name}, but {len(y)} labels in y_{name}.")
        if y.ndim != 1 or not np.isin(y, (0, 1)).all():
            raise Wrong(f"y_{name} should be one number per image, 1 for a wave and 0 for none.")
        if not np.isfinite(x).all():
            raise Wrong(f"x_{name} holds NaN or infinity.")
        if not 0 < y.mean() < 1:
            raise Wrong(f"y_{name} holds one class only. Shuffle before you cut.")
    largest = max(x_train.max(), x_test.max())
    if largest > 1.001:
        raise Wrong(f"pixels go up to {largest:.3g}. Divide them all by one number, the same.")
    if largest < 0.2:
        raise Wrong(f"pixels go up to {largest:.3g} only. They hold energies up to 25, not bytes.")
    share = len(x_test) / (len(x_test) + len(x_train))
    if abs(share - 0.2) > 0.015:
        raise Wrong(f"{share:.1%} of the images are for the test, 20 % are asked for.")
    for name, y in (("train", y_train), ("test", y_test)):
        if np.mean(y[1:] == y[:-1]) > 0.9:
            raise Wrong(f"y_{name} is sorted: shuffle images and labels together.")
    _check_classes(x_train, y_train)
    return f"{len(x_train):,} images to train on, {len(x_test):,} to test, from 0 to {largest:.3g}."


def _check_classes(x, y):
    """Look for classes that are mixed up, swapped, or scaled each for itself."""
    loud = (x > 0.8 * x.max()).mean(axis=(1, 2, 3))
    if loud[y == 1].mean() < 0.5 * loud[y == 0].mean():
        raise Wrong("the loud images have label 0: 1 is for gravitational waves.")
    if loud[y == 1].mean() < 1.5 * loud[y == 0].mean():
        raise Wrong("waves are no louder than noise. Were images and labels shuffled differently?")
    # The corner above the chirps holds noise only, in both classes.
    corner = np.median(x[:, :12, :40], axis=(1, 2, 3))
    ratio = np.median(corner[y == 1]) / np.median(corner[y == 0])
    if not 0.87 < ratio < 1.15:
        raise Wrong(
            f"the noise of one class is {max(ratio, 1 / ratio):.2f} times that of the other: each "
            "was divided by its own maximum. Divide both by the same number."
        )


# --- the leak -----------------------------------------------------------------------------------


@check
def split(train, test=None, groups=None):
    """Judge a split: no event may have images on both sides.

    Parameters
    ----------
    train, test : array of int
        Which images are on which side.
    groups : array of int, shape (n,)
        The event that each image belongs to.
    """
    if test is None or groups is None:
        raise Wrong("expected three arrays: train, test, and the event of each image.")
    train, test, groups = map(np.asarray, (train, test, groups))
    if train.dtype == bool:
        train, test = np.flatnonzero(train), np.flatnonzero(test)
    if not len(train) or not len(test):
        raise Wrong("one side is empty.")
    twice = len(np.intersect1d(train, test))
    if twice:
        raise Wrong(f"{twice} images are on both sides.")
    shared = np.intersect1d(groups[train], groups[test])
    if len(shared):
        n = len(np.unique(groups))
        share = np.isin(groups[test], shared).mean()
        raise Wrong(
            f"{len(shared)} of {n} events have images on both sides, and {share:.0%} of the test "
            "images have a sibling in training. Split the events, then take all their images."
        )
    missing = len(groups) - len(np.union1d(train, test))
    if missing:
        raise Wrong(f"{missing} images are on neither side.")
    n_train, n_test = len(np.unique(groups[train])), len(np.unique(groups[test]))
    return f"{n_train} events to train on, {n_test} others to test."


@check
def groups(found, true=None):
    """Judge recovered groups against the true ones; the numbers of groups do not matter.

    Parameters
    ----------
    found, true : array, shape (n,)
    """
    if true is None:
        raise Wrong("expected two arrays: the groups that you found, and the true ones.")
    found, true = np.asarray(found), np.asarray(true)
    if found.shape != true.shape:
        raise Wrong(f"{found.shape} groups found, but there are {true.shape} images.")
    pairs = np.unique(np.stack([found, true]), axis=1)
    n_found, n_true = len(np.unique(found)), len(np.unique(true))
    if pairs.shape[1] == n_found == n_true:
        return f"all {n_true} groups, no image astray."
    merged, torn = pairs.shape[1] - n_found, pairs.shape[1] - n_true
    if merged and not torn:
        raise Wrong(f"{n_found} groups for {n_true} events: strangers were joined. Be stricter.")
    if torn and not merged:
        raise Wrong(f"{n_found} groups for {n_true} events: siblings were parted. Be less strict.")
    raise Wrong(f"{n_found} groups for {n_true} events, some torn and some joined.")
