"""The directive that puts one of the two drawings of ``home_drawings`` into the home page.

:::{drawing} chirp
The caption, in MyST; {snr:.0f} and the like stand for what the drawing computed.
:::
"""

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


class DrawingDirective(SphinxDirective):
    """Put a drawing with its caption into the page."""

    required_arguments = 1
    has_content = True

    def run(self):
        """Return the figure."""
        from course.build.ext import home_drawings

        name = self.arguments[0]
        if name not in home_drawings.DRAWINGS:
            names = ", ".join(home_drawings.DRAWINGS)
            raise self.error(f"there is no drawing {name!r}; drawings: {names}.")
        self.env.note_dependency(home_drawings.__file__)
        svg, words = home_drawings.DRAWINGS[name]()
        caption = nodes.container()
        lines = "\n".join(self.content).format(**words).splitlines()
        self.state.nested_parse(StringList(lines, name), self.content_offset, caption)
        return [
            nodes.raw("", f'<figure class="drawing">{svg}<figcaption>', format="html"),
            *caption.children,
            nodes.raw("", "</figcaption></figure>", format="html"),
        ]


def on_page(app, pagename, templatename, context, doctree):
    if pagename == app.config.root_doc:
        app.add_css_file("home.css")


def setup(app):
    app.add_directive("drawing", DrawingDirective)
    app.connect("html-page-context", on_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
