"""The size of a network: how many parameters it has, and which mistakes lead to another number."""

import dataclasses
import math
from itertools import combinations

import numpy as np

from helpers.checks import Wrong


def is_network(answer):
    """Whether an answer is a network of Keras."""
    from helpers.backend import keras

    return isinstance(answer, keras.Model)


def require_network(answer):
    """Raise :class:`Wrong` unless an answer is a network of Keras."""
    if not is_network(answer):
        raise Wrong(f"expected a Keras network, got {type(answer).__name__}.")


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
    if isinstance(model, int | np.integer) and not isinstance(model, bool):
        return int(model)
    if not is_network(model):
        raise Wrong(f"expected a Keras network or a whole number, got {type(model).__name__}.")
    if not model.built:
        raise Wrong(
            "the network does not know the shape of its input, so it has no weights yet. "
            f"Start it with keras.Input({input_shape})."
        )
    return model.count_params()


@dataclasses.dataclass(frozen=True)
class Design:
    """What sets the number of parameters of convolutions with poolings and dense layers behind.

    Attributes
    ----------
    image : tuple of int
        Rows and columns.
    channels : int
    convolutions : int
    filters : tuple of int
        Of the convolutions in turn; the last number holds for all that follow.
    kernel : int
    padding : {"same", "valid", "alternating"}
        Alternating is "same", "valid", "same", and so on.
    pool_after : tuple of int
        Numbers of the convolutions, counted from 1, that a pooling follows.
    pool : tuple of int
        Rows and columns of its window.
    normalised : int
        Batch normalisations behind each convolution.
    bridge : {"flatten", "average"}
        What lies before the dense layers.
    hidden, hidden_layers, outputs : int
        Neurons of a hidden layer, how many of these there are, and neurons of the last layer.
    biases : tuple of int
        Those of each filter, of each hidden neuron and of each output.
    counted : {"all", "dense"}
        Whether the convolutions count.
    """

    filters: tuple
    hidden: int
    image: tuple = (32, 32)
    channels: int = 3
    convolutions: int = 4
    kernel: int = 3
    padding: str = "same"
    pool_after: tuple = (2, 4)
    pool: tuple = (2, 2)
    normalised: int = 0
    bridge: str = "flatten"
    hidden_layers: int = 1
    outputs: int = 10
    biases: tuple = (1, 1, 1)
    counted: str = "all"

    @property
    def parameters(self):
        """The number of parameters."""
        size, seen, total = self.image, self.channels, 0
        for number in range(1, self.convolutions + 1):
            maps = self.filters[min(number, len(self.filters)) - 1]
            total += maps * (self.kernel**2 * seen + self.biases[0] + 4 * self.normalised)
            seen = maps
            if self.padding == "valid" or (self.padding == "alternating" and number % 2 == 0):
                size = [n - self.kernel + 1 for n in size]
            if number in self.pool_after:
                size = [n // window for n, window in zip(size, self.pool, strict=True)]
        total *= self.counted == "all"
        units = seen * (math.prod(size) if self.bridge == "flatten" else 1)
        dense = [(self.hidden, self.biases[1])] * self.hidden_layers
        for neurons, bias in [*dense, (self.outputs, self.biases[2])]:
            total, units = total + neurons * (units + bias), neurons
        return total

    def why(self, count, mistakes, *, pairs=True):
        """Name the one mistake, or the two, that lead to another count than that of this design.

        Parameters
        ----------
        count : int
        mistakes : dict of str to dict
            Diagnoses, and what each changes in the design.
        pairs : bool
            Whether to try two mistakes together. So many pairs lead to so many counts that for a
            sum on paper a pair would be a coincidence.

        Returns
        -------
        str or None
        """
        for how_many in (1, 2) if pairs else (1,):
            for names in combinations(mistakes, how_many):
                changes = [mistakes[name] for name in names]
                merged = {key: value for change in changes for key, value in change.items()}
                both_count = len(merged) == sum(map(len, changes))
                if both_count and dataclasses.replace(self, **merged).parameters == count:
                    return " And: ".join(names)
        return None


# What goes wrong in every network, by what it changes.
IN_THE_POOLINGS = {"Are both poolings missing?": {"pool_after": ()}}
IN_ALTERNATING = {
    'Are all four paddings "same"? The second and the fourth convolution have none.': {
        "padding": "same"
    },
    "Is the second pooling missing?": {"pool_after": (2,)},
    **IN_THE_POOLINGS,
    "Is a pair of convolutions missing?": {"convolutions": 2},
}
IN_THE_HIDDEN_LAYER = {"Is the hidden dense layer missing?": {"hidden_layers": 0}}
OF_SMALL_IMAGES = {
    "Are the kernels 5×5? They should be 3×3.": {"kernel": 5},
    "Are the kernels 2×2? They should be 3×3.": {"kernel": 2},
    **IN_THE_HIDDEN_LAYER,
    "Are there two hidden dense layers?": {"hidden_layers": 2},
    "Is the flattening a global average? Use Flatten.": {"bridge": "average"},
    "Does the input have one channel? The images have three.": {"channels": 1},
}


def neurons_instead(hidden, outputs=(), *, of):
    """Return mistakes in the number of neurons, by diagnosis.

    Parameters
    ----------
    hidden, outputs : sequence of int
        What the hidden and the last layer may have instead.
    of : Design
    """
    return {
        f"Does the hidden dense layer have {n} neurons? It should have {of.hidden}.": {"hidden": n}
        for n in hidden
    } | {
        f"Does the last layer have {n} neuron{'s' * (n > 1)}? It should have one per class.": {
            "outputs": n
        }
        for n in outputs
    }


def stack_parameters(
    shape,
    filters,
    kernels,
    same_size,
    pools,
    dense,
    *,
    conv_bias=1,
    dense_bias=1,
    area=2,
    sees_channels=True,
    passes_on=True,
    ignore=None,
    loss=1,
    pooled="down",
    pool_first=False,
    flat="all",
    chain=True,
    parts="all",
):
    """Count the parameters of convolutions and dense layers, or make a mistake in the count.

    Parameters
    ----------
    shape : sequence of int
        Rows, columns and channels of an image.
    filters, kernels, same_size, pools : sequence of int
        For each convolution: how many maps, how many cells of a side, whether there is padding,
        and whether a pooling of 2 × 2 follows.
    dense : sequence of int
        Neurons of each dense layer.
    **mistake
        What is counted wrongly, by default nothing.

    Returns
    -------
    int
    """
    size, seen = np.array(shape[:2], float), shape[2]
    of_convolutions, of_dense = 0, []
    for maps, k, padded, pool in zip(filters, kernels, same_size, pools, strict=True):
        of_convolutions += maps * (k**area * (seen if sees_channels else 1) + conv_bias)
        seen = maps if passes_on else seen
        padded = {"valid": True, "same": False}.get(ignore, padded)
        pool = {"pools": False, "no pools": True}.get(ignore, pool)
        steps = [_shrink(0 if padded else k - loss), _halve(pooled if pool else None)]
        for step in steps[:: -1 if pool_first else 1]:
            size = step(size)
    units = {"all": size.prod() * maps, "maps": maps, "one map": size.prod()}[flat]
    for neurons in dense:
        of_dense.append(neurons * (units + dense_bias))
        units = neurons if chain else units
    return {
        "all": of_convolutions + sum(of_dense),
        "convolutions": of_convolutions,
        "dense": sum(of_dense),
        "all but the last": of_convolutions + sum(of_dense[:-1]),
    }[parts]


def _shrink(by):
    return lambda size: size - by


def _halve(how):
    rounded = {"down": np.floor, "up": np.ceil, "half": np.copy}
    return lambda size: rounded[how](size / 2) if how else size
