"""Which rows are on screen, under the cursor and marked: values that know no widget."""

from __future__ import annotations

from dataclasses import dataclass

from tui.widgets.table.source import TableSource


@dataclass(frozen=True, slots=True)
class Viewport:
    """The rows from `top`, of which `page` fit, and the row under the cursor."""

    top: int
    page: int
    cursor: int

    @property
    def rows(self) -> range:
        """The rows for which there is a line."""
        return range(self.top, self.top + self.page)

    @property
    def top_showing_cursor(self) -> int:
        """The nearest first row with which the cursor is on screen."""
        return min(self.cursor, max(self.top, self.cursor - self.page + 1)) if self.page else self.top

    def over(self, before: TableSource, after: TableSource) -> Viewport:
        """The same rows in another source. The cursor stays on its row and that row on its line of the
        screen; where the row is gone, the cursor keeps its position. If the wheel scrolled the cursor out of
        sight, it is the first visible row that keeps its line."""
        cursor_key = before.row_key(self.cursor) if before.row_count else None
        cursor = _row_near(after, cursor_key, self.cursor)
        anchor, line = cursor_key, self.cursor - self.top
        if not 0 <= line < self.page and self.top < before.row_count:
            anchor, line = before.row_key(self.top), 0
        at_top = self.top == 0 and anchor == cursor_key and cursor < self.page
        top = 0 if at_top else _row_near(after, anchor, self.top + line) - line
        return Viewport(max(0, min(top, after.row_count - self.page)), self.page, cursor)


def _row_near(source: TableSource, key: str | None, row: int) -> int:
    """Where that row is now; where it is gone, the nearest to where it was."""
    found = None if key is None else source.row_of(key)
    return max(0, min(row, source.row_count - 1)) if found is None else found


@dataclass(frozen=True, slots=True)
class Marks:
    """Immutable; each change is a new value. `anchor` is the row last marked by hand, from which
    a range is marked."""

    keys: frozenset[str] = frozenset()
    anchor: str | None = None

    def toggled(self, key: str) -> Marks:
        if key in self.keys:
            return Marks(self.keys - {key}, None)
        return Marks(self.keys | {key}, key)

    def up_to(self, source: TableSource, row: int) -> Marks:
        """Everything from the anchor to `row`, both included; only `row` where there is no anchor."""
        start = None if self.anchor is None else source.row_of(self.anchor)
        first, last = sorted((row if start is None else start, row))
        keys = {source.row_key(between) for between in range(first, last + 1)}
        return Marks(self.keys | keys, source.row_key(row))

    def all_of(self, source: TableSource) -> Marks:
        """Every row of the source; where all are marked already, none of them."""
        keys = frozenset(source.row_key(row) for row in range(source.row_count))
        return Marks(self.keys - keys if keys <= self.keys else self.keys | keys)
