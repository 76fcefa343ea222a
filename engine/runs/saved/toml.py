"""Edits the text of a views file in place: only the changed view is rewritten.

The file is TOML. Each view is a table under its own ``[[view]]`` line.
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
"""A view with `store`, `experiment` and `name`, as plain values."""

_TABLE = re.compile(r"^(?=[ \t]*\[)", re.MULTILINE)
_VIEW = re.compile(r"[ \t]*\[\[[ \t]*view[ \t]*\]\]")
_WITHIN = re.compile(r"[ \t]*\[{1,2}[ \t]*view[ \t]*\.")
_LONG_LINE = 100


def entries(text: str) -> list[Any]:
    """The contents of `view` in the file. Raises `tomllib.TOMLDecodeError`."""
    found = tomllib.loads(text).get("view", [])
    return found if isinstance(found, list) else [found]


def with_entry(text: str, entry: Entry, index: int | None) -> str:
    """The text with the view at `index` replaced, or appended if None. Raises `UsageError` if the layout does
    not allow it."""
    if index is None:
        gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
        new = text + gap + _updated("[[view]]\n", entry)
        expected = [*entries(text), entry]
    else:
        pieces, views = _pieces(text)
        at = views[index]
        body, around = _split_trailing_comments(pieces[at])
        pieces[at] = _updated(body, entry) + around
        new = "".join(pieces)
        expected = entries(text)
        expected[index] = entry
    return _checked(text, new, expected)


def without_entries(text: str, indexes: Collection[int]) -> str:
    """The text without the views at these indexes; comments between views stay. Raises the same errors as
    `with_entry`."""
    pieces, views = _pieces(text)
    for index in indexes:
        pieces[views[index]] = _split_trailing_comments(pieces[views[index]])[1].lstrip("\n")
    expected = [entry for index, entry in enumerate(entries(text)) if index not in indexes]
    return _checked(text, "".join(pieces), expected)


def _pieces(text: str) -> tuple[list[str], list[int]]:
    """The text in pieces, and the indexes of the pieces that are views."""
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
        raise _unsupported_layout()
    return pieces, views


def _split_trailing_comments(piece: str) -> tuple[str, str]:
    """A view, and the blank lines and comments after it."""
    lines = piece.split("\n")
    end = len(lines)
    while not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#"):
        end -= 1
    return "\n".join(lines[:end]) + "\n", "\n".join(lines[end:])


def _updated(body: str, entry: Entry) -> str:
    """`body` with its view changed to `entry`; unchanged lines stay as they are."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(body)
        _change(document["view"][0], entry)
        return tomlkit.dumps(document)
    except TOMLKitError as error:
        raise _unsupported_layout() from error


def _change(table: Any, expected: Entry) -> None:
    for name in [name for name in table if name not in expected]:
        del table[name]
    for name, value in expected.items():
        current = table.get(name)
        if isinstance(current, dict) and isinstance(value, dict):
            _change(current, value)
        # True == 1 in Python, not in TOML.
        elif current != value or isinstance(current, bool) is not isinstance(value, bool):
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


def _checked(text: str, new: str, expected: list[Any]) -> str:
    """`new`, after checking that it holds the `expected` views and otherwise the contents of `text`."""
    try:
        found = tomllib.loads(new)
    except tomllib.TOMLDecodeError as error:
        raise _unsupported_layout() from error
    others = {name: value for name, value in tomllib.loads(text).items() if name != "view"}
    if found.pop("view", []) != expected or found != others:
        raise _unsupported_layout()
    return new


def _unsupported_layout() -> UsageError:
    return UsageError(
        "The layout of the saved views file does not allow automatic edits",
        hint="Edit it by hand, or put each view under its own [[view]] line.",
    )
