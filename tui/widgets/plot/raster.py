"""Draws series on a canvas with at most a few strokes per column of dots, however many points they have."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tui.widgets.plot.canvas import Canvas
from tui.widgets.plot.scale import HUGE, Scale
from tui.widgets.plot.series import Track

POINT = "•"
UP, DOWN = "▲", "▼"

Bucket = tuple[float, float, float, float, float]
"""The points in one column of dots: x in dots, then the first, lowest, highest and last value."""


def draw(canvas: Canvas, track: Track, x_scale: Scale, y_scale: Scale, owner: int, mark: str) -> None:
    """Draw a track. `mark` is the character for single and scattered points."""
    if track.kind == "scatter":
        _draw_scatter(canvas, track, x_scale, y_scale, owner, mark)
    else:
        _draw_line(canvas, track, x_scale, y_scale, owner, mark)
    _draw_infinities(canvas, track, x_scale, owner)


def buckets(track: Track, x_scale: Scale, floor: float) -> Iterator[Bucket | None]:
    """The points in view and one beyond each edge, by column of dots; None is a gap, as are values at or
    below `floor`."""
    part = track.within(x_scale.low, x_scale.high)
    xs, ys = track.xs, track.ys
    factor = (x_scale.size - 1) / (x_scale.high - x_scale.low)
    column = math.nan
    x = first = low = high = last = 0.0
    for place in range(max(0, part.start - 1), min(len(xs), part.stop + 1)):
        y = ys[place]
        if not floor < y < HUGE:
            if column == column:
                yield x, first, low, high, last
                column = math.nan
            yield None
            continue
        at = (xs[place] - x_scale.low) * factor
        if round(at) == column:
            low, high, last = min(low, y), max(high, y), y
            continue
        if column == column:
            yield x, first, low, high, last
        column, x, first, low, high, last = round(at), at, y, y, y, y
    if column == column:
        yield x, first, low, high, last


def _draw_line(canvas: Canvas, track: Track, x_scale: Scale, y_scale: Scale, owner: int, mark: str) -> None:
    floor = 0.0 if y_scale.log else -HUGE
    at = y_scale.at
    before: tuple[float, float] | None = None
    alone: tuple[float, float] | None = None
    for bucket in buckets(track, x_scale, floor):
        if bucket is None:
            if alone is not None:
                canvas.glyph(*alone, mark, owner)
            before = alone = None
            continue
        x, first, low, high, last = bucket
        start, end = at(first), at(last)
        if before is None:
            alone = (x, start) if low == high else None
        else:
            alone = None
            if track.kind == "step":
                canvas.line(*before, x, before[1], owner)
                canvas.line(x, before[1], x, start, owner)
            else:
                canvas.line(*before, x, start, owner)
        if low != high:
            canvas.line(x, at(low), x, at(high), owner)
        before = (x, end)
    if alone is not None:
        canvas.glyph(*alone, mark, owner)


def _draw_scatter(
    canvas: Canvas, track: Track, x_scale: Scale, y_scale: Scale, owner: int, mark: str
) -> None:
    """Draw marks, or single dots if there are more points than columns."""
    floor = 0.0 if y_scale.log else -HUGE
    part = track.within(x_scale.low, x_scale.high)
    dense = mark == POINT and len(part) > canvas.columns
    for place in part:
        y = track.ys[place]
        if not floor < y < HUGE:
            continue
        x_dot, y_dot = x_scale.at(track.xs[place]), y_scale.at(y)
        if dense:
            canvas.dot(round(x_dot), round(y_dot), owner)
        else:
            canvas.glyph(x_dot, y_dot, mark, owner)


def _draw_infinities(canvas: Canvas, track: Track, x_scale: Scale, owner: int) -> None:
    for place in track.within(x_scale.low, x_scale.high):
        y = track.ys[place]
        if y >= HUGE:
            canvas.glyph(x_scale.at(track.xs[place]), canvas.height - 1, UP, owner)
        elif y <= -HUGE:
            canvas.glyph(x_scale.at(track.xs[place]), 0, DOWN, owner)
