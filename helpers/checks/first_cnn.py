"""Checks of page 5, the first CNN: its data, layers, size, training, accuracy and stimuli."""

from dataclasses import replace

import numpy as np

from helpers.checks import CannotJudge, Wrong, check, predictions, quiz
from helpers.checks.answers import same
from helpers.checks.layers import compare
from helpers.checks.networks import (
    IN_THE_POOLINGS,
    OF_SMALL_IMAGES,
    Design,
    is_network,
    neurons_instead,
    parameters_of,
    require_network,
)
from helpers.checks.predictions import N_CLASSES, PREDICTIONS, WEIGHTS, class_numbers
from helpers.datasets import CIFAR10_CLASSES

ASKED = Design(filters=(16, 32, 32, 64), hidden=256)


# --- the data -----------------------------------------------------------------------------------


def _pictures(rng):
    every_byte = np.arange(256, dtype="uint8").reshape(2, 4, 32, 1)
    return [
        (rng.normal(0, 0.5, (1, 4, 5, 3)).astype("float32"),),
        (every_byte.astype("float32") / 255 - 0.5,),
        (rng.uniform(-0.5, 0.5, (2, 3, 4, 3)),),
        (rng.normal(0.1, 3, (2, 2, 2, 3)),),
        (np.linspace(-0.6, 0.6, 24).reshape(1, 2, 4, 3),),
    ]


@check(cases=_pictures)
def pixels_back(given, x):
    """Judge images in the network's units that are turned back into bytes.

    Hints
    -----
    - Undo the two steps of scaled in the opposite order. What is left then are fractions, and some
      numbers that no byte can hold.
    - np.clip cuts at 0 and 255. np.round goes to the nearest whole number; .astype alone cuts the
      fraction off.
    - The last step is .astype("uint8"). Clip before it: in a byte, 256 is 0 again.
    """
    exact = 255 * (np.asarray(x, float) + 0.5)
    stretched = (x - x.min()) / max(np.ptp(x), 1e-9)
    clip = "numbers below 0 or above 255 have come round. Clip them first."
    mistakes = {
        "zero is grey here, the middle of the bytes. Add before you multiply.": (
            np.round((255 * np.asarray(x)).clip(0, 255))  # halves, so as exact as x
        ),
        "the fractions are cut off. Go to the nearest byte: np.round.": (
            np.floor(exact.clip(0, 255))
        ),
        clip: np.round(exact) % 256,
        f"{clip} And round.": np.trunc(exact) % 256,
        "numbers below 0 or above 255 are no bytes. Clip them.": np.round(exact),
        "fractions are left, and numbers below 0 or above 255. Bytes have neither.": exact,
        "there are fractions left. Bytes are whole numbers.": exact.clip(0, 255),
        "there are 256 bytes, but the largest is 255: that is the factor.": np.round(
            (exact * 256 / 255).clip(0, 255)
        ),
        "this stretches the picture to all bytes. Undo what scaled did, no more.": np.round(
            255 * stretched
        ),
    }
    where = f"{x.size} numbers from {x.min():.2f} to {x.max():.2f}"
    same(given, np.round(exact.clip(0, 255)), where=where, mistakes=mistakes)
    if isinstance(given, list | tuple):
        raise Wrong('the numbers are right, but in a list: np.array(…, dtype="uint8").')
    if np.asarray(given).dtype != np.uint8:
        raise Wrong(f'the numbers are right, but as {np.asarray(given).dtype}: .astype("uint8").')
    return "and back again: bytes."


def _labels_to_write(rng):
    return [
        (np.array([3, 0, 9, 3]), 10),
        (rng.integers(0, 10, 12), 10),
        (rng.integers(0, 10, (12, 1)), 10),
        (np.array([[1], [0], [1]]), 4),
        (np.array([2]), 5),
        (rng.integers(0, 3, 7), 7),
    ]


