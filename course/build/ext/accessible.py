"""What the theme and its extensions leave to do for readers who do not see, or use no mouse.

Colours are in course.css, three buttons in book/_templates; here is what needs a change of HTML.
tests/site/test_site_in_browser.py tells when one of these is needed no more, or not enough.
"""

import re

from course.build.ext import change_pages, when_built

# The theme's script complains of a mode that nobody has chosen yet, and shows the page in neither
# light nor dark until then. This runs before it.
FIRST_VISIT = """<script>
(() => {
  const modes = ["light", "dark", "auto"];
  if (!modes.includes(localStorage.getItem("mode"))) localStorage.setItem("mode", "auto");
  if (localStorage.getItem("mode") !== "auto") return;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("theme", dark ? "dark" : "light");
})();
</script>
"""

REPAIRS = (
    # myst-nb: the label hid the words on it, "Show a solution".
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    # docutils: ARIA took the role of an entry back; without it, the list has no items.
    (re.compile(r' role="doc-biblioentry"'), ""),
    (re.compile(r'<div role="list" (class="citation-list")'), r"<div \1"),
    # docutils: the empty corner of a table is head of nothing.
    (re.compile(r'<th class="head">(\s*(?:<p></p>)?\s*)</th>'), r"<td>\1</td>"),
    # Sphinx: parameters one a line are a list of definitions without terms.
    (
        re.compile(r"\n\n<dl>\n((?:<dd>.*</dd>\n)+)</dl>\n\n"),
        lambda found: (
            '<span class="sig-lines">'
            + found[1].replace("<dd>", "<span>").replace("</dd>", "</span>")
            + "</span>"
        ),
    ),
)

# The theme's button to print; accessible.js listens to it. Handlers in HTML would need holes in the
# policy of every page, and search, which reads whole pages, trips over them all the same.
PRINT = ('onclick="window.print()"', "data-print")

# The theme: the button that unfolds a part of the contents has an icon and no words.
UNFOLD = (
    '<summary><span class="toctree-toggle"',
    '<summary aria-label="Pages of this part"><span class="toctree-toggle"',
)


def on_page(app, pagename, templatename, context, doctree):
    """Repair a page before it is written."""
    context["metatags"] = FIRST_VISIT + context.get("metatags", "")
    for wrong, right in REPAIRS:
        if "body" in context:
            context["body"] = wrong.sub(right, context["body"])


@when_built
def complete(app):
    """Repair what the theme adds around every page."""
    change_pages(app, lambda text: text.replace(*PRINT).replace(*UNFOLD))


def setup(app):
    """Connect with Sphinx."""
    app.add_js_file("accessible.js", loading_method="defer")
    app.connect("html-page-context", on_page, priority=800)  # ext/site.py names the script by hash
    app.connect("build-finished", complete, priority=400)  # before hashes are taken
    return {"parallel_read_safe": True, "parallel_write_safe": True}
