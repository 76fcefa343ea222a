"""The table widget: any number of rows and columns, with a cursor, marks and mouse support."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.text import Shown
from tui.commands.bindings import Scope, bindings
from tui.widgets.table.cursor_and_marks import Marks, Viewport
from tui.widgets.table.layout import GUTTER, HEADER
from tui.widgets.table.painter import TablePainter, TableState
from tui.widgets.table.source import EMPTY, TableSource


class Table(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows a `TableSource` of any size with a cursor and marks. It reads only visible cells from the source,
    and repaints only lines that have changed: two for a cursor step."""

    scope: ClassVar[Scope] = "table"
    HELP = "`j` `k` select a row, `H` `L` a column; `space` marks, `v` marks a range, `enter` opens."
    BINDINGS: ClassVar[list[BindingType]] = list(bindings("table"))

    ALLOW_SELECT = False
    auto_links = False
    DEFAULT_CSS = """
    Table {
        height: 1fr; width: 1fr; color: $foreground;
        overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
    }
    """

    @dataclass
    class TableMessage(Message):
        """The base of a table's messages."""

        table: Table

        @property
        def control(self) -> Table:
            return self.table

    @dataclass
    class RowHighlighted(TableMessage):
        """The cursor moved to another row. Only the last of several pending ones is delivered."""

        key: str
        row: int

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Table.RowHighlighted) and message.table is self.table

    @dataclass
    class RowSelected(TableMessage):
        """The user opened a row."""

        key: str
        row: int

    @dataclass
    class MarkingRefused(TableMessage):
        """The user wanted to mark all rows; `reason` says why that is impossible now."""

        reason: str

    @dataclass
    class MarksChanged(TableMessage):
        """The user marked or unmarked rows; `keys` are all marked rows."""

        keys: frozenset[str]

    @dataclass
    class ColumnFocused(TableMessage):
        """The focus moved to another column."""

        key: str

    @dataclass
    class Resized(TableMessage):
        """The table has another size, for a source that depends on it."""

    @dataclass
    class HeaderClicked(TableMessage):
        """A column's label was clicked."""

        key: str

    cursor_row: reactive[int] = reactive(0, repaint=False, init=False)
    """The row under the cursor; 0 without rows."""
    cursor_column: reactive[int] = reactive(0, repaint=False, init=False)
    """The focused column; 0 without columns."""

    def __init__(
        self,
        source: TableSource = EMPTY,
        *,
        fixed_columns: int = 1,
        empty_text: Sequence[Shown] = (),
        can_mark: bool = True,
        can_step_columns: bool = True,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """`fixed_columns` stay at the left while the others scroll; `empty_text` is shown in the middle of an
        empty table. Rows can be marked if `can_mark`. The keys that focus a column are left to the view
        unless `can_step_columns`."""
        super().__init__(id=id, classes=classes)
        self._painter = TablePainter(self, source, fixed_columns, empty_text)
        self._marks = Marks()
        self.can_mark = can_mark
        self.why_not_mark_all = ""
        """Why all rows cannot be marked at once; empty if they can."""
        self._can_step_columns = can_step_columns
        self._announced: str | None = None
        self.virtual_size = Size(0, source.row_count + HEADER)

    # ── what it shows ──────────────────────────────────────────────────────────────

    @property
    def source(self) -> TableSource:
        return self._painter.source

    @property
    def marks(self) -> frozenset[str]:
        """The keys of all marked rows, including those missing from the current source."""
        return self._marks.keys

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; None without rows."""
        return self.source.row_key(self.cursor_row) if self.source.row_count else None

    @property
    def focused_column(self) -> str | None:
        """The key of the focused column; None without columns."""
        columns = self.source.columns
        return columns[self.cursor_column].key if columns else None

    def set_empty_text(self, lines: Sequence[Shown]) -> None:
        """Set the text in the middle of an empty table."""
        self._painter.empty_text = tuple(lines)
        self._repaint_changed()

    def set_marks(self, keys: Iterable[str]) -> None:
        """Show these marks, without posting a message."""
        self._marks = Marks(frozenset(keys), self._marks.anchor)
        self._repaint_changed()

    def set_source(self, source: TableSource, *, fixed_columns: int | None = None) -> None:
        """Show another source, with another number of fixed columns if it is given. The cursor stays on its
        row, that row on its screen line, and the focus on its column. Posts RowHighlighted when another row
        is now under the cursor."""
        view, column = self._view.over(self.source, source), self.focused_column
        self._painter.set_source(source, fixed_columns)
        columns = [each.key for each in source.columns]
        index = columns.index(column) if column in columns else self.cursor_column
        self.set_reactive(Table.cursor_row, view.cursor)
        self.set_reactive(Table.cursor_column, self.validate_cursor_column(index))
        self._take_height(source.row_count + HEADER)
        self._arrange()
        if self._page:
            self._scroll_to_row(view.top)
        self._repaint_changed()
        self._announce_row()

    def _take_height(self, height: int) -> None:
        """Set the height in lines. Textual would lay out and repaint the whole screen; if the table keeps its
        scrollbar, only that changes."""
        if self.show_vertical_scrollbar and height > self.size.height > 0:
            self.set_reactive(Table.virtual_size, Size(0, height))
            self.vertical_scrollbar.window_virtual_size = height
            self.scroll_y = self.validate_scroll_y(self.scroll_y)
        else:
            self.virtual_size = Size(0, height)

    # ── drawing ────────────────────────────────────────────────────────────────────

    @property
    def _top(self) -> int:
        """The first visible row."""
        return self.scroll_offset.y

    @property
    def _page(self) -> int:
        """The number of rows that fit."""
        return max(0, self.size.height - HEADER)

    @property
    def _view(self) -> Viewport:
        return Viewport(self._top, self._page, self.cursor_row)

    @property
    def _width(self) -> int:
        """The width of a line in cells, without the scrollbar."""
        return max(0, self.size.width - self.scrollbar_size_vertical)

    def validate_cursor_row(self, row: int) -> int:
        return max(0, min(row, self.source.row_count - 1))

    def validate_cursor_column(self, column: int) -> int:
        return max(0, min(column, len(self.source.columns) - 1))

    def _show_cursor(self) -> None:
        """Scroll just far enough to show the cursor's row."""
        self._scroll_to_row(self._view.top_showing_cursor)

    def _scroll_to_row(self, top: int) -> None:
        if top != self._top:
            self.scroll_to(y=top, animate=False, force=True)

    def _arrange(self, first: int | None = None) -> None:
        """Lay out the columns from `first` (None: the current one), with the focused column in full."""
        self._painter.arrange(self._width, self.cursor_column, first)

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()
        self._show_cursor()
        self.post_message(self.Resized(self))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._painter.forget_styles()

    def watch_show_vertical_scrollbar(self) -> None:
        self._repaint_changed()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaint the rows: the header does not scroll, and the scrollbar looks the same for many rows."""
        if self.show_vertical_scrollbar:
            bar = self.vertical_scrollbar
            if self._thumb(bar.position) != self._thumb(new_value):
                bar.position = new_value
        if round(old_value) != round(new_value):
            self.refresh(Region(0, HEADER, self._width, self._page))

    def _thumb(self, scroll_y: float) -> int:
        """The start of the scrollbar's thumb, in eighths of a cell."""
        window, virtual = self.size.height, max(self.virtual_size.height, self.size.height + 1)
        room = window - max(1.0, window * window / virtual)
        return int(8 * room * scroll_y / (virtual - window))

    def on_focus(self, event: events.Focus) -> None:
        self._take_focus(event, True)

    def on_blur(self, event: events.Blur) -> None:
        self._take_focus(event, False)

    def _take_focus(self, event: events.Event, focus: bool) -> None:
        """Replace Textual's handlers, which repaint every line: a change of focus affects only the cursor's
        row and the header."""
        event.prevent_default()
        self.has_focus = focus
        self._repaint_changed()
        if self.parent is not None:
            change = events.DescendantFocus(self) if focus else events.DescendantBlur(self)
            self.parent.post_message(change)

    def _repaint_changed(self, lines: Iterable[int] | None = None) -> None:
        """Repaint those of the lines (None: of all) that have changed since they were painted."""
        if not self.is_attached:
            return
        state = self._state()
        for y in range(self.size.height) if lines is None else lines:
            if self._painter.has_changed(y, state):
                self.refresh(Region(0, y, self._width, 1))

    def _state(self) -> TableState:
        return TableState(
            top=self._top,
            page=self._page,
            width=self._width,
            cursor_row=self.cursor_row,
            cursor_column=self.cursor_column,
            has_focus=self.has_focus,
            marked=self._marks.keys,
        )

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines without post-processing: Textual would split and rejoin each for padding and borders,
        which a table does not have."""
        self._painter.check_background()
        state = self._state()
        lines = [self._painter.paint(y, state) for y in crop.line_range]
        behind = self.background_colors[1]
        for line_filter in self.get_line_filters():
            lines = [line.apply_filter(line_filter, behind) for line in lines]
        left, right = crop.column_span
        return lines if left == 0 and right >= self._width else [line.crop(left, right) for line in lines]

    def render_line(self, y: int) -> Strip:
        return self._painter.paint(y, self._state())

    # ── moving the cursor ──────────────────────────────────────────────────────────

    def move_to(self, key: str) -> bool:
        """Move the cursor to that row; False if it is not in the source."""
        row = self.source.row_of(key)
        if row is None:
            return False
        self.cursor_row = row
        return True

    def step_row(self, by: int, accepts: Callable[[str], bool] = bool) -> str | None:
        """Move the cursor down (`by` is 1) or up (-1) to the next row whose key is accepted. Returns its key;
        None, without a move, if there is none."""
        row = self.cursor_row + by
        while 0 <= row < self.source.row_count:
            if accepts(key := self.source.row_key(row)):
                self.cursor_row = row
                return key
            row += by
        return None

    def focus_column(self, key: str) -> bool:
        """Focus that column; False if it is not in the source."""
        for index, column in enumerate(self.source.columns):
            if column.key == key:
                self.cursor_column = index
                return True
        return False

    def to_first_column(self) -> None:
        """Focus the first column, scrolled all the way left."""
        self.cursor_column = 0
        self._arrange(0)
        self._repaint_changed()

    def on_mount(self) -> None:
        super().on_mount()  # type: ignore[no-untyped-call]
        self._announce_row()

    def watch_cursor_row(self, before: int, now: int) -> None:
        self._show_cursor()
        self._repaint_changed(HEADER + row - self._top for row in (before, now) if row in self._view.rows)
        self._announce_row()

    def watch_cursor_column(self) -> None:
        self._arrange()
        self._repaint_changed()
        key = self.focused_column
        if key is not None and self.is_attached:
            self.post_message(self.ColumnFocused(self, key))

    def _announce_row(self) -> None:
        """Post RowHighlighted, once for each row that the cursor moves to."""
        key = self.cursor_key
        if not self.is_attached or key == self._announced:
            return
        self._announced = key
        if key is not None:
            self.post_message(self.RowHighlighted(self, key, self.cursor_row))

    def _step(self, rows: int) -> None:
        """Move the cursor; scroll it back into view if the wheel scrolled it away."""
        before = self.cursor_row
        self.cursor_row += rows
        if self.cursor_row == before:
            self._show_cursor()

    def action_cursor_down(self) -> None:
        self._step(1)

    def action_cursor_up(self) -> None:
        self._step(-1)

    def action_cursor_top(self) -> None:
        self._step(-self.source.row_count)

    def action_cursor_bottom(self) -> None:
        self._step(self.source.row_count)

    def action_half_page_down(self) -> None:
        self._leap(max(1, self._page // 2))

    def action_half_page_up(self) -> None:
        self._leap(-max(1, self._page // 2))

    def action_page_down(self) -> None:
        self._leap(max(1, self._page - 1))

    def action_page_up(self) -> None:
        self._leap(-max(1, self._page - 1))

    def _leap(self, rows: int) -> None:
        """Move the cursor and scroll by the same amount, so that the cursor keeps its screen line."""
        top = max(0, min(self._top + rows, self.source.row_count - self._page))
        if self._page:
            self._scroll_to_row(top)
        self._step(rows)

    def action_column_left(self) -> None:
        self.cursor_column -= 1

    def action_column_right(self) -> None:
        self.cursor_column += 1

    def action_select_row(self) -> None:
        key = self.cursor_key
        if key is not None:
            self.post_message(self.RowSelected(self, key, self.cursor_row))

    # ── marks and the mouse ────────────────────────────────────────────────────────

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without anything to mark, the keys for marking are left to the view."""
        if action in ("column_left", "column_right"):
            return self._can_step_columns
        can_mark = self.can_mark and self.source.row_count > 0
        return can_mark or action not in ("toggle_mark", "mark_range", "mark_all")

    def action_toggle_mark(self) -> None:
        key = self.cursor_key
        if key is not None:
            self._mark(self._marks.toggled(key))
            self.action_cursor_down()

    def action_mark_range(self) -> None:
        if self.source.row_count:
            self._mark(self._marks.up_to(self.source, self.cursor_row))

    def action_mark_all(self) -> None:
        if self.why_not_mark_all:
            self.post_message(self.MarkingRefused(self, self.why_not_mark_all))
            return
        self._mark(self._marks.all_of(self.source))

    def _mark(self, marks: Marks) -> None:
        self._marks = marks
        self._repaint_changed()
        self.post_message(self.MarksChanged(self, marks.keys))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        event.stop()
        column = self._painter.layout.column_at(offset.x)
        row = self._top + offset.y - HEADER
        if offset.y < HEADER:
            self._click_header(column)
        elif row < self.source.row_count:
            self.cursor_row = row
            if column is not None:
                self.cursor_column = column
            if offset.x < GUTTER and self.can_mark:
                self._mark(self._marks.toggled(self.source.row_key(row)))
            elif event.chain == 2:
                self.action_select_row()

    def _click_header(self, column: int | None) -> None:
        if column is not None:
            self.cursor_column = column
            self.post_message(self.HeaderClicked(self, self.source.columns[column].key))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel_sideways(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel_sideways(event, -1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        self._wheel_sideways(event, 1, always=True)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        self._wheel_sideways(event, -1, always=True)

    def _wheel_sideways(self, event: events.MouseEvent, columns: int, *, always: bool = False) -> None:
        """Scroll by whole columns, with a sideways wheel or with shift and the wheel."""
        if always or event.shift:
            event.prevent_default().stop()
            self.cursor_column += columns
