"""Measure pairs of ways to do the same thing, side by side.

    python tools/bench.py               prints a table, writes _build/bench.json
    python tools/bench.py --rounds 9

The two ways of a pair alternate within every round, so that whatever else the machine does falls
on both. Compilation counts: every round compiles anew.
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np

from helpers import interpret, models, sources, training
from helpers.backend import keras

RESULT = Path("_build/bench.json")
STEPS = 20
FILTERS = range(16)


def together(model, layer):
    """Sixteen stimuli in one compiled batch."""
    return interpret.maximum_stimuli(model, layer, FILTERS, steps=STEPS)[0]


def one_by_one(model, layer):
    """Sixteen stimuli as the original finds them: one filter after the other, step by step."""
    import tensorflow as tf

    until = keras.Model(model.inputs[0], model.get_layer(layer).output)
    stimuli = []
    for k in FILTERS:
        start, _ = interpret.maximum_stimuli(model, layer, [k], steps=0)
        picture = tf.constant(start)
        for _ in range(STEPS):
            with tf.GradientTape() as tape:
                tape.watch(picture)
                score = tf.reduce_mean(until(picture, training=False)[..., k])
            slope = tape.gradient(score, picture)
            picture += slope / (tf.sqrt(tf.reduce_sum(slope**2)) + 1e-10)
        stimuli.append(picture.numpy()[0])
    return np.stack(stimuli)


def seconds(fn, *args):
    """Return how long a call takes, and what it returns."""
    started = time.perf_counter()
    result = fn(*args)
    return time.perf_counter() - started, result


def compare(name, fast, slow, args, rounds):
    """Time two ways alternately; return a row of the table. Their results must agree."""
    fast(*args), slow(*args)  # load what is loaded once
    times = {"fast": [], "slow": []}
    for _ in range(rounds):
        taken, ours = seconds(fast, *args)
        times["fast"].append(taken)
        taken, theirs = seconds(slow, *args)
        times["slow"].append(taken)
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    row = {"name": name, "rounds": rounds}
    for way, values in times.items():
        row[way] = {
            "seconds": [round(v, 4) for v in values],
            "median": round(statistics.median(values), 4),
            "spread": round(max(values) - min(values), 4),
        }
    ratios = [s / f for f, s in zip(times["fast"], times["slow"], strict=True)]
    return {**row, "ratio": round(statistics.median(ratios), 1)}


def table(rows):
    """Return the rows as a Markdown table."""
    head = (
        "| what | compiled batch (s) | spread | one by one, eager (s) | spread | ratio |\n"
        "|---|---:|---:|---:|---:|---:|"
    )
    lines = [
        f"| {r['name']} | {r['fast']['median']:.3f} | {r['fast']['spread']:.3f} "
        f"| {r['slow']['median']:.2f} | {r['slow']['spread']:.2f} | {r['ratio']:.1f} × |"
        for r in rows
    ]
    return "\n".join([head, *lines])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    if keras.backend.backend() != "tensorflow":
        raise SystemExit("the eager side is written for TensorFlow; unset KERAS_BACKEND")
    keras.utils.set_random_seed(0)
    model = models.first_cnn()
    rows = [
        compare(f"16 stimuli of {layer}, 20 steps", together, one_by_one, (model, layer), rounds)
        for layer in ("leaky1", "leaky4")
    ]
    about = training.environment()
    if hasattr(os, "getloadavg"):
        about["load_average"] = round(os.getloadavg()[0], 2)
    print(table(rows))
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    print(f"\n{about['hardware']}, {platform.system()}; {packages}; median of {rounds} rounds.")
    with sources.written_whole(RESULT) as part:
        part.write_text(json.dumps({"rows": rows, **about}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
