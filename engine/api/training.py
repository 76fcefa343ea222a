"""Training: sweeps, and the demo."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.formats import counted
from engine.jobs import CancelToken, OnProgress, no_progress

if TYPE_CHECKING:
    from pathlib import Path

    from engine.api.access import StoreAccess
    from engine.journal import JournalEntry, Recorded
    from engine.training.control import SweepControl
    from engine.training.data.profile import DataProfile
    from engine.training.demo import DemoReport
    from engine.training.events import SweepEvent, SweepResult
    from engine.training.executors.base import Execution
    from engine.training.interrupted import UnfinishedSweep
    from engine.training.resume import ResumableSweep
    from engine.training.spec import DataSpec, SplitSpec, SweepSpec

OnEvent = Callable[["SweepEvent"], None]


class Training:
    """Trains models into a tracking store."""

    def __init__(self, access: StoreAccess) -> None:
        self._access = access

    def profile(
        self, data: DataSpec, split: SplitSpec | None = None, *, cancel: CancelToken | None = None
    ) -> DataProfile:
        """What a dataset is understood as; takes a second or two. Raises `DatasetError`, and `Cancelled`;
        for the dataset of a run also `NotFound` and `StoreError`."""
        from engine.training.spec import SplitSpec, SweepSpec

        return self._profile(SweepSpec("", data, split or SplitSpec(), models=()), cancel)

    def _profile(self, spec: SweepSpec, cancel: CancelToken | None) -> DataProfile:
        from engine.training.data.recorded import resolved
        from engine.training.local_process import read_profile

        data, note = resolved(self._access.store, spec.data) if spec.data.run_id else (spec.data, "")
        profile = read_profile(self._access.uri, replace(spec, data=data), cancel or CancelToken())
        return replace(profile, remarks=(note, *profile.remarks)) if note else profile

    def check(self, spec: SweepSpec, *, cancel: CancelToken | None = None) -> tuple[int, DataProfile]:
        """The number of trials of a sweep, its baseline included, and what its data is understood as. Raises
        `DatasetError`, `GridError` and `UsageError` as training would, but for what only training shows."""
        from engine.training.evaluation.scores import ranking_metric
        from engine.training.search.grid import planned_trials
        from engine.training.spec import check_settings, source_problems

        check_settings(spec)
        for error in source_problems(spec.data):
            raise error
        profile = self._profile(spec, cancel)
        ranking_metric(spec, profile.task)
        return planned_trials(spec, profile.task), profile

    def read_sweep_file(self, path: Path) -> SweepSpec:
        """The sweep that a YAML file describes. Raises `UsageError` and `GridError`, which name the line."""
        from engine.training.sweep_file import read_sweep_file

        return read_sweep_file(path)

    def train(
        self,
        spec: SweepSpec,
        *,
        on_event: OnEvent,
        control: SweepControl | None = None,
        execution: Execution | None = None,
    ) -> SweepResult:
        """Run a sweep in separate processes; it is journalled once it writes, so not if it is refused before.
        `on_event` receives every event; `control` cancels and pauses. Raises like
        `engine.training.local_process.run_sweep`, and like `profile`."""
        self._access.check_writable("Training")
        from engine.training.spec import check_settings, source_problems

        check_settings(spec)
        for error in source_problems(spec.data):
            raise error
        return self._run(spec, on_event, control, execution)

    def resume(
        self,
        run_id: str,
        *,
        on_event: OnEvent,
        control: SweepControl | None = None,
        execution: Execution | None = None,
    ) -> SweepResult:
        """Train the missing trials of the sweep whose parent run has this id, or an id that begins so. Its
        finished trials are not trained again, but reported; those left RUNNING are marked KILLED and redone.
        Raises `NotFound`, `UsageError` or `TrainingError` if it cannot be resumed, and like `train`."""
        self._access.check_writable("Resuming a sweep")
        from engine.journal import server_name
        from engine.training.events import SweepStarted
        from engine.training.interrupted import sweep_runs
        from engine.training.resume import find_sweep, finished_trials, only_one

        store = self._access.store
        run, sweep_id, spec = find_sweep(store, server_name(self._access.uri), run_id)

        def report(event: SweepEvent) -> None:
            on_event(event)
            if isinstance(event, SweepStarted):
                for trial in finished_trials(before, spec, event.metric):
                    on_event(trial)

        with only_one(sweep_id):
            before = tuple(sweep_runs(store, run.experiment_id, sweep_id))
            return self._run(spec, report, control, execution, sweep_id, run.run_id)

    def _run(
        self,
        spec: SweepSpec,
        on_event: OnEvent,
        control: SweepControl | None,
        execution: Execution | None,
        sweep_id: str = "",
        resume_run_id: str = "",
    ) -> SweepResult:
        from engine.journal import recorded
        from engine.training.control import SweepControl
        from engine.training.data.recorded import resolved
        from engine.training.events import SweepNote
        from engine.training.executors.base import Execution
        from engine.training.local_process import run_sweep

        if spec.data.run_id:
            data, note = resolved(self._access.store, spec.data)
            spec = replace(spec, data=data)
            if note:
                on_event(SweepNote(note))
        uri = self._access.uri
        target = f"{spec.parent_name} in {spec.experiment}"
        sweep_id = sweep_id or uuid.uuid4().hex
        entries: list[Recorded] = []
        with ExitStack() as writing:
            journalled = recorded(uri, "train", target, entry_id=sweep_id, experiment=spec.experiment)
            result = run_sweep(
                uri,
                spec,
                on_event=on_event,
                control=control or SweepControl(),
                execution=execution or Execution(),
                sweep_id=sweep_id,
                resume_run_id=resume_run_id,
                before_writing=lambda: entries.append(writing.enter_context(journalled)),
            )
            for entry in entries:
                entry.detail = result.summary
                if result.cancelled:
                    entry.outcome = "cancelled"
                elif result.failed and not result.finished:
                    entry.outcome = "failed"
        return result

    def resumable(self) -> tuple[ResumableSweep, ...]:
        """Sweeps in this store that ended before their last trial, the newest first."""
        from engine.journal import server_name
        from engine.training.resume import resumable_sweeps

        return resumable_sweeps(self._access.store, server_name(self._access.uri))

    def abandoned(self) -> tuple[UnfinishedSweep, ...]:
        """Journalled sweeps in this store that left runs RUNNING: their console and their training process
        were killed together."""
        from engine.journal import server_name
        from engine.training.interrupted import abandoned_sweeps

        return abandoned_sweeps(self._access.store, server_name(self._access.uri))

    def mark_killed(self, entry: JournalEntry) -> JournalEntry:
        """Mark the runs that an abandoned sweep left RUNNING as KILLED, and record it as the outcome of the
        sweep. Raises `WriteError` if there are none, or if its training process runs."""
        self._access.check_writable("Marking runs as KILLED")
        from engine.training.interrupted import mark_killed

        return mark_killed(self._access.store, self._access.uri, entry)

    def demo(self, *, on_progress: OnProgress = no_progress, cancel: CancelToken | None = None) -> DemoReport:
        """Train, register and promote the published heart-disease models, and journal it. Safe to run
        again: finished work is not repeated."""
        self._access.check_writable("The demo")
        from engine.journal import recorded
        from engine.training.demo import run_demo

        with recorded(self._access.uri, "demo", "the published heart-disease study") as entry:
            report = run_demo(self._access.uri, on_progress=on_progress, cancel=cancel or CancelToken())
            trained, registered = counted(report.trained, "trial"), counted(report.registered, "version")
            entry.detail = f"{trained} trained, {registered} registered"
        return report
