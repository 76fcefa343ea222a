"""Choose the columns to group runs by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine import formats
from engine.columns import KINDS, ColumnKey
from engine.text import Shown
from tui.runs.dialogs.column_picker import (
    KIND,
    NAME,
    Candidate,
    ColumnPicker,
    candidate_of,
    pickable_columns,
)
from tui.widgets.table import TableColumn, TextRow

if TYPE_CHECKING:
    from engine.api import Arranged, RunFrame

_GROUPING = ("status", "user_id")
"""Attributes worth grouping by."""


class GroupDialog(ColumnPicker[tuple[ColumnKey, ...]]):
    """Dismissed with the columns to group by, in order; none turns grouping off."""

    hints = (
        *(("space", "group by"), ("< >", "order"), ("d", "no groups")),
        *(("/", "search"), ("enter", "apply"), ("esc", "cancel")),
    )
    columns = (NAME, KIND, TableColumn("values", Shown("values"), 7, numeric=True))
    title_text = "Group by"
    subtitle_text = "columns that vary come first"

    def __init__(self, group_by: Iterable[ColumnKey], candidates: Iterable[Candidate]) -> None:
        super().__init__(candidates, group_by)

    def result(self) -> tuple[ColumnKey, ...]:
        return tuple(self.chosen)

    def rank(self, candidate: Candidate) -> tuple[int, ...]:
        return (candidate.distinct is not None and candidate.distinct < 2, KINDS.index(candidate.key.kind))

    def describe(self, candidate: Candidate) -> TextRow:
        distinct = formats.MISSING if candidate.distinct is None else formats.count(candidate.distinct)
        return TextRow(
            str(candidate.key), (candidate.label, Shown(candidate.key.kind), distinct), {1: "muted"}
        )


def group_candidates(arranged: Arranged) -> list[Candidate]:
    """Columns to group runs by, with their number of distinct values."""
    frame, rows = arranged.frame, arranged.rows
    return [
        candidate_of(column, distinct=_distinct(frame, column.key, rows))
        for column in pickable_columns(frame)
        if column.key.kind not in ("attribute", "metric") or column.key.name in _GROUPING
    ]


def _distinct(frame: RunFrame, key: ColumnKey, rows: Sequence[int]) -> int:
    return len(set(map(frame.reader(key), rows)) - {None})
