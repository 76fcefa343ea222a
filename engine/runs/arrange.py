"""Runs as a view shows them, line by line: filtered, sorted, in a tree or in groups."""

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

METRICS_AT_ONCE = 4
"""Metrics whose statistics are computed with the groups: about those that a screen holds."""

_FOLDS: dict[Fold, str] = {"": "", "open": "▾ ", "closed": "▸ "}
_ORPHAN = "⤷ "
_RUN_ID = ColumnKey("attribute", "run_id")


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """What a table of runs draws. Lines are asked for by their place, 0 at the top.

    `matching` are the rows of the frame that pass the filter, sorted; `rows` are the same in the
    frame's order. A line of `lines` is a row of the frame, or ``~g`` for group g of `groups`; its
    depth is in `depths`, which is empty where no line is indented. `lead` is the column that is
    indented and tells of folds. Times are told as they were when it was made.
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
    """The columns before constant ones were left out and others widened."""
    narrow: bool
    measured: int
    """How many runs there were when the columns were looked at."""

    @property
    def lines(self) -> Sequence[int]:
        return self.outline.lines

    @property
    def depths(self) -> Sequence[int]:
        return self.outline.depths

    def value(self, line: int, column: int) -> Value:
        """What a cell holds; None where it is missing, or where a line has no such value."""
        return self.cells.value(self.outline.lines[line], column)

    def text(self, line: int, column: int) -> Shown:
        """What a cell shows: a missing value as –, nothing where a line has no such value."""
        text = self.cells.text(self.outline.lines[line], column)
        if column != self.lead or not self.outline.depths:
            return text
        marks = _FOLDS[self.fold_of(line)] + (_ORPHAN if self.is_orphan(line) else "")
        return Shown(" " * INDENT * self.outline.depths[line] + (marks or " " * INDENT) + text)

    def row_of(self, line: int) -> int | None:
        """The frame's row that stands on a line; None for a group."""
        row = self.lines[line]
        return row if row >= 0 else None

    def rows_of(self, line: int) -> Sequence[int]:
        """The rows that a line stands for: a run's, or those of all runs of a group."""
        row = self.lines[line]
        return (row,) if row >= 0 or self.groups is None else self.groups.members(~row)

    def key_of(self, line: int) -> str:
        """A run's id, or a group's key, which is no run's id."""
        row = self.lines[line]
        if row < 0 and self.groups is not None:
            return self.groups.key(~row)
        return cast(str, self.frame.reader(_RUN_ID)(row))

    def line_of(self, key: str) -> int | None:
        """The line of a run or group; None where it is not shown."""
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
        """Whether a group or parent shows what is below it; empty where nothing can be."""
        is_open = self.outline.folds.get(self.lines[line])
        return "" if is_open is None else "open" if is_open else "closed"

    def is_orphan(self, line: int) -> bool:
        """Whether a run has a parent and cannot stand under it."""
        return self.lines[line] in self.outline.orphans

    def summary(self, line: int) -> GroupSummary | None:
        """The group on a line in a few words, with the metrics that are drawn first; None for a run."""
        row = self.lines[line]
        if row >= 0 or not isinstance(self.cells, GroupCells):
            return None
        metrics = _metrics(self.columns)[:METRICS_AT_ONCE]
        return self.cells.summary(~row, metrics, is_open=self.outline.folds[row])

    def prepare(self) -> None:
        """Compute what has been left for later: the statistics in columns further right."""
        if self.groups is not None:
            for metric in _metrics(self.columns):
                self.groups.statistics(metric)


def arrange(
    frame: RunFrame,
    view: RunView,
    *,
    now: float,
    narrow: bool = False,
    toggled: AbstractSet[str] = frozenset(),
    before: Arranged | None = None,
    parsed: ParsedFilter | None = None,
) -> Arranged:
    """The frame as the view shows it. `now` is in milliseconds since the epoch; `narrow` says that there
    is little room. `toggled` are the keys of parents that are closed and of groups that are open.
    What has not changed is taken from `before`; `parsed` saves parsing the view's filter again. Raises
    `FilterError`."""
    known = before if before is not None and before.frame is frame else None
    rows = _filtered(frame, parsed or view.filter_text, now)
    matching = _in_order(frame, view, rows)
    kept = before if before is not None and _keeps_columns(before, frame, view, narrow) else None
    chosen = kept.chosen if kept is not None else chosen_columns(frame, view, narrow=narrow)
    columns = without_constants(frame, view, chosen, rows)
    lead, outline = _lead(columns), Outline(matching)
    groups: Groups | None = None
    tree: Tree | None = None
    cells: RunCells | GroupCells
    if view.is_grouped:
        groups = _groups(frame, view, rows, known)
        lead, columns = 0, group_columns(groups, columns, view)
        outline = groups.outline(groups.order(view.sort), matching, toggled)
        _prepare(groups, columns)
        cells = GroupCells(frame, columns, now, groups)
    else:
        if view.layout == "tree":
            tree = _tree(frame, rows, matching, known)
            outline = tree.outline(toggled)
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
        kept.measured if kept is not None else len(frame),
    )


def _filtered(frame: RunFrame, source: str | ParsedFilter, now: float) -> Sequence[int]:
    text = source if isinstance(source, str) else source.text
    if not text.strip():
        return range(len(frame))
    return compile_filter(source, frame.keys, frame, partial=not frame.complete).rows(frame, now=now)


def _in_order(frame: RunFrame, view: RunView, rows: Sequence[int]) -> Sequence[int]:
    if len(rows) < len(frame):
        return sorted_rows(frame, view.sort, rows)
    return sorted_rows(frame, view.sort) if view.sort else frame.newest_first()


def _keeps_columns(before: Arranged, frame: RunFrame, view: RunView, narrow: bool) -> bool:
    """Whether the columns need not be looked at again: on the same frame, and while runs stream in until
    there are twice as many or another column."""
    if before.narrow != narrow or _column_facts(before.view) != _column_facts(view):
        return False
    if before.frame is frame:
        return True
    return not frame.complete and len(frame) < 2 * before.measured and before.frame.keys == frame.keys


def _column_facts(view: RunView) -> tuple[object, ...]:
    """What of a view decides about its columns."""
    return view.columns, view.widths, view.formats, view.is_grouped and view.group_by


def _groups(frame: RunFrame, view: RunView, rows: Sequence[int], known: Arranged | None) -> Groups:
    groups = None if known is None else known.groups
    if groups is not None and groups.keys == view.group_by and groups.rows == rows:
        return groups
    return Groups(frame, rows, view.group_by)


def _tree(frame: RunFrame, rows: Sequence[int], matching: Sequence[int], known: Arranged | None) -> Tree:
    tree = None if known is None else known.tree
    return tree if tree is not None and tree.matching == matching else Tree(frame, rows, matching)


def _prepare(groups: Groups, columns: Sequence[Column]) -> None:
    """Have the statistics ready that are drawn first."""
    for metric in _metrics(columns)[:METRICS_AT_ONCE]:
        groups.statistics(metric)


def _metrics(columns: Sequence[Column]) -> list[ColumnKey]:
    """The metrics that columns tell statistics of."""
    return list(dict.fromkeys(column.key for column in columns if column.statistic))


def _lead(columns: Sequence[Column]) -> int:
    return next((place for place, column in enumerate(columns) if column.key == RUN_NAME), 0)
