"""Blocks of text, laid out for their width and as high as needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from engine.text import cell_width
from tui.widgets.fit_text import fit, wrapped

SEPARATOR = " · "
LABEL_WIDTH = 12


class Lines(Widget):
    """Subclasses implement `lines`: the contents for a width in cells. A wider line is cut with …."""

    DEFAULT_CSS = """
    Lines { height: auto; }
    """

    def lines(self, width: int) -> Sequence[Content]:
        return ()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.lines(width))

    def render(self) -> Content:
        width = self.size.width
        return Content("\n").join(line.truncate(width, ellipsis=True) for line in self.lines(width))


def flow(items: Iterable[Content], width: int, separator: str = SEPARATOR) -> list[Content]:
    """`items` one after another with a separator, in lines of at most `width` cells, broken
    between items; an item that is wider than a line is wrapped."""
    lines: list[Content] = []
    for item in items:
        if lines and lines[-1].cell_length + cell_width(separator) + item.cell_length <= width:
            lines[-1] = Content.assemble(lines[-1], (separator, "$text-muted"), item)
        elif item.cell_length <= width:
            lines.append(item)
        else:
            lines += [Content(line) for line in wrapped(item.plain, width)]
    return lines


def field(
    label: str, items: Iterable[Content], width: int, *, label_width: int = LABEL_WIDTH
) -> list[Content]:
    """`label` in a column at the left, its items beside it. No lines without items."""
    lines = flow(items, max(8, width - label_width))
    return [
        Content.assemble((fit(label if at == 0 else "", label_width), "$text-muted"), line)
        for at, line in enumerate(lines)
    ]


def paragraph(texts: Iterable[str], width: int, limit: int, style: str = "") -> list[Content]:
    """Text wrapped to `width`, cut with … after `limit` lines."""
    lines = [line for text in texts for line in wrapped(text, width)]
    if len(lines) > limit:
        lines = [*lines[: limit - 1], fit(f"{lines[limit - 1].rstrip()} …", width).rstrip()]
    return [Content.styled(line, style) for line in lines]


class KeyHints(Lines):
    DEFAULT_CSS = """
    KeyHints { color: $text-muted; }
    """

    def __init__(self, hints: Sequence[tuple[str, str]], *, id: str | None = None) -> None:  # noqa: A002
        """`hints` are pairs of keys, as labelled on the keyboard, and a word or two."""
        super().__init__(id=id)
        self._hints = [Content.assemble((keys, "$accent"), " ", does) for keys, does in hints]

    def lines(self, width: int) -> Sequence[Content]:
        return flow(self._hints, width, "   ")
