"""Build the site with a PDF of every chapter: `python -m course pdf`, or `make pdf`.

A headless Chromium prints the pages as ``book/_static/print.css`` lays them out, solutions folded.
It gets them from this program, under the address that the course is published at, so that links in
a PDF lead there. Where there is no such address, a link to another page becomes plain text.
"""

import os
import shutil
import sys
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from course import ROOT, notebook
from course.build import site as build_site
from course.build import student
from helpers.sources import written_whole

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NOWHERE = "https://course.invalid/"  # a name that no host can have
MISSING = (
    "make pdf needs Chromium or Chrome. Install it, e.g. with apt-get install chromium, or with "
    ".venv/bin/playwright install chromium"
)

# Nothing is printed before formulas, fonts and pictures are there; returns what is missing.
READY = """async (nowhere) => {
  for (const link of document.querySelectorAll("a[href]")) {
    const elsewhere = link.pathname !== location.pathname;
    if (nowhere && elsewhere && link.origin === location.origin) link.removeAttribute("href");
  }
  const pictures = [...document.images];
  for (const picture of pictures) picture.loading = "eager";
  await Promise.all(pictures.map((picture) => picture.decode().catch(() => {})));
  await globalThis.MathJax?.startup?.promise;
  await document.fonts.ready;
  return pictures.filter((picture) => !picture.naturalWidth).map((picture) => picture.src);
}"""


@contextmanager
def browser():
    """Start a headless Chromium, or end with a line that says what to install."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, PROGRAMS)), None)
        for choice in [{"executable_path": path}] if path else [{"channel": "chrome"}, {}]:
            try:
                started = playwright.chromium.launch(**choice)
            except Error:
                continue
            yield started
            started.close()
            return
    sys.exit(MISSING)


def print_page(context, html, name, target):
    """Print a page of a built site.

    Parameters
    ----------
    context : playwright.sync_api.BrowserContext
    html : pathlib.Path
        Folder of the site.
    name : str
        The page in it, e.g. ``notebooks/convolution.html``.
    target : pathlib.Path
        The PDF, complete or absent.

    Raises
    ------
    RuntimeError
        If a picture of the page cannot be shown.
    """
    address = student.published_address() or NOWHERE

    def answer(route):
        path = html / unquote(urlsplit(route.request.url.removeprefix(address)).path)
        if route.request.url.startswith(address) and path.is_file():
            route.fulfill(path=path)
        else:
            route.abort()

    page = context.new_page()
    page.route("**/*", answer)
    page.goto(address + name, wait_until="load")
    missing = page.evaluate(READY, address == NOWHERE)
    if missing:
        raise RuntimeError(f"{name}: these pictures cannot be shown: {', '.join(missing)}")
    with written_whole(target) as part:
        page.pdf(path=part, format="A4", print_background=True, tagged=True, outline=True)
    page.close()


def main():
    with browser():
        pass  # before minutes are spent on the site
    os.environ["COURSE_PDF"] = "1"
    build_site.main()
    folder = build_site.HTML / "pdf"
    with browser() as started:
        context = started.new_context()
        for name in notebook.pages():
            print_page(context, build_site.HTML, f"notebooks/{name}.html", folder / f"{name}.pdf")
    size = sum(path.stat().st_size for path in folder.glob("*.pdf")) / 1e6
    print(f"The chapters are in {folder.relative_to(ROOT)}, {size:.1f} MB in all.")
