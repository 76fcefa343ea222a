"""Sorts rows by any columns: missing values last, ties by newest start."""

from __future__ import annotations

import math
import operator
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, islice
from string import ascii_letters
from typing import TYPE_CHECKING, Literal, cast

from engine.columns import ColumnKey, Value
from engine.formats import as_number

if TYPE_CHECKING:
    from engine.runs.frame import RunFrame

Statistic = Literal["mean", "std", "min", "max"]
"""A statistic of a metric over the runs of a group."""

TEXT_KINDS = ("attribute", "dataset")
"""The kinds of columns whose values are never parsed as numbers."""

_NON_NUMERIC_INITIALS = frozenset(ascii_letters) - {*"iInN"}
"""Letters that no number starts with, unlike the i of inf and the n of nan."""

_MAX_ORDERS = 4
_SAMPLE = 200
_FEW = _SAMPLE // 4


@dataclass(frozen=True, slots=True)
class SortKey:
    """`statistic` applies to groups of runs, if `key` is a metric."""

    key: ColumnKey
    descending: bool = False
    statistic: Statistic = "mean"


def sorted_rows(frame: RunFrame, keys: Sequence[SortKey], rows: Sequence[int] | None = None) -> list[int]:
    """`rows` (all if None) sorted by `keys`, most significant first.

    Missing values come last in both directions, NaN just before them. Parameters and tags that are numbers
    sort numerically, before other text. Ties go to the newest start, then the run id.
    """
    sort_keys = tuple(keys)
    full_order = frame.orders.get(sort_keys)
    if full_order is None and (rows is None or 2 * len(rows) > len(frame)):
        full_order = _by_keys(frame, sort_keys, frame.newest_first())
        _keep(frame.orders, sort_keys, full_order)
    if rows is None:
        return list(cast(list[int], full_order))
    if full_order is None:
        return _by_keys(frame, sort_keys, _subset(frame.newest_first(), rows))
    return _subset(full_order, rows)


def _by_keys(frame: RunFrame, keys: Sequence[SortKey], order: Sequence[int]) -> list[int]:
    columns = [(_sortable(frame, sort.key), sort.descending) for sort in keys if sort.key in frame]
    return ordered(order, *columns)


def _keep(orders: dict[tuple[SortKey, ...], list[int]], keys: tuple[SortKey, ...], order: list[int]) -> None:
    """Cache an order of all rows, to be reused while the user types a filter."""
    for oldest in list(orders)[: 1 - _MAX_ORDERS]:
        orders.pop(oldest, None)
    orders[keys] = order


def _subset(order: Sequence[int], rows: Sequence[int]) -> list[int]:
    """The rows of `order` that are in `rows`."""
    if isinstance(order, range):
        return sorted(rows)
    selected = set(rows)
    return list(order) if len(selected) == len(order) else [row for row in order if row in selected]


def newest_first(starts: Sequence[Value], run_ids: Sequence[Value], length: int) -> Sequence[int]:
    """The rows below `length`, newest start first and missing starts last, then by run id."""
    times = cast(list[float], starts[:length])
    with suppress(TypeError):  # a run without a start
        if all(map(operator.gt, times, islice(times, 1, None))):
            return range(length)  # the store's order
    times = [-math.inf if time is None else time for time in times]
    by_id = cast(Sequence[str], run_ids).__getitem__
    rows = sorted(range(length), key=times.__getitem__, reverse=True)
    ties = (list(group) for _, group in groupby(rows, key=times.__getitem__))
    return [row for group in ties for row in (group if len(group) == 1 else sorted(group, key=by_id))]


def _sortable(frame: RunFrame, key: ColumnKey) -> Sequence[Value]:
    if key.is_number or key.kind in TEXT_KINDS:
        return frame.scan(key)
    if frame.is_numeric(key):
        return frame.numbers(key)
    if key not in frame.ranks:
        frame.ranks[key] = ranks(frame.scan(key)[: len(frame)])
    found = frame.ranks[key]
    return frame.scan(key) if found is None else found


def ranks(texts: Sequence[Value]) -> list[float | None] | None:
    """The sort ranks of strings, some of which are numbers: numbers by value, then the other strings. NaN
    stays NaN and a missing value stays missing. None if no string is a number."""
    read = {text: _number(text) for text in cast(set[str | None], set(texts))}
    numbers = {value for value in read.values() if value is not None}
    if not numbers:
        return None
    ascending = sorted(value for value in numbers if value == value)
    by_number = {value: rank for rank, value in enumerate(ascending)}
    others = sorted(text for text, value in read.items() if text is not None and value is None)
    by_text: dict[Value, float | None] = {
        text: by_number.get(value, math.nan) for text, value in read.items() if value is not None
    }
    by_text.update((text, len(ascending) + at) for at, text in enumerate(others))
    return [by_text.get(text) for text in texts]


def _number(text: str | None) -> float | None:
    """Like `as_number`, but fast for words, the usual values of a non-numeric column."""
    return None if text and text[0] in _NON_NUMERIC_INITIALS else as_number(text)


def ordered(order: Sequence[int], *columns: tuple[Sequence[Value], bool]) -> list[int]:
    """`order`, stably sorted by (column, descending) pairs, most significant first. NaN and then missing
    values come last; all other values of a column are either strings or numbers."""
    if not columns:
        return list(order)
    (column, descending), *others = columns
    step = max(1, len(order) // _SAMPLE)
    if len({column[row] for row in order[::step]}) <= _FEW:
        buckets = _buckets(order, column, descending)
        return [row for bucket in buckets for row in (ordered(bucket, *others) if others else bucket)]
    if others:
        order = ordered(order, *others)
    present: Sequence[int] = order
    last: list[int] = []
    if not _all_comparable(column if 2 * len(order) > len(column) else [column[row] for row in order]):
        present = [row for row in order if (value := column[row]) is not None and value == value]
        last = [row for row in order if (value := column[row]) is not None and value != value]
        last += [row for row in order if column[row] is None]
    by_value = cast(Sequence[float], column).__getitem__
    return sorted(present, key=by_value, reverse=descending) + last


def _all_comparable(values: Sequence[Value]) -> bool:
    """True only if no value is missing or NaN."""
    try:
        total = sum(cast(Sequence[float], values))
    except TypeError:  # texts, or a missing value
        return None not in values
    return total == total


def _buckets(order: Sequence[int], column: Sequence[Value], descending: bool) -> list[list[int]]:
    """Rows grouped by value in one pass, for a column of few distinct values."""
    buckets: dict[Value, list[int]] = defaultdict(list)
    for row in order:
        buckets[column[row]].append(row)
    last = [buckets.pop(None, [])]
    nans = [value for value in buckets if value != value]
    if nans:  # NaN keys are not equal to each other
        last.insert(0, [row for row in order if (value := column[row]) is not None and value != value])
    for value in nans:
        del buckets[value]
    values = sorted(cast(Iterable[float], buckets), reverse=descending)
    return [buckets[value] for value in values] + last
