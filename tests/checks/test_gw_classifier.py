"""The checks of page 7 against right answers and many wrong ones."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers
from scipy import optimize, signal, special, stats
from sklearn.metrics import roc_auc_score

from chirps import efficiency, search
from helpers import checks, models
from helpers.checks import gw_classifier as check
from tests.support.checking import Answers, given

ALTERNATING = ("same", "valid", "same", "valid")


def network(
    n_filter=32,
    padding=ALTERNATING,
    kernel=3,
    pool=(3, 2),
    pools=(2, 4),
    hidden=(128,),
    outputs=2,
    bias=True,
    shape=(39, 100, 2),
):
    """The network that is asked for, or one with mistakes, built by Keras and counted by Keras."""
    model = keras.Sequential([keras.Input(shape)])
    for number, border in enumerate(padding, start=1):
        model.add(layers.Conv2D(n_filter, kernel, padding=border, use_bias=bias))
        if number in pools:
            model.add(layers.MaxPooling2D(pool))
    model.add(layers.Flatten())
    for units in (*hidden, outputs):
        model.add(layers.Dense(units, use_bias=bias))
    return model


# --- the number of parameters -------------------------------------------------------------------


@cache
def count(**mistake):
    return network(**mistake).count_params()


def answers_parameter_count():
    homework = models.gw_cnn().count_params()
    return Answers(
        right=[count(), network(), np.int64(count())],
        wrong=[
            (homework, "5 × 5? Here they are 3 × 3. And: Do the convolutions have 64 filters"),
            (count(kernel=5), "kernels 5 × 5"),
            (count(n_filter=64), "64 filters"),
            (network(padding=("same",) * 4), 'all four paddings "same"'),
            (network(padding=("valid",) * 4), "without any padding"),
            (count(bias=False), "biases missing"),
            (count(outputs=1), "one sigmoid"),
            (7, "layer by layer"),
            (float(count()), "whole number"),
            ("311362", "whole number"),
            (True, "whole number"),
            (keras.Sequential(), "does not know the shape"),
        ],
    )


def test_the_homeworks_own_network_is_the_one_that_it_prints():
    settings = {"kernel": 5, "n_filter": 64}
    assert replace(check.ASKED, filters=(64,), kernel=5).parameters == count(**settings) == 671_490


@pytest.mark.parametrize(
    ("mistake", "diagnosis"),
    [
        ({"padding": ("same",) * 4}, 'all four paddings "same"'),
        ({"pool": (2, 2)}, "2 × 2"),
        ({"pool": (2, 3)}, "turned"),
        ({"pool": (3, 3)}, "3 × 3? They take 3 rows"),
        ({"pools": (2,)}, "second pooling"),
        ({"pools": ()}, "both poolings"),
        ({"padding": ALTERNATING[:2]}, "pair of convolutions"),
        ({"padding": ()}, "no convolutions"),
        ({"kernel": 5}, "kernels 5 × 5"),
        ({"padding": ("valid",) * 4}, "without any padding"),
        ({"hidden": ()}, "hidden dense layer missing"),
        ({"hidden": (512,)}, "512 neurons"),
        ({"bias": False}, "biases"),
        ({"shape": (39, 100, 1)}, "one channel"),
        ({"shape": (39, 100, 3)}, "three channels"),
        ({"outputs": 1}, "one sigmoid"),
        ({"n_filter": 16}, "16 filters"),
        ({"kernel": 5, "hidden": (512,)}, "And: "),
    ],
    ids=str,
)
def test_wrong_networks_are_diagnosed(mistake, diagnosis):
    outcome = check.parameter_count(network(**mistake))
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def test_no_two_single_mistakes_have_the_same_count():
    counts = [replace(check.ASKED, **change).parameters for change in check._MISTAKES.values()]
    assert len(set(counts)) == len(counts)
    assert check.ASKED.parameters == count() == 311_362 not in counts


@pytest.mark.parametrize("answer", ["311362", 311362.0, True, [1], 7, keras.Sequential()])
def test_other_wrong_counts(answer):
    outcome = check.parameter_count(answer)
    assert outcome.status == checks.WRONG and len(outcome.message) > 20


def answers_sigmoids():
    wrong = [("a", "other images"), ("c", "without it"), ("d", "both, or neither")]
    return Answers(right=["b", "(b)"], wrong=wrong)


# --- rankings and efficiencies ------------------------------------------------------------------


def mann_whitney(scores, labels):
    """By SciPy, which counts pairs."""
    waves, others = scores[labels == 1], scores[labels == 0]
    return stats.mannwhitneyu(waves, others).statistic / (len(waves) * len(others))


def by_hand(scores, labels, tie=0.5, per_pair=True):
    pairs = [(s, t) for s in scores[labels == 1] for t in scores[labels == 0]]
    won = sum((s > t) + tie * (s == t) for s, t in pairs)
    return won / len(pairs) if per_pair else won


def under_steps(scores, labels):
    """The area under the ROC by trapezoids, from the top down."""
    points = [(0.0, 0.0)]
    for line in sorted(set(scores), reverse=True):
        points.append((np.mean(scores[labels == 0] >= line), np.mean(scores[labels == 1] >= line)))
    x, y = np.array(points).T
    return np.trapezoid(y, x)


def answers_ranking():
    def of(change):
        return lambda scores, labels: roc_auc_score(labels, change(scores))

    return Answers(
        right=[
            lambda scores, labels: roc_auc_score(labels, scores),
            mann_whitney,
            by_hand,
            under_steps,
            of(lambda s: stats.rankdata(s)),
            lambda scores, labels: np.array(by_hand(scores, labels)),
        ],
        wrong=[
            (lambda s, y: by_hand(s, y, tie=0), "count as lost"),
            (lambda s, y: by_hand(s, y, tie=1), "count as won"),
            (lambda s, y: by_hand(s, 1 - y), "the background wins"),
            (lambda s, y: by_hand(s, y, per_pair=False), "Divide by their number"),
            (of(special.expit), "the sigmoid made large scores equal"),
            (of(lambda s: special.expit(s.astype("float32"))), "the sigmoid made"),
            (of(lambda s: s > 0), "decisions at 0"),
            (lambda s, y: np.mean((s > 0) == y), "accuracy"),
            (lambda s, y: max(by_hand(s, y), 1 - by_hand(s, y)), "upside down"),
            (lambda s, y: mann_whitney(np.argsort(np.argsort(s)), y), "Equal is equal"),
            (lambda s, y: [by_hand(s, y)], "one number"),
            (lambda s, y: s.mean(), "too"),
        ],
    )


def test_without_ties_32_bits_saturate():
    scores = np.linspace(18, 30, 12)
    right, rounded = (
        roc_auc_score(np.arange(12) % 2, f(scores)) for f in (np.array, special.expit)
    )
    assert right == rounded
    with pytest.raises(checks.Wrong, match="32 bits"):
        tight = roc_auc_score(np.arange(12) % 2, special.expit(scores.astype("float32")))
        check.ranking._judge(tight, scores, np.arange(12) % 2)


def in_bins(snr, scores, line, edges, found=np.greater):
    """One bin after the other."""
    shares = []
    for low, high in pairwise(edges):
        here = (snr >= low) & (snr < high)
        shares.append(np.mean(found(scores[here], line)))
    return shares


def answers_efficiency():
    def counts(snr, edges):
        return np.histogram(snr, edges)[0]

    def binned(snr, scores, line, edges):
        return stats.binned_statistic(snr, scores > line, "mean", edges).statistic

    return Answers(
        right=[
            in_bins,
            binned,
            lambda snr, scores, line, edges: efficiency.curve(scores > line, snr, edges).efficiency,
        ],
        wrong=[
            (lambda s, t, x, e: counts(s[t > x], e), "that counts"),
            (lambda s, t, x, e: in_bins(s, t, x, e, np.less_equal), "missed"),
            (lambda s, t, x, e: in_bins(s, t, x, e, np.greater_equal), "found is above"),
            (lambda s, t, x, e: counts(s[t > x], e) / len(s), "number of all waves"),
            (lambda s, t, x, e: counts(s[t > x], e) / np.sum(t > x), "Turn the question round"),
            (lambda s, t, x, e: counts(s, e) / len(s), "found or not"),
            (lambda s, t, x, e: np.full(len(e) - 1, np.mean(t > x)), "one share for all bins"),
            (lambda s, t, x, e: np.mean(t > x), "shape"),
            (lambda s, t, x, e: in_bins(s, s, x, e), "belongs to the scores"),
            (lambda s, t, x, e: binned(s, t, x, e)[::-1], "reverse"),
            (
                lambda s, t, x, e: [np.mean(t[s < high] > x) for high in e[1:]],
                "Each bin is for itself",
            ),
        ],
    )


def answers_rare():
    wrong = [("a", "ten times a day"), ("b", "what would you use"), ("d", "no number of digits")]
    return Answers(right=["c"], wrong=wrong)


# --- volumes and bounds -------------------------------------------------------------------------


def test_right_volumes():
    assert check.volume_ratio(2.0**3, better=5.0, worse=10.0)
    assert check.volume_ratio((7.7 / 7.0) ** 3, better=7.0, worse=7.7)


@pytest.mark.parametrize(
    ("value", "diagnosis"),
    [(2, "distances"), (4, "areas"), (1 / 8, "Upside down"), (16, "ρ⁻⁴"), (5, "third power")],
)
def test_wrong_volumes(value, diagnosis):
    outcome = check.volume_ratio(value, better=5.0, worse=10.0)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def answers_volume_ratio():
    def of(value):
        return given(value, better=7.0, worse=7.7)

    return Answers(
        right=[of(1.331), of(np.float32(1.331)), of("1.331"), of(1.33)],
        wrong=[
            (of(1.1), "distances"),
            (of(1.21), "areas"),
            (of(1 / 1.331), "Upside down"),
            (of(1.4641), "ρ⁻⁴"),
            (of(0.331), "third power"),
            (of(133.1), "third power"),
            (of([1.331]), "one number"),
        ],
    )


def answers_bound():
    def of(value, n=2, time=50_000.0):
        return given(value, n_louder=n, time=time)

    return Answers(
        right=[
            of(exact(2, 50_000.0)),
            of(search.false_alarm_probability(2, 50_000)),
            of(stats.chi2.ppf(0.9, 6) / 2 / 50_000),
            of(exact(0, 100.0), n=0, time=100.0),
        ],
        wrong=[
            (of(0), "cannot be measured"),
            (of(2 / 50_000), "n/T"),
            (of(3 / 50_000), "(1 + n)/T"),
            (of(exact(2, 50_000.0, 0.95)), "confidence of 95"),
            (of(exact(1, 50_000.0)), "confidence of"),
            (of(5.32), "no probability"),
            (of([1e-4]), "one number"),
            (of(1e-9), "false_alarm_rate"),
        ],
    )


def exact(n, time, confidence=0.9):
    """The rate at which n or fewer events are seen one time in ten, found by bisection."""
    limit = optimize.brentq(lambda mean: stats.poisson.cdf(n, mean) - 1 + confidence, 1e-6, 99 + n)
    return -np.expm1(-limit / time)


@pytest.mark.parametrize("n", [0, 1, 7])
def test_right_bounds(n):
    assert check.bound(exact(n, 5000.0), n_louder=n, time=5000.0)
    assert check.bound(search.false_alarm_probability(n, 600.0), n_louder=n, time=600.0)


@pytest.mark.parametrize(
    ("value", "n", "diagnosis"),
    [
        (0, 0, "cannot be measured"),
        (0.0, 3, "cannot be measured"),
        (-1e-3, 0, "no probability"),
        (2, 0, "no probability"),
        (3 / 5000, 3, "n/T"),
        (1 / 5000, 0, "(1 + n)/T"),
        (4 / 5000, 3, "(1 + n)/T"),
        (exact(0, 5000, 0.95), 0, "confidence of 95"),
        (exact(2, 5000, 0.68), 2, "confidence of 68"),
        (1e-9, 0, "false_alarm_rate"),
        (np.inf, 0, "got inf"),
    ],
)
def test_wrong_bounds(value, n, diagnosis):
    outcome = check.bound(value, n_louder=n, time=5000.0)
    assert outcome.status == checks.WRONG
    assert diagnosis in outcome.message


def test_nothing_yet_with_settings():
    assert check.volume_ratio(None, better=1, worse=2).status == checks.NOT_ATTEMPTED
    assert check.bound(None, n_louder=0, time=1.0).status == checks.NOT_ATTEMPTED


# --- graded -------------------------------------------------------------------------------------


def lowest_line(background, probability):
    """Try every score as the line, from the lowest."""
    for line in sorted(background):
        if np.mean(background > line) <= probability:
            return line
    raise AssertionError


def between(background, probability):
    """Halfway to the next higher score: as many are above."""
    line = lowest_line(background, probability)
    above = background[background > line]
    return (line + above.min()) / 2 if len(above) else line + 1


def at_rank(change):
    """Return a function that takes another score of the sorted ones."""

    def line(background, probability):
        ordered = np.sort(background)[::-1]
        return ordered[min(max(change(probability * len(background)), 0), len(ordered) - 1)]

    return line


def answers_threshold():
    def quantile(share):
        return lambda background, p: np.quantile(background, share(p))

    return Answers(
        right=[
            lowest_line,
            between,
            at_rank(int),
            lambda background, p: np.float32(between(background, p)),
            lambda background, p: np.array(lowest_line(background, p)),
        ],
        wrong=[
            (quantile(lambda p: p), "wrong end"),
            (lambda background, p: np.sort(background)[int(p * len(background))], "wrong end"),
            (quantile(lambda p: 1 - p), "round down"),
            (at_rank(lambda k: int(np.ceil(k))), "round down"),
            (at_rank(lambda k: int(k) + 1), "One too many"),
            (at_rank(lambda k: int(k) - 1), "one score too high"),
            (lambda background, p: np.partition(background, -1)[-1], "too high"),
            (lambda background, p: 0.0, "Equal odds"),
            (lambda background, p: -1000.0, "nothing else has a say"),
            (lambda background, p: 1000.0, "waves are lost"),
            (lambda background, p: background > 0, "one number"),
            (lambda background, p: [lowest_line(background, p)], "one number"),
        ],
    )


def test_equal_scores_pass_together():
    ties = np.repeat([-9.0, -7.0, -5.0], [4, 4, 2])
    with pytest.raises(checks.Wrong, match="pass or fail together"):
        check.threshold._judge(-7.5, ties, 0.4)
    assert check.threshold._judge(-7.0, ties, 0.4)


def test_a_share_that_a_computer_cannot_multiply_exactly():
    """0.29 · 100 is a little less than 29, which is what may pass."""
    background = np.arange(100.0)
    assert int(0.29 * 100) == 28
    assert lowest_line(background, 0.29) == 70
    assert check.threshold._judge(70.0, background, 0.29)
    with pytest.raises(checks.Wrong, match=r"28 of 100 .* 29 may"):
        check.threshold._judge(71.0, background, 0.29)


def test_the_courses_own_threshold_is_on_the_careful_side():
    """It lets one second less pass: the score at the line is that of an event."""
    background = np.random.default_rng(0).normal(size=1000)
    ours = lowest_line(background, 0.01)
    assert efficiency.threshold(background, 0.01) > ours
    assert np.sum(background > efficiency.threshold(background, 0.01)) == 9


def one_by_one(data, template):
    """The inner product at every place, in Python."""
    unit = template / np.sqrt(template @ template)
    places = range(len(data) - len(template) + 1)
    snr = [abs(sum(data[k : k + len(unit)] * unit)) for k in places]
    return snr.index(max(snr)), max(snr)


def matched(scale=1, power=1, mode="valid", sign=False, flip=False):
    """The filter by SciPy's FFT, or one with mistakes in it."""

    def found(data, template):
        unit = scale * template / np.linalg.norm(template) ** power
        z = signal.fftconvolve(data, unit if flip else unit[::-1], mode)
        place = np.argmax(z if sign else np.abs(z))
        return place, abs(z[place])

    return found


