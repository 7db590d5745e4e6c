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
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "black", "0.55")

NARROW = (4.5, 3.2)  # figure sizes, inches
SQUARE = (5.5, 5.0)
WIDE = (8.0, 3.2)

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
        "axes.prop_cycle": mpl.cycler(color=COLOURS),
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
    ax.set_title(title)
    return ax


def heat(ax, values, title=None, *, largest=None):
    """Show a map of magnitudes without axes, dark at zero; `ax.images[0]` carries its scale.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : array, shape (height, width)
        0 or more.
    title : str, optional
    largest : float, optional
        Value of the brightest colour; default the largest value.

    Returns
    -------
    matplotlib.axes.Axes
    """
    largest = np.max(values) if largest is None else largest
    ax.imshow(values, cmap=MAGNITUDE, vmin=0, vmax=largest or 1)
    ax.set_axis_off()
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
    labels = {quantity: "training", f"val_{quantity}": "validation"}
    lines = {label: history[key] for key, label in labels.items() if key in history}
    return curves(ax, lines, "loss (nats)" if quantity == "loss" else quantity)


def gallery(axes, images, titles, *, marked=()):
    """Show pictures side by side, one per axes, and leave surplus axes empty.

    Parameters
    ----------
    axes : array of matplotlib.axes.Axes
        Filled row by row.
    images : sequence of array, shape (height, width) or (height, width, 3)
    titles : sequence of str
        One for each picture.
    marked : sequence of bool, optional
        Which titles get a cross and another colour.

    Returns
    -------
    array of matplotlib.axes.Axes
    """
    marked = list(marked) or [False] * len(images)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, title, mark in zip(axes.flat, images, titles, marked, strict=False):
        picture(ax, image)
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


def coloured(maps, *, signed=False):
    """Turn maps into coloured pictures, each on its own scale.

    Parameters
    ----------
    maps : array, shape (n, height, width)
        Finite numbers.
    signed : bool
        False: from 0 (dark) to the map's largest value (bright), in :data:`MAGNITUDE`; a blank map
        is dark. True: :data:`SIGNED`, from minus to plus the map's largest size, zero white.

    Returns
    -------
    numpy.ndarray, float, shape (n, height, width, 3)
        Red, green, blue from 0 to 1.
    """
    maps = np.asarray(maps, dtype=float)
    largest = np.abs(maps).max(axis=(1, 2), keepdims=True)
    scaled = maps / np.where(largest > 0, largest, 1)
    if signed:
        scaled = (scaled + 1) / 2
    return mpl.colormaps[SIGNED if signed else MAGNITUDE](scaled)[..., :3]


def outlined(pictures, boxes):
    """Draw the outline of a box, one pixel wide, into each picture.

    Parameters
    ----------
    pictures : array of float, shape (n, height, width, 3)
        Red, green, blue from 0 to 1.
    boxes : array of int, shape (n, 4)
        First row, first column, end row, end column.

    Returns
    -------
    numpy.ndarray, float, shape (n, height, width, 3)
    """
    pictures = np.array(pictures, dtype=float)
    for picture, (top, left, bottom, right) in zip(pictures, boxes, strict=True):
        for row in (top, bottom - 1):
            picture[row, left:right] = mpl.colors.to_rgb(ORANGE)
        for column in (left, right - 1):
            picture[top:bottom, column] = mpl.colors.to_rgb(ORANGE)
    return pictures


def contact_sheet(ax, columns, row_names):
    """Lay out many small pictures as one table: a name above each column and beside each row.

    One picture instead of many axes: a hundred small ones take no longer than one.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    columns : dict of str to array, shape (n, height, width, 3)
        Pictures of all columns have the same size; red, green, blue as uint8, or from 0 to 1.
    row_names : sequence of str
        n names.

    Returns
    -------
    matplotlib.axes.Axes
    """
    gap = 2  # pixels between two pictures
    n, height, width, _ = next(iter(columns.values())).shape
    sheet = np.ones((n * (height + gap), len(columns) * (width + gap), 3))
    for column, pictures in enumerate(columns.values()):
        shown = pictures / 255 if pictures.dtype == np.uint8 else pictures
        for row, picture in enumerate(shown):
            top, left = row * (height + gap), column * (width + gap)
            sheet[top : top + height, left : left + width] = picture
    ax.imshow(sheet[:-gap, :-gap])
    middles = [np.arange(k) * (size + gap) + (size - 1) / 2 for k, size in
               ((len(columns), width), (n, height))]  # fmt: skip
    ax.set_xticks(middles[0], list(columns))
    ax.set_yticks(middles[1], list(row_names))
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.spines[:].set_visible(False)
    return ax


