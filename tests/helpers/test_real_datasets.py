"""The real data sets, where they are at hand."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import datasets
from helpers.datasets import CIFAR10_CLASSES

DATA = Path(os.environ.get("COURSE_DATA") or "nowhere")
REAL_ZIP = DATA / "cifar10" / "cifar10-jpeg.zip"
REAL_DOG = DATA / "dog" / "Kintamani_dog_white_gs.jpeg"


@pytest.mark.skipif(not REAL_ZIP.is_file(), reason="no cifar10/cifar10-jpeg.zip in $COURSE_DATA")
def test_real_cifar10():
    data = datasets.load_cifar10(allow_stand_in=False, verbose=False)
    assert data.x_train.shape == (50_000, 32, 32, 3)
    assert data.x_test.shape == (10_000, 32, 32, 3)
    assert np.bincount(data.y_train).tolist() == [5000] * 10
    assert np.bincount(data.y_test).tolist() == [1000] * 10
    assert not data.source.stand_in
    with zipfile.ZipFile(REAL_ZIP) as archive:
        for split, images in (("train", data.x_train), ("test", data.x_test)):
            for i in (0, 7, 4321):
                name = f"{split}/{CIFAR10_CLASSES[i % 10]}/{i // 10:04}.jpg"
                with Image.open(io.BytesIO(archive.read(name))) as picture:
                    np.testing.assert_array_equal(images[i], np.asarray(picture))


@pytest.mark.skipif(not REAL_DOG.is_file(), reason="no dog photo in $COURSE_DATA")
def test_real_dog():
    photo = datasets.load_dog(verbose=False)
    assert photo.image.shape == (600, 800)
    assert not photo.source.stand_in
