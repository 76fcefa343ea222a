"""Runs by column: what a store returns for a page, and what frames are made of.

A column of a block is a list with one value per run, None where it is missing, or, where few runs
have it, a mapping from the run's place in the block to its value.
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
"""The attributes that every block has, each as a list. None stands for an empty run name, user id or
artifact root."""

DATASET_FIELDS = ("name", "digest", "context")
"""What is known of a run's data sets."""

RARE = 4
"""A column that fewer than one run in this many has is a mapping."""

MANY_COLUMNS = 200
"""Columns of a kind beyond these begin as mappings: thousands of keys that few runs have."""


class RunBlock(Sequence[Run]):
    """Some runs, in an order: a sequence of runs that also has them by column, in `columns`, which
    nobody may change. Stores make them with a `BlockBuilder`."""

    __slots__ = ("_length", "columns")

    def __init__(self, length: int, columns: Mapping[ColumnKind, Mapping[str, Block]]) -> None:
        """`columns` has every kind, and all `ATTRIBUTE_COLUMNS`."""
        self._length = length
        self.columns = columns

    @classmethod
    def of(cls, runs: Iterable[Run]) -> RunBlock:
        if isinstance(runs, RunBlock):
            return runs
        some = tuple(runs)
        builder = BlockBuilder(len(some))
        for name, values in builder.attributes.items():
            values.extend(getattr(run, name) for run in some)
        metrics, params, tags = builder.metrics, builder.params, builder.tags
        for place, run in enumerate(some):
            for key, number in run.metrics.items():
                metrics[key][place] = number
            for key, text in run.params.items():
                params[key][place] = intern(text)
            for key, text in run.tags.items():
                tags[key][place] = intern(text)
            if run.datasets:
                builder.add_datasets(place, run.datasets)
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
            return tuple(self[place] for place in range(*index.indices(self._length)))
        place = index + self._length if index < 0 else index
        if not 0 <= place < self._length:
            raise IndexError(index)
        return run_of(lambda kind, name: at(self.columns[kind][name], place), self.columns)

    def taken(self, places: Sequence[int]) -> RunBlock:
        """A block with the runs at these places, in this order."""
        if len(places) == self._length and all(map(int.__eq__, places, range(self._length))):
            return self
        found: dict[ColumnKind, dict[str, Block]] = {kind: {} for kind in KINDS}
        for kind in KINDS:
            for name, block in self.columns[kind].items():
                if isinstance(block, list):
                    found[kind][name] = [block[place] for place in places]
                else:
                    some = {new: block[place] for new, place in enumerate(places) if place in block}
                    if some:
                        found[kind][name] = some
        return RunBlock(len(places), found)


class KeyedColumns(dict[str, Block]):
    """Columns by key: `columns[key][place] = value` adds the column with its first value."""

    def __init__(self, length: int | None) -> None:
        super().__init__()
        self._length = length

    def __missing__(self, key: str) -> Block:
        is_list = self._length is not None and len(self) < MANY_COLUMNS
        column: Block = [None] * (self._length or 0) if is_list else {}
        self[intern(key)] = column
        return column


