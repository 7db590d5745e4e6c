"""What the course has released: a folder of ``data/models`` for each network or study.

Needs no Keras, so that a page can read a run card without starting it.
"""

import json

from helpers import sources


def released_card(name):
    """Return the run card of a released model or study as a dictionary.

    Parameters
    ----------
    name : str
        A folder of ``data/models``, e.g. ``"first_cnn"``.

    Raises
    ------
    helpers.sources.DataError
        If it is missing; the message names those that exist.
    """
    return json.loads(released_file(name, "run.json").read_text(encoding="utf-8"))


def models():
    """Return the folder of all released models and studies."""
    return sources.course_data() / "models"


def names():
    """Return the names of all released models and studies, sorted."""
    return sorted(path.parent.name for path in models().glob("*/run.json"))


def is_released(name):
    """Say whether there is a released model or study of that name."""
    return (models() / name / "run.json").is_file()


def released_file(name, file):
    """Return the path of a file of a released model, e.g. ``"model.weights.h5"``.

    Raises
    ------
    helpers.sources.DataError
        If it is missing; the message names the models that exist.
    """
    path = models() / name / file
    if not path.is_file():
        raise sources.DataError(
            f"data/models/{name}/{file} is missing; released models: "
            f"{', '.join(names()) or 'none'}. Restore it from the repository."
        )
    return path
