"""What every store can be asked, and what its answers promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from engine.columns import ColumnKind
from engine.entities import (
    Artifact,
    Experiment,
    Lifecycle,
    MetricPoint,
    ModelVersion,
    RegisteredModel,
    RunDetail,
)
from engine.stores.block import RunBlock

PAGE = 1000

ConditionOperator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"
]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition that MLflow's search knows, and means what MLflow means by it.

    `name` is a metric, parameter or tag, a data set's `name`, `digest` or `context`, or one of
    MLflow's attributes: `run_id`, `run_name`, `status`, `user_id`, `artifact_uri`, `start_time`,
    `end_time` (milliseconds since the epoch). Metrics and times compare with a number, everything
    else with text; IN and NOT IN (`run_id` and data sets only) with texts, IS [NOT] NULL
    (parameters, tags and metrics) with nothing.
    """

    kind: ColumnKind
    name: str
    operator: ConditionOperator
    value: str | float | int | tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs of an experiment are meant: all that meet every condition.

    Newest first (start time descending, then run id ascending, no start time last); with
    `oldest_first` by start time ascending.
    """

    experiment_id: str
    conditions: tuple[Condition, ...] = ()
    lifecycle: Lifecycle = "active"
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs of a query. `next_token` is opaque; None on the last page.

    `total` is how many runs were asked for in all, None where the store cannot tell.
    """

    runs: RunBlock
    next_token: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """`database` is another one when another database lies in its place, `state` whenever anything in it may
    have changed."""

    database: object
    state: object


class Store(Protocol):
    """A tracking store and its registry, read only.

    Every method is synchronous, may be called from any thread, and raises only
    `EngineError`s. Looking never creates or changes anything: a store that does not
    exist raises `StoreNotFound`. Deleted experiments, runs and versions are left out, runs unless
    a query asks for them.

    The paging contract of `runs`: in the query's order, `page_token` None for the first page,
    afterwards exactly the token that the previous page returned; a page may hold fewer than
    `max_results` runs without being the last; the last one's `next_token` is None; no run is on two
    pages of an unchanged store. `total` counts the runs of the query, where the store can tell.
    """

    kind: str
    readers: int
    """How many pages are worth asking for at the same time."""
    page_size: int
    """How many runs a page holds at best."""

    def experiments(self) -> tuple[Experiment, ...]:
        """All active experiments, in no promised order."""

    def newest_run(self) -> tuple[str, int] | None:
        """(experiment id, start time) of the run that started last in any active experiment."""

    def runs(self, query: RunQuery, *, page_token: str | None = None, max_results: int = PAGE) -> RunPage:
        """A page of runs."""

    def stamp(self) -> Stamp | None:
        """A cheap value that is another one whenever anything in the store may have changed; None
        where the store cannot tell."""

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
