"""The graph knows what a page depends on."""

import dependencies
import notebook
import pytest
from test_engine import HEADER


def page_with(monkeypatch, tmp_path, code):
    (tmp_path / "notebooks").mkdir()
    for folder in ("helpers", "data"):
        (tmp_path / folder).symlink_to(dependencies.ROOT / folder)
    text = f"{HEADER}\n```{{code-cell}} ipython3\n{code}\n```\n"
    (tmp_path / "notebooks" / "page.md").write_text(text)
    monkeypatch.setattr(dependencies, "ROOT", tmp_path)
    dependencies._imports.cache_clear()


@pytest.mark.parametrize(
    ("code", "expected", "unexpected"),
    [
        ("from helpers import sources", "helpers/sources.py", "helpers/datasets.py"),
        ("from helpers import datasets", "helpers/sources.py", "helpers/models.py"),
        ("import helpers.models as m", "helpers/models.py", "helpers/datasets.py"),
        ("%matplotlib inline\nfrom helpers.plots import picture", "helpers/plots.py", "x"),
        ("from helpers.checks import first_cnn", "helpers/checks/first_cnn.py", "x"),
    ],
)
def test_helpers_are_found_directly_and_through_others(
    monkeypatch, tmp_path, code, expected, unexpected
):
    page_with(monkeypatch, tmp_path, code)
    files = dependencies.helper_files("page")
    assert expected in files
    assert unexpected not in files
    assert "helpers/__init__.py" in files


def test_data_and_models_are_found(monkeypatch, tmp_path):
    page_with(
        monkeypatch,
        tmp_path,
        'data = datasets.load_cifar10()\ncard = training.load_released(model, "first_cnn")',
    )
    assert dependencies.data_sets("page") == ["cifar10"]
    assert dependencies.model_files("page") == [
        "data/models/first_cnn/model.weights.h5",
        "data/models/first_cnn/run.json",
    ]


def test_same_source_gives_same_cell_ids():
    page = notebook.pages()[0]
    first, second = notebook.read_source(page), notebook.read_source(page)
    ids = [cell.id for cell in first.cells]
    assert ids == [cell.id for cell in second.cells]
    assert len(set(ids)) == len(ids)
