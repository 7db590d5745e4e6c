"""The old calls, against the old library: its own maps, and its way through a graph."""

import importlib.util
import inspect
import os
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.signal import correlate

from helpers import models
from helpers.backend import keras
from inside import attribution, keras_vis

BLANK = (0, 0, 127)  # the darkest blue of jet
MODIFIERS = {None: "vanilla", "guided": "guided", "relu": "rectified"}


@pytest.fixture(scope="module")
def model(explained):
    """Return the network whose maps keras-vis 0.4.1 drew, its softmax left in."""
    return explained


def same_pixels(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == np.uint8 and ours.shape == theirs.shape
    return (ours == theirs).all(axis=-1).mean()


@pytest.mark.parametrize("modifier", MODIFIERS)
def test_oracle_saliency(model, oracle, modifier):
    ours = [
        keras_vis.visualize_saliency(model, -1, int(c), x, backprop_modifier=modifier)
        for x, c in zip(oracle["x"], oracle["classes"], strict=True)
    ]
    assert same_pixels(ours, oracle[f"saliency_uint8_{MODIFIERS[modifier]}"]) >= 0.999


@pytest.mark.parametrize("modifier", MODIFIERS)
def test_oracle_cam(model, oracle, modifier):
    ours = [
        keras_vis.visualize_cam(model, 11, [c], x[np.newaxis], backprop_modifier=modifier)
        for x, c in zip(oracle["x"], oracle["classes"], strict=True)
    ]
    assert same_pixels(ours, oracle[f"cam_uint8_{MODIFIERS[modifier]}"]) >= 0.999


@pytest.mark.slow
def test_the_oracle_on_jax():
    if importlib.util.find_spec("jax") is None:
        if os.environ.get("CI"):
            pytest.fail("JAX is not installed; it belongs to the test group.")
        pytest.skip("JAX is not installed")
    command = [sys.executable, "-m", "pytest", "-n0", __file__, "-k", "test_oracle_"]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200)
    assert "6 passed" in done.stdout, done.stdout + done.stderr


# --- the output layer ---------------------------------------------------------------------------


def graph_slopes(oracle, image, wanted, modifier, end):
    """Return the slopes of one output as keras-vis took them: Relu overridden in a graph."""
    import tensorflow as tf

    name = f"TestOnly{modifier}"
    if modifier and name not in graph_slopes.registered:

        @tf.RegisterGradient(name)
        def passed_on(op, slope):
            gate = slope > 0
            if modifier == "guided":
                gate = tf.logical_and(gate, op.outputs[0] > 0)
            return tf.where(gate, slope, tf.zeros_like(slope))

        graph_slopes.registered.add(name)
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session() as session:
        pixels = tf.constant(image[np.newaxis])
        with graph.gradient_override_map({"Relu": name} if modifier else {}):
            x = pixels
            for i, padding in zip((0, 2, 4, 6), ("SAME", "VALID") * 2, strict=True):
                kernel, bias = oracle[f"w{i:02d}"], oracle[f"w{i + 1:02d}"]
                x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, padding) + bias)
                if padding == "VALID":
                    x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            x = tf.nn.relu(tf.reshape(x, (1, -1)) @ oracle["w08"] + oracle["w09"])
            x = x @ oracle["w10"] + oracle["w11"]
            x = tf.nn.relu(x) if end == "relu" else tf.nn.softmax(x)
            return session.run(v1.gradients(x[0, wanted], pixels)[0])


graph_slopes.registered = set()


@pytest.mark.parametrize(
    ("output", "modifier", "end"),
    [
        ("0.4.1", None, "softmax"),
        ("0.4.1", "guided", "relu"),
        ("0.4.1", "relu", "relu"),
        ("0.5.0", "relu", "softmax"),
    ],
)
def test_original_output_layers(model, oracle, output, modifier, end):
    image = oracle["x"][0]
    for wanted in (oracle["logits"][0].argmax(), oracle["logits"][0].argmin()):
        ours = keras_vis.visualize_saliency(
            model, -1, wanted, image, backprop_modifier=modifier, output=output
        )
        slopes = np.abs(graph_slopes(oracle, image, wanted, modifier, end)[0]).max(axis=-1)
        slopes = (slopes - slopes.min()) / (np.ptp(slopes) + 1e-7)
        theirs = np.uint8(255 * matplotlib.colormaps["jet"](slopes)[..., :3])
        assert same_pixels(ours, theirs) >= 0.99


