"""Decodes a JSON object and passes on its longest list element by element.

Decoding a page of a thousand runs in one call takes tens of milliseconds, during which no other thread of the
process runs, not even the UI. Element by element is no slower, and no element has to be kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_skip = re.compile(r"[ \t\n\r]*").match
_decode = json.JSONDecoder().raw_decode


def read_object(text: str, field: str, take: Callable[[Any], None]) -> dict[str, Any]:
    """The JSON object in `text` without its list `field`: `take` is called with each element of the list as
    soon as it is decoded. Raises `json.JSONDecodeError` if the text is not an object, `TypeError` if the
    field is not a list, `RecursionError` if it is nested too deeply, and whatever `take` raises.
    """
    found: dict[str, Any] = {}
    index, separator = _after("{", text, 0), ","
    if text.startswith("}", index):
        index, separator = index + 1, "}"
    while separator == ",":
        if not text.startswith('"', index):
            raise json.JSONDecodeError("Expecting a name", text, index)
        name, index = _decode(text, index)
        index = _after(":", text, index)
        if name == field:
            index = _take_list(text, index, take)
        else:
            found[name], index = _decode(text, index)
        separator, index = _separator("}", text, index)
    if _skip_space(text, index) < len(text):
        raise json.JSONDecodeError("Extra data", text, index)
    return found


def _take_list(text: str, index: int, take: Callable[[Any], None]) -> int:
    """Pass on the elements of the list at `index`, none for null; returns the index after it."""
    if text.startswith("null", index):
        return index + len("null")
    if not text.startswith("[", index):
        raise TypeError("expected a list")
    index, separator = _after("[", text, index), ","
    if text.startswith("]", index):
        return index + 1
    while separator == ",":
        element, index = _decode(text, index)
        take(element)
        separator, index = _separator("]", text, index)
    return index


def _skip_space(text: str, index: int) -> int:
    """The index of the next character that is not whitespace."""
    match = _skip(text, index)
    assert match
    return match.end()


def _after(sign: str, text: str, index: int) -> int:
    """The index of what follows a sign."""
    index = _skip_space(text, index)
    if not text.startswith(sign, index):
        raise json.JSONDecodeError(f"Expecting {sign!r}", text, index)
    return _skip_space(text, index + 1)


def _separator(end: str, text: str, index: int) -> tuple[str, int]:
    """The comma or the `end` after an element, and the index of what follows it."""
    index = _skip_space(text, index)
    sign = text[index : index + 1]
    if not sign or sign not in ("," + end):
        raise json.JSONDecodeError(f"Expecting ',' or {end!r}", text, index)
    return sign, _skip_space(text, index + 1)
