"""Whole runs out of MLflow's SQL schema, by column: five statements for any number of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from sys import intern

from engine.entities import DatasetRef
from engine.stores import records
from engine.stores.block import BlockBuilder, KeyedColumns, RunBlock
from engine.stores.sql.schema import Tables

_RUN = {
    "run_id": "run_uuid",
    "run_name": "name",
    "experiment_id": "experiment_id",
    "status": "status",
    "start_time": "start_time",
    "end_time": "end_time",
    "user_id": "user_id",
    "lifecycle_stage": "lifecycle_stage",
    "artifact_uri": "artifact_uri",
}
"""The column of the table `runs` that holds each attribute."""

_DATASET = (
    "datasets.name, datasets.digest, (SELECT input_tags.value FROM input_tags"
    f" WHERE input_tags.input_uuid = found.input_uuid AND input_tags.name = '{records.CONTEXT_TAG}')"
)
_OF_INPUT = "JOIN datasets ON datasets.dataset_uuid = found.source_id AND found.destination_type = 'RUN'"


def run_block(tables: Tables, ids: Sequence[str]) -> RunBlock:
    """The runs with these ids, in this order; those that are no longer there are left out."""
    rows = sorted(tables.of_runs(ids, "runs", ", ".join(f"found.{column}" for column in _RUN.values())))
    builder = BlockBuilder(len(rows))
    if rows:
        _, *columns = map(list, zip(*rows, strict=True))
        builder.attributes.update(zip(_RUN, columns, strict=True))
        _add_values(tables, builder)
    return builder.build()


def _add_values(tables: Tables, builder: BlockBuilder) -> None:
    here: list[str] = builder.attributes["run_id"]
    _add_metrics(tables, here, builder.metrics)
    _add_texts(tables, here, "params", builder.params)
    _add_texts(tables, here, "tags", builder.tags)
    datasets = tables.of_runs(here, "inputs", _DATASET, run="destination_id", joins=_OF_INPUT)
    for place, of_run in groupby(sorted(datasets), key=itemgetter(0)):
        builder.add_datasets(place, [DatasetRef(*(text or "" for text in texts)) for _, *texts in of_run])


def _add_metrics(tables: Tables, ids: Sequence[str], columns: KeyedColumns) -> None:
    most = sys.float_info.max
    for place, key, value, is_nan in tables.of_runs(
        ids, "latest_metrics", 'found."key", found.value, found.is_nan'
    ):
        regular = not is_nan and -most < value < most
        columns[key][place] = value if regular else records.metric_value(value, is_nan)


def _add_texts(tables: Tables, ids: Sequence[str], table: str, columns: KeyedColumns) -> None:
    for place, key, value in tables.of_runs(ids, table, 'found."key", found.value'):
        columns[key][place] = intern(value or "")
