"""Analyse a pair of strain files: ``python -m chirps H1.hdf5 L1.hdf5 --gps T``.

The files are those of gwosc.org, 4 kHz or 16 kHz, one of H1 and one of L1 in either order, and T is
the GPS time to look at. Prints one line for each result; ``--json`` prints them for programs,
``--plot`` draws them.
"""

import argparse
import json
import math
import sys
from pathlib import Path

from chirps import analysis, gwosc
from helpers.sources import DataError

PICTURES = (".png", ".pdf", ".svg", ".jpg")


def main(arguments=None):
    """Run the command; return its exit code: 0, or 2 after an error that one line explains."""
    options = _parser().parse_args(arguments)
    try:
        if options.network and analysis.released_network(options.network) is None:
            raise DataError(f"There is no released network {options.network!r} in data/models.")
        pair = gwosc.read_pair(*options.files)
        network = options.network or analysis.NETWORK
        result = analysis.analyse(pair, options.gps, network=network)
        if options.plot:
            analysis.plot(result, options.plot)
    except (DataError, ValueError, OSError) as problem:
        print(f"error: {' '.join(str(problem).split())}", file=sys.stderr)
        return 2
    print(json.dumps(result.as_dict(), indent=1) if options.json else "\n".join(result.lines()))
    return 0


def _parser():
    parser = _Parser(
        prog="python -m chirps",
        description="Search a pair of LIGO strain files around a time: matched filter, χ², arrival "
        "delay, released network, and a bound on the false-alarm probability from time slides.",
    )
    parser.add_argument("files", nargs=2, metavar="FILE", help="HDF5 files of H1 and L1, gwosc.org")
    parser.add_argument("--gps", type=_gps, required=True, metavar="T", help="GPS time, s")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--plot", type=_picture, metavar="FILE.png", help="draw a picture")
    parser.add_argument(
        "--network", metavar="NAME", help=f"a folder of data/models; default {analysis.NETWORK}"
    )
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like the others."""

    def error(self, message):
        self.exit(2, f"error: {message}. Try `{self.prog} --help`.\n")


def _gps(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no GPS time; expected seconds, 1126259462.4")
    return value


def _picture(text):
    path = Path(text)
    if path.suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r} must end in {', '.join(PICTURES)}")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder {str(path.parent)!r} does not exist")
    return path


if __name__ == "__main__":
    sys.exit(main())
