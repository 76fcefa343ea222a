"""Renders a table's lines as strips, without state or a widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from engine.text import Shown, cell_width, cut
from tui.widgets.fit_text import fit
from tui.widgets.table.layout import GAP, GUTTER, MARGIN, Layout, VisibleColumn
from tui.widgets.table.source import CellStyle, FirstWord, TableColumn, TableSource

BAR = "▌"
MARK = "●"
RULE = "─"
HEAVY_RULE = "━"
ARROWS = {"ascending": "↑", "descending": "↓"}
_RANKS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_GAP = " " * GAP


@dataclass(frozen=True, slots=True)
class RowInk:
    """The styles of one kind of row: plain, under the cursor, under the cursor without focus."""

    plain: Style
    bar: Style
    mark: Style
    cells: Mapping[CellStyle, Style]

    def of(self, style: CellStyle | None) -> Style:
        return self.plain if style is None else self.cells[style]


@dataclass(frozen=True, slots=True)
class HeaderInk:
    """The styles of the two header lines and of the text of an empty table."""

    label: Style
    sorted: Style
    focused: Style
    rule: Style
    focused_rule: Style
    empty: Style


def row_strip(
    source: TableSource, layout: Layout, row: int, ink: RowInk, *, bar: bool, marked: bool
) -> Strip:
    """One row: the gutter with the cursor's bar and the mark, then the visible cells."""
    if layout.width < GUTTER:
        return Strip.blank(layout.width, ink.plain)
    segments = [
        Segment(BAR if bar else " ", ink.bar if bar else ink.plain),
        Segment(MARK if marked else " ", ink.mark if marked else ink.plain),
        Segment(" ", ink.plain),
    ]
    columns, x = source.columns, GUTTER
    for visible in layout.columns:
        column = columns[visible.index]
        x = min(layout.width, visible.x + visible.width + GAP)
        gap = " " * (x - visible.x - visible.width)
        text = fit(source.cell(row, visible.index), visible.width, right=column.numeric) + gap
        style = source.cell_style(row, visible.index)
        if isinstance(style, FirstWord):
            end = len(text) - len(text.lstrip()) + len(text.split(maxsplit=1)[0]) if text.strip() else 0
            segments.append(Segment(text[:end], ink.of(style.style)))
            segments.append(Segment(text[end:], ink.of(style.rest)))
        else:
            segments.append(Segment(text, ink.of(style)))
    if x < layout.width:
        segments.append(Segment(" " * (layout.width - x), ink.plain))
    return Strip(Segment.simplify(segments), layout.width)


def header_strip(
    columns: Sequence[TableColumn], layout: Layout, focused: int | None, ink: HeaderInk
) -> Strip:
    """The labels with their sort marks; `‹` and `›` mark hidden columns."""
    segments = [Segment(" " * GUTTER, ink.label)]
    scrolled = _first_scrolled(layout)
    for visible in layout.columns:
        column = columns[visible.index]
        if visible is scrolled:  # the gap before it marks the columns scrolled past
            last = segments.pop()
            segments.append(Segment(last.text[:-GAP], last.style))
            segments.append(Segment("‹ ", ink.label))
        style = ink.focused if visible.index == focused else ink.sorted if column.sort else ink.label
        segments.append(Segment(_label(column, visible.width), style))
        segments.append(Segment(_GAP, ink.label))
    if layout.width < MARGIN:
        return Strip.blank(layout.width, ink.label)
    labels = _closed(segments, layout.width - MARGIN, ink.label)
    return Strip([*labels, Segment("›" if layout.after else " ", ink.label)], layout.width)


def rule_strip(layout: Layout, focused: int | None, ink: HeaderInk) -> Strip:
    """The thin rule under the header, heavier under the focused column."""
    column = next((visible for visible in layout.columns if visible.index == focused), None)
    width = layout.width
    if column is None or width < MARGIN:
        return Strip([Segment(RULE * width, ink.rule)], width)
    end = column.x + column.width
    segments = [
        Segment(RULE * column.x, ink.rule),
        Segment(HEAVY_RULE * column.width, ink.focused_rule),
        Segment(RULE * (width - end), ink.rule),
    ]
    return Strip([segment for segment in segments if segment.text], width)


def empty_strip(lines: Sequence[Shown], y: int, height: int, width: int, style: Style) -> Strip:
    """Line `y` of `height` lines with `lines` in the middle."""
    first = max(0, (height - len(lines)) // 2)
    index = y - first
    text = cut(lines[index], width) if 0 <= index < len(lines) else ""
    return Strip([Segment(fit(" " * ((width - cell_width(text)) // 2) + text, width), style)], width)


def _label(column: TableColumn, width: int) -> str:
    if column.sort is None:
        return fit(column.label, width, right=column.numeric)
    mark = " " + ARROWS[column.sort] + (_RANKS[column.rank] if 0 < column.rank < 10 else "")
    room = width - cell_width(mark)
    if room <= 0:
        return fit(mark.strip(), width, right=column.numeric)
    label = cut(column.label, room)
    return fit(label + mark, width, right=column.numeric)


def _first_scrolled(layout: Layout) -> VisibleColumn | None:
    """The first column after the hidden ones."""
    if not layout.before:
        return None
    columns = layout.columns
    for left, right in pairwise(columns):
        if right.index != left.index + 1:
            return right
    return columns[0] if columns and columns[0].index > 0 else None


def _closed(segments: list[Segment], width: int, style: Style) -> Strip:
    """The segments in exactly `width` cells, neighbours of one style joined."""
    strip = Strip(segments).simplify()
    return strip.crop(0, width) if strip.cell_length >= width else strip.extend_cell_length(width, style)
