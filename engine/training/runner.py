"""Runs the trials of one sweep: train, record, report."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from engine.errors import EngineError, TrainingError
from engine.jobs import CancelToken
from engine.training.events import (
    SweepEvent,
    SweepFinished,
    SweepStarted,
    TrialFailed,
    TrialFinished,
    TrialKilled,
    TrialStarted,
)
from engine.training.recipes import Split, fit
from engine.training.recorder import Recorder
from engine.training.sweep import SweepSpec, Trial


class Runner:
    """Trains and records trials in `threads` threads: one suffices for a database, several hide the latency
    of a server. `emit` must be thread-safe."""

    def __init__(
        self,
        recorder: Recorder,
        spec: SweepSpec,
        parts: Split,
        *,
        emit: Callable[[SweepEvent], None],
        cancel: CancelToken,
        threads: int = 1,
    ) -> None:
        self._recorder = recorder
        self._spec = spec
        self._parts = parts
        self._emit = emit
        self._cancel = cancel
        self._threads = threads
        self._store_failed = CancelToken()

    def run(self, chosen: Sequence[Trial], resume_run_id: str = "") -> SweepFinished:
        """Train `chosen` under a new parent run, or under `resume_run_id`. A failed trial is recorded and the
        sweep continues; a store failure ends the sweep and is raised once."""
        started = time.perf_counter()
        recorder = self._recorder
        recorder.open(resume_run_id)
        self._emit(SweepStarted(recorder.parent_run_id, recorder.experiment_id, len(chosen)))
        with ThreadPoolExecutor(self._threads, thread_name_prefix="trial") as pool:
            futures = [pool.submit(self._run_trial, trial) for trial in chosen]
        outcomes = [future.result() for future in futures]
        finished, failed, killed = (
            outcomes.count(kind) for kind in (TrialFinished, TrialFailed, TrialKilled)
        )
        cancelled = finished + failed < len(chosen)
        if cancelled:
            recorder.close("KILLED")
        else:
            recorder.close("FAILED" if failed and not finished else "FINISHED")
        seconds = time.perf_counter() - started
        return SweepFinished(finished, failed, killed, cancelled, seconds)

    def _run_trial(self, trial: Trial) -> type[SweepEvent] | None:
        """The final event type of the trial; None if it was not started."""
        if self._cancel.cancelled or self._store_failed.cancelled:
            return None
        try:
            event = self._train_and_record(trial)
        except EngineError:
            self._store_failed.cancel()
            raise
        self._emit(event)
        return type(event)

    def _train_and_record(self, trial: Trial) -> TrialFinished | TrialFailed | TrialKilled:
        started = time.perf_counter()
        params = self._recorder.params(trial)
        run_id = self._recorder.start(trial)
        self._emit(TrialStarted(trial.index))
        try:
            fitted = fit(self._parts, self._spec, trial)
            if self._cancel.cancelled:
                self._recorder.kill(run_id)
                return TrialKilled(trial.index, run_id)
            self._recorder.finish(trial, run_id, fitted)
        except EngineError as error:
            if not isinstance(error, TrainingError):
                raise
            message = str(error)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            message = f"{type(error).__name__}: {error}"
        else:
            seconds = time.perf_counter() - started
            return TrialFinished(trial.index, run_id, params, fitted.metrics, seconds)
        self._recorder.fail(run_id, message)
        return TrialFailed(trial.index, run_id, params, message)
