"""Write a network as one small file that the page "Live networks" runs in your browser.

>>> widgets.save_network(model, "mine.cnn", classes=data.classes, pixels=(-0.5, 0.5))
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

import numpy as np

from helpers.sources import written_whole

MAGIC = b"CNNFILE1"
FEW_WEIGHTS = 20_000  # up to here a layer keeps 16 bits


def save_network(model, path, *, classes=None, pixels=(0.0, 1.0), about=""):
    """Write a network as a file for the page "Live networks".

    Parameters
    ----------
    model : keras.Model
        Built; a chain of the layers that the page computes, from one image to one number for each
        class. ``widgets/live/network_layers.py`` has them.
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
    from widgets.live import network_layers  # starts Keras

    header, numbers = network_layers.describe(model)
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
    from widgets.live.network_layers import WEIGHTED

    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        if type(layer) in WEIGHTED:
            kernel, *bias = layer.get_weights()
            whole, scales = quantized(np.moveaxis(kernel, -1, 0))
            layer.set_weights([np.moveaxis(whole * scales, 0, -1), *bias])
    return copy


def quantized(kernel):
    """Return weights as whole numbers and the scales that turn these into weights again.

    Parameters
    ----------
    kernel : array
        With the outputs first.

    Returns
    -------
    whole : array of int8 or int16
        Of the shape of `kernel`.
    scales : array of float32
        One for each output, of a shape to multiply with `whole`.
    """
    bits = 16 if kernel.size <= FEW_WEIGHTS else 8
    steps = 2 ** (bits - 1) - 1
    largest = np.abs(kernel).max(tuple(range(1, kernel.ndim)), keepdims=True)
    scales = np.where(largest > 0, largest / steps, 1).astype("<f4")
    return np.rint(kernel / scales).astype(f"<i{bits // 8}"), scales
