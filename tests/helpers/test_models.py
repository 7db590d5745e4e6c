"""The networks against the tables that the originals printed, and against Keras."""

import keras
import numpy as np
import pytest
from scipy import special

from helpers import models

PRINTED = {  # layer: output shape and parameters, as the original's summary shows them
    "conv1": ((32, 32, 16), 448),
    "conv2": ((32, 32, 32), 4640),
    "pool1": ((16, 16, 32), 0),
    "conv3": ((16, 16, 32), 9248),
    "conv4": ((16, 16, 64), 18496),
    "pool2": ((8, 8, 64), 0),
    "flatten": ((4096,), 0),
    "dense1": ((256,), 1048832),
    "logits": ((10,), 2570),
}


@pytest.fixture(scope="module")
def model():
    return models.first_cnn()


@pytest.mark.parametrize("name", PRINTED)
def test_layers_are_those_of_the_original(model, name):
    shape, count = PRINTED[name]
    layer = model.get_layer(name)
    assert layer.output.shape[1:] == shape
    assert layer.count_params() == count


def test_total(model):
    assert model.count_params() == sum(count for _, count in PRINTED.values()) == 1_084_234


def test_closed_forms_agree_with_keras(model):
    for kernel, channels, filters in [(1, 1, 1), (2, 3, 5), (5, 7, 4)]:
        layer = keras.layers.Conv2D(filters, kernel)
        layer.build((None, 9, 9, channels))
        assert models.conv_parameters(kernel, channels, filters) == layer.count_params()
    layer = keras.layers.Dense(6)
    layer.build((None, 11))
    assert models.dense_parameters(11, 6) == layer.count_params()


def test_every_convolution_and_the_hidden_layer_have_a_leaky_relu_of_a_tenth(model):
    kinds = [type(layer).__name__ for layer in model.layers]
    for i, layer in enumerate(model.layers):
        if layer.name.startswith("conv") or layer.name == "dense1":
            assert kinds[i + 1] == "LeakyReLU"
            assert model.layers[i + 1].negative_slope == 0.1


def test_dropout_rates(model):
    rates = [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert rates == [0.25, 0.25, 0.5]


def test_outputs_are_the_softmax_of_the_logits(model):
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 32, 32, 3)).astype("float32")
    until = keras.Model(model.inputs[0], model.get_layer("logits").output)
    logits, outputs = until.predict(x, verbose=0), model.predict(x, verbose=0)
    np.testing.assert_allclose(outputs, special.softmax(logits, axis=1), rtol=1e-4)


def test_the_originals_omission_makes_two_layers_one_linear_map():
    head = models.first_cnn((8, 8, 3), dense_activation=False)
    assert "leaky5" not in [layer.name for layer in head.layers]
    a, b = np.random.default_rng(1).normal(size=(2, 1, 256)).astype("float32")

    def f(x, model):
        names = [layer.name for layer in model.layers]
        for layer in model.layers[names.index("dense1") : names.index("softmax")]:
            x = layer(x, training=False) if "drop" in layer.name else layer(x)
        return keras.ops.convert_to_numpy(x)

    zero = np.zeros_like(a)
    linear = f(a + b, head) - f(a, head) - f(b, head) + f(zero, head)
    np.testing.assert_allclose(linear, 0, atol=1e-4)
    corrected = models.first_cnn((8, 8, 3))
    bent = f(a + b, corrected) - f(a, corrected) - f(b, corrected) + f(zero, corrected)
    assert np.abs(bent).max() > 0.1


# --- the homework's network ---------------------------------------------------------------------

HOMEWORK = [  # kind, output shape and parameters, as the original's summary shows them
    ("Conv2D", (32, 32, 64), 1792),
    ("Conv2D", (30, 30, 64), 36928),
    ("MaxPooling2D", (15, 15, 64), 0),
    ("Dropout", (15, 15, 64), 0),
    ("Conv2D", (15, 15, 64), 36928),
    ("Conv2D", (13, 13, 64), 36928),
    ("MaxPooling2D", (6, 6, 64), 0),
    ("Dropout", (6, 6, 64), 0),
    ("Flatten", (2304,), 0),
    ("Dense", (512,), 1180160),
    ("Dropout", (512,), 0),
    ("Dense", (10,), 5130),
]


