"""Runs the trials of one sweep: asks the search for them, has them trained, records them, and knows when to
stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import psutil

from engine.errors import EngineError, TrainingError
from engine.evidence.statistics import fold_mean
from engine.formats import duration, size
from engine.runs.metrics import FOLD_METRIC
from engine.training.control import BASELINE, SweepControl
from engine.training.events import (
    SweepEvent,
    SweepFinished,
    SweepNote,
    SweepPaused,
    SweepStarted,
    TrialFailed,
    TrialFinished,
    TrialKilled,
    TrialStarted,
)

if TYPE_CHECKING:
    from engine.entities import Status
    from engine.training.evaluation.evaluate import Evaluation
    from engine.training.evaluation.parts import Parts
    from engine.training.executors.base import Executor, Outcome
    from engine.training.recorder import FinishedTrial, Recorder
    from engine.training.search.base import Dropped, Search
    from engine.training.spec import SweepSpec, Trial

POLL_SECONDS = 0.1
PARAMS_SECONDS = 2.0
"""The parameters of a trial that takes longer are recorded before it ends; others with its metrics."""
MEMORY_FLOOR = 256 * 1024**2
"""With less free memory, in bytes, no further trial starts while others are being trained."""

Written = TypeVar("Written")
LastEvent = TrialFinished | TrialFailed | TrialKilled


class Coordinator:
    """Runs one sweep to its end. `emit` must be thread-safe; `parts` loads the prepared data, if a search
    needs it here.

    Trials are recorded in `threads` threads, unless the executor's workers record them: one suffices for a
    database, several hide the latency of a server. A trial that raises is recorded as failed and the sweep
    goes on; one whose process is lost is trained again; a failure of the store ends the sweep and is raised.
    """

    def __init__(
        self,
        spec: SweepSpec,
        search: Search,
        executor: Executor,
        recorder: Recorder,
        parts: Callable[[], Parts],
        *,
        emit: Callable[[SweepEvent], None],
        control: SweepControl,
        threads: int = 1,
    ) -> None:
        self._spec = spec
        self._search = search
        self._executor = executor
        self._recorder = recorder
        self._parts = parts
        self._emit = emit
        self._control = control
        self._threads = threads
        self._again: list[Trial] = []
        self._attempts: dict[int, int] = {}
        self._started: dict[int, tuple[Trial, float]] = {}
        self._timed_out: set[int] = set()
        self._described: set[int] = set()
        self._runs: dict[int, Future[str]] = {}
        self._results: list[Future[LastEvent]] = []
        self._failure: EngineError | None = None
        self._plateau = Plateau(spec.split.folds, lower=recorder.lower, patience=spec.limits.no_improvement)
        self._best: tuple[float, Outcome, Evaluation] | None = None
        self._ended = ""
        self._told: set[str] = set()
        self._was_paused = False

    def run(self, resume_run_id: str = "") -> SweepFinished:
        """Train all trials under a new parent run, or those that are missing under `resume_run_id`."""
        began = time.monotonic()
        finished = self._recorder.open(resume_run_id)
        for trial in finished.values():
            self._search.recall(trial.params, self._told_score(trial.score))
        self._emit(
            SweepStarted(
                self._recorder.parent_run_id,
                self._recorder.experiment_id,
                self._total,
                len(finished),
                self._recorder.metric,
                self._recorder.lower,
                self._executor.workers,
            )
        )
        with ThreadPoolExecutor(self._threads, thread_name_prefix="record") as recording:
            try:
                self._train(recording, finished, began)
            finally:
                self._executor.close()
        for result in self._results:
            if (error := result.exception()) is not None:
                raise error
        last = [result.result() for result in self._results]
        return self._close(last, len(finished), time.monotonic() - began)

    def _close(self, last: list[LastEvent], before: int, seconds: float) -> SweepFinished:
        done, failed, killed = (
            sum(isinstance(event, kind) for event in last)
            for kind in (TrialFinished, TrialFailed, TrialKilled)
        )
        if self._best is not None:
            _, outcome, evaluation = self._best
            if evaluation.predicted is not None:
                self._recorder.log_figures(outcome.run_id or self._run_id(outcome.trial), evaluation)
        cancelled = self._control.cancel.cancelled and (before + done + failed < self._total)
        status: Status = "FAILED" if failed and not done + before else "FINISHED"
        best = self._recorder.close("KILLED" if cancelled else status)
        return SweepFinished(before + done, failed, killed, cancelled, seconds, self._ended, best)

    # ── training ─────────────────────────────────────────────────────────────

    def _train(
        self, recording: ThreadPoolExecutor, finished: Mapping[str, FinishedTrial], began: float
    ) -> None:
        self._narrow(recording, finished, began)
        while True:
            self._check_end(began)
            while self._may_submit() and (trial := self._next(finished)) is not None:
                self._submit(recording, trial)
            if self._stopped:
                self._kill(recording)
                return
            if not self._started and not self._again and (self._ended or self._search.exhausted):
                return
            if not self._started:
                self._control.cancel.wait(POLL_SECONDS)
            for outcome in self._executor.wait(POLL_SECONDS):
                self._take(recording, outcome)
            self._describe_long(recording)
            self._end_overdue()

    def _narrow(
        self, recording: ThreadPoolExecutor, finished: Mapping[str, FinishedTrial], began: float
    ) -> None:
        """Let the search give up candidates before any is trained, and record those."""
        from engine.training.executors.pool import usable_processors

        def stop() -> bool:
            while self._control.paused and not self._stopped:
                self._control.cancel.wait(POLL_SECONDS)
            self._check_end(began)
            return bool(self._stopped or self._ended)

        search = self._search
        search.narrow(
            self._parts,
            workers=min(self._executor.workers, usable_processors()),
            note=lambda text: self._emit(SweepNote(text)),
            stop=stop,
            abort=lambda: self._stopped,
        )
        for dropped in () if self._stopped else search.dropped:
            if self._recorder.fingerprint(dropped.trial) not in finished:
                self._results.append(recording.submit(self._drop, dropped))

    @property
    def _total(self) -> int:
        return self._search.total or 0

    @property
    def _stopped(self) -> bool:
        return self._control.cancel.cancelled or self._failure is not None

    def _check_end(self, began: float) -> None:
        """Decide whether the sweep ends early: trials in progress are finished, no further one starts."""
        limits = self._spec.limits
        if self._ended:
            return
        if limits.time is not None and time.monotonic() - began > limits.time:
            self._ended = f"ended by the time limit of {duration(limits.time)}"
        elif self._plateau.reached:
            self._ended = f"ended: {self._plateau.patience} trials did not improve on the best beyond noise"
        if self._ended:
            self._emit(SweepNote(self._ended))

    def _may_submit(self) -> bool:
        if self._stopped or (self._ended and not self._again):
            return False
        if self._control.paused != self._was_paused:
            self._was_paused = self._control.paused
            self._emit(SweepPaused(self._was_paused))
        if self._was_paused or self._executor.free < 1:
            return False
        if sum(not result.done() for result in self._results) > 2 * self._executor.workers + self._threads:
            return False  # the store is slower than the training
        free = psutil.virtual_memory().available
        if free < MEMORY_FLOOR and self._started:
            self._note_once(f"only {size(free)} of memory are free: fewer trials at once")
            return False
        return True

    def _next(self, finished: Mapping[str, FinishedTrial]) -> Trial | None:
        """The next trial to train, past those that an earlier process finished."""
        if self._again:
            return self._again.pop(0)
        while not self._ended and (trial := self._search.ask()) is not None:
            before = finished.get(self._recorder.fingerprint(trial))
            if before is None:
                return trial
            self._search.tell(trial, self._told_score(before.score))
        return None

    def _submit(self, recording: ThreadPoolExecutor, trial: Trial) -> None:
        self._executor.submit(trial)
        self._started[trial.index] = trial, time.monotonic()
        if self._executor.records:
            self._emit(TrialStarted(trial.index))
        elif trial.index not in self._runs:
            self._runs[trial.index] = recording.submit(self._begin, trial)

    def _take(self, recording: ThreadPoolExecutor, outcome: Outcome) -> None:
        trial = outcome.trial
        del self._started[trial.index]
        if outcome.lost and trial.index not in self._timed_out:
            attempts = self._attempts[trial.index] = self._attempts.get(trial.index, 0) + 1
            if attempts < self._executor.attempts:
                self._emit(SweepNote(f"{trial.name}: {outcome.lost}; training it again"))
                self._again.append(trial)
                return
        evaluation = outcome.evaluation
        if evaluation is not None and (before := self._search.steps(trial)):
            steps = self._recorder.halving_steps(before)
            evaluation = replace(evaluation, steps={**evaluation.steps, **steps})
            outcome = replace(outcome, evaluation=evaluation)
        score = evaluation.score if evaluation is not None and math.isfinite(evaluation.score) else None
        self._search.tell(trial, self._told_score(score))
        if evaluation is not None and score is not None and trial.estimator != BASELINE:
            self._plateau.add(score, _folds(evaluation, self._recorder.metric))
            if self._best is None or (
                score < self._best[0] if self._recorder.lower else score > self._best[0]
            ):
                self._best = score, outcome, evaluation
        self._results.append(recording.submit(self._finish, outcome, score))

    def _told_score(self, score: float | None) -> float | None:
        """Searches expect that higher is better, and None where a score is undefined."""
        if score is None or not math.isfinite(score):
            return None
        return -score if self._recorder.lower else score

    def _describe_long(self, recording: ThreadPoolExecutor) -> None:
        """Record the parameters of trials that take long."""
        for index, (trial, started) in self._started.items():
            waits = index in self._runs and index not in self._described
            if waits and time.monotonic() - started > PARAMS_SECONDS:
                self._described.add(index)
                recording.submit(self._log_params, trial)

    def _end_overdue(self) -> None:
        limit = self._spec.limits.trial_timeout
        for index, (trial, started) in self._started.items():
            if limit is not None and index not in self._timed_out and time.monotonic() - started > limit:
                self._timed_out.add(index)
                self._executor.end(trial, f"it took longer than the trial timeout of {duration(limit)}")

    def _kill(self, recording: ThreadPoolExecutor) -> None:
        """Mark the trials in progress as killed; their processes end with the executor."""
        self._executor.close()  # its workers may record
        waiting = [*(trial for trial, _ in self._started.values()), *self._again]
        for trial in waiting:
            self._results.append(recording.submit(self._mark_killed, trial))
        self._started.clear()

    def _note_once(self, text: str) -> None:
        if (kind := text.rpartition(":")[2]) not in self._told:
            self._told.add(kind)
            self._emit(SweepNote(text))

    # ── recording, in other threads ──────────────────────────────────────────

    def _begin(self, trial: Trial) -> str:
        run_id = self._recorded(lambda: self._recorder.start(trial))
        self._emit(TrialStarted(trial.index))
        return run_id

    def _log_params(self, trial: Trial) -> None:
        self._recorded(lambda: self._recorder.log_params(trial, self._run_id(trial)))

    def _finish(self, outcome: Outcome, score: float | None) -> LastEvent:
        event = self._recorded(lambda: self._last_event(outcome, score))
        self._emit(event)
        return event

    def _last_event(self, outcome: Outcome, score: float | None) -> LastEvent:
        trial, evaluation, run_id = outcome.trial, outcome.evaluation, outcome.run_id
        params = self._recorder.params(trial)
        error = outcome.error or outcome.lost
        if outcome.lost and self._executor.records and (before := self._recorder.finished(trial)):
            run_id, evaluation = before  # its worker could record it, but not answer
        recorded = bool(run_id)
        run_id = run_id or self._run_id(trial)
        if evaluation is not None:
            try:
                if not recorded:
                    self._recorder.finish(trial, run_id, evaluation)
            except TrainingError as failed:
                error = str(failed)
            else:
                metrics = dict(evaluation.metrics)
                return TrialFinished(
                    trial.index, run_id, trial.name, trial.estimator, params, metrics, score, outcome.seconds
                )
        message = error.strip().rpartition("\n")[2]
        if not recorded:
            self._recorder.fail(trial, run_id, message, error)
        return TrialFailed(trial.index, run_id, trial.name, trial.estimator, params, message)

    def _drop(self, dropped: Dropped) -> LastEvent:
        trial = dropped.trial
        run_id, metrics = self._recorded(lambda: self._recorder.drop(dropped))
        params = self._recorder.params(trial)
        event = TrialFinished(trial.index, run_id, trial.name, trial.estimator, params, metrics, None, 0.0)
        self._emit(event)
        return event

    def _run_id(self, trial: Trial) -> str:
        """The run to end of a trial; a new one if the worker that should have begun it is lost."""
        if (run := self._runs.get(trial.index)) is not None:
            return run.result()
        return next(iter(self._recorder.running(trial)), "") or self._recorder.start(trial)

    def _mark_killed(self, trial: Trial) -> LastEvent:
        run_id = self._recorded(lambda: self._run_id(trial))
        self._recorded(lambda: self._recorder.kill(run_id))
        event = TrialKilled(trial.index, run_id)
        self._emit(event)
        return event

    def _recorded(self, write: Callable[[], Written]) -> Written:
        """Make a write. Its failure ends the sweep, and further ones are not tried."""
        if self._failure is not None:
            raise self._failure
        try:
            return write()
        except EngineError as error:
            self._failure = error
            raise


class Plateau:
    """Whether the last `patience` trials in a row did not improve the best score by more than noise.

    Noise is one standard error of the mean difference of fold scores between a trial and the best one, whose
    variance allows for overlapping training parts (`engine.evidence.statistics.fold_mean`). Never reached
    without a `patience`.
    """

    def __init__(self, folds: int, *, lower: bool, patience: int | None) -> None:
        self.patience = patience
        self._test_share = 1 / (folds - 1)
        self._sign = -1.0 if lower else 1.0
        self._best: tuple[float, ...] = ()
        self._since = 0

    @property
    def reached(self) -> bool:
        return self.patience is not None and self._since >= self.patience

    def add(self, score: float, folds: tuple[float, ...]) -> None:
        """Count a trial with this score; `folds` are its scores by fold, empty if unknown."""
        values = tuple(self._sign * value for value in (folds or (score, score)))
        if not self._best:
            self._best = values
            return
        gains = [value - other for value, other in zip(values, self._best, strict=False)]
        mean, error = fold_mean(gains, self._test_share)
        if mean > error:
            self._best, self._since = values, 0
        else:
            self._since += 1


def _folds(evaluation: Evaluation, metric: str) -> tuple[float, ...]:
    """The fold scores of the metric that ranks the sweep."""
    steps = evaluation.steps.get(f"{metric}_{FOLD_METRIC}", evaluation.steps.get(FOLD_METRIC, ()))
    return tuple(value for _, value in steps)
