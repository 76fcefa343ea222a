"""Draws charts with matplotlib. Imported only when a file is drawn.

Colours are those of Okabe and Ito, which people with any colour vision tell apart; markers, line styles and
direct labels say the same without colour.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from engine import formats
from engine.charts.kinds import (
    Axis,
    Bars,
    Box,
    Boxes,
    Caption,
    Chart,
    Curve,
    Curves,
    HeatMap,
    MetricBars,
    Point,
    Scatter,
)
from engine.runs.metrics import direction_of
from engine.text import Shown, cut, safe

BLUE, ORANGE, GREY, PALE, TEXT = "#0072B2", "#D55E00", "#6b7078", "#9dc7e0", "#22262b"
PALETTE = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":")
WIDTH = 8.0
"""Inches."""
MOST_ROWS = 40
"""The most runs in a chart of bars."""
MOST_LABELS = 8
"""The most lines that are labelled at their ends; more have a legend."""
MOST_CURVES = 30
FEW_XS = 10
"""Up to this many different xs are the ticks of their axis."""
MANY_POINTS = 5000
"""More points than this are a picture within an SVG."""
MOST_PANELS = 12
HUGE = 1e300
"""Values from this on are marked like infinite ones."""
_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds between ticks."""


def figure_of(chart: Chart) -> Figure:
    if isinstance(chart, Bars):
        return _bars(chart)
    if isinstance(chart, Scatter):
        return _scatter(chart)
    if isinstance(chart, Boxes):
        return _boxes(chart)
    if isinstance(chart, HeatMap):
        return _heat(chart)
    return _curves(chart)


# ── what the figures share ───────────────────────────────────────────────────


def _page(caption: Caption, height: float, notes: Sequence[str] = (), width: float = WIDTH) -> Figure:
    """An empty figure with title, subject and notes around an area of `height` inches."""
    text = " · ".join((*caption.notes, *notes))
    lines = textwrap.wrap(safe(text), int(width * 15)) if text else []
    top, bottom = 0.62, 0.12 + 0.17 * len(lines)
    total = top + height + bottom
    figure = Figure(figsize=(width, total), facecolor="white")
    figure.text(
        0.15 / width,
        1 - 0.12 / total,
        cut(safe(caption.title), 90),
        va="top",
        size=12.5,
        weight="bold",
        color=TEXT,
    )
    figure.text(0.15 / width, 1 - 0.38 / total, cut(safe(caption.subject), 120), va="top", color=GREY)
    for at, line in enumerate(reversed(lines)):
        figure.text(0.15 / width, (0.1 + 0.17 * at) / total, line, va="bottom", size=7.5, color=GREY)
    layout = ConstrainedLayoutEngine(rect=(0.08 / width, bottom / total, 1 - 0.16 / width, height / total))
    figure.set_layout_engine(layout)
    return figure


def _name(text: str, limit: int = 40) -> Shown:
    return cut(safe(text), limit)


def _arrow(axis_direction: str | None) -> str:
    return {"higher": " (higher is better)", "lower": " (lower is better)"}.get(axis_direction or "", "")


def _axis_label(axis: Axis) -> str:
    return _name(axis.label, 60) + _arrow(axis.direction)


# ── bars and rankings ────────────────────────────────────────────────────────


