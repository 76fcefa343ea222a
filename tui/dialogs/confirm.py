"""Shall this be done? Cancel is the default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content

from tui.dialogs.base import Dialog
from tui.widgets.controls import TextButton
from tui.widgets.lines import Lines


class Told(Lines):
    """Lines that are wrapped where they are too long."""

    DEFAULT_CSS = """
    Told { max-height: 16; overflow-y: auto; }
    """

    def __init__(self, told: Sequence[Content], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.told = told

    def lines(self, width: int) -> list[Content]:
        return [part for line in self.told for part in line.wrap(max(2, width))]


class ConfirmDialog(Dialog[bool]):
    """Dismissed with True only when the operator went to the second button and pressed it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up,h,k", "step_focus(-1)", show=False, id="dialog.previous"),
        Binding("right,down,l,j", "step_focus(1)", show=False, id="dialog.next"),
    ]
    DEFAULT_CSS = """
    ConfirmDialog #choices { height: 1; align-horizontal: right; margin: 1 0 0 0; }
    """

    def __init__(self, title: str, told: Sequence[Content], *, yes: str, no: str = "Cancel") -> None:
        """`yes` and `no` are what the buttons say."""
        super().__init__()
        self.title_text = title
        self.subtitle_text = "← → choose · enter does it · esc leaves"
        self._told = told
        self._words = (no, yes)

    def compose_dialog(self) -> ComposeResult:
        yield Told(self._told)
        with Horizontal(id="choices"):
            yield TextButton(self._words[0], id="no")
            yield TextButton(self._words[1], id="yes")

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    @on(TextButton.Pressed, "#no")
    def _refuse(self) -> None:
        if self.is_current:
            self.action_leave()

    @on(TextButton.Pressed, "#yes")
    def _agree(self) -> None:
        if self.is_current:
            self.dismiss(True)
