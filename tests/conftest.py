import uuid

import pytest

from tests.support import browser


@pytest.fixture(scope="session")
def site(request):
    """Return the folder of the site, built once per test run; $COURSE_SITE may name another."""
    worker = getattr(request.config, "workerinput", {})
    return browser.build_once(worker.get("testrunuid") or uuid.uuid4().hex)


@pytest.fixture(scope="session")
def address(site):
    """Serve the site below a path of its own, as a project page is."""
    with browser.served(site) as url:
        yield url


@pytest.fixture(scope="module")  # Playwright keeps an event loop running, which others may need
def chromium():
    """Start Chromium; without it, skip, or fail with CI=true."""
    with browser.launched() as started:
        yield started
