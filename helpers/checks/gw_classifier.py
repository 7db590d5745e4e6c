"""Checks of page 7: size of a network, rankings, efficiencies, volumes, bounds, thresholds."""

import numpy as np
from scipy import stats

from chirps import search
from helpers.checks import Wrong, answers, check, quiz
from helpers.checks.networks import (
    IN_ALTERNATING,
    IN_THE_HIDDEN_LAYER,
    Design,
    neurons_instead,
    parameters_of,
)

# --- the number of parameters -------------------------------------------------------------------

ASKED = Design(
    image=(39, 100),
    channels=2,
    filters=(32,),
    padding="alternating",
    pool=(3, 2),
    hidden=128,
    outputs=2,
)


@check()
def parameter_count(model):
    """Judge the size of the homework's network with 32 filters of 3 × 3.

    Parameters
    ----------
    model : keras.Model or int
        The network, or its number of parameters.

    Hints
    -----
    - A filter has a weight for each cell of its kernel and each channel that it sees, and a bias.
    - Without padding, kernels of 3 × 3 take two rows and two columns off. The windows of the
      pooling are 3 × 2, and what does not fill a window is dropped. What is left for the hidden
      layer?
    - The sizes are 39 × 100, 37 × 98, 12 × 49, 10 × 47 and 3 × 23, with 32 channels each. The first
      convolution has 32 (9 · 2 + 1) parameters, each of the others 32 (9 · 32 + 1).
    """
    count = parameters_of(model, (39, 100, 2))
    if count == ASKED.parameters:
        return f"{count:,} parameters."
    far = "fewer" if count > ASKED.parameters else "more"
    why = ASKED.why(count, _MISTAKES) or (
        "Go through the table above, layer by layer: first the sizes, then the weights."
    )
    raise Wrong(f"{count:,} parameters, and there are {far}. {why}")


_MISTAKES = {
    **IN_ALTERNATING,
    "Does the hidden layer get 2 · 22 values of each filter? That is with kernels of 5 × 5, or "
    "without any padding.": {"padding": "valid"},
    "Are the windows of the pooling 2 × 2? They take 3 rows and 2 columns.": {"pool": (2, 2)},
    "Are the windows of the pooling turned? They take 3 rows and 2 columns.": {"pool": (2, 3)},
    "Are the windows of the pooling 3 × 3? They take 3 rows and 2 columns.": {"pool": (3, 3)},
    "Are there no convolutions?": {"convolutions": 0},
    "Are the kernels 5 × 5? Here they are 3 × 3.": {"kernel": 5},
    **IN_THE_HIDDEN_LAYER,
    "Are the biases missing? Each filter and each neuron has one.": {"biases": (0, 0, 0)},
    "Does the input have one channel? There are two detectors.": {"channels": 1},
    "Does the input have three channels? There are two detectors.": {"channels": 3},
    "Is there one sigmoid? That would do, but the original has two.": {"outputs": 1},
    **neurons_instead((64, 256, 512), of=ASKED),
    **{
        f"Do the convolutions have {n} filters? It should be 32.": {"filters": (n,)}
        for n in (16, 64)
    },
}


@quiz(right="b")
def sigmoids():
    """Judge the choice in the quiz sigmoids.

    Choices
    -------
    - a: on images like those of the training they would come closer still, but nothing holds them
      together on other images.
    - b: exp(z) over the sum of both, or p and 1 − p: whatever the image, they add up to 1. And one
      sigmoid needs half of the weights.
    - c: they would add up, but the network has been trained without it: its two outputs still
      answer two separate questions. Let the loss see what you use.
    - d: a line at .5 decides each output for itself. An image may then be both, or neither.

    Hints
    -----
    - What does the loss ask of each output, and what of both together?
    - Training can only make the sum close to 1, and only where it trains. What makes it 1 by
      construction?
    """


# --- rankings and efficiencies ------------------------------------------------------------------


def _auc(scores, labels, tie=0.5):
    """Return the share of pairs in which the wave wins; ties count so much."""
    waves, others = scores[labels == 1], scores[labels == 0]
    gap = waves[:, None] - others
    return np.mean(gap > 0) + tie * np.mean(gap == 0)


