"""Which layers the page "Live networks" computes, and how a network's file describes them."""

import numpy as np

from helpers.backend import keras
from inside.rewire import checked_network, names_of
from widgets.live.network_file import quantized

layers = keras.layers
activations = keras.activations

FORMAT = 1
WEIGHTED = (layers.Conv2D, layers.Dense)  # their weights are rounded

# At work only while a network is trained.
IDLE = (
    layers.InputLayer,
    layers.Identity,
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.ActivityRegularization,
    layers.RandomFlip,
    layers.RandomTranslation,
)
ACTIVATIONS = {
    activations.linear: {"kind": "linear"},
    activations.relu: {"kind": "relu", "slope": 0.0},
    activations.leaky_relu: {"kind": "relu", "slope": 0.2},  # Keras's default
    activations.sigmoid: {"kind": "sigmoid"},
    activations.tanh: {"kind": "tanh"},
    activations.softmax: {"kind": "softmax"},
}


class UnknownLayer(ValueError):
    """The network has a layer, or a setting of one, that the page cannot compute."""


def describe(model):
    """Return what the file will say about a network, without names of classes, and its numbers.

    Parameters
    ----------
    model : keras.Model
        Its layers may be Conv2D, Dense, MaxPooling2D, GlobalAveragePooling2D, Flatten, Rescaling,
        BatchNormalization, Activation, ReLU, LeakyReLU, Softmax, and those that do nothing once
        a network is trained.

    Returns
    -------
    header : dict
    numbers : bytes
    """
    chain = _chain(model)
    shape = model.inputs[0].shape[1:]
    if len(shape) != 3 or None in shape:
        raise UnknownLayer(
            f"{model.name} takes inputs of shape {shape}; the page has images of a fixed size, "
            "(height, width, channels)."
        )
    numbers = _Numbers()
    stages = []
    for layer in chain:
        write = WRITERS.get(type(layer))
        if write is None:
            known = sorted(kind.__name__ for kind in (*WRITERS, *IDLE))
            raise UnknownLayer(
                f"Layer {layer.name!r} is a {type(layer).__name__}, which the page cannot compute. "
                f"It can: {', '.join(known)}."
            )
        channels = getattr(layer, "data_format", "channels_last")
        _refuse(layer, channels != "channels_last", "its channels first")
        stages.append({"name": layer.name, **write(layer, numbers)})
        stages[-1]["shape"] = list(layer.output.shape[1:])
    if not stages or len(stages[-1]["shape"]) != 1:
        raise UnknownLayer(
            f"{model.name} puts out {model.outputs[0].shape[1:]}; the page expects one number for "
            "each class. End the network with a dense layer."
        )
    for stage in stages:
        softmax = stage.get("activation", {}).get("kind") == "softmax"
        if softmax and (stage is not stages[-1] or len(stage["shape"]) != 1):
            raise UnknownLayer(
                f"Layer {stage['name']!r} has a softmax before the end of the network; the page "
                "knows it only as the last step."
            )
    header = {"format": FORMAT, "name": model.name, "input": {"shape": list(shape)}}
    return header | {"layers": stages}, bytes(numbers.data)


def _chain(model):
    """Return the layers that do something, in order; raise if they are no chain."""
    try:
        checked_network(model)
    except ValueError as problem:
        raise UnknownLayer(str(problem)) from None
    if not isinstance(model, keras.Sequential):
        tensor, straight = model.inputs[0], True
        for layer in model.layers:
            if not isinstance(layer, layers.InputLayer):
                straight &= len(layer._inbound_nodes) == 1 and layer.input is tensor
                tensor = layer.output if straight else None
        if not straight or tensor is not model.outputs[0]:
            raise UnknownLayer(
                f"{model.name} is no chain: its layers are {names_of(model)}, and not every one "
                "takes what the one before it puts out. The page computes chains only."
            )
    return [layer for layer in model.layers if type(layer) not in IDLE]


# --- one function for each kind of layer --------------------------------------------------------


def _convolution(layer, numbers):
    _refuse(layer, layer.dilation_rate != (1, 1), f"a dilation of {layer.dilation_rate}")
    _refuse(layer, layer.groups != 1, f"{layer.groups} groups")
    return _window(layer, layer.kernel_size) | {
        "op": "convolution",
        "activation": _activation(layer, layer.activation),
        **numbers.weights_of(layer),
    }


def _dense(layer, numbers):
    _refuse(layer, len(layer.output.shape) != 2, "an input of more than one axis")
    return {
        "op": "dense",
        "activation": _activation(layer, layer.activation),
        **numbers.weights_of(layer),
    }


def _max_pooling(layer, numbers):
    return _window(layer, layer.pool_size) | {"op": "max pooling"}


def _global_average(layer, numbers):
    _refuse(layer, layer.keepdims, "keepdims")
    return {"op": "global average"}


