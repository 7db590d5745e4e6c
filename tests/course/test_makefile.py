"""What is asked for by a wrong name is refused in a line, before anything runs."""

import os
import subprocess
import sys

import pytest

from tests.support import ROOT


def ended(*command, **environment):
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("TRAINING=fast", "TRAINING=fast: expected one of released quick full"),
        ("BACKEND=theano", "BACKEND=theano: expected one of tensorflow jax torch"),
        ("PROFILE=lsf", "PROFILE=lsf: expected one of kubernetes local slurm"),
        ("EXTRA=cuda", "EXTRA=cuda: expected one of cpu gpu jax-cuda"),
    ],
)
def test_make_refuses_what_it_does_not_know(asked, said):
    done = ended("make", "--dry-run", "run", asked)
    assert done.returncode == 2 and said in done.stderr


@pytest.mark.parametrize(
    ("kind", "name", "known"),
    [("model", "first", "first_cnn"), ("sweep", "", "toy10_learning_rate")],
)
def test_names_of_networks_and_sweeps_are_listed(kind, name, known):
    done = ended(sys.executable, "-m", "course", "known", kind, name)
    assert done.returncode == 1
    assert done.stderr.startswith(f"NAME={name}: no such {kind}; expected one of ")
    assert known in done.stderr
    assert ended(sys.executable, "-m", "course", "known", kind, known).returncode == 0


def snakemake(*arguments, **environment):
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local", "--nolock", "-n"]
    return ended(*command, *arguments, **environment)


def test_a_page_that_is_none_is_named():
    done = snakemake("--config", "pages=99_no")
    assert done.returncode == 2
    assert "no page 99_no; expected one or more of convolution" in done.stderr
    assert "Traceback" not in done.stderr and "File " not in done.stderr


@pytest.mark.parametrize("training", ["released", pytest.param("quick", marks=pytest.mark.slow)])
def test_damaged_data_is_named_and_stops_what_needs_it(training, tmp_path):
    curve = tmp_path / "gw" / "psd" / "aLIGO_ZERO_DET_high_P_asd.txt"
    curve.parent.mkdir(parents=True)
    curve.write_text("1 2\n")
    chosen = ("--config", f"training={training}", "pages=gw_data")
    done = snakemake(*chosen, COURSE_DATA=str(tmp_path))
    assert done.returncode == 2
    assert f"{curve} is damaged: its sha256 is" in done.stderr
    assert "Traceback" not in done.stderr and "File " not in done.stderr
    # What does not need it goes on.
    other = snakemake("--", "_build/release/toy10_cnn/run.json", COURSE_DATA=str(tmp_path))
    assert other.returncode == 0, other.stderr