def _ranking_cases(rng):
    def shuffled(scores, labels):
        order = rng.permutation(len(scores))
        return np.array(scores, float)[order], np.array(labels)[order]

    def normal(n_waves, n_others, lead, digits=9):
        labels = np.repeat([1, 0], [n_waves, n_others])
        return shuffled((rng.standard_normal(len(labels)) + lead * labels).round(digits), labels)

    steps = np.linspace(40, 60, 12)  # no two are equal, but their sigmoids are
    return [
        normal(30, 50, 1.0),
        normal(40, 25, 0.7, digits=0),
        shuffled(np.r_[steps[1::2], steps[::2]], np.repeat([1, 0], 6)),
        normal(20, 60, -0.8),
        shuffled([3, 3, 3, 3, 3], [1, 0, 1, 0, 0]),
        shuffled([2, 5, 5, 1], [1, 0, 1, 0]),
    ]


@check(cases=_ranking_cases)
def ranking(given, scores, labels):
    """Judge a function that measures how well scores order waves above backgrounds.

    Parameters
    ----------
    given : float
        The area under the ROC.
    scores : array, shape (n,)
    labels : int array, shape (n,)
        1 for a wave.

    Hints
    -----
    - Take every pair of a wave and a background. How often does the wave score higher?
    - scores[labels == 1][:, None] > scores[labels == 0] is a table of all pairs. Its mean is nearly
      the answer.
    - A pair with equal scores counts half: add half of the share of such pairs.
    """
    right = _auc(scores, labels)
    order = np.argsort(np.argsort(scores)) + 1.0
    n = np.sum(labels == 1)
    with np.errstate(over="ignore"):
        saturated = 1 / (1 + np.exp(-scores))
    mistakes = {
        "equal scores count as lost. They should count half.": _auc(scores, labels, tie=0),
        "equal scores count as won. They should count half.": _auc(scores, labels, tie=1),
        "an area below .5 is an area too: that order is upside down. Leave it.": max(
            right, 1 - right
        ),
        "that is the share of pairs in which the background wins.": 1 - right,
        "that counts pairs. Divide by their number.": right * n * (len(labels) - n),
        "the sigmoid made large scores equal. Rank by the logits as they are.": _auc(
            saturated, labels
        ),
        "with 32 bits the sigmoid made scores equal. Rank by the logits as they are.": _auc(
            saturated.astype("float32"), labels
        ),
        "those are decisions at 0 and not a ranking: use the scores themselves.": _auc(
            1.0 * (scores > 0), labels
        ),
        "that is an accuracy with the line at 0. The area knows no line.": np.mean(
            (scores > 0) == labels
        ),
        "ranks of equal scores were drawn by their order in the array. Equal is equal.": (
            (order[labels == 1].sum() - n * (n + 1) / 2) / (n * (len(labels) - n))
        ),
    }
    answers.same(given, right, "the area", mistakes=mistakes)
    return "each wave against each background, ties count half."


def _efficiency_cases(rng):
    def case(n, line, edges, digits=6):
        edges = np.array(edges, float)
        middles = np.tile((edges[1:] + edges[:-1]) / 2, 2)  # no bin is empty
        snr = np.concatenate([middles, rng.uniform(edges[0], edges[-1], n)])
        scores = (snr - edges.mean() + line + rng.standard_normal(len(snr))).round(digits)
        order = rng.permutation(len(snr))
        return snr[order], scores[order], float(line), edges

    return [
        case(200, 0.0, [4, 6, 8, 10, 12]),
        case(300, -3.0, [5, 6, 8, 16]),
        case(100, 2.0, [4, 5, 6, 7, 8, 9], digits=0),
        case(50, 40.0, [8, 20]),
        case(80, 1.0, [3, 3.5, 4, 20], digits=0),
    ]