def _bars(chart: Bars) -> Figure:
    rows = chart.rows[:MOST_ROWS]
    notes = []
    if len(rows) < len(chart.rows):
        notes.append(f"the first {len(rows)} of {len(chart.rows)} runs are drawn")
    if any(metric.scale == "range" for metric in chart.metrics):
        notes.append("dots: the axis does not start at zero")
    metrics = chart.metrics
    texts = len(chart.params)
    figure = _page(
        chart.caption,
        0.75 + 0.24 * max(3, len(rows)),
        notes,
        width=max(WIDTH, 2.2 + 2.2 * len(metrics) + 1.1 * texts),
    )
    ratios = [2.2] * len(metrics) + ([1.1 * texts] if texts else [])
    axes = figure.subplots(1, len(ratios), sharey=True, squeeze=False, width_ratios=ratios)[0]
    for place, (metric, panel) in enumerate(zip(metrics, axes, strict=False)):
        _bar_panel(panel, metric, [row.values[place] for row in rows], [row.rank == 1 for row in rows])
        panel.set_title(_panel_title(metric, alone=len(metrics) == 1), loc="left", color=TEXT)
    labels = [_name(row.name, 36) for row in rows]
    if chart.kind == "rank":  # figure spaces keep the names in line
        ranks = [f"{row.rank or formats.MISSING:>3}".replace(" ", "\u2007") for row in rows]
        labels = [Shown(f"{label}  {rank}") for label, rank in zip(labels, ranks, strict=True)]
    axes[0].set_yticks(range(len(rows)), labels)
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    if texts:
        _param_panel(axes[-1], chart, len(rows))
    return figure


def _panel_title(metric: MetricBars, *, alone: bool) -> str:
    """The metric and its direction, below each other where panels are narrow."""
    if alone:
        return _name(metric.metric, 30) + _arrow(metric.direction)
    return "\n".join(filter(None, (_name(metric.metric, 24), _arrow(metric.direction).strip())))


def _bar_panel(axes: Axes, metric: MetricBars, values: Sequence[float | None], best: Sequence[bool]) -> None:
    span = metric.high - metric.low or abs(metric.high) or 1.0
    number = formats.format_for(values)
    for place, value in enumerate(values):
        colour = BLUE if best[place] else PALE
        if value is None or not metric.low <= value <= metric.high:
            axes.text(metric.start, place, f" {number(value)}", va="center", color=GREY, size=8)
            continue
        if metric.scale == "zero":
            axes.barh(place, value, height=0.66, color=colour)
        else:
            axes.plot([metric.low - span * 0.06, value], [place, place], color="#cfd6dc", linewidth=1)
            axes.plot([value], [place], "D" if best[place] else "o", color=BLUE, markersize=5)
        axes.annotate(
            number(value),
            (value, place),
            (5 if value >= 0 else -5, 0),
            textcoords="offset points",
            va="center",
            ha="left" if value >= 0 else "right",
            size=8,
            weight="bold" if best[place] else "normal",
            color=TEXT,
        )
    room = 0.3 * span
    low = metric.low - (span * 0.06 if metric.scale == "range" else room if metric.low < 0 else 0)
    axes.set_xlim(low, metric.high + (room if metric.high > 0 or metric.scale == "range" else span * 0.02))
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=4)
    axes.spines["left"].set_visible(metric.scale == "zero")
    axes.spines["left"].set_position(("data", 0.0) if metric.scale == "zero" else ("axes", 0.0))


def _param_panel(axes: Axes, chart: Bars, rows: int) -> None:
    axes.axis("off")
    for column, name in enumerate(chart.params):
        x = column / len(chart.params)
        axes.text(x, 1.0, _name(name, 13), transform=axes.transAxes, size=8, color=GREY, va="bottom")
        for place in range(rows):
            text = chart.rows[place].params[column]
            shown = formats.MISSING if text is None else _name(text, 13)
            axes.text(x, place, shown, transform=axes.get_yaxis_transform(), size=8, va="center", color=TEXT)


# ── points ───────────────────────────────────────────────────────────────────


