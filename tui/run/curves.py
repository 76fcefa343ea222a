"""The table of a run's metrics that have more than one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine import formats
from engine.text import Shown, cell_width, safe
from tui.widgets.plot.sparkline import sparkline
from tui.widgets.table import TableColumn, TextRow
from tui.widgets.table.source import CellStyle, FirstWord, TextSource

if TYPE_CHECKING:
    from engine.api import MetricOverview

ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}
WIDE = 96
"""Least width of a table with longer names and curves."""
CURVE, NARROW_CURVE = 20, 12
NAME_LIMIT, NARROW_NAME_LIMIT = 24, 18
"""Cells of the curves, and at most of the names, in wide tables and others."""


def curve_source(metrics: Sequence[MetricOverview], width: int) -> TextSource:
    """Name, last and best value, the best one's step, the number of steps, the curve, and its range or what
    is not finite in it."""
    is_wide = width >= WIDE
    curve, limit = (CURVE, NAME_LIMIT) if is_wide else (NARROW_CURVE, NARROW_NAME_LIMIT)
    cells = [_cells(metric, curve) for metric in metrics]
    names = (
        ("METRICS", False),
        ("last", True),
        ("best", True),
        ("at step", True),
        ("steps", True),
        ("curve", False),
        ("min … max", False),
    )
    columns = []
    for place, (name, numeric) in enumerate(names):
        widest = max([cell_width(name), *(cell_width(row[place]) for row in cells)])
        columns.append(TableColumn(name, Shown(name), min(widest, limit), numeric=numeric, full_width=widest))
    return TextSource(
        columns,
        [TextRow(metric.metric, row, _styles(metric)) for metric, row in zip(metrics, cells, strict=True)],
    )


def _cells(metric: MetricOverview, curve: int) -> tuple[Shown, ...]:
    shown = formats.format_for([metric.low, metric.high])
    history = metric.history
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
        sparkline(history.steps, history.values, curve),
        Shown(" · ".join(spread)),
    )


def _styles(metric: MetricOverview) -> dict[int, CellStyle | FirstWord]:
    styles: dict[int, CellStyle | FirstWord] = {5: "accent", 6: "bad" if metric.marks else "muted"}
    if not formats.is_finite(metric.last):
        styles[1] = "bad"
    return styles
