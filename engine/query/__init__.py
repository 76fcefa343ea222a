"""The filter language: one line of text that says which runs are meant."""

from engine.query.compile import Filter, compile_filter
from engine.query.keys import ColumnKey, ColumnKind, Value
from engine.query.names import column_named

__all__ = ["ColumnKey", "ColumnKind", "Filter", "Value", "column_named", "compile_filter"]
