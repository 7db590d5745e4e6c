"""The directive that puts a widget into a page, and what the widgets need in the built site.

    :::{widget} conv_stepper
    :caption: What the reader may try, in a sentence.
    :alt: What the picture shows that stands in where scripts are off.

    mode: same
    kernel: [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    :::

The body is YAML: the options of the widget, as its :data:`widgets.WIDGETS` has them. A quiz has its
question there; its texts are MyST, so they may hold formulas and links.

When the pages are written, the folder ``_static/widgets`` of the site gets the pictures for readers
without scripts, the data that widgets show, and ``bundle.js`` for pages opened as files.
"""

import html
import json
from pathlib import Path
from typing import ClassVar

import matplotlib
import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from matplotlib.figure import Figure
from sphinx.util.docutils import SphinxDirective

import widgets
from helpers import plots
from helpers.sources import written_whole
from widgets import es_modules

QUIZ = "quiz"


class html_element(nodes.General, nodes.Element):
    """An element of HTML around nodes of any kind; `start` and `end` are its tags."""


class WidgetDirective(SphinxDirective):
    """Put a widget into the page."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {
        "caption": directives.unchanged_required,
        "alt": directives.unchanged_required,
        "name": directives.unchanged,
    }

    def run(self):
        """Return the figure: the widget, around what readers without scripts see, and a caption."""
        name = self.arguments[0]
        try:
            options = yaml.safe_load("\n".join(self.content)) or {}
            if not isinstance(options, dict):
                raise ValueError(f"the options of the widget {name} are no list of `name: value`.")
            options = widgets.checked(name, options)
        except (ValueError, yaml.YAMLError) as problem:
            raise self.error(str(problem)) from problem
        if name == QUIZ:
            inside = self.texts(options)
            right = [bool(answer.get("correct")) for answer in options["answers"]]
            options = {"answers": [{"correct": correct} for correct in right]}
        else:
            inside = self.picture(widgets.WIDGETS[name])
        end = "</course-widget>"
        start = widgets.element(name, options).removesuffix(end)
        place = html_element("", *inside, start=start, end=end)
        figure = html_element("", place, end="</figure>\n")
        if "caption" in self.options:
            text = self.parse_text_to_nodes(self.options["caption"])
            figure += html_element("", *text, start="<figcaption>", end="</figcaption>")
        self.set_source_info(figure)
        self.add_name(figure)
        ids = f' id="{figure["ids"][0]}"' if figure["ids"] else ""
        figure["start"] = f'<figure class="widget"{ids}>'
        return [figure]

    def texts(self, options):
        """Return the texts of a quiz; the feedback is folded where scripts are off."""
        if not {"question", "answers"} <= set(options):
            raise self.error("a quiz needs a question and answers.")
        parts = [self.part(options["question"], '<div slot="question">', "</div>")]
        for i, answer in enumerate(options["answers"]):
            parts.append(self.part(answer["text"], f'<div slot="answer-{i}">', "</div>"))
            if "feedback" in answer:
                start = f'<details slot="feedback-{i}"><summary>Is answer {i + 1} right?</summary>'
                parts.append(self.part(answer["feedback"], start, "</details>"))
        return parts

    def part(self, text, start, end):
        """Return MyST as a text that the widget shows in a place of its own."""
        return html_element("", *self.parse_text_to_nodes(text), start=start, end=end)

    def picture(self, widget):
        """Return the picture for readers without scripts."""
        if widget.picture is None:
            return []
        file = "../" * self.env.docname.count("/") + f"_static/{widget.picture_file}"
        alt = html.escape(self.options.get("alt", widget.alt))
        note = "Interactive where scripts are allowed; here it is a picture."
        image = f'<img src="{file}" alt="{alt}" loading="lazy"><p class="widget-note">{note}</p>'
        return [nodes.raw("", image, format="html")]


def visit_html(self, node):
    self.body.append(node["start"])


def depart_html(self, node):
    self.body.append(node["end"])


def skip(self, node):
    raise nodes.SkipNode


def on_page(app, pagename, templatename, context, doctree):
    """Load the element on pages that hold a widget, from text or from a cell's output."""
    if "<course-widget" in context.get("body", ""):
        app.add_js_file("widgets/load.js", loading_method="defer")
        app.add_css_file("widgets/widgets.css")


def draw(widget, path):
    """Draw the picture of a widget into a file."""
    # Without the date and random ids, the same picture is the same file.
    with matplotlib.rc_context({"svg.hashsalt": widget.name, "svg.fonttype": "path"}):
        figure = Figure(plots.WIDE)
        widget.picture(figure)
        metadata = {"Date": None} if widget.picture_format == "svg" else None
        figure.savefig(path, format=widget.picture_format, metadata=metadata)


def complete(app, exception):
    """Write what the widgets need beside their modules in the built site."""
    if exception is not None or app.builder.format != "html":
        return
    statics = Path(app.outdir) / "_static"
    roots = [widget.module for widget in widgets.WIDGETS.values()]
    with written_whole(statics / "widgets" / "bundle.js") as path:
        path.write_text(es_modules.as_script(widgets.FOLDER.parent, roots), encoding="utf-8")
    for name, make in widgets.DATA.items():
        value = json.dumps(make(), separators=(",", ":"), ensure_ascii=False)
        with written_whole(statics / "widgets" / "data" / f"{name}.js") as path:
            path.write_text(f'courseWidgets.data["{name}"] = {value};\n', encoding="utf-8")
    for widget in widgets.WIDGETS.values():
        if widget.picture is not None:
            with written_whole(statics / widget.picture_file) as path:
                draw(widget, path)


def setup(app):
    app.add_directive("widget", WidgetDirective)
    others = {builder: (skip, None) for builder in ("latex", "text", "man", "texinfo")}
    app.add_node(html_element, html=(visit_html, depart_html), **others)
    app.connect("html-page-context", on_page)
    app.connect("build-finished", complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
