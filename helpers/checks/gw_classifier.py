"""Checks of page 7: size of the homework's network, rankings, thresholds, volumes, bounds."""

from itertools import combinations

import numpy as np
from scipy import stats
from sklearn.metrics import roc_auc_score

from helpers.checks import Wrong, check, finite_number
from helpers.checks.networks import parameters_of
from helpers.gw import search

# --- the number of parameters -------------------------------------------------------------------

PARAMETERS = 671_490


@check
def parameter_count(model):
    """Judge the size of the homework's network for gravitational waves.

    Parameters
    ----------
    model : keras.Model or int
        The network, or its number of parameters.
    """
    count = parameters_of(model, (39, 100, 2))
    if count == PARAMETERS:
        return f"{count:,} parameters, as the original."
    raise Wrong(f"{count:,} parameters, expected {PARAMETERS:,}. " + _why(count))


def _count(
    *,
    filters=64,
    channels=2,
    kernel=5,
    padding="alternating",
    pool=(3, 2),
    poolings=2,
    convolutions=4,
    hidden=128,
    outputs=2,
    bias=1,
):
    """Count the parameters of the homework's network, or of one with mistakes in it."""
    rows, columns, total = 39, 100, 0
    for number in range(1, convolutions + 1):
        total += filters * (kernel**2 * channels + bias)
        if padding == "alternating" and number % 2 == 0:
            rows, columns = rows - kernel + 1, columns - kernel + 1
        if number % 2 == 0 and number // 2 <= poolings:
            rows, columns = rows // pool[0], columns // pool[1]
        channels = filters
    units = rows * columns * channels
    for size in (hidden, outputs):
        if size:
            total, units = total + size * (units + bias), size
    return total


_MISTAKES = {
    'Are all four paddings "same"? The second and the fourth convolution have none.': {
        "padding": "same"
    },
    "Are the windows of the pooling 2 × 2? They take 3 rows and 2 columns.": {"pool": (2, 2)},
    "Are the windows of the pooling turned? They take 3 rows and 2 columns.": {"pool": (2, 3)},
    "Are the windows of the pooling 3 × 3? They take 3 rows and 2 columns.": {"pool": (3, 3)},
    "Is the second pooling missing?": {"poolings": 1},
    "Are both poolings missing?": {"poolings": 0},
    "Is a pair of convolutions missing?": {"convolutions": 2},
    "Are there no convolutions?": {"convolutions": 0},
    "Are the kernels 3 × 3? They should be 5 × 5.": {"kernel": 3},
    "Is the hidden dense layer missing?": {"hidden": 0},
    "Were the biases switched off?": {"bias": 0},
    "Does the input have one channel? There are two detectors.": {"channels": 1},
    "Does the input have three channels? There are two detectors.": {"channels": 3},
    "Is there one sigmoid? That would do, but the original has two.": {"outputs": 1},
    **{
        f"Does the hidden dense layer have {n} neurons? It should have 128.": {"hidden": n}
        for n in (64, 256, 512)
    },
    **{f"Do the convolutions have {n} filters? It should be 64.": {"filters": n} for n in (16, 32)},
}


def _why(count):
    """Name the one or two mistakes that lead to this count."""
    for how_many in (1, 2):
        for names in combinations(_MISTAKES, how_many):
            changes = [_MISTAKES[name] for name in names]
            keys = [key for change in changes for key in change]
            if len(set(keys)) == len(keys):
                merged = {key: value for change in changes for key, value in change.items()}
                if _count(**merged) == count:
                    return " And: ".join(names)
    return "Print model.summary() and compare it with the original's table, layer by layer."


# --- rankings and thresholds --------------------------------------------------------------------


@check
def ranking(scores, labels=None, *, at_least=0.95):
    """Judge how well scores order waves above backgrounds.

    Parameters
    ----------
    scores : array, shape (n,)
        Higher for a wave; logits rather than probabilities.
    labels : array, shape (n,)
        1 for a wave.
    at_least : float
        AUC that is asked for.
    """
    scores, labels = _scores(scores), _labels(labels)
    if len(scores) != len(labels):
        raise Wrong(f"{len(scores)} scores, but {len(labels)} labels.")
    auc = roc_auc_score(labels, scores)
    if auc < 1 - at_least:
        raise Wrong(f"AUC {auc:.2f}: the order is upside down. Is this the output for “no wave”?")
    if len(np.unique(scores)) <= 2:
        raise Wrong("only two different scores: those are decisions. Rank by the logits.")
    if auc < 0.6:
        raise Wrong(f"AUC {auc:.2f}, and guessing has .5. Are scores and labels in the same order?")
    if auc < at_least:
        raise Wrong(f"AUC {auc:.2f}, at least {at_least:g} is asked for. Train longer, or on more.")
    ties = np.sum(scores == scores.max())
    if scores.min() >= 0 and scores.max() <= 1 and ties > 1:
        raise Wrong(
            f"{ties} images share the highest score: probabilities run out of digits near 1. "
            "Rank by the logits."
        )
    return f"AUC above {at_least:g}."


