"""Write what the page "Live networks" loads: `python -m course live [FOLDER]`.

Into FOLDER/static/widgets/live/data go the released networks as the browser reads them, twenty test
pictures of each kind, the numbers that the simulation of chirps needs, and an index; into FOLDER
what is drawn for readers without scripts. FOLDER is `_build/live` unless said otherwise. Nothing is
done when it is up to date. The site is built with it (`course.build.ext.live`).

Each file comes twice, the second time as a script: a page that was opened from the disk may load
scripts, but no other files.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from course import ROOT
from course.train.networks import NETWORKS
from helpers import released, sources

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
DIRECTIONS = 41  # in the sky, from one end of the line between the detectors to the other
MERGER = 0.6  # s from the start of the image: there the wave would be loudest in H1


def write(folder=FOLDER):
    """Bring the folder up to date; return whether there was anything to do."""
    data, preview = Path(folder) / DATA, Path(folder) / PREVIEW
    digest = inputs()
    index = data / "index.json"
    if index.is_file():
        known = json.loads(index.read_text(encoding="utf-8"))
        files = [preview, *(data / name for name in known["files"])]
        if known["digest"] == digest and all(path.is_file() for path in files):
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
            "digest": digest,
            "files": sorted(writer.files),
            "pictures": {name: networks[name] for name in PICTURES},
            "chirps": {name: networks[name] for name in CHIRPS},
            "samples": samples,
        },
    )
    return True


def inputs():
    """Return a digest of all that the files depend on."""
    digest = hashlib.sha256()
    code = [Path(__file__), ROOT / "widgets" / "live" / "export_web.py"]
    code += [ROOT / "helpers" / f"{name}.py" for name in ("models", "datasets")]
    for path in [*code, ROOT / "helpers/stand_ins/toy10.py", *sorted(ROOT.glob("chirps/*.py"))]:
        digest.update(path.read_bytes())
    for name in PICTURES | CHIRPS:
        digest.update(json.dumps(released.released_card(name)).encode())
    found = sources.at_hand("cifar10")
    digest.update(found.entry["sha256"].encode() if found else b"stand-in")
    return digest.hexdigest()


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
    from chirps.sets import CLASSES
    from widgets.live import export_web

    model, network = load(name)
    card = released.released_card(name)
    run = next(run for run in card["runs"] if run["seed"] == card["released_seed"])
    kind = network.data if network.data in pictures else None
    if kind:
        classes = pictures[kind].classes
    else:
        classes = CLASSES if model.output_shape[-1] == 2 else CLASSES[1:]
    share, error = 100 * run["test_accuracy"], 100 * run["test_error"]
    about = (
        f"right on {share:.1f} ± {error:.1f} % of {card['test_images']:,} "
        f"{TESTED_ON[network.data]}; {card['parameters']:,} parameters"
    )
    part = writer.folder / f"{name}.cnn"
    pixels = (network.lowest, network.lowest + 1)
    export_web.save(model, part, classes=classes, pixels=pixels, about=about)
    writer.bytes(part.name, part.read_bytes())
    entry = {"file": part.name, "bytes": part.stat().st_size, "samples": kind}
    if name == "gw_small":  # the other network's benchmark compares two outputs
        entry["claims"] = claims(name)
    if kind:
        images = pictures[kind].x_test[:N_COMPARED].astype(np.float32) / 255 + network.lowest
        what = "drawings" if pictures[kind].source.stand_in else "test images"
    else:
        images, what = _chirp_images(N_COMPARED), "simulated images"
    return entry | {"rounding": {"of": what, **rounding(model, images)}}


def rounding(model, images):
    """Measure what the rounding of the weights changes.

    Returns
    -------
    dict
        ``images``, how many; ``largest``, the largest change of a logit; ``spread``, the standard
        deviation of the logits, to compare it with; ``changed``, how many images another class wins
        in, or fall on the other side of one half.
    """
    from inside.attribution import class_logits
    from widgets.live import export_web

    exact, coarse = class_logits(model, images), class_logits(export_web.rounded(model), images)
    if exact.shape[-1] == 1:
        changed = (exact > 0) != (coarse > 0)
    else:
        changed = exact.argmax(-1) != coarse.argmax(-1)
    return {
        "images": len(images),
        "largest": float(f"{np.abs(exact - coarse).max():.2g}"),
        "spread": float(f"{exact.std():.2g}"),
        "changed": int(changed.sum()),
    }


def claims(name, condition="mixed background"):
    """Return the logit above which chapter 7's benchmark claims a wave, and how often wrongly."""
    for run in released.released_card("gw_benchmark")["runs"]:
        if run["detector"] == name and run["condition"] == condition:
            return {"logit": run["threshold"], "false_alarms": run["false_alarm_probability"]}
    raise ValueError(f"The benchmark has no run of {name!r} in {condition!r}.")


