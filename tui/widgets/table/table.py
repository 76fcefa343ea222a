"""The table: marking, the mouse, and swapping the source underneath."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeAlias

from textual import events
from textual.binding import BindingType
from textual.geometry import Size

from tui.commands.bindings import bindings
from tui.widgets.table import messages
from tui.widgets.table.grid import HEADER
from tui.widgets.table.layout import GUTTER
from tui.widgets.table.marks import Marks
from tui.widgets.table.navigation import Navigation
from tui.widgets.table.source import TableSource


class Table(Navigation, can_focus=True, inherit_bindings=False):
    """A grid of any size over a `TableSource`."""

    HELP = "`j` `k` choose a row, `H` `L` a column; `space` marks, `v` marks up to here, `enter` opens."
    BINDINGS: ClassVar[list[BindingType]] = list(bindings("table"))

    RowHighlighted: TypeAlias = messages.RowHighlighted
    RowSelected: TypeAlias = messages.RowSelected
    MarksChanged: TypeAlias = messages.MarksChanged
    ColumnFocused: TypeAlias = messages.ColumnFocused
    HeaderClicked: TypeAlias = messages.HeaderClicked

    @property
    def marks(self) -> frozenset[str]:
        """The keys of all marked rows, also of those that the present source leaves out."""
        return self._marks.keys

    def set_marks(self, keys: Iterable[str]) -> None:
        """Show these marks. Posts nothing."""
        self._marks = Marks(frozenset(keys), self._marks.anchor)
        self._repaint_changed()

    def set_source(self, source: TableSource) -> None:
        """Show another source. The cursor stays on its row and that row on its line of the screen;
        where the row is gone, the cursor stays at its place. The focused column stays, too. Posts
        RowHighlighted when another row is now under the cursor."""
        cursor, column = self.cursor_key, self.focused_column
        kept, line = self._kept_row()
        self._source = source
        self._strips.clear()
        row = self._row_near(cursor, self.cursor_row)
        columns = [each.key for each in source.columns]
        place = columns.index(column) if column in columns else self.cursor_column
        self.set_reactive(Table.cursor_row, row)
        self.set_reactive(Table.cursor_column, self.validate_cursor_column(place))
        self._take_height(source.row_count + HEADER)
        self._arrange(self._first)
        at_top = self._top == 0 and kept == cursor and row < self._page
        top = 0 if at_top else self._row_near(kept, self._top + line) - line
        top = max(0, min(top, source.row_count - self._page))
        if self._page and top != self._top:
            self.scroll_to(y=top, animate=False, force=True)
        self._repaint_changed()
        self._announce_row()

    def _take_height(self, height: int) -> None:
        """Be so many lines high. Textual would lay out and repaint the whole screen for it; where there was a
        scrollbar and still is one, only that looks different."""
        if self.show_vertical_scrollbar and height > self.size.height > 0:
            self.set_reactive(Table.virtual_size, Size(0, height))
            self.vertical_scrollbar.window_virtual_size = height
            self.scroll_y = self.validate_scroll_y(self.scroll_y)
        else:
            self.virtual_size = Size(0, height)

    def _kept_row(self) -> tuple[str | None, int]:
        """The row that should stay on its line of the screen, and that line: the cursor's, or the
        first one when the wheel scrolled the cursor out of sight."""
        line = self.cursor_row - self._top
        if 0 <= line < self._page or self._top >= self._source.row_count:
            return self.cursor_key, line
        return self._source.row_key(self._top), 0

    def _row_near(self, key: str | None, row: int) -> int:
        """Where that row is now; where it is gone, the nearest to where it was."""
        found = None if key is None else self._source.row_of(key)
        return self.validate_cursor_row(row) if found is None else found

    def action_toggle_mark(self) -> None:
        key = self.cursor_key
        if key is not None:
            self._mark(self._marks.toggled(key))
            self.action_cursor_down()

    def action_mark_range(self) -> None:
        if self._source.row_count:
            self._mark(self._marks.up_to(self._source, self.cursor_row))

    def action_mark_all(self) -> None:
        self._mark(self._marks.all_of(self._source))

    def _mark(self, marks: Marks) -> None:
        self._marks = marks
        self._repaint_changed()
        self.post_message(self.MarksChanged(self, marks.keys))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        event.stop()
        column = self._layout.column_at(offset.x)
        row = self._top + offset.y - HEADER
        if offset.y < HEADER:
            self._click_header(column)
        elif row < self._source.row_count:
            self.cursor_row = row
            if column is not None:
                self.cursor_column = column
            if offset.x < GUTTER:
                self._mark(self._marks.toggled(self._source.row_key(row)))
            elif event.chain == 2:
                self.action_select_row()

    def _click_header(self, column: int | None) -> None:
        if column is not None:
            self.cursor_column = column
            self.post_message(self.HeaderClicked(self, self._source.columns[column].key))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel_sideways(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel_sideways(event, -1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        self._wheel_sideways(event, 1, always=True)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        self._wheel_sideways(event, -1, always=True)

    def _wheel_sideways(self, event: events.MouseEvent, columns: int, *, always: bool = False) -> None:
        """Columns are scrolled whole: by a sideways wheel, or by the wheel with shift."""
        if always or event.shift:
            event.prevent_default().stop()
            self.cursor_column += columns