@check
def threshold(value, background=None, probability=None):
    """Judge a threshold at a fixed false-alarm probability.

    Parameters
    ----------
    value : float
    background : array, shape (n,)
        Scores of seconds without a wave.
    probability : float
        Share of them that may pass.
    """
    value = finite_number(value, "a threshold")
    if background is None or probability is None:
        raise Wrong("expected three things: threshold, scores of the background, probability.")
    background = _scores(background)
    passed = np.mean(background > value)
    slack = 2 / len(background)  # whether the limit itself passes is a matter of taste
    if abs(passed - probability) <= slack:
        return f"{probability:g} of the background is above."
    if abs(passed - (1 - probability)) <= slack:
        raise Wrong(
            f"{passed:.1%} of the background pass, {probability:.1%} may: that is the quantile "
            "from the wrong end."
        )
    if value in (0, 0.5):
        raise Wrong(
            f"{passed:.1%} of the background pass, {probability:.1%} may. Equal odds are no "
            "threshold of a search: take it from the background."
        )
    hint = "Take the quantile of the background's scores; waves have no say in it."
    raise Wrong(f"{passed:.2%} of the background pass, {probability:.2%} may. {hint}")


# --- volumes and bounds -------------------------------------------------------------------------


@check
def volume_ratio(value, *, better, worse):
    """Judge how much more volume the better of two detectors surveys.

    Parameters
    ----------
    value : float
        Volume of the better over volume of the worse.
    better, worse : float
        Signal-to-noise ratios at which they find half of the waves; their curves have one shape.
    """
    value = finite_number(value, "a ratio of volumes")
    ratio = worse / better
    if abs(value / ratio**3 - 1) < 0.01:
        return f"{value:.2f} times the volume, so as many times the mergers."
    for power, hint in (
        (1, "That is the ratio of distances. Volume goes with the third power."),
        (2, "That is the ratio of areas. Volume goes with the third power."),
        (-3, "Upside down: the better detector surveys more."),
        (4, "The density of sources falls with ρ⁻⁴; its integral, the volume, with ρ⁻³."),
    ):
        if abs(value / ratio**power - 1) < 0.01:
            raise Wrong(hint)
    raise Wrong(f"{value:.3g}. The distance is proportional to 1/ρ, the volume to its third power.")


@check
def bound(value, *, n_louder, time):
    """Judge an upper limit on the probability of a false alarm in one second.

    Parameters
    ----------
    value : float
    n_louder : int
        Seconds of background at least as loud as the candidate.
    time : float
        Seconds of background.
    """
    value = finite_number(value, "a probability")
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
    if n_louder and abs(value * time / n_louder - 1) < 0.02:
        raise Wrong("that is the estimate n/T, not an upper limit: half of the time it is too low.")
    if abs(value * time / (n_louder + 1) - 1) < 0.02:
        raise Wrong(
            "that is (1 + n)/T, right on average, as searches quote it. The limit that is exceeded "
            "in one case of ten only is higher."
        )
    confidence = stats.poisson.sf(n_louder, -np.log1p(-min(value, 1 - 1e-12)) * time)
    if 0.5 < confidence < 1 - 1e-9:
        raise Wrong(f"that is the limit with a confidence of {confidence:.1%}, asked for is 90 %.")
    raise Wrong("solve P(n or fewer | rate · T) = 0.1 for the rate; see search.false_alarm_rate.")


# --- inside -------------------------------------------------------------------------------------


def _scores(values):
    try:
        values = np.asarray(values, float).squeeze()
    except (TypeError, ValueError):
        raise Wrong("expected numbers, one score per image.") from None
    if values.ndim != 1 or len(values) < 2:
        raise Wrong(f"the shape is {values.shape}, expected one score per image.")
    if not np.isfinite(values).all():
        raise Wrong("some scores are NaN or infinite.")
    return values


def _labels(values):
    if values is None:
        raise Wrong("expected two arrays: scores and labels.")
    values = np.asarray(values).squeeze()
    if values.ndim != 1 or not np.isin(values, (0, 1)).all() or not 0 < values.mean() < 1:
        raise Wrong("labels should be one number per image, 1 for a wave and 0 for none; of both.")
    return values
