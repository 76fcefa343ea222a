"""The text of a file of views, changed where a view changes: what a person wrote around it stays.

The file is TOML. Each view is a table under a line of its own, ``[[view]]``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError

if TYPE_CHECKING:
    from tomlkit.items import Item

Entry = Mapping[str, object]
"""A view with `store`, `experiment` and `name`, in plain values."""

_TABLE = re.compile(r"^(?=[ \t]*\[)", re.MULTILINE)
_VIEW = re.compile(r"[ \t]*\[\[[ \t]*view[ \t]*\]\]")
_WITHIN = re.compile(r"[ \t]*\[{1,2}[ \t]*view[ \t]*\.")
_LONG_LINE = 100


def entries(text: str) -> list[Any]:
    """What the file holds under `view`. Raises `tomllib.TOMLDecodeError`."""
    found = tomllib.loads(text).get("view", [])
    return found if isinstance(found, list) else [found]


def with_entry(text: str, entry: Entry, place: int | None) -> str:
    """The text with the view at `place` (the end, if None) replaced by this one. Raises `UsageError`
    where that cannot be done."""
    if place is None:
        gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
        new = text + gap + _written("[[view]]\n", entry)
        wanted = [*entries(text), entry]
    else:
        pieces, views = _pieces(text)
        at = views[place]
        body, around = _parted(pieces[at])
        pieces[at] = _written(body, entry) + around
        new = "".join(pieces)
        wanted = entries(text)
        wanted[place] = entry
    return _checked(text, new, wanted)


def without_entries(text: str, places: Collection[int]) -> str:
    """The text without the views at these places; comments between views stay. Raises as `with_entry`."""
    pieces, views = _pieces(text)
    for place in places:
        pieces[views[place]] = _parted(pieces[views[place]])[1].lstrip("\n")
    wanted = [entry for place, entry in enumerate(entries(text)) if place not in places]
    return _checked(text, "".join(pieces), wanted)


def _pieces(text: str) -> tuple[list[str], list[int]]:
    """The text in pieces, and which of them are the views."""
    pieces: list[str] = []
    views: list[int] = []
    for piece in _TABLE.split(text):
        if _VIEW.match(piece):
            views.append(len(pieces))
        elif views and views[-1] == len(pieces) - 1 and _WITHIN.match(piece):
            pieces[-1] += piece
            continue
        pieces.append(piece)
    if len(views) != len(entries(text)):
        raise _intricate()
    return pieces, views


def _parted(piece: str) -> tuple[str, str]:
    """A view, and the blank lines and comments between it and the next."""
    lines = piece.split("\n")
    end = len(lines)
    while not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#"):
        end -= 1
    return "\n".join(lines[:end]) + "\n", "\n".join(lines[end:])


def _written(body: str, entry: Entry) -> str:
    """The view of `body` changed into `entry`; lines that say the same stay as they are."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(body)
        _change(document["view"][0], entry)
        return tomlkit.dumps(document)
    except TOMLKitError as error:
        raise _intricate() from error


def _change(table: Any, wanted: Entry) -> None:
    for name in [name for name in table if name not in wanted]:
        del table[name]
    for name, value in wanted.items():
        here = table.get(name)
        if isinstance(here, dict) and isinstance(value, dict):
            _change(here, value)
        elif here != value or isinstance(here, bool) is not isinstance(value, bool):  # true is no 1
            table[name] = _item(value)


def _item(value: object) -> Item:
    import tomlkit

    if isinstance(value, dict):
        table = tomlkit.inline_table()
        table.update(value)
        return table
    if isinstance(value, list):
        texts = tomlkit.array()
        texts.extend(value)
        return texts.multiline(sum(len(text) + 4 for text in value) > _LONG_LINE)
    return tomlkit.item(value)


def _checked(text: str, new: str, wanted: list[Any]) -> str:
    """`new`, which holds the views that are wanted and else what `text` held."""
    try:
        found = tomllib.loads(new)
    except tomllib.TOMLDecodeError as error:
        raise _intricate() from error
    rest = {name: value for name, value in tomllib.loads(text).items() if name != "view"}
    if found.pop("view", []) != wanted or found != rest:
        raise _intricate()
    return new


def _intricate() -> UsageError:
    return UsageError(
        "The file of views is laid out in a way that cannot be changed from here",
        hint="Change it by hand, or put each view under a line [[view]] of its own.",
    )
