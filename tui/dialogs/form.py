"""The base of dialogs with fields, a message and two buttons: Cancel, and what the dialog is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label, Select, Static

from engine.text import safe
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field, TextButton, TextEditor

T = TypeVar("T")


class FormDialog(Dialog[T]):
    """Subclasses yield rows in `compose_fields`, and act in `submit`. Enter in a field moves on; nothing that
    is typed can press a button."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,right", "step_focus(1)", show=False, id="dialog.next"),
        Binding("up,left", "step_focus(-1)", show=False, id="dialog.previous"),
    ]
    DEFAULT_CSS = """
    FormDialog .row { height: 1; margin-top: 1; }
    FormDialog .row Label { width: 14; color: $text-muted; }
    FormDialog .row Input { width: 1fr; }
    FormDialog .row TextEditor { width: 1fr; height: 1fr; }
    FormDialog .row.tall { height: 4; }
    FormDialog.-short .row.tall { height: 3; }
    FormDialog .row Select { width: 1fr; height: 1; }
    FormDialog .row SelectCurrent { border: none; padding: 0; height: 1; background: $boost; }
    FormDialog .row SelectCurrent #label { text-wrap: nowrap; text-overflow: ellipsis; }
    FormDialog .row Select:focus SelectCurrent #label { color: $accent; text-style: bold; }
    FormDialog #message { height: auto; max-height: 4; overflow-y: auto; margin-top: 1; }
    FormDialog #buttons { height: 1; margin-top: 1; align-horizontal: right; }
    FormDialog.-short .row, FormDialog.-short #message, FormDialog.-short #buttons { margin-top: 0; }
    """
    yes: ClassVar[str] = "Start"
    """The label of the second button."""

    def compose_dialog(self) -> ComposeResult:
        yield from self.compose_fields()
        yield Static("", id="message", markup=False)
        with Horizontal(id="buttons"):
            yield TextButton("Cancel", id="cancel")
            yield TextButton(self.yes, id="submit")

    def compose_fields(self) -> ComposeResult:
        yield from ()

    def text_row(self, identifier: str, label: str, value: str = "", placeholder: str = "") -> ComposeResult:
        with Horizontal(classes="row"):
            yield Label(label, markup=False)
            yield Field(value, placeholder=placeholder, id=identifier)

    def editor_row(self, identifier: str, label: str, value: str, placeholder: str = "") -> ComposeResult:
        """A text of several lines."""
        with Horizontal(classes="row tall"):
            yield Label(label, markup=False)
            yield TextEditor(value, placeholder=placeholder, id=identifier)

    def select_row(self, identifier: str, label: str, choices: Sequence[tuple[str, str]]) -> ComposeResult:
        """`choices` are pairs of key and text; the first is selected. Without any, they are set later."""
        with Horizontal(classes="row"):
            yield Label(label, markup=False)
            options = [(text, key) for key, text in choices]
            if options:
                yield Select(options, value=options[0][1], allow_blank=False, id=identifier, compact=True)
            else:
                yield Select[str]([], prompt="", id=identifier, compact=True)

    def text(self, identifier: str) -> str:
        """What was typed."""
        return self.query_one(f"#{identifier}", Input).value.strip()

    def chosen(self, identifier: str) -> str:
        """The key of the choice; empty without one."""
        value = self.query_one(f"#{identifier}", Select).value
        return value if isinstance(value, str) else ""

    def show_message(self, text: str, *, is_error: bool = False) -> None:
        message = self.query_one("#message", Static)
        message.set_class(is_error, "error")
        message.set_class(not is_error, "hint")
        message.update(safe(text, 600))
        self.fit_text()

    def submit(self) -> None:
        """The second button was pressed."""

    @on(Input.Submitted)
    def _next_field(self) -> None:
        self.focus_next()

    @on(TextButton.Pressed, "#cancel")
    def _cancel(self) -> None:
        if self.is_current:
            self.action_leave()

    @on(TextButton.Pressed, "#submit")
    def _submit(self) -> None:
        if self.is_current:
            self.submit()


def port_of(text: str) -> int | None:
    """A port that was typed, 0 for none; None if it is not one."""
    if not text:
        return 0
    return int(text) if text.isdecimal() and int(text) < 65536 else None
