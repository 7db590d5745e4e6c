"""Strain files of the Gravitational Wave Open Science Center: reading them, and their gaps.

A file that is damaged raises an error that says so; nothing is guessed or filled in.

References
----------
R. Abbott et al., *Open data from the first and second observing runs of Advanced LIGO and Advanced
Virgo*, SoftwareX 13, 100658 (2021), arXiv:1912.11716: the files and their quality bits.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chirps.detectors import DETECTORS
from chirps.grid import DURATION, SAMPLE_RATE
from helpers.sources import DataError

REQUIRED_BITS = ("DATA", "CBC_CAT1")  # strain exists, and no known severe fault of the detector


@dataclass(frozen=True, eq=False)
class Strain:
    """Strain of one detector, as in its file.

    Attributes
    ----------
    detector : {"H1", "L1"}
    gps_start : float
        Time of the first sample, s.
    sample_rate : int
        Hz; a multiple of 1024.
    values : float64 array, shape (n,)
        Strain, without unit. NaN where there is none.
    quality : uint32 array, shape (seconds,), or None
        One mask per second; a bit that is set says that all is well.
    quality_bits : tuple of str
        Name of each bit, from the lowest.
    """

    detector: str
    gps_start: float
    sample_rate: int
    values: np.ndarray
    quality: np.ndarray | None = None
    quality_bits: tuple = ()

    @property
    def duration(self):
        """Length in seconds."""
        return len(self.values) / self.sample_rate

    @property
    def gps_end(self):
        """Time after the last sample, s."""
        return self.gps_start + self.duration

    @property
    def usable(self):
        """Which samples may be analysed: finite, and with :data:`REQUIRED_BITS`; bool (n,)."""
        usable = np.isfinite(self.values)
        for bit in REQUIRED_BITS:
            if self.quality is not None and bit in self.quality_bits:
                good = (self.quality >> self.quality_bits.index(bit)) & 1
                usable &= np.repeat(good.astype(bool), self.sample_rate)
        return usable

    def gaps(self):
        """Return (start, end) in GPS seconds of every stretch that must not be analysed."""
        return [
            (self.gps_start + a / self.sample_rate, self.gps_start + b / self.sample_rate)
            for a, b in runs(~self.usable)
        ]


def read_hdf5(path, detector=None):
    """Read a strain file of GWOSC.

    Parameters
    ----------
    path : str or pathlib.Path
    detector : {"H1", "L1"}, optional
        Which detector the file must be of.

    Returns
    -------
    Strain

    Raises
    ------
    DataError
        If the file is absent, truncated, not a strain file, of another detector, or sampled at a
        rate that is no multiple of 1024 Hz.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no file {path}. Give the path of a strain file from gwosc.org.")
    try:
        with h5py.File(path) as file:
            dataset = file["strain/Strain"]
            values = dataset[:].astype(np.float64)
            spacing = float(dataset.attrs["Xspacing"])
            start, duration = float(file["meta/GPSstart"][()]), float(file["meta/Duration"][()])
            found = _text(file["meta/Detector"][()]) if "meta/Detector" in file else None
            quality, bits = _quality(file)
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as problem:
        reason = str(problem).strip("'\"").partition("\n")[0]
        raise DataError(
            f"{path} is truncated or not a strain file of GWOSC ({reason}); expected HDF5 with "
            "strain/Strain and meta. Download it again from gwosc.org."
        ) from problem
    if found is None or found not in DETECTORS:
        raise DataError(
            f"{path} {'names no detector' if found is None else f'is of {found}'}; expected "
            f"{' or '.join(DETECTORS)} in meta/Detector."
        )
    if detector is not None and found != detector:
        raise DataError(f"{path} is of {found}, expected {detector}. Give the file of {detector}.")
    rate = 1 / spacing if spacing > 0 else 0.0
    if rate < SAMPLE_RATE or abs(rate / SAMPLE_RATE - round(rate / SAMPLE_RATE)) > 1e-6:
        raise DataError(
            f"{path} is sampled at {rate:g} Hz; expected a multiple of {SAMPLE_RATE} Hz, such as "
            "4096. Choose the 4 kHz file on gwosc.org."
        )
    rate = round(rate)
    if values.ndim != 1 or len(values) != round(duration * rate):
        raise DataError(
            f"{path} holds {values.size:,} samples, expected {round(duration * rate):,} "
            f"({duration:g} s at {rate} Hz). Download it again."
        )
    if quality is not None and len(quality) * rate != len(values):
        raise DataError(
            f"{path} holds {len(quality)} quality masks for {duration:g} s, expected one each "
            "second. Download it again."
        )
    return Strain(found, start, rate, values, quality, bits)


def read_pair(path1, path2):
    """Read a file of each detector, in either order.

    Returns
    -------
    dict
        Strain by detector, ``"H1"`` and ``"L1"``.

    Raises
    ------
    DataError
        As :func:`read_hdf5`; also if both files are of one detector, or of times that do not
        overlap by 4 s.
    """
    strains = {strain.detector: strain for strain in (read_hdf5(path1), read_hdf5(path2))}
    missing = sorted(set(DETECTORS) - set(strains))
    if missing:
        raise DataError(
            f"Both files are of {next(iter(strains))}: {missing[0]} is missing. A coincidence "
            "needs one file of each detector."
        )
    h1, l1 = strains["H1"], strains["L1"]
    if min(h1.gps_end, l1.gps_end) - max(h1.gps_start, l1.gps_start) < DURATION:
        raise DataError(
            f"The files do not overlap: H1 covers {gps_span(h1.gps_start, h1.gps_end)}, L1 "
            f"{gps_span(l1.gps_start, l1.gps_end)}. Give two files of the same time."
        )
    return {"H1": h1, "L1": l1}


def runs(mask):
    """Return (first, end) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [tuple(run) for run in edges.reshape(-1, 2).tolist()]


def gps_span(start, end):
    """Return a stretch of time as messages name it."""
    return f"GPS {start:.2f} to {end:.2f}"


# --- inside -------------------------------------------------------------------------------------


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _quality(file):
    """Return the mask of each second and the names of its bits, or (None, ())."""
    if "quality/simple/DQmask" not in file:
        return None, ()
    bits = tuple(_text(name) for name in file["quality/simple/DQShortnames"][:])
    return file["quality/simple/DQmask"][:].astype(np.uint32), bits
