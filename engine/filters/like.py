"""LIKE and ILIKE as in SQL: `%` matches any text, `_` any one character; no escapes."""

from __future__ import annotations

import re
from collections.abc import Callable


def like(pattern: str, *, ignore_case: bool = False) -> Callable[[str], bool]:
    """A test that the complete text matches, in time proportional to pattern × text."""
    if ignore_case:
        matches = like(pattern.lower())
        return lambda text: matches(text.lower())
    if "_" not in pattern:
        if "%" not in pattern:
            return pattern.__eq__
        inner = pattern[1:-1]
        if len(pattern) > 1 and pattern[0] == pattern[-1] == "%" and "%" not in inner:
            return lambda text: inner in text
    first, *rest = [_piece(part) for part in pattern.split("%")]
    if not rest:
        return lambda text: first.fullmatch(text) is not None
    *middle, last = rest
    tail = len(pattern) - pattern.rfind("%") - 1

    def matches_pieces(text: str) -> bool:
        begun = first.match(text)
        if begun is None:
            return False
        at, end = begun.end(), len(text) - tail
        for piece in middle:
            # The earliest match leaves the most room for the rest.
            found = piece.search(text, at, max(at, end))
            if found is None:
                return False
            at = found.end()
        return at <= end and last.fullmatch(text, end) is not None

    return matches_pieces


def _piece(part: str) -> re.Pattern[str]:
    """A piece between two `%`: its length is fixed, so it never backtracks."""
    return re.compile("".join("." if char == "_" else re.escape(char) for char in part), re.DOTALL)
