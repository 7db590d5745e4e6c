"""Checks of page 5, the first CNN: its size, its accuracy, and a picture of its own making."""

from itertools import combinations

import numpy as np

from helpers import interpret
from helpers.backend import keras
from helpers.checks import CannotJudge, Wrong, check
from helpers.checks.networks import parameters_of
from helpers.datasets import CIFAR10_CLASSES

PARAMETERS = 1_084_234


# --- (a) the number of parameters ---------------------------------------------------------------


@check
def parameter_count(model):
    """Judge the size of the first CNN.

    Parameters
    ----------
    model : keras.Model or int
        The network, or its number of parameters.
    """
    count = parameters_of(model, (32, 32, 3))
    if count == PARAMETERS:
        return f"{count:,} parameters."
    raise Wrong(f"{count:,} parameters, expected {PARAMETERS:,}. {_why(count)}")


def _count(
    *,
    channels=3,
    filters=(16, 32, 32, 64),
    kernels=(3, 3, 3, 3),
    padding="same",
    pool_after=(2, 4),
    bridge="flatten",
    hidden=256,
    hidden_layers=1,
    outputs=10,
    bias=1,
    normalised=0,
):
    """Count the parameters of the first CNN, or of one with mistakes in it."""
    size, total = 32, 0
    for number, (maps, kernel) in enumerate(zip(filters, kernels, strict=False), start=1):
        total += maps * (kernel**2 * channels + bias) + normalised * 4 * maps
        size = size - kernel + 1 if padding == "valid" else size
        channels = maps
        if number in pool_after:
            size //= 2
    units = channels * (size**2 if bridge == "flatten" else 1)
    for _ in range(hidden_layers):
        total, units = total + hidden * (units + bias), hidden
    return total + outputs * (units + bias)


_MISTAKES = {
    'Do the convolutions use padding="same"? The count fits padding="valid".': {"padding": "valid"},
    "Is one of the two poolings missing?": {"pool_after": (4,)},
    "Are both poolings missing?": {"pool_after": ()},
    "Is there a pooling after every convolution? Two convolutions share one.": {
        "pool_after": (1, 2, 3, 4)
    },
    "Are the kernels 5×5? They should be 3×3.": {"kernels": (5, 5, 5, 5)},
    "Are the kernels 2×2? They should be 3×3.": {"kernels": (2, 2, 2, 2)},
    "Are the kernels 1×1? They should be 3×3.": {"kernels": (1, 1, 1, 1)},
    "Is the hidden dense layer missing?": {"hidden_layers": 0},
    "Are there two hidden dense layers?": {"hidden_layers": 2},
    "Is the flattening a global average? Use Flatten.": {"bridge": "average"},
    "Were the biases switched off?": {"bias": 0},
    "Are there BatchNormalization layers? This network has none.": {"normalised": 1},
    "Does the input have one channel? The images have three.": {"channels": 1},
    "Is the fourth convolution missing?": {"filters": (16, 32, 32)},
    **{
        f"Are the filters {', '.join(map(str, wrong))}? They should be 16, 32, 32, 64.": {
            "filters": wrong
        }
        for wrong in (
            (16, 16, 32, 32),
            (16, 32, 64, 64),
            (16, 32, 64, 128),
            (16, 32, 32, 32),
            (16, 16, 32, 64),
            (32, 32, 64, 64),
            (32, 32, 32, 64),
            (32, 64, 64, 128),
            (64, 32, 32, 16),
            (16, 16, 16, 16),
            (32, 32, 32, 32),
            (64, 64, 64, 64),
        )
    },
    **{
        f"Does the hidden dense layer have {n} neurons? It should have 256.": {"hidden": n}
        for n in (10, 32, 64, 100, 128, 255, 257, 512, 1024)
    },
    **{
        f"Does the last layer have {n} neuron{'s' * (n > 1)}? It should have one per class.": {
            "outputs": n
        }
        for n in (1, 2, 9, 11, 100, 256)
    },
}


def _why(count):
    """Name the one mistake, or the two, that lead to this count."""
    for how_many in (1, 2):
        for names in combinations(_MISTAKES, how_many):
            changes = [_MISTAKES[name] for name in names]
            keys = [key for change in changes for key in change]
            if len(set(keys)) == len(keys):
                if _count(**{k: v for change in changes for k, v in change.items()}) == count:
                    return " And: ".join(names)
    return "Print model.summary() and compare it with the table above, layer by layer."


# --- (b) accuracy on held-out images ------------------------------------------------------------


@check
def held_out_accuracy(predicted_labels, true_labels, *, at_least=0.7, n_classes=10):
    """Judge predictions for images that the network has not seen.

    Parameters
    ----------
    predicted_labels : array of int, shape (n,)
        Class numbers.
    true_labels : array of int, shape (n,)
    at_least : float
        The fraction that must be right.
    n_classes : int
    """
    truth = np.asarray(true_labels)
    if truth.shape == (len(truth), 1):  # as keras.datasets gives them
        truth = truth[:, 0]
    if truth.ndim != 1 or not len(truth):
        raise Wrong(
            f"the true labels have shape {truth.shape}, expected one class number per image. "
            "One-hot labels turn into numbers with .argmax(axis=1)."
        )
    predicted = np.asarray(predicted_labels)
    if np.shares_memory(predicted, truth):
        raise Wrong("these are the true labels themselves, not predictions.")
    predicted = _labels(predicted, len(truth), n_classes)
    accuracy = np.mean(predicted == truth)
    if accuracy >= at_least:
        return f"at least {at_least:.0%} of the held-out images are recognised."
    raise Wrong(
        f"{accuracy:.1%} of the held-out images are recognised, expected at least {at_least:.0%}. "
        + _why_so_few(predicted, truth, n_classes)
    )