def _scatter(chart: Scatter) -> Figure:
    places = len({(point.x, point.y) for point in chart.points})
    notes = []
    if places < len(chart.points) and not chart.x.categories:
        notes.append(f"{len(chart.points):,} runs at {places:,} places: darker points are several runs")
    figure = _page(chart.caption, 4.4, notes)
    axes = figure.subplots()
    if chart.x.categories:
        _strips(axes, chart)
    else:
        xs, ys = [p.x for p in chart.points], [p.y for p in chart.points]
        many = len(xs) > MANY_POINTS
        axes.scatter(xs, ys, s=8 if many else 26, color=BLUE, alpha=0.6, linewidths=0, rasterized=many)
        if chart.x.log:
            _logarithmic(axes, "x")
        axes.margins(0.06)
        if len(few := sorted(set(xs))) <= min(FEW_XS, len(xs) / 2):
            axes.set_xticks(few, [f"{x:g}" for x in few])
            axes.set_xticks([], minor=True)
        _label_best(axes, chart)
    if chart.y.log:
        _logarithmic(axes, "y")
    axes.set_xlabel(_axis_label(chart.x))
    axes.set_ylabel(_axis_label(chart.y))
    axes.grid(axis="both" if not chart.x.categories else "y")
    return figure


def _label_best(axes: Axes, chart: Scatter) -> None:
    """A ring around the best points, with a name or their number."""
    if chart.y.direction is None or len(chart.points) < 2:
        return
    choose = max if chart.y.direction == "higher" else min
    value = choose(point.y for point in chart.points)
    best = [point for point in chart.points if point.y == value]
    if len(best) == len(chart.points):
        return
    axes.scatter([p.x for p in best], [p.y for p in best], s=70, facecolors="none", edgecolors=ORANGE)
    first = best[0]
    others = f" and {len(best) - 1} more" if len(best) > 1 else ""
    right = first.x > (min(p.x for p in chart.points) / 2 + max(p.x for p in chart.points) / 2)
    axes.annotate(
        f"{_name(first.name, 36)}{others}: {formats.number(first.y)}",
        (first.x, first.y),
        (-8 if right else 8, 7 if chart.y.direction == "higher" else -13),
        textcoords="offset points",
        ha="right" if right else "left",
        size=8,
        color=TEXT,
    )
    axes.margins(0.06, 0.1)


def _strips(axes: Axes, chart: Scatter) -> None:
    """Runs of a category side by side, and its median as a line with its number of runs."""
    names = [_name(category, 18) for category in chart.x.categories]
    many = len(chart.points) > MANY_POINTS
    for place in range(len(names)):
        points = sorted((p for p in chart.points if p.x == place), key=lambda p: p.y)
        axes.scatter(
            [place + shift for shift in _swarm(points)],
            [p.y for p in points],
            s=8 if many else 20,
            color=BLUE,
            alpha=0.6,
            linewidths=0,
            rasterized=many,
        )
        if not points:
            continue
        ys = [p.y for p in points]
        middle = len(ys) // 2
        median = ys[middle] if len(ys) % 2 else (ys[middle - 1] + ys[middle]) / 2
        axes.plot([place - 0.3, place + 0.3], [median, median], color=ORANGE, linewidth=2)
        names[place] = Shown(f"{names[place]}\nn = {len(points)}, median {formats.number(median)}")
    axes.set_xticks(range(len(names)), names, size=8 if len(names) < 7 else 6)
    axes.set_xlim(-0.5, len(names) - 0.5)


def _swarm(points: Sequence[Point]) -> list[float]:
    """Shifts that put runs with nearly the same value beside each other."""
    if not points:
        return []
    low, high = points[0].y, points[-1].y
    step = (high / 60 - low / 60) or 1.0
    rows: dict[int, list[int]] = {}
    for at, point in enumerate(points):
        rows.setdefault(int(point.y / step - low / step), []).append(at)
    shifts = [0.0] * len(points)
    for found in rows.values():
        for order, at in enumerate(found):
            if len(found) <= 12:
                shifts[at] = (order - (len(found) - 1) / 2) * 0.05
            else:  # evenly scattered, so that no line rises through them
                shifts[at] = 0.6 * (order * 0.618034 % 1 - 0.5)
    return shifts


# ── boxes ────────────────────────────────────────────────────────────────────


