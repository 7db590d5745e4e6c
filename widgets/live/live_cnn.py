"""A network for pictures: what can be set, and the picture."""

from widgets.live import preview
from widgets.widget import Widget


def picture(figure):
    """Draw a test picture, the scores of a network, and the maps of its first layer."""
    import textwrap

    import numpy as np

    from helpers import plots

    seen = preview()
    left, middle, right = figure.subfigures(1, 3, width_ratios=[2, 2, 3])
    plots.picture(left.subplots(), seen["picture"], "test picture")
    left.supxlabel(textwrap.fill(str(seen["credit"]), 36), fontsize=7)
    scores = middle.subplots()
    scores.barh(seen["classes"], seen["scores"], color=plots.ORANGE)
    scores.invert_yaxis()
    scores.set(xlim=(0, 1), title="scores")
    right.suptitle("16 maps of the first layer", fontsize=11)
    maps = np.moveaxis(seen["maps"], -1, 0)
    largest = np.abs(maps).max()
    for ax, values in zip(right.subplots(4, 4).flat, maps, strict=True):
        ax.imshow(values, cmap=plots.SIGNED, vmin=-largest, vmax=largest)
        ax.set_axis_off()


WIDGET = Widget(
    "widgets/live/live_cnn.js",
    "A network for pictures",
    {"network": ("first_cnn", "cifar_cnn", "toy10_cnn")},
    picture=picture,
    alt="A test picture of 32 by 32 pixels, the scores that a network gives each of ten classes as "
    "bars, and the 16 maps of its first layer.",
    picture_format="webp",
)
