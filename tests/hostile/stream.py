"""Finds unexpected control sequences and characters in terminal output."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from tests.hostile.payloads import PAYLOADS

# The sequences that Textual and a progress bar write: cursor movement, erasing, colors, private modes, kitty
# keyboard push and pop, private mode queries, and the mouse pointer shape.
_KNOWN = re.compile(
    r"\x1b\]22;[a-z-]*\x07"
    r"|\x1b\[(?:"
    r"\d*(?:;\d*)?H"
    r"|\d*[ABCD]"
    r"|[0-3]?[JK]"
    r"|[\d;:]*m"
    r"|\?[\d;]+[hl]"
    r"|\?\d+\$p"
    r"|[<>]\d*u"
    r")"
)

_ZERO_WIDTH_JOINER = "\u200d"
_VARIATION_SELECTOR = "\ufe0f"


def unexpected_output(raw: bytes) -> list[str]:
    """Everything in `raw` that is neither plain text nor a sequence that Textual writes, with its context,
    and any raw part of a payload. Empty for a clean stream."""
    text = raw.decode("utf-8", "surrogateescape")
    found = [f"{what} in {_context(text, at)}" for at, what in _unknown(text)]
    for payload in PAYLOADS:
        for part in payload.raw:
            if (at := text.find(part)) >= 0:
                found.append(f"payload {payload.name}: {part!r} in {_context(text, at)}")
    return found


def _unknown(text: str) -> Iterator[tuple[int, str]]:
    """(position, description) of every unexpected control sequence and character."""
    position = 0
    while position < len(text):
        char = text[position]
        if char == "\x1b":
            known = _KNOWN.match(text, position)
            if known is None:
                yield position, "an unknown escape sequence"
            position = known.end() if known else position + 1
            continue
        if not _plain(char):
            yield position, f"U+{ord(char):04X}"
        position += 1


def _plain(char: str) -> bool:
    """Whether a character is printable, a line ending, or a joiner used in text."""
    return (
        char.isprintable()
        or char in ("\r", "\n", _ZERO_WIDTH_JOINER, _VARIATION_SELECTOR)
        or unicodedata.category(char) == "Zs"
    )


def _context(text: str, at: int) -> str:
    return repr(text[max(0, at - 24) : at + 24])
