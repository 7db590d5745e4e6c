"""The calls of keras-vis 0.4.1 on Keras 3, for notebooks from 2017 to 2019.

An old notebook changes its import lines and runs::

    from inside.keras_vis import visualize_cam        # was: from vis.visualization import …
    from inside import keras_vis as utils              # was: from vis.utils import utils

Written anew from the behaviour of the library (R. Kotikalapudi, *keras-vis*, 2017); its quirks are
kept where they cannot mislead, and named. The one that can is behind the argument `output` of every
function here: what takes the place of a softmax at the end of the network.

=============  =================================================================================
``"logits"``   nothing: the default, and the honest choice. The scores themselves are explained.
``"0.4.1"``    the softmax stays without a `backprop_modifier`. With one, **every** activation
               after the first layer becomes a ReLU, the softmax too, and even a linear one.
``"0.5.0"``    the softmax stays. So did the version on GitHub from July 2018, never released.
=============  =================================================================================

For new work use :mod:`inside.attribution`, which takes all images at once and returns numbers
instead of colours.
"""

import keras
import matplotlib
import numpy as np
from PIL import Image

from inside import backend, rewire

layers, ops = keras.layers, keras.ops

EPSILON = 1e-7  # the smallest number of Keras 2, which keras-vis adds to its denominators
SQUARES_DECAY = 0.95  # of the running mean of squared slopes
OUTPUTS = ("logits", "0.4.1", "0.5.0")

RULES = {
    None: None,
    "guided": "guided",
    "relu": "rectified",
    "rectified": "rectified",
    "deconv": "rectified",
}
GRAD_MODIFIERS = {
    None: lambda slopes: slopes,
    "absolute": np.abs,
    "negate": np.negative,
    "relu": lambda slopes: np.maximum(slopes, 0),
    "invert": lambda slopes: 1 / (slopes + EPSILON),
    "small_values": lambda slopes: np.abs(1 / (slopes + EPSILON)),
}


def visualize_saliency(
    model,
    layer_idx,
    filter_indices,
    seed_input,
    backprop_modifier=None,
    grad_modifier="absolute",
    *,
    output="logits",
):
    """Colour the pixels of an image by how steeply they change an output.

    Parameters
    ----------
    model : keras.Model
        One input: images (n, height, width, channels).
    layer_idx : int
        Position of a layer in ``model.layers``; negative from the end.
    filter_indices : int, sequence of int or None
        Units of a dense layer or maps of a convolution; several add up. None: the mean of all.
    seed_input : array, shape (height, width, channels) or (1, height, width, channels)
        The image.
    backprop_modifier : {None, "guided", "relu", "rectified", "deconv"}
        The last three are one.
    grad_modifier : {None, "absolute", "negate", "relu", "invert", "small_values"} or callable
        Applied to the slopes, before the largest over the channels is taken.
    output : {"logits", "0.4.1", "0.5.0"}
        See the head of this module.

    Returns
    -------
    numpy.ndarray, uint8, shape (height, width, 3)
        Colours of the map "jet": dark blue is the smallest slope of this image, dark red the
        largest.

    Raises
    ------
    ValueError
        If an argument is not one of the above, or the image does not fit the network.

    References
    ----------
    K. Simonyan, A. Vedaldi, A. Zisserman, *Deep Inside Convolutional Networks*, 2014.
    """
    modify = _grad_modifier(grad_modifier)
    position, wanted = _position(model, layer_idx), _wanted(model, layer_idx, filter_indices)

    def build():
        score = _score(_modified(model, backprop_modifier, output), position)
        return lambda image, wanted: backend.gradient(lambda x: score(x, wanted), image)[0]

    key = ("keras-vis saliency", position, backprop_modifier, output)
    slopes = backend.program_for(model, key, build)(_one_image(model, seed_input), wanted)
    return _jet(_stretched(modify(ops.convert_to_numpy(slopes)).max(axis=-1)))[0]


