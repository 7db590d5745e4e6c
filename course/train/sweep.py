"""Run what sweeps.yml declares: `make sweep NAME=toy10_learning_rate`.

    python -m course sweep batch NAME 0 OUTPUT.json     some of the points, in one process
    python -m course sweep card NAME OUTPUT.json        all points together
    python -m course sweep publish NAME                 card to data/sweeps, table and plot to book

A finished point stays in _build/sweep/NAME/points, named by the digest of its settings: a job that
was killed goes on where it stopped.
"""

import argparse
import dataclasses
import hashlib
import itertools
import json
import statistics
import subprocess
import sys
import time
from functools import cache, lru_cache
from pathlib import Path

import yaml

from course import ROOT, BookError, notebook
from course.run import digest
from helpers import sources

DECLARED = ROOT / "sweeps.yml"
BUILD = Path("_build/sweep")
CARDS = ROOT / "data" / "sweeps"
BOOK = ROOT / "book" / "sweeps"
KEYS = {"title", "network", "page", "over", "x", "per_job"}


@cache
def declared():
    """Return the sweeps of sweeps.yml, checked."""
    if not DECLARED.is_file():
        return {}
    sweeps = yaml.safe_load(DECLARED.read_text(encoding="utf-8")) or {}
    for name, sweep in sweeps.items():
        problem = check(sweep)
        if problem:
            raise BookError(f"sweeps.yml, {name}: {problem}")
    return sweeps


def check(sweep):
    """Say what is wrong with the declaration of a sweep; None if nothing is."""
    unknown = set(sweep) - KEYS
    if unknown:
        return f"unknown {', '.join(sorted(unknown))}; a sweep has {', '.join(sorted(KEYS))}"
    if ("network" in sweep) == ("page" in sweep):
        return "expected one of `network` and `page`"
    if not sweep.get("over"):
        return "`over` names no values"
    if sweep["x"] not in sweep["over"]:
        return f"x is {sweep['x']!r}; expected one of {', '.join(sweep['over'])}"
    if "page" in sweep:
        known = notebook.parameters(notebook.read_source(sweep["page"]))
        wrong = sorted(set(sweep["over"]) - set(known))
        if wrong:
            return (
                f"{sweep['page']} has no parameter {', '.join(wrong)}; its cell tagged "
                f"`parameters` has {', '.join(sorted(known)) or 'none'}"
            )
        return None
    for name in sweep["over"]:
        group, _, field = name.partition(".")
        if name not in ("seed", "build") and (
            group not in ("recipe", "options", "simulation") or not field
        ):
            return f"{name} is neither seed nor build, nor a recipe., options. or simulation. value"
    return None


def points(name):
    """Return the settings of every point of a sweep, each a dictionary of names and values."""
    over = declared()[name]["over"]
    return [dict(zip(over, values, strict=True)) for values in itertools.product(*over.values())]


def batches(name):
    """Return the points of a sweep in the portions that run as one job each."""
    every, size = points(name), declared()[name]["per_job"]
    return [every[i : i + size] for i in range(0, len(every), size)]


