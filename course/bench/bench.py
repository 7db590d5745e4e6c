"""Measure ways to do the same thing, side by side.

    python -m course bench               prints tables, writes _build/bench.json and .md
    python -m course bench --rounds 9

The ways alternate within every round, so that whatever else the machine does falls on all. A first
call counts its compilation: it gets a network that was never looked at.

`make bench` also installs tf-keras-vis and gwpy, which take part where they are there; so does
LALSuite, which it does not install (`uv pip install lalsuite`).
"""

import argparse
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np

from course.bench import chirps as bench_chirps
from helpers import models, sources, training
from helpers.backend import keras
from inside import attribution, backend, stimuli

RESULT = Path("_build/bench.json")
STEPS = 20
FILTERS = range(16)
N_IMAGES = 100
LAST_CONV = "conv4"


def together(model, layer):
    """Sixteen stimuli in one compiled batch."""
    return stimuli.maximum_stimuli(model, layer, FILTERS, steps=STEPS)[0]


def one_by_one(model, layer):
    """Sixteen stimuli as the original finds them: one filter after the other, step by step."""
    import tensorflow as tf

    until = keras.Model(model.inputs[0], model.get_layer(layer).output)
    found = []
    for k in FILTERS:
        start, _ = stimuli.maximum_stimuli(model, layer, [k], steps=0)
        picture = tf.constant(start)
        for _ in range(STEPS):
            with tf.GradientTape() as tape:
                tape.watch(picture)
                score = tf.reduce_mean(until(picture, training=False)[..., k])
            slope = tape.gradient(score, picture)
            picture += slope / (tf.sqrt(tf.reduce_sum(slope**2)) + 1e-10)
        found.append(picture.numpy()[0])
    return np.stack(found)


def seconds(fn, *args):
    """Return how long a call takes, and what it returns."""
    started = time.perf_counter()
    result = fn(*args)
    return time.perf_counter() - started, result


def compare(title, build, ways, args, rounds, agree):
    """Time ways to do the same alternately, each with a network that was never looked at.

    Parameters
    ----------
    title : str
    build : callable
        Returns the network.
    ways : dict of str to callable
        Each takes the network and `args`; the first is ours.
    args : sequence
    rounds : int
    agree : callable
        Takes our result, another, and the name of its way; raises where they differ.

    Returns
    -------
    list of dict
        A row of the table for each way.
    """
    times = {name: {"first": [], "again": []} for name in ways}
    for _ in range(rounds):
        results = {}
        for name, way in ways.items():
            network = build()
            for call in ("first", "again"):
                taken, results[name] = seconds(way, network, *args)
                times[name][call].append(taken)
        expected, *_ = results.values()
        for name, result in results.items():
            agree(expected, result, name)
    ours, *_ = times.values()
    return [
        {"name": title, "way": name, "rounds": rounds}
        | {call: summary(taken[call], ours[call]) for call in taken}
        for name, taken in times.items()
    ]


def summary(times, ours):
    """Return the median of some times, and how many times ours they are."""
    return {
        "seconds": [round(t, 4) for t in times],
        "median": round(statistics.median(times), 4),
        "ratio": round(statistics.median(t / o for t, o in zip(times, ours, strict=True)), 2),
    }


def first_cnn():
    """Return a first_cnn, always with the same weights."""
    keras.utils.set_random_seed(0)
    return models.first_cnn()


def time_stimuli(rounds):
    """Time sixteen stimuli at once and one by one; return rows of the table."""

    def agree(expected, result, _way):
        np.testing.assert_allclose(expected, result, atol=2e-3)

    ways = {"ours": together, "one by one, eager": one_by_one}
    rows = []
    for layer in ("leaky1", "leaky4"):
        title = f"{len(FILTERS)} stimuli of {layer}, {STEPS} steps"
        rows += compare(title, first_cnn, ways, (layer,), rounds, agree)
    return rows


def cifar_cnn():
    """Return a functional cifar_cnn with a linear output, always with the same weights.

    Other libraries need both: functional, and without a softmax.
    """
    keras.utils.set_random_seed(0)
    network = models.cifar_cnn(n_filter=64)
    network = keras.models.clone_model(keras.Model(network.inputs, network.outputs))
    network.layers[-1].activation = keras.activations.linear
    return network


def with_xla(fn):
    import tensorflow as tf

    return tf.function(partial(fn), autograph=False, jit_compile=True)


OURS = {"ours": backend.compiled, "ours, XLA": with_xla, "ours, eager": lambda fn: fn}


def ours(task, compiler, network, images, classes):
    with mock.patch.object(backend, "compiled", compiler):
        if task == "saliency":
            return np.abs(attribution.saliency(network, images, classes))
        if task == "Grad-CAM":
            return attribution.grad_cam(network, images, classes, LAST_CONV)
        return stimuli.maximum_stimuli(network, LAST_CONV, FILTERS, STEPS)[0]


