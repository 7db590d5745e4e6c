"""Attribution against keras-vis 0.4.1, finite differences and hand-written passes; stimuli against
a climb with TensorFlow's own operations, one filter at a time.
"""

import gc
import importlib.util
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
from scipy.signal import correlate

from helpers import backend, models
from helpers.backend import keras
from inside import attribution
from tests.support import FIXTURES

layers, ops = keras.layers, keras.ops
RULES = {None: "vanilla", "guided": "guided", "rectified": "rectified"}
N_CLASSES = 3


def put_out(network, images):
    """Return what Keras itself makes of images; without a compilation, which `predict` costs."""
    return ops.convert_to_numpy(network(images, training=False))


# --- keras-vis 0.4.1 ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def oracle():
    with np.load(FIXTURES / "kerasvis_oracle.npz") as arrays:
        return dict(arrays)


def oracle_network(oracle):
    """Return the network that keras-vis explained, its softmax left in."""
    network = keras.Sequential([keras.Input((32, 32, 3))])
    for _ in range(2):
        network.add(layers.Conv2D(8, 3, padding="same", activation="relu"))
        network.add(layers.Conv2D(8, 3, activation="relu"))
        network.add(layers.MaxPooling2D())
        network.add(layers.Dropout(0.25))
    network.add(layers.Flatten())
    network.add(layers.Dense(32, activation="relu"))
    network.add(layers.Dropout(0.5))
    network.add(layers.Dense(10, activation="softmax"))
    network.set_weights([oracle[f"w{i:02d}"] for i in range(12)])
    return network


@pytest.fixture(scope="module")
def explained(oracle):
    return oracle_network(oracle)


def report(capsys, what, error):
    """Print a measured error past pytest's capture; the runs on other backends collect these."""
    if os.environ.get("REPORT_ERRORS"):
        with capsys.disabled():
            print(f"\n{keras.backend.backend()}: {what}: {error:.1e}")


def test_oracle_probabilities(explained, oracle, capsys):
    logits = np.float64(attribution.class_logits(explained, oracle["x"]))
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = np.abs(odds / odds.sum(axis=1, keepdims=True) - oracle["proba"]).max()
    report(capsys, "probabilities", error)
    assert error <= 1e-6


@pytest.mark.parametrize("rule", RULES)
def test_oracle_gradients(explained, oracle, rule, capsys):
    ours = attribution.saliency(explained, oracle["x"], oracle["classes"], rule)
    theirs = oracle[f"grad_{RULES[rule]}"].reshape(ours.shape)
    largest = np.abs(theirs).max(axis=(1, 2, 3), keepdims=True)
    error = (np.abs(ours - theirs) / largest).max()
    report(capsys, f"gradient, {RULES[rule]}", error)
    assert error <= 1e-5


@pytest.mark.parametrize("rule", RULES)
def test_oracle_cams(explained, oracle, rule, capsys):
    maps = [
        attribution.grad_cam(explained, oracle["x"], oracle["classes"], rule=rule),
        oracle[f"cam_{RULES[rule]}"].reshape(4, 6, 6),
    ]
    ours, theirs = (m / m.max(axis=(1, 2), keepdims=True) for m in maps)
    error = np.abs(ours - theirs).max()
    report(capsys, f"CAM, {RULES[rule]}", error)
    assert error <= 1e-5


def test_oracle_tells_the_rules_apart(explained, oracle):
    """What the comparison above would say if one rule were taken for another."""
    for rule in RULES:
        ours = attribution.saliency(explained, oracle["x"], oracle["classes"], rule)
        for name in set(RULES.values()) - {RULES[rule]}:
            theirs = oracle[f"grad_{name}"].reshape(ours.shape)
            assert np.abs(ours - theirs).max() > 0.1 * np.abs(theirs).max()


