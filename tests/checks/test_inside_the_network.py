"""The checks of page 4 against right answers and many wrong ones, made with other software."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy import stats

from helpers import checks, models
from helpers.checks import inside_the_network as check
from inside import attribution, rewire, trust
from tests.support.checking import Answers, given

LABEL = 3


@functools.cache
def network():
    keras.utils.set_random_seed(4)
    made = models.cifar_cnn((16, 16, 3), n_filter=12)
    made.get_layer("softmax").set_weights(
        [w * 4 for w in made.get_layer("softmax").get_weights()]  # surer, as if trained
    )
    return made


@functools.cache
def picture():
    return np.random.default_rng(0).random((16, 16, 3), dtype="float32")


def gradient(label=LABEL, *, probability=False):
    """Of the logit or the probability, without inside.attribution."""
    last = network().get_layer("softmax")
    hidden = keras.Model(network().inputs[0], network().get_layer("dense1").output)
    x = tf.constant(picture()[None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = tf.matmul(hidden(x, training=False), last.kernel) + last.bias
        scores = tf.nn.softmax(scores) if probability else scores
        score = scores[0, label]
    return tape.gradient(score, x).numpy()[0]


# --- saliency map -------------------------------------------------------------------------------


def stretched(cam):
    return np.asarray(Image.fromarray(cam.astype("float32")).resize((16, 16), Image.BICUBIC))


def answers_saliency_map():
    model, one, g = network(), picture()[None], gradient()
    right = np.abs(g).max(axis=-1)
    guided = attribution.saliency_map(attribution.saliency(model, one, LABEL, "guided"))[0]
    cell_maps = [attribution.grad_cam(model, one, LABEL, layer)[0] for layer in ("pool2", "conv4")]
    wrong = [
        (g, "largest size of each pixel"),
        (g[None], "batch of one"),
        (right[None], "batch of one"),
        (right.T, "transposed"),
        (np.abs(g.sum(axis=-1)), "sum over colours"),
        (np.abs(g).mean(axis=-1), "mean over colours"),
        (np.abs(g)[..., 0], "one colour alone"),
        (g.max(axis=-1), "np.abs"),
        (np.abs(gradient(7)).max(axis=-1), "class 7"),
        (np.abs(gradient(probability=True)).max(axis=-1), "gradient of the probability"),
        (guided, "guided map"),
        (cell_maps[0], "class activation map"),
        (stretched(cell_maps[1]), "class activation map"),
        (np.zeros((16, 16)), "blank"),
        (np.ones((9, 7)), "expected (16, 16)"),
        (np.full((16, 16), np.nan), "NaN"),
        (np.random.default_rng(1).random((16, 16)), "Which score"),
    ]
    forms = [right, right.tolist(), tf.constant(right), right / 1000, right.astype("float16")]
    return Answers(
        right=[given(answer, model, picture(), LABEL) for answer in forms],
        wrong=[(given(answer, model, picture(), LABEL), why) for answer, why in wrong],
    )


# --- feature maps -------------------------------------------------------------------------------


def maps(image, layer="conv3"):
    model = network()
    return keras.Model(model.inputs[0], model.get_layer(layer).output)(image[None]).numpy()[0]


def before_relu(image):
    below = tf.constant(maps(image, "pool1")[None])
    kernel, bias = network().get_layer("conv3").get_weights()
    return (tf.nn.conv2d(below, kernel, 1, "SAME") + bias).numpy()[0]


def answers_feature_maps():
    x = picture()
    every = maps(x)
    right = every[..., :9]
    wrong = [
        (every, "These are 12 maps"),
        (every[..., :10], "These are 10 maps"),
        (right[None], "batch of one"),
        (np.moveaxis(right, -1, 0), "filters come first"),
        (np.ones((9, 7, 12)), "9 rows of all the maps"),
        (right.swapaxes(0, 1), "transposed"),
        (every[..., 1:10], "counted from 0"),
        (every[..., -9:], "last 9 filters"),
        (np.zeros_like(right), "all zeros"),
        (maps(x, "conv2")[..., :9], "another layer"),
        (maps(x, "pool1")[..., :9], "maps of pool1"),
        (maps(255 * x)[..., :9], "0 … 255"),
        (maps(x / 255)[..., :9], "1/255"),
        (before_relu(x)[..., :9], "before the ReLU"),
        (maps(x[::-1])[..., :9], "Same image"),
        ("maps", "expected an array of numbers"),
    ]
    forms = [right, right.tolist(), tf.constant(right), right.astype("float16")]
    return Answers(
        right=[given(answer, network(), "conv3", x) for answer in forms],
        wrong=[(given(answer, network(), "conv3", x), why) for answer, why in wrong],
    )


def test_a_dense_layer_cannot_be_judged_and_nothing_is_not_attempted(capsys):
    outcome = check.feature_maps(np.zeros((7, 7, 9)), network(), "dense1", picture())
    assert outcome.status == checks.CANNOT_JUDGE
    assert str(outcome) in capsys.readouterr().out
    outcome = check.saliency_map(None, network(), picture(), LABEL)
    assert outcome.status == checks.NOT_ATTEMPTED


# --- filters that sleep -------------------------------------------------------------------------


def awake_by_counting(activations):
    images, _, _, filters = activations.shape
    return [
        sum(bool((activations[i, :, :, k] > 0).any()) for i in range(images)) / images
        for k in range(filters)
    ]


def answers_awake_share():
    def responds(a):
        return a.max(axis=(1, 2)) > 0

    return Answers(
        right=[
            awake_by_counting,
            lambda a: responds(a).mean(axis=0),
            lambda a: tf.reduce_mean(tf.cast(tf.reduce_any(a > 0, axis=(1, 2)), "float64"), axis=0),
            lambda a: np.count_nonzero(a.sum(axis=(1, 2)), axis=0) / len(a),
        ],
        wrong=[
            (lambda a: 1 - responds(a).mean(axis=0), "sleeps"),
            (lambda a: responds(a).sum(axis=0), "Divide by how many"),
            (lambda a: (a > 0).mean(axis=(0, 1, 2)), "share of pixels"),
            (lambda a: (a > 0).all(axis=(1, 2)).mean(axis=0), "One pixel is enough"),
            (lambda a: ~responds(a).any(axis=0), "which filters are dead"),
            (lambda a: responds(a).any(axis=0), "which filters ever respond"),
            (responds, "a row for every image"),
            (lambda a: responds(a).mean(axis=1), "one number per filter"),
            (lambda a: a.mean(axis=(0, 1, 2)), "mean response"),
            (lambda a: (a.max(axis=(1, 2)) > 0.01).mean(axis=0), "faint"),
            (lambda a: responds(a).mean(), "expected (7,)"),
            (lambda a: (a >= 0).any(axis=(1, 2)).mean(axis=0), "numbers differ"),
        ],
    )


# --- choices ------------------------------------------------------------------------------------


def answers_average_pooling():
    return Answers(
        right=["b", "B", "(b)"],
        wrong=[("a", "add up to the whole"), ("c", "Does a mean pick?"), ("d", "comes after")],
    )


def test_average_pooling_makes_one_map_the_mean_of_the_other_and_max_pooling_does_not():
    def sums(pooling):
        """Grad-CAM before its cut, before and after a pooling, under a random network."""
        rng = np.random.default_rng(2)
        below = tf.constant(rng.random((1, 13, 13, 5)), "float32")
        above = tf.constant(rng.normal(size=(6 * 6 * 5, 1)), "float32")
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(below)
            pooled = pooling(below, 2, 2, "VALID")
            logit = tf.tanh(tf.reshape(pooled, (1, -1)) @ above / 10)
        found = []
        for features in (below, pooled):
            weights = tf.reduce_mean(tape.gradient(logit, features), axis=(1, 2), keepdims=True)
            found.append(tf.reduce_sum(weights * features, axis=-1, keepdims=True))
        factor = 13 * 13 / (6 * 6)
        return factor * tf.nn.avg_pool2d(found[0], 2, 2, "VALID").numpy(), found[1].numpy()

    np.testing.assert_allclose(*sums(tf.nn.avg_pool2d), rtol=1e-3, atol=1e-6)
    of_mean, at_pool = sums(tf.nn.max_pool2d)
    assert np.abs(of_mean - at_pool).max() > 0.1 * np.abs(at_pool).max()


def answers_which_fails():
    return Answers(
        right=["a", " A"],
        wrong=[("b", "B's floor"), ("c", "near zero is what"), ("d", "How far above its floor")],
    )


# --- integrated gradients -----------------------------------------------------------------------


def answers_integrated_gradients():
    def mean(g):
        return g.mean(axis=0)

    def in_a_loop(g, x, b):
        total = np.zeros_like(x)
        for step in g:
            total += step * (x - b)
        return total / len(g)

    def in_trapezoids(g, x, b):
        return (x - b) * (np.trapezoid(g, axis=0) / (len(g) - 1) if len(g) > 1 else g[0])

    return Answers(
        right=[
            in_a_loop,
            lambda g, x, b: (x - b) * mean(g),
            lambda g, x, b: tf.reduce_mean(g, axis=0) * (x - b),
        ],
        wrong=[
            (lambda g, x, b: (x - b) * g.sum(axis=0), "sum over the steps"),
            (lambda g, x, b: mean(g), "mean gradient alone"),
            (lambda g, x, b: (b - x) * mean(g), "wrong sign"),
            (lambda g, x, b: x * mean(g), "difference from the baseline"),
            (lambda g, x, b: (x - b) * g[-1], "image's end"),
            (lambda g, x, b: (x - b) * g[0], "baseline's end"),
            (lambda g, x, b: (x - b) * np.abs(g).mean(axis=0), "Keep the signs"),
            (lambda g, x, b: np.abs(x - b) * mean(g), "Keep its sign"),
            (lambda g, x, b: (x - b) * g.mean(), "one mean over everything"),
            (lambda g, x, b: ((x - b) * mean(g)).sum(axis=-1), "summed over the colours"),
            (lambda g, x, b: (x - b) * g, "an entry for every step"),
            (in_trapezoids, "trapezoids"),
            (lambda g, x, b: (x - b) * g.sum(axis=0) / max(len(g) - 1, 1), "one step too few"),
            (lambda g, x, b: np.multiply(g, x, out=g).mean(axis=0), "changed the array"),
            (lambda g, x, b: x + mean(g), "numbers differ"),
        ],
    )


# --- how many times chance ----------------------------------------------------------------------


def cut(a):
    return np.maximum(a, 0)


def answers_against_chance():
    def share(a, m):
        return cut(a)[m].sum() / cut(a).sum()

    def in_a_loop(a, m):
        inside = whole = pixels = 0
        for value, within in zip(a.ravel(), m.ravel(), strict=True):
            if value > 0:
                whole += value
                inside += value * within
            pixels += within
        return inside / whole * a.size / pixels

    def outside(a, m):
        beside = cut(a)[~m].mean()
        return cut(a)[m].mean() / beside if beside else np.inf

    return Answers(
        right=[
            in_a_loop,
            lambda a, m: share(a, m) / m.mean(),
            lambda a, m: cut(a)[m].mean() / cut(a).mean(),
            lambda a, m: np.float32(trust.share_inside(a[None], m[None])[0] / m.mean()),
        ],
        wrong=[
            (share, "this is the share inside"),
            (lambda a, m: m.mean(), "what chance gets"),
            (lambda a, m: share(a, m) * m.mean(), "Divide"),
            (lambda a, m: share(a, m) - m.mean(), "difference from chance"),
            (lambda a, m: (1 - share(a, m)) / (1 - m.mean()), "outside the mask"),
            (lambda a, m: a[m].sum() / a.sum() / m.mean(), "not cut off"),
            (lambda a, m: share(np.abs(a), m) / m.mean(), "count as zero"),
            (lambda a, m: share(a > 0, m) / m.mean(), "Add up their values"),
            (outside, "Compare with the whole image"),
            (lambda a, m: share(a, m) / m.sum(), "number of pixels"),
            (lambda a, m: m.mean() / share(a, m), "upside down"),
            (lambda a, m: 1.0, "is too"),
            (lambda a, m: (cut(a) * m).sum(axis=1), "expected one number"),
        ],
    )


# --- Grad-CAM -----------------------------------------------------------------------------------


def cam_with_tensorflow(features, gradients):
    weights = tf.reduce_mean(gradients, axis=(0, 1))
    return tf.nn.relu(tf.einsum("ijk,k->ij", features, weights))


def cam_in_loops(features, gradients):
    rows, columns, channels = features.shape
    cam = np.zeros((rows, columns))
    for k in range(channels):
        weight = sum(gradients[i, j, k] for i in range(rows) for j in range(columns))
        cam += weight / rows / columns * features[..., k]
    cam[cam < 0] = 0
    return cam.tolist()


def answers_grad_cam():
    def w(g):
        return g.mean(axis=(0, 1))

    def scaled(f, g):
        cam = cut(f @ w(g))
        return cam / max(cam.max(), 1e-9)

    return Answers(
        right=[
            cam_in_loops,
            cam_with_tensorflow,
            lambda f, g: cut((w(g) * f).sum(axis=-1)),
            lambda f, g: cut(np.tensordot(f, w(g), axes=1)).astype("float32"),
        ],
        wrong=[
            (lambda f, g: f @ w(g), "negative cells left"),
            (lambda f, g: np.abs(f @ w(g)), "turned positive"),
            (lambda f, g: cut(f @ g.sum(axis=(0, 1))), "mean over the positions"),
            (lambda f, g: cut((w(g) * f).mean(axis=-1)), "Add them up"),
            (lambda f, g: cut((f * g).sum(axis=-1)), "a weight of its own"),
            (lambda f, g: (f * g).sum(axis=-1), "a weight of its own"),
            (lambda f, g: f @ cut(w(g)), "negative weights were dropped"),
            (lambda f, g: f @ w(cut(g)), "negative gradients were dropped"),
            (lambda f, g: f @ np.abs(w(g)), "sizes of the weights"),
            (lambda f, g: cut(g @ w(f)), "changed places"),
            (lambda f, g: cut(f.sum(axis=-1) * g.mean()), "the same weight"),
            (lambda f, g: cut(f * w(g)), "a number for every channel"),
            (lambda f, g: f * w(g), "then cut at zero"),
            (lambda f, g: w(g), "these are the weights"),
            (scaled, "divided by its largest value"),
            (lambda f, g: np.minimum(f @ w(g), 0), "wrong side"),
            (lambda f, g: cut(f @ w(g)) + 0.1, "same amount"),
            (lambda f, g: f @ w(g) * (f @ w(g) > 0) * 2, "too large"),
        ],
    )


def test_the_grad_cam_that_is_asked_for_is_that_of_the_course():
    layer, one = "conv4", tf.constant(picture()[None])
    body, head = rewire.split_at(network(), layer)
    with tf.GradientTape() as tape:
        features = body(one)
        tape.watch(features)
        logit = head([one, features])[0, LABEL]
    slope = tape.gradient(logit, features)
    ours = cam_in_loops(features.numpy()[0], slope.numpy()[0])
    theirs = attribution.grad_cam(network(), picture()[None], LABEL, layer)[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_map_that_is_right_for_some_inputs_earns_part_of_the_points():
    outcome = check.grad_cam.outcome(lambda f, g: f @ g.mean(axis=(0, 1)))
    assert outcome.status == checks.WRONG
    assert 0 < outcome.score < 0.5  # right only where nothing is below zero


# --- rank correlation ---------------------------------------------------------------------------


def answers_rank_correlation():
    def r(a, b):
        return np.corrcoef(a.ravel(), b.ravel())[0, 1]

    def of_ranks(a, b):
        return r(stats.rankdata(a), stats.rankdata(b))

    def along(axis):
        return lambda a, b: (
            r(stats.rankdata(a, axis=axis), stats.rankdata(b, axis=axis))
            if a.shape[axis] > 1 else np.nan
        )  # fmt: skip

    def covariance(a, b):
        return np.cov(stats.rankdata(a), stats.rankdata(b), bias=True)[0, 1]

    def by_differences(a, b):
        d = stats.rankdata(a) - stats.rankdata(b)
        return 1 - 6 * (d**2).sum() / (a.size * (a.size**2 - 1))

    return Answers(
        right=[
            lambda a, b: stats.spearmanr(a.ravel(), b.ravel()).statistic,
            lambda a, b: -r(stats.rankdata(-a), stats.rankdata(b)),
            by_differences,
            lambda a, b: np.float32(of_ranks(a, b)),
        ],
        wrong=[
            (r, "correlation of the values"),
            (lambda a, b: r(a.ravel().argsort(), b.ravel().argsort()), "argsort alone"),
            (lambda a, b: r(a, stats.rankdata(b)), "Rank a, too"),
            (lambda a, b: r(stats.rankdata(a), b), "Rank b, too"),
            (along(1), "each row"),
            (along(0), "each column"),
            (lambda a, b: of_ranks(a, b.T), "column by column"),
            (
                lambda a, b: np.corrcoef(stats.rankdata(a), stats.rankdata(b)),
                "off its diagonal",
            ),
            (lambda a, b: 1.0, "with itself"),
            (lambda a, b: abs(of_ranks(a, b)), "sign is lost"),
            (lambda a, b: of_ranks(a, b) ** 2, "the square"),
            (covariance, "covariance"),
            (lambda a, b: -of_ranks(a, b), "sign is wrong"),
            (lambda a, b: stats.kendalltau(a, b).statistic, "is too"),
        ],
    )


# --- graded cases are drawn anew ----------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "name",
    ["awake_share", "integrated_gradients", "against_chance", "grad_cam", "rank_correlation"],
)
def test_any_inputs_tell_right_from_wrong(name, seed):
    judge, answers = getattr(check, name), globals()[f"answers_{name}"]()
    for function in answers.right:
        assert judge.outcome(function, seed=seed), judge.outcome(function, seed=seed)
    for function, diagnosis in answers.wrong:
        outcome = judge.outcome(function, seed=seed)
        assert outcome.status == checks.WRONG
        assert diagnosis in outcome.message, outcome
