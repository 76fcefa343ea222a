"""Runs by column: what a store hands over for a page, and what frames are made of.

A column of a block is a list with one value per run, None where it is missing, or, where few runs
have it, a mapping from the run's place in the block to its value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from sys import intern
from typing import TypeVar, cast, overload

from engine.columns import KINDS, ColumnKind, Value
from engine.entities import DatasetRef, Lifecycle, Run, Status

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
"""The attributes that every block has, each as a list."""

DATASET_FIELDS = ("name", "digest", "context")
"""What is known of a run's data sets."""

RARE = 4
"""A column that fewer than one run in this many has is a mapping."""

T = TypeVar("T", str, float, tuple[str, ...])


class RunBlock(Sequence[Run]):
    """Some runs, in an order. Reads as a sequence of runs; who wants columns takes `columns`, which
    nobody may change. A run name, user id or artifact root that is empty is missing: None."""

    __slots__ = ("_length", "columns")

    def __init__(self, length: int, columns: Mapping[ColumnKind, Mapping[str, Block]]) -> None:
        """`columns` has every kind, and of the attributes all `ATTRIBUTE_COLUMNS`."""
        self._length = length
        self.columns = columns

    @classmethod
    def of(cls, runs: Iterable[Run]) -> RunBlock:
        if isinstance(runs, RunBlock):
            return runs
        some = tuple(runs)
        attributes: dict[str, Block] = {
            name: [getattr(run, name) for run in some] for name in ATTRIBUTE_COLUMNS
        }
        for name in ("status", "experiment_id", "lifecycle_stage"):
            attributes[name] = [intern(cast(str, text)) for text in attributes[name]]
        for name in ("run_name", "user_id"):
            attributes[name] = [intern(cast(str, text)) or None for text in attributes[name]]
        attributes["artifact_uri"] = [run.artifact_uri or None for run in some]
        return cls(
            len(some),
            {
                "attribute": attributes,
                "metric": columns_of([run.metrics for run in some]),
                "param": columns_of([run.params for run in some], intern),
                "tag": columns_of([run.tags for run in some], intern),
                "dataset": columns_of([dataset_texts(run.datasets) for run in some]),
            },
        )

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


def dataset_texts(datasets: Sequence[DatasetRef]) -> dict[str, tuple[str, ...]]:
    """The names, digests and contexts of a run's data sets, in step with each other."""
    if not datasets:
        return {}
    return {name: tuple(intern(getattr(dataset, name)) for dataset in datasets) for name in DATASET_FIELDS}


def _datasets(columns: Mapping[str, Value]) -> tuple[DatasetRef, ...]:
    """What `dataset_texts` was made from."""
    texts = (cast(tuple[str, ...], columns.get(name, ())) for name in DATASET_FIELDS)
    return tuple(DatasetRef(*dataset) for dataset in zip(*texts, strict=True))


def columns_of(maps: Sequence[Mapping[str, T]], keep: Callable[[T], T] | None = None) -> dict[str, Block]:
    """The columns of some runs' parameters, metrics or tags. `keep` replaces each value
    (texts are interned: most parameters repeat)."""
    counts = Counter(chain.from_iterable(maps))
    blocks: dict[str, Block] = {}
    rare: dict[str, dict[int, Value]] = {}
    for name, count in counts.items():
        if count * RARE < len(maps):
            rare[name] = {}
        elif keep is None:
            blocks[name] = [values.get(name) for values in maps]
        else:
            found = [values.get(name) for values in maps]
            blocks[name] = [None if value is None else keep(value) for value in found]
    if rare:
        for row, values in enumerate(maps):
            for name, value in values.items():
                if name in rare:
                    rare[name][row] = value if keep is None else keep(value)
    return blocks | rare
