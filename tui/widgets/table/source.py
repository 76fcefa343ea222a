"""The contents of a table: an immutable source, read only for the cells on screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from engine.text import Shown

CellStyle = Literal["good", "bad", "warning", "accent", "muted", "strong", "heading"]
"""The meaning of a cell; the theme defines its style."""


@dataclass(frozen=True, slots=True)
class FirstWord:
    """A style for the first word of a cell ("✓ finished" with a coloured tick), and one for the rest."""

    style: CellStyle | None
    rest: CellStyle | None = None


SortMark = Literal["ascending", "descending"]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column. `width` is in cells and without the gap to the next column.

    `full_width` is the width at which nothing is cut; the table grants it when all columns fit and
    room is left. A fixed column is cut to half of the table if not all columns fit, unless it has `keep`.
    `rank` numbers the sort keys when there are several.
    """

    key: str
    label: Shown
    width: int
    numeric: bool = False
    sort: SortMark | None = None
    rank: int = 0
    full_width: int = 0
    keep: bool = False


class TableSource(Protocol):
    """Rows and columns by position. Immutable: a change makes a new source. `cell` and `cell_style` are
    called while a frame is drawn, for visible cells only; they must be quick and not fail."""

    @property
    def row_count(self) -> int: ...

    @property
    def columns(self) -> Sequence[TableColumn]: ...

    def cell(self, row: int, column: int) -> Shown:
        """The text of a cell; numeric columns are formatted so that right-aligned decimal points line up."""
        ...

    def cell_style(self, row: int, column: int) -> CellStyle | FirstWord | None: ...

    def row_key(self, row: int) -> str:
        """The key that identifies the row across sources; raw, never displayed."""
        ...

    def row_of(self, key: str) -> int | None:
        """The row with that key; None if it is not in this source."""
        ...


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row of ready text. `styles` maps column positions to styles."""

    key: str
    cells: Sequence[Shown]
    styles: Mapping[int, CellStyle | FirstWord] = field(default_factory=dict)


class TextSource:
    """A source of ready text for small tables: registered models, versions, journal entries."""

    def __init__(self, columns: Iterable[TableColumn], rows: Iterable[TextRow]) -> None:
        self._columns = tuple(columns)
        self._rows = tuple(rows)
        self._by_key = {row.key: index for index, row in enumerate(self._rows)}

    @property
    def row_count(self) -> int:
        return len(self._rows)

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    def cell(self, row: int, column: int) -> Shown:
        return self._rows[row].cells[column]

    def cell_style(self, row: int, column: int) -> CellStyle | FirstWord | None:
        return self._rows[row].styles.get(column)

    def row_key(self, row: int) -> str:
        return self._rows[row].key

    def row_of(self, key: str) -> int | None:
        return self._by_key.get(key)


EMPTY = TextSource((), ())
