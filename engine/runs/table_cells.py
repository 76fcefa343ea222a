"""What the cells of a table of runs hold and show: runs alone, and groups with their runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, cast, get_args

from engine import formats
from engine.columns import ColumnKey, Value
from engine.formats import MISSING, NumberFormat, as_number, narrowed
from engine.runs.frame import RunFrame
from engine.runs.grouping import RUN_COUNT, Groups
from engine.runs.hierarchy import Outline
from engine.runs.sorting import Statistic
from engine.runs.table_columns import CELL_LIMIT, RUN_NAME, Column, cell_text
from engine.runs.view import RunView
from engine.text import Shown, cell_width, safe

INDENT = 2
"""Terminal cells by which a level stands to the right of the one above it."""

_WIDEST_LEAD = 60
_NOT_EXPECTED = Shown("")
_LEAST_STATISTIC = len("-1.2e-05")


class RunCells:
    """Cells of runs. A row is one of the frame's, `column` a place in `columns`."""

    def __init__(self, frame: RunFrame, columns: Sequence[Column], now: float) -> None:
        self._columns = columns
        self._readers = [reader(frame, column.key) for column in columns]
        self._now = now

    def value(self, row: int, column: int) -> Value:
        return self._readers[column](row)

    def text(self, row: int, column: int) -> Shown:
        return _fitting(self._columns[column], self._readers[column](row), self._now)


class GroupSummary(NamedTuple):
    """A group in a few words. `metrics` are rows of a name, mean, standard deviation, least and greatest
    value, of which those after the name are empty where they say nothing."""

    title: Shown
    runs: Shown
    is_open: bool
    metrics: tuple[tuple[Shown, Shown, Shown, Shown, Shown], ...]


class GroupCells:
    """Cells of groups (``~g`` in the place of a row) and of the runs below them.

    A run shows its name in the first column, the value of a metric where groups have its mean,
    and nothing where only a group has a value.
    """

    def __init__(self, frame: RunFrame, columns: Sequence[Column], now: float, groups: Groups) -> None:
        self._columns = columns
        self._readers = [reader(frame, column.key) for column in columns]
        self._readers[0] = reader(frame, RUN_NAME)
        self._groups = groups
        self._now = now

    def value(self, row: int, column: int) -> Value:
        shown = self._columns[column]
        if row >= 0:
            return self._readers[column](row) if self._is_told_of_runs(column) else None
        group = ~row
        if shown.statistic is not None:
            return cast(Value, getattr(self._groups.statistics(shown.key), shown.statistic)[group])
        if shown.key in self._groups.keys:
            return self._groups.values[group][self._groups.keys.index(shown.key)]
        return self._groups.sizes[group] if shown.key == RUN_COUNT else None

    def text(self, row: int, column: int) -> Shown:
        shown, value = self._columns[column], self.value(row, column)
        if row >= 0:
            if column == 0:
                return MISSING if value is None else safe(value, CELL_LIMIT)
            return _fitting(shown, value, self._now) if self._is_told_of_runs(column) else _NOT_EXPECTED
        if shown.key == RUN_COUNT:
            return formats.count(cast(int, value))
        if shown.statistic is None and shown.key not in self._groups.keys:
            return _NOT_EXPECTED
        text = _fitting(shown, value, self._now)
        return Shown(f"{self._present(~row, shown)}{text}") if shown.statistic == "mean" else text

    def summary(self, group: int, metrics: Sequence[ColumnKey], *, is_open: bool) -> GroupSummary:
        """What the columns tell of a group, of `metrics` only."""
        groups = self._groups
        title = (
            f"{safe(key.name)} {MISSING if value is None else safe(value, CELL_LIMIT)}"
            for key, value in zip(groups.keys, groups.values[group], strict=True)
        )
        rows = []
        for metric in metrics:
            if groups.statistics(metric).present[group]:
                own = (place for place, column in enumerate(self._columns) if column.key == metric)
                mean, std, least, most = (self.text(~group, place) for place in own)
                if groups.statistics(metric).std[group] is None:
                    std = least = most = _NOT_EXPECTED
                rows.append((safe(metric.name), mean, std, least, most))
        runs = formats.counted(groups.sizes[group], "run")
        return GroupSummary(Shown(" · ".join(title)), runs, is_open, tuple(rows))

    def _is_told_of_runs(self, column: int) -> bool:
        shown = self._columns[column]
        if column == 0 or shown.statistic == "mean":
            return True
        return shown.statistic is None and shown.key not in (*self._groups.keys, RUN_COUNT)

    def _present(self, group: int, metric: Column) -> str:
        """How many runs of a group have a metric, where only some have it."""
        present = self._groups.statistics(metric.key).present[group]
        return f"n={present} " if 0 < present < self._groups.sizes[group] else ""


def _fitting(column: Column, value: Value, now: float) -> Shown:
    """What a cell shows, a number never cut off."""
    text = cell_text(column, value, now)
    if column.fmt is None or len(text) <= column.width or value is None:
        return text
    number = as_number(value) if isinstance(value, str) else cast(float, value)
    return text if number is None else narrowed(number, column.width)


def reader(frame: RunFrame, key: ColumnKey) -> Callable[[int], Value]:
    """As `RunFrame.reader`; a column that is not here has no values."""
    return frame.reader(key) if key in frame else lambda _: None


def group_columns(groups: Groups, chosen: Sequence[Column], view: RunView) -> tuple[Column, ...]:
    """The keys of the groups, the number of runs, and of `chosen` (which have the keys and the name
    too) four columns for each metric and the others as they are."""
    by_key = {column.key: column for column in chosen if column.key != RUN_COUNT}
    largest = max(groups.sizes, default=0)
    lead, *keys = (by_key.pop(key) for key in groups.keys)
    name = by_key.pop(RUN_NAME, lead)
    if lead.key not in view.widths:
        lead = replace(lead, width=min(max(lead.width, name.width + INDENT) + INDENT, _WIDEST_LEAD))
    digits = len(formats.count(largest))
    count = Column(RUN_COUNT, Shown("runs"), True, None, max(len("runs"), digits), digits)
    found = [replace(lead, numeric=False), *keys, count]
    for column in by_key.values():
        found += _statistics(column, digits, view) if column.key.kind == "metric" else [column]
    return tuple(found)


def _statistics(metric: Column, digits: int, view: RunView) -> list[Column]:
    """The columns of one metric: `accuracy mean`, `std`, `min`, `max`."""
    fmt = metric.fmt
    fraction = NumberFormat(decimals=2) if fmt is not None and fmt.whole else fmt
    found = []
    for statistic in cast(tuple[Statistic, ...], get_args(Statistic)):
        is_mean = statistic == "mean"
        label = Shown(f"{metric.label} mean" if is_mean else statistic)
        cells = max(metric.cells, _LEAST_STATISTIC) + (len("n= ") + digits if is_mean else 0)
        width = view.widths.get(metric.key, max(cells, cell_width(label)))
        written = fraction if statistic in ("mean", "std") else fmt
        found.append(replace(metric, label=label, fmt=written, width=width, cells=cells, statistic=statistic))
    return found


def indented(columns: Sequence[Column], lead: int, outline: Outline, view: RunView) -> tuple[Column, ...]:
    """The columns with room for the levels of a tree in the one that is indented."""
    if not outline.depths or columns[lead].key in view.widths:
        return tuple(columns)
    room = INDENT * (max(outline.depths) + 1)
    wider = replace(columns[lead], width=min(columns[lead].width + room, _WIDEST_LEAD))
    return (*columns[:lead], wider, *columns[lead + 1 :])
