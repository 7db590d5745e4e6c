"""The home page, the errata, the glossary, and what a page says of itself elsewhere."""

import html
import re
import struct

import nbformat
import numpy as np
import pytest

from course import notebook
from course.build import errata, overview, student
from course.build.ext import card as card_extension
from tests.support import ROOT

INDEX = (ROOT / "book" / "index.md").read_text(encoding="utf-8")


# --- the chapters -------------------------------------------------------------------------------


def test_every_chapter_is_listed_once_with_its_facts():
    text = overview.expanded(INDEX)
    for page in notebook.pages():
        assert text.count(f"(../notebooks/{page}.ipynb)\n\n") == 1
    captions = re.findall("^### (.+)$", text, re.MULTILINE)
    assert captions == list(notebook.chapters())
    plain = text.replace("\N{NO-BREAK SPACE}", " ")
    told = re.findall(r"\[(\d+) exercises? · about [\dhmin ]+ · runs in \d+ s\]", plain)
    tagged = [
        len(re.findall(r"^:?tags: \[exercise\b", source, re.MULTILINE))
        for source in (
            (notebook.NOTEBOOKS / f"{page}.md").read_text("utf-8") for page in notebook.pages()
        )
    ]
    assert [int(n) for n in told] == tagged


def test_time_grows_with_words_cells_and_exercises(monkeypatch):
    """By the formula that the page states."""
    cells = [
        nbformat.v4.new_markdown_cell("# A page\n\n" + "word " * 398),
        nbformat.v4.new_code_cell("1 + 1"),
        nbformat.v4.new_code_cell("x = None"),
        nbformat.v4.new_code_cell("check.x(x)"),
    ]
    page = notebook.pages()[0]
    monkeypatch.setattr(notebook, "read_source", lambda page: nbformat.v4.new_notebook(cells=cells))
    monkeypatch.setattr(overview.exercises, "exercises", lambda page: ["x"])
    assert overview.facts(page).minutes == pytest.approx(2 + 1 + 6)
    assert overview.facts(page).title == "A page"


@pytest.mark.parametrize(
    ("minutes", "said"), [(9, "10 min"), (58, "1 h"), (62, "1 h"), (143, "2 h 20 min")]
)
def test_times_are_rounded(minutes, said):
    assert overview.hours(minutes) == said


def test_a_chapter_without_a_sentence_is_refused():
    without = re.sub("^kernels: .*\n", "", INDEX, flags=re.MULTILINE)
    with pytest.raises(notebook.BookError, match=r"book/index.md .* add a line “kernels: …”"):
        overview.expanded(without)


def test_a_sentence_without_a_chapter_is_refused():
    more = INDEX.replace("\nkernels: ", "\nwavelets: Small waves.\nkernels: ")
    with pytest.raises(notebook.BookError, match=r"sentence for wavelets, .* take the line out"):
        overview.expanded(more)
    with pytest.raises(notebook.BookError, match="“wavelets” should be `page: a sentence`"):
        overview.expanded(more.replace("wavelets: Small waves.", "wavelets"))


def test_a_sentence_may_hold_a_colon():
    told = "Two questions: where, and why?"
    text = re.sub("^kernels: .*$", f"kernels: {told}", INDEX, flags=re.MULTILINE)
    assert overview.sentences(text)["kernels"] == told
    assert f"\n\n  {told}\n\n" in overview.expanded(text)


@pytest.mark.parametrize("number", [0, 1, 2, 12])
def test_one_exercise_is_no_plural(number):
    fact = overview.Facts("A page", number, minutes=10, seconds=1)
    said = overview.entry("kernels", fact, "A sentence.").replace("\N{NO-BREAK SPACE}", " ")
    assert f"[{number} exercise{'' if number == 1 else 's'} · about" in said


