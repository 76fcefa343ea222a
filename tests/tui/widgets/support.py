"""A stage for one widget, which keeps what would be written to the terminal; sources that count."""

from __future__ import annotations

from typing import TypeVar

from rich.color import ColorSystem
from rich.console import RenderableType
from textual.app import App, ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from engine.text import Shown
from tui.themes import THEMES
from tui.widgets.table import CellStyle, TableColumn

_M = TypeVar("_M", bound=Message)


class Stage(App[None]):
    """Shows widgets one under the other. `written` is what a terminal would have got."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self.console._color_system = ColorSystem.TRUECOLOR  # the most bytes that a colour can cost
        self._widgets = widgets
        self._frames: list[str] = []
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "console-dark"

    def compose(self) -> ComposeResult:
        yield from self._widgets

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if renderable is not None and hasattr(renderable, "render_segments"):
            self._frames.append(renderable.render_segments(self.console))
        super()._display(screen, renderable)

    def take_written(self) -> str:
        """What was written since the last call."""
        written = "".join(self._frames)
        self._frames.clear()
        return written

    def lines(self) -> list[str]:
        """The screen as text."""
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips(self.size)]


def messages_of(seen: list[Message], kind: type[_M]) -> list[_M]:
    """The messages of a kind in their order; a hook sees each at every widget that it passes."""
    found: dict[int, _M] = {id(message): message for message in seen if isinstance(message, kind)}
    return list(found.values())


class CountingSource:
    """`rows` by `columns` cells `r<row>c<column>`; counts what it is asked. Row keys are numbers
    from `first` on, so that sources can be shifted against each other."""

    def __init__(self, rows: int, columns: int = 30, *, first: int = 0, width: int = 10) -> None:
        self.row_count = rows
        self.columns = [
            TableColumn(f"c{at}", Shown(f"col{at}"), width, numeric=at > 0) for at in range(columns)
        ]
        self.first = first
        self.asked = 0
        self.rows_asked: set[int] = set()

    def cell(self, row: int, column: int) -> Shown:
        self.asked += 1
        self.rows_asked.add(row)
        return Shown(f"r{self.first + row}c{column}")

    def cell_style(self, row: int, column: int) -> CellStyle | None:
        return "muted" if column == 2 else None

    def row_key(self, row: int) -> str:
        return str(self.first + row)

    def row_of(self, key: str) -> int | None:
        row = int(key) - self.first
        return row if 0 <= row < self.row_count else None

    def take_asked(self) -> int:
        asked, self.asked = self.asked, 0
        self.rows_asked.clear()
        return asked
