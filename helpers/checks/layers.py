"""How a network differs, layer by layer, from the one that was asked for."""

import numpy as np

from helpers.checks import Wrong
from helpers.checks.networks import is_network, require_network

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")

# The settings that count, and what a layer is called in a diagnosis.
_SETTINGS = {
    "Conv2D": (
        "filters",
        "kernel_size",
        "strides",
        "padding",
        "dilation_rate",
        "groups",
        "use_bias",
    ),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "AveragePooling2D": ("pool_size", "strides", "padding"),
    "Dense": ("units", "use_bias"),
    "Dropout": ("rate",),
}
_ACTIVATIONS = ("ReLU", "LeakyReLU", "Softmax", "PReLU", "ELU")  # that are layers
_CALLED = {
    "Conv2D": "convolution",
    "MaxPooling2D": "max pooling",
    "AveragePooling2D": "average pooling",
    "Dense": "dense layer",
    "Dropout": "dropout",
    "Flatten": "flattening",
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
}
_WHY = {
    "softmax": "Without it the outputs are no probabilities.",
    "relu": "Without it negative numbers pass as they are.",
    "leaky_relu": "With nothing in between, this layer and the next are one linear map.",
    "Flatten": "Without it a dense layer sees one position at a time.",
    "MaxPooling2D": "It halves the maps.",
    "Dropout": "It has no parameters, but the training needs it.",
}


def compare(model, wanted, where):
    """Raise unless a network has the layers of another, whatever they are named.

    An activation may stand in the layer before it or be a layer of its own, and layers may be
    grouped in networks within the network.

    Parameters
    ----------
    model : object
        What a student handed in.
    wanted : keras.Model
    where : str
        Of a function that is tried on several inputs: which these are.

    Raises
    ------
    Wrong
        With the first difference.
    """
    try:
        _compare(model, wanted)
    except Wrong as diagnosis:
        raise Wrong(f"{where}: {diagnosis}") from None


def _compare(model, wanted):
    require_network(model)
    shape = wanted.input_shape[1:]
    if not model.built or not model.inputs:
        raise Wrong(f"the network has no input shape yet. Start it with keras.Input({shape}).")
    if model.input_shape[1:] != shape:
        raise Wrong(f"the input is {model.input_shape[1:]}, expected {shape}.")
    given, asked = described(model), described(wanted)
    for place in range(max(len(given), len(asked))):
        if given[place : place + 1] != asked[place : place + 1]:
            raise Wrong(_difference(given, asked, place))


def described(model):
    """Return the kind and the settings of each layer of a network, in order.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    list of (str, dict)
        An activation other than the identity is an entry of its own, of the kind "activation".
    """
    found = []
    for layer in model.layers:
        if is_network(layer):
            found += described(layer)
            continue
        kind, activation = type(layer).__name__, getattr(layer, "activation", None)
        if kind in _ACTIVATIONS:
            activation = layer
        elif kind not in ("InputLayer", "Activation"):
            found.append((kind, {name: getattr(layer, name) for name in _SETTINGS.get(kind, ())}))
        settings = _activation(activation)
        if settings["function"] != "linear":
            found.append(("activation", settings))
    return found


def _activation(activation):
    """Return an activation, a layer or a function, as its name and its slope below zero."""
    from helpers.backend import keras

    kind = type(activation).__name__
    if activation is None:
        return {"function": "linear"}
    if kind in _ACTIVATIONS:
        if kind == "Softmax":
            return {"function": "softmax"}
        if kind in ("PReLU", "ELU"):
            return {"function": kind}
        if getattr(activation, "max_value", None) is not None:
            return {"function": "a ReLU with a ceiling"}
        return _with_slope(activation.negative_slope)
    x = np.linspace(-8, 8, 17, dtype="float32")[np.newaxis]  # far enough for a ceiling at 6
    y = keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(x)))
    slope = y[0, 0] / x[0, 0]
    if slope >= 0 and np.allclose(y, np.where(x > 0, x, slope * x)):  # whatever its name is
        return _with_slope(slope)
    return {"function": getattr(activation, "__name__", type(activation).__name__)}


def _with_slope(slope):
    """Return the function that multiplies negative numbers by a slope."""
    slope = round(float(slope), 6)
    if slope == 1:
        return {"function": "linear"}
    return {"function": "leaky_relu", "slope": slope} if slope else {"function": "relu"}


def _difference(given, asked, place):
    """Say how two lists of layers differ at the first place where they do."""
    here, there = given[place : place + 2], asked[place : place + 2]
    if not here:
        return _missing(asked, place)
    if len(given) == len(asked) and here != there and here == there[::-1]:
        return f"{_name(asked, place)} and {_name(asked, place + 1)} have changed places."
    too_many = f"{_name(given, place)} is one layer too many."
    if not there or here[1:] == there[:1]:
        return too_many
    if here[:1] == there[1:]:
        return _missing(asked, place)
    ours, theirs = [_kind(e) for e in here], [_kind(e) for e in there]
    if here[0][0] == there[0][0]:
        return _settings(given, asked, place)
    if (len(given) < len(asked) and ours[0] == theirs[-1]) or there[0][0] == "activation":
        return _missing(asked, place)
    if (len(given) > len(asked) and ours[-1] == theirs[0]) or here[0][0] == "activation":
        return too_many
    return f"where {_name(asked, place)} is asked for, there is {_name(given, place)}."


def _kind(element):
    """Return the kind of a layer; of an activation, its function."""
    kind, settings = element
    return settings["function"] if kind == "activation" else kind


def _missing(asked, place):
    text = f"{_name(asked, place)} is missing"
    before = [k for k in range(place) if asked[k][0] != "activation"]
    if before and asked[place][0] != "activation":
        text += f", behind {_name(asked, before[-1])}"
    return f"{text}. {_why(asked, place)}".strip()


def _why(asked, place):
    """Say what a missing layer is there for."""
    kind = _kind(asked[place])
    if kind == "leaky_relu":
        behind = (k for k, _ in asked[place + 1 :] if k not in ("Dropout", "Flatten"))
        if next(behind, None) not in ("Conv2D", "Dense"):  # max pooling is not linear
            kind = "relu"
    return _WHY.get(kind, "")


def _settings(given, asked, place):
    """Name the first setting of a layer that differs."""
    ours, theirs = given[place][1], asked[place][1]
    name = next(key for key in theirs if ours.get(key) != theirs[key])
    if name == "function":
        before = _name(asked, place - 1)
        ours, theirs = (_CALLED.get(s[name], s[name]) for s in (ours, theirs))
        return f"the activation after {before} is {ours}, asked for is {theirs}."
    return f"{_name(asked, place)}: {name} is {ours[name]!r}, asked for is {theirs[name]!r}."


def _name(elements, place):
    """Call a layer by what it is and which of its kind, e.g. "the second convolution"."""
    kind, settings = elements[place]
    if kind == "activation":
        where = f"after {_name(elements, place - 1)}" if place else "at the start"
        return f"the {_CALLED.get(settings['function'], settings['function'])} {where}"
    called = _CALLED.get(kind, kind)
    same_kind = [k for k, (other, _) in enumerate(elements) if other == kind]
    which = same_kind.index(place)
    if len(same_kind) == 1 or which >= len(ORDINALS):
        return f"the {called}"
    return f"the {ORDINALS[which]} {called}"