def run_on(name):
    """Run what concerns every backend in a process of its own; return what it printed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n0",
        "-q",
        __file__,
        "-k",
        "oracle or every_backend",
    ]
    environment = {**os.environ, "KERAS_BACKEND": name, "REPORT_ERRORS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_jax():
    if importlib.util.find_spec("jax") is None:
        if os.environ.get("CI"):
            pytest.fail("JAX is not installed; it belongs to the group `test`.")
        pytest.skip("JAX is not installed")
    assert "jax: CAM, guided:" in run_on("jax")


@pytest.mark.torch
def test_torch():
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    assert "torch: CAM, guided:" in run_on("torch")


# --- gradients ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((5, 12, 12, 3), dtype="float32")


CLASSES = np.array([0, 1, 2, 1, 0])


@pytest.fixture(scope="module")
def small():
    """Return a network that no test changes, so that each way to look at it compiles once."""
    return chain()


def chain(end="softmax", leaky=False):
    """Return a small Sequential network whose two blocks have names."""
    keras.utils.set_random_seed(7)
    network = keras.Sequential([keras.Input((12, 12, 3))], name="chain")
    for k in (1, 2):
        network.add(layers.Conv2D(4, 3, padding="same", name=f"conv{k}"))
        network.add(layers.LeakyReLU(0.2) if leaky else layers.Activation("relu", name=f"relu{k}"))
        network.add(layers.MaxPooling2D(name=f"pool{k}"))
    network.add(layers.Flatten())
    network.add(layers.Dense(8, activation="leaky_relu" if leaky else "relu"))
    network.add(layers.Dense(N_CLASSES, activation=end, name="scores"))
    return network


def branching():
    """Return a network where two layers have two consumers each."""
    keras.utils.set_random_seed(8)
    image = keras.Input((12, 12, 3), name="image")
    near = layers.Conv2D(4, 3, padding="same", activation="relu", name="near")(image)
    far = layers.Conv2D(4, 3, padding="same", activation="relu", name="far")(near)
    both = layers.Concatenate(name="both")([layers.Add()([near, far]), far])
    pooled = layers.AveragePooling2D(2, name="pool")(both)
    scores = layers.Dense(N_CLASSES, activation="softmax")(layers.Flatten()(pooled))
    return keras.Model(image, scores, name="branching")


def test_finite_differences():
    """Gradients in float64, where the image is smooth enough that few ReLUs turn over."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras on JAX and on PyTorch does not keep float64 all the way")
    keras.utils.set_random_seed(3)
    network = keras.Sequential([keras.Input((8, 8, 2), dtype="float64")])
    for layer in (
        layers.Conv2D(3, 3, activation="relu", dtype="float64"),
        layers.MaxPooling2D(dtype="float64"),
        layers.LeakyReLU(dtype="float64"),
        layers.Flatten(dtype="float64"),
        layers.Dense(4, activation="relu", dtype="float64"),
        layers.Dense(N_CLASSES, activation="softmax", dtype="float64"),
    ):
        network.add(layer)
    image = np.random.default_rng(1).normal(size=(1, 8, 8, 2))
    slopes = attribution.saliency(network, image, 1)
    assert slopes.dtype == np.float64
    nudges = np.eye(image.size).reshape(-1, *image.shape[1:]) * 1e-5

    def logit(images):
        return attribution.class_logits(network, images)[:, 1]

    differences = (logit(image + nudges) - logit(image - nudges)) / 2e-5
    errors = np.abs(slopes.ravel() - differences) / np.abs(differences).max()
    assert np.median(errors) <= 1e-7, np.median(errors)
    assert np.mean(errors > 1e-6) < 0.05


def test_integrated_gradients_share_out_the_change_of_the_logit(oracle, explained):
    image, wanted = oracle["x"], oracle["classes"]
    for baseline in (None, 0.5, image[::-1].copy()):
        start = np.broadcast_to(0 if baseline is None else baseline, image.shape)
        change = (
            attribution.class_logits(explained, image) - attribution.class_logits(explained, start)
        )[np.arange(4), wanted]
        shares = attribution.integrated_gradients(explained, image, wanted, baseline)
        np.testing.assert_allclose(shares.sum(axis=(1, 2, 3)), change, atol=0.01 * np.ptp(change))
        few = attribution.integrated_gradients(explained, image, wanted, baseline, steps=2)
        worse = np.abs(few.sum(axis=(1, 2, 3)) - change).max()
        assert worse > np.abs(shares.sum(axis=(1, 2, 3)) - change).max()


