"""Measure what the gravitational-wave helpers cost, beside gwpy and LALSuite where installed.

    python -m course bench-chirps            prints the tables, as `make bench` does

Ours and a peer's turn come alternately in every round, so that whatever else the machine does falls
on both.
"""

import importlib.util
import json
import statistics
import subprocess
import sys
import time
from functools import partial

import numpy as np

from chirps import grid, images, noise, search, simulate, waveform
from chirps.grid import BAND, DURATION, FREQUENCIES, SAMPLE_RATE, WINDOW, WINDOW_START

ROUNDS = 5
N_IMAGES, N_PEER_IMAGES = 128, 4
N_BINARIES = 200
N_SEGMENTS = 32
LIGHTEST = (10.0, 5.0)  # solar masses: half of the bank, and the whole
N_SIMULATED = 1000


# --- images -------------------------------------------------------------------------------------


def loud_strain():
    """Return whitened strain (n, 2, n_samples) with loud chirps, in standard deviations."""
    rng = np.random.default_rng(0)
    chirps = simulate.signals(rng, N_IMAGES, snr=40.0, masses=(10.0, 20.0))[0]
    return grid.to_time(chirps + noise.gaussian(rng, N_IMAGES))


def our_images(series):
    """Return energies (n, 39, 100, 2) of strain (n, 2, n_samples)."""
    return images.constant_q((grid.to_frequency(series) * BAND).astype(np.complex64))


def gwpy_images(series, told):
    """Return the same from gwpy: one call for each segment and detector.

    If it is `told` what ours knows, it need not whiten nor choose among several Q.
    """
    from gwpy.timeseries import TimeSeries

    known = {"whiten": False, "qrange": 2 * (images.QUALITY,)} if told else {}
    energies = np.empty((len(series), images.N_ROWS, images.N_COLUMNS, 2))
    for i, d in np.ndindex(len(series), 2):
        image = TimeSeries(series[i, d], sample_rate=SAMPLE_RATE).q_transform(
            frange=tuple(images.ROW_FREQUENCIES[[-1, 0]]),
            fres=images.N_ROWS,
            logf=True,
            tres=images.COLUMN_SECONDS,
            outseg=(WINDOW_START, WINDOW_START + WINDOW),
            **known,
        )
        energies[i, ..., d] = image.value.T[::-1]
    return energies


def alike(ours, theirs):
    """Raise unless two sets of images show the same; theirs have other tiles, or another Q."""
    ours = ours[: len(theirs)]
    correlation = np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]
    assert correlation > 0.8, f"the images correlate by {correlation:.2f} only"


# --- waves --------------------------------------------------------------------------------------


def lal_waves(masses):
    """Return IMRPhenomD of LALSuite (n, n_freq), 1 Mpc away: one call for each binary."""
    import lal
    import lalsimulation

    far = 1e6 * lal.PC_SI
    waves = []
    for mass1, mass2 in masses.T * lal.MSUN_SI:
        plus, _ = lalsimulation.SimInspiralChooseFDWaveform(
            mass1, mass2, *6 * [0.0], far, *5 * [0.0], 1 / DURATION,
            FREQUENCIES[BAND][0], FREQUENCIES[BAND][-1], 0.0, None, lalsimulation.IMRPhenomD,
        )  # fmt: skip
        waves.append(plus.data.data)
    return np.array(waves)[:, BAND[: len(waves[0])]]


def same_waves(ours, theirs):
    """Raise unless two sets of waves are the same but for time and phase."""
    full = np.zeros((2, len(ours), len(FREQUENCIES)), complex)
    full[..., BAND] = ours, theirs
    match = waveform.match(*full, noise.analytic().asd_on(FREQUENCIES))
    assert match.min() > 0.9999, f"the waves match by {match.min():.5f} only"


# --- measure ------------------------------------------------------------------------------------


def seconds(fn):
    """Return how long a call takes."""
    started = time.perf_counter()
    fn()
    return time.perf_counter() - started


def summary(times):
    """Return median and spread of some times, in milliseconds."""
    ms = [1e3 * t for t in times]
    return {
        "ms": [round(t, 4) for t in ms],
        "median": round(statistics.median(ms), 4),
        "spread": round(max(ms) - min(ms), 4),
    }


