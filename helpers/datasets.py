"""The data sets of the course, as arrays, with a note of where they came from.

>>> data = load_cifar10()
>>> print(data.source)
CIFAR-10 (JPEG copy, quality 75): 60,000 images, local copy, sha256 ce962c36…

Every loader prints that line. Files are found and verified by :mod:`helpers.sources`; when real
data is out of reach, the loader draws a stand-in and says so.
"""

import hashlib
import io
import json
import pickle
import tarfile
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from helpers import sources
from helpers.sources import DataError, Source
from helpers.stand_ins import dog, toy10

CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
PER_CLASS = {"train": 5000, "test": 1000}


@dataclass(frozen=True)
class LabelledImages:
    """A classification data set, split into training and test images.

    Attributes
    ----------
    x_train, x_test : numpy.ndarray, uint8, shape (n, 32, 32, 3)
        Images; red, green, blue from 0 to 255. May be a read-only view of a file.
    y_train, y_test : numpy.ndarray, int64, shape (n,)
        Class numbers, 0 to 9.
    classes : tuple of str
        Name of each class number.
    source : Source
        Where the images came from.
    boxes_train, boxes_test : numpy.ndarray or None, shape (n, 4)
        First row, first column, end row, end column of the object. Only stand-ins know it.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: tuple
    source: Source
    boxes_train: np.ndarray | None = None
    boxes_test: np.ndarray | None = None


@dataclass(frozen=True)
class Photo:
    """One grey photo.

    Attributes
    ----------
    image : numpy.ndarray, uint8, shape (height, width)
        Grey values from 0 (black) to 255 (white).
    source : Source
        Where it came from.
    """

    image: np.ndarray
    source: Source


def load_cifar10(*, allow_stand_in=True, verbose=True):
    """Load CIFAR-10: 50,000 training and 10,000 test images in ten classes.

    The images are ordered so that ten in a row show each class once: any slice is balanced.

    Parameters
    ----------
    allow_stand_in : bool
        Whether to draw ``toy10`` when CIFAR-10 is out of reach.
    verbose : bool
        Whether to print the one-line report.

    Returns
    -------
    LabelledImages

    Raises
    ------
    DataError
        If a file is damaged, or nothing is within reach and no stand-in is allowed.

    References
    ----------
    A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009.
    """
    found = sources.find("cifar10")
    if found is None:
        if not allow_stand_in:
            raise DataError(
                "CIFAR-10 is out of reach: no local copy in $COURSE_DATA, nothing cached, and no "
                "download. Connect to a network, or point COURSE_DATA at a folder that holds "
                + " or ".join(f["local"] for f in sources.registry()["cifar10"]["files"])
                + "."
            )
        return load_toy10(verbose=verbose)
    images = _decoded(found)
    split = len(CIFAR10_CLASSES) * PER_CLASS["train"]
    y = np.arange(len(images), dtype=np.int64) % len(CIFAR10_CLASSES)
    source = _source_of("cifar10", found, len(images))
    return _reported(
        LabelledImages(
            images[:split], y[:split], images[split:], y[split:], CIFAR10_CLASSES, source
        ),
        verbose,
    )


def load_toy10(n_train=6000, n_test=2000, *, seed=0, verbose=True):
    """Draw ``toy10``: ten classes with CIFAR-10's names, and a box around each object.

    Parameters
    ----------
    n_train, n_test : int
        How many images to draw. Multiples of ten keep the classes balanced.
    seed : int
        Same seed, same images.
    verbose : bool
        Whether to print the one-line report.

    Returns
    -------
    LabelledImages
        With ``boxes_train`` and ``boxes_test``.
    """
    x_train, y_train, boxes_train = toy10.draw_toy10(n_train, seed=(seed, 0))
    x_test, y_test, boxes_test = toy10.draw_toy10(n_test, seed=(seed, 1))
    source = Source(
        title=sources.registry()["cifar10"]["title"],
        variant=f"toy10, seed {seed}",
        origin="drawn here",
        sha256=_digest(x_train, x_test),
        items=n_train + n_test,
        credit="Stand-in: toy10, drawn by this course",
        stand_in=True,
    )
    return _reported(
        LabelledImages(
            x_train, y_train, x_test, y_test, CIFAR10_CLASSES, source, boxes_train, boxes_test
        ),
        verbose,
    )


def load_dog(*, verbose=True):
    """Load the homework's dog photo, 600 × 800, grey; or draw a dog when it is out of reach.

    Returns
    -------
    Photo

    Raises
    ------
    DataError
        If the file is there but damaged.
    """
    from PIL import Image

    found = sources.find("dog")
    if found:
        with Image.open(found.path) as picture:
            image = np.asarray(picture.convert("L"))
        source = _source_of("dog", found, 1)
    else:
        image = dog.draw_dog()
        source = Source(
            sources.registry()["dog"]["title"],
            "a drawn dog, 800 × 600",
            "drawn here",
            _digest(image),
            1,
            "Stand-in: a dog drawn by this course",
            stand_in=True,
        )
    return _reported(Photo(image, source), verbose)


def check_images(images, *, name="images"):
    """Raise unless `images` is a non-empty stack of finite (n, height, width, channels) numbers.

    Parameters
    ----------
    images : array_like
        What is about to be shown to a network.
    name : str
        What to call it in the message.

    Returns
    -------
    numpy.ndarray
        The same images.
    """
    images = np.asarray(images)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"{name} has shape {images.shape}; expected (n, height, width, channels). "
            "For one image use image[np.newaxis]."
        )
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        n, *where = np.argwhere(~np.isfinite(images))[0].tolist()
        raise ValueError(
            f"{name}[{n}] holds {images[n][tuple(where)]} at (row, column, channel) "
            f"{tuple(where)}; expected finite numbers. Look for a division by zero upstream."
        )
    return images


def _source_of(dataset, found, items):
    """Return what there is to say about real data, read from the file `found`."""
    about, entry = sources.registry()[dataset], found.entry
    return Source(
        about["title"], entry["variant"], found.origin, entry["sha256"], items, about["credit"]
    )


def _reported(data, verbose):
    if verbose:
        print(data.source)
    return data


def _digest(*arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


# --- CIFAR-10 from its files --------------------------------------------------------------------


def _decoded(found):
    """Return all 60,000 images, decoded once and then kept as a file that is mapped, not read.

    The images and their digest are written whole; a damaged copy is decoded again.
    """
    name = f"cifar10-{found.entry['sha256'][:12]}"
    pixels = sources.cache_dir() / f"{name}.npy"
    note = sources.cache_dir() / f"{name}.json"
    if pixels.is_file() and note.is_file():
        if note.read_bytes() == _note(pixels):
            return np.load(pixels, mmap_mode="r")
        print(f"{pixels.name} in the cache is damaged; decoding {found.path.name} again")
    read = _read_jpeg_zip if found.path.suffix == ".zip" else _read_pickled_archive
    by_class = read(found.path)
    with sources.written_whole(pixels) as part, open(part, "wb") as file:
        np.save(file, _interleaved(by_class))
    with sources.written_whole(note) as part:
        part.write_bytes(_note(pixels))
    return np.load(pixels, mmap_mode="r")


def _note(pixels):
    return json.dumps({"sha256": sources.sha256_of(pixels)}).encode()


def _interleaved(by_class):
    """Join ``{split: [images of class 0, …]}`` so that ten in a row show each class once."""
    return np.concatenate(
        [np.stack(by_class[split], axis=1).reshape(-1, 32, 32, 3) for split in PER_CLASS]
    )


# What the standard library raises when the bytes of an archive are cut off or changed.
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # a flipped bit says that the archive is encrypted
)


def _read_jpeg_zip(path):
    """Read ``<split>/<class>/<number>.jpg`` into ``{split: [(n, 32, 32, 3) per class]}``."""
    from PIL import Image

    def decode(item):
        name, data = item
        try:
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
                shape = (picture.height, picture.width)
                image = np.asarray(picture.convert("RGB")) if shape == (32, 32) else None
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
            raise DataError(
                f"{name} in {path} is not a readable JPEG. Get a fresh copy of the archive."
            ) from problem
        if image is None:
            raise DataError(
                f"{name} in {path} has {shape[0]} × {shape[1]} pixels, expected 32 × 32. "
                "Get a fresh copy of the archive."
            )
        return image

    by_class = {}
    try:
        with zipfile.ZipFile(path) as archive, ThreadPoolExecutor() as pool:
            names = sorted(archive.namelist())
            for split, expected in PER_CLASS.items():
                by_class[split] = []
                for label in CIFAR10_CLASSES:
                    prefix = f"{split}/{label}/"
                    members = [n for n in names if n.startswith(prefix) and n.endswith(".jpg")]
                    if len(members) != expected:
                        raise DataError(
                            f"{path} has {len(members):,} images in {prefix}, expected "
                            f"{expected:,}. Get a fresh copy of the archive."
                        )
                    items = [(name, archive.read(name)) for name in members]
                    by_class[split].append(np.stack(list(pool.map(decode, items))))
    except DataError:
        raise
    except _BROKEN as problem:
        raise DataError(
            f"{path} is truncated or not a zip archive ({problem}), expected all images of "
            "CIFAR-10. Get a fresh copy."
        ) from problem
    return by_class


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickle numbers, strings, lists, dictionaries and arrays, and refuse to call anything else.

    A pickle is a program. The official archive needs three harmless calls; all others are refused
    by name before they run.
    """

    ALLOWED = (
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    )

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it asks to call {module}.{name}")
        if name == "dtype":  # the archive says 0 and 1; NumPy 2.4.0 wants False and True
            return lambda kind, *_: np.dtype(kind, False, True)
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _read_pickled_archive(path):
    """Read the official ``cifar-10-python.tar.gz`` without running anything in it."""
    batches = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
    by_class = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for split, names in batches.items():
                parts = [_read_batch(archive, name, path) for name in names]
                images = np.concatenate([images for images, _ in parts])
                labels = np.concatenate([labels for _, labels in parts])
                by_class[split] = [images[labels == c] for c in range(len(CIFAR10_CLASSES))]
    except DataError:
        raise
    except _BROKEN as problem:
        raise DataError(
            f"{path} is truncated or not a gzipped tar archive ({problem}), expected the batches "
            "of CIFAR-10. Get a fresh copy."
        ) from problem
    for split, expected in PER_CLASS.items():
        counts = [len(images) for images in by_class[split]]
        if counts != [expected] * len(CIFAR10_CLASSES):
            raise DataError(
                f"{path} has {counts} {split} images per class, expected {expected} of each. "
                "Get a fresh copy."
            )
    return by_class