def test_links_call_a_chapter_by_its_place_in_the_book(monkeypatch):
    monkeypatch.setattr(notebook, "pages", lambda: ["kernels", "new", "gw_data"])
    text = (
        "[chapter 2](../notebooks/kernels.ipynb), [Chapter 6](../notebooks/gw_data.ipynb), "
        "{doc}`chapter 6 <../notebooks/gw_data>`, [chapter 9](../notebooks/gone.ipynb), chapter 5"
    )
    assert overview.numbered(text) == (
        "[chapter 1](../notebooks/kernels.ipynb), [Chapter 3](../notebooks/gw_data.ipynb), "
        "{doc}`chapter 3 <../notebooks/gw_data>`, [chapter 9](../notebooks/gone.ipynb), chapter 5"
    )


# --- the errata ---------------------------------------------------------------------------------


def test_every_box_is_on_the_list_word_for_word():
    boxes = {
        page: errata.marked(page, notebook.read_source(page).cells) for page in notebook.pages()
    }
    text = errata.listed(boxes)
    for page in notebook.pages():
        source = (notebook.NOTEBOOKS / f"{page}.md").read_text("utf-8")
        parts = re.findall(r":class: warning\n(.*?)^:::$", source, re.MULTILINE | re.DOTALL)
        assert len(parts) == len(boxes[page])
        follows_an_original = "(../book/errata.md)" in source
        assert bool(parts) == follows_an_original, page
        for part in parts:
            first = part.strip().splitlines()[0]
            assert first.split("](")[0] in text, first
    assert not re.search(r"\]\(\w+\.ipynb", text)  # links lead out of book/


def test_a_box_gets_its_target_in_front():
    cell = nbformat.v4.new_markdown_cell(
        "## What the original got wrong\n\n:::{admonition} A\n:class: warning\nText.\n:::\n"
        "\n:::{admonition} No erratum\n:class: tip\nText.\n:::\n"
        "\n## Discussion\n\n:::{admonition} B\n:class: warning\nCareful.\n:::"
    )
    (box,) = errata.marked("a_page", [cell])
    assert box == errata.Box("errata-a-page-1", "A", "Text.")
    assert "(errata-a-page-1)=\n:::{admonition} A\n" in cell.source
    assert cell.source.count(")=\n") == 1


def test_a_page_that_follows_no_original_needs_no_box():
    assert errata.marked("a_page", [nbformat.v4.new_markdown_cell("## Discussion")]) == []
    assert errata.listed({"a_page": []}) == ""
    heading = nbformat.v4.new_markdown_cell("## What the original got wrong\n\nNothing.")
    with pytest.raises(notebook.BookError, match=r"notebooks/a_page.md: no box .* take the head"):
        errata.marked("a_page", [heading])


# --- the glossary -------------------------------------------------------------------------------


def entries():
    """Return the terms and the definition of every entry."""
    text = (ROOT / "book" / "glossary.md").read_text("utf-8")
    block = re.search(r"```\{glossary\}\n(.*?)\n```", text, re.DOTALL)[1]
    for entry in block.split("\n\n"):
        lines = entry.splitlines()
        assert lines[-1].startswith("  "), entry
        assert not any(line.startswith(" ") for line in lines[:-1]), entry
        yield lines[:-1], lines[-1].strip()


def test_glossary_is_in_alphabetical_order():
    firsts = [terms[0].casefold().replace("χ²", "chi-squared") for terms, _ in entries()]
    assert firsts == sorted(firsts)
    assert 40 <= len(firsts) <= 80


@pytest.mark.parametrize(("terms", "definition"), list(entries()), ids=lambda x: str(x)[:30])
def test_glossary_leads_to_a_chapter_that_uses_the_word(terms, definition):
    number, page = re.search(
        r" \[Chapter (\d+)\]\(\.\./notebooks/(\w+)\.ipynb\)$", overview.numbered(definition)
    ).groups()
    assert int(number) == notebook.chapter_number(page)
    source = (notebook.NOTEBOOKS / f"{page}.md").read_text("utf-8").replace("_", " ")
    assert any(re.search(rf"(?<!\w){re.escape(t)}", source, re.IGNORECASE) for t in terms), terms


# --- drawings and card --------------------------------------------------------------------------


def test_the_drawn_sum_is_right():
    from course.build.ext import home_drawings as home

    svg, words = home.convolution_drawing()
    (i, j) = home.STOP
    total = int((home.IMAGE[i : i + 2, j : j + 2] * home.KERNEL).sum())
    assert words["stops"] == 9
    assert re.search(rf'<tspan class="o">{total}</tspan></text>', svg)
    assert f"= {total}." in svg


