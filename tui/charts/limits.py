"""The limits of a chart's axes, typed: `x 0 100 y 0.5 auto`, or `x 10:30 11:00` on an axis of time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from engine.errors import UsageError
from engine.text import safe
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field
from tui.widgets.plot import XKind

AUTO = ("auto", "-", "–")
EXAMPLES: dict[XKind, str] = {
    "step": "x 0 5000 y 0 auto",
    "number": "x 0 5000 y 0 auto",
    "seconds": "x 0 1h30m y 0 auto",
    "moment": "x 10:30 11:00 y 0 auto",
}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")

Range = tuple[float, float]
End = float | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What was typed for each axis: its ends, None to fit the points; None for an axis that was not named."""

    x: tuple[End, End] | None = None
    y: tuple[End, End] | None = None


def hint(kind: XKind) -> str:
    """How to type limits, with an example."""
    return f"Use `x FROM TO`, `y FROM TO` or both; `auto` fits the points. Example: {EXAMPLES[kind]}"


def parse_limits(text: str, kind: XKind = "step", now: Range = (0.0, 0.0)) -> Limits:
    """`kind` is that of the x axis; `now` is its range in view, whose day a time of day is on. Raises
    `UsageError`."""
    words = text.replace(",", " ").split()
    found: dict[str, tuple[End, End]] = {}
    while words:
        axis = words.pop(0).lower()
        if axis not in ("x", "y") or axis in found or len(words) < 2:
            raise UsageError("Invalid axis limits", safe(text, 80), hint(kind))
        of_axis: XKind = kind if axis == "x" else "number"
        low, high = (_end(words.pop(0), of_axis, day, kind) for day in now)
        if low is not None and high is not None and low >= high:
            raise UsageError(f"The {axis}-axis must begin below its end", safe(text, 80), hint(kind))
        found[axis] = (low, high)
    return Limits(found.get("x"), found.get("y"))


def _end(word: str, of_axis: XKind, day: float, kind: XKind) -> End:
    if word.lower() in AUTO:
        return None
    value = _time(word, day) if of_axis == "moment" else _seconds(word) if of_axis == "seconds" else None
    try:
        value = float(word) if value is None else value
    except ValueError:
        value = math.nan
    if not abs(value) < 1e300:
        raise UsageError(f"{safe(word, 40)} is not {_NOUNS[of_axis]}", "", hint(kind))
    return value


_NOUNS: dict[XKind, str] = {
    "step": "a number",
    "number": "a number",
    "seconds": "a duration",
    "moment": "a time",
}


def _seconds(word: str) -> float | None:
    """The seconds of `1h30m`; None if it is not a duration."""
    found = _DURATION.fullmatch(word.lower())
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _time(word: str, day: float) -> float | None:
    """Milliseconds since the epoch of `2026-11-29T10:30`, or of `10:30` on the day of another such number;
    None if it is neither. Local time."""
    date = datetime.fromtimestamp(day / 1000).astimezone().strftime("%Y-%m-%d")
    for text in (word, f"{date}T{word}"):
        try:
            return datetime.fromisoformat(text).astimezone().timestamp() * 1000
        except ValueError:
            continue
    return None


def shown_limits(x: Range, y: Range, kind: XKind) -> str:
    """Ranges as `parse_limits` reads them."""
    return f"x {_shown(x[0], kind)} {_shown(x[1], kind)} y {y[0]:.6g} {y[1]:.6g}"


def _shown(value: float, kind: XKind) -> str:
    if kind == "moment":
        return datetime.fromtimestamp(value / 1000).astimezone().strftime("%Y-%m-%dT%H:%M:%S")
    return f"{value:.0f}s" if kind == "seconds" and value >= 0 else f"{value:.10g}"


def merged(typed: tuple[End, End] | None, fitted: Range, current: Range | None) -> Range | None:
    """The range to show: what was typed, with fitted ends in place of None; the current one if the axis was
    not named. Raises `UsageError` for ends that are the wrong way round with those."""
    if typed is None:
        return current
    if typed == (None, None):
        return None
    low, high = (fit if end is None else end for end, fit in zip(typed, fitted, strict=True))
    if low >= high:
        raise UsageError(
            "There are no points between these limits",
            f"from {low:g} to {high:g}",
            "Use `auto` to fit the points.",
        )
    return low, high


class LimitsDialog(Dialog[Limits]):
    """Dismissed with the limits."""

    title_text = "Axis limits"
    subtitle_text = "enter apply · esc cancel"

    def __init__(self, x: Range, y: Range, kind: XKind) -> None:
        """`x` and `y` are the ranges in view, `kind` is that of the x axis."""
        super().__init__()
        self._x, self._kind = x, kind
        self._text = shown_limits(x, y, kind)

    def compose_dialog(self) -> ComposeResult:
        yield Field(self._text)
        yield Static(Content(hint(self._kind)), classes="hint")
        yield Static("", id="error", classes="error", markup=False)

    @on(Input.Submitted)
    def _apply(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self.dismiss(parse_limits(event.value, self._kind, self._x))
        except UsageError as error:
            self.query_one("#error", Static).update(Content(str(error.title)))
