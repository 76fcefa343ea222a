"""Any chart as lines of text."""

from __future__ import annotations

from engine.api import Chart, Curves
from engine.text import Shown, safe
from tui.widgets.plot.across import draw_across
from tui.widgets.plot.drawing import Drawing, text_of

FILE_WIDTH, FILE_HEIGHT = 120, 30
"""The size of a chart where there is no terminal, in cells."""


def drawing_of(chart: Chart, width: int, height: int) -> Drawing:
    """The chart drawn in cells. Curves need numpy."""
    if isinstance(chart, Curves):
        from tui.widgets.plot.curves import draw_curves

        return draw_curves(chart, width, height)
    return draw_across(chart, width, height)


def notes_of(chart: Chart, drawing: Drawing) -> list[Shown]:
    """What the drawing does not show."""
    return [*map(safe, chart.caption.notes), *drawing.notes]


def chart_text(chart: Chart) -> str:
    """The chart as a text file."""
    drawing = drawing_of(chart, FILE_WIDTH, FILE_HEIGHT)
    lines = [f"{safe(chart.caption.title)}  {safe(chart.caption.subject)}"]
    lines += [text_of(line) for line in (*drawing.head, *drawing.body, *drawing.foot)]
    return "\n".join((*lines, *notes_of(chart, drawing))) + "\n"
