"""Convolution, step by step: what can be set, and the picture."""

from widgets.widget import FLAG, MATRIX, Widget


def picture(figure):
    """Draw an image, a kernel and their output, with one window and its cell outlined."""
    import numpy as np

    from helpers import convolution, plots

    image = np.array([[2, 3, 2, 4], [3, 1, 2, 2], [4, 1, 0, 1], [7, 2, 1, 3]])
    kernel = np.array([[2, 1], [1, 3]])
    axes = figure.subplots(1, 3, width_ratios=(4, 2, 3), subplot_kw={"anchor": "N"})
    window, cell = (slice(1, 3), slice(1, 3)), (slice(1, 2), slice(1, 2))
    plots.numbers(axes[0], image, "image", highlight=window)
    plots.numbers(axes[1], kernel, "kernel")
    plots.numbers(axes[2], convolution.cross_correlate(image, kernel), "output", highlight=cell)
    figure.supxlabel(f"output[1, 1] = {convolution.worked(image, kernel)[1, 1]}", fontsize=10)


WIDGET = Widget(
    "widgets/conv_stepper.js",
    "Convolution, step by step",
    {
        "image": MATRIX,
        "kernel": MATRIX,
        "mode": ("valid", "same", "full"),
        "stride": (1, 2, 3),
        "anchor": ("keras", "bottom-right", "top-left"),
        "flip": FLAG,
    },
    picture=picture,
    alt="Three grids of numbers: a four by four image with a window of four cells outlined, a two "
    "by two kernel, and the output with the cell that the window gives outlined. Below, the sum "
    "of the four products.",
)
