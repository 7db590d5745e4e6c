"""The docstrings of `helpers` as pages: what autodoc and napoleon leave to us.

Labels of a module's references, such as ``[K]``, are unique in the module and not in the site: they
become a plain list. A name that a module imports from another leads to where it is defined.
"""

import re
import sys

LABEL = re.compile(r"^\.\. (\[\w+\]) ")  # the text goes on three columns to the right
CITED = re.compile(r"(\[\w+\])_\b")


def plain_citations(app, what, name, obj, options, lines):
    """Make citations of a docstring plain text, and what they cite a list, in place."""
    lines[:] = [CITED.sub(r"\1", LABEL.sub(r"-  \1 ", line)) for line in lines]


def follow_import(app, env, node, contnode):
    """Resolve a name that the module of a docstring imports."""
    home = sys.modules.get(node.get("py:module"))
    first, _, rest = node["reftarget"].partition(".")
    thing = getattr(home, first, None)
    if node.get("refdomain") != "py" or not hasattr(thing, "__qualname__"):
        return None
    target = ".".join(filter(None, [thing.__module__, thing.__qualname__, rest]))
    return env.domains["py"].resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], target, node, contnode
    )


def setup(app):
    app.connect("autodoc-process-docstring", plain_citations)
    app.connect("missing-reference", follow_import)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
