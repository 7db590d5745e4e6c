"""What the theme and its extensions leave to do for readers who do not see, or use no mouse.

Colours are in course.css, three buttons in book/_templates; here is what needs a change of HTML.
tests/test_site_in_browser.py tells when one of these is needed no more, or not enough.
"""

import re

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
    # docutils: ARIA 1.2 took this role back.
    (re.compile(r' role="doc-biblioentry"'), ""),
    # docutils: the empty corner of a table is head of nothing.
    (re.compile(r'<th class="head">(\s*(?:<p></p>)?\s*)</th>'), r"<td>\1</td>"),
)


def on_page(app, pagename, templatename, context, doctree):
    """Repair a page before it is written."""
    context["metatags"] = FIRST_VISIT + context.get("metatags", "")
    for wrong, right in REPAIRS:
        if "body" in context:
            context["body"] = wrong.sub(right, context["body"])


def setup(app):
    """Connect with Sphinx."""
    app.add_js_file("accessible.js", loading_method="defer")
    app.connect("html-page-context", on_page, priority=800)  # course_site names the script by hash
    return {"parallel_read_safe": True, "parallel_write_safe": True}
