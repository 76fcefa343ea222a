"""Arranges the runs of a view into lines: filtered, sorted, flat, in a tree or in groups."""

from __future__ import annotations

from collections.abc import Sequence, Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, cast

from engine.columns import ColumnKey, Value
from engine.filters.compiler import compile_filter
from engine.filters.parsed import ParsedFilter
from engine.runs.frame import RunFrame
from engine.runs.grouping import Groups
from engine.runs.hierarchy import Outline, Tree
from engine.runs.sorting import sorted_rows
from engine.runs.table_cells import INDENT, GroupCells, GroupSummary, RunCells, group_columns, indented
from engine.runs.table_columns import RUN_NAME, Column, chosen_columns, without_constants
from engine.runs.view import RunView
from engine.text import Shown

Fold = Literal["", "open", "closed"]

EAGER_METRICS = 4
"""The metrics whose statistics are computed up front: about as many as fit on a screen."""

_FOLDS: dict[Fold, str] = {"": "", "open": "▾ ", "closed": "▸ "}
_ORPHAN = "⤷ "
_RUN_ID = ColumnKey("attribute", "run_id")


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """What a table of runs draws. Lines are numbered from 0 at the top.

    `matching` are the rows of the frame that pass the filter, sorted; `rows` are the same rows in frame
    order. Each of `lines` is a row of the frame, or ``~g`` for group g of `groups`; its depth is in `depths`,
    which is empty if no line is indented. `lead` is the index of the column with the indentation and fold
    marks. Relative times refer to the moment of creation.
    """

    frame: RunFrame
    view: RunView
    rows: Sequence[int]
    matching: Sequence[int]
    outline: Outline
    columns: tuple[Column, ...]
    lead: int
    groups: Groups | None
    tree: Tree | None
    cells: RunCells | GroupCells
    chosen: tuple[Column, ...]
    """The columns before constant ones were removed and others widened."""
    narrow: bool
    measured_runs: int
    """The number of runs when the columns were measured."""

    @property
    def lines(self) -> Sequence[int]:
        return self.outline.lines

    @property
    def depths(self) -> Sequence[int]:
        return self.outline.depths

    def value(self, line: int, column: int) -> Value:
        """The value of a cell; None if it is missing or does not apply to the line."""
        return self.cells.value(self.outline.lines[line], column)

    def text(self, line: int, column: int) -> Shown:
        """The text of a cell: – for a missing value, empty if it does not apply to the line."""
        text = self.cells.text(self.outline.lines[line], column)
        if column != self.lead or not self.outline.depths:
            return text
        marks = _FOLDS[self.fold_of(line)] + (_ORPHAN if self.is_orphan(line) else "")
        return Shown(" " * INDENT * self.outline.depths[line] + (marks or " " * INDENT) + text)

    def row_of(self, line: int) -> int | None:
        """The frame's row on a line; None for a group."""
        row = self.lines[line]
        return row if row >= 0 else None

    def rows_of(self, line: int) -> Sequence[int]:
        """The rows behind a line: one for a run, all members for a group."""
        row = self.lines[line]
        return (row,) if row >= 0 or self.groups is None else self.groups.members(~row)

    def key_of(self, line: int) -> str:
        """A run's id, or a group's key, which never equals a run id."""
        row = self.lines[line]
        if row < 0 and self.groups is not None:
            return self.groups.key(~row)
        return cast(str, self.frame.reader(_RUN_ID)(row))

    def line_of(self, key: str) -> int | None:
        """The line of a run or group; None if it is not shown."""
        row = self.frame.row_of(key)
        if row is None and self.groups is not None and (group := self.groups.group_of(key)) is not None:
            row = ~group
        if row is None:
            return None
        try:
            return self.lines.index(row)
        except ValueError:
            return None

    def fold_of(self, line: int) -> Fold:
        """Whether a group or parent is open or closed; empty for any other line."""
        is_open = self.outline.folds.get(self.lines[line])
        return "" if is_open is None else "open" if is_open else "closed"

    def is_orphan(self, line: int) -> bool:
        """Whether a run has a parent but is not shown under it."""
        return self.lines[line] in self.outline.orphans

    def summary(self, line: int) -> GroupSummary | None:
        """A summary of the group on a line, with its first metrics; None for a run."""
        row = self.lines[line]
        if row >= 0 or not isinstance(self.cells, GroupCells):
            return None
        metrics = _metrics(self.columns)[:EAGER_METRICS]
        return self.cells.summary(~row, metrics, is_open=self.outline.folds[row])

    def prepare(self) -> None:
        """Compute the remaining statistics, those of columns further right."""
        if self.groups is not None:
            for metric in _metrics(self.columns):
                self.groups.statistics(metric)