class BlockBuilder:
    """Gathers the values of some runs by column, in any order, and makes a block of them.

    A run is known by its place in the block, from 0. `attributes` takes one value per run, in order and
    as MLflow returns it: all `ATTRIBUTE_COLUMNS` have to be filled. `metrics`, `params` and `tags` take
    `columns[key][place] = value`: floats, and texts that should be interned, because most repeat.
    """

    def __init__(self, length: int | None = None) -> None:
        """`length` is the number of runs, where it is known beforehand: that is faster."""
        self.attributes: dict[str, list[Any]] = {name: [] for name in ATTRIBUTE_COLUMNS}
        self.metrics, self.params, self.tags = (KeyedColumns(length) for _ in range(3))
        self._datasets = KeyedColumns(length)

    def add_datasets(self, place: int, datasets: Sequence[DatasetRef]) -> None:
        """The data sets of a run that has some, in the order to show them."""
        for field in DATASET_FIELDS:
            self._datasets[field][place] = tuple(intern(getattr(data, field)) for data in datasets)

    def build(self) -> RunBlock:
        """The block. Raises `TypeError` for attributes of a wrong type."""
        found = self.attributes
        length = len(found["run_id"])
        name_tags = self.tags.get(records.RUN_NAME_TAG, {})
        if not all(found["run_name"]):  # MLflow up to 1.29 kept the name in a tag only
            found["run_name"] = [name or at(name_tags, place) for place, name in enumerate(found["run_name"])]
        attributes: dict[str, Block] = {
            **found,
            "run_name": [intern(name) if name else None for name in found["run_name"]],
            "status": _translate(found["status"], records.status),
            "user_id": _translate(found["user_id"], lambda user: intern(user) if user else None),
            "experiment_id": _translate(found["experiment_id"], lambda number: intern(str(number))),
            "lifecycle_stage": _translate(found["lifecycle_stage"], records.lifecycle),
            "artifact_uri": [uri or None for uri in found["artifact_uri"]],
        }
        keyed: dict[ColumnKind, KeyedColumns] = {
            "metric": self.metrics,
            "param": self.params,
            "tag": self.tags,
            "dataset": self._datasets,
        }
        columns = {
            kind: {key: _settled(column, length) for key, column in some.items()}
            for kind, some in keyed.items()
        }
        return RunBlock(length, {"attribute": attributes, **columns})


def _translate(values: Sequence[Hashable], meaning: Callable[[Any], Value]) -> list[Value]:
    """The meaning of each value. Most repeat."""
    known = {value: meaning(value) for value in set(values)}
    return [known[value] for value in values]


def _settled(column: Block, length: int) -> Block:
    """The column as blocks hold it: a list, or a mapping where few runs have a value."""
    if isinstance(column, dict):
        if len(column) * RARE < length:
            return column
        if list(column) == list(range(length)):  # filled in order: faster than looking up each place
            return list(column.values())
        return [column.get(place) for place in range(length)]
    if (length - column.count(None)) * RARE >= length:
        return column
    return {place: value for place, value in enumerate(column) if value is not None}


def at(block: Block, place: int) -> Value:
    """The value at a place of a block's column; None where it is missing."""
    return block[place] if isinstance(block, list) else block.get(place)


def run_of(value: Callable[[ColumnKind, str], Value], names: Mapping[ColumnKind, Iterable[str]]) -> Run:
    """One run out of columns: `names` are theirs, `value` reads one of them."""
    found = {
        kind: {name: held for name in names[kind] if (held := value(kind, name)) is not None}
        for kind in KINDS
    }
    about = found["attribute"]
    return Run(
        run_id=cast(str, about["run_id"]),
        run_name=cast(str, about.get("run_name", "")),
        experiment_id=cast(str, about.get("experiment_id", "")),
        status=cast(Status, about["status"]),
        start_time=cast(int | None, about.get("start_time")),
        end_time=cast(int | None, about.get("end_time")),
        user_id=cast(str, about.get("user_id", "")),
        lifecycle_stage=cast(Lifecycle, about["lifecycle_stage"]),
        artifact_uri=cast(str, about.get("artifact_uri", "")),
        params=cast(Mapping[str, str], found["param"]),
        metrics=cast(Mapping[str, float], found["metric"]),
        tags=cast(Mapping[str, str], found["tag"]),
        datasets=_datasets(found["dataset"]),
    )


def _datasets(columns: Mapping[str, Value]) -> tuple[DatasetRef, ...]:
    texts = (cast(tuple[str, ...], columns.get(name, ())) for name in DATASET_FIELDS)
    return tuple(DatasetRef(*dataset) for dataset in zip(*texts, strict=True))
