"""The one text input: a single line without a frame, and without a blinking cursor (an idle console
writes nothing)."""

from __future__ import annotations

from textual.widgets import Input


class Field(Input):
    DEFAULT_CSS = """
    Field, Field:focus { border: none; height: 1; padding: 0; background: $boost; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False
