"""A network for chirps: what can be set, and the picture."""

from widgets.live import preview
from widgets.widget import Widget


def picture(figure):
    """Draw strain with a chirp in it, and the image that a network sees, of both detectors."""
    import numpy as np

    seen = preview()
    axes = figure.subplots(2, 2, height_ratios=[2, 3], sharex=True)
    time = np.linspace(0, 1, seen["strain"].shape[1])
    for d, name in enumerate(("H1", "L1")):
        axes[0, d].plot(time, seen["strain"][d], linewidth=0.7)
        axes[0, d].set(title=name, ylabel="" if d else "strain (σ)")
        axes[1, d].imshow(seen["energies"][..., d], extent=(0, 1, 0, 39), aspect="auto", vmax=25)
        axes[1, d].set(xlabel="time (s)", ylabel="" if d else "25 to 400 Hz", yticks=[])
    figure.suptitle(f"gravitational wave: {100 * seen['wave']:.0f} %", fontsize=11)


WIDGET = Widget(
    "widgets/live/live_gw.js",
    "A network for chirps",
    {"network": ("gw_small", "gw_cnn")},
    picture=picture,
    alt="For the two detectors, one second of noisy strain with a chirp in it, and the energy over "
    "time and frequency below: a bright arc that rises to the right.",
    picture_format="webp",
)