def test_integrated_gradients_of_a_straight_line_are_exact(images):
    network = keras.Sequential([keras.Input((12, 12, 3)), layers.Flatten(), layers.Dense(2)])
    kernel = network.layers[-1].get_weights()[0][:, 1].reshape(12, 12, 3)
    shares = attribution.integrated_gradients(network, images, 1, baseline=0.25, steps=1)
    np.testing.assert_allclose(shares, kernel * (images - 0.25), rtol=1e-5, atol=1e-7)


def test_smooth_saliency_is_the_mean_over_noisy_copies(images, small):
    ours = attribution.smooth_saliency(small, images, CLASSES, "guided", 0.2, samples=3, seed=4)
    bell = np.random.default_rng(4).standard_normal((3, 12, 12, 3))
    width = 0.2 * (images.max(axis=(1, 2, 3)) - images.min(axis=(1, 2, 3)))
    copies = [
        attribution.saliency(small, images + width[:, None, None, None] * b, CLASSES, "guided")
        for b in bell
    ]
    np.testing.assert_allclose(ours, np.mean(copies, axis=0), atol=1e-6)
    np.testing.assert_allclose(
        attribution.smooth_saliency(small, images, CLASSES, noise=0, samples=2),
        attribution.saliency(small, images, CLASSES),
        atol=1e-6,
    )


def test_saliency_map():
    slopes = np.zeros((1, 2, 2, 3))
    slopes[0, 0, 1] = [1, -4, 2]
    np.testing.assert_array_equal(attribution.saliency_map(slopes), [[[0, 4], [0, 0]]])


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
        linear = attribution.logit_model(network)
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
        ruled = attribution.with_rule(network, rule)
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
    body, head = attribution.split_at(network, "far", "guided")
    both = put_out(head, [images, put_out(body, images)])
    np.testing.assert_allclose(both, attribution.class_logits(network, images), atol=1e-6)
    for end in (network.layers[0], network.layers[-1]):
        with pytest.raises(ValueError, match="nothing to cut"):
            attribution.split_at(network, end)


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
        attribution.split_at(network, "twice")


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


# --- the caller's network -------------------------------------------------------------------------


def snapshot(network):
    """Return all that a call might leave behind."""
    calls = [(len(x._inbound_nodes), len(x._outbound_nodes)) for x in network.layers]
    activations = [getattr(x, "activation", None) for x in network.layers]
    names = [x.name for x in network.layers]
    return calls, activations, names, network.get_config(), [id(v) for v in network.variables]


@pytest.mark.parametrize("make", [chain, branching])
def test_the_network_stays_as_it_is_every_backend(make, images):
    network = make()
    network.compile("sgd", "sparse_categorical_crossentropy")
    before, weights = snapshot(network), network.get_weights()
    attribution.saliency(network, images, CLASSES, "rectified")
    attribution.grad_cam(network, images, CLASSES, rule="guided")
    with pytest.raises(ValueError, match="no layer"):
        attribution.grad_cam(network, images, CLASSES, "elsewhere")
    attribution.feature_maps(network, network.layers[2], images)
    attribution.maximum_stimuli(network, network.layers[2], steps=1)
    assert snapshot(network) == before
    for now, then in zip(network.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, then)


def test_new_weights_count_at_once_and_need_no_new_program_every_backend(images, monkeypatch):
    compiled = []
    original = backend.compiled
    monkeypatch.setattr(backend, "compiled", lambda fn: compiled.append(fn) or original(fn))
    network, rng = chain(), np.random.default_rng(0)
    attribution.saliency(network, images, CLASSES, "guided")
    for _ in range(2):
        network.set_weights([rng.normal(size=w.shape) for w in network.get_weights()])
        fresh = chain()
        fresh.set_weights(network.get_weights())
        ours = attribution.saliency(network, images, CLASSES, "guided")
        assert len(compiled) == 1
        np.testing.assert_allclose(
            ours, attribution.saliency(fresh, images, CLASSES, "guided"), rtol=1e-5, atol=1e-6
        )
        compiled.pop()  # that of the fresh network


