"""The directive that puts a widget into a page, and what the widgets need in the built site.

    :::{widget} conv_stepper
    :caption: What the reader may try, in a sentence.
    :alt: What the picture shows that stands in where scripts are off.

    mode: same
    kernel: [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    :::

The body is YAML: the options of the widget, as in ``helpers.widgets.WIDGETS``. A quiz has its
question there; its texts are MyST, so they may hold formulas and links.

When the pages are written, the folder ``_static/widgets`` of the site gets the pictures for readers
without scripts, the data that widgets show, and ``bundle.js`` for pages opened as files.
"""

import html
import json
from pathlib import Path
from typing import ClassVar

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

import widgets
from helpers.sources import written_whole
from widgets import es_modules, pictures

QUIZ = "quiz"


class figure_of_widget(nodes.General, nodes.Element):
    """The figure: the widget, and its caption."""


class place_of_widget(nodes.General, nodes.Element):
    """The element <course-widget>; its children are for readers without scripts."""


class part_of_widget(nodes.General, nodes.Element):
    """A text that the widget shows in a place of its own."""


class caption_of_widget(nodes.General, nodes.TextElement):
    """The caption."""


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
        """Return the figure."""
        name = self.arguments[0]
        try:
            options = yaml.safe_load("\n".join(self.content)) or {}
            if not isinstance(options, dict):
                raise ValueError(f"the options of the widget {name} are no list of `name: value`.")
            options = widgets.checked(name, options)
        except (ValueError, yaml.YAMLError) as problem:
            raise self.error(str(problem)) from problem
        place = place_of_widget(widget=name, options=options)
        if name == QUIZ:
            place += self.texts(options)
            place["options"] = {"answers": [{"correct": right(a)} for a in options["answers"]]}
        else:
            place += self.picture(name)
        figure = figure_of_widget("", place)
        self.set_source_info(figure)
        if "caption" in self.options:
            caption = caption_of_widget()
            caption += self.inline(self.options["caption"])
            figure += caption
        self.add_name(figure)
        return [figure]

    def texts(self, options):
        """Return the texts of a quiz; the feedback is folded where scripts are off."""
        if not {"question", "answers"} <= set(options):
            raise self.error("a quiz needs a question and answers.")
        parts = [self.part("question", options["question"])]
        for i, answer in enumerate(options["answers"]):
            parts.append(self.part(f"answer-{i}", answer["text"]))
            if "feedback" in answer:
                summary = f"Is answer {i + 1} right?"
                parts.append(self.part(f"feedback-{i}", answer["feedback"], "details", summary))
        return parts

    def part(self, slot, text, tag="div", summary=None):
        """Return MyST as a text that the widget shows in the place called `slot`."""
        part = part_of_widget(slot=slot, tag=tag)
        if summary:
            part["summary"] = summary
        part += self.parsed(text).children
        return part

    def picture(self, name):
        """Return the picture for readers without scripts."""
        if name not in pictures.PICTURES:
            return []
        depth = self.env.docname.count("/")
        file = f"{'../' * depth}_static/widgets/pictures/{name}.{pictures.kind(name)}"
        alt = self.options.get("alt", pictures.ALT[name])
        note = "Interactive where scripts are allowed; here it is a picture."
        return [
            nodes.raw(
                "",
                f'<img src="{file}" alt="{html.escape(alt)}" loading="lazy">'
                f'<p class="widget-note">{note}</p>',
                format="html",
            )
        ]

    def inline(self, text):
        """Parse one paragraph of MyST, and return what is in it."""
        holder = self.parsed(text)
        return holder[0].children if len(holder) == 1 else holder.children

    def parsed(self, text):
        """Parse MyST, and return a node that holds it."""
        holder = nodes.container()
        lines = StringList(text.splitlines(), "widget")
        self.state.nested_parse(lines, self.content_offset, holder)
        return holder


def right(answer):
    return bool(answer.get("correct"))


def visit_figure(self, node):
    ids = f' id="{node["ids"][0]}"' if node["ids"] else ""
    self.body.append(f'<figure class="widget"{ids}>')


def visit_place(self, node):
    tag = widgets.element(node["widget"], node["options"])
    self.body.append(tag.removesuffix("</course-widget>"))


def visit_part(self, node):
    self.body.append(f'<{node["tag"]} slot="{node["slot"]}">')
    if "summary" in node:
        self.body.append(f"<summary>{html.escape(node['summary'])}</summary>")


def depart_part(self, node):
    self.body.append(f"</{node['tag']}>")


def visit_caption(self, node):
    self.body.append("<figcaption><p>")


def closing(text):
    return lambda self, node: self.body.append(text)


def skip(self, node):
    raise nodes.SkipNode


def on_page(app, pagename, templatename, context, doctree):
    """Load the element on pages that hold a widget, from text or from a cell's output."""
    if "<course-widget" in context.get("body", ""):
        app.add_js_file("widgets/load.js", loading_method="defer")
        app.add_css_file("widgets/widgets.css")


def complete(app, exception):
    """Write what the widgets need beside their modules in the built site."""
    if exception is not None or app.builder.format != "html":
        return

    folder = Path(app.outdir) / "_static" / "widgets"
    roots = [widget.module for widget in widgets.WIDGETS.values()]
    with written_whole(folder / "bundle.js") as path:
        path.write_text(es_modules.as_script(widgets.FOLDER.parent, roots), encoding="utf-8")
    for name, make in widgets.DATA.items():
        value = json.dumps(make(), separators=(",", ":"), ensure_ascii=False)
        with written_whole(folder / "data" / f"{name}.js") as path:
            path.write_text(f'courseWidgets.data["{name}"] = {value};\n', encoding="utf-8")
    for name in pictures.PICTURES:
        file = folder / "pictures" / f"{name}.{pictures.kind(name)}"
        with written_whole(file) as path:
            pictures.draw(name, path)


def setup(app):
    app.add_directive("widget", WidgetDirective)
    others = {builder: (skip, None) for builder in ("latex", "text", "man", "texinfo")}
    app.add_node(figure_of_widget, html=(visit_figure, closing("</figure>\n")), **others)
    app.add_node(place_of_widget, html=(visit_place, closing("</course-widget>")), **others)
    app.add_node(part_of_widget, html=(visit_part, depart_part), **others)
    app.add_node(caption_of_widget, html=(visit_caption, closing("</p></figcaption>")), **others)
    app.connect("html-page-context", on_page)
    app.connect("build-finished", complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
