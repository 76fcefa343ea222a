"""Charts in braille dots, drawn line by line."""

from tui.widgets.plot.plot import Plot, prepare
from tui.widgets.plot.series import Series, SeriesKind

__all__ = ["Plot", "Series", "SeriesKind", "prepare"]
