"""Kernel lab: what can be set, the dog that it works on, and the picture."""

from widgets.widget import FLAG, MATRIX, Widget


def dog(side=320):
    """Return the dog as a small JPEG in a data address, with its credit.

    Parameters
    ----------
    side : int
        Longest side in pixels.

    Returns
    -------
    dict
        ``image``, ``name`` and ``credit``.
    """
    import base64
    import io

    from PIL import Image

    from helpers import datasets

    photo = datasets.load_dog(verbose=False)
    picture = Image.fromarray(photo.image)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=88)
    return {
        "image": "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode(),
        "name": "a drawn dog" if photo.source.stand_in else "the dog",
        "credit": photo.source.credit,
    }


def picture(figure):
    """Draw a Sobel kernel, the dog, and what the kernel makes of it."""
    import numpy as np

    from helpers import convolution, datasets, plots

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


WIDGET = Widget(
    "widgets/kernel_lab.js",
    "Kernel lab",
    {
        "preset": (
            *("edge", "blur", "sharpen", "sobel_x", "sobel_y"),
            *("turned", "gauss", "emboss", "nothing", "own"),
        ),
        "kernel": MATRIX,
        "border": ("zeros", "nearest", "mirror"),
        "show": ("signed", "grey"),
        "relu": FLAG,
    },
    data={"dog": dog},
    picture=picture,
    alt="A three by three Sobel kernel, a grey picture of a dog, and the answer of the kernel: red "
    "where the grey becomes lighter to the right, blue where it becomes darker.",
    picture_format="webp",
)
