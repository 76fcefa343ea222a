"""Marked rows: a set of keys that outlives sources, and where the last mark was set."""

from __future__ import annotations

from dataclasses import dataclass

from tui.widgets.table.source import TableSource


@dataclass(frozen=True, slots=True)
class Marks:
    """Immutable; each change is a new value. `anchor` is the row last marked by hand, from which
    a range is marked."""

    keys: frozenset[str] = frozenset()
    anchor: str | None = None

    def toggled(self, key: str) -> Marks:
        if key in self.keys:
            return Marks(self.keys - {key}, None)
        return Marks(self.keys | {key}, key)

    def up_to(self, source: TableSource, row: int) -> Marks:
        """Everything from the anchor to `row`, both included; only `row` where there is no anchor."""
        start = None if self.anchor is None else source.row_of(self.anchor)
        first, last = sorted((row if start is None else start, row))
        keys = {source.row_key(between) for between in range(first, last + 1)}
        return Marks(self.keys | keys, source.row_key(row))

    def all_of(self, source: TableSource) -> Marks:
        """Every row of the source; where all are marked already, none of them."""
        keys = frozenset(source.row_key(row) for row in range(source.row_count))
        return Marks(self.keys - keys if keys <= self.keys else self.keys | keys)
