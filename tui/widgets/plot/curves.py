"""Histories in cells, as `Plot` draws them, without Textual."""

from __future__ import annotations

from collections.abc import Sequence

from engine.api import Curve, Curves, direction_of
from engine.text import Shown, safe
from tui.widgets.plot.drawing import ARROWS, Drawing, Line, named
from tui.widgets.plot.legend import names, packed
from tui.widgets.plot.picture import Picture
from tui.widgets.plot.scale import XKind
from tui.widgets.plot.series import Series, Track
from tui.widgets.plot.view import View

_X_KINDS: dict[str, XKind] = {"step": "step", "relative": "seconds", "wall": "moment"}
LEGEND_LINES = 4
PANEL_HEIGHT = 14


def draw_curves(chart: Curves, width: int, height: int) -> Drawing:
    """The chart in `width` cells, a panel below the other for each metric; a single one is `height` lines
    high. Smoothed curves are drawn without the raw ones."""
    panels = list(chart.panels.items())
    each = height if len(panels) == 1 else max(PANEL_HEIGHT, height // len(panels))
    body: list[Line] = []
    for metric, curves in panels:
        if body:
            body.append(Line(()))
        body += _panel(chart, metric, curves, width, each)
    return Drawing((), tuple(body))


def _panel(chart: Curves, metric: str, curves: Sequence[Curve], width: int, height: int) -> list[Line]:
    tracks = tuple(
        Track.of(
            Series(
                safe(curve.label),
                list(zip(curve.xs, curve.smooth or curve.ys, strict=True)),
                "scatter" if chart.as_points or len(curve.xs) == 1 else "line",
            ),
            place,
        )
        for place, curve in enumerate(curves)
    )
    view = View(tracks, chart.y.log)
    window, with_values = view.window()
    entries = packed(names(tracks, view.notes()), width, LEGEND_LINES)
    direction = chart.y.direction if metric == chart.y.label else direction_of(metric)
    lines = [Line(((named(metric, width, ARROWS[direction]), "legend"),))]
    lines += [Line(tuple(entry)) for entry in entries if entry]
    picture = Picture(
        tracks,
        window,
        width,
        max(8, height - len(lines)),
        log=chart.y.log,
        x_kind=_X_KINDS[chart.x_axis],
        x_label=Shown("step" if chart.x_axis == "step" else ""),
        with_values=with_values,
    )
    return lines + [Line(tuple(picture.line(y, None))) for y in range(picture.height)]
