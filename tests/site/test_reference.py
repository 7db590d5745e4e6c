"""Every public module, function, class and constant that pages import is in the reference."""

import importlib
import inspect
import re

import pytest

from course.build import reference
from tests.support import ROOT


def test_every_module_has_a_page_and_an_entry():
    modules = reference.modules()
    rooms = ("helpers", "chirps", "inside")
    files = {p.relative_to(ROOT).as_posix() for r in rooms for p in ROOT.glob(f"{r}/**/*.py")}
    listed = {reference.source_of(m).relative_to(ROOT).as_posix() for m in modules}
    without = {f for f in files - listed if not f.startswith("helpers/checks/")}
    assert without - {"chirps/__main__.py"} == {
        f"{folder}/__init__.py" for folder in (*rooms, "helpers/stand_ins")
    }
    overview, pages = reference.overview(), reference.pages()
    assert len(pages) == len(modules) > 30
    for path in pages:
        assert f"({path.relative_to('book').as_posix()})" in overview


def test_a_new_module_appears_by_itself(tmp_path, monkeypatch):
    (tmp_path / "helpers" / "checks").mkdir(parents=True)
    for folder in ("chirps", "inside", "notebooks"):
        (tmp_path / folder).mkdir()
    for name, text in {
        "helpers/__init__.py": '"""Helpers."""',
        "chirps/__init__.py": '"""Waves."""',
        "inside/__init__.py": '"""Networks."""',
        "helpers/new.py": '"""What is new.\n\nMore."""\n\nDEPTH = 3  # `layers`, at most\n',
        "helpers/_private.py": '"""Not for you."""',
        "helpers/checks/secret.py": '"""Judges."""\n\n\ndef judge():\n    """Judge."""\n',
        "notebooks/page.md": "# A page\n\n```{code-cell}\nfrom helpers import new\n```\n",
        "_toc.yml": "parts: [{caption: A part, chapters: [{file: notebooks/page.ipynb}]}]\n",
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    monkeypatch.setattr(reference.notebook, "TOC", tmp_path / "_toc.yml")
    monkeypatch.setattr(reference.notebook, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(reference.dependencies, "ROOT", tmp_path)
    assert reference.modules() == ["helpers.new"]
    (text,) = reference.pages().values()
    assert ".. automodule:: helpers.new\n" in text
    assert ".. py:data:: DEPTH\n   :module: helpers.new\n" in text
    assert "   :value: 3\n\n   \\`layers\\`, at most" in text
    assert (
        "[`helpers.new`](api/helpers.new.rst)\n: What is new. Chapter [1](" in reference.overview()
    )


def test_constants_come_with_value_and_meaning():
    found = {name: rest for name, *rest in reference.constants("chirps.grid")}
    assert found["SAMPLE_RATE"] == ["1024", "Hz"]
    assert found["LOWEST"] == ["20.0", "Hz"]  # from an assignment to two names
    assert found["WINDOW"] == ["1.0", "s: the second of the segment that becomes an image"]


def text_of(site, module):
    return (
        (site / "book" / reference.page_of(module)).with_suffix(".html").read_text(encoding="utf-8")
    )


@pytest.mark.slow
def test_everything_public_is_on_its_page(site):
    for module in reference.modules():
        if module == reference.CHECKS:
            continue
        text = text_of(site, module)
        loaded = importlib.import_module(module)
        for name in reference.public_names(module):
            assert f'id="{module}.{name}"' in text, f"{module}.{name} has no entry"
            members = vars(getattr(loaded, name)) if inspect.isclass(getattr(loaded, name)) else {}
            for method, value in members.items():
                told = inspect.isfunction(value) or isinstance(value, property)
                if told and not method.startswith("_") and value.__doc__:
                    assert f'id="{module}.{name}.{method}"' in text, f"{module}.{name}.{method}"
        for name, *_ in reference.constants(module):
            assert f'id="{module}.{name}"' in text, f"{module}.{name} has no entry"


@pytest.mark.slow
def test_signatures_are_right_although_keras_is_not_imported_for_them(site):
    for module in reference.modules():
        text, loaded = text_of(site, module), importlib.import_module(module)
        for name in reference.public_names(module):
            if f'id="{module}.{name}"' not in text:
                continue  # of the checks, not all
            value = getattr(loaded, name)
            if inspect.isclass(value) and issubclass(value, Exception):
                continue
            shown = re.search(rf'<dt [^>]*id="{module}.{name}">(.*?)</dt>', text, re.DOTALL)[1]
            told = re.findall(r'class="n"><span class="pre">(\w+)', shown)
            assert told == list(inspect.signature(value).parameters), f"{module}.{name}"


@pytest.mark.slow
def test_of_the_checks_only_what_students_call_is_shown(site):
    text = text_of(site, reference.CHECKS)
    entries = {part.split('"')[0] for part in text.split('id="helpers.checks.')[1:]}
    assert entries == {"Check", "Check.__call__", "Check.hint", "Check.solution", "Outcome"}
    assert [p.name for p in (site / "book" / "api").glob("helpers.checks*")] == [
        "helpers.checks.html"
    ]
    assert not list((site / "_modules").glob("**/*"))  # no sources
