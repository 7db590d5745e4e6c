"""Rewired networks against hand-written passes: their ends, rules, cuts and graphs."""

import numpy as np
import pytest
from scipy.signal import correlate

from helpers.backend import keras
from inside import attribution, rewire
from tests.support.explained import CLASSES, N_CLASSES, branching, chain, put_out

layers, ops = keras.layers, keras.ops
RULES = (None, "guided", "rectified")


# --- the end of the network -----------------------------------------------------------------------


def ends():
    """Networks that differ in their end only; the first ends in logits."""
    last = {
        "none": [layers.Dense(N_CLASSES)],
        "softmax": [layers.Dense(N_CLASSES, activation="softmax")],
        "activation": [layers.Dense(N_CLASSES), layers.Activation("softmax")],
        "layer": [layers.Dense(N_CLASSES), layers.Softmax()],
        "sigmoid": [layers.Dense(N_CLASSES, activation="sigmoid")],
        "inside": [
            keras.Sequential([keras.Input((144,)), layers.Dense(N_CLASSES, activation="softmax")])
        ],
    }
    for name, end in last.items():
        head = [layers.Conv2D(4, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
        head += [layers.Flatten()]
        network = keras.Sequential([keras.Input((12, 12, 3)), *head, *end], name=name)
        yield network


def test_a_softmax_at_the_end_does_not_matter_every_backend(images):
    logits, *others = ends()
    expected = attribution.saliency(logits, images, CLASSES, "guided")
    for network in others:
        network.set_weights(logits.get_weights())
        ours = attribution.saliency(network, images, CLASSES, "guided")
        np.testing.assert_allclose(ours, expected, atol=1e-7)
        linear = rewire.with_rule(network)
        np.testing.assert_allclose(put_out(linear, images), put_out(logits, images), atol=1e-6)


def test_another_end_stays(images):
    network = chain(end="tanh")
    np.testing.assert_allclose(
        attribution.class_logits(network, images), put_out(network, images), atol=1e-6
    )


def test_an_operation_for_a_softmax():
    pixels = keras.Input((4,))
    scores = layers.Dense(3)(ops.relu(layers.Dense(5)(pixels)) * 2 + 1)
    network = keras.Model(pixels, ops.softmax(scores))
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    (k1, b1), (k2, b2) = (layer.get_weights() for layer in network.layers[1:])
    hidden = x @ k1 + b1
    logits = (2 * np.maximum(hidden, 0) + 1) @ k2 + b2
    np.testing.assert_allclose(attribution.class_logits(network, x), logits, atol=1e-5)
    slope = (2 * np.maximum(k2[:, 1], 0) * (hidden > 0)) @ k1.T
    np.testing.assert_allclose(attribution.saliency(network, x, 1, "guided"), slope, atol=1e-5)


# --- rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "slope_below", "low", "high"),
    [
        (lambda: layers.ReLU(), 0, 0, np.inf),
        (lambda: layers.Activation("relu"), 0, 0, np.inf),
        (lambda: layers.LeakyReLU(negative_slope=0.3), 0.3, 0, np.inf),
        (lambda: layers.Activation("leaky_relu"), 0.2, 0, np.inf),
        (lambda: layers.ReLU(negative_slope=0.1), 0.1, 0, np.inf),
        (lambda: layers.ReLU(max_value=0.5), 0, 0, 0.5),
        (lambda: layers.ReLU(threshold=0.2), 0, 0.2, np.inf),
    ],
)
@pytest.mark.parametrize("rule", RULES)
def test_rules_by_hand(unit, slope_below, low, high, rule):
    """Two layers of weights around a unit, forwards and backwards in numpy."""
    rng = np.random.default_rng(5)
    x, first, second = rng.normal(size=(40, 6)), rng.normal(size=(6, 9)), rng.normal(size=(9, 2))
    network = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(9, use_bias=False),
            unit(),
            layers.Dense(2, use_bias=False),
        ]
    )
    network.set_weights([first, second])
    z = x @ first
    active = (z > low) & (z < high)
    arriving = np.broadcast_to(second[:, 1], z.shape)
    if rule is None:
        passed = arriving * np.where(active, 1, np.where(z >= high, 0, slope_below))
    else:
        passed = np.maximum(arriving, 0) * (active if rule == "guided" else 1)
    np.testing.assert_allclose(
        attribution.saliency(network, x, 1, rule), passed @ first.T, rtol=1e-4, atol=1e-5
    )
    y = np.where(active, z, np.where(z >= high, high, slope_below * (z - low)))
    np.testing.assert_allclose(
        attribution.class_logits(network, x), y @ second, rtol=1e-4, atol=1e-5
    )


def test_a_rule_leaves_the_way_up_alone(images):
    network = chain(leaky=True)
    expected = attribution.class_logits(network, images)
    for rule in RULES:
        ruled = rewire.with_rule(network, rule)
        np.testing.assert_array_equal(put_out(ruled, images), expected)


