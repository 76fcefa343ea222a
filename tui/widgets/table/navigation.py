"""Moving about in a table: the row cursor and the column cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tui.widgets.table.grid import HEADER, LineGrid
from tui.widgets.table.messages import ColumnFocused, RowHighlighted, RowSelected

if TYPE_CHECKING:
    from tui.widgets.table.table import Table


class Navigation(LineGrid):
    """The actions that move a grid's cursors, and the messages that tell of it."""

    _announced: str | None = None

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; None when there are no rows."""
        return self._source.row_key(self.cursor_row) if self._source.row_count else None

    @property
    def focused_column(self) -> str | None:
        """The key of the focused column; None when there are no columns."""
        columns = self._source.columns
        return columns[self.cursor_column].key if columns else None

    def move_to(self, key: str) -> bool:
        """Bring the cursor to that row; False when it is not in the source."""
        row = self._source.row_of(key)
        if row is None:
            return False
        self.cursor_row = row
        return True

    def focus_column(self, key: str) -> bool:
        """Focus that column; False when it is not in the source."""
        for index, column in enumerate(self._source.columns):
            if column.key == key:
                self.cursor_column = index
                return True
        return False

    def to_first_column(self) -> None:
        """Focus the first column, with nothing scrolled past."""
        self.cursor_column = 0
        self._arrange(0)
        self._repaint_changed()

    @property
    def _table(self) -> Table:
        return cast("Table", self)

    def on_mount(self) -> None:
        super().on_mount()  # type: ignore[no-untyped-call]
        self._announce_row()

    def watch_cursor_row(self, before: int, now: int) -> None:
        self._show_cursor()
        self._repaint_changed(HEADER + row - self._top for row in (before, now) if row in self._visible)
        self._announce_row()

    def watch_cursor_column(self) -> None:
        self._arrange(self._first)
        self._repaint_changed()
        key = self.focused_column
        if key is not None and self.is_attached:
            self.post_message(ColumnFocused(self._table, key))

    def _announce_row(self) -> None:
        """Tell of the row under the cursor, once for each row it comes to."""
        key = self.cursor_key
        if not self.is_attached or key == self._announced:
            return
        self._announced = key
        if key is not None:
            self.post_message(RowHighlighted(self._table, key, self.cursor_row))

    def _step(self, rows: int) -> None:
        """Move the cursor; from outside the screen (the wheel scrolled it away) it is shown again."""
        before = self.cursor_row
        self.cursor_row += rows
        if self.cursor_row == before:
            self._show_cursor()

    def action_cursor_down(self) -> None:
        self._step(1)

    def action_cursor_up(self) -> None:
        self._step(-1)

    def action_cursor_top(self) -> None:
        self._step(-self._source.row_count)

    def action_cursor_bottom(self) -> None:
        self._step(self._source.row_count)

    def action_half_page_down(self) -> None:
        self._leap(max(1, self._page // 2))

    def action_half_page_up(self) -> None:
        self._leap(-max(1, self._page // 2))

    def action_page_down(self) -> None:
        self._leap(max(1, self._page - 1))

    def action_page_up(self) -> None:
        self._leap(-max(1, self._page - 1))

    def _leap(self, rows: int) -> None:
        """Move the cursor and the view together, so that the cursor keeps its line of the screen."""
        top = max(0, min(self._top + rows, self._source.row_count - self._page))
        if top != self._top and self._page:
            self.scroll_to(y=top, animate=False, force=True)
        self._step(rows)

    def action_column_left(self) -> None:
        self.cursor_column -= 1

    def action_column_right(self) -> None:
        self.cursor_column += 1

    def action_select_row(self) -> None:
        key = self.cursor_key
        if key is not None:
            self.post_message(RowSelected(self._table, key, self.cursor_row))
