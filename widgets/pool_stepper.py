"""Pooling, step by step: what can be set, and the picture."""

from widgets.widget import MATRIX, Widget


def picture(figure):
    """Draw an image and the maxima of its windows, with one window and its cell outlined."""
    import numpy as np

    from helpers import convolution, plots

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
    axes = figure.subplots(1, 2, width_ratios=(6, 3), subplot_kw={"anchor": "N"})
    window, cell = (slice(2, 4), slice(0, 2)), (slice(1, 2), slice(0, 1))
    plots.numbers(axes[0], image, "image", highlight=window)
    plots.numbers(axes[1], convolution.pool(image, 2), "output", highlight=cell)
    figure.supxlabel(f"output[1, 0] = {convolution.worked_pool(image, 2)[1, 0]}", fontsize=10)


WIDGET = Widget(
    "widgets/pool_stepper.js",
    "Pooling, step by step",
    {
        "image": MATRIX,
        "size": (2, 3, 4),
        "stride": (1, 2, 3, 4),
        "kind": ("max", "average"),
        "mode": ("valid", "same"),
    },
    picture=picture,
    alt="Two grids of numbers: a six by six image with a two by two window outlined, and the "
    "three by three output with the largest value of that window outlined.",
)
