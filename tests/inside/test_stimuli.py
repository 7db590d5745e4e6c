"""Stimuli against a climb with TensorFlow's own operations, one filter at a time."""

import numpy as np
import pytest

from helpers import models
from helpers.backend import keras
from inside import stimuli


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
    start, _ = stimuli.maximum_stimuli(model, "leaky2", filters, steps=0)
    together, _ = stimuli.maximum_stimuli(model, "leaky2", filters, steps=8, step=0.5)
    for picture, begin, k in zip(together, start, filters, strict=True):
        np.testing.assert_allclose(picture, climb_alone(model, k, begin, 8, 0.5), atol=2e-4)


def test_score_is_the_mean_of_the_feature_map_of_the_returned_picture(model):
    pictures, scores = stimuli.maximum_stimuli(model, "leaky4", [5, 6], steps=3)
    maps = keras.Model(model.inputs[0], model.get_layer("leaky4").output).predict(
        pictures, verbose=0
    )
    np.testing.assert_allclose(scores, [maps[0, ..., 5].mean(), maps[1, ..., 6].mean()], rtol=1e-4)


@pytest.mark.parametrize("layer", ["conv1", "leaky3", "dense1", "logits"])
def test_climbing_raises_every_score_every_backend(model, layer):
    _, before = stimuli.maximum_stimuli(model, layer, range(8), steps=0)
    _, after = stimuli.maximum_stimuli(model, layer, range(8), steps=10, step=0.3)
    assert (after > before).all()


@pytest.mark.parametrize("step", [0.1, 1.0, 2.5])
def test_a_step_is_as_long_as_asked(model, step):
    start, _ = stimuli.maximum_stimuli(model, "leaky1", steps=0)
    end, _ = stimuli.maximum_stimuli(model, "leaky1", steps=1, step=step)
    length = np.sqrt(((end - start) ** 2).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(length, step, rtol=1e-4)


def test_shapes_for_all_filters_and_for_one(model):
    pictures, scores = stimuli.maximum_stimuli(model, "logits", steps=1)
    assert pictures.shape == (10, 16, 16, 3) and scores.shape == (10,)
    assert stimuli.maximum_stimuli(model, "logits", 4, steps=1)[0].shape == (1, 16, 16, 3)


def test_the_start_depends_on_seed_and_filter_only(model):
    def start(filters, seed):
        return stimuli.maximum_stimuli(model, "conv1", filters, steps=0, seed=seed)[0]

    np.testing.assert_array_equal(start([7, 2], 0)[1], start([0, 1, 2], 0)[2])
    assert not np.array_equal(start([2], 0), start([2], 1))
    assert not np.array_equal(start([2], 0), start([3], 0))


@pytest.mark.parametrize(("layer", "width"), [("leaky1", 0.1), ("logits", 0.001)])
def test_noise_around_grey(model, layer, width):
    start, _ = stimuli.maximum_stimuli(model, layer, range(10), steps=0)
    assert 0.45 * width < np.abs(start).max() <= 0.5 * width
    assert abs(start.mean()) < 0.02 * width
    shifted, _ = stimuli.maximum_stimuli(model, layer, range(10), steps=0, grey=0.5)
    np.testing.assert_allclose(shifted - start, 0.5, atol=1e-6)


def test_only_the_part_up_to_the_layer_runs(model):
    broken = models.first_cnn((16, 16, 3))
    broken.set_weights(model.get_weights())
    broken.get_layer("conv3").set_weights([np.full((3, 3, 32, 32), np.nan), np.full(32, np.nan)])
    ours, _ = stimuli.maximum_stimuli(broken, "leaky2", [1], steps=2)
    np.testing.assert_array_equal(ours, stimuli.maximum_stimuli(model, "leaky2", [1], steps=2)[0])
    assert np.isnan(stimuli.maximum_stimuli(broken, "leaky3", [1], steps=1)[1]).all()


def test_a_dead_filter_stays_where_it_is_and_shows_in_its_score(model):
    dead = models.first_cnn((16, 16, 3))
    dead.get_layer("conv1").set_weights([np.zeros((3, 3, 3, 16)), np.full(16, -1.0)])
    start, _ = stimuli.maximum_stimuli(dead, "leaky1", [0], steps=0)
    end, scores = stimuli.maximum_stimuli(dead, "leaky1", [0], steps=5)
    np.testing.assert_array_equal(start, end)
    np.testing.assert_allclose(scores, -0.1, rtol=1e-5)


def test_a_layer_object_does_as_well_as_its_name(model):
    by_name, _ = stimuli.maximum_stimuli(model, "leaky1", [0], steps=2)
    by_layer, _ = stimuli.maximum_stimuli(model, model.get_layer("leaky1"), [0], steps=2)
    np.testing.assert_array_equal(by_name, by_layer)


def test_a_wrong_name_lists_the_right_ones(model):
    with pytest.raises(ValueError, match=r"no layer 'leaky_1'.*conv1, leaky1, conv2"):
        stimuli.maximum_stimuli(model, "leaky_1")
    with pytest.raises(ValueError, match="no layer"):
        stimuli.maximum_stimuli(model, keras.layers.ReLU(name="elsewhere"))


@pytest.mark.parametrize("filters", [[16], [-1], [0.5], [], [[0, 1]], "first"])
def test_filters_that_do_not_exist(model, filters):
    with pytest.raises(ValueError, match="whole numbers from 0 to 15"):
        stimuli.maximum_stimuli(model, "leaky1", filters)


def test_networks_without_a_size_are_refused():
    with pytest.raises(ValueError, match=r"keras\.Input"):
        stimuli.maximum_stimuli(keras.Sequential([keras.layers.Dense(3)]), "dense")
    any_size = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3, name="c")])
    with pytest.raises(ValueError, match="any size"):
        stimuli.maximum_stimuli(any_size, "c")
    with pytest.raises(ValueError, match="steps"):
        stimuli.maximum_stimuli(models.first_cnn(), "conv1", steps=-1)


def test_many_networks_in_a_row_raise_no_retracing_warning(model, caplog):
    for _ in range(7):
        stimuli.maximum_stimuli(model, "leaky1", [0], steps=1)
    assert "retracing" not in caplog.text


def test_viewable_keeps_grey_order_and_colour():
    stimulus = np.zeros((1, 4, 4, 3))
    stimulus[0, 0, 0] = [2.0, 1.0, -1.0]
    seen = stimuli.viewable(stimulus, largest=2.0)
    np.testing.assert_allclose(seen[0, 0, 0], [1.0, 0.75, 0.25])
    assert (seen[0, 1:] == 0.5).all()
    assert np.isfinite(stimuli.viewable(np.zeros((2, 4, 4, 3)))).all()


def test_viewable_shows_a_photo_as_it_is_and_clips_one_value_in_a_hundred():
    photo = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3))
    np.testing.assert_allclose(
        stimuli.viewable(photo / 255 - 0.5, largest=0.5), photo / 255, atol=1e-12
    )
    seen = stimuli.viewable(np.random.default_rng(1).normal(size=(3, 50, 50, 3)))
    assert 0.005 < np.mean((seen == 0) | (seen == 1)) < 0.015