def visualize_cam(
    model,
    layer_idx,
    filter_indices,
    seed_input,
    penultimate_layer_idx=None,
    backprop_modifier=None,
    grad_modifier=None,
    *,
    output="logits",
):
    """Colour an image by its Grad-CAM.

    Parameters
    ----------
    model, layer_idx, filter_indices, seed_input, backprop_modifier, grad_modifier, output
        As for :func:`visualize_saliency`. `seed_input` has two axes of pixels.
    penultimate_layer_idx : int, optional
        Position of the layer whose feature maps are weighed. Default: the last convolution or
        pooling before `layer_idx`, not counting the layer right before it.

    Returns
    -------
    numpy.ndarray, uint8, shape (height, width, 3)
        Colours of the map "jet", after the map was resized (bicubic) to the size of the image. A
        map without any positive value comes out dark blue all over.

    Raises
    ------
    ValueError
        As for :func:`visualize_saliency`; or if there is no such layer to weigh.

    References
    ----------
    R. R. Selvaraju et al., *Grad-CAM*, ICCV 2017.
    """
    modify = _grad_modifier(grad_modifier)
    below = _penultimate(model, layer_idx, penultimate_layer_idx)
    if len(shape := model.layers[below].output.shape) != 4:
        raise ValueError(
            f"layer {below} ({model.layers[below].name}) puts out {shape[1:]}; expected maps "
            "(rows, columns, channels). Choose a layer with penultimate_layer_idx."
        )
    position, wanted = _position(model, layer_idx), _wanted(model, layer_idx, filter_indices)
    image = _one_image(model, seed_input)

    def build():
        modified = _modified(model, backprop_modifier, output)
        at = modified.layers[below].output
        body = keras.Model(modified.inputs[0], at)
        score = _score(modified, position, at)

        def slopes_and_features(image, wanted):
            features = body(image, training=False)
            return backend.gradient(lambda x: score(image, x, wanted), features)[0], features

        return slopes_and_features

    key = ("keras-vis cam", position, below, backprop_modifier, output)
    slopes, features = backend.program_for(model, key, build)(image, wanted)
    slopes, features = modify(ops.convert_to_numpy(slopes)), ops.convert_to_numpy(features)
    largest = slopes.max()
    if output == "logits":  # where every slope is negative, the original turns the map's sign
        largest = abs(largest)
    weights = (slopes / (largest + EPSILON)).mean(axis=(0, 1, 2))
    heat = np.maximum((features[0] * weights).sum(axis=-1), 0)
    size = image.shape[2], image.shape[1]
    heat = Image.fromarray(heat.astype("float32")).resize(size, Image.Resampling.BICUBIC)
    return _jet(_stretched(np.asarray(heat)))


