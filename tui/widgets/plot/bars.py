"""Bars and rankings in cells: one line per run, side by side a bar and a value for each metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine import formats
from engine.api import Bars, MetricBars, RunRow
from engine.text import Shown, cell_width, cut, safe
from tui.widgets.fit_text import fit
from tui.widgets.plot.drawing import ARROWS, BEST, Drawing, Line, Spot, named, padded_pieces
from tui.widgets.plot.legend import Piece, exact

GAP = 2
NARROWEST_BAR, WIDEST_BAR = 8, 60
BESIDE_PARAMS = 12
"""The least width of a bar with parameters beside it."""
NAME_LIMIT = 32
MOST_ROWS = 1000
PARAM_LIMIT = 14


@dataclass(frozen=True, slots=True)
class _Column:
    """A metric's cells: the values as text, and the width of the widest."""

    place: int
    metric: MetricBars
    texts: tuple[Shown, ...]
    width: int


def draw_bars(chart: Bars, width: int) -> Drawing:
    """The first `MOST_ROWS` runs in `width` cells. Metrics that do not fit beside each other follow below;
    parameters that do not fit are named in the notes."""
    total = len(chart.rows)
    chart = replace(chart, rows=chart.rows[:MOST_ROWS])
    ranks = _rank_texts(chart) if chart.kind == "rank" else ()
    rank_width = max(map(cell_width, ranks), default=0)
    limit = max(8, min(NAME_LIMIT, width * 2 // 5 if len(chart.metrics) == 1 else width // 4))
    names = chart.short_names(limit)
    name_width = max([3, *map(cell_width, names.names)])
    room = width - name_width - (rank_width + GAP if ranks else 0)
    columns = [_column(chart, place) for place in range(len(chart.metrics))]
    groups = _grouped(columns, room)
    params, left_out = _fitting_params(chart, room, columns) if len(groups) == 1 else ([], chart.params)
    sections = []
    for group in groups:
        free = room - sum(cells + GAP for _, cells, _ in params)
        free -= sum(GAP + 1 + column.width for column in group)
        bar = min(WIDEST_BAR, free // len(group))
        sections.append(
            _Section(chart, ranks, rank_width, names.names, name_width, group, max(4, bar), params)
        )
    first, *others = sections
    body = first.lines()
    for section in others:
        body += [Line(()), *section.head(), *section.lines()]
    notes = _scale_notes(chart)
    if total > MOST_ROWS:
        notes.insert(0, Shown(f"the first {MOST_ROWS:,} of {total:,} runs are drawn"))
    if left_out:
        notes.insert(0, Shown(f"parameters that do not fit: {formats.listed(left_out)}"))
    if names.pattern:
        notes.append(Shown(f"names: {cut(names.pattern, 60)}"))
    return Drawing(tuple(first.head()), tuple(body), (), tuple(notes))


def _scale_notes(chart: Bars) -> list[Shown]:
    ranged = [metric.metric for metric in chart.metrics if metric.scale == "range"]
    if not ranged:
        return [Shown("bars start at zero")]
    whose = "" if len(ranged) == len(chart.metrics) else f" of {formats.listed(ranged)}"
    return [Shown(f"bars{whose} range from the lowest to the highest value, not from zero")]


def _rank_texts(chart: Bars) -> tuple[str, ...]:
    return tuple(str(formats.MISSING) if row.rank is None else str(row.rank) for row in chart.rows)


def _column(chart: Bars, place: int) -> _Column:
    values = [row.values[place] for row in chart.rows]
    texts = tuple(map(formats.format_for(values), values))
    return _Column(place, chart.metrics[place], texts, max(map(cell_width, texts), default=1))


def _grouped(columns: Sequence[_Column], room: int) -> list[list[_Column]]:
    """The metrics in groups that fit beside each other."""
    groups: list[list[_Column]] = [[]]
    free = room
    for column in columns:
        needed = GAP + NARROWEST_BAR + 1 + column.width
        if groups[-1] and needed > free:
            groups.append([])
            free = room
        groups[-1].append(column)
        free -= needed
    return groups


def _fitting_params(
    chart: Bars, room: int, columns: Sequence[_Column]
) -> tuple[list[tuple[int, int, bool]], tuple[str, ...]]:
    """The parameters that fit beside the metrics: index, width, and whether all are numbers; and the names
    of the others."""
    room -= sum(GAP + BESIDE_PARAMS + 1 + column.width for column in columns)
    fitting: list[tuple[int, int, bool]] = []
    left_out: list[str] = []
    for place, name in enumerate(chart.params):
        texts = [row.params[place] for row in chart.rows if row.params[place] is not None]
        cells = min(PARAM_LIMIT, max(cell_width(safe(text)) for text in (name, *texts)))
        if GAP + cells > room:
            left_out.append(name)
            continue
        room -= GAP + cells
        fitting.append((place, cells, all(formats.as_number(text) is not None for text in texts)))
    return fitting, tuple(left_out)


@dataclass(frozen=True, slots=True)
class _Section:
    """Some metrics beside each other, with bars of `bar` cells."""

    chart: Bars
    ranks: Sequence[str]
    rank_width: int
    names: Sequence[Shown]
    name_width: int
    columns: Sequence[_Column]
    bar: int
    params: Sequence[tuple[int, int, bool]]

    def head(self) -> list[Line]:
        """The names of the columns, and the values at both ends of the bars."""
        start = [("#", self.rank_width, "label", True)] if self.ranks else []
        top = [*start, ("run", self.name_width, "label", False)]
        ends = [("", cells, ink, right) for _, cells, ink, right in top]
        for column in self.columns:
            metric = column.metric
            width = self.bar + 1 + column.width
            top.append((named(metric.metric, width, ARROWS[metric.direction]), width, "legend", False))
            low, high = map(formats.format_for([metric.low, metric.high]), (metric.low, metric.high))
            low = Shown("0") if metric.low == 0 else low
            room = self.bar - cell_width(low) - cell_width(high)
            text = f"{low}{' ' * room}{high}" if room > 3 else f"{low} … {high}"
            ends.append((text if cell_width(text) <= width else "", width, "label", False))
        for place, cells, right in self.params:
            top.append((named(self.chart.params[place], cells), cells, "label", right))
        return [Line(tuple(padded_pieces(top, GAP))), Line(tuple(padded_pieces(ends, GAP)))]

    def lines(self) -> list[Line]:
        return [self._line(at, row) for at, row in enumerate(self.chart.rows)]

    def _line(self, at: int, row: RunRow) -> Line:
        pieces: list[Piece] = []
        if self.ranks:
            pieces += [(fit(self.ranks[at], self.rank_width, right=True), "label"), (" " * GAP, "label")]
        is_best = row.rank == 1
        pieces.append((fit(self.names[at], self.name_width), "legend"))
        named_to = sum(cell_width(text) for text, _ in pieces)  # a reversed bar would look full
        for column in self.columns:
            value = row.values[column.place]
            ink = "best" if is_best and column.place == 0 else "series-1"
            pieces.append((" " * GAP, "label"))
            pieces.append((fit(bar_text(column.metric, value, self.bar), self.bar), ink))
            pieces.append((" " + fit(column.texts[at], column.width, right=True), "legend"))
        for place, cells, right in self.params:
            text = row.params[place]
            shown = formats.MISSING if text is None else named(text, cells)
            pieces += [(" " * GAP, "label"), (fit(shown, cells, right=right), "label")]
        return Line(tuple(pieces), (Spot(0, named_to, self._reading(row), row.run_id),))

    def _reading(self, row: RunRow) -> Shown:
        mark = f"{BEST} " if row.rank == 1 else ""
        parts = [mark + safe(row.name)]
        for metric, value in zip(self.chart.metrics, row.values, strict=True):
            parts.append(f"{safe(metric.metric)} {exact(value)}")
        for name, text in zip(self.chart.params, row.params, strict=True):
            parts.append(f"{safe(name)} {formats.MISSING if text is None else safe(text)}")
        return Shown("  ".join(parts))


def bar_text(metric: MetricBars, value: float | None, width: int) -> str:
    """The bar of a value in `width` cells, to half a cell; empty without a value in range. A bar that would
    be empty is half a cell wide, unless the value is zero."""
    if value is None or not metric.low <= value <= metric.high:
        return ""
    start, end = (round(metric.share(each) * 2 * width) for each in (metric.start, value))
    first, last = min(start, end), max(start, end)
    if first == last:
        if value == 0 and metric.scale == "zero":
            return ""
        first, last = (first, first + 1) if first < 2 * width else (first - 1, last)
    text = " " * (first // 2)
    if first % 2:
        text += "╺"
        first += 1
    return text + "━" * ((last - first) // 2) + ("╸" if (last - first) % 2 and last > first else "")
