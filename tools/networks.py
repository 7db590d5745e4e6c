"""The networks that the course trains beforehand: architecture, recipe, data and seeds of each.

The Snakefile reads this table too, so it imports nothing heavy.
"""

from dataclasses import dataclass, field


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
        What the model expects for a black pixel; a white one is 1 higher.
    data : str
        "cifar10" or "toy10".
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


NETWORKS = {
    "first_cnn": Network(
        "first_cnn", {"epochs": 15}, seeds=(0, 1, 2), lowest=-0.5, choose_epochs=5000
    ),
    "cifar_cnn": variant(HOMEWORK),
    "cifar_cnn_augmentation": variant(n_filter=32, augmentation=True),
    "cifar_cnn_batch_norm": variant(n_filter=32, batch_norm=True),
    "cifar_cnn_schedule": variant(SHORT | {"learning_rate": 0.1, "cosine": True}, n_filter=32),
    **{f"cifar_cnn_{n}_filters": variant(n_filter=n) for n in (4, 8, 16, 32)},
    "toy10_cnn": Network("cifar_cnn", DRAWN, {"n_filter": 16}, data="toy10"),
}

# Studies compare networks at equal epochs. Their card has the runs and no weights.
STUDIES = {
    "cifar_cnn_steps": (
        "cifar_cnn_32_filters",
        "cifar_cnn_augmentation",
        "cifar_cnn_batch_norm",
        "cifar_cnn_schedule",
    ),
    "cifar_cnn_widths": (*(f"cifar_cnn_{n}_filters" for n in (4, 8, 16, 32)), "cifar_cnn"),
}
STUDY_EPOCHS = 20
