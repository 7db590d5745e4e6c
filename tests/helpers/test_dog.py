"""The drawn dog stands in for a photo, so kernels must find in it what they find in a photo."""

import hashlib

import numpy as np
import pytest
from scipy import ndimage

from helpers.stand_ins import dog


@pytest.fixture(scope="module")
def image():
    return dog.draw_dog()


def test_is_the_size_and_type_of_the_photo(image):
    assert image.shape == (600, 800)
    assert image.dtype == np.uint8


def test_spans_black_to_white(image):
    assert (image.min(), image.max()) == (0, 255)
    assert np.unique(image).size > 200  # shades, not a silhouette


def test_same_picture_every_time(image):
    np.random.seed(1)  # noqa: NPY002 - the global generator must not matter
    again = dog.draw_dog()
    assert hashlib.sha256(again.tobytes()).digest() == hashlib.sha256(image.tobytes()).digest()


def test_is_not_a_shared_array(image):
    dog.draw_dog(60, 80)[:] = 0
    assert dog.draw_dog(60, 80).max() == 255


def test_a_light_dog_before_a_dark_background(image):
    """The page relies on it: after ReLU, only the dog is left of a normalised picture."""
    dog, background = image[380:540, 330:470], np.hstack([image[:, :200], image[:, 620:]])
    assert (dog > 127).mean() > 0.8
    assert (background > 127).mean() < 0.05


def test_has_strong_edges(image):
    strength = ndimage.gaussian_gradient_magnitude(image / 255, 1)
    outline = strength[150:560, 220:620]
    assert np.quantile(outline, 0.99) > 0.15
    assert np.quantile(strength[:60], 0.99) < 0.02  # and a smooth sky to compare them with


def test_has_texture_at_the_finest_scale(image):
    """Blurring must lose something, in the fur and in the grass."""
    lost = np.abs(image / 255 - ndimage.uniform_filter(image / 255, 3))
    for part in (np.s_[400:540, 330:470], np.s_[400:560, 20:200]):
        assert lost[part].mean() > 0.02


def test_left_and_right_differ(image):
    """A mirrored or turned picture must be told apart: the patch over one eye sees to it."""
    assert np.abs(image.astype(int) - image[:, ::-1]).mean() > 10


@pytest.mark.parametrize("size", [(150, 200), (64, 64), (300, 533), (16, 16), (900, 1200)])
def test_other_sizes_show_the_same_dog(image, size):
    small = dog.draw_dog(*size)
    assert small.shape == size
    assert small.dtype == np.uint8
    assert (small.min(), small.max()) == (0, 255)
    zoomed = ndimage.zoom(ndimage.gaussian_filter(image / 255, 12), np.divide(size, image.shape))
    same = np.corrcoef(ndimage.gaussian_filter(small / 255, size[0] / 50).ravel(), zoomed.ravel())
    assert same[0, 1] > 0.9


@pytest.mark.parametrize("size", [(0, 800), (600, 15), (-600, 800)])
def test_too_small_is_refused_with_a_remedy(size):
    with pytest.raises(ValueError, match="at least 16 × 16"):
        dog.draw_dog(*size)
