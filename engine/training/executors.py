"""Where sweeps run. Here: in one child process on this machine.

An executor is anything with `sweep` and `close` as `LocalProcess` has them; one that spreads
trials over machines would stand beside it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Protocol

from engine.errors import Cancelled, EngineError
from engine.jobs import CancelToken
from engine.training.datasets import read_dataset
from engine.training.events import (
    SweepEvent,
    SweepFinished,
    SweepPreparing,
    SweepResult,
    SweepStarted,
    TrialFinished,
    from_json,
)
from engine.training.process import ProcessDied, WorkerProcess, placed
from engine.training.sweep import SweepSpec, check_rows, trials
from engine.uri import TrackingUri

CHECKED_BYTES = 8 * 1024 * 1024
"""Smaller data sets are checked before a process is started for them."""


class Executor(Protocol):
    def sweep(
        self, spec: SweepSpec, *, on_event: Callable[[SweepEvent], None], cancel: CancelToken
    ) -> SweepResult: ...

    def close(self) -> None: ...


def run_sweep(
    uri: TrackingUri,
    spec: SweepSpec,
    *,
    on_event: Callable[[SweepEvent], None],
    cancel: CancelToken,
) -> SweepResult:
    """Run a sweep in a process of its own; `on_event` is called in the calling thread.

    Raises `GridError`, `UsageError` or `DatasetError` before anything is started or written,
    `StoreError` when the store fails (finished trials are kept), `TrainingError` when the process
    dies. When cancelled the trial at hand and the parent run are KILLED, finished trials stay, and
    the result says `cancelled`.
    """
    trials(spec)
    _check_small(spec)
    executor: Executor = LocalProcess(uri)
    with closing(executor):
        return executor.sweep(spec, on_event=on_event, cancel=cancel)


class LocalProcess:
    """One child process, started by the first command and used for all of them."""

    def __init__(self, uri: TrackingUri) -> None:
        self._uri = uri
        self._process: WorkerProcess | None = None

    def sweep(
        self,
        spec: SweepSpec,
        *,
        on_event: Callable[[SweepEvent], None],
        cancel: CancelToken,
        only: Sequence[int] | None = None,
        resumed: str = "",
        sweep_id: str = "",
    ) -> SweepResult:
        """Train the trials of `spec`, or those with the indexes `only`. `resumed` is the parent run
        of an earlier sweep to continue, `sweep_id` what its runs are tagged with."""
        started = time.monotonic()
        tally = _Tally()
        sweep_id = sweep_id or uuid.uuid4().hex
        command = {"sweep": _absolute(spec).to_json(), "id": sweep_id, "only": only, "resumed": resumed}
        if self._process is None and not cancel.cancelled:
            on_event(SweepPreparing("starting Python"))
        if not cancel.cancelled:
            try:
                for told in self._worker().ask(command, cancel):
                    if "event" in told:
                        event = from_json(told)
                        tally.add(event)
                        on_event(event)
            except ProcessDied as error:
                self._clean_up(error, spec.experiment, sweep_id)
                raise
        return tally.result(time.monotonic() - started)

    def ask(self, command: Mapping[str, Any], cancel: CancelToken) -> Any:
        """Have a command obeyed that is not a sweep; its answer. Raises `Cancelled`."""
        for told in self._worker().ask(command, cancel):
            if "done" in told:
                return told["done"]
        raise Cancelled("The work")

    def close(self) -> None:
        """Let the process end."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _worker(self) -> WorkerProcess:
        if self._process is None:
            self._process = WorkerProcess(self._uri)
        return self._process

    def _clean_up(self, death: ProcessDied, experiment: str, sweep_id: str) -> None:
        """Mark what a process left that could not; the error tells how that went."""
        from engine.stores.mlflow.client import open_client
        from engine.training.recorder import kill_leftovers, writing

        try:
            with writing():
                client = open_client(placed(self._uri)[0])
            ended = kill_leftovers(client, experiment, sweep_id)
            death.detail += f"; {len(ended)} unfinished runs are marked KILLED"
        except EngineError as error:
            death.detail += f"; its unfinished runs stay RUNNING: {error.title}"


class _Tally:
    """What the events of a sweep come to."""

    def __init__(self) -> None:
        self._started = SweepStarted("", "", 0)
        self._finished = SweepFinished(0, 0, 0, cancelled=True, seconds=0.0)
        self._best: tuple[tuple[float, float, int], str] | None = None

    def add(self, event: SweepEvent) -> None:
        match event:
            case SweepStarted():
                self._started = event
            case SweepFinished():
                self._finished = event
            case TrialFinished(index=index, run_id=run_id, metrics=metrics):
                rank = (metrics["accuracy"], metrics["cv_mean"], -index)
                if self._best is None or rank > self._best[0]:
                    self._best = rank, run_id

    def result(self, seconds: float) -> SweepResult:
        started, finished = self._started, self._finished
        return SweepResult(
            parent_run_id=started.parent_run_id,
            experiment_id=started.experiment_id,
            finished=finished.finished,
            failed=finished.failed,
            killed=finished.killed,
            cancelled=finished.cancelled,
            seconds=seconds,
            best_run_id=self._best[1] if self._best else None,
        )


def _check_small(spec: SweepSpec) -> None:
    """Raises `DatasetError`, and `GridError` for values that need more rows."""
    try:
        small = spec.dataset.file.stat().st_size <= CHECKED_BYTES
    except (OSError, ValueError):
        small = True
    if small:
        check_rows(spec, read_dataset(spec.dataset).rows)


def _absolute(spec: SweepSpec) -> SweepSpec:
    """Fit for a process in another folder."""
    if spec.dataset.path is None:
        return spec
    return replace(spec, dataset=replace(spec.dataset, path=str(spec.dataset.file)))