def _boxes(chart: Boxes) -> Figure:
    boxes = chart.boxes
    notes = ["whiskers reach the last values within 1.5 interquartile ranges; circles are outliers"]
    figure = _page(
        chart.caption, 0.8 + 0.42 * max(2, len(boxes)), notes if any(b.is_box for b in boxes) else ()
    )
    axes = figure.subplots()
    number = formats.format_for([box.median for box in boxes])
    for place, box in enumerate(boxes):
        if box.is_box:
            _box(axes, box, place, number(box.median))
        axes.plot(
            [p.y for p in box.outliers],
            [place] * len(box.outliers),
            "o",
            mfc="white",
            mec=BLUE,
            ms=5,
            rasterized=len(box.outliers) > MANY_POINTS,
        )
        axes.plot([p.y for p in box.points], [place] * len(box.points), "o", color=BLUE, ms=5, alpha=0.7)
    axes.set_yticks(range(len(boxes)), [f"{_name(box.label, 30)}  (n = {box.n})" for box in boxes])
    axes.set_ylim(len(boxes) - 0.4, -0.6)
    axes.margins(x=0.05)
    axes.set_xlabel(_name(chart.metric, 60) + _arrow(chart.direction))
    axes.set_ylabel(_name(chart.param, 40))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    return figure


