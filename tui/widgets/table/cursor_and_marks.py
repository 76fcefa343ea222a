"""The visible rows, the cursor and the marks, as values independent of any widget."""

from __future__ import annotations

from dataclasses import dataclass

from tui.widgets.table.source import TableSource


@dataclass(frozen=True, slots=True)
class Viewport:
    """The visible rows, `page` of them from `top`, and the row under the cursor."""

    top: int
    page: int
    cursor: int

    @property
    def rows(self) -> range:
        """The rows that have a line on screen."""
        return range(self.top, self.top + self.page)

    @property
    def top_showing_cursor(self) -> int:
        """The first row after scrolling just far enough to show the cursor."""
        return min(self.cursor, max(self.top, self.cursor - self.page + 1)) if self.page else self.top

    def over(self, before: TableSource, after: TableSource) -> Viewport:
        """The same rows in another source. The cursor stays on its row, and that row on its screen line;
        if the row is gone, the cursor keeps its position. If the wheel has scrolled the cursor out of
        view, the first visible row keeps its line instead."""
        cursor_key = before.row_key(self.cursor) if before.row_count else None
        cursor = _row_near(after, cursor_key, self.cursor)
        anchor, line = cursor_key, self.cursor - self.top
        if not 0 <= line < self.page and self.top < before.row_count:
            anchor, line = before.row_key(self.top), 0
        at_top = self.top == 0 and anchor == cursor_key and cursor < self.page
        top = 0 if at_top else _row_near(after, anchor, self.top + line) - line
        return Viewport(max(0, min(top, after.row_count - self.page)), self.page, cursor)


def _row_near(source: TableSource, key: str | None, row: int) -> int:
    """The row's new position; if it is gone, the nearest to its old one."""
    found = None if key is None else source.row_of(key)
    return max(0, min(row, source.row_count - 1)) if found is None else found


@dataclass(frozen=True, slots=True)
class Marks:
    """Immutable: a change returns a new value. `anchor` is the row last marked individually, where a range
    starts."""

    keys: frozenset[str] = frozenset()
    anchor: str | None = None

    def toggled(self, key: str) -> Marks:
        if key in self.keys:
            return Marks(self.keys - {key}, None)
        return Marks(self.keys | {key}, key)

    def up_to(self, source: TableSource, row: int) -> Marks:
        """Mark all rows from the anchor to `row`, inclusive; only `row` without an anchor."""
        start = None if self.anchor is None else source.row_of(self.anchor)
        first, last = sorted((row if start is None else start, row))
        keys = {source.row_key(between) for between in range(first, last + 1)}
        return Marks(self.keys | keys, source.row_key(row))

    def all_of(self, source: TableSource) -> Marks:
        """Mark all rows of the source, or unmark them if all are marked."""
        keys = frozenset(source.row_key(row) for row in range(source.row_count))
        return Marks(self.keys - keys if keys <= self.keys else self.keys | keys)
