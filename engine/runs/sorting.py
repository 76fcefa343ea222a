"""The order of rows: by any columns, missing last, ties by the newest start."""

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
"""What is told of a metric over the runs of a group."""

TEXT_KINDS = ("attribute", "dataset")
"""Kinds of columns whose texts are never read as numbers."""

_NO_NUMBER = frozenset(ascii_letters) - {*"iInN"}
"""Letters that no number begins with, unlike inf and nan."""

_ORDERS_KEPT = 4
_SAMPLE = 200
_FEW = _SAMPLE // 4


@dataclass(frozen=True, slots=True)
class SortKey:
    """`statistic` is what groups of runs are sorted by, where `key` is a metric."""

    key: ColumnKey
    descending: bool = False
    statistic: Statistic = "mean"


def sorted_rows(frame: RunFrame, keys: Sequence[SortKey], rows: Sequence[int] | None = None) -> list[int]:
    """`rows` (all, if None) in the order of `keys`, the first the weightiest.

    Missing values come last in both directions, NaN just before them. Of parameters and tags those
    that read as numbers sort as numbers, before the other texts. Ties: newest start, then run id.
    """
    asked = tuple(keys)
    whole = frame.orders.get(asked)
    if whole is None and (rows is None or 2 * len(rows) > len(frame)):
        whole = _by_keys(frame, asked, frame.newest_first())
        _keep(frame.orders, asked, whole)
    if rows is None:
        return list(cast(list[int], whole))
    if whole is None:
        return _by_keys(frame, asked, _picked(frame.newest_first(), rows))
    return _picked(whole, rows)


def _by_keys(frame: RunFrame, keys: Sequence[SortKey], order: Sequence[int]) -> list[int]:
    columns = [(_sortable(frame, sort.key), sort.descending) for sort in keys if sort.key in frame]
    return ordered(order, *columns)


def _keep(orders: dict[tuple[SortKey, ...], list[int]], keys: tuple[SortKey, ...], order: list[int]) -> None:
    """Remember an order of all rows: who types a filter sees many filters in one order."""
    for oldest in list(orders)[: 1 - _ORDERS_KEPT]:
        orders.pop(oldest, None)
    orders[keys] = order


def _picked(order: Sequence[int], rows: Sequence[int]) -> list[int]:
    """Those of `order` that are among `rows`."""
    if isinstance(order, range):
        return sorted(rows)
    wanted = set(rows)
    return list(order) if len(wanted) == len(order) else [row for row in order if row in wanted]


def newest_first(starts: Sequence[Value], run_ids: Sequence[Value], length: int) -> Sequence[int]:
    """The rows below `length` by start time, the newest first and missing last, then by run id."""
    whens = cast(list[float], starts[:length])
    with suppress(TypeError):  # a run without a start
        if all(map(operator.gt, whens, islice(whens, 1, None))):
            return range(length)  # as a store gives them
    whens = [-math.inf if when is None else when for when in whens]
    by_id = cast(Sequence[str], run_ids).__getitem__
    rows = sorted(range(length), key=whens.__getitem__, reverse=True)
    together = (list(same) for _, same in groupby(rows, key=whens.__getitem__))
    return [row for same in together for row in (same if len(same) == 1 else sorted(same, key=by_id))]


def _sortable(frame: RunFrame, key: ColumnKey) -> Sequence[Value]:
    if key.is_number or key.kind in TEXT_KINDS:
        return frame.scan(key)
    if frame.is_numeric(key):
        return frame.numbers(key)
    if key not in frame.places:
        frame.places[key] = places(frame.scan(key)[: len(frame)])
    found = frame.places[key]
    return frame.scan(key) if found is None else found


def places(texts: Sequence[Value]) -> list[float | None] | None:
    """What texts sort by where some of them read as numbers: those by size come before all others.
    NaN stays NaN and a missing value stays missing. None where no text is a number."""
    read = {text: _number(text) for text in cast(set[str | None], set(texts))}
    numbers = {value for value in read.values() if value is not None}
    if not numbers:
        return None
    rising = sorted(value for value in numbers if value == value)
    by_number = {value: place for place, value in enumerate(rising)}
    others = sorted(text for text, value in read.items() if text is not None and value is None)
    place: dict[Value, float | None] = {
        text: by_number.get(value, math.nan) for text, value in read.items() if value is not None
    }
    place.update((text, len(rising) + at) for at, text in enumerate(others))
    return [place.get(text) for text in texts]


def _number(text: str | None) -> float | None:
    """As `as_number`, and fast for words: most texts of a column that is no column of numbers are words."""
    return None if text and text[0] in _NO_NUMBER else as_number(text)


def ordered(order: Sequence[int], *columns: tuple[Sequence[Value], bool]) -> list[int]:
    """`order` sorted by columns, each with whether it goes down, the first the weightiest; equals stay
    in their order. NaN and then missing values last; all other values of a column are texts, or
    all are numbers."""
    if not columns:
        return list(order)
    (column, descending), *others = columns
    step = max(1, len(order) // _SAMPLE)
    if len({column[row] for row in order[::step]}) <= _FEW:
        stacks = _dealt(order, column, descending)
        return [row for stack in stacks for row in (ordered(stack, *others) if others else stack)]
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
    """Whether it is certain that none is missing or NaN."""
    try:
        total = sum(cast(Sequence[float], values))
    except TypeError:  # texts, or a missing value
        return None not in values
    return total == total


def _dealt(order: Sequence[int], column: Sequence[Value], descending: bool) -> list[list[int]]:
    """Rows of the same value together, for a column of few different values: one pass."""
    stacks: dict[Value, list[int]] = defaultdict(list)
    for row in order:
        stacks[column[row]].append(row)
    last = [stacks.pop(None, [])]
    strange = [value for value in stacks if value != value]
    if strange:  # each NaN may be another
        last.insert(0, [row for row in order if (value := column[row]) is not None and value != value])
    for value in strange:
        del stacks[value]
    values = sorted(cast(Iterable[float], stacks), reverse=descending)
    return [stacks[value] for value in values] + last
