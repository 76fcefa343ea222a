"""The cells of a run table: of runs alone, and of groups with their runs."""

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
"""The indentation per level, in terminal cells."""

_MAX_LEAD_WIDTH = 60
_EMPTY = Shown("")
_MIN_STATISTIC_WIDTH = len("-1.2e-05")


class RunCells:
    """Cells of runs. `row` is a row of the frame, `column` an index into `columns`."""

    def __init__(self, frame: RunFrame, columns: Sequence[Column], now: float) -> None:
        self._columns = columns
        self._readers = [reader(frame, column.key) for column in columns]
        self._now = now

    def value(self, row: int, column: int) -> Value:
        return self._readers[column](row)

    def text(self, row: int, column: int) -> Shown:
        return _cell(self._columns[column], self._readers[column](row), self._now)


class GroupSummary(NamedTuple):
    """A summary of a group. `metrics` are rows of name, mean, standard deviation, minimum and maximum; the
    last three are empty for a single run."""

    title: Shown
    runs: Shown
    is_open: bool
    metrics: tuple[tuple[Shown, Shown, Shown, Shown, Shown], ...]


class GroupCells:
    """Cells of groups (``~g`` instead of a row) and of their runs.

    A run shows its name in the first column, its metric value in the column of the mean, and nothing in
    columns that apply to groups only.
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
            return self._readers[column](row) if self._applies_to_runs(column) else None
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
            return _cell(shown, value, self._now) if self._applies_to_runs(column) else _EMPTY
        if shown.key == RUN_COUNT:
            return formats.count(cast(int, value))
        if shown.statistic is None and shown.key not in self._groups.keys:
            return _EMPTY
        text = _cell(shown, value, self._now)
        return Shown(f"{self._present(~row, shown)}{text}") if shown.statistic == "mean" else text

    def summary(self, group: int, metrics: Sequence[ColumnKey], *, is_open: bool) -> GroupSummary:
        """The summary of a group, limited to `metrics`."""
        groups = self._groups
        title = (
            f"{safe(key.name)} {MISSING if value is None else safe(value, CELL_LIMIT)}"
            for key, value in zip(groups.keys, groups.values[group], strict=True)
        )
        rows = []
        for metric in metrics:
            if groups.statistics(metric).present[group]:
                columns = (index for index, column in enumerate(self._columns) if column.key == metric)
                mean, std, minimum, maximum = (self.text(~group, index) for index in columns)
                if groups.statistics(metric).std[group] is None:
                    std = minimum = maximum = _EMPTY
                rows.append((safe(metric.name), mean, std, minimum, maximum))
        runs = formats.counted(groups.sizes[group], "run")
        return GroupSummary(Shown(" · ".join(title)), runs, is_open, tuple(rows))

    def _applies_to_runs(self, column: int) -> bool:
        shown = self._columns[column]
        if column == 0 or shown.statistic == "mean":
            return True
        return shown.statistic is None and shown.key not in (*self._groups.keys, RUN_COUNT)

    def _present(self, group: int, metric: Column) -> str:
        """The number of runs with a metric, as text, if only some runs in the group have it."""
        present = self._groups.statistics(metric.key).present[group]
        return f"n={present} " if 0 < present < self._groups.sizes[group] else ""


def _cell(column: Column, value: Value, now: float) -> Shown:
    """The text of a cell; numbers are shortened, never cut off."""
    text = cell_text(column, value, now)
    if column.fmt is None or len(text) <= column.width or value is None:
        return text
    number = as_number(value) if isinstance(value, str) else cast(float, value)
    return text if number is None else narrowed(number, column.width)


def reader(frame: RunFrame, key: ColumnKey) -> Callable[[int], Value]:
    """Like `RunFrame.reader`, but an unknown column has only missing values."""
    return frame.reader(key) if key in frame else lambda _: None


def group_columns(groups: Groups, chosen: Sequence[Column], view: RunView) -> tuple[Column, ...]:
    """The group keys, the number of runs, then the `chosen` columns (which include the keys and the name),
    with four columns per metric."""
    by_key = {column.key: column for column in chosen if column.key != RUN_COUNT}
    largest = max(groups.sizes, default=0)
    lead, *keys = (by_key.pop(key) for key in groups.keys)
    name = by_key.pop(RUN_NAME, lead)
    if lead.key not in view.widths:
        lead = replace(lead, width=min(max(lead.width, name.width + INDENT) + INDENT, _MAX_LEAD_WIDTH))
    digits = len(formats.count(largest))
    count = Column(RUN_COUNT, Shown("runs"), True, None, max(len("runs"), digits), digits)
    found = [replace(lead, numeric=False), *keys, count]
    for column in by_key.values():
        found += _statistics(column, digits, view) if column.key.kind == "metric" else [column]
    return tuple(found)


def _statistics(metric: Column, digits: int, view: RunView) -> list[Column]:
    """The columns of one metric: `accuracy mean`, `std`, `min`, `max`."""
    fmt = metric.fmt
    fraction = NumberFormat(decimals=2) if fmt is not None and fmt.integers else fmt
    found = []
    for statistic in cast(tuple[Statistic, ...], get_args(Statistic)):
        is_mean = statistic == "mean"
        label = Shown(f"{metric.label} mean" if is_mean else statistic)
        cells = max(metric.cells, _MIN_STATISTIC_WIDTH) + (len("n= ") + digits if is_mean else 0)
        width = view.widths.get(metric.key, max(cells, cell_width(label)))
        written = fraction if statistic in ("mean", "std") else fmt
        found.append(replace(metric, label=label, fmt=written, width=width, cells=cells, statistic=statistic))
    return found


def indented(columns: Sequence[Column], lead: int, outline: Outline, view: RunView) -> tuple[Column, ...]:
    """The columns, with the indented one widened for the levels of the tree."""
    if not outline.depths or columns[lead].key in view.widths:
        return tuple(columns)
    room = INDENT * (max(outline.depths) + 1)
    wider = replace(columns[lead], width=min(columns[lead].width + room, _MAX_LEAD_WIDTH))
    return (*columns[:lead], wider, *columns[lead + 1 :])
