"""A table's styles, taken from the theme once and kept until it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from rich.style import Style
from textual.widget import Widget

from tui.widgets.table.render import HeaderInk, RowInk
from tui.widgets.table.source import CellStyle

RowState = Literal["plain", "cursor", "blurred"]
"""`blurred` is the cursor row of a table without the focus."""
CELL_STYLES: tuple[CellStyle, ...] = get_args(CellStyle)
COMPONENTS = frozenset(
    f"table--{name}"
    for name in (
        *("header", "sorted", "focused", "rule", "focused-rule", "empty"),
        *("cursor", "cursor-blurred", "bar", "bar-blurred", "mark"),
        *CELL_STYLES,
    )
)

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
        """The current theme's styles of that widget's `table--…` components."""

        def component(name: str) -> Style:
            return widget.get_component_rich_style(f"table--{name}")

        header = HeaderInk(
            *(component(name) for name in ("header", "sorted", "focused", "rule", "focused-rule", "empty"))
        )
        plain, cursor, blurred = widget.rich_style, component("cursor"), component("cursor-blurred")
        cells = {name: component(name) for name in CELL_STYLES}

        def ink(row: Style, bar: str) -> RowInk:
            return RowInk(
                row,
                _over(row, component(bar)),
                _over(row, component("mark")),
                {name: _over(row, style, plain) for name, style in cells.items()},
            )

        rows: dict[RowState, RowInk] = {
            "plain": ink(plain, "bar"),
            "cursor": ink(cursor, "bar"),
            "blurred": ink(blurred, "bar-blurred"),
        }
        return cls(header, rows)


def _over(row: Style, cell: Style, plain: Style | None = None) -> Style:
    """A cell's colour and weight on a row's background. A cell style that only changes the weight
    keeps the row's own colour, and so does every cell of a reversed row: its colour would be a background."""
    own = row.reverse or (plain is not None and cell.color == plain.color)
    color = None if own else cell.color
    return row + Style(color=color, bold=cell.bold or None, dim=cell.dim or None, italic=cell.italic or None)
