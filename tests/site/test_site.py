"""The built site, read as HTML: it is whole, leads nowhere in vain, and describes every picture."""

import nbformat
import pytest

from course import notebook
from course.build import site as build_site
from tests.support import site_html
from tests.support.browser import nothing

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pages(site):
    return site_html.read(site)


def test_every_page_is_there(pages):
    assert {f"notebooks/{page}.html" for page in notebook.pages()} <= set(pages)
    assert {"index.html", "book/index.html", "search.html", "genindex.html"} <= set(pages)


@pytest.mark.parametrize("rule", site_html.RULES, ids=lambda rule: rule.__name__)
def test_no_page_has(pages, rule):
    nothing(finding for page in pages.values() for finding in rule(page))


def test_links_and_anchors_lead_somewhere(pages, site):
    links = [r for page in pages.values() for r in page.references if r[0] == "a"]
    assert len(links) > 500  # of the menu alone there are more
    nothing(f for page in pages.values() for f in site_html.dead_ends(page, pages, site))


def test_mathjax_and_its_fonts_are_served_from_the_site(site, pages):
    mathjax = site / "_static" / "mathjax"
    assert (mathjax / "tex-chtml.js").stat().st_size > 500_000
    assert len(list(mathjax.glob("output/chtml/fonts/woff-v2/*.woff"))) > 20
    loaded = [address for _, address, _ in pages["notebooks/convolution.html"].references]
    assert any("mathjax/tex-chtml.js" in address for address in loaded)


def test_pages_say_how_they_were_run(site):
    for page in notebook.pages():
        html = (site / "notebooks" / f"{page}.html").read_text("utf-8")
        assert 'class="provenance"' in html


def test_a_record_with_an_error_or_without_a_file_stops_the_build(monkeypatch, tmp_path):

    (tmp_path / "a.md").write_text("# A page\n")
    monkeypatch.setattr(notebook, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(notebook, "pages", lambda: ["a"])
    assert "has no record" in build_site.problems()[0]
    cell = nbformat.v4.new_code_cell("1 / 0")
    cell.outputs = [
        nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "a.ipynb")
    assert "cell 0 holds an error: ZeroDivisionError" in build_site.problems()[0]
