"""What a map of a network may show instead of what was asked for, and when two maps are alike."""

import numpy as np

N_MAPS = 9  # that are asked for
CLOSE = 0.02  # of the largest value: rounding, and half precision, stay far below


def equal(a, b):
    """Whether two maps are the same, but for rounding."""
    return a.shape == b.shape and np.abs(a - b).max() <= CLOSE * max(np.abs(b).max(), 1e-12)


def equal_but_for_scale(a, b):
    """Whether two maps are the same up to a positive factor."""
    return a.max() > 0 and b.max() > 0 and equal(a / a.max(), b / b.max())


def alike(a, b):
    """Whether two stretched maps are the same but for how they were stretched."""
    return a.std() > 0 and b.std() > 0 and np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9


def why_shape(maps, shape, filters):
    """Say what may have led to maps of this shape."""
    if maps.shape == (1, *shape) or (maps.ndim == 4 and maps.shape[0] == 1):
        return "That is a batch of one: take its element 0."
    if maps.shape == (shape[2], *shape[:2]):
        return "The filters come first here, Keras has them last: np.moveaxis(maps, 0, -1)."
    if maps.shape == (shape[2], shape[1], filters):
        return f"These are {shape[2]} rows of all the maps. The filters are the last axis."
    if maps.ndim == 3 and maps.shape[:2] == shape[:2]:
        return f"These are {maps.shape[2]} maps; take {shape[2]} with maps[..., :{shape[2]}]."
    return "Is it another layer?"


def other_feature_maps(model, layer, image, every):
    """Yield likely mistakes, and the maps that they lead to."""
    from inside import attribution

    yield "they are transposed: rows and columns are swapped.", every[..., :N_MAPS].swapaxes(0, 1)
    yield (
        "they start at filter 1. Filters are counted from 0, as everything in Python.",
        every[..., 1 : N_MAPS + 1],
    )
    yield f"these are the last {N_MAPS} filters, not the first.", every[..., -N_MAPS:]
    for factor, units in ((255, "0 … 255"), (1 / 255, "0 … 1/255")):
        other = attribution.feature_maps(model, layer, factor * image[np.newaxis])[0]
        yield f"the pixels went in as {units}; the network expects 0 … 1.", other[..., :N_MAPS]
    expected = model.get_layer(layer).output.shape[1:]
    for other in model.layers:
        if other.name != layer and other.output.shape[1:] == expected:
            found = attribution.feature_maps(model, other.name, image[np.newaxis])[0]
            yield f"these are maps of {other.name}, not of {layer}.", found[..., :N_MAPS]


def class_activations(model, one, label):
    """Return the Grad-CAMs of the last pooling and the last convolution, small, all rules."""
    from inside import attribution

    kinds = ("MaxPooling2D", "Conv2D")
    last = [[x for x in model.layers if type(x).__name__ == kind][-1:] for kind in kinds]
    return [
        attribution.grad_cam(model, one, label, layer, rule)[0]
        for layers in last
        for layer in layers
        for rule in (None, "guided")
    ]


def other_saliency_maps(model, one, label, gradient):
    """Yield likely mistakes, and the maps that they lead to."""
    from helpers.backend import keras
    from inside import attribution

    yield "the sum over colours; take the largest size instead.", np.abs(gradient.sum(axis=-1))
    yield "the mean over colours; take the largest size instead.", np.abs(gradient).mean(axis=-1)
    yield "the sign was kept; take np.abs first.", gradient.max(axis=-1)
    yield "one colour alone; take the largest size of all three.", np.abs(gradient[..., 0])
    for rule in ("guided", "rectified"):
        other = attribution.saliency(model, one, label, rule)
        yield (
            f"this is the {rule} map, which is no gradient. Use rule=None.",
            attribution.saliency_map(other)[0],
        )
    n = model.output_shape[-1]
    each = attribution.saliency(model, np.repeat(one, n, axis=0), np.arange(n))
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
