"""A table to export: typed columns of equal length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.columns import Value

CellKind = Literal["text", "address", "number", "time", "any"]
"""What the values of a column are. `address`: text that may hold credentials. `time`: milliseconds since the
epoch. `any`: texts and numbers."""


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """One value per row, None where it is missing; raw, not shown."""

    name: str
    kind: CellKind
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`noun` is what a row is, in the singular: `run`."""

    noun: str
    columns: tuple[SheetColumn, ...]

    def __len__(self) -> int:
        return len(self.columns[0].values) if self.columns else 0


def pairs_sheet(noun: str, first: str, rows: Sequence[tuple[str, str, Value]]) -> Sheet:
    """A sheet of (kind, name, value), such as the metrics and parameters of one run. `first` heads the
    kinds."""
    kinds, names, values = zip(*rows, strict=True) if rows else ((), (), ())
    return Sheet(
        noun,
        (
            SheetColumn(first, "text", kinds),
            SheetColumn("name", "text", names),
            SheetColumn("value", "any", values),
        ),
    )


def records_sheet(noun: str, records: Sequence[Mapping[str, Value]], kinds: Mapping[str, CellKind]) -> Sheet:
    """A sheet of records. The columns are in the order of `kinds`, then of their first appearance, which are
    of any kind."""
    names = dict.fromkeys((*kinds, *(name for record in records for name in record)))
    return Sheet(
        noun,
        tuple(
            SheetColumn(name, kinds.get(name, "any"), [record.get(name) for record in records])
            for name in names
        ),
    )
