"""What the students' notebooks cannot show is refused where it is written, with its line."""

import pytest

from course import notebook
from course.build import student

COLONS, TICKS = ":::", "```"


@pytest.fixture
def refusal(tmp_path, monkeypatch):
    """Return what is said against the text of a page; "" if nothing."""
    monkeypatch.setattr(notebook, "NOTEBOOKS", tmp_path)

    def of(text):
        (tmp_path / "page.md").write_text(f"# A page\n\n{text}\n", encoding="utf-8")
        try:
            student.refuse_unknown_markup("page")
        except notebook.BookError as problem:
            return str(problem)
        return ""

    return of


@pytest.mark.parametrize("page", notebook.pages())
def test_the_pages_hold_nothing_of_the_kind(page):
    student.refuse_unknown_markup(page)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"{TICKS}{{note}}\nMind this.\n{TICKS}", "line 3: .* show ```{note}"),
        (f"{COLONS}{{note}}\nMind this.\n{COLONS}", "line 3: .* show :::{note}"),
        (f"{COLONS}{{dropdwon}} Answer\nYes.\n{COLONS}", "show :::{dropdwon}"),
        (f"{TICKS}{{code_cell}} ipython3\n1 + 1\n{TICKS}", "show ```{code_cell}"),
        (f"  {COLONS}{{dropdown}} Answer\nYes.\n  {COLONS}", "show :::{dropdown}"),
        (f":{COLONS}{{admonition}} A\nYes.\n:{COLONS}", "show ::::{admonition}"),
        (
            f"{COLONS}{{admonition}} A\n{COLONS}{{dropdown}} B\nYes.\n{COLONS}\n{COLONS}",
            "line 4: .* show :::{dropdown} inside another block",
        ),
        (
            f"{COLONS}{{dropdown}} A\n\n{TICKS}{{code-cell}} ipython3\n1\n{TICKS}\n{COLONS}",
            "line 5: .* show ```{code-cell} inside another block",
        ),
        ("One line.\nSee {ref}`there <a>`.", "line 4: .* show the role {ref}"),
        ("A {term}`kernel`, {cite}`abbott2016`.", "line 3: .* show the role {term}"),
    ],
)
def test_what_only_the_site_shows_is_refused_by_name(refusal, text, named):
    said = refusal(text)
    place, shown = named.split("show ")
    assert said.startswith("notebooks/page.md, line ")
    assert place.split(":")[0] in said and f"cannot show {shown}." in said
    assert "the role {cite}" in said and ":::{dropdown}" in said  # what works


@pytest.mark.parametrize(
    "text",
    [
        f"{COLONS}{{dropdown}} Answer\nYes.\n{COLONS}\n\n{COLONS}{{admonition}} B\nNo.\n{COLONS}",
        f"{TICKS}{{code-cell}} ipython3\nprint(f'{{x}}`')  # :::{{note}}\n{TICKS}",
        f"{TICKS}\n:::{{note}}\nas an example\n:::\n{TICKS}",
        "Written as `{ref}` in MyST; {cite}`abbott2016`.",
    ],
)
def test_what_both_show_and_what_is_code_passes(refusal, text):
    assert refusal(text) == ""
