"""What a page of the built site says in its HTML, and what is wrong with it.

Every rule returns findings, one line each: the page, the rule, the place, and why it matters.
"""

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

REFERENCES = {
    "a": ("href",),
    "audio": ("src",),
    "iframe": ("src",),
    "img": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src",),
    "video": ("src", "poster"),
}
FILE_NAME = re.compile(r"(^|[\s/])[\w.-]*\.(png|svg|jpe?g|gif|webp)$|[0-9a-f]{32}", re.IGNORECASE)
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Page(HTMLParser):
    """A page, read once.

    Attributes
    ----------
    name : str
        Its path in the site.
    references : list of (str, str, int)
        Element, address and line of all that the page links to or loads.
    images, headings : list
        Attributes of every image; level, line and text of every heading on the screen.
    ids : list of str
    lang, title, policy : str or None
    """

    def __init__(self, name, text):
        super().__init__(convert_charrefs=True)
        self.name, self.references, self.images = name, [], []
        self.headings, self.ids = [], []
        self.lang = self.title = self.policy = None
        self._texts = []  # what is being read: the title, or a heading
        self._print_only = 0  # how deep in what the theme shows on paper alone
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = {name: value or "" for name, value in attrs}
        line = self.getpos()[0]
        if self._print_only:
            self._print_only += tag not in VOID
        elif "onlyprint" in attrs.get("class", "").split():
            self._print_only = 1
        for name in REFERENCES.get(tag, ()):
            if name in attrs:
                self.references.append((tag, attrs[name], line))
        naming = ("id", "name") if tag == "a" else ("id",)
        self.ids.extend({attrs[key] for key in naming if key in attrs})
        if tag == "html":
            self.lang = attrs.get("lang")
        if tag == "img":
            self.images.append({**attrs, "line": line})
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs.get("content")
        if tag == "title" and self.title is None:
            self.title = ""
            self._texts.append(tag)
        if re.fullmatch("h[1-6]", tag) and not self._print_only:
            self.headings.append([int(tag[1]), line, ""])
            self._texts.append(tag)

    def handle_endtag(self, tag):
        if self._print_only:
            self._print_only -= tag not in VOID
        if self._texts and self._texts[-1] == tag:
            self._texts.pop()

    def handle_data(self, data):
        if self._texts and self._texts[-1] == "title":
            self.title += data
        elif self._texts:
            self.headings[-1][2] += data


def read(folder):
    """Return the pages of a site, by their paths in it."""
    return {
        name: Page(name, (Path(folder) / name).read_text(encoding="utf-8"))
        for name in names(folder)
    }


def names(folder):
    """Return the paths of the pages of a site, e.g. ``book/index.html``."""
    paths = sorted(Path(folder).rglob("*.html"))
    return [p.relative_to(folder).as_posix() for p in paths if "_static" not in p.parts]


def unnamed(page):
    """Find a page without title or language: a screen reader begins with both."""
    if not (page.title or "").strip():
        yield f"{page.name}: title: there is none. It is the first thing that is read out."
    if not page.lang:
        yield f"{page.name}: lang: <html> has none. Speech needs to know the language."


def headings_astray(page):
    """Find headings that do not make an outline: one h1, and no level skipped on the way down."""
    first = [text.strip() for level, _, text in page.headings if level == 1]
    if len(first) != 1:
        yield f"{page.name}: headings: {len(first)} of level 1 {first}, where a page has one."
    above = 1
    for level, line, text in page.headings:
        if level > above + 1:
            yield (
                f"{page.name}:{line}: headings: h{level} “{text.strip()}” follows h{above}. "
                "Who reads by headings looks for the level between."
            )
        above = level


def pictures_without_words(page):
    """Find images without alternative text, or with a file name for one."""
    for image in page.images:
        place = f"{page.name}:{image['line']}: alt: {image.get('src', '')[:80]}"
        alt = image.get("alt")
        if alt is None or not (alt.strip() or image.get("role") == "presentation"):
            yield f"{place} has no words for who does not see it."
        elif FILE_NAME.search(alt.strip()):
            yield f"{place} has a file name for words: {alt}"


def doubled_ids(page):
    """Find ids that are given twice: a link to one of them leads to the first alone."""
    for name in sorted({name for name in page.ids if page.ids.count(name) > 1}):
        yield f"{page.name}: ids: “{name}” is given {page.ids.count(name)} times."


def dead_ends(page, pages, folder):
    """Find links and files inside the site that are not there, and anchors that nothing bears.

    Parameters
    ----------
    page : Page
    pages : dict of str to Page
        All pages of the site.
    folder : pathlib.Path
        Of the site.
    """
    folder = Path(folder).resolve()
    for tag, address, line in page.references:
        place = f"{page.name}:{line}: links: <{tag}> to {address[:120]}"
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        if parts.path.startswith("/"):
            yield f"{place} begins at the root of the host, so it breaks below a path."
            continue
        target = (folder / page.name).parent / unquote(parts.path) if parts.path else None
        target = (target or folder / page.name).resolve()
        if target.is_dir():
            target /= "index.html"
        if not target.is_relative_to(folder) or not target.is_file():
            yield f"{place} leads to no file of the site."
            continue
        name = target.relative_to(folder).as_posix()
        anchor = unquote(parts.fragment)
        if anchor and name in pages and anchor not in pages[name].ids:
            yield f"{place}: nothing on {name} bears the id “{anchor}”."


def loads_from_elsewhere(page):
    """Find what a page would load from another host; a link to follow is no load."""
    for tag, address, line in page.references:
        if tag != "a" and re.match(r"(https?:)?//", address):
            yield f"{page.name}:{line}: hosts: <{tag}> loads {address}"


def open_policies(page):
    """Find a page without Content-Security-Policy, or one that lets others or any script in."""
    place = f"{page.name}: policy:"
    if not page.policy:
        yield f"{place} there is no Content-Security-Policy."
        return
    if re.search(r"https?:|\*|(^|[\s;])//", page.policy):
        yield f"{place} names another host: {page.policy}"
    scripts = re.search("script-src[^;]*", page.policy) or re.search(
        "default-src[^;]*", page.policy
    )
    if not scripts or re.search("'unsafe-(inline|eval)'", scripts.group()):
        yield f"{place} lets any inline script run: {scripts and scripts.group()}"


RULES = (  # of a page alone
    unnamed,
    headings_astray,
    pictures_without_words,
    doubled_ids,
    loads_from_elsewhere,
    open_policies,
)


def weight(folder, files, ours):
    """Weigh what a page loads, as a server sends it.

    Parameters
    ----------
    folder : pathlib.Path
        Of the site.
    files : iterable of str
        Paths in it; what is asked for twice counts once.
    ours : callable
        Whether the project wrote the file of a path.

    Returns
    -------
    total, of_ours : int
        Bytes; text is compressed with gzip, pictures and fonts are compressed already.
    """
    total = of_ours = 0
    for name in set(files):
        data = (Path(folder) / name).read_bytes()
        size = min(len(data), len(gzip.compress(data)))
        total += size
        of_ours += size if ours(name) else 0
    return total, of_ours
