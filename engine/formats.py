"""Formats numbers, durations and times for display. Missing is `–`; NaN and ±inf are shown as such."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.text import ELLIPSIS, Shown, safe

MISSING = Shown("–")

# MLflow's SQL stores cannot hold infinities; they store the largest double instead.
_STORED_INF = 1.7976931348623157e308

_DECIMALS = 4
_MAX_FIXED = 1e15


Notation = Literal["fixed", "scientific", "percent", "raw"]
"""`0.9180`, `9.180e-01`, `91.80%`, `0.9180327868852459`."""


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """The format of a column of numbers, which aligns their decimal points.

    A value that would round to zero is written with significant digits instead. In a column of `integers`, a
    fraction keeps its decimals.
    """

    decimals: int = _DECIMALS
    notation: Notation = "fixed"
    integers: bool = False

    def __call__(self, value: float | None) -> Shown:
        special = _special(value)
        if special is not None or value is None:
            return special or MISSING
        if self.notation == "raw":
            return Shown(repr(value))
        if self.notation == "scientific":
            return Shown(f"{value:.{self.decimals}e}")
        if self.notation == "percent" and abs(value) < _MAX_FIXED:
            return Shown(_fixed(100 * value, self.decimals) + "%")
        decimals = _DECIMALS if self.integers and value != int(value) else self.decimals
        return Shown(_fixed(value, decimals))


def _fixed(value: float, decimals: int) -> str:
    if abs(value) >= _MAX_FIXED:
        return f"{value:.3e}"
    if value and abs(value) <= 0.5 * 10**-decimals:
        return f"{value:.2g}"
    return f"{value + 0.0:.{decimals}f}"  # no minus sign for zero


FORMATS: Mapping[str, NumberFormat | None] = {
    "auto": None,
    "integer": NumberFormat(decimals=0),
    "2 decimals": NumberFormat(decimals=2),
    "4 decimals": NumberFormat(decimals=4),
    "6 decimals": NumberFormat(decimals=6),
    "percent": NumberFormat(decimals=2, notation="percent"),
    "scientific": NumberFormat(decimals=3, notation="scientific"),
    "raw": NumberFormat(notation="raw"),
}
"""The formats that users can choose for a column; None leaves the choice to `format_for`."""


def is_infinite(value: float) -> bool:
    """Whether a metric's value is ±inf, or the largest double, which SQL stores hold in its place."""
    return abs(value) >= _STORED_INF


def is_finite(value: object) -> bool:
    """False for NaN and ±inf, which a diverged run logs."""
    return not isinstance(value, float) or not (math.isnan(value) or is_infinite(value))


def _special(value: float | None) -> Shown | None:
    if value is None:
        return MISSING
    if isinstance(value, float):
        if math.isnan(value):
            return Shown("NaN")
        if is_infinite(value):
            return Shown("inf" if value > 0 else "-inf")
    return None


def format_for(values: Iterable[float | None]) -> NumberFormat:
    """The most readable format for a column of these values: integers without decimals, fractions with 2 to 6
    decimals depending on their size, extremes in scientific notation."""
    numbers = [abs(v) for v in values if v is not None and math.isfinite(v) and not is_infinite(v)]
    if not numbers:
        return NumberFormat()
    largest = max(numbers)
    if largest >= 1e9:
        return NumberFormat(decimals=3, notation="scientific")
    if all(number == int(number) for number in numbers):
        return NumberFormat(decimals=0, integers=True)
    if largest < 1e-4:
        return NumberFormat(decimals=3, notation="scientific")
    if largest >= 1000:
        return NumberFormat(decimals=2)
    return NumberFormat(decimals=_DECIMALS if largest >= 0.01 else 6)


def narrowed(value: float, cells: int) -> Shown:
    """A number with as many digits as fit into `cells`: a truncated one would read as another number."""
    for digits in range(6, 0, -1):
        text = f"{value:.{digits}g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
        if len(text) <= cells:
            return Shown(text)
    return Shown(ELLIPSIS)


def number(value: float | None) -> Shown:
    """Format a single number."""
    return format_for([value])(value)


