"""What layers cost: against Keras, against the original's counts, and against counting by hand."""

import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from helpers import models

ORIGINAL = {
    64: 1297866,
    128: 2811274,
    256: 6501642,
    512: 16536586,
    1024: 47223306,
    2048: 151064074,
    4096: 528614922,
    8192: 1963193866,
    16384: 7550260746,
}


@pytest.mark.parametrize("n_filter", ORIGINAL)
def test_the_closed_form_gives_the_originals_counts(n_filter):
    assert models.cifar_parameters(n_filter) == ORIGINAL[n_filter]


@pytest.mark.parametrize("n_filter", [1, 2, 4, 16, 64, 256])
def test_the_closed_form_agrees_with_keras(n_filter):
    assert models.cifar_parameters(n_filter) == models.cifar_cnn(n_filter=n_filter).count_params()


@pytest.mark.parametrize(("shape", "classes"), [((28, 28, 1), 10), ((17, 40, 3), 7)])
def test_the_closed_form_knows_other_shapes(shape, classes):
    built = models.cifar_cnn(shape, classes, 5).count_params()
    assert models.cifar_parameters(5, shape, classes) == built


def test_the_closed_form_takes_arrays():
    counts = models.cifar_parameters(np.array(list(ORIGINAL), dtype=np.int64))
    assert counts.tolist() == list(ORIGINAL.values())


def products_of_a_convolution(size, kernel, channels, filters, padding, stride):
    """Walk over every output value and count its products, one by one."""
    zeros = {"valid": 0, "same": max((-(-size // stride) - 1) * stride + kernel - size, 0)}[padding]
    stops = range(0, size + zeros - kernel + 1, stride)
    count = 0
    for _ in itertools.product(stops, stops, range(filters)):
        for _ in itertools.product(range(kernel), range(kernel), range(channels)):
            count += 1
    return count, len(stops) ** 2 * filters


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("size", "kernel", "channels", "filters", "stride"),
    [(5, 3, 2, 4, 1), (6, 2, 3, 2, 2), (7, 3, 1, 5, 2), (4, 1, 3, 2, 1)],
)
def test_a_convolution_costs_what_a_walk_counts(size, kernel, channels, filters, stride, padding):
    layer = layers.Conv2D(filters, kernel, strides=stride, padding=padding)
    model = keras.Sequential([keras.Input((size, size, channels)), layer])
    products, values = products_of_a_convolution(size, kernel, channels, filters, padding, stride)
    (cost,) = models.layer_costs(model)
    assert (cost.multiply_adds, cost.memory) == (products, 4 * values)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(6, 3, kernel_initializer="ones"),
        layers.Conv2D(6, 3, groups=2, strides=2, kernel_initializer="ones"),
        layers.Conv2D(3, (1, 4), kernel_initializer="ones"),
        layers.Dense(5, kernel_initializer="ones"),
    ],
)
def test_a_layer_of_ones_counts_its_own_products(layer):
    """With all inputs and weights 1, each output is the number of products added into it."""
    model = keras.Sequential([keras.Input((8, 9, 4)), layer])
    counted = keras.ops.convert_to_numpy(model(np.ones((1, 8, 9, 4), "float32"))).sum()
    assert models.layer_costs(model)[0].multiply_adds == counted


def test_the_homeworks_network_layer_by_layer():
    model = models.cifar_cnn(n_filter=64)
    costs = models.layer_costs(model)
    assert [c.name for c in costs] == [layer.name for layer in model.layers]
    assert sum(c.parameters for c in costs) == 1_297_866
    by_name = {c.name: c for c in costs}
    assert by_name["conv2"].multiply_adds == 33_177_600
    assert by_name["dense1"].multiply_adds == 2304 * 512
    assert by_name["pool1"].multiply_adds == by_name["drop3"].multiply_adds == 0
    x = np.zeros((1, 32, 32, 3), "float32")
    for layer, cost in zip(model.layers, costs, strict=True):
        x = layer(x)
        assert keras.ops.convert_to_numpy(x)[0].nbytes == cost.memory
        assert x.shape[1:] == cost.output_shape


def test_normalisation_and_augmentation_are_known():
    model = models.cifar_cnn(n_filter=4, batch_norm=True, augmentation=True)
    plain = models.layer_costs(models.cifar_cnn(n_filter=4))
    assert sum(c.multiply_adds for c in models.layer_costs(model)) == sum(
        c.multiply_adds for c in plain
    )


def test_bad_networks_are_refused():
    with pytest.raises(ValueError, match="not built"):
        models.layer_costs(keras.Sequential([layers.Dense(3)]))
    unknown = keras.Sequential([keras.Input((8, 8, 3)), layers.DepthwiseConv2D(3, name="deep")])
    with pytest.raises(ValueError, match=r"'deep' \(DepthwiseConv2D\).*known are Conv1D"):
        models.layer_costs(unknown)


SWEEP = """
from helpers import environment, models
models.cifar_cnn(n_filter=4)
before = environment.peak_memory_mb()
for n in (4, 8, 16, 32, 64, 128, 256):
    assert models.cifar_cnn(n_filter=n).count_params() == models.cifar_parameters(n)
assert models.cifar_parameters(16384) == 7_550_260_746
print(environment.peak_memory_mb() - before)
"""


def test_the_sweep_of_page_3_needs_little_memory():
    done = subprocess.run([sys.executable, "-c", SWEEP], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200
