"""Heat maps in cells: a shade and the mean for each combination of two parameters."""

from __future__ import annotations

from engine import formats
from engine.api import HeatCell, HeatMap
from engine.text import Shown, cell_width, safe
from tui.widgets.fit_text import fit
from tui.widgets.plot.drawing import ARROWS, BEST, Drawing, Line, Spot, named
from tui.widgets.plot.legend import Piece, exact

GAP = 2
LABEL_LIMIT = 18
SHADES = ("··", "░░", "▒▒", "▓▓", "██")
"""From the worst mean to the best: readable without colours."""


def draw_heat(chart: HeatMap, width: int) -> Drawing:
    """The chart in `width` cells; columns that do not fit beside the others follow below."""
    pad = _Pad.of(chart, width)
    fitting = max(1, (width - pad.label) // (GAP + pad.cell))
    blocks = [
        range(start, min(start + fitting, len(chart.columns)))
        for start in range(0, len(chart.columns), fitting)
    ]
    first, *others = blocks
    body = _rows(chart, first, pad)
    for block in others:
        body += [Line(()), *_head(chart, block, pad), *_rows(chart, block, pad)]
    return Drawing(
        tuple(_head(chart, first, pad)),
        tuple(body),
        (Line(()), _legend(chart)),
        _notes(chart),
        airy=not others,
    )


class _Pad:
    """The widths of the row labels and of the cells, and how means are written."""

    def __init__(self, label: int, cell: int, number: formats.NumberFormat, counts: bool) -> None:
        self.label, self.cell, self.number, self.counts = label, cell, number, counts

    @classmethod
    def of(cls, chart: HeatMap, width: int) -> _Pad:
        number = formats.format_for(chart.means)
        counts = len(_sizes(chart)) > 1
        limit = max(6, min(LABEL_LIMIT, width // 4))
        corner = named(chart.row_param, limit)
        label = max(cell_width(corner), *(cell_width(named(row, limit)) for row in chart.rows))
        texts = [_text(cell, number, counts) for line in chart.cells for cell in line]
        cell = max(*map(cell_width, texts), min(10, *(cell_width(safe(name)) for name in chart.columns)))
        return cls(label, cell, number, counts)


def _sizes(chart: HeatMap) -> set[int]:
    return {cell.n for line in chart.cells for cell in line if cell is not None}


def _text(cell: HeatCell | None, number: formats.NumberFormat, counts: bool) -> str:
    """`██ 0.8902 ×10`, without the shade."""
    if cell is None:
        return "   " + formats.MISSING
    return f"   {number(cell.mean)}" + (f" ×{cell.n}" if counts else "") + " "


def _head(chart: HeatMap, block: range, pad: _Pad) -> list[Line]:
    top = [(" " * (pad.label + GAP), "label"), (named(chart.column_param, 40), "label")]
    line: list[Piece] = [(fit(named(chart.row_param, pad.label), pad.label), "label")]
    for column in block:
        line += [(" " * GAP, "label"), (fit(named(chart.columns[column], pad.cell), pad.cell), "legend")]
    return [Line(tuple(top)), Line(tuple(line))]


def _rows(chart: HeatMap, block: range, pad: _Pad) -> list[Line]:
    best = _best(chart)
    lines = []
    for row, label in enumerate(chart.rows):
        pieces: list[Piece] = [(fit(named(label, pad.label), pad.label), "legend")]
        spots = []
        at = pad.label
        for column in block:
            cell = chart.cells[row][column]
            pieces += [(" " * GAP, "label"), *_drawn(chart, cell, pad, best)]
            spots.append(Spot(at + GAP, at + GAP + pad.cell, _reading(chart, row, column)))
            at += GAP + pad.cell
        lines.append(Line(tuple(pieces), tuple(spots)))
    return lines


def _drawn(chart: HeatMap, cell: HeatCell | None, pad: _Pad, best: float | None) -> list[Piece]:
    text = _text(cell, pad.number, pad.counts)
    if cell is None:
        return [(fit(text, pad.cell), "label")]
    is_best = cell.mean == best
    shade = SHADES[min(len(SHADES) - 1, int(chart.shade(cell.mean) * len(SHADES)))]
    ink = "best" if is_best else "series-1"
    rest = text[2:-1] + (BEST if is_best else " ")
    return [(shade, ink), (fit(rest, pad.cell - 2), "legend")]


def _best(chart: HeatMap) -> float | None:
    """The best mean; None if neither direction is better or all are equal."""
    means = chart.means
    if chart.direction is None or min(means) == max(means):
        return None
    return max(means) if chart.direction == "higher" else min(means)


def _reading(chart: HeatMap, row: int, column: int) -> Shown:
    cell = chart.cells[row][column]
    where = (
        f"{safe(chart.row_param)} {safe(chart.rows[row])}  {safe(chart.column_param)} "
        f"{safe(chart.columns[column])}"
    )
    if cell is None:
        return Shown(f"{where}  no run")
    spread = f"  {exact(cell.low)} to {exact(cell.high)}" if cell.n > 1 else ""
    return Shown(f"{where}  mean {safe(chart.metric)} {exact(cell.mean)}  n {cell.n:,}{spread}")


def _legend(chart: HeatMap) -> Line:
    means = chart.means
    worst, best = min(means), max(means)
    if chart.direction == "lower":
        worst, best = best, worst
    number = formats.format_for(means)
    arrow = ARROWS[chart.direction]
    pieces: list[Piece] = [(f"mean {safe(chart.metric)}{arrow}  {number(worst)} ", "label")]
    pieces += [(" ".join(SHADES), "series-1"), (f" {number(best)}", "label")]
    return Line(tuple(pieces))


def _notes(chart: HeatMap) -> tuple[Shown, ...]:
    sizes = _sizes(chart)
    if len(sizes) == 1:
        return (Shown(f"n = {next(iter(sizes)):,} in each cell"),)
    return (Shown(f"×{min(sizes)} to ×{max(sizes)}: number of runs"),)
