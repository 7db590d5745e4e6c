"""Train what the course releases, one run at a time, and assemble the run cards.

    python -m course train run cifar_cnn --seed 0        one training run
    python -m course train run first_cnn --validate      the run that chooses the number of epochs
    python -m course train release cifar_cnn             weights and run card into _build/release
    python -m course train publish cifar_cnn             the two into data/models

What each network is stands in `course.train.networks`. Runs write to _build/models/<name>/<run>/
after every epoch and resume where they stopped. Only `release` shows the test set to the networks:
once each, after the last epoch, or after the epoch that the validation run chose.
"""

import argparse
import dataclasses
import json
import time
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from chirps import images, sets
from chirps.batches import Batches
from course.train import measure
from course.train.networks import (
    MEASUREMENTS,
    NETWORKS,
    PUBLISHED,
    STUDIES,
    STUDY_EPOCHS,
    published_runs,
)
from helpers import datasets, environment, models, sources, training
from helpers.backend import keras

BUILD = Path("_build/models")
RELEASE = Path("_build/release")
VALIDATION = "validation"
N_VALIDATION, N_TEST = 6000, 20_000  # images of the modern gravitational-wave data


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
    if network.data.startswith("gw_homework "):
        return sets.homework(network.data.removeprefix("gw_homework "))
    if network.data == "gw_modern":
        return simulated(network)
    return datasets.load_cifar10(allow_stand_in=False)


def simulated(network):
    """Simulate the modern training images, once for all networks that learn from the same."""
    source = load_to_test(network).source
    path = BUILD / f"{source.sha256[:12]}.npz"
    if not path.is_file():
        part = sets.modern("train", network.recipe["n_train"], seed=1, **network.simulation)
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {key: value for key, value in vars(part).items() if key != "source"}
        with sources.written_whole(path) as unfinished, open(unfinished, "wb") as file:
            np.savez(file, **arrays)
    with np.load(path) as file:
        return sets.Part(**file, source=source)


def load_to_test(network):
    """Return the data; of those that are simulated for each part, the description alone."""
    if network.data != "gw_modern":
        return load(network)
    source = sets.modern_source("train", network.recipe["n_train"], 1, **network.simulation)
    return SimpleNamespace(source=source)


def scaled(images, network):
    """Pixels as the network expects them, in 32-bit floats."""
    if network.data.startswith("gw"):  # these networks take energies, and scale them themselves
        return images
    return images.astype("float32") / 255 + network.lowest


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


def split(data, recipe, seed):
    """Return images and labels: to train on and, where some are set aside, to validate on."""
    x, y = data.x_train, data.y_train
    if hasattr(data, "x_validation"):
        return {"train": (x, y), "validation": (data.x_validation, data.y_validation)}
    if not recipe.n_validation:
        return {"train": (x, y)}
    train, held = training.split_off(len(x), recipe.n_validation, seed=seed)
    return {"train": (x[train], y[train]), "validation": (x[held], y[held])}


def examples(network, recipe, data, seed):
    """Return what to fit, what to validate on, and what must be called while fitting."""
    if network.data == "gw_modern":
        batches = Batches(
            data.pixels,
            data.labels,
            data.kinds,
            data.snr,
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            seed=seed,
            **network.batches,
        )
        held = sets.modern("validation", N_VALIDATION, seed=2)
        held_out = images.from_bytes(held.pixels), held.labels[:, None]
        start = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: batches.start(epoch))
        return batches, None, held_out, [start]
    parts = {
        part: (scaled(x, network), keras.utils.to_categorical(y, len(data.classes)))
        for part, (x, y) in split(data, recipe, seed).items()
    }
    return *parts["train"], parts.get("validation"), []


def run(name, seed, validate):
    """Train one network for all its epochs, keeping every epoch."""
    network = NETWORKS[name]
    recipe = recipe_of(network, validate)
    data = load(network)
    folder = BUILD / name / (VALIDATION if validate else f"seed-{seed}")
    x, y, held_out, callbacks = examples(network, recipe, data, seed)

    keras.utils.set_random_seed(seed)
    model = build(network, recipe.precision)
    digest = training.input_digest(model, recipe, data.source.sha256, seed)
    if (folder / "run.json").is_file():
        if json.loads((folder / "run.json").read_text())["input_digest"] == digest:
            return print(f"{folder} is complete")
        raise SystemExit(f"{folder} holds a run of another network or recipe; move it away")
    model.compile(recipe.optimizer, network.loss, metrics=["accuracy"])
    folder.mkdir(parents=True, exist_ok=True)
    # A resumed run has the history of its past.
    resume = keras.callbacks.BackupAndRestore(folder / "resume", double_checkpoint=True)
    training.fit(
        model,
        x,
        y,
        recipe,
        validation_data=held_out,
        callbacks=[*callbacks, KeepEpochs(folder), resume],
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
            **({"batches": network.batches} if network.data == "gw_modern" else {}),
            **training.environment(),
        },
    )


def columns(rows):
    return {name: [round(row[name], 5) for row in rows] for name in rows[0]}


def read(name, folder, file):
    return json.loads((BUILD / name / folder / file).read_text())


def accuracy(model, x, y):
    """Return the share of right answers; a single output above one half says 1."""
    p = model.predict(x, batch_size=500, verbose=0)
    answers = p.argmax(axis=1) if p.shape[1] > 1 else p[:, 0] > 0.5
    return float(np.mean(answers == y))


@cache
def modern_test():
    return sets.modern("test", N_TEST, seed=3, verbose=False)


