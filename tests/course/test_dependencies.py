"""The graph knows what a page depends on."""

import hashlib

import pytest

from chirps import noise, strain
from course import notebook
from course.run import dependencies, execute
from helpers import datasets, sources
from tests.support.engine import page_source


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def page_with(monkeypatch, tmp_path, code):
    (tmp_path / "notebooks").mkdir()
    for folder in (*dependencies.ROOMS, "data"):
        (tmp_path / folder).symlink_to(dependencies.ROOT / folder)
    (tmp_path / "notebooks" / "page.md").write_text(page_source(code))
    monkeypatch.setattr(dependencies, "ROOT", tmp_path)
    monkeypatch.setattr(notebook, "NOTEBOOKS", tmp_path / "notebooks")
    forget()


def forget():
    dependencies._nodes.cache_clear()
    dependencies.imports.cache_clear()


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


@pytest.mark.parametrize(
    ("code", "tables"),
    [
        ('pair = strain.load_event("GW150914")', ["gw_strain"]),
        ('curve = noise.measured("O4")', ["gw_noise"]),
        ("bank = search.template_bank()\ncurve = noise.analytic()", []),
        ("strains = strain.read_pair(*paths)", []),
        (
            'pairs = map(noise.measured, ["O4"])\nload = strain.load_event',
            ["gw_noise", "gw_strain"],
        ),
        ("from chirps.strain import load_event", ["gw_strain"]),
        ("text = 'strain.load_event and noise.measured(name)'", []),
    ],
)
def test_strain_and_noise_are_found(monkeypatch, tmp_path, code, tables):
    imports = "from chirps import noise, search, strain"
    page_with(monkeypatch, tmp_path, f"{imports}\n{code}")
    assert dependencies.data_sets("page") == tables


def test_data_that_a_helper_loads_is_found(monkeypatch, tmp_path):
    page_with(monkeypatch, tmp_path, "from helpers import gw_pairs")
    (tmp_path / "helpers").unlink()
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").touch()
    for code, tables in (("curve = noise.measured('O4')", ["gw_noise"]), ("measured = 0", [])):
        (tmp_path / "helpers" / "gw_pairs.py").write_text(code + "\n")
        forget()
        assert dependencies.data_sets("page") == tables


@pytest.mark.parametrize(
    ("code", "tables", "expected", "unexpected"),
    [
        ("widgets.save_network(model, 'a.cnn')", [], "widgets/__init__.py", "chirps/"),
        ("widgets.show('spectrogram')", ["gw_strain"], "chirps/strain.py", "widgets/kernel_lab"),
    ],
)
def test_of_the_widgets_only_what_is_shown_counts(
    monkeypatch, tmp_path, code, tables, expected, unexpected
):
    page_with(monkeypatch, tmp_path, f"from helpers import widgets\n{code}")
    files = dependencies.helper_files("page")
    assert dependencies.data_sets("page") == tables
    assert expected in files and "helpers/widgets.py" in files
    assert not [file for file in files if file.startswith(unexpected)]


def test_which_pages_of_the_book_use_keras():
    without = [page for page in notebook.pages() if not dependencies.uses_keras(page)]
    assert without == ["kernels", "gw_data"]


def test_every_loader_is_of_a_registered_data_set():
    assert set(dependencies.LOADERS.values()) == set(sources.registry())
    for name in dependencies.LOADERS:
        assert any(callable(getattr(module, name, None)) for module in (datasets, noise, strain))


def test_what_is_at_hand_of_many_files_counts_each(monkeypatch, tmp_path):
    files = [{"name": n, "local": n, "variant": n, "sha256": digest(n)} for n in "ab"]
    tables = {"whole": {"parts": True, "files": files}, "either": {"files": files}}
    monkeypatch.setattr(sources, "registry", lambda: tables)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "b").write_text("b")
    assert execute.data_at_hand("either") == {"variant": "b", "sha256": digest("b")}
    assert execute.data_at_hand("whole") == {"stand_in": True}
    (tmp_path / "a").write_text("a")
    both = execute.data_at_hand("whole")
    assert both == {"variant": "2 files", "sha256": digest(digest("a") + digest("b"))}


def test_same_source_gives_same_cell_ids():
    page = notebook.pages()[0]
    first, second = notebook.read_source(page), notebook.read_source(page)
    ids = [cell.id for cell in first.cells]
    assert ids == [cell.id for cell in second.cells]
    assert len(set(ids)) == len(ids)
