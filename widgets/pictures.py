"""Pictures that stand in for the widgets where scripts are off; drawn when the site is built."""

import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import helpers
import widgets
from chirps import images, strain
from helpers import convolution, datasets, plots

SIZE = (8.0, 3.2)  # inches


def grids(figure, *columns):
    """Return axes for grids of cells that all have one size."""
    axes = figure.subplots(1, len(columns), width_ratios=columns)
    for ax in axes:
        ax.set_anchor("N")
    return axes


def conv_stepper(figure):
    image = np.array([[2, 3, 2, 4], [3, 1, 2, 2], [4, 1, 0, 1], [7, 2, 1, 3]])
    kernel = np.array([[2, 1], [1, 3]])
    axes = grids(figure, 4, 2, 3)
    window, cell = (slice(1, 3), slice(1, 3)), (slice(1, 2), slice(1, 2))
    plots.numbers(axes[0], image, "image", highlight=window)
    plots.numbers(axes[1], kernel, "kernel")
    plots.numbers(axes[2], convolution.cross_correlate(image, kernel), "output", highlight=cell)
    figure.supxlabel(f"output[1, 1] = {convolution.worked(image, kernel)[1, 1]}", fontsize=10)


def pool_stepper(figure):
    image = np.array(
        [
            [2, 3, 2, 4, 1, 0],
            [3, 1, 2, 2, 5, 1],
            [4, 1, 0, 1, 2, 2],
            [7, 2, 1, 3, 0, 6],
            [0, 5, 8, 1, 1, 3],
            [1, 2, 2, 0, 4, 9],
        ]
    )
    axes = grids(figure, 6, 3)
    window, cell = (slice(2, 4), slice(0, 2)), (slice(1, 2), slice(0, 1))
    plots.numbers(axes[0], image, "image", highlight=window)
    plots.numbers(axes[1], convolution.pool(image, 2), "output", highlight=cell)
    figure.supxlabel(f"output[1, 0] = {convolution.worked_pool(image, 2)[1, 0]}", fontsize=10)


def kernel_lab(figure):
    photo = datasets.load_dog(verbose=False)
    image = photo.image[::2, ::2] / 255  # at most 400 pixels wide, and drawn smaller
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    axes = figure.subplots(1, 3, width_ratios=[1, 2, 2])
    plots.numbers(axes[0], kernel, "kernel", signed=True)
    plots.picture(axes[1], image, "picture", grey_range=(0, 1))
    answer = convolution.cross_correlate(image, kernel, mode="same")
    largest = np.quantile(np.abs(answer), 0.99)
    axes[2].imshow(answer, cmap=plots.SIGNED, vmin=-largest, vmax=largest)
    axes[2].set_axis_off()
    axes[2].set_title("after the kernel")
    plots.credit(figure, photo.source)


def preview():
    """Return what widgets/live/export_live.py kept for the two pictures below."""
    return np.load(Path(helpers.__file__).parents[1] / "_build" / "live" / "preview.npz")


def receptive_field(figure):
    ax = figure.subplots()
    ax.set(xlim=(0, 13), ylim=(13, 0), aspect="equal", xlabel="column", ylabel="row")
    for size, colour in ((7, plots.ORANGE), (5, plots.GREEN), (3, plots.BLUE)):
        corner = (6.5 - size / 2, 6.5 - size / 2)
        label = f"{size} × {size} after {('one', 'two', 'three')[size // 2 - 1]}"
        ax.add_patch(plt.Rectangle(corner, size, size, color=colour, label=label))
    ax.legend(title="pixels that one value depends on,\nconvolutions of 3 × 3", loc=(1.05, 0.4))


def learning_curves(figure):
    ax = figure.subplots()
    for run in widgets.runs():
        if run["card"] == "cifar_cnn_steps":
            values = run["history"]["val_accuracy"]
            ax.plot(range(1, len(values) + 1), values, label=run["network"])
    ax.set(xlabel="epoch", ylabel="accuracy on images\nnot trained on")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def spectrogram(figure):
    pair = strain.load_event("GW150914", verbose=False)
    gps = pair.event.gps
    whitened = [strain.whiten(pair.strains[name], exclude=gps) for name in ("H1", "L1")]
    energies = images.constant_q(strain.spectra_around(gps, *whitened))[0]
    times = np.linspace(-0.75, 0.25, images.N_COLUMNS)
    axes = figure.subplots(1, 2, sharey=True)
    for d, ax in enumerate(axes):
        mesh = ax.pcolormesh(times, images.ROW_FREQUENCIES, energies[..., d], vmin=0, vmax=25)
        ax.set(yscale="log", xlabel="time (s)", title=("H1", "L1")[d])
    axes[0].set_ylabel("frequency (Hz)")
    figure.colorbar(mesh, ax=axes, label="energy; of noise half is below 1")
    plots.credit(figure, pair.source)