@check(cases=_efficiency_cases)
def efficiency(given, snr, scores, line, edges):
    """Judge a function that gives the share of waves found in each bin of SNR.

    Parameters
    ----------
    given : array, shape (bins,)
    snr, scores : array, shape (n,)
    line : float
        What a score must exceed.
    edges : array, shape (bins + 1,)

    Hints
    -----
    - For each bin two counts are needed: the waves in it, and those of them that are found.
    - np.histogram(snr, edges) counts the waves in each bin. Which waves do you give it to count
      those that are found?
    - Found is scores > line. Histogram snr[found] with the same edges, and divide by the histogram
      of all.
    """

    def counts(which):
        return np.histogram(snr[which], edges)[0]

    n, k = counts(scores > -np.inf), counts(scores > line)
    mistakes = {
        "that counts. Divide by the number of waves in each bin.": k,
        "that is the share of waves that are missed.": 1 - k / n,
        "a wave on the line has not passed it: found is above.": counts(scores >= line) / n,
        "divided by the number of all waves. Divide by those of the bin.": k / len(snr),
        "that is, of the waves found, the share in each bin. Turn the question round: of the waves "
        "in each bin, the share found.": k / max(k.sum(), 1),
        "that is the share of waves in each bin, found or not.": n / len(snr),
        "one share for all bins.": np.full(len(n), k.sum() / n.sum()),
        "that is the share up to the end of each bin. Each bin is for itself.": k.cumsum()
        / n.cumsum(),
        "the line was compared with the SNR. It belongs to the scores.": counts(snr > line) / n,
    }
    answers.same(given, k / n, "the curve", mistakes=mistakes)
    return "of the waves in each bin, the share found."


@quiz(right="c")
def rare():
    """Judge the choice in the quiz rare.

    Choices
    -------
    - a: it finds the wave, but it is wrong ten times a day. The other is wrong once.
    - b: wrong once a day against ten times: so it has the higher accuracy. But what would you use
      it for?
    - c: one mistake against ten, among 86,400. Accuracy counts all mistakes alike, and a missed
      wave is not like a false alarm.
    - d: both round to 1.000, but they differ; and where waves are rare no number of digits makes
      accuracy tell what matters.

    Hints
    -----
    - Count the seconds on which each of them is wrong.
    - The first is wrong once a day, the second ten times. Which of the two would you want?
    """


# --- volumes and bounds -------------------------------------------------------------------------


@check()
def volume_ratio(value, *, better, worse):
    """Judge how much more volume the better of two detectors surveys.

    Parameters
    ----------
    value : float
        Volume of the better over volume of the worse.
    better, worse : float
        Signal-to-noise ratios at which they find half of the waves; their curves have one shape.

    Hints
    -----
    - At which distance does a detector find half of the waves? The SNR falls as one over it.
    - Half efficiency at a lower SNR means a greater distance, in inverse proportion; volume is the
      third power of distance.
    """
    value = answers.number(value, "a ratio of volumes")
    ratio = worse / better
    if abs(value / ratio**3 - 1) < 0.01:
        return f"{value:.2f} times the volume, so as many times the mergers."
    mistakes = {
        "That is the ratio of distances. Volume goes with the third power.": ratio,
        "That is the ratio of areas. Volume goes with the third power.": ratio**2,
        "Upside down: the better detector surveys more.": ratio**-3,
        "The density of sources falls with ρ⁻⁴; its integral, the volume, with ρ⁻³.": ratio**4,
    }
    answers.refuse(value, mistakes, within=0.01)
    raise Wrong(f"{value:.3g}. The distance is proportional to 1/ρ, the volume to its third power.")


