"""Simulated data on disk: more than memory holds, whole or absent, and resumed after a stop."""

import json
import os
import shutil
from pathlib import Path

import numpy as np

from chirps import simulate
from chirps.simulate import EVENT, IMAGE_SHAPE, LabelledEvents
from helpers.sources import DataError, written_whole

PROGRESS = "progress.json"
_FILES = {"images.npy": (np.uint8, IMAGE_SHAPE), "events.npy": (EVENT, ())}


def stream(
    folder,
    n_signals,
    n_noise,
    seed,
    *,
    start=0,
    workers=1,
    progress=None,
    **settings,
):
    """Simulate labelled events into files, in constant memory, and open them.

    The events are those of :func:`chirps.simulate.dataset`. They are written to a hidden folder
    that gets its name when it is complete: `folder` is whole or absent. A run that was stopped goes
    on where it was; left-overs of other settings are discarded.

    Parameters
    ----------
    folder : str or pathlib.Path
        Will hold ``images.npy``, ``events.npy`` and ``recipe.json``.
    n_signals, n_noise, seed, start, workers
        As for :func:`chirps.simulate.dataset`.
    progress : callable, optional
        Called with (done, total) after each block.
    **settings
        Any of mix, snr, slope, masses, noise and image, as for :func:`chirps.simulate.dataset`.

    Returns
    -------
    LabelledEvents
        Memory-mapped, read only.

    Raises
    ------
    DataError
        If `folder` exists and holds other data.
    """
    folder = Path(folder)
    recipe = simulate.recipe_of(seed, **settings)
    tasks = simulate.tasks_of(n_signals, n_noise, start)
    note = recipe.note | {"n_signals": n_signals, "n_noise": n_noise, "start": start}
    if not tasks:
        raise ValueError("Nothing to simulate: n_signals and n_noise are both 0.")
    if folder.exists():
        return open_stream(folder, note)
    with _Writer(folder.with_name(f".part-{folder.name}"), note, tasks) as writer:
        for pixels, rows, _ in simulate.simulate_tasks(recipe, writer.left, workers):
            writer.append(pixels, rows)
            if progress:
                progress(writer.done, writer.total)
    try:
        os.replace(writer.folder, folder)
    except OSError:
        if not folder.exists():  # else another process was faster, with the same data
            raise
        shutil.rmtree(writer.folder, ignore_errors=True)
    (folder / PROGRESS).unlink(missing_ok=True)
    return open_stream(folder, note)


def open_stream(folder, note=None):
    """Open what :func:`stream` wrote.

    Parameters
    ----------
    folder : str or pathlib.Path
    note : dict, optional
        The settings it must have been made with, as in its ``recipe.json``.

    Returns
    -------
    LabelledEvents
        Memory-mapped, read only.

    Raises
    ------
    DataError
        If the folder is incomplete, damaged, or was made with other settings.
    """
    folder = Path(folder)
    try:
        found = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
        pixels = np.load(folder / "images.npy", mmap_mode="r")
        table = np.load(folder / "events.npy", mmap_mode="r")
        n = found["n_signals"] + found["n_noise"]
        if pixels.shape != (n, *IMAGE_SHAPE) or table.shape != (n,) or table.dtype != EVENT:
            raise ValueError(f"{len(pixels)} images and {len(table)} events, expected {n} of each")
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(
            f"{folder} does not hold whole simulated data ({problem}). Delete it, or choose "
            "another folder."
        ) from problem
    different = sorted(k for k in note or () if found.get(k) != note[k])
    if different:
        raise DataError(
            f"{folder} holds data of other settings: "
            + "; ".join(f"{k} is {found.get(k)}, asked for {note[k]}" for k in different[:3])
            + ". Delete it, or choose another folder."
        )
    return LabelledEvents.of_table(pixels, table)


class _Writer:
    """Append blocks to two .npy files in a folder; know after a stop how far it came.

    What counts as done is written down only after it is on the disk, so that a machine that loses
    power is believed no more than a process that was killed.
    """

    SAVE_EVERY = 4096  # samples

    def __init__(self, folder, note, tasks):
        self.folder, self.note, self.tasks = folder, note, tasks
        self.ends = np.cumsum([0] + [len(task) for task in tasks])
        self.total = int(self.ends[-1])

    def __enter__(self):
        self.done = self._resumable()
        if self.done is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            for name, (dtype, shape) in _FILES.items():  # header, and room for everything
                np.lib.format.open_memmap(self.folder / name, "w+", dtype, (self.total, *shape))
            self.done = 0
        self._files = [self._opened(name) for name in _FILES]
        self._save()
        return self

    def __exit__(self, kind, problem, trace):
        self._save()
        for file in self._files:
            file.close()
        if kind is None:
            with written_whole(self.folder / "recipe.json") as part:
                part.write_text(json.dumps(self.note, indent=1), encoding="utf-8")

    @property
    def left(self):
        """The tasks that are not in the files yet."""
        return self.tasks[np.searchsorted(self.ends, self.done) :]

    def append(self, *arrays):
        for file, array in zip(self._files, arrays, strict=True):
            file.write(array.tobytes())
        self.done += len(arrays[0])
        if self.done - self._saved >= self.SAVE_EVERY:
            self._save()

    def _resumable(self):
        """Return how many samples an earlier run left for the same settings, or None."""
        try:
            found = json.loads((self.folder / PROGRESS).read_text(encoding="utf-8"))
            done = found["done"]
            usable = found["note"] == self.note and done in self.ends
            for name in _FILES:
                usable &= len(self._rows(name)) == self.total
            return done if usable else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _rows(self, name):
        return np.load(self.folder / name, mmap_mode="r")

    def _opened(self, name):
        """Return a file, open at the first row that is not done."""
        rows = self._rows(name)
        file = open(self.folder / name, "r+b")
        file.seek(rows.offset + self.done * rows.nbytes // self.total)
        return file

    def _save(self):
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        self._saved = self.done
        with written_whole(self.folder / PROGRESS) as part:
            part.write_text(json.dumps({"note": self.note, "done": self._saved}), encoding="utf-8")