def test_a_negative_logit_blanks_the_guided_maps_of_0_4_1_only(model, oracle):
    wanted = oracle["logits"][0].argmin()
    assert oracle["logits"][0, wanted] < 0
    for draw in (keras_vis.visualize_saliency, keras_vis.visualize_cam):
        for output, blank in (("0.4.1", True), ("0.5.0", False), ("logits", False)):
            seen = draw(
                model, -1, wanted, oracle["x"][0], backprop_modifier="guided", output=output
            )
            assert (seen == BLANK).all() == blank


def test_logits_make_the_softmax_not_matter(model, oracle):
    linear = keras_vis.apply_modifications(model)
    linear.layers[-1].activation = keras.activations.linear
    for modifier in MODIFIERS:
        maps = [
            keras_vis.visualize_cam(network, -1, 3, oracle["x"][1], backprop_modifier=modifier)
            for network in (model, linear)
        ]
        np.testing.assert_array_equal(*maps)


def test_0_4_1_made_every_activation_a_relu_and_put_it_back():
    layers = keras.layers
    keras.utils.set_random_seed(2)

    def network(activation):
        return keras.Sequential(
            [
                keras.Input((6, 6, 1)),
                layers.Conv2D(3, 3, activation="relu"),
                layers.Conv2D(4, 2, activation=activation),
                layers.Flatten(),
                layers.Dense(2, activation="relu"),
            ]
        )

    linear, relu = network(None), network("relu")
    relu.set_weights(linear.get_weights())
    image = np.random.default_rng(0).random((6, 6, 1))
    before = linear.predict(image[np.newaxis], verbose=0)

    def seen(network, output):
        return keras_vis.visualize_saliency(network, -1, 0, image, "relu", output=output)

    np.testing.assert_array_equal(seen(linear, "0.4.1"), seen(relu, "0.5.0"))
    assert not np.array_equal(seen(linear, "0.4.1"), seen(linear, "0.5.0"))
    assert linear.layers[1].activation is keras.activations.linear
    np.testing.assert_array_equal(linear.predict(image[np.newaxis], verbose=0), before)


# --- an old notebook ----------------------------------------------------------------------------


def test_the_homework_cell_runs():
    """Calls, names and values as in the homework's 2.3.2, on a network with its softmax."""
    from inside.keras_vis import visualize_cam

    cifar10_model = models.cifar_cnn(n_filter=8)
    rng = np.random.default_rng(0)
    x_test = rng.random((20, 32, 32, 3), dtype="float32")
    y_test = np.eye(10)[np.arange(20) % 10]
    layer_idx = -1
    for class_idx in np.arange(10):
        idx = np.where(y_test[:, class_idx] == 1.0)[0][0]
        for modifier in [None, "guided", "relu"]:
            grads = visualize_cam(
                cifar10_model,
                layer_idx,
                filter_indices=class_idx,
                seed_input=x_test[idx],
                backprop_modifier=modifier,
            )
            assert grads.shape == (32, 32, 3) and grads.dtype == np.uint8
    f, ax = plt.subplots()
    ax.imshow(grads, cmap="jet")
    plt.close(f)


