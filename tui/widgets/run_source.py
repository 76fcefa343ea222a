"""Runs as a table shows them: rows in an order, columns with their formats."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.entities import Status
from engine.runs.columns import Column, cell_text, default_columns
from engine.runs.frame import ColumnKey, RunFrame, SortKey
from engine.text import Shown, cell_width
from tui.widgets.table.source import CellStyle, TableColumn

if TYPE_CHECKING:
    from collections.abc import Mapping

RUN_ID = ColumnKey("attribute", "run_id")
STATUS = ColumnKey("attribute", "status")

STATUS_STYLES: Mapping[str, CellStyle] = {
    "FINISHED": "good",
    "FAILED": "bad",
    "KILLED": "warning",
    "RUNNING": "accent",
    "SCHEDULED": "muted",
}


def status_style(status: Status | str) -> CellStyle | None:
    return STATUS_STYLES.get(status)


class RunSource:
    """`rows` are positions in `frame`, in the order shown. Times are told relative to when it was made."""

    def __init__(
        self, frame: RunFrame, rows: Sequence[int], sort: Sequence[SortKey] = (), *, narrow: bool = False
    ) -> None:
        self.frame = frame
        self.rows = rows
        self.keys: tuple[Column, ...] = default_columns(frame, narrow=narrow)
        ranks = {key.key: (place, key) for place, key in enumerate(sort, 1)}
        self._columns = tuple(self._table_column(c, ranks.get(c.key), len(sort)) for c in self.keys)
        self._values = [frame.reader(c.key) for c in self.keys]
        self._run_id = frame.reader(RUN_ID)
        self._places: dict[int, int] | None = None
        self._now = int(time.time() * 1000)

    @staticmethod
    def _table_column(column: Column, sorted_by: tuple[int, SortKey] | None, count: int) -> TableColumn:
        rank, key = sorted_by or (0, None)
        return TableColumn(
            key=str(column.key),
            label=column.label,
            width=column.width if key is None else max(column.width, cell_width(column.label) + 2),
            numeric=column.numeric,
            sort=None if key is None else "descending" if key.descending else "ascending",
            rank=rank if count > 1 else 0,
            glyph=column.key == STATUS,
        )

    def column_key(self, key: str) -> ColumnKey | None:
        """The run column behind a table column's key."""
        return next((c.key for c in self.keys if str(c.key) == key), None)

    # ── what the table asks ──────────────────────────────────────────────────

    @property
    def row_count(self) -> int:
        return len(self.rows)

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    def cell(self, row: int, column: int) -> Shown:
        return cell_text(self.keys[column], self._values[column](self.rows[row]), self._now)

    def cell_style(self, row: int, column: int) -> CellStyle | None:
        value = self._values[column](self.rows[row])
        if value is None:
            return "muted"
        if self.keys[column].key == STATUS:
            return status_style(str(value))
        return "bad" if value != value else None  # NaN: the run diverged

    def row_key(self, row: int) -> str:
        return str(self._run_id(self.rows[row]))

    def row_of(self, key: str) -> int | None:
        at = self.frame.row_of(key)
        if at is None:
            return None
        if self._places is None:
            self._places = {place: row for row, place in enumerate(self.rows)}
        return self._places.get(at)
