"""The measures of trust, against scipy, Pillow, Keras and examples worked by hand."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image
from scipy import integrate, stats

from helpers import models
from inside import trust


def linear_model(weights):
    """One output: the sum of weights times pixels of a one-channel image."""
    weights = np.asarray(weights, "float32")
    model = keras.Sequential([keras.Input((*weights.shape, 1)), layers.Flatten(), layers.Dense(1)])
    model.layers[-1].set_weights([weights.reshape(-1, 1), np.zeros(1, "float32")])
    return model


# --- cascade ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    network = models.cifar_cnn((16, 16, 3), n_filter=8)
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(size=w.shape) for w in network.get_weights()])
    return network


def untouched(model, weights):
    """Names of the layers of `model` that hold what they do in a dictionary of weights."""
    return [
        layer.name
        for layer in model.layers
        if layer.weights and all(map(np.array_equal, layer.get_weights(), weights[layer.name]))
    ]


def weights_of(model):
    return {layer.name: layer.get_weights() for layer in model.layers}


def test_cascade_goes_from_the_output_down_one_layer_at_a_time(model):
    names = ["conv1", "conv2", "conv3", "conv4", "dense1", "softmax"]
    before = weights_of(model)
    stages = [(*at, weights_of(network)) for *at, network in trust.cascade(model, (1, 2))]
    assert [stage[:2] for stage in stages] == [(s, n) for s in (1, 2) for n in names[::-1]]
    for done, (_, _, weights) in enumerate(stages):
        assert untouched(model, weights) == names[: 5 - done % 6]
    first, second = stages[:6], stages[6:]
    for (_, name, earlier), (_, _, later) in itertools.pairwise(first):
        assert all(map(np.array_equal, earlier[name], later[name]))  # what was drawn once stays
    assert not np.array_equal(first[0][2]["softmax"][0], second[0][2]["softmax"][0])
    assert untouched(model, before) == names


def test_cascade_copies_compute_what_the_model_does_below(model):
    images = np.random.default_rng(1).random((2, 16, 16, 3), dtype="float32")
    _, _, network = next(trust.cascade(model))
    below = [keras.Model(m.inputs[0], m.get_layer("dense1").output) for m in (model, network)]
    ours, theirs = (np.asarray(m(images, training=False)) for m in below)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert not np.allclose(model(images), network(images), atol=0.01)


def test_cascade_depends_on_its_seed_only():
    model = linear_model(np.ones((3, 3)))
    a, b, c = (n.get_weights()[0].copy() for *_, n in trust.cascade(model, (5, 5, 6)))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_untrained_is_where_the_cascade_ends(model):
    *_, (_, _, last) = trust.cascade(model, (3,))
    network = trust.untrained(model, seed=3)
    assert untouched(model, weights_of(network)) == []
    assert all(map(np.array_equal, network.get_weights(), last.get_weights()))


@pytest.mark.parametrize("layer", [layers.Conv2D(40, (3, 5)), layers.Dense(300)])
def test_kernels_are_drawn_as_keras_draws_them(layer):
    model = keras.Sequential([keras.Input((6, 6, 20)), layer])
    layer.set_weights([w + 1 for w in layer.get_weights()])
    *_, network = next(trust.cascade(model))
    ours = network.layers[-1].get_weights()
    theirs = np.asarray(keras.initializers.GlorotUniform(seed=1)(ours[0].shape))
    assert np.abs(ours[0]).max() == pytest.approx(np.abs(theirs).max(), rel=0.03)
    assert stats.ks_2samp(ours[0].ravel(), theirs.ravel()).pvalue > 1e-3
    assert not ours[1].any()


def test_batch_normalisation_forgets_too():
    norm = layers.BatchNormalization()
    network = keras.Sequential([keras.Input((4,)), norm])
    untrained = norm.get_weights()
    norm.set_weights([w + 3 for w in untrained])
    *_, fresh = next(trust.cascade(network))
    for a, b in zip(fresh.get_weights(), untrained, strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_that_nobody_can_draw_are_named():
    strange = keras.Sequential([keras.Input((4,)), layers.PReLU(name="odd")])
    with pytest.raises(ValueError, match="'odd' has weights 'alpha'"):
        list(trust.cascade(strange))


# --- rank correlation ---------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_rank_correlation_is_that_of_scipy(levels):
    rng = np.random.default_rng(levels)
    a, b = rng.integers(0, levels, (2, 6, 7, 7))
    b = b + a // 2
    ours = trust.rank_correlation(a, b)
    theirs = [stats.spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_rank_correlation_sees_order_only_and_refuses_to_rank_a_blank_map():
    a = np.array([[[1.0, 2.0], [3.0, 4.0]]] * 3)
    b = np.stack([np.exp(a[0]), -a[0], np.zeros((2, 2))])
    np.testing.assert_array_equal(trust.rank_correlation(a, b), [1, -1, np.nan])


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((1, 2, 2)), np.zeros((1, 3, 3)), "shapes"),
        (np.zeros(4), np.zeros(4), "shapes"),
        (np.full((1, 2, 2), np.nan), np.zeros((1, 2, 2)), "finite"),
    ],
)
def test_rank_correlation_refuses(a, b, message):
    with pytest.raises(ValueError, match=message):
        trust.rank_correlation(a, b)


# --- deletion and insertion ---------------------------------------------------------------------


def test_pixel_ranks_by_hand():
    ranks = trust.pixel_ranks([[[0.1, -2.0], [0.7, 0.3]], [[4, 3], [2, 1]]])
    np.testing.assert_array_equal(ranks, [[[2, 3], [0, 1]], [[0, 1], [2, 3]]])


def test_equal_values_are_ranked_in_random_order():
    maps = np.zeros((1, 2, 2))
    maps[0, 1, 1] = 1
    ranks = np.array([trust.pixel_ranks(maps, seed)[0] for seed in range(300)])
    assert (ranks[:, 1, 1] == 0).all()
    np.testing.assert_allclose(ranks.mean(axis=0)[[0, 0, 1], [0, 1, 0]], 2, atol=0.2)


def test_deletion_and_insertion_of_a_linear_model_by_hand():
    model = linear_model([[1, 2], [3, 4]])
    images = np.array([[[1, 1], [1, 1]], [[5, 0], [0, 1]]], "float32")[..., np.newaxis]
    contributions = images[..., 0] * [[1, 2], [3, 4]]  # 1 2 3 4, and 5 0 0 4
    ranks, counts = trust.pixel_ranks(contributions), [0, 1, 2, 3, 4]
    deletion = trust.replacement_curve(model, images, 0.0, ranks, [0, 0], counts)
    insertion = trust.replacement_curve(model, 0.0, images, ranks, [0, 0], counts)
    np.testing.assert_allclose(deletion, [[10, 6, 3, 1, 0], [9, 4, 0, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(insertion, [[0, 4, 7, 9, 10], [0, 5, 9, 9, 9]], atol=1e-6)


def test_no_order_beats_the_true_contributions_of_a_linear_model():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, 4))
    model, counts = linear_model(weights), range(17)
    images = rng.random((1, 4, 4, 1))

    maps = rng.random((21, 4, 4))
    maps[0] = images[0, ..., 0] * weights  # what each pixel adds to the output
    ranks = trust.pixel_ranks(maps)
    curves = trust.replacement_curve(model, images, 0.0, ranks, [0] * 21, counts)
    areas = trust.area_under(curves, counts)
    assert (areas[0] < areas[1:]).all()


def test_the_class_that_is_asked_for_is_watched():
    model = models.cifar_cnn((16, 16, 3), n_filter=2)
    images = np.random.default_rng(0).random((3, 16, 16, 3), dtype="float32")
    ranks = trust.pixel_ranks(np.zeros((3, 16, 16)))
    curve = trust.replacement_curve(model, images, 0.5, ranks, [4, 0, 9], [0, 256])
    grey = np.full((1, 16, 16, 3), 0.5, "float32")
    whole, blank = (np.asarray(model(x, training=False)) for x in (images, grey))
    np.testing.assert_allclose(curve[:, 0], whole[range(3), [4, 0, 9]], atol=1e-6)
    np.testing.assert_allclose(curve[:, 1], blank[0, [4, 0, 9]], atol=1e-6)


def test_area_is_that_of_scipy():
    counts = [0, 3, 10, 40]
    curves = np.random.default_rng(0).random((5, 4))
    theirs = integrate.trapezoid(curves, counts, axis=1) / 40
    np.testing.assert_allclose(trust.area_under(curves, counts), theirs)


# --- localisation -------------------------------------------------------------------------------


def test_localisation_by_hand():
    masks = trust.box_masks([[0, 1, 2, 3], [2, 0, 3, 1]], (3, 4))
    expected = np.zeros((2, 3, 4), bool)
    expected[0, 0:2, 1:3] = expected[1, 2, 0] = True
    np.testing.assert_array_equal(masks, expected)
    maps = np.ones((2, 3, 4))
    maps[0, 0, 1], maps[0, 2, 3], maps[1, 0, 3] = 5, -7, 2
    np.testing.assert_allclose(trust.share_inside(maps, masks), [8 / 15, 1 / 13])
    np.testing.assert_array_equal(trust.points_inside(maps, masks), [1, 0])


def test_a_map_that_knows_nothing_scores_chance():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 16, (400, 2))
    masks = trust.box_masks(np.hstack([corners, corners + rng.integers(4, 16, (400, 2))]), (32, 32))
    chance = masks.mean()
    maps = rng.random((400, 32, 32))
    assert trust.share_inside(maps, masks).mean() == pytest.approx(chance, abs=0.01)
    assert trust.points_inside(maps, masks).mean() == pytest.approx(chance, abs=0.06)
    blank = np.zeros((400, 32, 32))
    assert trust.points_inside(blank, masks).mean() == pytest.approx(chance)
    assert np.isnan(trust.share_inside(blank, masks)).all()


def test_maps_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"trust\.enlarged"):
        trust.share_inside(np.zeros((2, 6, 6)), np.zeros((2, 32, 32), bool))
    with pytest.raises(ValueError, match="saliency_map"):
        trust.pixel_ranks(np.zeros((2, 32, 32, 3)))


# --- for all of them ----------------------------------------------------------------------------


def test_enlarged_is_pillows_bilinear():
    maps = np.random.default_rng(0).random((2, 6, 5)).astype("float32")
    ours = trust.enlarged(maps, (32, 24))
    theirs = [np.asarray(Image.fromarray(m).resize((24, 32), Image.BILINEAR)) for m in maps]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_mean_and_error_against_scipy():
    values = np.random.default_rng(0).random(9)
    mean, error = trust.mean_and_error([*values, np.nan])
    assert (mean, error) == pytest.approx((values.mean(), stats.sem(values)))
