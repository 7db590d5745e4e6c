"""What finds faults in the HTML of pages finds each of them, and is silent about a sound page."""

import gzip

import pytest

from tests.support import site_html
from tests.support.site_html import Page

SOUND = """<!doctype html><html lang="en"><head><title>A page</title>
<meta http-equiv="Content-Security-Policy"
content="default-src 'self'; script-src 'self' 'sha256-//8='">
<link rel="stylesheet" href="_static/a.css"></head>
<body><div class="onlyprint"><h1>A page</h1><br><div><h3>On paper</h3></div></div>
<h1 id="a">A <em>page</em></h1><h2 id="b">Part</h2><h3>Detail</h3><h2>Part</h2>
<img src="_images/1.png" alt="A dog on a lawn">
<a href="#a">up</a> <a href="b/c.html#there">over</a> <a href="b/">folder</a> <a href="#">top</a>
<a href="https://example.org/x">out</a><a href="data:,x">data</a></body></html>"""


@pytest.fixture
def folder(tmp_path):
    for name in ("_static/a.css", "_images/1.png", "b/index.html"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "b" / "c.html").write_text('<p id="there">')
    (tmp_path / "_static" / "none.html").write_text("no page")
    return tmp_path


def rules(text, folder):
    """Return all findings about a page, as the gates look for them."""
    (folder / "page.html").write_text(text)
    pages = site_html.read(folder)
    page = pages["page.html"]
    found = [finding for rule in site_html.RULES for finding in rule(page)]
    return found + list(site_html.dead_ends(page, pages, folder))


def test_a_sound_page_has_no_findings(folder):
    assert rules(SOUND, folder) == []
    assert site_html.names(folder) == ["b/c.html", "b/index.html", "page.html"]


@pytest.mark.parametrize(
    ("right", "wrong", "finding"),
    [
        ("<title>A page</title>", "<title> </title>", "page.html: title: there is none"),
        ("<title>A page</title>", "", "page.html: title: there is none"),
        (' lang="en"', "", "page.html: lang:"),
        ("<h2 id", "<h4 id", "page.html:6: headings: h4 “Part” follows h1"),
        ('<h1 id="a">', '<h2 id="a">', "page.html: headings: 0 of level 1"),
        ("<h2>Part</h2>", "<h1>More</h1>", "2 of level 1 ['A page', 'More']"),
        (' alt="A dog on a lawn"', "", "page.html:7: alt: _images/1.png has no words"),
        ("A dog on a lawn", " ", "has no words"),
        ("A dog on a lawn", "../images/dog.png", "has a file name for words"),
        ("A dog on a lawn", "0123456789abcdef0123456789abcdef", "has a file name for words"),
        ('id="b"', 'id="a"', "page.html: ids: “a” is given 2 times"),
        ("#a", "#c", "page.html:8: links: <a> to #c: nothing on page.html bears the id “c”"),
        ("#there", "#here", "nothing on b/c.html bears the id “here”"),
        ("b/c.html", "b/d.html", "leads to no file of the site"),
        ('"b/"', '"../"', "leads to no file of the site"),
        ('"b/"', '"/b/"', "begins at the root of the host"),
        ("_static/a.css", "_static/b.css", "<link> to _static/b.css leads to no file"),
        ("_static/a.css", "//example.org/b.css", "hosts: <link> loads //example.org/b.css"),
        ("_images/1.png", "https://example.org/1.png", "hosts: <img> loads https://example"),
        ("http-equiv", "name", "policy: there is no Content-Security-Policy"),
        ("script-src 'self'", "script-src 'self' https://example.org", "names another host"),
        ("script-src 'self'", "script-src 'self' //example.org", "names another host"),
        ("script-src 'self'", "script-src *", "names another host"),
        ("script-src 'self'", "script-src 'unsafe-inline'", "lets any inline script run"),
        ("default-src 'self'; script-src 'self' 'sha256-//8='", "img-src 'self'", "lets any"),
    ],
)
def test_each_fault_is_found(folder, right, wrong, finding):
    assert right in SOUND
    found = rules(SOUND.replace(right, wrong, 1), folder)
    assert len(found) == 1 and finding in found[0], found


def test_a_name_is_an_anchor_and_a_picture_may_be_declared_decoration():
    page = Page("a.html", '<a name="old"></a><img alt="" role="presentation"><a href="#old"></a>')
    assert page.ids == ["old"]
    assert not list(site_html.pictures_without_words(page))


def test_weight_is_what_travels(tmp_path):
    text, noise = b"a" * 10_000, bytes(range(256)) * 4
    (tmp_path / "a.css").write_bytes(text)
    (tmp_path / "a.woff").write_bytes(gzip.compress(noise))
    total, ours = site_html.weight(tmp_path, ["a.css", "a.woff", "a.css"], "a.css".__eq__)
    assert ours == len(gzip.compress(text)) < 200
    assert total == ours + len(gzip.compress(noise))
