"""Networks with another backward pass, another end, or a cut, on the weights of the first.

The functions of :mod:`inside.attribution` are built on these. The network that is given is never
changed, and the network that is returned has no weights of its own.
"""

import keras

layers = keras.layers
ops = keras.ops

RULES = (None, "guided", "rectified")

# Names of functions and of classes, in small letters without underscores.
ACTIVATIONS = {name.replace("_", "") for name in dir(keras.activations)}
RELUS = {"relu", "relu6", "leakyrelu"}
SQUASHING = {"softmax", "sigmoid", "logsoftmax", "logsigmoid", "hardsigmoid"}
OPAQUE = (  # a nonlinearity inside that is no attribute `activation`
    layers.Lambda,
    layers.Wrapper,
    layers.PReLU,
    layers.Attention,
    layers.AdditiveAttention,
    layers.MultiHeadAttention,
    layers.GroupQueryAttention,
)
CONV_OR_POOLING = tuple(
    getattr(layers, f"{kind}{n}D{transposed}")
    for n in (1, 2, 3)
    for kind in ("Conv", "SeparableConv", "DepthwiseConv", "MaxPooling", "AveragePooling")
    for transposed in ("", "Transpose")
    if hasattr(layers, f"{kind}{n}D{transposed}")
)


def with_rule(model, rule=None, *, logits=True):
    """Return a network with another backward pass or a linear output, on the same weights.

    Parameters
    ----------
    model : keras.Model
        Built, with one input and one output. It stays as it is.
    rule : {None, "guided", "rectified"}
        How ReLUs pass the gradient on; see the head of :mod:`inside.attribution`. Networks inside
        the network are included.
    logits : bool
        Whether to take away a softmax or sigmoid at the end.

    Returns
    -------
    keras.Model
        With as many layers, of the same names in the same order. It has no weights of its own:
        whoever changes or trains those of one network changes the other's.

    Raises
    ------
    ValueError
        If the network is not Sequential or functional with one input and one output, or if the rule
        is not defined for one of its layers.
    """
    if rule not in RULES:
        raise ValueError(f"rule={rule!r}: expected one of {', '.join(map(repr, RULES))}.")
    checked_network(model)

    def rewired(model, at_the_end):
        last = model.layers[-1] if isinstance(model, keras.Sequential) else model.operations[-1]

        def stage(operation):
            ends = at_the_end and operation is last
            if isinstance(operation, keras.Model) and getattr(operation, "inputs", None):
                return rewired(operation, ends)
            kind = _LayerStage if isinstance(operation, layers.Layer) else _OperationStage
            return kind(operation, _substitute(operation, rule, ends, logits))

        if isinstance(model, keras.Sequential):
            start = _same_input(model.inputs[0])
            return keras.Sequential([start, *map(stage, model.layers)], name=model.name)
        # The detour leaves the optimizer behind, which clone_model would build anew.
        bare = keras.Model(model.input, model.output, name=model.name)
        start = keras.tree.map_structure(_same_input, bare.input)
        return keras.models.clone_model(bare, input_tensors=start, clone_function=stage)

    return rewired(model, True)


def split_at(model, layer, rule=None, *, logits=True):
    """Cut a network behind a layer.

    Parameters
    ----------
    model, rule, logits
        As for :func:`with_rule`.
    layer : str or keras.layers.Layer

    Returns
    -------
    body : keras.Model
        From images to what `layer` puts out.
    head : keras.Model
        From ``[images, what the layer puts out]`` to the output. The images serve the paths that
        lead around the layer.

    Raises
    ------
    ValueError
        As :func:`with_rule`; also if `layer` does not exist or is used more than once.
    """
    whole, behind = with_tap(model, layer, rule, logits)
    if behind is whole.outputs[0] or behind is whole.inputs[0]:
        raise ValueError(f"nothing to cut behind the input or the output of {model.name}.")
    body = keras.Model(whole.inputs[0], behind)
    return body, keras.Model([whole.inputs[0], behind], whole.outputs[0])


def with_tap(model, layer, rule=None, logits=False):
    """Return ``with_rule(model, rule)``, and what `layer` puts out there."""
    name = find_layer(model, layer).name
    whole = with_rule(model, rule, logits=logits)
    # Our layers are called in this network only, so these are their uses in it and no others.
    uses = whole.get_layer(name)._inbound_nodes
    if len(uses) > 1:
        raise ValueError(
            f"layer {name!r} is used more than once in {model.name}: no single output."
        )
    return whole, uses[0].output_tensors[0]