def visualize_activation(
    model,
    layer_idx,
    filter_indices=None,
    seed_input=None,
    input_range=(0, 255),
    backprop_modifier=None,
    grad_modifier=None,
    act_max_weight=1,
    lp_norm_weight=10,
    tv_weight=10,
    *,
    output="logits",
    **optimizer_params,
):
    """Search for an image that excites a layer, starting from noise.

    Descends `max_iter` steps along a loss of three parts: minus the activation, the 6-norm of the
    image and its total variation. The slopes are divided by their root mean square; a step divides
    them once more by the root of their running mean square (RMSprop at a learning rate of 1).

    As in the original, the image of the lowest loss is kept as it is *after* that step, and its
    contrast is then set to a standard deviation of a tenth of the range. The result is for the eye:
    the network never saw it. :func:`inside.stimuli.maximum_stimuli` returns what it saw.

    Parameters
    ----------
    model, layer_idx, filter_indices, backprop_modifier, grad_modifier, output
        As for :func:`visualize_saliency`. The score of a map is its mean.
    seed_input : array, optional
        The image to start from. Default: uniform noise around the middle of the range, with a
        standard deviation of a twentieth of it, from numpy's global generator:
        ``numpy.random.seed`` makes it repeat.
    input_range : tuple of two numbers
        Darkest and brightest value. Two Python ints make the result uint8.
    act_max_weight, lp_norm_weight, tv_weight : float or None
        Weights of the three parts; 0 or None leaves a part out.
    **optimizer_params
        ``max_iter`` (200), ``verbose`` (False); ``input_modifiers``, objects with methods ``pre``
        and ``post`` that take and return an image with its batch axis; ``callbacks``, objects with
        ``callback(i, named_losses, overall_loss, grads, wrt_value)`` and ``on_end()``.

    Returns
    -------
    numpy.ndarray, uint8 or float, shape (height, width, channels)

    Raises
    ------
    ValueError
        As for :func:`visualize_saliency`; or if a step cannot be taken.
    TypeError
        If another argument is given.

    References
    ----------
    A. Mahendran and A. Vedaldi, *Visualizing Deep Convolutional Neural Networks Using Natural
    Pre-images*, IJCV 2016 (the two norms).
    """
    modify = _grad_modifier(grad_modifier)
    params = {"max_iter": 200, "verbose": False, "input_modifiers": None, "callbacks": None}
    if unknown := sorted(set(optimizer_params) - set(params)):
        raise TypeError(f"unknown {unknown}; expected some of {sorted(params)}.")
    params |= optimizer_params
    if params["max_iter"] < 1:
        raise ValueError(f"max_iter={params['max_iter']}: expected at least 1.")
    changes, watchers = params["input_modifiers"] or [], params["callbacks"] or []

    weights = {"ActivationMax": act_max_weight, "L-6.0 Norm": lp_norm_weight, "TV(2.0)": tv_weight}
    weights = {f"{name} Loss": weight for name, weight in weights.items() if weight}
    if not weights:
        raise ValueError("all three weights are 0: there is nothing to descend.")
    position, wanted = _position(model, layer_idx), _wanted(model, layer_idx, filter_indices)

    def build():
        score = _score(_modified(model, backprop_modifier, output), position)

        def slopes_and_losses(image, wanted):
            parts = {
                "ActivationMax Loss": lambda x: -score(x, wanted),
                "L-6.0 Norm Loss": _six_norm,
                "TV(2.0) Loss": _total_variation,
            }

            def losses(x):
                return ops.stack([weight * parts[name](x) for name, weight in weights.items()])

            slopes, values = backend.gradient(losses, image)
            return slopes / (ops.sqrt(ops.mean(ops.square(slopes))) + EPSILON), values

        return slopes_and_losses

    key = ("keras-vis activation", position, backprop_modifier, output, *weights.items())
    slopes_and_losses = backend.program_for(model, key, build)

    low, high = input_range
    if seed_input is None:
        image = _noise((1, *model.inputs[0].shape[1:]), (low + high) / 2, 0.05 * (high - low))
    else:
        image = _one_image(model, seed_input)
    best, best_loss, squares = None, np.inf, 0.0
    for i in range(params["max_iter"]):
        for change in changes:
            image = change.pre(image)
        at = image.astype("float32")
        slopes, values = map(ops.convert_to_numpy, slopes_and_losses(at, wanted))
        if not (np.isfinite(slopes).all() and np.isfinite(values).all()):
            raise ValueError(
                f"step {i + 1} has slopes or losses that are not numbers. An image of zeros "
                "has no slope of its 6-norm: start from noise, or set lp_norm_weight=0."
            )
        slopes, loss = modify(slopes), values.sum()
        named = list(zip(weights, values, strict=True))
        if params["verbose"]:
            print(f"Iteration: {i + 1}, named_losses: {named}, overall loss: {loss}")
        for watcher in watchers:
            watcher.callback(i, named, loss, slopes, at)
        squares = SQUARES_DECAY * squares + (1 - SQUARES_DECAY) * slopes**2
        image = image - slopes / np.sqrt(squares + EPSILON)
        for change in reversed(changes):
            image = change.post(image)
        if loss < best_loss:
            best, best_loss = image.copy(), loss
    for watcher in watchers:
        watcher.on_end()
    return _shown(best[0], low, high)


