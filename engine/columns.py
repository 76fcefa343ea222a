"""The columns of a table of runs: their kinds and keys, and the interface of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

ColumnKind = Literal["attribute", "metric", "param", "tag", "dataset"]
KINDS: tuple[ColumnKind, ...] = ("attribute", "metric", "param", "tag", "dataset")

Value = str | float | int | tuple[str, ...] | None
"""The value of a cell. Dataset columns hold one string for each dataset of the run, `aliases` one for each
alias of the version."""

ATTRIBUTES = ("run_id", "run_name", "status", "start_time", "end_time", "duration", "user_id")
"""The attributes that every table of runs has, in display order."""

VERSION_ATTRIBUTES = (
    "version",
    "stage",
    "request",
    "aliases",
    "status",
    "created",
    "last_updated",
    "user_id",
    "run",
    "run_name",
    "source_run",
    "source",
    "description",
)
"""The attributes that a table of model versions has instead, in display order. `run` is the source run as the
table shows it, `source_run` its id."""

HIDDEN_ATTRIBUTES = ("experiment_id", "lifecycle_stage", "artifact_uri")
"""Attributes that filters can name but that are not offered as columns."""

PREFIXES: dict[str, ColumnKind] = {
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
    **dict.fromkeys(("dataset", "datasets"), "dataset"),
}
"""The kind of column for each of MLflow's prefixes."""

MLFLOW_PREFIX: Mapping[ColumnKind, str] = {
    "attribute": "attributes",
    "metric": "metrics",
    "param": "params",
    "tag": "tags",
    "dataset": "datasets",
}
"""How MLflow's own search writes the prefix of a kind."""

KIND_LABEL: Mapping[ColumnKind, str] = {
    "attribute": "attribute",
    "metric": "metric",
    "param": "parameter",
    "tag": "tag",
    "dataset": "dataset field",
}
"""What messages call a column of a kind."""


_TIMES = ("start_time", "end_time", "created", "last_updated")
_ADDRESSES = {
    ("attribute", "artifact_uri"),
    ("attribute", "source"),
    *(("tag", f"mlflow.source.{name}") for name in ("name", "git.repoURL")),
}


@dataclass(frozen=True, slots=True, order=True)
class ColumnKey:
    """One column of a table of runs: `metrics.accuracy`, `params.metric`, `start_time`."""

    kind: ColumnKind
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "attribute" else f"{MLFLOW_PREFIX[self.kind]}.{self.name}"

    @property
    def is_time(self) -> bool:
        """Whether its values are milliseconds since the epoch."""
        return self.kind == "attribute" and self.name in _TIMES

    @property
    def is_duration(self) -> bool:
        """Whether its values are seconds."""
        return self.kind == "attribute" and self.name == "duration"

    @property
    def is_address(self) -> bool:
        """Whether its values are addresses that MLflow took from the environment. They may hold credentials:
        mask them (`engine.secrets.mask`) wherever they are shown or exported."""
        return (self.kind, self.name) in _ADDRESSES

    @property
    def is_number(self) -> bool:
        """Whether its values are always numbers. A parameter is text, even if it looks like a number."""
        return self.kind == "metric" or self.is_time or self.is_duration or self == VERSION

    @property
    def is_list(self) -> bool:
        """Whether its values are tuples of strings."""
        return self.kind == "dataset" or (self.kind == "attribute" and self.name == "aliases")


VERSION = ColumnKey("attribute", "version")
"""The number of a model version: only tables of versions have it."""


def is_prefix(word: str) -> bool:
    """Whether a word before a dot names a kind of column."""
    return word.lower() in PREFIXES


class RunColumns(Protocol):
    """Runs by column; `engine.runs.frame.RunFrame` implements it."""

    def __len__(self) -> int: ...

    def scan(self, key: ColumnKey) -> Sequence[Value]:
        """The value of each row, None where missing; more values may follow the last row's. Raises `KeyError`
        for a missing column."""

    def numbers(self, key: ColumnKey) -> Sequence[float | None]:
        """The column as numbers, None where a value is missing or not a number."""
