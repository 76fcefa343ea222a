"""Any chart drawn in cells, and as lines of text."""

from __future__ import annotations

from engine.api import AcrossChart, Bars, Boxes, Chart, Curves, HeatMap
from engine.text import Shown, safe
from tui.widgets.plot.bars import draw_bars
from tui.widgets.plot.boxes import draw_boxes
from tui.widgets.plot.drawing import Drawing, text_of
from tui.widgets.plot.heat import draw_heat

FILE_WIDTH, FILE_HEIGHT = 120, 30
"""The size of a chart where there is no terminal, in cells."""


def drawing_of(chart: Chart, width: int, height: int) -> Drawing:
    """The chart drawn in cells. Curves need numpy."""
    if isinstance(chart, Curves):
        from tui.widgets.plot.curves import draw_curves

        return draw_curves(chart, width, height)
    return draw_across(chart, width, height)


def draw_across(chart: AcrossChart, width: int, height: int) -> Drawing:
    """The chart in `width` cells. Only points fill `height` lines; the other kinds have as many lines as
    they need."""
    if isinstance(chart, Bars):
        return draw_bars(chart, width)
    if isinstance(chart, Boxes):
        return draw_boxes(chart, width)
    if isinstance(chart, HeatMap):
        return draw_heat(chart, width)
    from tui.widgets.plot.scatter import draw_scatter  # imports numpy

    return draw_scatter(chart, width, height, log_x=chart.x.log, log_y=chart.y.log)


def notes_of(chart: Chart, drawing: Drawing) -> list[Shown]:
    """What the drawing does not show."""
    return [*map(safe, chart.caption.notes), *drawing.notes]


def chart_text(chart: Chart) -> str:
    """The chart as a text file."""
    drawing = drawing_of(chart, FILE_WIDTH, FILE_HEIGHT)
    lines = [f"{safe(chart.caption.title)}  {safe(chart.caption.subject)}"]
    lines += [text_of(line) for line in (*drawing.head, *drawing.body, *drawing.foot)]
    return "\n".join((*lines, *notes_of(chart, drawing))) + "\n"
