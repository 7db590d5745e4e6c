"""What the course has released: a folder of ``data/models`` for each network or study.

Needs no Keras, so that a page can read a run card without starting it.
"""

import json
from pathlib import Path

from helpers import sources

_HERE = Path(__file__).resolve().parent
_FOLDERS = (_HERE.parent / "data" / "models", _HERE / "_data" / "models")


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


def names():
    """Return the names of all released models and studies, sorted."""
    return sorted({path.parent.name for folder in _FOLDERS for path in folder.glob("*/run.json")})


def is_released(name):
    """Say whether there is a released model or study of that name."""
    return any((folder / name / "run.json").is_file() for folder in _FOLDERS)


def released_file(name, file):
    """Return the path of a file of a released model, e.g. ``"model.weights.h5"``.

    Raises
    ------
    helpers.sources.DataError
        If it is missing; the message names the models that exist.
    """
    for folder in _FOLDERS:
        if (folder / name / file).is_file():
            return folder / name / file
    known = sorted(p.name for f in _FOLDERS if f.is_dir() for p in f.iterdir() if p.is_dir())
    raise sources.DataError(
        f"data/models/{name}/{file} is missing; released models: {', '.join(known) or 'none'}. "
        "Restore it from the repository."
    )
