"""Which part of the series is in view: zoom, pan, logarithm. Immutable."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from functools import cached_property

from tui.widgets.plot.scale import padded
from tui.widgets.plot.series import Track, Window, left_out, x_range, y_range

SMALLEST = 1e-9
"""The share of the whole x range beyond which there is no zooming in."""


@dataclass(frozen=True)
class View:
    """`x` is the range zoomed to, None for all; `y` is a range set by hand, None to fit what is in
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
        """What is shown, and whether any value has a place on the y axis."""
        y_low, y_high = self.y or self._fitted or (1.0, 10.0)
        return Window(*self.x_shown, y_low, y_high), self._fitted is not None

    def notes(self) -> list[str]:
        """What cannot be seen from the chart alone."""
        notes = []
        if self.log:
            out = left_out(self.tracks, *self.x_shown)
            notes.append("log" + (f" · {out:,} at or below 0 not shown" if out else ""))
        if self.x is not None or self.y is not None:
            notes.append("part · 0 shows all")
        if self._fitted is None and not self.log:
            notes.append("no finite values")
        return notes

    def of(self, tracks: tuple[Track, ...]) -> View:
        """The same view of other tracks; all of them where they do not reach into it."""
        fresh = replace(self, tracks=tracks)
        if self.x is not None and not any(track.within(*self.x) for track in tracks):
            return fresh.whole()
        return fresh

    def whole(self) -> View:
        return replace(self, x=None, y=None)

    def with_log(self, log: bool) -> View:
        return replace(self, log=log, y=None)

    def zoomed(self, factor: float, centre: float | None) -> View:
        """Zoom x about `centre` or about the middle; y fits what is then in view."""
        low, high = self.x_shown
        all_low, all_high = self.x_all
        middle = centre if centre is not None and low <= centre <= high else (low + high) / 2
        span = (high - low) * factor
        if span >= all_high - all_low:
            return self.whole()
        if span < (all_high - all_low) * SMALLEST:
            return self
        start = middle - (middle - low) * factor
        return replace(self, x=self._inside(start, span), y=None)

    def panned(self, right: float, up: float) -> View:
        """Move by shares of what is shown. x stays within the series; y does once it was moved."""
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
        """Moved as far as it takes to show x."""
        low, high = self.x_shown
        start = x if x < low else low + x - high
        return replace(self, x=self._inside(start, high - low))

    def next_x(self, x: float, direction: int) -> float:
        """The nearest x at which something was logged, to the right (1) or the left (-1)."""
        if direction > 0:
            after = [t.xs[at] for t in self.tracks if (at := bisect_right(t.xs, x)) < len(t.xs)]
            return min(after, default=x)
        before = [t.xs[at - 1] for t in self.tracks if (at := bisect_left(t.xs, x)) > 0]
        return max(before, default=x)

    def last_x(self) -> float | None:
        """The last x in view at which something was logged."""
        low, high = self.x_shown
        inside = [t.xs[part.stop - 1] for t in self.tracks if (part := t.within(low, high))]
        return max(inside, default=None)

    def _inside(self, start: float, span: float) -> tuple[float, float]:
        low, high = self.x_all
        start = max(low, min(start, high - span))
        return start, min(high, start + span)
