"""What a table tells its screen. All are named through the widget: `Table.RowHighlighted`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from tui.widgets.table.table import Table


@dataclass
class TableMessage(Message):
    """What all messages of a table carry."""

    table: Table

    @property
    def control(self) -> Table:
        return self.table


@dataclass
class RowHighlighted(TableMessage, namespace="table"):
    """The cursor came to another row. Of several that wait to be handled only the last arrives."""

    key: str
    row: int

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RowHighlighted) and message.table is self.table


@dataclass
class RowSelected(TableMessage, namespace="table"):
    """The operator opened a row."""

    key: str
    row: int


@dataclass
class MarksChanged(TableMessage, namespace="table"):
    """The operator marked rows or took marks away; `keys` are all that are marked now."""

    keys: frozenset[str]


@dataclass
class ColumnFocused(TableMessage, namespace="table"):
    """The focus went to another column."""

    key: str


@dataclass
class HeaderClicked(TableMessage, namespace="table"):
    """A column's label was clicked."""

    key: str
