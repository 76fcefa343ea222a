"""The part of the series in view: zoom, pan, logarithm. Immutable."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from functools import cached_property

from tui.widgets.plot.scale import padded
from tui.widgets.plot.series import Track, Window, left_out, x_range, y_range

SMALLEST = 1e-9
"""The smallest share of the x range to zoom in to."""


@dataclass(frozen=True)
class View:
    """`x` is the zoomed range, None for everything; `y` is a range set by the user, None to fit the points in
    view."""

    tracks: tuple[Track, ...]
    log: bool = False
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None

    @cached_property
    def x_all(self) -> tuple[float, float]:
        low, high = x_range(self.tracks)
        scattered = any(track.kind == "scatter" for track in self.tracks)
        return padded(low, high) if scattered else (low, high)

    @property
    def x_shown(self) -> tuple[float, float]:
        return self.x or self.x_all

    @cached_property
    def _fitted(self) -> tuple[float, float] | None:
        fitted = y_range(self.tracks, *self.x_shown, log=self.log)
        return None if fitted is None else padded(*fitted, log=self.log)

    def window(self) -> tuple[Window, bool]:
        """The visible part, and whether the y axis can show any value."""
        y_low, y_high = self.y or self._fitted or (1.0, 10.0)
        return Window(*self.x_shown, y_low, y_high), self._fitted is not None

    def notes(self) -> list[str]:
        """Facts that the drawing does not show."""
        notes = []
        if self.log:
            out = left_out(self.tracks, *self.x_shown)
            notes.append("log" + (f" · {out:,} at or below 0 not shown" if out else ""))
        if self.x is not None or self.y is not None:
            notes.append("partial view · 0 resets")
        if self._fitted is None and not self.log:
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

    def zoomed(self, factor: float, centre: float | None) -> View:
        """Zoom x around `centre`, by default the middle; y fits the points then in view."""
        low, high = self.x_shown
        all_low, all_high = self.x_all
        middle = centre if centre is not None and low <= centre <= high else (low + high) / 2
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
            low, high = self.x
            view = replace(view, x=self._inside(low + (high - low) * right, high - low))
        if up:
            window, drawn = self.window()
            low, high = window.y_low, window.y_high
            if drawn and self.log:
                factor = (high / low) ** up
                view = replace(view, y=(low * factor, high * factor))
            elif drawn:
                room = (high - low) * up
                view = replace(view, y=(low + room, high + room))
        return view

    def shows(self, x: float) -> bool:
        low, high = self.x_shown
        return low <= x <= high

    def showing(self, x: float) -> View:
        """Panned just far enough to show x."""
        low, high = self.x_shown
        start = x if x < low else low + x - high
        return replace(self, x=self._inside(start, high - low))

    def next_x(self, x: float, direction: int) -> float:
        """The nearest logged x to the right (1) or the left (-1)."""
        if direction > 0:
            after = [t.xs[at] for t in self.tracks if (at := bisect_right(t.xs, x)) < len(t.xs)]
            return min(after, default=x)
        before = [t.xs[at - 1] for t in self.tracks if (at := bisect_left(t.xs, x)) > 0]
        return max(before, default=x)

    def last_x(self) -> float | None:
        """The last logged x in view."""
        low, high = self.x_shown
        inside = [t.xs[part.stop - 1] for t in self.tracks if (part := t.within(low, high))]
        return max(inside, default=None)

    def _inside(self, start: float, span: float) -> tuple[float, float]:
        low, high = self.x_all
        start = max(low, min(start, high - span))
        return start, min(high, start + span)
