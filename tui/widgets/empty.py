"""The empty state of a view: what is missing, and which keys help."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from engine.text import cell_width
from tui.widgets.fit_text import clean, fit, wrapped

_LINE_WIDTH = 64


class EmptyState(Widget):
    """A title, a few lines, and keys with their meaning, in the middle of the widget."""

    DEFAULT_CSS = """
    EmptyState { height: 1fr; width: 1fr; align: center middle; color: $text-muted; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._title = ""
        self._lines: tuple[str, ...] = ()
        self._keys: tuple[tuple[str, str], ...] = ()

    def show(self, title: str, lines: Sequence[str] = (), keys: Sequence[tuple[str, str]] = ()) -> None:
        """Replace the contents. `keys` are pairs of a key and its meaning."""
        shown = title, tuple(lines), tuple(keys)
        if shown != (self._title, self._lines, self._keys):
            self._title, self._lines, self._keys = shown
            self.refresh()

    def render(self) -> Content:
        width, height = self.size
        room = max(1, min(_LINE_WIDTH, width - 4))
        lines = [_centred(Content.styled(clean(self._title), "$foreground bold"), width), Content("")]
        lines += [_centred(Content(part), width) for line in self._lines for part in wrapped(line, room)]
        lines += [Content(""), *self._key_lines(width)] if self._keys else []
        above = max(0, (height - len(lines)) * 2 // 5)  # slightly above the middle looks centred
        return Content("\n").join([*[Content("")] * above, *lines[:height]])

    def _key_lines(self, width: int) -> list[Content]:
        """Keys right-aligned against their meanings, the block centred."""
        keys = max(cell_width(clean(key)) for key, _ in self._keys)
        texts = max(cell_width(clean(text)) for _, text in self._keys)
        indent = " " * max(0, (width - keys - texts - 3) // 2)
        return [
            Content.assemble(indent, (fit(key, keys, right=True), "$accent"), "   ", fit(text, texts))
            for key, text in self._keys
        ]


def _centred(line: Content, width: int) -> Content:
    return Content(" " * max(0, (width - line.cell_length) // 2)) + line.truncate(width, ellipsis=True)
