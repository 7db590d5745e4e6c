"""Checks of page 4, inside the network: nine feature maps, and a saliency map that is one."""

import numpy as np

from helpers import interpret, sanity
from helpers.backend import keras
from helpers.checks import CannotJudge, Wrong, check

CLOSE = 0.02  # of the largest value: rounding, and half precision, stay far below


# --- nine feature maps (2.3.1) ------------------------------------------------------------------


@check
def feature_maps(maps, model, layer, image, *, n_maps=9):
    """Judge feature maps of one image.

    Parameters
    ----------
    maps : array, shape (rows, columns, n_maps)
        What the first filters of the layer put out.
    model : keras.Model
    layer : str
    image : array, shape (height, width, channels)
        In the units of the network's input.
    n_maps : int
    """
    maps = _numbers(maps, "the maps")
    right = interpret.feature_maps(model, layer, image[np.newaxis])[0]
    if right.ndim != 3:
        raise CannotJudge(f"{layer} has no maps. Choose a convolution or pooling layer.")
    shape = (*right.shape[:2], n_maps)
    if maps.shape != shape:
        raise Wrong(f"maps of shape {maps.shape}, expected {shape}. {_why_shape(maps, shape)}")
    right = right[..., :n_maps]
    if _same(maps, right):
        return f"{n_maps} maps of {layer}, {shape[0]} × {shape[1]} each."
    if maps.min() < 0 and _same(np.maximum(maps, 0), right):
        raise Wrong("these are the sums before the ReLU. Take the layer's output.")
    scaled = _candidates(model, layer, image, n_maps)
    raise Wrong(
        next((why for why, other in scaled if _same(maps, other)), None)
        or f"these are not the first {n_maps} maps of {layer} for this image. Same image, same "
        "weights, and pixels in the units of the network?"
    )


def _why_shape(maps, shape):
    """Say what may have led to maps of this shape."""
    if maps.shape == (1, *shape) or (maps.ndim == 4 and maps.shape[0] == 1):
        return "That is a batch of one: take its element 0."
    if maps.shape == (shape[2], *shape[:2]):
        return "The filters come first here, Keras has them last: np.moveaxis(maps, 0, -1)."
    if maps.ndim == 3 and maps.shape[:2] == shape[:2]:
        return f"These are {maps.shape[2]} maps; take {shape[2]} with maps[..., :{shape[2]}]."
    return "Is it another layer?"


def _candidates(model, layer, image, n_maps):
    """Yield likely mistakes, and the maps that they lead to."""
    for factor, units in ((255, "0 … 255"), (1 / 255, "0 … 1/255")):
        other = interpret.feature_maps(model, layer, factor * image[np.newaxis])[0]
        yield f"the pixels went in as {units}; the network expects 0 … 1.", other[..., :n_maps]
    expected = model.get_layer(layer).output.shape[1:]
    for other in model.layers:
        if other.name != layer and other.output.shape[1:] == expected:
            found = interpret.feature_maps(model, other.name, image[np.newaxis])[0]
            yield f"these are maps of {other.name}, not of {layer}.", found[..., :n_maps]


# --- a saliency map (2.3.2) ---------------------------------------------------------------------


@check
def saliency_map(answer, model, image, label):
    """Judge a saliency map: for each pixel the largest size of the gradient of a class logit.

    Parameters
    ----------
    answer : array, shape (height, width)
        On any scale that starts at zero.
    model : keras.Model
    image : array, shape (height, width, channels)
        In the units of the network's input.
    label : int
        The class.
    """
    answer = _numbers(answer, "the map")
    one = image[np.newaxis]
    gradient = interpret.saliency(model, one, label)[0]
    if answer.shape == gradient.shape:
        raise Wrong("one number per pixel and colour; keep the largest size of each pixel's three.")
    cams = _class_activations(model, one, label)
    if answer.shape in [cam.shape for cam in cams]:
        raise Wrong(_NOT_PIXELS)
    if answer.shape != gradient.shape[:2]:
        raise Wrong(f"a map of shape {answer.shape}, expected {gradient.shape[:2]}.")
    if not answer.any():
        raise Wrong("the map is blank. Is the gradient taken with respect to the image?")
    if _same_scaled(answer, np.abs(gradient).max(axis=-1)):
        return "the size of the gradient, pixel by pixel."
    large = [sanity.enlarged(cam[np.newaxis], answer.shape)[0] for cam in cams]
    if any(_alike(answer, cam) for cam in large):
        raise Wrong(_NOT_PIXELS)
    for why, other in _other_gradients(model, one, label, gradient):
        if _same_scaled(answer, other):
            raise Wrong(why)
    raise Wrong(
        "this is not the size of the gradient of that logit. Which score was differentiated, of "
        "which class, and with respect to what?"
    )


_NOT_PIXELS = (
    "this is a class activation map, a few cells of a late layer stretched over the image. A "
    "saliency map is the gradient with respect to the pixels: interpret.saliency."
)


def _class_activations(model, one, label):
    """Return the Grad-CAMs of the last pooling and the last convolution, small, all rules."""
    kinds = (keras.layers.MaxPooling2D, keras.layers.Conv2D)
    last = [[x for x in model.layers if isinstance(x, kind)][-1:] for kind in kinds]
    return [
        interpret.grad_cam(model, one, label, layer, rule)[0]
        for layers in last
        for layer in layers
        for rule in (None, "guided")
    ]


def _other_gradients(model, one, label, gradient):
    """Yield likely mistakes, and the maps that they lead to."""
    yield "the sum over colours; take the largest size instead.", np.abs(gradient.sum(axis=-1))
    yield "the mean over colours; take the largest size instead.", np.abs(gradient).mean(axis=-1)
    yield "the sign was kept; take np.abs first.", gradient.max(axis=-1)
    for rule in ("guided", "rectified"):
        other = interpret.saliency(model, one, label, rule)
        yield (
            f"this is the {rule} map, which is no gradient. Use rule=None.",
            interpret.saliency_map(other)[0],
        )
    n = model.output_shape[-1]
    each = interpret.saliency(model, np.repeat(one, n, axis=0), np.arange(n))
    p = keras.ops.convert_to_numpy(model(one, training=False))[0]
    of_probability = p[label] * (each[label] - np.tensordot(p, each, axes=1))
    yield (
        "the gradient of the probability, which vanishes where the network is sure. Take the "
        "logit, before the softmax.",
        np.abs(of_probability).max(axis=-1),
    )
    for k in range(n):
        if k != label:
            yield f"this is the map of class {k}, not of {label}.", np.abs(each[k]).max(axis=-1)


# --- both ---------------------------------------------------------------------------------------


def _numbers(answer, name):
    """Return an answer as an array of finite numbers, or raise with what it is instead."""
    answer = np.asarray(answer)
    if answer.dtype.kind not in "iuf":
        raise Wrong(f"{name}: {answer.dtype}, expected numbers.")
    if not np.isfinite(answer).all():
        raise Wrong(f"{name} holds NaN or infinity.")
    return answer.astype(float)


def _same(a, b):
    return a.shape == b.shape and np.abs(a - b).max() <= CLOSE * max(np.abs(b).max(), 1e-12)


def _same_scaled(a, b):
    """Whether two maps are the same up to a positive factor."""
    return a.max() > 0 and b.max() > 0 and _same(a / a.max(), b / b.max())


def _alike(a, b):
    """Whether two stretched maps are the same but for how they were stretched."""
    return a.std() > 0 and b.std() > 0 and np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9