def _read_batch(archive, name, path):
    """Return images (n, 32, 32, 3) and labels (n,) of one pickled batch."""
    member = f"cifar-10-batches-py/{name}"
    try:
        data = archive.extractfile(member).read()
    except (KeyError, AttributeError) as problem:  # absent, or a folder
        raise DataError(
            f"{path} lacks the file {member}, expected five batches and test_batch. "
            "Get a fresh copy."
        ) from problem
    try:
        batch = _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
        images = np.asarray(batch["data"])
        labels = np.asarray(batch["labels"], dtype=np.int64)
    except Exception as problem:  # a damaged pickle may raise anything
        raise DataError(
            f"{member} in {path} was refused: {problem}. Expected a dictionary with the array "
            "'data' and the list 'labels'. Do not open this file with pickle; get the official "
            "archive."
        ) from problem
    if images.dtype != np.uint8 or images.shape != (len(labels), 3072):
        raise DataError(
            f"{member} in {path} holds {images.dtype} of shape {images.shape}, expected uint8 of "
            f"shape ({len(labels)}, 3072). Get a fresh copy."
        )
    return images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


# --- for the graph ------------------------------------------------------------------------------


def _report_parts(dataset):
    """Find every part of a data set, and say how many are within reach."""
    found = [sources.find(dataset, part) for part in sources.parts(dataset)]
    origins = " and ".join(sorted({file.origin for file in found if file})) or "all out of reach"
    about = f"{sources.registry()[dataset]['title']}: {sum(map(bool, found))} of {len(found)} files"
    print(f"{about}, {origins}")


if __name__ == "__main__":  # python -m helpers.datasets cifar10: fetch, verify and report
    import sys

    name = sys.argv[1]
    {"cifar10": load_cifar10, "dog": load_dog}.get(name, lambda: _report_parts(name))()
