"""Ask whether an attribution map deserves belief.

Three questions, each with an answer that is known for a map that says nothing: does the map change
when the network forgets what it learned (:func:`cascade`), does the answer of the network depend on
the pixels that the map points at (:func:`replacement_curve`), and does the map lie on the object
(:func:`share_inside`, :func:`points_inside`)?

Maps are arrays (n, height, width), one per image; a larger value means more important.
"""

import keras
import numpy as np
from scipy import stats

# What an untrained layer holds in place of what it learned; kernels are drawn at random.
_UNTRAINED = {"bias": 0.0, "beta": 0.0, "gamma": 1.0, "moving_mean": 0.0, "moving_variance": 1.0}


# --- does the map depend on what the network learned? -------------------------------------------


def cascade(model, seeds=(0,)):
    """Let a copy of a network forget what it learned, layer by layer, from the output downwards.

    Kernels are drawn as Keras draws them before training (Glorot uniform), biases are zero. What
    was drawn stays, until the next seed starts from the trained network again.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional. It stays as it is.
    seeds : sequence of int
        Seeds of the random weights; one pass through all layers each.

    Yields
    ------
    seed : int
    name : str
        The layer that was drawn anew last.
    network : keras.Model
        The copy. It is the same object every time, so that nothing is compiled twice: ask it before
        you go on.

    Raises
    ------
    ValueError
        If a layer has weights that this function cannot draw.

    References
    ----------
    J. Adebayo et al., *Sanity Checks for Saliency Maps*, NeurIPS 2018: the cascading randomization.
    """
    network = keras.models.clone_model(model)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        network.set_weights(model.get_weights())
        for layer in reversed([layer for layer in network.layers if layer.weights]):
            layer.set_weights([_untrained(v, layer.name, rng) for v in layer.weights])
            yield seed, layer.name, network


def untrained(model, seed=0):
    """Return a copy of a network that is random in all layers: where :func:`cascade` ends.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional. It stays as it is.
    seed : int
        Of the random weights.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If a layer has weights that :func:`cascade` cannot draw.
    """
    *_, (_, _, network) = cascade(model, seeds=(seed,))
    return network


def _untrained(variable, layer_name, rng):
    """Return numbers that `variable` could have before training."""
    shape = tuple(variable.shape)
    if variable.name == "kernel":
        *window, channels_in, filters = shape
        limit = np.sqrt(6 / (np.prod(window) * (channels_in + filters)))
        return rng.uniform(-limit, limit, shape).astype("float32")
    if variable.name in _UNTRAINED:
        return np.full(shape, _UNTRAINED[variable.name], "float32")
    raise ValueError(
        f"layer {layer_name!r} has weights {variable.name!r}; expected kernels, biases or those of "
        "a batch normalisation. Leave this layer out, or teach inside.trust to draw it."
    )


