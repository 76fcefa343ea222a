"""What of MLflow's SQL schema is read, and whether a database has it."""

from __future__ import annotations

import os
from typing import Any

from engine.errors import StoreOutdated, StoreUnreadable
from engine.stores.sqlite import Snapshot, SqliteDatabase
from engine.text import Shown

REQUIRED = {
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
"""The columns that are read, by table. MLflow 3.0 was the first to have them all."""


class Tables:
    """A snapshot of a database that has MLflow's tables.

    `here` is the condition that keeps a statement in the active workspace; schemas older than
    MLflow 3.9 know no workspaces.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        scoped = "workspace" in snapshot.columns["experiments"]
        self.here = "workspace = :workspace" if scoped else "1 = 1"
        self._workspace = os.environ.get("MLFLOW_WORKSPACE", "").strip() or "default"

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        return self._snapshot.rows(statement, workspace=self._workspace, **parameters)


def tables(snapshot: Snapshot, database: SqliteDatabase, uri: Shown) -> Tables:
    """Raises `StoreNotFound` for an empty database, `StoreUnreadable` for one that is not MLflow's,
    `StoreOutdated` for one that lacks what is read."""
    missing = missing_columns(snapshot)
    if not missing:
        return Tables(snapshot)
    if not snapshot.columns:
        raise database.nothing_here(f"{database.path} is an empty database")
    if not {"experiments", "runs"} <= snapshot.columns.keys():
        raise StoreUnreadable(
            "The database is not an MLflow store",
            f"{database.path} has no experiments and runs, but: {', '.join(sorted(snapshot.columns)[:6])}",
            "Check the tracking URI.",
        )
    more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
    raise StoreOutdated(
        "The store's schema is too old to be read",
        f"{database.path} lacks {', '.join(missing[:6])}{more}",
        f"Back it up, then: mlflow db upgrade {uri}",
    )


def missing_columns(snapshot: Snapshot) -> list[str]:
    """What of `REQUIRED` the database lacks: `table` or `table.column`."""
    missing: list[str] = []
    for table, columns in REQUIRED.items():
        present = snapshot.columns.get(table)
        if present is None:
            missing.append(table)
        else:
            missing += [f"{table}.{column}" for column in columns.split() if column not in present]
    return missing
