"""The one text input: a single line without a frame, and without a blinking cursor (an idle console
writes nothing)."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Input

from engine.text import safe
from tui.widgets.cells import cell_width


class Field(Input):
    """Holds the text as it was typed or pasted, and shows it through `engine.text.safe()`, character
    by character."""

    DEFAULT_CSS = """
    Field, Field:focus { border: none; height: 1; padding: 0; background: $boost; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False

    @property
    def _value(self) -> Text:
        return Text(safe(self.value, len(self.value)), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_width(safe(self.value[:position], position))
