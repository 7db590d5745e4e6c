"""Plotters of the course. Each takes an ``Axes`` first and returns it.

Import once per page: the house style is set on import. Magnitudes use :data:`MAGNITUDE`, signed
values :data:`SIGNED` with zero in the middle, photos grey.
"""

import matplotlib as mpl
import numpy as np

MAGNITUDE = "viridis"  # perceptually uniform, readable by the colour-blind and in grey
SIGNED = "RdBu_r"  # zero is white
# Safe for the colour-blind:
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#AA4499"

NARROW = (4.5, 3.2)  # figure sizes, inches
SQUARE = (5.5, 5.0)
WIDE = (8.0, 3.2)
TALL = (8.0, 6.0)

mpl.rcParams.update(
    {
        "figure.dpi": 110,
        "savefig.dpi": 110,
        "savefig.bbox": "tight",
        "figure.constrained_layout.use": True,
        "figure.facecolor": "white",
        "font.family": "DejaVu Sans",  # ships with matplotlib: same letters on every machine
        "font.size": 10,
        "axes.titlesize": 10,
        "axes.labelsize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": mpl.cycler(color=[BLUE, ORANGE, GREEN, PURPLE]),
        "image.cmap": MAGNITUDE,
        "image.interpolation": "nearest",
        "legend.frameon": False,
    }
)


def picture(ax, image, title=None, *, grey_range=None):
    """Show an image without axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    image : array, shape (height, width) or (height, width, 3)
        Grey values, or red, green, blue (uint8, or floats from 0 to 1).
    title : str, optional
    grey_range : tuple of float, optional
        Values shown as black and white; default the smallest and largest value.

    Returns
    -------
    matplotlib.axes.Axes
    """
    low, high = grey_range or (None, None)
    ax.imshow(image, cmap="gray", vmin=low, vmax=high)
    ax.set_axis_off()
    if title is not None:
        ax.set_title(title)
    return ax


def numbers(ax, matrix, title=None, *, highlight=None, signed=False):
    """Draw a small matrix as a grid of cells with its numbers written in them.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    matrix : array, shape (rows, columns)
    title : str, optional
    highlight : tuple of slice, optional
        Rows and columns to outline, e.g. ``(slice(0, 2), slice(0, 2))``.
    signed : bool
        Colour by sign, zero white, instead of leaving the cells white.

    Returns
    -------
    matplotlib.axes.Axes
    """
    matrix = np.asarray(matrix)
    rows, columns = matrix.shape
    largest = np.abs(matrix).max() or 1
    colours = matrix if signed else np.zeros_like(matrix, dtype=float)
    pale = {"alpha": 0.55}  # so that black numbers stay readable on the strongest colours
    ax.imshow(colours, cmap=SIGNED, vmin=-largest, vmax=largest, **pale)
    for (row, column), value in np.ndenumerate(matrix):
        ax.text(column, row, f"{value:.3g}", ha="center", va="center")
    ax.set_xticks(np.arange(columns + 1) - 0.5)
    ax.set_yticks(np.arange(rows + 1) - 0.5)
    ax.grid(color="0.6", linewidth=0.8, clip_on=False)
    ax.tick_params(length=0, labelbottom=False, labelleft=False)
    ax.spines[:].set_visible(False)
    if highlight is not None:
        (top, bottom, _), (left, right, _) = (
            part.indices(size) for part, size in zip(highlight, matrix.shape, strict=True)
        )
        ax.add_patch(
            mpl.patches.Rectangle(
                (left - 0.5, top - 0.5),
                right - left,
                bottom - top,
                fill=False,
                edgecolor=ORANGE,
                linewidth=3,
                clip_on=False,
                zorder=3,  # above the grid
            )
        )
    if title is not None:
        ax.set_title(title)
    return ax


def confusion(ax, counts, classes):
    """Draw a confusion matrix with its counts.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    counts : array of int, shape (n, n)
        Row: true class; column: predicted class.
    classes : sequence of str

    Returns
    -------
    matplotlib.axes.Axes
    """
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap=MAGNITUDE, vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        ax.text(
            column,
            row,
            counts[row, column],
            ha="center",
            va="center",
            fontsize=8,
            color="black" if share > 0.55 else "white",
        )
    ax.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(classes)), classes)
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def learning_curve(ax, history, quantity="accuracy"):
    """Draw one quantity of a training history against the epoch, with validation if there.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    history : dict of list
        As returned by :func:`helpers.training.fit` or kept in a run card.
    quantity : {"accuracy", "loss"}

    Returns
    -------
    matplotlib.axes.Axes
    """
    for key, label in ((quantity, "training"), (f"val_{quantity}", "validation")):
        if key in history:
            ax.plot(range(1, len(history[key]) + 1), history[key], marker="o", ms=3, label=label)
    ax.set(xlabel="epoch", ylabel="loss (nats)" if quantity == "loss" else quantity)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def gallery(axes, images, titles=(), *, marked=()):
    """Show pictures side by side, one per axes, and leave surplus axes empty.

    Parameters
    ----------
    axes : array of matplotlib.axes.Axes
        Filled row by row.
    images : sequence of array, shape (height, width) or (height, width, 3)
    titles : sequence of str, optional
        One for each picture.
    marked : sequence of bool, optional
        Which titles get a cross and another colour.

    Returns
    -------
    array of matplotlib.axes.Axes
    """
    titles = list(titles) or [None] * len(images)
    marked = list(marked) or [False] * len(images)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, title, mark in zip(axes.flat, images, titles, marked, strict=False):
        picture(ax, image)
        if title is not None:
            colour = ORANGE if mark else "black"
            ax.set_title(f"✗ {title}" if mark else title, fontsize=8, color=colour)
    return axes


def mark_epoch(ax, epoch, label="chosen epoch"):
    """Mark one epoch of a learning curve with a dashed line, and name it in the legend.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    epoch : int
        Counted from 1.
    label : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax.axvline(epoch, color="0.35", linestyle="--", linewidth=1, label=label)
    ax.legend()
    return ax


def credit(fig, source):
    """Write the credit of a data set under a figure, and mark a stand-in in large letters.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    source : helpers.sources.Source

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig.supxlabel(source.credit, fontsize=7, color="0.35", ha="right", x=0.99)
    if source.stand_in:
        fig.suptitle("stand-in, not the real data", color=ORANGE, fontsize=10)
    return fig
