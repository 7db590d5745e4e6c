"""The benchmark says what it compared, and runs where a peer is missing."""

import numpy as np
import pytest

from course.bench import chirps as bench_chirps


def row(module, check=lambda ours, theirs: None):
    settings = ("a wave", lambda: 2.0, 10, "a peer", module, lambda: 3.0, 5, check)
    return bench_chirps.compare(*settings, rounds=3)


def test_a_peer_that_is_not_installed_gives_a_row_that_says_so():
    missing = row("no_such_library")
    assert "theirs" not in missing and "ratio" not in missing
    simulation = {"images": 1, "images_per_second": 1, "cpu_seconds_per_1000": 1, "peak_MiB": 1}
    lines = bench_chirps.report({"rows": [missing], "simulation": simulation}).splitlines()
    assert "a peer (not installed)" in lines[2]
    assert lines[2].count("|") == lines[0].count("|")


def test_a_peer_that_is_there_is_timed_and_compared():
    seen = []
    there = row("numpy", lambda *results: seen.append(results))
    assert seen == [(2.0, 3.0)]
    assert len(there["ours"]["ms"]) == len(there["theirs"]["ms"]) == 3
    assert there["ratio"] > 0 and there["version"] == np.__version__
    simulation = {"images": 1, "images_per_second": 1, "cpu_seconds_per_1000": 1, "peak_MiB": 1}
    line = bench_chirps.report({"rows": [there], "simulation": simulation}).splitlines()[2]
    assert "a peer (" in line and " × |" in line


def test_other_results_are_not_a_comparison():
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 4, 39, 100, 2))
    bench_chirps.alike(one, one[:2])
    with pytest.raises(AssertionError, match="correlate"):
        bench_chirps.alike(one, other)
