"""The interface of every store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from engine.columns import ColumnKind
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
from engine.stores.artifacts import ArtifactContent
from engine.stores.block import RunBlock
from engine.stores.stages import StageSupport

PAGE_SIZE = 1000

ConditionOperator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"
]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of MLflow's search, with MLflow's semantics.

    `name` is a metric, parameter or tag, a dataset's `name`, `digest` or `context`, or one of
    MLflow's attributes: `run_id`, `run_name`, `status`, `user_id`, `artifact_uri`, `start_time`,
    `end_time` (milliseconds since the epoch). Metrics and times compare with a number, everything else with a
    string; IN and NOT IN (`run_id` and datasets only) take a tuple of strings, IS [NOT] NULL (parameters,
    tags and metrics) no value.
    """

    kind: ColumnKind
    name: str
    operator: ConditionOperator
    value: str | float | int | tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RunQuery:
    """The runs of an experiment that match every condition.

    Newest first (start time descending, then run id ascending, no start time last); with
    `oldest_first` by start time ascending.
    """

    experiment_id: str
    conditions: tuple[Condition, ...] = ()
    lifecycle: Lifecycle = "active"
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page of a query's runs. `next_token` is opaque; None on the last page.

    `total` is the number of runs of the query, None if the store does not report it.
    """

    runs: RunBlock
    next_token: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """A store's version. `database` changes when the database is replaced by another one, `state` whenever
    anything in it may have changed."""

    database: object
    state: object


class Store(Protocol):
    """A tracking store and its registry, read-only.

    Every method is synchronous, may be called from any thread, and raises only
    `EngineError`s. Reading never creates or changes anything: a store that does not exist raises
    `StoreNotFound`. Deleted experiments, runs and versions are left out, unless a `lifecycle` asks for them.

    The paging contract of `runs`: in the query's order, `page_token` None for the first page,
    then exactly the token that the previous page returned; a page may hold fewer than
    `max_results` runs without being the last; the last one's `next_token` is None; no run is on two pages of
    an unchanged store.
    """

    kind: str
    readers: int
    """How many pages are worth requesting at the same time."""
    page_size: int
    """The number of runs per page that reads fastest."""
    stages: StageSupport
    """Whether the registry has stages."""

    def experiments(self, lifecycle: Lifecycle = "active") -> tuple[Experiment, ...]:
        """All active or all deleted experiments, in no particular order. The number of their runs is that of
        the runs in the same stage."""

    def newest_run(self) -> tuple[str, int] | None:
        """(experiment id, start time) of the run in any active experiment that started last; None without
        runs."""

    def runs(
        self, query: RunQuery, *, page_token: str | None = None, max_results: int = PAGE_SIZE
    ) -> RunPage:
        """A page of runs."""

    def stamp(self) -> Stamp | None:
        """A value, cheap to read, that changes whenever anything in the store may have changed; None if the
        store cannot detect that."""

    def run(self, run_id: str) -> RunDetail:
        """One run, active or deleted. Raises `NotFound`."""

    def logged_model(self, model_id: str) -> LoggedModel:
        """One logged model. Raises `NotFound`, also for a deleted one and for a store without any."""

    def logged_metrics(
        self, model_ids: Sequence[str], experiment_ids: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        """The last value of each metric of logged models of these experiments, by model id, with a request
        per 100 models at most; without models that have no metrics or are unknown or deleted. Empty for a
        store that has no logged models or cannot search for them by id."""

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        """All points of a metric by step, then timestamp."""

    def metric_histories(
        self,
        run_ids: Sequence[str],
        keys: Sequence[str],
        points: int,
        steps: tuple[int, int] | None = None,
    ) -> tuple[MetricHistory, ...]:
        """The histories of these metrics of these runs, run by run in the order of the arguments, without
        those that have no points; `steps` limits them to a range, both ends included.

        A history of more than `points` points is down-sampled: of each of at most `points` / 2 equal parts of
        the range of steps (of time, if all steps are the same), the lowest and the highest finite value, and
        the first NaN, +inf and -inf; also the first and the last point. Of equal values the first is kept. A
        server may first have sampled the points itself: then `count` is None."""

    def metric_extremes(self, run_ids: Sequence[str], keys: Sequence[str]) -> tuple[MetricExtremes, ...]:
        """The extremes of these metrics of these runs, without those that have one point or no finite
        value."""

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        """The files and folders directly in `path` under a run's artifact root; empty for a missing
        folder."""

    def open_artifact(
        self, run_id: str, path: str, *, fetch_limit: int | None = None
    ) -> AbstractContextManager[ArtifactContent]:
        """The content of the file at `path` under a run's artifact root, or under a logged model's name.
        Raises `NotFound`. Storage that cannot be read in part is read as a whole; `StoreRefused` for a file
        known to be larger than `fetch_limit` bytes there."""

    def registered_models(self) -> tuple[RegisteredModel, ...]:
        """All registered models by name, with their aliases; no prompts."""

    def prompt_count(self) -> int | None:
        """The number of prompts, which share the registry with models; None if the store cannot say."""

    def registered_model(self, name: str) -> RegisteredModel:
        """A registered model. Raises `NotFound`, which suggests similar names, or says that this is a
        prompt."""

    def model_versions(self, name: str) -> tuple[ModelVersion, ...]:
        """All versions of a model, newest first, with their aliases. Raises `NotFound`."""

    def close(self) -> None:
        """Close the connections."""
