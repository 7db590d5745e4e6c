"""The live networks in a real browser: they start, answer, and survive what people drop on them."""

import struct
import zlib

import numpy as np
import pytest

from tests.support.browser import PHONE, Reader

pytestmark = pytest.mark.slow
PAGE = "book/live.html"


@pytest.fixture
def page(chromium, address):
    reader = Reader(chromium, f"{address}/{PAGE}").open()
    yield reader.page
    reader.context.close()
    assert not reader.errors and not reader.elsewhere()


def started(page, number):
    """Start the first widget, or the second, and return it when it has computed something."""
    widget = page.locator("course-widget").nth(number)
    widget.get_by_role("button", name="Start").click()
    says(widget, "Computed")
    return widget


def says(widget, text):
    widget.locator(".readout", has_text=text).wait_for(timeout=10_000)


def complains(widget, text):
    widget.locator(".problem", has_text=text).wait_for(timeout=20_000)


def give(widget, label, name, content):
    widget.get_by_label(label).set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def png(width, height, rows=None):
    """Return a grey PNG; without `rows` its pixels are all zero."""

    def chunk(kind, data):
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    pixels = (b"\0" * (width + 1)) * height if rows is None else rows
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(pixels, 1))
        + chunk(b"IEND", b"")
    )


def test_pictures_start_and_answer_in_time(page):
    seconds = page.evaluate(
        """async () => {
          const root = document.querySelector("course-widget").shadowRoot;
          const said = () => root.querySelector(".readout")?.textContent ?? "";
          const pause = () => new Promise((then) => setTimeout(then, 4));
          const until = async (done) => { while (!done()) await pause(); };
          const now = () => performance.now();
          let begin = now();
          root.querySelector(".start button").click();
          await until(() => said().includes("Computed"));
          const ready = now() - begin;
          const times = [];
          for (const input of [...root.querySelectorAll("[name=sample]")].slice(1)) {
            const before = said();
            begin = now();
            input.click();
            await until(() => said() !== before);
            times.push(now() - begin);
          }
          times.sort((a, b) => a - b);
          return { ready: ready / 1000, picture: times[times.length >> 1] / 1000 };
        }"""
    )
    print(f"\nready after {seconds['ready']:.2f} s, a picture in {seconds['picture']:.3f} s")
    assert seconds["ready"] < 1.0
    assert seconds["picture"] < 0.3


def test_every_layer_scores_and_explanations_are_there(page):
    widget = started(page, 0)
    assert widget.locator(".scores li").count() == 10
    assert widget.locator(".layers details").count() == 14  # all but dropout and flatten
    before = widget.locator(".why").inner_text()
    widget.get_by_role("button", name="frog").click()
    widget.locator(".why", has_text="frog").wait_for()
    assert widget.locator(".why").inner_text() != before
    widget.get_by_label("Grad-CAM at the layer").select_option(label="conv2")
    widget.locator(".why", has_text="conv2").wait_for()
    widget.get_by_label("Layer", exact=True).select_option(label="pool1")
    widget.get_by_label("Map", exact=True).fill("20")
    assert "20 of 32" in widget.locator(".lens").inner_text()


def test_a_photo_is_looked_at_and_bad_ones_are_refused_in_words(page):
    widget = started(page, 0)
    widget.get_by_role("radio", name="Photo").check(force=True)
    choose = "Choose a photo"
    good = widget.locator(".readout").inner_text()
    give(widget, choose, "grey.png", png(300, 200))
    page.wait_for_function(
        "text => !document.querySelector('course-widget').shadowRoot"
        ".querySelector('.readout').textContent.startsWith(text)",
        arg=good[:20],
    )
    shown = widget.locator(".readout").inner_text()
    for name, content, message in (
        ("huge.png", png(8000, 5000), "40 megapixels"),
        ("letter.png", b"Dear students, this is a letter.", "not a picture"),
        ("cut.png", png(300, 200)[:80], "not a picture"),
        ("nothing.jpg", b"", "empty"),
    ):
        give(widget, choose, name, content)
        complains(widget, message)
        assert widget.locator(".readout").inner_text() == shown
    give(widget, choose, "again.png", png(40, 90, b"\0" + b"\xff" * 40 + b"\0" * 41 * 89))
    widget.locator(".problem", has_not_text="empty").wait_for(state="attached")
    says(widget, "Computed")


