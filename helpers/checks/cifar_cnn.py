"""Checks of page 3: the size of the homework's network, how it grows, and how it was trained."""

from itertools import combinations

import numpy as np

from helpers import models
from helpers.checks import Wrong, check
from helpers.checks.networks import parameters_of

# --- 2.1.1: the number of parameters ------------------------------------------------------------


@check
def parameter_count(model, n_filter=64):
    """Judge the size of the homework's network.

    Parameters
    ----------
    model : keras.Model or int
        The network, or its number of parameters.
    n_filter : int
        How many filters every convolution should have.
    """
    count = parameters_of(model, (32, 32, 3))
    expected = models.cifar_parameters(n_filter)
    if count == expected:
        return f"{count:,} parameters with {n_filter} filters."
    raise Wrong(
        f"{count:,} parameters, expected {expected:,} with {n_filter} filters. "
        + _why(count, n_filter)
    )


def _count(
    filters,
    *,
    channels=3,
    kernel=3,
    padding="alternating",
    poolings=2,
    convolutions=4,
    bridge="flatten",
    hidden=512,
    hidden_layers=1,
    outputs=10,
    bias=1,
    normalised=0,
):
    """Count the parameters of the homework's network, or of one with mistakes in it."""
    size, total = 32, 0
    for number in range(1, convolutions + 1):
        total += filters * (kernel**2 * channels + bias) + normalised * 4 * filters
        if padding == "valid" or (padding == "alternating" and number % 2 == 0):
            size -= kernel - 1
        if number % 2 == 0 and number // 2 <= poolings:
            size //= 2
        channels = filters
    units = channels * (size**2 if bridge == "flatten" else 1)
    for _ in range(hidden_layers):
        total, units = total + hidden * (units + bias), hidden
    return total + outputs * (units + bias)


_MISTAKES = {
    'Are all four paddings "same"? The second and the fourth convolution have none.': {
        "padding": "same"
    },
    'Are all four paddings "valid"? The first and the third convolution have "same".': {
        "padding": "valid"
    },
    "Is the second pooling missing?": {"poolings": 1},
    "Are both poolings missing?": {"poolings": 0},
    "Is a pair of convolutions missing?": {"convolutions": 2},
    "Is there a third pair of convolutions?": {"convolutions": 6, "poolings": 3},
    "Are the kernels 5×5? They should be 3×3.": {"kernel": 5},
    "Are the kernels 2×2? They should be 3×3.": {"kernel": 2},
    "Is the hidden dense layer missing?": {"hidden_layers": 0},
    "Are there two hidden dense layers?": {"hidden_layers": 2},
    "Is the flattening a global average? Use Flatten.": {"bridge": "average"},
    "Were the biases switched off?": {"bias": 0},
    "Are there BatchNormalization layers? The plain network has none.": {"normalised": 1},
    "Does the input have one channel? The images have three.": {"channels": 1},
    **{
        f"Does the hidden dense layer have {n} neurons? It should have 512.": {"hidden": n}
        for n in (10, 64, 100, 128, 256, 1024)
    },
    **{
        f"Does the last layer have {n} neuron{'s' * (n > 1)}? It should have one per class.": {
            "outputs": n
        }
        for n in (1, 2, 9, 100)
    },
}


def _why(count, n_filter):
    """Name another number of filters, or the one or two mistakes that lead to this count."""
    for other in (4, 8, 16, 32, 64, 128, 256, 512):
        if count == _count(other):
            return f"That is the count with {other} filters."
    for how_many in (1, 2):
        for names in combinations(_MISTAKES, how_many):
            changes = [_MISTAKES[name] for name in names]
            keys = [key for change in changes for key in change]
            if len(set(keys)) == len(keys):
                merged = {key: value for change in changes for key, value in change.items()}
                if _count(n_filter, **merged) == count:
                    return " And: ".join(names)
    return "Print model.summary() and compare it with the original's table, layer by layer."


# --- 2.1.2: how the number grows ----------------------------------------------------------------

COEFFICIENTS = (27, 18_463, 5_642)


@check
def polynomial(coefficients):
    """Judge the number of parameters as a polynomial of the number of filters n.

    Parameters
    ----------
    coefficients : sequence of three int
        Those of n², of n, and the constant.
    """
    try:
        given = tuple(float(c) for c in coefficients)
    except (TypeError, ValueError):
        raise Wrong("expected three numbers: those of n², of n, and the constant.") from None
    if len(given) != 3:
        raise Wrong(f"{len(given)} numbers, expected three: those of n², of n, and the constant.")
    if given == COEFFICIENTS:
        return "27 n² + 18,463 n + 5,642."
    if given == COEFFICIENTS[::-1]:
        raise Wrong("the right numbers in the wrong order: that of n² comes first.")
    hints = [
        hint
        for part, hints_of_part in zip(given, _PARTS, strict=True)
        for value, hint in hints_of_part.items()
        if part == value
    ]
    names = ("n²", "n", "the constant")
    off = [
        name for name, a, b in zip(names, given, COEFFICIENTS, strict=True) if not abs(a - b) < 0.5
    ]
    if not off:
        raise Wrong("close, but the coefficients are whole numbers. Count, do not fit.")
    raise Wrong(f"look again at {' and '.join(off)}. {' '.join(hints)}".rstrip())