def test_training_counts_at_once(images):
    network = chain()
    attribution.saliency(network, images, CLASSES)
    network.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    network.fit(images, CLASSES, verbose=0)
    fresh = chain()
    fresh.set_weights(network.get_weights())
    np.testing.assert_allclose(
        attribution.saliency(network, images, CLASSES),
        attribution.saliency(fresh, images, CLASSES),
        atol=1e-6,
    )


def test_other_settings_count_at_once(images):
    network = chain(leaky=True)
    before = attribution.saliency(network, images, CLASSES)
    network.layers[1].negative_slope = 0.9
    after = attribution.saliency(network, images, CLASSES)
    assert not np.allclose(before, after)
    network.layers[-2].activation = keras.activations.relu
    assert not np.allclose(after, attribution.saliency(network, images, CLASSES))
    network.layers[-2].activation = keras.activations.gelu
    with pytest.raises(ValueError, match="gelu"):
        attribution.saliency(network, images, CLASSES, "guided")
    network.pop()
    network.add(layers.Dense(2))
    assert attribution.class_logits(network, images).shape == (5, 2)


def test_a_network_that_is_not_needed_any_more_goes(images):
    network = chain()
    attribution.saliency(network, images, CLASSES, "guided")
    attribution.grad_cam(network, images, CLASSES)
    attribution.maximum_stimuli(network, "conv1", steps=1)
    kept = weakref.ref(network)
    del network
    gc.collect()
    assert kept() is None


def test_a_ruled_network_shares_names_order_and_weights(images):
    for network in (chain(), branching()):
        ruled = attribution.with_rule(network, "guided")
        assert [x.name for x in ruled.layers] == [x.name for x in network.layers]
        assert [id(v) for v in ruled.weights] == [id(v) for v in network.weights]
        network.set_weights([w + 0.1 for w in network.get_weights()])
        np.testing.assert_allclose(
            put_out(ruled, images), attribution.class_logits(network, images), atol=1e-6
        )
        kept = attribution.with_rule(network, "rectified", logits=False)
        np.testing.assert_allclose(put_out(kept, images), put_out(network, images), atol=1e-6)


# --- batches --------------------------------------------------------------------------------------


def methods():
    yield "saliency", attribution.saliency
    yield "cam", attribution.grad_cam
    yield "smooth", lambda *a, **k: attribution.smooth_saliency(*a, samples=3, **k)
    yield "integrated", lambda *a, **k: attribution.integrated_gradients(*a, steps=3, **k)


@pytest.mark.parametrize(("name", "method"), list(methods()))
def test_an_image_gets_the_same_map_in_any_company(name, method, images, small):
    together = method(small, images, CLASSES)
    tolerance = {"rtol": 1e-4, "atol": 1e-6}
    order = [3, 0, 4, 1, 2]
    np.testing.assert_allclose(
        method(small, images[order], CLASSES[order]), together[order], **tolerance
    )
    for size in (1, 2, 4):
        np.testing.assert_allclose(
            method(small, images, CLASSES, batch_size=size), together, **tolerance
        )
    alone = [method(small, images[[i]], CLASSES[i])[0] for i in range(5)]
    np.testing.assert_allclose(alone, together, **tolerance)


def test_feature_maps_are_what_the_layer_puts_out(images, small):
    for name in ("conv1", "pool2", "scores"):
        until = keras.Model(small.inputs[0], small.get_layer(name).output)
        for size in (64, 2):
            np.testing.assert_allclose(
                attribution.feature_maps(small, name, images, batch_size=size),
                put_out(until, images),
                atol=1e-6,
            )


