"""Groups runs by configuration, with statistics of their metrics."""

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
from engine.runs.sorting import TEXT_KINDS, SortKey, Statistic, ordered, ranks

RUN_COUNT = ColumnKey("attribute", "run_count")
"""The number of runs in a group: a column and sort key of groups only."""

_MARK = "\0"
"""The prefix of a group's key, which no run id starts with."""

T = TypeVar("T")


class Statistics(NamedTuple):
    """Statistics of a metric, one value per group. `present` counts the runs with a number, excluding missing
    values and NaN. The others are None if no run has the metric, and NaN if none has a number. `std` (sample,
    n - 1) is also None for a single number, and NaN if there are infinities."""

    present: list[int]
    mean: list[float | None]
    std: list[float | None]
    min: list[float | None]
    max: list[float | None]


class Groups:
    """Groups of some rows of a frame, numbered from 0; runs without any of the `keys` form one too.

    `values` are the key values of each group, `sizes` the numbers of runs. Statistics are computed once per
    metric, on first use.
    """

    __slots__ = (
        "_frame",
        "_numbers",
        "_positions",
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
        columns = [map(_canonical, self._column(key)) for key in self.keys]
        number = self._numbers.setdefault
        group_numbers = [number(values, len(self._numbers)) for values in zip(*columns, strict=True)]
        self.values = list(self._numbers)
        self.sizes = [0] * len(self.values)
        for group_number in group_numbers:
            self.sizes[group_number] += 1
        self._starts = [*accumulate(self.sizes, initial=0)]
        self._positions = _positions(group_numbers, self._starts)
        self._rows = self._grouped(rows)

    def __len__(self) -> int:
        return len(self.values)

    def members(self, group: int) -> list[int]:
        """The rows of a group, in the order of `rows`."""
        return self._rows[self._starts[group] : self._starts[group + 1]]

    def statistics(self, metric: ColumnKey) -> Statistics:
        found = self._statistics.get(metric)
        if found is None:
            values = self._grouped(cast(Iterable[float | None], self._column(metric)))
            groups = (values[start:end] for start, end in pairwise(self._starts))
            found = self._statistics[metric] = statistics_of(groups)
        return found

    def _column(self, key: ColumnKey) -> Iterable[Value]:
        """The value of each row."""
        if key not in self._frame:
            return repeat(None, len(self.rows))
        if isinstance(self.rows, range):
            return islice(self._frame.scan(key), len(self.rows))
        return map(self._frame.reader(key), self.rows)

    def _grouped(self, values: Iterable[T]) -> list[T]:
        """The values reordered so that those of a group are adjacent. Reading in row order and writing
        scattered is several times faster than the reverse, because a frame's columns are contiguous."""
        found = list(cast(Iterable[T], repeat(None, len(self._positions))))
        for position, value in zip(self._positions, values, strict=True):
            found[position] = value
        return found

    # ── lines ────────────────────────────────────────────────────────────────

    def key(self, group: int) -> str:
        """The key of a group: stable across frames, and never equal to a run id."""
        return _MARK + json.dumps([[str(name) for name in self.keys], self.values[group]])

    def group_of(self, key: str) -> int | None:
        """The group with that key, or None."""
        if not key.startswith(_MARK):
            return None
        names, values = json.loads(key[len(_MARK) :])
        if names != [str(name) for name in self.keys]:
            return None
        texts = (tuple(value) if isinstance(value, list) else value for value in values)
        return self._numbers.get(tuple(map(_canonical, texts)))

    def order(self, sort: Sequence[SortKey]) -> list[int]:
        """The groups, sorted by the sort keys that apply to groups: their keys, statistics of metrics and
        `RUN_COUNT`. NaN and then missing values come last; ties go by the key values."""
        sort_keys = [by for by in sort if self.has_order(by.key)]
        columns = [(self._sortable(by.key, by.statistic), by.descending) for by in sort_keys]
        columns += [(self._sortable(key, "mean"), False) for key in self.keys]
        return ordered(range(len(self)), *columns)

    def has_order(self, key: ColumnKey) -> bool:
        """Whether groups can be sorted by a column."""
        return key in self.keys or key == RUN_COUNT or key.kind == "metric"

    def _sortable(self, key: ColumnKey, statistic: Statistic) -> Sequence[Value]:
        """One sortable value per group: all strings or all numbers."""
        if key == RUN_COUNT:
            return self.sizes
        if key not in self.keys:
            return cast(Sequence[Value], getattr(self.statistics(key), statistic))
        position = self.keys.index(key)
        values = [values[position] for values in self.values]
        if key.is_number or key.kind in TEXT_KINDS:
            return values
        if self._frame.is_numeric(key):
            return [as_number(cast(str | None, value)) for value in values]
        found = ranks(values)
        return values if found is None else found

    def outline(
        self, order: Sequence[int], matching: Sequence[int], toggled_folds: AbstractSet[str]
    ) -> Outline:
        """The groups in `order`. Groups whose keys are in `toggled_folds` are open: their runs follow, in the
        order of `matching`."""
        opened = {group for key in toggled_folds if (group := self.group_of(key)) is not None}
        below: dict[int, list[int]] = {group: [] for group in opened}
        group_of_row = {row: group for group in opened for row in self.members(group)}
        for row in matching if group_of_row else ():
            if row in group_of_row:
                below[group_of_row[row]].append(row)
        lines: list[int] = []
        depths = bytearray()
        for group in order:
            rows = below.get(group, [])
            lines += (~group, *rows)
            depths += b"\0" + b"\1" * len(rows)
        return Outline(lines, bytes(depths), {~group: group in opened for group in order})


def statistics_of(groups: Iterable[Sequence[float | None]]) -> Statistics:
    """The statistics of groups of values: two passes over each, with exact sums."""
    found = Statistics([], [], [], [], [])
    for group in groups:
        values = [value for value in group if value is not None and value == value]
        undefined = math.nan if any(value is not None for value in group) else None
        mean, std, minimum, maximum = (
            _statistics_of(values) if values else (undefined, None, undefined, undefined)
        )
        found.present.append(len(values))
        found.mean.append(mean)
        found.std.append(std)
        found.min.append(minimum)
        found.max.append(maximum)
    return found


def _statistics_of(values: Sequence[float]) -> tuple[float, float | None, float, float]:
    if len(values) == 1:
        return values[0], None, values[0], values[0]
    mean = _mean(values)
    minimum, maximum = min(values), max(values)
    if not math.isfinite(mean):
        return mean, math.nan, minimum, maximum
    if minimum == maximum:  # exact despite rounding
        return minimum, 0.0, minimum, maximum
    return mean, math.dist(values, [mean] * len(values)) / math.sqrt(len(values) - 1), minimum, maximum


def _mean(values: Sequence[float]) -> float:
    try:
        return math.fsum(values) / len(values)
    except OverflowError:  # the sum overflows, the mean does not
        return math.fsum(value / len(values) for value in values)
    except ValueError:  # inf and -inf
        return math.nan


def _positions(group_numbers: Sequence[int], starts: Sequence[int]) -> list[int]:
    """The position of each row once the rows of a group are adjacent, in their order."""
    free = list(starts)
    found = []
    for group_number in group_numbers:
        position = free[group_number]
        free[group_number] = position + 1
        found.append(position)
    return found


def _canonical(value: Value) -> Value:
    """Replace each NaN with the same object, so that a mapping finds it."""
    return math.nan if value != value else value
