"""The API reference: a page for every public module that pages import, and a list of them all.

The pages are read off the sources when the site is staged, so that a new module appears by itself.
They name the module only; what stands on them, Sphinx takes from the docstrings, and from here the
constants, whose meaning the sources say in a comment on their line.

A module is public unless its name begins with an underscore. Of `helpers.checks` only what students
call is shown: its modules judge the exercises.
"""

import ast
import io
import re
import tokenize
from pathlib import Path

from course import ROOT, notebook
from course.run import dependencies

SHORT = 60  # characters of a value that is shown whole
PACKAGES = ("helpers", "chirps", "inside")  # what pages import, each a section of the list
MODULES = "<!-- every module of helpers, chirps and inside -->"  # stands there in its place
CHECKS = "helpers.checks"

# What students call. The rest makes checks, or judges.
OF_CHECKS = """\
.. automodule:: helpers.checks

.. autoclass:: helpers.checks.Check
   :members: hint, solution
   :special-members: __call__

.. autoclass:: helpers.checks.Outcome
"""


def modules():
    """Return the names of all modules that get a page, e.g. ``chirps.search``, by package."""
    found = []
    for path in (path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name.startswith(f"{CHECKS}.") or "._" in name:
            continue
        if path.name != "__init__.py" or public_names(name):
            found.append(name)
    return found


def source_of(module):
    """Return the path of a module."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _tree(module):
    return ast.parse(source_of(module).read_text(encoding="utf-8"))


def public_names(module):
    """Return the public functions and classes that a module defines."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    names = (node.name for node in _tree(module).body if isinstance(node, kinds))
    return [name for name in names if not name.startswith("_")]


def sentence(module):
    """Return the first sentence of a module's docstring."""
    first = (ast.get_docstring(_tree(module)) or "").split("\n\n")[0]
    return " ".join(first.split())


def constants(module):
    """Return name, value and comment of each public constant of a module.

    Returns
    -------
    list of (str, str, str)
        The value as it is written, or nothing where that is long; the comment on its line, or
        nothing.
    """
    text = source_of(module).read_text(encoding="utf-8")
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    found = []
    for node in ast.parse(text).body:
        if not isinstance(node, ast.Assign):
            continue
        pairs = [(node.targets[0], node.value)]
        if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = zip(node.targets[0].elts, node.value.elts, strict=True)
        for target, value in pairs:
            if not (isinstance(target, ast.Name) and re.fullmatch("[A-Z][A-Z0-9_]*", target.id)):
                continue
            written = ast.get_source_segment(text, value)
            shown = written if "\n" not in written and len(written) <= SHORT else ""
            found.append((target.id, shown, comments.get(node.lineno, "")))
    return found


def page(module):
    """Return the page of a module, in reStructuredText."""
    title = _escaped(module)
    body = OF_CHECKS
    if module != CHECKS:
        body = f".. automodule:: {module}\n   :members:\n"
        listed = constants(module)
        if listed:
            body += "\n.. rubric:: Constants\n"
        for name, value, comment in listed:
            body += f"\n.. py:data:: {name}\n   :module: {module}\n   :no-contents-entry:\n"
            body += f"   :value: {value}\n" if value else ""
            body += f"\n   {_escaped(comment)}\n" if comment else ""
    return f"{title}\n{'=' * len(title)}\n\n{body}"


def _escaped(text):
    return re.sub(r"([\\*`_|])", r"\\\1", text)


def overview():
    """Return the list of all modules for the page ``book/api.md``: what each is for, and where."""
    pages = {name: notebook.NOTEBOOKS / f"{name}.md" for name in notebook.pages()}
    imports = {name: dependencies.imports(path) for name, path in pages.items()}
    lines = []
    for package in PACKAGES:
        lines += [f"## `{package}`", "", sentence(package), ""]
        for module in (name for name in modules() if name.partition(".")[0] == package):
            links = [
                f"[{number}](../notebooks/{name}.ipynb)"
                for number, name in enumerate(pages, 1)
                if source_of(module) in imports[name]
            ]
            chapters = f" Chapter{'s' * (len(links) > 1)} {', '.join(links)}." if links else ""
            lines.append(f"[`{module}`]({page_of(module)})\n: {sentence(module)}{chapters}\n")
    return "\n".join(lines)


def page_of(module):
    """Return the file of a module's page, as ``book/api.md`` beside it refers to it."""
    return f"api/{module}.rst"


def pages():
    """Return the text of every page by its path."""
    return {Path("book") / page_of(module): page(module) for module in modules()}