@check(cases=_labels_to_write)
def one_hot(given, labels, n_classes):
    """Judge class numbers written as rows of zeros with a single one.

    Hints
    -----
    - A table of zeros with a row for each label and a column for each class. Where does the one of
      each row belong?
    - np.eye(n_classes) has a row for every class, each with its one in the right place. Indexed
      with an array of labels, it gives a row for each label.
    - Keras gives labels as a column (n, 1). np.ravel makes n numbers of either form.
    """
    flat = labels.ravel()
    eye, right = np.eye(n_classes), np.eye(n_classes)[flat]
    mistakes = {
        "there are only as many columns as the largest label needs. A class may be absent.": (
            np.eye(flat.max() + 1)[flat]
        ),
        "there are only as many columns as classes that occur. A class may be absent.": (
            np.eye(len(np.unique(flat)))[np.unique(flat, return_inverse=True)[1].ravel()]
        ),
        "the ones are one column too far to the right: class 0 has the first column.": (
            np.roll(right, 1, axis=1)
        ),
        "the ones are one column too far to the left: class 0 has the first column.": (
            np.roll(right, -1, axis=1)
        ),
        "each class has a row. Each label should have one.": right.T,
        "the label itself stands in its place. A one is asked for.": right * flat[:, np.newaxis],
        "zeros and ones have changed places.": 1 - right,
        "this is the table of all classes. Take a row of it for each label.": eye,
        "all classes up to the label have a one. Only one of them is right.": (
            1.0 * (np.arange(n_classes) <= flat[:, np.newaxis])
        ),
    }
    where = f"labels {labels.shape}, {n_classes} classes"
    same(given, right, where=where, mistakes=mistakes)
    return "a single one in each row, from labels of either form."


# --- its layers ---------------------------------------------------------------------------------


def _sizes(rng):
    return [((8, 16), 32), ((4, 8, 4), 16), ((6,), 12), ((2, 3, 4, 5), 8)]


@check(cases=_sizes)
def make_model(model, filters, hidden):
    """Judge a network that a student's function builds.

    Hints
    -----
    - A loop over filters adds four layers each time. The page's own functions show how, but their
      poolings come after every second convolution.
    - In the loop: Conv2D, LeakyReLU, MaxPooling2D, Dropout. Behind it: Flatten, Dense, LeakyReLU,
      Dropout, Dense, softmax.
    - Conv2D needs padding="same", and LeakyReLU negative_slope=0.1; left to itself, Keras takes
      "valid" and 0.3. The LeakyReLU behind the hidden dense layer is what the original forgot.
    """
    where = f"with filters {filters} and {hidden} neurons"
    compare(model, _with_pooling_after_each(filters, hidden), where)
    return "every layer and every setting as asked, for all sizes that were tried."


def _with_pooling_after_each(filters, hidden):
    from helpers.backend import keras

    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for n in filters:
        model.add(layers.Conv2D(n, 3, padding="same"))
        model.add(layers.LeakyReLU(negative_slope=0.1))
        model.add(layers.MaxPooling2D(2))
        model.add(layers.Dropout(0.25))
    model.add(layers.Flatten())
    model.add(layers.Dense(hidden))
    model.add(layers.LeakyReLU(negative_slope=0.1))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(N_CLASSES, activation="softmax"))
    return model


# --- part 1: the number of parameters -----------------------------------------------------------


@check()
def parameter_count(model, *, bridge="flatten"):
    """Judge the size of the first CNN (part 1).

    Parameters
    ----------
    model : keras.Model or int
        The network, or its number of parameters.
    bridge : {"flatten", "average"}
        What lies between the last pooling and the hidden layer.

    Hints
    -----
    - Only the convolutions and the two dense layers have parameters, and the convolutions keep
      theirs. What does the hidden layer see now?
    - The average leaves one number of each of the 64 maps. So the hidden layer has 64 weights for
      each of its 256 neurons, and a bias.
    - The convolutions have 448, 4,640, 9,248 and 18,496 parameters, the last layer 10 · (256 + 1).
    """
    count, asked = parameters_of(model, (32, 32, 3)), replace(ASKED, bridge=bridge)
    if count == asked.parameters:
        return f"{count:,} parameters."
    where = "with a global average" if bridge == "average" else "of the first CNN"
    slips = {name: change for name, change in _MISTAKES.items() if change != {"bridge": bridge}}
    network = is_network(model)
    why = asked.why(count, slips, pairs=network) or (
        "Print model.summary() and compare it with the table above, layer by layer."
        if network
        else "Write down the share of each of the six layers that have parameters."
    )
    raise Wrong(f"{count:,} parameters are not those {where}. {why}")


