"""Confirmation; Cancel is the default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content

from engine.errors import UntrustedModel
from engine.text import Shown, safe
from tui.dialogs.base import Dialog
from tui.dialogs.text import DialogText
from tui.widgets.controls import TextButton


class ConfirmDialog(Dialog[bool]):
    """Dismissed with True only if the operator moves to the second button and presses it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up", "step_focus(-1)", show=False, id="dialog.previous"),
        Binding("right,down", "step_focus(1)", show=False, id="dialog.next"),
    ]
    DEFAULT_CSS = """
    ConfirmDialog #choices { height: 1; align-horizontal: right; margin: 1 0 0 0; }
    """

    def __init__(self, title: str, text: Sequence[Content], *, yes: str, no: str = "Cancel") -> None:
        """`yes` and `no` are the labels of the buttons."""
        super().__init__()
        self.title_text = title
        self.subtitle_text = "← → select · enter confirm · esc cancel"
        self._text = text
        self._labels = (no, yes)

    def compose_dialog(self) -> ComposeResult:
        yield DialogText(self._text)
        with Horizontal(id="choices"):
            yield TextButton(self._labels[0], id="no")
            yield TextButton(self._labels[1], id="yes")

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    @on(TextButton.Pressed, "#no")
    def _cancel(self) -> None:
        if self.is_current:
            self.action_leave()

    @on(TextButton.Pressed, "#yes")
    def _confirm(self) -> None:
        if self.is_current:
            self.dismiss(True)


def code_question(error: UntrustedModel, user: Shown, *, yes: str) -> ConfirmDialog:
    """Ask before a model can run arbitrary code as `user`. The yes names whose code it is."""
    where = f"Loading it runs that code on this machine, as {user}."
    lines = [Content(safe(text)) for text in (error.title + ".", error.detail, where, error.hint) if text]
    return ConfirmDialog("Load this model?", lines, yes=f"{yes}, trusting {safe(error.owner, 40)}")
