"""Every page works when its file is opened, without any server."""

import pytest

from tests.support import site_html
from tests.support.browser import Reader, nothing

pytestmark = pytest.mark.slow


def test_every_page_works_from_the_disk(chromium, site):
    found = []
    for name in site_html.names(site):
        if name == "index.html":  # leads on at once
            continue
        reader = Reader(chromium, (site / name).as_uri()).open()
        found += [f"{name}: {error}" for error in reader.errors]
        found += [f"{name} asks for {url}" for url in reader.elsewhere()]
        reader.context.close()
    nothing(found)


def test_the_root_leads_to_the_home_page(chromium, site, address):
    for root in ((site / "index.html").as_uri(), f"{address}/"):
        page = chromium.new_page()
        page.goto(root)
        page.wait_for_url("**/book/index.html")
        page.close()