def accuracies(model, network, recipe, data, seed):
    """Return the accuracies of a run on training, validation and test images."""
    if network.data == "gw_modern":
        test = modern_test()
        right = accuracy(model, images.from_bytes(test.pixels), test.labels)
        return {"test_accuracy": right, "measures": measure.network_measures(model)}
    parts = split(data, recipe, seed)
    parts = parts if "validation" in parts else {}
    parts["test"] = data.x_test, data.y_test
    return {
        f"{part}_accuracy": accuracy(model, scaled(x, network), y)
        for part, (x, y) in sorted(parts.items())
    }


def test_images(network, data):
    return N_TEST if network.data == "gw_modern" else len(data.x_test)


def measured(name, folder, epochs, data):
    """Return the model of a run after `epochs` epochs, and its card with all its accuracies."""
    network, card = NETWORKS[name], read(name, folder, "run.json")
    model, recipe = build(network), training.Recipe(**card["recipe"])
    seed = card["seed"]
    if card["input_digest"] != training.input_digest(model, recipe, data.source.sha256, seed):
        raise SystemExit(f"{name}/{folder} holds a run of another network, recipe or data")
    if epochs != recipe.epochs:  # fewer of them is the run that a shorter recipe would have been
        assert not recipe.cosine, "a cosine depends on the number of epochs"
        recipe = dataclasses.replace(recipe, epochs=epochs)
    history = read(name, folder, "history.json")[:epochs]
    card |= {
        "network": name,
        "parameters": model.count_params(),
        "recipe": dataclasses.asdict(recipe),
        "input_digest": training.input_digest(model, recipe, data.source.sha256, seed),
        "history": columns(history),
        "wall_time_s": round(sum(row["seconds"] for row in history), 1),
    }
    if network.keep_best:
        model.load_weights(epoch_weights(BUILD / name / folder, epochs))
        card["last_epoch"] = accuracies(model, network, recipe, data, seed)
        epochs = 1 + int(np.argmin([row["val_loss"] for row in history]))
        card["best_epoch"] = epochs
    model.load_weights(epoch_weights(BUILD / name / folder, epochs))
    card |= accuracies(model, network, recipe, data, seed)
    card["test_error"] = training.binomial_error(card["test_accuracy"], test_images(network, data))
    print(f"{name}/{folder}: {epochs} epochs, test accuracy {card['test_accuracy']:.4f}")
    return model, card


def still_valid(card, study, epochs, data):
    """Return a run of a published study, if the same run would come out today."""
    network = NETWORKS[card["network"]]
    recipe = dataclasses.replace(recipe_of(network), epochs=epochs)
    if card["input_digest"] != training.input_digest(
        build(network), recipe, data.source.sha256, card["seed"]
    ):
        raise SystemExit(
            f"{PUBLISHED / study} holds a run of {card['network']} with another network, recipe or "
            "data. Delete that folder to train every run of the study again"
        )
    return card


def release(name):
    """Test every run once; write the card and, for a network, the weights of its lowest seed."""
    if name in STUDIES:
        runs, known = [], published_runs(name)
        for part in STUDIES[name]:
            network = NETWORKS[part]
            data = load_to_test(network)
            epochs = STUDY_EPOCHS.get(name, recipe_of(network).epochs)
            if (BUILD / part / "seed-0" / "run.json").is_file():
                runs.append(measured(part, "seed-0", epochs, data)[1])
            else:
                runs.append(still_valid(known[part], name, epochs, data))
        card = {"name": name, "epochs": STUDY_EPOCHS.get(name)}
        card |= {"test_images": test_images(network, data), "runs": runs}
        return training.save_card(RELEASE / name / "run.json", card)

    network, chosen_on = NETWORKS[name], {}
    data, epochs = load_to_test(network), recipe_of(network).epochs
    if network.choose_epochs:
        rows = read(name, VALIDATION, "history.json")
        epochs = 1 + int(np.argmax([row["val_accuracy"] for row in rows]))
        card = read(name, VALIDATION, "run.json")
        chosen_on = {"chosen_on": {**card, "history": columns(rows)}}
    trained = [measured(name, f"seed-{seed}", epochs, data) for seed in network.seeds]
    model, runs = trained[0][0], [card for _, card in trained]
    target = RELEASE / name / "model.weights.h5"
    training.save_released(model, target)  # the lowest seed, whatever its accuracy
    tested = [card["test_accuracy"] for card in runs]
    spread = float(np.std(tested, ddof=1)) if len(runs) > 1 else None
    training.save_card(
        RELEASE / name / "run.json",
        {
            "name": name,
            "parameters": model.count_params(),
            "weights_sha256": sources.sha256_of(target),
            "released_seed": runs[0]["seed"],
            "epochs": runs[0].get("best_epoch", epochs),
            **chosen_on,
            "test_images": test_images(network, data),
            "test_accuracy_mean": float(np.mean(tested)),
            "test_accuracy_spread": spread,
            "runs": runs,
        },
    )


def publish(name):
    """Copy a finished release to data/models, each file whole; the card goes last."""
    only_card = name not in NETWORKS
    for file in ("run.json",) if only_card else ("model.weights.h5", "run.json"):
        with sources.written_whole(PUBLISHED / name / file) as part:
            part.write_bytes((RELEASE / name / file).read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["run", "release", "publish"])
    parser.add_argument("name", choices=[*NETWORKS, *STUDIES, *MEASUREMENTS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--validate", action="store_true", help="hold out some training images")
    args = parser.parse_args()
    if args.name in MEASUREMENTS and args.action != "publish":
        raise SystemExit(f"{args.name} is made by `python -m course measure {args.name}`.")
    if args.action == "run":
        run(args.name, args.seed, args.validate)
    else:
        {"release": release, "publish": publish}[args.action](args.name)
