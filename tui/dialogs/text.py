"""The text of a dialog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message

from tui.widgets.lines import Lines


class _Wrapped(Lines):
    """Word-wrapped lines."""

    text: Sequence[Content] = ()

    def lines(self, width: int) -> list[Content]:
        return [part for line in self.text for part in (line.wrap(max(2, width)) or [Content("")])]


class DialogText(VerticalScroll, can_focus=False):
    """Word-wrapped lines, which the dialog scrolls with PgUp and PgDn if they do not fit."""

    DEFAULT_CSS = """
    DialogText { height: auto; scrollbar-size-vertical: 1; }
    """

    @dataclass
    class Resized(Message):
        """The text has changed, or whether it fits."""

        fits: bool

    def __init__(self, text: Sequence[Content] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._wrapped = _Wrapped()
        self._wrapped.text = text

    def compose(self) -> ComposeResult:
        yield self._wrapped

    @property
    def text(self) -> Sequence[Content]:
        return self._wrapped.text

    def show(self, text: Sequence[Content]) -> None:
        self._wrapped.text = text
        self._wrapped.refresh(layout=True)
        self._announce()

    def watch_show_vertical_scrollbar(self) -> None:
        self._announce()

    def _announce(self) -> None:
        self.post_message(self.Resized(not self.show_vertical_scrollbar))

    def scroll_page(self, pages: int) -> None:
        """Scroll down by a page, which leaves one line of the last one; up if negative."""
        lines = pages * max(1, self.size.height - 1)
        self.scroll_relative(y=lines, animate=False, immediate=True)
