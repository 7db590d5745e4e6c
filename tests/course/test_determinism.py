"""Equal seeds give equal numbers; and Keras runs on JAX where there is no TensorFlow."""

import os
import subprocess
import sys

import nbformat
import pytest

from tests.support import ROOT
from tests.support.engine import course, execute, write_page

__all__ = ["course"]  # the fixture
pytestmark = pytest.mark.slow
PAGE = "first_cnn"


def run(folder, *options, **environment):
    output = folder / f"{PAGE}.ipynb"
    command = [sys.executable, "-m", "course", "execute", PAGE, "quick", str(output), *options]
    done = subprocess.run(
        [*command, "--log", str(folder / "log.ipynb")],
        cwd=ROOT,
        env={**os.environ, "COURSE_OFFLINE": "1", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return nbformat.read(output, as_version=4)


def compared(done):
    """Return ids and outputs of the cells that nbval compares."""
    return [
        (cell.id, cell.outputs)
        for cell in done.cells
        if cell.cell_type == "code" and "nbval-ignore-output" not in cell.metadata.get("tags", [])
    ]


def test_two_equal_runs_are_equal_but_for_their_metadata(tmp_path):
    first, second = (run(tmp_path / name) for name in ("first", "second"))
    assert len(compared(first)) >= 10
    assert compared(first) == compared(second)
    measured = [done.metadata.provenance.metrics for done in (first, second)]
    assert measured[0] == measured[1] and measured[0]
    assert [c.id for c in first.cells] == [c.id for c in second.cells]
    assert first.metadata.provenance.input_digest == second.metadata.provenance.input_digest


TRAINS = """
from helpers import datasets, models, training
from helpers.backend import keras
keras.utils.set_random_seed(0)
data = datasets.load_toy10(500, 0)
model = models.cifar_cnn(n_filter=4)
recipe = training.Recipe(epochs=1, optimizer="adam")
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
y = keras.utils.to_categorical(data.y_train)
history = training.fit(model, data.x_train / 255, y, recipe, progress=False)
print(keras.backend.backend(), 0 < history["loss"][0] < 3)
"""


def test_a_page_trains_on_jax_without_tensorflow(course):
    absent = course / "absent" / "tensorflow"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ImportError('no TensorFlow here')\n")
    write_page(course, "10_trains", TRAINS.strip())
    # Put before the course's own: the kernels see it, too.
    options = ("quick", "--backend", "jax")
    done, output, _ = execute(course, "10_trains", *options, first=absent.parent)
    assert done.returncode == 0, done.stderr
    result = nbformat.read(output, as_version=4)
    assert result.cells[-1].outputs[-1].text.endswith("jax True\n")
    assert result.metadata.provenance.backend == "jax"
