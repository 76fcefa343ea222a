"""The filter language: one line of text that says which runs are meant.

Names are imported when they are asked for: who only needs a column's key does not load the language.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.query.compile import Filter, compile_filter
    from engine.query.keys import ColumnKey, ColumnKind, Value
    from engine.query.names import column_named

_HOMES = {
    "Filter": "engine.query.compile",
    "compile_filter": "engine.query.compile",
    "ColumnKey": "engine.query.keys",
    "ColumnKind": "engine.query.keys",
    "Value": "engine.query.keys",
    "column_named": "engine.query.names",
}

__all__ = ["ColumnKey", "ColumnKind", "Filter", "Value", "column_named", "compile_filter"]


if not TYPE_CHECKING:  # a checker would take any name for one of ours

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(home), name)
