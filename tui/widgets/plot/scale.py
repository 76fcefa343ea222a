"""Scales from values to pixels, and axis ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

from engine.formats import duration
from engine.text import Shown

XKind = Literal["step", "number", "seconds", "moment"]
"""The meaning of x: integer steps, any number, seconds since the run started, or milliseconds since the
epoch."""

HUGE = 1e307
"""Values from this on are drawn as infinite: MLflow's SQL stores save infinity as the largest double, and a
scale needs headroom for its arithmetic."""

NARROWEST = 1e-300
"""A range no wider than this counts as a single value."""

_SECOND_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` on pixels 0 to `size` - 1. On a logarithmic scale, both are positive."""

    low: float
    high: float
    size: int
    log: bool = False

    def at(self, value: float) -> float:
        """The fractional pixel of a value, possibly outside the scale; NaN for a value that a logarithmic
        scale cannot show."""
        if self.log:
            if value <= 0:
                return math.nan
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return share * (self.size - 1)

    def value(self, pixel: float) -> float:
        """The value at a pixel."""
        share = pixel / max(1, self.size - 1)
        if self.log:
            return self.low * math.exp(share * math.log(self.high / self.low))
        return self.low + share * (self.high - self.low)


def is_drawn(value: float) -> bool:
    """Whether a value can be drawn: finite and not huge."""
    return -HUGE < value < HUGE


def spread(low: float, high: float, *, log: bool = False) -> tuple[float, float]:
    """The range to show for values from `low` to `high`, widened around a single value."""
    if log:
        return (low, high) if high / low > 1 + 1e-9 else (max(low / 2, math.ulp(0.0)), high * 2)
    if high - low > max(abs(low), abs(high)) * 1e-12 and high - low > NARROWEST:
        return low, high
    room = abs(high) * 0.1
    room = room if room > NARROWEST else 1.0
    return low - room, high + room


def padded(low: float, high: float, *, log: bool = False, share: float = 0.03) -> tuple[float, float]:
    """A slightly wider range, so that its ends do not lie on the frame."""
    if log:
        factor = (high / low) ** share
        return low / factor, high * factor
    room = (high - low) * share
    return low - room, high + room


def ticks(low: float, high: float, count: int, kind: XKind = "number") -> list[float]:
    """About `count` round values within the range, 1, 2 or 5 times a power of ten apart: integers for steps,
    fractions of a minute, an hour or a day for times."""
    if count < 1 or not high - low > NARROWEST:
        return []
    if kind in ("seconds", "moment"):
        unit = 1000.0 if kind == "moment" else 1.0
        step = _time_step((high - low) / unit, count) * unit
    else:
        step = _round_step((high - low) / count)
        if kind == "step":
            step = max(1.0, step)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, min(last, first + 4 * count) + 1)]


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """Powers of ten in the range, with 2 and 5 times a power if that makes about `count` at most, else
    thinned to about `count`; in a narrow range, round values."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = [10.0**exponent for exponent in range(first, last + 1)]
    fine = [m * 10.0**e for e in range(first - 1, last + 1) for m in (1, 2, 5)]
    inside = [value for value in fine if low <= value <= high]
    if len(powers) >= 2 and len(inside) > 1.5 * count:
        return powers[:: max(1, math.ceil(len(powers) / max(1, count)))]
    return inside if len(inside) >= 2 else ticks(low, high, count)


def labels(values: Sequence[float], kind: XKind = "number") -> list[Shown]:
    """The ticks as text, with enough decimals to distinguish them."""
    if kind == "seconds":
        return [duration(value) for value in values]
    if kind == "moment":
        return _moment_labels(values)
    step = min((b - a for a, b in pairwise(values)), default=abs(values[0]) if values else 1)
    largest = max((abs(value) for value in values), default=0.0)
    if largest >= 1e6 or 0 < largest < 1e-3:
        return [Shown(_scientific(value, step)) for value in values]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    return [Shown(f"{value + 0.0:.{min(decimals, 9)}f}") for value in values]


def log_labels(values: Sequence[float]) -> list[Shown]:
    """The ticks of a logarithmic axis, or values one by one, as text: each with the digits that it needs."""
    found = [Shown(_shortest(value)) for value in values]
    return found if len(set(found)) == len(found) else labels(values)


def _shortest(value: float) -> str:
    """`1e7`, `1000`, `0.1`: up to six digits."""
    plain = f"{value:.6g}"
    if "e" not in plain and len(plain) <= 5:
        return plain
    scientific = _short(f"{value:.5e}")
    return scientific if "e" in plain or len(scientific) < len(plain) else plain


def _scientific(value: float, step: float) -> str:
    if value == 0:
        return "0"
    digits = max(0, math.floor(math.log10(abs(value)) + 1e-9) - math.floor(math.log10(step) + 1e-9))
    return _short(f"{value:.{min(digits, 6)}e}")


def _short(scientific: str) -> str:
    """`5.00e+07` as `5e7`."""
    mantissa, exponent = scientific.split("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def _moment_labels(values: Sequence[float]) -> list[Shown]:
    span = values[-1] - values[0] if values else 0.0
    form = "%H:%M:%S" if span < 180_000 else "%H:%M" if span < 86_400_000 else "%d %b"
    return [Shown(datetime.fromtimestamp(value / 1000).astimezone().strftime(form)) for value in values]


def _round_step(step: float) -> float:
    """1, 2 or 5 times a power of ten, whichever is nearest to `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(
        (m * power for m, limit in ((1.0, 1.5), (2.0, 3.5), (5.0, 7.5)) if step < limit * power), 10 * power
    )


def _time_step(span: float, count: int) -> float:
    ideal = span / count
    if ideal < 1:
        return _round_step(ideal)
    longer = next((step for step in _SECOND_STEPS if step >= ideal), None)
    return float(longer) if longer is not None else _round_step(ideal / 86400) * 86400
