"""What reached a terminal, sequence by sequence, and what of it nobody should have sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from tests.hostile.payloads import PAYLOADS

# The sequences that Textual and a progress bar write: cursor moves, erasing, colours, private modes, the
# kitty keyboard's push and pop, questions about private modes, and the shape of the mouse pointer.
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


def strays(raw: bytes) -> list[str]:
    """Everything in `raw` that is neither plain text nor a sequence that Textual writes, with what
    stands around it; also every payload's own raw parts. Empty for a clean stream."""
    text = raw.decode("utf-8", "surrogateescape")
    found = [f"{what} in {_around(text, at)}" for at, what in _unknown(text)]
    for payload in PAYLOADS:
        for part in payload.raw:
            if (at := text.find(part)) >= 0:
                found.append(f"payload {payload.name}: {part!r} in {_around(text, at)}")
    return found


def _unknown(text: str) -> Iterator[tuple[int, str]]:
    """(place, description) of every control sequence and character that should not be there."""
    place = 0
    while place < len(text):
        char = text[place]
        if char == "\x1b":
            known = _KNOWN.match(text, place)
            if known is None:
                yield place, "an unknown escape sequence"
            place = known.end() if known else place + 1
            continue
        if not _plain(char):
            yield place, f"U+{ord(char):04X}"
        place += 1


def _plain(char: str) -> bool:
    """Printable, or the line ends and joiners that text needs."""
    return (
        char.isprintable()
        or char in ("\r", "\n", _ZERO_WIDTH_JOINER, _VARIATION_SELECTOR)
        or unicodedata.category(char) == "Zs"
    )


def _around(text: str, at: int) -> str:
    return repr(text[max(0, at - 24) : at + 24])