_MISTAKES = {
    'Do the convolutions use padding="same"? The count fits padding="valid".': {"padding": "valid"},
    "Is one of the two poolings missing?": {"pool_after": (4,)},
    **IN_THE_POOLINGS,
    "Is there a pooling after every convolution? Two convolutions share one.": {
        "pool_after": (1, 2, 3, 4)
    },
    **OF_SMALL_IMAGES,
    "Are the kernels 1×1? They should be 3×3.": {"kernel": 1},
    "That is the network with its flattening. Each map should become one number.": {
        "bridge": "flatten"
    },
    "Is the last layer missing?": {"outputs": 0},
    "These are the convolutions alone. The two dense layers count too.": {
        "hidden_layers": 0,
        "outputs": 0,
    },
    "These are the two dense layers alone. The convolutions count too.": {"counted": "dense"},
    "Are all biases missing?": {"biases": (0, 0, 0)},
    "Are the biases of the convolutions missing?": {"biases": (0, 1, 1)},
    "Are the biases of the hidden dense layer missing?": {"biases": (1, 0, 1)},
    "Are the biases of the last layer missing?": {"biases": (1, 1, 0)},
    "Are the biases of both dense layers missing?": {"biases": (1, 0, 0)},
    "Are there BatchNormalization layers? This network has none.": {"normalised": 1},
    "Is the fourth convolution missing?": {"filters": (16, 32, 32), "convolutions": 3},
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
    **neurons_instead(
        (10, 32, 64, 100, 128, 255, 257, 512, 1024), (1, 2, 9, 11, 100, 256), of=ASKED
    ),
}


# --- training -----------------------------------------------------------------------------------


def _epochs(rng):
    return [(epoch,) for epoch in (0, 1, 2, 5, 9, int(rng.integers(10, 40)))]


@check(cases=_epochs)
def learning_rate(given, epoch):
    """Judge the learning rate of an epoch, counted from 0.

    Hints
    -----
    - To shrink by a tenth is to be multiplied by nine tenths. How often has that happened before
      epoch number 3?
    - Epochs count from 0. So in epoch number 3 it has happened three times: a power, in Python **.
    """
    right = 5e-3 * 0.9**epoch
    mistakes = {
        "it does not shrink.": 5e-3,
        "that is the rate of the epoch before. The first epoch is number 0, so number 1 has "
        "shrunk once.": right / 0.9,
        "that is the rate of the next epoch. Number 0 has the full rate.": right * 0.9,
        "that shrinks to a tenth. It should shrink by a tenth.": 5e-3 * 0.1**epoch,
        "that grows. To shrink by a tenth is to be multiplied by 0.9.": 5e-3 * 1.1**epoch,
        "that grows: it divides where it should multiply.": 5e-3 / 0.9**epoch,
        "the same amount is taken away each time. It should be a tenth of what is left.": (
            5e-3 * (1 - 0.1 * epoch)
        ),
        "it shrinks once and then stays. It should shrink after every epoch.": 5e-3 * 0.9,
        "a product grows or shrinks evenly. Shrinking by a factor again and again is a power.": (
            5e-3 * 0.9 * epoch
        ),
        "that shrinks like one over the epoch.": 5e-3 / (1 + epoch),
        "this is the factor alone. The first rate is 0.005.": 0.9**epoch,
    }
    same(given, right, where=f"epoch {epoch}", mistakes=mistakes)
    return "nine tenths of the rate before, every time."


@quiz(right="c")
def test_set():
    """Judge the choice in the quiz test_set.

    Choices
    -------
    - a: each of the fifteen numbers is as likely to be too large as too small. But one of them was
      chosen.
    - b: no weight has seen a test image, that is true. But the epoch was chosen by them.
    - c: the largest of fifteen noisy numbers is too large on average. Choose on other images, and
      open the test set once.
    - d: more images make the noise smaller, and the error with it; the choice stays one-sided.

    Hints
    -----
    - Suppose that the network had stopped learning, and its accuracy moved by chance alone. Which
      of the fifteen numbers would be reported?
    - It is the largest of fifteen noisy numbers. Is that too large or too small on average?
    """


# --- part 2: accuracy on held-out images ----------------------------------------------------------


