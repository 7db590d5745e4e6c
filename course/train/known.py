"""Say which names there are, where one is wrong: `python -m course known model first_cnn`."""

import sys

from course.train import sweep
from course.train.networks import MEASUREMENTS, NETWORKS, STUDIES

NAMES = {"model": [*NETWORKS, *STUDIES, *MEASUREMENTS], "sweep": list(sweep.declared())}


def main():
    kind, name = sys.argv[1:]
    if name not in NAMES[kind]:
        known = ", ".join(sorted(NAMES[kind]))
        sys.exit(f"NAME={name}: no such {kind}; expected one of {known}")
