"""The drawing half of the table: lines, their styles, and which of them to repaint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.text import Shown
from tui.widgets.table.layout import Layout, arrange, first_showing, first_without_void
from tui.widgets.table.marks import Marks
from tui.widgets.table.palette import COMPONENTS, Palette, RowState
from tui.widgets.table.render import HeaderInk, empty_strip, header_strip, row_strip, rule_strip
from tui.widgets.table.source import EMPTY, TableSource

HEADER = 2
"""Lines above the first row: labels and a rule."""
CACHED_ROWS = 512


class LineGrid(ScrollView, inherit_bindings=False):
    """Draws a source with a cursor and marks. It asks the source for what is on screen, and
    repaints only the lines that look different: for a cursor step, two."""

    ALLOW_SELECT = False
    auto_links = False
    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS)
    DEFAULT_CSS = """
    LineGrid {
        height: 1fr; width: 1fr; color: $foreground;
        overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
    }
    LineGrid > .table--header { color: $text-muted; }
    LineGrid > .table--sorted { color: $foreground; text-style: bold; }
    LineGrid > .table--focused { color: $accent; text-style: bold; }
    LineGrid > .table--rule { color: $border-blurred; }
    LineGrid > .table--focused-rule { color: $accent; }
    LineGrid > .table--empty { color: $text-muted; }
    LineGrid > .table--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
    LineGrid > .table--cursor-blurred { background: $panel; }
    LineGrid:ansi > .table--cursor { background: ansi_default; color: ansi_default; text-style: bold; }
    LineGrid > .table--bar { color: $accent; }
    LineGrid > .table--bar-blurred { color: $text-muted; }
    LineGrid > .table--mark { color: $accent; }
    LineGrid > .table--good { color: $success; }
    LineGrid > .table--bad { color: $error; }
    LineGrid > .table--warning { color: $warning; }
    LineGrid > .table--accent { color: $accent; }
    LineGrid > .table--muted { color: $text-muted; }
    LineGrid > .table--strong { text-style: bold; }
    LineGrid > .table--heading { color: $text-muted; text-style: bold; }
    LineGrid:ansi > .table--muted { text-style: dim; }
    LineGrid:ansi > .table--rule { text-style: dim; }
    LineGrid:ansi > .table--empty { text-style: dim; }
    """

    cursor_row: reactive[int] = reactive(0, repaint=False, init=False)
    """The row under the cursor; 0 when there are no rows."""
    cursor_column: reactive[int] = reactive(0, repaint=False, init=False)
    """The focused column; 0 when there are no columns."""

    def __init__(
        self,
        source: TableSource = EMPTY,
        *,
        fixed_columns: int = 1,
        empty_text: Sequence[Shown] = (),
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """`fixed_columns` stay at the left while the others scroll; `empty_text` stands in the
        middle while there are no rows."""
        super().__init__(id=id, classes=classes)
        self._source = source
        self._fixed = fixed_columns
        self._first = fixed_columns
        self._empty_text = tuple(empty_text)
        self._marks = Marks()
        self._layout = Layout(0)
        self._palette: Palette | None = None
        self._restyled = True
        self._strips: LRUCache[tuple[int, RowState, bool], Strip] = LRUCache(CACHED_ROWS)
        self._painted: dict[int, Strip] = {}
        self.virtual_size = Size(0, source.row_count + HEADER)

    @property
    def source(self) -> TableSource:
        return self._source

    def set_empty_text(self, lines: Sequence[Shown]) -> None:
        """What stands in the middle of the table while it has no rows."""
        self._empty_text = tuple(lines)
        self._repaint_changed()

    @property
    def _top(self) -> int:
        """The first visible row."""
        return self.scroll_offset.y

    @property
    def _page(self) -> int:
        """How many rows fit."""
        return max(0, self.size.height - HEADER)

    @property
    def _visible(self) -> range:
        """The rows for which there is a line."""
        return range(self._top, self._top + self._page)

    @property
    def _width(self) -> int:
        """The cells of a line, without the scrollbar's."""
        return max(0, self.size.width - self.scrollbar_size_vertical)

    def validate_cursor_row(self, row: int) -> int:
        return max(0, min(row, self._source.row_count - 1))

    def validate_cursor_column(self, column: int) -> int:
        return max(0, min(column, len(self._source.columns) - 1))

    def _show_cursor(self) -> None:
        """Scroll as little as it takes to see the cursor's row."""
        if self._page == 0:
            return
        top = min(self.cursor_row, max(self._top, self.cursor_row - self._page + 1))
        if top != self._top:
            self.scroll_to(y=top, animate=False, force=True)

    def _arrange(self, first: int) -> None:
        """Lay columns out anew from `first`, or from where the focused column is seen whole."""
        columns, width = self._source.columns, self._width
        first = first_without_void(columns, width, first, self._fixed)
        self._first = first_showing(columns, width, first, self._fixed, self.cursor_column)
        layout = arrange(columns, width, self._first, self._fixed)
        if layout != self._layout:
            self._layout = layout
            self._strips.clear()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(self._first)
        self._show_cursor()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._restyled = True

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
        """Where the scrollbar's thumb begins, in eighths of a cell."""
        window, virtual = self.size.height, max(self.virtual_size.height, self.size.height + 1)
        room = window - max(1.0, window * window / virtual)
        return int(8 * room * scroll_y / (virtual - window))

    def on_focus(self, event: events.Focus) -> None:
        self._take_focus(event, True)

    def on_blur(self, event: events.Blur) -> None:
        self._take_focus(event, False)

    def _take_focus(self, event: events.Event, focus: bool) -> None:
        """Do what Textual's own handlers do, except that they repaint every line: going from pane
        to pane changes the cursor's row and the header."""
        event.prevent_default()
        self.has_focus = focus
        self._repaint_changed()
        if self.parent is not None:
            told = events.DescendantFocus(self) if focus else events.DescendantBlur(self)
            self.parent.post_message(told)

    def _repaint_changed(self, lines: Iterable[int] | None = None) -> None:
        """Repaint those of the lines, or of all, that no longer look as they were painted."""
        if not self.is_attached:
            return
        for y in range(self.size.height) if lines is None else lines:
            line, painted = self._line(y), self._painted.get(y)
            if line is not painted and line != painted:
                self.refresh(Region(0, y, self._width, 1))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines as they are: around a grid is neither padding nor border for which Textual would take each
        one apart and put it together again."""
        if self._palette is not None and self._palette.rows["plain"].plain != self.rich_style:
            self._restyled = True  # what lies behind the table has another colour now
        lines = [self.render_line(y) for y in crop.line_range]
        behind = self.background_colors[1]
        for line_filter in self.get_line_filters():
            lines = [line.apply_filter(line_filter, behind) for line in lines]
        left, right = crop.column_span
        return lines if left == 0 and right >= self._width else [line.crop(left, right) for line in lines]

    def render_line(self, y: int) -> Strip:
        line = self._line(y)
        self._painted[y] = line
        return line

    def _line(self, y: int) -> Strip:
        width = self._width
        if self._layout.width != width:
            self._arrange(self._first)
        palette = self._inked()
        source = self._source
        if y < HEADER:
            return self._header_line(y, palette.header)
        row = self._top + y - HEADER
        if source.row_count == 0:
            return empty_strip(self._empty_text, y - HEADER, self._page, width, palette.header.empty)
        if row >= source.row_count:
            return Strip.blank(width, palette.rows["plain"].plain)
        return self._row_line(row, palette)

    def _header_line(self, y: int, ink: HeaderInk) -> Strip:
        columns = self._source.columns
        if not columns:
            return Strip.blank(self._width, ink.label)
        focused = self.cursor_column if self.has_focus else None
        if y == 0:
            return header_strip(columns, self._layout, focused, ink)
        return rule_strip(self._layout, focused, ink)

    def _inked(self) -> Palette:
        """The palette; rows are drawn anew when the theme changed it."""
        palette = self._palette
        if palette is None or self._restyled:
            self._restyled = False
            fresh = Palette.of(self)
            if fresh != palette:
                self._palette = palette = fresh
                self._strips.clear()
        return palette

    def _row_line(self, row: int, palette: Palette) -> Strip:
        state: RowState = "plain"
        if row == self.cursor_row:
            state = "cursor" if self.has_focus else "blurred"
        marked = self._source.row_key(row) in self._marks.keys
        key = (row, state, marked)
        strip = self._strips.get(key)
        if strip is None:
            ink = palette.rows[state]
            strip = row_strip(self._source, self._layout, row, ink, bar=state != "plain", marked=marked)
            self._strips[key] = strip
        return strip