@check()
def held_out_accuracy(predicted_labels, true_labels, *, at_least=0.7, unlike=None):
    """Judge predictions for images that the network has not seen (part 2).

    Parameters
    ----------
    predicted_labels : array of int, shape (n,)
        Class numbers.
    true_labels : array of int, shape (n,)
    at_least : float
        The fraction that must be right.
    unlike : array of int, shape (n,), optional
        Predictions for other images, here those that are not mirrored.

    Hints
    -----
    - x_test has four axes: images, rows, columns, colours. Left and right run along the columns.
    - A step of -1 goes backwards: x_test[:, :, ::-1] is mirrored. probabilities gives ten numbers
      for each image.
    - The class is the place of the largest of the ten numbers: .argmax(axis=1).
    """
    truth = np.asarray(true_labels)
    if truth.shape == (len(truth), 1):  # as keras.datasets gives them
        truth = truth[:, 0]
    if truth.ndim != 1 or not len(truth):
        raise Wrong(
            f"the true labels have shape {truth.shape}, expected one class number per image. "
            "One-hot labels turn into numbers with .argmax(axis=1)."
        )
    predicted = class_numbers(np.asarray(predicted_labels), len(truth))
    if np.array_equal(predicted, truth):
        raise Wrong("these are the true labels themselves, not predictions.")
    if unlike is not None and np.array_equal(predicted, unlike):
        raise Wrong("these are the predictions for the images as they are. Mirror them first.")
    accuracy = np.mean(predicted == truth)
    if accuracy >= at_least:
        return f"at least {at_least:.0%} of the held-out images are recognised."
    raise Wrong(
        f"{accuracy:.1%} of the held-out images are recognised, expected at least {at_least:.0%}. "
        + _why_so_few(predicted, truth, unlike)
    )


def _why_so_few(predicted, truth, unlike):
    """Name what makes so many predictions wrong."""
    if len(np.unique(predicted)) == 1:
        return (
            "Every image gets the same class. Did the training diverge, or are the test images "
            "scaled differently from the training images?"
        )
    shifted = [np.mean((predicted + shift) % N_CLASSES == truth) for shift in (1, -1)]
    if max(shifted) > 0.5:
        return "The class numbers are off by one: they start at 0."
    if np.mean(predicted == truth) < 1.5 / N_CLASSES:
        return (
            "That is guessing. Are predictions and labels in the same order, are the weights "
            "loaded, and are the images scaled as in training?"
        )
    if unlike is not None and np.mean(unlike == truth) > np.mean(predicted == truth) + 0.1:
        return (
            "As they are, it knows far more of them. Was another axis turned, or are these not "
            "the network's units?"
        )
    return "The network learns: give it more epochs or more images."


def _pairs(rng):
    def labels(n_classes, n):
        truth = rng.integers(0, n_classes, n)
        wrong = (truth + rng.integers(1, n_classes, n)) % n_classes
        return truth, np.where(rng.random(n) < 0.6, truth, wrong), n_classes

    return [
        (np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3),
        labels(3, 20),
        labels(10, 200),
        (np.array([0, 1, 1]), np.array([2, 1, 1]), 4),
        labels(5, 30),
    ]


@check(cases=_pairs)
def confusion(given, truth, predicted, n_classes):
    """Judge a confusion matrix: rows the truth, columns the prediction.

    Hints
    -----
    - A table of zeros, then go through the pairs of truth and prediction. Each adds one to a cell.
      Which number says the row, and which the column?
    - table[truth[i], predicted[i]] += 1 for every image i. Without a loop, np.add.at does that.
    """
    right = np.zeros((n_classes, n_classes))
    np.add.at(right, (truth, predicted), 1)
    in_row = right.sum(axis=1, keepdims=True)
    in_column = right.sum(axis=0, keepdims=True)
    seen = np.union1d(truth, predicted)
    mistakes = {
        "it is transposed. A row belongs to a true class, a column to an answer.": right.T,
        "each cell holds a one at most. Equal pairs should add up: np.add.at, or a loop.": (
            1.0 * (right > 0)
        ),
        "these are shares of each row. Counts are asked for.": right / np.maximum(in_row, 1),
        "these are shares of each column. Counts are asked for.": right / np.maximum(in_column, 1),
        "these are shares of all images. Counts are asked for.": right / len(truth),
        "only the right answers are counted.": np.diag(np.diag(right)),
        "only the wrong answers are counted.": right - np.diag(np.diag(right)),
        "classes that do not occur have no row. Make n_classes of them.": right[np.ix_(seen, seen)],
    }
    where = f"{len(truth)} images, {n_classes} classes"
    same(given, right, where=where, mistakes=mistakes)
    return "rows are the truth, columns the answers."


# --- part 3: the network recognises its own stimulus ----------------------------------------------

SURE = 0.5  # a probability that is enough


