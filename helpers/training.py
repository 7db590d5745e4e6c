"""Train with a progress bar, describe a run, and load what was released.

A *run card* is a small JSON file that says how a network came about: recipe, seed, history, data,
versions, hardware, time, memory and test accuracy. Numbers on the pages are read from it.
"""

import dataclasses
import hashlib
import json
import math
import os
import sys
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from helpers import sources
from helpers.backend import keras
from helpers.datasets import check_images
from helpers.environment import describe
from helpers.released import released_card, released_file


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: everything but the seed.

    Attributes
    ----------
    epochs : int
        Passes over the training images.
    n_train : int or None
        Number of training images; None means all.
    n_validation : int
        Number of training images set aside to validate on.
    batch_size : int
        Images per step.
    learning_rate : float
        Step size of the first epoch.
    decay : float
        Factor on the step size from one epoch to the next.
    cosine : bool
        Whether the step size also falls along half a cosine, to nearly zero in the last epoch.
    optimizer : str
        A name that Keras knows, such as ``"adamax"`` or ``"sgd"``.
    precision : str
        Keras's dtype policy: ``"float32"``, or ``"mixed_bfloat16"``, which multiplies with 16 bits
        and keeps the weights in 32. It halves the time where the processor knows the format.
    """

    epochs: int
    n_train: int | None = None
    n_validation: int = 0
    batch_size: int = 32
    learning_rate: float = 5e-3
    decay: float = 0.9
    cosine: bool = False
    optimizer: str = "adamax"
    precision: str = "float32"

    def learning_rate_at(self, epoch):
        """Return the step size of an epoch, counted from 0.

        Notes
        -----
        The decaying rate is an exercise in *Your first CNN* (notebooks/first_cnn.md).
        """
        fall = (1 + math.cos(math.pi * epoch / self.epochs)) / 2 if self.cosine else 1
        return self.learning_rate * self.decay**epoch * fall


class Progress(keras.callbacks.Callback):
    """Print the learning rate of every epoch and a progress bar under it."""

    def on_epoch_begin(self, epoch, logs=None):
        """Print the epoch and its learning rate."""
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        print(f"Epoch {epoch + 1}/{self.params['epochs']}, learning rate {rate:.6f}")
        self._bar = tqdm(
            total=self.params["steps"], unit="step", file=sys.stdout, ncols=79, mininterval=1
        )

    def on_train_batch_end(self, batch, logs=None):
        """Move the bar."""
        self._bar.update(batch + 1 - self._bar.n)

    def on_epoch_end(self, epoch, logs=None):
        """Close the bar with the epoch's losses and accuracies."""
        self._bar.close()
        shown = {name: value for name, value in logs.items() if name != "learning_rate"}
        print(", ".join(f"{name} {value:.3f}" for name, value in shown.items()))


def fit(model, x, y, recipe, *, validation_data=None, callbacks=(), progress=True):
    """Train a compiled model, lowering its learning rate after every epoch.

    Parameters
    ----------
    model : keras.Model
        Compiled, with ``accuracy`` among its metrics.
    x : array, shape (n, height, width, channels), or keras.utils.PyDataset
        Finite numbers, scaled as the model expects; or batches of such images with their labels.
    y : array, shape (n, classes), or None
        Labels; None with batches.
    recipe : Recipe
        Epochs, batch size and learning rates.
    validation_data : tuple of arrays, optional
        Images and labels to validate on after every epoch; never the test set.
    callbacks : sequence of keras.callbacks.Callback
        Called after the course's own.
    progress : bool
        Whether to print learning rates and progress bars.

    Returns
    -------
    dict
        One list per quantity, one number per epoch: ``loss``, ``accuracy``, ``learning_rate`` and,
        with validation data, ``val_loss``, ``val_accuracy``.

    Raises
    ------
    ValueError
        If an image is not finite, or the images are no stack of images.
    """
    batches = isinstance(x, keras.utils.PyDataset)
    if not batches:
        x = check_images(x, name="x")
    if validation_data is not None:
        check_images(validation_data[0], name="the validation images")
    schedule = keras.callbacks.LearningRateScheduler(
        lambda epoch, _rate: recipe.learning_rate_at(epoch)
    )
    history = model.fit(
        x,
        y,
        batch_size=None if batches else recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=validation_data,
        callbacks=[schedule, *([Progress()] if progress else []), *callbacks],
        verbose=0,
    )
    return {name: [float(v) for v in values] for name, values in history.history.items()}


def split_off(n, n_validation, *, seed):
    """Choose which of `n` images to train on and which to validate on.

    Returns
    -------
    train, validation : numpy.ndarray of int
        Sorted, disjoint indices; `n_validation` of them in the second.
    """
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


def binomial_error(p, n):
    """Return the standard error of a fraction `p` counted over `n` independent trials."""
    return float(np.sqrt(p * (1 - p) / n))


# --- run cards and released models --------------------------------------------------------------


def environment():
    """Return package versions, backend and hardware of this process, for a run card."""
    backend = keras.backend.backend()
    return describe(("keras", "numpy", backend, f"{backend}-cpu"), backend)


def input_digest(model, recipe, data_sha256, seed):
    """Return a sha256 over what determines a run: architecture, recipe, data and seed."""
    architecture = [
        [type(layer).__name__, layer.name, str(layer.output.shape), layer.count_params()]
        for layer in model.layers
    ]
    inputs = [architecture, dataclasses.asdict(recipe), data_sha256, seed]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def save_card(path, card):
    """Write a run card as JSON, whole or not at all."""
    with sources.written_whole(path) as part:
        part.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def save_released(model, path):
    """Write the weights of `model` without optimizer state, whole or not at all."""
    plain = type(model).from_config(model.get_config())  # a clone would keep the optimizer
    plain.set_weights(model.get_weights())
    with sources.written_whole(path) as part:
        named = part.with_name(part.name + ".weights.h5")  # Keras insists on the ending
        try:
            plain.save_weights(named)
            os.replace(named, part)
        finally:
            named.unlink(missing_ok=True)


def load_released(model, name):
    """Load released weights into `model`, verified against the run card.

    Parameters
    ----------
    model : keras.Model
        Of the architecture that was released.
    name : str
        A folder of ``data/models``.

    Returns
    -------
    dict
        The run card.

    Raises
    ------
    helpers.sources.DataError
        If the weights are damaged or missing.
    """
    card = released_card(name)
    path = released_file(name, "model.weights.h5")
    sources.verify(path, card["weights_sha256"], "Restore it from the repository.")
    model.load_weights(path)
    return card
