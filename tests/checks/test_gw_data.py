"""The checks of page 6 against right answers and many wrong ones."""

from functools import cache

import numpy as np
import pytest
from scipy import ndimage, signal
from sklearn.model_selection import GroupShuffleSplit, StratifiedShuffleSplit, train_test_split

from chirps import grid, images, noise, simulate
from helpers import checks
from helpers.checks import gw_data as check
from tests.support.checking import Answers, given

# --- 3.1.1 --------------------------------------------------------------------------------------


def virgo():
    """Vertex of Virgo from its geodetic position, by the formula of WGS-84."""
    latitude, longitude, height = np.radians(43.6314144), np.radians(10.5044966), 51.884
    a, flattening = 6_378_137.0, 1 / 298.257223563
    square = flattening * (2 - flattening)
    radius = a / np.sqrt(1 - square * np.sin(latitude) ** 2)
    x = (radius + height) * np.cos(latitude)
    z = (radius * (1 - square) + height) * np.sin(latitude)
    return np.array([x * np.cos(longitude), x * np.sin(longitude), z])


def answers_largest_delay():
    """LIGO's document on its geometry puts Hanford at (-2161414.92636, …) m."""
    hanford = np.array([-2161414.92636, -3834695.17889, 4600350.22664])
    right = np.linalg.norm(hanford - virgo()) / 299_792_458
    return Answers(
        right=[right, 0.0273, np.float32(right), str(right)],
        wrong=[
            (1e3 * right, "milliseconds"),
            (8181, "kilometres"),
            (8.181e6, "metres"),
            (right / 1e3, "mixed up"),
            (2 * right, "half of it"),
            (8.181e6 / 343, "sound"),
            (-right, "positive"),
            (8.878e6 / 299_792_458, "straight line"),
            (0.010012, "Hanford to Livingston"),
            (0.02645, "Livingston to Virgo"),
            (0.5, "Divide"),
            (float("nan"), "nan"),
            ([1, 2], "list"),
        ],
    )


def with_window(a, b):
    """The minimum, where the second detector may be a column early or late."""
    return np.minimum(a, ndimage.maximum_filter1d(b, 3, axis=1))


def answers_combined():
    def first(a, b):
        return a

    return Answers(
        right=[
            np.minimum,
            lambda a, b: a * b,
            lambda a, b: np.sqrt(a * ndimage.maximum_filter1d(b, 3, axis=1)),
            with_window,
            lambda a, b: [[min(*pair) for pair in zip(*rows)] for rows in zip(a, b)],  # noqa: B905
            lambda a, b: np.divide(a * b, a + b, out=np.zeros_like(a), where=a + b > 0),
        ],
        wrong=[
            (np.add, "Ask that both be bright"),
            (lambda a, b: (a + b) / 2, "Ask that both be bright"),
            (np.maximum, "Ask that both be bright"),
            (first, "the first detector passes"),
            (lambda a, b: b, "the second detector passes"),
            (lambda a, b: np.abs(a - b), "does not stand out"),
            (lambda a, b: np.minimum(a, b)[:, ::-1], "does not stand out"),
            (lambda a, b: np.stack([a, b], axis=-1), "still two images"),
            (lambda a, b: np.minimum(a, b).max(axis=0), "one image of the same size"),
            (lambda a, b: np.minimum(a, b) - 1, "neither detector has any"),
            (lambda a, b: np.where(a + b > 0, np.minimum(a, b), np.nan), "NaN or infinity"),
        ],
    )


# --- strain to image ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strain():
    return white_series()


def divided(values, power):
    """Whiten by dividing the spectrum by a power of the ASD; 1 is right."""
    f = np.fft.rfftfreq(len(values), 1 / grid.SAMPLE_RATE)
    inside = (f >= 20) & (f <= 480)
    spectrum = np.fft.rfft(values) / grid.SAMPLE_RATE
    spectrum[inside] /= noise.analytic().asd_on(f[inside]) ** power
    return np.fft.irfft(spectrum * inside) * np.sqrt(2 * grid.SAMPLE_RATE)


def test_white_series(strain):
    values, white = strain
    assert check.whitened(white)
    assert check.whitened(divided(values, 1))


