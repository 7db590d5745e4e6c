# The graph: data -> released models -> executed pages. `make run` and `make model` call it.
#
# Rules write below _build/ only, because Snakemake deletes a rule's outputs before it starts;
# `make record` copies a finished run into notebooks/. What a rule depends on is compared by content
# (see profiles/local), so that touching a file redoes nothing.

import os
import sys

sys.path.insert(0, os.path.join(workflow.basedir, "tools"))
import dependencies
import notebook
from networks import MEASUREMENTS, NETWORKS, STUDIES
from helpers import sources

notebook.prepare_environment()

TRAINING = config.get("training", "released")
if TRAINING not in ("released", "quick", "full"):
    raise ValueError(f"TRAINING={TRAINING}: expected released, quick or full")

PAGES = notebook.pages()
MINUTES = {"released": 15, "quick": 30, "full": 24 * 60}

wildcard_constraints:
    page="|".join(PAGES),
    training="released|quick|full",
    model="|".join(NETWORKS),
    study="|".join(STUDIES),
    measurement="|".join(MEASUREMENTS),
    run=r"validation|seed-\d+",


rule pages:
    input:
        expand("_build/run/{training}/{page}.ipynb", training=TRAINING, page=PAGES),


# Finds, downloads where needed, and verifies a data set once, before any page asks for it.
rule data:
    input:
        "data/registry.toml",
        "helpers/datasets.py",
        "helpers/sources.py",
    output:
        "_build/data/{name}.txt",
    params:
        at_hand=lambda w: [str(sources.at_hand(w.name, p)) for p in sources.parts(w.name)],
        offline=sources.offline(),
    shell:
        "python -m helpers.datasets {wildcards.name} > {output}"


rule page:
    input:
        source="notebooks/{page}.md",
        lock="uv.lock",
        engine=["tools/execute.py", "tools/notebook.py"],
        registry="data/registry.toml",
        metrics=lambda w: dependencies.metrics_file(w.page),
        helpers=lambda w: dependencies.helper_files(w.page),
        data=lambda w: [f"_build/data/{n}.txt" for n in dependencies.data_sets(w.page)],
        models=lambda w: dependencies.model_files(w.page),
    output:
        "_build/run/{training}/{page}.ipynb",
    log:
        "_build/log/{training}/{page}.ipynb",
    resources:
        runtime=lambda w: MINUTES[w.training],
    shell:
        "python tools/execute.py {wildcards.page} {wildcards.training} {output} --log {log}"


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
        "python tools/train.py run {wildcards.model} {params.how}"


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
        "python tools/train.py release {wildcards.model}"


rule study:
    input:
        lambda w: [run for part in STUDIES[w.study] for run in runs(part)],
    output:
        "_build/release/{study}/run.json",
    shell:
        "python tools/train.py release {wildcards.study}"


include: "tools/grading/grading.smk"


# What no training measures: of released networks, or of networks that are not kept.
rule measurement:
    input:
        lambda w: [f"data/models/{name}/run.json" for name in MEASUREMENTS[w.measurement]],
    output:
        "_build/release/{measurement}/run.json",
    shell:
        "python tools/measure.py {wildcards.measurement}"
