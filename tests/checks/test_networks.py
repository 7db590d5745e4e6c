"""Networks are compared layer by layer and counted as Keras counts them."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

from helpers import checks
from helpers.checks import cifar_cnn as check
from helpers.checks.layers import compare
from helpers.checks.networks import stack_parameters
from tests.support.checking import Answers


@pytest.mark.parametrize(
    "activation",
    [
        layers.LeakyReLU(negative_slope=0.2),
        layers.Activation("leaky_relu"),
        layers.ReLU(negative_slope=0.2),
    ],
)
def test_an_activation_is_the_same_in_every_form(activation):
    def network(*parts):
        return keras.Sequential([keras.Input((4,)), *parts])

    plain = network(layers.Dense(3, activation="leaky_relu"))
    compare(network(layers.Dense(3), activation), plain, "here")
    compare(plain, network(layers.Dense(3), activation), "here")
    with pytest.raises(checks.Wrong, match="slope is"):
        compare(network(layers.Dense(3), layers.LeakyReLU(negative_slope=0.1)), plain, "here")
    with pytest.raises(checks.Wrong, match="ReLU with a ceiling"):
        compare(network(layers.Dense(3), layers.ReLU(max_value=6)), plain, "here")


# --- graded: stacks of convolutions and dense layers ----------------------------------------------


def keras_counts(shape, filters, kernels, same, pools, dense):
    """The count by Keras itself."""
    model = keras.Sequential([keras.Input(tuple(int(n) for n in shape))])
    for maps, k, padded, pool in zip(filters, kernels, same, pools, strict=True):
        model.add(layers.Conv2D(int(maps), int(k), padding="same" if padded else "valid"))
        if pool:
            model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    for neurons in dense:
        model.add(layers.Dense(int(neurons)))
    return model.count_params()


def stack(shape, filters, kernels, same, pools, dense, *, down=lambda n: n // 2, bias=1, only=""):
    """Another way to count, with room for mistakes."""
    rows, columns, channels = (int(n) for n in shape)
    convolutions = denses = 0
    for maps, k, padded, pool in zip(filters, kernels, same, pools, strict=True):
        convolutions += maps * (k * k * channels + bias)
        if not padded:
            rows, columns = rows - k + 1, columns - k + 1
        if pool:
            rows, columns = down(rows), down(columns)
        channels = maps
    units = rows * columns * channels
    for neurons in dense:
        denses += neurons * (units + bias)
        units = neurons
    return {"conv": convolutions, "dense": denses}.get(only, convolutions + denses)


def answers_count_parameters():
    def with_all(name, value):
        """Give one of the columns another value throughout."""
        place = ("filters", "kernels", "same", "pools").index(name) + 1
        return lambda *s: stack(*(np.full_like(c, value) if k == place else c
                                  for k, c in enumerate(s)))  # fmt: skip

    def of_the_image(shape, filters, *rest):
        return sum(
            stack(shape, filters[j : j + 1], *(c[j : j + 1] for c in rest[:3]), [], only="conv")
            for j in range(len(filters))
        ) + stack(shape, filters, *rest, only="dense")

    return Answers(
        right=[keras_counts, stack, lambda *s: np.int64(stack(*s)), lambda *s: float(stack(*s))],
        wrong=[
            (partial(stack, bias=0), "the biases are missing"),
            (lambda *s: stack(*s) - s[1].sum(), "biases of the convolutions"),
            (lambda *s: stack(*s) - s[5].sum(), "biases of the dense"),
            (with_all("same", 1), "keep their size where there is no padding"),
            (with_all("same", 0), "shrink where there is padding"),
            (with_all("pools", 0), "poolings are not in it"),
            (with_all("pools", 1), "Only some have one"),
            (partial(stack, down=lambda n: (n + 1) // 2), "round up"),
            (partial(stack, down=lambda n: n / 2), "halves of a row"),
            (partial(stack, only="conv"), "only the convolutions"),
            (partial(stack, only="dense"), "only the dense"),
            (of_the_image, "channels of the image"),
            (lambda *s: stack(*s[:5], s[5][:-1]), "last dense layer is missing"),
            (lambda *s: stack(*s) + 1, "too large"),
        ],
    )


def test_many_random_stacks_are_counted_as_keras_counts_them():
    for seed in range(5):
        for case in check.count_parameters.cases(np.random.default_rng(seed)):
            assert stack_parameters(*case) == keras_counts(*case)


def test_a_stack_whose_maps_vanish_is_never_asked_for():
    for seed in range(200):
        for shape, filters, kernels, same, pools, dense in check._stacks(
            np.random.default_rng(seed)
        ):
            rows = shape[0]
            for k, padded, pool in zip(kernels, same, pools, strict=True):
                rows = (rows if padded else rows - k + 1) // (2 if pool else 1)
            assert rows > 0 and len(filters) and len(dense)


def test_part_of_the_stacks_earns_part_of_the_points():
    outcome = check.count_parameters.outcome(partial(stack, down=lambda n: (n + 1) // 2))
    assert 0 < outcome.score < 1 and "tries went wrong" in outcome.message