def test_swapping_the_softmax_as_the_old_manual_says(model, oracle):
    from inside import keras_vis as utils

    network = utils.apply_modifications(model)
    layer_idx = utils.find_layer_idx(network, "preds")
    assert layer_idx == 11
    network.layers[layer_idx].activation = keras.activations.linear
    network = utils.apply_modifications(network)
    np.testing.assert_allclose(
        network.predict(oracle["x"], verbose=0), oracle["logits"], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(model.predict(oracle["x"], verbose=0).sum(axis=1), 1, rtol=1e-5)
    with pytest.raises(ValueError, match=r"no layer 'pred'.*preds"):
        utils.find_layer_idx(model, "pred")


REQUIRED = inspect.Parameter.empty
SIGNATURES = {  # the manual of keras-vis 0.4.1, pages "saliency" and "activation maximization"
    "visualize_saliency": {
        "model": REQUIRED,
        "layer_idx": REQUIRED,
        "filter_indices": REQUIRED,
        "seed_input": REQUIRED,
        "backprop_modifier": None,
        "grad_modifier": "absolute",
    },
    "visualize_cam": {
        "model": REQUIRED,
        "layer_idx": REQUIRED,
        "filter_indices": REQUIRED,
        "seed_input": REQUIRED,
        "penultimate_layer_idx": None,
        "backprop_modifier": None,
        "grad_modifier": None,
    },
    "visualize_activation": {
        "model": REQUIRED,
        "layer_idx": REQUIRED,
        "filter_indices": None,
        "seed_input": None,
        "input_range": (0, 255),
        "backprop_modifier": None,
        "grad_modifier": None,
        "act_max_weight": 1,
        "lp_norm_weight": 10,
        "tv_weight": 10,
    },
    "apply_modifications": {"model": REQUIRED},
    "find_layer_idx": {"model": REQUIRED, "layer_name": REQUIRED},
    "overlay": {"array1": REQUIRED, "array2": REQUIRED, "alpha": 0.5},
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    ours = inspect.signature(getattr(keras_vis, name)).parameters.values()
    by_position = {p.name: p.default for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert list(by_position.items()) == list(SIGNATURES[name].items())
    if name.startswith("visualize"):
        added = {p.name: p.default for p in ours if p.kind is p.KEYWORD_ONLY}
        assert added == {"output": "logits"}


# --- details of the maps ------------------------------------------------------------------------


def test_several_filters_add_up_and_none_means_all(model, oracle):
    slopes = attribution.saliency(model, oracle["x"][[0, 0]], [2, 5])
    image = oracle["x"][0]

    def seen(filters):
        return keras_vis.visualize_saliency(model, -1, filters, image, grad_modifier=keep)

    def keep(slopes):
        kept.append(slopes[0])
        return np.abs(slopes)

    kept = []
    seen([2, 5])
    np.testing.assert_allclose(kept[0], slopes.sum(axis=0), atol=1e-5 * np.abs(slopes).max())
    seen(None)
    seen(range(10))
    np.testing.assert_allclose(10 * kept[1], kept[2], atol=1e-5 * np.abs(kept[2]).max())


def test_a_filter_of_a_convolution(model, oracle):
    """Its score is the mean of its map: here of a map that is the image itself."""
    network = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Conv2D(2, 1, use_bias=False)])
    network.layers[0].set_weights([np.array([[[[1.0, 0.0], [0.0, -3.0]]]])])
    kept = []

    def keep(slopes):
        kept.append(slopes[0])
        return slopes

    keras_vis.visualize_saliency(network, 0, 1, np.ones((4, 4, 2)), grad_modifier=keep)
    np.testing.assert_allclose(kept[0][..., 0], 0)
    np.testing.assert_allclose(kept[0][..., 1], -3 / 16, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("absolute", np.abs),
        ("negate", lambda g: -g),
        ("relu", lambda g: g * (g > 0)),
        ("invert", lambda g: 1 / (g + 1e-7)),
        ("small_values", lambda g: np.abs(1 / (g + 1e-7))),
        (None, lambda g: g),
    ],
)
def test_grad_modifiers(model, oracle, name, formula):
    maps = [
        keras_vis.visualize_saliency(model, -1, 1, oracle["x"][2], grad_modifier=modifier)
        for modifier in (name, formula)
    ]
    np.testing.assert_array_equal(*maps)


def test_the_layer_that_a_cam_weighs(model, oracle):
    def seen(**settings):
        return keras_vis.visualize_cam(model, -1, oracle["classes"][3], oracle["x"][3], **settings)

    assert isinstance(model.layers[6], keras.layers.MaxPooling2D)
    np.testing.assert_array_equal(seen(), seen(penultimate_layer_idx=6))
    assert not np.array_equal(seen(), seen(penultimate_layer_idx=5))
    np.testing.assert_array_equal(
        seen(penultimate_layer_idx=-7, backprop_modifier="deconv"),
        seen(penultimate_layer_idx=5, backprop_modifier="rectified"),
    )


