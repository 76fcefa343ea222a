"""The one gate from outside strings to a screen."""

from __future__ import annotations

import unicodedata
from typing import NewType

Shown = NewType("Shown", str)
"""Text that may reach a terminal: no control, direction-changing or invisible characters."""

LIMIT = 4096
NAME_CELLS = 40
ELLIPSIS = "…"

_ZERO_WIDTH_JOINER = "\u200d"

# Letters and marks that show nothing: fillers, blank Braille, variation selectors of ideographs.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    map(chr, range(0xE0100, 0xE01F0))
)


class _Table(dict[int, str]):
    """Translates a character when it is first met: control pictures for C0, U+FFFD for the rest."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if code < 0x20:
            shown = chr(0x2400 + code)
        elif code == 0x7F:
            shown = "\u2421"
        elif char in _INVISIBLE:
            shown = "\ufffd"
        elif char.isprintable() or char == _ZERO_WIDTH_JOINER:
            shown = char
        elif unicodedata.category(char) == "Zs":
            shown = " "
        else:
            shown = "\ufffd"
        self[code] = shown
        return shown


_TABLE = _Table()


def safe(text: object, limit: int = LIMIT) -> Shown:
    """`text` as it may be shown: control characters as pictures (ESC is ␛), bidirectional
    overrides, invisible characters and lone surrogates as �, cut with … at `limit` characters."""
    string = text if isinstance(text, str) else str(text)
    if len(string) > limit:
        string = string[: limit - 1] + ELLIPSIS
    if string.isprintable() and (string.isascii() or _INVISIBLE.isdisjoint(string)):
        return Shown(string)
    return Shown(string.translate(_TABLE))


def safe_lines(text: str, limit: int = LIMIT * 4) -> list[Shown]:
    """Multi-line text (a description, a log) as lines that may be shown, with … as the last line
    where something was cut at `limit` characters."""
    kept = text[:limit].replace("\r\n", "\n").replace("\t", "    ").split("\n")
    return [safe(line) for line in kept] + ([Shown(ELLIPSIS)] if len(text) > limit else [])


def cell_width(text: Shown) -> int:
    """How many terminal cells `text` takes: ideographs and emoji two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def cut(text: Shown, width: int) -> Shown:
    """`text` in at most `width` characters, with … where something was cut."""
    if len(text) <= width:
        return text
    return Shown(text[: max(0, width - 1)] + ELLIPSIS if width > 0 else "")


def short_name(name: str) -> Shown:
    """A name as messages tell it: in at most `NAME_CELLS` cells."""
    shown = safe(name)
    widths = range(NAME_CELLS, 0, -1)
    return next(told for width in widths if cell_width(told := cut(shown, width)) <= NAME_CELLS)
