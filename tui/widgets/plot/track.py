"""Series prepared for drawing once: arrays, sorted by x. Needs numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui.widgets.plot.scale import HUGE, spread
from tui.widgets.plot.series import LETTERS, Series, SeriesKind

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Track:
    """A series ready for drawing. `raw` is None without values to draw behind the line. All values are above
    `floor`, which is NaN if some of them are not finite or huge."""

    label: str
    letter: str
    kind: SeriesKind
    xs: Floats
    ys: Floats
    floor: float = math.nan
    raw: Floats | None = None
    steps: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, series: Series, place: int) -> Track:
        xs, ys = np.asarray(series.xs, dtype=np.float64), np.asarray(series.ys, dtype=np.float64)
        raw = None if series.raw is None else np.asarray(series.raw, dtype=np.float64)
        steps = None if series.steps is None else np.asarray(series.steps, dtype=np.int64)
        kept = np.abs(xs) < HUGE
        if not kept.all():
            xs, ys = xs[kept], ys[kept]
            raw = None if raw is None else raw[kept]
            steps = None if steps is None else steps[kept]
        if len(xs) > 1 and bool((xs[1:] < xs[:-1]).any()):
            order = np.argsort(xs, kind="stable")
            xs, ys = xs[order], ys[order]
            raw = None if raw is None else raw[order]
            steps = None if steps is None else steps[order]
        letter = LETTERS[place] if place < len(LETTERS) else "·"
        return cls(series.label, letter, series.kind, xs, ys, _floor(ys), raw, steps)

    def all_drawable(self, *, log: bool) -> bool:
        """Whether a scale can show all values, so that they need not be looked at one by one."""
        return self.floor >= 0 if log else not math.isnan(self.floor)

    def within(self, low: float, high: float) -> range:
        """Positions of the points with x from `low` to `high`."""
        return range(int(np.searchsorted(self.xs, low, "left")), int(np.searchsorted(self.xs, high, "right")))

    def extremes(self, low: float, high: float, *, log: bool) -> tuple[float, float]:
        """The smallest and the largest value in a range of x that a scale can show, those behind the line
        included; (inf, -inf) without one."""
        part = self.within(low, high)
        found = [(math.inf, -math.inf)]
        for ys in (self.ys, self.raw):
            seen = None if ys is None else ys[part.start : part.stop]
            if seen is not None and not (ys is self.ys and self.all_drawable(log=log)):
                seen = seen[drawable(seen, log=log)]
            if seen is not None and len(seen):
                found.append((float(seen.min()), float(seen.max())))
        return min(lowest for lowest, _ in found), max(highest for _, highest in found)

    def nearest(self, x: float, reach: float = 0.0) -> int | None:
        """The position of the point nearest to x, at most `reach` away; of several at one x, the last."""
        place = int(np.searchsorted(self.xs, x, "right"))
        candidates = [at for at in (place - 1, place) if 0 <= at < len(self.xs)]
        best = min(candidates, key=lambda at: abs(float(self.xs[at]) - x), default=None)
        return best if best is not None and abs(float(self.xs[best]) - x) <= reach else None

    def last_drawn(self, low: float, high: float, *, log: bool) -> float | None:
        """The last y in a range of x that the scale can show."""
        part = self.within(low, high)
        ys = self.ys[part.start : part.stop]
        drawn = np.flatnonzero(drawable(ys, log=log))
        return float(ys[drawn[-1]]) if len(drawn) else None


def _floor(ys: Floats) -> float:
    """A number below all values: 0 if they are positive; NaN if some cannot be drawn."""
    if not len(ys):
        return 0.0
    lowest, highest = float(ys.min()), float(ys.max())  # NaN if any value is
    if not -HUGE < lowest <= highest < HUGE:
        return math.nan
    return 0.0 if lowest > 0 else -math.inf


def drawable(ys: Floats, *, log: bool) -> NDArray[np.bool_]:
    """Which values a scale can show: the finite ones that are not huge; on a logarithmic one, above 0."""
    floor = 0.0 if log else -HUGE
    found: NDArray[np.bool_] = (ys > floor) & (ys < HUGE)
    return found


def x_range(tracks: Sequence[Track], *, log: bool = False) -> tuple[float, float]:
    """The first and the last x of all tracks that the scale can show; (0, 1) without points, (1, 10) on a
    logarithmic one."""
    parts = [track.xs[np.searchsorted(track.xs, 0.0, "right") :] if log else track.xs for track in tracks]
    found = [(float(xs[0]), float(xs[-1])) for xs in parts if len(xs)]
    if not found:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = min(first for first, _ in found), max(last for _, last in found)
    if low == high and not log:
        return low - 0.5, high + 0.5
    return spread(low, high, log=log)


def y_range(tracks: Sequence[Track], low: float, high: float, *, log: bool) -> tuple[float, float] | None:
    """The smallest and the largest drawable y of the points with x from `low` to `high`; None without such
    points."""
    found = [track.extremes(low, high, log=log) for track in tracks]
    lowest = min((lowest for lowest, _ in found), default=math.inf)
    highest = max((highest for _, highest in found), default=-math.inf)
    return spread(lowest, highest, log=log) if lowest <= highest else None


def left_out(tracks: Sequence[Track], low: float, high: float) -> int:
    """The number of finite values that a logarithmic axis cannot show: those at or below 0."""
    count = 0
    for track in tracks:
        if not track.all_drawable(log=True):
            part = track.within(low, high)
            ys = track.ys[part.start : part.stop]
            count += int(np.count_nonzero((ys > -np.inf) & (ys <= 0)))
    return count
