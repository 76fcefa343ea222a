"""Points in cells: a metric against numbers, or in a strip for each category. Every run is in a spot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine import formats
from engine.api import Axis, Point, Scatter
from engine.text import Shown, cell_width, safe
from tui.widgets.fit_text import fit
from tui.widgets.plot.drawing import ARROWS, Drawing, Line, Spot, named
from tui.widgets.plot.legend import Piece, exact
from tui.widgets.plot.scale import Scale, labels, log_ticks, padded, spread, ticks

POINT = "•"
CROWD = "#"
"""More than nine runs in one cell; two to nine are a digit."""
CROWD_NOTE = Shown("2 … 9, #: that many runs in one cell")
STRIP_NOTE = Shown("runs with the same value are side by side")
LEAST_HEIGHT = 4
SMALLEST = 1e-6
"""The smallest share of the whole range to zoom in to."""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a scatter plot in view: the ranges of x and y, None for all points."""

    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None


def draw_scatter(
    chart: Scatter, width: int, height: int, part: Part = Part(), *, log_x: bool = False, log_y: bool = False
) -> Drawing:
    """The chart in `width` by `height` cells. Logarithmic axes leave out what is not positive."""
    shown = [p for p in chart.points if (p.x > 0 or not log_x) and (p.y > 0 or not log_y)]
    notes = []
    if hidden := len(chart.points) - len(shown):
        notes.append(Shown(f"{formats.counted(hidden, 'run')} at or below 0 not shown on a logarithmic axis"))
    if not shown:
        return Drawing((), (Line((("nothing to show on a logarithmic axis", "label"),)),), (), tuple(notes))
    rows = max(LEAST_HEIGHT, height - 4)
    y_low, y_high = part.y or _range([point.y for point in shown], log_y)
    y_scale = Scale(y_low, y_high, rows, log_y)
    y_values = (log_ticks if log_y else ticks)(y_low, y_high, max(2, min(8, rows // 3)))
    y_labels = {
        rows - 1 - round(y_scale.at(value)): text
        for value, text in zip(y_values, _tick_labels(y_values, log_y), strict=True)
    }
    left = max(map(cell_width, y_labels.values()), default=0) + 2
    columns = max(8, width - left - 1)
    if chart.x.categories:
        cells = _strips(chart, shown, y_scale, columns)
        foot = _category_axis(chart.x, left, columns)
        notes.append(STRIP_NOTE)
    else:
        x_low, x_high = part.x or _range([point.x for point in shown], log_x)
        x_scale = Scale(x_low, x_high, columns, log_x)
        cells = _placed(shown, x_scale, y_scale)
        foot = _number_axis(chart.x, x_scale, left, columns)
    if any(len(points) > 1 for points in cells.values()):
        notes.append(CROWD_NOTE)
    if part.x or part.y:
        notes.append(Shown(f"partial view: {sum(map(len, cells.values())):,} of {len(shown):,} runs"))
    body = [_line(chart, row, cells, y_labels.get(row), left, columns) for row in range(rows)]
    head = Line(((named(chart.y.label, width, ARROWS[chart.y.direction]), "legend"),))
    return Drawing((head,), tuple(body), foot, tuple(notes))


def _tick_labels(values: Sequence[float], log: bool) -> list[Shown]:
    return [Shown(f"{value:g}") for value in values] if log else labels(values)


def _range(values: Sequence[float], log: bool) -> tuple[float, float]:
    low, high = spread(min(values), max(values), log=log)
    return padded(low, high, log=log)


def zoomed(
    chart: Scatter, part: Part | None, factor: float, run_id: str | None, *, log_y: bool = False
) -> Part | None:
    """The part of a chart `factor` times as large, around a run; None for everything."""
    shown = [p for p in chart.points if (p.x > 0 or not chart.x.log) and (p.y > 0 or not log_y)]
    if not shown:
        return None
    centre = next((point for point in shown if point.run_id == run_id), None)
    before = part or Part()
    x_all = _range([point.x for point in shown], chart.x.log)
    y_all = _range([point.y for point in shown], log_y)
    x_centre, y_centre = (None, None) if centre is None else (centre.x, centre.y)
    x = None if chart.x.categories else _scaled(before.x, x_all, factor, x_centre, chart.x.log)
    y = _scaled(before.y, y_all, factor, y_centre, log_y)
    return None if x is None and y is None else Part(x, y)


def _scaled(
    shown: tuple[float, float] | None,
    everything: tuple[float, float],
    factor: float,
    centre: float | None,
    log: bool,
) -> tuple[float, float] | None:
    """A range `factor` times as wide around `centre`; None if that is everything."""
    to, back = (math.log, math.exp) if log else (float, float)
    low, high = map(to, shown or everything)
    first, last = map(to, everything)
    span = (high - low) * factor
    if span >= last - first or span <= (last - first) * SMALLEST:
        return shown if span < last - first else None
    middle = (low + high) / 2 if centre is None else to(centre)
    start = min(max(first, middle - span / 2), last - span)
    return back(start), back(start + span)


Cells = dict[tuple[int, int], list[Point]]
"""The points in each cell, by row from the top and column."""


def _placed(points: Sequence[Point], x_scale: Scale, y_scale: Scale) -> Cells:
    cells: Cells = {}
    for point in points:
        column, up = x_scale.at(point.x), y_scale.at(point.y)
        if -0.5 <= column < x_scale.size - 0.5 and -0.5 <= up < y_scale.size - 0.5:
            cells.setdefault((y_scale.size - 1 - round(up), round(column)), []).append(point)
    return cells


def _strips(chart: Scatter, points: Sequence[Point], y_scale: Scale, columns: int) -> Cells:
    """Runs of a category in the same line stand side by side around the middle of its strip; if they are too
    many, they share cells."""
    lines: dict[tuple[int, int], list[Point]] = {}
    for point in sorted(points, key=lambda point: point.y):
        up = y_scale.at(point.y)
        if -0.5 <= up < y_scale.size - 0.5:
            lines.setdefault((y_scale.size - 1 - round(up), int(point.x)), []).append(point)
    band = columns / len(chart.x.categories)
    room = max(1, int(band) - 2)
    cells: Cells = {}
    for (row, category), found in lines.items():
        middle = band * (category + 0.5)
        used = min(room, len(found))
        for at, point in enumerate(found):
            column = math.floor(middle - used / 2 + at * used / len(found))
            cells.setdefault((row, min(columns - 1, max(0, column))), []).append(point)
    return cells


def _line(chart: Scatter, row: int, cells: Cells, label: Shown | None, left: int, columns: int) -> Line:
    text = [" "] * columns
    spots = []
    for (line, column), points in sorted(cells.items()):
        if line == row:
            text[column] = POINT if len(points) == 1 else str(len(points)) if len(points) < 10 else CROWD
            spots.append(Spot(left + column, left + column + 1, _reading(chart, points), points[0].run_id))
    pieces: list[Piece] = [(fit(label or "", left - 2, right=True) + " ", "label")]
    pieces += [("┤" if label else "│", "axis"), ("".join(text), "series-1")]
    return Line(tuple(pieces), tuple(spots))


def _reading(chart: Scatter, points: Sequence[Point]) -> Shown:
    first = points[0]
    x = safe(chart.x.categories[int(first.x)]) if chart.x.categories else exact(first.x)
    text = f"{safe(first.name)}  {safe(chart.x.label)} {x}  {safe(chart.y.label)} {exact(first.y)}"
    if len(points) == 1:
        return Shown(text)
    return Shown(f"{text}  and {formats.listed([point.name for point in points[1:]], 3)}")


def _number_axis(axis: Axis, scale: Scale, left: int, columns: int) -> tuple[Line, ...]:
    values = (log_ticks if scale.log else ticks)(scale.low, scale.high, max(2, columns // 12))
    texts = _tick_labels(values, scale.log)
    marks = {round(scale.at(value)): text for value, text in zip(values, texts, strict=True)}
    rule = "".join("┬" if at in marks else "─" for at in range(columns))
    text = ""
    for at, mark in sorted(marks.items()):
        start = max(0, min(left + at - cell_width(mark) // 2, left + columns - cell_width(mark)))
        if start >= len(text) + bool(text):
            text = text.ljust(start) + mark
    name = named(axis.label, columns, (" (log)" if scale.log else "") + ARROWS[axis.direction])
    centred = " " * (left + max(0, (columns - cell_width(name)) // 2)) + name
    return (
        Line(((" " * (left - 1), "label"), ("└" + rule, "axis"))),
        Line(((text, "label"),)),
        Line(((centred, "legend"),)),
    )


def _category_axis(axis: Axis, left: int, columns: int) -> tuple[Line, ...]:
    """The categories, each under the middle of its strip and cut to its width."""
    band = columns / len(axis.categories)
    middles = [math.floor(band * (at + 0.5)) for at in range(len(axis.categories))]
    rule = "".join("┬" if at in middles else "─" for at in range(columns))
    text = " " * left
    for at, category in enumerate(axis.categories):
        start, end = math.floor(band * at), math.floor(band * (at + 1))
        label = named(category, max(1, end - start - 1))
        before = (end - start - cell_width(label)) // 2
        text += fit(" " * before + label, end - start)
    name = named(axis.label, columns)
    centred = " " * (left + max(0, (columns - cell_width(name)) // 2)) + name
    return (
        Line(((" " * (left - 1), "label"), ("└" + rule, "axis"))),
        Line(((text, "label"),)),
        Line(((centred, "legend"),)),
    )
