"""What a page depends on: helpers it imports, data sets it loads, released models it reads."""

import ast
import re
from functools import cache

from course import ROOT
from course.train.networks import NETWORKS

# What loads a data set, named in the code of a page or of a helper that it imports.
LOADERS = {
    "load_cifar10": "cifar10",
    "load_dog": "dog",
    "load_event": "gw_strain",
    "load_strain": "gw_strain",
    "load_figure1": "gw_figure1",
    "measured": "gw_noise",
}


ROOMS = ("inside", "helpers", "chirps", "widgets")  # what a page may follow from


@cache
def _code(path):
    """Return the syntax tree of a module, or of the code cells of a page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        import jupytext  # takes a second, and not every command needs it

        cells = (c.source for c in jupytext.read(path).cells if c.cell_type == "code")
        text = "\n".join(
            "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in lines)
            for lines in (cell.splitlines() for cell in cells)
        )
    return ast.parse(text)


@cache
def imports(path):
    """Return the helper files that one text imports directly."""
    names = set()
    for node in ast.walk(_code(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    files = set()
    for name in names:
        parts = name.split(".")
        if parts[0] not in ROOMS:
            continue
        for end in range(1, len(parts) + 1):
            module = ROOT.joinpath(*parts[:end])
            candidates = (module.with_suffix(".py"), module / "__init__.py")
            files.update(f for f in candidates if f.is_file())
    return frozenset(files)


def helper_files(page):
    """Return the helper files that a page imports, directly or through others, sorted."""
    return helpers_of(ROOT / "notebooks" / f"{page}.md")


def helpers_of(path):
    """Return the helper files that a page or a program imports, sorted."""
    found, waiting = set(), [path]
    while waiting:
        new = imports(waiting.pop()) - found
        found |= new
        waiting.extend(new)
    return sorted(str(path.relative_to(ROOT)) for path in found)


def source_text(page):
    """Return the source of a page."""
    return (ROOT / "notebooks" / f"{page}.md").read_text(encoding="utf-8")


def data_sets(page):
    """Return the data sets of ``data/registry.toml`` that a page loads, sorted.

    A helper counts as a whole: a page that imports it may need all that it loads.
    """
    files = [ROOT / "notebooks" / f"{page}.md", *(ROOT / file for file in helper_files(page))]
    nodes = [node for file in files for node in ast.walk(_code(file))]
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {
        alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return sorted({LOADERS[name] for name in names & set(LOADERS)})


def uses_keras(page):
    """Whether a page imports Keras, itself or through its helpers."""
    files = [ROOT / "notebooks" / f"{page}.md", *(ROOT / file for file in helper_files(page))]
    return any(
        name.split(".")[0] == "keras"
        for file in files
        for node in ast.walk(_code(file))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    )


def seeds(page):
    """Return the seeds that stand in the code of a page, sorted."""
    found = set()
    for node in ast.walk(_code(ROOT / "notebooks" / f"{page}.md")):
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
    names = set(re.findall(r"load_released\([^)]*?[\"'](\w+)[\"']\)", source_text(page)))
    names |= set(re.findall(r"released_card\([\"'](\w+)[\"']\)", source_text(page)))
    return sorted(
        f"data/models/{name}/{file}"
        for name in names
        for file in ("model.weights.h5", "run.json")
        if file == "run.json" or name in NETWORKS
    )
