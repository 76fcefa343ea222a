"""The rows and columns of the run table, from an arrangement of runs."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from engine import formats
from engine.columns import ColumnKey, Value
from engine.text import Shown, cell_width
from tui.widgets.table.palette import RUN_STATUS_STYLES
from tui.widgets.table.source import CellStyle, FirstWord, TableColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.api import Arranged, Column, SortKey

STATUS = ColumnKey("attribute", "status")
STAGE_STYLES: dict[str, CellStyle] = {
    "None": "muted",
    "Staging": "warning",
    "Production": "good",
    "Archived": "muted",
}


class RunSource:
    """A table source over an arrangement. Relative times count from its creation. Rows that are out of date
    are dimmed."""

    def __init__(self, arranged: Arranged, *, is_dimmed: bool = False) -> None:
        self.arranged = arranged
        self._is_dimmed = is_dimmed
        self._lines = arranged.lines
        sort = arranged.view.sort
        ranks = {(key.key, key.statistic): (rank, key) for rank, key in enumerate(sort, 1)}
        self._columns = tuple(
            _table_column(c, ranks.get((c.key, c.statistic or "mean")), len(sort)) for c in arranged.columns
        )
        self._by_name = {column.name: column for column in arranged.columns}

    def column_of(self, name: str) -> Column | None:
        """The run column for the key of a table column."""
        return self._by_name.get(name)

    # ── table source ─────────────────────────────────────────────────────────

    @property
    def row_count(self) -> int:
        return len(self._lines)

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    def cell(self, row: int, column: int) -> Shown:
        return self.arranged.text(row, column)

    def cell_style(self, row: int, column: int) -> CellStyle | FirstWord | None:
        if self._is_dimmed:
            return "muted"
        if self._lines[row] < 0 and column == 0:
            return "strong"
        value = self.arranged.value(row, column)
        if value is None:
            return "muted"
        if self.arranged.columns[column].key == STATUS:
            return FirstWord(RUN_STATUS_STYLES.get(str(value)))
        if self.arranged.frame.holds_versions and (
            style := _version_style(self.arranged.columns[column].key, value)
        ):
            return style
        return None if formats.is_finite(value) else "bad"  # the run has diverged

    def row_key(self, row: int) -> str:
        return self.arranged.key_of(row)

    def row_of(self, key: str) -> int | None:
        return self.arranged.line_of(key)

    # ── groups ───────────────────────────────────────────────────────────────

    def is_group(self, key: str) -> bool:
        groups = self.arranged.groups
        return groups is not None and groups.group_of(key) is not None

    def runs_of(self, key: str) -> tuple[str, ...]:
        """The run id, or the run ids of a group."""
        line = self.row_of(key)
        run_ids = self.arranged.frame.run_ids
        return () if line is None else tuple(run_ids[row] for row in self.arranged.rows_of(line))

    def runs_marked(self, keys: AbstractSet[str], before: frozenset[str]) -> frozenset[str]:
        """The marked runs after the table's marks have become `keys`; `before` are the runs marked until
        then. Marking or unmarking a group applies to all its runs."""
        groups, run_ids = self.arranged.groups, self.arranged.frame.run_ids
        marks = {key for key in keys if not self.is_group(key)}
        if groups is not None:
            groups_before = self.groups_marked(before)
            for group in range(len(groups)):
                key = groups.key(group)
                if (key in keys) != (key in groups_before):
                    runs = {run_ids[row] for row in groups.members(group)}
                    marks = marks | runs if key in keys else marks - runs
        return frozenset(marks)

    def groups_marked(self, marks: AbstractSet[str]) -> frozenset[str]:
        """The groups whose runs are all marked."""
        groups, run_ids = self.arranged.groups, self.arranged.frame.run_ids
        if groups is None or not marks:
            return frozenset()
        return frozenset(
            groups.key(group)
            for group in range(len(groups))
            if all(run_ids[row] in marks for row in groups.members(group))
        )

    # ── folds ────────────────────────────────────────────────────────────────

    def can_fold(self, key: str) -> bool:
        line = self.row_of(key)
        return line is not None and bool(self.arranged.fold_of(line))

    def with_ancestors(self, key: str) -> tuple[str, ...]:
        """A key and the keys of its ancestors, nearest first."""
        line, depths = self.row_of(key), self.arranged.depths
        found = [key]
        if line is not None and depths:
            depth = depths[line]
            while depth and line:
                line -= 1
                if depths[line] < depth:
                    depth = depths[line]
                    found.append(self.row_key(line))
        return tuple(found)

    def folds_to_toggle(self) -> frozenset[str]:
        """The keys to toggle to close everything or, when everything visible is closed, to open
        everything."""
        some_open = any(self.arranged.fold_of(line) == "open" for line in range(self.row_count))
        groups, run_ids = self.arranged.groups, self.arranged.frame.run_ids
        rows = [row for row, is_open in self.arranged.outline.folds.items() if is_open == some_open]
        return frozenset(run_ids[row] if row >= 0 or groups is None else groups.key(~row) for row in rows)


def _version_style(key: ColumnKey, value: Value) -> CellStyle | FirstWord | None:
    """The style of an attribute of a version."""
    if key.kind != "attribute":
        return None
    match key.name:
        case "stage":
            return FirstWord(STAGE_STYLES.get(str(value), "muted"))
        case "aliases" | "request":
            return "accent"
        case "run" if str(value).startswith("✗"):
            return "warning"
    return None


def _table_column(column: Column, sorted_by: tuple[int, SortKey] | None, count: int) -> TableColumn:
    rank, key = sorted_by or (0, None)
    return TableColumn(
        key=column.name,
        label=column.label,
        width=column.width if key is None else max(column.width, cell_width(column.label) + 2),
        numeric=column.numeric,
        sort=None if key is None else "descending" if key.descending else "ascending",
        rank=rank if count > 1 else 0,
    )
