"""Panes of text that scroll with the keys of a details pane."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.scroll_view import ScrollView

from tui.commands.bindings import Scope, bindings


class ScrollPane(VerticalScroll, inherit_bindings=False):
    """Scrolls its contents by lines and pages while it has the focus. It scrolls at once, not after the next
    drawing: of several keys in one packet, each starts where the one before ended."""

    scope: ClassVar[Scope] = "pane"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("pane")]

    def action_scroll_lines(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, immediate=True)

    def action_scroll_pages(self, pages: float) -> None:
        self.action_scroll_lines(round(pages * max(1, self.size.height - 1)))

    def action_scroll_top(self) -> None:
        self.scroll_to(y=0, animate=False, immediate=True)

    def action_scroll_bottom(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)


class LinesPane(ScrollView, can_focus=True, inherit_bindings=False):
    """The same for a widget that draws its own lines."""

    scope: ClassVar[Scope] = "pane"
    ALLOW_SELECT = False
    auto_links = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("pane")]
    DEFAULT_CSS = """
    LinesPane {
        height: 1fr; width: 1fr; color: $foreground; overflow-x: hidden; overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    def action_scroll_lines(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def action_scroll_pages(self, pages: float) -> None:
        self.action_scroll_lines(round(pages * max(1, self.size.height - 1)))

    def action_scroll_top(self) -> None:
        self.scroll_to(y=0, animate=False, force=True)

    def action_scroll_bottom(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
