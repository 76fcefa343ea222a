"""MLflow's SQL schema, read directly: a few statements for any number of runs.

Everything here is plain SQL on a snapshot; what is SQLite's own is in `engine.stores.sqlite`.
Statements name their workspace only where the schema has workspaces (MLflow 3.9 and later).
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from engine.entities import (
    Artifact,
    DatasetInput,
    Experiment,
    LoggedModel,
    MetricPoint,
    ModelVersion,
    RegisteredModel,
    Run,
    RunDetail,
    RunPage,
)
from engine.errors import StoreOutdated, StoreRefused, StoreUnreadable
from engine.stores import records
from engine.stores.artifacts import check_path, list_folder, local_root
from engine.stores.base import PAGE
from engine.stores.sqlite import AMONG, Snapshot, SqliteDatabase, missing_columns
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.client import ClientStore

_REQUIRED = {
    "experiments": "experiment_id name artifact_location lifecycle_stage creation_time last_update_time",
    "experiment_tags": "experiment_id key value",
    "runs": "run_uuid name experiment_id status start_time end_time user_id lifecycle_stage artifact_uri",
    "params": "run_uuid key value",
    "tags": "run_uuid key value",
    "latest_metrics": "run_uuid key value is_nan",
    "metrics": "run_uuid key value is_nan timestamp step",
    "datasets": "dataset_uuid name digest dataset_source",
    "inputs": "input_uuid source_id destination_type destination_id",
    "input_tags": "input_uuid name value",
    "logged_models": "model_id name status artifact_location source_run_id lifecycle_stage"
    " creation_timestamp_ms",
    "registered_models": "name description creation_time last_updated_time",
    "registered_model_tags": "name key value",
    "registered_model_aliases": "name alias version",
    "model_versions": "name version current_stage description run_id source status user_id creation_time"
    " last_updated_time",
    "model_version_tags": "name version key value",
}
_RUN = "run_uuid, name, experiment_id, status, start_time, end_time, user_id, lifecycle_stage, artifact_uri"
_MODEL_STATUS = ("UNSPECIFIED", "PENDING", "READY", "FAILED")

Tags = Mapping[str, str]


class SqlStore:
    """A `sqlite:///` store. Reads only, never imports mlflow unless artifacts lie in remote storage
    or a filter is asked for in MLflow's grammar."""

    kind = "sql"

    def __init__(self, uri: TrackingUri, database: SqliteDatabase) -> None:
        self.uri = uri
        self._database = database

    @cached_property
    def _client(self) -> ClientStore:
        from engine.stores.client import ClientStore

        return ClientStore(self.uri)

    def close(self) -> None:
        self._database.close()

    # ── experiments and runs ─────────────────────────────────────────────────

    def experiments(self) -> tuple[Experiment, ...]:
        with self._snapshot() as snapshot:
            found = snapshot.rows(
                "SELECT experiment_id, name, artifact_location, creation_time, last_update_time"
                f" FROM experiments WHERE lifecycle_stage = 'active' AND {_workspace(snapshot)}",
                workspace=_active_workspace(),
            )
            tags = _grouped(snapshot.rows("SELECT experiment_id, key, value FROM experiment_tags"))
            activity = {
                experiment: (count, last)
                for experiment, count, last in snapshot.rows(
                    "SELECT experiment_id, count(*), max(start_time) FROM runs"
                    " WHERE lifecycle_stage = 'active' GROUP BY experiment_id"
                )
            }
        return tuple(
            Experiment(
                str(experiment_id),
                name,
                location or "",
                "active",
                created,
                updated,
                tags.get(experiment_id, {}),
                *activity.get(experiment_id, (0, None)),
            )
            for experiment_id, name, location, created, updated in found
        )

    def newest_run(self) -> tuple[str, int] | None:
        with self._snapshot() as snapshot:
            found = snapshot.rows(
                "SELECT experiment_id, start_time FROM runs"
                " WHERE lifecycle_stage = 'active' AND start_time IS NOT NULL AND experiment_id IN"
                " (SELECT experiment_id FROM experiments"
                f" WHERE lifecycle_stage = 'active' AND {_workspace(snapshot)})"
                " ORDER BY start_time DESC, run_uuid LIMIT 1",
                workspace=_active_workspace(),
            )
        return (str(found[0][0]), found[0][1]) if found else None

    def runs(
        self,
        experiment_id: str,
        *,
        page_token: str | None = None,
        max_results: int = PAGE,
        filter_string: str = "",
    ) -> RunPage:
        if filter_string:
            return self._client.runs(
                experiment_id, page_token=page_token, max_results=max_results, filter_string=filter_string
            )
        after, bounds = _after(page_token)
        these = "experiment_id = :experiment AND lifecycle_stage = 'active'"
        with self._snapshot() as snapshot:
            total = snapshot.rows(f"SELECT count(*) FROM runs WHERE {these}", experiment=experiment_id)
            rows = snapshot.rows(
                f"SELECT {_RUN} FROM runs WHERE {these} AND {after}"
                " ORDER BY start_time DESC, run_uuid LIMIT :size",
                experiment=experiment_id,
                size=max_results + 1,
                **bounds,
            )
            runs = _runs(snapshot, rows[:max_results])
        last = rows[max_results - 1] if len(rows) > max_results else None
        token = json.dumps([last[4], last[0]]) if last else None
        return RunPage(runs, token, total[0][0])

    def run(self, run_id: str) -> RunDetail:
        with self._snapshot() as snapshot:
            rows = snapshot.rows(f"SELECT {_RUN} FROM runs WHERE run_uuid = :run", run=run_id)
            if not rows:
                raise records.no_such_run(run_id)
            return RunDetail(_runs(snapshot, rows)[0], _datasets(snapshot, run_id), _models(snapshot, run_id))

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        with self._snapshot() as snapshot:
            found = snapshot.rows(
                "SELECT step, timestamp, value, is_nan FROM metrics"
                " WHERE run_uuid = :run AND key = :key ORDER BY step, timestamp, is_nan, value",
                run=run_id,
                key=key,
            )
        return tuple(
            MetricPoint(step, time, records.metric_value(value, nan)) for step, time, value, nan in found
        )

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        path = check_path(path)
        detail = self.run(run_id)
        name, _, rest = path.partition("/")
        model = next((model for model in detail.models if model.name == name), None) if path else None
        roots = [(local_root(detail.run.artifact_uri), path, "")]
        if model:
            roots.append((local_root(model.artifact_location), rest, name))
        found: list[Artifact] = []
        for root, folder, prefix in roots:
            if root is None:
                return self._client.artifacts(run_id, path)
            found += list_folder(root, folder, prefix)
        return tuple(found)

    # ── the registry ─────────────────────────────────────────────────────────

    def registered_models(self) -> tuple[RegisteredModel, ...]:
        with self._snapshot() as snapshot:
            here, workspace = _workspace(snapshot), _active_workspace()
            found = snapshot.rows(
                "SELECT name, description, creation_time, last_updated_time FROM registered_models"
                f" WHERE {here} ORDER BY name",
                workspace=workspace,
            )
            tags = _grouped(
                snapshot.rows(
                    f"SELECT name, key, value FROM registered_model_tags WHERE {here}", workspace=workspace
                )
            )
            aliases: defaultdict[str, dict[str, int]] = defaultdict(dict)
            for name, alias, version in snapshot.rows(
                f"SELECT name, alias, version FROM registered_model_aliases WHERE {here}", workspace=workspace
            ):
                aliases[name][alias] = version
            counts = dict(
                snapshot.rows(
                    "SELECT name, count(*) FROM model_versions"
                    f" WHERE current_stage <> '{records.DELETED_STAGE}' AND {here} GROUP BY name",
                    workspace=workspace,
                )
            )
        return tuple(
            RegisteredModel(
                name, text or "", created, updated, aliases[name], tags.get(name, {}), counts.get(name, 0)
            )
            for name, text, created, updated in found
            if not records.is_prompt(tags.get(name, {}))
        )

    def model_versions(self, name: str) -> tuple[ModelVersion, ...]:
        aliases = next((model.aliases for model in self.registered_models() if model.name == name), None)
        if aliases is None:
            raise records.no_such_model(name)
        with self._snapshot() as snapshot:
            here, workspace = _workspace(snapshot), _active_workspace()
            found = snapshot.rows(
                "SELECT version, current_stage, description, run_id, source, status, user_id,"
                f" creation_time, last_updated_time FROM model_versions WHERE name = :name AND {here}"
                f" AND current_stage <> '{records.DELETED_STAGE}' ORDER BY version DESC",
                name=name,
                workspace=workspace,
            )
            tags = _grouped(
                snapshot.rows(
                    f"SELECT version, key, value FROM model_version_tags WHERE name = :name AND {here}",
                    name=name,
                    workspace=workspace,
                )
            )
        return tuple(
            ModelVersion(
                name,
                version,
                records.stage(stage),
                text or "",
                run_id or "",
                source or "",
                status or "READY",
                user or "",
                created,
                updated,
                records.aliases_of(version, aliases),
                tags.get(version, {}),
            )
            for version, stage, text, run_id, source, status, user, created, updated in found
        )

    @contextmanager
    def _snapshot(self) -> Iterator[Snapshot]:
        with self._database.snapshot() as snapshot:
            self._check_schema(snapshot)
            yield snapshot

    def _check_schema(self, snapshot: Snapshot) -> None:
        missing = missing_columns(snapshot, _REQUIRED)
        if not missing:
            return
        path = self._database.path
        if not snapshot.columns:
            raise self._database.nothing_here(f"{path} is an empty database")
        if not {"experiments", "runs"} <= snapshot.columns.keys():
            raise StoreUnreadable(
                "The database is not an MLflow store",
                f"{path} has no experiments and runs, but: {', '.join(sorted(snapshot.columns)[:6])}",
                "Check the tracking URI.",
            )
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        raise StoreOutdated(
            "The store's schema is too old to be read",
            f"{path} lacks {', '.join(missing[:6])}{more}",
            f"Back it up, then: mlflow db upgrade {self.uri.shown}",
        )


