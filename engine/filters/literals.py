"""Values of a filter, read as what the column they are compared with holds."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from datetime import datetime
from typing import get_args

from engine.columns import ColumnKey
from engine.entities import Status
from engine.filters.lexer import short
from engine.filters.names import closest
from engine.filters.syntax import Operand

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?[a-zA-Z]+)+", re.ASCII)
_SPAN_PART = re.compile(r"(\d+(?:\.\d+)?)([a-zA-Z]+)", re.ASCII)
_SECONDS = {
    "ms": 0.001,
    **dict.fromkeys(("s", "sec"), 1.0),
    **dict.fromkeys(("m", "min"), 60.0),
    "h": 3600.0,
    "d": 86400.0,
    "w": 7 * 86400.0,
}
_STATUSES = get_args(Status)

Moment = Callable[[float], float]
"""A number that may depend on the present, both in milliseconds since the epoch."""


def fixed(value: float) -> Moment:
    """A number that does not depend on the present."""
    return lambda _: value


def value_for(key: ColumnKey, operand: Operand) -> Moment:
    """What to compare a column of numbers with. Raises `FilterError`."""
    if key.is_time:
        return moment(operand, key)
    return fixed(seconds(operand, key) if key.is_duration else number(operand, key))


def plain_number(operand: Operand) -> float | None:
    """The number that an unquoted value is (NaN is none), else None."""
    if operand.quoted:
        return None
    if _NUMBER.fullmatch(operand.text) or _INFINITE.fullmatch(operand.text):
        return float(operand.text)
    return None


def number(operand: Operand, key: ColumnKey | None = None) -> float:
    """The number to compare `key`, or arithmetic, with. Stores keep infinities as the largest double,
    so that stands for them. Raises `FilterError`."""
    value = plain_number(operand)
    if value is not None:
        return value if abs(value) < sys.float_info.max else math.copysign(math.inf, value)
    if operand.text.lower() == "nan" and not operand.quoted:
        hint = f"Write {key if key else '(a - b)'} IS NAN."
        raise operand.place.error("NaN compares with nothing", hint)
    if operand.quoted and _NUMBER.fullmatch(operand.text):
        raise operand.place.error("A value in quotes is text", f"Write {short(operand.text)} without quotes.")
    if key is None or key.is_number:
        title = f"{key if key else 'Arithmetic'} is a number; {_named(operand)} is none"
        raise operand.place.error(title)
    hint = f"For text there are =, !=, LIKE, IN and ~; {key} may hold both."
    raise operand.place.error(f"Only numbers have an order; {_named(operand)} is none", hint)


def seconds(operand: Operand, key: ColumnKey) -> float:
    """A duration: `90`, `90s`, `10m`, `1h30m`, `250ms`. Raises `FilterError`."""
    value = plain_number(operand)
    if value is None:
        value = span(operand.text)
    if value is None:
        hint = _month(operand.text) or "Write 90s, 10m, 1h30m."
        raise operand.place.error(f"{key} is a duration; {_named(operand)} is none", hint)
    return value


def moment(operand: Operand, key: ColumnKey) -> Moment:
    """A point in time: milliseconds since the epoch, `-7d` (seven days ago), a date, or date and
    time in the local zone (`2026-11-23T09:15`). Raises `FilterError`."""
    at = plain_number(operand)
    if at is None and operand.text[:1] in "+-" and (length := span(operand.text[1:])) is not None:
        away = length * (-1000 if operand.text[0] == "-" else 1000)
        return lambda now: now + away
    if at is None:
        at = _date(operand.text)
    if at is None:
        hint = _month(operand.text.lstrip("+-")) or "Write -7d or 2026-11-23T09:15."
        if span(operand.text) is not None:
            hint = f"Write -{short(operand.text)}."
        raise operand.place.error(f"{key} is a time; {_named(operand)} is none", hint)
    return fixed(at)


def status(operand: Operand) -> str:
    """A run's status: in quotes letter by letter, as MLflow has it, else in any case.
    Raises `FilterError`."""
    value = operand.text if operand.quoted else operand.text.upper()
    if value in _STATUSES:
        return value
    known = [name.lower() for name in _STATUSES]
    close = closest(operand.text.lower(), known)
    listed = ", ".join(close or known)
    hint = f"Statuses: {listed.upper() if operand.quoted else listed}."
    if operand.quoted and len(close) == 1:
        hint = f"Write '{close[0].upper()}', or {close[0]} without quotes."
    raise operand.place.error(f"There is no status {_named(operand)}", hint)


def span(text: str) -> float | None:
    """`1h30m` in seconds; None for what is no such thing. `M` is none: it may be meant for a month."""
    if len(text) > 40 or not _SPAN.fullmatch(text):
        return None
    parts = [(float(amount), unit) for amount, unit in _SPAN_PART.findall(text)]
    if any(unit == "M" or unit.lower() not in _SECONDS for _, unit in parts):
        return None
    return sum(amount * _SECONDS[unit.lower()] for amount, unit in parts)


def _month(text: str) -> str:
    """What to say of a span that is none for its `M`; nothing of other texts."""
    is_month = span(text) is None and span(text.lower()) is not None
    return "m is a minute; a month is 30d." if is_month else ""


def _date(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text).timestamp() * 1000
    except (ValueError, OverflowError, OSError):
        return None
    return found if math.isfinite(found) else None


def _named(operand: Operand) -> str:
    text = short(operand.text)
    return f"'{text}'" if operand.quoted or not text else text
