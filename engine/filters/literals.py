"""Reads a filter's values as the type of the column they are compared with."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from datetime import datetime
from typing import get_args

from engine.columns import ColumnKey
from engine.entities import STAGES, Status, VersionStatus
from engine.filters.lexer import short
from engine.filters.syntax import Operand
from engine.suggestions import closest

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
_VERSION_STATUSES = get_args(VersionStatus)

Moment = Callable[[float], float]
"""Gives a number for the current time in milliseconds since the epoch, on which it may depend."""


def fixed(value: float) -> Moment:
    """A number that does not depend on the current time."""
    return lambda _: value


def value_for(key: ColumnKey, operand: Operand) -> Moment:
    """The value to compare a numeric column with. Raises `FilterError`."""
    if key.is_time:
        return moment(operand, key)
    return fixed(seconds(operand, key) if key.is_duration else number(operand, key))


def plain_number(operand: Operand) -> float | None:
    """An unquoted value as a number; None for other text and NaN."""
    if operand.quoted:
        return None
    if _NUMBER.fullmatch(operand.text) or _INFINITE.fullmatch(operand.text):
        return float(operand.text)
    return None


def number(operand: Operand, key: ColumnKey | None = None) -> float:
    """The number to compare `key`, or arithmetic, with. Stores save infinities as the largest double, so that
    value is read as infinity. Raises `FilterError`."""
    value = plain_number(operand)
    if value is not None:
        return value if abs(value) < sys.float_info.max else math.copysign(math.inf, value)
    if operand.text.lower() == "nan" and not operand.quoted:
        hint = f"Use {key if key else '(a - b)'} IS NAN."
        raise operand.span.error("NaN cannot be compared", hint)
    if operand.quoted and _NUMBER.fullmatch(operand.text):
        raise operand.span.error("Quoted values are text", f"Write {short(operand.text)} without quotes.")
    if key is None or key.is_number:
        title = f"{key if key else 'Arithmetic'} needs a number, not {_named(operand)}"
        raise operand.span.error(title)
    hint = "For text use =, !=, LIKE, IN or ~."
    raise operand.span.error(f"An ordering needs a number, not {_named(operand)}", hint)


def seconds(operand: Operand, key: ColumnKey) -> float:
    """A duration: `90`, `90s`, `10m`, `1h30m`, `250ms`. Raises `FilterError`."""
    value = plain_number(operand)
    if value is None:
        value = span(operand.text)
    if value is None:
        hint = _month(operand.text) or "Examples: 90s, 10m, 1h30m."
        raise operand.span.error(f"{key} needs a duration, not {_named(operand)}", hint)
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
        hint = _month(operand.text.lstrip("+-")) or "Examples: -7d, 2026-11-23T09:15."
        if span(operand.text) is not None:
            hint = f"Write -{short(operand.text)}."
        raise operand.span.error(f"{key} needs a time, not {_named(operand)}", hint)
    return fixed(at)


def status(operand: Operand) -> str:
    """The status of a run or a version: quoted, exactly as MLflow spells it; unquoted, in any case.
    Raises `FilterError`."""
    value = operand.text if operand.quoted else operand.text.upper()
    if value in (*_STATUSES, *_VERSION_STATUSES):
        return value
    known = [name.lower() for name in _STATUSES]
    close = closest(operand.text.lower(), known)
    listed = ", ".join(close or known)
    hint = f"Statuses: {listed.upper() if operand.quoted else listed}."
    if operand.quoted and len(close) == 1:
        hint = f"Write '{close[0].upper()}', or {close[0]} without quotes."
    raise operand.span.error(f"Unknown status {_named(operand)}", hint)


def stage(operand: Operand) -> str:
    """The stage of a version, in any case, as MLflow spells it."""
    return next((known for known in STAGES if known.lower() == operand.text.lower()), operand.text)


def span(text: str) -> float | None:
    """`1h30m` in seconds; None for other text. `M` is not accepted: it could mean months."""
    if len(text) > 40 or not _SPAN.fullmatch(text):
        return None
    parts = [(float(amount), unit) for amount, unit in _SPAN_PART.findall(text)]
    if any(unit == "M" or unit.lower() not in _SECONDS for _, unit in parts):
        return None
    return sum(amount * _SECONDS[unit.lower()] for amount, unit in parts)


def _month(text: str) -> str:
    """The hint for a span that uses `M`; empty for other text."""
    is_month = span(text) is None and span(text.lower()) is not None
    return "m means minutes; for a month use 30d." if is_month else ""


def _date(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text).timestamp() * 1000
    except (ValueError, OverflowError, OSError):
        return None
    return found if math.isfinite(found) else None


def _named(operand: Operand) -> str:
    text = short(operand.text)
    return f"'{text}'" if operand.quoted or not text else text
