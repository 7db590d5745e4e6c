"""The widgets in a real browser: by keyboard, with bad files, as a file, without scripts."""

import re
import struct
import zlib

import pytest

from tests.support import browser
from widgets import learning_curves

pytestmark = pytest.mark.slow
WIDGETS = (
    "conv_stepper",
    "pool_stepper",
    "kernel_lab",
    "receptive_field",
    "learning_curves",
    "spectrogram",
    "quiz",
)
PAGE = "book/playground.html"


class Reader(browser.Reader):
    """Somebody who plays with the widgets of a page."""

    def widget(self, name):
        return self.page.locator(f'course-widget[module="widgets/{name}.js"]')

    def says(self, name):
        """Return what the widget reads out."""
        return self.widget(name).locator(".readout").inner_text().replace("\u00a0", " ")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        self.page.wait_for_timeout(100)

    def tab_to(self, locator):
        """Reach a control with the Tab key alone."""
        self.page.evaluate("document.activeElement?.blur()")
        for _ in range(400):
            self.page.keyboard.press("Tab")
            if locator.evaluate("e => e.getRootNode().activeElement === e"):
                return
        raise AssertionError("the Tab key does not lead there")


@pytest.fixture
def reader(chromium, address):
    somebody = Reader(chromium, f"{address}/{PAGE}", viewport={"width": 1280, "height": 900}).open()
    yield somebody
    somebody.context.close()


def test_all_start_and_nothing_comes_from_elsewhere(reader):
    assert not reader.errors and not reader.elsewhere()
    assert reader.page.locator("course-widget[ready]").count() >= len(WIDGETS)


def test_convolution_by_keyboard(reader):
    widget = reader.widget("conv_stepper")
    output = widget.locator('[aria-label="output"] [tabindex="0"]')
    reader.tab_to(output)
    assert reader.says("conv_stepper") == "output[0, 0] = 2 × 2 + 3 × 1 + 3 × 1 + 1 × 3 = 13"
    reader.press("ArrowRight", "ArrowDown")
    assert reader.says("conv_stepper") == "output[1, 1] = 1 × 2 + 2 × 1 + 1 × 1 + 0 × 3 = 5"
    reader.press("Home")
    assert reader.says("conv_stepper").endswith("= 14")
    assert output.evaluate("e => e.getRootNode().activeElement === e")

    reader.tab_to(widget.locator('input[value="valid"]'))
    reader.press("ArrowRight")  # same
    assert widget.locator("figcaption").all_inner_texts() == [
        "image 4 × 4, with zeros 5 × 5",
        "kernel 2 × 2",
        "output 4 × 4",
    ]
    reader.tab_to(widget.locator("select").last)  # appears with mode same
    reader.press("ArrowDown", "ArrowDown")  # zeros at the top and left
    reader.tab_to(widget.locator('[aria-label="output"] [tabindex="0"]'))
    reader.press("Control+Home")
    assert reader.says("conv_stepper") == "output[0, 0] = 0 × 2 + 0 × 1 + 0 × 1 + 2 × 3 = 6"

    reader.tab_to(widget.locator('[aria-label="kernel"] input[tabindex="0"]'))
    reader.press("ArrowRight", "ArrowDown")
    reader.page.keyboard.type("-1/2")
    assert "2 × (−0.5) = −1" in reader.says("conv_stepper")


def test_convolution_flips_the_kernel(reader):
    widget = reader.widget("conv_stepper")
    reader.tab_to(widget.locator('input[value="as it is"]'))
    reader.press("ArrowRight")
    assert reader.says("conv_stepper") == "output[0, 0] = 2 × 3 + 3 × 1 + 3 × 1 + 1 × 2 = 14"
    assert "kernel 2 × 2, flipped" in widget.locator("figcaption").all_inner_texts()


def test_a_kernel_larger_than_the_image_is_said(reader):
    widget = reader.widget("conv_stepper")
    widget.locator("select").first.select_option("5")
    assert "larger than the image" in reader.says("conv_stepper")
    widget.locator("select").first.select_option("3")
    assert reader.says("conv_stepper").startswith("output[0, 0]")


def test_pooling_by_keyboard(reader):
    widget = reader.widget("pool_stepper")
    reader.tab_to(widget.locator('[aria-label="output"] [tabindex="0"]'))
    reader.press("ArrowDown")
    assert reader.says("pool_stepper") == "output[1, 0] = max(4, 1, 7, 2) = 7"
    reader.tab_to(widget.locator('input[value="max"]'))
    reader.press("ArrowRight")
    assert reader.says("pool_stepper") == "output[1, 0] = mean(4, 1, 7, 2) = 3.5"


def test_a_finger_moves_the_window(chromium, address):
    somebody = Reader(
        chromium, f"{address}/{PAGE}", viewport={"width": 360, "height": 780}, has_touch=True
    ).open()
    somebody.widget("conv_stepper").locator('[aria-label="output"] .cell').nth(5).tap()
    assert somebody.says("conv_stepper").startswith("output[1, 2]")
    width = somebody.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    somebody.context.close()


