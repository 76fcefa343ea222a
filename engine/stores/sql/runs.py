"""Experiments and runs in MLflow's SQL schema: a few statements for any number of them."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from engine.entities import DatasetInput, Experiment, LoggedModel, MetricPoint, RunDetail
from engine.stores import records
from engine.stores.sql.blocks import run_block
from engine.stores.sql.schema import Tables

_MODEL_STATUS = {0: "UNSPECIFIED", 1: "PENDING", 2: "READY", 3: "FAILED"}


def experiments(tables: Tables) -> tuple[Experiment, ...]:
    found = tables.rows(
        "SELECT experiment_id, name, artifact_location, creation_time, last_update_time"
        f" FROM experiments WHERE lifecycle_stage = 'active' AND {tables.here}"
    )
    tags = grouped(tables.rows('SELECT experiment_id, "key", value FROM experiment_tags'))
    activity = {
        experiment: (count, last)
        for experiment, count, last in tables.rows(
            "SELECT experiment_id, count(*), max(start_time) FROM runs"
            " WHERE lifecycle_stage = 'active' GROUP BY experiment_id"
        )
    }
    return tuple(
        Experiment(
            experiment_id=str(key),
            name=name,
            artifact_location=location or "",
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
        f" (SELECT experiment_id FROM experiments WHERE lifecycle_stage = 'active' AND {tables.here})"
        " ORDER BY start_time DESC, run_uuid LIMIT 1"
    )
    return (str(found[0][0]), found[0][1]) if found else None


def run_detail(tables: Tables, run_id: str) -> RunDetail:
    found = run_block(tables, [run_id])
    if not found:
        raise records.no_such_run(run_id)
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


def grouped(rows: Iterable[tuple[Any, str, str | None]]) -> dict[Any, dict[str, str]]:
    """(owner, key, value) rows as a mapping for each owner. Keys repeat a lot: one string each."""
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
    if not tables.knows_models:
        return ()
    found = tables.rows(
        "SELECT model_id, name, status, artifact_location FROM logged_models"
        " WHERE source_run_id = :run AND lifecycle_stage <> 'deleted'"
        " ORDER BY creation_timestamp_ms DESC, model_id",
        run=run_id,
    )
    return tuple(
        LoggedModel(model_id, name, _MODEL_STATUS.get(status, ""), location)
        for model_id, name, status, location in found
    )
