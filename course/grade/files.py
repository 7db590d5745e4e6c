"""Where a grading keeps its files, and how: whole or not at all."""

import json

from course import ROOT
from helpers.sources import written_whole

GRADING = ROOT / "_build" / "grading"


def read_json(path):
    """Return the content of a file that the grader wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def as_json(data):
    """Return data as the text of a file: equal data, equal text."""
    return json.dumps(data, indent=1, sort_keys=True)


def write_text(path, text):
    """Write a text, whole."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")