def test_calm_readers_get_no_animation(chromium, address):
    somebody = Reader(chromium, f"{address}/{PAGE}", reduced_motion="reduce").open()
    assert somebody.widget("conv_stepper").get_by_text("Next").count() == 1
    assert somebody.widget("conv_stepper").get_by_text("Play").count() == 0
    somebody.context.close()


def test_the_kernel_lab_by_keyboard(reader):
    widget = reader.widget("kernel_lab")
    answer = widget.locator("canvas").last
    reader.tab_to(answer)
    reader.press("ArrowUp")
    first = reader.says("kernel_lab")
    assert first.startswith("Pixel [119, 160]: ")
    reader.tab_to(widget.locator("select").first)
    reader.press("End", "ArrowUp")  # the same picture
    reader.tab_to(answer)
    reader.press("ArrowDown")
    words = reader.says("kernel_lab").rstrip(".").split(" ")
    assert words[3] == words[5]  # becomes itself
    reader.tab_to(widget.locator('[aria-label="kernel"] input[tabindex="0"]'))
    reader.press("ArrowRight", "ArrowDown")
    reader.page.keyboard.type("-1")
    reader.tab_to(answer)
    reader.press("ArrowUp", "ArrowDown")
    assert "becomes −" in reader.says("kernel_lab")


def test_the_kernel_lab_follows_a_slider(reader):
    """At 320 × 240 it draws at least 30 times a second."""
    widget = reader.widget("kernel_lab")
    widget.locator("select").first.select_option("turned")
    canvas = widget.locator("canvas").last
    assert canvas.evaluate("c => [c.width, c.height]") == [320, 240]
    slider = widget.locator('input[type="range"]')
    drawn = slider.evaluate(
        """async (slider) => {
          const canvas = [...slider.getRootNode().querySelectorAll("canvas")].at(-1);
          const context = canvas.getContext("2d");
          const put = context.putImageData.bind(context);
          let drawn = 0;
          context.putImageData = (...all) => { drawn += 1; put(...all); };
          const start = performance.now();
          let angle = 0;
          while (performance.now() - start < 2000) {
            slider.value = angle = (angle + 3) % 360;
            slider.dispatchEvent(new Event("input"));
            await new Promise(requestAnimationFrame);
          }
          return drawn / 2;
        }"""
    )
    print(f"\nkernel lab: {drawn:.0f} frames per second")
    assert drawn >= 30


