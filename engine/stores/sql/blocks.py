"""Whole runs out of MLflow's SQL schema, by column: five statements for any number of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from sys import intern
from typing import TypeVar

from engine.columns import Value
from engine.stores import records
from engine.stores.block import DATASET_FIELDS, RARE, Block, RunBlock, at
from engine.stores.sql.schema import Tables

MANY_COLUMNS = 200
"""A page's columns beyond these begin as mappings: thousands of keys that few runs have."""

_RUN = (
    "found.run_uuid, found.name, found.experiment_id, found.status, found.start_time, found.end_time,"
    " found.user_id, found.lifecycle_stage, found.artifact_uri"
)
_DATASET = (
    "datasets.name, datasets.digest, (SELECT input_tags.value FROM input_tags"
    f" WHERE input_tags.input_uuid = found.input_uuid AND input_tags.name = '{records.CONTEXT_TAG}')"
)
_OF_INPUT = "JOIN datasets ON datasets.dataset_uuid = found.source_id AND found.destination_type = 'RUN'"


T = TypeVar("T")


class Columns(dict[str, Block]):
    """The columns of a page by key: `columns[key][place] = value` makes the column with its first value."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._length = length

    def __missing__(self, key: str) -> Block:
        column: Block = [None] * self._length if len(self) < MANY_COLUMNS else {}
        self[intern(key)] = column
        return column

    def settled(self) -> dict[str, Block]:
        """The columns as blocks hold them: lists, mappings where few runs have a value."""
        return {key: self._settled(column) for key, column in self.items()}

    def _settled(self, column: Block) -> Block:
        if isinstance(column, dict):
            is_rare = len(column) * RARE < self._length
            return column if is_rare else [column.get(place) for place in range(self._length)]
        if (self._length - column.count(None)) * RARE >= self._length:
            return column
        return {place: value for place, value in enumerate(column) if value is not None}


def run_block(tables: Tables, ids: Sequence[str]) -> RunBlock:
    """The runs with these ids, in this order; those that are no longer there are left out."""
    rows = sorted(tables.of_runs(ids, "runs", _RUN))
    if not rows:
        return RunBlock.of(())
    _, here, names, experiments, statuses, starts, ends, users, lifecycles, artifacts = map(
        list, zip(*rows, strict=True)
    )
    tags = _texts(tables, here, "tags")
    attributes: dict[str, Block] = {
        "run_id": here,
        "run_name": _names(names, tags.get(records.RUN_NAME_TAG, {})),
        "status": _each(statuses, records.status),
        "start_time": starts,
        "end_time": ends,
        "user_id": _each(users, lambda user: user or None),
        "experiment_id": _each(experiments, str),
        "lifecycle_stage": _each(lifecycles, records.lifecycle),
        "artifact_uri": [uri or None for uri in artifacts],
    }
    return RunBlock(
        len(here),
        {
            "attribute": attributes,
            "metric": _metrics(tables, here),
            "param": _texts(tables, here, "params"),
            "tag": tags,
            "dataset": _datasets(tables, here),
        },
    )


def _metrics(tables: Tables, ids: Sequence[str]) -> dict[str, Block]:
    columns, most = Columns(len(ids)), sys.float_info.max
    found = tables.of_runs(ids, "latest_metrics", 'found."key", found.value, found.is_nan')
    for place, key, value, is_nan in found:
        regular = not is_nan and -most < value < most
        columns[key][place] = value if regular else records.metric_value(value, is_nan)
    return columns.settled()


def _texts(tables: Tables, ids: Sequence[str], table: str) -> dict[str, Block]:
    """Parameters or tags: most values repeat, so one string each."""
    columns = Columns(len(ids))
    for place, key, value in tables.of_runs(ids, table, 'found."key", found.value'):
        columns[key][place] = intern(value or "")
    return columns.settled()


def _datasets(tables: Tables, ids: Sequence[str]) -> dict[str, Block]:
    found = tables.of_runs(ids, "inputs", _DATASET, run="destination_id", joins=_OF_INPUT)
    columns = Columns(len(ids))
    for place, of_run in groupby(sorted(found), key=itemgetter(0)):
        texts = [tuple(intern(text or "") for text in dataset) for _, *dataset in of_run]
        for field, values in zip(DATASET_FIELDS, zip(*texts, strict=True), strict=True):
            columns[field][place] = values
    return columns.settled()


def _names(names: Sequence[str | None], tagged: Block) -> Block:
    """MLflow up to 1.29 kept the name in a tag only; the later ones keep it there, too, as the same text."""
    found = (name or at(tagged, place) for place, name in enumerate(names))
    return [intern(name) if isinstance(name, str) and name else None for name in found]


def _each(values: list[T], meaning: Callable[[T], Value]) -> Block:
    """The meanings of values that repeat."""
    known = {value: meaning(value) for value in set(values)}
    return [known[value] for value in values]
