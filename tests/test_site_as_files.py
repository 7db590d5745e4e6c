"""Every page works when its file is opened, without any server."""

import pytest
import site_html
from browser import Reader, nothing

pytestmark = pytest.mark.slow


def test_every_page_works_from_the_disk(chromium, site):
    found = []
    for name in site_html.names(site):
        reader = Reader(chromium, (site / name).as_uri()).open()
        found += [f"{name}: {error}" for error in reader.errors]
        found += [f"{name} asks for {url}" for url in reader.elsewhere()]
        reader.context.close()
    nothing(found)