def _active_workspace() -> str:
    return os.environ.get("MLFLOW_WORKSPACE", "").strip() or "default"


def _workspace(snapshot: Snapshot) -> str:
    """The condition that keeps a statement in the active workspace (bound as `:workspace`)."""
    return "workspace = :workspace" if "workspace" in snapshot.columns["experiments"] else "1 = 1"


def _after(token: str | None) -> tuple[str, dict[str, object]]:
    """The condition for the runs after the one that a page token names, and its parameters. Runs
    without a start time come last."""
    if token is None:
        return "1 = 1", {}
    try:
        start, run_id = json.loads(token)
    except ValueError as error:
        raise StoreRefused("This page token is not one of this store's", token[:80]) from error
    if start is None:
        return "(start_time IS NULL AND run_uuid > :after)", {"after": run_id}
    later = "(start_time < :start OR (start_time = :start AND run_uuid > :after) OR start_time IS NULL)"
    return later, {"start": start, "after": run_id}


def _grouped(rows: Iterable[tuple[object, str, str | None]]) -> dict[object, dict[str, str]]:
    """(owner, key, value) rows as a mapping for each owner. Keys repeat a lot: one string each."""
    groups: defaultdict[object, dict[str, str]] = defaultdict(dict)
    for owner, key, value in rows:
        groups[owner][sys.intern(key)] = value if value is not None else ""
    return groups


