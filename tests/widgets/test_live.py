"""Networks in the browser: what Keras and chirps compute here, JavaScript must compute there.

Python writes networks, images and answers into a temporary folder; node runs the page's own modules
on them (tests/widgets/live_agreement.test.mjs) and leaves a report of the largest differences.
"""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from chirps import detectors, glitches, grid, images, noise, sets, simulate
from course.build import live as export_live
from helpers import datasets, training
from helpers.backend import keras
from inside import attribution
from tests.support import ROOT
from tests.support.live_networks import first_images, read
from widgets.live import network_file, network_layers

layers = keras.layers
NODE = shutil.which("node")
TESTS = ROOT / "tests" / "widgets"


def run_node(*files, folder=None):
    """Run tests of node; without node skip, but fail where everything must be tested."""
    if NODE is None:
        message = "node is not installed (20 or newer runs the tests of the page's scripts)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    environment = {**os.environ, "LIVE_DATA": str(folder or "")}
    command = [NODE, "--test", *map(str, files)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    return result.stdout


class Cases:
    """Writes arrays and what they belong to, for live_agreement.test.mjs."""

    def __init__(self, folder):
        self.folder = folder
        self.networks, self.chirps, self.glitches, self.images = [], [], [], []
        self.n_arrays = 0

    def array(self, values):
        self.n_arrays += 1
        name = f"{self.n_arrays}.bin"
        (self.folder / name).write_bytes(np.ascontiguousarray(values, "<f4").tobytes())
        return name

    def network(self, model, x, *, cams=(), maps=(), classes=None):
        """Add a network with what Keras makes of `x`, before and after rounding its weights."""
        file = f"{model.name}.cnn"
        network_file.save_network(model, self.folder / file, classes=classes)
        coarse = network_file.rounded(model)
        self.networks.append(
            {
                "file": file,
                "count": len(x),
                "images": self.array(x),
                "exact": self.array(attribution.class_logits(model, x)),
                "rounded": self.array(attribution.class_logits(coarse, x)),
                "scores": self.array(coarse(x, training=False)),
                "maps": [
                    {"layer": name, "values": self.array(attribution.feature_maps(coarse, name, x))}
                    for name in maps
                ],
                "cams": [
                    {
                        "layer": name,
                        "output": output,
                        "values": self.array(attribution.grad_cam(coarse, x, output, name)),
                    }
                    for name, output in cams
                ],
            }
        )

    def run(self):
        """Write the list of cases, let node work on them, and return its report."""
        cases = {key: value for key, value in vars(self).items() if isinstance(value, list)}
        (self.folder / "cases.json").write_text(json.dumps(cases))
        run_node(TESTS / "live_agreement.test.mjs", folder=self.folder)
        return json.loads((self.folder / "report.json").read_text())


def everything():
    """Return a network with each layer that the page knows, of awkward sizes."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((17, 14, 3)),
            layers.Rescaling(0.5, offset=0.1, name="scale"),
            layers.RandomFlip(),
            layers.Conv2D(7, (4, 3), strides=(2, 1), padding="same", name="even"),
            layers.BatchNormalization(name="norm"),
            layers.LeakyReLU(negative_slope=0.3, name="leaky"),
            layers.MaxPooling2D((2, 3), strides=(1, 2), padding="same", name="pool"),
            layers.SpatialDropout2D(0.3),
            layers.Conv2D(9, (2, 3), strides=(1, 2), activation="tanh", use_bias=False, name="odd"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Conv2D(40, 3, padding="same", activation="leaky_relu", name="wide"),
            layers.Activation("relu", name="relu"),
            layers.Flatten(name="flatten"),
            layers.Dense(64, activation="sigmoid", name="hidden"),
            layers.Dropout(0.5),
            layers.Dense(5, name="last"),
            layers.Softmax(name="softmax"),
        ],
        name="everything",
    )
    return with_random_statistics(model)


def averaged():
    """Return a network that ends with an average over all positions, and with sigmoids."""
    keras.utils.set_random_seed(6)
    model = keras.Sequential(
        [
            keras.Input((9, 8, 1)),
            layers.Conv2D(6, 3, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(2, activation="sigmoid", name="sigmoid"),
        ],
        name="averaged",
    )
    return model


def with_random_statistics(model):
    """Give biases and batch normalisation something to do."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1 and "seed" not in weight.path:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


def released(name):
    """Return a released network, and what it expects for black."""
    model, network = export_live.load(name)
    return model, network.lowest


# --- agreement ----------------------------------------------------------------------------------


def test_every_kind_of_layer_agrees_with_keras(tmp_path):
    cases = Cases(tmp_path)
    rng = np.random.default_rng(1)
    maps = ["scale", "even", "norm", "leaky", "pool", "odd", "pool2", "wide", "relu", "hidden"]
    cams = [("even", 0), ("pool", 3), ("odd", 1), ("pool2", 2), ("wide", 4), ("leaky", 2)]
    x = rng.normal(size=(6, 17, 14, 3)).astype("float32")
    cases.network(everything(), x, maps=maps, cams=cams)
    x = rng.normal(size=(6, 9, 8, 1)).astype("float32")
    cases.network(averaged(), x, maps=["conv", "average"], cams=[("conv", 0), ("conv", 1)])
    report = cases.run()
    for name in ("everything", "averaged"):
        assert report[name]["rounded"] < 2e-5
        assert report[name]["maps"] < 2e-5
        assert report[name]["cams"] < 2e-5
        assert 1e-6 < report[name]["exact"] < 0.05  # the rounding of the weights


def test_released_networks_agree_with_keras(tmp_path):
    cases = Cases(tmp_path)
    for name in ("first_cnn", "toy10_cnn"):
        model, lowest = released(name)
        maps = [layer.name for layer in model.layers if "conv" in layer.name]
        cams = [("pool2", 6), ("conv4", 3), ("conv1", 8)]
        cases.network(model, first_images(10) + lowest, maps=[*maps, "dense1"], cams=cams)
    model, _ = released("gw_small")
    maps, cams = ["conv1", "pool1", "conv2", "pool2"], [("pool2", 0), ("conv1", 0)]
    cases.network(model, export_live._chirp_images(10), maps=maps, cams=cams)
    report = cases.run()
    for name in ("first_cnn", "cifar_cnn", "gw_small"):
        scale = report[name]["spread"]
        assert report[name]["rounded"] < 2e-5 * scale
        assert report[name]["maps"] < 1e-4
        assert report[name]["cams"] < 1e-4
        assert report[name]["exact"] < 0.03 * scale


@pytest.mark.slow
def test_the_page_answers_as_keras_does_on_hundreds_of_images(tmp_path, capsys):
    cases = Cases(tmp_path)
    n = 1000
    model, lowest = released("first_cnn")
    cases.network(model, first_images(n) + lowest)
    model, lowest = released("cifar_cnn")
    model = keras.Sequential.from_config(model.get_config() | {"name": "homework"})
    training.load_released(model, "cifar_cnn")
    cases.network(model, first_images(n)[:500] + lowest)
    model, _ = released("gw_small")
    cases.network(model, export_live._chirp_images(n))
    report = cases.run()
    with capsys.disabled():
        for name, found in report.items():
            print(f"\n{name}, {found['count']} images: {found['changed']} another answer;")
            print(f"logits differ by up to {found['exact']:.3f} of a spread {found['spread']:.1f},")
            print(f"by the arithmetic alone {found['rounded']:.1e}")
    for found in report.values():
        assert found["exact"] < 0.03 * found["spread"]
        assert found["rounded"] < 3e-5 * found["spread"]
        assert found["changed"] <= 0.005 * found["count"] and found["count"] >= 500


def test_chirps_glitches_and_images_agree_with_the_course(tmp_path):
    constants = json.loads(json.dumps(export_live.gravitational_waves()))
    (tmp_path / "gw.json").write_text(json.dumps(constants))
    cases = Cases(tmp_path)
    band = grid.FREQUENCIES[grid.BAND]
    asd = noise.analytic().asd_on(band)

    def written(spectra):  # (..., frequencies) complex
        return [cases.array(spectra.real), cases.array(spectra.imag)]

    for mass1, mass2, direction, distance, shift in (
        (36, 29, 20, 410, 0.0),
        (5, 5, 0, 100, 0.0),
        (60, 60, 40, 2000, 0.1),
        (60, 5, 7, 900, 0.0),
        (20, 11, 33, 700, 0.3),
    ):
        place = constants["directions"][direction]
        wave = simulate.segment_waves(mass1, mass2)[0, grid.BAND] / distance
        seen = []
        for late, (re, im) in zip((0, place["delay"] + shift), place["responses"], strict=True):
            time = constants["merger"] + late
            seen.append(wave * (re + 1j * im) * np.exp(-2j * np.pi * band * time) / asd)
        seen = np.array(seen)
        settings = {"mass1": mass1, "mass2": mass2, "direction": direction, "shift": shift}
        snr = [float(grid.norm(one)) for one in seen]
        cases.chirps.append(
            {"settings": settings | {"distance": distance}, "spectra": written(seen), "snr": snr}
        )
    rng = np.random.default_rng(2)
    for family, shape in glitches.FAMILIES.items():
        u = rng.random(5)
        series = shape(grid.TIMES[None] - 2.9, u[:, None, None])[0]
        spectrum = (np.fft.rfft(series) / grid.SAMPLE_RATE * grid.BAND)[grid.BAND]
        spectrum *= 20 / grid.norm(spectrum)
        settings = {"family": family, "numbers": list(u), "centre": 2.9, "snr": 20}
        cases.glitches.append({"settings": settings, "spectrum": written(spectrum)})
    drawn = simulate.dataset(4, 4, 3, mix=sets.HARD, spectra=True)
    for spectra in drawn.spectra:
        energies = images.from_bytes(images.to_bytes(images.constant_q(spectra[None])))[0]
        window = slice(2560, 3584)
        cases.images.append(
            {
                "spectra": written(spectra[:, grid.BAND]),
                "image": cases.array(energies),
                "series": cases.array(grid.to_time(spectra)[:, window]),
            }
        )
    report = cases.run()
    assert report["chirps"] < 1e-5  # of the loudest frequency
    assert report["glitches"] < 1e-5
    assert report["series"] < 1e-5  # standard deviations
    assert report["snr"] < 1e-5
    # One grey level of 255 is 0.1; rounding may fall to either side of a boundary.
    assert report["image"] <= 0.0981
    assert report["pixels_that_differ"] < 1e-3


def test_directions_lie_between_the_detectors():
    places = export_live.directions()
    delays = [place["delay"] for place in places]
    assert delays[0] == pytest.approx(-detectors.MAX_DELAY)
    assert delays[-1] == pytest.approx(detectors.MAX_DELAY)
    np.testing.assert_allclose(np.diff(delays), detectors.MAX_DELAY / 20)
    size = np.linalg.norm([place["responses"] for place in places], axis=-1)
    assert (size[20] > 0.9).all() and (size <= 1 + 1e-9).all()  # nearly overhead


def test_units_of_the_scripts():
    assert "fail 0" in run_node(*sorted(TESTS.glob("live_*.test.mjs")))


# --- the file -----------------------------------------------------------------------------------


def test_a_file_holds_what_was_saved(tmp_path):
    model = everything()
    size = network_file.save_network(
        model, tmp_path / "a.cnn", classes="abcde", pixels=(-0.5, 0.5), about="x"
    )
    assert size == (tmp_path / "a.cnn").stat().st_size
    header, weights = read(tmp_path / "a.cnn")
    assert header["classes"] == list("abcde") and header["about"] == "x"
    assert header["input"] == {"shape": [17, 14, 3], "black": -0.5, "white": 0.5}
    assert set(weights) == {"even", "odd", "wide", "hidden", "last"}
    for name, kept in weights.items():
        kernel = np.moveaxis(model.get_layer(name).get_weights()[0], -1, 0)
        bits = next(a["weights"]["bits"] for a in header["layers"] if a["name"] == name)
        largest = np.abs(kernel).reshape(len(kernel), -1).max(1)
        error = np.abs(kept - kernel).reshape(len(kernel), -1).max(1)
        assert (error <= largest * (1 / (2**bits - 2) + 1e-6)).all()  # half a step
        rounded = network_file.rounded(model).get_layer(name).get_weights()[0]
        np.testing.assert_array_equal(np.moveaxis(rounded, -1, 0), kept)


def test_released_files_are_small_and_mostly_eight_bits(tmp_path):
    for name in ("first_cnn", "gw_small"):
        model, _ = released(name)
        assert network_file.save_network(model, tmp_path / "a.cnn") <= 1_300_000
        header, weights = read(tmp_path / "a.cnn")
        eight = [a["name"] for a in header["layers"] if a.get("weights", {}).get("bits") == 8]
        assert sum(weights[n].size for n in eight) > 0.9 * sum(w.size for w in weights.values())


def chain(*stack, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *stack], name="mine")


