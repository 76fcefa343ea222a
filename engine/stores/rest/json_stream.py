"""A JSON object whose longest list is handed on element by element.

Decoding a page of a thousand runs in one call takes tens of milliseconds in which no other thread
of the process runs, the screen's neither. Element by element it is no slower, and what has been
handed on need not be kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_skip = re.compile(r"[ \t\n\r]*").match
_decode = json.JSONDecoder().raw_decode


def read_object(text: str, field: str, take: Callable[[Any], None]) -> dict[str, Any]:
    """The object that `text` is, without its list `field`: `take` is called with each of its elements,
    as soon as it is read. Raises `json.JSONDecodeError` when the text is no object, `TypeError`
    when the field is no list, `RecursionError` when it is nested too deep, and whatever `take` raises.
    """
    found: dict[str, Any] = {}
    place, separator = _after("{", text, 0), ","
    if text.startswith("}", place):
        place, separator = place + 1, "}"
    while separator == ",":
        if not text.startswith('"', place):
            raise json.JSONDecodeError("Expecting a name", text, place)
        name, place = _decode(text, place)
        place = _after(":", text, place)
        if name == field:
            place = _take_list(text, place, take)
        else:
            found[name], place = _decode(text, place)
        separator, place = _separator("}", text, place)
    if _space(text, place) < len(text):
        raise json.JSONDecodeError("Extra data", text, place)
    return found


def _take_list(text: str, place: int, take: Callable[[Any], None]) -> int:
    """Hand on the list that begins at a place; the place behind it."""
    if not text.startswith("[", place):
        raise TypeError("what should be a list is none")
    place, separator = _after("[", text, place), ","
    if text.startswith("]", place):
        return place + 1
    while separator == ",":
        element, place = _decode(text, place)
        take(element)
        separator, place = _separator("]", text, place)
    return place


def _space(text: str, place: int) -> int:
    """The place of the next character that is no white space."""
    match = _skip(text, place)
    assert match
    return match.end()


def _after(sign: str, text: str, place: int) -> int:
    """The place of what follows a sign."""
    place = _space(text, place)
    if not text.startswith(sign, place):
        raise json.JSONDecodeError(f"Expecting {sign!r}", text, place)
    return _space(text, place + 1)


def _separator(end: str, text: str, place: int) -> tuple[str, int]:
    """The comma or the `end` behind an element, and the place of what follows it."""
    place = _space(text, place)
    sign = text[place : place + 1]
    if not sign or sign not in ("," + end):
        raise json.JSONDecodeError(f"Expecting ',' or {end!r}", text, place)
    return sign, _space(text, place + 1)