def test_where_to_write_a_relu_does_not_matter(images):
    apart = chain()
    joined = keras.Sequential([keras.Input((12, 12, 3))])
    for _ in range(2):
        joined.add(layers.Conv2D(4, 3, padding="same", activation="relu"))
        joined.add(layers.MaxPooling2D())
    joined.add(layers.Flatten())
    joined.add(layers.Dense(8, activation=layers.ReLU()))
    joined.add(layers.Dense(N_CLASSES, activation="softmax"))
    joined.set_weights(apart.get_weights())
    for rule in ("guided", "rectified"):
        np.testing.assert_allclose(
            attribution.saliency(joined, images, CLASSES, rule),
            attribution.saliency(apart, images, CLASSES, rule),
            atol=1e-7,
        )


@keras.saving.register_keras_serializable("tests")
class Secret(layers.Layer):
    def call(self, x):
        return ops.sin(x)


@pytest.mark.parametrize(
    "unit",
    [
        lambda: layers.Activation("elu"),
        lambda: layers.Activation("gelu"),
        lambda: layers.Dense(3, activation="tanh"),
        lambda: layers.Dense(3, activation=lambda x: x**2),
        lambda: layers.ELU(),
        lambda: layers.PReLU(),
        lambda: layers.Softmax(),
        lambda: layers.Lambda(lambda x: x**2),
        lambda: Secret(),
    ],
)
def test_a_rule_that_is_not_defined_is_refused_not_ignored(unit):
    network = keras.Sequential([keras.Input((4,)), layers.Dense(3), unit(), layers.Dense(2)])
    network.layers[1].name = "culprit"
    x = np.ones((1, 4))
    assert np.isfinite(attribution.saliency(network, x, 0)).all()
    for rule in ("guided", "rectified"):
        with pytest.raises(ValueError, match=r"ReLU and LeakyReLU.*'culprit'"):
            attribution.saliency(network, x, 0, rule)


# --- graphs ---------------------------------------------------------------------------------------


def test_functional_as_sequential_every_backend(images, small):
    functional = keras.Model(small.inputs, small.outputs)
    for rule, method in (("rectified", attribution.saliency), ("guided", attribution.grad_cam)):
        np.testing.assert_allclose(
            method(functional, images, CLASSES, rule=rule),
            method(small, images, CLASSES, rule=rule),
            atol=1e-7,
        )


@pytest.mark.parametrize("layer", ["near", "far", "both", "pool"])
def test_cam_of_a_branching_network_every_backend(images, layer):
    """The same graph in numpy. The mean slope of a map is the slope along all pixels at once."""
    network = branching()
    weights = {layer.name: layer.get_weights() for layer in network.layers}
    *_, (dense, bias) = (w for w in weights.values() if w)

    def convolved(maps, name):
        kernel, offset = weights[name]
        padded = np.pad(maps, ((1, 1), (1, 1), (0, 0)))
        z = [correlate(padded, kernel[..., k], "valid")[..., 0] for k in range(4)]
        return np.maximum(np.stack(z, axis=-1) + offset, 0)

    def forward(image, **given):
        maps = {}
        for name, compute in (
            ("near", lambda: convolved(image, "near")),
            ("far", lambda: convolved(maps["near"], "far")),
            ("both", lambda: np.concatenate([maps["near"] + maps["far"], maps["far"]], axis=-1)),
            ("pool", lambda: maps["both"].reshape(6, 2, 6, 2, 8).mean(axis=(1, 3))),
        ):
            maps[name] = given[name] if name in given else compute()
        return maps, maps["pool"].ravel() @ dense + bias

    ours = attribution.grad_cam(network, images, CLASSES, layer)
    maps_of_all = attribution.feature_maps(network, layer, images)
    logits = attribution.class_logits(network, images)
    for i, (image, wanted) in enumerate(zip(np.float64(images), CLASSES, strict=True)):
        maps, scores = forward(image)
        maps = maps[layer]
        np.testing.assert_allclose(maps_of_all[i], maps, atol=1e-5)
        np.testing.assert_allclose(logits[i], scores, atol=1e-5)
        nudges = 1e-6 * np.eye(maps.shape[-1])
        slopes = [
            np.subtract(
                *(forward(image, **{layer: maps + sign * n})[1][wanted] for sign in (1, -1))
            )
            for n in nudges
        ]
        cam = np.maximum(maps @ (np.array(slopes) / 2e-6 / maps[..., 0].size), 0)
        np.testing.assert_allclose(ours[i], cam, atol=1e-5 + 1e-4 * cam.max())


def test_a_cut_network_is_whole_again(images):
    network = branching()
    body, head = rewire.split_at(network, "far", "guided")
    both = put_out(head, [images, put_out(body, images)])
    np.testing.assert_allclose(both, attribution.class_logits(network, images), atol=1e-6)
    for end in (network.layers[0], network.layers[-1]):
        with pytest.raises(ValueError, match="nothing to cut"):
            rewire.split_at(network, end)


