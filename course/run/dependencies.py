"""What a page depends on: helpers it imports, data sets it loads, released models it reads."""

import ast
import re
from functools import cache

from course import ROOT, notebook
from course.train.networks import NETWORKS

# What loads a data set, named in the code of a page or of a helper that it imports.
LOADERS = {
    "load_cifar10": "cifar10",
    "load_dog": "dog",
    "load_event": "gw_strain",
    "measured": "gw_noise",
}
ROOMS = ("inside", "helpers", "chirps", "widgets")  # what a page may follow from


@cache
def _nodes(path):
    """Return all nodes of the syntax tree of a module, or of the code cells of a page."""
    if path.suffix == ".md":
        cells = (c.source for c in notebook.read_source(path.stem).cells if c.cell_type == "code")
        text = "\n".join(
            "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in lines)
            for lines in (cell.splitlines() for cell in cells)
        )
    else:
        text = path.read_text(encoding="utf-8")
    return list(ast.walk(ast.parse(text)))


def _imported(path):
    """Return the full names of the modules that a text imports, and of what it takes from them."""
    names = set()
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "widgets.show":
            shown = (arg.value for arg in node.args if isinstance(arg, ast.Constant))
            names.update(f"widgets.{name}" for name in shown)  # imported when it is shown
    return names


@cache
def imports(path):
    """Return the helper files that one text imports directly."""
    files = set()
    for name in _imported(path):
        parts = name.split(".")
        if parts[0] not in ROOMS:
            continue
        for end in range(1, len(parts) + 1):
            module = ROOT.joinpath(*parts[:end])
            candidates = (module.with_suffix(".py"), module / "__init__.py")
            files.update(f for f in candidates if f.is_file())
    return frozenset(files)


def _page(page):
    return notebook.NOTEBOOKS / f"{page}.md"


def helper_files(page):
    """Return the helper files that a page imports, directly or through others, sorted."""
    return helpers_of(_page(page))


def helpers_of(path):
    """Return the helper files that a page or a program imports, sorted."""
    found, waiting = set(), [path]
    while waiting:
        new = imports(waiting.pop()) - found
        found |= new
        waiting.extend(new)
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def _files(page):
    """Return the page and all helper files that it imports."""
    return [_page(page), *(ROOT / file for file in helper_files(page))]


def data_sets(page):
    """Return the data sets of ``data/registry.toml`` that a page loads, sorted.

    A helper counts as a whole: a page that imports it may need all that it loads.
    """
    nodes = [node for file in _files(page) for node in _nodes(file)]
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {
        alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return sorted({LOADERS[name] for name in names & set(LOADERS)})


def uses_keras(page):
    """Whether a page imports Keras, itself or through its helpers."""
    return any(name.split(".")[0] == "keras" for file in _files(page) for name in _imported(file))


def seeds(page):
    """Return the seeds that stand in the code of a page, sorted."""
    found = set()
    for node in _nodes(_page(page)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        values = [k.value for k in node.keywords if k.arg in ("seed", "random_state")]
        values += node.args[:1] if name in ("set_random_seed", "default_rng") else []
        found |= {v.value for v in values if isinstance(v, ast.Constant) and type(v.value) is int}
    return sorted(found)


def metrics_file(page):
    """Return the file of expected metrics, if the page checks any."""
    return ["data/metrics.toml"] if "helpers/metrics.py" in helper_files(page) else []


def model_files(page):
    """Return the files of the released models that a page loads, sorted."""
    text = _page(page).read_text(encoding="utf-8")
    names = set(re.findall(r"load_released\([^)]*?[\"'](\w+)[\"']\)", text))
    names |= set(re.findall(r"released_card\([\"'](\w+)[\"']\)", text))
    return sorted(
        f"data/models/{name}/{file}"
        for name in names
        for file in ("model.weights.h5", "run.json")
        if file == "run.json" or name in NETWORKS
    )
