"""Experiments and runs in MLflow's SQL schema: a few statements for any number of them."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from engine.blocks import RunBlock
from engine.entities import DatasetInput, Experiment, LoggedModel, MetricPoint, Run, RunDetail
from engine.errors import StoreRefused
from engine.stores import records
from engine.stores.base import RunPage
from engine.stores.sql_schema import Tables
from engine.stores.sqlite import AMONG

_RUN = "run_uuid, name, experiment_id, status, start_time, end_time, user_id, lifecycle_stage, artifact_uri"
_MODEL_STATUS = {0: "UNSPECIFIED", 1: "PENDING", 2: "READY", 3: "FAILED"}


def experiments(tables: Tables) -> tuple[Experiment, ...]:
    found = tables.rows(
        "SELECT experiment_id, name, artifact_location, creation_time, last_update_time"
        f" FROM experiments WHERE lifecycle_stage = 'active' AND {tables.here}"
    )
    tags = grouped(tables.rows("SELECT experiment_id, key, value FROM experiment_tags"))
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


def run_page(tables: Tables, experiment_id: str, page_token: str | None, size: int) -> RunPage:
    """A page is found by the last row of the one before (a keyset), so that it costs the same
    wherever it lies, and runs that start meanwhile shift nothing."""
    these = "experiment_id = :experiment AND lifecycle_stage = 'active'"
    total = tables.rows(f"SELECT count(*) FROM runs WHERE {these}", experiment=experiment_id)[0][0]
    after, bounds = _after(page_token)
    rows = tables.rows(
        f"SELECT {_RUN} FROM runs WHERE {these} AND {after} ORDER BY start_time DESC, run_uuid LIMIT :size",
        experiment=experiment_id,
        size=size + 1,
        **bounds,
    )
    runs = _runs(tables, rows[:size])
    token = json.dumps([runs[-1].start_time, runs[-1].run_id]) if len(rows) > size else None
    return RunPage(RunBlock.of(runs), token, total)


def run_detail(tables: Tables, run_id: str) -> RunDetail:
    rows = tables.rows(f"SELECT {_RUN} FROM runs WHERE run_uuid = :run", run=run_id)
    if not rows:
        raise records.no_such_run(run_id)
    return RunDetail(_runs(tables, rows)[0], _datasets(tables, run_id), _models(tables, run_id))


def metric_history(tables: Tables, run_id: str, key: str) -> tuple[MetricPoint, ...]:
    found = tables.rows(
        "SELECT step, timestamp, value, is_nan FROM metrics WHERE run_uuid = :run AND key = :key"
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


def _after(token: str | None) -> tuple[str, dict[str, object]]:
    """The condition for the runs behind the one that a token names. No start time comes last."""
    if token is None:
        return "1 = 1", {}
    try:
        start, run_id = json.loads(token)
    except (ValueError, TypeError) as error:
        raise StoreRefused("This page token is not one of this store's", token[:80]) from error
    if start is None:
        return "start_time IS NULL AND run_uuid > :after", {"after": run_id}
    behind = "(start_time < :start OR (start_time = :start AND run_uuid > :after) OR start_time IS NULL)"
    return behind, {"start": start, "after": run_id}


def _runs(tables: Tables, rows: list[tuple[Any, ...]]) -> tuple[Run, ...]:
    """Whole runs from rows of `_RUN`, in their order: three statements for any number of them."""
    ids = json.dumps([row[0] for row in rows])
    of_these = f"WHERE run_uuid {AMONG.format(name='ids')}"
    params = grouped(tables.rows(f"SELECT run_uuid, key, value FROM params {of_these}", ids=ids))
    tags = grouped(tables.rows(f"SELECT run_uuid, key, value FROM tags {of_these}", ids=ids))
    metrics: defaultdict[str, dict[str, float]] = defaultdict(dict)
    values = tables.rows(f"SELECT run_uuid, key, value, is_nan FROM latest_metrics {of_these}", ids=ids)
    for run_id, key, value, is_nan in values:
        metrics[run_id][sys.intern(key)] = records.metric_value(value, is_nan)
    return tuple(
        _run(row, params.get(row[0], {}), metrics.get(row[0], {}), tags.get(row[0], {})) for row in rows
    )


def _run(
    row: tuple[Any, ...], params: Mapping[str, str], metrics: Mapping[str, float], tags: Mapping[str, str]
) -> Run:
    run_id, name, experiment_id, status, start, end, user, lifecycle, artifacts = row
    return Run(
        run_id=run_id,
        run_name=name or tags.get(records.RUN_NAME_TAG, ""),
        experiment_id=str(experiment_id),
        status=records.status(status),
        start_time=start,
        end_time=end,
        user_id=user or "",
        lifecycle_stage=records.lifecycle(lifecycle),
        artifact_uri=artifacts or "",
        params=params,
        metrics=metrics,
        tags=tags,
    )


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