def changed(change):
    return lambda data, template: change(*one_by_one(data, template), len(template))


def answers_loudest_match():
    def with_sign(data, template):
        place, snr = one_by_one(data, template)
        piece = data[place : place + len(template)]
        return place, np.copysign(snr, piece @ template)

    return Answers(
        right=[
            one_by_one,
            matched(),
            matched(scale=-1),
            lambda data, template: np.array(one_by_one(data, template)),
            lambda data, template: list(map(float, matched()(data, template))),
        ],
        wrong=[
            (matched(power=0), "grows with the height"),
            (matched(power=2), "not by its square"),
            (matched(flip=True), "flipped"),
            (matched(sign=True), "passed over"),
            (with_sign, "upside down"),
            (matched(mode="same"), "middle of the template"),
            (matched(mode="full"), "end of the template"),
            (changed(lambda place, snr, m: (snr, place)), "swapped"),
            (changed(lambda place, snr, m: (place + 1, snr)), "its place is not"),
            (changed(lambda place, snr, m: (place, snr**2)), "square of the SNR"),
            (changed(lambda place, snr, m: (place, snr / np.sqrt(m))), "the SNR is not"),
            (changed(lambda place, snr, m: (place - 1, snr + 1)), "neither"),
            (changed(lambda place, snr, m: snr), "two numbers"),
            (lambda data, template: (np.argmax(np.abs(data)), np.abs(data).max()), "neither"),
        ],
    )


@pytest.mark.parametrize(
    ("name", "right"),
    [("threshold", lowest_line), ("loudest_match", matched()), ("ranking", by_hand)],
)
def test_right_functions_pass_whatever_they_are_tried_on(name, right):
    for seed in range(40):
        assert getattr(check, name).outcome(right, seed=seed), seed


def test_wrong_functions_fail_whatever_they_are_tried_on():
    for graded, made in (
        (check.threshold, answers_threshold()),
        (check.loudest_match, answers_loudest_match()),
    ):
        for seed in range(40):
            for wrong, diagnosis in made.wrong:
                assert not graded.outcome(wrong, seed=seed), (seed, diagnosis)
