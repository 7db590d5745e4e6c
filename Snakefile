# The graph: data -> released models -> executed pages. `make run` and `make model` call it.
#
# Rules write below _build/ only, because Snakemake deletes a rule's outputs before it starts;
# `make record` copies a finished run into notebooks/. Whether a page is stale is a question of
# content alone: the digest of all its inputs is a parameter of its rule, and stands in its record.
# Times of files are not looked at (`ancient`), so that touching a file redoes nothing.

import sys

from course import BookError, notebook
from course.run import dependencies, digest
from course.train import sweep
from course.train.networks import MEASUREMENTS, NETWORKS, STUDIES, published_runs
from helpers import sources


def refuse(problem):
    """End before anything has run, with a line and without a traceback."""
    print(problem, file=sys.stderr)
    sys.exit(2)


BACKEND = config.get("backend", "tensorflow")
if BACKEND not in ("tensorflow", "jax", "torch"):
    refuse(f"BACKEND={BACKEND}: expected tensorflow, jax or torch")
notebook.prepare_environment(BACKEND)

TRAINING = config.get("training", "released")
if TRAINING not in ("released", "quick", "full"):
    refuse(f"TRAINING={TRAINING}: expected released, quick or full")

try:
    EVERY_PAGE = notebook.pages()  # of the book; --config pages=convolution,kernels takes some
    PAGES = notebook.chosen_pages("PAGES", str(config.get("pages") or "")) or EVERY_PAGE
    SWEEPS = list(sweep.declared())
except BookError as problem:
    refuse(problem)
MINUTES = {"released": 15, "quick": 30, "full": 24 * 60}


def seconds_of(page):
    """Return about how long a page takes: the longest begin first, so that no core waits at the end."""
    known = digest.recorded(page) or {}
    trains = TRAINING != "released" and "TRAINING" in notebook.parameters(notebook.read_source(page))
    return int(known.get("seconds", 0)) + 1000 * trains


wildcard_constraints:
    page="|".join(EVERY_PAGE),
    training="released|quick|full",
    model="|".join(NETWORKS),
    study="|".join(STUDIES),
    measurement="|".join(MEASUREMENTS),
    run=r"validation|seed-\d+",
    sweep="|".join(SWEEPS) or "none",
    number=r"\d+",


def sound(question, *about):
    """Ask what depends on data and pages; where they are damaged, say so and end."""
    try:
        return question(*about)
    except (sources.DataError, BookError) as problem:
        refuse(problem)


# A record that still follows from its inputs is what a run would give: it is not run again.
def stale_pages():
    if TRAINING != "released":
        return PAGES
    return [page for page in PAGES if not sound(digest.record_is_current, page, BACKEND)]


# With --config gpus=1, as in a cluster's profile, a page that needs Keras asks for a GPU of its own.
def gpus_for(page):
    return int(config.get("gpus", 0)) if dependencies.uses_keras(page) else 0


rule pages:
    input:
        lambda w: expand("_build/run/{t}/{page}.ipynb", t=TRAINING, page=stale_pages()),


# Finds, downloads where needed, and verifies a data set once, before any page asks for it: here,
# not on a cluster's nodes, which may lack a network.
localrules:
    pages,
    data,
    sweep,


rule data:
    input:
        ancient("data/registry.toml"),
        ancient("helpers/datasets.py"),
        ancient("helpers/sources.py"),
    output:
        "_build/data/{name}.txt",
    params:
        at_hand=lambda w: [str(sources.at_hand(w.name, p)) for p in sources.parts(w.name)],
        offline=sources.offline(),
    shell:
        "python -m helpers.datasets {wildcards.name} > {output}"


rule page:
    input:
        source=ancient("notebooks/{page}.md"),
        metrics=ancient(lambda w: dependencies.metrics_file(w.page)),
        helpers=ancient(lambda w: dependencies.helper_files(w.page)),
        data=ancient(lambda w: [f"_build/data/{n}.txt" for n in dependencies.data_sets(w.page)]),
        models=ancient(lambda w: dependencies.model_files(w.page)),
    output:
        "_build/run/{training}/{page}.ipynb",
    log:
        "_build/log/{training}/{page}.ipynb",
    params:
        digest=lambda w: sound(digest.digest, w.page),
        backend=BACKEND,
        store=f"--store {config['store']}" if config.get("store") else "",
    threads: 1
    priority: lambda w: seconds_of(w.page)
    resources:
        runtime=lambda w: MINUTES[w.training],
        mem_mb=lambda w: 6000 if dependencies.uses_keras(w.page) else 2500,
        gpu=lambda w: gpus_for(w.page),
        attempt=lambda w, attempt: attempt,
    shell:
        "python -m course execute {wildcards.page} {wildcards.training} {output} --log {log} "
        "--backend {params.backend} --attempt {resources.attempt} {params.store}"


# The card is written when a run is complete, and an interrupted run resumes. To train again, delete
# the folder of the run.
rule train:
    output:
        "_build/models/{model}/{run}/run.json",
    params:
        how=lambda w: "--seed 100 --validate" if w.run == "validation" else f"--seed {w.run[5:]}",
    threads: 1
    shell:
        "TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 "
        "python -m course train run {wildcards.model} {params.how}"


def runs(name):
    network = NETWORKS[name]
    names = ["validation"] * bool(network.choose_epochs) + [f"seed-{s}" for s in network.seeds]
    return [f"_build/models/{name}/{run}/run.json" for run in names]


rule release:
    input:
        lambda w: runs(w.model),
    output:
        "_build/release/{model}/run.json",
        "_build/release/{model}/model.weights.h5",
    shell:
        "python -m course train release {wildcards.model}"


def new_runs(study):
    """Return the runs of a study that its published card lacks."""
    return [run for part in STUDIES[study] if part not in published_runs(study) for run in runs(part)]


rule study:
    input:
        lambda w: new_runs(w.study),
    output:
        "_build/release/{study}/run.json",
    shell:
        "python -m course train release {wildcards.study}"


include: "course/grade/grading.smk"


# What no training measures: of released networks, or of networks that are not kept.
rule measurement:
    input:
        lambda w: [f"data/models/{name}/run.json" for name in MEASUREMENTS[w.measurement]],
    output:
        "_build/release/{measurement}/run.json",
    shell:
        "python -m course measure {wildcards.measurement}"


# A few points of a sweep in one process. Those that a killed job had finished are not run again.
rule sweep_batch:
    output:
        "_build/sweep/{sweep}/batch-{number}.json",
    params:
        digest=lambda w: sweep.batch_digest(w.sweep, int(w.number)),
    resources:
        runtime=60,
        mem_mb=4000,
        gpu=int(config.get("gpus", 0)),
    shell:
        "TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 "
        "python -m course sweep batch {wildcards.sweep} {wildcards.number} {output}"


rule sweep:
    input:
        lambda w: [
            f"_build/sweep/{w.sweep}/batch-{i}.json" for i in range(len(sweep.batches(w.sweep)))
        ],
    output:
        "_build/sweep/{sweep}/card.json",
    shell:
        "python -m course sweep card {wildcards.sweep} {output}"
