"""The keys of a dialog and what they do, in as many lines as they need."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from tui.widgets.lines import Lines, flow


class KeyHints(Lines):
    DEFAULT_CSS = """
    KeyHints { color: $text-muted; }
    """

    def __init__(self, hints: Sequence[tuple[str, str]], *, id: str | None = None) -> None:  # noqa: A002
        """`hints` are keys as they are written on the keyboard, each with a word or two."""
        super().__init__(id=id)
        self._hints = [Content.assemble((keys, "$accent"), " ", does) for keys, does in hints]

    def lines(self, width: int) -> Sequence[Content]:
        return flow(self._hints, width, "   ")
