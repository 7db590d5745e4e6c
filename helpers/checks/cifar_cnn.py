"""Checks of page 3: a network of one's own, its size and its time, its training, its certainty."""

import numpy as np

from helpers.checks import Wrong, check, quiz
from helpers.checks.answers import kind, numbers, same
from helpers.checks.layers import compare
from helpers.checks.networks import (
    IN_ALTERNATING,
    OF_SMALL_IMAGES,
    Design,
    neurons_instead,
    parameters_of,
    stack_parameters,
)

EXACT = 1e-10  # counts are compared to the last digit

# --- 2.1: a network of one's own ----------------------------------------------------------------


def _widths(rng):
    return [(8, 10), (3, 5), (12, 2), (1, 10)]


@check(cases=_widths)
def build(model, n_filter, num_classes):
    """Judge a small network that a student's function builds (2.1).

    Hints
    -----
    - Go through the text from left to right. Each piece is one layer, and Keras wants them in that
      order: keras.Sequential([keras.Input((32, 32, 3)), ...]).
    - Two numbers are asked of you when the function is called. The first convolution has n_filter
      filters, the second twice as many, and the last layer num_classes neurons.
    - A convolution reads layers.Conv2D(n_filter, 5, padding=..., activation=...). Whoever leaves
      padding out gets "valid", whoever leaves activation out gets none.
    """
    where = f"with {n_filter} filters and {num_classes} classes"
    compare(model, _small(n_filter, num_classes), where)
    return "every layer and every setting as asked, for all widths that were tried."


