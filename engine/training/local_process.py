"""Where sweeps run: in one child process on this machine.

An executor has `sweep` and `close` like `LocalProcess`; one that distributes trials over machines would
implement the same protocol.
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
from engine.training.process import ProcessDied, WorkerProcess, uri_and_folder
from engine.training.sweep import SweepSpec, check_rows, trials
from engine.uri import TrackingUri

MAX_CHECKED_BYTES = 8 * 1024 * 1024
"""Datasets up to this size are checked before the process starts."""


class Executor(Protocol):
    def sweep(
        self, spec: SweepSpec, *, on_event: Callable[[SweepEvent], None], cancel: CancelToken, sweep_id: str
    ) -> SweepResult: ...

    def close(self) -> None: ...


def run_sweep(
    uri: TrackingUri,
    spec: SweepSpec,
    *,
    on_event: Callable[[SweepEvent], None],
    cancel: CancelToken,
    sweep_id: str = "",
) -> SweepResult:
    """Run a sweep in a separate process; `on_event` is called in the calling thread. Its runs are tagged
    with `sweep_id`, or with a new id.

    Raises `GridError`, `UsageError` or `DatasetError` before anything is started or written, `StoreError` if
    the store fails (finished trials are kept), `TrainingError` if the process dies. Cancelling marks the
    current trial and the parent run KILLED, keeps finished trials and sets `cancelled` on the result.
    """
    trials(spec)
    _check_small(spec)
    executor: Executor = LocalProcess(uri)
    with closing(executor):
        return executor.sweep(spec, on_event=on_event, cancel=cancel, sweep_id=sweep_id)


class LocalProcess:
    """One child process, started by the first command and reused for the others."""

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
        resume_run_id: str = "",
        sweep_id: str = "",
    ) -> SweepResult:
        """Train the trials of `spec`, or those with the indexes `only`. `resume_run_id` is the parent run of
        an earlier sweep to continue, `sweep_id` the id its runs are tagged with."""
        started = time.monotonic()
        tally = _Tally()
        sweep_id = sweep_id or uuid.uuid4().hex
        command = {
            "sweep": _absolute(spec).to_json(),
            "id": sweep_id,
            "only": only,
            "resume_run_id": resume_run_id,
        }
        if self._process is None and not cancel.cancelled:
            on_event(SweepPreparing("starting Python"))
        if not cancel.cancelled:
            try:
                for message in self._worker().run(command, cancel):
                    if "event" in message:
                        event = from_json(message)
                        tally.add(event)
                        on_event(event)
            except ProcessDied as error:
                self._clean_up(error, spec.experiment, sweep_id)
                raise
        total = len(trials(spec)) if only is None else len(only)
        return tally.result(total, time.monotonic() - started)

    def execute(self, command: Mapping[str, Any], cancel: CancelToken) -> Any:
        """Run a command other than a sweep. Returns its result. Raises `Cancelled`."""
        for message in self._worker().run(command, cancel):
            if "done" in message:
                return message["done"]
        raise Cancelled("The command")

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _worker(self) -> WorkerProcess:
        if self._process is None:
            self._process = WorkerProcess(self._uri)
        return self._process

    def _clean_up(self, died: ProcessDied, experiment: str, sweep_id: str) -> None:
        """Mark the runs left by a dead process as KILLED, and add the outcome to the error."""
        from engine.stores.errors import translated_errors
        from engine.stores.mlflow.client import open_client
        from engine.training.recorder import kill_unfinished_runs

        try:
            with translated_errors():
                client = open_client(uri_and_folder(self._uri)[0])
            ended = kill_unfinished_runs(client, experiment, sweep_id)
            died.detail += f"; {len(ended)} unfinished runs were marked KILLED"
        except EngineError as error:
            died.detail += f"; its unfinished runs stay RUNNING: {error.title}"


class _Tally:
    """Collects the events of a sweep into its result."""

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

    def result(self, total: int, seconds: float) -> SweepResult:
        started, finished = self._started, self._finished
        return SweepResult(
            parent_run_id=started.parent_run_id,
            experiment_id=started.experiment_id,
            total=total,
            finished=finished.finished,
            failed=finished.failed,
            killed=finished.killed,
            cancelled=finished.cancelled,
            seconds=seconds,
            best_run_id=self._best[1] if self._best else None,
        )


def _check_small(spec: SweepSpec) -> None:
    """Check a small dataset. Raises `DatasetError`, and `GridError` for values that need more rows."""
    try:
        small = spec.dataset.file.stat().st_size <= MAX_CHECKED_BYTES
    except (OSError, ValueError):
        small = True
    if small:
        check_rows(spec, read_dataset(spec.dataset).rows)


def _absolute(spec: SweepSpec) -> SweepSpec:
    """The spec with an absolute dataset path, for a process in another folder."""
    if spec.dataset.path is None:
        return spec
    return replace(spec, dataset=replace(spec.dataset, path=str(spec.dataset.file)))
