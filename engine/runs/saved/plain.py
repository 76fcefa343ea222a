"""Converts run views to and from plain values for files: strings, numbers, lists, tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import TypeVar, cast, get_args

from engine.columns import ATTRIBUTES, HIDDEN_ATTRIBUTES, PREFIXES, VERSION_ATTRIBUTES, ColumnKey
from engine.errors import UsageError
from engine.formats import FORMATS
from engine.runs.grouping import RUN_COUNT
from engine.runs.sorting import SortKey, Statistic
from engine.runs.view import RunLayout, RunView
from engine.stores.block import DATASET_FIELDS
from engine.text import shortened

MAX_WIDTH = 1000
"""The maximum column width in terminal cells."""

T = TypeVar("T")

_SORT = re.compile(r"(?:(mean|std|min|max) of )?(.*?)(?: (asc|desc))?", re.IGNORECASE | re.DOTALL)
_ATTRIBUTES = (*ATTRIBUTES, *HIDDEN_ATTRIBUTES, RUN_COUNT.name)


def view_to_plain(view: RunView) -> dict[str, object]:
    """The settings that differ from the defaults, such as ``{"filter": "accuracy > 0.9", "sort":
    ["metrics.accuracy desc"], "widths": {"run_name": 30}}``."""
    found: dict[str, object] = {
        "filter": view.filter_text,
        "sort": [_sort_text(key) for key in view.sort],
        "columns": list(map(str, view.columns)),
        "widths": {str(key): width for key, width in view.widths.items()},
        "formats": {str(key): name for key, name in view.formats.items()},
        "constants_hidden": view.constants_hidden,
        "layout": "" if view.layout == "flat" else view.layout,
        "group_by": list(map(str, view.group_by)),
    }
    return {name: value for name, value in found.items() if value}


def view_from_plain(plain: Mapping[str, object], *, of_versions: bool = False) -> RunView:
    """The inverse of `view_to_plain`. `of_versions` is for a view of the versions of a model: it has their
    attributes and no layout. Raises `UsageError` for the first invalid setting."""
    settings = _VERSION_SETTINGS if of_versions else _SETTINGS
    for name in plain:
        if name not in settings:
            raise _unknown("setting", name, settings)
    column = partial(_column, attributes=VERSION_ATTRIBUTES if of_versions else _ATTRIBUTES)
    return RunView(
        filter_text=_text("filter", plain.get("filter", "")),
        sort=tuple(_sort_key(text, column) for text in _texts("sort", plain)),
        columns=tuple(map(column, _texts("columns", plain))),
        widths=_table("widths", plain, _width, column),
        formats=_table("formats", plain, _format, column),
        constants_hidden=_boolean("constants_hidden", plain.get("constants_hidden", False)),
        layout=_layout(plain.get("layout", "flat")),
        group_by=tuple(map(column, _texts("group_by", plain))),
    )


_VERSION_SETTINGS = ("filter", "sort", "columns", "widths", "formats", "constants_hidden")
_SETTINGS = (*_VERSION_SETTINGS, "layout", "group_by")


def _sort_text(sort: SortKey) -> str:
    """`metrics.accuracy desc`, `std of metrics.accuracy asc`. The direction is always written, because a name
    may end in such a word."""
    of = "" if sort.statistic == "mean" else f"{sort.statistic} of "
    return f"{of}{sort.key} {'desc' if sort.descending else 'asc'}"


def _sort_key(text: str, column: Callable[[str], ColumnKey]) -> SortKey:
    match = cast(re.Match[str], _SORT.fullmatch(text))
    statistic, name, direction = match.groups()
    return SortKey(
        column(name),
        descending=direction is not None and direction.lower() == "desc",
        statistic=cast(Statistic, (statistic or "mean").lower()),
    )


def _column(text: str, attributes: Sequence[str]) -> ColumnKey:
    prefix, dot, name = text.partition(".")
    kind = PREFIXES.get(prefix.lower()) if dot else None
    if kind is None and not dot:
        kind, name = "attribute", text
    if kind is None:
        raise _unknown("column", text, ("metrics.", "params.", "tags.", "datasets."))
    if kind == "attribute" and name not in attributes:
        if dot or get_close_matches(text, attributes, 1):
            raise _unknown("column", text, attributes)
        hint = f"Use metrics.{text}, params.{text} or tags.{text}; or one of {', '.join(attributes)}."
        raise UsageError(f"Unknown column {_quoted(text)}", hint=hint)
    if kind == "dataset" and name not in DATASET_FIELDS:
        raise _unknown("column", text, [f"datasets.{field}" for field in DATASET_FIELDS])
    return ColumnKey(kind, name)


def _unknown(what: str, text: str, known: Sequence[str]) -> UsageError:
    close = get_close_matches(text, known, 1)
    hint = f"Did you mean {close[0]}?" if close else f"Use one of {', '.join(known)}."
    return UsageError(f"Unknown {what} {_quoted(text)}", hint=hint)


def _invalid(setting: str, value: object, expected: str) -> UsageError:
    return UsageError(f"{setting} cannot be {_quoted(value)}", hint=f"It must be {expected}.")


def _quoted(value: object) -> str:
    return shortened(repr(value), 60)


def _text(setting: str, value: object) -> str:
    if not isinstance(value, str):
        raise _invalid(setting, value, "a string")
    return value


def _boolean(setting: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _invalid(setting, value, "true or false")
    return value


def _texts(setting: str, plain: Mapping[str, object]) -> list[str]:
    value = plain.get(setting, [])
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise _invalid(setting, value, "a list of strings")
    return value


def _table(
    setting: str,
    plain: Mapping[str, object],
    read: Callable[[str, object], T],
    column: Callable[[str], ColumnKey],
) -> dict[ColumnKey, T]:
    value = plain.get(setting, {})
    if not isinstance(value, dict):
        raise _invalid(setting, value, "a table with one entry per column")
    return {column(name): read(f"{setting} of {name}", entry) for name, entry in value.items()}


def _width(setting: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_WIDTH:
        raise _invalid(setting, value, f"a number of cells from 1 to {MAX_WIDTH}")
    return value


def _format(setting: str, value: object) -> str:
    if not isinstance(value, str) or value not in FORMATS:
        raise _invalid(setting, value, f"one of {', '.join(FORMATS)}")
    return value


def _layout(value: object) -> RunLayout:
    if value not in get_args(RunLayout):
        raise _invalid("layout", value, f"one of {', '.join(get_args(RunLayout))}")
    return cast(RunLayout, value)
