"""Write what the page "Live networks" loads: `python -m course live`.

Into ``_build/live/static/widgets/live/data`` go the released networks as the browser reads them,
twenty test pictures of each kind, the numbers that the simulation of chirps needs, and an index;
into ``_build/live`` what is drawn for readers without scripts. Nothing is done, and Keras is not
started, when it is up to date. The site is built with it.

Each file comes twice, the second time as a script: a page that was opened from the disk may load
scripts, but no other files.
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from chirps import detectors, glitches, grid, images, noise, sets, simulate, waveform
from course import ROOT
from course.run import digest
from course.train.networks import NETWORKS
from helpers import datasets, released, sources
from widgets.live import network_file

FOLDER = ROOT / "_build" / "live"
DATA = Path("static") / "widgets" / "live" / "data"
PREVIEW = "preview.npz"
N_SAMPLES = 20  # of the test images, the first
N_COMPARED = 1000  # images on which the rounding of the weights is measured

# In the order of the page's menu: the network, what it is called there, and what it is for.
PICTURES = {
    "first_cnn": "the first CNN (chapter 5)",
    "cifar_cnn": "the homework's CNN (chapter 3)",
    "toy10_cnn": "a small CNN for drawings",
}
CHIRPS = {
    "gw_small": "the small network (chapter 7)",
    "gw_cnn": "the homework's network (chapter 7)",
}
TESTED_ON = {
    "cifar10": "test images of CIFAR-10",
    "toy10": "drawings",
    "gw_modern": "simulated images with glitches among them",
    "gw_homework by event": "images like the homework's",
}
BENCHMARK, CONDITION = "gw_benchmark", "mixed background"  # where the claims of a wave come from
DIRECTIONS = 41  # in the sky, from one end of the line between the detectors to the other
MERGER = 0.6  # s from the start of the image: there the wave would be loudest in H1


def write(folder=FOLDER):
    """Bring the folder up to date; return whether there was anything to do."""
    data, preview = folder / DATA, folder / PREVIEW
    made_from = inputs()
    index = data / "index.json"
    if index.is_file():
        known = json.loads(index.read_text(encoding="utf-8"))
        files = [preview, *(data / name for name in known["files"])]
        if known["digest"] == made_from and all(path.is_file() for path in files):
            return False
    writer = Writer(data)
    pictures = {"cifar10": _photos(), "toy10": _drawings()}
    networks = {}
    for name, title in (PICTURES | CHIRPS).items():
        networks[name] = {"title": title, **_network(writer, name, pictures)}
    samples = {name: _samples(writer, name, data) for name, data in pictures.items()}
    writer.json("gw.json", gravitational_waves())
    with sources.written_whole(preview) as part, open(part, "wb") as file:
        np.savez(file, **_preview_picture(pictures["cifar10"]), **_preview_chirp())
    writer.json(
        "index.json",
        {
            "digest": made_from,
            "files": sorted(writer.files),
            "pictures": {name: networks[name] for name in PICTURES},
            "chirps": {name: networks[name] for name in CHIRPS},
            "samples": samples,
        },
    )
    return True


def inputs():
    """Return a digest of all that the files depend on."""
    found = {"program": sources.sha256_of(__file__), "photos": digest.data_at_hand("cifar10")}
    found["code"] = digest.code_digest("course/build/live.py")
    for name in (*PICTURES, *CHIRPS, BENCHMARK):
        found[name] = released.released_card(name)
    return digest.digest_of(found)


class Writer:
    """Writes files whole, each also as a script."""

    def __init__(self, folder):
        self.folder = folder
        self.files = []

    def bytes(self, name, data):
        script = (
            "(globalThis.liveFiles ??= {})"
            f"[{json.dumps(name)}] = {json.dumps(base64.b64encode(data).decode())};\n"
        )
        for file, content in ((name, data), (f"{name}.js", script.encode())):
            with sources.written_whole(self.folder / file) as part:
                part.write_bytes(content)
            self.files.append(file)

    def json(self, name, data):
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        self.bytes(name, text.encode())


# --- networks -----------------------------------------------------------------------------------


def _network(writer, name, pictures):
    """Write a released network; return what the index says about it."""
    model, network = load(name)
    card = released.released_card(name)
    run = next(run for run in card["runs"] if run["seed"] == card["released_seed"])
    kind = network.data if network.data in pictures else None
    if kind:
        classes = pictures[kind].classes
    else:
        classes = sets.CLASSES[-model.output_shape[-1] :]
    share, error = 100 * run["test_accuracy"], 100 * run["test_error"]
    about = (
        f"right on {share:.1f} ± {error:.1f} % of {card['test_images']:,} "
        f"{TESTED_ON[network.data]}; {card['parameters']:,} parameters"
    )
    part = writer.folder / f"{name}.cnn"
    pixels = (network.lowest, network.lowest + 1)
    network_file.save_network(model, part, classes=classes, pixels=pixels, about=about)
    writer.bytes(part.name, part.read_bytes())
    entry = {"file": part.name, "bytes": part.stat().st_size, "samples": kind}
    if name == "gw_small":  # the other network's benchmark compares two outputs
        entry["claims"] = claims(name)
    if kind:
        compared = pictures[kind].x_test[:N_COMPARED].astype(np.float32) / 255 + network.lowest
        what = "drawings" if pictures[kind].source.stand_in else "test images"
    else:
        compared, what = _chirp_images(N_COMPARED), "simulated images"
    return entry | {"rounding": {"of": what, **rounding(model, compared)}}


def rounding(model, x):
    """Measure what the rounding of the weights changes, on the images `x`.

    Returns
    -------
    dict
        ``images``, how many; ``largest``, the largest change of a logit; ``spread``, the standard
        deviation of the logits, to compare it with; ``changed``, how many images another class wins
        in, or fall on the other side of one half.
    """
    from inside.attribution import class_logits

    exact, coarse = class_logits(model, x), class_logits(network_file.rounded(model), x)
    if exact.shape[-1] == 1:
        changed = (exact > 0) != (coarse > 0)
    else:
        changed = exact.argmax(-1) != coarse.argmax(-1)
    return {
        "images": len(x),
        "largest": float(f"{np.abs(exact - coarse).max():.2g}"),
        "spread": float(f"{exact.std():.2g}"),
        "changed": int(changed.sum()),
    }


def claims(name):
    """Return the logit above which chapter 7's benchmark claims a wave, and how often wrongly."""
    for run in released.released_card(BENCHMARK)["runs"]:
        if run["detector"] == name and run["condition"] == CONDITION:
            return {"logit": run["threshold"], "false_alarms": run["false_alarm_probability"]}
    raise ValueError(f"The benchmark has no run of {name!r} in {CONDITION!r}.")


