"""Train what the course releases, one run at a time, and assemble the run cards.

    python tools/train.py run cifar_cnn --seed 0        one training run
    python tools/train.py run first_cnn --validate      the run that chooses the number of epochs
    python tools/train.py release cifar_cnn             weights and run card into _build/release
    python tools/train.py publish cifar_cnn             the two into data/models

What each network is stands in tools/networks.py. Runs write to _build/models/<name>/<run>/ after
every epoch and resume where they stopped. Only `release` shows the test set to the networks: once
each, after the last epoch, or after the epoch that the validation run chose.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np
from networks import NETWORKS, STUDIES, STUDY_EPOCHS

from helpers import datasets, environment, models, sources, training
from helpers.backend import keras

BUILD = Path("_build/models")
RELEASE = Path("_build/release")
PUBLISHED = Path("data/models")
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


def load(network):
    if network.data == "toy10":
        return datasets.load_toy10(20_000, 2000)
    return datasets.load_cifar10(allow_stand_in=False)


def scaled(images, network):
    """Pixels 0…255 as the network expects them, in 32-bit floats."""
    return images.astype("float32") / 255 + network.lowest


def one_hot(labels):
    return keras.utils.to_categorical(labels, 10)


def recipe_of(network, validate=False):
    recipe = training.Recipe(**network.recipe)
    return dataclasses.replace(recipe, n_validation=network.choose_epochs) if validate else recipe


def build(network, precision="float32"):
    """Return the network; its probabilities are 32-bit whatever the precision of its layers."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        model = getattr(models, network.build)(**network.options)
    finally:
        keras.config.set_dtype_policy(before)
    model.layers[-1].dtype_policy = "float32"
    return model


def run(name, seed, validate):
    """Train one network for all its epochs, keeping every epoch."""
    network = NETWORKS[name]
    recipe = recipe_of(network, validate)
    data = load(network)
    folder = BUILD / name / (VALIDATION if validate else f"seed-{seed}")
    x, y = scaled(data.x_train, network), one_hot(data.y_train)
    held_out = None
    if recipe.n_validation:
        train, held = training.split_off(len(x), recipe.n_validation, seed=seed)
        held_out = x[held], y[held]
        x, y = x[train], y[train]

    keras.utils.set_random_seed(seed)
    model = build(network, recipe.precision)
    digest = training.input_digest(model, recipe, data.source.sha256, seed)
    if (folder / "run.json").is_file():
        if json.loads((folder / "run.json").read_text())["input_digest"] == digest:
            return print(f"{folder} is complete")
        raise SystemExit(f"{folder} holds a run of another network or recipe; move it away")
    model.compile(recipe.optimizer, "categorical_crossentropy", metrics=["accuracy"])
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
            "network": name,
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


def read(name, folder, file):
    return json.loads((BUILD / name / folder / file).read_text())


def accuracy(model, x, y):
    return float(np.mean(model.predict(x, batch_size=500, verbose=0).argmax(axis=1) == y))


def measured(name, folder, epochs, data):
    """Return the model of a run after `epochs` epochs, and its card with all its accuracies."""
    network, card = NETWORKS[name], read(name, folder, "run.json")
    model, recipe = build(network), training.Recipe(**card["recipe"])
    inputs = data.source.sha256, card["seed"]
    if card["input_digest"] != training.input_digest(model, recipe, *inputs):
        raise SystemExit(f"{name}/{folder} holds a run of another network, recipe or data")
    if epochs != recipe.epochs:  # fewer of them is the run that a shorter recipe would have been
        assert not recipe.cosine, "a cosine depends on the number of epochs"
        recipe = dataclasses.replace(recipe, epochs=epochs)
    model.load_weights(epoch_weights(BUILD / name / folder, epochs))
    history = read(name, folder, "history.json")[:epochs]
    card |= {
        "network": name,
        "parameters": model.count_params(),
        "recipe": dataclasses.asdict(recipe),
        "input_digest": training.input_digest(model, recipe, *inputs),
        "history": columns(history),
        "wall_time_s": round(sum(row["seconds"] for row in history), 1),
    }
    if recipe.n_validation:
        x = scaled(data.x_train, network)
        train, held = training.split_off(len(x), recipe.n_validation, seed=card["seed"])
        card["train_accuracy"] = accuracy(model, x[train], data.y_train[train])
        card["validation_accuracy"] = accuracy(model, x[held], data.y_train[held])
    card["test_accuracy"] = accuracy(model, scaled(data.x_test, network), data.y_test)
    card["test_error"] = training.binomial_error(card["test_accuracy"], len(data.x_test))
    print(f"{name}/{folder}: {epochs} epochs, test accuracy {card['test_accuracy']:.4f}")
    return model, card


def release(name):
    """Test every run once; write the card and, for a network, the weights of its lowest seed."""
    if name in STUDIES:
        data = load(NETWORKS[STUDIES[name][0]])
        runs = [measured(part, "seed-0", STUDY_EPOCHS, data)[1] for part in STUDIES[name]]
        card = {"name": name, "epochs": STUDY_EPOCHS, "test_images": len(data.x_test), "runs": runs}
        return training.save_card(RELEASE / name / "run.json", card)

    network, chosen_on = NETWORKS[name], {}
    data, epochs = load(network), recipe_of(network).epochs
    if network.choose_epochs:
        rows = read(name, VALIDATION, "history.json")
        epochs = 1 + int(np.argmax([row["val_accuracy"] for row in rows]))
        card = read(name, VALIDATION, "run.json")
        chosen_on = {"chosen_on": {**card, "history": columns(rows)}}
    trained = [measured(name, f"seed-{seed}", epochs, data) for seed in network.seeds]
    model, runs = trained[0][0], [card for _, card in trained]
    target = RELEASE / name / "model.weights.h5"
    training.save_released(model, target)  # the lowest seed, whatever its accuracy
    accuracies = [card["test_accuracy"] for card in runs]
    spread = float(np.std(accuracies, ddof=1)) if len(runs) > 1 else None
    training.save_card(
        RELEASE / name / "run.json",
        {
            "name": name,
            "parameters": model.count_params(),
            "weights_sha256": sources.sha256_of(target),
            "released_seed": runs[0]["seed"],
            "epochs": epochs,
            **chosen_on,
            "test_images": len(data.x_test),
            "test_accuracy_mean": float(np.mean(accuracies)),
            "test_accuracy_spread": spread,
            "runs": runs,
        },
    )


def publish(name):
    """Copy a finished release to data/models, each file whole; the card goes last."""
    for file in ("run.json",) if name in STUDIES else ("model.weights.h5", "run.json"):
        with sources.written_whole(PUBLISHED / name / file) as part:
            part.write_bytes((RELEASE / name / file).read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["run", "release", "publish"])
    parser.add_argument("name", choices=[*NETWORKS, *STUDIES])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--validate", action="store_true", help="hold out some training images")
    args = parser.parse_args()
    if args.action == "run":
        run(args.name, args.seed, args.validate)
    else:
        {"release": release, "publish": publish}[args.action](args.name)


if __name__ == "__main__":
    main()
