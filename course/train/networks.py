"""The networks that the course trains beforehand: architecture, recipe, data and seeds of each.

The Snakefile reads this table too, so it imports nothing heavy.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

PUBLISHED = Path("data/models")


@dataclass(frozen=True)
class Network:
    """A network to train and release.

    Attributes
    ----------
    build : str
        A function of `helpers.models`.
    options : dict
        Its arguments.
    recipe : dict
        Arguments of `helpers.training.Recipe`.
    seeds : tuple of int
        One run each; the lowest is released.
    lowest : float
        What the model expects for a black pixel of a photo; a white one is 1 higher.
    data : str
        "cifar10", "toy10", "gw_homework by event" or "by image", or "gw_modern".
    loss : str
        A name that Keras knows.
    simulation : dict
        For "gw_modern": arguments of `chirps.sets.modern`.
    batches : dict
        For "gw_modern": arguments of `chirps.batches.Batches`.
    keep_best : bool
        Whether to release the epoch with the lowest validation loss instead of the last.
    choose_epochs : int
        Training images set aside in one run more, which chooses the number of epochs. 0: the
        recipe's number stands.
    """

    build: str
    recipe: dict
    options: dict = field(default_factory=dict)
    seeds: tuple = (0,)
    lowest: float = 0.0
    data: str = "cifar10"
    loss: str = "categorical_crossentropy"
    simulation: dict = field(default_factory=dict)
    batches: dict = field(default_factory=dict)
    keep_best: bool = False
    choose_epochs: int = 0


# The homework's recipe: plain SGD, batches of 64, a fifth of the training images held out.
HOMEWORK = {
    "epochs": 60,
    "n_validation": 10_000,
    "batch_size": 64,
    "learning_rate": 0.01,
    "decay": 1.0,
    "optimizer": "sgd",
    "precision": "mixed_bfloat16",
}
SHORT = HOMEWORK | {"epochs": 20}
DRAWN = HOMEWORK | {"epochs": 4, "n_validation": 1000, "learning_rate": 0.001, "optimizer": "adam"}


def variant(recipe=SHORT, **options):
    return Network("cifar_cnn", recipe, {"n_filter": 64} | options)


# The homework's recipe for gravitational waves.
WAVES = {
    "epochs": 100,
    "batch_size": 16,
    "learning_rate": 0.01,
    "decay": 1.0,
    "optimizer": "sgd",
    "precision": "mixed_bfloat16",
}


def waves(split="by event", epochs=100, **options):
    recipe, data = WAVES | {"epochs": epochs}, f"gw_homework {split}"
    loss = "binary_crossentropy"
    return Network("gw_cnn", recipe, options, data=data, loss=loss, keep_best=True)


# Simulated gravitational waves as they come: see chirps/sets.py.
MODERN = {
    "epochs": 6,
    "n_train": 200_000,
    "batch_size": 128,
    "learning_rate": 0.002,
    "decay": 1.0,
    "cosine": True,
    "optimizer": "adam",
    "precision": "mixed_bfloat16",
}
CURRICULUM = {"curriculum": (10.0, 5.0)}


def modern(
    build="gw_scan", simulation=None, batches=CURRICULUM, n_train=40_000, epochs=2, **options
):
    return Network(
        build,
        MODERN | {"n_train": n_train, "epochs": epochs},
        options,
        data="gw_modern",
        loss="binary_crossentropy",
        simulation=simulation or {},
        batches=batches,
    )


NETWORKS = {
    "first_cnn": Network(
        "first_cnn", {"epochs": 15}, seeds=(0, 1, 2), lowest=-0.5, choose_epochs=5000
    ),
    "cifar_cnn": variant(HOMEWORK),
    "cifar_cnn_augmentation": variant(n_filter=32, augmentation=True),
    "cifar_cnn_batch_norm": variant(n_filter=32, batch_norm=True),
    "cifar_cnn_large_steps": variant(SHORT | {"learning_rate": 0.1}, n_filter=32),
    "cifar_cnn_cosine": variant(SHORT | {"cosine": True}, n_filter=32),
    "cifar_cnn_schedule": variant(SHORT | {"learning_rate": 0.1, "cosine": True}, n_filter=32),
    **{f"cifar_cnn_{n}_filters": variant(n_filter=n) for n in (4, 8, 16, 32)},
    "toy10_cnn": Network("cifar_cnn", DRAWN, {"n_filter": 16}, data="toy10"),
    "gw_cnn": waves(),
    "gw_cnn_leaked": waves("by image", epochs=50),
    "gw_cnn_scaled": waves(epochs=6, scale=1 / 25),
    "gw_cnn_no_dropout": waves(epochs=6, scale=1 / 25, dropout=False),
    "gw_cnn_no_convolution": waves(epochs=6, scale=1 / 25, convolutions=False),
    "gw_small": modern("gw_small", n_train=60_000, epochs=6),
    "gw_scan": modern(n_train=200_000, epochs=8),
    "gw_scan_short": modern(),
    "gw_scan_no_swap": modern(batches=CURRICULUM | {"swap": False}),
    "gw_scan_no_recombination": modern(batches=CURRICULUM | {"slide": False}),
    "gw_scan_no_curriculum": modern(batches={}),
    "gw_scan_design_noise": modern(simulation={"noises": {"design": 1.0}}),
    "gw_scan_no_slides": modern(
        simulation={"mix": {"noise": 0.5, "glitch": 0.4, "two glitches": 0.1}}
    ),
    "gw_scan_time_pooling": modern(time_pooling=True),
}

# Studies compare networks on equal test images. Their card has the runs and no weights.
STUDIES = {
    "cifar_cnn_steps": (
        "cifar_cnn_32_filters",
        "cifar_cnn_augmentation",
        "cifar_cnn_batch_norm",
        "cifar_cnn_large_steps",
        "cifar_cnn_cosine",
        "cifar_cnn_schedule",
    ),
    "cifar_cnn_widths": (*(f"cifar_cnn_{n}_filters" for n in (4, 8, 16, 32)), "cifar_cnn"),
    "gw_cnn_study": (
        "gw_cnn_leaked",
        "gw_cnn_scaled",
        "gw_cnn_no_dropout",
        "gw_cnn_no_convolution",
    ),
    "gw_ablation": (
        "gw_scan_short",
        "gw_scan_no_swap",
        "gw_scan_no_recombination",
        "gw_scan_no_curriculum",
        "gw_scan_design_noise",
        "gw_scan_no_slides",
        "gw_scan_time_pooling",
    ),
}
# Those on photos compare at equal epochs; the others take every network at the end of its recipe.
STUDY_EPOCHS = {"cifar_cnn_steps": 20, "cifar_cnn_widths": 20}


def published_runs(study):
    """Return the runs in the published card of a study, by the name of their network."""
    card = PUBLISHED / study / "run.json"
    return (
        {run["network"]: run for run in json.loads(card.read_text())["runs"]}
        if card.is_file()
        else {}
    )


# What course/train/measure.py measures, and the released networks that it needs.
MEASUREMENTS = {"gw_leak": (), "gw_benchmark": ("gw_scan", "gw_small", "gw_cnn")}