def loud_at_one_end(rng, share):
    """White noise whose lowest or highest frequencies are too loud."""
    spectrum = np.fft.rfft(rng.standard_normal(16384))
    f = np.fft.rfftfreq(16384, 1 / grid.SAMPLE_RATE)
    factor = 3.0 if share > 0 else 1 / 3.0
    spectrum *= np.where(f < 150, factor, 1) * ((f > 20) & (f < 480))
    values = np.fft.irfft(spectrum)
    return values / values.std()


@pytest.mark.parametrize(
    ("wrong", "diagnosis"),
    [
        (lambda x, w: x, "as it was measured"),
        (lambda x, w: 1e-21 * w, "as it was measured"),
        (lambda x, w: divided(x, 2), "not by its square"),
        (lambda x, w: 3 * w, "standard deviation"),
        (lambda x, w: w / 30, "standard deviation"),
        (lambda x, w: loud_at_one_end(np.random.default_rng(0), 1), "low frequencies"),
        (lambda x, w: loud_at_one_end(np.random.default_rng(0), -1), "high frequencies"),
        (lambda x, w: w[:100], "two seconds"),
        (lambda x, w: np.stack([w, w]), "two seconds"),
        (lambda x, w: np.where(np.arange(len(w)) == 7, np.nan, w), "NaN"),
    ],
)
def test_series_that_are_not_white(strain, wrong, diagnosis):
    outcome = check.whitened(wrong(*strain))
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


@cache
def white_series():
    """32 s of noise of the analytic curve at 1024 Hz, and its whitened series by scipy."""
    rng = np.random.default_rng(5)
    n = 32 * grid.SAMPLE_RATE
    f = np.fft.rfftfreq(n, 1 / grid.SAMPLE_RATE)
    asd = noise.analytic().asd_on(np.clip(f, 20, 480))
    white = rng.standard_normal(n)
    coloured = np.fft.irfft(np.fft.rfft(white) * asd) * np.sqrt(grid.SAMPLE_RATE / 2)
    sos = signal.butter(12, [20, 480], "band", fs=grid.SAMPLE_RATE, output="sos")
    return coloured, signal.sosfiltfilt(sos, white)


def answers_whitened():
    values, white = white_series()
    return Answers(
        right=[white, divided(values, 1), white.tolist(), white.astype("float32")],
        wrong=[
            (values, "as it was measured"),
            (divided(values, 2), "not by its square"),
            (loud_at_one_end(np.random.default_rng(0), 1), "Did you divide by the noise curve"),
            (loud_at_one_end(np.random.default_rng(0), -1), "high frequencies"),
            (3 * white, "Is the curve that of this detector"),
            (white + 0.5, "the mean is not zero"),
            (np.stack([white, white]), "two seconds"),
            (white[:100], "two seconds"),
        ],
    )


