"""The networks of the course, and what their layers cost."""

import math
from dataclasses import dataclass

from helpers.backend import keras

layers = keras.layers

GW_IMAGE = (39, 100, 2)  # rows of frequency, columns of 10 ms, detectors


def first_cnn(input_shape=(32, 32, 3), num_classes=10, *, dense_activation=True):
    """Build the "first CNN": four convolutions, two poolings, one hidden dense layer.

    With the default arguments it has 1,084,234 parameters.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of an image. Pixels are expected in [-0.5, 0.5].
    num_classes : int
        Number of outputs.
    dense_activation : bool
        Whether a LeakyReLU follows the hidden dense layer, as the original's text asks. False
        rebuilds the original's code, which omits it, so that its two dense layers are one linear
        map when dropout is off.

    Returns
    -------
    keras.Sequential
        Not compiled. Input (n, height, width, channels), output (n, num_classes) probabilities.

    Notes
    -----
    Built step by step in *Your first CNN* (notebooks/first_cnn.md).
    """
    model = keras.Sequential(name="first_cnn")
    model.add(keras.Input(input_shape))
    for block, filters in enumerate([(16, 32), (32, 64)], start=1):
        for offset, n_filters in enumerate(filters):
            number = 2 * block - 1 + offset
            model.add(layers.Conv2D(n_filters, 3, padding="same", name=f"conv{number}"))
            model.add(layers.LeakyReLU(negative_slope=0.1, name=f"leaky{number}"))
        model.add(layers.MaxPooling2D(2, name=f"pool{block}"))
        model.add(layers.Dropout(0.25, name=f"drop{block}"))
    model.add(layers.Flatten(name="flatten"))
    model.add(layers.Dense(256, name="dense1"))
    if dense_activation:
        model.add(layers.LeakyReLU(negative_slope=0.1, name="leaky5"))
    model.add(layers.Dropout(0.5, name="drop3"))
    model.add(layers.Dense(num_classes, name="logits"))
    model.add(layers.Activation("softmax", name="softmax"))
    return model


def cifar_cnn(
    input_shape=(32, 32, 3),
    num_classes=10,
    n_filter=32,
    *,
    batch_norm=False,
    augmentation=False,
):
    """Build the homework's network: conv-conv-pool-dropout twice, then 512 units and a softmax.

    With 64 filters it has 1,297,866 parameters.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of an image. Pixels are expected in [0, 1].
    num_classes : int
        Number of outputs.
    n_filter : int
        Filters of every convolution.
    batch_norm : bool
        Whether every convolution is followed by batch normalisation, before its ReLU.
    augmentation : bool
        Whether training sees every image shifted by up to four pixels and, half the time,
        mirrored.

    Returns
    -------
    keras.Sequential
        Not compiled. Input (n, height, width, channels), output (n, num_classes) probabilities.

    Notes
    -----
    Built step by step in *A CNN for CIFAR-10, and what it costs* (notebooks/cifar_cnn.md).

    References
    ----------
    S. Ioffe and C. Szegedy, *Batch Normalization*, ICML 2015.
    """
    model = keras.Sequential(name="cifar_cnn")
    model.add(keras.Input(input_shape))
    if augmentation:
        model.add(layers.RandomFlip("horizontal", name="mirror"))
        shift = 4 / input_shape[0], 4 / input_shape[1]
        model.add(layers.RandomTranslation(*shift, interpolation="nearest", name="shift"))
    for number, padding in enumerate(("same", "valid", "same", "valid"), start=1):
        activation = None if batch_norm else "relu"
        name = f"conv{number}"
        model.add(layers.Conv2D(n_filter, 3, padding=padding, activation=activation, name=name))
        if batch_norm:
            model.add(layers.BatchNormalization(name=f"norm{number}"))
            model.add(layers.ReLU(name=f"relu{number}"))
        if padding == "valid":
            model.add(layers.MaxPooling2D(2, name=f"pool{number // 2}"))
            model.add(layers.Dropout(0.25, name=f"drop{number // 2}"))
    model.add(layers.Flatten(name="flatten"))
    model.add(layers.Dense(512, activation="relu", name="dense1"))
    model.add(layers.Dropout(0.5, name="drop3"))
    model.add(layers.Dense(num_classes, activation="softmax", name="softmax"))
    return model