def test_a_cam_in_a_network_with_a_path_around_the_layer():
    layers = keras.layers
    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 1))
    near = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    far = layers.Conv2D(4, 3, padding="same", activation="relu")(near)
    joined = layers.Flatten()(layers.Add()([near, far]))
    network = keras.Model(image, layers.Dense(3, activation="softmax")(joined))
    pixels = np.random.default_rng(0).random((8, 8, 1), dtype="float32")
    ours = keras_vis.visualize_cam(network, -1, 0, pixels, penultimate_layer_idx=2)
    heat = attribution.grad_cam(network, pixels[np.newaxis], 0, network.layers[2])[0]
    heat = (heat - heat.min()) / np.ptp(heat)
    theirs = np.uint8(255 * matplotlib.colormaps["jet"](heat)[..., :3])
    assert np.abs(ours.astype(int) - theirs).max() <= 5  # one colour of 256


def test_slopes_that_are_all_negative_do_not_turn_the_sign_of_an_honest_map():
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.MaxPooling2D(1),
            layers.Flatten(),
            layers.Dense(1, use_bias=False),
        ]
    )
    network.layers[-1].set_weights([-np.linspace(1, 2, 16).reshape(16, 1)])
    image = np.linspace(0, 1, 16).reshape(4, 4, 1)
    blank = {o: (keras_vis.visualize_cam(network, -1, 0, image, output=o) == BLANK).all()
             for o in ("logits", "0.4.1")}  # fmt: skip
    assert blank == {"logits": True, "0.4.1": False}


def test_maps_follow_the_weights(model, oracle):
    """The old library kept its modified copy, and with it the weights of the first call."""
    network = keras_vis.apply_modifications(model)
    image, wanted = oracle["x"][0], int(oracle["classes"][0])
    before = keras_vis.visualize_saliency(network, -1, wanted, image, "guided")
    network.set_weights([-w for w in network.get_weights()])
    assert not np.array_equal(
        before, keras_vis.visualize_saliency(network, -1, wanted, image, "guided")
    )


def test_overlay():
    a, b = np.full((2, 2, 3), 200, "uint8"), np.full((2, 2, 3), 100, "uint8")
    assert (keras_vis.overlay(a, b) == 150).all() and keras_vis.overlay(a, b).dtype == np.uint8
    assert (keras_vis.overlay(a, b, 0.25) == 125).all()
    with pytest.raises(ValueError, match="alpha"):
        keras_vis.overlay(a, b, 2)


# --- images that excite a layer -----------------------------------------------------------------


class Recorder:
    """Watches a descent from outside: as a callback and as an input modifier."""

    def __init__(self):
        self.before, self.after, self.slopes, self.losses, self.ended = [], [], [], [], 0

    def pre(self, image):
        self.before.append(image.copy())
        return image

    def post(self, image):
        self.after.append(image.copy())
        return image

    def callback(self, i, named_losses, overall_loss, grads, wrt_value):
        assert i == len(self.losses)
        np.testing.assert_allclose(sum(v for _, v in named_losses), overall_loss, rtol=1e-5)
        np.testing.assert_allclose(wrt_value, self.before[-1], rtol=1e-6)
        self.losses.append(dict(named_losses))
        self.slopes.append(grads)

    def on_end(self):
        self.ended += 1


