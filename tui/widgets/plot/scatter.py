"""Points in cells: a metric against numbers, or in a strip for each category. Every run is in a spot. Needs
numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import formats
from engine.api import Axis, Point, Scatter
from engine.text import Shown, cell_width, safe
from tui.widgets.fit_text import fit
from tui.widgets.plot.drawing import ARROWS, Drawing, Line, Spot, named
from tui.widgets.plot.legend import Piece, exact
from tui.widgets.plot.scale import Scale, labels, log_labels, log_ticks, padded, spread, ticks

POINT = "•"
CROWD = "#"
"""More than nine runs in one cell; two to nine are a digit."""
CROWD_NOTE = Shown("2 … 9, #: that many runs in one cell")
STRIP_NOTE = Shown("runs with the same value are side by side")
NAMED = 3
"""The most further runs of a cell that are named."""
FEW_XS = 10
"""Up to this many different xs are the ticks of their axis."""
LEAST_HEIGHT = 4
SMALLEST = 1e-6
"""The smallest share of the whole range to zoom in to."""


Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a scatter plot in view: the ranges of x and y, None for all points."""

    x: Range | None = None
    y: Range | None = None


def draw_scatter(
    chart: Scatter, width: int, height: int, part: Part = Part(), *, log_x: bool = False, log_y: bool = False
) -> Drawing:
    """The chart in `width` by `height` cells. Logarithmic axes leave out what is not positive."""
    points = _Points.of(chart.points, log_x=log_x, log_y=log_y)
    notes = []
    if hidden := len(chart.points) - len(points.xs):
        notes.append(Shown(f"{formats.counted(hidden, 'run')} at or below 0 not shown on a logarithmic axis"))
    if not len(points.xs):
        return Drawing((), (Line((("nothing to show on a logarithmic axis", "label"),)),), (), tuple(notes))
    rows = max(LEAST_HEIGHT, height - 4)
    y_scale = Scale(*(part.y or points.y_range), rows, log_y)
    y_values = (log_ticks if log_y else ticks)(y_scale.low, y_scale.high, max(2, min(8, rows // 3)))
    y_labels = {
        rows - 1 - round(y_scale.at(value)): text
        for value, text in zip(y_values, (log_labels if log_y else labels)(y_values), strict=True)
    }
    left = max(map(cell_width, y_labels.values()), default=0) + 2
    columns = max(8, width - left - 1)
    if chart.x.categories:
        cells = points.in_strips(len(chart.x.categories), y_scale, columns)
        foot = _category_axis(chart.x, left, columns)
        notes.append(STRIP_NOTE)
    else:
        x_scale = Scale(*(part.x or points.x_range), columns, log_x)
        cells = points.placed(x_scale, y_scale)
        foot = _number_axis(chart.x, x_scale, points.few_xs, left, columns)
    if any(len(found) > 1 for found in cells.values()):
        notes.append(CROWD_NOTE)
    if part.x or part.y:
        notes.append(Shown(f"partial view: {sum(map(len, cells.values())):,} of {len(points.xs):,} runs"))
    lines: list[list[_Cell]] = [[] for _ in range(rows)]
    for (row, column), found in sorted(cells.items()):
        lines[row].append(_Cell(column, len(found), [chart.points[at] for at in found[: NAMED + 1]]))
    body = [_line(chart, line, y_labels.get(row), left, columns) for row, line in enumerate(lines)]
    head = Line(((named(chart.y.label, width, ARROWS[chart.y.direction]), "legend"),))
    return Drawing((head,), tuple(body), foot, tuple(notes))


def zoomed(
    chart: Scatter, part: Part | None, factor: float, run_id: str | None, *, log_y: bool = False
) -> Part | None:
    """The part of a chart `factor` times as large, around a run; None for everything."""
    points = _Points.of(chart.points, log_x=chart.x.log, log_y=log_y)
    if not len(points.xs):
        return None
    centre = next((point for point in chart.points if point.run_id == run_id), None)
    before = part or Part()
    x_centre, y_centre = (None, None) if centre is None else (centre.x, centre.y)
    x = None if chart.x.categories else _scaled(before.x, points.x_range, factor, x_centre, chart.x.log)
    y = _scaled(before.y, points.y_range, factor, y_centre, log_y)
    return None if x is None and y is None else Part(x, y)


def _scaled(
    shown: Range | None,
    everything: Range,
    factor: float,
    centre: float | None,
    log: bool,
) -> Range | None:
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


Cells = dict[tuple[int, int], NDArray[np.int64]]
"""The indices of the points in each cell, by row from the top and column."""


@dataclass(frozen=True, eq=False, slots=True)
class _Points:
    """The points that the axes can show: their places, and their indices in the chart."""

    xs: NDArray[np.float64]
    ys: NDArray[np.float64]
    indices: NDArray[np.int64]
    log_x: bool
    log_y: bool

    @classmethod
    def of(cls, points: Sequence[Point], *, log_x: bool, log_y: bool) -> _Points:
        xs = np.fromiter((point.x for point in points), np.float64, len(points))
        ys = np.fromiter((point.y for point in points), np.float64, len(points))
        indices = np.flatnonzero(((xs > 0) | (not log_x)) & ((ys > 0) | (not log_y)))
        return cls(xs[indices], ys[indices], indices, log_x, log_y)

    @property
    def x_range(self) -> Range:
        return _range(self.xs, self.log_x)

    @property
    def y_range(self) -> Range:
        return _range(self.ys, self.log_y)

    @property
    def few_xs(self) -> list[float]:
        """The different xs, if they are at most `FEW_XS` and several runs share them."""
        found = np.unique(self.xs)
        return [float(x) for x in found] if len(found) <= min(FEW_XS, len(self.xs) / 2) else []

    def placed(self, x_scale: Scale, y_scale: Scale) -> Cells:
        """The points by cell; those outside the scales are left out."""
        columns, ups = _cells_on(x_scale, self.xs), _cells_on(y_scale, self.ys)
        inside = (columns >= 0) & (columns < x_scale.size) & (ups >= 0) & (ups < y_scale.size)
        rows = y_scale.size - 1 - ups[inside]
        return _by_cell(rows, columns[inside], self.indices[inside], x_scale.size)

    def in_strips(self, strips: int, y_scale: Scale, columns: int) -> Cells:
        """Points of a category in the same line stand side by side around the middle of its strip; if they
        are too many, they share cells."""
        ups = _cells_on(y_scale, self.ys)
        inside = np.flatnonzero((ups >= 0) & (ups < y_scale.size))
        inside = inside[np.argsort(self.ys[inside], kind="stable")]
        rows, strip = y_scale.size - 1 - ups[inside], self.xs[inside].astype(np.int64)
        band = columns / strips
        room = max(1, int(band) - 2)
        cells: Cells = {}
        for (row, category), found in _by_cell(rows, strip, self.indices[inside], strips).items():
            used = min(room, len(found))
            first = band * (category + 0.5) - used / 2
            at = np.floor(first + np.arange(len(found)) * used / len(found)).astype(np.int64)
            for column in np.unique(at):
                cells[row, int(min(columns - 1, max(0, column)))] = found[at == column]
        return cells


def _range(values: NDArray[np.float64], log: bool) -> Range:
    low, high = spread(float(values.min()), float(values.max()), log=log)
    return padded(low, high, log=log)


def _cells_on(scale: Scale, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The cell of each value; -1 far outside."""
    if scale.log:
        shares = np.log(values / scale.low) / math.log(scale.high / scale.low)
    else:
        shares = (values - scale.low) / (scale.high - scale.low)
    places = np.rint(shares * (scale.size - 1))
    return np.where(np.abs(places) < 1e9, places, -1).astype(np.int64)


def _by_cell(
    rows: NDArray[np.int64], columns: NDArray[np.int64], indices: NDArray[np.int64], width: int
) -> Cells:
    """The indices grouped by row and column, in their order."""
    codes = rows * width + columns
    order = np.argsort(codes, kind="stable")
    found, starts = np.unique(codes[order], return_index=True)
    parts = np.split(indices[order], starts[1:]) if len(found) else []
    return {divmod(int(code), width): part for code, part in zip(found, parts, strict=True)}


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell with the number of runs in it, and the first of them."""

    column: int
    count: int
    first: list[Point]


def _line(chart: Scatter, cells: Sequence[_Cell], label: Shown | None, left: int, columns: int) -> Line:
    text = [" "] * columns
    spots = []
    for cell in cells:
        text[cell.column] = POINT if cell.count == 1 else str(cell.count) if cell.count < 10 else CROWD
        start = left + cell.column
        spots.append(Spot(start, start + 1, _reading(chart, cell), cell.first[0].run_id))
    pieces: list[Piece] = [(fit(label or "", left - 2, right=True) + " ", "label")]
    pieces += [("┤" if label else "│", "axis"), ("".join(text), "series-1")]
    return Line(tuple(pieces), tuple(spots))


def _reading(chart: Scatter, cell: _Cell) -> Shown:
    first, *others = cell.first
    x = safe(chart.x.categories[int(first.x)]) if chart.x.categories else exact(first.x)
    text = f"{safe(first.name)}  {safe(chart.x.label)} {x}  {safe(chart.y.label)} {exact(first.y)}"
    if not others:
        return Shown(text)
    names = formats.listed([point.name for point in others], NAMED)
    more = cell.count - len(cell.first)
    return Shown(f"{text}  and {names}" + (f" and {more:,} more" if more else ""))


def _number_axis(axis: Axis, scale: Scale, few: Sequence[float], left: int, columns: int) -> tuple[Line, ...]:
    """With ticks at the values if they are few, else at round numbers."""
    values = [value for value in few if scale.low <= value <= scale.high]
    if not values:
        values = (log_ticks if scale.log else ticks)(scale.low, scale.high, max(2, columns // 12))
    texts = (log_labels if scale.log or few else labels)(values)
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