def gw_cnn(*, scale=1 / 255, dropout=True, convolutions=True):
    """Build the homework's network for gravitational waves, with two sigmoids.

    With the default arguments it has 671,490 parameters.

    Parameters
    ----------
    scale : float
        The network multiplies energies by this number first. The homework divided by 255, as if
        they were grey levels.
    dropout : bool
        Whether it has its three dropout layers.
    convolutions : bool
        False leaves out the convolutions and their poolings.

    Returns
    -------
    keras.Sequential
        Not compiled. Input (n, 39 rows, 100 columns, 2 detectors): energies from 0 to 25. Output
        (n, 2): no detection and gravitational wave, each from 0 to 1; nothing makes them add up
        to 1.

    Notes
    -----
    Built step by step in *Can a network find black holes?* (notebooks/gw_classifier.md).
    """
    model = keras.Sequential(name="gw_cnn")
    model.add(keras.Input(GW_IMAGE))
    model.add(layers.Rescaling(scale, name="scale"))
    for number, padding in enumerate(("same", "valid", "same", "valid"), start=1):
        if not convolutions:
            break
        model.add(layers.Conv2D(64, 5, padding=padding, activation="relu", name=f"conv{number}"))
        if padding == "valid":
            model.add(layers.MaxPooling2D((3, 2), name=f"pool{number // 2}"))
            if dropout:
                model.add(layers.Dropout(0.25, name=f"drop{number // 2}"))
    model.add(layers.Flatten(name="flatten"))
    model.add(layers.Dense(128, activation="relu", name="dense1"))
    if dropout:
        model.add(layers.Dropout(0.5, name="drop3"))
    model.add(layers.Dense(2, activation="sigmoid", name="sigmoid"))
    return model