@check()
def own_stimulus(stimulus, model=None, *, target=7):
    """Judge whether a network gives a stimulus the class it was made for (part 3).

    Parameters
    ----------
    stimulus : array, shape (32, 32, 3) or (1, 32, 32, 3), or keras.Model
        In the network's units. Given a network alone, the check climbs 20 steps of length 1 from
        its last dense layer.
    model : keras.Model, optional
        Ends in ten probabilities.
    target : int
        The class; 7 is "horse".

    Hints
    -----
    - The page has climbed all ten logits with stimuli.maximum_stimuli. Which of them is the frog's?
      data.classes tells.
    - stimuli.maximum_stimuli returns two things, the stimuli and what they reached. The first is
      asked for, as it is: in the units of the network.
    - With filters=[6] it climbs the frog alone, from the layer "logits".
    """
    from helpers.backend import keras
    from inside import stimuli

    name = CIFAR10_CLASSES[target]
    if model is None:
        dense = _last_dense(stimulus)
        model, (stimulus, _) = stimulus, stimuli.maximum_stimuli(stimulus, dense, [target])
    _last_dense(model)
    if isinstance(stimulus, tuple):
        raise Wrong("these are two things: the stimuli, and what they reached. Take the first.")
    stimulus = _one_picture(stimulus, model.inputs[0].shape[1:])
    probabilities = keras.ops.convert_to_numpy(model(stimulus, training=False))[0]
    if abs(probabilities.sum() - 1) > 1e-3 or probabilities.min() < 0:
        raise Wrong("the outputs are not probabilities: a softmax is missing at the end.")
    if probabilities[target] >= SURE:
        return f"the network calls its own stimulus of class {target} {_with_article(name)}."
    winner = int(probabilities.argmax())
    if winner == target:
        hint = "That is the largest of the ten, yet unsure: climb further."
    else:
        hint = "Climb the unit of that class, before the softmax, for 20 steps of length 1."
    raise Wrong(
        f"probability {probabilities[target]:.3f} for {name}, expected at least {SURE}; "
        f"the network sees {_with_article(CIFAR10_CLASSES[winner])}. {hint}"
    )


def _with_article(name):
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _last_dense(model):
    """Return the last dense layer of a network that can be judged, or raise."""
    require_network(model)
    if not model.built or not model.inputs:
        raise Wrong("the network is not built. Start it with keras.Input((32, 32, 3)).")
    if not all(np.isfinite(w).all() for w in model.get_weights()):
        raise Wrong("some weights are not finite numbers: the training diverged.")
    n_outputs = model.output_shape[-1]
    if n_outputs != N_CLASSES:
        raise Wrong(f"the network has {n_outputs} outputs, expected one for each of ten classes.")
    dense = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    if not dense:
        raise CannotJudge("the network has no dense layer, so this check knows no unit to climb.")
    return dense[-1]


def _one_picture(stimulus, shape):
    """Return the stimulus as a batch of one, or raise with what is wrong with it."""
    array = np.asarray(stimulus)
    if array.dtype.kind not in "iuf":
        raise Wrong(f"expected a picture, an array of numbers, got {type(stimulus).__name__}.")
    stimulus = array
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
    if np.abs(stimulus).max() < 0.01:  # some networks are sure even of grey
        raise Wrong("the picture is still grey. Climb further: 20 steps of length 1.")
    if stimulus.min() >= 0:
        raise Wrong(
            "no number in it is below 0, so it was made viewable. Hand in what the climb returned."
        )
    if abs(stimulus.mean()) > max(0.4, stimulus.std() / 2):  # a long climb may drift
        raise Wrong(
            f"the picture is {stimulus.mean():.2f} on average. In the network's units grey is 0, "
            "and a climb that starts from grey stays near it."
        )
    pixels = 255 * (stimulus + 0.5)
    if np.abs(pixels - np.round(pixels)).max() < 1e-3:
        raise Wrong(
            "every number in it is a whole byte, as in a photo. Hand in what the climb returned."
        )
    return stimulus.astype("float32")


# --- graded: a network of one's own -------------------------------------------------------------


@check(points=4, hands_in=(WEIGHTS, PREDICTIONS))
def my_network(folder, *, graded=False):
    """Judge trained weights by showing test images to them.

    Parameters
    ----------
    folder : str or pathlib.Path
        Holds the weights, as Keras saved them or as an archive of the same arrays (``.npz``), and
        the predictions.
    graded : bool
        Whether it counts: then a stand-in of CIFAR-10 will not do.

    Hints
    -----
    - Three steps: build models.first_cnn(), train it with the page's function train, and save two
      files in one folder. The answer is the folder, a Path or a text.
    - training.Recipe(epochs=…) with nothing else trains on all images. model.save_weights(my_folder
      / 'first_cnn.weights.h5') writes the weights.
    - The predictions are the class numbers of the first 1,000 test images, in order, in the
      network's units: np.save(my_folder / 'first_cnn.predictions.npy', y) with y from
      .argmax(axis=1).
    """
    return predictions.judge_network(folder, graded=graded)
