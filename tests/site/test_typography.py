"""Numbers keep their units, code keeps its spaces, and verdicts are marked and flow."""

import pytest
from docutils import nodes
from docutils.utils import new_document

from course.build.ext import typography


def transformed(*children):
    document = new_document("page")
    document += nodes.paragraph("", "", *children)
    typography.NoBreaks(document).apply()
    return document.astext().replace(typography.NO_BREAK, "~")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a kernel of 5 × 5", "a kernel of 5~×~5"),
        ("3 × 10⁻⁷, 70 % and 32 s", "3~×~10⁻⁷, 70~% and 32~s"),
        ("at 35 to 250 Hz, ≈ 2.3", "at 35 to 250~Hz, ≈~2.3"),
        ("0.200 ± 0.023 or ± 3 %", "0.200~±~0.023 or ±~3~%"),
        ("Pooling (1.1 c)", "Pooling (1.1~c)"),
        ("of 7 seconds, 3 sizes and 2 minds", "of 7 seconds, 3 sizes and 2 minds"),
    ],
)
def test_numbers_and_units_stay_together(before, after):
    assert transformed(nodes.Text(before)) == after


def test_code_keeps_its_spaces():
    assert transformed(nodes.literal("", "sleep 5 s"), nodes.Text(" for 5 s")).endswith("for 5~s")
    assert transformed(nodes.literal("", "sleep 5 s")) == "sleep 5 s"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("✗ Wrong: no", None),
        ("✓ Right: a\n  b.\n✗ Wrong: c\n  d.\n", "✓ Right: a b.\n✗ Wrong: c d.\n"),
        ("edge  1\n  top  2", False),
    ],
)
def test_verdicts_are_marked_and_flow(text, shown):
    body = (
        '<div class="output stream highlight-myst-ansi notranslate"><div class="highlight">'
        f"<pre><span></span>{text}</pre></div></div>"
    )
    context = {"body": body}
    typography.on_page(None, None, None, context, None)
    if shown is False:
        assert context["body"] == body
    else:
        assert "output stream verdict highlight-myst-ansi" in context["body"]
        assert f"<span></span>{shown or text}</pre>" in context["body"]