def live_cnn(figure):
    with preview() as seen:
        left, middle, right = figure.subfigures(1, 3, width_ratios=[2, 2, 3])
        plots.picture(left.subplots(), seen["picture"], "test picture")
        left.supxlabel(textwrap.fill(str(seen["credit"]), 36), fontsize=7)
        scores = middle.subplots()
        scores.barh(seen["classes"], seen["scores"], color=plots.ORANGE)
        scores.invert_yaxis()
        scores.set(xlim=(0, 1), title="scores")
        right.suptitle("16 maps of the first layer", fontsize=11)
        largest = np.abs(seen["maps"]).max()
        for ax, values in zip(
            right.subplots(4, 4).flat, seen["maps"].transpose(2, 0, 1), strict=True
        ):
            ax.imshow(values, cmap=plots.SIGNED, vmin=-largest, vmax=largest)
            ax.set_axis_off()


def live_gw(figure):
    with preview() as seen:
        axes = figure.subplots(2, 2, height_ratios=[2, 3], sharex=True)
        time = np.linspace(0, 1, seen["strain"].shape[1])
        for d, name in enumerate(("H1", "L1")):
            axes[0, d].plot(time, seen["strain"][d], linewidth=0.7)
            axes[0, d].set(title=name, ylabel="" if d else "strain (σ)")
            axes[1, d].imshow(
                seen["energies"][..., d], extent=(0, 1, 0, 39), aspect="auto", vmax=25
            )
            axes[1, d].set(xlabel="time (s)", ylabel="" if d else "25 to 400 Hz", yticks=[])
        figure.suptitle(f"gravitational wave: {100 * seen['wave']:.0f} %", fontsize=11)


PICTURES = {
    "conv_stepper": conv_stepper,
    "pool_stepper": pool_stepper,
    "kernel_lab": kernel_lab,
    "receptive_field": receptive_field,
    "learning_curves": learning_curves,
    "spectrogram": spectrogram,
    "live_cnn": live_cnn,
    "live_gw": live_gw,
}
RASTER = ("kernel_lab", "spectrogram", "live_cnn", "live_gw")  # pictures that hold photos or maps
ALT = {
    "conv_stepper": (
        "Three grids of numbers: a four by four image with a window of four cells outlined, a two "
        "by two kernel, and the output with the cell that the window gives outlined. Below, the "
        "sum of the four products."
    ),
    "kernel_lab": (
        "A three by three Sobel kernel, a grey picture of a dog, and the answer of the kernel: red "
        "where the grey becomes lighter to the right, blue where it becomes darker."
    ),
    "live_cnn": (
        "A test picture of 32 by 32 pixels, the scores that a network gives each of ten classes as "
        "bars, and the 16 maps of its first layer."
    ),
    "live_gw": (
        "For the two detectors, one second of noisy strain with a chirp in it, and the energy over "
        "time and frequency below: a bright arc that rises to the right."
    ),
    "learning_curves": (
        "Accuracy on images not trained on against epochs: four rising curves, for the homework's "
        "network with 32 filters and for three changes of it."
    ),
    "receptive_field": (
        "Three nested squares of pixels around one pixel: one value depends on 3 by 3 pixels after "
        "one convolution, 5 by 5 after two, 7 by 7 after three."
    ),
    "spectrogram": (
        "Energy in time and frequency for the detectors H1 and L1 around the merger: in both a "
        "bright track rises from 40 to 250 hertz within a tenth of a second and ends."
    ),
    "pool_stepper": (
        "Two grids of numbers: a six by six image with a two by two window outlined, and the "
        "three by three output with the largest value of that window outlined."
    ),
}


def kind(name):
    """Return how the file of a picture ends."""
    return "webp" if name in RASTER else "svg"


def draw(name, path):
    """Draw a picture into a file."""
    # Without the date and random ids, the same picture is the same file.
    with plt.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure = plt.figure(figsize=SIZE)
        PICTURES[name](figure)
        metadata = {"Date": None} if kind(name) == "svg" else None
        figure.savefig(path, format=kind(name), metadata=metadata)
        plt.close(figure)
