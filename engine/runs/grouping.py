"""Runs of the same configuration together, with statistics of their metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence, Set as AbstractSet
from itertools import accumulate, islice, pairwise, repeat
from typing import NamedTuple, TypeVar, cast

from engine.columns import ColumnKey, Value
from engine.formats import as_number
from engine.runs.frame import RunFrame
from engine.runs.hierarchy import Outline
from engine.runs.sorting import TEXT_KINDS, SortKey, Statistic, ordered, places

RUN_COUNT = ColumnKey("attribute", "run_count")
"""How many runs a group has: a column, and a sort key, of groups only."""

_MARK = "\0"
"""What a group's key begins with, and no run id does."""

T = TypeVar("T")


class Statistics(NamedTuple):
    """A metric over groups of runs, a value for each group. `present` runs have a number; a missing value
    and NaN do not count. The rest is None where no run has the metric and NaN where none has a number;
    `std` (of a sample, n - 1) is None for one number too, NaN where there are infinities."""

    present: list[int]
    mean: list[float | None]
    std: list[float | None]
    min: list[float | None]
    max: list[float | None]


class Groups:
    """The groups of some rows of a frame, numbered from 0; runs that lack all `keys` are one too.

    `values` are those of each group's keys, `sizes` its numbers of runs. Statistics are computed
    once for each metric, when first asked for.
    """

    __slots__ = (
        "_frame",
        "_numbers",
        "_places",
        "_rows",
        "_starts",
        "_statistics",
        "keys",
        "rows",
        "sizes",
        "values",
    )

    def __init__(self, frame: RunFrame, rows: Sequence[int], keys: Sequence[ColumnKey]) -> None:
        self.rows = rows
        self.keys = tuple(dict.fromkeys(keys))
        self._frame = frame
        self._numbers: dict[tuple[Value, ...], int] = {}
        self._statistics: dict[ColumnKey, Statistics] = {}
        columns = [map(_findable, self._column(key)) for key in self.keys]
        number = self._numbers.setdefault
        owners = [number(values, len(self._numbers)) for values in zip(*columns, strict=True)]
        self.values = list(self._numbers)
        self.sizes = [0] * len(self.values)
        for owner in owners:
            self.sizes[owner] += 1
        self._starts = [*accumulate(self.sizes, initial=0)]
        self._places = _places(owners, self._starts)
        self._rows = self._together(rows)

    def __len__(self) -> int:
        return len(self.values)

    def members(self, group: int) -> list[int]:
        """The rows of a group, in the order of `rows`."""
        return self._rows[self._starts[group] : self._starts[group + 1]]

    def statistics(self, metric: ColumnKey) -> Statistics:
        found = self._statistics.get(metric)
        if found is None:
            values = self._together(cast(Iterable[float | None], self._column(metric)))
            stretches = (values[start:end] for start, end in pairwise(self._starts))
            found = self._statistics[metric] = statistics_of(stretches)
        return found

    def _column(self, key: ColumnKey) -> Iterable[Value]:
        """Each row's value."""
        if key not in self._frame:
            return repeat(None, len(self.rows))
        if isinstance(self.rows, range):
            return islice(self._frame.scan(key), len(self.rows))
        return map(self._frame.reader(key), self.rows)

    def _together(self, values: Iterable[T]) -> list[T]:
        """One value per row, those of a group together. Reading in the order of the rows and writing
        here and there is some times faster than the other way round: what a frame holds of a
        column lies together in memory."""
        found = list(cast(Iterable[T], repeat(None, len(self._places))))
        for place, value in zip(self._places, values, strict=True):
            found[place] = value
        return found

    # ── lines ────────────────────────────────────────────────────────────────

    def key(self, group: int) -> str:
        """What names a group in every frame in which it is, and is no run's id."""
        return _MARK + json.dumps([[str(name) for name in self.keys], self.values[group]])

    def group_of(self, key: str) -> int | None:
        """The group with that key; None where there is none."""
        if not key.startswith(_MARK):
            return None
        names, values = json.loads(key[len(_MARK) :])
        if names != [str(name) for name in self.keys]:
            return None
        texts = (tuple(value) if isinstance(value, list) else value for value in values)
        return self._numbers.get(tuple(map(_findable, texts)))

    def order(self, sort: Sequence[SortKey]) -> list[int]:
        """The groups in the order of those sort keys that groups have: keys of theirs, statistics of
        metrics, `RUN_COUNT`. Missing last, NaN before them; ties by the values of the keys."""
        known = [by for by in sort if self.has_order(by.key)]
        columns = [(self._sortable(by.key, by.statistic), by.descending) for by in known]
        columns += [(self._sortable(key, "mean"), False) for key in self.keys]
        return ordered(range(len(self)), *columns)

    def has_order(self, key: ColumnKey) -> bool:
        """Whether groups can be sorted by a column."""
        return key in self.keys or key == RUN_COUNT or key.kind == "metric"

    def _sortable(self, key: ColumnKey, statistic: Statistic) -> Sequence[Value]:
        """One value per group: texts, or numbers."""
        if key == RUN_COUNT:
            return self.sizes
        if key not in self.keys:
            return cast(Sequence[Value], getattr(self.statistics(key), statistic))
        place = self.keys.index(key)
        values = [values[place] for values in self.values]
        if key.is_number or key.kind in TEXT_KINDS:
            return values
        if self._frame.is_numeric(key):
            return [as_number(cast(str | None, value)) for value in values]
        found = places(values)
        return values if found is None else found

    def outline(self, order: Sequence[int], matching: Sequence[int], toggled: AbstractSet[str]) -> Outline:
        """The groups in that order. Those whose key is `toggled` are open: their runs follow in the
        order of `matching`."""
        opened = {group for key in toggled if (group := self.group_of(key)) is not None}
        below: dict[int, list[int]] = {group: [] for group in opened}
        owner = {row: group for group in opened for row in self.members(group)}
        for row in matching if owner else ():
            if row in owner:
                below[owner[row]].append(row)
        lines: list[int] = []
        depths = bytearray()
        for group in order:
            rows = below.get(group, [])
            lines += (~group, *rows)
            depths += b"\0" + b"\1" * len(rows)
        return Outline(lines, bytes(depths), {~group: group in opened for group in order})


