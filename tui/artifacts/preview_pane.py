"""The beginning of a file: text in wrapped lines, or a picture as large as the pane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from engine.text import safe
from tui import terminal
from tui.widgets.fit_text import fit, wrapped
from tui.widgets.half_blocks import half_blocks, shades
from tui.widgets.scroll_pane import LinesPane

if TYPE_CHECKING:
    from engine.api import Picture

Line = tuple[tuple[str, str], ...]
"""Pieces of one line: text and Rich style."""
_GAP = 1


class PreviewPane(LinesPane):
    """Lines of a file, or its picture: half blocks in colour, shades with few colours or none."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._texts: tuple[str, ...] = ()
        self._picture: Picture | None = None
        self._wrap = True
        self._laid: list[Line] = []
        self._laid_size = Size(0, 0)

    def show(self, lines: Sequence[str], picture: Picture | None = None, *, wrap: bool = True) -> None:
        """Replace the contents, from the top. `lines` are raw text; without `wrap`, long ones are cut."""
        self._texts, self._picture, self._wrap = tuple(lines), picture, wrap
        self._lay()
        self.scroll_to(y=0, animate=False, force=True)
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        if self._size_to_lay != self._laid_size:
            self._lay()

    @property
    def _size_to_lay(self) -> Size:
        """The size that the layout depends on; the scrollbar's cell is kept free."""
        width = max(0, self.size.width - 1 - _GAP)
        return Size(width, self.size.height if self._picture is not None else 0)

    def _lay(self) -> None:
        self._laid_size = width, height = self._size_to_lay
        self._laid = []
        if width > 0 and self._picture is not None:
            self._laid = self._drawn(self._picture, width, max(4, height))
        elif width > 0:
            texts = (safe(text.replace("\t", "    "), 4 * len(text)) for text in self._texts)
            lines = (wrapped(text, width) if self._wrap else [fit(text, width)] for text in texts)
            self._laid = [((part, ""),) for parts in lines for part in parts]
        self.virtual_size = Size(0, len(self._laid))

    def _drawn(self, picture: Picture, width: int, height: int) -> list[Line]:
        if self.app.no_color or terminal.few_colours():
            return [((line, ""),) for line in shades(picture, width, height)]
        return [tuple(row) for row in half_blocks(picture.fitted(width, 2 * height))]

    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        plain = self.rich_style
        if row >= len(self._laid):
            return Strip.blank(self.size.width, plain)
        pieces = [Segment(" " * _GAP, plain)]
        pieces += [
            Segment(text, plain + Style.parse(style) if style else plain) for text, style in self._laid[row]
        ]
        return Strip(pieces).simplify().adjust_cell_length(self.size.width, plain)
