"""The docstrings of the public modules as pages: what autodoc and napoleon leave to us.

- Labels of a module's references, such as ``[K]``, are unique in the module and not in the site:
  they become a plain list.
- A bar is the absolute value of what follows, not a substitution.
- The first line of a property is a sentence, even with a colon in it, and not "type: description".
- Quotes are often Python's: they stay straight.
- A class made from one of Keras's, which is not imported, has the signature of its own `__init__`.
- A name that a module imports from another leads to where it is defined.
"""

import importlib
import inspect
import re
import sys
from inspect import Signature

from sphinx.ext.napoleon import NumpyDocstring
from sphinx.transforms import SphinxTransform
from sphinx.util.inspect import signature, stringify_signature

from course.build import reference

LABEL = re.compile(r"^\.\. (\[\w+\]) ")  # the text goes on three columns to the right
CITED = re.compile(r"(\[\w+\])_\b")
BAR = re.compile(r"(``.*?``)|(?<!\\)\|")  # outside of literals
AFTER_NAPOLEON = 600


class StraightQuotes(SphinxTransform):
    """Keep typographic quotes out of the reference."""

    default_priority = 740  # before the transform that sets them

    def apply(self):
        """Switch that transform off."""
        if self.env.docname.startswith("book/api/"):
            self.document.settings.smart_quotes = False


def plain(line):
    """Return a line of a docstring without citations and substitutions."""
    line = line.replace(" -- ", " – ")  # what napoleon puts before a description
    line = CITED.sub(r"\1", LABEL.sub(r"-  \1 ", line))
    return BAR.sub(lambda found: found[1] or r"\|", line)


def on_docstring(app, what, name, obj, options, lines):
    if what == "property":
        parsed = NumpyDocstring(inspect.getdoc(obj) or "", app.config, app, "method", name, obj)
        lines[:] = parsed.lines()
    lines[:] = map(plain, lines)


def on_signature(app, what, name, obj, options, shown, returns):
    if what == "class" and shown == "(*args, **kwargs)":
        own = signature(obj.__init__, bound_method=True) if "__init__" in vars(obj) else Signature()
        shown = stringify_signature(own, show_annotation=False)
    return shown, returns


def follow_import(app, env, node, contnode):
    """Resolve a name that the module of a docstring imports."""
    name = node.get("py:module") or ""
    # A page that is only written anew has not imported its module in this build.
    ours = name.partition(".")[0] in reference.PACKAGES
    home = importlib.import_module(name) if ours else sys.modules.get(name)
    first, _, rest = node["reftarget"].partition(".")
    thing = getattr(home, first, None)
    if node.get("refdomain") != "py" or not hasattr(thing, "__qualname__"):
        return None
    target = ".".join(filter(None, [thing.__module__, thing.__qualname__, rest]))
    return env.domains["py"].resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], target, node, contnode
    )


def setup(app):
    app.add_transform(StraightQuotes)
    app.connect("autodoc-process-docstring", on_docstring, priority=AFTER_NAPOLEON)
    app.connect("autodoc-process-signature", on_signature)
    app.connect("missing-reference", follow_import)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
