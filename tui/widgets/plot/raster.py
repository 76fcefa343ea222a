"""Draws tracks on a canvas: a few strokes per column of dots, however many points there are. Needs numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tui.widgets.plot.canvas import FAINT, Canvas, Ints
from tui.widgets.plot.scale import HUGE, Scale
from tui.widgets.plot.track import Floats, Track, drawable

POINT = "•"
UP, DOWN = "▲", "▼"


def draw(canvas: Canvas, track: Track, x_scale: Scale, y_scale: Scale, owner: int, mark: str) -> None:
    """Draw a track. `mark` is the character for single and scattered points."""
    if track.kind == "scatter":
        _draw_scatter(canvas, track, x_scale, y_scale, owner, mark)
    else:
        _draw_strokes(canvas, [_Stroke(track, track.ys, x_scale, y_scale)], owner, mark)
    _draw_infinities(canvas, track, x_scale, owner)


def draw_raw(canvas: Canvas, tracks: Sequence[Track], x_scale: Scale, y_scale: Scale) -> None:
    """Draw the values behind the tracks."""
    strokes = [_Stroke(track, track.raw, x_scale, y_scale) for track in tracks if track.raw is not None]
    if strokes:
        _draw_strokes(canvas, strokes, FAINT, POINT)


def dots(scale: Scale, values: Floats) -> Floats:
    """The fractional dots of values; NaN for those that a logarithmic scale cannot show."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if scale.log:
            share = np.log(values / scale.low) / np.log(scale.high / scale.low)
            share = np.where(values > 0, share, np.nan)
        else:
            share = (values - scale.low) / (scale.high - scale.low)
    found: Floats = share * (scale.size - 1)
    return found


def _edges(scale: Scale) -> Floats:
    """The values between the columns of dots, the outer ends included."""
    shares = (np.arange(scale.size + 1) - 0.5) / max(1, scale.size - 1)
    with np.errstate(over="ignore"):
        found: Floats
        if scale.log:
            found = scale.low * np.exp(shares * np.log(scale.high / scale.low))
        else:
            found = scale.low + shares * (scale.high - scale.low)
    return found


def _rounded(values: Floats) -> Ints:
    """To the nearest integers; what lies far outside any canvas stays outside."""
    return np.rint(np.clip(values, -1e9, 1e9)).astype(np.int64)


def _draw_strokes(canvas: Canvas, strokes: Sequence[_Stroke], owner: int, mark: str) -> None:
    """Draw lines that belong to the same owner together: a grid of dots is filled for each call."""
    drawn = [stroke.bars() for stroke in strokes]
    xs, lows, highs = (np.concatenate(each) for each in zip(*(bars for bars, _ in drawn), strict=True))
    canvas.bars(xs, lows, highs, owner)
    x_dots, y_dots = np.concatenate([points for _, points in drawn], axis=1)
    canvas.glyphs(x_dots, y_dots, mark, owner)