def with_errors(ax, x, curves):
    """Draw curves with error bars; each has a colour and a marker of its own.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x : sequence
        Numbers, or names of steps.
    curves : dict of str to tuple of array, shape (len(x),)
        Mean and error of at most six curves.

    Returns
    -------
    matplotlib.axes.Axes
    """
    for (name, (mean, error)), colour, marker in zip(
        curves.items(), COLOURS, "os^Dv.", strict=False
    ):
        ax.errorbar(x, mean, error, color=colour, marker=marker, ms=4, capsize=2, label=name)
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


def shares(ax, names, columns):
    """Draw what part of several totals falls on each of some things, as grouped bars.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    names : sequence of str
        From top to bottom.
    columns : dict of sequence
        Label: amounts, one per name. Each column is divided by its sum.

    Returns
    -------
    matplotlib.axes.Axes
    """
    height = 0.8 / len(columns)
    places = np.arange(len(names))
    for number, (label, amounts) in enumerate(columns.items()):
        percent = 100 * np.asarray(amounts) / np.sum(amounts)
        ax.barh(places + (number + 0.5) * height - 0.4, percent, height, label=label)
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set(xlabel="share of the total (%)")
    ax.legend()
    return ax


def sweep(ax, filters, counts, *, terms=None, scale="linear"):
    """Draw numbers of parameters against numbers of filters, with formulas to compare.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    filters, counts : sequence of int
        Points; joined by lines where no formula is given.
    terms : dict of callable, optional
        Label: function of the number of filters.
    scale : {"linear", "log"}
        Of both axes.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax.plot(filters, counts, "o" if terms else "o-", ms=4, color=BLUE)
    fine = np.geomspace(min(filters), max(filters), 100)
    styles = zip((BLUE, ORANGE, GREEN), ("-", "--", ":"), strict=True)
    for (label, term), (colour, style) in zip((terms or {}).items(), styles, strict=False):
        ax.plot(fine, term(fine), style, linewidth=1.2, color=colour, label=label)
    ax.set(xscale=scale, yscale=scale, xlabel="filters per convolution", ylabel="parameters")
    if scale == "linear":
        ax.locator_params(axis="x", nbins=5)
    if terms:
        ax.legend()
    return ax


def curves(ax, lines, ylabel):
    """Draw one quantity of several trainings against the epoch.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    lines : dict of sequence
        Label: one number per epoch.
    ylabel : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    for label, values in lines.items():
        ax.plot(range(1, len(values) + 1), values, marker="o", ms=3, label=label)
    ax.set(xlabel="epoch", ylabel=ylabel)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def reliability(ax, confidence, accuracy, counts):
    """Draw how often predictions are right against how sure they are, in bins.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    confidence, accuracy : sequence of float
        Mean probability of the predicted class, and share of right predictions, in each bin.
    counts : sequence of int
        Images in each bin. Bins without images are left out.

    Returns
    -------
    matplotlib.axes.Axes

    References
    ----------
    C. Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017, figure 1.
    """
    confidence, accuracy, counts = map(np.asarray, (confidence, accuracy, counts))
    filled = counts > 0
    n = counts[filled]
    p = (accuracy[filled] * n + 1) / (n + 2)  # so that no error vanishes where all are right
    errors = np.sqrt(p * (1 - p) / n)
    ax.plot([0, 1], [0, 1], "--", color="0.35", linewidth=1, label="as sure as right")
    ax.errorbar(confidence[filled], accuracy[filled], errors, fmt="o", ms=4, capsize=2)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set(xlabel="probability of the prediction", ylabel="share that is right")
    ax.legend(loc="upper left")
    return ax
