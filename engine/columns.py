"""The columns of a table of runs: their kinds, their keys, and what a table must answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

ColumnKind = Literal["attribute", "metric", "param", "tag", "dataset"]
KINDS: tuple[ColumnKind, ...] = ("attribute", "metric", "param", "tag", "dataset")

Value = str | float | int | tuple[str, ...] | None
"""What a cell holds. Columns of data sets hold a text for each data set of the run."""

ATTRIBUTES = ("run_id", "run_name", "status", "start_time", "end_time", "duration", "user_id")
"""The attributes that every table of runs has, in the order in which they are listed."""

HIDDEN_ATTRIBUTES = ("experiment_id", "lifecycle_stage", "artifact_uri")
"""Attributes that can be asked for by name but are not offered as columns."""

PREFIXES: dict[str, ColumnKind] = {
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
    **dict.fromkeys(("dataset", "datasets"), "dataset"),
}
"""MLflow's words before the dot, and the kind of column that each one means."""

_WRITTEN = {"metric": "metrics.", "param": "params.", "tag": "tags.", "dataset": "datasets.", "attribute": ""}


@dataclass(frozen=True, slots=True, order=True)
class ColumnKey:
    """One column of a table of runs: `metrics.accuracy`, `params.metric`, `start_time`."""

    kind: ColumnKind
    name: str

    def __str__(self) -> str:
        return _WRITTEN[self.kind] + self.name

    @property
    def is_time(self) -> bool:
        """Whether its values are milliseconds since the epoch."""
        return self.kind == "attribute" and self.name in ("start_time", "end_time")

    @property
    def is_duration(self) -> bool:
        """Whether its values are seconds."""
        return self.kind == "attribute" and self.name == "duration"

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers by nature. A parameter is text that may read as a number."""
        return self.kind == "metric" or self.is_time or self.is_duration


def is_prefix(word: str) -> bool:
    """Whether a word before a dot says what kind of column follows."""
    return word.lower() in PREFIXES


class Table(Protocol):
    """Runs by column, as `engine.runs.frame.RunFrame` has them."""

    def __len__(self) -> int: ...

    def scan(self, key: ColumnKey) -> Sequence[Value]:
        """The value of each row, None where missing, and perhaps more values after the last row's.
        Raises `KeyError` for a column that is not here."""

    def numbers(self, key: ColumnKey) -> Sequence[float | None]:
        """The column read as numbers, None where a value is missing or is no number."""