@pytest.fixture(scope="module")
def descent():
    """Three steps on one convolution, from outside, and the same losses in numpy."""
    rng = np.random.default_rng(4)
    network = keras.Sequential([keras.Input((6, 5, 2)), keras.layers.Conv2D(3, 3)])
    kernel, bias = rng.normal(size=(3, 3, 2, 3)), rng.normal(size=3)
    network.layers[0].set_weights([kernel, bias])
    start = rng.normal(size=(6, 5, 2))
    seen = Recorder()
    image = keras_vis.visualize_activation(
        network,
        0,
        [0, 2],
        start,
        input_range=(-1.0, 1.0),
        act_max_weight=2,
        lp_norm_weight=30,
        tv_weight=5,
        max_iter=3,
        input_modifiers=[seen],
        callbacks=[seen],
    )

    def losses(x):
        x = np.float64(x)[0]
        maps = [correlate(x, kernel[..., k], "valid").mean() + bias[k] for k in (0, 2)]
        tv = (x[1:, :-1] - x[:-1, :-1]) ** 2 + (x[:-1, 1:] - x[:-1, :-1]) ** 2
        norm = (np.abs(x) ** 6).sum() ** (1 / 6)
        return [-2 * sum(maps), 30 * norm / x.size, 5 * tv.sum() / x.size]

    return start, seen, image, losses


def test_activation_losses(descent):
    start, seen, _, losses = descent
    np.testing.assert_allclose(seen.before[0][0], start, rtol=1e-6)
    assert seen.ended == 1
    for image, named in zip(seen.before, seen.losses, strict=True):
        assert list(named) == ["ActivationMax Loss", "L-6.0 Norm Loss", "TV(2.0) Loss"]
        np.testing.assert_allclose(list(named.values()), losses(image), rtol=1e-5)


def test_activation_slopes_are_those_of_the_losses(descent):
    _, seen, _, losses = descent
    for image, slopes in zip(seen.before, seen.slopes, strict=True):
        image, step = np.float64(image), 1e-4
        expected = np.zeros_like(image)
        for i in np.ndindex(image.shape):
            nudge = np.zeros_like(image)
            nudge[i] = step
            expected[i] = (sum(losses(image + nudge)) - sum(losses(image - nudge))) / (2 * step)
        expected /= np.sqrt((expected**2).mean())
        np.testing.assert_allclose(slopes, expected, atol=2e-5)


def test_activation_steps_like_rmsprop(descent):
    _, seen, _, _ = descent
    squares = 0
    for before, slopes, after in zip(seen.before, seen.slopes, seen.after, strict=True):
        squares = 0.95 * squares + 0.05 * slopes**2
        np.testing.assert_allclose(after, before - slopes / np.sqrt(squares + 1e-7), rtol=1e-5)


def test_activation_returns_the_step_from_the_lowest_loss_with_its_contrast_set(descent):
    _, seen, image, losses = descent
    totals = [sum(losses(before)) for before in seen.before]
    x = seen.after[int(np.argmin(totals))][0]
    expected = np.clip((x - x.mean()) / x.std() * 0.1 + 0.5, 0, 1) * 2 - 1
    np.testing.assert_allclose(image, expected, atol=1e-5)


def test_activation_of_a_signal():
    network = keras.Sequential([keras.Input((9, 2)), keras.layers.Conv1D(1, 3)])
    start, seen = np.random.default_rng(5).normal(size=(9, 2)), Recorder()
    keras_vis.visualize_activation(
        network, 0, 0, start, max_iter=1, tv_weight=3, callbacks=[seen], input_modifiers=[seen]
    )
    expected = 3 * (np.diff(start, axis=0) ** 2).sum() / start.size
    np.testing.assert_allclose(seen.losses[0]["TV(2.0) Loss"], expected, rtol=1e-5)


def test_activation_noise_range_and_seed(model):
    def seen(seed, **settings):
        np.random.seed(seed)  # noqa: NPY002
        recorder = Recorder()
        image = keras_vis.visualize_activation(
            model, -1, 3, max_iter=2, callbacks=[recorder], input_modifiers=[recorder], **settings
        )
        return recorder.before[0], image

    start, image = seen(0)
    assert image.dtype == np.uint8 and image.shape == (32, 32, 3)
    assert abs(start.mean() - 127.5) < 1e-6 and abs(start.std() - 0.05 * 255) < 1e-4
    np.testing.assert_array_equal(image, seen(0)[1])
    assert not np.array_equal(image, seen(1)[1])
    start, image = seen(0, input_range=(-0.5, 0.5))
    assert image.dtype != np.uint8 and -0.5 <= image.min() < image.max() <= 0.5
    assert abs(start.mean()) < 1e-6 and abs(start.std() - 0.05) < 1e-5


