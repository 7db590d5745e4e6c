"""Every page of the site in a real browser: silent, light, reachable, narrow enough for a phone.

Each page is opened once, and looked at in light and dark, at desktop and phone width; those of the
reference, which are of one kind, in one of these four ways each, in turn.
"""

import pytest

from tests.support import ROOT, axe, site_html
from tests.support.browser import BELOW, DESKTOP, PHONE, Reader, nothing

pytestmark = pytest.mark.slow
FIRST_LOAD = 1_500_000  # bytes: ten seconds in a tram
OF_OURS = 400_000  # what is not theme, MathJax or recorded figure
ASKED = {"search.html": "?q=kernel"}  # an empty search shows nothing
LOOKS = (("light", DESKTOP), ("dark", DESKTOP), ("dark", PHONE), ("light", PHONE))
REFERENCE = "book/api/"  # many pages of one kind: each is looked at in one of the ways, in turn
WIDE = """() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const right = (element) => Math.round(element.getBoundingClientRect().right);
  const shown = (element) => getComputedStyle(element).overflowX === "visible";
  const free = (element) => !element || (shown(element) && free(element.parentElement));
  const wide = [...document.body.querySelectorAll("*")].filter(
    (element) => right(element) > root.clientWidth && free(element.parentElement),
  );
  const said = wide.map((e) => `<${e.localName} class="${e.className}"> ends at ${right(e)} px`);
  return [`${root.scrollWidth} px wide, where there are ${root.clientWidth}`, ...said];
}"""
# The button “Back to top” shows after a little way up.
WANDER = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  scrollTo(0, document.body.scrollHeight / 2);
  await frame();
  await frame();
  scrollBy(0, -200);
  await frame();
  await frame();
}"""


def ours(name):
    """Whether the project wrote a file of the site: not the theme, MathJax or a recorded figure."""
    if name.startswith("_static/"):
        made = name.startswith(("_static/widgets/", "_static/live/"))
        return made or (ROOT / "book" / name).is_file()
    return name.endswith((".html", ".svg"))


def start_networks(page):
    for widget in page.locator("course-widget").all():
        widget.get_by_role("button", name="Start", exact=True).click()
        widget.locator(".readout", has_text="Computed").wait_for(timeout=20_000)


def visit(chromium, address, name, looks=LOOKS):
    """Return what a visit of a page brings to light, by the gate that asks for it."""
    reader = Reader(
        chromium,
        f"{address}/{name}{ASKED.get(name, '')}",
        viewport=DESKTOP,
        color_scheme="light",
        reduced_motion="reduce",
    ).open()
    page = reader.page
    page.wait_for_load_state("networkidle")
    asked = {url.split(BELOW + "/")[-1].split("?")[0] for url in reader.requests}
    found = {"files": {file for file in asked if not file.startswith(("data:", "blob:"))}}
    if name == "book/live.html":
        start_networks(page)
    axe.prepare(page)
    found["axe"] = []
    for scheme, size in looks:
        if page.viewport_size != size:
            page.set_viewport_size(size)
            page.wait_for_timeout(500)  # the theme waits as long before it looks what scrolls
        page.evaluate("scheme => { document.documentElement.dataset.theme = scheme }", scheme)
        page.evaluate(WANDER)
        found["axe"] += axe.findings(page, name, f"{scheme}, {size['width']} px")
    page.set_viewport_size(PHONE)
    found["wide"] = [f"{name}: {place}" for place in page.evaluate(WIDE)]
    found["errors"] = [f"{name}: {error}" for error in reader.errors]
    found["elsewhere"] = [f"{name} asks for {url}" for url in reader.elsewhere()]
    reader.context.close()
    return found


@pytest.fixture(scope="module")
def visits(chromium, address, site):
    names = [name for name in site_html.names(site) if name != "index.html"]  # which leads on
    reference = [name for name in names if name.startswith(REFERENCE)]
    looks = {name: [LOOKS[k % len(LOOKS)]] for k, name in enumerate(reference)}
    return {name: visit(chromium, address, name, looks.get(name, LOOKS)) for name in names}


def test_no_page_asks_another_host(visits):
    nothing(f for found in visits.values() for f in found["elsewhere"])


def test_no_page_has_errors(visits):
    nothing(f for found in visits.values() for f in found["errors"])


def test_axe_finds_nothing(visits):
    nothing(f for found in visits.values() for f in found["axe"])


def test_nothing_scrolls_sideways_on_a_phone(visits):
    nothing(f for found in visits.values() for f in found["wide"])


def test_first_load_is_light(visits, site):
    print()
    heavy = []
    for name, found in visits.items():
        total, of_ours = site_html.weight(site, found["files"], ours)
        line = f"{name}: {total / 1000:.0f} kB, of it ours {of_ours / 1000:.0f} kB"
        print(line)
        if total > FIRST_LOAD or of_ours > OF_OURS:
            heavy.append(f"{line}; at most {FIRST_LOAD / 1000:.0f} and {OF_OURS / 1000:.0f}")
    nothing(heavy)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_menu_and_search_of_a_phone_are_accessible(chromium, address, scheme):
    url = f"{address}/notebooks/convolution.html"
    reader = Reader(
        chromium, url, viewport=PHONE, color_scheme=scheme, reduced_motion="reduce"
    ).open()
    axe.prepare(reader.page)
    reader.page.locator(".primary-toggle").first.click()
    reader.page.locator("#pst-primary-sidebar-modal[open]").wait_for()
    found = axe.findings(reader.page, "menu", scheme)
    reader.page.keyboard.press("Escape")
    reader.page.keyboard.press("Control+k")
    reader.page.locator("#pst-search-dialog[open]").wait_for()
    nothing(found + axe.findings(reader.page, "search", scheme))
    reader.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_first_visit_is_shown_in_the_scheme_of_the_system(chromium, address, scheme):
    reader = Reader(chromium, f"{address}/book/index.html", color_scheme=scheme)
    reader.page.route("**/*.js*", lambda route: route.abort())  # before the theme comes in
    reader.page.goto(reader.url)
    assert reader.page.locator("html").get_attribute("data-theme") == scheme
    reader.context.close()


def test_axe_sees_what_is_wrong(chromium, address):
    """In the page, in what is folded, in the shadow of a widget, and under another button.

    What floats covers a button for now only.
    """
    reader = Reader(chromium, f"{address}/book/playground.html", viewport=DESKTOP).open()
    reader.page.evaluate(
        """() => {
          const article = document.querySelector(".bd-article");
          article.insertAdjacentHTML("beforeend", `<details><summary>More</summary>
            <p id="pale" style="color: #ccc; background: #fff">pale</p></details>`);
          const size = "width: 40px; height: 30px; margin: 0; padding: 0";
          const pair = (name, over) => `<p><button id="${name}" style="${size}">a</button
            ><button style="${size}; margin-left: -25px; position: ${over}">b</button></p>`;
          article.insertAdjacentHTML(
            "beforeend", pair("under", "relative") + pair("passing", "sticky; left: 0"));
          const button = document.createElement("button");
          button.className = "nameless";
          document.querySelector("course-widget").shadowRoot.append(button);
        }"""
    )
    axe.prepare(reader.page)
    found = axe.findings(reader.page, "page", "light")
    assert len(found) == 3, found
    for rule, place in (
        ("color-contrast", "#pale"),
        ("button-name", ".nameless"),
        ("target-size", "#under"),
    ):
        assert any(rule in finding and place in finding for finding in found), found
    reader.context.close()


def test_errors_hosts_and_width_are_seen(chromium, address):
    reader = Reader(chromium, f"{address}/book/index.html", viewport=PHONE).open()
    reader.page.evaluate(
        """async () => {
          await fetch("https://example.org/").catch(() => 0);
          document.querySelector(".bd-article").insertAdjacentHTML("beforeend",
            `<div class="wall" style="width: 500px">wide</div><script>1</script>`);
          setTimeout(() => missing());
          await new Promise((then) => setTimeout(then, 50));
        }"""
    )
    assert any("Content Security Policy" in error for error in reader.errors)  # nothing gets out
    assert any("missing is not defined" in error for error in reader.errors)
    assert [place for place in reader.page.evaluate(WIDE) if "wall" in place]
    reader.requests.append("https://example.org/")
    assert reader.elsewhere() == ["https://example.org/"]
    reader.context.close()
