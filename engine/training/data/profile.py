"""What was understood of a table: its columns, its classes, and what to know before training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from engine.training.spec import ColumnType, Task

Role = Literal["feature", "target", "left out", "group", "time"]
Label = int | str

MAX_SHOWN = 500
"""Columns that a profile lists."""


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column. `missing` counts rows, `levels` distinct values; minimum, maximum and mean are those of
    numbers and, in days since 1970-01-01, of dates. `remark` says why the column was left out, or warns."""

    name: str
    type: ColumnType
    role: Role
    missing: int
    levels: int
    example: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class DataProfile:
    """A table as it was understood. `columns` are the first `MAX_SHOWN` in file order; `hidden` counts the
    rest. `classes` counts the rows of each label, and is empty for regression. Delimiter, decimal and
    encoding are those of a CSV file, empty for Parquet."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    task: Task
    classes: Mapping[Label, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    delimiter: str = ""
    decimal: str = ""
    encoding: str = ""
    hidden: int = 0

    def to_json(self) -> dict[str, Any]:
        """As plain JSON types; see `from_json`. Classes are pairs, as JSON keys cannot be integers."""
        return {**asdict(self), "classes": [list(pair) for pair in self.classes.items()]}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> DataProfile:
        columns = tuple(
            ColumnProfile(**{**column, "example": tuple(column["example"])}) for column in fields["columns"]
        )
        classes = dict(fields["classes"])
        return cls(**{**fields, "columns": columns, "classes": classes, "remarks": tuple(fields["remarks"])})