def find_layer(model, layer):
    """Return the layer of `model` with this name, or `layer` itself if it is one of them.

    Raises
    ------
    ValueError
        If there is no such layer; the message lists those that exist.
    """
    _check_input_is_known(model)
    if layer in model.layers:  # layers compare by identity
        return layer
    for candidate in model.layers:
        if candidate.name == layer:
            return candidate
    name = layer if isinstance(layer, str) else getattr(layer, "name", layer)
    raise ValueError(f"{model.name} has no layer {name!r}. It has: {names_of(model)}.")


def names_of(model):
    """Return the names of all layers, for an error message."""
    return ", ".join(layer.name for layer in model.layers)


def _check_input_is_known(model):
    """Raise if a network was not built."""
    if not getattr(model, "inputs", None):
        raise ValueError(
            "this network does not know the shape of its input yet. Start it with keras.Input."
        )


def checked_network(model):
    """Raise unless a network is Sequential or functional, with one input and one output."""
    _check_input_is_known(model)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"{model.name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
            "expected one of each. Make a keras.Model of the part you ask about."
        )


# --- the parts of such a network ------------------------------------------------------------------


class _Stage:
    """A layer or operation of somebody else's network, in a network of ours.

    Calling their layer while we build would add to its list of calls; this one takes the call.
    """

    def __init__(self, operation, substitute=None, **settings):
        super().__init__(name=operation.name, **settings)
        self.operation = operation
        self._run = substitute or operation

    def call(self, *args, **kwargs):
        return self._run(*args, **kwargs)

    def compute_output_spec(self, *args, **kwargs):
        return self.operation.compute_output_spec(*args, **kwargs)


class _OperationStage(_Stage, keras.Operation):
    """For what ``keras.ops`` puts into a graph."""


class _LayerStage(_Stage, layers.Layer):
    """For layers; these have weights, and keep their own precision."""

    def __init__(self, layer, substitute=None):
        super().__init__(layer, substitute, autocast=False)
        self.built = True


def _same_input(tensor):
    """Return an input like `tensor`, but of floating-point numbers, which have a gradient."""
    name = tensor._keras_history.operation.name
    return keras.Input(batch_shape=tensor.shape, dtype=floating(tensor.dtype), name=name)


def floating(dtype):
    """Return the type in which numpy holds images for an input of this type."""
    return dtype if dtype in ("float16", "float32", "float64") else keras.config.floatx()


def _substitute(operation, rule, at_the_end, logits):
    """Return what runs in place of an operation, or None if it may run itself."""
    # Both Dense(activation="relu") and layers.ReLU(): the unit is what is not linear.
    unit = getattr(operation, "activation", None)
    is_part = unit is not None
    unit = unit if is_part else operation
    name = getattr(unit, "__name__", type(unit).__name__).lower().replace("_", "")
    if at_the_end and name in SQUASHING:
        if not logits:
            return None
        return _other_activation(operation, None) if is_part else lambda x: x
    if rule is None or name == "linear":
        return None
    if name in RELUS:
        ruled = _ruled(unit, rule)
        return _other_activation(operation, ruled) if is_part else ruled
    foreign = type(operation).__module__.split(".")[0] != "keras"
    if is_part or foreign or name in ACTIVATIONS or isinstance(operation, OPAQUE):
        kind = type(operation).__name__ + (f", {name}" if is_part else "")
        raise ValueError(
            f"rule={rule!r} is defined for ReLU and LeakyReLU. Layer {operation.name!r} ({kind}) "
            "has, or may have, another nonlinearity. Use rule=None."
        )
    return None


def _ruled(unit, rule):
    """Return a ReLU, leaky or not, that passes the gradient on by `rule`."""
    low = getattr(unit, "threshold", None) or 0
    high = getattr(unit, "max_value", None)
    high = 6 if unit is keras.activations.relu6 else high

    @ops.custom_gradient
    def relu(x):
        def passed_on(*arriving, upstream=None):
            slope = ops.relu(arriving[0] if upstream is None else upstream)
            if rule == "rectified":
                return slope
            active = x > low if high is None else ops.logical_and(x > low, x < high)
            return slope * ops.cast(active, slope.dtype)

        return unit(x), passed_on

    return relu


def _other_activation(layer, activation):
    """Return a function that does what `layer` does with its weights, but another activation."""
    twin = type(layer).from_config({**layer.get_config(), "activation": None})
    twin.build_from_config(layer.get_build_config())
    twin.activation = keras.activations.linear if activation is None else activation

    def run(*args, **kwargs):
        values = [variable.value for variable in layer.weights]
        with keras.StatelessScope(list(zip(twin.weights, values, strict=True))):
            return twin(*args, **kwargs)

    return run