def _chirp_images(n):
    """Simulate images as gw_small is tested on: faint ones, glitches and slides among them."""
    data = simulate.dataset(n // 2, n // 2, 77, mix=sets.HARD, snr=(5.0, 30.0), slope=2.0)
    return images.from_bytes(data.images)


def load(name):
    """Return a released network and its row of the table."""
    from helpers import models, training

    network = NETWORKS[name]
    model = getattr(models, network.build)(**network.options)
    training.load_released(model, name)
    return model, network


def _preview_picture(data):
    """Return what the page shows first, to be drawn: a test image and what is seen in it."""
    from inside import attribution

    model, network = load("first_cnn")
    image = data.x_test[:1].astype(np.float32) / 255 + network.lowest
    scores = np.asarray(model(image, training=False))
    return {
        "picture": data.x_test[0],
        "classes": np.array(data.classes),
        "scores": scores[0],
        "cam": attribution.grad_cam(model, image, int(scores[0].argmax()))[0],
        "maps": attribution.feature_maps(model, "conv1", image)[0],
        "credit": np.array(data.source.credit),
    }


def _preview_chirp():
    """Return a simulated chirp like GW150914, and what gw_small makes of it."""
    model, _ = load("gw_small")
    rng = np.random.default_rng(5)
    spectra = simulate.signals(rng, 1, snr=20.0, masses=(28.0, 37.0))[0]
    spectra = spectra + noise.gaussian(rng, 1)
    energies = images.from_bytes(images.to_bytes(images.constant_q(spectra)))
    first = round(grid.WINDOW_START * grid.SAMPLE_RATE)
    return {
        "strain": grid.to_time(spectra[0])[:, first : first + grid.SAMPLE_RATE],
        "energies": energies[0],
        "wave": np.asarray(model(energies, training=False))[0, 0],
    }


# --- test pictures ------------------------------------------------------------------------------


def _photos():
    found = sources.at_hand("cifar10")
    return datasets.load_cifar10(verbose=False) if found else _drawings()


def _drawings():
    return datasets.load_toy10(N_SAMPLES, N_COMPARED, verbose=False)


def _samples(writer, name, data):
    """Write the first test pictures side by side, as one picture; return what they show."""
    strip = np.concatenate(data.x_test[:N_SAMPLES], axis=1)
    file = io.BytesIO()
    Image.fromarray(strip).save(file, "png", optimize=True)
    writer.bytes(f"{name}.png", file.getvalue())
    # The loader calls drawings a stand-in; in the network for drawings they are the real thing.
    stand_in = data.source.stand_in and name == "cifar10"
    return {
        "file": f"{name}.png",
        "labels": [data.classes[label] for label in data.y_test[:N_SAMPLES]],
        "credit": data.source.credit if name == "cifar10" else "Drawn by this course",
        "stand_in": stand_in,
    }


# --- gravitational waves ------------------------------------------------------------------------


def gravitational_waves():
    """Return the numbers that widgets/live/chirp.js needs; constants keep their names there."""
    band = grid.FREQUENCIES[grid.BAND]
    return {
        "grid": _constants(
            grid, "SAMPLE_RATE", "DURATION", "LOWEST", "HIGHEST", "WINDOW_START", "WINDOW"
        ),
        "merger": grid.WINDOW_START + MERGER,
        "asd": [float(f"{value:.7g}") for value in noise.analytic().asd_on(band)],
        "waveform": _constants(
            waveform,
            *("SOLAR_MASS", "MEGAPARSEC", "INSPIRAL_AMPLITUDE_END", "INSPIRAL_PHASE_END", "CUTOFF"),
            *("COEFFICIENTS", "FINAL_SPIN", "RADIATED_ENERGY", "RINGDOWN", "DAMPING"),
        ),
        "directions": directions(),
        "glitches": list(glitches.FAMILIES),
        "image": {
            **_constants(images, "N_COLUMNS", "QUALITY", "FULL_SCALE"),
            "ROW_FREQUENCIES": images.ROW_FREQUENCIES.tolist(),
            "scales": [float(row.scale) for row in images._rows("constant_q")],
        },
    }


def _constants(module, *names):
    return {name: getattr(module, name) for name in names}


def directions():
    """Return places in the sky, evenly spaced in the delay between the detectors.

    They lie on the half circle from above one end of the line between the detectors, over the
    zenith of its middle, to the other. The responses are those to a wave seen face-on.
    """
    first, second = (np.array(detectors.DETECTORS[name].vertex) for name in ("H1", "L1"))
    along = (first - second) / np.linalg.norm(first - second)
    up = first + second
    up -= (up @ along) * along
    up /= np.linalg.norm(up)
    cos = np.linspace(-1, 1, DIRECTIONS)[:, None]
    x, y, z = (cos * along + np.sqrt(1 - cos**2) * up).T
    where = np.arctan2(y, x), np.clip(z, -1, 1)
    patterns = [detectors.antenna_pattern(name, *where, 0.0) for name in ("H1", "L1")]
    responses = [np.stack([plus, -cross], axis=-1) for plus, cross in patterns]  # F₊ − i F×
    return [
        {"delay": delay, "responses": both}
        for delay, both in zip(
            detectors.delay(*where).tolist(), np.stack(responses, axis=1).tolist(), strict=True
        )
    ]


def main():
    print("Wrote" if write() else "Up to date:", FOLDER)