END = (layers.Flatten, lambda: layers.Dense(2))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.ZeroPadding2D(), "is a ZeroPadding2D"),
        (layers.Conv2D(2, 3, dilation_rate=2), "a dilation of"),
        (layers.Conv2D(3, 3, groups=3), "3 groups"),
        (layers.Conv2D(2, 3, activation="gelu"), "activation 'gelu'"),
        (layers.ReLU(max_value=6), "a ceiling or a threshold"),
        (layers.Activation("softmax"), "a softmax before the end"),
        (layers.Dense(4), "an input of more than one axis"),
        (layers.BatchNormalization(axis=1), "the axis"),
        (layers.LeakyReLU(negative_slope=2), "a slope of 2"),
    ],
)
def test_what_the_page_cannot_compute_is_refused_by_name(tmp_path, layer, message):
    model = chain(layer, *(make() for make in END))
    with pytest.raises(network_layers.UnknownLayer, match=message):
        network_file.save_network(model, tmp_path / "a.cnn")
    assert not list(tmp_path.iterdir())


def test_only_chains_from_an_image_to_classes(tmp_path):
    path = tmp_path / "a.cnn"
    image = keras.Input((8, 8, 3))
    flat = layers.Flatten()(image)
    straight = keras.Model(image, layers.Dense(3)(flat))
    assert network_file.save_network(straight, path) > 0
    twice = layers.Dense(3)(flat)
    forked = keras.Model(image, layers.Add()([twice, layers.Dense(3)(flat)]))
    with pytest.raises(network_layers.UnknownLayer, match="no chain"):
        network_file.save_network(forked, path)
    with pytest.raises(network_layers.UnknownLayer, match="fixed size"):
        network_file.save_network(chain(layers.Dense(2), shape=(8,)), path)
    with pytest.raises(network_layers.UnknownLayer, match="one number for each class"):
        network_file.save_network(chain(layers.Conv2D(2, 3)), path)
    with pytest.raises(network_layers.UnknownLayer, match=r"keras\.Input"):
        network_file.save_network(keras.Sequential([layers.Flatten(), layers.Dense(2)]), path)


