"""The built site asks no other host for anything and describes every picture."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import nbformat
import notebook
import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow
LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src")}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.loaded, self.images, self.policy, self.headings = [], [], None, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        for name, value in attrs.items():
            if (tag, name) in LOADED and attrs.get("rel") not in ("next", "prev", "canonical"):
                self.loaded.append(value)
        if tag == "img":
            self.images.append(attrs)
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs["content"]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


@pytest.fixture(scope="module")
def site():
    built = subprocess.run(
        [sys.executable, "tools/build_site.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr
    html = ROOT / "_build" / "html"
    names = [html / "search.html", *html.glob("book/*.html"), *html.glob("notebooks/*.html")]
    return {path.stem: Page(path.read_text(encoding="utf-8")) for path in names}


def test_every_page_is_there(site):
    assert {"index", *notebook.pages()} <= set(site)


def test_nothing_is_loaded_from_another_host(site):
    for name, page in site.items():
        assert not [url for url in page.loaded if re.match(r"(https?:)?//", url)], name
        assert page.policy and "http" not in page.policy, name
        assert "unsafe-inline" not in re.search("script-src[^;]*", page.policy).group(), name


def test_mathjax_and_its_fonts_are_served_from_the_site(site):
    mathjax = ROOT / "_build" / "html" / "_static" / "mathjax"
    assert (mathjax / "tex-chtml.js").stat().st_size > 500_000
    assert len(list(mathjax.glob("output/chtml/fonts/woff-v2/*.woff"))) > 20
    assert any("mathjax/tex-chtml.js" in url for url in site["01_convolution"].loaded)


def test_every_picture_has_alt_text(site):
    for name, page in site.items():
        for image in page.images:
            alt = image.get("alt", "")
            assert alt.strip(), (name, image)
            assert not re.search(r"\.(png|svg|jpe?g)$|[0-9a-f]{32}", alt), (name, alt)


def test_headings_do_not_skip_a_level(site):
    for name, page in site.items():
        for above, below in zip(page.headings, page.headings[1:], strict=False):
            assert below <= above + 1, (name, page.headings)


def test_pages_say_how_they_were_run(site):
    for page in notebook.pages():
        html = (ROOT / "_build" / "html" / "notebooks" / f"{page}.html").read_text("utf-8")
        assert 'class="provenance"' in html


def test_a_record_with_an_error_or_without_a_file_stops_the_build(monkeypatch, tmp_path):
    import build_site

    (tmp_path / "10_a.md").write_text("# A page\n")
    monkeypatch.setattr(notebook, "NOTEBOOKS", tmp_path)
    assert "has no record" in build_site.problems()[0]
    cell = nbformat.v4.new_code_cell("1 / 0")
    cell.outputs = [
        nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "10_a.ipynb")
    assert "cell 0 holds an error: ZeroDivisionError" in build_site.problems()[0]
