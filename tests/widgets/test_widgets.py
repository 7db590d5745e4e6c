"""The widgets in notebooks and in pages: what they accept, what they become, what they show."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest

import widgets
from helpers import released
from helpers.sources import DataError
from tests.support import ROOT
from widgets import es_modules, kernel_lab, learning_curves, spectrogram

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(
    NODE is None and os.environ.get("CI") != "true", reason="install Node.js 20 to run JavaScript"
)


def run_node(*arguments):
    return subprocess.run([NODE, *arguments], cwd=ROOT, capture_output=True, text=True)


@needs_node
def test_the_javascript_passes_its_own_tests():
    folder = ROOT / "tests" / "widgets"
    files = sorted(str(p) for p in folder.glob("*.test.mjs") if not p.name.startswith("live_"))
    done = run_node("--test", *files)
    assert done.returncode == 0, done.stdout[-4000:]
    assert int(re.search(r"# pass (\d+)", done.stdout)[1]) > 40


def test_students_wait_for_nothing_heavy():
    code = "import sys, helpers.widgets; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not {"matplotlib", "keras", "scipy", "chirps", "sphinx"} & set(done.stdout.split())


@pytest.mark.parametrize("name", widgets.NAMES)
def test_a_widget_is_two_files_side_by_side(name):
    (widget,) = [w for w in widgets.WIDGETS.values() if w.name == name.split(".")[-1]]
    assert widget.module == f"widgets/{name.replace('.', '/')}.js"
    assert (ROOT / widget.module).is_file() and (ROOT / widget.module).with_suffix(".py").is_file()
    assert bool(widget.picture) == bool(widget.alt)


# --- options ------------------------------------------------------------------------------------


def test_arrays_become_lists():
    kernel = np.array([[1, 0.5], [2, 3]])
    assert widgets.checked("conv_stepper", {"kernel": kernel}) == {"kernel": [[1, 0.5], [2, 3]]}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("conv_steper", {}, "no widget 'conv_steper'. There are: conv_stepper, "),
        ("conv_stepper", {"mod": "same"}, "no option 'mod'. It has: image, kernel, mode"),
        ("conv_stepper", {"mode": "some"}, "expected one of 'valid', 'same', 'full'"),
        ("conv_stepper", {"stride": True}, "expected one of 1, 2, 3"),
        ("conv_stepper", {"kernel": [[1, 2], [3]]}, "expected a matrix"),
        ("conv_stepper", {"kernel": [1, 2]}, "expected a matrix"),
        ("conv_stepper", {"kernel": [[1, float("nan")]]}, "expected a matrix"),
        ("conv_stepper", {"flip": "yes"}, "expected true or false"),
        ("spectrogram", {"q": "12"}, "expected a number"),
        ("learning_curves", {"card": 3}, "expected a text"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(name, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        widgets.checked(name, options)


def answers(*, feedback="No.", correct=True):
    return [{"text": "a", "correct": correct}, {"text": "b", "feedback": feedback}]


def test_a_quiz_explains_every_wrong_answer():
    question = {"question": "Which?"}
    assert widgets.checked("quiz", {**question, "answers": answers()})
    for wrong in (answers(feedback=""), answers(correct=False), [], [{"text": "a"}], "a", ["a"]):
        with pytest.raises(ValueError, match="feedback if it is not"):
            widgets.checked("quiz", {**question, "answers": wrong})


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_every_option_is_known_to_its_module(name):
    module = (ROOT / widgets.WIDGETS[name].module).read_text(encoding="utf-8")
    for option in widgets.WIDGETS[name].options:
        assert re.search(rf'(get|option|matrixOr\(model\.get)\("{option}"', module), option


# --- notebooks ----------------------------------------------------------------------------------


def test_without_anywidget_a_line_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    shown = widgets.show("conv_stepper", mode="same")
    assert "pip install anywidget" in repr(shown)
    page = shown._repr_html_()
    assert page.startswith('<course-widget module="widgets/conv_stepper.js" options="{&quot;mode')
    assert "pip install anywidget" in page


def test_with_anywidget_the_same_module_runs(monkeypatch):
    class AnyWidget:
        def __init__(self, **values):
            self.values = values

        def _repr_mimebundle_(self, **kwargs):
            return {"application/vnd.jupyter.widget-view+json": {}}, {}

    class Any:
        def __init__(self, default, allow_none):
            assert default is None and allow_none

        def tag(self, sync):
            assert sync
            return self

    monkeypatch.setitem(sys.modules, "anywidget", types.SimpleNamespace(AnyWidget=AnyWidget))
    monkeypatch.setitem(sys.modules, "traitlets", types.SimpleNamespace(Any=Any))
    shown = widgets.show("learning_curves", card="first_cnn")
    assert shown.values["card"] == "first_cnn"
    assert {run["card"] for run in shown.values["runs"]} >= {"first_cnn", "cifar_cnn"}
    assert isinstance(type(shown).measure, Any)
    assert "export default modules" in shown._esm
    assert not re.search(r"^import ", shown._esm, re.MULTILINE)
    bundle, _ = shown._repr_mimebundle_()
    assert bundle["text/html"].startswith("<course-widget ")


# --- modules put together -----------------------------------------------------------------------


@needs_node
@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_a_module_without_imports_exports_the_widget(name, tmp_path):
    module = es_modules.as_module(ROOT, widgets.WIDGETS[name].module)
    (tmp_path / "one.mjs").write_text(module, encoding="utf-8")
    code = "const m = await import(process.argv[1]); console.log(typeof m.default.render)"
    done = run_node("--input-type=module", "-e", code, str(tmp_path / "one.mjs"))
    assert done.stdout.strip() == "function", done.stderr


@needs_node
def test_the_bundle_puts_every_widget_on_the_shelf(tmp_path):
    roots = [widget.module for widget in widgets.WIDGETS.values()]
    script = es_modules.as_script(ROOT, roots)
    code = "console.log(Object.keys(courseWidgets.modules).join())"
    (tmp_path / "bundle.cjs").write_text(f"{script}{code}", encoding="utf-8")
    done = run_node(str(tmp_path / "bundle.cjs"))
    assert done.stdout.strip().split(",") == roots, done.stderr


@needs_node
def test_names_folders_and_order_survive(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "top.js").write_text(
        'import {\n  one,\n  two as zwei,\n} from "../b.js";\n'
        "export default { sum: one() + zwei };\n"
    )
    (tmp_path / "b.js").write_text(
        'import { two as deux } from "./a/c.js";\n'
        "export function one() { return 1; }\nexport class Box {}\n"
        "export async function wait() {}\nexport const two = deux;\n"
    )
    (tmp_path / "a" / "c.js").write_text("export const two = 2; // export nothing else\n")
    script = es_modules.as_script(tmp_path, ["a/top.js"])
    (tmp_path / "run.cjs").write_text(
        f'{script}console.log(courseWidgets.modules["a/top.js"].default.sum);'
    )
    assert run_node(str(tmp_path / "run.cjs")).stdout == "3\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('import x from "./b.js";', "does not understand 'import x"),
        ('import { x } from "elsewhere";', "does not understand 'import {"),
        ("export { x };", "does not understand 'export { x };'"),
        ("export let x = 1;", "does not understand 'export let"),
        ("const u = import.meta.url;", "does not understand 'import.meta'"),
        ('const m = import("./b.js");', "does not understand 'import('"),
        ('import { x } from "./b.js";', "a.js needs b.js: no such file"),
        ('import { x } from "./a.js";', "a.js → a.js: modules import in a circle"),
    ],
)
def test_what_cannot_be_put_together_is_refused(text, message, tmp_path):
    (tmp_path / "a.js").write_text(text)
    with pytest.raises(DataError, match=re.escape(message)):
        es_modules.as_script(tmp_path, ["a.js"])


# --- data ---------------------------------------------------------------------------------------


def test_the_dog_is_small_and_credited():
    from PIL import Image

    dog = kernel_lab.dog()
    head, _, data = dog["image"].partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.size == (320, 240)
    assert len(data) < 60_000
    assert dog["credit"]


def test_runs_are_those_of_the_run_cards():
    runs = learning_curves.runs()
    card = released.released_card("cifar_cnn")
    (run,) = [run for run in runs if run["card"] == "cifar_cnn"]
    assert run["history"] == card["runs"][0]["history"]
    assert run["test_accuracy"] == card["runs"][0]["test_accuracy"]
    assert run["parameters"] == card["parameters"]
    notes = [run["note"] for run in runs if run["card"] == "first_cnn"]
    assert sorted(notes) == ["", "", "", "the run that chose the epochs"]
    assert len(json.dumps(runs)) < 60_000


@pytest.mark.parametrize("event", spectrogram.EVENTS[:1])
def test_strain_keeps_what_a_detector_hears(event):
    from scipy import signal

    from chirps import strain

    packed = spectrogram.strain(event)
    pair = strain.load_event(event, verbose=False)
    assert packed["stand_in"] == pair.source.stand_in
    assert packed["merger"] == pytest.approx(8, abs=0.001)
    for name, series in pair.strains.items():
        values = np.frombuffer(base64.b64decode(packed["strain"][name]["values"]), "<i2")
        assert len(values) == 16 * 1024
        ours = values * packed["strain"][name]["scale"]
        first = round((pair.event.gps - packed["merger"] - series.gps_start) * series.sample_rate)
        theirs = series.values[first : first + 16 * series.sample_rate]
        frequencies, power = signal.welch(ours, 1024, nperseg=1024)
        _, wanted = signal.welch(theirs, series.sample_rate, nperseg=series.sample_rate)
        band = (frequencies >= 25) & (frequencies <= 450)
        np.testing.assert_allclose(power[band], wanted[: len(power)][band], rtol=0.1)
    assert len(json.dumps(packed)) < 100_000


# --- pages --------------------------------------------------------------------------------------

CONF = """
extensions = ["myst_parser", "widgets.directive"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Return a function that builds pages and gives back the HTML of one, or Sphinx's report."""
    pytest.importorskip("myst_parser")

    def built(text, page="sub/page"):
        folder = tmp_path_factory.mktemp("book")
        source = folder / "source"
        (source / page).parent.mkdir(parents=True)
        (source / "conf.py").write_text(CONF)
        (source / "index.md").write_text(f"# Home\n\n```{{toctree}}\n{page}\n```\n")
        (source / f"{page}.md").write_text(f"# Page\n\n{text}\n", encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"]
        done = subprocess.run(
            [*command, "-b", "html", str(source), str(folder / "out")],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            return done.stderr
        return (folder / "out" / f"{page}.html").read_text(encoding="utf-8")

    return built


@pytest.mark.slow
def test_the_directive_gives_a_figure_with_a_picture_and_a_caption(build):
    page = build(
        ":::{widget} conv_stepper\n:caption: A *caption* with $x^2$.\n:name: step\n\n"
        "mode: same\n:::"
    )
    figure = re.search(r'<figure class="widget" id="step">.*?</figure>', page, re.DOTALL)[0]
    assert 'module="widgets/conv_stepper.js"' in figure
    assert 'options="{&quot;mode&quot;: &quot;same&quot;}"' in figure
    assert 'src="../_static/widgets/pictures/conv_stepper.svg"' in figure
    assert "Three grids of numbers" in figure
    assert "<figcaption><p>A <em>caption</em> with" in figure
    assert 'src="../_static/widgets/load.js' in page
    assert 'href="../_static/widgets/widgets.css' in page


@pytest.mark.slow
def test_pages_without_a_widget_load_nothing(build):
    assert "widgets/" not in build("Only text.")


@pytest.mark.slow
def test_texts_of_a_quiz_are_myst(build):
    page = build(
        ":::{widget} quiz\n"
        "question: What is $1 + 1$?\n"
        "answers:\n"
        "  - text: two\n"
        "    correct: true\n"
        "  - text: '`11`'\n"
        "    feedback: That is *joining*, see [Home](../index.md).\n"
        ":::"
    )
    assert '<div slot="question"><p>What is <span class="math' in page
    assert '<div slot="answer-1"><p><code' in page
    details = re.search(r'<details slot="feedback-1">.*?</details>', page, re.DOTALL)[0]
    assert "<summary>Is answer 2 right?</summary>" in details
    assert "That is <em>joining</em>" in details and 'href="../index.html"' in details
    assert "joining" not in re.search('options="([^"]*)"', page)[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (":::{widget} nothing\n:::", "There is no widget 'nothing'"),
        (":::{widget} conv_stepper\nmode: some\n:::", "expected one of 'valid'"),
        (":::{widget} conv_stepper\n- a\n:::", "no list of `name: value`"),
        (":::{widget} conv_stepper\nmode: [\n:::", "while parsing"),
        (":::{widget} quiz\nquestion: What?\n:::", "a quiz needs a question and answers"),
    ],
)
def test_a_wrong_directive_stops_the_build_with_a_reason(build, text, message):
    assert message in build(text)
