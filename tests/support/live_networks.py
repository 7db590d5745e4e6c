"""What the tests of the live networks share: a reader of their files, and images to show them."""

import json
import math
import struct
import zlib

import numpy as np

from helpers import datasets, sources
from widgets.live.network_file import MAGIC


def read(path):
    """Return the description of a network's file, and the weights as the page will use them.

    Returns
    -------
    header : dict
    weights : dict
        For each layer that has some, float32, with the outputs first.
    """
    data = path.read_bytes()
    length, checksum = struct.unpack("<II", data[8:16])
    assert data[:8] == MAGIC and zlib.crc32(data[16:]) == checksum
    header = json.loads(data[16 : 16 + length])
    numbers = data[16 + length :]
    weights = {}
    for layer in header["layers"]:
        if "weights" in layer:
            about = layer["weights"]
            shape, bits = about["shape"], about["bits"]
            whole = np.frombuffer(numbers, f"<i{bits // 8}", math.prod(shape), about["at"])
            scales = np.frombuffer(numbers, "<f4", shape[0], about["scales"])
            column = scales.reshape(-1, *[1] * (len(shape) - 1))
            weights[layer["name"]] = whole.reshape(shape) * column
    return header, weights


def first_images(n):
    """Return test images from 0 to 1: photos where they are at hand, else drawings."""
    if sources.at_hand("cifar10"):
        return datasets.load_cifar10(verbose=False).x_test[:n].astype("float32") / 255
    return datasets.load_toy10(10, n, verbose=False).x_test.astype("float32") / 255
