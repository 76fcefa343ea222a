"""The one door: what the console and the commands hold.

Every method is one user task: synchronous, safe to call from any thread, raising only
`EngineError`s, returning frozen records. Reading never imports mlflow for a database or a
server; the first write does (about two seconds).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engine.entities import (
    Artifact,
    Experiment,
    Lifecycle,
    MetricPoint,
    ModelVersion,
    RegisteredModel,
    Run,
    RunDetail,
    Stage,
)
from engine.errors import NotFound, ReadOnly, StoreRefused
from engine.jobs import CancelToken, OnProgress, no_progress
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.evidence.best import BestRun
    from engine.journal import JournalEntry
    from engine.registry.promotion.apply import PromotionPlan, PromotionResult
    from engine.registry.smoke_test import ProbeResult
    from engine.run_lifecycle.apply import LifecyclePlan, LifecycleResult
    from engine.runs.compare import Comparison, Direction
    from engine.runs.frame import RunFrame
    from engine.runs.loading.feed import RunFeed
    from engine.runs.saved.store import SavedViews
    from engine.stores.base import Store
    from engine.training.demo import DemoReport
    from engine.training.events import SweepEvent, SweepResult
    from engine.training.sweep import SweepSpec

NAMED = 8
"""Experiments that an error names."""


class Engine:
    """One tracking store and what can be done with it. Close it, or use it as a context."""

    def __init__(self, uri: TrackingUri, *, read_only: bool = False) -> None:
        from engine.stores import open_store

        self.uri = uri
        self.read_only = read_only
        self._store: Store = open_store(uri)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._store.close()

    # ── reading ──────────────────────────────────────────────────────────────

    def experiments(self) -> tuple[Experiment, ...]:
        """All active experiments: first those in which a run started last, then the newest."""

        def newest_first(experiment: Experiment) -> tuple[int, int, str]:
            touched = experiment.last_update_time or experiment.creation_time or 0
            return -(experiment.last_run_time or 0), -touched, experiment.name

        return tuple(sorted(self._store.experiments(), key=newest_first))

    def experiment(self, name_or_id: str) -> Experiment:
        """Raises `NotFound`, naming what there is. A name goes before an id."""
        found = self._store.experiments()
        for experiment in found:
            if experiment.name == name_or_id:
                return experiment
        for experiment in found:
            if experiment.experiment_id == name_or_id:
                return experiment
        there = sorted(e.name for e in found)
        more = f" and {len(there) - NAMED} more" if len(there) > NAMED else ""
        raise NotFound(
            f"There is no experiment {name_or_id!r}",
            f"Experiments in this store: {', '.join(there[:NAMED]) or 'none'}{more}",
            "Name one of them, or its id. `mlflow-console experiments` lists them all.",
        )

    def newest_experiment(self) -> str | None:
        """Id of the experiment in which a run started last."""
        newest = self._store.newest_run()
        return newest[0] if newest else None

    def feed(
        self,
        experiment_id: str,
        *,
        lifecycle: Lifecycle = "active",
        on_frame: Callable[[RunFrame], None] | None = None,
    ) -> RunFeed:
        """The runs of an experiment, to be loaded and kept up to date. Nothing is read yet."""
        from engine.runs.loading.feed import RunFeed

        return RunFeed(self._store, experiment_id, lifecycle=lifecycle, on_frame=on_frame)

    def load_runs(
        self,
        experiment_id: str,
        *,
        on_frame: Callable[[RunFrame], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> RunFrame:
        """All runs of an experiment. `on_frame` is called with the growing frame as pages come."""
        return self.feed(experiment_id, on_frame=on_frame).load(cancel)

    def find_runs(
        self,
        experiment_id: str,
        filter_text: str,
        *,
        lifecycle: Lifecycle = "active",
        on_frame: Callable[[RunFrame], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> RunFrame:
        """The runs that a filter can let through: from a server only those that meet what the server can
        answer of it (the frame is not complete then), where every name says what kind of
        column it is; else all. The filter is still to be applied."""
        feed = self.feed(experiment_id, lifecycle=lifecycle, on_frame=on_frame)
        if self._store.kind != "sql" and filter_text.strip():
            from engine.filters.pushdown import pushdown

            conditions = pushdown(filter_text, (), now=time.time() * 1000).conditions
            if conditions:
                with suppress(StoreRefused):  # an older server: it gives all, and we look
                    feed.search(conditions, cancel)
                    return feed.frame
        return feed.load(cancel)

    def run(self, run_id: str) -> RunDetail:
        return self._store.run(run_id)

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        return self._store.artifacts(run_id, path)

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        return self._store.metric_history(run_id, key)

    def models(self) -> tuple[RegisteredModel, ...]:
        return self._store.registered_models()

    def versions(self, model: str) -> tuple[ModelVersion, ...]:
        """Newest first."""
        return self._store.model_versions(model)

    def views(self, experiment: str) -> SavedViews:
        """The views of an experiment's runs, by its name, that were saved under a name."""
        from engine.paths import views_file
        from engine.runs.saved.store import SavedViews, ViewFile

        return SavedViews(ViewFile(views_file()), self.uri.shown, experiment)

    # ── understanding ────────────────────────────────────────────────────────

    def compare(
        self, run_ids: Sequence[str], *, directions: Mapping[str, Direction] | None = None
    ) -> Comparison:
        from engine.runs.compare import compare

        runs: list[Run] = [self._store.run(run_id).run for run_id in run_ids]
        return compare(runs, directions=directions or {})

    def best(
        self,
        frame: RunFrame,
        metric: str,
        direction: Direction | None = None,
        rows: Sequence[int] | None = None,
    ) -> BestRun:
        from engine.evidence.best import best_run

        return best_run(frame, metric, direction, rows)

    def write_csv(self, frame: RunFrame, path: Path, rows: Sequence[int] | None = None) -> int:
        """Write runs as `mlflow.search_runs` names their columns; the number of runs written."""
        from engine.runs.export import write_csv

        return write_csv(frame, path, rows)

    # ── deleting and restoring ───────────────────────────────────────────────

    def whole_run_ids(self, experiment_id: str, beginnings: Sequence[str]) -> tuple[str, ...]:
        """The ids that begin like this in an experiment, active or deleted. Raises `NotFound` where
        none or several do."""
        from engine.run_lifecycle.lookup import whole_ids

        return whole_ids(self._store, experiment_id, beginnings)

    def plan_lifecycle(self, run_ids: Sequence[str], target: Lifecycle) -> LifecyclePlan:
        """What deleting (`deleted`) or restoring (`active`) runs would change. Reads only."""
        from engine.run_lifecycle.apply import plan_lifecycle

        return plan_lifecycle(self._store, self.uri, run_ids, target)

    def change_lifecycle(
        self,
        plan: LifecyclePlan,
        *,
        reason: str = "",
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> LifecycleResult:
        """Apply a plan run by run, read back, write the journal. What failed and what was not tried
        is in the result; raises `WriteError` with nothing written when a run began to run since."""
        self._check_writable("Deleting runs" if plan.target == "deleted" else "Restoring runs")
        from engine.run_lifecycle.apply import apply_lifecycle

        return apply_lifecycle(
            self._store, self.uri, plan, reason=reason, on_progress=on_progress, cancel=cancel
        )

    # ── the registry ─────────────────────────────────────────────────────────

    def plan_promotion(
        self,
        model: str,
        version: int,
        *,
        stage: Stage | None = None,
        alias: str | None = None,
        archive_existing: bool = True,
    ) -> PromotionPlan:
        """What a promotion would change. Exactly one of `stage` and `alias`. Reads only."""
        from engine.registry.promotion.apply import plan_promotion

        return plan_promotion(
            self._store, self.uri, model, version, stage=stage, alias=alias, archive_existing=archive_existing
        )

    def promote(self, plan: PromotionPlan, *, reason: str = "") -> PromotionResult:
        """Apply a plan, read back, repair, write the journal. Raises `PromotionError` when the registry
        is not as the plan saw it."""
        self._check_writable("Promoting")
        from engine.registry.promotion.apply import apply_promotion

        return apply_promotion(self._store, self.uri, plan, reason=reason)

    def plan_undo(self) -> PromotionPlan:
        """What taking back the newest promotion of this store would change. Reads only."""
        from engine.registry.promotion.apply import plan_undo

        return plan_undo(self._store, self.uri)

    def undo(self) -> PromotionResult:
        """Take back the newest promotion of this store that has not been taken back."""
        self._check_writable("Undoing")
        from engine.registry.promotion.apply import undo_last

        return undo_last(self._store, self.uri)

    def journal(self, limit: int = 200) -> tuple[JournalEntry, ...]:
        """What was written from here, newest first."""
        from engine.journal import read_journal

        return read_journal(limit)

    def probe(self, model: str, version: int) -> ProbeResult:
        """Load a version in this process and predict its own input example."""
        from engine.registry.smoke_test import probe_version

        return probe_version(self.uri, self._store, model, version)

    # ── training ─────────────────────────────────────────────────────────────

    def check_sweep(self, spec: SweepSpec) -> int:
        """How many trials a sweep makes. Raises `GridError` or `DatasetError` where it cannot be trained."""
        from engine.training.datasets import read_dataset
        from engine.training.sweep import check_rows, trials

        count = len(trials(spec))
        check_rows(spec, read_dataset(spec.dataset).rows)
        return count

    def train(
        self,
        spec: SweepSpec,
        *,
        on_event: Callable[[SweepEvent], None],
        cancel: CancelToken | None = None,
    ) -> SweepResult:
        """Run a sweep in a process of its own; `on_event` hears of every trial. Journalled."""
        self._check_writable("Training")
        from engine.journal import recorded
        from engine.training.executors import run_sweep

        target = f"{self.check_sweep(spec)} {spec.recipe} {spec.estimator} trials in {spec.experiment}"
        with recorded(self.uri, "train", target) as entry:
            result = run_sweep(self.uri, spec, on_event=on_event, cancel=cancel or CancelToken())
            entry.detail = f"{result.finished} finished, {result.failed} failed, {result.killed} killed"
        return result

    def demo(self, *, on_progress: OnProgress = no_progress, cancel: CancelToken | None = None) -> DemoReport:
        """Train, register and promote the published heart-disease work; nothing twice. Journalled."""
        self._check_writable("The demo")
        from engine.journal import recorded
        from engine.training.demo import run_demo

        with recorded(self.uri, "demo", "the published heart-disease work") as entry:
            report = run_demo(self.uri, on_progress=on_progress, cancel=cancel or CancelToken())
            entry.detail = f"{report.trained} trials trained, {report.registered} versions registered"
        return report

    def _check_writable(self, what: str) -> None:
        if self.read_only:
            raise ReadOnly(what, "The console was started with --read-only.")