class _Stroke:
    """A line through the points in view, reduced to the columns of dots that have points."""

    def __init__(self, track: Track, ys: Floats, x_scale: Scale, y_scale: Scale) -> None:
        self._track, self._ys, self._x_scale, self._y_scale = track, ys, x_scale, y_scale
        self._is_drawable = ys is track.ys and track.all_drawable(log=y_scale.log)
        places = np.searchsorted(track.xs, _edges(x_scale), "left")
        counts = np.diff(places)
        self.columns: Ints = np.flatnonzero(counts)
        self.firsts: Ints = places[:-1][self.columns]
        self.lasts: Ints = self.firsts + counts[self.columns] - 1
        self._start, self._end = int(places[0]), int(places[-1])

    def extremes(self) -> tuple[Floats, Floats]:
        """The lowest and highest drawable value of each column; the lowest is inf without one."""
        if not len(self.columns):
            return np.empty(0), np.empty(0)
        ys = self._ys[self._start : self._end]
        starts = self.firsts - self._start
        if self._is_drawable:
            return np.minimum.reduceat(ys, starts), np.maximum.reduceat(ys, starts)
        seen = drawable(ys, log=self._y_scale.log)
        return (
            np.minimum.reduceat(np.where(seen, ys, np.inf), starts),
            np.maximum.reduceat(np.where(seen, ys, -np.inf), starts),
        )

    def bars(self) -> tuple[tuple[Ints, Ints, Ints], Floats]:
        """The line as vertical bars of dots: columns, lowest and highest dots. Then the points that no line
        reaches, as fractional dots x and y."""
        lows, highs = self.extremes()
        filled = lows <= highs
        low_dots, high_dots = dots(self._y_scale, lows[filled]), dots(self._y_scale, highs[filled])
        parts = [(self.columns[filled], _rounded(low_dots), _rounded(high_dots))]
        left, right, joined = self._joints()
        if len(left):
            parts += self._steps(left, right) if self._track.kind == "step" else [self._lines(left, right)]
        alone = (lows == highs) & ~joined
        points = (
            dots(self._x_scale, self._track.xs[self.firsts[alone]]),
            dots(self._y_scale, lows[alone]),
        )
        xs, starts, ends = (np.concatenate(each) for each in zip(*parts, strict=True))
        return (xs, starts, ends), np.array(points)

    def _joints(self) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """The points that are joined across columns, with those just outside the view: to the left and to the
        right of each joint. Then the columns that are joined to another."""
        before = [self._start - 1] if self._start > 0 else []
        after = [self._end] if self._end < len(self._ys) else []
        left = np.array([*before, *self.lasts, *after], dtype=np.int64)[:-1]
        right = np.array([*before, *self.firsts, *after], dtype=np.int64)[1:]
        log = self._y_scale.log
        seen = drawable(self._ys[left], log=log) & drawable(self._ys[right], log=log)
        if self._x_scale.log:
            seen &= self._track.xs[left] > 0
        sides = np.concatenate(([False] * (not before), seen, [False] * (not after))).astype(np.bool_)
        return left[seen], right[seen], (sides[:-1] | sides[1:])[: len(self.columns)]

    def _lines(self, left: Ints, right: Ints) -> tuple[Ints, Ints, Ints]:
        """Straight lines, as a bar in each column that they cross."""
        x0, x1 = (dots(self._x_scale, self._track.xs[at]) for at in (left, right))
        y0, y1 = (dots(self._y_scale, self._ys[at]) for at in (left, right))
        xs, line = self._crossed(x0, x1)
        slope = (y1 - y0) / np.maximum(x1 - x0, 1e-12)
        near, far = np.maximum(xs - 0.5, x0[line]), np.minimum(xs + 0.5, x1[line])
        start = y0[line] + (near - x0[line]) * slope[line]
        end = y0[line] + (far - x0[line]) * slope[line]
        low = np.ceil(np.minimum(start, end))
        high = np.ceil(np.maximum(start, end)) - 1
        flat = low > high  # crosses no row of dots: the nearest
        middle = np.rint((start + end) / 2)
        return xs, _rounded(np.where(flat, middle, low)), _rounded(np.where(flat, middle, high))

    def _steps(self, left: Ints, right: Ints) -> list[tuple[Ints, Ints, Ints]]:
        """Horizontal lines up to the next point, then vertical ones."""
        x0, x1 = (dots(self._x_scale, self._track.xs[at]) for at in (left, right))
        y0, y1 = (_rounded(dots(self._y_scale, self._ys[at])) for at in (left, right))
        xs, line = self._crossed(x0, x1)
        return [(xs, y0[line], y0[line]), (_rounded(x1), np.minimum(y0, y1), np.maximum(y0, y1))]

    def _crossed(self, x0: Floats, x1: Floats) -> tuple[Ints, Ints]:
        """The columns that each line crosses, within the canvas, and the index of the line."""
        first = np.maximum(_rounded(x0), 0)
        lengths = np.maximum(np.minimum(_rounded(x1), self._x_scale.size - 1) - first + 1, 0)
        line = np.repeat(np.arange(len(first)), lengths)
        offsets = np.arange(len(line)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return first[line] + offsets, line


def _draw_scatter(
    canvas: Canvas, track: Track, x_scale: Scale, y_scale: Scale, owner: int, mark: str
) -> None:
    """Draw marks, or single dots if there are more points than columns."""
    part = track.within(x_scale.low, x_scale.high)
    ys = track.ys[part.start : part.stop]
    seen = drawable(ys, log=y_scale.log)
    x_dots, y_dots = dots(x_scale, track.xs[part.start : part.stop][seen]), dots(y_scale, ys[seen])
    if mark == POINT and len(part) > canvas.columns:
        canvas.dots(_rounded(x_dots), _rounded(y_dots), owner)
    else:
        canvas.glyphs(x_dots, y_dots, mark, owner)


def _draw_infinities(canvas: Canvas, track: Track, x_scale: Scale, owner: int) -> None:
    if track.all_drawable(log=False):
        return
    part = track.within(x_scale.low, x_scale.high)
    xs, ys = track.xs[part.start : part.stop], track.ys[part.start : part.stop]
    for is_infinite, row, char in ((ys >= HUGE, canvas.height - 1, UP), (ys <= -HUGE, 0, DOWN)):
        if is_infinite.any():
            at: NDArray[np.float64] = dots(x_scale, xs[is_infinite])
            canvas.glyphs(at, np.full(len(at), float(row)), char, owner)
