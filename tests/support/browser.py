"""What the tests of the built site share: one build of it, a server, a browser, a reader."""

import contextlib
import fcntl
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NPM = ROOT / "_build" / "npm" / "node_modules"  # .ci/run fills it
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 780}
BELOW = "/below/here"  # a site of a project lies below a path

READY = """async () => {
  const late = performance.now() + 20_000;
  const waits = () => [...document.querySelectorAll("course-widget:not([ready])")];
  while (waits().length) {
    if (performance.now() > late) {
      throw Error(`not ready: ${waits().map((widget) => widget.getAttribute("module"))}`);
    }
    await new Promise((then) => setTimeout(then, 20));
  }
  await globalThis.MathJax?.startup?.promise;
}"""


def nothing(findings):
    """Fail with all findings, one a line, if there are any."""
    found = list(findings)
    if found:
        pytest.fail(f"{len(found)} findings\n" + "\n".join(found), pytrace=False)


def lacking(what):
    """Skip where a tool is missing; fail where everything must be there."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI is set")
    pytest.skip(f"{what} is missing")


def build_once(run):
    """Build the site, unless a worker of the same test run has built it; return its folder.

    Parameters
    ----------
    run : str
        Names the test run; all its workers know it.
    """
    if "COURSE_SITE" in os.environ:
        return Path(os.environ["COURSE_SITE"])
    folder = ROOT / "_build"
    folder.mkdir(exist_ok=True)
    stamp = folder / "site_of_test_run"
    with open(folder / "site.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go when the file is closed
        if not stamp.is_file() or stamp.read_text() != run:
            stamp.unlink(missing_ok=True)
            command = [sys.executable, "-m", "course", "site"]
            built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert built.returncode == 0, built.stdout + built.stderr
            stamp.write_text(run)
    return folder / "html"


@contextlib.contextmanager
def served(folder):
    """Serve a folder below a path of its own, and give the address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def translate_path(self, path):
            return super().translate_path(path.removeprefix(BELOW))

    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{BELOW}"
    server.shutdown()


@contextlib.contextmanager
def launched():
    """Start Chromium, and give it."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("the package playwright")
    if CHROMIUM is None:
        lacking("Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Reader:
    """Somebody who has a page open, and notes what it asks for and what goes wrong.

    Attributes
    ----------
    requests, errors : list of str
        Addresses; messages of errors in the console and of uncaught ones.
    """

    def __init__(self, browser, url, **context):
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.requests, self.errors = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._hear)
        self.url = url

    def _hear(self, message):
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location['url']})")

    def open(self):
        """Go there, and wait until widgets and formulas are in place."""
        self.page.goto(self.url)
        self.page.evaluate(READY)
        return self

    def elsewhere(self):
        """Return the requests that left the site."""
        home = self.url.split(BELOW)[0] + BELOW if BELOW in self.url else "file:"
        return [url for url in self.requests if not url.startswith((home, "data:", "blob:"))]
