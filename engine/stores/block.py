"""Runs by column: what a store returns for a page, and what frames are built from.

A column is a list with one value per run, None where it is missing, or, if few runs have it, a mapping from
the run's index in the block to its value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from sys import intern
from typing import Any, cast, overload

from engine.columns import KINDS, ColumnKind, Value
from engine.entities import DatasetRef, Lifecycle, Run, Status
from engine.stores import records

Block = list[Value] | dict[int, Value]
"""One column of a block."""

ATTRIBUTE_COLUMNS = (
    "run_id",
    "run_name",
    "status",
    "start_time",
    "end_time",
    "user_id",
    "experiment_id",
    "lifecycle_stage",
    "artifact_uri",
)
"""The attributes that every block has, each as a list. An empty run name, user id or artifact root is
None."""

DATASET_FIELDS = ("name", "digest", "context")
"""The known fields of a run's datasets."""

SPARSE_RATIO = 4
"""A column is stored as a mapping if fewer than one in this many runs has it."""

MAX_LIST_COLUMNS = 200
"""Further columns of a kind start as mappings: with thousands of keys, few runs usually have each one."""


class RunBlock(Sequence[Run]):
    """A sequence of runs that also holds them by column, in `columns`, which must not be changed. Stores
    create it with a `BlockBuilder`."""

    __slots__ = ("_length", "columns")

    def __init__(self, length: int, columns: Mapping[ColumnKind, Mapping[str, Block]]) -> None:
        """`columns` must have every kind, and all `ATTRIBUTE_COLUMNS`."""
        self._length = length
        self.columns = columns

    @classmethod
    def of(cls, runs: Iterable[Run]) -> RunBlock:
        if isinstance(runs, RunBlock):
            return runs
        rows = tuple(runs)
        builder = BlockBuilder(len(rows))
        for name, values in builder.attributes.items():
            values.extend(getattr(run, name) for run in rows)
        metrics, params, tags = builder.metrics, builder.params, builder.tags
        for index, run in enumerate(rows):
            for key, number in run.metrics.items():
                metrics[key][index] = number
            for key, text in run.params.items():
                params[key][index] = intern(text)
            for key, text in run.tags.items():
                tags[key][index] = intern(text)
            if run.datasets:
                builder.add_datasets(index, run.datasets)
        return builder.build()

    @property
    def run_ids(self) -> list[str]:
        return cast(list[str], self.columns["attribute"]["run_id"])

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Run, ...]: ...

    def __getitem__(self, index: int | slice) -> Run | tuple[Run, ...]:
        if isinstance(index, slice):
            return tuple(self[index] for index in range(*index.indices(self._length)))
        index = index + self._length if index < 0 else index
        if not 0 <= index < self._length:
            raise IndexError(index)
        return run_of(lambda kind, name: at(self.columns[kind][name], index), self.columns)

    def taken(self, indices: Sequence[int]) -> RunBlock:
        """A block of the runs at these indices, in this order."""
        if len(indices) == self._length and all(map(int.__eq__, indices, range(self._length))):
            return self
        found: dict[ColumnKind, dict[str, Block]] = {kind: {} for kind in KINDS}
        for kind in KINDS:
            for name, block in self.columns[kind].items():
                if isinstance(block, list):
                    found[kind][name] = [block[index] for index in indices]
                else:
                    some = {new: block[index] for new, index in enumerate(indices) if index in block}
                    if some:
                        found[kind][name] = some
        return RunBlock(len(indices), found)


class KeyedColumns(dict[str, Block]):
    """Columns by key: `columns[key][index] = value` also adds a new column."""

    def __init__(self, length: int | None) -> None:
        super().__init__()
        self._length = length

    def __missing__(self, key: str) -> Block:
        is_list = self._length is not None and len(self) < MAX_LIST_COLUMNS
        column: Block = [None] * (self._length or 0) if is_list else {}
        self[intern(key)] = column
        return column