def _flatten(layer, numbers):
    return {"op": "flatten"}


def _rescaling(layer, numbers):
    return {"op": "scaling", **numbers.scaling(layer.scale, layer.offset, layer)}


def _batch_normalization(layer, numbers):
    """In a trained network it multiplies every channel by one number and adds another."""
    axis = layer.axis if isinstance(layer.axis, int) else tuple(layer.axis)
    last = len(layer.output.shape) - 1
    _refuse(layer, axis not in (-1, last, (last,)), f"the axis {layer.axis}")
    mean, variance = map(_numpy, (layer.moving_mean, layer.moving_variance))
    factor = 1 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        factor = factor * _numpy(layer.gamma)
    offset = -mean * factor
    if layer.center:
        offset = offset + _numpy(layer.beta)
    return {"op": "scaling", **numbers.scaling(factor, offset, layer)}


def _activation_layer(layer, numbers):
    return {"op": "activation", "activation": _activation(layer, layer)}


def _activation(layer, unit):
    """Return a nonlinearity, given as a function or as a layer, as a small dictionary."""
    if isinstance(unit, layers.Activation):
        return _activation(layer, unit.activation)
    if isinstance(unit, layers.ReLU):
        _refuse(layer, unit.max_value is not None or unit.threshold, "a ceiling or a threshold")
        return {"kind": "relu", "slope": _slope(layer, unit.negative_slope)}
    if isinstance(unit, layers.LeakyReLU):
        return {"kind": "relu", "slope": _slope(layer, unit.negative_slope)}
    if isinstance(unit, layers.Softmax):
        _refuse(layer, unit.axis not in (-1, 1), f"a softmax over axis {unit.axis}")
        return {"kind": "softmax"}
    if unit in ACTIVATIONS:
        return ACTIVATIONS[unit]
    name = getattr(unit, "__name__", type(unit).__name__)
    raise UnknownLayer(
        f"Layer {layer.name!r} has the activation {name!r}, which the page cannot compute. "
        "It can: linear, relu, leaky_relu, sigmoid, tanh, softmax."
    )


def _slope(layer, slope):
    slope = float(slope)
    _refuse(layer, not 0 <= slope <= 1, f"a slope of {slope:g} for negative numbers")
    return slope


WRITERS = {
    layers.Conv2D: _convolution,
    layers.Dense: _dense,
    layers.MaxPooling2D: _max_pooling,
    layers.GlobalAveragePooling2D: _global_average,
    layers.Flatten: _flatten,
    layers.Rescaling: _rescaling,
    layers.BatchNormalization: _batch_normalization,
    layers.Activation: _activation_layer,
    layers.ReLU: _activation_layer,
    layers.LeakyReLU: _activation_layer,
    layers.Softmax: _activation_layer,
}


# --- inside -------------------------------------------------------------------------------------


class _Numbers:
    """The numbers of the file, as they are added."""

    def __init__(self):
        self.data = bytearray()

    def add(self, array):
        """Append an array; return where it begins."""
        self.data += b"\0" * (-len(self.data) % 4)
        place = len(self.data)
        self.data += array.tobytes()
        return place

    def weights_of(self, layer):
        """Add the weights of a convolution or a dense layer; return where they are."""
        kernel = np.moveaxis(_numpy(layer.kernel), -1, 0)
        bias = _numpy(layer.bias) if layer.use_bias else np.zeros(len(kernel))
        _check_finite(layer, kernel, bias)
        whole, scales = quantized(kernel)
        about = {
            "shape": list(whole.shape),
            "bits": 8 * whole.itemsize,
            "at": self.add(whole),
            "scales": self.add(scales),
        }
        return {"weights": about, "bias": self.add(bias.astype("<f4"))}

    def scaling(self, factor, offset, layer):
        """Add the factors and offsets of a layer, one for all channels or one for each."""
        n_channels = layer.output.shape[-1]
        both = []
        for values in (factor, offset):
            values = np.asarray(values, "<f4").ravel()
            _refuse(layer, len(values) not in (1, n_channels), f"{len(values)} factors")
            both.append(np.broadcast_to(values, n_channels))
        _check_finite(layer, *both)
        return {"factor": self.add(both[0].copy()), "offset": self.add(both[1].copy())}


def _window(layer, size):
    """Return the settings that convolution and pooling share."""
    _refuse(layer, layer.padding not in ("same", "valid"), f"the padding {layer.padding!r}")
    return {"size": list(size), "strides": list(layer.strides), "padding": layer.padding}


def _numpy(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float32)


def _check_finite(layer, *arrays):
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(
            f"Layer {layer.name!r} has weights that are not finite: the training diverged. "
            "Train again with a smaller learning rate."
        )


def _refuse(layer, wrong, what):
    if wrong:
        raise UnknownLayer(
            f"Layer {layer.name!r} ({type(layer).__name__}) has {what}, which the page cannot "
            "compute."
        )
