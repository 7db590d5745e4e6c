"""What a trained network is judged by: the class numbers it predicts, and its weights in a file."""

import os
from pathlib import Path

import numpy as np

from helpers import datasets, weights
from helpers.checks import CannotJudge, Wrong
from helpers.datasets import CIFAR10_CLASSES
from helpers.released import released_file

WEIGHTS, PREDICTIONS = "first_cnn.weights.h5", "first_cnn.predictions.npy"
N_IMAGES, N_PREDICTIONS = 4000, 1000  # test images that the judge shows, and that a student shows
WORTHLESS, ENOUGH = 0.2, 0.7  # accuracies where the points begin, and where all are earned
ALIKE = 0.9  # so alike are the filters of no two networks that were trained on their own
AGREE = 0.98  # rounding alone may tip a prediction
N_CLASSES = len(CIFAR10_CLASSES)


def class_numbers(predicted, n):
    """Return predictions as class numbers, or raise with what they are instead.

    Parameters
    ----------
    predicted : array
    n : int
        How many there should be.

    Raises
    ------
    Wrong
    """
    if predicted.dtype.kind not in "iuf":
        raise Wrong(f"the predictions are {predicted.dtype}, expected class numbers.")
    if predicted.ndim == 0:
        raise Wrong("this is one number. .argmax(axis=1) gives a class number for each image.")
    if predicted.dtype.kind == "f" and not np.isfinite(predicted).all():
        raise Wrong(
            "the predictions hold NaN or infinity: the training diverged. Check that the images "
            "are scaled to -0.5 … 0.5, and the learning rate."
        )
    if predicted.ndim == 2 and predicted.shape[1] == N_CLASSES:
        one_hot = np.isin(predicted, (0, 1)).all()
        what = "one-hot vectors" if one_hot else "one score per class"
        raise Wrong(f"these are {what}, expected class numbers: use .argmax(axis=1).")
    if predicted.shape == (len(predicted), 1):
        predicted = predicted[:, 0]
    if predicted.ndim != 1:
        raise Wrong(f"the predictions have shape {predicted.shape}, expected ({n},).")
    if len(predicted) != n:
        if len(predicted) == N_CLASSES:
            hint = "It looks like an argmax over the wrong axis: use .argmax(axis=1)."
        elif len(predicted) > n:
            hint = "Were they made from the training images?"
        else:
            hint = "Predict for all held-out images."
        raise Wrong(f"{len(predicted):,} predictions for {n:,} held-out images. {hint}")
    if (predicted != np.round(predicted)).any():
        raise Wrong(
            "the predictions are fractions, expected class numbers. Are they the highest scores "
            "(.max) where the class with the highest score (.argmax) is asked for?"
        )
    if predicted.min() < 0 or predicted.max() >= N_CLASSES:
        raise Wrong(
            f"the class numbers run from {predicted.min():.0f} to {predicted.max():.0f}, "
            f"expected 0 to {N_CLASSES - 1}."
        )
    return predicted.astype(int)


def judge_network(folder, *, graded):
    """Judge the weights and the predictions in a folder by showing test images to the network.

    Parameters
    ----------
    folder : str or pathlib.Path
    graded : bool
        Whether it counts: then a stand-in of CIFAR-10 will not do.

    Returns
    -------
    praise : str
    score : float

    Raises
    ------
    Wrong
    CannotJudge
    """
    from helpers.training import binomial_error

    folder = _checked_folder(folder)
    model = _with_weights(folder)
    predicted = _predictions(folder)
    data = datasets.load_cifar10(verbose=False)
    if data.source.stand_in and graded:
        raise CannotJudge("only a stand-in of CIFAR-10 is at hand here, and drawings do not count.")
    said = _said(model, data.x_test[:N_PREDICTIONS])
    agree = np.mean(predicted == said)
    if agree < AGREE:
        raise Wrong(
            f"{agree:.1%} of the predictions are what these weights say of the first "
            f"{N_PREDICTIONS:,} test images. {_why_they_differ(model, predicted, data)}"
        )
    y = data.y_test[:N_IMAGES]
    said = np.concatenate([said, _said(model, data.x_test[N_PREDICTIONS:N_IMAGES])])
    accuracy = np.mean(said == y)
    found = f"{accuracy:.1%} ± {binomial_error(accuracy, len(y)):.1%} of {len(y):,} test images"
    if accuracy <= WORTHLESS:
        raise Wrong(
            f"{found} are recognised; guessing is 10%. The points begin above {WORTHLESS:.0%}: "
            "train on more images, or for more epochs."
        )
    score = min(1.0, (accuracy - WORTHLESS) / (ENOUGH - WORTHLESS))
    more = f"{score:.0%} of the points; all of them from {ENOUGH:.0%}."
    return f"{found} are recognised. {'All points.' if score == 1 else more}", float(score)


