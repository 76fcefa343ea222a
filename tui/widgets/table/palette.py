"""A table's styles, taken from the theme once and kept until it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from rich.style import Style
from textual.widget import Widget

from tui.widgets.ink import CELL_INKS, Inks
from tui.widgets.table.render import HeaderInk, RowInk
from tui.widgets.table.source import CellStyle

RowState = Literal["plain", "cursor", "blurred"]
"""`blurred` is the cursor row of a table without the focus."""
RUN_STATUS_STYLES: Mapping[str, CellStyle] = {
    "FINISHED": "good",
    "FAILED": "bad",
    "KILLED": "warning",
    "RUNNING": "accent",
    "SCHEDULED": "muted",
}


@dataclass(frozen=True, slots=True)
class Palette:
    """The styles of a table: two header lines and three kinds of rows."""

    header: HeaderInk
    rows: Mapping[RowState, RowInk]

    @classmethod
    def of(cls, widget: Widget) -> Palette:
        """The current theme's styles on that widget."""
        inks = Inks(widget)
        ink, faint = inks.ink, "dim " if inks.is_ansi else ""
        header = HeaderInk(
            label=ink("$text-muted"),
            sorted=ink("bold $foreground"),
            focused=ink("bold $accent"),
            rule=ink(f"{faint}$border-blurred"),
            focused_rule=ink("$accent"),
            empty=ink(f"{faint}$text-muted"),
        )
        accent, muted = ink("$accent"), ink("$text-muted")
        cells: dict[CellStyle, Style] = {name: ink(CELL_INKS[name]) for name in get_args(CellStyle)}
        if inks.is_ansi:
            cells["muted"] = ink("dim $text-muted")
        if inks.is_grey:
            cells["good"] = ink("bold $success")

        def row(style: Style, bar: Style) -> RowInk:
            over = {name: _over(style, cell, inks.plain) for name, cell in cells.items()}
            return RowInk(style, _over(style, bar), _over(style, accent), over)

        rows: dict[RowState, RowInk] = {
            "plain": row(inks.plain, accent),
            "cursor": row(ink(_cursor(inks)), accent),
            "blurred": row(ink("on $panel"), muted),
        }
        return cls(header, rows)


def _cursor(inks: Inks) -> str:
    """The style of the cursor's row: reversed where no background would be seen."""
    if inks.is_grey:
        return "reverse $foreground on $background"
    if inks.is_ansi:
        return "reverse ansi_default on ansi_default"
    return "$block-cursor-foreground on $block-cursor-background"


def _over(row: Style, cell: Style, plain: Style | None = None) -> Style:
    """A cell's colour and weight on a row's background. A cell style that only changes the weight
    keeps the row's own colour, and so does every cell of a reversed row: its colour would be a background."""
    own = row.reverse or (plain is not None and cell.color == plain.color)
    color = None if own else cell.color
    return row + Style(color=color, bold=cell.bold or None, dim=cell.dim or None, italic=cell.italic or None)
