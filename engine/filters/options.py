"""Completion options for a filter: a table's columns, their operators and values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal, Protocol, TypeVar, cast

from engine.columns import ColumnKey, RunColumns, Value
from engine.errors import FilterError
from engine.filters.lexer import tokens_of
from engine.filters.names import Names, is_plain, quoted_name, written
from engine.filters.parser import name_of
from engine.formats import as_number, moment
from engine.secrets import mask

T = TypeVar("T")

OptionKind = Literal["metric", "param", "tag", "attribute", "dataset", "operator", "keyword", "value"]

_ORDER = (">", ">=", "<", "<=")
_EQUAL = ("=", "!=")
_TEXT = ("LIKE", "ILIKE", "~", "!~")
_LISTS = ("IN", "NOT IN")
_EXACT = (*_EQUAL, "in")
"""Operators, in lower case, after which a rounded number would match nothing."""

_PRESENCE = ("IS NULL", "IS NOT NULL")
_SIGNS = ("+", "-", "*", "/")
_STATUS = ColumnKey("attribute", "status")
_AGO = ("-1h", "-1d", "-7d", "-30d")
_SAMPLE = 500
_QUANTILES = (0.5, 0.25, 0.75, 0.9, 0.1, 1.0, 0.0)
MAX_OPTIONS = 50
"""The maximum number of options offered at once."""

_LONGEST = 200
"""Longer values are not offered."""


@dataclass(frozen=True, slots=True)
class Option:
    """`text` is inserted, `shown` is displayed: pass it through `engine.text.safe`."""

    text: str
    shown: str
    kind: OptionKind


class Listing(RunColumns, Protocol):
    """A table that can list its values, like `engine.runs.frame.RunFrame`."""

    @property
    def keys(self) -> tuple[ColumnKey, ...]: ...

    @property
    def complete(self) -> bool:
        """Whether the table has all runs."""

    def __contains__(self, key: object) -> bool: ...

    def distinct(self, key: ColumnKey) -> Counter[Value]:
        """The distinct values of a column with their row counts."""

    def sample(self, key: ColumnKey, limit: int) -> list[Value]:
        """Some of the values."""


def matching_first(choices: Iterable[T], typed: str, name: Callable[[T], str]) -> Iterator[T]:
    """The choices whose names start with `typed`, then those that contain it, ignoring case."""
    small = typed.lower()
    holding: list[T] = []
    for choice in choices:
        at = name(choice).lower().find(small)
        if at == 0:
            yield choice
        elif at > 0:
            holding.append(choice)
    yield from holding


def symbols(texts: Iterable[str]) -> Iterator[Option]:
    return (Option(text, text, "operator") for text in texts)


def keywords(texts: Iterable[str]) -> Iterator[Option]:
    return (Option(text, text, "keyword") for text in texts)


def column(names: Names, key: ColumnKey, *, prefixed: bool) -> Option | None:
    """An option for a column; None if its name cannot be quoted."""
    text = written(key) if prefixed else names.shortest(key)
    try:
        *tokens, _ = tokens_of(text)
        reads_back = key.name.isprintable() and names.resolve(name_of(tokens)) == key
    except FilterError:
        return None
    shown = key.name if text in (key.name, quoted_name(key.name)) else str(key)
    return Option(text, shown, key.kind) if reads_back else None


def operators(key: ColumnKey | None, table: Listing) -> Iterator[Option]:
    """The operators that can follow a column, or arithmetic if `key` is None."""
    if key is None:
        return symbols((*_ORDER, *_EQUAL, "BETWEEN", *_SIGNS, *_PRESENCE))
    if key.is_number:
        extra = ("IS NAN",) if key.kind == "metric" else ()
        return symbols((*_ORDER, *_EQUAL, "BETWEEN", *_SIGNS, *_LISTS, *_PRESENCE, *extra))
    if key.kind in ("attribute", "dataset") or not _holds_numbers(key, table):
        return symbols((*_EQUAL, *_TEXT, *_LISTS, *_PRESENCE))
    return symbols((*_EQUAL, *_ORDER, "BETWEEN", *_TEXT, *_LISTS, *_PRESENCE, *_SIGNS))


def is_numeric(key: ColumnKey, table: Listing) -> bool:
    """Whether a column can be used in arithmetic."""
    return key.is_number or (key.kind in ("param", "tag") and _holds_numbers(key, table))


def values(key: ColumnKey, operator: str, table: Listing, typed: str, *, quoted: bool) -> Iterator[Option]:
    """Values of a column, for an operator in lower case. Strings come most frequent first, limited to those
    that match `typed`. Numbers are rounded if no exact value is needed."""
    if key not in table or operator in ("~", "!~"):
        return iter(())
    if not key.is_number:
        found = islice(matching_first(text_values(key, table.distinct(key)), typed, str), MAX_OPTIONS)
        return _text_options(key, operator, found, quoted or operator in ("like", "ilike"))
    sample = table.sample(key, _SAMPLE)
    if operator in _EXACT:
        return (_exact(key, value) for value in dict.fromkeys(_quantiles(sample)))
    if key.is_time:
        texts = [*_AGO, *_dates(sample)]
    else:
        texts = [_duration(value) if key.is_duration else f"{value:.4g}" for value in _quantiles(sample)]
    return (Option(text, text, "value") for text in dict.fromkeys(texts))


def _exact(key: ColumnKey, value: float) -> Option:
    """A number with all its digits. A time is inserted in milliseconds and displayed as a date."""
    return Option(repr(value), moment(cast(int, value)) if key.is_time else repr(value), "value")


def _text_options(key: ColumnKey, operator: str, found: Iterable[str], quoted: bool) -> Iterator[Option]:
    for text in found:
        if operator in ("<", "<=", ">", ">=", "between"):
            value = text if is_plain(text) and as_number(text) is not None else None
        else:
            value = written_value(text.lower() if key == _STATUS and not quoted else text, quoted=quoted)
        if value is not None:
            yield Option(value, text, "value")


def written_value(text: str, *, quoted: bool = False) -> str | None:
    """A text as written in a filter, quoted if needed; None if it cannot be quoted."""
    if len(text) > _LONGEST or not text.isprintable():
        return None
    if not quoted and is_plain(text):
        return text
    for quote in "'\"":
        try:
            token, _ = tokens_of(f"{quote}{text}{quote} ''\"\"")[:2]
        except FilterError:
            continue
        if token.text == text:
            return f"{quote}{text}{quote}"
    return None


def _holds_numbers(key: ColumnKey, table: Listing) -> bool:
    return key in table and any(value is not None for value in table.numbers(key))


def text_values(key: ColumnKey, counts: Counter[Value]) -> list[str]:
    """The strings of a column, most frequent first, without secrets."""
    if key.is_list:
        each: Counter[Value] = Counter()
        for texts, count in counts.items():
            each.update(dict.fromkeys(cast(Sequence[str], texts), count))
        counts = each
    found = [cast(str, text) for text, _ in counts.most_common() if text]
    return [text for text in found if mask(text) == text] if key.is_address else found


def _quantiles(sample: Sequence[Value]) -> Iterator[float]:
    present = sorted(v for v in cast(Sequence[float], sample) if math.isfinite(v))
    if present:
        yield from (present[round(part * (len(present) - 1))] for part in _QUANTILES)


def _duration(seconds: float) -> str:
    for limit, size, unit in ((1, 0.001, "ms"), (120, 1, "s"), (7200, 60, "m")):
        if seconds < limit:
            return f"{round(max(0, seconds) / size)}{unit}"
    return f"{round(seconds / 3600)}h"


def _dates(sample: Sequence[Value]) -> list[str]:
    """Some dates from a time column, the newest first."""
    days: set[str] = set()
    for when in _quantiles(sample):
        try:
            days.add(datetime.fromtimestamp(when / 1000).astimezone().date().isoformat())
        except (OverflowError, ValueError, OSError):
            continue
    return sorted(days, reverse=True)
