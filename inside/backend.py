"""The one place that knows which backend Keras runs on: gradients and compilation.

All else is plain Keras and runs on TensorFlow, JAX and PyTorch alike.
"""

import weakref
from functools import partial
from types import FunctionType

import keras


def gradient(fn, x):
    """Return the gradient of the sum of ``fn(x)``, and ``fn(x)``, on the backend in use.

    The gradient is zero where nothing depends on `x`.

    Parameters
    ----------
    fn : callable
        Takes a tensor like `x`, returns a tensor. Where each of its numbers depends on one image of
        the batch only, the gradient of the sum holds the gradient of every number.
    x : tensor

    Returns
    -------
    gradient : tensor
        Of the shape of `x`.
    values : tensor
        ``fn(x)``.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            values = fn(x)
        return tape.gradient(values, x, unconnected_gradients="zero"), values
    if backend == "jax":
        import jax

        def summed(x):
            values = fn(x)
            return values.sum(), values

        return jax.grad(summed, has_aux=True)(x)
    import torch

    with torch.enable_grad():
        x = x.detach().clone().requires_grad_(True)
        values = fn(x)
        slope = torch.autograd.grad(values.sum(), x, materialize_grads=True)[0]
        return slope, values.detach()


def compiled(fn):
    """Return `fn` compiled where that pays.

    TensorFlow gets a plain graph, because its XLA compiler is slower on CPUs than no compiler;
    JAX compiles; PyTorch runs as it is.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # TensorFlow counts compilations per line of code, and takes several networks for a mistake;
        # a partial has no line of its own.
        return tf.function(partial(fn), autograph=False, reduce_retracing=True)
    if backend == "jax":
        import jax

        return jax.jit(fn)
    return fn


_programs = weakref.WeakKeyDictionary()


def program_for(model, key, build):
    """Return the compiled function that `build` describes, compiled once for each network.

    Weights are arguments of the program, so that it always sees those of today. It is compiled anew
    when the layers of the network, or their settings, are others than at the last call.
    """
    state = _state(model)
    known, programs = _programs.get(model, (None, None))
    if known != state:
        programs = {}
        _programs[model] = state, programs
    if key not in programs:
        variables = model.variables
        fn = build()

        @compiled
        def run(values, *arrays):
            with keras.StatelessScope(list(zip(variables, values, strict=True))):
                return fn(*arrays)

        programs[key] = lambda *arrays: run(
            [variable.value for variable in variables], *map(keras.ops.convert_to_tensor, arrays)
        )
    return programs[key]


def _state(model):
    """Return what a compiled program takes for granted: the layers and their settings."""
    plain = (bool, int, float, str, tuple, FunctionType)
    state = [model.outputs[0]]
    for layer in model.layers:
        if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
            state.append(_state(layer))
        else:
            settings = {k: v for k, v in vars(layer).items() if isinstance(v, plain)}
            state.append((layer, settings))
    return state
