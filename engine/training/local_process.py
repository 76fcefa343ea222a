"""Where sweeps are coordinated: in one child process on this machine."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import Cancelled, EngineError
from engine.jobs import CancelToken
from engine.training.control import SweepControl
from engine.training.data.profile import DataProfile
from engine.training.events import (
    SweepEvent,
    SweepFinished,
    SweepPreparing,
    SweepResult,
    SweepStarted,
    from_json,
)
from engine.training.executors.base import HERE, Execution
from engine.training.process import ProcessDied, WorkerProcess, uri_and_folder
from engine.training.spec import DataSpec, SweepSpec
from engine.uri import TrackingUri


def run_sweep(
    uri: TrackingUri,
    spec: SweepSpec,
    *,
    on_event: Callable[[SweepEvent], None],
    control: SweepControl,
    execution: Execution = HERE,
    sweep_id: str = "",
    resume_run_id: str = "",
    before_writing: Callable[[], object] = lambda: None,
) -> SweepResult:
    """Run a sweep in a separate process; `on_event` is called in the calling thread, and `before_writing`
    once the sweep is known to be good. Its runs are tagged with `sweep_id`, or with a new id; with
    `resume_run_id` it is the rest of an earlier sweep with that parent run and id.

    Raises `GridError`, `UsageError` or `DatasetError` before anything is written, `StoreError` if the store
    fails (finished trials are kept), `TrainingError` if the process dies. Cancelling marks the trials in
    progress and the parent run KILLED, keeps finished trials and sets `cancelled` on the result.
    """
    with closing(LocalProcess(uri)) as process:
        return process.sweep(
            spec,
            on_event=on_event,
            control=control,
            execution=execution,
            sweep_id=sweep_id,
            resume_run_id=resume_run_id,
            before_writing=before_writing,
        )


def read_profile(uri: TrackingUri, spec: SweepSpec, cancel: CancelToken) -> DataProfile:
    """What the dataset of a sweep is understood as, read in a separate process: this one stays small.

    Raises `DatasetError`, `GridError` for an estimator outside the catalogue that cannot be used, and
    `Cancelled`."""
    with closing(LocalProcess(uri)) as process:
        command = {"profile": replace(spec, data=_absolute(spec.data)).to_json()}
        return DataProfile.from_json(process.execute(command, cancel))


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
        control: SweepControl,
        execution: Execution = HERE,
        resume_run_id: str = "",
        sweep_id: str = "",
        before_writing: Callable[[], object] = lambda: None,
    ) -> SweepResult:
        """See `run_sweep`."""
        started = time.monotonic()
        tally = _Tally()
        sweep_id = sweep_id or uuid.uuid4().hex
        command = {
            "sweep": replace(spec, data=_absolute(spec.data)).to_json(),
            "id": sweep_id,
            "resume_run_id": resume_run_id,
            "execution": _absolute_file(execution).to_json(),
        }
        cancel = control.cancel
        if self._process is None and not cancel.cancelled:
            on_event(SweepPreparing("starting Python"))
        if not cancel.cancelled:
            try:
                worker = self._worker()
                for message in worker.run(command, control):
                    if "accepted" in message:
                        before_writing()
                        worker.begin()
                    elif "event" in message:
                        event = from_json(message)
                        tally.add(event)
                        on_event(event)
            except ProcessDied as error:
                self._clean_up(error, spec.experiment, sweep_id)
                raise
        return tally.result(time.monotonic() - started)

    def execute(self, command: Mapping[str, Any], cancel: CancelToken) -> Any:
        """Run a command other than a sweep. Returns its result. Raises `Cancelled`."""
        for message in self._worker().run(command, SweepControl(cancel)):
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

    def add(self, event: SweepEvent) -> None:
        match event:
            case SweepStarted():
                self._started = event
            case SweepFinished():
                self._finished = event

    def result(self, seconds: float) -> SweepResult:
        started, finished = self._started, self._finished
        return SweepResult(
            parent_run_id=started.parent_run_id,
            experiment_id=started.experiment_id,
            total=started.total,
            finished=finished.finished,
            failed=finished.failed,
            killed=finished.killed,
            cancelled=finished.cancelled,
            seconds=seconds,
            best_run_id=finished.best_run_id,
            ended=finished.ended,
        )


def _absolute_file(execution: Execution) -> Execution:
    """The child process works in another folder."""
    if not execution.scheduler_file:
        return execution
    return replace(execution, scheduler_file=str(Path(execution.scheduler_file).expanduser().absolute()))


def _absolute(data: DataSpec) -> DataSpec:
    """The data with an absolute path, for a process in another folder."""
    return data if data.path is None else replace(data, path=str(data.file))
