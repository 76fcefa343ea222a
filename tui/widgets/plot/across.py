"""Draws any chart across runs in cells."""

from __future__ import annotations

from engine.api import AcrossChart, Bars, Boxes, HeatMap
from tui.widgets.plot.bars import draw_bars
from tui.widgets.plot.boxes import draw_boxes
from tui.widgets.plot.drawing import Drawing
from tui.widgets.plot.heat import draw_heat


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
