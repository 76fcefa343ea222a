"""Experiments and runs in MLflow's SQL schema: a few statements for any number of them."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from engine.entities import (
    DatasetInput,
    DatasetRef,
    Experiment,
    Lifecycle,
    LoggedModel,
    MetricPoint,
    RunDetail,
)
from engine.stores import records
from engine.stores.block import BlockBuilder, KeyedColumns, RunBlock
from engine.stores.sql.schema import Tables

_RUN_COLUMNS = {
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
"""Attributes by name, with their columns in the `runs` table."""

_DATASET_COLUMNS = (
    "datasets.name, datasets.digest, (SELECT input_tags.value FROM input_tags"
    f" WHERE input_tags.input_uuid = found.input_uuid AND input_tags.name = '{records.CONTEXT_TAG}')"
)
_DATASET_JOIN = "JOIN datasets ON datasets.dataset_uuid = found.source_id AND found.destination_type = 'RUN'"
_MODEL_STATUS = {0: "UNSPECIFIED", 1: "PENDING", 2: "READY", 3: "FAILED"}


def experiments(tables: Tables, lifecycle: Lifecycle) -> tuple[Experiment, ...]:
    found = tables.rows(
        "SELECT experiment_id, name, artifact_location, creation_time, last_update_time"
        f" FROM experiments WHERE lifecycle_stage = :lifecycle AND {tables.in_workspace}",
        lifecycle=lifecycle,
    )
    tags = group_tags(tables.rows('SELECT experiment_id, "key", value FROM experiment_tags'))
    activity = {
        experiment: (count, last)
        for experiment, count, last in tables.rows(
            "SELECT experiment_id, count(*), max(start_time) FROM runs"
            " WHERE lifecycle_stage = :lifecycle GROUP BY experiment_id",
            lifecycle=lifecycle,
        )
    }
    return tuple(
        Experiment(
            experiment_id=str(key),
            name=name,
            artifact_location=location or "",
            lifecycle_stage=lifecycle,
            creation_time=created,
            last_update_time=updated,
            tags=tags.get(key, {}),
            run_count=activity.get(key, (0, None))[0],
            last_run_time=activity.get(key, (0, None))[1],
        )
        for key, name, location, created, updated in found
    )


def newest_run(tables: Tables) -> tuple[str, int] | None:
    found = tables.rows(
        "SELECT experiment_id, start_time FROM runs"
        " WHERE lifecycle_stage = 'active' AND start_time IS NOT NULL AND experiment_id IN"
        f" (SELECT experiment_id FROM experiments WHERE lifecycle_stage = 'active' AND {tables.in_workspace})"
        " ORDER BY start_time DESC, run_uuid LIMIT 1"
    )
    return (str(found[0][0]), found[0][1]) if found else None


def run_block(tables: Tables, ids: Sequence[str]) -> RunBlock:
    """The runs with these ids, in this order; missing runs are skipped."""
    rows = sorted(
        tables.of_runs(ids, "runs", ", ".join(f"found.{column}" for column in _RUN_COLUMNS.values()))
    )
    builder = BlockBuilder(len(rows))
    if rows:
        _, *columns = map(list, zip(*rows, strict=True))
        builder.attributes.update(zip(_RUN_COLUMNS, columns, strict=True))
        _add_values(tables, builder)
    return builder.build()


def _add_values(tables: Tables, builder: BlockBuilder) -> None:
    run_ids: list[str] = builder.attributes["run_id"]
    _add_metrics(tables, run_ids, builder.metrics)
    _add_strings(tables, run_ids, "params", builder.params)
    _add_strings(tables, run_ids, "tags", builder.tags)
    datasets = tables.of_runs(run_ids, "inputs", _DATASET_COLUMNS, run="destination_id", joins=_DATASET_JOIN)
    for index, of_run in groupby(sorted(datasets), key=itemgetter(0)):
        builder.add_datasets(index, [DatasetRef(*(field or "" for field in fields)) for _, *fields in of_run])


def _add_metrics(tables: Tables, ids: Sequence[str], columns: KeyedColumns) -> None:
    limit = sys.float_info.max
    for index, key, value, is_nan in tables.of_runs(
        ids, "latest_metrics", 'found."key", found.value, found.is_nan'
    ):
        is_finite = not is_nan and -limit < value < limit
        columns[key][index] = value if is_finite else records.metric_value(value, is_nan)


def _add_strings(tables: Tables, ids: Sequence[str], table: str, columns: KeyedColumns) -> None:
    for index, key, value in tables.of_runs(ids, table, 'found."key", found.value'):
        columns[key][index] = sys.intern(value or "")


def run_detail(tables: Tables, run_id: str) -> RunDetail:
    found = run_block(tables, [run_id])
    if not found:
        raise records.run_not_found(run_id)
    return RunDetail(found[0], _datasets(tables, run_id), _models(tables, run_id))


def metric_history(tables: Tables, run_id: str, key: str) -> tuple[MetricPoint, ...]:
    is_key = tables.dialect.equal.format(column='"key"', name="key")
    found = tables.rows(
        f"SELECT step, timestamp, value, is_nan FROM metrics WHERE run_uuid = :run AND {is_key}"
        " ORDER BY step, timestamp, value",
        run=run_id,
        key=key,
    )
    return tuple(
        MetricPoint(step, timestamp, records.metric_value(value, is_nan))
        for step, timestamp, value, is_nan in found
    )


def group_tags(rows: Iterable[tuple[Any, str, str | None]]) -> dict[Any, dict[str, str]]:
    """Tags by owner, from (owner, key, value) rows. Keys are interned because most repeat."""
    groups: defaultdict[Any, dict[str, str]] = defaultdict(dict)
    for owner, key, value in rows:
        groups[owner][sys.intern(key)] = value if value is not None else ""
    return groups


def _datasets(tables: Tables, run_id: str) -> tuple[DatasetInput, ...]:
    found = tables.rows(
        "SELECT datasets.name, datasets.digest, input_tags.value, datasets.dataset_source FROM inputs"
        " JOIN datasets ON datasets.dataset_uuid = inputs.source_id"
        " LEFT JOIN input_tags ON input_tags.input_uuid = inputs.input_uuid AND input_tags.name = :context"
        " WHERE inputs.destination_type = 'RUN' AND inputs.destination_id = :run"
        " ORDER BY datasets.name, datasets.digest",
        run=run_id,
        context=records.CONTEXT_TAG,
    )
    return tuple(DatasetInput(name, digest, context or "", source) for name, digest, context, source in found)


def _models(tables: Tables, run_id: str) -> tuple[LoggedModel, ...]:
    where = "source_run_id = :run ORDER BY creation_timestamp_ms DESC, model_id"
    return _logged_models(tables, where, run=run_id)


def logged_model(tables: Tables, model_id: str) -> LoggedModel:
    """Raises `NotFound`."""
    found = _logged_models(
        tables,
        "model_id = :model AND experiment_id IN"
        f" (SELECT experiment_id FROM experiments WHERE {tables.in_workspace})",
        model=model_id,
    )
    if not found:
        raise records.logged_model_not_found(model_id)
    return found[0]


def logged_metrics(tables: Tables, model_ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """The last values of the metrics of logged models, by model id."""
    if not tables.has_logged_models:
        return {}
    found = tables.of_runs(
        model_ids,
        "logged_model_metrics",
        "found.metric_name, found.metric_step, found.metric_timestamp_ms, found.metric_value",
        run="model_id",
        joins="JOIN logged_models ON logged_models.model_id = found.model_id"
        " AND logged_models.lifecycle_stage <> 'deleted'",
    )
    points = (records.LoggedPoint(model_ids[index], *point) for index, *point in found)
    return records.last_values(points)


def _logged_models(tables: Tables, where: str, **parameters: object) -> tuple[LoggedModel, ...]:
    if not tables.has_logged_models:
        return ()
    found = tables.rows(
        "SELECT model_id, name, status, artifact_location, source_run_id, experiment_id FROM logged_models"
        f" WHERE lifecycle_stage <> 'deleted' AND {where}",
        **parameters,
    )
    return tuple(
        LoggedModel(model_id, name, _MODEL_STATUS.get(status, ""), location, run_id or "", str(experiment_id))
        for model_id, name, status, location, run_id, experiment_id in found
    )
