"""An application around widgets that records terminal output; a table source that counts requests."""

from __future__ import annotations

from typing import TypeVar

from rich.color import ColorSystem
from rich.console import RenderableType
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget

from engine.text import Shown
from tui.output import shortened
from tui.themes import THEMES
from tui.widgets.table import CellStyle, TableColumn

_M = TypeVar("_M", bound=Message)


class Stage(App[None]):
    """Shows widgets below each other. `written` is the output to the terminal."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self.console._color_system = ColorSystem.TRUECOLOR  # colours take the most bytes
        self._widgets = widgets
        self._frames: list[str] = []
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "console-dark"

    def compose(self) -> ComposeResult:
        yield from self._widgets

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if renderable is not None and hasattr(renderable, "render_segments"):
            self._frames.append(shortened(renderable.render_segments(self.console)))
        super()._display(screen, renderable)

    def take_written(self) -> str:
        """The output since the last call."""
        written = "".join(self._frames)
        self._frames.clear()
        return written

    async def drawn(self, pilot: Pilot[None]) -> str:
        """Wait until something is drawn, and what follows from it (a scroll bar); return the output."""
        written = ""
        while (more := self.take_written()) or not written:
            written += more
            await pilot.pause()
        return written

    def lines(self) -> list[str]:
        """The screen as text."""
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips(self.size)]


def messages_of(seen: list[Message], kind: type[_M]) -> list[_M]:
    """The messages of a type, in order, without duplicates: a hook sees a message at every widget it
    reaches."""
    found: dict[int, _M] = {id(message): message for message in seen if isinstance(message, kind)}
    return list(found.values())


class CountingSource:
    """`rows` by `columns` cells `r<row>c<column>`; counts the cells requested. Row keys are numbers
    starting at `first`, so that one source can be shifted against another."""

    def __init__(self, rows: int, columns: int = 30, *, first: int = 0, width: int = 10) -> None:
        self.row_count = rows
        self.columns = [
            TableColumn(f"c{at}", Shown(f"col{at}"), width, numeric=at > 0) for at in range(columns)
        ]
        self.first = first
        self.requests = 0
        self.rows_requested: set[int] = set()

    def cell(self, row: int, column: int) -> Shown:
        self.requests += 1
        self.rows_requested.add(row)
        return Shown(f"r{self.first + row}c{column}")

    def cell_style(self, row: int, column: int) -> CellStyle | None:
        return "muted" if column == 2 else None

    def row_key(self, row: int) -> str:
        return str(self.first + row)

    def row_of(self, key: str) -> int | None:
        row = int(key) - self.first
        return row if 0 <= row < self.row_count else None

    def take_requests(self) -> int:
        requests, self.requests = self.requests, 0
        self.rows_requested.clear()
        return requests
