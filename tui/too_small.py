"""What is shown instead of a console that does not fit."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from tui.terminal import SMALLEST


class TooSmallScreen(Screen[None]):
    """Covers everything: nothing below is laid out in a space that cannot hold it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.quit_console", show=False)]
    DEFAULT_CSS = """
    TooSmallScreen { align: center middle; }
    TooSmallScreen Static { width: auto; height: auto; text-align: center; color: $text-muted; }
    """

    def compose(self) -> ComposeResult:
        columns, rows = SMALLEST
        yield Static(f"This terminal is too small.\n{columns}×{rows} at least; q quits.", markup=False)