@pytest.mark.parametrize(
    ("network", "name"),
    [(models.first_cnn, "pool2"), (models.cifar_cnn, "pool2"), (chain, "pool2")],
)
def test_default_layer_of_a_cam(network, name):
    assert attribution.default_cam_layer(network()).name == name


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.ones((12, 12, 3))}, r"\(12, 12, 3\).*takes \(n, 12, 12, 3\).*newaxis"),
        ({"images": np.ones((2, 3, 12, 12))}, r"takes \(n, 12, 12, 3\)"),
        ({"images": np.ones((0, 12, 12, 3))}, "takes"),
        ({"images": np.full((1, 12, 12, 3), np.nan)}, "not finite"),
        ({"images": "cat.png"}, "expected numbers"),
        ({"classes": 3}, "has 0 to 2"),
        ({"classes": -1}, "has 0 to 2"),
        ({"classes": [0, 1]}, "for each of the 5 images"),
        ({"classes": 1.5}, "whole number"),
        ({"rule": "relu"}, "'guided', 'rectified'"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
@pytest.mark.parametrize("method", [attribution.saliency, attribution.grad_cam])
def test_errors(method, change, message, images, small):
    arguments = {"images": images, "classes": CLASSES, **change}
    with pytest.raises(ValueError, match=message):
        method(small, **arguments)


def test_errors_of_one_function(images, small):
    with pytest.raises(ValueError, match=r"no layer 'conv9'.*conv1, relu1, pool1"):
        attribution.feature_maps(small, "conv9", images)
    with pytest.raises(ValueError, match="expected maps"):
        attribution.grad_cam(small, images, 0, "scores")
    with pytest.raises(ValueError, match="samples=0"):
        attribution.smooth_saliency(small, images, 0, samples=0)
    with pytest.raises(ValueError, match="noise=-1"):
        attribution.smooth_saliency(small, images, 0, noise=-1)
    with pytest.raises(ValueError, match=r"steps=2\.5"):
        attribution.integrated_gradients(small, images, 0, steps=2.5)
    for wrong in (np.ones((7, 7)), "black"):
        with pytest.raises(ValueError, match="an image"):
            attribution.integrated_gradients(small, images, 0, baseline=wrong)
    with pytest.raises(ValueError, match="finite"):
        attribution.integrated_gradients(small, images, 0, baseline=np.inf)
    with pytest.raises(ValueError, match="height, width"):
        attribution.saliency_map(images[0])
    two = keras.Model(small.inputs, [small.outputs[0], small.layers[3].output])
    with pytest.raises(ValueError, match="2 outputs"):
        attribution.saliency(two, images, 0)
    with pytest.raises(ValueError, match="one score per class"):
        attribution.saliency(keras.Model(small.inputs, small.layers[3].output), images, 0)
    with pytest.raises(ValueError, match=r"keras\.Input"):
        attribution.saliency(keras.Sequential([layers.Dense(3)]), images, 0)


# --- another library ------------------------------------------------------------------------------


def test_tf_keras_vis_agrees_where_it_works(images):
    """Its plain gradients and CAMs of functional networks; what goes wrong is not asked for."""
    if importlib.util.find_spec("tf_keras_vis") is None or keras.backend.backend() != "tensorflow":
        pytest.skip("tf-keras-vis is not installed; it is in the group `bench`")
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.scores import CategoricalScore

    # A Sequential network built layer by layer has calls that its Gradcam cannot connect.
    apart = chain(end=None)
    network = keras.models.clone_model(keras.Model(apart.inputs, apart.outputs))
    score = CategoricalScore(CLASSES.tolist())
    theirs = Saliency(network)(score, images, keepdims=True, normalize_map=False)
    ours = attribution.saliency(network, images, CLASSES)
    np.testing.assert_allclose(theirs, np.abs(ours), rtol=1e-4, atol=1e-6)
    theirs = Gradcam(network)(
        score,
        images,
        penultimate_layer="pool2",
        seek_penultimate_conv_layer=False,  # or it takes the convolution before, unasked
        expand_cam=False,
        normalize_cam=False,
    )
    ours = attribution.grad_cam(network, images, CLASSES)
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-6)


# --- maximum stimuli ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return models.first_cnn((16, 16, 3))


