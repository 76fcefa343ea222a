"""Histories in cells, as `Plot` draws them. Needs numpy."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Size

from engine.api import Curve, Curves, direction_of
from engine.text import Shown, cell_width, safe
from tui.widgets.plot.drawing import ARROWS, Drawing, Line, named
from tui.widgets.plot.legend import Entry, Piece, names, packed
from tui.widgets.plot.picture import Picture
from tui.widgets.plot.scale import XKind
from tui.widgets.plot.series import Series, SeriesKind
from tui.widgets.plot.track import Track
from tui.widgets.plot.view import View

_X_KINDS: dict[str, XKind] = {"step": "step", "relative": "seconds", "wall": "moment"}
LEGEND_LINES = 4
PANEL_HEIGHT = 14


def draw_curves(chart: Curves, width: int, height: int) -> Drawing:
    """The chart in `width` cells, a panel below the other for each metric; a single one is `height` lines
    high. Behind smoothed curves, the raw ones are faint."""
    panels = list(chart.panels.items())
    each = height if len(panels) == 1 else max(PANEL_HEIGHT, height // len(panels))
    body: list[Line] = []
    for metric, curves in panels:
        if body:
            body.append(Line(()))
        body += _panel(chart, metric, curves, width, each)
    return Drawing((), tuple(body))


def _panel(chart: Curves, metric: str, curves: Sequence[Curve], width: int, height: int) -> list[Line]:
    tracks = tuple(Track.of(_series(chart, curve), place) for place, curve in enumerate(curves))
    view = View(tracks, chart.y.log, chart.x.log)
    entries = [Entry(track.letter, track.label) for track in tracks]
    legend = [row for row in packed(names(entries, view.notes()), width, LEGEND_LINES) if row]
    direction = chart.y.direction if metric == chart.y.label else direction_of(metric)
    heading: list[Piece] = [(named(metric, width, ARROWS[direction]), "legend")]
    if len(curves) == 1 and len({curve.label for curve in chart.curves}) > 1:
        room = max(1, width - cell_width(heading[0][0]) - 2)
        heading.append((f"  {named(curves[0].label, room)}", "label"))
    lines = [Line(tuple(heading)), *(Line(tuple(row)) for row in legend)]
    picture = Picture(
        tracks,
        view.window(),
        Size(width, max(8, height - len(lines))),
        legend_height=0,
        log=chart.y.log,
        log_x=chart.x.log,
        x_kind=_X_KINDS[chart.x_axis],
        x_label=safe(chart.x.label) if chart.x_axis == "step" else Shown(""),
        with_values=view.has_values,
    )
    return lines + [Line(tuple(picture.line(y, None))) for y in range(picture.height)]


def _series(chart: Curves, curve: Curve) -> Series:
    kind: SeriesKind = "scatter" if chart.as_points or curve.as_points or len(curve.xs) == 1 else "line"
    if len(curve.smooth):
        return Series(safe(curve.label), curve.xs, curve.smooth, kind, curve.ys)
    return Series(safe(curve.label), curve.xs, curve.ys, kind)
