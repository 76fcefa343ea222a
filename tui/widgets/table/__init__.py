"""The only grid widget: any number of rows and columns, drawn line by line."""

from tui.widgets.table.source import (
    CellStyle,
    FirstWord,
    SortMark,
    TableColumn,
    TableSource,
    TextRow,
    TextSource,
)
from tui.widgets.table.table import Table

__all__ = [
    "CellStyle",
    "FirstWord",
    "SortMark",
    "Table",
    "TableColumn",
    "TableSource",
    "TextRow",
    "TextSource",
]
