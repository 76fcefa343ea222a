"""Box plots in cells: one line per value of a parameter, on a shared axis."""

from __future__ import annotations

from collections.abc import Sequence

from engine import formats
from engine.api import Box, Boxes, Point
from engine.text import Shown, cell_width, safe
from tui.widgets.fit_text import fit
from tui.widgets.plot.drawing import ARROWS, Drawing, Line, Spot, axis, named
from tui.widgets.plot.legend import Piece, exact
from tui.widgets.plot.scale import Scale, padded, spread

GAP = 2
LABEL_LIMIT = 24
LOW_END, HIGH_END, WHISKER, INSIDE, MEDIAN = "├", "┤", "─", "▒", "┃"
OUTLIER, POINT = "∘", "•"


def draw_boxes(chart: Boxes, width: int) -> Drawing:
    """The chart in `width` cells."""
    values = chart.values
    low, high = padded(*spread(min(values), max(values)))
    medians = [box.median for box in chart.boxes]
    halves = all(abs(2 * value) < 1e9 and 2 * value == int(2 * value) for value in medians)
    texts = tuple(map(formats.NumberFormat(1) if halves else formats.format_for(medians), medians))
    limit = max(6, min(LABEL_LIMIT, width // 4))
    labels = [named(box.label, limit) for box in chart.boxes]
    heading = named(chart.param, limit)
    widths = (
        max(map(cell_width, (heading, *labels))),
        max(len(f"{box.n:,}") for box in chart.boxes),
        max(cell_width("median"), *map(cell_width, texts)),
    )
    left = sum(widths) + 3 * GAP
    columns = max(8, width - left)
    scale = Scale(low, high, columns)
    head = _cells((heading, "n", "median"), widths, "label")
    head.append((named(chart.metric, columns, ARROWS[chart.direction]), "legend"))
    body = []
    for box, label, text in zip(chart.boxes, labels, texts, strict=True):
        pieces = _cells((label, f"{box.n:,}", text), widths, "legend")
        body.append(Line((*pieces, *_drawn(box, scale)), _spots(box, chart, scale, left)))
    notes = []
    if any(box.is_box for box in chart.boxes):
        notes.append(
            Shown(f"{INSIDE}{MEDIAN}{INSIDE} quartiles and median, {WHISKER} to 1.5 IQR, {OUTLIER} outliers")
        )
    return Drawing((Line(tuple(head)),), tuple(body), axis(low, high, left, columns), tuple(notes), airy=True)


def _cells(texts: Sequence[str], widths: Sequence[int], ink: str) -> list[Piece]:
    """Label, number of runs and median, with the gap before the drawing."""
    cells = [fit(texts[0], widths[0])]
    cells += [fit(text, width, right=True) for text, width in zip(texts[1:], widths[1:], strict=True)]
    return [((" " * GAP).join(cells) + " " * GAP, ink)]


def _drawn(box: Box, scale: Scale) -> list[Piece]:
    cells = [" "] * scale.size
    if box.is_box:
        low, q1, median, q3, high = (
            round(scale.at(value)) for value in (box.low, box.q1, box.median, box.q3, box.high)
        )
        cells[low : high + 1] = WHISKER * (high + 1 - low)
        if low < high:
            cells[low], cells[high] = LOW_END, HIGH_END
        cells[q1 : q3 + 1] = INSIDE * (q3 + 1 - q1)
        cells[median] = MEDIAN
    for points, mark in ((box.outliers, OUTLIER), (box.points, POINT)):
        for point in points:
            cells[round(scale.at(point.y))] = mark
    return [("".join(cells), "series-1")]


def _spots(box: Box, chart: Boxes, scale: Scale, left: int) -> tuple[Spot, ...]:
    """The whole box, then each point of its own; points in one cell are read together."""
    whole = [
        f"{safe(chart.param)} {safe(box.label)}",
        f"n {box.n:,}",
        f"median {exact(box.median)}",
        f"quartiles {exact(box.q1)} and {exact(box.q3)}" if box.is_box else "",
        f"whiskers {exact(box.low)} and {exact(box.high)}" if box.is_box else "",
        f"mean {formats.number(box.mean)}",
    ]
    spots = [Spot(0, left - GAP, Shown("  ".join(filter(None, whole))))]
    in_cell: dict[int, list[Point]] = {}
    for point in (*box.outliers, *box.points):
        in_cell.setdefault(round(scale.at(point.y)), []).append(point)
    for cell, points in sorted(in_cell.items()):
        names = formats.listed([point.name for point in points], 3)
        what = "outlier" if box.outliers else "run"
        values = exact(points[0].y) if len(points) == 1 else formats.counted(len(points), what)
        reading = f"{names}  {safe(chart.metric)} {values}"
        spots.append(Spot(left + cell, left + cell + 1, Shown(reading), points[0].run_id))
    return tuple(spots)