def _runs(snapshot: Snapshot, rows: list[tuple[object, ...]]) -> tuple[Run, ...]:
    """Whole runs from rows of `_RUN`, in their order: three statements for any number of them."""
    ids = json.dumps([row[0] for row in rows])
    among = AMONG.format(name="ids")
    params = _grouped(
        snapshot.rows(f"SELECT run_uuid, key, value FROM params WHERE run_uuid {among}", ids=ids)
    )
    tags = _grouped(snapshot.rows(f"SELECT run_uuid, key, value FROM tags WHERE run_uuid {among}", ids=ids))
    metrics: defaultdict[object, dict[str, float]] = defaultdict(dict)
    for run_id, key, value, is_nan in snapshot.rows(
        f"SELECT run_uuid, key, value, is_nan FROM latest_metrics WHERE run_uuid {among}", ids=ids
    ):
        metrics[run_id][sys.intern(key)] = records.metric_value(value, is_nan)
    return tuple(
        _run(row, params.get(row[0], {}), metrics.get(row[0], {}), tags.get(row[0], {})) for row in rows
    )


def _run(row: tuple[object, ...], params: Tags, metrics: Mapping[str, float], tags: Tags) -> Run:
    run_id, name, experiment, status, start, end, user, lifecycle, artifacts = row
    return Run(
        run_id=str(run_id),
        run_name=str(name or tags.get(records.RUN_NAME_TAG, "")),
        experiment_id=str(experiment),
        status=records.status(status),
        start_time=start,  # type: ignore[arg-type]
        end_time=end,  # type: ignore[arg-type]
        user_id=str(user or ""),
        lifecycle_stage=records.lifecycle(lifecycle),
        artifact_uri=str(artifacts or ""),
        params=params,
        metrics=metrics,
        tags=tags,
    )


def _datasets(snapshot: Snapshot, run_id: str) -> tuple[DatasetInput, ...]:
    found = snapshot.rows(
        "SELECT datasets.name, datasets.digest, input_tags.value, datasets.dataset_source FROM inputs"
        " JOIN datasets ON datasets.dataset_uuid = inputs.source_id"
        f" LEFT JOIN input_tags ON input_tags.input_uuid = inputs.input_uuid"
        f" AND input_tags.name = '{records.CONTEXT_TAG}'"
        " WHERE inputs.destination_type = 'RUN' AND inputs.destination_id = :run"
        " ORDER BY datasets.name, datasets.digest",
        run=run_id,
    )
    return tuple(DatasetInput(name, digest, context or "", source) for name, digest, context, source in found)


def _models(snapshot: Snapshot, run_id: str) -> tuple[LoggedModel, ...]:
    found = snapshot.rows(
        "SELECT model_id, name, status, artifact_location FROM logged_models"
        " WHERE source_run_id = :run AND lifecycle_stage <> 'deleted'"
        " ORDER BY creation_timestamp_ms DESC, model_id",
        run=run_id,
    )
    return tuple(
        LoggedModel(model_id, name, _MODEL_STATUS[status] if status in range(4) else "", location)
        for model_id, name, status, location in found
    )
