"""Look inside a network: what its layers see, which pixels its answer hangs on, what excites it.

Plain arrays in, plain arrays out, on every backend of Keras. All images go through the network in
compiled batches. Networks are Sequential or functional, with one input and one output; they are
never changed, and their weights are read at every call.

An attribution asks about the logit of a class: the output before its softmax or sigmoid. With a
`rule`, every ReLU of the network passes the gradient on in another way than calculus asks for.
Let g be the gradient that arrives at a ReLU from above, and x what entered it on the way up:

=============  ========================================  ==========================================
rule           passes on                                 source
=============  ========================================  ==========================================
None           g where x > 0: the true gradient          Simonyan et al. 2014
"guided"       g where x > 0 and g > 0                   Springenberg et al. 2015
"rectified"    g where g > 0, whatever x was             Zeiler and Fergus 2014 (deconvolution)
=============  ========================================  ==========================================

A LeakyReLU follows the same three rules, but for None, where it also lets a share of g pass if x is
negative. So a rule treats it as the ReLU that it stands in for; only the way up stays leaky. A ReLU
with a threshold or a ceiling counts as active, x > 0, between the two.
"""

import keras
import numpy as np

from inside import backend, rewire

ops = keras.ops

BATCH = 64  # images that go through a network together

MAP_LAYERS = tuple(kind for kind in rewire.CONV_OR_POOLING if "2D" in kind.__name__)


# --- what a layer sees ----------------------------------------------------------------------------


def feature_maps(model, layer, images, *, batch_size=BATCH):
    """Return what a layer puts out.

    Parameters
    ----------
    model : keras.Model
        Built, with one input.
    layer : str or keras.layers.Layer
        The layer to look at, with its activation if it has one.
    images : array, shape (n, height, width, channels)
        In the units of the network's input.
    batch_size : int
        Most images that go through the network together.

    Returns
    -------
    numpy.ndarray, shape (n, map height, map width, filters)
        For a dense layer (n, units).

    Raises
    ------
    ValueError
        If `layer` does not exist, or the images do not fit the network or are not finite.
    """
    layer = rewire.find_layer(model, layer)

    def build():
        whole, behind = rewire.with_tap(model, layer)
        until = keras.Model(whole.inputs[0], behind)
        return lambda images: until(images, training=False)

    program = backend.program_for(model, ("maps", layer.name), build)
    return _in_batches(program, batch_size, _checked_images(model, images))


def class_logits(model, images, *, batch_size=BATCH):
    """Return the scores of all classes before the softmax or sigmoid.

    Parameters
    ----------
    model : keras.Model
    images : array, shape (n, height, width, channels)
        In the units of the network's input.
    batch_size : int
        Most images that go through the network together.

    Returns
    -------
    numpy.ndarray, shape (n, classes)
    """

    def build():
        linear = rewire.with_rule(model)
        return lambda images: linear(images, training=False)

    program = backend.program_for(model, ("logits",), build)
    return _in_batches(program, batch_size, _checked_images(model, images))


# --- which pixels an answer hangs on --------------------------------------------------------------


def saliency(model, images, classes, rule=None, *, batch_size=BATCH):
    """Return the gradient of a class logit with respect to the pixels.

    Parameters
    ----------
    model : keras.Model
        Built, with one input and an output (n, classes). A softmax or sigmoid at the end, part of
        the last layer or a layer of its own, is taken away first.
    images : array, shape (n, height, width, channels)
        In the units of the network's input.
    classes : int or sequence of int
        Whose logit: one number per image, or one for all.
    rule : {None, "guided", "rectified"}
        How ReLUs pass the gradient on; see the head of this module.
    batch_size : int
        Most images that go through the network together.

    Returns
    -------
    numpy.ndarray, shape (n, height, width, channels)
        Signed, in logits per unit of the network's input.

    Raises
    ------
    ValueError
        If images, classes or `rule` do not fit the network, or if the rule is not defined for one
        of its layers.

    References
    ----------
    K. Simonyan, A. Vedaldi, A. Zisserman, *Deep Inside Convolutional Networks*, ICLR 2014.
    J. T. Springenberg et al., *Striving for Simplicity*, ICLR 2015: the guided rule.
    M. D. Zeiler, R. Fergus, *Visualizing and Understanding Convolutional Networks*, ECCV 2014: the
    rectified rule.
    """
    program, images, wanted = _slopes(model, images, classes, rule)
    return _in_batches(program, batch_size, images, wanted)


def saliency_map(gradient):
    """Return one number per pixel: the largest absolute value of its channels.

    Parameters
    ----------
    gradient : array, shape (n, height, width, channels)

    Returns
    -------
    numpy.ndarray, shape (n, height, width)
    """
    gradient = np.asarray(gradient)
    if gradient.ndim != 4:
        raise ValueError(f"gradient {gradient.shape}: expected (n, height, width, channels).")
    return np.abs(gradient).max(axis=-1)


