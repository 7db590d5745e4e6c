"""Hold the measured numbers of a page against what is expected, where that can be compared.

Networks trained on another machine end a little elsewhere, and a network trained on a stand-in
somewhere else entirely. So ``data/metrics.toml`` keeps one expectation per metric, ``TRAINING``
value and data set, with a tolerance; nothing is expected of data that it does not name.
"""

import json
import os
import tomllib
from functools import cache

import numpy as np

from helpers import sources


def check(name, value, *, training, source):
    """Print whether `value` is as expected; the line holds no digits that vary.

    Parameters
    ----------
    name : str
        A table of ``data/metrics.toml``, e.g. ``"first_cnn.test_accuracy"``.
    value : float
        What was measured.
    training : {"released", "quick", "full"}
        How the network was trained.
    source : helpers.sources.Source
        Data it was measured on.

    Raises
    ------
    AssertionError
        If the value is outside the tolerance, or not a finite number.
    ValueError
        If ``data/metrics.toml`` has no table of that name.
    """
    value = float(value)
    if not np.isfinite(value):
        raise AssertionError(f"{name} is {value}; expected a finite number")
    entry = expected(name, training=training, source=source)
    _note(name, value, entry)
    if entry is None:
        print(f"{name}: not comparable on this data")
        return
    if abs(value - entry["value"]) > entry["tolerance"] + 1e-9:
        raise AssertionError(
            f"{name} is {value:.6g}; expected {entry['value']} ± {entry['tolerance']} "
            f"for TRAINING = {training!r} on {source.title} ({source.variant})"
        )
    print(f"{name}: within tolerance")


def _note(name, value, entry):
    """Tell whoever runs the page what was measured, where ``$COURSE_METRICS`` names a file."""
    path = os.environ.get("COURSE_METRICS")
    if path:
        expected = {key: entry[key] for key in ("value", "tolerance")} if entry else None
        line = json.dumps({"name": name, "value": value, "expected": expected})
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def expected(name, *, training, source):
    """Return the expectation for a metric, or None where nothing is expected.

    Returns
    -------
    dict or None
        ``value`` and ``tolerance``.

    Raises
    ------
    ValueError
        If ``data/metrics.toml`` has no table of that name.
    """
    if name not in _tables():
        raise ValueError(
            f"data/metrics.toml has no table {name!r}; it has: {', '.join(sorted(_tables()))}."
        )
    if source.stand_in:
        return None
    for entry in _tables()[name]:
        if entry["training"] == training and source.sha256.startswith(entry["data"]):
            return entry
    return None


@cache
def _tables():
    return tomllib.loads((sources.course_data() / "metrics.toml").read_text(encoding="utf-8"))
