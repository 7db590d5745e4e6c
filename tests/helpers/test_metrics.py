"""Metrics are compared where data and training are known, and nowhere else."""

import pytest

from helpers import metrics
from helpers.sources import Source

NAME = "first_cnn.test_accuracy"


def source(sha256="ce962c363659" + "0" * 52, stand_in=False):
    return Source("CIFAR-10", "test", "local copy", sha256, 60000, "credit", stand_in)


@pytest.fixture
def tables(monkeypatch, tmp_path):
    path = tmp_path / "metrics.toml"
    path.write_text(
        f'[["{NAME}"]]\ntraining = "released"\ndata = "ce962c"\nvalue = 0.8\ntolerance = 0.01\n'
        f'[["{NAME}"]]\ntraining = "quick"\ndata = "ce962c"\nvalue = 0.5\ntolerance = 0.1\n'
    )
    monkeypatch.setattr(metrics.sources, "course_data", lambda: tmp_path)
    metrics._tables.cache_clear()
    yield
    metrics._tables.cache_clear()


@pytest.mark.parametrize("value", [0.79, 0.8, 0.8099])
def test_within(tables, capsys, value):
    metrics.check(NAME, value, training="released", source=source())
    assert capsys.readouterr().out == f"{NAME}: within tolerance\n"


@pytest.mark.parametrize("value", [0.7899, 0.8101, 0.1, 0.5])
def test_outside(tables, value):
    with pytest.raises(AssertionError, match=r"expected 0\.8 ± 0\.01 for TRAINING = 'released'"):
        metrics.check(NAME, value, training="released", source=source())


def test_each_kind_of_training_has_its_own_expectation(tables, capsys):
    metrics.check(NAME, 0.5, training="quick", source=source())
    assert "within" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("training", "where"),
    [
        ("released", source(stand_in=True)),
        ("released", source("ab" * 32)),
        ("full", source()),
    ],
)
def test_not_comparable(tables, capsys, training, where):
    metrics.check(NAME, 0.123, training=training, source=where)
    assert capsys.readouterr().out == f"{NAME}: not comparable on this data\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_a_number_never_passes(tables, value):
    for where in (source(), source(stand_in=True)):
        with pytest.raises(AssertionError, match="finite"):
            metrics.check(NAME, value, training="released", source=where)


def test_a_misspelt_metric_never_passes(tables):
    with pytest.raises(ValueError, match=r"no table 'first_cnn.accuracy'"):
        metrics.check("first_cnn.accuracy", 0.8, training="released", source=source())


def test_the_course_s_own_table_is_complete():
    for table in metrics._tables().values():
        keys = [(entry["training"], entry["data"]) for entry in table]
        assert len(set(keys)) == len(keys)
        for entry in table:
            assert set(entry) == {"training", "data", "value", "tolerance"}
            assert entry["training"] in ("released", "quick", "full")
            assert len(entry["data"]) >= 8 and 0 < entry["tolerance"] < 0.1
