"""What search engines and messengers are told about a page: a description, and a card.

Every page describes itself by its first paragraph. The card is a picture for links that are shared,
drawn when the site is built. Its address must be absolute, so it is named only where the site knows
on GitHub whose it is.
"""

import html
from pathlib import Path

from docutils import nodes

from course.build.ext import published_at, when_built
from helpers.sources import written_whole

LONGEST = 160  # characters of a description; search engines cut there
CARD = "_static/card.png"
CARD_SIZE = (1200, 630)  # pixels, what Open Graph asks for
PAPER, INK, FAINT = "#0f2437", "#f4f1ea", "#8ea3b5"
KERNEL, OUTPUT = "#ffb000", "#6cc0f5"


def described(doctree):
    """Return the first paragraph of a page, cut to a description; "" where there is none."""
    for paragraph in doctree.findall(nodes.paragraph):
        words = " ".join(paragraph.astext().split())
        if not isinstance(paragraph.parent, (nodes.section, nodes.document)) or not words:
            continue
        if len(words) <= LONGEST:
            return words
        return words[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(" ,;:–—.") + "…"
    return ""


def on_page(app, pagename, templatename, context, doctree):
    if doctree is None:  # search, index
        return
    course = html.unescape(app.config.html_title)
    title = next((node.astext() for node in doctree.findall(nodes.title)), course)
    description = described(doctree) or f"{title} of the open course “{course}”"
    told = {
        "og:type": "website" if pagename == app.config.root_doc else "article",
        "og:site_name": course,
        "og:title": title,
        "og:description": description,
    }
    site = published_at(app.config.course_published)
    if site:
        told["og:url"] = f"{site}{app.builder.get_target_uri(pagename)}"
        told["og:image"] = f"{site}{CARD}"
        told["og:image:width"], told["og:image:height"] = map(str, CARD_SIZE)
        told["og:image:alt"] = "A kernel of four numbers, and the chirp of two merging black holes"
        told["twitter:card"] = "summary_large_image"
    lines = [f'<meta name="description" content="{html.escape(description)}">']
    lines += [f'<meta property="{name}" content="{html.escape(x)}">' for name, x in told.items()]
    context["metatags"] = context.get("metatags", "") + "\n" + "\n".join(lines) + "\n"


def draw_card(path, title):
    """Draw the card into a file: the title, a kernel and a chirp, as on the home page."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    from course.build.ext import home_drawings

    style = {
        "font.family": "DejaVu Sans",
        "text.color": INK,
        "figure.constrained_layout.use": False,
        "savefig.bbox": "standard",  # no setting of whoever else draws in this process
    }
    width, height = CARD_SIZE
    with plt.rc_context(style):
        figure = plt.figure(figsize=(width / 100, height / 100), dpi=100, facecolor=PAPER)
        figure.text(0.065, 0.80, title, fontsize=44, weight="bold", va="center")
        promise = "An open course on convolutional networks, in pages that run"
        figure.text(0.067, 0.69, promise, fontsize=21, color=FAINT, va="center")

        ax = figure.add_axes((0.065, 0.14, 0.36 * height / width, 0.36))
        kernel = home_drawings.KERNEL
        for line in range(len(kernel) + 1):
            ax.plot([0, 2], [line, line], color=KERNEL, linewidth=3, clip_on=False)
            ax.plot([line, line], [0, 2], color=KERNEL, linewidth=3, clip_on=False)
        for (i, j), value in np.ndenumerate(kernel):
            place = {"ha": "center", "va": "center", "fontsize": 46, "color": KERNEL}
            ax.text(j + 0.5, i + 0.52, str(value), **place)
        ax.set(xlim=(0, 2), ylim=(2, 0))
        ax.set_axis_off()

        ax = figure.add_axes((0.32, 0.10, 0.62, 0.44))
        times, wave, _, _ = home_drawings.chirp_curves()
        ax.plot(times, wave, color=OUTPUT, linewidth=4, solid_capstyle="round")
        ax.set(xlim=(times[0], times[-1]))
        ax.set_axis_off()
        figure.savefig(path, format="png", dpi=100, facecolor=PAPER)
        plt.close(figure)


@when_built
def complete(app):
    with written_whole(Path(app.outdir) / CARD) as part:
        draw_card(part, app.config.html_title)


def setup(app):
    app.connect("html-page-context", on_page)
    app.connect("build-finished", complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
