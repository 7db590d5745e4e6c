"""Staleness by content: what a page follows from, and what does not matter."""

import nbformat
import pytest

from course import notebook
from course.run import digest


def test_what_a_page_follows_from_has_a_digest():
    found = digest.inputs("first_cnn")
    assert {
        "notebooks/first_cnn.md",
        "helpers/training.py",
        "data/metrics.toml",
        "data/models/first_cnn/model.weights.h5",
        "data cifar10",
        "packages",
    } <= set(found)
    assert not [name for name in found if name.startswith(("course/", "chirps/"))]
    assert digest.digest("first_cnn") == digest.digest_of(dict(reversed(found.items())))


LOCK = """
[[package]]
name = "course"
version = "0.1.0"
source = {{ editable = "." }}
dependencies = [{{ name = "numpy" }}]
optional-dependencies = {{ cpu = [{{ name = "tensorflow" }}] }}
[[package]]
name = "numpy"
version = "{numpy}"
source = {{ registry = "any" }}
dependencies = [{{ name = "below" }}]
[[package]]
name = "below"
version = "{below}"
source = {{ registry = "any" }}
[[package]]
name = "tensorflow"
version = "2.21.0"
source = {{ registry = "any" }}
[[package]]
name = "ipykernel"
version = "6.29"
source = {{ registry = "any" }}
[[package]]
name = "ruff"
version = "{ruff}"
source = {{ registry = "any" }}
"""


def test_only_packages_that_a_page_runs_on_count(monkeypatch, tmp_path):
    monkeypatch.setattr(digest, "ROOT", tmp_path)

    def versions(**changed):
        chosen = {"numpy": "2.4", "below": "1.0", "ruff": "0.8", **changed}
        (tmp_path / "uv.lock").write_text(LOCK.format(**chosen))
        digest.versions_digest.cache_clear()
        return digest.versions_digest()

    try:
        before = versions()
        assert versions(ruff="0.9") == before
        assert versions(numpy="2.5") != before
        assert versions(below="1.1") != before
    finally:
        digest.versions_digest.cache_clear()


def test_changes_are_named_and_data_out_of_reach_is_none(monkeypatch):
    now = {"notebooks/a.md": "1", "helpers/b.py": "2", "data dog": digest.STAND_IN, "packages": "3"}
    monkeypatch.setattr(digest, "inputs", lambda page: now)
    assert digest.changes("a", {"inputs": now | {"data dog": "4"}}) == []
    assert digest.changes("a", {"inputs": now | {"helpers/b.py": "0"}}) == ["helpers/b.py"]
    assert digest.changes("a", {"inputs": {**now, "helpers/gone.py": "0"}}) == ["helpers/gone.py"]
    assert digest.changes("a", {}) == ["no list of its inputs"]


@pytest.mark.parametrize("page", notebook.pages())
def test_every_record_says_what_it_follows_from(page):
    record = nbformat.read(notebook.NOTEBOOKS / f"{page}.ipynb", as_version=4)
    run = record.metadata.provenance
    remedy = f"run: make record PAGE={page}"
    assert "inputs" in run, remedy
    assert run.input_digest == digest.digest_of(run["inputs"])
    source = f"notebooks/{page}.md"
    assert run["inputs"][source] == digest.inputs(page)[source], f"{source} changed; " + remedy


@pytest.mark.parametrize("text", ["<<<<<<< ours\n{}\n", "{}", ""])
def test_a_record_that_cannot_be_read_is_stale(monkeypatch, tmp_path, text):
    page = notebook.pages()[0]
    monkeypatch.setattr(notebook, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(digest, "inputs", lambda page: {})
    assert digest.recorded(page) is None
    (tmp_path / f"{page}.ipynb").write_text(text)
    assert digest.recorded(page) == {}
    assert not digest.record_is_current(page)
