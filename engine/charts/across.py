"""Makes charts across runs from a frame: bars, points, boxes, a heat map, a ranking.

Every run that a chart leaves out is counted in its notes, with the reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.charts.kinds import (
    FEW,
    AcrossChart,
    Axis,
    Bars,
    BarScale,
    Box,
    Boxes,
    Caption,
    ChartKind,
    HeatCell,
    HeatMap,
    MetricBars,
    Point,
    RunRow,
    Scatter,
    few,
)
from engine.charts.levels import (
    LARGEST,
    Levels,
    is_drawn,
    is_numeric_axis,
    levels_of,
    numbers_of,
    spans_decades,
)
from engine.columns import ColumnKey
from engine.errors import NotFound, UsageError
from engine.formats import counted, is_finite, listed
from engine.runs.frame import RunFrame
from engine.runs.metrics import Direction, direction_of
from engine.runs.names import unique_names
from engine.suggestions import closest, did_you_mean
from engine.text import quoted

SAMPLED = 2000
"""How many runs decide which kind suits a column."""
ENOUGH = 5
"""From this many runs on average, a value of a parameter gets a box."""


@dataclass(frozen=True, slots=True)
class ChartRequest:
    """What to draw. `x` is a parameter, metric or attribute, None for the usual parameter; `y` is the second
    parameter of a heat map. `scale` is how bars are scaled, None for what suits the values. `directions`
    overrides which direction of a metric is better; `log` makes the y axis of points logarithmic. `best_of`
    is the number of runs of which these are the best, 0 if they are all."""

    kind: ChartKind
    metrics: tuple[str, ...]
    x: ColumnKey | None = None
    y: ColumnKey | None = None
    experiment: str = ""
    scale: BarScale | None = None
    directions: Mapping[str, Direction] = field(default_factory=dict)
    log: bool = False
    best_of: int = 0

    def direction(self, metric: str) -> Direction | None:
        return self.directions.get(metric) or direction_of(metric)


def across(frame: RunFrame, rows: Sequence[int], request: ChartRequest) -> AcrossChart:
    """The chart of these rows. Raises `NotFound` if there is nothing to draw, with the reason."""
    if not rows:
        raise NotFound("No runs to draw", request.experiment, "Use another filter or experiment.")
    if not request.metrics:
        raise UsageError("A chart needs a metric")
    if request.kind in ("bar", "rank"):
        return _bars(frame, rows, request)
    if request.kind == "scatter":
        return _scatter(frame, rows, request)
    if request.kind == "box":
        return _boxes(frame, rows, request)
    if request.kind == "heat":
        return _heat(frame, rows, request)
    raise UsageError(f"{request.kind} is not a chart across runs")


def kind_by(frame: RunFrame, rows: Sequence[int], x: ColumnKey, y: ColumnKey | None = None) -> ChartKind:
    """The kind that suits columns to draw by: a heat map for two, points for numbers, else boxes if there are
    enough runs."""
    if y is not None:
        return "heat"
    rows = rows[:SAMPLED]
    if is_numeric_axis(frame, rows, x):
        return "scatter"
    levels = len(levels_of(frame, rows, x).labels)
    return "box" if len(rows) >= ENOUGH * max(1, levels) else "scatter"


def unknown_metric(frame: RunFrame, rows: Sequence[int], metric: str) -> NotFound:
    """The error for a metric that no run, or no version, has."""
    noun = "version" if frame.holds_versions else "run"
    names = sorted({key.name for key in frame.keys if key.kind == "metric"})
    hint = did_you_mean(map(quoted, closest(metric, names))) or f"Metrics: {listed(names)}"
    return NotFound(f"No {noun} has the metric {quoted(metric)}", counted(len(rows), noun), hint)


def varying_params(frame: RunFrame, rows: Sequence[int]) -> list[ColumnKey]:
    """The parameters that differ between these rows, by name."""
    found = []
    for key in frame.keys:
        if key.kind == "param":
            column = frame.column(key)
            if len({column[row] for row in rows}) > 1:
                found.append(key)
    return found


def by_effect(frame: RunFrame, rows: Sequence[int], metric: str) -> list[ColumnKey]:
    """The parameters that differ between the rows with a finite value of a metric, the one that explains most
    of its variance first. This is for choosing an axis; `engine.evidence` says what an effect is worth."""
    key = ColumnKey("metric", metric)
    if key not in frame:
        return varying_params(frame, rows)
    numbers = numbers_of(frame, rows, key)
    rows = [row for row, number in zip(rows, numbers, strict=True) if number is not None]
    values = [number for number in numbers if number is not None]
    params = varying_params(frame, rows)
    shares = {param: _explained(levels_of(frame, rows, param), values) for param in params}
    return sorted(params, key=lambda param: -shares[param])


def _explained(levels: Levels, values: Sequence[float | None]) -> float:
    """The share of the variance between levels, corrected for their number (epsilon squared)."""
    groups: dict[int, list[float]] = {}
    for place, value in zip(levels.places, values, strict=True):
        if place is not None and value is not None:
            groups.setdefault(place, []).append(value)
    every = [value for group in groups.values() for value in group]
    free = len(every) - len(groups)
    if free < 1 or len(groups) < 2:
        return -math.inf
    mean = math.fsum(every) / len(every)
    total = math.fsum((value - mean) ** 2 for value in every) / (len(every) - 1)
    if not 0 < total < math.inf:
        return -math.inf
    within = 0.0
    for group in groups.values():
        centre = math.fsum(group) / len(group)
        within += math.fsum((value - centre) ** 2 for value in group)
    return 1 - within / free / total


# ── what the charts share ────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Measured:
    """The rows with a finite value of a metric, or with any value if `any_value`, and notes on the others."""

    rows: list[int]
    values: list[float]
    notes: list[str]


def _measured(
    frame: RunFrame, rows: Sequence[int], request: ChartRequest, metric: str, *, any_value: bool = False
) -> _Measured:
    """Raises `NotFound` if no row has such a value."""
    key = ColumnKey("metric", metric)
    numbers = frame.numbers(key) if key in frame else ()
    param = ColumnKey("param", metric)
    texts = frame.column(param) if param in frame else ()
    found = _Measured([], [], [])
    why: Counter[str] = Counter()
    for row in rows:
        number = numbers[row] if numbers else None
        if number is None:
            is_text = bool(texts) and texts[row] is not None
            why[
                f"that logged {metric} as a parameter, not as a metric" if is_text else f"without {metric}"
            ] += 1
        elif any_value or is_drawn(number):
            found.rows.append(row)
            found.values.append(number)
        else:
            why[f"whose {metric} is {_trouble(number)}"] += 1
    found.notes.extend(f"excluded: {counted(n, 'run')} {reason}" for reason, n in why.items())
    if not found.rows:
        raise _nothing(frame, rows, request, metric, why)
    return found


def _trouble(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return f"beyond {LARGEST:g}" if is_finite(number) else "infinite"


def _nothing(
    frame: RunFrame, rows: Sequence[int], request: ChartRequest, metric: str, why: Counter[str]
) -> NotFound:
    """The error for a metric without a value to draw."""
    reasons = "; ".join(f"{counted(n, 'run')} {reason}" for reason, n in why.items())
    if not any(reason.startswith("whose") for reason in why):
        error = unknown_metric(frame, rows, metric)
        error.detail = reasons if "parameter" in reasons else error.detail
        return error
    return NotFound(f"No run has a finite {metric}", reasons, "Draw the history of the metric instead.")


def _caption(request: ChartRequest, title: str, drawn: int, rows: Sequence[int], notes: list[str]) -> Caption:
    n: str = counted(len(rows), "run")
    if request.best_of > len(rows):
        n = f"best {len(rows):,} of {counted(request.best_of, 'run')}"
    if drawn < len(rows):
        n = f"{drawn:,} of {n}"
    subject = f"{request.experiment}, {n}" if request.experiment else n
    return Caption(title, subject, tuple(notes))


def _names(frame: RunFrame, rows: Sequence[int]) -> list[str]:
    names = frame.column(ColumnKey("attribute", "run_name"))
    ids = frame.run_ids
    return unique_names([(str(names[row] or ""), ids[row]) for row in rows])


def _label(key: ColumnKey) -> str:
    return f"{key.name} (s)" if key.is_duration else key.name


def _usual_params(frame: RunFrame, rows: Sequence[int], metric: str, count: int) -> list[ColumnKey]:
    """The `count` parameters with the largest effects. Raises `NotFound` if fewer vary."""
    params = by_effect(frame, rows, metric)
    if len(params) >= count:
        return params[:count]
    if len(rows) == 1:
        hint = "Draw its history (line) or its metrics (bar), or choose more runs."
        raise NotFound("One run cannot be compared by its parameters", "", hint)
    if params:
        detail = f"Only {params[0].name} differs between these {len(rows)} runs."
        raise NotFound("A heat map needs two parameters that vary", detail, "Draw a box plot instead.")
    have = any(key.kind == "param" for key in frame.keys)
    detail = f"All {len(rows)} runs have the same parameters." if have else "No run has a parameter."
    raise NotFound("No parameter varies", detail, "Draw bars, or a metric against another metric.")


# ── the kinds ────────────────────────────────────────────────────────────────


def _bars(frame: RunFrame, rows: Sequence[int], request: ChartRequest) -> Bars:
    first = request.metrics[0]
    found = [_measured(frame, rows, request, metric, any_value=True) for metric in request.metrics]
    columns = [dict(zip(each.rows, each.values, strict=True)) for each in found]
    drawn = [row for row in rows if any(row in column for column in columns)]
    notes = list(found[0].notes)
    if len(columns) > 1:
        missing = len(rows) - len(drawn)
        notes = [f"excluded: {counted(missing, 'run')} without any of these metrics"] if missing else []
        for metric, column in zip(request.metrics, columns, strict=True):
            if missing := len(drawn) - len(column):
                notes.append(f"{counted(missing, 'run')} without {metric}")
    scales = tuple(
        _bar_scale(metric, request, list(column.values()))
        for metric, column in zip(request.metrics, columns, strict=True)
    )
    descending = scales[0].direction != "lower"
    order = sorted(drawn, key=lambda row: _rank_key(columns[0].get(row), descending))
    params = by_effect(frame, drawn, first) if request.kind == "rank" else []
    texts = [frame.column(key) for key in params]
    names = _names(frame, order)
    ranks = _ranks([columns[0].get(row) for row in order])
    made = tuple(
        RunRow(
            frame.run_ids[row],
            name,
            rank,
            tuple(column.get(row) for column in columns),
            tuple(None if (text := column[row]) is None else str(text) for column in texts),
        )
        for row, name, rank in zip(order, names, ranks, strict=True)
    )
    shown = few(request.metrics)
    title = f"Runs ranked by {first}" if request.kind == "rank" else f"{shown} of each run"
    caption = _caption(request, title, len(drawn), rows, notes)
    return Bars(
        "rank" if request.kind == "rank" else "bar", caption, scales, tuple(key.name for key in params), made
    )


def _rank_key(value: float | None, descending: bool) -> tuple[int, float]:
    """Best first; then infinite values, NaN and missing ones."""
    if value is None:
        return 3, 0.0
    if not is_finite(value):
        return (2 if math.isnan(value) else 1), 0.0
    return 0, -value if descending else value


def _ranks(values: Sequence[float | None]) -> list[int | None]:
    """Equal values share a rank, and the next one skips: 1, 2, 2, 4."""
    ranks: list[int | None] = []
    for at, value in enumerate(values):
        if value is None or not is_finite(value):
            ranks.append(None)
        elif at and values[at - 1] == value:
            ranks.append(ranks[-1])
        else:
            ranks.append(at + 1)
    return ranks


def _bar_scale(metric: str, request: ChartRequest, values: Sequence[float]) -> MetricBars:
    """From zero, unless the values are so close together that their bars would look equal."""
    finite = [value for value in values if is_drawn(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    close = (0 < low < high and low > high / 2) or (low < high < 0 and high < low / 2)
    scale = request.scale or ("range" if close else "zero")
    if scale == "zero":
        low, high = min(0.0, low), max(0.0, high)
    return MetricBars(metric, request.direction(metric), scale, low, high)


def _scatter(frame: RunFrame, rows: Sequence[int], request: ChartRequest) -> Scatter:
    metric = request.metrics[0]
    measured = _measured(frame, rows, request, metric)
    x = request.x
    if x is None and len(request.metrics) > 1:
        x = ColumnKey("metric", request.metrics[1])
    if x is None:
        x = _usual_params(frame, measured.rows, metric, 1)[0]
    notes = list(measured.notes)
    if x.kind == "metric":
        known = _measured(frame, measured.rows, request, x.name)
        notes += known.notes
    categories: tuple[str, ...] = ()
    if is_numeric_axis(frame, measured.rows, x):
        xs = numbers_of(frame, measured.rows, x)
        if x.kind != "metric" and (unread := xs.count(None)):
            notes.append(f"excluded: {counted(unread, 'run')} without a number for {x.name}")
    else:
        levels = levels_of(frame, measured.rows, x)
        categories, notes = levels.labels, [*notes, *levels.notes]
        xs = [None if place is None else float(place) for place in levels.places]
    placed = [(row, at, value) for row, at, value in zip(measured.rows, xs, measured.values, strict=True)]
    names = _names(frame, [row for row, at, _ in placed if at is not None])
    kept = [(row, at, value) for row, at, value in placed if at is not None]
    points = tuple(
        Point(frame.run_ids[row], name, at, value) for (row, at, value), name in zip(kept, names, strict=True)
    )
    if not points:
        raise NotFound(
            f"No run has both {metric} and {x.name}", counted(len(rows), "run"), "Use another x-axis."
        )
    log = not categories and spans_decades([point.x for point in points])
    direction = request.direction(x.name) if x.kind == "metric" else None
    word = "against" if x.kind == "metric" else "by"
    return Scatter(
        _caption(request, f"{metric} {word} {x.name}", len(points), rows, notes),
        Axis(_label(x), log, categories, direction),
        Axis(metric, request.log, (), request.direction(metric)),
        points,
    )


def _grouped(places: Sequence[int | None], values: Sequence[Point]) -> dict[int, list[Point]]:
    groups: dict[int, list[Point]] = {}
    for place, point in zip(places, values, strict=True):
        if place is not None:
            groups.setdefault(place, []).append(point)
    return groups


def _boxes(frame: RunFrame, rows: Sequence[int], request: ChartRequest) -> Boxes:
    metric = request.metrics[0]
    measured = _measured(frame, rows, request, metric)
    x = request.x or _usual_params(frame, measured.rows, metric, 1)[0]
    levels = levels_of(frame, measured.rows, x)
    names = _names(frame, measured.rows)
    points = [
        Point(frame.run_ids[row], name, 0.0, value)
        for row, name, value in zip(measured.rows, names, measured.values, strict=True)
    ]
    groups = _grouped(levels.places, points)
    if not groups:
        raise NotFound(
            f"No run has both {metric} and {x.name}", counted(len(rows), "run"), "Use another parameter."
        )
    boxes = [_box(levels.labels[place], groups[place]) for place in sorted(groups)]
    direction = request.direction(metric)
    if not levels.is_ordered:
        boxes.sort(key=lambda box: box.median if direction == "lower" else -box.median)
    notes = [*measured.notes, *levels.notes]
    if any(not box.is_box for box in boxes):
        notes.append(f"fewer than {FEW} values are drawn as points")
    caption = _caption(request, f"{metric} by {x.name}", sum(box.n for box in boxes), rows, notes)
    return Boxes(caption, x.name, metric, direction, tuple(boxes))


def _box(label: str, points: list[Point]) -> Box:
    """Quartiles by linear interpolation between the values, as NumPy and pandas compute them."""
    points = sorted(points, key=lambda point: point.y)
    values = [point.y for point in points]
    q1, median, q3 = (_quantile(values, share) for share in (0.25, 0.5, 0.75))
    reach = 1.5 * (q3 - q1)
    inside = [value for value in values if q1 - reach <= value <= q3 + reach]
    low, high = min(min(inside), q1), max(max(inside), q3)
    is_box = len(points) >= FEW
    outliers = tuple(point for point in points if not low <= point.y <= high) if is_box else ()
    mean = math.fsum(value / len(values) for value in values)
    return Box(label, len(points), low, q1, median, q3, high, mean, outliers, () if is_box else tuple(points))


def _quantile(values: Sequence[float], share: float) -> float:
    """The quantile of sorted values."""
    at = (len(values) - 1) * share
    below = math.floor(at)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (at - below)


def _heat(frame: RunFrame, rows: Sequence[int], request: ChartRequest) -> HeatMap:
    metric = request.metrics[0]
    measured = _measured(frame, rows, request, metric)
    chosen = [key for key in (request.x, request.y) if key is not None]
    if len(chosen) < 2:
        usual = _usual_params(frame, measured.rows, metric, 2)
        chosen += [key for key in usual if key not in chosen][: 2 - len(chosen)]
    x, y = chosen
    if x == y:
        raise UsageError("A heat map needs two different parameters", f"{x.name} was given twice.")
    columns, lines = levels_of(frame, measured.rows, x), levels_of(frame, measured.rows, y)
    groups: dict[tuple[int, int], list[float]] = {}
    for column, line, value in zip(columns.places, lines.places, measured.values, strict=True):
        if column is not None and line is not None:
            groups.setdefault((line, column), []).append(value)
    if not groups:
        raise NotFound(
            f"No run has {metric}, {x.name} and {y.name}", counted(len(rows), "run"), "Use other parameters."
        )
    cells = tuple(
        tuple(_cell(groups.get((line, column))) for column in range(len(columns.labels)))
        for line in range(len(lines.labels))
    )
    notes = list(dict.fromkeys([*measured.notes, *columns.notes, *lines.notes]))
    if empty := sum(cell is None for line in cells for cell in line):
        notes.append(f"{empty} of {len(lines.labels) * len(columns.labels)} combinations have no run")
    drawn = sum(map(len, groups.values()))
    caption = _caption(request, f"Mean {metric} by {x.name} and {y.name}", drawn, rows, notes)
    direction = request.direction(metric)
    return HeatMap(caption, metric, direction, y.name, x.name, lines.labels, columns.labels, cells)


def _cell(values: Sequence[float] | None) -> HeatCell | None:
    if not values:
        return None
    return HeatCell(len(values), math.fsum(v / len(values) for v in values), min(values), max(values))