def apply_modifications(model):
    """Return a copy of `model`, built anew with the activations that its layers have now.

    ``model.layers[i].activation = keras.activations.linear`` had no effect in Keras 2 without it.
    In Keras 3 it does, but functions compiled before do not notice.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def find_layer_idx(model, layer_name):
    """Return the position of the layer `layer_name` in ``model.layers``.

    Raises
    ------
    ValueError
        If there is none; the message lists those that exist.
    """
    return model.layers.index(rewire.find_layer(model, layer_name))


def overlay(array1, array2, alpha=0.5):
    """Blend two pictures of one shape: `alpha` of the first, the rest of the second."""
    if not 0 <= alpha <= 1 or array1.shape != array2.shape:
        raise ValueError(
            f"alpha={alpha}, shapes {array1.shape} and {array2.shape}: expected alpha from 0 to 1 "
            "and equal shapes."
        )
    return (array1 * alpha + array2 * (1 - alpha)).astype(array1.dtype)


def _modified(model, backprop_modifier, output):
    """Return the network whose slopes are asked for; its layers keep their positions."""
    if keras.config.image_data_format() != "channels_last":
        raise ValueError('expected keras.config.image_data_format() to be "channels_last".')
    if not (backprop_modifier is None or isinstance(backprop_modifier, str)):
        raise ValueError("backprop_modifier is a function: apply it to the model yourself.")
    rule = _chosen(RULES, "backprop_modifier", backprop_modifier)
    if output not in OUTPUTS:
        raise ValueError(f"output={output!r}: expected one of {list(OUTPUTS)}.")
    if output == "logits" or not rule:
        return rewire.with_rule(model, rule, logits=output == "logits")
    if any(isinstance(layer, layers.LeakyReLU) for layer in model.layers):
        raise ValueError(
            f"output={output!r}: keras-vis had no modifier for LeakyReLU and did not say so. "
            'output="logits" has one.'
        )
    replaced = [x for x in model.layers[1:] if output == "0.4.1" and hasattr(x, "activation")]
    kept = [layer.activation for layer in replaced]
    try:  # with_rule copies what it finds
        for layer in replaced:
            layer.activation = keras.activations.relu
        return rewire.with_rule(model, rule, logits=False)
    finally:
        for layer, activation in zip(replaced, kept, strict=True):
            layer.activation = activation


def _wanted(model, layer_idx, filter_indices):
    """Return the weight of each filter of a layer in the score."""
    layer = model.layers[_position(model, layer_idx)]
    n_filters = layer.output.shape[-1]
    if filter_indices is None:
        return np.full(n_filters, 1 / n_filters, dtype="float32")
    chosen = np.atleast_1d(filter_indices)
    if chosen.dtype.kind not in "iu" or not np.isin(chosen, np.arange(n_filters)).all():
        raise ValueError(
            f"filter_indices={filter_indices!r}: layer {layer_idx} ({layer.name}) has "
            f"whole numbers from 0 to {n_filters - 1}."
        )
    return np.bincount(chosen, minlength=n_filters).astype("float32")


def _score(model, position, *at):
    """Return the function from an image, what layers `at` put out, and `wanted`, to the score.

    The image stays an argument beside the layer, for the paths that lead around it.
    """
    part = keras.Model([*model.inputs, *at], model.layers[position].output)

    def score(*inputs_and_wanted):
        *inputs, wanted = inputs_and_wanted
        output = part(inputs, training=False)
        return ops.sum(wanted * ops.mean(output, axis=tuple(range(len(output.shape) - 1))))

    return score


def _penultimate(model, layer_idx, penultimate_layer_idx):
    """Return the position of the layer whose maps a CAM weighs."""
    position = _position(model, layer_idx)
    if penultimate_layer_idx is not None:
        below = _position(model, penultimate_layer_idx, "penultimate_layer_idx")
        if below >= position:
            raise ValueError(
                f"penultimate_layer_idx={penultimate_layer_idx} is not before "
                f"layer_idx={layer_idx}."
            )
        return below
    for below in reversed(range(position - 1)):
        if isinstance(model.layers[below], rewire.CONV_OR_POOLING):
            return below
    raise ValueError(
        f"no convolution or pooling before layer_idx={layer_idx}. Give penultimate_layer_idx."
    )


def _position(model, layer_idx, name="layer_idx"):
    """Return `layer_idx` counted from the start."""
    n = len(model.layers)
    if not isinstance(layer_idx, int | np.integer) or not -n <= layer_idx < n:
        raise ValueError(
            f"{name}={layer_idx!r}: expected a whole number from {-n} to {n - 1}. "
            "find_layer_idx(model, name) finds a layer by its name."
        )
    return int(layer_idx) % n


def _one_image(model, seed_input):
    """Return the image as a batch of one, float32."""
    image = np.asarray(seed_input, dtype="float32")
    expected = tuple(model.inputs[0].shape[1:])
    if image.ndim == len(expected):
        image = image[np.newaxis]
    fits = len(image) == 1 and image.ndim == len(expected) + 1
    if not fits or any(e not in (None, n) for e, n in zip(expected, image.shape[1:], strict=True)):
        raise ValueError(
            f"seed_input has shape {np.shape(seed_input)}; expected one image {expected}. "
            "inside.attribution takes many at once."
        )
    return image


def _grad_modifier(grad_modifier):
    """Return the function that `grad_modifier` is or names."""
    if callable(grad_modifier):
        return grad_modifier
    return _chosen(GRAD_MODIFIERS, "grad_modifier", grad_modifier)


def _chosen(choices, name, value):
    """Look `value` up in `choices`, or say what there is."""
    if value not in choices:
        raise ValueError(f"{name}={value!r}: expected one of {list(choices)}.")
    return choices[value]


def _six_norm(image):
    """Return the 6-norm of the image, divided by its number of values."""
    return ops.sum(ops.abs(image) ** 6) ** (1 / 6) / _n_values(image)


def _total_variation(image):
    """Return the summed squared steps to the next row and column, divided by the number of values.

    The last row and column have no next one and are left out.
    """
    here = [slice(None), *[slice(-1)] * (len(image.shape) - 2), slice(None)]
    total = 0.0
    for axis in range(1, len(image.shape) - 1):
        there = [*here[:axis], slice(1, None), *here[axis + 1 :]]
        total = total + ops.sum(ops.square(image[tuple(there)] - image[tuple(here)]))
    return total / _n_values(image)


def _n_values(image):
    return np.prod(image.shape[1:])


def _noise(shape, middle, width):
    """Draw uniform noise with this mean and standard deviation from numpy's global generator."""
    if None in shape:
        raise ValueError(f"the network takes images of any size {shape[1:]}: give seed_input.")
    noise = np.random.random(shape)  # noqa: NPY002 (old notebooks seed the global generator)
    return (noise - noise.mean()) / (noise.std() + EPSILON) * width + middle


def _shown(image, low, high):
    """Set the contrast of an image, as keras-vis does before it returns it."""
    image = image - image.mean()
    image = np.clip(0.1 * image / (image.std() + EPSILON) + 0.5, 0, 1)
    image = (high - low) * image + low
    whole = isinstance(low, int) and isinstance(high, int)
    return np.clip(image, low, high).astype("uint8") if whole else image


def _stretched(heat):
    """Stretch a map to 0…1. A constant map becomes 0, the darkest blue."""
    return (heat - heat.min()) / (heat.max() - heat.min() + EPSILON)


def _jet(heat):
    """Return the colours of a map with values from 0 to 1, as uint8."""
    return np.uint8(matplotlib.colormaps["jet"](heat)[..., :3] * 255)