def test_networks_that_are_damaged_or_unknown_leave_the_old_one_at_work(page, site):
    from course.build.live import DATA

    widget = started(page, 0)
    shown = widget.locator(".readout").inner_text()
    whole = (site / "_static" / DATA.relative_to("static") / "toy10_cnn.cnn").read_bytes()
    chirps = (site / "_static" / DATA.relative_to("static") / "gw_small.cnn").read_bytes()
    body = whole[16:].replace(b'"op":"flatten"', b'"op":"shuffle"', 1)
    unknown = whole[:12] + struct.pack("<I", zlib.crc32(body)) + body
    own = "Open your own network"
    for name, content, message in (
        ("cut.cnn", whole[:-1000], "damaged or incomplete"),
        ("flipped.cnn", whole[:5000] + b"?" + whole[5001:], "damaged or incomplete"),
        ("letter.cnn", b"This is no network at all.", "no network"),
        ("unknown.cnn", unknown, "a layer of the kind “shuffle”"),
        ("chirps.cnn", chirps, "39 × 100 × 2"),
    ):
        give(widget, own, name, content)
        complains(widget, message)
        assert widget.locator(".readout").inner_text() == shown
    widget.get_by_role("radio", name="6, dog", exact=True).check(force=True)
    give(widget, own, "mine.cnn", whole)
    widget.get_by_text("your own: mine.cnn").wait_for(state="attached")
    assert widget.locator(".problem").inner_text() == ""
    widget.get_by_label("Network", exact=True).select_option("first_cnn")
    widget.locator(".about", has_text="first_cnn").wait_for()
    widget.get_by_label("Network", exact=True).select_option("own")
    widget.locator(".about", has_text="cifar_cnn").wait_for()


def test_drawing_with_the_keyboard(page):
    widget = started(page, 0)
    widget.get_by_role("radio", name="Drawing").check(force=True)
    says(widget, "Computed")
    board = widget.get_by_label("Drawing board")
    board.focus()
    before = widget.locator(".share").all_inner_texts()
    page.keyboard.press("Space")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    assert widget.locator(".share").all_inner_texts() != before


def test_chirps_move_with_the_sliders(page):
    widget = started(page, 1)
    says(widget, "Signal-to-noise ratio")
    first = widget.locator(".readout").inner_text()
    widget.get_by_label("Distance").focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(600)
    assert widget.locator(".readout").inner_text() != first
    widget.get_by_label("Begin with").select_option("nothing but noise")
    says(widget, "gravitational wave")
    page.wait_for_timeout(600)
    assert "Signal-to-noise" not in widget.locator(".readout").inner_text()
    widget.get_by_label("Glitch", exact=True).select_option("whistle")
    says(widget, "whistle")
    widget.get_by_label("Network", exact=True).select_option("gw_cnn")
    widget.locator(".about", has_text="gw_cnn").wait_for()
    assert widget.locator(".scores li").count() == 2


@pytest.mark.parametrize("number", [0, 1])
def test_it_fits_a_phone(chromium, address, number):
    reader = Reader(chromium, f"{address}/{PAGE}", viewport=PHONE).open()
    started(reader.page, number)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert reader.page.evaluate(wide) <= 0
    reader.context.close()


@pytest.mark.parametrize("number", [0, 1])
def test_it_works_from_the_disk(chromium, site, number):
    reader = Reader(chromium, (site / PAGE).as_uri()).open()
    started(reader.page, number)
    assert not reader.errors and not reader.elsewhere()
    reader.context.close()


def test_a_missing_file_is_told_and_can_be_tried_again(chromium, address):
    reader = Reader(chromium, f"{address}/{PAGE}")
    reader.page.route("**/first_cnn.cnn", lambda route: route.abort())
    reader.open()
    widget = reader.page.locator("course-widget").first
    widget.get_by_role("button", name="Start").click()
    complains(widget, "could not be loaded")
    reader.page.unroute("**/first_cnn.cnn")
    widget.get_by_role("button", name="Try again").click()
    says(widget, "Computed")
    reader.context.close()


def test_scores_are_those_of_keras(page):
    """The whole way: a picture of the site, its pixels through a canvas, the worker, the bars."""
    from course.build import live as export_live
    from tests.support.live_networks import first_images
    from widgets.live import network_file

    model, network = export_live.load("first_cnn")
    scores = np.asarray(network_file.rounded(model)(first_images(20) + network.lowest))
    widget = started(page, 0)
    for number in (0, 7, 12):
        widget.locator("[name=sample]").nth(number).check(force=True)
        page.wait_for_timeout(400)
        shown = widget.locator(".bar span").evaluate_all(
            "bars => bars.map((bar) => parseFloat(bar.style.width))"
        )
        np.testing.assert_allclose(shown, 100 * scores[number], atol=0.01)
