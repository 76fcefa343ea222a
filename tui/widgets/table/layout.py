"""Where columns are drawn: pure arithmetic in cells."""

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
"""Cells right of the last column, where the header tells of hidden ones."""
MINIMUM = 6
"""Cells below which a column that does not fit whole is not begun."""


@dataclass(frozen=True, slots=True)
class Place:
    """One visible column: its position in the source, its first cell and its width in cells."""

    column: int
    x: int
    width: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The visible columns of a table `width` cells wide; `before` and `after` say that there are
    more columns hidden at the left and at the right."""

    width: int
    places: tuple[Place, ...] = ()
    before: bool = False
    after: bool = False

    def shows_whole(self, column: int) -> bool:
        return any(place.column == column and place.whole for place in self.places)

    def column_at(self, x: int) -> int | None:
        """The column drawn at that cell, its gap included."""
        for place in self.places:
            if place.x <= x < place.x + place.width + GAP:
                return place.column
        return None


def arrange(columns: Sequence[TableColumn], width: int, first: int, fixed: int) -> Layout:
    """Lay out `fixed` columns and then those from `first` on. Where not all columns fit, a fixed one
    takes at most half of the width. The first column after them is always begun; of the others only
    text is begun in less room than it needs, for a number that is cut is a wrong number."""
    fixed = min(fixed, len(columns))
    first = max(first, fixed)
    end = width - MARGIN
    widths = _granted(columns, end) if first == fixed else [column.width for column in columns]
    all_fit = GUTTER + sum(widths) + GAP * (len(widths) - 1) <= end
    places: list[Place] = []
    x = GUTTER
    for index in range(fixed):
        limit = end if all_fit or len(columns) == fixed else max(MINIMUM, (end - GUTTER) // 2)
        taken = min(widths[index], limit, end - x)
        if taken <= 0:
            break
        places.append(Place(index, x, taken, taken == widths[index]))
        x += taken + GAP
    after = False
    for index in range(first, len(columns)):
        room = end - x
        whole = widths[index] <= room
        if whole:
            places.append(Place(index, x, widths[index], True))
            x += widths[index] + GAP
            continue
        after = True
        begun = index == first or (not columns[index].numeric and room >= MINIMUM)
        if begun and room > 0:
            places.append(Place(index, x, room, False))
        break
    return Layout(width, tuple(places), first > fixed, after)


def _granted(columns: Sequence[TableColumn], end: int) -> list[int]:
    """Widths with what is left over before `end` given to columns that want more."""
    widths = [column.width for column in columns]
    spare = end - GUTTER - sum(widths) - GAP * max(0, len(widths) - 1)
    for index, column in enumerate(columns):
        if spare <= 0:
            break
        more = min(spare, max(0, column.wanted - column.width))
        widths[index] += more
        spare -= more
    return widths


def first_showing(columns: Sequence[TableColumn], width: int, first: int, fixed: int, target: int) -> int:
    """The first scrolled column with which `target` is shown whole, nearest to `first`."""
    first = max(first, min(fixed, len(columns)))
    if target < fixed:
        return first
    first = min(first, target)
    while first < target and not arrange(columns, width, first, fixed).shows_whole(target):
        first += 1
    return first


def first_without_void(columns: Sequence[TableColumn], width: int, first: int, fixed: int) -> int:
    """`first`, or an earlier column when all from there to the last are shown whole: a wider
    terminal or fewer columns leave no void at the right."""
    first = max(min(fixed, len(columns)), min(first, len(columns) - 1))
    while first > fixed and arrange(columns, width, first - 1, fixed).shows_whole(len(columns) - 1):
        first -= 1
    return first
