"""A series in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.text import Shown

_LEVELS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int) -> Shown:
    """The newest `width` of the values as blocks, padded at the left to exactly `width` cells. The
    scale is that of the values shown; a constant series is a line in the middle. Missing values
    and NaN leave a space, ±inf are ▲ and ▼."""
    if width <= 0:
        return Shown("")
    shown = values[-width:]
    finite = [value for value in shown if value is not None and math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return Shown("".join(_block(value, low, high) for value in shown).rjust(width))


def _block(value: float | None, low: float, high: float) -> str:
    if value is None or math.isnan(value):
        return " "
    if math.isinf(value):
        return "▲" if value > 0 else "▼"
    if low == high:
        return _LEVELS[3]
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return _LEVELS[min(7, int(share * 8))]