def gw_small():
    """Build a small network for gravitational waves, which trains in a minute on a laptop.

    It has 155,089 parameters.

    Returns
    -------
    keras.Sequential
        Not compiled. Input (n, 39 rows, 100 columns, 2 detectors): energies from 0 to 25. Output
        (n, 1): the probability of a gravitational wave.
    """
    return keras.Sequential(
        [
            keras.Input(GW_IMAGE),
            layers.Rescaling(1 / 25, name="scale"),
            layers.Conv2D(16, 5, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D((3, 2), name="pool1"),
            layers.Conv2D(32, 5, activation="relu", name="conv2"),
            layers.MaxPooling2D((3, 2), name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dense(64, activation="relu", name="dense1"),
            layers.Dropout(0.5, name="drop1"),
            layers.Dense(1, activation="sigmoid", name="sigmoid"),
        ],
        name="gw_small",
    )


def gw_scan(*, time_pooling=False):
    """Build a network that gives every column of the image a score and reports the highest.

    Frequency is summed up in three steps; time keeps its 100 columns of 10 ms to the end, so that
    the network can see which detector a chirp reached first, and by how much. It has 157,001
    parameters.

    Parameters
    ----------
    time_pooling : bool
        Whether to pool four columns into one after the first convolution, for comparison.

    Returns
    -------
    keras.Sequential
        Not compiled. Input (n, 39 rows, 100 columns, 2 detectors): energies from 0 to 25. Output
        (n, 1): the probability of a gravitational wave. Its layer ``score`` has one number for
        each column.

    Notes
    -----
    Built step by step in *Can a network find black holes?* (notebooks/gw_classifier.md).
    """
    same = {"padding": "same", "activation": "relu"}
    model = keras.Sequential(name="gw_scan")
    model.add(keras.Input(GW_IMAGE))
    model.add(layers.Rescaling(1 / 5, name="scale"))
    model.add(layers.Conv2D(24, (7, 5), strides=(2, 1), name="conv1", **same))
    if time_pooling:
        model.add(layers.MaxPooling2D((1, 4), name="pool1"))
    model.add(layers.Conv2D(32, (5, 3), strides=(2, 1), name="conv2", **same))
    rows, columns = model.output_shape[1:3]
    model.add(layers.ZeroPadding2D((0, 1), name="pad"))
    model.add(layers.Conv2D(64, (rows, 3), activation="relu", name="collapse"))
    model.add(layers.Reshape((columns, 64), name="sequence"))
    for number, dilation in enumerate((1, 2, 4, 8), start=1):
        name = f"time{number}"
        model.add(layers.Conv1D(64, 5, dilation_rate=dilation, name=name, **same))
    model.add(layers.Conv1D(1, 1, name="score"))
    model.add(layers.GlobalMaxPooling1D(name="highest"))
    model.add(layers.Activation("sigmoid", name="sigmoid"))
    return model


def conv_parameters(kernel_size, channels_in, filters):
    """Count the weights and biases of a convolution with a square kernel.

    Parameters
    ----------
    kernel_size, channels_in, filters : int

    Returns
    -------
    int
        ``filters * (kernel_size**2 * channels_in + 1)``.
    """
    return filters * (kernel_size**2 * channels_in + 1)


def dense_parameters(units_in, units):
    """Count the weights and biases of a dense layer: ``units * (units_in + 1)``."""
    return units * (units_in + 1)


def cifar_parameters(n_filter, input_shape=(32, 32, 3), num_classes=10):
    """Count the parameters of :func:`cifar_cnn` without building it.

    Parameters
    ----------
    n_filter : int or array of int
        Filters of every convolution.
    input_shape : tuple of int
        Height, width and channels of an image.
    num_classes : int
        Number of outputs.

    Returns
    -------
    int or array of int
        ``27 * n_filter**2 + 18463 * n_filter + 5642`` for the default shapes.

    Notes
    -----
    Derived as a polynomial in *A CNN for CIFAR-10, and what it costs* (notebooks/cifar_cnn.md).
    """
    height, width = (((size - 2) // 2 - 2) // 2 for size in input_shape[:2])
    return (
        conv_parameters(3, input_shape[2], n_filter)
        + 3 * conv_parameters(3, n_filter, n_filter)
        + dense_parameters(height * width * n_filter, 512)
        + dense_parameters(512, num_classes)
    )


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs for one image.

    Attributes
    ----------
    name : str
    output_shape : tuple of int
        Without the batch.
    parameters : int
        Numbers that the layer keeps.
    multiply_adds : int
        Multiplications of a convolution or a dense layer, each with its addition. Products with
        padded zeros count. Other layers count as none.
    memory : int
        Bytes of the output in 32-bit floats.
    """

    name: str
    output_shape: tuple
    parameters: int
    multiply_adds: int
    memory: int


def layer_costs(model):
    """Say what every layer of a network costs for one image.

    Parameters
    ----------
    model : keras.Model
        Built. Its convolutions and dense layers are Conv1D, Conv2D, Conv3D or Dense.

    Returns
    -------
    list of LayerCost
        One for each layer, in order.

    Raises
    ------
    ValueError
        If the network is not built, or has a layer whose multiplications are unknown here.

    Notes
    -----
    The multiply-adds of a convolution are an exercise in *A CNN for CIFAR-10, and what it costs*
    (notebooks/cifar_cnn.md).
    """
    if not model.built or not model.inputs:
        raise ValueError(
            "the network is not built, so its layers have no shapes. "
            "Start it with keras.Input((32, 32, 3))."
        )
    return [_cost(layer) for layer in model.layers]


_MULTIPLY = (layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Dense)
_DO_NOT = (layers.BatchNormalization, layers.LayerNormalization, layers.PReLU)  # hardly multiply


def _cost(layer):
    """Each output value is a sum of one product per weight of its filter, or of its unit."""
    values = math.prod(layer.output.shape[1:])
    if type(layer) in _MULTIPLY:
        products = math.prod(layer.kernel.shape[:-1])
    elif type(layer) in _DO_NOT or not layer.weights:
        products = 0
    else:
        raise ValueError(
            f"the multiplications of layer {layer.name!r} ({type(layer).__name__}) are unknown; "
            f"known are {', '.join(kind.__name__ for kind in _MULTIPLY)}."
        )
    shape = tuple(layer.output.shape[1:])
    return LayerCost(layer.name, shape, layer.count_params(), values * products, 4 * values)
