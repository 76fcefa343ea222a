"""The part of the tracks in view: zoom, pan, limits, logarithms. Immutable. Needs numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tui.widgets.plot.scale import padded
from tui.widgets.plot.series import Window
from tui.widgets.plot.track import Track, left_out, x_range, y_range

SMALLEST = 1e-9
"""The smallest share of the x range to zoom in to."""

Range = tuple[float, float]


@dataclass(frozen=True)
class View:
    """`x` is the zoomed range, None for everything; `y` is a range set by the user, None to fit the points in
    view."""

    tracks: tuple[Track, ...]
    log: bool = False
    log_x: bool = False
    x: Range | None = None
    y: Range | None = None

    @cached_property
    def x_all(self) -> Range:
        low, high = x_range(self.tracks, log=self.log_x)
        scattered = any(track.kind == "scatter" for track in self.tracks)
        return padded(low, high, log=self.log_x) if scattered else (low, high)

    @property
    def x_shown(self) -> Range:
        return self.x or self.x_all

    @cached_property
    def _fitted(self) -> Range | None:
        fitted = y_range(self.tracks, *self.x_shown, log=self.log)
        return None if fitted is None else padded(*fitted, log=self.log)

    @property
    def has_values(self) -> bool:
        """Whether the y axis can show any value in view."""
        return self._fitted is not None

    def window(self) -> Window:
        """The visible part."""
        return Window(*self.x_shown, *(self.y or self._fitted or (1.0, 10.0)))

    def notes(self) -> list[str]:
        """Facts that the drawing does not show."""
        notes = []
        if self.log:
            out = left_out(self.tracks, *self.x_shown)
            notes.append("log" + (f" · {out:,} at or below 0 not shown" if out else ""))
        if self.log_x:
            out = sum(int(np.searchsorted(track.xs, 0.0, "right")) for track in self.tracks)
            notes.append("log x" + (f" · {out:,} at or below 0 not shown" if out else ""))
        if self.x is not None or self.y is not None:
            notes.append("partial view · 0 resets")
        if not self.has_values and not self.log:
            notes.append("no finite values")
        return notes

    def of(self, tracks: tuple[Track, ...]) -> View:
        """The same view of other tracks; reset if none of them reaches into it."""
        fresh = replace(self, tracks=tracks)
        if self.x is not None and not any(track.within(*self.x) for track in tracks):
            return fresh.reset()
        return fresh

    def reset(self) -> View:
        return replace(self, x=None, y=None)

    def with_log(self, log: bool) -> View:
        return replace(self, log=log, y=None)

    def with_log_x(self, log_x: bool) -> View:
        return replace(self, log_x=log_x, x=None)

    def limited(self, x: Range | None, y: Range | None) -> View:
        """With these limits; None fits the points."""
        return replace(self, x=x, y=y)

    def zoomed(self, factor: float, centre: float | None) -> View:
        """Zoom x around `centre`, by default the middle; y fits the points then in view."""
        low, high = self._span(self.x_shown)
        all_low, all_high = self._span(self.x_all)
        middle = (low + high) / 2
        if centre is not None and self.shows(centre):
            middle = math.log(centre) if self.log_x else centre
        span = (high - low) * factor
        if span >= all_high - all_low:
            return self.reset()
        if span < (all_high - all_low) * SMALLEST:
            return self
        start = middle - (middle - low) * factor
        return replace(self, x=self._inside(start, span), y=None)

    def panned(self, right: float, up: float) -> View:
        """Pan by shares of the visible range. x stays within the series."""
        view = self
        if right and self.x is not None:
            low, high = self._span(self.x)
            view = replace(view, x=self._inside(low + (high - low) * right, high - low))
        if up and self.has_values:
            window = self.window()
            low, high = window.y_low, window.y_high
            if self.log:
                factor = (high / low) ** up
                view = replace(view, y=(low * factor, high * factor))
            else:
                room = (high - low) * up
                view = replace(view, y=(low + room, high + room))
        return view

    def shows(self, x: float) -> bool:
        low, high = self.x_shown
        return low <= x <= high

    def showing(self, x: float) -> View:
        """Panned just far enough to show x."""
        if self.log_x and x <= 0:
            return self
        low, high = self._span(self.x_shown)
        at = math.log(x) if self.log_x else x
        start = at if at < low else low + at - high
        return replace(self, x=self._inside(start, high - low))

    def next_x(self, x: float, direction: int, gap: float = 0.0) -> float:
        """The nearest x of a point to the right (1) or the left (-1), at least `gap` away; else the last one
        in that direction."""
        found = [near for track in self.tracks if (near := _next_x(track, x, direction, gap)) is not None]
        return (min if direction > 0 else max)(found, default=x)

    def last_x(self) -> float | None:
        """The last x of a point in view."""
        low, high = self.x_shown
        inside = [float(t.xs[part.stop - 1]) for t in self.tracks if (part := t.within(low, high))]
        return max(inside, default=None)

    def _span(self, limits: Range) -> Range:
        """A range of x as it is laid out: its logarithms on a logarithmic axis."""
        return (math.log(limits[0]), math.log(limits[1])) if self.log_x else limits

    def _inside(self, start: float, span: float) -> Range:
        low, high = self._span(self.x_all)
        start = max(low, min(start, high - span))
        end = min(high, start + span)
        return (math.exp(start), math.exp(end)) if self.log_x else (start, end)


def _next_x(track: Track, x: float, direction: int, gap: float) -> float | None:
    """Of one track: past x, and if there are points as far as `gap` away, past those that are nearer."""
    xs, last = track.xs, len(track.xs) - 1
    if direction > 0:
        at = max(int(np.searchsorted(xs, x, "right")), int(np.searchsorted(xs, x + gap, "left")))
        at = min(at, last)
        return float(xs[at]) if at >= 0 and xs[at] > x else None
    at = min(int(np.searchsorted(xs, x, "left")), int(np.searchsorted(xs, x - gap, "right"))) - 1
    at = min(max(at, 0), last)
    return float(xs[at]) if at >= 0 and xs[at] < x else None