def point_digest(name, point):
    """Return a sha256 over what the result of a point follows from."""
    sweep = declared()[name]
    if "page" in sweep:
        inputs = digest.digest(sweep["page"])
    else:
        inputs = [digest.code_digest("course/train/sweep.py"), digest.versions_digest()]
    text = json.dumps([sweep.get("network"), sweep.get("page"), point, inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def batch_digest(name, number):
    """Return a sha256 over all points of a batch."""
    digests = [point_digest(name, point) for point in batches(name)[number]]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


# --- running --------------------------------------------------------------------------------------


def run_batch(name, number, output):
    """Run the points of a batch that have no result yet; write all their results."""
    results = []
    for point in batches(name)[number]:
        path = BUILD / name / "points" / f"{point_digest(name, point)[:16]}.json"
        if not path.is_file():
            started = time.perf_counter()
            result = run_page(name, point) if "page" in declared()[name] else train(name, point)
            result["seconds"] = round(time.perf_counter() - started, 1)
            write(path, {"point": point, **result})
            print(f"{said(point)}: {result['measures']}, {result['seconds']} s", flush=True)
        results.append(json.loads(path.read_text()))
    write(output, results)


def settings(name, point):
    """Return the network of a sweep with the values of one point put in."""
    network = json.loads(json.dumps(declared()[name]["network"]))
    for key, value in point.items():
        group, _, field = key.partition(".")
        if field:
            network.setdefault(group, {})[field] = value
        else:
            network[key] = value
    return network


def train(name, point):
    """Train one network and return what it reaches on the images set aside."""
    from helpers import models, training
    from helpers.backend import keras

    network = settings(name, point)
    seed, recipe = network.get("seed", 0), training.Recipe(**network["recipe"])
    simulation = json.dumps(network.get("simulation", {}))
    x, y, x_held, y_held, source = examples(
        network["data"], simulation, recipe.n_train, recipe.n_validation
    )
    keras.utils.set_random_seed(seed)
    model = getattr(models, network["build"])(**network.get("options", {}))
    model.compile(recipe.optimizer, network["loss"], metrics=["accuracy"])
    training.fit(model, x, y, recipe, progress=False)
    loss, accuracy = model.evaluate(x_held, y_held, batch_size=500, verbose=0)
    return {
        "measures": {
            "validation_accuracy": round(float(accuracy), 4),
            "validation_loss": round(float(loss), 4),
        },
        "validation_error": round(training.binomial_error(accuracy, len(x_held)), 4),
        "parameters": model.count_params(),
        "data": dataclasses.asdict(source),
        **training.environment(),
    }


@lru_cache(1)
def examples(data, simulation, n, held):
    """Return training images and labels, those set aside, and the source; drawn once a process.

    Parameters
    ----------
    data : str
    simulation : str
        As JSON: arguments of `chirps.sets.modern`.
    n, held : int
        How many to train on, and to set aside.
    """
    from helpers import datasets
    from helpers.backend import keras

    if data == "gw_modern":
        from chirps import images, sets

        part = sets.modern("train", n, seed=1, verbose=False, **json.loads(simulation))
        # All are judged on the same chirps, whatever they learned from.
        other = sets.modern("validation", held, seed=2, verbose=False)
        x, x_held = images.from_bytes(part.pixels), images.from_bytes(other.pixels)
        return x, part.labels[:, None], x_held, other.labels[:, None], part.source
    if data == "toy10":
        photos = datasets.load_toy10(n + held, 0, verbose=False)
    elif data == "cifar10":
        photos = datasets.load_cifar10(verbose=False)
    else:
        raise ValueError(f"data is {data!r}: expected toy10, cifar10 or gw_modern")
    x = photos.x_train[: n + held].astype("float32") / 255
    y = keras.utils.to_categorical(photos.y_train[: n + held], len(photos.classes))
    return x[:n], y[:n], x[n:], y[n:], photos.source


def run_page(name, point):
    """Execute a page with the values of one point and return the metrics that it checked."""
    page, key = declared()[name]["page"], point_digest(name, point)[:16]
    output = BUILD / name / "pages" / f"{key}.ipynb"
    chosen = point.get("TRAINING", "released")
    command = [sys.executable, "-m", "course", "execute", page, chosen, str(output)]
    command += ["--log", str(output.with_suffix(".log.ipynb"))]
    for parameter, value in point.items():
        command += ["-p", parameter, str(value)]
    if subprocess.run(command).returncode:
        raise SystemExit(f"{name}: {said(point)} did not run")
    run = json.loads(output.read_text())["metadata"]["provenance"]
    measures = {metric["name"]: metric["value"] for metric in run["metrics"]}
    return {"measures": measures, "hardware": run["hardware"], "packages": run["packages"]}


def said(point):
    """Return the values of a point in one line."""
    return ", ".join(f"{short(name)} {value}" for name, value in point.items())


def short(name):
    return name.rpartition(".")[2].replace("_", " ")


def write(path, content):
    with sources.written_whole(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


# --- the card, and what is made of it -------------------------------------------------------------


def write_card(name, output):
    """Put the results of all batches together."""
    files = [BUILD / name / f"batch-{i}.json" for i in range(len(batches(name)))]
    results = [result for file in files for result in json.loads(file.read_text())]
    same = {k: v for k, v in results[0].items() if all(r.get(k) == v for r in results)}
    same.pop("point", None)
    sweep = declared()[name]
    rows = [{k: v for k, v in result.items() if k not in same} for result in results]
    about = {k: sweep[k] for k in ("title", "network", "page", "over", "x") if k in sweep}
    write(output, {"name": name, **about, **same, "points": rows})


def groups(card):
    """Return the points that differ in their seed only: their values, and their results."""
    names = [name for name in card["over"] if name != "seed"]
    found = {}
    for row in card["points"]:
        key = tuple(json.dumps(row["point"][name]) for name in names)
        found.setdefault(key, []).append(row)
    return [({n: rows[0]["point"][n] for n in names}, rows) for rows in found.values()]


def measure_of(card):
    return next(iter(card["points"][0]["measures"]))


def in_words(value):
    """Return a value as a reader knows it: `[5.0, 30.0]` is a range."""
    return f"{value[0]:g} to {value[1]:g}" if isinstance(value, list) else str(value)


def table(card):
    """Return a Markdown table: one line for each group of points that differ in their seed only."""
    measure = measure_of(card)
    names = [name for name in card["over"] if name != "seed"]
    head = [*map(short, names), short(measure), "seconds"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---:|" * len(head)]
    for values, rows in groups(card):
        measured = [row["measures"][measure] for row in rows]
        found = f"{statistics.mean(measured):.3f}"
        if len(rows) > 1:
            found += f" ± {statistics.stdev(measured):.3f}"
        seconds = statistics.median(row["seconds"] for row in rows)
        cells = [*map(in_words, values.values()), found, f"{seconds:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    seeds = len(card["over"].get("seed", [0]))
    each = f"; mean and standard deviation of {seeds} seeds" if seeds > 1 else ""
    where = card.get("hardware", "several machines")
    versions = ", ".join(f"{n} {v}" for n, v in card.get("packages", {}).items())
    data = card.get("data", {}).get("variant", "several data sets")
    note = f"{len(card['points'])} points{each}; {data}; {where}; {versions}."
    return "\n".join([*lines, "", "{.table-note}", note, ""])


def draw(card, path):
    """Draw the measure over x: points are runs, lines join their means."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from helpers import plots

    matplotlib.rcParams["svg.hashsalt"] = card["name"]  # equal cards give equal files
    measure, x = measure_of(card), card["x"]
    axis = card["over"][x]
    lines = {}
    for values, rows in groups(card):
        label = ", ".join(f"{short(n)} {in_words(v)}" for n, v in values.items() if n != x)
        lines.setdefault(label, []).append((axis.index(values[x]), rows))
    fig, ax = plt.subplots(figsize=plots.WIDE, layout="constrained")
    for number, (label, found) in enumerate(lines.items()):
        found.sort(key=lambda item: item[0])
        measured = [[row["measures"][measure] for row in rows] for _, rows in found]
        places = [place + 0.06 * (number - (len(lines) - 1) / 2) for place, _ in found]
        style = {"color": f"C{number}", "marker": "os^Dv"[number % 5]}
        ax.plot(places, [statistics.mean(m) for m in measured], label=label or None, **style)
        for place, values in zip(places, measured, strict=True):
            alpha = {"color": f"C{number}", "alpha": 0.4, "s": 18}
            ax.scatter([place] * len(values), values, **alpha)
    ax.set_xticks(range(len(axis)), [in_words(value) for value in axis])
    ax.set_xlabel(short(x))
    ax.set_ylabel(short(measure))
    if any(lines):
        ax.legend()
    with sources.written_whole(path) as part:
        fig.savefig(part, format="svg", metadata={"Date": None})
    plt.close(fig)


def publish(name):
    """Copy a finished card to data/sweeps; write its table and plot into the book."""
    card = json.loads((BUILD / name / "card.json").read_text())
    write(CARDS / f"{name}.json", card)
    illustrate(card, BOOK)
    print(table(card))
    print(f"data/sweeps/{name}.json, {len(card['points'])} points; table and plot in book/sweeps")


def illustrate(card, folder):
    """Write table and plot of a card into a folder."""
    with sources.written_whole(folder / f"{card['name']}.md") as part:
        part.write_text(table(card), encoding="utf-8")
    draw(card, folder / f"{card['name']}.svg")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["batch", "card", "publish"])
    parser.add_argument("name", choices=declared())
    parser.add_argument("rest", nargs="*", help="batch: number and output; card: output")
    args = parser.parse_args()
    notebook.prepare_environment()
    if args.action == "batch":
        run_batch(args.name, int(args.rest[0]), Path(args.rest[1]))
    elif args.action == "card":
        write_card(args.name, Path(args.rest[0]))
    else:
        publish(args.name)
