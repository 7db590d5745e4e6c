"""Checks of page 6: delay, whitening, images, and data that are split without a leak."""

from math import comb

import numpy as np

from chirps import detectors, grid, images
from helpers.checks import Wrong, answers, check, quiz

# --- strain to image ----------------------------------------------------------------------------


@check()
def whitened(values):
    """Judge a whitened time series: every frequency of the band as loud as every other.

    Parameters
    ----------
    values : array, shape (n,)
        At 1024 Hz, in standard deviations of white noise.

    Hints
    -----
    - Each detector has noise of its own. Measure that of L1, from the same 32 s.
    - Go through the two cells above: the noise curve, then the division of the spectrum. L1 has to
      stand in both.
    - noise.welch(values, rate) gives the curve, noise.whiten(values, curve, rate) the whitened
      spectrum, and grid.to_time brings it back to time at 1024 Hz.
    """
    values = answers.numbers(values, "the whitened series")
    if values.ndim != 1 or len(values) < 2 * grid.SAMPLE_RATE:
        raise Wrong(
            f"the shape is {values.shape}, expected at least two seconds of one detector at "
            f"{grid.SAMPLE_RATE} Hz."
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
    if abs(values.mean()) > 0.1 * deviation:
        raise Wrong(
            "the mean is not zero, but a constant is a frequency of 0, and below 20 Hz nothing "
            "should be left."
        )
    expected = np.sqrt((grid.HIGHEST - grid.LOWEST) / (grid.SAMPLE_RATE / 2))
    if abs(deviation / expected - 1) > 0.15:
        raise Wrong(
            f"the standard deviation is {deviation:.3g}, expected {expected:.2f}. Is the curve "
            "that of this detector? Then look at the factors: rfft(x) / rate, and irfft times "
            "√(2 · rate)."
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


@check(
    cases=lambda rng: [
        (_amplitudes(rng, *size, per_column), per_column)
        for *size, per_column in (
            (3, 40, 4),
            (1, 30, 10),
            (5, 21, 3),
            (4, 9, 1),
            (2, 50, 5),
            (39, 400, 4),
        )
    ]
)
def energies(given, amplitudes, per_column):
    """Judge a function that makes energies, in units of the noise of each row, of amplitudes.

    Parameters
    ----------
    given : array, shape (rows, samples / per_column)
    amplitudes : complex array, shape (rows, samples)
    per_column : int

    Hints
    -----
    - Energy is the square of the amplitude, and a pixel holds a mean of energies. In which order?
    - The absolute value, its square, the mean over each column, then the median of each row. To
      take means over columns, reshape the samples into (rows, columns, per_column).
    - np.abs(amplitudes) ** 2 reshaped to (len(amplitudes), -1, per_column), its mean over the last
      axis, divided by np.median of it over axis 1 with keepdims=True.
    """
    if np.iscomplexobj(given):
        raise Wrong("complex numbers: an energy is the square of the absolute value.")
    rows = len(amplitudes)
    samples = amplitudes.reshape(rows, -1, per_column)
    power = np.abs(samples) ** 2
    energy = power.mean(axis=2)

    def in_medians(x):
        return x / np.median(x, axis=1, keepdims=True)

    turned = np.abs(amplitudes.reshape(rows, per_column, -1)) ** 2
    of_samples = np.median(np.abs(amplitudes) ** 2, axis=1, keepdims=True)
    mistakes = {
        "these are amplitudes. Square them.": in_medians(np.abs(samples).mean(axis=2)),
        "you took the mean first and the absolute value afterwards, so swings cancel. Make "
        "energies first, then their mean.": in_medians(np.abs(samples.mean(axis=2)) ** 2),
        "you squared the mean. Make energies first, then their mean.": in_medians(
            np.abs(samples).mean(axis=2) ** 2
        ),
        "only the real part was squared. Half of the energy is in the imaginary part.": in_medians(
            (samples.real**2).mean(axis=2)
        ),
        "energies, but not yet in units of the noise: divide each row by its median.": energy,
        "summed, and not yet in units of the noise: divide each row by its median.": power.sum(2),
        "one median for the whole image. Each row has noise of its own.": energy
        / np.median(energy),
        "you divided by the mean of each row, which a loud chirp raises. The median does not mind "
        "it.": energy / energy.mean(axis=1, keepdims=True),
        "you divided by the largest of each row. The median is the level of the noise.": energy
        / energy.max(axis=1, keepdims=True),
        "you took the median over the rows. It should be one per row, over time.": energy
        / np.median(energy, axis=0),
        "the median is that of the samples. Take it over the columns, after the mean.": energy
        / of_samples,
        "the columns are mixed up: reshape to (rows, columns, per_column), in this order.": (
            in_medians(turned.mean(axis=1))
        ),
        "you took one sample of each column. Take the mean of all of them.": in_medians(
            power[:, :, 0]
        ),
    }
    answers.same(given, in_medians(energy), "the image", mistakes=mistakes)
    return "energies, in units of the median of each row."


def _amplitudes(rng, rows, columns, per_column):
    """Return complex noise, each row with a level of its own, and something loud in it."""
    shape = (rows, columns * per_column)
    noise = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    noise[:, : shape[1] // 4] *= 5.0
    return noise * 10.0 ** rng.uniform(-3, 3, (rows, 1))


@quiz(right="b")
def transform():
    """Judge the choice in the quiz transform.

    Choices
    -------
    - a: at 300 Hz the constant-Q filter has a half-width of some 80 Hz, so both tones are in it. It
      is sharp at low frequencies.
    - b: 22 Hz are narrow enough for 60, and 80 are not. For tones near 30 Hz it would be the other
      way round.
    - c: the number of rows says where the filters are, not how wide they are. A filter that hears
      both tones makes one line of them.
    - d: their product has a lower limit, but these tones last for a second: you may be as unsharp
      in time as you like.

    Hints
    -----
    - Look at the table of half-widths, in the rows for 300 Hz.
    - A filter with a half-width of more than 60 Hz hears both tones at once.
    """


# --- 3.1.1: two detectors -----------------------------------------------------------------------

_VIRGO = np.array([4.54637409900e6, 8.42989697626e5, 4.37857696241e6])  # m, as in LALSuite
_DISTANCE, _OTHER = (
    np.linalg.norm(_VIRGO - np.array(detectors.DETECTORS[d].vertex)) for d in ("H1", "L1")
)
_DELAY = _DISTANCE / detectors.SPEED_OF_LIGHT


@check()
def largest_delay(seconds):
    """Judge the longest time that a wave can take from Hanford to Virgo.

    Parameters
    ----------
    seconds : float

    Hints
    -----
    - A wave takes longest if it runs along the line that joins the two.
    - That line is straight, through the Earth: the length of the difference of the two vertices.
    - np.linalg.norm(VIRGO - np.array(detectors.DETECTORS['H1'].vertex)), divided by the speed of
      light, detectors.SPEED_OF_LIGHT.
    """
    seconds = answers.number(seconds, "the delay in seconds")
    if abs(seconds - _DELAY) < 3e-4:
        return f"{1e3 * seconds:.1f} ms. Anything that arrives further apart is no wave."
    mistakes = {
        "That is in milliseconds: give seconds.": 1e3 * _DELAY,
        "That is the distance in metres: divide by the speed of light.": _DISTANCE,
        "That is the distance in kilometres: divide by the speed of light.": _DISTANCE / 1e3,
        "Kilometres and metres are mixed up.": _DELAY / 1e3,
        "That is from the earliest to the latest: half of it is asked for.": 2 * _DELAY,
        "That is the speed of sound.": _DISTANCE / 343,
        "That is from Livingston to Virgo.": _OTHER / detectors.SPEED_OF_LIGHT,
        "That is from Hanford to Livingston.": detectors.MAX_DELAY,
    }
    answers.refuse(seconds, mistakes, within=0.015)
    if seconds < 0:
        raise Wrong("a largest delay is positive; its sign says who hears the wave first.")
    if 0.9 * _DELAY < seconds < 1.15 * _DELAY:
        raise Wrong(
            f"{1e3 * seconds:.1f} ms, close. Take the straight line through the Earth, not along "
            "its surface, and light's 299,792,458 m/s."
        )
    raise Wrong(f"{seconds:.3g} s. Divide the distance between the two vertices by c.")


_GLITCH, _WAVE = 25.0, 10.0  # energies of what is in one image, and in both


@check(
    cases=lambda rng: [
        *(_two_images(rng, *heights) for heights in ((1, 1), (1.5, 0.8), (0.8, 1.5))),
        (np.zeros((39, 100)), np.zeros((39, 100))),
        _two_images(rng, 1, 1, shape=(24, 70)),
        _two_images(rng, 1, 1)[::-1],
    ]
)
def combined(given, first, second):
    """Judge a function that makes one image of two, so that a glitch in one does not pass.

    Parameters
    ----------
    given : array, shape (rows, columns)
    first, second : array, shape (rows, columns)
        Energies. What is in both is a wave, what is in one a glitch.

    Hints
    -----
    - What has a wave that a glitch has not? It is bright in a pixel of one image and of the other.
    - A sum is bright if one of its terms is. What is bright only if both are?
    - There are several. The smaller of two numbers is one, their product another; numpy has
      functions that do it pixel by pixel.
    """
    given = answers.numbers(given, "the combined image")
    if given.size == 2 * first.size:
        raise Wrong(
            "these are still two images. As two channels a network may combine them; here there is "
            "none, so make one image."
        )
    if given.shape != first.shape:
        raise Wrong(
            f"two images of {first.shape} gave {given.shape}, expected one image of the same size."
        )
    if not first.any() and not second.any():
        if given.any():
            raise Wrong("there is energy in the result where neither detector has any.")
        return None
    # The images were made of these three levels, so the levels tell where is what.
    wave = np.minimum(first, second) >= 0.7 * _WAVE
    in_first, in_second = (
        (one >= 0.9 * _GLITCH) & (other < 0.7 * _WAVE)
        for one, other in ((first, second), (second, first))
    )
    faintest = np.quantile(given[wave], 0.25)
    noise = ~(wave | in_first | in_second)
    if faintest <= np.quantile(given[noise], 0.99):
        raise Wrong("the wave, which is in both images, does not stand out of the noise any more.")
    passed = [np.median(given[where]) >= faintest for where in (in_first, in_second)]
    if all(passed):
        raise Wrong(
            "a glitch in one detector is brighter than a wave in both. Ask that both be bright."
        )
    if any(passed):
        name = ("first", "second")[passed.index(True)]
        raise Wrong(f"a glitch in the {name} detector passes. Does the other one have a say?")
    return "waves pass, and no glitch in one detector alone."


def _two_images(rng, in_first, in_second, shape=(39, 100)):
    """Return energies of noise with a glitch of its own in each, and one wave in both."""
    pair = np.minimum(rng.exponential(1 / np.log(2), (2, *shape)), 4.0)
    rows, columns = shape[0] // 3, shape[1] // 7
    here = slice(rows // 2, rows // 2 + rows)  # off the middle, so that mirror images show
    for number, height in enumerate((in_first, in_second)):
        ripple = rng.uniform(0.95, 1.05, (2, rows, columns))
        at = columns * 4 * number  # a glitch on either side of the wave
        pair[number, here, at : at + columns] = _GLITCH * ripple[0]
        pair[number, here, 2 * columns : 3 * columns] = height * _WAVE * ripple[1]
    return pair[0], pair[1]


# --- 3.1.2: the data set ------------------------------------------------------------------------


@check()
def prepared(x_train, y_train=None, x_test=None, y_test=None):
    """Judge images and labels that are ready to train on.

    Parameters
    ----------
    x_train, x_test : array, shape (n, 39, 100, 2)
        From 0 to 1.
    y_train, y_test : array, shape (n,)
        1 for a gravitational wave, 0 for none.

    Hints
    -----
    - Four steps: put the two arrays together, make their labels, scale, split. Whatever moves the
      images must move the labels with them.
    - Divide everything by the energy at which the images saturate, not by what each array happens
      to hold. Then shuffle row numbers, or let scikit-learn do it.
    - np.concatenate([GW, ND]) / images.FULL_SCALE with np.repeat([1, 0], [len(GW), len(ND)]), both
      given to model_selection.train_test_split with test_size=0.2.
    """
    if y_train is None or x_test is None or y_test is None:
        raise Wrong("expected four arrays: x_train, y_train, x_test, y_test.")
    x_train, y_train, x_test, y_test = (
        answers.numbers(part, name)
        for part, name in (
            (x_train, "x_train"),
            (y_train, "y_train"),
            (x_test, "x_test"),
            (y_test, "y_test"),
        )
    )
    for name, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.ndim != 4 or x.shape[1:] != (images.N_ROWS, images.N_COLUMNS, 2):
            raise Wrong(f"x_{name} has shape {x.shape}, expected (n, 39, 100, 2).")
        if len(x) != len(y):
            raise Wrong(f"{len(x)} images in x_{name}, but {len(y)} labels in y_{name}.")
        if y.ndim != 1 or not np.isin(y, (0, 1)).all():
            raise Wrong(f"y_{name} should be one number per image, 1 for a wave and 0 for none.")
        if not x.any():
            raise Wrong(f"x_{name} holds zeros only.")
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


@check()
def groups(found, true=None):
    """Judge recovered groups against the true ones; which event has which number does not matter.

    Parameters
    ----------
    found, true : array, shape (n,)
        Groups, numbered from 0 without gaps, in any order.

    Hints
    -----
    - Two images are linked if their likeness lies above the gap that you see in the numbers. An
      event is whatever is linked, directly or through others.
    - The first copy of an event is not linked to its third, but both are linked to the second. So
      follow the links until no new image turns up.
    - connected_components takes the table of links (True and False) and returns the number of
      groups and, second, the group of each image.
    """
    if true is None:
        raise Wrong("expected two arrays: the groups that you found, and the true ones.")
    found, true = answers.numbers(found, "the groups"), np.asarray(true)
    if found.shape != true.shape:
        raise Wrong(f"{found.shape} groups found, but there are {true.shape} images.")
    pairs = np.unique(np.stack([found, true]), axis=1)
    numbers = np.unique(found)
    n_found, n_true = len(numbers), len(np.unique(true))
    if pairs.shape[1] == n_found == n_true:
        if not np.array_equal(numbers, np.arange(n_found)):
            raise Wrong(
                f"the groups are right, but they are numbered from {numbers[0]:g} to "
                f"{numbers[-1]:g}. Number them from 0 on, without gaps, so that np.bincount counts "
                "them."
            )
        return f"all {n_true} groups, no image astray."
    if n_found == 1:
        raise Wrong("all images are in one group. Which links are there by accident?")
    if n_found == len(found):
        raise Wrong("every image is on its own. Is the table of links empty?")
    merged, torn = pairs.shape[1] - n_found, pairs.shape[1] - n_true
    if merged and not torn:
        raise Wrong(f"{n_found} groups for {n_true} events: strangers were joined. Be stricter.")
    if torn and not merged:
        raise Wrong(f"{n_found} groups for {n_true} events: siblings were parted. Be less strict.")
    raise Wrong(f"{n_found} groups for {n_true} events, some torn and some joined.")


@quiz(right="c")
def coin_labels():
    """Judge the choice in the quiz coin_labels.

    Choices
    -------
    - a: nothing could be learned from coins, so .5 is all that an honest test can give. It says
      nothing against the network.
    - b: it has fitted its training data perfectly. Of skill a test on siblings of these says
      nothing.
    - c: .5 is right, because coins cannot be predicted; whatever is above it was remembered. The
      same memory may stand behind any score from this split.
    - d: fewer events in training cannot make 1.0 into .5, and both splits train on as many. What
      differs is whether siblings are on the other side.

    Hints
    -----
    - How good can any method be at predicting a coin that it has not seen?
    - A score that nobody could reach by learning was reached in another way. Which?
    """


# --- graded -------------------------------------------------------------------------------------


def _some_events(rng, per_class, sizes, *, numbers=None, mixed=False):
    """Return labels and groups: so many events of each class, with so many images each."""
    n_events = sum(per_class)
    low, high = sizes
    names = np.arange(n_events) if numbers is None else numbers(rng, n_events)
    images_of = rng.integers(low, high + 1, n_events)
    labels = np.repeat(np.repeat(np.arange(len(per_class)), per_class), images_of)
    named = np.repeat(names, images_of)
    order = rng.permutation(len(labels)) if mixed else np.arange(len(labels))
    return labels[order], named[order]


def _with_gaps(rng, n):
    return 7 + rng.permutation(20 * n)[:n]


def _split_cases(rng):
    def seed():
        return int(rng.integers(1_000_000))

    return [
        (*_some_events(rng, (40, 60), (4, 4)), 0.2, seed()),
        (*_some_events(rng, (60, 90), (1, 9), mixed=True), 0.3, seed()),
        (*_some_events(rng, (48, 12), (2, 6), numbers=_with_gaps, mixed=True), 0.25, seed()),
        (*_some_events(rng, (20, 30, 50), (1, 5), numbers=_with_gaps), 0.4, seed()),
        (*_some_events(rng, (40, 20), (1, 1), mixed=True), 0.1, seed()),
        (*_some_events(rng, (4, 2), (3, 3)), 0.5, seed()),
        (*_some_events(rng, (100, 25), (1, 30), numbers=_with_gaps), 0.36, seed()),
    ]


@check(points=3, cases=_split_cases)
def split_by_event(given, labels, groups, share, seed):
    """Judge a function that splits by event; any such split of the right size is right.

    Parameters
    ----------
    given : pair of int arrays
        Rows to train on and rows to test on, in any order.
    labels, groups : int array, shape (n,)
        Class and event of each image. All images of an event have one label.
    share : float
        Of the events of each class that are for the test.
    seed : int

    Hints
    -----
    - Draw events, not images. An event goes to one side, and all its images go with it.
    - To keep the classes in proportion, draw from the events of one class at a time: the given
      share of them, rounded, in random order.
    - Once you have the events that were drawn, np.isin says of every image whether its event is
      among them, and np.flatnonzero makes row numbers of the answer.
    """
    train, test = _two_sides(given, groups)
    shared = np.intersect1d(groups[train], groups[test])
    twice = len(np.intersect1d(train, test))
    if twice:
        raise Wrong(f"{twice} of {len(groups)} images are on both sides.")
    if len(shared):
        n = len(np.unique(groups))
        siblings = np.isin(groups[test], shared).mean()
        raise Wrong(
            f"{len(shared)} of {n} events have images on both sides, and {siblings:.0%} of the "
            "test images have a sibling in training. Split the events, then take all their images."
        )
    missing = len(groups) - len(train) - len(test)
    if missing:
        raise Wrong(f"{missing} of {len(groups)} images are on neither side.")
    _check_shares(test, labels, groups, share)
    return "no event is on both sides, every image is somewhere, the classes are in proportion."


def _two_sides(given, groups):
    """Return the rows of both sides as int arrays."""
    try:
        train, test = given
    except (TypeError, ValueError):
        raise Wrong("expected two arrays: the rows to train on, and the rows to test on.") from None
    sides = []
    for name, side in (("train", train), ("test", test)):
        mask, side = side, answers.numbers(side, name)
        if np.asarray(mask).dtype == bool:
            side = np.flatnonzero(side)
        if side.ndim != 1:
            raise Wrong(f"{name} has shape {side.shape}, expected a list of rows.")
        if not len(side):
            raise Wrong(f"{name} is empty.")
        if (side != np.rint(side)).any() or side.min() < 0 or side.max() >= len(groups):
            raise Wrong(
                f"{name} goes from {side.min():g} to {side.max():g}, expected rows, whole numbers "
                f"from 0 to {len(groups) - 1}. Are these numbers of events?"
            )
        if len(np.unique(side)) < len(side):
            raise Wrong(f"{name} has some rows twice.")
        sides.append(side.astype(int))
    if len(np.unique(groups)) == len(sides[0]) + len(sides[1]) < len(groups):
        raise Wrong("these are as many rows as there are events. Take all images of each event.")
    return sides


def _check_shares(test, labels, groups, share):
    """Look at how many events of each class are for the test, and which."""
    counts = []
    for label in np.unique(labels):
        events = np.unique(groups[labels == label])
        drawn = np.isin(events, groups[test])
        counts.append((len(events), drawn.sum()))
        first, last = drawn[: drawn.sum()], drawn[len(drawn) - drawn.sum() :]
        by_accident = 1 / comb(len(events), drawn.sum())
        if by_accident < 1e-6 and (first.all() or last.all()):
            raise Wrong(
                "the events for the test are the first or the last of their class. Draw them by "
                "lot, with the seed."
            )
    n_events, n_drawn = np.array(counts).T
    if (np.abs(n_drawn - share * n_events) < 1).all() and (n_drawn > 0).all():
        return
    drawn = " and ".join(f"{k} of {n}" for n, k in counts)
    if (np.abs(n_drawn - (1 - share) * n_events) < 1).all():
        raise Wrong(f"{drawn} events are for the test. Are the two sides swapped?")
    if abs(n_drawn.sum() - share * n_events.sum()) < len(counts):
        raise Wrong(
            f"{drawn} events are for the test: the share of all is right, but not that of each "
            "class. Draw from one class at a time."
        )
    if abs(len(test) / len(groups) - share) < 0.02:
        raise Wrong(
            f"{drawn} events are for the test, the given share is {share:g}. It is meant of the "
            "events; you took it of the images."
        )
    raise Wrong(f"{drawn} events are for the test, the given share is {share:g}.")
