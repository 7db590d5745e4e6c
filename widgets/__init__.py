"""The interactive figures of the course, in a notebook and in the site.

>>> from helpers import widgets
>>> widgets.show("conv_stepper", mode="same", kernel=[[0, 1, 0], [1, -4, 1], [0, 1, 0]])

A widget is two files side by side: ``conv_stepper.js``, the ES module that runs both in the site
and, through the package anywidget, in Jupyter and Colab; and ``conv_stepper.py``, which says what
can be set, makes the data that the build writes for it, and draws the picture for readers without
scripts. A new widget is two such files and its name in :data:`NAMES`. What several scripts share is
in ``parts/``, the networks that run in the page are in ``live/``.

Importing this package starts neither matplotlib nor Keras nor `chirps`: the functions that draw and
that make data import what they need.
"""

import html
import json
from importlib import import_module
from pathlib import Path

from widgets import es_modules
from widgets.widget import fits

FOLDER = Path(__file__).resolve().parent

NAMES = (
    "conv_stepper",
    "pool_stepper",
    "kernel_lab",
    "live.live_cnn",
    "live.live_gw",
    "receptive_field",
    "learning_curves",
    "spectrogram",
    "quiz",
)
WIDGETS = {w.name: w for w in (import_module(f"widgets.{name}").WIDGET for name in NAMES)}
# What they show: for each name the function that makes it.
DATA = {name: make for w in WIDGETS.values() for name, make in (w.data | w.later).items()}


def show(name, **options):
    """Show a widget below the cell.

    Parameters
    ----------
    name : str
        One of ``widgets.WIDGETS``, e.g. ``"conv_stepper"``.
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
        kind = kinds[option]
        if not fits(value, kind):
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
    data = {item: make() for item, make in (widget.data | widget.later).items()}
    members = {"_esm": es_modules.as_module(FOLDER.parent, widget.module), "__doc__": widget.title}
    for member in (*widget.options, *data):
        members[member] = traitlets.Any(None, allow_none=True).tag(sync=True)

    def bundle(self, **kwargs):
        data, metadata = anywidget.AnyWidget._repr_mimebundle_(self, **kwargs) or ({}, {})
        return {**data, "text/html": element(name, options)}, metadata  # for the site

    members["_repr_mimebundle_"] = bundle
    title = "".join(word.capitalize() for word in name.split("_"))
    return type(title, (anywidget.AnyWidget,), members)(**options, **data)
