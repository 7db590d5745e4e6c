"""The interactive figures of the course, in a notebook: the door to the package `widgets`.

>>> from helpers import widgets
>>> widgets.show("conv_stepper", mode="same", kernel=[[0, 1, 0], [1, -4, 1], [0, 1, 0]])
"""

from widgets import show
from widgets.live.network_file import rounded, save_network

__all__ = ["rounded", "save_network", "show"]
