"""Draws the lines of a table from its source, and caches them until their contents change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.cache import LRUCache
from textual.strip import Strip
from textual.widget import Widget

from engine.text import Shown
from tui.widgets.table.layout import HEADER, Layout, arrange, first_showing, first_without_gap
from tui.widgets.table.palette import Palette, RowState
from tui.widgets.table.render import HeaderInk, empty_strip, header_strip, row_strip, rule_strip
from tui.widgets.table.source import TableSource

CACHED_ROWS = 512


@dataclass(frozen=True, slots=True)
class TableState:
    """What lines depend on besides the source."""

    top: int
    """The first visible row."""
    page: int
    """The number of rows that fit."""
    width: int
    """Cells per line."""
    cursor_row: int
    cursor_column: int
    has_focus: bool
    marked: frozenset[str]


class TablePainter:
    """Draws a table's lines, and remembers each as last painted."""

    def __init__(
        self, widget: Widget, source: TableSource, fixed_columns: int, empty_text: Sequence[Shown]
    ) -> None:
        """`widget` supplies the styles; `fixed_columns` stay at the left while the others scroll."""
        self.source = source
        self.layout = Layout(0)
        self.empty_text = tuple(empty_text)
        self._widget = widget
        self._fixed = fixed_columns
        self._first = fixed_columns
        self._palette: Palette | None = None
        self._restyled = True
        self._strips: LRUCache[tuple[int, RowState, bool], Strip] = LRUCache(CACHED_ROWS)
        self._painted: dict[int, Strip] = {}

    def set_source(self, source: TableSource, fixed_columns: int | None = None) -> None:
        """Draw another source, with as many fixed columns as before by default. The caller then lays out the
        columns."""
        if fixed_columns is not None and fixed_columns != self._fixed:
            self._fixed = self._first = fixed_columns
        self.source = source
        self._strips.clear()

    def forget_styles(self) -> None:
        """Reload the styles from the theme before the next line is drawn."""
        self._restyled = True

    def check_background(self) -> None:
        """Forget the styles when the background behind the table has changed."""
        if self._palette is not None and self._palette.rows["plain"].plain != self._widget.rich_style:
            self._restyled = True

    def arrange(self, width: int, cursor_column: int, first: int | None = None) -> None:
        """Lay out the columns from `first` (None: the current one), scrolled to show the focused column in
        full."""
        columns = self.source.columns
        first = first_without_gap(columns, width, self._first if first is None else first, self._fixed)
        self._first = first_showing(columns, width, first, self._fixed, cursor_column)
        layout = arrange(columns, width, self._first, self._fixed)
        if layout != self.layout:
            self.layout = layout
            self._strips.clear()

    def paint(self, y: int, state: TableState) -> Strip:
        """The line to put on screen; remembered as painted."""
        line = self._line(y, state)
        self._painted[y] = line
        return line

    def has_changed(self, y: int, state: TableState) -> bool:
        """Whether the line differs from the one last painted."""
        line, painted = self._line(y, state), self._painted.get(y)
        return line is not painted and line != painted

    def _line(self, y: int, state: TableState) -> Strip:
        if self.layout.width != state.width:
            self.arrange(state.width, state.cursor_column)
        palette = self._current_palette()
        source = self.source
        if y < HEADER:
            return self._header_line(y, state, palette.header)
        row = state.top + y - HEADER
        if source.row_count == 0:
            return empty_strip(self.empty_text, y - HEADER, state.page, state.width, palette.header.empty)
        if row >= source.row_count:
            return Strip.blank(state.width, palette.rows["plain"].plain)
        return self._row_line(row, state, palette)

    def _header_line(self, y: int, state: TableState, ink: HeaderInk) -> Strip:
        columns = self.source.columns
        if not columns:
            return Strip.blank(state.width, ink.label)
        focused = state.cursor_column if state.has_focus else None
        if y == 0:
            return header_strip(columns, self.layout, focused, ink)
        return rule_strip(self.layout, focused, ink)

    def _row_line(self, row: int, state: TableState, palette: Palette) -> Strip:
        look: RowState = "plain"
        if row == state.cursor_row:
            look = "cursor" if state.has_focus else "blurred"
        marked = self.source.row_key(row) in state.marked
        key = (row, look, marked)
        strip = self._strips.get(key)
        if strip is None:
            ink = palette.rows[look]
            strip = row_strip(self.source, self.layout, row, ink, bar=look != "plain", marked=marked)
            self._strips[key] = strip
        return strip

    def _current_palette(self) -> Palette:
        """The palette; if the theme has changed it, all rows are drawn again."""
        palette = self._palette
        if palette is None or self._restyled:
            self._restyled = False
            fresh = Palette.of(self._widget)
            if fresh != palette:
                self._palette = palette = fresh
                self._strips.clear()
        return palette
