"""Charts in braille dots, drawn line by line."""

from tui.widgets.plot.plot import Plot, prepare
from tui.widgets.plot.scale import XKind
from tui.widgets.plot.series import LETTERS, Series, SeriesKind

__all__ = ["LETTERS", "Plot", "Series", "SeriesKind", "XKind", "prepare"]
