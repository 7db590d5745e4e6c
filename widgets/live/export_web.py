"""Write a network as one small file that the page "Live networks" runs in your browser.

>>> export_web.save(model, "mine.cnn", classes=data.classes, pixels=(-0.5, 0.5))
85192

Weights are rounded to 8 bits: those that lead to one output share a scale, and the largest of them
is 127 steps. A layer of few weights keeps 16 bits, because rounding it saves nothing and costs the
most: every pixel passes through the same few numbers. :func:`rounded` returns the network as the
page will see it, so that you can measure what the rounding changes.

The file
--------
=========  ========================================================================================
bytes      what
=========  ========================================================================================
8          ``CNNFILE1``
4          length of the description, in bytes
4          CRC-32 of all that follows
…          the description: JSON, filled up with spaces to a multiple of 8 bytes
…          the numbers: weights and scales, each beginning at a multiple of 4 bytes
=========  ========================================================================================

Whole numbers and floats are little-endian. A convolution holds its weights as (filters, rows,
columns, channels) and a dense layer as (units, inputs), so that a row is what one output needs.
"""

import json
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from helpers.backend import keras
from helpers.sources import written_whole
from inside.rewire import checked_network, names_of

layers = keras.layers
activations = keras.activations

MAGIC = b"CNNFILE1"
FORMAT = 1
FEW_WEIGHTS = 20_000  # up to here a layer keeps 16 bits

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


class UnknownLayer(ValueError):
    """The network has a layer, or a setting of one, that the page cannot compute."""


def save(model, path, *, classes=None, pixels=(0.0, 1.0), about=""):
    """Write a network as a file for the page "Live networks".

    Parameters
    ----------
    model : keras.Model
        Built; a chain of the layers that :func:`describe` knows, from one image to one number for
        each class.
    path : str or pathlib.Path
        By custom it ends in ``.cnn``. Written whole or not at all.
    classes : sequence of str, optional
        Name of each output; by default they are numbered.
    pixels : tuple of float
        What the network expects for black and for white: (0, 1) or, in the first CNN, (-0.5, 0.5).
        For images of gravitational waves it has no meaning.
    about : str
        One line to be shown with the network: where it comes from, how well it does.

    Returns
    -------
    int
        Size of the file in bytes.

    Raises
    ------
    UnknownLayer
        If the page cannot compute a layer; the message says which, and which it can.
    ValueError
        If weights are not finite, or names and outputs differ in number.
    """
    path = Path(path)
    header, numbers = describe(model)
    n_outputs = header["layers"][-1]["shape"][-1]
    if classes is not None:
        classes = [str(name) for name in classes]
        if len(classes) != n_outputs:
            raise ValueError(
                f"{len(classes)} class names for {n_outputs} outputs of {model.name}: give one "
                "name for each."
            )
    black, white = map(float, pixels)
    if not (math.isfinite(black) and math.isfinite(white) and black != white):
        raise ValueError(f"pixels is {pixels}: expected what black and white are to the network.")
    header["input"] |= {"black": black, "white": white}
    header |= {"classes": classes, "about": str(about)}
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 8)
    body = text + numbers
    with written_whole(path) as part:
        part.write_bytes(MAGIC + struct.pack("<II", len(text), zlib.crc32(body)) + body)
    return len(MAGIC) + 8 + len(body)


def read(path):
    """Return the description of a file, and its numbers.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    header : dict
    weights : dict
        For each layer that has some, the weights as the page will use them: float32, with the
        outputs first.

    Raises
    ------
    ValueError
        If the file is damaged or none of ours.
    """
    data = Path(path).read_bytes()
    if data[:8] != MAGIC or len(data) < 16:
        raise ValueError(f"{path} holds no network: it does not begin with {MAGIC.decode()}.")
    length, checksum = struct.unpack("<II", data[8:16])
    if zlib.crc32(data[16:]) != checksum:
        raise ValueError(f"{path} is damaged or incomplete. Write it again.")
    header = json.loads(data[16 : 16 + length])
    numbers = data[16 + length :]
    weights = {}
    for layer in header["layers"]:
        if "weights" in layer:
            about = layer["weights"]
            shape, bits = about["shape"], about["bits"]
            whole = np.frombuffer(numbers, f"<i{bits // 8}", math.prod(shape), about["at"])
            scales = np.frombuffer(numbers, "<f4", shape[0], about["scales"])
            whole = whole.reshape(shape)
            weights[layer["name"]] = whole * _column(scales, whole)
    return header, weights


def rounded(model):
    """Return a copy of a network whose weights are rounded as in the file.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    keras.Model
        Not compiled.
    """
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        if type(layer) in (layers.Conv2D, layers.Dense):
            kernel, *bias = layer.get_weights()
            whole, scales, _ = _whole_numbers(_outputs_first(kernel))
            layer.set_weights([_outputs_last(whole * _column(scales, whole)), *bias])
    return copy


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
    _refuse(layer, layer.data_format != "channels_last", "its channels first")
    return {"op": "global average"}


def _flatten(layer, numbers):
    _refuse(layer, layer.data_format != "channels_last", "its channels first")
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
    unit = layer.activation if type(layer) is layers.Activation else layer
    return {"op": "activation", "activation": _activation(layer, unit)}


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
    for kind, function in (
        ({"kind": "linear"}, activations.linear),
        ({"kind": "relu", "slope": 0.0}, activations.relu),
        ({"kind": "relu", "slope": 0.2}, activations.leaky_relu),  # Keras's default
        ({"kind": "sigmoid"}, activations.sigmoid),
        ({"kind": "tanh"}, activations.tanh),
        ({"kind": "softmax"}, activations.softmax),
    ):
        if unit is function:
            return kind
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
        kernel = _outputs_first(_numpy(layer.kernel))
        bias = _numpy(layer.bias) if layer.use_bias else np.zeros(len(kernel))
        _check_finite(layer, kernel, bias)
        whole, scales, bits = _whole_numbers(kernel)
        about = {
            "shape": list(whole.shape),
            "bits": bits,
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
    _refuse(layer, layer.data_format != "channels_last", "its channels first")
    _refuse(layer, layer.padding not in ("same", "valid"), f"the padding {layer.padding!r}")
    return {"size": list(size), "strides": list(layer.strides), "padding": layer.padding}


def _whole_numbers(kernel):
    """Return whole numbers, the scale of each output, and their bits."""
    bits = 16 if kernel.size <= FEW_WEIGHTS else 8
    steps = 2 ** (bits - 1) - 1
    scales = np.abs(kernel).reshape(len(kernel), -1).max(1) / steps
    scales = np.where(scales > 0, scales, 1).astype("<f4")
    whole = np.rint(kernel / _column(scales, kernel)).astype(f"<i{bits // 8}")
    return np.ascontiguousarray(whole), scales, bits


def _outputs_first(kernel):
    return np.ascontiguousarray(np.moveaxis(kernel, -1, 0))


def _outputs_last(kernel):
    return np.moveaxis(kernel, 0, -1)


def _column(scales, kernel):
    return scales.reshape(-1, *[1] * (kernel.ndim - 1))


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
