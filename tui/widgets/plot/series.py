"""The series of a plot, prepared for drawing once."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal

from tui.widgets.plot.scale import is_drawn, spread

SeriesKind = Literal["line", "scatter", "step"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_X = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Series:
    """Named points (x, y). A NaN in y is a gap in the line; ±inf are drawn as ▲ and ▼ at the edge. Points
    whose x is not finite are omitted."""

    label: str
    points: Sequence[tuple[float, float]]
    kind: SeriesKind = "line"


@dataclass(frozen=True, slots=True)
class Track:
    """A series ready for drawing: sorted by x."""

    label: str
    letter: str
    kind: SeriesKind
    xs: tuple[float, ...]
    ys: tuple[float, ...]

    @classmethod
    def of(cls, series: Series, place: int) -> Track:
        points = sorted(((x, y) for x, y in series.points if is_drawn(x)), key=_X)
        letter = LETTERS[place] if place < len(LETTERS) else "·"
        return cls(
            series.label, letter, series.kind, tuple(x for x, _ in points), tuple(y for _, y in points)
        )

    def within(self, low: float, high: float) -> range:
        """Positions of the points with x from `low` to `high`."""
        return range(bisect_left(self.xs, low), bisect_right(self.xs, high))

    def ys_within(self, low: float, high: float) -> tuple[float, ...]:
        part = self.within(low, high)
        return self.ys[part.start : part.stop]

    def value_at(self, x: float) -> float | None:
        """The last y logged at exactly this x; None if none was."""
        place = bisect_right(self.xs, x) - 1
        return self.ys[place] if place >= 0 and self.xs[place] == x else None

    def last_drawn(self, low: float, high: float, *, log: bool) -> float | None:
        """The last y in a range of x that the scale can show."""
        for place in reversed(self.within(low, high)):
            y = self.ys[place]
            if is_drawn(y) and (y > 0 or not log):
                return y
        return None


@dataclass(frozen=True, slots=True)
class Window:
    """The visible part of the plane."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float


def x_range(tracks: Sequence[Track]) -> tuple[float, float]:
    """The first and the last x of all tracks; (0, 1) without points."""
    low = min((track.xs[0] for track in tracks if track.xs), default=0.0)
    high = max((track.xs[-1] for track in tracks if track.xs), default=1.0)
    if low == high:
        return low - 0.5, high + 0.5
    return spread(low, high)


def y_range(tracks: Sequence[Track], low: float, high: float, *, log: bool) -> tuple[float, float] | None:
    """The smallest and the largest drawable y of the points with x from `low` to `high`; None without such
    points."""
    floor = 0.0 if log else -math.inf
    ys = [y for track in tracks for y in track.ys_within(low, high) if is_drawn(y) and y > floor]
    return spread(min(ys), max(ys), log=log) if ys else None


def left_out(tracks: Sequence[Track], low: float, high: float) -> int:
    """The number of finite values that a logarithmic axis cannot show: those at or below 0."""
    return sum(1 for track in tracks for y in track.ys_within(low, high) if -math.inf < y <= 0)
