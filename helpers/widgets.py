"""The interactive figures of the course, in a notebook.

>>> from helpers import widgets
>>> widgets.show("conv_stepper", mode="same", kernel=[[0, 1, 0], [1, -4, 1], [0, 1, 0]])

The same files run on the course's site. In Jupyter and Colab they need the package anywidget; where
it is missing, a line says so. :data:`WIDGETS` lists the widgets and what can be set of each.
"""

import base64
import html
import io
import json
import math
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path

from helpers import es_modules, sources

_HERE = Path(__file__).resolve().parent
_STATICS = (_HERE.parent / "book" / "_static", _HERE / "_static")

MATRIX, INTEGER, NUMBER, FLAG, TEXT, LIST = (
    "a matrix", "a whole number", "a number", "true or false", "a text", "a list",
)  # fmt: skip


@dataclass(frozen=True)
class Widget:
    """A widget of the course.

    Attributes
    ----------
    module : str
        Its file, below ``book/_static``.
    title : str
        What it is called in words.
    options : dict
        What can be set: for each name the kind of value, or a tuple of the values to choose from.
    data : tuple of str
        Names of what it shows, from :data:`DATA`.
    """

    module: str
    title: str
    options: dict = field(default_factory=dict)
    data: tuple = ()


WIDGETS = {
    "conv_stepper": Widget(
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
    ),
    "pool_stepper": Widget(
        "widgets/pool_stepper.js",
        "Pooling, step by step",
        {
            "image": MATRIX,
            "size": (2, 3, 4),
            "stride": (1, 2, 3, 4),
            "kind": ("max", "average"),
            "mode": ("valid", "same"),
        },
    ),
    "kernel_lab": Widget(
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
        ("dog",),
    ),
    "receptive_field": Widget(
        "widgets/receptive_field.js",
        "What a stack of layers sees and costs",
        {
            "stack": ("three", "one", "first_cnn", "cifar_cnn", "gw_small"),
            "input": LIST,
            "layers": LIST,
        },
    ),
}


def show(name, **options):
    """Show a widget below the cell.

    Parameters
    ----------
    name : str
        One of :data:`WIDGETS`.
    **options
        What can be set of it; all have a default.

    Returns
    -------
    object
        Displays itself. With anywidget its attributes are the options: ``w.kernel`` is what the
        reader has typed.

    Raises
    ------
    ValueError
        If there is no such widget or option, or a value is not what it should be.
    """
    options = checked(name, options)
    try:
        import anywidget
    except ImportError:
        return Message(name, options)
    return _with_anywidget(anywidget, name, options)


def checked(name, options):
    """Return options as JSON can hold them, or say what is wrong.

    Parameters
    ----------
    name : str
    options : dict

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        As :func:`show`.
    """
    if name not in WIDGETS:
        raise ValueError(f"There is no widget {name!r}. There are: {', '.join(WIDGETS)}.")
    kinds = WIDGETS[name].options
    values = {}
    for option, value in options.items():
        if option not in kinds:
            raise ValueError(
                f"The widget {name} has no option {option!r}. It has: {', '.join(kinds) or 'none'}."
            )
        value = value.tolist() if hasattr(value, "tolist") else value  # numpy
        if not _fits(value, kinds[option]):
            kind = kinds[option]
            wanted = kind if isinstance(kind, str) else f"one of {', '.join(map(repr, kind))}"
            raise ValueError(f"{option} of the widget {name} is {value!r}, expected {wanted}.")
        values[option] = value
    return values


def element(name, options, content=""):
    """Return the HTML that the site turns into a widget.

    Parameters
    ----------
    name : str
    options : dict
        As :func:`checked` returns them.
    content : str
        HTML for readers without scripts.

    Returns
    -------
    str
    """
    widget = WIDGETS[name]
    attributes = {"module": widget.module}
    if options:
        attributes["options"] = json.dumps(options, ensure_ascii=False)
    if widget.data:
        attributes["data"] = " ".join(widget.data)
    text = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items())
    return f"<course-widget{text}>{content}</course-widget>"


def statics():
    """Return the folder that holds the modules of the widgets."""
    for folder in _STATICS:
        if (folder / "widgets").is_dir():
            return folder
    raise sources.DataError(
        f"The widgets are missing (looked in {_STATICS[0]}). Clone the course again."
    )


class Message:
    """What stands for a widget where anywidget is missing; on the site, the widget itself."""

    def __init__(self, name, options):
        self.name, self.options = name, options

    def __repr__(self):
        return (
            f"{WIDGETS[self.name].title}: interactive on the site of the course; here it needs "
            "anywidget. Install it with: pip install anywidget"
        )

    def _repr_html_(self):
        return element(self.name, self.options, f"<p>{html.escape(repr(self))}</p>")


def _with_anywidget(anywidget, name, options):
    """Return a Jupyter widget that runs the same module."""
    import traitlets

    widget = WIDGETS[name]
    members = {"_esm": es_modules.as_module(statics(), widget.module), "__doc__": widget.title}
    for option in widget.options:
        members[option] = traitlets.Any(None, allow_none=True).tag(sync=True)
    for item in widget.data:
        members[item] = traitlets.Any(None, allow_none=True).tag(sync=True)

    def bundle(self, **kwargs):
        data, metadata = anywidget.AnyWidget._repr_mimebundle_(self, **kwargs) or ({}, {})
        return {**data, "text/html": element(name, options)}, metadata  # for the site

    members["_repr_mimebundle_"] = bundle
    data = {item: DATA[item]() for item in widget.data}
    title = "".join(word.capitalize() for word in name.split("_"))
    return type(title, (anywidget.AnyWidget,), members)(**options, **data)


def _fits(value, kind):
    if isinstance(kind, tuple):
        return any(value == choice and type(value) is type(choice) for choice in kind)
    if kind == FLAG:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == INTEGER:
        return isinstance(value, Integral)
    if kind == NUMBER:
        return isinstance(value, Real) and math.isfinite(value)
    if kind == TEXT:
        return isinstance(value, str)
    if kind == LIST:
        return isinstance(value, list)
    rows = value if isinstance(value, list) else []
    return bool(rows) and all(
        isinstance(row, list)
        and len(row) == len(rows[0]) > 0
        and all(_fits(x, NUMBER) for x in row)
        for row in rows
    )


# --- what they show -----------------------------------------------------------------------------


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


DATA = {"dog": dog}
