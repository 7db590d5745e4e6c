"""The one place that knows which backend Keras runs on: gradients and compilation.

All else is plain Keras and runs on TensorFlow, JAX and PyTorch alike.
"""

from functools import partial

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
