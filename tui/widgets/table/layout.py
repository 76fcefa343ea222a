"""The visible columns and their positions: pure arithmetic in cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.widgets.table.source import TableColumn

HEADER = 2
"""Lines above the first row: labels and a rule."""
GUTTER = 3
"""Cells left of the first column: the cursor's bar, the mark, a space."""
GAP = 2
"""Cells between columns."""
MARGIN = 1
"""Cells right of the last column, where the header marks hidden columns."""
MINIMUM = 6
"""The fewest cells in which a column is shown in part."""


@dataclass(frozen=True, slots=True)
class VisibleColumn:
    """A column on screen: its position in the source, its first cell, its width in cells, and whether that is
    its full width."""

    index: int
    x: int
    width: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The visible columns of a table `width` cells wide; `before` and `after` say whether more are hidden at
    the left and at the right."""

    width: int
    columns: tuple[VisibleColumn, ...] = ()
    before: bool = False
    after: bool = False

    def shows(self, column: int) -> bool:
        """Whether the column is on screen at its full width."""
        return any(visible.index == column and visible.complete for visible in self.columns)

    def column_at(self, x: int) -> int | None:
        """The column at that cell, including the gap after it."""
        for column in self.columns:
            if column.x <= x < column.x + column.width + GAP:
                return column.index
        return None


def arrange(columns: Sequence[TableColumn], width: int, first: int, fixed: int) -> Layout:
    """Lay out `fixed` columns and then those from `first` on. If not all columns fit, a fixed one takes at
    most half of the width, unless it has `keep`. The first column after them is always shown, at least in
    part; of the others, only text columns are shown in part, because a truncated number reads as another
    number."""
    fixed = min(fixed, len(columns))
    first = max(first, fixed)
    end = width - MARGIN
    widths = _granted(columns, end) if first == fixed else [column.width for column in columns]
    all_fit = GUTTER + sum(widths) + GAP * (len(widths) - 1) <= end
    visible: list[VisibleColumn] = []
    x = GUTTER
    for index in range(fixed):
        complete = all_fit or len(columns) == fixed or columns[index].keep
        limit = end if complete else max(MINIMUM, (end - GUTTER) // 2)
        taken = min(widths[index], limit, end - x)
        if taken <= 0:
            break
        visible.append(VisibleColumn(index, x, taken, taken == widths[index]))
        x += taken + GAP
    after = False
    for index in range(first, len(columns)):
        room = end - x
        fits = widths[index] <= room
        if fits:
            visible.append(VisibleColumn(index, x, widths[index], True))
            x += widths[index] + GAP
            continue
        after = True
        in_part = index == first or (not columns[index].numeric and room >= MINIMUM)
        if in_part and room > 0:
            visible.append(VisibleColumn(index, x, room, False))
        break
    return Layout(width, tuple(visible), first > fixed, after)


def _granted(columns: Sequence[TableColumn], end: int) -> list[int]:
    """Widths, with the room left before `end` given to columns that can use more."""
    widths = [column.width for column in columns]
    spare = end - GUTTER - sum(widths) - GAP * max(0, len(widths) - 1)
    for index, column in enumerate(columns):
        if spare <= 0:
            break
        more = min(spare, max(0, column.full_width - column.width))
        widths[index] += more
        spare -= more
    return widths


def first_showing(columns: Sequence[TableColumn], width: int, first: int, fixed: int, target: int) -> int:
    """The first scrolled column, as near to `first` as possible, that shows `target` in full."""
    first = max(first, min(fixed, len(columns)))
    if target < fixed:
        return first
    first = min(first, target)
    while first < target and not arrange(columns, width, first, fixed).shows(target):
        first += 1
    return first


def first_without_gap(columns: Sequence[TableColumn], width: int, first: int, fixed: int) -> int:
    """`first`, or an earlier column if all columns from there on fit, so that no space at the right stays
    empty."""
    first = max(min(fixed, len(columns)), min(first, len(columns) - 1))
    while first > fixed and arrange(columns, width, first - 1, fixed).shows(len(columns) - 1):
        first -= 1
    return first
