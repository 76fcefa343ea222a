"""Text measured in terminal cells: the last step before a Segment."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells, set_cell_size

from engine.text import ELLIPSIS, safe


def clean(text: str) -> str:
    """`text` as it may be written: the second guard after `engine.text.safe()` at its origin."""
    return text if text.isprintable() else safe(text)


def cell_width(text: str) -> int:
    """Terminal cells that `text` takes: 2 for each East Asian wide character and emoji."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` cells, padded at its end (`right`: at its beginning); what does
    not fit is cut, and the cut is marked with …"""
    if width <= 0:
        return ""
    text = clean(text)
    room = width - cell_width(text)
    if room < 0:
        return set_cell_size(text, width - 1) + ELLIPSIS
    return " " * room + text if right else text + " " * room


def within(text: str, width: int) -> str:
    """`text` in at most `width` cells; what does not fit is cut, and the cut is marked with …"""
    return fit(text, min(width, cell_width(text)))


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken between words; a word that is wider than a
    line is broken itself. No text: one empty line."""
    text = clean(text)
    if width <= 0 or cell_width(text) <= width:
        return [text]
    lines: list[str] = []
    rest = text
    while cell_width(rest) > width:
        line = chop_cells(rest, width)[0] or rest[0]
        space = line.rfind(" ")
        word = rest[space + 1 :].split(" ", 1)[0]
        if rest[len(line) : len(line) + 1] != " " and space > 0 and cell_width(word) <= width:
            line = line[:space]
        lines.append(line.rstrip())
        rest = rest[len(line) :].lstrip()
    lines.append(rest)
    return lines