def test_activation_climbs_and_prints(model, capsys):
    kept = Recorder()
    settings = {"lp_norm_weight": 0, "tv_weight": None, "input_range": (0.0, 1.0), "max_iter": 6}
    keras_vis.visualize_activation(
        model, -1, 7, verbose=True, callbacks=[kept], input_modifiers=[kept], **settings
    )
    assert list(kept.losses[0]) == ["ActivationMax Loss"]
    assert kept.losses[-1]["ActivationMax Loss"] < kept.losses[0]["ActivationMax Loss"]
    assert "Iteration: 6, named_losses: [('ActivationMax Loss'" in capsys.readouterr().out
    logit = keras_vis.apply_modifications(interpret_free(model)).predict(kept.before[-1], verbose=0)
    np.testing.assert_allclose(-logit[0, 7], kept.losses[-1]["ActivationMax Loss"], rtol=1e-4)


def interpret_free(model):
    """Return a copy of the network with a linear output, without our own tools."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.layers[-1].activation = keras.activations.linear
    return copy


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"layer_idx": "preds"}, "find_layer_idx"),
        ({"layer_idx": 12}, "from -12 to 11"),
        ({"filter_indices": 10}, r"preds.*from 0 to 9"),
        ({"filter_indices": "cat"}, "whole numbers"),
        ({"seed_input": np.zeros((28, 28, 1))}, r"\(28, 28, 1\).*\(32, 32, 3\)"),
        ({"seed_input": np.zeros((2, 32, 32, 3))}, "inside.attribution takes many"),
        ({"backprop_modifier": "smooth"}, "'guided', 'relu'"),
        ({"backprop_modifier": lambda m: m}, "yourself"),
        ({"grad_modifier": "abs"}, "'absolute', 'negate'"),
        ({"output": "softmax"}, "'logits', '0.4.1', '0.5.0'"),
    ],
)
@pytest.mark.parametrize("name", ["visualize_saliency", "visualize_cam", "visualize_activation"])
def test_errors(model, name, changed, message):
    arguments = {"layer_idx": -1, "filter_indices": 0, "seed_input": np.zeros((32, 32, 3))}
    with pytest.raises(ValueError, match=message):
        getattr(keras_vis, name)(model, **{**arguments, **changed})


def test_errors_of_one_function(model):
    image = np.zeros((32, 32, 3))
    with pytest.raises(ValueError, match="not before"):
        keras_vis.visualize_cam(model, 3, 0, image, penultimate_layer_idx=5)
    with pytest.raises(ValueError, match="no convolution or pooling"):
        keras_vis.visualize_cam(model, 1, 0, image)
    with pytest.raises(ValueError, match="expected maps"):
        keras_vis.visualize_cam(model, -1, 0, image, penultimate_layer_idx=9)
    with pytest.raises(TypeError, match=r"\['steps'\].*max_iter"):
        keras_vis.visualize_activation(model, -1, 0, steps=3)
    with pytest.raises(ValueError, match="max_iter"):
        keras_vis.visualize_activation(model, -1, 0, max_iter=0)
    with pytest.raises(ValueError, match="weights are 0"):
        keras_vis.visualize_activation(
            model, -1, 0, act_max_weight=0, lp_norm_weight=0, tv_weight=0
        )
    with pytest.raises(ValueError, match="start from noise"):
        keras_vis.visualize_activation(model, -1, 0, image, max_iter=1)


def test_channels_first_is_refused(model, monkeypatch):
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(ValueError, match="channels_last"):
        keras_vis.visualize_cam(keras_vis.apply_modifications(model), -1, 0, np.ones((32, 32, 3)))


def test_a_leaky_relu_is_refused_where_the_old_library_did_nothing():
    network, image = models.first_cnn((16, 16, 3)), np.ones((16, 16, 3))
    with pytest.raises(ValueError, match=r"LeakyReLU.*output=.logits"):
        keras_vis.visualize_saliency(network, -1, 0, image, "guided", output="0.4.1")
    assert keras_vis.visualize_saliency(network, -1, 0, image, "guided").shape == (16, 16, 3)