def by_columns(amplitudes, per_column):
    """Energies, one pixel after the other."""
    rows = []
    for row in amplitudes:
        pieces = np.split(row, len(row) // per_column)
        energy = np.array([np.vdot(piece, piece).real / per_column for piece in pieces])
        rows.append(energy / np.sort(energy)[[(len(energy) - 1) // 2, len(energy) // 2]].mean())
    return rows


def answers_energies():
    def made(power=2, part=abs, middle=np.median, axis=1, late=False, turned=False):
        """Return the function with mistakes in it."""

        def image(a, n):
            shape = (len(a), n, -1) if turned else (len(a), -1, n)
            x = part(a).reshape(shape)
            over = 1 if turned else 2
            energy = np.abs(x.mean(over)) ** power if late else (np.abs(x) ** power).mean(over)
            return energy / middle(energy, axis=axis, keepdims=True)

        return image

    def summed(a, n):
        return np.add.reduceat(np.abs(a) ** 2, np.arange(0, a.shape[1], n), axis=1)

    return Answers(
        right=[
            by_columns,
            made(),
            lambda a, n: summed(a, n) / np.median(summed(a, n), axis=1)[:, None],
            lambda a, n: made()(a.astype("complex128"), n).tolist(),
        ],
        wrong=[
            (made(power=1), "Square them"),
            (made(late=True, part=lambda a: a), "swings cancel"),
            (made(late=True), "squared the mean"),
            (made(part=np.real), "imaginary part"),
            (made(middle=np.mean), "a loud chirp raises"),
            (made(middle=np.max), "the largest"),
            (made(axis=None), "one median for the whole image"),
            (made(axis=0), "one per row"),
            (made(turned=True), "mixed up"),
            (summed, "summed"),
            (lambda a, n: summed(a, n) / n, "not yet in units"),
            (lambda a, n: made()(a[:, ::n], 1), "one sample of each column"),
            (lambda a, n: summed(a, n) / n / np.median(abs(a) ** 2, axis=1)[:, None], "samples"),
            (lambda a, n: made()(a, n) * 1j, "complex"),
            (lambda a, n: made()(a, n)[:, :-1], "shape"),
        ],
    )


def test_the_energies_are_those_of_the_course():
    """Rows with one sample per column agree with chirps.images."""
    spectra = noise.gaussian(np.random.default_rng(1), 1, 1)
    f0 = images.ROW_FREQUENCIES[-1]
    bump = np.clip(1 - ((grid.FREQUENCIES - f0) / (f0 * np.sqrt(11) / 12)) ** 2, 0, None) ** 2
    series = np.fft.ifft(np.pad(spectra[0, 0] * bump, (0, 4000 - 2049)))  # one value per ms
    ours = by_columns([series], 10)[0][250:350]
    library = images.constant_q(spectra)[0, -1, :, 0]
    assert np.corrcoef(ours, library)[0, 1] > 0.99


def answers_transform():
    return Answers(right=["b", " B ", "(b)"], wrong=[("a", "80 Hz"), ("c", "rows"), ("d", "limit")])


def test_the_transform_resolves_the_two_tones():
    """Two tones for a second: between them, the right image is darker than on them."""
    t = grid.TIMES
    tones = sum(np.sin(2 * np.pi * f * t) for f in (300, 360))
    spectra = grid.to_frequency(tones)[None, None]
    dips = {}
    for name, centres in (
        ("constant_q", images.ROW_FREQUENCIES),
        ("stft", images.STFT_ROW_FREQUENCIES),
    ):
        rows = images.TRANSFORMS[name](spectra)[0, :, :, 0].mean(axis=1)
        on, between = np.interp([300, 330], centres[::-1], rows[::-1])
        dips[name] = between / on
    assert dips["stft"] < 0.3 and dips["constant_q"] > 0.9, dips


# --- 3.1.2 --------------------------------------------------------------------------------------


@cache
def simulated():
    return simulate.homework_like(3)


@pytest.fixture(scope="module")
def homework():
    return simulated()


def prepared(homework, *, scales=(25, 25), share=0.2, shuffle=True, labels=(1, 0)):
    """Prepare the data set with scikit-learn, with mistakes; every fourth image only."""
    gw, nd = homework.gw[::4] / scales[0], homework.nd[::4] / scales[1]
    x, y = np.concatenate([gw, nd]), np.repeat(labels, [len(gw), len(nd)])
    parts = train_test_split(x, y, test_size=share, random_state=0, stratify=y)
    x_train, x_test, y_train, y_test = parts
    if not shuffle:
        order = np.argsort(y_train, kind="stable")
        x_train, y_train = x_train[order], y_train[order]
    return [x_train, y_train, x_test, y_test]


def test_right_preparations(homework):
    assert check.prepared(*prepared(homework))
    assert check.prepared(*prepared(homework, scales=(30, 30)))


@pytest.mark.parametrize(
    ("mistake", "diagnosis"),
    [
        ({"scales": (1, 1)}, "Divide them all"),
        ({"scales": (255, 255)}, "not bytes"),
        ({"scales": (25, 18.8)}, "own maximum"),
        ({"share": 0.33}, "20 %"),
        ({"shuffle": False}, "sorted"),
        ({"labels": (0, 1)}, "label 0"),
        ({"labels": (1, 2)}, "1 for a wave"),
    ],
    ids=str,
)
def test_wrong_preparations(homework, mistake, diagnosis):
    outcome = check.prepared(*prepared(homework, **mistake))
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def answers_prepared():
    def made(**mistake):
        return given(*prepared(simulated(), **mistake))

    x_train, y_train, x_test, y_test = prepared(simulated())
    one_hot = np.stack([1 - y_train, y_train], axis=1)
    return Answers(
        right=[
            made(),
            made(scales=(30, 30)),
            given(x_train, y_train.astype(float), x_test, y_test.tolist()),
            given(x_train, y_train == 1, x_test, y_test == 1),
        ],
        wrong=[
            (made(scales=(1, 1)), "Divide them all"),
            (made(scales=(255, 255)), "not bytes"),
            (made(scales=(25, 18.8)), "own maximum"),
            (made(share=0.33), "20 %"),
            (made(share=0.8), "20 %"),
            (made(shuffle=False), "sorted"),
            (made(labels=(0, 1)), "label 0"),
            (made(labels=(1, 2)), "1 for a wave"),
            (given(x_train, np.roll(y_train, 7), x_test, y_test), "shuffled differently"),
            (given(x_train, one_hot, x_test, y_test), "one number per image"),
            (given(x_test, y_test, x_train, y_train), "20 %"),
            (given(x_train), "four arrays"),
        ],
    )


def test_other_wrong_preparations(homework):
    x_train, y_train, x_test, y_test = prepared(homework)
    mixed = np.random.default_rng(0).permutation(y_train)
    for parts, diagnosis in (
        ((x_train, mixed, x_test, y_test), "shuffled differently"),
        ((x_train,), "four arrays"),
        ((x_train[..., 0], y_train, x_test, y_test), "expected (n, 39, 100, 2)"),
        ((x_train, y_train[1:], x_test, y_test), "labels in y_train"),
        ((x_train, y_train, x_test, np.stack([y_test, 1 - y_test], 1)), "one number per image"),
        ((x_train, y_train, x_test, 0 * y_test), "one class only"),
        ((x_train, y_train, np.full_like(x_test, np.nan), y_test), "NaN"),
        ((0 * x_train, y_train, x_test, y_test), "zeros only"),
        ((x_train, y_test, x_test, y_train), "labels in y_train"),
    ):
        outcome = check.prepared(*parts)
        assert outcome.status == checks.WRONG
        assert diagnosis in outcome.message


# --- the leak -----------------------------------------------------------------------------------

GROUPS = np.repeat(np.arange(174), 16)


def answers_groups():
    names = np.random.default_rng(0).permutation(174)

    def found(groups):
        return given(groups, GROUPS)

    return Answers(
        right=[found(GROUPS), found(names[GROUPS]), found(GROUPS.tolist()), found(173.0 - GROUPS)],
        wrong=[
            (found(GROUPS // 2), "strangers were joined"),
            (found(np.arange(2784) // 8), "siblings were parted"),
            (found(np.arange(2784) // 10), "some torn and some joined"),
            (found(GROUPS[:-1]), "2783"),
            (found(np.zeros(2784)), "all images are in one group"),
            (found(np.arange(2784)), "on its own"),
            (found(GROUPS + 1), "from 1 to 174"),
            (found(3 * GROUPS), "from 0 to 519"),
            (found(174), "groups found"),
            (GROUPS, "two arrays"),
        ],
    )


def answers_coin_labels():
    wrong = [("a", "honest test"), ("b", "training data"), ("d", "siblings")]
    return Answers(right=["c", "C"], wrong=[*wrong, ("e", "none of the choices"), (3, "a letter")])


# --- graded -------------------------------------------------------------------------------------


def by_event(labels, groups, share, seed, rounded=round):
    """Draw events of each class, with lists and a dictionary."""
    members = {}
    for row, (label, group) in enumerate(zip(labels, groups, strict=True)):
        members.setdefault(label, {}).setdefault(group, []).append(row)
    rng = np.random.default_rng(seed)
    train, test = [], []
    for events in members.values():
        names = list(events)
        rng.shuffle(names)
        n_test = rounded(share * len(names))
        for number, name in enumerate(names):
            (test if number < n_test else train).extend(events[name])
    return train, test


def by_scikit(labels, groups, share, seed):
    """Let scikit-learn draw, from a list with one row per event."""
    names, first = np.unique(groups, return_index=True)
    splitter = StratifiedShuffleSplit(1, test_size=round(share * len(names)), random_state=seed)
    _, drawn = next(splitter.split(names, labels[first]))
    is_test = np.isin(groups, names[drawn])
    return ~is_test, is_test


def by_image(labels, groups, share, seed):
    rows = np.arange(len(labels))
    return train_test_split(rows, test_size=share, random_state=seed)


def changed(change):
    """Return a function that makes the right split and spoils it."""

    def spoiled(labels, groups, share, seed):
        train, test = map(np.array, by_event(labels, groups, share, seed))
        return change(train, test, groups)

    return spoiled


def first_events(labels, groups, share, seed):
    chosen = []
    for label in np.unique(labels):
        events = np.unique(groups[labels == label])
        chosen.extend(events[: round(share * len(events))])
    is_test = np.isin(groups, chosen)
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def whatever_class(labels, groups, share, seed):
    splitter = GroupShuffleSplit(1, test_size=share, random_state=seed)
    return next(splitter.split(labels, labels, groups))


def of_the_images(labels, groups, share, seed):
    """Add events, class by class, until there are enough images. Lists are as long as they are."""
    rng = np.random.default_rng(seed)
    test = []
    for label in np.unique(labels):
        mine = []
        for event in rng.permutation(np.unique(groups[labels == label])):
            if len(mine) < share * np.sum(labels == label):
                mine.extend(np.flatnonzero(groups == event))
        test.extend(mine)
    return np.setdiff1d(np.arange(len(labels)), test), np.array(test)


def numbers_of_events(labels, groups, share, seed):
    events = np.random.default_rng(seed).permutation(np.unique(groups))
    cut = round((1 - share) * len(events))
    return events[:cut], events[cut:]


def answers_split_by_event():
    return Answers(
        right=[
            by_event,
            lambda *case: by_event(*case, rounded=lambda x: max(1, int(x))),
            changed(lambda train, test, groups: (np.sort(train), np.sort(test))),
            changed(lambda train, test, groups: (train.astype(float), test.tolist())),
            changed(lambda train, test, groups: (np.setdiff1d(range(len(groups)), test), test)),
        ],
        wrong=[
            (by_image, "sibling in training"),
            (first_events, "Draw them by lot"),
            (whatever_class, "not that of each class"),
            (of_the_images, "you took it of the images"),
            (numbers_of_events, "as many rows as there are events"),
            (changed(lambda train, test, groups: (test, train)), "swapped"),
            (changed(lambda train, test, groups: (train, train)), "on both sides"),
            (changed(lambda train, test, groups: (train[1:], test)), "on neither side"),
            (changed(lambda train, test, groups: (train, test[:-1])), "on neither side"),
            (changed(lambda train, test, groups: (train + 1, test + 1)), "expected rows"),
            (changed(lambda train, test, groups: (train, np.r_[test, test])), "twice"),
            (changed(lambda train, test, groups: (train, test[:0])), "empty"),
            (changed(lambda train, test, groups: (train, groups[test])), ""),
            (changed(lambda train, test, groups: train), "two arrays"),
            (changed(lambda train, test, groups: (train, test[None])), "a list of rows"),
            (lambda *case: by_event(case[0], case[1], case[2] / 2, case[3]), "events are for"),
            (lambda *case: "rows", "two arrays"),
        ],
    )


def test_scikit_learn_agrees_where_it_can_stratify():
    """It rounds the shares of the classes against each other, so not always as we do."""
    for case in check._split_cases(np.random.default_rng(0))[:5]:
        praise = check.split_by_event._judge(by_scikit(*case), *case)
        assert "no event is on both sides" in praise


def test_a_split_that_is_drawn_by_lot_always_passes():
    """Whatever the secret inputs of grading are."""
    for seed in range(40):
        assert check.split_by_event.outcome(by_event, seed=seed), seed
        assert not check.split_by_event.outcome(whatever_class, seed=seed), seed
        assert not check.split_by_event.outcome(by_image, seed=seed), seed


@pytest.mark.parametrize(
    "judge", [check.largest_delay, check.whitened, check.prepared, check.groups]
)
def test_nothing_yet(judge):
    assert judge(None).status == checks.NOT_ATTEMPTED


@pytest.mark.parametrize("judge", [check.whitened, check.prepared, check.groups])
def test_no_answer_breaks_a_page(judge):
    assert not judge("what?", object(), None)
