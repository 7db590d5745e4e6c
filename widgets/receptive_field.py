"""What a stack of layers sees and costs: what can be set, and the picture."""

from widgets.widget import LIST, Widget


def picture(figure):
    """Draw the pixels that one value depends on after one, two and three convolutions."""
    from matplotlib.patches import Rectangle

    from helpers import plots

    ax = figure.subplots()
    ax.set(xlim=(0, 13), ylim=(13, 0), aspect="equal", xlabel="column", ylabel="row")
    for size, colour in ((7, plots.ORANGE), (5, plots.GREEN), (3, plots.BLUE)):
        corner = (6.5 - size / 2, 6.5 - size / 2)
        label = f"{size} × {size} after {('one', 'two', 'three')[size // 2 - 1]}"
        ax.add_patch(Rectangle(corner, size, size, color=colour, label=label))
    ax.legend(title="pixels that one value depends on,\nconvolutions of 3 × 3", loc=(1.05, 0.4))


WIDGET = Widget(
    "widgets/receptive_field.js",
    "What a stack of layers sees and costs",
    {
        "stack": ("three", "one", "first_cnn", "cifar_cnn", "gw_small"),
        "input": LIST,
        "layers": LIST,
    },
    picture=picture,
    alt="Three nested squares of pixels around one pixel: one value depends on 3 by 3 pixels after "
    "one convolution, 5 by 5 after two, 7 by 7 after three.",
)