def _checked_folder(answer):
    """Return the folder that was handed in as a path, or raise."""
    if not isinstance(answer, str | os.PathLike):
        raise Wrong(f"expected the folder with the two files, got {type(answer).__name__}.")
    folder = Path(answer)
    if folder.is_file():
        raise Wrong(f"{folder.name} is a file. Give the folder that holds the two files.")
    if not folder.is_dir():
        raise Wrong(f"there is no folder {folder.name!r}.")
    return folder


def _with_weights(folder):
    """Return the first CNN with the weights in a folder, or raise with what is wrong with them."""
    from helpers import models

    other_form = folder / Path(WEIGHTS).with_suffix(".npz")
    path = other_form if other_form.is_file() else folder / WEIGHTS
    model = models.first_cnn()
    try:
        arrays = weights.read(path)
        weights.load_into(model, arrays)
    except weights.WeightsError as problem:
        raise Wrong(str(problem)) from None
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise Wrong(f"{name}: there is NaN or infinity in it. The training diverged.")
    if _likeness(arrays, weights.read(released_file("first_cnn", "model.weights.h5"))) > ALIKE:
        raise Wrong(
            "these are the released weights, or nearly so. Train a network of your own, from a "
            "seed of your own."
        )
    return model


def _likeness(arrays, others):
    """Return how alike the filters of two networks are, in the convolution where they are least.

    Each filter is compared with the one of the other network that is most like it, and the
    channels of the next layer are put in that order: the order of filters is of no account.

    Returns
    -------
    float
        1 for equal networks, near 0 for two that were trained from different seeds.
    """
    alike, order = [], slice(None)
    for number in range(4):
        name = f"layers/conv2d{f'_{number}' if number else ''}/vars/0"
        ours, theirs = (a[name].astype(float) for a in (arrays, others))
        ours = ours[:, :, order].reshape(-1, ours.shape[-1])
        theirs = theirs.reshape(-1, theirs.shape[-1])
        with np.errstate(invalid="ignore", divide="ignore"):  # a filter that is constant
            table = np.nan_to_num(
                np.corrcoef(theirs.T, ours.T)[: theirs.shape[1], theirs.shape[1] :]
            )
        order = table.argmax(axis=1)
        alike.append(table.max(axis=1).mean())
    return min(alike)


def _predictions(folder):
    """Return the class numbers in a folder, or raise with what is wrong with them."""
    path = folder / PREDICTIONS
    if not path.is_file():
        raise Wrong(f"{PREDICTIONS} is missing.")
    try:
        if path.stat().st_size > 1_000_000:
            raise ValueError("too large")
        array = np.load(path, allow_pickle=False)
    except Exception:
        raise Wrong(
            f"{PREDICTIONS} is no array of {N_PREDICTIONS:,} numbers. Write it with "
            "np.save(path, class_numbers)."
        ) from None
    if not isinstance(array, np.ndarray):
        raise Wrong(f"{PREDICTIONS} is an archive. Write it with np.save, not np.savez.")
    predicted = class_numbers(array, N_PREDICTIONS)
    if len(np.unique(predicted)) == 1:
        raise Wrong(
            "all predictions are the same class. Did the training diverge, or are the test images "
            "scaled differently from the training images?"
        )
    return predicted


def _units(images):
    return images.astype("float32") / 255 - 0.5


def _said(model, images):
    """Return the class numbers that a network gives to images in bytes."""
    scores = _scores(model, _units(images))
    if not np.isfinite(scores).all():
        raise Wrong("the network's answers are not finite numbers: the training diverged.")
    return scores.argmax(axis=1)


def _scores(model, x):
    return model.predict(x, batch_size=500, verbose=0)


def _why_they_differ(model, predicted, data):
    """Say what the predictions of somebody may have been made from instead."""
    from helpers import models

    images = data.x_test[:N_PREDICTIONS]
    unbent = models.first_cnn(dense_activation=False)
    unbent.set_weights(model.get_weights())
    shown = {
        "They fit images scaled to 0 … 1. The network's units are -0.5 … 0.5.": (
            model,
            images.astype("float32") / 255,
        ),
        "They fit images in bytes. Scale them to -0.5 … 0.5.": (model, images.astype("float32")),
        "They fit the first training images. Show it test images.": (
            model,
            _units(data.x_train[:N_PREDICTIONS]),
        ),
        "They fit a network without the LeakyReLU behind its hidden dense layer.": (
            unbent,
            _units(images),
        ),
    }
    for diagnosis, (network, x) in shown.items():
        if np.mean(_scores(network, x).argmax(axis=1) == predicted) > AGREE:
            return diagnosis
    return (
        "Were they made after the last epoch, with these weights, in the order of the test set, "
        "and from the same copy of CIFAR-10?"
    )