def png(width, height):
    """Return a black PNG of that size."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\0" * (-(-width // 8))) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_bad_pictures_are_answered_and_break_nothing(reader):
    widget = reader.widget("kernel_lab")
    chooser = widget.locator('input[type="file"]')
    problem = widget.locator(".problem")
    for name, content, message in (
        ("holiday.png", png(8000, 5000), "40 megapixels (8000 × 5000)"),
        ("letter.png", b"Dear reader, this is no picture.", "is not a picture that this browser"),
        ("empty.jpg", b"", "is empty"),
        ("cut.png", png(200, 100)[:60], "is not a picture that this browser can read"),
    ):
        chooser.set_input_files({"name": name, "mimeType": "image/png", "buffer": content})
        problem.filter(has_text=message).wait_for()
        assert name in problem.inner_text()
    chooser.set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": png(640, 200)})
    widget.get_by_text("your picture", exact=True).wait_for()
    assert problem.inner_text() == ""
    assert widget.locator("canvas").first.evaluate("c => [c.width, c.height]") == [320, 100]
    widget.get_by_text("Back to the dog").click()
    assert widget.locator("canvas").first.evaluate("c => [c.width, c.height]") == [320, 240]
    assert not reader.errors


def test_the_calculator_by_keyboard(reader):
    widget = reader.widget("receptive_field")
    total = widget.locator(".total")
    assert "1,084,234 parameters" in total.inner_text()
    reader.tab_to(widget.locator("select").first)
    reader.press("Home")
    assert "sees 7 × 7" in widget.locator("li").last.inner_text().replace("\u00a0", " ")
    reader.tab_to(widget.get_by_label("filters of layer 3"))
    reader.press("Control+a")
    reader.page.keyboard.type("1")
    assert "2,913 parameters" in total.inner_text()  # 448 + 2320 + 145
    reader.tab_to(widget.get_by_text("Add a layer"))
    reader.press("Enter")
    assert widget.locator("li").count() == 4
    reader.tab_to(widget.get_by_label("remove layer 1"))
    reader.press("Enter")
    assert widget.locator("li").count() == 3
    reader.tab_to(widget.locator("svg.pick"))
    reader.press("ArrowUp", "ArrowUp")
    assert "depends on" in reader.says("receptive_field")


def test_a_layer_that_does_not_fit_is_said(reader):
    widget = reader.widget("receptive_field")
    widget.get_by_label("size of layer 6").fill("50")
    widget.get_by_text("A window of 50 × 50 does not fit into 16 × 16").wait_for(state="attached")
    widget.get_by_label("size of layer 6").fill("x")
    assert widget.get_by_label("size of layer 6").get_attribute("aria-invalid") == "true"


def test_learning_curves_by_keyboard(reader):
    widget = reader.widget("learning_curves")
    reader.tab_to(widget.locator("svg.plot"))
    reader.press("ArrowRight", "ArrowRight")
    said = "Epoch 2, accuracy on training images / on others: cifar_cnn_32_filters 0.235 / 0."
    assert reader.says("learning_curves").startswith(said)
    reader.tab_to(widget.locator('input[value="epochs"]'))
    reader.press("ArrowRight")
    reader.tab_to(widget.locator("svg.plot"))
    reader.press("PageDown")
    assert reader.says("learning_curves").startswith("After ")
    cards = [run["card"] for run in learning_curves.runs()]
    assert widget.locator("tbody tr").count() == cards.count("cifar_cnn_steps")
    widget.locator("select").nth(1).select_option("first_cnn")
    both = cards.count("cifar_cnn_steps") + cards.count("first_cnn")
    assert widget.locator("tbody tr").count() == both


def test_the_spectrogram_by_keyboard(reader):
    widget = reader.widget("spectrogram")
    assert reader.says("spectrogram").startswith("Loudest: −0.0")
    loud = float(reader.says("spectrogram").split("energy ")[1].split(";")[0])
    assert loud > 30
    reader.tab_to(widget.locator("svg[tabindex]"))
    reader.press("ArrowLeft", "Shift+ArrowLeft", "ArrowUp")
    assert "Hz: energy" in reader.says("spectrogram")
    reader.tab_to(widget.locator('input[type="checkbox"]'))
    reader.press("Space")
    legend = widget.get_by_text("Without whitening")
    legend.wait_for()
    times = re.search(r"yellow ([\d,]+) times the median", legend.inner_text())[1]
    assert int(times.replace(",", "")) > 10  # low frequencies, and in real strain the lines
    widget.locator("select").select_option("GW151226")
    widget.get_by_text("GPS 1135136350.65").wait_for()
    assert any("strain_GW151226.js" in url for url in reader.requests)
    assert not any("strain_GW151012.js" in url for url in reader.requests)
    assert not reader.errors


def test_every_wrong_answer_is_explained(reader):
    widget = reader.widget("quiz")
    feedback = widget.locator(".feedback")
    reader.tab_to(widget.get_by_text("Check"))
    reader.press("Enter")
    assert feedback.inner_text() == "Choose an answer first."
    count = widget.locator('input[type="radio"]').count()
    for i in range(count):
        widget.locator('input[type="radio"]').nth(i).check()
        widget.get_by_text("Check").click()
        right = i == 0
        assert feedback.inner_text().startswith("Right." if right else "Not so.")
        assert reader.page.locator(f'[slot="feedback-{i}"]').is_visible()
        others = [j for j in range(count) if j != i]
        assert not any(reader.page.locator(f'[slot="feedback-{j}"]').is_visible() for j in others)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_followed(chromium, address, scheme):
    somebody = Reader(chromium, f"{address}/{PAGE}", color_scheme=scheme).open()
    card = somebody.widget("quiz").locator(".card")
    assert card.get_attribute("data-scheme") == scheme
    other = "light" if scheme == "dark" else "dark"
    somebody.page.evaluate(f"document.documentElement.dataset.theme = '{other}'")
    somebody.widget("quiz").locator(f'.card[data-scheme="{other}"]').wait_for()
    somebody.context.close()


def test_a_page_opened_as_a_file_works(chromium, site):
    somebody = Reader(chromium, (site / PAGE).as_uri()).open()
    assert somebody.says("conv_stepper").endswith("= 13")
    assert somebody.says("spectrogram").startswith("Loudest")
    somebody.widget("spectrogram").locator("select").select_option("GW151012")
    somebody.widget("spectrogram").get_by_text("GPS 1128678900.44").wait_for()
    assert not somebody.errors and not somebody.elsewhere()
    somebody.context.close()


def test_without_scripts_there_are_pictures(chromium, address):
    somebody = Reader(chromium, f"{address}/{PAGE}", java_script_enabled=False)
    somebody.page.goto(somebody.url)
    for name in WIDGETS:
        if name == "quiz":
            continue
        image = somebody.widget(name).locator("img")
        image.scroll_into_view_if_needed()
        assert image.bounding_box()["height"] > 100
        assert len(image.get_attribute("alt")) > 40
    quiz = somebody.widget("quiz")
    assert quiz.get_by_text("14 × 14").is_visible()
    assert not quiz.get_by_text("That is stride 1").is_visible()
    quiz.get_by_text("Is answer 4 right?").click()
    assert quiz.get_by_text("That is stride 1").is_visible()
    somebody.context.close()


def test_data_that_does_not_arrive_is_said_and_the_picture_stays(chromium, address):
    somebody = Reader(chromium, f"{address}/{PAGE}")
    somebody.page.route("**/data/runs.js*", lambda route: route.abort())
    somebody.page.goto(somebody.url)
    widget = somebody.widget("learning_curves")
    widget.get_by_text("This widget could not start").wait_for()
    assert widget.locator("img").is_visible()
    somebody.widget("quiz").and_(somebody.page.locator("[ready]")).wait_for()
    somebody.context.close()
