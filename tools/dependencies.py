"""What a page depends on: helpers it imports, data sets it loads, released models it reads."""

import ast
import re
from functools import cache
from pathlib import Path

import jupytext
from networks import STUDIES

from helpers import sources

ROOT = Path(__file__).resolve().parent.parent


@cache
def _imports(path):
    """Return the helper files that one text imports directly."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        cells = (c.source for c in jupytext.read(path).cells if c.cell_type == "code")
        text = "\n".join(
            "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in lines)
            for lines in (cell.splitlines() for cell in cells)
        )
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    files = set()
    for name in names:
        parts = name.split(".")
        if parts[0] != "helpers":
            continue
        files.add(ROOT / "helpers" / "__init__.py")
        for end in range(2, len(parts) + 1):
            module = ROOT.joinpath(*parts[:end])
            candidates = (module.with_suffix(".py"), module / "__init__.py")
            files.update(f for f in candidates if f.is_file())
    return frozenset(files)


def helper_files(page):
    """Return the helper files that a page imports, directly or through others, sorted."""
    found, waiting = set(), [ROOT / "notebooks" / f"{page}.md"]
    while waiting:
        new = _imports(waiting.pop()) - found
        found |= new
        waiting.extend(new)
    return sorted(str(path.relative_to(ROOT)) for path in found)


def source_text(page):
    """Return the source of a page."""
    return (ROOT / "notebooks" / f"{page}.md").read_text(encoding="utf-8")


def data_sets(page):
    """Return the data sets of ``data/registry.toml`` that a page loads, sorted."""
    loaded = set(re.findall(r"datasets\.load_(\w+)\(", source_text(page)))
    return sorted(loaded & set(sources.registry()))


def metrics_file(page):
    """Return the file of expected metrics, if the page checks any."""
    return ["data/metrics.toml"] if "helpers/metrics.py" in helper_files(page) else []


def model_files(page):
    """Return the files of the released models that a page loads, sorted."""
    names = set(re.findall(r"load_released\([^)]*?[\"'](\w+)[\"']\)", source_text(page)))
    names |= set(re.findall(r"released_card\([\"'](\w+)[\"']\)", source_text(page)))
    return sorted(
        f"data/models/{name}/{file}"
        for name in names
        for file in ("model.weights.h5", "run.json")
        if file == "run.json" or name not in STUDIES
    )