def climb_alone(model, k, start, steps, step):
    """Climb the mean of map k behind the second convolution; no Keras in the forward pass."""
    import tensorflow as tf

    weights = [model.get_layer(name).get_weights() for name in ("conv1", "conv2")]
    picture = tf.constant(start[np.newaxis])
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(picture)
            x = picture
            for kernel, bias in weights:
                x = tf.nn.leaky_relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias, alpha=0.1)
            score = tf.reduce_mean(x[0, :, :, k])
        slope = tape.gradient(score, picture).numpy()
        length = np.sqrt(np.sum(np.float64(slope) ** 2)) + 1e-10
        picture = tf.constant((picture.numpy() + step * slope / length).astype("float32"))
    return picture.numpy()[0]


def test_all_filters_at_once_climb_as_each_does_alone(model):
    filters = [0, 3, 31]
    start, _ = attribution.maximum_stimuli(model, "leaky2", filters, steps=0)
    together, _ = attribution.maximum_stimuli(model, "leaky2", filters, steps=8, step=0.5)
    for picture, begin, k in zip(together, start, filters, strict=True):
        np.testing.assert_allclose(picture, climb_alone(model, k, begin, 8, 0.5), atol=2e-4)


def test_score_is_the_mean_of_the_feature_map_of_the_returned_picture(model):
    stimuli, scores = attribution.maximum_stimuli(model, "leaky4", [5, 6], steps=3)
    maps = keras.Model(model.inputs[0], model.get_layer("leaky4").output).predict(
        stimuli, verbose=0
    )
    np.testing.assert_allclose(scores, [maps[0, ..., 5].mean(), maps[1, ..., 6].mean()], rtol=1e-4)


@pytest.mark.parametrize("layer", ["conv1", "leaky3", "dense1", "logits"])
def test_climbing_raises_every_score_every_backend(model, layer):
    _, before = attribution.maximum_stimuli(model, layer, range(8), steps=0)
    _, after = attribution.maximum_stimuli(model, layer, range(8), steps=10, step=0.3)
    assert (after > before).all()


