"""Horizontal bars of text, an eighth of a cell fine."""

from __future__ import annotations

import math

_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = "█"


def bar(value: float | None, low: float, high: float, width: int) -> str:
    """A bar of at most `width` cells for `value` on a scale from `low` to `high`; outside of the
    scale it is empty or full. No value and NaN give no bar. A value above `low` shows at least an
    eighth of a cell; where `low` is not below `high` every bar is full."""
    if value is None or math.isnan(value) or width <= 0:
        return ""
    if low >= high:
        return _FULL * width
    if value <= low:
        return ""
    if value >= high:
        return _FULL * width
    share = (value / 2 - low / 2) / (high / 2 - low / 2)  # halves: the span of two large floats is finite
    eighths = 0 if math.isnan(share) else round(width * 8 * share)
    whole, rest = divmod(max(1, eighths), 8)
    return _FULL * whole + (_EIGHTHS[rest] if rest else "")


def thread(share: float, width: int) -> str:
    """A thin bar of `share` (0 to 1) of `width` cells, half a cell fine: calm beside many numbers."""
    halves = round(min(1.0, max(0.0, share)) * 2 * width)
    return "━" * (halves // 2) + "╸" * (halves % 2)