class BlockBuilder:
    """Collects the values of runs by column, in any order, and builds a block of them.

    A run is identified by its index in the block. `attributes` takes one value per run, in order and as
    MLflow returns it: all `ATTRIBUTE_COLUMNS` must be filled. `metrics`, `params` and `tags` take
    `columns[key][index] = value`: floats, or strings, which should be interned because most repeat.
    """

    def __init__(self, length: int | None = None) -> None:
        """`length` is the number of runs, if it is known in advance: that is faster."""
        self.attributes: dict[str, list[Any]] = {name: [] for name in ATTRIBUTE_COLUMNS}
        self.metrics, self.params, self.tags = (KeyedColumns(length) for _ in range(3))
        self._datasets = KeyedColumns(length)

    def add_datasets(self, index: int, datasets: Sequence[DatasetRef]) -> None:
        """Set the datasets of a run, in the order to show them."""
        for field in DATASET_FIELDS:
            self._datasets[field][index] = tuple(intern(getattr(data, field)) for data in datasets)

    def build(self) -> RunBlock:
        """Raises `TypeError` for attributes of the wrong type."""
        raw = self.attributes
        length = len(raw["run_id"])
        name_tags = self.tags.get(records.RUN_NAME_TAG, {})
        if not all(raw["run_name"]):  # MLflow up to 1.29 kept the name only in a tag
            raw["run_name"] = [name or at(name_tags, index) for index, name in enumerate(raw["run_name"])]
        attributes: dict[str, Block] = {
            **raw,
            "run_name": [intern(name) if name else None for name in raw["run_name"]],
            "status": _translate(raw["status"], records.status),
            "user_id": _translate(raw["user_id"], lambda user: intern(user) if user else None),
            "experiment_id": _translate(raw["experiment_id"], lambda number: intern(str(number))),
            "lifecycle_stage": _translate(raw["lifecycle_stage"], records.lifecycle),
            "artifact_uri": [uri or None for uri in raw["artifact_uri"]],
        }
        keyed: dict[ColumnKind, KeyedColumns] = {
            "metric": self.metrics,
            "param": self.params,
            "tag": self.tags,
            "dataset": self._datasets,
        }
        columns = {
            kind: {key: _compacted(column, length) for key, column in some.items()}
            for kind, some in keyed.items()
        }
        return RunBlock(length, {"attribute": attributes, **columns})


def _translate(values: Sequence[Hashable], translation: Callable[[Any], Value]) -> list[Value]:
    """Translate each value; each distinct value is translated only once."""
    known = {value: translation(value) for value in set(values)}
    return [known[value] for value in values]


def _compacted(column: Block, length: int) -> Block:
    """The column as a block holds it: a list, or a mapping if few runs have a value."""
    if isinstance(column, dict):
        if len(column) * SPARSE_RATIO < length:
            return column
        if list(column) == list(range(length)):  # filled in order: faster than a lookup per run
            return list(column.values())
        return [column.get(index) for index in range(length)]
    if (length - column.count(None)) * SPARSE_RATIO >= length:
        return column
    return {index: value for index, value in enumerate(column) if value is not None}


def at(block: Block, index: int) -> Value:
    """The value at an index of a column; None where it is missing."""
    return block[index] if isinstance(block, list) else block.get(index)


def run_of(value: Callable[[ColumnKind, str], Value], names: Mapping[ColumnKind, Iterable[str]]) -> Run:
    """One run from columns: `names` are the columns by kind, `value` reads one of them."""
    found = {
        kind: {name: item for name in names[kind] if (item := value(kind, name)) is not None}
        for kind in KINDS
    }
    attributes = found["attribute"]
    return Run(
        run_id=cast(str, attributes["run_id"]),
        run_name=cast(str, attributes.get("run_name", "")),
        experiment_id=cast(str, attributes.get("experiment_id", "")),
        status=cast(Status, attributes["status"]),
        start_time=cast(int | None, attributes.get("start_time")),
        end_time=cast(int | None, attributes.get("end_time")),
        user_id=cast(str, attributes.get("user_id", "")),
        lifecycle_stage=cast(Lifecycle, attributes["lifecycle_stage"]),
        artifact_uri=cast(str, attributes.get("artifact_uri", "")),
        params=cast(Mapping[str, str], found["param"]),
        metrics=cast(Mapping[str, float], found["metric"]),
        tags=cast(Mapping[str, str], found["tag"]),
        datasets=_datasets(found["dataset"]),
    )


def _datasets(columns: Mapping[str, Value]) -> tuple[DatasetRef, ...]:
    texts = (cast(tuple[str, ...], columns.get(name, ())) for name in DATASET_FIELDS)
    return tuple(DatasetRef(*dataset) for dataset in zip(*texts, strict=True))
