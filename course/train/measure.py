"""Measure what the pages on gravitational waves report and no page has the time for.

    python -m course measure gw_leak          random labels, split by image and by event
    python -m course measure gw_benchmark     networks beside the matched filter

Each writes `_build/release/<name>/run.json`; `python -m course train publish <name>` copies it to
data/models. Scores are kept in `_build/measure/` as they are made, so that a killed run goes on.
"""

import argparse
import zlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from chirps import analysis, efficiency, images, search, sets, simulate
from chirps import noise as noise_curves
from chirps.grid import FREQUENCIES
from course.train.networks import MEASUREMENTS
from helpers import models, sources, training
from helpers.backend import keras

BUILD = Path("_build/measure")
RELEASE = Path("_build/release")

# ------------------------------------------------------------------------------------- the leak

LEAK_SEEDS = (0, 1, 2)
LEAK_EPOCHS = 40


def leak():
    """Train the small network on random labels, one for each original event."""
    return {
        "name": "gw_leak",
        "network": "gw_small",
        "epochs": LEAK_EPOCHS,
        "runs": [leaked_run(split, seed) for seed in LEAK_SEEDS for split in sets.SPLITS],
    }


def leaked_run(split, seed):
    data = simulate.homework_like(seed)
    x = np.concatenate([data.gw, data.nd])
    groups = np.concatenate([data.gw_groups, simulate.HOMEWORK_ORIGINALS[0] + data.nd_groups])
    # A coin for every original, blind to what it is: half of each class heads.
    rng = np.random.default_rng([seed, 77])
    heads = [rng.permutation(n) < n // 2 for n in simulate.HOMEWORK_ORIGINALS]
    y = np.concatenate(heads)[groups].astype(np.float32)
    train, held, test = sets.three_parts(y, groups if split == "by event" else None, seed)
    train = np.concatenate([train, held])  # nothing is chosen here
    keras.utils.set_random_seed(seed)
    model = models.gw_small()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    recipe = training.Recipe(LEAK_EPOCHS, learning_rate=1e-3, decay=1.0, optimizer="adam")
    history = training.fit(model, x[train], y[train, None], recipe, progress=False)
    right = (model.predict(x[test], batch_size=256, verbose=0)[:, 0] > 0.5) == y[test]
    # Copies of one original are no independent trials: the error counts originals.
    originals = len(np.unique(groups[test]))
    share = float(right.mean())
    print(f"random labels, split {split}, seed {seed}: {share:.4f}", flush=True)
    return {
        "split": split,
        "labels": "random",
        "seed": seed,
        "train_accuracy": history["accuracy"][-1],
        "test_accuracy": share,
        "test_error": training.binomial_error(share, originals),
        "test_images": len(test),
        "test_originals": originals,
        **training.environment(),
    }


# -------------------------------------------------------------------------------- the benchmark

SEARCHES = ("matched filter", "matched filter, χ², coincidence")
LINEAR = "logistic regression"
CHUNK = 500  # images made at a time; each with one pair of measured curves
EDGES = np.geomspace(4, 20, 17)


@dataclass(frozen=True)
class TestSet:
    """Signals or backgrounds; the search looks at the first `searched` only."""

    noise: str
    signals: int = 0
    backgrounds: int = 0
    searched: int = 0
    options: dict = field(default_factory=dict)

    def __len__(self):
        return self.signals + self.backgrounds


FAINT = {"snr": (4.0, 20.0), "slope": 1.0}
QUIET = {"mix": {"noise": 1.0}}
OF_15 = {"snr": 15.0}
SLID = {"mix": {"slide": 1.0}}
SETS = {
    "signals, design": TestSet("design", signals=4000, searched=1500, options=FAINT),
    "noise, design": TestSet("design", backgrounds=40_000, searched=5000, options=QUIET),
    "mixed, design": TestSet("design", backgrounds=10_000, searched=2000),
    "signals, measured": TestSet("measured", signals=4000, searched=800, options=FAINT),
    "mixed, measured": TestSet("measured", backgrounds=10_000, searched=1000),
    "signals, real": TestSet("real", signals=4000, searched=800, options=FAINT),
    "noise, real": TestSet("real", backgrounds=10_000, searched=1000, options=QUIET),
    "signals of 15": TestSet("design", signals=4000, options=OF_15),
    "slides": TestSet("design", backgrounds=4000, options=SLID),
    "slides of 15": TestSet("design", backgrounds=4000, options=SLID | OF_15),
}
SEARCHED = [name for name, wanted in SETS.items() if wanted.searched]
# What is reported: signals, background, false-alarm probability per second.
CONDITIONS = {
    "Gaussian noise": ("signals, design", "noise, design", 1e-3),
    "mixed background": ("signals, design", "mixed, design", 1e-2),
    "measured curves, mixed background": ("signals, measured", "mixed, measured", 1e-2),
    "real noise": ("signals, real", "noise, real", 1e-2),
}
SHORT_NAMES = {
    "gaussian_half": "Gaussian noise",
    "mixed_half": "mixed background",
    "measured_half": "measured curves, mixed background",
    "real_half": "real noise",
}


def benchmark():
    """Score the test sets with everything there is, and compare at equal false-alarm rates."""
    networks = MEASUREMENTS["gw_benchmark"]
    # The homework's network is as slow as the search, and sees as many images.
    every = {name: network_scores(released(name), few=name == "gw_cnn") for name in networks}
    every[LINEAR] = linear_scores()
    every |= {name: {part: search_scores(part, name) for part in SEARCHED} for name in SEARCHES}
    return {
        "name": "gw_benchmark",
        "weights_sha256": {
            name: training.released_card(name)["weights_sha256"] for name in networks
        },
        "runs": [
            {"detector": detector, "condition": condition, **found_at(scores, condition)}
            for detector, scores in every.items()
            for condition in CONDITIONS
        ],
        "slides": [{"detector": name, **slides(every[name])} for name in networks],
        **training.environment(),
    }


def found_at(scores, condition):
    """Return threshold, efficiency curve and half efficiency of one detector."""
    signal, background, probability = CONDITIONS[condition]
    limit = efficiency.threshold(scores[background], probability)
    found = scores[signal] > limit
    snr = signal_snr(signal)[: len(found)]
    half, error = efficiency.half_efficiency(found, snr)
    if not np.isfinite(half):  # never reached, or below the faintest signal
        half = error = None
    curve = efficiency.curve(found, snr, EDGES)
    return {
        "false_alarm_probability": probability,
        "threshold": limit,
        "signals": len(found),
        "background": len(scores[background]),
        "half_efficiency": half,
        "half_efficiency_error": error,
        "curve": {name: values.tolist() for name, values in vars(curve).items()},
    }


def slides(scores):
    """Say how many slides pass where 95 % of the signals of 15 do."""
    limit = float(np.quantile(scores["signals of 15"], 0.05))
    return {
        "threshold": limit,
        "accepted": float(np.mean(scores["slides"] > limit)),
        "accepted_of_15": float(np.mean(scores["slides of 15"] > limit)),
        "false_alarm_probability": float(np.mean(scores["mixed, design"] > limit)),
    }


def network_measures(model):
    """Return the half efficiencies, slides and area under the ROC curve of a network."""
    scores = network_scores(model)
    halves = {}
    for short, condition in SHORT_NAMES.items():
        row = found_at(scores, condition)
        halves[short] = [row["half_efficiency"], row["half_efficiency_error"]]
    # The population of the course: signals from 8 up, as near events as they are rare.
    loud = signal_snr("signals, design") >= 8
    signals, other = scores["signals, design"][loud], scores["mixed, design"]
    labels = np.repeat([1, 0], [len(signals), len(other)])
    auc = float(roc_auc_score(labels, np.concatenate([signals, other])))
    return halves | {"slides_accepted": slides(scores)["accepted"], "auc": auc}


# ---------------------------------------------------------------------- test sets and their scores


def network_scores(model, few=False):
    """Return the scores of a network for every test set, or for the first images of each."""
    scores = {}
    for name, wanted in SETS.items():
        n = (wanted.searched or 500) if few else len(wanted)
        parts = (pixels(name)[first : first + count] for first, count in chunks(n))
        scores[name] = np.concatenate(
            [analysis.score(model, images.from_bytes(part)) for part in parts]
        )
        print(f"{model.name}: {n:,} images of “{name}”", flush=True)
    return scores


def linear_scores():
    """Fit the logarithm of the odds as a weighted sum of all pixels; return its scores."""
    part = sets.modern("train", 20_000, seed=4, verbose=False)
    flat = lambda pixels: images.from_bytes(pixels).reshape(len(pixels), -1)  # noqa: E731
    model = LogisticRegression(C=1e-4, max_iter=200).fit(flat(part.pixels), part.labels)
    return {name: model.decision_function(flat(pixels(name))) for name in SETS}


def chunks(n):
    """Return first and number of the images that are made at a time."""
    return [(first, min(CHUNK, n - first)) for first in range(0, n, CHUNK)]


def kept(file, make):
    """Return an array that is made once and kept in a file; `make` returns its parts."""
    path = BUILD / file
    if not path.is_file():
        parts = list(make())
        with sources.written_whole(path) as part, open(part, "wb") as file:
            np.save(file, np.concatenate(parts))
    return np.load(path, mmap_mode="r")


def search_scores(name, search_name):
    """Return what the matched filter makes of the first segments of a test set."""
    wanted = SETS[name]

    def make():
        for first, n in chunks(wanted.searched):
            part = simulated(name, first, n, spectra=True)
            found = search.matched_filter(part.spectra, bank(noise_for(wanted.noise, first)))
            yield np.stack([found.network_snr, found.statistic], axis=1)
            print(f"{name}: {first + len(part):,} of {wanted.searched:,} searched", flush=True)

    return kept(f"{name}, search.npy", make)[:, SEARCHES.index(search_name)]


@cache
def pixels(name):
    """Return the images of a test set."""
    every = chunks(len(SETS[name]))
    return kept(f"{name}.npy", lambda: (simulated(name, *c).images for c in every))


@cache
def signal_snr(name):
    """Return the signal-to-noise ratios of a test set."""
    every = chunks(len(SETS[name]))
    return kept(f"{name}, snr.npy", lambda: (simulated(name, *c).parameters["snr"] for c in every))


def simulated(name, first, n, spectra=False):
    """Return images number `first` and on of a test set."""
    wanted = SETS[name]
    numbers = (n, 0) if wanted.signals else (0, n)
    options = wanted.options | {"noise": noise_for(wanted.noise, first)}
    seed = zlib.crc32(name.encode())
    return simulate.dataset(*numbers, seed, start=first, spectra=spectra, **options)


def noise_for(kind, first):
    """Return the noise of a chunk: of the measured curves, one pair at a time."""
    noise = sets.noise_of(kind, "test")
    if kind == "measured":
        return noise.only(first // CHUNK % len(noise.asd))
    return noise


def bank(noise):
    """Return the templates as that noise whitens them."""
    asd = noise_curves.analytic().asd_on(FREQUENCIES) if noise is None else noise.asd[0]
    key = asd.tobytes()
    if key not in _BANK:
        _BANK.clear()  # one at a time: 40 MB
        _BANK[key] = search.template_bank().whitened(asd)
    return _BANK[key]


_BANK = {}


def released(name):
    model = getattr(models, name)()
    training.load_released(model, name)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=MEASUREMENTS)
    name = parser.parse_args().name
    card = {"gw_leak": leak, "gw_benchmark": benchmark}[name]()
    training.save_card(RELEASE / name / "run.json", card)
