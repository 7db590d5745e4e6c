"""Keep pages light: text comes first, and nothing comes that a page does not need.

A figure is loaded when a reader comes near it, and says how large it is, so that the text does not
jump when it arrives. Scripts wait until the text is there. Icons come once, and MathJax where there
is a formula.
"""

import re
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from course.build.ext import change_pages, mentions, when_built

IMAGE = re.compile(r"<img\b[^>]*>")
SOURCE = re.compile(r'\bsrc="(?:\.\./)*_images/([^"]+)"')
FRAME = re.compile(r'<svg\b[^>]*\bviewBox="0 0 ([\d.]+) ([\d.]+)"')

# The theme brings its icons twice: as a font, which is enough, and as a script of 540 kB.
ICONS_AS_SCRIPT = re.compile(r'\s*<script src="[^"]*scripts/fontawesome\.js[^"]*"></script>')

HEAD = re.compile(r"<head>.*?</head>", re.DOTALL)
# An inline script of the head reads the options at once; all others may wait, in their order.
AT_ONCE = re.compile(
    r"<script (?![^>]*\bdefer\b)(?=[^>]*\bsrc=)(?![^>]*/documentation_options\.js)"
)


def on_page(app, pagename, templatename, context, doctree):
    """Let all images but the first wait until they are near; leave out MathJax without formulas."""
    if "body" not in context:
        return
    if 'class="math' not in context["body"]:  # Sphinx asks for it where a page below has formulas
        scripts = context["script_files"]  # in place: extensions may still add to it
        scripts[:] = [script for script in scripts if not mentions(script, "mathjax")]
    files = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}
    first, *_ = IMAGE.findall(context["body"]) or [None]
    context["body"] = IMAGE.sub(lambda tag: waiting(tag[0], files, first), context["body"])


def waiting(tag, files, first):
    """Return the tag of an image that says its size and, but for the first, waits.

    Parameters
    ----------
    tag, first : str
        Its tag, and that of the first image of the page.
    files : dict of str to pathlib.Path
        Where the images of the site come from, by their names in ``_images``.
    """
    added = ""
    named = SOURCE.search(tag)
    if named and named[1] in files and not re.search(r"\s(width|height|style)=", tag):
        try:
            with Image.open(files[named[1]]) as image:
                added = ' width="{}" height="{}"'.format(*image.size)
        except UnidentifiedImageError:  # a drawing, whose pixels are those of its frame
            size = FRAME.search(files[named[1]].read_text(encoding="utf-8", errors="replace"))
            if size:
                added = ' width="{:.0f}" height="{:.0f}"'.format(*map(float, size.groups()))
    if tag != first and "loading=" not in tag:
        added += ' loading="lazy"'
    return re.sub(r"\s*/?>$", f"{added}>", tag)


def lighter(text):
    """Return a page without the icons that come as a script; scripts of its head wait for it."""
    text = ICONS_AS_SCRIPT.sub("", text)
    return HEAD.sub(lambda head: AT_ONCE.sub("<script defer ", head[0]), text, count=1)


@when_built
def complete(app):
    """Make every page lighter."""
    change_pages(app, lighter)


def setup(app):
    """Connect with Sphinx."""
    app.connect("html-page-context", on_page)
    app.connect("build-finished", complete, priority=400)  # before hashes are taken
    return {"parallel_read_safe": True, "parallel_write_safe": True}