def _labels(predicted, n, n_classes):
    """Return predictions as class numbers, or raise with what they are instead."""
    if predicted.dtype.kind not in "iuf":
        raise Wrong(f"the predictions are {predicted.dtype}, expected class numbers.")
    if predicted.dtype.kind == "f" and not np.isfinite(predicted).all():
        raise Wrong(
            "the predictions hold NaN or infinity: the training diverged. Check that the images "
            "are scaled to -0.5 … 0.5, and the learning rate."
        )
    if predicted.ndim == 2 and predicted.shape[1] == n_classes:
        one_hot = np.isin(predicted, (0, 1)).all()
        what = "one-hot vectors" if one_hot else "one score per class"
        raise Wrong(f"these are {what}, expected class numbers: use .argmax(axis=1).")
    if predicted.shape == (len(predicted), 1):
        predicted = predicted[:, 0]
    if predicted.ndim != 1:
        raise Wrong(f"the predictions have shape {predicted.shape}, expected ({n},).")
    if len(predicted) != n:
        if len(predicted) == n_classes:
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
    if predicted.min() < 0 or predicted.max() >= n_classes:
        raise Wrong(
            f"the class numbers run from {predicted.min():.0f} to {predicted.max():.0f}, "
            f"expected 0 to {n_classes - 1}."
        )
    return predicted.astype(int)


def _why_so_few(predicted, truth, n_classes):
    """Name what makes so many predictions wrong."""
    if len(np.unique(predicted)) == 1:
        return (
            "Every image gets the same class. Did the training diverge, or are the test images "
            "scaled differently from the training images?"
        )
    shifted = [np.mean((predicted + shift) % n_classes == truth) for shift in (1, -1)]
    if max(shifted) > 0.5:
        return "The class numbers are off by one: they start at 0."
    if np.mean(predicted == truth) < 1.5 / n_classes:
        return (
            "That is guessing. Are predictions and labels in the same order, are the weights "
            "loaded, and are the images scaled as in training?"
        )
    return "The network learns: give it more epochs or more images."


# --- (c) the network recognises its own maximum stimulus ----------------------------------------


@check
def own_stimulus(model, stimulus=None, *, target=7, at_least=0.5):
    """Judge whether a network gives its own maximum stimulus the class it was made for.

    Parameters
    ----------
    model : keras.Model
        Ends in ten probabilities.
    stimulus : array, shape (32, 32, 3) or (1, 32, 32, 3), optional
        In the network's units. Default: made here, 20 steps of length 1 from the last dense layer.
    target : int
        The class; 7 is "horse".
    at_least : float
        Probability that is enough.
    """
    name = CIFAR10_CLASSES[target]
    dense = _last_dense(model)
    if stimulus is None:
        stimulus, _ = interpret.maximum_stimuli(model, dense, [target])
    stimulus = _one_picture(np.asarray(stimulus), model.inputs[0].shape[1:])
    probabilities = keras.ops.convert_to_numpy(model(stimulus, training=False))[0]
    if abs(probabilities.sum() - 1) > 1e-3 or probabilities.min() < 0:
        raise Wrong("the outputs are not probabilities: a softmax is missing at the end.")
    if probabilities[target] >= at_least:
        return f"the network calls its own stimulus of class {target} a {name}."
    winner = int(probabilities.argmax())
    if np.abs(stimulus).max() < 0.01:
        hint = "The picture is still grey: climb further."
    elif winner == target:
        hint = "That is the largest of the ten, yet unsure: climb further."
    else:
        hint = "Climb the unit of that class, before the softmax, for 20 steps of length 1."
    raise Wrong(
        f"probability {probabilities[target]:.3f} for {name}, expected at least {at_least}; "
        f"the network sees a {CIFAR10_CLASSES[winner]}. {hint}"
    )


def _last_dense(model):
    """Return the last dense layer of a network that can be judged, or raise."""
    if not isinstance(model, keras.Model):
        raise Wrong(f"expected a Keras network, got {type(model).__name__}.")
    if not model.built or not model.inputs:
        raise Wrong("the network is not built. Start it with keras.Input((32, 32, 3)).")
    if not all(np.isfinite(w).all() for w in model.get_weights()):
        raise Wrong("some weights are not finite numbers: the training diverged.")
    n_outputs = model.output_shape[-1]
    if n_outputs != len(CIFAR10_CLASSES):
        raise Wrong(f"the network has {n_outputs} outputs, expected one for each of ten classes.")
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    if not dense:
        raise CannotJudge("the network has no dense layer, so this check knows no unit to climb.")
    return dense[-1]


def _one_picture(stimulus, shape):
    """Return the stimulus as a batch of one, or raise with what is wrong with it."""
    if stimulus.shape == tuple(shape):
        stimulus = stimulus[np.newaxis]
    if stimulus.shape != (1, *shape):
        raise Wrong(f"the stimulus has shape {stimulus.shape}, expected {(1, *shape)}.")
    if stimulus.dtype.kind == "f" and not np.isfinite(stimulus).all():
        raise Wrong("the stimulus holds NaN or infinity. Was a gradient divided by zero?")
    if stimulus.dtype.kind in "iu" or stimulus.max() > 100:
        raise Wrong(
            "the stimulus is in pixels from 0 to 255. The network expects -0.5 to 0.5: hand it "
            "what the climb returned, before it was made viewable."
        )
    return stimulus.astype("float32")
