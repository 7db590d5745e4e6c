import sys
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "grading")]


@pytest.fixture(scope="session")
def site(request):
    """Return the folder of the site, built once per test run; $COURSE_SITE may name another."""
    import browser

    worker = getattr(request.config, "workerinput", {})
    return browser.build_once(worker.get("testrunuid") or uuid.uuid4().hex)


@pytest.fixture(scope="session")
def address(site):
    """Serve the site below a path of its own, as a project page is."""
    import browser

    with browser.served(site) as url:
        yield url


@pytest.fixture(scope="module")  # Playwright keeps an event loop running, which others may need
def chromium():
    """Start Chromium; without it, skip, or fail with CI=true."""
    import browser

    with browser.launched() as started:
        yield started