def test_the_drawn_chirp_rises_and_is_found_where_it_is():
    from course.build.ext import home_drawings as home

    times, wave, record, match = home.chirp_curves()
    crossings = np.flatnonzero(np.diff(np.sign(wave[times < 0])))
    spaces = np.diff(crossings)
    assert spaces[-1] < spaces[0] / 3
    assert 1e-22 < np.abs(wave).max() < 1e-20
    assert times[np.argmax(match)] == pytest.approx(0, abs=0.002)
    assert match.max() > 8
    assert np.abs(record).max() < 4.5  # it hides the chirp
    far = np.abs(times) > 0.1
    assert match[far].std() == pytest.approx(1, abs=0.25)


def test_the_card_has_the_size_that_messengers_ask_for(tmp_path):

    card_extension.draw_card(tmp_path / "card.png", "Convolutions to Chirps")
    data = (tmp_path / "card.png").read_bytes()
    assert struct.unpack(">II", data[16:24]) == card_extension.CARD_SIZE
    assert len(data) < 150_000


def test_the_address_of_the_card(monkeypatch):

    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert card_extension.published_at({"repository": ""}) is None
    known = card_extension.published_at({"repository": "Somebody/course"})
    assert known == "https://somebody.github.io/course/"
    monkeypatch.setenv("GITHUB_REPOSITORY", "fork/course")
    assert card_extension.published_at({}) == "https://fork.github.io/course/"
    student.settings.cache_clear()
    assert student.published_address() == card_extension.published_at(student.settings())
    student.settings.cache_clear()


def test_a_page_describes_itself_by_its_first_paragraph():
    from docutils import nodes

    page = nodes.document(None, None)
    section = nodes.section()
    page += section
    assert card_extension.described(page) == ""
    section += nodes.note("", nodes.paragraph(text="An aside."))
    section += nodes.paragraph(text="Short\nand whole.")
    assert card_extension.described(page) == "Short and whole."
    section[1] = nodes.paragraph(text="many words, " * 30)
    cut = card_extension.described(page)
    assert len(cut) <= card_extension.LONGEST
    assert cut.endswith("words…") or cut.endswith("many…")


# --- the built site -----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_site_leads_from_each_erratum_to_its_box(site):
    text = (site / "book" / "errata.html").read_text("utf-8")
    links = re.findall(r'href="\.\./notebooks/(\w+)\.html#(errata-[\w-]+)"', text)
    follow_an_original = {
        page
        for page in notebook.pages()
        if errata.TITLE in (notebook.NOTEBOOKS / f"{page}.md").read_text("utf-8")
    }
    assert {page for page, _ in links} == follow_an_original
    for page, anchor in links:
        target = (site / "notebooks" / f"{page}.html").read_text("utf-8")
        assert re.search(rf'class="[^"]*admonition[^"]*"[^>]* id="{anchor}"', target) or re.search(
            rf'id="{anchor}"[^>]*></span><div class="[^"]*admonition', target
        ), anchor


@pytest.mark.slow
def test_the_home_page_holds_its_drawings_and_no_script_draws_them(site):
    text = (site / "book" / "index.html").read_text("utf-8")
    drawings = re.findall(r'<figure class="drawing"><svg[^>]* aria-label="([^"]+)"', text)
    assert len(drawings) == 2
    assert all(len(label) > 100 for label in drawings)
    assert "{chapters}" not in text
    assert "{snr" not in text
    assert (site / "_static" / "card.png").is_file()


@pytest.mark.slow
def test_every_page_describes_itself(site):
    seen = {}
    for path in [*site.glob("book/*.html"), *site.glob("notebooks/*.html")]:
        (found,) = re.findall(
            r'<meta name="description" content="([^"]+)"', path.read_text("utf-8")
        )
        assert len(html.unescape(found)) <= 160, path
        seen.setdefault(found, []).append(path.name)
    assert not [pages for pages in seen.values() if len(pages) > 1]