def test_networks_inside_networks(images):
    flat = chain()
    first = keras.Input((12, 12, 3))
    within = first
    for layer in flat.layers[:3]:
        within = layer(within)
    block = keras.Model(first, within, name="block")
    head = keras.Sequential([keras.Input((6, 6, 4)), *flat.layers[3:]], name="head")
    sequential = keras.Sequential([keras.Input((12, 12, 3)), block, head])
    image = keras.Input((12, 12, 3))
    functional = keras.Model(image, head(block(image)))
    expected = attribution.saliency(flat, images, CLASSES, "rectified")
    cam = attribution.grad_cam(flat, images, CLASSES, "pool1", "guided")
    for nested in (sequential, functional):
        ours = attribution.saliency(nested, images, CLASSES, "rectified")
        np.testing.assert_allclose(ours, expected, atol=1e-7)
        ours = attribution.grad_cam(nested, images, CLASSES, "block", "guided")
        np.testing.assert_allclose(ours, cam, atol=1e-6)
    with pytest.raises(ValueError, match=r"no convolution or pooling.*block, head"):
        attribution.grad_cam(sequential, images, 0)


def test_a_sigmoid_inside_is_not_at_the_end(images):
    gate = keras.Sequential([keras.Input((432,)), layers.Dense(5, activation="sigmoid")])
    network = keras.Sequential([keras.Input((12, 12, 3)), layers.Flatten(), gate, layers.Dense(2)])
    np.testing.assert_allclose(
        attribution.class_logits(network, images), put_out(network, images), atol=1e-6
    )


def test_layers_that_serve_twice(images):
    image = keras.Input((12, 12, 3))
    twice = layers.Conv2D(3, 3, padding="same", activation="relu", name="twice")
    other = layers.Dense(N_CLASSES)(layers.Flatten()(twice(image)))
    keras.Model(image, other)  # somebody else's use does not count
    network = keras.Model(image, layers.Dense(2)(layers.Flatten()(twice(twice(image)))))
    apart = keras.Sequential([keras.Input((12, 12, 3))])
    for _ in range(2):
        apart.add(layers.Conv2D(3, 3, padding="same", activation="relu"))
    apart.add(layers.Flatten())
    apart.add(layers.Dense(2))
    apart.set_weights(
        [*twice.get_weights(), *twice.get_weights(), *network.layers[-1].get_weights()]
    )
    np.testing.assert_allclose(
        attribution.saliency(network, images, 1, "rectified"),
        attribution.saliency(apart, images, 1, "rectified"),
        atol=1e-7,
    )
    with pytest.raises(ValueError, match="'twice' is used more than once"):
        attribution.feature_maps(network, "twice", images)
    with pytest.raises(ValueError, match="'twice' is used more than once"):
        rewire.split_at(network, "twice")


def test_what_no_configuration_knows(images):
    """Statistics that an adapted layer keeps outside its weights, and a layer of somebody's own."""
    normal = layers.Normalization()
    normal.adapt(50 * images)
    network = keras.Sequential([keras.Input((12, 12, 3)), normal, *chain().layers])
    network.add(Secret())
    np.testing.assert_allclose(
        attribution.class_logits(network, images), put_out(network, images), atol=1e-6
    )


def test_pixels_as_whole_numbers():
    network = keras.Sequential([keras.Input((4, 4, 1), dtype="uint8"), layers.Rescaling(1 / 255)])
    network.add(layers.Flatten())
    network.add(layers.Dense(2))
    slopes = attribution.saliency(network, np.full((1, 4, 4, 1), 7, "uint8"), 1)
    kernel = network.layers[-1].get_weights()[0][:, 1]
    np.testing.assert_allclose(slopes.ravel(), kernel / 255, rtol=1e-5)


def test_half_precision(images, small):
    full = small
    half = keras.models.clone_model(
        full,
        clone_function=lambda layer: type(layer).from_config(
            {**layer.get_config(), "dtype": "mixed_float16"}
        ),
    )
    half.set_weights(full.get_weights())
    for rule in RULES:
        ours = attribution.saliency(half, images, CLASSES, rule)
        expected = attribution.saliency(full, images, CLASSES, rule)
        assert ours.dtype == np.float32
        assert np.median(np.abs(ours - expected)) < 0.01 * np.abs(expected).max()


def test_a_ruled_network_shares_names_order_and_weights(images):
    for network in (chain(), branching()):
        ruled = rewire.with_rule(network, "guided")
        assert [x.name for x in ruled.layers] == [x.name for x in network.layers]
        assert [id(v) for v in ruled.weights] == [id(v) for v in network.weights]
        network.set_weights([w + 0.1 for w in network.get_weights()])
        np.testing.assert_allclose(
            put_out(ruled, images), attribution.class_logits(network, images), atol=1e-6
        )
        kept = rewire.with_rule(network, "rectified", logits=False)
        np.testing.assert_allclose(put_out(kept, images), put_out(network, images), atol=1e-6)