def compare(name, ours, n_ours, peer, module, theirs, n_theirs, check, rounds):
    """Time ours and a peer's way alternately; return a row of the table, in ms for each item."""
    row = {"name": name, "rounds": rounds, "peer": peer}
    installed = all(importlib.util.find_spec(m) for m in module.split())
    result = ours()  # also loads what is loaded once
    if installed:
        check(result, theirs())
        row["version"] = importlib.import_module(module.split()[0]).__version__
    times = {"ours": [], "theirs": []}
    for _ in range(rounds):
        times["ours"].append(seconds(ours) / n_ours)
        if installed:
            times["theirs"].append(seconds(theirs) / n_theirs)
    row["ours"] = summary(times["ours"])
    if installed:
        row["theirs"] = summary(times["theirs"])
        ratios = [t / o for o, t in zip(times["ours"], times["theirs"], strict=True)]
        row["ratio"] = round(statistics.median(ratios), 2)
    return row


SIMULATE = """
import json, pathlib, re, time
from helpers import environment
from chirps import simulate
started = time.perf_counter(), time.process_time()
simulate.dataset({n} // 2, {n} // 2, seed=0)
wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
status = pathlib.Path("/proc/self/status")
if status.is_file():  # what getrusage says there includes the process that started this one
    peak = int(re.search("VmHWM:\\s*([0-9]+)", status.read_text())[1]) / 1024
else:
    peak = environment.peak_memory_mb()
print(json.dumps([wall, cpu, peak]))
"""


def simulation(rounds):
    """Simulate images in processes of their own; return medians of speed, CPU time and memory."""
    code = SIMULATE.format(n=N_SIMULATED)
    runs = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        runs.append(json.loads(done.stdout))
    wall, cpu, peak = np.median(runs, axis=0)
    return {
        "images": N_SIMULATED,
        "images_per_second": round(N_SIMULATED / wall),
        "cpu_seconds_per_1000": round(1000 * cpu / N_SIMULATED, 2),
        "peak_MiB": round(peak),
    }


def measure(rounds=ROUNDS):
    """Return everything: rows of the table, and what a simulation takes."""
    series = loud_strain()
    rng = np.random.default_rng(0)
    masses = rng.uniform(5, 60, (2, N_BINARIES))
    rows = [
        compare(
            "constant-Q image of two detectors",
            partial(our_images, series),
            len(series),
            f"gwpy, {how}",
            "gwpy",
            partial(gwpy_images, series[:N_PEER_IMAGES], told),
            N_PEER_IMAGES,
            alike,
            rounds,
        )
        for how, told in (("one Q, strain already white", True), ("as it comes", False))
    ]
    rows.append(
        compare(
            "wave of a binary, 20–480 Hz in steps of 0.25 Hz",
            partial(waveform.phenom_d, FREQUENCIES[BAND], *masses),
            N_BINARIES,
            "LALSuite's IMRPhenomD",
            "lal lalsimulation",
            partial(lal_waves, masses),
            N_BINARIES,
            same_waves,
            rounds,
        )
    )
    spectra = noise.gaussian(rng, N_SEGMENTS)
    for lightest in LIGHTEST:
        bank = search.template_bank().within(lightest)
        templates = bank.whitened()
        search.matched_filter(spectra[:1], templates)
        times = [
            seconds(partial(search.matched_filter, spectra, templates)) / N_SEGMENTS
            for _ in range(rounds)
        ]
        name = f"search of a segment of two detectors, {len(bank):,} templates"
        rows.append({"name": name, "rounds": rounds, "ours": summary(times)})
    return {"rows": rows, "simulation": simulation(rounds)}


def report(measured):
    """Return what was measured as Markdown; ratios above 1 say how much faster ours is."""
    lines = [
        "| what | ours (ms) | spread | peer | peer's (ms) | spread | ratio |",
        "|---|---:|---:|---|---:|---:|---:|",
    ]
    for row in measured["rows"]:
        peer = f"{row['peer']} ({row.get('version', 'not installed')})" if "peer" in row else ""
        ratio = f"{row['ratio']:.1f} ×" if "ratio" in row else ""
        cells = [row["name"], *_cells(row["ours"]), peer, *_cells(row.get("theirs")), ratio]
        lines.append(f"| {' | '.join(cells)} |")
    s = measured["simulation"]
    return "\n".join(lines) + (
        f"\n\nSimulated images: {s['images_per_second']:,} a second, "
        f"{s['cpu_seconds_per_1000']} CPU-seconds for 1,000; the process takes {s['peak_MiB']} MiB "
        f"at most, with {s['images']:,} images in it."
    )


def _cells(times):
    return [f"{times['median']:.2f}", f"{times['spread']:.2f}"] if times else ["", ""]


def main():
    """Print what was measured."""
    print(report(measure()))
