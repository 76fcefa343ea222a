"""The part of MLflow's SQL schema that is read, and the check that a database has it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from engine.errors import StoreUnreadable
from engine.formats import listed
from engine.stores.errors import store_not_found, store_outdated
from engine.stores.sql.database import Database, Dialect, Row, Snapshot, with_index
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
"""The columns that are read, by table. MLflow has had all of them since 2.9."""

LOGGED_MODELS = (
    "model_id experiment_id name status artifact_location source_run_id lifecycle_stage creation_timestamp_ms"
)
"""The columns read from `logged_models`, a table that MLflow 3.0 introduced."""
LOGGED_METRICS = "model_id metric_name metric_step metric_timestamp_ms metric_value"
"""The columns read from `logged_model_metrics`, which it introduced too."""


class Tables:
    """A snapshot of a database that has MLflow's tables.

    `in_workspace` is the SQL condition that limits a statement to the active workspace; schemas before MLflow
    3.10 have no workspaces.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        has_workspaces = "workspace" in snapshot.columns["experiments"]
        self.in_workspace = "workspace = :workspace" if has_workspaces else "1 = 1"
        self._workspace = os.environ.get("MLFLOW_WORKSPACE", "").strip() or "default"

    @property
    def dialect(self) -> Dialect:
        return self._snapshot.dialect

    @property
    def has_logged_models(self) -> bool:
        return "logged_models" in self._snapshot.columns

    def rows(self, statement: str, **parameters: object) -> list[Row]:
        """All rows of a statement. `:workspace` is already bound."""
        return list(self.stream(statement, **parameters))

    def stream(self, statement: str, **parameters: object) -> Iterable[Row]:
        """The rows of a statement, which can be iterated only once."""
        return self._snapshot.stream(statement, workspace=self._workspace, **parameters)

    def of_runs(
        self, ids: Sequence[str], table: str, columns: str, *, run: str = "run_uuid", joins: str = ""
    ) -> Iterable[Row]:
        """The rows of a table for some runs, unordered: the run's index in `ids`, then `columns`. The table
        is aliased as `found`; `run` is its run id column."""
        statement = self.dialect.of_runs.format(table=table, columns=columns, run=run, joins=joins)
        found = self._snapshot.stream(statement, ids=ids)
        return found if self.dialect.returns_index else with_index(found, ids)


def tables(snapshot: Snapshot, database: Database, uri: Shown) -> Tables:
    """Raises `StoreNotFound` for an empty database, `StoreUnreadable` for one that is not MLflow's,
    `StoreOutdated` for one that lacks required columns."""
    missing = missing_columns(snapshot)
    if not missing:
        return Tables(snapshot)
    if not snapshot.columns:
        raise store_not_found(f"{database.location} is an empty database")
    if not {"experiments", "runs"} <= snapshot.columns.keys():
        names = listed([safe(table, 40) for table in sorted(snapshot.columns)], 6)
        raise StoreUnreadable(
            "The database is not an MLflow store",
            f"{database.location} has no tables `experiments` and `runs`, only: {names}",
            "Check the tracking URI.",
        )
    raise store_outdated(
        "Unsupported store schema",
        f"{database.location} lacks {listed(missing)}, which MLflow has had since 2.9",
        uri,
    )


def missing_columns(snapshot: Snapshot) -> list[str]:
    """The required tables and columns that the database lacks, as `table` or `table.column`."""
    missing: list[str] = []
    required = dict(REQUIRED)
    if "logged_models" in snapshot.columns:
        required |= {"logged_models": LOGGED_MODELS, "logged_model_metrics": LOGGED_METRICS}
    for table, columns in required.items():
        present = snapshot.columns.get(table)
        if present is None:
            missing.append(table)
        else:
            missing += [f"{table}.{column}" for column in columns.split() if column not in present]
    return missing
