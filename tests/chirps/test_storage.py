"""Simulated data on disk: what a data set holds, resumed after a stop, and never half written."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from chirps import storage
from chirps.simulate import BLOCK, dataset
from chirps.storage import stream
from helpers.sources import DataError
from tests.support import ROOT
from tests.support.simulated import COST, python, same

WORK = dict(n_signals=BLOCK + 6, n_noise=BLOCK + 10, seed=1)


@pytest.fixture(scope="module")
def in_memory():
    return dataset(**WORK)


def test_a_stream_holds_what_a_data_set_holds(tmp_path, in_memory):
    seen = []
    written = stream(tmp_path / "set", **WORK, progress=lambda *done: seen.append(done))
    same(written, in_memory)
    assert isinstance(written.images, np.memmap)
    assert not written.images.flags.writeable
    assert seen[-1] == (144, 144)
    assert sorted(p.name for p in (tmp_path / "set").iterdir()) == [
        "events.npy",
        "images.npy",
        "recipe.json",
    ]
    same(stream(tmp_path / "set", **WORK), in_memory)  # opened, not made again
    same(storage.open_stream(tmp_path / "set"), in_memory)


def test_a_stream_takes_the_settings_of_a_data_set(tmp_path):
    settings = {"mix": {"glitch": 1}, "masses": (20, 30), "image": "stft", "snr": 12}
    expected = dataset(3, 5, seed=2, **settings)
    same(stream(tmp_path / "set", 3, 5, seed=2, **settings), expected)
    with pytest.raises(TypeError, match="mass_range"):
        stream(tmp_path / "other", 3, 5, seed=2, mass_range=(20, 30))
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


class Stopped(Exception):
    pass


def stop_after(n):
    def progress(done, total):
        if done >= n:
            raise Stopped

    return progress


def test_a_stopped_stream_goes_on_where_it_was(tmp_path, in_memory):
    with pytest.raises(Stopped):
        stream(tmp_path / "set", **WORK, progress=stop_after(BLOCK))
    assert not (tmp_path / "set").exists()
    done = []
    same(stream(tmp_path / "set", **WORK, progress=lambda d, _: done.append(d)), in_memory)
    assert min(done) > BLOCK
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_what_came_after_the_last_save_is_made_again(tmp_path, in_memory):
    with pytest.raises(Stopped):
        stream(tmp_path / "set", **WORK, progress=stop_after(BLOCK))
    for name in ("images.npy", "events.npy"):
        with open(tmp_path / ".part-set" / name, "ab") as file:
            file.write(b"half a block")
    same(stream(tmp_path / "set", **WORK), in_memory)


def test_leftovers_of_other_settings_are_not_used(tmp_path, in_memory):
    with pytest.raises(Stopped):
        stream(tmp_path / "set", **WORK | {"seed": 2}, progress=stop_after(BLOCK))
    same(stream(tmp_path / "set", **WORK), in_memory)


def test_damaged_leftovers_are_not_used(tmp_path, in_memory):
    with pytest.raises(Stopped):
        stream(tmp_path / "set", **WORK, progress=stop_after(BLOCK))
    (tmp_path / ".part-set" / "images.npy").write_bytes(b"short")
    same(stream(tmp_path / "set", **WORK), in_memory)


def test_a_killed_stream_leaves_nothing_that_looks_whole(tmp_path, in_memory, monkeypatch):
    code = f"""
import sys
from chirps import storage
storage._Writer.SAVE_EVERY = 64
def progress(done, total):
    print(done, flush=True)
storage.stream(sys.argv[1], **{WORK!r}, progress=progress)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "set")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.wait()
    if (tmp_path / "set").exists():
        pytest.skip("the process was faster than the kill")
    with pytest.raises(DataError, match="does not hold whole simulated data"):
        storage.open_stream(tmp_path / ".part-set")
    same(stream(tmp_path / "set", **WORK), in_memory)


def test_a_folder_with_other_data_is_kept_and_refused(tmp_path):
    few = dict(n_signals=2, n_noise=2, seed=1)
    stream(tmp_path / "set", **few)
    with pytest.raises(DataError, match="other settings: seed is 1, asked for 2"):
        stream(tmp_path / "set", **few | {"seed": 2})
    with pytest.raises(DataError, match="n_noise is 2, asked for 3"):
        stream(tmp_path / "set", **few | {"n_noise": 3})
    storage.open_stream(tmp_path / "set")


@pytest.mark.parametrize("name", ["images.npy", "events.npy", "recipe.json"])
def test_a_damaged_folder_is_refused(tmp_path, name):
    few = dict(n_signals=2, n_noise=2, seed=1)
    stream(tmp_path / "set", **few)
    path = tmp_path / "set" / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"does not hold whole simulated data .* Delete it"):
        stream(tmp_path / "set", **few)


# --- cost ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="measures with the resource module")
def test_a_long_stream_takes_no_more_memory_than_a_short_one(tmp_path):
    short = float(python(COST, 1000, tmp_path / "short").split()[1])
    long = float(python(COST, 10_000, tmp_path / "long").split()[1])
    assert long < short + 8
