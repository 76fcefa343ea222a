"""The loop over the trials of one sweep: train, record, tell."""

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
    """Trains and records trials in `lanes` threads: one keeps the processor busy on a database,
    several hide the way to a server and back. `emit` must be safe to call from all of them."""

    def __init__(
        self,
        recorder: Recorder,
        spec: SweepSpec,
        parts: Split,
        *,
        emit: Callable[[SweepEvent], None],
        cancel: CancelToken,
        lanes: int = 1,
    ) -> None:
        self._recorder = recorder
        self._spec = spec
        self._parts = parts
        self._emit = emit
        self._cancel = cancel
        self._lanes = lanes
        self._broken = CancelToken()

    def run(self, chosen: Sequence[Trial], resumed: str = "") -> SweepFinished:
        """Train `chosen` under a new parent run, or under `resumed`. A trial that fails is recorded
        as such and the sweep goes on; a store that fails ends it: the error is raised once."""
        started = time.perf_counter()
        recorder = self._recorder
        recorder.open(resumed)
        self._emit(SweepStarted(recorder.parent_run_id, recorder.experiment_id, len(chosen)))
        with ThreadPoolExecutor(self._lanes, thread_name_prefix="trial") as pool:
            futures = [pool.submit(self._trial, trial) for trial in chosen]
        ended = [future.result() for future in futures]
        finished, failed, killed = (ended.count(end) for end in (TrialFinished, TrialFailed, TrialKilled))
        cancelled = finished + failed < len(chosen)
        if cancelled:
            recorder.close("KILLED")
        else:
            recorder.close("FAILED" if failed and not finished else "FINISHED")
        seconds = time.perf_counter() - started
        return SweepFinished(finished, failed, killed, cancelled, seconds)

    def _trial(self, trial: Trial) -> type[SweepEvent] | None:
        """How the trial ended; None if it was not begun."""
        if self._cancel.cancelled or self._broken.cancelled:
            return None
        try:
            event = self._recorded(trial)
        except EngineError:
            self._broken.cancel()
            raise
        self._emit(event)
        return type(event)

    def _recorded(self, trial: Trial) -> TrialFinished | TrialFailed | TrialKilled:
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
