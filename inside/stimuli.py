"""Climb to the pictures that excite a layer the most: activation maximisation.

Arrays in, arrays out, as in :mod:`inside.attribution`. The network is never changed.
"""

import keras
import numpy as np

from inside import backend, rewire

ops = keras.ops

CONV_NOISE = 0.1  # width of the uniform noise that a climb starts from, as in the original
DENSE_NOISE = 0.001
EPSILON = 1e-10  # keeps a vanishing gradient from being divided by zero


def maximum_stimuli(
    model, layer, filters=None, steps=20, step=1.0, seed=0, *, grey=0.0, noise=None
):
    """Climb to the pictures that excite the filters of a layer the most.

    All filters climb together, as one batch, through the part of the network that ends at `layer`.
    Each picture moves along its own gradient, divided by the gradient's length, so that every
    step is `step` long: the root of the sum of its squared changes is `step`.

    Parameters
    ----------
    model : keras.Model
        Built, with one input: pictures (n, height, width, channels).
    layer : str or keras.layers.Layer
        Where to look. For a class take the layer before the softmax: a probability close to 1 has
        almost no gradient left.
    filters : int or sequence of int, optional
        Which feature maps, or which units of a dense layer. Default: all.
    steps : int
        Number of steps.
    step : float
        Length of a step, in the units of the network's input.
    seed : int
        Seed of the noise. Filter k starts from the same noise whichever filters climb with it.
    grey : float
        Mid-grey in the units of the network's input: 0 for pixels from -0.5 to 0.5.
    noise : float, optional
        Width of the uniform noise around grey at the start. Default 0.1 for convolutions, 0.001
        for dense layers.

    Returns
    -------
    stimuli : numpy.ndarray, float32, shape (n, height, width, channels)
        In the units of the network's input. Nothing keeps them inside the range of a photo.
    scores : numpy.ndarray, float32, shape (n,)
        What each stimulus reaches: the mean of its feature map, or its unit. A score that is not
        finite, or not positive, marks a filter that found nothing to climb.

    Raises
    ------
    ValueError
        If `layer` or `filters` do not exist, or if the size of a picture is unknown.

    References
    ----------
    D. Erhan, Y. Bengio, A. Courville, P. Vincent, *Visualizing Higher-Layer Features of a Deep
    Network*, 2009.
    """
    if int(steps) != steps or steps < 0 or not np.isfinite(step):
        raise ValueError(f"steps={steps}, step={step}: expected a whole number and a finite one.")
    layer = rewire.find_layer(model, layer)
    _, *positions, n_filters = layer.output.shape
    filters = _checked_filters(filters, n_filters, layer.name)
    if noise is None:
        noise = CONV_NOISE if positions else DENSE_NOISE
    start = grey + noise * _uniform(filters, model.inputs[0].shape[1:], seed)
    own = np.eye(n_filters, dtype="float32")[filters]  # picture k climbs filters[k] only

    def build():
        whole, behind = rewire.with_tap(model, layer)
        until = keras.Model(whole.inputs[0], behind)
        map_axes = tuple(range(1, 1 + len(positions)))
        pixel_axes = tuple(range(1, start.ndim))

        def climb(pictures, own, step):
            def excitement(pictures):
                output = until(pictures, training=False)
                output = ops.mean(output, axis=map_axes) if map_axes else output
                return ops.sum(ops.multiply(own, output), axis=1)

            slope, scores = backend.gradient(excitement, pictures)
            length = ops.sqrt(ops.sum(slope * slope, axis=pixel_axes, keepdims=True))
            return pictures + step * slope / (length + EPSILON), scores

        return climb

    climb = backend.program_for(model, ("climb", layer.name), build)
    pictures, step = start.astype("float32"), np.float32(step)
    for _ in range(int(steps)):
        pictures, _ = climb(pictures, own, step)
    _, scores = climb(pictures, own, step)  # of the last pictures; this step is not taken
    return ops.convert_to_numpy(pictures), ops.convert_to_numpy(scores)


def viewable(stimuli, *, grey=0.0, largest=None):
    """Turn stimuli into pictures for the eye, without moving grey or mixing colours.

    ``0.5 + (stimulus - grey) / (2 * largest)``, cut off at 0 and 1. Grey stays grey and all three
    colours are stretched alike. Only the contrast is free, and it differs from picture to picture
    unless you give `largest`. Look at the result; feed the stimulus itself to the network.

    Parameters
    ----------
    stimuli : array, shape (n, height, width, channels)
        In the units of the network's input.
    grey : float
        Mid-grey in those units.
    largest : float, optional
        Distance from grey that is shown as black or white. Default: for each picture the distance
        that 99 % of its values stay within. For pixels from -0.5 to 0.5, ``largest=0.5`` shows them
        as they are.

    Returns
    -------
    numpy.ndarray, float, shape (n, height, width, channels)
        Values from 0 to 1.
    """
    from_grey = np.asarray(stimuli, dtype=float) - grey
    if largest is None:
        pixel_axes = tuple(range(1, from_grey.ndim))
        largest = np.quantile(np.abs(from_grey), 0.99, axis=pixel_axes, keepdims=True)
    return np.clip(0.5 + from_grey / (2 * np.maximum(largest, 1e-12)), 0, 1)


def _checked_filters(filters, n_filters, name):
    """Return filter numbers as an array; raise unless they exist."""
    chosen = np.atleast_1d(np.arange(n_filters) if filters is None else np.asarray(filters))
    if (
        chosen.ndim != 1
        or not chosen.size
        or chosen.dtype.kind not in "iu"
        or not np.isin(chosen, np.arange(n_filters)).all()
    ):
        raise ValueError(
            f"filters={filters!r} of layer {name!r}: expected whole numbers from 0 to "
            f"{n_filters - 1}."
        )
    return chosen


def _uniform(filters, shape, seed):
    """Return noise from -0.5 to 0.5, of which filter k's part depends on seed and k only."""
    if None in shape:
        raise ValueError(
            f"the network takes pictures of any size {shape}. "
            "Build it with a fixed keras.Input to look for stimuli."
        )
    draws = [np.random.default_rng([seed, int(k)]).random(shape) for k in filters]
    return np.stack(draws) - 0.5