@pytest.mark.parametrize("step", [0.1, 1.0, 2.5])
def test_a_step_is_as_long_as_asked(model, step):
    start, _ = attribution.maximum_stimuli(model, "leaky1", steps=0)
    end, _ = attribution.maximum_stimuli(model, "leaky1", steps=1, step=step)
    length = np.sqrt(((end - start) ** 2).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(length, step, rtol=1e-4)


def test_shapes_for_all_filters_and_for_one(model):
    stimuli, scores = attribution.maximum_stimuli(model, "logits", steps=1)
    assert stimuli.shape == (10, 16, 16, 3) and scores.shape == (10,)
    assert attribution.maximum_stimuli(model, "logits", 4, steps=1)[0].shape == (1, 16, 16, 3)


def test_the_start_depends_on_seed_and_filter_only(model):
    def start(filters, seed):
        return attribution.maximum_stimuli(model, "conv1", filters, steps=0, seed=seed)[0]

    np.testing.assert_array_equal(start([7, 2], 0)[1], start([0, 1, 2], 0)[2])
    assert not np.array_equal(start([2], 0), start([2], 1))
    assert not np.array_equal(start([2], 0), start([3], 0))


@pytest.mark.parametrize(("layer", "width"), [("leaky1", 0.1), ("logits", 0.001)])
def test_noise_around_grey(model, layer, width):
    start, _ = attribution.maximum_stimuli(model, layer, range(10), steps=0)
    assert 0.45 * width < np.abs(start).max() <= 0.5 * width
    assert abs(start.mean()) < 0.02 * width
    shifted, _ = attribution.maximum_stimuli(model, layer, range(10), steps=0, grey=0.5)
    np.testing.assert_allclose(shifted - start, 0.5, atol=1e-6)


def test_only_the_part_up_to_the_layer_runs(model):
    broken = models.first_cnn((16, 16, 3))
    broken.set_weights(model.get_weights())
    broken.get_layer("conv3").set_weights([np.full((3, 3, 32, 32), np.nan), np.full(32, np.nan)])
    ours, _ = attribution.maximum_stimuli(broken, "leaky2", [1], steps=2)
    np.testing.assert_array_equal(
        ours, attribution.maximum_stimuli(model, "leaky2", [1], steps=2)[0]
    )
    assert np.isnan(attribution.maximum_stimuli(broken, "leaky3", [1], steps=1)[1]).all()


def test_a_dead_filter_stays_where_it_is_and_shows_in_its_score(model):
    dead = models.first_cnn((16, 16, 3))
    dead.get_layer("conv1").set_weights([np.zeros((3, 3, 3, 16)), np.full(16, -1.0)])
    start, _ = attribution.maximum_stimuli(dead, "leaky1", [0], steps=0)
    end, scores = attribution.maximum_stimuli(dead, "leaky1", [0], steps=5)
    np.testing.assert_array_equal(start, end)
    np.testing.assert_allclose(scores, -0.1, rtol=1e-5)


def test_a_layer_object_does_as_well_as_its_name(model):
    by_name, _ = attribution.maximum_stimuli(model, "leaky1", [0], steps=2)
    by_layer, _ = attribution.maximum_stimuli(model, model.get_layer("leaky1"), [0], steps=2)
    np.testing.assert_array_equal(by_name, by_layer)


def test_a_wrong_name_lists_the_right_ones(model):
    with pytest.raises(ValueError, match=r"no layer 'leaky_1'.*conv1, leaky1, conv2"):
        attribution.maximum_stimuli(model, "leaky_1")
    with pytest.raises(ValueError, match="no layer"):
        attribution.maximum_stimuli(model, keras.layers.ReLU(name="elsewhere"))


@pytest.mark.parametrize("filters", [[16], [-1], [0.5], [], [[0, 1]], "first"])
def test_filters_that_do_not_exist(model, filters):
    with pytest.raises(ValueError, match="whole numbers from 0 to 15"):
        attribution.maximum_stimuli(model, "leaky1", filters)


def test_networks_without_a_size_are_refused():
    with pytest.raises(ValueError, match=r"keras\.Input"):
        attribution.maximum_stimuli(keras.Sequential([keras.layers.Dense(3)]), "dense")
    any_size = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3, name="c")])
    with pytest.raises(ValueError, match="any size"):
        attribution.maximum_stimuli(any_size, "c")
    with pytest.raises(ValueError, match="steps"):
        attribution.maximum_stimuli(models.first_cnn(), "conv1", steps=-1)


def test_many_networks_in_a_row_raise_no_retracing_warning(model, caplog):
    for _ in range(7):
        attribution.maximum_stimuli(model, "leaky1", [0], steps=1)
    assert "retracing" not in caplog.text


def test_viewable_keeps_grey_order_and_colour():
    stimulus = np.zeros((1, 4, 4, 3))
    stimulus[0, 0, 0] = [2.0, 1.0, -1.0]
    seen = attribution.viewable(stimulus, largest=2.0)
    np.testing.assert_allclose(seen[0, 0, 0], [1.0, 0.75, 0.25])
    assert (seen[0, 1:] == 0.5).all()
    assert np.isfinite(attribution.viewable(np.zeros((2, 4, 4, 3)))).all()


def test_viewable_shows_a_photo_as_it_is_and_clips_one_value_in_a_hundred():
    photo = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3))
    np.testing.assert_allclose(
        attribution.viewable(photo / 255 - 0.5, largest=0.5), photo / 255, atol=1e-12
    )
    seen = attribution.viewable(np.random.default_rng(1).normal(size=(3, 50, 50, 3)))
    assert 0.005 < np.mean((seen == 0) | (seen == 1)) < 0.015


def test_gradient_of_a_known_function_every_backend():
    x = keras.ops.convert_to_tensor(np.array([1.0, -2.0, 3.0], dtype="float32"))
    slope, value = backend.gradient(lambda v: keras.ops.sum(v**3), x)
    np.testing.assert_allclose(slope, [3, 12, 27], rtol=1e-6)
    np.testing.assert_allclose(value, 20, rtol=1e-6)
    np.testing.assert_allclose(backend.compiled(lambda v: 2 * v)(x), [2, -4, 6])
