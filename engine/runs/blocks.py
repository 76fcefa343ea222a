"""Pages of runs turned into columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from sys import intern
from typing import TypeVar, cast

from engine.entities import DatasetRef, Run
from engine.query.keys import DATASET_FIELDS, KINDS, ColumnKind, Value
from engine.runs.cells import Block, Cells

Columns = dict[ColumnKind, dict[str, Cells]]
Blocks = dict[ColumnKind, dict[str, Block]]

T = TypeVar("T", str, float, tuple[str, ...])

# Most artifact roots hold the run id: the rest is the same for all runs of an experiment.
_ID_PLACE = "\0"


def blocks_of(runs: Sequence[Run]) -> Blocks:
    """The columns of some runs. An empty text of an attribute is a missing one."""
    return {
        "attribute": {
            "run_id": [run.run_id for run in runs],
            "run_name": [intern(run.run_name) or None for run in runs],
            "status": [intern(run.status) for run in runs],
            "start_time": [run.start_time for run in runs],
            "end_time": [run.end_time for run in runs],
            "user_id": [intern(run.user_id) or None for run in runs],
            "experiment_id": [intern(run.experiment_id) for run in runs],
            "lifecycle_stage": [intern(run.lifecycle_stage) for run in runs],
            "artifact_uri": [_artifact_template(run) or None for run in runs],
        },
        "metric": _column_blocks([run.metrics for run in runs]),
        "param": _column_blocks([run.params for run in runs], intern),
        "tag": _column_blocks([run.tags for run in runs], intern),
        "dataset": _column_blocks([_dataset_texts(run) for run in runs]),
    }


def _dataset_texts(run: Run) -> dict[str, tuple[str, ...]]:
    """The names, digests and contexts of a run's data sets, in step with each other."""
    if not run.datasets:
        return {}
    return {
        field: tuple(intern(getattr(dataset, field)) for dataset in run.datasets) for field in DATASET_FIELDS
    }


def datasets_of(columns: Mapping[str, Value]) -> tuple[DatasetRef, ...]:
    """What `_dataset_texts` was made from."""
    texts = (cast(tuple[str, ...], columns.get(field, ())) for field in DATASET_FIELDS)
    return tuple(DatasetRef(*dataset) for dataset in zip(*texts, strict=True))


def _column_blocks(maps: Sequence[Mapping[str, T]], keep: Callable[[T], T] | None = None) -> dict[str, Block]:
    """The columns of some runs' parameters, metrics or tags. `keep` replaces each value
    (texts are interned: most parameters repeat)."""
    counts = Counter(chain.from_iterable(maps))
    blocks: dict[str, Block] = {}
    rare: dict[str, dict[int, Value]] = {}
    for name, count in counts.items():
        if count * 4 < len(maps):
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


def copied(columns: Columns) -> Columns:
    """The same columns, under names of their own."""
    return {kind: dict(columns[kind]) for kind in KINDS}


def forked(columns: Columns, length: int) -> Columns:
    """Columns of their own with the first `length` rows."""
    return {kind: {name: cells.fork(length) for name, cells in columns[kind].items()} for kind in KINDS}


def append(columns: Columns, blocks: Blocks, at: int, count: int) -> None:
    """Add `count` rows from row `at` on."""
    for kind in KINDS:
        for name, block in blocks[kind].items():
            columns[kind].setdefault(name, Cells()).append(at, block, count)


def replace(columns: Columns, rows: Mapping[int, Blocks], length: int) -> None:
    """Put the run of each row in the place of the one that is there; only columns that differ are copied."""
    changes: dict[tuple[ColumnKind, str], dict[int, Value]] = {}
    for row, blocks in rows.items():
        for kind in KINDS:
            here, there = columns[kind], cast(dict[str, list[Value]], blocks[kind])
            for name in here.keys() | there.keys():
                before = here[name].value(row) if name in here else None
                after = there[name][0] if name in there else None
                if before != after and not (before != before and after != after):
                    changes.setdefault((kind, name), {})[row] = after
    for (kind, name), cells in changes.items():
        columns[kind][name] = columns[kind].get(name, Cells()).changed(length, cells)


def artifact_uri(template: Value, run_id: str) -> str | None:
    """What `_artifact_template` was made from."""
    if template is None:
        return None
    text = cast(str, template)
    return text[1:].replace(_ID_PLACE, run_id) if text.startswith(_ID_PLACE) else text


def _artifact_template(run: Run) -> str:
    uri = run.artifact_uri
    if not run.run_id or run.run_id not in uri or _ID_PLACE in uri:
        return uri
    return intern(_ID_PLACE + uri.replace(run.run_id, _ID_PLACE))
