"""The limits of a chart's axes, typed: `x 0 100 y 0.5 auto`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from engine.errors import UsageError
from engine.text import safe
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field

AUTO = ("auto", "-", "–")
EXAMPLE = (
    "Use `x FROM TO`, `y FROM TO` or both, with numbers; `auto` fits the points. Example: x 0 5000 y 0 auto"
)

Range = tuple[float, float]
End = float | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What was typed for each axis: its ends, None to fit the points; None for an axis that was not named."""

    x: tuple[End, End] | None = None
    y: tuple[End, End] | None = None


def parse_limits(text: str) -> Limits:
    """Raises `UsageError`."""
    words = text.replace(",", " ").split()
    found: dict[str, tuple[End, End]] = {}
    while words:
        axis = words.pop(0).lower()
        if axis not in ("x", "y") or axis in found or len(words) < 2:
            raise UsageError("Invalid axis limits", safe(text, 80), EXAMPLE)
        low, high = _end(words.pop(0)), _end(words.pop(0))
        if low is not None and high is not None and low >= high:
            raise UsageError(f"The {axis} axis must begin below its end", f"{low:g} ≥ {high:g}", EXAMPLE)
        found[axis] = (low, high)
    return Limits(found.get("x"), found.get("y"))


def _end(word: str) -> End:
    if word.lower() in AUTO:
        return None
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not abs(value) < 1e300:
        raise UsageError(f"{safe(word, 40)} is not a number", "", EXAMPLE)
    return value


def merged(typed: tuple[End, End] | None, fitted: Range, current: Range | None) -> Range | None:
    """The range to show: what was typed, with fitted ends in place of None; the current one if the axis was
    not named. Raises `UsageError` for ends that are the wrong way round with those."""
    if typed is None:
        return current
    if typed == (None, None):
        return None
    low, high = (fit if end is None else end for end, fit in zip(typed, fitted, strict=True))
    if low >= high:
        raise UsageError("There are no points between these limits", f"from {low:g} to {high:g}", EXAMPLE)
    return low, high


class LimitsDialog(Dialog[Limits]):
    """Dismissed with the limits."""

    title_text = "Axis limits"
    subtitle_text = "enter apply · esc cancel"

    def __init__(self, x: Range, y: Range) -> None:
        """`x` and `y` are the ranges in view."""
        super().__init__()
        self._text = " ".join(f"{axis} {low:.6g} {high:.6g}" for axis, (low, high) in (("x", x), ("y", y)))

    def compose_dialog(self) -> ComposeResult:
        yield Field(self._text)
        yield Static(Content(EXAMPLE), classes="hint")
        yield Static("", id="error", classes="error", markup=False)

    @on(Input.Submitted)
    def _apply(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self.dismiss(parse_limits(event.value))
        except UsageError as error:
            self.query_one("#error", Static).update(Content(str(error.title)))
