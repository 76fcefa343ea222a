"""The columns of a table of runs as the choosing dialogs offer them. Called off the event loop: with
many runs, looking through every column takes a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.api import Column, columns_for, constant_columns, direction_of, pickable
from engine.columns import ColumnKey
from tui.runs.dialogs.choose import Offer

if TYPE_CHECKING:
    from engine.api import Arranged, RunFrame

_GROUPING = ("status", "user_id")
"""Attributes that are worth grouping by."""


def column_offers(arranged: Arranged) -> list[Offer]:
    """Every column, and whether it says the same of all runs shown."""
    constant = constant_columns(arranged.frame, arranged.rows)
    return [_offer(column, constant=column.key in constant) for column in _columns(arranged.frame)]


def sort_offers(arranged: Arranged) -> list[Offer]:
    """Every column, with the direction in which the better or newer come first."""
    return [_offer(column) for column in _columns(arranged.frame)]


def group_offers(arranged: Arranged) -> list[Offer]:
    """What runs can be grouped by, and how many different values it has."""
    frame, rows = arranged.frame, arranged.rows
    return [
        _offer(column, distinct=_distinct(frame, column.key, rows))
        for column in _columns(frame)
        if column.key.kind not in ("attribute", "metric") or column.key.name in _GROUPING
    ]


def _columns(frame: RunFrame) -> tuple[Column, ...]:
    return columns_for(frame, pickable(frame))


def _offer(column: Column, *, constant: bool = False, distinct: int | None = None) -> Offer:
    key = column.key
    better_high = key.kind == "metric" and direction_of(key.name) == "higher"
    return Offer(
        key,
        column.label,
        numeric=column.numeric,
        constant=constant,
        width=column.width,
        distinct=distinct,
        descending=better_high or key.is_time,
    )


def _distinct(frame: RunFrame, key: ColumnKey, rows: Sequence[int]) -> int:
    return len(set(map(frame.reader(key), rows)) - {None})
