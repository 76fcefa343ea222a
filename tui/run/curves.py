"""The table of a run's metrics that have more than one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine import formats
from engine.text import Shown, cell_width, safe
from tui.widgets.plot.sparkline import sparkline
from tui.widgets.table import TableColumn, TextRow
from tui.widgets.table.layout import GAP, GUTTER, MARGIN
from tui.widgets.table.source import CellStyle, FirstWord, TextSource

if TYPE_CHECKING:
    from engine.api import MetricOverview

ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}
WIDE = 96
"""Least width of a table with longer names."""
NAME_LIMIT, NARROW_NAME_LIMIT = 24, 18
"""The most cells of a name, in wide tables and others."""
LEAST_CURVE, MOST_CURVE = 10, 24
"""Cells of the curves, which take the room that is left."""
COLUMNS = (
    ("METRICS", False),
    ("last", True),
    ("best", True),
    ("at step", True),
    ("steps", True),
    ("min … max", False),
)
CURVE_AT = 5
"""The place of the curve among the columns."""
SCROLLBAR = 1


def curve_source(metrics: Sequence[MetricOverview], width: int) -> TextSource:
    """Name, last and best value, the best one's step, the number of steps, the curve, and its range or what
    is not finite in it."""
    limit = NAME_LIMIT if width >= WIDE else NARROW_NAME_LIMIT
    cells = [_cells(metric) for metric in metrics]
    widest = [
        max([cell_width(name), *(cell_width(row[place]) for row in cells)])
        for place, (name, _) in enumerate(COLUMNS)
    ]
    others = min(widest[0], limit) + sum(widest[1:])
    room = width - GUTTER - others - GAP * len(COLUMNS) - MARGIN - SCROLLBAR
    curve = max(LEAST_CURVE, min(MOST_CURVE, room))
    columns = [
        TableColumn(name, Shown(name), min(width, limit), numeric=numeric, full_width=width)
        for (name, numeric), width in zip(COLUMNS, widest, strict=True)
    ]
    columns.insert(CURVE_AT, TableColumn("curve", Shown("curve"), curve))
    rows = []
    for metric, texts in zip(metrics, cells, strict=True):
        drawn = sparkline(metric.history.steps, metric.history.values, curve)
        rows.append(TextRow(metric.metric, (*texts[:CURVE_AT], drawn, *texts[CURVE_AT:]), _styles(metric)))
    return TextSource(columns, rows)


def _cells(metric: MetricOverview) -> tuple[Shown, ...]:
    """The cells without the curve."""
    shown = formats.format_for([metric.low, metric.high])
    count = metric.history.count
    spread = [] if metric.low is None or metric.marks else [f"{shown(metric.low)} … {shown(metric.high)}"]
    for mark in metric.marks:
        number = "" if mark.count is None else f"{formats.count(mark.count)} "
        spread.append(f"{number}{mark.text} at {formats.count(mark.step)}")
    return (
        Shown(safe(metric.metric) + ARROWS[metric.direction]),
        shown(metric.last),
        shown(metric.best),
        formats.MISSING if metric.best_step is None else formats.count(metric.best_step),
        formats.MISSING if count is None else formats.count(count),
        Shown(" · ".join(spread)),
    )


def _styles(metric: MetricOverview) -> dict[int, CellStyle | FirstWord]:
    styles: dict[int, CellStyle | FirstWord] = {5: "accent", 6: "bad" if metric.marks else "muted"}
    if not formats.is_finite(metric.last):
        styles[1] = "bad"
    return styles