def statistics_of(groups: Iterable[Sequence[float | None]]) -> Statistics:
    """The statistics of some groups of values. Two passes over each, both summed exactly."""
    found = Statistics([], [], [], [], [])
    for some in groups:
        values = [value for value in some if value is not None and value == value]
        nothing = math.nan if any(value is not None for value in some) else None
        mean, std, least, most = _statistics_of(values) if values else (nothing, None, nothing, nothing)
        found.present.append(len(values))
        found.mean.append(mean)
        found.std.append(std)
        found.min.append(least)
        found.max.append(most)
    return found


def _statistics_of(values: Sequence[float]) -> tuple[float, float | None, float, float]:
    if len(values) == 1:
        return values[0], None, values[0], values[0]
    mean = _mean(values)
    least, most = min(values), max(values)
    if not math.isfinite(mean):
        return mean, math.nan, least, most
    if least == most:  # rounding may have missed it
        return least, 0.0, least, most
    return mean, math.dist(values, [mean] * len(values)) / math.sqrt(len(values) - 1), least, most


def _mean(values: Sequence[float]) -> float:
    try:
        return math.fsum(values) / len(values)
    except OverflowError:  # the sum is beyond what a float holds, the mean is not
        return math.fsum(value / len(values) for value in values)
    except ValueError:  # inf and -inf
        return math.nan


def _places(owners: Sequence[int], starts: Sequence[int]) -> list[int]:
    """Where each row stands when the rows of a group are together, in their order."""
    free = list(starts)
    found = []
    for owner in owners:
        place = free[owner]
        free[owner] = place + 1
        found.append(place)
    return found


def _findable(value: Value) -> Value:
    """NaN as one value, which a mapping finds."""
    return math.nan if value != value else value