def test_the_homeworks_network_has_the_table_of_the_original():
    model = models.cifar_cnn(n_filter=64)
    ours = [(type(x).__name__, x.output.shape[1:], x.count_params()) for x in model.layers]
    assert ours == HOMEWORK
    assert model.count_params() == 1_297_866
    rates = [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert rates == [0.25, 0.25, 0.5]
    activations = [x.activation.__name__ for x in model.layers if hasattr(x, "activation")]
    assert activations == ["relu"] * 5 + ["softmax"]


def test_batch_normalisation_comes_between_convolution_and_relu():
    model = models.cifar_cnn(n_filter=8, batch_norm=True)
    kinds = [type(x).__name__ for x in model.layers]
    for i, layer in enumerate(model.layers):
        if layer.name.startswith("conv"):
            assert kinds[i + 1 : i + 3] == ["BatchNormalization", "ReLU"]
            assert layer.activation.__name__ == "linear"
    assert model.count_params() == models.cifar_parameters(8) + 4 * 4 * 8


def test_augmentation_shifts_and_mirrors_in_training_only():
    model = models.cifar_cnn(n_filter=4, augmentation=True)
    assert model.count_params() == models.cifar_parameters(4)
    dot = np.zeros((200, 32, 32, 3), "float32")
    dot[:, 16, 6] = 1
    out = dot
    for layer in model.layers[:2]:
        still = keras.ops.convert_to_numpy(layer(dot, training=False))
        np.testing.assert_array_equal(still, dot)
        out = layer(out, training=True)
    rows, columns = np.nonzero(keras.ops.convert_to_numpy(out)[..., 0] > 0.5)[1:]
    assert len(rows) == 200 and np.abs(rows - 16).max() == 4
    mirrored = columns > 16
    assert 60 < mirrored.sum() < 140
    assert np.abs(columns - np.where(mirrored, 25, 6)).max() == 4


# --- gravitational waves ------------------------------------------------------------------------

# The summary that the original homework prints.
HOMEWORK_WAVES = [
    ("conv1", (39, 100, 64), 3264),
    ("conv2", (35, 96, 64), 102_464),
    ("pool1", (11, 48, 64), 0),
    ("conv3", (11, 48, 64), 102_464),
    ("conv4", (7, 44, 64), 102_464),
    ("pool2", (2, 22, 64), 0),
    ("flatten", (2816,), 0),
    ("dense1", (128,), 360_576),
    ("sigmoid", (2,), 258),
]


def test_gw_cnn_is_the_network_of_the_original():
    model = models.gw_cnn()
    assert model.count_params() == 671_490
    for name, shape, parameters in HOMEWORK_WAVES:
        layer = model.get_layer(name)
        assert layer.output.shape[1:] == shape
        assert layer.count_params() == parameters
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Dropout") == 3
    x = np.full((1, 39, 100, 2), 255.0, np.float32)
    scaled = keras.Model(model.inputs[0], model.get_layer("scale").output)(x)
    assert np.allclose(scaled, 1)


def test_gw_cnn_without_convolutions_or_dropout_lacks_only_these():
    def kinds(**options):
        return {type(layer).__name__ for layer in models.gw_cnn(**options).layers}

    assert kinds() - kinds(dropout=False) == {"Dropout"}
    assert kinds() - kinds(convolutions=False) == {"Conv2D", "MaxPooling2D"}


def test_gw_small_has_the_size_its_description_says():
    model = models.gw_small()
    assert f"{model.count_params():,}" in models.gw_small.__doc__
    assert model.output_shape == (None, 1)


def test_gw_scan_scores_every_column_and_reports_the_highest():
    keras.utils.set_random_seed(0)
    model = models.gw_scan()
    assert f"{model.count_params():,}" in models.gw_scan.__doc__
    x = np.random.default_rng(0).exponential(1.4, (3, 39, 100, 2)).astype(np.float32)
    scores = np.asarray(keras.Model(model.inputs[0], model.get_layer("score").output)(x))
    assert scores.shape == (3, 100, 1)
    highest = scores.max(axis=(1, 2))
    assert np.allclose(np.asarray(model(x))[:, 0], 1 / (1 + np.exp(-highest)), atol=1e-6)
    # A wave that comes 100 ms later scores the same 10 columns later, away from the borders.
    later = np.roll(x, 10, axis=2)
    moved = np.asarray(keras.Model(model.inputs[0], model.get_layer("score").output)(later))
    assert np.allclose(moved[:, 50:60], scores[:, 40:50], atol=1e-5)


def test_gw_scan_with_pooled_time_is_blind_within_four_columns():
    model = models.gw_scan(time_pooling=True)
    assert model.get_layer("score").output.shape == (None, 25, 1)
    assert model.count_params() == models.gw_scan().count_params()
