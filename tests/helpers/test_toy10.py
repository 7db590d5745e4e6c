"""The drawn stand-in for CIFAR-10: balanced, repeatable, boxed, and worth a network."""

import hashlib
import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from helpers.datasets import CIFAR10_CLASSES
from helpers.stand_ins import toy10

N = 400


@pytest.fixture(scope="module")
def drawn():
    return toy10.draw_toy10(N, seed=5)


def test_shapes_and_types(drawn):
    images, labels, boxes = drawn
    assert (images.shape, images.dtype) == ((N, 32, 32, 3), np.uint8)
    assert (labels.shape, labels.dtype) == ((N,), np.int64)
    assert (boxes.shape, boxes.dtype) == ((N, 4), np.int64)


def test_ten_in_a_row_show_each_class_once(drawn):
    assert drawn[1].tolist() == list(range(10)) * (N // 10)


def test_classes_are_in_the_order_of_cifar10():
    assert tuple(paint.__name__[1:] for paint, *_ in toy10.OBJECTS) == CIFAR10_CLASSES


# --- repeatable ---------------------------------------------------------------------------------


def test_same_seed_same_images(drawn):
    for first, second in zip(drawn, toy10.draw_toy10(N, seed=5), strict=True):
        np.testing.assert_array_equal(first, second)


def test_same_bytes_as_on_the_machine_that_wrote_this_test():
    images, _, boxes = toy10.draw_toy10(200, seed=(0, 0))
    digest = hashlib.sha256(images.tobytes() + boxes.astype("<i8").tobytes()).hexdigest()
    assert digest == "cf2383ad46a687f64a9e80b09ac6c8ecc1001484b2b08246bdcac26809dd6682"


@pytest.mark.parametrize("n", [0, 1, 7, 10, 123])
def test_an_image_does_not_depend_on_how_many_are_drawn(drawn, n):
    for few, many in zip(toy10.draw_toy10(n, seed=5), drawn, strict=True):
        np.testing.assert_array_equal(few, many[:n])


def test_no_two_images_are_alike(drawn):
    train, test = toy10.draw_toy10(N, seed=(0, 0))[0], toy10.draw_toy10(N, seed=(0, 1))[0]
    every = np.concatenate([drawn[0], train, test])
    assert len({image.tobytes() for image in every}) == len(every)


def test_drawing_is_quick():
    started = time.process_time()
    toy10.draw_toy10(1000, seed=0)
    assert time.process_time() - started < 2  # 0.5 s on an idle core


# --- boxes --------------------------------------------------------------------------------------


def test_boxes_lie_in_the_image(drawn):
    top, left, bottom, right = drawn[2].T
    assert top.min() >= 0
    assert left.min() >= 0
    assert max(bottom.max(), right.max()) <= 32
    assert min((bottom - top).min(), (right - left).min()) >= 10
    sizes = (bottom - top) * (right - left)
    assert sizes.min() < 0.25 * 1024 < 0.6 * 1024 < sizes.max(), "objects vary in size"


def changed_by_object(seed):
    """Draw with and without objects; return where they differ, and the boxes."""
    images, _, boxes = toy10.draw_toy10(N, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toy10, "_composed", lambda canvas, picture, colours: picture)
        empty, _, same_boxes = toy10.draw_toy10(N, seed)
    np.testing.assert_array_equal(boxes, same_boxes)
    return (images != empty).any(axis=-1), boxes


def test_boxes_hold_the_object():
    changed, boxes = changed_by_object(5)
    for pixels, (top, left, bottom, right) in zip(changed, boxes, strict=True):
        inside = pixels[top:bottom, left:right].copy()
        pixels[top:bottom, left:right] = False
        assert not pixels.any(), "the object reaches out of its box"
        assert inside.mean() > 0.2


def test_boxes_are_tight():
    changed, boxes = changed_by_object(5)
    hits = []
    for pixels, (top, left, bottom, right) in zip(changed, boxes, strict=True):
        rows, columns = pixels[top:bottom, left:right], pixels[top:bottom, left:right].T
        hits.append([rows[0].any(), rows[-1].any(), columns[0].any(), columns[-1].any()])
    # A pixel that is touched by a quarter may by chance have the colour of what it covers.
    assert np.mean(hits, axis=0).min() > 0.97


# --- neither colour nor place gives a class away --------------------------------------------------


@pytest.fixture(scope="module")
def train_and_test():
    (x, y, boxes), (x_test, y_test, boxes_test) = (
        toy10.draw_toy10(1000, seed=(0, k)) for k in (0, 1)
    )
    return (x / 255, y, boxes), (x_test / 255, y_test, boxes_test)


def linear_recalls(train_and_test, features):
    """Fit a linear classifier to `features` of images and boxes; return its recall per class."""
    (x, y, boxes), (x_test, y_test, boxes_test) = train_and_test
    known, new = features(x, boxes), features(x_test, boxes_test)
    mean, spread = known.mean(axis=0), known.std(axis=0) + 1e-9
    model = LogisticRegression(max_iter=200).fit((known - mean) / spread, y)
    right = model.predict((new - mean) / spread) == y_test
    return np.array([right[y_test == c].mean() for c in range(10)])


def nearest_mean_accuracy(train_and_test, features):
    (x, y, _), (x_test, y_test, _) = train_and_test
    known, new = features(x), features(x_test)
    means = np.stack([known[y == c].mean(axis=0) for c in range(10)])
    return (((means**2).sum(axis=1) - 2 * new @ means.T).argmin(axis=1) == y_test).mean()


def colours(x, _=None):
    """Mean and spread of every colour."""
    return np.concatenate([x.mean(axis=(1, 2)), x.std(axis=(1, 2))], axis=1)


def histograms(x, _=None):
    """How many pixels fall into each of 27 colours."""
    bins = (x * 2.999).astype(int) @ [9, 3, 1]
    return np.stack([np.bincount(b.ravel(), minlength=27) for b in bins]) / 1024


def test_colour_alone_is_not_enough(train_and_test):
    assert nearest_mean_accuracy(train_and_test, colours) < 0.25
    assert linear_recalls(train_and_test, colours).mean() < 0.3
    recalls = linear_recalls(train_and_test, histograms)
    assert recalls.mean() < 0.4
    assert recalls.max() < 0.7, "one class has colours of its own"


def test_mean_picture_is_not_enough(train_and_test):
    assert nearest_mean_accuracy(train_and_test, lambda x: x.reshape(len(x), -1)) < 0.4


def test_place_alone_is_not_enough(train_and_test):
    centres = linear_recalls(train_and_test, lambda _, boxes: boxes[:, :2] + boxes[:, 2:])
    assert centres.mean() < 0.3


def test_background_alone_is_not_enough(train_and_test):
    """The outermost rows show almost nothing else."""
    borders = linear_recalls(train_and_test, lambda x, _: x[:, [0, 31]].mean(axis=2).reshape(-1, 6))
    assert borders.mean() < 0.25


@pytest.mark.slow
def test_first_cnn_learns_it():
    import keras

    from helpers import datasets, models, training

    data = datasets.load_toy10(verbose=False)
    x_train, x_test = (x.astype("float32") / 255 - 0.5 for x in (data.x_train, data.x_test))
    keras.utils.set_random_seed(0)
    model = models.first_cnn()
    model.compile("adamax", "sparse_categorical_crossentropy", metrics=["accuracy"])
    training.fit(model, x_train, data.y_train, training.Recipe(epochs=3), progress=False)
    assert model.evaluate(x_test, data.y_test, verbose=0)[1] > 0.9