def smooth_saliency(
    model, images, classes, rule=None, noise=0.1, samples=25, seed=0, *, batch_size=BATCH
):
    """Return the mean gradient over noisy copies of each image (SmoothGrad).

    Parameters
    ----------
    model, images, classes, rule, batch_size
        As for :func:`saliency`.
    noise : float
        Standard deviation of the Gaussian noise, as a share of the range of values of each image.
        Smilkov et al. recommend 0.1 to 0.2.
    samples : int
        Number of noisy copies.
    seed : int
        Seed of the noise, which is the same for every image.

    Returns
    -------
    numpy.ndarray, shape (n, height, width, channels)
        Signed, in logits per unit of the network's input.

    References
    ----------
    D. Smilkov et al., *SmoothGrad: removing noise by adding noise*, 2017.
    """
    if not (np.isfinite(noise) and noise >= 0):
        raise ValueError(f"noise={noise}: expected a share of the image's range, 0 or more.")
    samples = _positive(samples=samples)
    program, images, wanted = _slopes(model, images, classes, rule)
    bell = np.random.default_rng(seed).standard_normal((samples, *images.shape[1:]))
    width = noise * np.ptp(images, axis=tuple(range(1, images.ndim)), keepdims=True)

    def noisy(rows):
        return images[rows, np.newaxis] + width[rows, np.newaxis] * bell

    return _mean_over_copies(program, noisy, wanted, samples, batch_size)


def integrated_gradients(model, images, classes, baseline=None, steps=64, *, batch_size=BATCH):
    """Share out the change of a class logit from a baseline to the image among the pixels.

    The mean gradient along the straight line from the baseline to the image, times the change of
    every pixel. The sum over the pixels is the change of the logit, but for the error of the
    sum over `steps` midpoints that stands in for the integral.

    Parameters
    ----------
    model, images, classes, batch_size
        As for :func:`saliency`.
    baseline : float or array, optional
        What counts as "nothing to see": a value, an image (height, width, channels), or one for
        every image. Default 0, which is black for pixels from 0 to 1 and grey for -0.5 to 0.5.
    steps : int
        Number of points on the line.

    Returns
    -------
    numpy.ndarray, shape (n, height, width, channels)
        In logits.

    Notes
    -----
    Built step by step in *Inside the network* (notebooks/inside_the_network.md).

    References
    ----------
    M. Sundararajan, A. Taly, Q. Yan, *Axiomatic Attribution for Deep Networks*, ICML 2017.
    """
    steps = _positive(steps=steps)
    program, images, wanted = _slopes(model, images, classes, None)
    try:
        baseline = np.asarray(0 if baseline is None else baseline, dtype=images.dtype)
        baseline = np.broadcast_to(baseline, images.shape)
    except (TypeError, ValueError):
        raise ValueError(
            f"baseline of shape {np.shape(baseline)}: expected a number, an image "
            f"{images.shape[1:]}, or one for each of the {len(images)} images."
        ) from None
    if not np.isfinite(baseline).all():
        raise ValueError("the baseline has values that are not finite.")
    change = images - baseline
    share = (np.arange(steps) + 0.5) / steps
    share = share.reshape(-1, *[1] * (images.ndim - 1))

    def on_the_way(rows):
        return baseline[rows, np.newaxis] + share * change[rows, np.newaxis]

    return change * _mean_over_copies(program, on_the_way, wanted, steps, batch_size)


def grad_cam(model, images, classes, layer=None, rule=None, *, batch_size=BATCH):
    """Weigh the maps of a layer by how much the class logit grows with them (Grad-CAM).

    The weight of a map is the mean of the gradient of the logit over its positions; the weighted
    sum of the maps is cut off at zero.

    Parameters
    ----------
    model, images, classes, rule, batch_size
        As for :func:`saliency`. A rule concerns the ReLUs between `layer` and the output.
    layer : str or keras.layers.Layer, optional
        Where to look. Default: the last convolution or pooling layer, as in keras-vis. In this
        course's networks that is a pooling layer; Selvaraju et al. take the last convolution, whose
        maps are finer, but through a max-pooling only the winner of each window has a gradient.

    Returns
    -------
    numpy.ndarray, shape (n, map height, map width)
        At the layer's resolution, 0 or more.

    Raises
    ------
    ValueError
        As :func:`saliency`; also if `layer` has no maps, or if the output does not depend on it.

    Notes
    -----
    Built step by step in *Inside the network* (notebooks/inside_the_network.md).

    References
    ----------
    R. R. Selvaraju et al., *Grad-CAM: Visual Explanations from Deep Networks via Gradient-Based
    Localization*, ICCV 2017.
    """
    layer = default_cam_layer(model) if layer is None else rewire.find_layer(model, layer)
    if len(layer.output.shape) != 4 or getattr(layer, "data_format", None) == "channels_first":
        raise ValueError(
            f"layer {layer.name!r} puts out {layer.output.shape}; expected maps "
            "(n, height, width, filters)."
        )
    images = _checked_images(model, images)
    wanted = _one_hot(model, classes, images)

    def build():
        body, head = rewire.split_at(model, layer, rule)

        def cam(images, wanted):
            maps = body(images, training=False)

            def logits(maps):
                return ops.sum(ops.multiply(wanted, head([images, maps], training=False)), axis=1)

            slope, _ = backend.gradient(logits, maps)
            weights = ops.mean(slope, axis=(1, 2), keepdims=True)
            return ops.relu(ops.sum(weights * maps, axis=-1))

        return cam

    program = backend.program_for(model, ("cam", layer.name, rule), build)
    return _in_batches(program, batch_size, images, wanted)