def arrange(
    frame: RunFrame,
    view: RunView,
    *,
    now: float,
    narrow: bool = False,
    toggled_folds: AbstractSet[str] = frozenset(),
    before: Arranged | None = None,
    parsed: ParsedFilter | None = None,
) -> Arranged:
    """The frame as the view shows it. `now` is in epoch milliseconds; `narrow` means a narrow screen.
    `toggled_folds` are the keys of closed parents and open groups. Unchanged parts are reused from `before`;
    `parsed` avoids parsing the view's filter again. Raises `FilterError`."""
    previous = before if before is not None and before.frame is frame else None
    rows = _filtered(frame, parsed or view.filter_text, now)
    matching = _sorted(frame, view, rows)
    reusable = before if before is not None and _can_reuse_columns(before, frame, view, narrow) else None
    chosen = reusable.chosen if reusable is not None else chosen_columns(frame, view, narrow=narrow)
    columns = without_constants(frame, view, chosen, rows)
    lead, outline = _lead(columns), Outline(matching)
    groups: Groups | None = None
    tree: Tree | None = None
    cells: RunCells | GroupCells
    if view.is_grouped:
        groups = _groups(frame, view, rows, previous)
        lead, columns = 0, group_columns(groups, columns, view)
        outline = groups.outline(groups.order(view.sort), matching, toggled_folds)
        _prepare(groups, columns)
        cells = GroupCells(frame, columns, now, groups)
    else:
        if view.layout == "tree":
            tree = _tree(frame, rows, matching, previous)
            outline = tree.outline(toggled_folds)
            columns = indented(columns, lead, outline, view)
        cells = RunCells(frame, columns, now)
    return Arranged(
        frame,
        view,
        rows,
        matching,
        outline,
        columns,
        lead,
        groups,
        tree,
        cells,
        chosen,
        narrow,
        reusable.measured_runs if reusable is not None else len(frame),
    )


def _filtered(frame: RunFrame, source: str | ParsedFilter, now: float) -> Sequence[int]:
    text = source if isinstance(source, str) else source.text
    if not text.strip():
        return range(len(frame))
    return compile_filter(source, frame.keys, frame, partial=not frame.complete).rows(frame, now=now)


def _sorted(frame: RunFrame, view: RunView, rows: Sequence[int]) -> Sequence[int]:
    if len(rows) < len(frame):
        return sorted_rows(frame, view.sort, rows)
    return sorted_rows(frame, view.sort) if view.sort else frame.newest_first()


def _can_reuse_columns(before: Arranged, frame: RunFrame, view: RunView, narrow: bool) -> bool:
    """Whether the columns still fit: on the same frame, or while loading until the runs double or a column is
    added."""
    if before.narrow != narrow or _column_settings(before.view) != _column_settings(view):
        return False
    if before.frame is frame:
        return True
    return not frame.complete and len(frame) < 2 * before.measured_runs and before.frame.keys == frame.keys


def _column_settings(view: RunView) -> tuple[object, ...]:
    """The settings of a view that affect its columns."""
    return view.columns, view.widths, view.formats, view.is_grouped and view.group_by


def _groups(frame: RunFrame, view: RunView, rows: Sequence[int], previous: Arranged | None) -> Groups:
    groups = None if previous is None else previous.groups
    if groups is not None and groups.keys == view.group_by and groups.rows == rows:
        return groups
    return Groups(frame, rows, view.group_by)


def _tree(frame: RunFrame, rows: Sequence[int], matching: Sequence[int], previous: Arranged | None) -> Tree:
    tree = None if previous is None else previous.tree
    return tree if tree is not None and tree.matching == matching else Tree(frame, rows, matching)


def _prepare(groups: Groups, columns: Sequence[Column]) -> None:
    """Compute the statistics that are drawn first."""
    for metric in _metrics(columns)[:EAGER_METRICS]:
        groups.statistics(metric)


def _metrics(columns: Sequence[Column]) -> list[ColumnKey]:
    """The metrics with statistics columns."""
    return list(dict.fromkeys(column.key for column in columns if column.statistic))


def _lead(columns: Sequence[Column]) -> int:
    return next((index for index, column in enumerate(columns) if column.key == RUN_NAME), 0)
