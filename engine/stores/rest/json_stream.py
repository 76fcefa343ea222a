"""Decodes a JSON object and passes on its longest list element by element.

Decoding a page of a thousand runs in one call takes tens of milliseconds, during which no other thread of the
process runs, not even the UI. Element by element is no slower, and neither the elements nor the text before
them have to be kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

_LOOKAHEAD = len("e+0")
"""Without this much text after a number, it may continue in the next piece."""
_skip = re.compile(r"[ \t\n\r]*").match
_decode = json.JSONDecoder().raw_decode


def read_object(pieces: Iterable[str], field: str, take: Callable[[Any], None]) -> dict[str, Any]:
    """The JSON object in a text without its list `field`: `take` is called with each element of the list as
    soon as it is decoded, not at all for null. `pieces` are the parts of the text, in order, which may be cut
    anywhere. Raises `json.JSONDecodeError` if the text is not an object, `TypeError` if the field is not a
    list, `RecursionError` if it is nested too deeply, and whatever `take` raises.
    """
    text = _Text(pieces)
    found: dict[str, Any] = {}
    text.expect("{")
    separator = "}" if text.follows("}") else ","
    while separator == ",":
        if not text.starts_with('"'):
            raise text.error("Expecting a name")
        name = text.value()
        text.expect(":")
        if name == field:
            _take_list(text, take)
        else:
            found[name] = text.value()
        separator = text.separator("}")
    if not text.is_at_end():
        raise text.error("Extra data")
    return found


def _take_list(text: _Text, take: Callable[[Any], None]) -> None:
    if text.starts_with("n"):
        if text.value() is not None:
            raise text.error("Expecting null")
        return
    if not text.follows("["):
        raise TypeError("expected a list")
    separator = "]" if text.follows("]") else ","
    while separator == ",":
        take(text.value())
        separator = text.separator("]")


class _Text:
    """Text that arrives in pieces. What has been read is dropped with the next piece."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = iter(pieces)
        self._text = ""
        self._index = 0

    def value(self) -> Any:
        """Read the JSON value that begins here."""
        while True:
            try:
                value, end = _decode(self._text, self._index)
            except json.JSONDecodeError:
                if not self._grow():
                    raise
                continue
            if end + _LOOKAHEAD > len(self._text) and self._grow():
                continue
            self._index = end
            return value

    def starts_with(self, sign: str) -> bool:
        """Whether the next character, after whitespace, is `sign`."""
        self._skip_space()
        return self._text.startswith(sign, self._index)

    def follows(self, sign: str) -> bool:
        """Read `sign`, if it is the next character after whitespace, and the whitespace after it."""
        found = self.starts_with(sign)
        if found:
            self._index += 1
            self._skip_space()
        return found

    def expect(self, sign: str) -> None:
        if not self.follows(sign):
            raise self.error(f"Expecting {sign!r}")

    def separator(self, end: str) -> str:
        """Read the comma or the `end` after an element."""
        for sign in (",", end):
            if self.follows(sign):
                return sign
        raise self.error(f"Expecting ',' or {end!r}")

    def is_at_end(self) -> bool:
        self._skip_space()
        return self._index == len(self._text)

    def error(self, message: str) -> json.JSONDecodeError:
        return json.JSONDecodeError(message, self._text, self._index)

    def _skip_space(self) -> None:
        while True:
            match = _skip(self._text, self._index)
            assert match
            self._index = match.end()
            if self._index < len(self._text) or not self._grow():
                return

    def _grow(self) -> bool:
        """Add pieces, at least as much as is unread: a value longer than a piece is decoded a few times only.
        False at the end of the text."""
        unread = self._text[self._index :]
        added, length = [], 0
        for piece in self._pieces:
            added.append(piece)
            length += len(piece)
            if length > len(unread):
                break
        if length:
            self._text, self._index = unread + "".join(added), 0
        return length > 0
