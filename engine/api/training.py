"""Training: sweeps, and the demo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.jobs import CancelToken, OnProgress, no_progress

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.training.demo import DemoReport
    from engine.training.events import SweepEvent, SweepResult
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
        from engine.journal import recorded
        from engine.training.local_process import run_sweep

        target = f"{self.check(spec)} {spec.recipe} {spec.estimator} trials in {spec.experiment}"
        with recorded(self._access.uri, "train", target) as entry:
            result = run_sweep(self._access.uri, spec, on_event=on_event, cancel=cancel or CancelToken())
            entry.detail = result.summary
            if result.cancelled:
                entry.outcome = "cancelled"
            elif result.failed and not result.finished:
                entry.outcome = "failed"
        return result

    def demo(self, *, on_progress: OnProgress = no_progress, cancel: CancelToken | None = None) -> DemoReport:
        """Train, register and promote the published heart-disease models, and journal it. Safe to run
        again: finished work is not repeated."""
        self._access.check_writable("The demo")
        from engine.journal import recorded
        from engine.training.demo import run_demo

        with recorded(self._access.uri, "demo", "the published heart-disease study") as entry:
            report = run_demo(self._access.uri, on_progress=on_progress, cancel=cancel or CancelToken())
            entry.detail = f"{report.trained} trials trained, {report.registered} versions registered"
        return report
