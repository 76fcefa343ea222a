"""Experiments and runs: read, search, compare, export, delete and restore."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.entities import Artifact, Experiment, Lifecycle, MetricPoint, Run, RunDetail
from engine.errors import NotFound, StoreRefused
from engine.jobs import CancelToken, OnProgress, no_progress
from engine.suggestions import not_found
from engine.text import quoted

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.export.sheet import Sheet
    from engine.journal import JournalEntry
    from engine.run_lifecycle.apply import LifecyclePlan, LifecycleResult
    from engine.runs.compare import Comparison
    from engine.runs.frame import RunFrame
    from engine.runs.loading.feed import RunFeed
    from engine.runs.metrics import Direction
    from engine.runs.saved.store import SavedViews


class Runs:
    """The experiments of a tracking store and their runs."""

    def __init__(self, access: StoreAccess) -> None:
        self._access = access
        self._store = access.store

    # ── experiments ──────────────────────────────────────────────────────────

    def experiments(self, lifecycle: Lifecycle = "active") -> tuple[Experiment, ...]:
        """All active or all deleted experiments: the one with the most recent run first, then the newest."""

        def newest_first(experiment: Experiment) -> tuple[int, int, str]:
            touched = experiment.last_update_time or experiment.creation_time or 0
            return -(experiment.last_run_time or 0), -touched, experiment.name

        return tuple(sorted(self._store.experiments(lifecycle), key=newest_first))

    def experiment(self, name_or_id: str, *, allow_deleted: bool = False) -> Experiment:
        """An active experiment, else a deleted one if allowed; a name wins over an id. Raises `NotFound`."""
        active = self._store.experiments()
        if found := _named(active, name_or_id):
            return found
        deleted = _named(self._store.experiments("deleted"), name_or_id)
        if deleted is None:
            hint = "Run `mlflow-console experiments` for a list of names and ids."
            raise not_found("Experiment", name_or_id, (experiment.name for experiment in active), hint)
        if not allow_deleted:
            number = deleted.experiment_id
            raise NotFound(
                f"Experiment {quoted(name_or_id)} is deleted",
                "",
                f"Restore it: `mlflow-console experiment restore {number}`. List its runs:"
                f" `mlflow-console runs {number} --deleted`.",
            )
        return deleted

    def newest_experiment(self) -> str | None:
        """Id of the experiment with the most recently started run."""
        newest = self._store.newest_run()
        return newest[0] if newest else None

    # ── runs ─────────────────────────────────────────────────────────────────

    def feed(
        self,
        experiment_id: str,
        *,
        lifecycle: Lifecycle = "active",
        on_frame: Callable[[RunFrame], None] | None = None,
    ) -> RunFeed:
        """The runs of an experiment, ready to be loaded and kept up to date. Reads nothing yet."""
        from engine.runs.loading.feed import RunFeed

        return RunFeed(self._store, experiment_id, lifecycle=lifecycle, on_frame=on_frame)

    def find(
        self,
        experiment_id: str,
        filter_text: str,
        *,
        lifecycle: Lifecycle = "active",
        on_frame: Callable[[RunFrame], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> RunFrame:
        """The runs that may match a filter; the caller still applies it. A server that can evaluate part
        of the filter returns only the matching runs (the frame is then incomplete); otherwise all
        runs are loaded."""
        feed = self.feed(experiment_id, lifecycle=lifecycle, on_frame=on_frame)
        if self._store.kind != "sql" and filter_text.strip():
            from engine.filters.pushdown import pushdown

            conditions = pushdown(filter_text, (), now=time.time() * 1000).conditions
            if conditions:
                with suppress(StoreRefused):  # an older server: load everything and filter here
                    feed.search(conditions, cancel)
                    return feed.frame
        return feed.load(cancel)

    def newest(self, experiment_id: str, *, lifecycle: Lifecycle = "active") -> RunFrame:
        """The newest runs, at most a page. The frame is complete if these are all."""
        from engine.runs.frame import RunFrame
        from engine.stores.base import PAGE_SIZE, RunQuery

        page = self._store.runs(RunQuery(experiment_id, lifecycle=lifecycle), max_results=PAGE_SIZE)
        return RunFrame.from_runs(page.runs, complete=page.next_token is None)

    def detail(self, run_id: str) -> RunDetail:
        """One run with its datasets and logged models. Raises `NotFound`."""
        return self._store.run(run_id)

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        """The files and folders under `path`, relative to the run's artifact root."""
        return self._store.artifacts(run_id, path)

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        """Every logged value of a metric, by step."""
        return self._store.metric_history(run_id, key)

    def resolve_run_ids(self, experiment_id: str, prefixes: Sequence[str]) -> tuple[str, ...]:
        """The full ids of runs, active or deleted, from unique prefixes. Raises `NotFound` when a prefix
        matches no run or several."""
        from engine.run_lifecycle.lookup import resolve_run_ids

        return resolve_run_ids(self._store, experiment_id, prefixes)

    def resolve_run(self, experiment_id: str, text: str) -> str:
        """The id of a run, active or deleted, from its name, its id, or a unique beginning of it. Raises
        `NotFound`."""
        from engine.run_lifecycle.lookup import resolve_run

        return resolve_run(self._store, experiment_id, text)

    def saved_views(self, experiment: str) -> SavedViews:
        """The saved views of an experiment, by its name."""
        from engine.paths import views_file
        from engine.runs.saved.store import SavedViews, ViewFile

        return SavedViews(ViewFile(views_file()), self._access.uri.shown, experiment)

    # ── comparing and exporting ──────────────────────────────────────────────

    def compare(
        self, run_ids: Sequence[str], *, directions: Mapping[str, Direction] | None = None
    ) -> Comparison:
        """Runs side by side. `directions` overrides which direction of a metric is better."""
        from engine.runs.compare import compare
        from engine.runs.loading.by_id import runs_by_id

        return compare(runs_by_id(self._store, run_ids), directions=directions or {})

    def compare_loaded(
        self, runs: Sequence[Run], *, directions: Mapping[str, Direction] | None = None
    ) -> Comparison:
        """Runs that were read before, side by side. Reads nothing."""
        from engine.runs.compare import compare

        return compare(runs, directions=directions or {})

    def with_bests(self, found: Comparison) -> Comparison:
        """The comparison with the extremes of its metrics' histories, which may take a while to read."""
        from engine.runs.compare import read_extremes

        return read_extremes(self._store, found)

    def histories_sheet(self, runs: Sequence[Run], metrics: Sequence[str]) -> Sheet:
        """Every logged value of these metrics of several runs, to be exported."""
        from engine.export.runs import histories_sheet

        return histories_sheet(self._store, runs, metrics)

    def history_sheet(self, run_id: str, metrics: Sequence[str]) -> Sheet:
        """Every logged value of these metrics, to be exported."""
        from engine.export.runs import history_sheet

        return history_sheet(self._store, run_id, metrics)

    # ── deleting and restoring ───────────────────────────────────────────────

    def plan_lifecycle(self, run_ids: Sequence[str], target: Lifecycle) -> LifecyclePlan:
        """What deleting (`deleted`) or restoring (`active`) runs would change. Writes nothing."""
        from engine.run_lifecycle.apply import plan_lifecycle

        return plan_lifecycle(self._store, self._access.uri, run_ids, target)

    def plan_reversal(self, entry: JournalEntry) -> LifecyclePlan:
        """What reversing a journalled deletion or restoration would change. Writes nothing."""
        from engine.run_lifecycle.apply import plan_lifecycle, reversible_runs

        return plan_lifecycle(self._store, self._access.uri, *reversible_runs(entry))

    def change_lifecycle(
        self,
        plan: LifecyclePlan,
        *,
        reason: str = "",
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> LifecycleResult:
        """Apply a plan run by run, verify by reading back, and write the journal. The result lists runs that
        failed or were not tried. Raises `WriteError`, with nothing changed, if one of the runs has resumed
        since planning."""
        self._access.check_writable("Deleting runs" if plan.target == "deleted" else "Restoring runs")
        from engine.run_lifecycle.apply import apply_lifecycle

        return apply_lifecycle(
            self._store, self._access.uri, plan, reason=reason, on_progress=on_progress, cancel=cancel
        )


def _named(experiments: Sequence[Experiment], name_or_id: str) -> Experiment | None:
    names = {experiment.name: experiment for experiment in experiments}
    ids = {experiment.experiment_id: experiment for experiment in experiments}
    return names.get(name_or_id) or ids.get(name_or_id)
