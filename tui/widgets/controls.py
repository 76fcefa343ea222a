"""The controls of dialogs: inputs of one line and of several, and buttons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import TextArea

from engine.text import ELLIPSIS, cell_width, safe
from tui.textual_private import SafeInput

_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))


class Field(SafeInput):
    """The only text input of one line, without a frame. It keeps the raw text, pasted lines joined into
    one, and displays it through `engine.text.safe()`."""

    DEFAULT_CSS = """
    Field, Field:focus { border: none; height: 1; padding: 0; background: $boost; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False  # an idle console writes nothing

    def render_line(self, y: int) -> Strip:
        """Mark text that goes on beyond the edge, unless it is being edited: the cursor may be there."""
        strip, width = super().render_line(y), self.size.width
        text = safe(self.value, len(self.value)) or self.placeholder
        if (self.has_focus and self.value) or not 0 < width < cell_width(text):
            return strip
        last = next(reversed(list(strip)), Segment(""))
        return Strip.join([strip.crop(0, width - 1), Strip([Segment(ELLIPSIS, last.style)])])

    def on_paste(self, event: events.Paste) -> None:
        """Join the lines: Textual's input, which handles the event next, would keep only the first."""
        event.text = _one_line(event.text)


def _one_line(text: str) -> str:
    """The lines joined by spaces, tabs as spaces, without control characters."""
    lines = (line for line in text.replace("\t", "\n").splitlines() if line.strip())
    return " ".join(lines).translate(_CONTROLS)


class TextEditor(TextArea):
    """The only text input of several lines. It keeps the raw text, and displays it through
    `engine.text.safe()`."""

    DEFAULT_CSS = """
    TextEditor, TextEditor:focus { border: none; padding: 0; background: $boost; }
    """

    def __init__(self, text: str = "", *, placeholder: str = "", id: str) -> None:  # noqa: A002
        super().__init__(text, placeholder=placeholder, compact=True, highlight_cursor_line=False, id=id)
        self.match_cursor_bracket = False
        self.cursor_blink = False  # an idle console writes nothing

    def get_line(self, line_index: int) -> Text:
        line = self.document.get_line(line_index)
        return Text(safe(line, len(line)), end="", no_wrap=True)


class TextButton(Widget, can_focus=True):
    """A one-line button, in brackets while it has the focus. Enter or a click presses it; space does not,
    because a sentence typed with the focus in the wrong place has spaces."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "press", show=False, id="dialog.press")]
    DEFAULT_CSS = """
    TextButton { width: auto; height: 1; margin: 0 0 0 2; color: $foreground; }
    TextButton:focus { color: $accent; text-style: bold; }
    TextButton.-off { color: $text-disabled; }
    TextButton.-off:focus { color: $text-muted; }
    """

    label: reactive[str] = reactive("", layout=True)
    off: reactive[bool] = reactive(False, toggle_class="-off")
    """Greyed out; pressing it shows why it is disabled."""

    @dataclass
    class Pressed(Message):
        button: TextButton

        @property
        def control(self) -> TextButton:
            return self.button

    def __init__(self, label: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.set_reactive(TextButton.label, label)

    def render(self) -> Content:
        return Content(f"[ {self.label} ]" if self.has_focus else f"  {self.label}  ")

    def action_press(self) -> None:
        self.post_message(self.Pressed(self))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_press()