def test_settings_that_make_no_sense_are_refused(tmp_path):
    path = tmp_path / "a.cnn"
    model = chain(*(make() for make in END))
    with pytest.raises(ValueError, match="3 class names for 2 outputs"):
        network_file.save_network(model, path, classes="abc")
    with pytest.raises(ValueError, match="black and white"):
        network_file.save_network(model, path, pixels=(1, 1))
    model.layers[-1].kernel.assign(np.full((192, 2), np.nan))
    with pytest.raises(ValueError, match="diverged"):
        network_file.save_network(model, path)
    assert not path.exists()


# --- what the site loads ------------------------------------------------------------------------


def test_the_export_is_done_once_and_again_when_something_is_missing(tmp_path, monkeypatch):
    made = []

    def network(writer, name, pictures):
        made.append(name)
        writer.bytes(f"{name}.cnn", b"1")
        return {"file": f"{name}.cnn"}

    monkeypatch.setattr(export_live, "_network", network)
    monkeypatch.setattr(export_live, "_photos", export_live._drawings)
    monkeypatch.setattr(export_live, "N_COMPARED", 20)
    data = tmp_path / "static" / "widgets" / "live" / "data"
    assert export_live.write(tmp_path)
    assert made == [*export_live.PICTURES, *export_live.CHIRPS]
    assert not export_live.write(tmp_path)
    (data / "gw.json.js").unlink()
    assert export_live.write(tmp_path)
    index = json.loads((data / "index.json").read_text())
    assert index["samples"]["cifar10"]["stand_in"] and not index["samples"]["toy10"]["stand_in"]
    assert "Stand-in" in index["samples"]["cifar10"]["credit"]
    assert sum((data / name).stat().st_size for name in ("cifar10.png", "toy10.png")) < 1e6
    script = (data / "first_cnn.cnn.js").read_text()
    assert script == '(globalThis.liveFiles ??= {})["first_cnn.cnn"] = "MQ==";\n'
    with np.load(tmp_path / "preview.npz") as preview:
        assert preview["picture"].shape == (32, 32, 3) and preview["energies"].shape == (39, 100, 2)


def test_the_index_says_how_much_rounding_changes():
    model, lowest = released("toy10_cnn")
    drawings = datasets.load_toy10(10, 60, verbose=False).x_test.astype("float32") / 255 + lowest
    found = export_live.rounding(model, drawings)
    assert found["images"] == 60 and found["changed"] <= 1
    assert 0 < found["largest"] < 0.2 < found["spread"]


def test_claims_are_the_benchmarks():
    found = export_live.claims("gw_small")
    assert found["false_alarms"] == 0.01 and 0 < found["logit"] < 5