def _box(axes: Axes, box: Box, place: int, median: Shown) -> None:
    for start, end in ((box.low, box.q1), (box.q3, box.high)):
        axes.plot([start, end], [place, place], color=GREY, linewidth=1.2)
    for end in (box.low, box.high):
        axes.plot([end, end], [place - 0.12, place + 0.12], color=GREY, linewidth=1.2)
    axes.add_patch(Rectangle((box.q1, place - 0.27), box.q3 - box.q1, 0.54, facecolor=PALE, edgecolor=BLUE))
    axes.plot([box.median] * 2, [place - 0.27, place + 0.27], color=ORANGE, linewidth=2.2)
    axes.annotate(
        median,
        (box.median, place - 0.27),
        (0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        size=7.5,
        color=TEXT,
    )


# ── heat map ─────────────────────────────────────────────────────────────────


def _heat(chart: HeatMap) -> Figure:
    rows, columns = len(chart.rows), len(chart.columns)
    number = formats.format_for(chart.means)
    darker = "better" if chart.direction else "higher"
    notes = [f"darker is {darker}: from {number(min(chart.means))} to {number(max(chart.means))}"]
    figure = _page(chart.caption, 0.9 + 0.5 * max(2, rows), notes, width=max(WIDTH, 1.8 + 0.85 * columns))
    axes = figure.subplots()
    for row, line in enumerate(chart.cells):
        for column, cell in enumerate(line):
            if cell is None:
                axes.add_patch(
                    Rectangle(
                        (column - 0.5, row - 0.5), 1, 1, facecolor="white", edgecolor="#d5d8dc", hatch="////"
                    )
                )
                axes.text(column, row, "no run", ha="center", va="center", size=7, color=GREY)
                continue
            share = chart.shade(cell.mean)
            axes.add_patch(
                Rectangle(
                    (column - 0.5, row - 0.5), 1, 1, facecolor=_shade(share), edgecolor="white", linewidth=2
                )
            )
            ink = "white" if share > 0.45 else TEXT
            axes.text(column, row - 0.08, number(cell.mean), ha="center", va="center", size=9, color=ink)
            axes.text(column, row + 0.27, f"n = {cell.n}", ha="center", va="center", size=6.5, color=ink)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xticks(range(columns), [_name(text, 14) for text in chart.columns])
    axes.set_yticks(range(rows), [_name(text, 24) for text in chart.rows])
    axes.set_xlabel(_name(chart.column_param, 40))
    axes.set_ylabel(_name(chart.row_param, 30))
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def _shade(share: float) -> tuple[float, float, float]:
    """From a pale to a dark blue: the same order in grey."""
    pale, dark = (0.91, 0.95, 0.98), (0.03, 0.27, 0.48)
    red, green, blue = (low + (high - low) * share for low, high in zip(pale, dark, strict=True))
    return red, green, blue


# ── histories ────────────────────────────────────────────────────────────────


def _curves(chart: Curves) -> Figure:
    panels = list(chart.panels.items())[:MOST_PANELS]
    notes = []
    if len(panels) < len(chart.panels):
        notes.append(f"the first {len(panels)} of {len(chart.panels)} metrics are drawn")
    if (most := max(len(curves) for _, curves in panels)) > MOST_CURVES:
        notes.append(f"the first {MOST_CURVES} of {most} curves are drawn")
    if any(len(curve.smooth) for curve in chart.curves):
        notes.append("the raw values are faint behind the smoothed ones")
    columns = 1 if len(panels) < 4 else 2
    rows = -(-len(panels) // columns)
    height = 4.4 if len(panels) == 1 else 2.9 * rows
    figure = _page(chart.caption, height, notes, width=WIDTH if columns == 1 else 13.0)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel, (metric, curves) in zip(axes, panels, strict=False):
        _curve_panel(panel, chart, metric, curves[:MOST_CURVES])
        panel.set_xlabel(_axis_label(chart.x))
    for panel in axes[len(panels) :]:
        panel.axis("off")
    return figure


def _curve_panel(axes: Axes, chart: Curves, metric: str, curves: Sequence[Curve]) -> None:
    if chart.x.log:
        _logarithmic(axes, "x")
    if chart.y.log:
        _logarithmic(axes, "y")
    names = list(dict.fromkeys(curve.label for curve in chart.curves))
    placed = [(names.index(curve.label), curve) for curve in curves]  # a run looks the same in every panel
    for place, curve in placed:
        _curve(axes, curve, place, as_points=chart.as_points)
    axes.margins(0.02, 0.06)
    xs = [x for curve in curves for x in (min(curve.xs), max(curve.xs))]
    room = (max(xs) - min(xs)) * 0.02 or 0.5
    if not chart.x.log:
        axes.set_xlim(min(xs) - room, max(xs) + room)
    if chart.x_axis == "step" and not chart.x.log:
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    elif not chart.x.log:
        _time_ticks(axes, chart.x_axis)
    if len(names) > 1:
        _label_curves(axes, placed, 0.05 if len(chart.panels) == 1 else 0.08)
    for place, curve in placed:
        _mark_breaks(axes, curve, place)
    is_first = metric == chart.y.label
    direction = chart.y.direction if is_first else direction_of(metric)
    label = _name(metric, 60) + _arrow(direction)
    if len(chart.panels) == 1:
        axes.set_ylabel(label)
    else:  # panels are low
        axes.set_title(label, loc="left", color=TEXT)
    axes.grid()


def _logarithmic(axes: Axes, which: Literal["x", "y"]) -> None:
    """A logarithmic axis with plain numbers: 0.001, 0.01; over few decades also 0.002, 0.005."""
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))

    def between(value: float, _: object) -> str:
        low, high = axis.get_view_interval()
        is_shown = high < 5 * low or (high < 1000 * low and f"{value:e}"[0] in "25")
        return f"{value:g}" if is_shown else ""

    axis.set_minor_formatter(FuncFormatter(between))


def _time_ticks(axes: Axes, x_axis: str) -> None:
    """Ticks at whole minutes, hours or days; wall time in UTC, so that the file is the same everywhere."""
    low, high = axes.get_xlim()
    unit = 1000.0 if x_axis == "wall" else 1.0
    ideal = (high - low) / unit / 6
    step = next((step for step in _TIME_STEPS if step >= ideal), None)
    if step is None:
        step = math.ceil(ideal / 86400) * 86400
    if ideal >= 1:
        axes.xaxis.set_major_locator(MultipleLocator(step * unit))
    write = (
        _wall_time if x_axis == "wall" else lambda seconds, _: formats.duration(seconds) if seconds else "0"
    )
    axes.xaxis.set_major_formatter(FuncFormatter(write))


def _wall_time(milliseconds: float, _: object) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d\n%H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds:g}"


