"""One-line buttons in a row: the focused one stands in brackets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """A button. Posts `Pressed` on enter or a click; not on space, which is in every sentence that is
    typed with the focus in the wrong place."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "press", show=False, id="dialog.press")]
    DEFAULT_CSS = """
    Choice { width: auto; height: 1; margin: 0 0 0 2; color: $foreground; }
    Choice:focus { color: $accent; text-style: bold; }
    Choice.-off { color: $text-disabled; }
    Choice.-off:focus { color: $text-muted; }
    """

    label: reactive[str] = reactive("", layout=True)
    off: reactive[bool] = reactive(False, toggle_class="-off")
    """Shown grey: pressing it does nothing but say why."""

    @dataclass
    class Pressed(Message):
        choice: Choice

        @property
        def control(self) -> Choice:
            return self.choice

    def __init__(self, label: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.set_reactive(Choice.label, label)

    def render(self) -> Content:
        return Content(f"[ {self.label} ]" if self.has_focus else f"  {self.label}  ")

    def action_press(self) -> None:
        self.post_message(self.Pressed(self))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_press()
