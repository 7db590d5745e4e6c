"""A chapter as a PDF: whole, readable, tagged, and with its solutions folded."""

import os

import pytest

from course import exercises
from course.build import leaks, print_pages
from course.build.ext import site as site_extension

CHAPTER = "convolution"
BUTTONS = [
    {
        "label": "download-buttons",
        "buttons": [{"label": "download-notebook-button"}, {"label": "download-pdf-button"}],
    }
]


@pytest.fixture
def buttons():
    def made(**options):
        found = site_extension.student_buttons(
            BUTTONS, f"notebooks/{CHAPTER}", lambda path, _: f"../{path}", {}, **options
        )
        return {button["label"]: button.get("url") for button in found}

    return made


def test_the_button_leads_to_the_pdf_only_where_there_is_one(buttons):
    assert "pdf-button" not in buttons()
    assert "download-pdf-button" in buttons()  # the browser's own print
    assert buttons(pdf=True)["pdf-button"] == f"../pdf/{CHAPTER}.pdf"
    assert "download-pdf-button" not in buttons(pdf=True)


@pytest.mark.slow
def test_without_a_browser_one_line_says_what_to_install(monkeypatch):
    api = pytest.importorskip("playwright.sync_api")

    def fails(*args, **kwargs):
        raise api.Error("no such program")

    monkeypatch.setattr(api.BrowserType, "launch", fails)
    monkeypatch.setattr(print_pages.build_site, "main", lambda: pytest.fail("built in vain"))
    with pytest.raises(SystemExit) as end:
        print_pages.main()
    assert "Install" in str(end.value) and "\n" not in str(end.value)


@pytest.fixture(scope="module")
def browser():
    if os.environ.get("CI") != "true":
        pytest.importorskip("playwright", reason="install playwright to test the PDF")
    try:
        with print_pages.browser() as started:
            yield started
    except SystemExit as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip("install Chromium to test the PDF")


@pytest.fixture(scope="module")
def printed(browser, site, tmp_path_factory):
    """Return the chapter as a reader of each theme prints it, opened."""
    pypdf = pytest.importorskip("pypdf")
    found = {}
    for theme in ("light", "dark"):
        context = browser.new_context(color_scheme=theme)
        context.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
        path = tmp_path_factory.mktemp(theme) / "chapter.pdf"
        print_pages.print_page(context, site, f"notebooks/{CHAPTER}.html", path)
        context.close()
        found[theme] = pypdf.PdfReader(path)
        assert path.stat().st_size < 5_000_000
    return found


@pytest.mark.slow
def test_the_chapter_is_there_and_its_solutions_are_not(printed):
    pages = [leaks.squeezed(page.extract_text()) for page in printed["light"].pages]
    assert 8 <= len(pages) <= 40
    for number, page in enumerate(pages, 1):
        assert page.startswith(f"{number}/{len(pages)}")  # the foot of the page
    assert "Convolutionbyhand" in pages[0]
    assert "Recorded" in pages[-1]  # the provenance
    text = "".join(pages)
    of_chapter = [e for e in exercises.all_exercises() if e.page == CHAPTER]
    shown = "".join(map(leaks.squeezed, leaks.open_texts(graded_only=False)))
    hidden = {line for e in of_chapter for line in leaks.lines_of(e.solution) if line not in shown}
    assert len(hidden) > 5
    assert not [line for line in hidden if line in text]
    for exercise in of_chapter:
        if not exercise.graded:
            assert f"def{exercise.name}" in text or exercise.name in text
    assert leaks.squeezed("folded: open it on the page") in text


@pytest.mark.slow
def test_it_can_be_heard_and_found_one_s_way_in(printed):
    reader = printed["light"]
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"].startswith("en")
    assert reader.metadata.title.startswith("Convolution by hand")
    (chapter, sections) = reader.outline[:2]
    assert chapter.title == "Convolution by hand"
    assert len(sections) > 5


@pytest.mark.slow
def test_its_links_lead_somewhere(printed):
    for page in printed["light"].pages:
        for note in page.get("/Annots", []):
            uri = note.get_object().get("/A", {}).get("/URI", "https://")
            assert uri.startswith("https://") and print_pages.NOWHERE not in uri, uri


@pytest.mark.slow
def test_paper_is_white_whatever_the_theme(printed):
    light, dark = ([page.get_contents().get_data() for page in printed[t].pages] for t in printed)
    assert light == dark