# What somebody may have written, and the slip that leads there.
_PARTS = (
    {
        0: "A convolution that sees n maps and makes n maps has 9 n² weights.",
        9: "Three convolutions see n maps, not one.",
        18: "Three convolutions see n maps, not two.",
        36: "The first convolution sees three colours, not n maps.",
        3: "A kernel has nine weights per map.",
    },
    {
        18_459: "Each of the four convolutions has n biases.",
        18_460: "The last three convolutions have n biases each.",
        18_462: "The first convolution has n biases.",
        31: "The hidden layer has 512 weights for each of the 6 · 6 · n features.",
        18_432: "The convolutions bring something too: 27 weights and biases.",
        18_436: "The first convolution has 27 n weights.",
        32_799: "Without padding a convolution loses two rows and columns: 6 × 6 maps remain.",
    },
    {
        5_130: "The hidden layer has 512 biases.",
        5_632: "The last layer has ten biases.",
        5_120: "The dense layers have biases: 512 and 10.",
        512: "The last layer has 512 · 10 weights and ten biases.",
        0: "The last layer does not depend on n at all.",
    },
)


# --- 2.1.3: the numbers behind the plot ---------------------------------------------------------


@check
def sweep(filters, counts=None):
    """Judge the two columns of the plot: numbers of filters, and numbers of parameters.

    Parameters
    ----------
    filters : sequence of int
        The horizontal axis.
    counts : sequence of int
        The vertical axis: parameters of the network with that many filters.
    """
    if counts is None:
        raise Wrong("expected two columns, the filters and the counts.")
    filters, counts = list(filters), list(counts)
    if len(filters) != len(counts):
        raise Wrong(f"{len(filters)} numbers of filters, but {len(counts)} counts.")
    if len(filters) < 3:
        raise Wrong("fewer than three points show no curve.")
    for n, count in zip(filters, counts, strict=True):
        if n != int(n) or n < 1:
            raise Wrong(f"{n} is no number of filters.")
        expected = models.cifar_parameters(int(n))
        if count != expected:
            raise Wrong(
                f"{int(n):,} filters have {expected:,} parameters, not {count:,}. "
                + _why_the_point(count, expected)
            )
    if len(set(filters)) < 3:
        raise Wrong("the same number of filters again and again: vary it.")
    return f"{len(filters)} points, each count where it belongs."


def _why_the_point(count, expected):
    """Say what happened to one point."""
    for power in range(1, 20):
        if count == models.cifar_parameters(2**power):
            return f"That count belongs to {2**power:,} filters: look at the horizontal axis."
    if count < 0 or (expected >= 2**31 and count == expected % 2**32):
        return "It no longer fits 32 bits: count with Python's own integers."
    return "Compare with model.count_params() of a small one."


# --- 2.2.1: training ----------------------------------------------------------------------------


@check
def trained(history, *, epochs=10, at_least=0.7):
    """Judge a training history: enough epochs, and enough validation accuracy at the end.

    Parameters
    ----------
    history : dict of list
        With ``val_accuracy``, one number per epoch.
    epochs : int
        How many are asked for.
    at_least : float
        Validation accuracy that is asked for.
    """
    history = getattr(history, "history", history)  # Keras wraps the dictionary
    if not isinstance(history, dict):
        raise Wrong(f"expected the history of a training, got {type(history).__name__}.")
    if "val_accuracy" not in history:
        raise Wrong(
            f"the history has {', '.join(map(str, history)) or 'nothing'}, but no val_accuracy. "
            'Hold images back (validation_data) and compile with metrics=["accuracy"].'
        )
    watched = np.asarray(history["val_accuracy"], float)
    if watched.ndim != 1 or not len(watched):
        raise Wrong("val_accuracy should hold one number per epoch.")
    if not np.isfinite(watched).all() or watched.min() < 0 or watched.max() > 1:
        raise Wrong("val_accuracy should lie between 0 and 1, in every epoch.")
    if len(watched) < epochs:
        raise Wrong(f"{len(watched)} epochs, at least {epochs} are asked for.")
    if watched[-1] > at_least:
        return f"{len(watched)} epochs, validation accuracy above {at_least:.0%}."
    raise Wrong(
        f"validation accuracy {watched[-1]:.1%} in the end, more than {at_least:.0%} is asked for. "
        + _why_so_low(watched, history, at_least)
    )


def _why_so_low(watched, history, at_least):
    """Name what keeps the validation accuracy down."""
    if watched.max() < 0.15:
        return "That is guessing: are the images scaled to 0 … 1, and the labels one-hot?"
    if watched.max() > at_least:
        return (
            f"It was higher after epoch {1 + int(watched.argmax())}. Decide beforehand which "
            "epoch counts."
        )
    training = history.get("accuracy") or [0]
    if training[-1] > watched[-1] + 0.1:
        return "Training is far ahead: the network learns its images by heart."
    return "Both still rise: plain SGD at 0.01 is slow, give it more epochs."