@check()
def bound(value, *, n_louder, time):
    """Judge an upper limit on the probability of a false alarm in one second.

    Parameters
    ----------
    value : float
    n_louder : int
        Seconds of background at least as loud as the candidate.
    time : float
        Seconds of background.

    Hints
    -----
    - Which rate is so high that one background in ten would show so few, or fewer?
    - The number of false alarms in the whole background has a Poisson distribution. Raise its mean
      until n_louder or fewer come with a probability of .1 only.
    - stats.gamma.ppf(0.9, n_louder + 1) is that mean; divide it by the seconds. Or ask
      search.false_alarm_probability.
    """
    value = answers.number(value, "a probability")
    limit = search.false_alarm_probability(n_louder, time)
    if abs(value / limit - 1) < 0.02:
        return f"at most {value:.1e} per second, with 90 % confidence. Not zero."
    if value == 0:
        raise Wrong(
            f"a probability of zero cannot be measured in {time:,.0f} s. How often could it happen "
            "and still not be in there?"
        )
    if not 0 < value <= 1:
        raise Wrong(f"{value:.3g} is no probability.")
    mistakes = {
        "that is the estimate n/T, not an upper limit: half of the time it is too low.": (
            n_louder / time
        ),
        "that is (1 + n)/T, right on average, as searches quote it. The limit that is exceeded in "
        "one case of ten only is higher.": (n_louder + 1) / time,
    }
    answers.refuse(value, mistakes, within=0.02)
    confidence = stats.poisson.sf(n_louder, -np.log1p(-min(value, 1 - 1e-12)) * time)
    if 0.5 < confidence < 1 - 1e-9:
        raise Wrong(f"that is the limit with a confidence of {confidence:.1%}, asked for is 90 %.")
    raise Wrong("solve P(n or fewer | rate · T) = 0.1 for the rate; see search.false_alarm_rate.")


# --- graded -------------------------------------------------------------------------------------


def _threshold_cases(rng):
    def normal(n, mean, digits=9):
        return (mean + 2 * rng.standard_normal(n)).round(digits)

    ties = rng.permutation([-9.0, -9, -8, -7, -7, -7, -7, -5, -5, -5, -4, -4])
    return [
        (normal(1000, 3), 0.01),
        (normal(200, -9), 0.05),
        (normal(37, 12), 0.1),  # 3.7 may pass, so 3
        (normal(20, -8), 0.03),  # less than one
        (ties, 0.25),
        (ties, 0.45),
        (normal(400, -7, digits=0), 0.125),
        (normal(9, 15), 0.5),
        (normal(5, -11), 0.9),
    ]


@check(points=3, cases=_threshold_cases)
def threshold(given, background, probability):
    """Judge a function that draws the line at a false-alarm probability.

    Parameters
    ----------
    given : float
        Any line that lets as many seconds pass as may, and none more.
    background : array, shape (n,)
        Scores of seconds without a wave.
    probability : float
        Share of them that may be above the line, at most.

    Hints
    -----
    - How many seconds of the background may be above the line? Not a fraction, and not more.
    - Sort the background from the top. With k seconds allowed above, the line is at a score that k
      or fewer are greater than.
    - Counted from 0, that score is number k of the sorted ones, with k the given share of the
      seconds rounded down. Equal scores then take care of themselves: none of them is above.
    """
    given = answers.number(given, "the line")
    n = len(background)
    allowed = int(probability * n + 1e-9)
    line = np.sort(background)[n - 1 - allowed]
    passed, best = np.sum(background > given), np.sum(background > line)
    if passed == best:
        return "as many pass as may, and none more."
    from_the_wrong_end = np.sort(background)[[allowed, max(allowed - 1, 0)]]
    if given in from_the_wrong_end or abs(given - np.quantile(background, probability)) < 1e-9:
        raise Wrong(
            f"{passed} of {n} seconds are above the line, {allowed} may: that is the quantile from "
            "the wrong end."
        )
    if given in (0, 0.5):
        raise Wrong(
            f"{passed} of {n} seconds are above the line, {allowed} may. Equal odds are no line of "
            "a search: take it from the background."
        )
    if passed > allowed:
        if passed == allowed + 1 and allowed < probability * n:
            why = "A fraction of a second cannot pass: round down."
        elif passed == allowed + 1:
            why = "One too many."
        elif len(np.unique(background)) < n:
            why = "Equal scores pass or fail together: what is above the line then?"
        else:
            why = "Set the line by the scores of the background; nothing else has a say."
        raise Wrong(f"{passed} of {n} seconds are above the line, {allowed} may. {why}")
    scores_between = np.unique(background[(background > line) & (background <= given)])
    why = (
        "The line is one score too high, and waves are lost. Are the seconds above the line "
        "counted, or those on it too?"
        if len(scores_between) == 1
        else "The line is too high, and waves are lost."
    )
    raise Wrong(f"{passed} of {n} seconds are above the line, {best} may. {why}")


