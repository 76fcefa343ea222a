"""What of MLflow's SQL schema is read, and whether a database has it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from engine.errors import StoreOutdated, StoreUnreadable
from engine.formats import listed
from engine.stores.sql.database import Database, Dialect, Row, Snapshot, numbered
from engine.text import Shown, safe

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
    "registered_models": "name description creation_time last_updated_time",
    "registered_model_tags": "name key value",
    "registered_model_aliases": "name alias version",
    "model_versions": "name version current_stage description run_id source status user_id creation_time"
    " last_updated_time",
    "model_version_tags": "name version key value",
}
"""The columns that are read, by table. MLflow 2.9 has them all."""

LOGGED_MODELS = "model_id name status artifact_location source_run_id lifecycle_stage creation_timestamp_ms"
"""The columns of `logged_models`, which came with MLflow 3.0; before that runs logged no models."""


class Tables:
    """A snapshot of a database that has MLflow's tables.

    `here` is the condition that keeps a statement in the active workspace; schemas older than
    MLflow 3.10 know no workspaces.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        scoped = "workspace" in snapshot.columns["experiments"]
        self.here = "workspace = :workspace" if scoped else "1 = 1"
        self._workspace = os.environ.get("MLFLOW_WORKSPACE", "").strip() or "default"

    @property
    def dialect(self) -> Dialect:
        return self._snapshot.dialect

    @property
    def knows_models(self) -> bool:
        return "logged_models" in self._snapshot.columns

    def each(self, statement: str, **parameters: object) -> Iterable[Row]:
        """The rows of a statement, to be gone through once. `:workspace` is bound already."""
        return self._snapshot.each(statement, workspace=self._workspace, **parameters)

    def rows(self, statement: str, **parameters: object) -> list[Row]:
        return list(self.each(statement, **parameters))

    def of_runs(
        self, ids: Sequence[str], table: str, columns: str, *, run: str = "run_uuid", joins: str = ""
    ) -> Iterable[Row]:
        """A table's rows for some runs, in no order: the run's place among `ids`, then `columns`. The table
        is called `found`, `run` is its column of run ids."""
        statement = self.dialect.of_runs.format(table=table, columns=columns, run=run, joins=joins)
        found = self._snapshot.each(statement, ids=ids)
        return found if self.dialect.is_numbered else numbered(found, ids)


def tables(snapshot: Snapshot, database: Database, uri: Shown) -> Tables:
    """Raises `StoreNotFound` for an empty database, `StoreUnreadable` for one that is not MLflow's,
    `StoreOutdated` for one that lacks what is read."""
    missing = missing_columns(snapshot)
    if not missing:
        return Tables(snapshot)
    if not snapshot.columns:
        raise database.nothing_here(f"{database.place} is an empty database")
    if not {"experiments", "runs"} <= snapshot.columns.keys():
        there = ", ".join(safe(table, 40) for table in sorted(snapshot.columns)[:6])
        raise StoreUnreadable(
            "The database is not an MLflow store",
            f"{database.place} has no experiments and runs, but: {there}",
            "Check the tracking URI.",
        )
    raise StoreOutdated(
        "The store's schema is not one that can be read",
        f"{database.place} lacks {listed(missing)}",
        f"Back it up, then: mlflow db upgrade {uri}",
    )


def missing_columns(snapshot: Snapshot) -> list[str]:
    """What of `REQUIRED` the database lacks: `table` or `table.column`."""
    missing: list[str] = []
    read = REQUIRED | ({"logged_models": LOGGED_MODELS} if "logged_models" in snapshot.columns else {})
    for table, columns in read.items():
        present = snapshot.columns.get(table)
        if present is None:
            missing.append(table)
        else:
            missing += [f"{table}.{column}" for column in columns.split() if column not in present]
    return missing
