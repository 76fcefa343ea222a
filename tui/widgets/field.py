"""The one text input: a single line without a frame, and without a blinking cursor (an idle console
writes nothing)."""

from __future__ import annotations

from textual import events

from tui.textual_private import SafeInput

_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))


class Field(SafeInput):
    """Holds the text as it was typed, or pasted as one line, and shows it through `engine.text.safe()`,
    character by character."""

    DEFAULT_CSS = """
    Field, Field:focus { border: none; height: 1; padding: 0; background: $boost; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def on_paste(self, event: events.Paste) -> None:
        """Textual's input, which takes it next, would keep the first line only."""
        event.text = _one_line(event.text)


def _one_line(text: str) -> str:
    """Lines one after the other, a space for what parts them and for tabs, without control characters."""
    lines = (line for line in text.replace("\t", "\n").splitlines() if line.strip())
    return " ".join(lines).translate(_CONTROLS)
