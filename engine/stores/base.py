"""What every store can be asked, and what its answers promise."""

from __future__ import annotations

from typing import Protocol

from engine.entities import (
    Artifact,
    Experiment,
    MetricPoint,
    ModelVersion,
    RegisteredModel,
    RunDetail,
    RunPage,
)

PAGE = 1000


class Store(Protocol):
    """A tracking store and its registry, read only.

    Every method is synchronous, may be called from any thread, and raises only
    `EngineError`s. Looking never creates or changes anything: a store that does not
    exist raises `StoreNotFound`. Deleted experiments, runs and versions are left out.

    The paging contract of `runs`: newest first (start time descending, then run id
    ascending), `page_token` None for the first page, afterwards exactly the token that the previous
    page returned; a page may hold fewer than `max_results` runs without being the last;
    the last one's `next_token` is None; no run is on two pages of an unchanged store.
    """

    kind: str

    def experiments(self) -> tuple[Experiment, ...]:
        """All active experiments, in no promised order."""

    def newest_run(self) -> tuple[str, int] | None:
        """(experiment id, start time) of the run that started last in any active experiment."""

    def runs(
        self,
        experiment_id: str,
        *,
        page_token: str | None = None,
        max_results: int = PAGE,
        filter_string: str = "",
    ) -> RunPage:
        """A page of runs. `filter_string` is in MLflow's own grammar."""

    def run(self, run_id: str) -> RunDetail:
        """One run, active or deleted. Raises `NotFound`."""

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        """All points of a metric in the order of step, then timestamp."""

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        """What lies directly in `path` of a run's artifact root; empty for a missing folder."""

    def registered_models(self) -> tuple[RegisteredModel, ...]:
        """All registered models (no prompts) by name, with their aliases."""

    def model_versions(self, name: str) -> tuple[ModelVersion, ...]:
        """All versions of a model, newest first, with their aliases. Raises `NotFound`."""

    def close(self) -> None:
        """Give back connections."""