def _match_cases(rng):
    def chirp(n, height=1.0):
        t = np.linspace(0, 1, n)
        return height * t * np.sin(2 * np.pi * (2 * t + 6 * t**3))

    def case(n, template, place, snr):
        data = rng.standard_normal(n)
        if place is not None:
            data[place : place + len(template)] += snr * template / np.linalg.norm(template)
        return data, template

    def somewhere(n, template):
        return int(rng.integers(1, n - len(template)))

    short, long, loud = chirp(25), chirp(64), chirp(40, 9.0)
    return [
        case(200, short, somewhere(200, short), 14.0),
        case(300, loud, somewhere(300, loud), -15.0),
        case(256, long, 0, 16.0),
        case(256, long, 256 - 64, -16.0),
        case(120, chirp(31, 0.01), somewhere(120, short), 12.0),
        case(90, loud, None, 0.0),
        case(64, long, 0, 11.0),
    ]


@check(points=2, cases=_match_cases)
def loudest_match(given, data, template):
    """Judge a matched filter for white noise: where a template fits best, and how well.

    Parameters
    ----------
    given : (int, float)
        Where the template begins in the data, and the signal-to-noise ratio there.
    data : array, shape (n,)
    template : array, shape (m,)

    Hints
    -----
    - Slide the template along the data as a kernel slides along an image. What do you add up at
      each place, and what must not matter?
    - The height of the template must not matter: divide it by its norm, the root of the sum of its
      squares. Nor must the sign of the wave.
    - np.correlate with mode 'valid' slides without a flip and without padding, so its number k
      belongs to the template that begins at data[k]. Take absolute values, then the largest.
    """
    found = answers.numbers(given, "place and SNR")
    if found.shape != (2,):
        raise Wrong(f"expected two numbers, place and SNR, got the shape {found.shape}.")
    stops = np.lib.stride_tricks.sliding_window_view(data, len(template))
    norm = np.sqrt(np.sum(template**2))
    signed = stops @ template / norm
    flipped = stops @ template[::-1] / norm

    def at(values, pick=np.abs):
        place = np.argmax(pick(values))
        return np.array([place, np.abs(values[place])])

    right, upright, other = at(signed), at(signed, pick=np.array), at(flipped)
    place, snr = found

    def equal(a, b):
        return abs(a - b) <= 1e-6 * abs(b)

    if place == right[0] and equal(snr, right[1]):
        return "the place and the signal-to-noise ratio."
    if equal(place, right[1]) and snr == right[0]:
        raise Wrong("place and SNR are swapped: first the place.")
    middles = right[0] + (len(template) - 1) // 2, right[0] + len(template) // 2
    for why, applies in {
        "the SNR is negative where the wave is upside down. A sign says nothing about how well it "
        "fits.": equal(snr, -right[1]),
        "the SNR grows with the height of the template: divide by its norm.": (
            place == right[0] and equal(snr, right[1] * norm)
        ),
        "divide by the norm of the template once, not by its square.": (
            place == right[0] and equal(snr, right[1] / norm)
        ),
        "that is the square of the SNR.": place == right[0] and equal(snr, right[1] ** 2),
        "the place is that of the middle of the template. Where does it begin?": (
            place in middles and equal(snr, right[1])
        ),
        "the place is that of the end of the template. Where does it begin?": (
            place == right[0] + len(template) - 1 and equal(snr, right[1])
        ),
        "the template is flipped: that is a convolution. Correlate.": equal(snr, other[1]),
        "a wave that is upside down in this detector was passed over. Look for the largest size, "
        "whatever its sign.": place == upright[0] and equal(snr, upright[1]),
        "the SNR is right, its place is not.": equal(snr, right[1]),
        "the place is right, the SNR is not. Noise alone should give about 1 anywhere.": (
            place == right[0]
        ),
    }.items():
        if applies:
            raise Wrong(why)
    raise Wrong("neither the place nor the SNR is right. Correlate at every place that fits.")
