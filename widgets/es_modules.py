"""Put the JavaScript modules of the course together where a browser cannot import them.

A page opened as a file may not import modules, and a widget in a notebook comes as one text. So
modules that import each other are written one after the other, each in a function of its own:
nothing is translated or shortened.

Understood are the forms that the course uses::

    import { one, other as name } from "./file.js";
    export function … / export class … / export const … / export default { … };

Anything else that only a module may say (``import.meta``, ``import(…)``) raises an error.
"""

import re
from graphlib import CycleError, TopologicalSorter
from posixpath import dirname, join, normpath

from helpers.sources import DataError

IMPORT = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"(\.{1,2}/[^"]+)";[ \t]*$', re.MULTILINE)
EXPORT = re.compile(r"^export\s+((?:async\s+)?function\*?|class|const)\s+(\w+)", re.MULTILINE)
DEFAULT = re.compile(r"^export\s+default\s+(?=\{)", re.MULTILINE)
LEFT_OVER = re.compile(r"^(?:import|export)\b.*$|\bimport\s*\(|\bimport\.meta\b", re.MULTILINE)


def as_script(folder, roots):
    """Return a classic script that puts modules on the shelf of ``widgets/load.js``.

    Parameters
    ----------
    folder : pathlib.Path
        Where the modules are, in folders of their own.
    roots : sequence of str
        Modules that pages ask for, as paths below `folder`: ``"widgets/quiz.js"``.

    Returns
    -------
    str

    Raises
    ------
    helpers.sources.DataError
        If a module is missing, imports in a circle, or says what is not understood.
    """
    shelf = ", ".join(f'"{root}": modules["{root}"]' for root in roots)
    return (
        '(() => {\n"use strict";\nconst modules = {};\n'
        f"{_joined(folder, roots)}"
        "const shelf = (globalThis.courseWidgets ??= { modules: {}, data: {} });\n"
        f"Object.assign(shelf.modules, {{ {shelf} }});\n}})();\n"
    )


def as_module(folder, root):
    """Return one module without imports, with the default export of `root`.

    Parameters, returns and raises as :func:`as_script`.
    """
    return (
        f"const modules = {{}};\n{_joined(folder, [root])}"
        f'export default modules["{root}"].default;\n'
    )


def _joined(folder, roots):
    """Return the modules that `roots` need, each after those that it imports."""
    codes, needed = {}, {}
    waiting = [(root, "A page") for root in roots]
    while waiting:
        path, importer = waiting.pop()
        if path in codes:
            continue
        file = folder / path
        if not file.is_file():
            raise DataError(f"{importer} needs {path}: no such file.")
        codes[path], needed[path] = _as_function(path, file.read_text(encoding="utf-8"))
        waiting += [(other, path) for other in needed[path]]
    try:
        return "".join(codes[path] for path in TopologicalSorter(needed).static_order())
    except CycleError as problem:
        circle = " → ".join(reversed(problem.args[1]))
        raise DataError(f"{circle}: modules import in a circle.") from None


def _as_function(path, text):
    """Return the code of a module as a function that returns its exports, and what it imports."""
    needed, exports = [], []

    def imported(match):
        other = normpath(join(dirname(path), match[2]))
        needed.append(other)
        names = re.sub(r"\s+as\s+", ": ", " ".join(match[1].split()))
        return f'const {{ {names} }} = modules["{other}"];'

    def exported(match):
        exports.append(match[2])
        return f"{match[1]} {match[2]}"

    text = EXPORT.sub(exported, IMPORT.sub(imported, text))
    text, n_defaults = DEFAULT.subn("const $default = ", text)
    left = LEFT_OVER.search(text)
    if left:
        raise DataError(f"{path}: widgets.es_modules does not understand {left[0].strip()!r}.")
    if n_defaults:
        exports.append("default: $default")
    return (
        f'modules["{path}"] = (() => {{\n{text}\nreturn {{ {", ".join(exports)} }};\n}})();\n',
        needed,
    )
