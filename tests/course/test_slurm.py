"""The course on a real Slurm: two nodes with a GPU each, of which one breaks down for a while."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise

import nbformat
import pytest
import yaml

from course import notebook
from course.run import dependencies
from tests.support import ROOT, slurm_cluster
from tests.support.engine import copy_course, write_toc

PATIENCE = 1800  # seconds, on a slow computer

lacking = slurm_cluster.missing()
pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no Slurm here: {lacking}")
    with slurm_cluster.Cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def course(tmp_path):
    return copy_course(tmp_path)


@contextmanager
def started(course, cluster, *arguments):
    """Start Snakemake with the cluster's profile, told to look more often than it would."""
    path = os.pathsep.join([cluster.environment["PATH"], os.path.dirname(sys.executable)])
    often = [
        "--slurm-init-seconds-before-status-checks",
        "2",
        "--seconds-between-status-checks",
        "2",
    ]
    log = open(course / "snakemake.log", "a")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "snakemake",
            "--profile",
            "profiles/slurm",
            "--slurm-no-account",
            *often,
            *arguments,
        ],
        cwd=course,
        env={**os.environ, **cluster.environment, "PATH": path, "COURSE_OFFLINE": "1"},
        stdout=log,
        stderr=log,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def host_of(course, page):
    """Return the node that a page was started on last, and whether it has ended."""
    try:
        status = json.loads((course / "_build" / "log" / "quick" / f"{page}.json").read_text())
    except (OSError, ValueError):
        return None, False
    return status["host"], "ended" in status


def finished(process, course, seconds=PATIENCE):
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        code = f"none after {seconds} s"
    assert code == 0, (course / "snakemake.log").read_text()[-5000:]


def seconds_of(job, key):
    return datetime.fromisoformat(job[key]).timestamp()


def test_a_sweep_runs_there_with_one_command(course, cluster):
    name = "toy10_learning_rate"
    sweeps = yaml.safe_load((ROOT / "sweeps.yml").read_text())
    recipe = {"epochs": 1, "n_train": 500, "n_validation": 200}
    sweeps[name]["network"]["recipe"] |= recipe  # all points, a second each
    (course / "sweeps.yml").write_text(yaml.safe_dump({name: sweeps[name]}))
    target = f"_build/sweep/{name}/card.json"
    with started(course, cluster, "--", target) as process:
        finished(process, course)
    card = json.loads((course / target).read_text())
    assert len(card["points"]) == 24
    assert {job["JobState"] for job in cluster.jobs()} == {"COMPLETED"}
    assert {job["NodeList"] for job in cluster.jobs()} == {"n1", "n2"}


def test_the_quick_runs_finish_though_a_node_breaks_down(course, cluster):
    before = len(cluster.jobs())
    pages = notebook.pages()
    for page in pages:
        shutil.copy(ROOT / "notebooks" / f"{page}.md", course / "notebooks")
    write_toc(course)
    with_gpu = [p for p in pages if dependencies.uses_keras(p)]
    with started(course, cluster, "--config", "training=quick") as process:
        deadline, victim = time.monotonic() + 120, None
        while victim is None and time.monotonic() < deadline and process.poll() is None:
            victim = next((p for p in with_gpu if host_of(course, p) == ("n2", False)), None)
            time.sleep(0.2)
        assert victim, (
            "no page with a GPU came to the second node\n" + (course / "snakemake.log").read_text()
        )
        time.sleep(3)  # into its cells
        cluster.crash("n2")
        cluster.repair("n2")
        repaired = time.time()
        finished(process, course)

    for page in pages:
        done = nbformat.read(course / "_build" / "run" / "quick" / f"{page}.ipynb", as_version=4)
        assert all(cell.execution_count for cell in done.cells if cell.cell_type == "code")
        assert done.metadata.provenance.training == "quick"
    assert host_of(course, victim)[1], "the page that was cut off ran again"
    assert not list((course / "_build" / "run").rglob(".part-*"))

    jobs = [job for job in cluster.jobs() if int(job["JobId"]) > before]
    cut_off = [job for job in jobs if job["JobState"] != "COMPLETED"]
    assert {job["NodeList"] for job in cut_off} == {"n2"}
    later = [job for job in jobs if seconds_of(job, "StartTime") > repaired]
    assert "n2" in {job["NodeList"] for job in later}, "the repaired node is used again"
    assert len(jobs) - len(cut_off) == len(pages), "nothing that had finished was done twice"
    on_gpu = [job for job in jobs if "gpu" in job.get("TresPerJob", "")]
    assert len(on_gpu) == len(with_gpu) + sum(job in on_gpu for job in cut_off)
    for node in slurm_cluster.NODES:
        here = sorted(
            (seconds_of(j, "StartTime"), seconds_of(j, "EndTime"))
            for j in on_gpu
            if j["NodeList"] == node
        )
        for before, after in pairwise(here):
            assert before[1] <= after[0], f"two notebooks on the GPU of {node}: {here}"