def rank_correlation(a, b):
    """Return Spearman's rank correlation of each pair of maps.

    Parameters
    ----------
    a, b : array, shape (n, ...)
        Finite numbers.

    Returns
    -------
    numpy.ndarray, float, shape (n,)
        From -1 to 1; NaN where a map has the same value everywhere, because it ranks nothing.

    Raises
    ------
    ValueError
        If the shapes differ, or a number is not finite.

    Notes
    -----
    For maps without equal values it is an exercise in *Inside the network*
    (notebooks/inside_the_network.md).
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape or a.ndim < 2:
        raise ValueError(f"maps of shapes {a.shape} and {b.shape}; expected two alike, (n, …).")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a map holds NaN or infinity; expected finite numbers.")
    ranks = [stats.rankdata(m.reshape(len(m), -1), axis=1) for m in (a, b)]
    a, b = (r - r.mean(axis=1, keepdims=True) for r in ranks)
    with np.errstate(invalid="ignore"):
        return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))


# --- does the answer depend on the pixels that the map points at? -------------------------------


def pixel_ranks(maps, seed=0):
    """Rank the pixels of each map: 0 for the most important, equal values in random order.

    Parameters
    ----------
    maps : array, shape (n, height, width)
    seed : int
        Decides between equal values, which would otherwise go from top left to bottom right.

    Returns
    -------
    numpy.ndarray of int, shape (n, height, width)
        Each number from 0 to height · width - 1 once per map.
    """
    maps = _checked_maps(maps)
    flat = maps.reshape(len(maps), -1)
    coin = np.random.default_rng(seed).random(flat.shape)
    order = np.lexsort((coin, -flat), axis=1)
    return order.argsort(axis=1).reshape(maps.shape)


def replacement_curve(model, start, end, ranks, classes, counts):
    """Replace pixels of `start` by those of `end`, the most important first, and watch the answer.

    With `start` the images and `end` grey this is the deletion curve; the other way round it is the
    insertion curve. (The paper begins its insertion with a blurred image.)

    Parameters
    ----------
    model : keras.Model
        Its output holds one number per class.
    start, end : array, shape (n, height, width, channels) or one that broadcasts to it
        In the units of the network's input.
    ranks : array of int, shape (n, height, width)
        From :func:`pixel_ranks`.
    classes : array of int, shape (n,)
        Which output to watch for each image.
    counts : sequence of int
        How many pixels are replaced.

    Returns
    -------
    numpy.ndarray, float32, shape (n, len(counts))
        Output of the class.

    Notes
    -----
    One step of the deletion curve is built in *Inside the network*
    (notebooks/inside_the_network.md).

    References
    ----------
    V. Petsiuk, A. Das, K. Saenko, *RISE: Randomized Input Sampling for Explanation of Black-box
    Models*, BMVC 2018.
    """
    ranks, counts = np.asarray(ranks), np.asarray(counts)
    shape = (*ranks.shape, model.inputs[0].shape[-1])
    start, end = (np.broadcast_to(x, shape)[:, np.newaxis] for x in (start, end))
    replaced = ranks[:, np.newaxis] < counts[:, np.newaxis, np.newaxis]
    pictures = np.where(replaced[..., np.newaxis], end, start).astype("float32")
    answers = model.predict(pictures.reshape(-1, *shape[1:]), batch_size=256, verbose=0)
    answers = answers.reshape(len(ranks), len(counts), -1)
    return answers[np.arange(len(ranks)), :, np.asarray(classes)]


def area_under(curves, counts):
    """Return the mean height of each curve over `counts` (trapezoids).

    Parameters
    ----------
    curves : array, shape (n, len(counts))
    counts : sequence of int
        Increasing.

    Returns
    -------
    numpy.ndarray, float, shape (n,)
    """
    widths = np.diff(counts)
    middles = (np.asarray(curves)[:, 1:] + np.asarray(curves)[:, :-1]) / 2
    return middles @ widths / widths.sum()


# --- does the map lie on the object? ------------------------------------------------------------


def box_masks(boxes, shape):
    """Return which pixels lie in each box.

    Parameters
    ----------
    boxes : array of int, shape (n, 4)
        First row, first column, end row, end column; the ends are outside.
    shape : tuple of int
        Height and width of the images.

    Returns
    -------
    numpy.ndarray of bool, shape (n, height, width)
    """
    top, left, bottom, right = (side[:, None, None] for side in np.asarray(boxes).T)
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])
    return (top <= rows) & (rows < bottom) & (left <= columns) & (columns < right)


def share_inside(maps, masks):
    """Return which share of each map's positive values lies inside its mask.

    A map that knows nothing reaches the mask's share of the image.

    Parameters
    ----------
    maps : array, shape (n, height, width)
        Negative values count as zero.
    masks : array of bool, shape (n, height, width)

    Returns
    -------
    numpy.ndarray, float, shape (n,)
        NaN where a map has no positive value.

    Notes
    -----
    Divided by the mask's share of the image it is an exercise in *Inside the network*
    (notebooks/inside_the_network.md).
    """
    maps = np.maximum(_checked_maps(maps, masks), 0)
    with np.errstate(invalid="ignore"):
        return (maps * masks).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))


def points_inside(maps, masks):
    """Play the pointing game: return whether the largest value of each map lies inside its mask.

    Parameters
    ----------
    maps : array, shape (n, height, width)
    masks : array of bool, shape (n, height, width)

    Returns
    -------
    numpy.ndarray, float, shape (n,)
        1 or 0. Where several pixels share the largest value, the share of them that is inside, so
        that a blank map scores what chance does.

    References
    ----------
    J. Zhang et al., *Top-down Neural Attention by Excitation Backprop*, ECCV 2016.
    """
    maps = _checked_maps(maps, masks)
    largest = maps == maps.max(axis=(1, 2), keepdims=True)
    return (largest & masks).sum(axis=(1, 2)) / largest.sum(axis=(1, 2))


# --- for all of them ----------------------------------------------------------------------------


def enlarged(maps, shape):
    """Stretch small maps over an image, linearly between the centres of their cells.

    Parameters
    ----------
    maps : array, shape (n, rows, columns)
    shape : tuple of int
        Height and width of the image.

    Returns
    -------
    numpy.ndarray, float32, shape (n, height, width)
    """
    maps = np.asarray(maps, dtype="float32")[..., np.newaxis]
    large = keras.ops.image.resize(maps, shape, interpolation="bilinear")
    return keras.ops.convert_to_numpy(large)[..., 0]


def mean_and_error(values, axis=0):
    """Return the mean of independent values and its standard error, leaving out NaN."""
    values = np.asarray(values, dtype=float)
    n = np.sum(~np.isnan(values), axis=axis)
    return np.nanmean(values, axis=axis), np.nanstd(values, axis=axis, ddof=1) / np.sqrt(n)


def _checked_maps(maps, masks=None):
    """Return maps as an array; raise unless they are finite and fit their masks."""
    maps = np.asarray(maps)
    if maps.ndim != 3 or not np.isfinite(maps).all():
        raise ValueError(
            f"maps of shape {maps.shape}: expected finite numbers (n, height, width). "
            "A gradient becomes a map with attribution.saliency_map."
        )
    if masks is not None and np.shape(masks) != maps.shape:
        raise ValueError(
            f"maps of shape {maps.shape}, masks of shape {np.shape(masks)}; expected the same. "
            "A small map grows with trust.enlarged."
        )
    return maps
