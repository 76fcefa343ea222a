"""Text fitted into terminal cells."""

from __future__ import annotations

from rich.cells import chop_cells

from engine.text import Shown, cell_width, cut, safe


def clean(text: str) -> Shown:
    """`text` made safe to write: a second safeguard after `engine.text.safe()` where the text enters."""
    return Shown(text) if text.isprintable() else safe(text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` cells, padded at the end (`right`: at the start); … marks a cut, unless it
    drops nothing but spaces."""
    text = clean(text)
    kept = text if cell_width(text) <= width else cut(Shown(text.rstrip()), width)
    padding = " " * (width - cell_width(kept))
    return padding + kept if right else kept + padding


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken between words; words wider than a line are broken,
    too. An empty text gives one empty line."""
    text = clean(text)
    if width <= 0 or cell_width(text) <= width:
        return [text]
    lines: list[str] = []
    rest: str = text
    reach = 64 + 8 * width  # characters that fill a line, combining marks included
    while len(rest) > reach or cell_width(rest) > width:
        line = chop_cells(rest[:reach], width)[0] or rest[0]
        space = line.rfind(" ")
        word = rest[space + 1 : space + 1 + reach].split(" ", 1)[0]
        if rest[len(line) : len(line) + 1] != " " and space > 0 and cell_width(word) <= width:
            line = line[:space]
        lines.append(line.rstrip())
        rest = rest[len(line) :].lstrip()
    lines.append(rest)
    return lines


def thin_bar(share: float, width: int) -> str:
    """A thin bar of `share` (0 to 1) of `width` cells, to half a cell."""
    halves = round(min(1.0, max(0.0, share)) * 2 * width)
    return "━" * (halves // 2) + "╸" * (halves % 2)
