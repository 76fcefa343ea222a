"""Makes untrusted strings safe for the screen: every one passes through here."""

from __future__ import annotations

import unicodedata
from typing import NewType

Shown = NewType("Shown", str)
"""Text that is safe for a terminal: no control, direction-changing or invisible characters."""

LIMIT = 4096
NAME_CELLS = 40
ELLIPSIS = "…"

_ZERO_WIDTH_JOINER = "\u200d"

# Invisible letters and marks: fillers, blank Braille, variation selectors of ideographs.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    map(chr, range(0xE0100, 0xE01F0))
)


class _Translations(dict[int, str]):
    """Translates characters lazily: control pictures for C0, U+FFFD for the rest."""

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


_TRANSLATIONS = _Translations()


def shortened(text: str, limit: int) -> str:
    """`text` in at most `limit` characters; … marks a cut."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def quoted(text: str, limit: int = 80) -> Shown:
    """`text` in quotes, so that spaces at its ends show, cut with … at `limit` characters."""
    return safe(repr(shortened(text, limit)))


def safe(text: object, limit: int = LIMIT) -> Shown:
    """`text` made safe to show: control characters as pictures (ESC is ␛), bidirectional overrides, invisible
    characters and lone surrogates as �, cut with … at `limit` characters."""
    string = text if isinstance(text, str) else str(text)
    string = shortened(string, limit)
    if string.isprintable() and (string.isascii() or _INVISIBLE.isdisjoint(string)):
        return Shown(string)
    return Shown(string.translate(_TRANSLATIONS))


def safe_lines(text: str, limit: int = LIMIT * 4) -> list[Shown]:
    """Multi-line text (a description, a log) as safe lines; … is the last line if the text was cut at `limit`
    characters."""
    kept = text[:limit].replace("\r\n", "\n").replace("\t", "    ").split("\n")
    return [safe(line) for line in kept] + ([Shown(ELLIPSIS)] if len(text) > limit else [])


def cell_width(text: str) -> int:
    """The number of terminal cells of `text`: two for an ideograph, an emoji or a joined emoji sequence, none
    for a combining mark."""
    if text.isascii():
        return len(text)
    # Textual draws with Rich's width table: measuring with another one would misplace text after an emoji.
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: Shown, width: int) -> Shown:
    """`text` in at most `width` cells; … marks a cut."""
    if cell_width(text) <= width:
        return text
    if width <= 0:
        return Shown("")
    if text.isascii():
        return Shown(text[: width - 1] + ELLIPSIS)
    from rich.cells import set_cell_size

    return Shown(set_cell_size(text, width - 1) + ELLIPSIS)


def short_name(name: str) -> Shown:
    """A name for use in messages: at most `NAME_CELLS` cells."""
    return cut(safe(name), NAME_CELLS)
