"""Training: sweeps, and the demo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.formats import counted
from engine.jobs import CancelToken, OnProgress, no_progress

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.journal import JournalEntry
    from engine.training.demo import DemoReport
    from engine.training.events import SweepEvent, SweepResult
    from engine.training.interrupted import UnfinishedSweep
    from engine.training.sweep import SweepSpec


class Training:
    """Trains models into a tracking store."""

    def __init__(self, access: StoreAccess) -> None:
        self._access = access

    def check(self, spec: SweepSpec) -> int:
        """The number of trials of a sweep that can be trained. Raises `DatasetError` or `GridError`."""
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
        """Run a sweep in a separate process and journal it. `on_event` receives every event."""
        self._access.check_writable("Training")
        from engine.formats import counted
        from engine.journal import recorded
        from engine.training.local_process import run_sweep

        what = counted(self.check(spec), f"{spec.recipe} {spec.estimator} trial")
        target = f"{what} in {spec.experiment}"
        uri = self._access.uri
        with recorded(uri, "train", target, experiment=spec.experiment) as entry:
            result = run_sweep(
                uri, spec, on_event=on_event, cancel=cancel or CancelToken(), sweep_id=entry.entry_id
            )
            entry.detail = result.summary
            if result.cancelled:
                entry.outcome = "cancelled"
            elif result.failed and not result.finished:
                entry.outcome = "failed"
        return result

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
