"""Attribution against keras-vis 0.4.1 and finite differences, and against another library."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import models
from helpers.backend import keras
from inside import attribution
from tests.support.explained import CLASSES, N_CLASSES, chain, put_out

layers = keras.layers
RULES = {None: "vanilla", "guided": "guided", "rectified": "rectified"}
ON_EVERY_BACKEND = ("attribution", "rewire", "stimuli", "backend")  # keras_vis has a run of its own


# --- keras-vis 0.4.1 ------------------------------------------------------------------------------


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
        *(str(Path(__file__).with_name(f"test_{name}.py")) for name in ON_EVERY_BACKEND),
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
