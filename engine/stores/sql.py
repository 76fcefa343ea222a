"""A SQL store, read directly and read-only: no mlflow, no ORM, no write.

Statements are plain SQL on a snapshot (`sql_runs`, `sql_registry`); what is SQLite's own is in
`sqlite`. Another database needs a module like that one: a snapshot with `rows` and `columns`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from engine.entities import (
    Artifact,
    Experiment,
    MetricPoint,
    ModelVersion,
    RegisteredModel,
    RunDetail,
)
from engine.stores import sql_registry, sql_runs
from engine.stores.artifacts import check_path, list_folder, local_root
from engine.stores.base import PAGE, RunPage, RunQuery, Store
from engine.stores.sql_schema import Tables, tables
from engine.stores.sqlite import SqliteDatabase
from engine.uri import TrackingUri


class SqlStore:
    """A `sqlite:///` store. MLflow's own client is asked (and imported) only for artifacts that do
    not lie in a local folder, and for filters in MLflow's grammar."""

    kind = "sql"
    readers = 1

    def __init__(self, uri: TrackingUri, database: SqliteDatabase) -> None:
        self.uri = uri
        self._database = database

    @cached_property
    def _client(self) -> Store:
        from engine.stores.client import ClientStore

        return ClientStore(self.uri)

    def stamp(self) -> object | None:
        return None

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _tables(self) -> Iterator[Tables]:
        with self._database.snapshot() as snapshot:
            yield tables(snapshot, self._database, self.uri.shown)

    def experiments(self) -> tuple[Experiment, ...]:
        with self._tables() as found:
            return sql_runs.experiments(found)

    def newest_run(self) -> tuple[str, int] | None:
        with self._tables() as found:
            return sql_runs.newest_run(found)

    def runs(self, query: RunQuery, *, page_token: str | None = None, max_results: int = PAGE) -> RunPage:
        with self._tables() as found:
            return sql_runs.run_page(found, query.experiment_id, page_token, max_results)

    def run(self, run_id: str) -> RunDetail:
        with self._tables() as found:
            return sql_runs.run_detail(found, run_id)

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        with self._tables() as found:
            return sql_runs.metric_history(found, run_id, key)

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        """Below the name of a model that the run logged lie the model's files too, as in MLflow."""
        path = check_path(path)
        detail = self.run(run_id)
        name, _, rest = path.partition("/")
        places = [(detail.run.artifact_uri, path, "")]
        places += [(model.artifact_location, rest, name) for model in detail.models if model.name == name][:1]
        found: list[Artifact] = []
        for uri, folder, prefix in places:
            root = local_root(uri)
            if root is None:
                return self._client.artifacts(run_id, path)
            found += list_folder(root, folder, prefix)
        return tuple(found)

    def registered_models(self) -> tuple[RegisteredModel, ...]:
        with self._tables() as found:
            return sql_registry.registered_models(found)

    def model_versions(self, name: str) -> tuple[ModelVersion, ...]:
        with self._tables() as found:
            return sql_registry.model_versions(found, name)
