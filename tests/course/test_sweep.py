"""Sweeps: what is declared is checked, and book and card say the same."""

import copy
import json
import os
import re
import signal
import subprocess
import time

import pytest
import yaml

from course.train import sweep
from tests.support.engine import SNAKEMAKE, copy_course, environment_of

NAMES = sorted(path.stem for path in sweep.CARDS.glob("*.json"))


def test_every_combination_is_a_point_and_seeds_are_grouped():
    points = sweep.points("toy10_learning_rate")
    assert len(points) == 24 and len({json.dumps(p) for p in points}) == 24
    assert {len(batch) for batch in sweep.batches("toy10_learning_rate")} == {6}
    network = sweep.settings("toy10_learning_rate", points[-1])
    assert network["options"]["n_filter"] == 8
    assert network["recipe"]["learning_rate"] == 0.01 and network["seed"] == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": "speed"}, "x is 'speed'; expected one of options.n_filter"),
        ({"over": {}}, "`over` names no values"),
        ({"page": "first_cnn"}, "expected one of `network` and `page`"),
        ({"colour": 1}, "unknown colour"),
        ({"over": {"epochs": [1]}, "x": "epochs"}, "epochs is neither seed nor build"),
    ],
)
def test_a_wrong_declaration_is_named(change, said):
    declared = copy.deepcopy(sweep.declared()["toy10_learning_rate"]) | change
    assert said in sweep.check(declared)


def test_a_parameter_that_a_page_does_not_have_is_named():
    wrong = {"title": "", "page": "first_cnn", "over": {"SPEED": [1]}, "x": "SPEED"}
    assert "first_cnn has no parameter SPEED; its cell" in sweep.check(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_the_book_shows_what_the_card_says(name, tmp_path):
    card = json.loads((sweep.CARDS / f"{name}.json").read_text())
    assert len(card["points"]) == len(sweep.points(name))
    assert card["over"] == sweep.declared()[name]["over"]
    sweep.illustrate(card, tmp_path)
    assert (tmp_path / f"{name}.md").read_text() == (sweep.BOOK / f"{name}.md").read_text()
    # Paths of letters differ between versions of Matplotlib; what is drawn has the same marks.
    drawn, shown = ((folder / f"{name}.svg").read_text() for folder in (tmp_path, sweep.BOOK))
    assert re.findall(r"<use [^>]*>", drawn) == re.findall(r"<use [^>]*>", shown)


@pytest.mark.slow
def test_a_killed_sweep_goes_on_where_it_stopped(tmp_path):
    copy_course(tmp_path, models=False)
    small = copy.deepcopy(sweep.declared()["toy10_learning_rate"])
    small["network"]["recipe"] |= {"epochs": 1, "n_train": 300, "n_validation": 100}
    small |= {"over": {"options.n_filter": [2], "seed": [0, 1, 2, 3]}, "x": "options.n_filter"}
    (tmp_path / "sweeps.yml").write_text(yaml.safe_dump({"small": {**small, "per_job": 4}}))
    command = [*SNAKEMAKE, "--", "_build/sweep/small/card.json"]
    options = {"cwd": tmp_path, "env": environment_of(tmp_path)}
    results = tmp_path / "_build" / "sweep" / "small" / "points"
    process = subprocess.Popen(command, start_new_session=True, **options)
    deadline = time.monotonic() + 120
    while not list(results.glob("*.json")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = {p.name: p.stat().st_mtime_ns for p in results.glob("*.json")}
    assert 1 <= len(before) < 4
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    after = {p.name: p.stat().st_mtime_ns for p in results.glob("*.json")}
    assert len(after) == 4 and before.items() <= after.items()
    card = json.loads((tmp_path / "_build" / "sweep" / "small" / "card.json").read_text())
    assert [point["point"]["seed"] for point in card["points"]] == [0, 1, 2, 3]
    assert not list(results.glob(".part-*")), "what the killed job left is swept away"
