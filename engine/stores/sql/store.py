"""A SQL store, read directly: no mlflow, no ORM, no writes.

Statements are plain SQL (`runs`, `pages`, `registry`) on a snapshot of a `database`: a file (`sqlite`) or a
server (`servers`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TypeVar

from engine.entities import (
    Artifact,
    Experiment,
    Lifecycle,
    LoggedModel,
    MetricExtremes,
    MetricHistory,
    MetricPoint,
    ModelVersion,
    RegisteredModel,
    RunDetail,
)
from engine.stores.artifacts import (
    ArtifactContent,
    artifact_not_found,
    check_path,
    list_folder,
    locations,
    open_file,
)
from engine.stores.base import PAGE_SIZE, RunPage, RunQuery, Stamp, Store
from engine.stores.sql import histories, registry, runs
from engine.stores.sql.database import Database
from engine.stores.sql.pages import OrderCache, run_page
from engine.stores.sql.schema import Tables, tables
from engine.stores.stages import StageSupport
from engine.uri import TrackingUri, local_root

T = TypeVar("T")


class SqlStore:
    """A `sqlite:///`, `postgresql://` or `mysql://` store. MLflow's client is imported only for artifacts
    outside local folders."""

    kind = "sql"
    readers = 1

    def __init__(self, uri: TrackingUri, database: Database) -> None:
        self.uri = uri
        self._database = database
        self._orders = OrderCache()
        self.page_size = database.page_size
        self.stages = StageSupport(None)  # MLflow's tables have them

    @cached_property
    def _client(self) -> Store:
        from engine.stores.mlflow.client import ClientStore

        return ClientStore(self.uri)

    def _read(self, read: Callable[[Tables], T]) -> T:
        with self._database.snapshot() as snapshot:
            return read(tables(snapshot, self._database, self.uri.shown))

    def stamp(self) -> Stamp | None:
        return self._database.stamp()

    def close(self) -> None:
        self._database.close()

    def experiments(self, lifecycle: Lifecycle = "active") -> tuple[Experiment, ...]:
        return self._read(lambda found: runs.experiments(found, lifecycle))

    def newest_run(self) -> tuple[str, int] | None:
        return self._read(runs.newest_run)

    def runs(
        self, query: RunQuery, *, page_token: str | None = None, max_results: int = PAGE_SIZE
    ) -> RunPage:
        return self._read(lambda found: run_page(found, self._orders, query, page_token, max_results))

    def run(self, run_id: str) -> RunDetail:
        return self._read(lambda found: runs.run_detail(found, run_id))

    def logged_model(self, model_id: str) -> LoggedModel:
        return self._read(lambda found: runs.logged_model(found, model_id))

    def logged_metrics(
        self, model_ids: Sequence[str], experiment_ids: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        return self._read(lambda found: runs.logged_metrics(found, model_ids))

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        return self._read(lambda found: runs.metric_history(found, run_id, key))

    def metric_histories(
        self, run_ids: Sequence[str], keys: Sequence[str], points: int, steps: tuple[int, int] | None = None
    ) -> tuple[MetricHistory, ...]:
        return self._read(lambda found: histories.metric_histories(found, run_ids, keys, points, steps))

    def metric_extremes(self, run_ids: Sequence[str], keys: Sequence[str]) -> tuple[MetricExtremes, ...]:
        return self._read(lambda found: histories.metric_extremes(found, run_ids, keys))

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        """The files of a model that the run logged are listed under the model's name too, as in MLflow."""
        path = check_path(path)
        found: list[Artifact] = []
        for location in locations(self.run(run_id), path):
            root = local_root(location.root)
            if root is None:
                return self._client.artifacts(run_id, path)
            found += list_folder(root, location.path, location.prefix)
        return tuple(found)

    @contextmanager
    def open_artifact(
        self, run_id: str, path: str, *, fetch_limit: int | None = None
    ) -> Iterator[ArtifactContent]:
        path = check_path(path)
        roots = [(local_root(found.root), found.path) for found in locations(self.run(run_id), path)]
        local = [(root, rest) for root, rest in roots if root is not None]
        for root, rest in local:
            if os.path.lexists(root / rest):
                with open_file(root, rest) as content:
                    yield content
                return
        if len(local) == len(roots):
            raise artifact_not_found(path)
        with self._client.open_artifact(run_id, path, fetch_limit=fetch_limit) as content:
            yield content

    def registered_models(self) -> tuple[RegisteredModel, ...]:
        return self._read(registry.registered_models)

    def prompt_count(self) -> int | None:
        return self._read(registry.prompt_count)

    def registered_model(self, name: str) -> RegisteredModel:
        return self._read(lambda found: registry.registered_model(found, name))

    def model_versions(self, name: str) -> tuple[ModelVersion, ...]:
        return self._read(lambda found: registry.model_versions(found, name))