def default_cam_layer(model):
    """Return the last convolution or pooling layer of a network, where keras-vis takes its maps.

    Raises
    ------
    ValueError
        If there is none.
    """
    rewire.checked_network(model)
    for layer in reversed(model.layers):
        if isinstance(layer, MAP_LAYERS):
            return layer
    raise ValueError(
        f"{model.name} has no convolution or pooling layer of its own. Name the layer whose maps "
        f"you want: {rewire.names_of(model)}."
    )


# --- batches -----------------------------------------------------------------------------


def _in_batches(program, batch_size, *arrays):
    """Run a program over arrays in parts of equal size; the last is filled up, for one shape."""
    n = len(arrays[0])
    parts = -(-n // _positive(batch_size=batch_size))
    size = -(-n // parts)
    rows = np.minimum(np.arange(parts * size), n - 1).reshape(parts, size)
    results = [ops.convert_to_numpy(program(*(a[row] for a in arrays))) for row in rows]
    return np.concatenate(results)[:n].astype(arrays[0].dtype, copy=False)


def _mean_over_copies(program, copies_of, wanted, n_copies, batch_size):
    """Return the mean over `n_copies` variants of each image, made for a few images at a time."""
    few = max(1, batch_size // n_copies)
    means = []
    for start in range(0, len(wanted), few):
        rows = np.arange(start, min(start + few, len(wanted)))
        copies = copies_of(rows).astype(wanted.dtype)
        copies = copies.reshape(-1, *copies.shape[2:])
        slopes = _in_batches(program, batch_size, copies, np.repeat(wanted[rows], n_copies, axis=0))
        means.append(slopes.reshape(len(rows), n_copies, *slopes.shape[1:]).mean(axis=1))
    return np.concatenate(means)


def _slopes(model, images, classes, rule):
    """Return the program of :func:`saliency` and its arguments, checked."""
    images = _checked_images(model, images)
    wanted = _one_hot(model, classes, images)

    def build():
        linear = rewire.with_rule(model, rule)

        def slope(images, wanted):
            def logits(images):
                return ops.sum(ops.multiply(wanted, linear(images, training=False)), axis=1)

            return backend.gradient(logits, images)[0]

        return slope

    return backend.program_for(model, ("saliency", rule), build), images, wanted


# --- checks ---------------------------------------------------------------------------------------


def _checked_images(model, images):
    """Return images as the network's input takes them; raise unless they fit and are finite."""
    rewire.checked_network(model)
    takes = model.inputs[0]
    images = np.asarray(images)
    if images.dtype.kind not in "fiub":
        raise ValueError(f"images of type {images.dtype}: expected numbers.")
    fits = images.ndim == len(takes.shape) and all(
        expected in (None, got) for expected, got in zip(takes.shape, images.shape, strict=True)
    )
    if not fits or not len(images):
        expected = ", ".join("any" if size is None else str(size) for size in takes.shape[1:])
        hint = " For one image: image[np.newaxis]." if images.ndim == len(takes.shape) - 1 else ""
        raise ValueError(f"images {images.shape}: {model.name} takes (n, {expected}).{hint}")
    if not np.isfinite(images).all():
        bad = np.flatnonzero(~np.isfinite(images).reshape(len(images), -1).all(axis=1))
        raise ValueError(f"images {bad.tolist()[:10]} have values that are not finite.")
    return images.astype(rewire.floating(takes.dtype))


def _one_hot(model, classes, images):
    """Return one row per image that is 1 at its class; raise unless the classes exist."""
    shape = model.outputs[0].shape
    if len(shape) != 2:
        raise ValueError(
            f"{model.name} puts out {shape}: expected one score per class, (n, classes)."
        )
    wanted = np.asarray(classes)
    if wanted.ndim == 0:
        wanted = np.repeat(wanted, len(images))
    if wanted.shape != (len(images),) or wanted.dtype.kind not in "iu":
        raise ValueError(
            f"classes of shape {wanted.shape} and type {wanted.dtype}: expected a whole number, or "
            f"one for each of the {len(images)} images."
        )
    if wanted.min() < 0 or wanted.max() >= shape[1]:
        raise ValueError(
            f"classes {wanted.min()} to {wanted.max()}: {model.name} has 0 to {shape[1] - 1}."
        )
    return np.eye(shape[1], dtype=images.dtype)[wanted]


def _positive(**setting):
    """Return a whole number above 0, or raise with its name."""
    [(name, value)] = setting.items()
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name}={value!r}: expected a whole number, 1 or more.")
    return int(value)