def _small(n_filter, num_classes):
    from helpers.backend import keras

    layers, image = keras.layers, keras.Input((32, 32, 3))
    return keras.Sequential(
        [
            image,
            layers.Conv2D(n_filter, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(2 * n_filter, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )


# --- 2.1.1: the number of parameters, and the time of a layer -----------------------------------


@check()
def parameter_count(model, n_filter=64):
    """Judge the size of the homework's network (2.1.1).

    Parameters
    ----------
    model : keras.Model or int
        The network, or its number of parameters.
    n_filter : int
        How many filters every convolution should have.

    Hints
    -----
    - Only the convolutions and the two dense layers have parameters. Count each: weights, then
      biases.
    - A convolution has 3 · 3 weights for each map that it sees and each map that it makes, and one
      bias for each map that it makes. The first sees three colours, the others as many maps as
      there are filters.
    - The maps are 32, 30, 15, 15, 13 and 6 pixels wide. So the hidden layer sees 6 · 6 numbers for
      each filter, and has 512 biases.
    """
    count = parameters_of(model, (32, 32, 3))
    if count == _asked(n_filter).parameters:
        return f"{count:,} parameters with {n_filter} filters."
    raise Wrong(
        f"{count:,} parameters are not those of the network with {n_filter} filters. "
        + _why(count, n_filter)
    )


def _asked(n_filter):
    return Design(filters=(n_filter,), padding="alternating", hidden=512)


_MISTAKES = {
    **IN_ALTERNATING,
    'Are all four paddings "valid"? The first and the third convolution have "same".': {
        "padding": "valid"
    },
    "Is there a third pair of convolutions?": {"convolutions": 6, "pool_after": (2, 4, 6)},
    **OF_SMALL_IMAGES,
    "Were the biases switched off?": {"biases": (0, 0, 0)},
    "Are there BatchNormalization layers? The plain network has none.": {"normalised": 1},
    **neurons_instead((10, 64, 100, 128, 256, 1024), (1, 2, 9, 100), of=_asked(64)),
}


def _why(count, n_filter):
    """Name another number of filters, or the one or two mistakes that lead to this count."""
    for other in (4, 8, 16, 32, 64, 128, 256, 512):
        if count == _asked(other).parameters:
            return f"That is the count with {other} filters."
    return _asked(n_filter).why(count, _MISTAKES) or (
        "Print model.summary() and compare it with the original's table, layer by layer."
    )


def _layers(rng):
    cases = [(32, 32, 5, 3, 64, "same"), (15, 15, 3, 64, 64, "same"), (15, 15, 3, 64, 64, "valid")]
    cases += [(39, 100, 5, 2, 16, "valid"), (7, 9, 2, 4, 3, "valid"), (8, 8, 1, 3, 5, "valid")]
    for padding in ("same", "valid"):
        rows, columns = (int(n) for n in rng.integers(8, 50, 2))
        k, channels, filters = (int(n) for n in rng.integers(2, 7, 3))
        cases.append((rows, columns, k, channels, filters, padding))
    return cases


@check(cases=_layers)
def multiply_adds(given, rows, columns, k, channels, filters, padding):
    """Judge the number of multiply-adds of a convolution.

    Hints
    -----
    - Two questions: how many numbers does the layer put out, and how many products does each of
      them cost?
    - Each output number is a sum of k · k · channels products. There are as many of them as the
      maps have pixels, times the number of filters.
    - With "same" a map keeps its rows and columns. With "valid" it loses k - 1 of each.
    """
    pixels = {"same": rows * columns, "valid": (rows - k + 1) * (columns - k + 1)}
    other = {"same": "valid", "valid": "same"}[padding]
    per_pixel = k * k * channels * filters
    right = pixels[padding] * per_pixel
    mistakes = {
        f'these are the products with padding="{other}".': pixels[other] * per_pixel,
        "these are the parameters. A weight is used once at each position of the map.": (
            per_pixel + filters
        ),
        "these are the weights. Each is used once at each position of the map.": per_pixel,
        "a bias is added, not multiplied: it costs no product.": (
            right + pixels[padding] * filters
        ),
        "each output number sums over all channels of the input.": right // channels,
        "that is one filter. The layer has many.": right // filters,
        "a kernel has k · k weights for each channel, not k.": right // k,
        "these are the output numbers. What does each of them cost?": pixels[padding] * filters,
        "multiplications and additions are counted one by one. A multiply-add is one of each.": (
            2 * right
        ),
        "without padding a map loses k - 1 rows and columns, not k.": (
            (rows - k) * (columns - k) * per_pixel
        ),
    }
    where = f"{rows} × {columns} × {channels}, kernel {k}, {filters} filters, {padding!r}"
    same(given, right, where=where, mistakes=mistakes, tolerance=EXACT)
    return "each weight once for every pixel of the map."


# --- 2.1.2: how the number grows ----------------------------------------------------------------

COEFFICIENTS = (27, 18_463, 5_642)


@check()
def polynomial(coefficients, *, hidden=512, area=36):
    """Judge the number of parameters as a polynomial of the number of filters n (2.1.2).

    Parameters
    ----------
    coefficients : sequence of three int
        Those of n², of n, and the constant.
    hidden : int
        Neurons of the hidden layer.
    area : int
        Numbers that it sees of each map: 36 when the maps are flattened, 1 when each is averaged.

    Hints
    -----
    - Take the page's table once more, and cross out what changes. Which layers see something else
      than before?
    - The convolutions stay. The hidden layer now sees n numbers, one for each map, and has 256
      neurons. The last layer sees 256 numbers.
    - The hidden layer has 256 n weights and 256 biases, the last one 256 · 10 weights and 10
      biases. The convolutions keep their 27 n² + 31 n.
    """
    asked = "three numbers, those of n², of n, and the constant"
    given = numbers(coefficients, asked)
    if given.shape != (3,):
        raise Wrong(f"an answer of shape {given.shape}, expected {asked}.")
    right = (27, area * hidden + 31, 11 * hidden + 10)
    given = tuple(given)
    if given == right:
        formula = "{} n² + {:,} n + {:,}.".format(*right)
        if right == COEFFICIENTS:
            return formula
        return f"{formula} The first two terms are equal at n = {right[1] / 27:.1f}."
    if given == right[::-1]:
        raise Wrong("the right numbers in the wrong order: that of n² comes first.")
    names = ("n²", "n", "the constant")
    off = [name for name, a, b in zip(names, given, right, strict=True) if not abs(a - b) < 0.5]
    if not off:
        raise Wrong("close, but the coefficients are whole numbers. Count, do not fit.")
    slips = [
        slip
        for part, wanted, slips_of_part in zip(given, right, _slips(hidden, area), strict=True)
        for value, slip in slips_of_part.items()
        if part == value != wanted
    ]
    raise Wrong(f"look again at {' and '.join(off)}. {' '.join(dict.fromkeys(slips))}".rstrip())


def _slips(hidden, area):
    """Return, for each coefficient, what somebody may have written, and the slip that leads there.

    Parameters
    ----------
    hidden, area : int
        See :func:`polynomial`.
    """
    dense = area * hidden
    of_n2 = {
        0: "A convolution that sees n maps and makes n maps has 9 n² weights.",
        9: "Three convolutions see n maps, not one.",
        18: "Three convolutions see n maps, not two.",
        36: "The first convolution sees three colours, not n maps.",
        3: "A kernel has nine weights per map.",
    }
    of_n = {
        36 * hidden + 31: "The hidden layer sees one number of each map, its average, and not 36.",
        512 * area + 31: f"The hidden layer has {hidden} neurons here.",
        18_463: "That is the page's own network. What does the hidden layer see here?",
        64 * hidden + 31: "Without padding a convolution loses two rows and columns: 6 × 6 maps "
        "remain.",
        dense + 27: "Each of the four convolutions has n biases.",
        dense + 28: "The last three convolutions have n biases each.",
        dense + 30: "The first convolution has n biases.",
        31: f"The hidden layer has {hidden} weights for each number that it sees.",
        dense: "The convolutions bring something too: 27 weights and biases.",
        dense + 4: "The first convolution has 27 n weights.",
    }
    of_1 = {
        5_642: f"The hidden layer has {hidden} neurons here.",
        10 * hidden + 10: f"The hidden layer has {hidden} biases.",
        11 * hidden: "The last layer has ten biases.",
        10 * hidden: f"The dense layers have biases: {hidden} and 10.",
        hidden: f"The last layer has {hidden} · 10 weights and ten biases.",
        0: "The last layer does not depend on n at all.",
    }
    return of_n2, of_n, of_1


@quiz(right="b")
def growth():
    """Judge the choice in the quiz growth.

    Choices
    -------
    - a: then a doubling of the filters would double the count. It makes it nearly four times as
      large.
    - b: a doubling makes the count nearly four times as large, and the factor comes ever closer to
      4. That is a power of n with the exponent 2.
    - c: the factor is the same from row to row, that is true; but each row has twice the filters of
      the one before. Exponential is what multiplies by the same factor in equal steps.
    - d: four rows with a doubling between them are enough to tell these three apart.

    Hints
    -----
    - By how much does the number of filters change from one row to the next? By the same amount, or
      by the same factor?
    - Under exponential growth each further filter would multiply the count by the same factor. From
      32 to 64 there are 32 more, from 128 to 256 there are 128 more.
    """


# --- 2.1.3: the numbers behind the plot ---------------------------------------------------------


@check()
def sweep(filters, counts=None, *, at=None):
    """Judge the two columns of the plot: numbers of filters, and numbers of parameters (2.1.3).

    Parameters
    ----------
    filters : sequence of int
        The horizontal axis.
    counts : sequence of int
        The vertical axis: parameters of the network with that many filters.
    at : sequence of int, optional
        The filters that are asked for.

    Hints
    -----
    - Two columns of nine numbers. The first is the axis, in equal steps; the second says how many
      parameters the network with that many filters has.
    - [32 * x for x in range(1, 10)] is the axis. For the second column, the page has a function
      that counts.
    """
    if counts is None:
        raise Wrong("expected two columns, the filters and the counts.")
    filters, counts = numbers(filters, "the filters"), numbers(counts, "the counts")
    if filters.ndim != 1 or counts.ndim != 1:
        raise Wrong("expected two columns of numbers, the filters and the counts.")
    if len(filters) != len(counts):
        raise Wrong(f"{len(filters)} numbers of filters, but {len(counts)} counts.")
    if len(filters) < 3:
        raise Wrong("fewer than three points show no curve.")
    if np.array_equal(_asked(counts).parameters, filters):
        raise Wrong("the two columns have changed places: the filters come first.")
    for n, count in zip(filters, counts, strict=True):
        if n % 1 or n < 1:
            raise Wrong(f"{n:g} is no number of filters.")
        if count != _asked(n).parameters:
            raise Wrong(
                f"{n:,.0f} filters do not have {count:,.0f} parameters. " + _why_the_point(count, n)
            )
    if len(set(filters)) < 3:
        raise Wrong("the same number of filters again and again: vary it.")
    if at is not None and not np.array_equal(filters, at):
        raise Wrong(_why_the_axis(filters, list(at)))
    return f"{len(filters)} points, each count where it belongs."


def _why_the_axis(filters, at):
    """Say how an axis differs from the one that was asked for."""
    if len(filters) == len(at) and np.allclose(filters[1:], 2 * filters[:-1]):
        return "each number of filters is twice the one before. Here the steps should be equal."
    if np.array_equal(np.sort(filters), at):
        return "the right numbers of filters, in another order."
    return (
        f"{len(filters)} numbers of filters from {filters[0]:,.0f} to {filters[-1]:,.0f}; asked "
        f"are {len(at)}, from {at[0]:,} to {at[-1]:,}."
    )


def _why_the_point(count, n):
    """Say what happened to one point."""
    expected = _asked(n).parameters
    for power in range(1, 20):
        if count == _asked(2**power).parameters:
            return f"That count belongs to {2**power:,} filters: look at the horizontal axis."
    if count < 0 or (expected >= 2**31 and count == expected % 2**32):
        return "It no longer fits 32 bits: count with Python's own integers."
    return "Compare with model.count_params() of a small one."


# --- 2.2.1: training ----------------------------------------------------------------------------


@check()
def trained(history, *, epochs=10, at_least=0.7, at_most=None):
    """Judge a training history: enough epochs, and enough validation accuracy at the end (2.2.1).

    Parameters
    ----------
    history : dict of list
        With ``val_accuracy``, one number per epoch.
    epochs : int
        How many are asked for.
    at_least : float
        Validation accuracy that is asked for.
    at_most : int, optional
        How many epochs are allowed.

    Hints
    -----
    - The course has trained ten networks for twenty epochs: widths["runs"] and steps["runs"] are
      lists of runs. Each run is a dictionary with a "network" and a "history".
    - Print the last validation accuracy of each run: run["history"]["val_accuracy"][-1]. Two of
      them are above 0.7.
    - Both are among steps: one begins with large steps, the other keeps them large.
    """
    history = getattr(history, "history", history)  # Keras wraps the dictionary
    if not isinstance(history, dict):
        raise Wrong(f"expected the history of a training, got {kind(history)}.")
    if "history" in history:
        raise Wrong('this is a whole run. Its history is asked for: run["history"].')
    if "val_accuracy" not in history:
        raise Wrong(
            f"the history has {', '.join(map(str, history)) or 'nothing'}, but no val_accuracy. "
            'Hold images back (validation_data) and compile with metrics=["accuracy"].'
        )
    watched = numbers(history["val_accuracy"], "val_accuracy")
    if watched.ndim != 1 or not len(watched):
        raise Wrong("val_accuracy should hold one number per epoch.")
    if watched.min() < 0 or watched.max() > 1:
        raise Wrong("val_accuracy should lie between 0 and 1, in every epoch.")
    if len(watched) < epochs:
        raise Wrong(f"{len(watched)} epochs, at least {epochs} are asked for.")
    if at_most and len(watched) > at_most:
        raise Wrong(f"{len(watched)} epochs. Find a training that takes no more than {at_most}.")
    if watched[-1] > at_least:
        return f"{len(watched)} epochs, validation accuracy above {at_least:.0%}."
    raise Wrong(
        f"validation accuracy {watched[-1]:.1%} in the end, more than {at_least:.0%} is asked for. "
        + _why_so_low(watched, history, at_least, at_most)
    )


def _why_so_low(watched, history, at_least, at_most):
    """Name what keeps the validation accuracy down."""
    if watched.max() < 0.15:
        return "That is guessing: are the images scaled to 0 … 1, and the labels one-hot?"
    if watched.max() > at_least:
        epoch = 1 + int(watched.argmax())
        return f"It was higher after epoch {epoch}. Decide beforehand which epoch counts."
    training = history.get("accuracy") or [0]
    if training[-1] > watched[-1] + 0.1:
        return "Training is far ahead: the network learns its images by heart."
    if at_most:
        return "In so few epochs another width hardly helps. What does another step size do?"
    return "Both still rise: plain SGD at 0.01 is slow, give it more epochs."


@quiz(right="c")
def training_curve():
    """Judge the choice in the quiz training_curve.

    Choices
    -------
    - a: images that leak into the validation set can lift it, but nothing here says so, and in an
      early epoch a network knows no image by heart. Look for something that happens always.
    - b: the error of 0.66 over 10,000 images is less than half a percent. Four percent is far more.
    - c: dropout hampers the network while the training number is taken, and the number is a mean
      over an epoch in which the network still improves. Both make it too low.
    - d: labels have no say in which of the two is larger, and a random split gives both sets the
      same kind of images.

    Hints
    -----
    - How large is the binomial error of 0.66, counted over 10,000 images?
    - The two numbers are not measured alike. What is switched on while the first is taken, and when
      in the epoch is it taken?
    """


# --- calibration --------------------------------------------------------------------------------


def _forecasts(rng):
    cases = []
    for n, n_bins, sureness in ((60, 5, 2), (23, 4, 3), (101, 10, 6), (40, 1, 2), (17, 17, 2)):
        confidence = 0.1 + 0.9 * rng.beta(sureness, 1, n)
        right = rng.random(n) < 0.65  # too modest at the low end, too sure at the high one
        cases.append((confidence, right, n_bins))
    return cases


@check(cases=_forecasts)
def calibration_error(given, confidence, right, n_bins):
    """Judge the expected calibration error over bins that hold equally many images.

    Hints
    -----
    - Which images belong together? Those with similar confidence. So put the images in order of
      confidence first: np.argsort.
    - np.array_split cuts the order into n_bins parts that are as equal as can be. For each part,
      take the mean confidence and the share of right answers.
    - Take the absolute difference of the two in each part, and the mean of these differences, each
      weighted with the number of images in its part.
    """

    def signed(parts):
        return np.array([confidence[p].mean() - right[p].mean() for p in parts if len(p)])

    def error(parts):
        return np.average(abs(signed(parts)), weights=[len(p) for p in parts if len(p)])

    parts = np.array_split(np.argsort(confidence), n_bins)
    bins = np.ceil(confidence * n_bins).astype(int) - 1  # of equal width, as on the page
    equal_width = [np.flatnonzero(bins == k) for k in range(n_bins)]
    as_they_come = np.array_split(np.arange(len(right)), n_bins)
    gaps, sizes = signed(parts), [len(p) for p in parts]
    overall = np.average(gaps, weights=sizes)
    cancelled = (
        "differences of opposite sign have cancelled, as in one bin with all images in it. Take "
        "the size of each difference first."
    )
    where = f"{len(right)} images, {n_bins} bin{'s' * (n_bins > 1)}"
    mistakes = {
        "these bins are equally wide. Here they should hold equally many images.": (
            error(equal_width)
        ),
        "the images were cut into parts in the order in which they came. Put them in the order of "
        "their confidence first.": error(as_they_come),
        "the parts differ by an image, and yet count alike. Weight each with its images.": (
            abs(gaps).mean()
        ),
        "that is the sum over the parts. Take the mean.": abs(gaps).sum(),
        f"{cancelled} And mind the sign.": -overall,
        cancelled: np.copysign(overall, numbers(given, where).sum()),  # with its size or its sign
        "that is the largest distance. Asked is the mean distance.": abs(gaps).max(),
        "this is the root of a mean square. Take the mean of the distances themselves.": np.sqrt(
            np.average(gaps**2, weights=sizes)
        ),
        "each image was compared on its own. A single image is right or wrong; only a share of "
        "many can agree with a confidence.": abs(confidence - right).mean(),
        "this is the Brier score, a mean square over single images.": (
            ((confidence - right) ** 2).mean()
        ),
    }
    same(given, error(parts), where=where, mistakes=mistakes)
    return "each part weighs as much as it has images."


# --- graded -------------------------------------------------------------------------------------


def _stacks(rng):
    def stack(shape, filters, kernels, same, pools, dense):
        return tuple(np.array(column) for column in (shape, filters, kernels, same, pools, dense))

    cases = [
        stack((9, 12, 1), [4], [3], [1], [0], [5, 6]),
        stack((12, 9, 3), [5], [3], [0], [1], [7]),
        stack((28, 28, 1), [6, 16], [5, 5], [0, 0], [1, 1], [120, 84, 10]),
        stack((39, 100, 2), [8, 4, 6], [3, 2, 5], [1, 0, 0], [0, 1, 0], [12, 3]),
    ]
    for _ in range(4):
        n, m = int(rng.integers(2, 5)), int(rng.integers(1, 4))
        cases.append(
            stack(
                (*rng.integers(80, 100, 2), rng.integers(1, 5)),
                rng.integers(2, 20, n),
                rng.integers(1, 6, n),
                rng.integers(0, 2, n),
                rng.integers(0, 2, n),
                rng.integers(2, 30, m),
            )
        )
    return cases


@check(points=3, cases=_stacks)
def count_parameters(given, shape, filters, kernels, same_size, pools, dense):
    """Judge the number of parameters of a stack of convolutions and dense layers.

    Hints
    -----
    - Keep three numbers in hand while you walk through the convolutions: the rows, the columns and
      the channels of the maps. Each layer needs them and then changes them.
    - A convolution has a weight for each place of its kernel, each channel that it sees and each
      filter; and what else does each filter have? Then think of what padding and pooling leave of
      the rows and columns.
    - A pooling that does not come out even drops the last row or column. The first dense layer sees
      every number of the last maps, each later one the neurons of the layer before it.
    """
    stack = shape, filters, kernels, same_size, pools, dense
    mistakes = {
        "the biases are missing: one for each filter and one for each neuron.": {
            "conv_bias": 0,
            "dense_bias": 0,
        },
        "the biases of the convolutions are missing.": {"conv_bias": 0},
        "the biases of the dense layers are missing.": {"dense_bias": 0},
        "a square kernel has k · k weights for each channel, not k.": {"area": 1},
        "each convolution was given the channels of the image. From the second on they see the "
        "maps of the one before.": {"passes_on": False},
        "a kernel has weights for each channel that it sees.": {"sees_channels": False},
        "the maps keep their size where there is no padding. They lose k - 1 rows and columns.": {
            "ignore": "valid"
        },
        "the maps shrink where there is padding. With it they keep their size.": {"ignore": "same"},
        "the maps lose k rows and columns without padding. It is one less.": {"loss": 0},
        "the poolings are not in it.": {"ignore": "pools"},
        "there is a pooling after every convolution. Only some have one.": {"ignore": "no pools"},
        "the poolings round up. A row that has no partner is dropped.": {"pooled": "up"},
        "the poolings leave halves of a row. A row that has no partner is dropped.": {
            "pooled": "half"
        },
        "the pooling came before the convolution.": {"pool_first": True},
        "the flattening gives every number of every map, not one for each map.": {"flat": "maps"},
        "the flattening gives the numbers of all maps, not of one.": {"flat": "one map"},
        "every dense layer was given the flattened maps. The second sees the neurons of the "
        "first.": {"chain": False},
        "only the convolutions are counted.": {"parts": "convolutions"},
        "only the dense layers are counted.": {"parts": "dense"},
        "the last dense layer is missing.": {"parts": "all but the last"},
    }
    layers = " and ".join(
        f"{len(part)} {name}{'s' * (len(part) > 1)}"
        for part, name in ((filters, "convolution"), (dense, "dense layer"))
    )
    where = f"an image {' × '.join(map(str, shape))}, {layers}"
    wrong = {words: stack_parameters(*stack, **change) for words, change in mistakes.items()}
    same(given, stack_parameters(*stack), where=where, mistakes=wrong, tolerance=EXACT)
    return "every stack, down to the last bias."
