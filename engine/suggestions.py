"""Suggests similar names for one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from engine.errors import NotFound
from engine.formats import listed
from engine.text import quoted

DID_YOU_MEAN = "Did you mean"
"""How a suggestion begins."""
_MAX_COMPARED = 2000
"""Names that are compared letter by letter."""


def closest(word: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Up to `limit` of the `known` names similar to `word`, the likeliest first."""
    small = word.lower()
    names = list(dict.fromkeys(known))
    same = [name for name in names if name.lower() == small]
    starting = [name for name in names if name.lower().startswith(small)] if len(small) > 1 else []
    holding = [name for name in names if small in name.lower()] if len(small) > 2 else []
    found = list(dict.fromkeys(same + sorted(starting, key=len) + sorted(holding, key=len)))
    if not found and len(word) <= 80:
        alike = [name for name in names if abs(len(name) - len(word)) <= 4][:_MAX_COMPARED]
        found = get_close_matches(word, alike, limit, 0.7)
    return found[:limit]


def did_you_mean(close: Iterable[str]) -> str:
    """`Did you mean a or b?`; empty without names."""
    names = " or ".join(close)
    return f"{DID_YOU_MEAN} {names}?" if names else ""


def not_found(what: str, name: str, known: Iterable[str], hint: str) -> NotFound:
    """The error for a `name` that is not one of the `known` ones. `what` is a singular noun: "Experiment".
    Suggests similar names, in quotes so that a space at an end shows; `hint` is for when there are none."""
    names = sorted(known)
    close = map(quoted, closest(name, names))
    detail = f"{what}s in this store: {listed(names)}"
    return NotFound(f"{what} {quoted(name)} not found", detail, did_you_mean(close) or hint)
