"""Compiled programs see the network of today, and leave it alone; gradients on every backend."""

import gc
import weakref

import numpy as np
import pytest

from helpers.backend import keras
from inside import attribution, backend, stimuli
from tests.support.explained import CLASSES, branching, chain

layers = keras.layers


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
    stimuli.maximum_stimuli(network, network.layers[2], steps=1)
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
    stimuli.maximum_stimuli(network, "conv1", steps=1)
    kept = weakref.ref(network)
    del network
    gc.collect()
    assert kept() is None


def test_gradient_of_a_known_function_every_backend():
    x = keras.ops.convert_to_tensor(np.array([1.0, -2.0, 3.0], dtype="float32"))
    slope, value = backend.gradient(lambda v: keras.ops.sum(v**3), x)
    np.testing.assert_allclose(slope, [3, 12, 27], rtol=1e-6)
    np.testing.assert_allclose(value, 20, rtol=1e-6)
    np.testing.assert_allclose(backend.compiled(lambda v: 2 * v)(x), [2, -4, 6])
