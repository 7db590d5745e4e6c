"""What several checks ask of a network before they judge it."""

import numpy as np

from helpers.backend import keras
from helpers.checks import Wrong


def parameters_of(model, input_shape):
    """Return the number of parameters of a network, or the number itself.

    Parameters
    ----------
    model : keras.Model or int
    input_shape : tuple of int
        What its input should be, for the advice to a network that is not built.

    Raises
    ------
    Wrong
        If it is neither, or a network without weights yet.
    """
    if isinstance(model, keras.Model):
        if not model.built:
            raise Wrong(
                "the network does not know the shape of its input, so it has no weights yet. "
                f"Start it with keras.Input({input_shape})."
            )
        return model.count_params()
    if isinstance(model, int | np.integer) and not isinstance(model, bool):
        return int(model)
    raise Wrong(f"expected a Keras network or a whole number, got {type(model).__name__}.")