def aligned(values: Iterable[float]) -> list[Shown]:
    """Numbers, each in its own format, indented so that their decimal points are in one column."""
    texts = [number(value) for value in values]
    lengths = [len(text.partition(".")[0]) for text in texts]
    widest = max(lengths, default=0)
    return [Shown(" " * (widest - length) + text) for text, length in zip(texts, lengths, strict=True)]


def delta(value: float, fmt: NumberFormat) -> Shown:
    """A difference with its sign; `=` for zero."""
    if value == 0:
        return Shown("=")
    if not math.isfinite(value):
        return fmt(value)
    sign = "+" if value > 0 else "−"
    return Shown(sign + fmt(abs(value)))


def duration(seconds: float | None) -> Shown:
    """`0.31s`, `8.2s`, `1m05s`, `2h03m`, `3d04h`."""
    special = _special(seconds)
    if special is not None or seconds is None:
        return special or MISSING
    if seconds < 0:
        return Shown("−" + duration(-seconds))
    if seconds < 1:
        return Shown(f"{seconds:.2f}s")
    if seconds < 59.95:
        return Shown(f"{seconds:.1f}s")
    seconds = max(seconds, 60)
    minutes = int(seconds) // 60
    if minutes < 60:
        return Shown(f"{minutes}m{int(seconds) % 60:02d}s")
    hours = minutes // 60
    if hours < 24:
        return Shown(f"{hours}h{minutes % 60:02d}m")
    return Shown(f"{hours // 24}d{hours % 24:02d}h")


def ago(then: int | None, now: int) -> Shown:
    """`8 s ago`, `2 min ago`, `3 h ago`, then the date; `in 3 h` for the future. Both times are milliseconds
    since the epoch. Less than a minute ahead counts as now: clocks differ."""
    if then is None:
        return MISSING
    seconds = (now - then) / 1000
    if -60 < seconds < 60:
        return Shown(f"{max(0, int(seconds))} s ago")
    distance = abs(seconds)
    if distance >= 14 * 86400:
        local = _local(then)
        return safe(then) if local is None else Shown(local.strftime("%Y-%m-%d"))
    if distance < 3600:
        amount = f"{int(distance // 60)} min"
    elif distance < 48 * 3600:
        amount = f"{int(distance // 3600)} h"
    else:
        amount = f"{int(distance // 86400)} d"
    return Shown(f"{amount} ago" if seconds > 0 else f"in {amount}")


def moment(then: int | None) -> Shown:
    """Local date and time, `2026-11-23 09:15:07`; the number itself outside the calendar, as for a time that
    was logged in microseconds."""
    if then is None:
        return MISSING
    local = _local(then)
    return safe(then) if local is None else Shown(local.strftime("%Y-%m-%d %H:%M:%S"))


def _local(then: int) -> datetime | None:
    """None outside the calendar."""
    try:
        return datetime.fromtimestamp(then / 1000).astimezone()
    except (OverflowError, ValueError, OSError):
        return None


def count(value: int | None) -> Shown:
    """An integer with thousands separators: `12,431`; `–` if missing."""
    return MISSING if value is None else Shown(f"{value:,}")


def counted(number: int, noun: str) -> Shown:
    """`1 run`, `12,431 runs`. `noun` is trusted text in the singular."""
    return Shown(f"{count(number)} {noun}{'' if number == 1 else 's'}")


def listed(names: Sequence[object], limit: int = 8) -> Shown:
    """`a, b, c`, each safe to show; more than `limit` names as `a, b, c and 12 more`; no names as `none`."""
    rest = f" and {count(len(names) - limit)} more" if len(names) > limit else ""
    return Shown((", ".join(map(safe, names[:limit])) or "none") + rest)


def size(byte_count: int | None) -> Shown:
    """`812 B`, `14.2 kB`, `3.1 MB`."""
    if byte_count is None:
        return MISSING
    amount = float(byte_count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return Shown(f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}")
        amount /= 1000
    return Shown(f"{amount:.1f} TB")


def as_number(text: str | None) -> float | None:
    """A parameter's text as a number, None if it is not one. `1_000` is not: only Python reads it as a
    number."""
    if not text or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def clock(then: int | None) -> Shown:
    """The local time of day, `09:15:07`."""
    local = None if then is None else _local(then)
    return MISSING if local is None else Shown(local.strftime("%H:%M:%S"))