def _gapped(ys: Sequence[float]) -> list[float]:
    return [y if abs(y) < HUGE else math.nan for y in map(float, ys)]


def _style(place: int) -> dict[str, str]:
    return {"color": PALETTE[place % len(PALETTE)], "marker": MARKERS[place % len(MARKERS)]}


def _curve(axes: Axes, curve: Curve, place: int, *, as_points: bool) -> None:
    style = _style(place)
    ys = _gapped(curve.ys)
    drawn = sum(not math.isnan(y) for y in ys)
    color, label = style["color"], _name(curve.label)
    if as_points:
        axes.plot(curve.xs, ys, style["marker"], color=color, markersize=3.5, alpha=0.7, label=label)
        return
    if len(curve.smooth):
        axes.plot(curve.xs, ys, color=style["color"], alpha=0.25, linewidth=0.8)
        ys = _gapped(curve.smooth)
    if curve.as_points:  # around the points of a line
        axes.plot(curve.xs, ys, "o", color=color, markersize=10, fillstyle="none", label=label)
        return
    every = max(1, drawn // 8)
    axes.plot(
        curve.xs,
        ys,
        DASHES[(place // len(PALETTE)) % len(DASHES)],
        **style,  # type: ignore[arg-type]
        linewidth=1.4,
        markersize=4.5 if drawn > 1 else 6,
        markevery=(0, every) if drawn > 12 else None,
        label=label,
    )


def _mark_breaks(axes: Axes, curve: Curve, place: int) -> None:
    """Triangles at the upper or the lower edge where a value is infinite, a cross where NaN begins."""
    up: list[float] = []
    down: list[float] = []
    broken: list[float] = []
    was_nan = False
    for x, y in zip(curve.xs, curve.ys, strict=True):
        if abs(y) >= HUGE:
            (up if y > 0 else down).append(x)
        if math.isnan(y) and not was_nan:
            broken.append(x)
        was_nan = math.isnan(y)
    for xs, edge, marker in ((up, 0.985, "^"), (down, 0.015, "v"), (broken, 0.03, "x")):
        if xs:
            axes.plot(
                xs,
                [edge] * len(xs),
                marker,
                transform=axes.get_xaxis_transform(),
                color=_style(place)["color"],
            )


def _label_curves(axes: Axes, curves: Sequence[tuple[int, Curve]], gap: float) -> None:
    """Names at the ends of the lines, `gap` of the height apart; a legend if there are many."""
    axes.autoscale_view()
    low, high = axes.get_ylim()
    log = axes.get_yscale() == "log"
    ends = []
    for place, curve in curves:
        ys = _gapped(curve.smooth if len(curve.smooth) else curve.ys)
        last = next((y for y in reversed(ys) if not math.isnan(y) and (y > 0 or not log)), None)
        if last is not None:
            share = math.log(last / low, high / low) if log else (last - low) / (high - low)
            ends.append((share, place, curve.label))
    if len(curves) > MOST_LABELS or len(ends) < len(curves):
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=7)
        return
    shares = _apart([share for share, _, _ in sorted(ends)], gap)
    for share, (_, place, name) in zip(shares, sorted(ends), strict=True):
        axes.text(
            1.012,
            share,
            _name(name, 30),
            transform=axes.transAxes,
            va="center",
            size=8,
            color=PALETTE[place % len(PALETTE)],
            clip_on=False,
        )


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Sorted places at least `gap` apart, each group around the middle of where it was, between 0 and 1."""
    groups: list[list[float]] = []
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _first(groups[-1], gap) - _last(groups[-2], gap) < gap:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_first(group, gap) + at * gap for group in groups for at in range(len(group))]


def _first(group: Sequence[float], gap: float) -> float:
    length = (len(group) - 1) * gap
    return min(max(sum(group) / len(group) - length / 2, 0.0), max(0.0, 1 - length))


def _last(group: Sequence[float], gap: float) -> float:
    return _first(group, gap) + (len(group) - 1) * gap
