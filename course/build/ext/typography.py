"""What belongs together stays on one line, and what a check says wraps like a sentence.

A number and its unit or error, or the two sides of "5 × 5", are joined by no-break spaces. Outputs
keep their columns, but the verdict of a check is prose: it is marked, and the page wraps it.
"""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform

NO_BREAK = "\N{NO-BREAK SPACE}"
UNIT = r"(?:%|[kM]?Hz|[kcm]?m|[mµμ]?s|min|h|[kMG]B|px|pixels?|M☉|σ|×)(?!\w)"
JOINED = re.compile(
    rf"(?<=\d) (?={UNIT})"  # 32 s, 5 ×
    r"|(?<=[×±]) (?=\d)"  # × 5, ± 0.02
    r"|(?<=\d) (?=± \d)"
    r"|(?<=≈) (?=\d)"
    r"|(?<=\(\d\.\d) (?=[a-z]\))"  # (1.1 c), an item of the homework
)
VERBATIM = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)
VERDICT = re.compile(
    r'<div class="output stream ([^>]*><div class="highlight"><pre><span></span>[✓✗][^<]*</pre>)'
)


class NoBreaks(SphinxTransform):
    """Join numbers and units in running text."""

    default_priority = 900  # when all text is there

    def apply(self):
        """Replace the spaces."""
        for text in list(self.document.findall(nodes.Text)):
            if not isinstance(text.parent, VERBATIM) and JOINED.search(text):
                text.parent.replace(text, nodes.Text(JOINED.sub(NO_BREAK, text)))


def on_page(app, pagename, templatename, context, doctree):
    """Mark the verdicts of checks, and take out the line breaks that a notebook needs."""
    if "body" in context:
        context["body"] = VERDICT.sub(_flowing, context["body"])


def _flowing(verdict):
    return '<div class="output stream verdict ' + verdict[1].replace("\n  ", " ")


def setup(app):
    """Connect with Sphinx."""
    app.add_transform(NoBreaks)
    app.connect("html-page-context", on_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