def _chirp_images(n):
    """Simulate images as gw_small is tested on: faint ones, glitches and slides among them."""
    from chirps import images, sets, simulate

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
    from chirps import grid, images, noise, simulate

    model, _ = load("gw_small")
    rng = np.random.default_rng(5)
    spectra = simulate.signals(rng, 1, snr=20.0, masses=(28.0, 37.0))[0]
    spectra = spectra + noise.gaussian(rng, 1)
    energies = images.from_bytes(images.to_bytes(images.constant_q(spectra)))
    window = slice(
        *(round(t * grid.SAMPLE_RATE) for t in (grid.WINDOW_START, grid.WINDOW_START + 1))
    )
    return {
        "strain": grid.to_time(spectra[0])[:, window],
        "energies": energies[0],
        "wave": np.asarray(model(energies, training=False))[0, 0],
    }


# --- test pictures ------------------------------------------------------------------------------


def _photos():
    from helpers.datasets import load_cifar10, load_toy10

    if sources.at_hand("cifar10"):
        return load_cifar10(verbose=False)
    return load_toy10(N_SAMPLES, N_COMPARED, verbose=False)


def _drawings():
    from helpers.datasets import load_toy10

    return load_toy10(N_SAMPLES, N_COMPARED, verbose=False)


def _samples(writer, name, data):
    """Write the first test pictures side by side, as one picture; return what they show."""
    import io

    from PIL import Image

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
    """Return the numbers that widgets/live/chirp.js needs from chirps."""
    from chirps import detectors, glitches, grid, images, noise, waveform

    band = grid.FREQUENCIES[grid.BAND]
    return {
        "grid": {
            "sampleRate": grid.SAMPLE_RATE,
            "duration": grid.DURATION,
            "lowest": grid.LOWEST,
            "highest": grid.HIGHEST,
            "windowStart": grid.WINDOW_START,
            "window": grid.WINDOW,
        },
        "merger": grid.WINDOW_START + MERGER,
        "asd": [float(f"{value:.7g}") for value in noise.analytic().asd_on(band)],
        "waveform": {
            "solarMass": waveform.SOLAR_MASS,
            "megaparsec": waveform.MEGAPARSEC,
            "inspiralAmplitudeEnd": waveform.INSPIRAL_AMPLITUDE_END,
            "inspiralPhaseEnd": waveform.INSPIRAL_PHASE_END,
            "cutoff": waveform.CUTOFF,
            "coefficients": waveform.COEFFICIENTS,
            "finalSpin": waveform.FINAL_SPIN,
            "radiatedEnergy": waveform.RADIATED_ENERGY,
            "ringdown": waveform.RINGDOWN,
            "damping": waveform.DAMPING,
        },
        "directions": directions(detectors),
        "glitches": list(glitches.FAMILIES),
        "image": {
            "columns": images.N_COLUMNS,
            "highest": float(images.ROW_FREQUENCIES[0]),
            "lowest": float(images.ROW_FREQUENCIES[-1]),
            "quality": images.QUALITY,
            "fullScale": images.FULL_SCALE,
            "scales": [float(row.scale) for row in images._rows("constant_q")],
        },
    }


def directions(detectors):
    """Return places in the sky, evenly spaced in the delay between the detectors.

    They lie on the half circle from above one end of the line between the detectors, over the
    zenith of its middle, to the other. The responses are those to a wave seen face-on.
    """
    first, second = (np.array(detectors.DETECTORS[name].vertex) for name in ("H1", "L1"))
    along = (first - second) / np.linalg.norm(first - second)
    up = first + second
    up -= (up @ along) * along
    up /= np.linalg.norm(up)
    found = []
    for cos in np.linspace(-1, 1, DIRECTIONS):
        place = cos * along + np.sqrt(1 - cos**2) * up
        where = np.arctan2(place[1], place[0]), float(np.clip(place[2], -1, 1))
        responses = []
        for name in ("H1", "L1"):
            plus, cross = detectors.antenna_pattern(name, *where, 0.0)
            responses.append([float(plus), -float(cross)])  # F₊ − i F×
        found.append({"delay": float(detectors.delay(*where)), "responses": responses})
    return found


def main():
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    print("Wrote" if write(where) else "Up to date:", where)