def tf_keras_vis(task, network, images, classes, *, at_once=True, bare=False):
    """Do a task as tf-keras-vis does.

    Stimuli: all filters in one call or one after the other; with its own image modifiers and
    regularizers or, bare, with the slopes of the filters alone, as ours.
    """
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.model_modifiers import ExtractIntermediateLayer
    from tf_keras_vis.utils.scores import CategoricalScore

    score = CategoricalScore(list(classes))
    if task == "saliency":
        return Saliency(network)(score, images, keepdims=True, normalize_map=False)
    if task == "Grad-CAM":
        settings = {"expand_cam": False, "normalize_cam": False}
        return Gradcam(network)(score, images, penultimate_layer=LAST_CONV, **settings)
    climb = ActivationMaximization(network, model_modifier=ExtractIntermediateLayer(LAST_CONV))
    start, _ = stimuli.maximum_stimuli(network, LAST_CONV, FILTERS, steps=0)
    settings = {"input_modifiers": [], "regularizers": []} if bare else {}
    parts = [list(FILTERS)] if at_once else [[k] for k in FILTERS]
    return np.concatenate(
        [climb(CategoricalScore(p), seed_input=start[p], steps=STEPS, **settings) for p in parts]
    )


def time_attribution(rounds):
    """Time three tasks in all ways; return rows of a table, one for each task and way."""
    rng = np.random.default_rng(0)
    images = rng.random((N_IMAGES, 32, 32, 3), dtype="float32")
    classes = rng.integers(0, 10, N_IMAGES)
    rows = []
    for task, title in (
        ("saliency", f"{N_IMAGES} saliency maps"),
        ("Grad-CAM", f"{N_IMAGES} Grad-CAMs at the last convolution"),
        ("stimuli", f"{len(FILTERS)} stimuli of the last convolution, {STEPS} steps"),
    ):
        ways = {name: partial(ours, task, compiler) for name, compiler in OURS.items()}
        if importlib.util.find_spec("tf_keras_vis"):
            ways["tf-keras-vis"] = partial(tf_keras_vis, task)
            if task == "stimuli":
                way = ways.pop("tf-keras-vis")
                ways["tf-keras-vis, together"] = way
                ways["tf-keras-vis, together, bare"] = partial(way, bare=True)
                ways["tf-keras-vis, one by one"] = partial(way, at_once=False)

        def agree(expected, result, way, task=task):
            if "vis" in way and task == "stimuli":  # it climbs by another rule
                return
            # Twenty steps amplify the last digit where two ways up are equally steep.
            error = np.median(np.abs(result - expected) / expected.max())
            assert error < 1e-4, (task, way, error)

        rows += compare(title, cifar_cnn, ways, (images, classes), rounds, agree)
    return rows


PEAK = """
import resource
import numpy as np
from course.bench import bench
from inside import attribution
network = bench.cifar_cnn()
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # kiB on Linux
before = peak()
images = np.random.default_rng(0).random((256, 32, 32, 3), dtype="float32")
attribution.saliency(network, images, 0, "guided")
attribution.grad_cam(network, images, 0, "conv4")
attribution.feature_maps(network, "conv4", images)
print(before, peak())
"""


def memory():
    """Return the largest memory (MiB) of a process before and after 256 images at once."""
    done = subprocess.run([sys.executable, "-c", PEAK], check=True, capture_output=True, text=True)
    before, after = map(int, done.stdout.split())
    return {"images": 256, "before_MiB": before, "peak_MiB": after}


def table(rows):
    """Return the rows as a Markdown table; ratios above 1 say how much faster ours is."""
    lines = [
        "| what | way | first call (s) | ratio | again (s) | ratio |",
        "|---|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {r['name']} | {r['way']} | {r['first']['median']:.2f} | {r['first']['ratio']:.1f} × "
        f"| {r['again']['median']:.2f} | {r['again']['ratio']:.1f} × |"
        for r in rows
    ]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    if keras.backend.backend() != "tensorflow":
        raise SystemExit("the eager side is written for TensorFlow; unset KERAS_BACKEND")
    ways, peak = [*time_stimuli(rounds), *time_attribution(rounds)], memory()
    waves = bench_chirps.measure(rounds)
    about = training.environment()
    if hasattr(os, "getloadavg"):
        about["load_average"] = round(os.getloadavg()[0], 2)
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    text = "\n\n".join(
        [
            table(ways),
            f"{peak['images']} images at once: at most {peak['peak_MiB']} MiB of memory in all.",
            bench_chirps.report(waves),
            f"{about['hardware']}, {platform.system()}; {packages}; median of {rounds} rounds.",
        ]
    )
    print(text)
    with sources.written_whole(RESULT.with_suffix(".md")) as part:
        part.write_text(text + "\n", encoding="utf-8")
    measured = {"attribution": ways, "memory": peak, "gravitational_waves": waves, **about}
    training.save_card(RESULT, measured)
