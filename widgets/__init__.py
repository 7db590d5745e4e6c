"""The interactive figures of the course, in a notebook.

>>> from helpers import widgets
>>> widgets.show("conv_stepper", mode="same", kernel=[[0, 1, 0], [1, -4, 1], [0, 1, 0]])

The same files run on the course's site. In Jupyter and Colab they need the package anywidget; where
it is missing, a line says so. :data:`WIDGETS` lists the widgets and what can be set of each.
"""

import base64
import functools
import html
import io
import json
import math
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path

from helpers import released
from widgets import es_modules

FOLDER = Path(__file__).resolve().parent

MATRIX, NUMBER, FLAG, TEXT, LIST = "a matrix", "a number", "true or false", "a text", "a list"
ANSWERS = "a list of answers: each a text, whether it is correct, and feedback if it is not"

EVENTS = ("GW150914", "GW151012", "GW151226")
STRAIN_RATE = 1024  # Hz
STRAIN_SECONDS = 16
STRAIN_LOWEST = 15  # Hz; what lies below is large, and no detector hears in it


@dataclass(frozen=True)
class Widget:
    """A widget of the course.

    Attributes
    ----------
    module : str
        Its file, as the site has it below ``_static``.
    title : str
        What it is called in words.
    options : dict
        What can be set: for each name the kind of value, or a tuple of the values to choose from.
    data : tuple of str
        Names of what it shows, from :data:`DATA`.
    later : tuple of str
        Names of data that a page loads only when it is asked for; a notebook gets it at once.
    """

    module: str
    title: str
    options: dict = field(default_factory=dict)
    data: tuple = ()
    later: tuple = ()


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
    "live_cnn": Widget(
        "widgets/live/live_cnn.js",
        "A network for pictures",
        {"network": ("first_cnn", "cifar_cnn", "toy10_cnn")},
    ),
    "live_gw": Widget(
        "widgets/live/live_gw.js",
        "A network for chirps",
        {"network": ("gw_small", "gw_cnn")},
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
    "learning_curves": Widget(
        "widgets/learning_curves.js",
        "Learning curves",
        {
            "card": TEXT,
            "beside": TEXT,
            "measure": ("accuracy", "loss", "learning_rate", "seconds"),
            "unit": ("epochs", "minutes"),
            "log": FLAG,
        },
        ("runs",),
    ),
    "spectrogram": Widget(
        "widgets/spectrogram.js",
        "Spectrogram of strain",
        {
            "event": EVENTS,
            "detector": ("H1", "L1"),
            "whiten": FLAG,
            "q": NUMBER,
            "low": NUMBER,
            "high": NUMBER,
            "seconds": (0.25, 0.5, 1, 4),
        },
        later=tuple(f"strain_{event}" for event in EVENTS),
    ),
    "quiz": Widget("widgets/quiz.js", "Question", {"question": TEXT, "answers": ANSWERS}),
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


def save_network(model, path, **about):
    """Write a Keras network for the page "Live networks": :func:`widgets.live.export_web.save`."""
    from widgets.live import export_web  # starts Keras

    return export_web.save(model, path, **about)


def rounded(model):
    """Return a network with the weights as the page keeps them, of eight bits each."""
    from widgets.live import export_web

    return export_web.rounded(model)


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
    members = {"_esm": es_modules.as_module(FOLDER.parent, widget.module), "__doc__": widget.title}
    for option in widget.options:
        members[option] = traitlets.Any(None, allow_none=True).tag(sync=True)
    data = {item: DATA[item]() for item in (*widget.data, *widget.later)}
    for item in data:
        members[item] = traitlets.Any(None, allow_none=True).tag(sync=True)

    def bundle(self, **kwargs):
        data, metadata = anywidget.AnyWidget._repr_mimebundle_(self, **kwargs) or ({}, {})
        return {**data, "text/html": element(name, options)}, metadata  # for the site

    members["_repr_mimebundle_"] = bundle
    title = "".join(word.capitalize() for word in name.split("_"))
    return type(title, (anywidget.AnyWidget,), members)(**options, **data)


def _fits(value, kind):
    if isinstance(kind, tuple):
        return any(value == choice and type(value) is type(choice) for choice in kind)
    if kind == FLAG:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == NUMBER:
        return isinstance(value, Real) and math.isfinite(value)
    if kind == TEXT:
        return isinstance(value, str)
    if kind == LIST:
        return isinstance(value, list)
    if kind == ANSWERS:
        return _are_answers(value)
    rows = value if isinstance(value, list) else []
    return bool(rows) and all(
        isinstance(row, list)
        and len(row) == len(rows[0]) > 0
        and all(_fits(x, NUMBER) for x in row)
        for row in rows
    )


def _are_answers(value):
    """Whether it is a list of answers, one of them correct, and every wrong one with feedback."""
    if not isinstance(value, list) or not all(isinstance(answer, dict) for answer in value):
        return False
    return any(answer.get("correct") for answer in value) and all(
        {"text"} <= set(answer) <= {"text", "correct", "feedback"}
        and isinstance(answer["text"], str)
        and isinstance(answer.get("correct", False), bool)
        and isinstance(answer.get("feedback", ""), str)
        and (answer.get("correct") or answer.get("feedback"))
        for answer in value
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


def runs():
    """Return the histories of all released runs, from their run cards.

    Returns
    -------
    list of dict
        ``card``, ``network``, ``seed``, ``note``, ``parameters``, ``seconds``, ``test_accuracy``,
        ``test_error`` and ``history``, a dictionary of lists with one number for each epoch.
    """
    found = []
    for name in released.names():
        card = released.released_card(name)
        chosen_on = card.get("chosen_on")
        for run in [*card.get("runs", ()), *([chosen_on] if chosen_on else [])]:
            if "history" not in run:
                continue
            choosing = run is chosen_on
            history = run["history"]
            found.append(
                {
                    "card": name,
                    "network": run.get("network", name),
                    "seed": run["seed"],
                    "note": "the run that chose the epochs" if choosing else "",
                    "parameters": run.get("parameters", card.get("parameters")),
                    "seconds": run.get("wall_time_s", round(sum(history["seconds"]), 1)),
                    "test_accuracy": run.get("test_accuracy"),
                    "test_error": run.get("test_error"),
                    "history": history,
                }
            )
    return found


def strain(event):
    """Return the strain around an event, small enough for a page.

    Parameters
    ----------
    event : str
        One of :data:`EVENTS`.

    Returns
    -------
    dict
        ``rate`` in Hz, ``merger`` in seconds from the first sample, ``gps`` of the merger,
        ``stand_in``, ``credit``, and for each detector in ``strain`` its ``scale`` and ``values``:
        16-bit integers, little-endian, in base64.

    Notes
    -----
    Sixteen seconds, without what lies below 15 Hz, at 1024 Hz instead of 4096 Hz. The error of
    16 bits is white and far below the noise of the detector at every frequency from 20 to 480 Hz.
    """
    import numpy as np
    from scipy import signal

    from chirps import strain as gw_strain

    pair = gw_strain.load_event(event, verbose=False)
    packed = {}
    for name, series in pair.strains.items():
        fewer = series.sample_rate // STRAIN_RATE
        highpass = signal.butter(4, STRAIN_LOWEST, "high", fs=series.sample_rate, output="sos")
        slow = signal.resample_poly(signal.sosfiltfilt(highpass, series.values), 1, fewer)
        first = round((pair.event.gps - series.gps_start - STRAIN_SECONDS / 2) * STRAIN_RATE)
        cut = slow[first : first + STRAIN_SECONDS * STRAIN_RATE]
        scale = float(np.abs(cut).max()) / 32767
        whole = np.rint(cut / scale).astype("<i2")
        packed[name] = {"scale": scale, "values": base64.b64encode(whole.tobytes()).decode()}
        merger = pair.event.gps - series.gps_start - first / STRAIN_RATE
    return {
        "event": event,
        "gps": pair.event.gps,
        "merger": round(merger, 6),
        "rate": STRAIN_RATE,
        "strain": packed,
        "stand_in": pair.source.stand_in,
        "credit": pair.source.credit,
    }


DATA = {
    "dog": dog,
    "runs": runs,
    **{f"strain_{event}": functools.partial(strain, event) for event in EVENTS},
}
