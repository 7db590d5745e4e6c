"""Train a network that the course releases, one seed at a time, and assemble its run card.

    python tools/train.py run first_cnn --seed 0        one training run on all training images
    python tools/train.py run first_cnn --validate      the run that chooses the number of epochs
    python tools/train.py release first_cnn             weights and run card into _build/release
    python tools/train.py publish first_cnn             the two into data/models

Runs write to _build/models/<name>/<run>/ after every epoch and resume where they stopped. `release`
reads the number of epochs from the validation run, and only then shows the test set to the
networks: once each.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np

from helpers import datasets, environment, models, sources, training
from helpers.backend import keras

BUILD = Path("_build/models")
RELEASE = Path("_build/release")
PUBLISHED = Path("data/models")
MAX_EPOCHS = 15
N_VALIDATION = 5000
VALIDATION = "validation"


class KeepEpochs(keras.callbacks.Callback):
    """After every epoch, keep the weights and the history so far."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.path = folder / "history.json"
        self.rows = json.loads(self.path.read_text()) if self.path.is_file() else []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        row = {name: float(value) for name, value in logs.items()}
        row["seconds"] = round(time.perf_counter() - self.started, 1)
        self.rows = [*self.rows[:epoch], row]
        training.save_released(self.model, epoch_weights(self.folder, epoch + 1))
        training.save_card(self.path, self.rows)
        print(f"epoch {epoch + 1}: {row}", flush=True)


def epoch_weights(folder, epoch):
    return folder / f"epoch-{epoch:02d}.weights.h5"


def scaled(images):
    """Pixels 0…255 as 32-bit floats from -0.5 to 0.5."""
    return images.astype("float32") / 255 - 0.5


def one_hot(labels):
    return keras.utils.to_categorical(labels, 10)


def run(name, seed, validate):
    """Train one network for MAX_EPOCHS epochs, keeping every epoch."""
    data = datasets.load_cifar10(allow_stand_in=False)
    folder = BUILD / name / (VALIDATION if validate else f"seed-{seed}")
    recipe = training.Recipe(epochs=MAX_EPOCHS, n_validation=N_VALIDATION if validate else 0)
    x, y = scaled(data.x_train), one_hot(data.y_train)
    held_out = None
    if validate:
        train, held = training.split_off(len(x), recipe.n_validation, seed=seed)
        held_out = x[held], y[held]
        x, y = x[train], y[train]

    keras.utils.set_random_seed(seed)
    model = getattr(models, name)()
    digest = training.input_digest(model, recipe, data.source.sha256, seed)
    if (folder / "run.json").is_file():
        if json.loads((folder / "run.json").read_text())["input_digest"] == digest:
            return print(f"{folder} is complete")
        raise SystemExit(f"{folder} holds a run of another network or recipe; move it away")
    model.compile("adamax", "categorical_crossentropy", metrics=["accuracy"])
    folder.mkdir(parents=True, exist_ok=True)
    resume = keras.callbacks.BackupAndRestore(folder / "resume", double_checkpoint=True)
    training.fit(
        model,
        x,
        y,
        recipe,
        validation_data=held_out,
        callbacks=[KeepEpochs(folder), resume],  # a resumed run has the history of its past
        progress=False,
    )
    training.save_card(
        folder / "run.json",
        {
            "seed": seed,
            "recipe": dataclasses.asdict(recipe),
            "data": dataclasses.asdict(data.source),
            "peak_memory_mb": environment.peak_memory_mb(),
            "input_digest": digest,
            **training.environment(),
        },
    )


def columns(rows):
    return {name: [round(row[name], 5) for row in rows] for name in rows[0]}


def release(name):
    """Choose the epochs on the validation run, test every seed once, write weights and card."""
    data = datasets.load_cifar10(allow_stand_in=False)

    def read(folder, file):
        return json.loads((BUILD / name / folder / file).read_text())

    chosen_on = read(VALIDATION, "history.json")
    epochs = 1 + int(np.argmax([row["val_accuracy"] for row in chosen_on]))
    x_test, runs = scaled(data.x_test), []
    for folder in sorted((BUILD / name).glob("seed-*")):
        card, history = read(folder.name, "run.json"), read(folder.name, "history.json")[:epochs]
        model = getattr(models, name)()
        recipe = training.Recipe(**card["recipe"])
        inputs = data.source.sha256, card["seed"]
        if card["input_digest"] != training.input_digest(model, recipe, *inputs):
            raise SystemExit(f"{folder} holds a run of another network, recipe or data")
        recipe = dataclasses.replace(recipe, epochs=epochs)
        model.load_weights(epoch_weights(folder, epochs))
        guess = model.predict(x_test, batch_size=500, verbose=0).argmax(axis=1)
        accuracy = float(np.mean(guess == data.y_test))
        print(f"{folder.name}: {epochs} epochs, test accuracy {accuracy:.4f}")
        runs.append(
            {
                **card,
                "recipe": dataclasses.asdict(recipe),
                "input_digest": training.input_digest(model, recipe, *inputs),
                "history": columns(history),
                "wall_time_s": round(sum(row["seconds"] for row in history), 1),
                "test_accuracy": accuracy,
                "test_error": training.binomial_error(accuracy, len(x_test)),
            }
        )
    target = RELEASE / name / "model.weights.h5"
    model.load_weights(epoch_weights(BUILD / name / f"seed-{runs[0]['seed']}", epochs))
    training.save_released(model, target)  # the lowest seed, whatever its accuracy
    accuracies = [r["test_accuracy"] for r in runs]
    training.save_card(
        RELEASE / name / "run.json",
        {
            "name": name,
            "parameters": model.count_params(),
            "weights_sha256": sources.sha256_of(target),
            "released_seed": runs[0]["seed"],
            "epochs": epochs,
            "chosen_on": {**read(VALIDATION, "run.json"), "history": columns(chosen_on)},
            "test_images": len(x_test),
            "test_accuracy_mean": float(np.mean(accuracies)),
            "test_accuracy_spread": float(np.std(accuracies, ddof=1)),
            "runs": runs,
        },
    )


def publish(name):
    """Copy a finished release to data/models, each file whole; the card goes last."""
    for file in ("model.weights.h5", "run.json"):
        with sources.written_whole(PUBLISHED / name / file) as part:
            part.write_bytes((RELEASE / name / file).read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["run", "release", "publish"])
    parser.add_argument("name", choices=["first_cnn"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--validate", action="store_true", help="hold out some training images")
    args = parser.parse_args()
    if args.action == "run":
        run(args.name, args.seed, args.validate)
    else:
        {"release": release, "publish": publish}[args.action](args.name)


if __name__ == "__main__":
    main()
