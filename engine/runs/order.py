"""The order of rows: by any columns, missing last, ties by the newest start."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from typing import TYPE_CHECKING, cast

from engine.query.keys import ColumnKey, Value

if TYPE_CHECKING:
    from engine.runs.frame import RunFrame


@dataclass(frozen=True, slots=True)
class SortKey:
    key: ColumnKey
    descending: bool = False


def sorted_rows(frame: RunFrame, keys: Sequence[SortKey], rows: Sequence[int] | None = None) -> list[int]:
    """`rows` (all, if None) in the order of `keys`, the first the weightiest.

    Missing values come last in both directions, NaN just before them. Parameters whose every
    value is a number sort as numbers. Ties: newest start, then run id.
    """
    order = frame.newest_first()
    if rows is not None:
        wanted = set(rows)
        order = [row for row in order if row in wanted]
    for sort in reversed(keys):
        order = _ordered(order, _sortable(frame, sort.key), sort.descending)
    return list(order)


def newest_first(starts: Sequence[Value], run_ids: Sequence[Value], length: int) -> Sequence[int]:
    """The rows below `length` by start time, the newest first and missing last, then by run id."""
    whens = cast(list[float], starts[:length])
    if None in whens:
        whens = [-math.inf if when is None else when for when in whens]
    by_id = cast(Sequence[str], run_ids).__getitem__
    if all(map(operator.ge, whens, islice(whens, 1, None))):
        ties = [row for row, (start, following) in enumerate(pairwise(whens)) if start == following]
        if all(by_id(row) < by_id(row + 1) for row in ties):
            return range(length)  # as a store gives them
    rows = sorted(range(length), key=whens.__getitem__, reverse=True)
    together = (list(same) for _, same in groupby(rows, key=whens.__getitem__))
    return [row for same in together for row in (same if len(same) == 1 else sorted(same, key=by_id))]


def _sortable(frame: RunFrame, key: ColumnKey) -> Sequence[Value]:
    if key not in frame:
        return [None] * len(frame)
    if key.is_number or not frame.is_numeric(key):
        return frame.scan(key)
    return frame.numbers(key)


def _ordered(order: Sequence[int], column: Sequence[Value], descending: bool) -> list[int]:
    """`order` sorted by `column`, keeping the order of equals."""
    present = [row for row in order if (value := column[row]) is not None and value == value]
    rest: list[int] = []
    if len(present) < len(order):
        rest = [row for row in order if (value := column[row]) is not None and value != value]
        rest += [row for row in order if column[row] is None]
    # All values of a column are texts, or all are numbers.
    present.sort(key=cast(Sequence[float], column).__getitem__, reverse=descending)
    return present + rest
