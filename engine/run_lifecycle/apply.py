"""Deleting and restoring runs: plan, check, apply, verify, journal.

MLflow marks a run as deleted and keeps it until `mlflow gc` removes it on the server's host; until
then it can be restored. Each run is one call of MLflow's client, never repeated: there is no
transaction over several runs, so what is told is what was read back afterwards. An experiment is
never restored: MLflow would restore every deleted run in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine import journal
from engine.entities import Run
from engine.errors import Cancelled, EngineError, NotFound, ServerDenied, StoreRefused, WriteError
from engine.formats import count, counted, listed
from engine.jobs import CancelToken, OnProgress, Progress, no_progress
from engine.journal import JournalEntry, Outcome
from engine.run_lifecycle.lookup import read_runs
from engine.run_lifecycle.plan import (
    LifecyclePlan,
    is_unfinished,
    plan_lifecycle,
    run_label,
)
from engine.text import safe
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store

__all__ = ["LifecyclePlan", "LifecycleResult", "apply_lifecycle", "plan_lifecycle"]

FACTS = 100
"""Runs that a journal entry names."""
IDS_IN_COMMAND = 10
"""Ids that the command which takes a change back is told with."""

_OF_ONE_RUN = (NotFound, ServerDenied, StoreRefused)
"""Errors after which another run may still go well."""


@dataclass(frozen=True, slots=True)
class LifecycleResult:
    """What became of a plan, by run id.

    `changed` are as planned, and `failed` are not, each with its error; `left` were not tried, because
    of `stopped`. `overtaken` had been changed by somebody else when it came to it. With `verified`
    all of this was read back; without, it is what the store answered to each call. `notes` say what
    did not work although the runs were changed. `entry_id` names the journal entry, empty when there
    was nothing to do.
    """

    plan: LifecyclePlan
    changed: tuple[str, ...] = ()
    failed: Mapping[str, EngineError] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    overtaken: tuple[str, ...] = ()
    stopped: EngineError | None = None
    verified: bool = True
    notes: tuple[str, ...] = ()
    entry_id: str = ""

    @property
    def complete(self) -> bool:
        """Whether every run of the plan is known to be as planned."""
        return self.verified and not self.failed and not self.left

    @property
    def summary(self) -> str:
        """For people: `2 of 3 runs deleted, 1 failed`."""
        total = len(self.plan.due)
        whole = len(self.changed) == total
        parts = [
            f"{'' if whole else f'{count(len(self.changed))} of '}{counted(total, 'run')} {self.plan.done}"
        ]
        for runs, what in (
            (self.overtaken, f"{self.plan.done} by somebody else"),
            (self.failed, "failed"),
            (self.left, "not tried"),
        ):
            parts += [f"{count(len(runs))} {what}"] if runs else []
        return ", ".join(parts)

    @property
    def way_back(self) -> str:
        """The command that takes the change back; empty when nothing was changed."""
        command = "restore" if self.plan.target == "deleted" else "delete"
        more = " …" if len(self.changed) > IDS_IN_COMMAND else ""
        ids = " ".join(self.changed[:IDS_IN_COMMAND])
        return f"mlflow-console {command} {ids}{more}" if ids else ""


def apply_lifecycle(
    store: Store,
    uri: TrackingUri,
    plan: LifecyclePlan,
    *,
    reason: str = "",
    on_progress: OnProgress = no_progress,
    cancel: CancelToken | None = None,
) -> LifecycleResult:
    """Delete or restore the runs that are due, read them back and record it.

    An error of one run does not keep the others from being tried; an error of the store (nobody
    answers, the database is held) and `cancel` end the work, and the result says how far it came.
    Raises `WriteError` with nothing written when a run has begun to run since it was planned or when
    the journal cannot be written; `UsageError` for a reason that is too long; `StoreError`.
    """
    journal.check_reason(reason)
    if plan.is_noop:
        return LifecycleResult(plan)
    change = _writer(uri, plan)
    now = _checked(store, plan)
    gone = {run.run_id: _gone(run) for run in plan.due if run.run_id not in now}
    overtaken = tuple(run_id for run_id, run in now.items() if run.lifecycle_stage == plan.target)
    due = [run for run_id, run in now.items() if run_id not in overtaken]
    if not due:
        return LifecycleResult(plan, failed=gone, overtaken=overtaken)
    entry = _entry(uri, replace(plan, due=tuple(due)), reason)
    journal.append(entry)
    made = _change_all(change, plan, due, on_progress, cancel or CancelToken())
    made = replace(made, failed=gone | dict(made.failed), overtaken=overtaken, entry_id=entry.entry_id)
    return _recorded(entry, _read_back(store, made, due))


def _writer(uri: TrackingUri, plan: LifecyclePlan) -> Callable[[str], None]:
    """MLflow's call for one run."""
    from engine.stores.mlflow.client import open_client, translate

    client = open_client(uri.raw)
    call = client.delete_run if plan.target == "deleted" else client.restore_run

    def change(run_id: str) -> None:
        try:
            call(run_id)
        except Exception as error:
            raise translate(error) from error

    return change


def _checked(store: Store, plan: LifecyclePlan) -> dict[str, Run]:
    """The runs of the plan as they are now, if none of them has begun to run."""
    now = read_runs(store, [run.run_id for run in plan.due])
    resumed = [
        run_label(run)
        for run in plan.due
        if run.run_id in now and is_unfinished(now[run.run_id]) and not is_unfinished(run)
    ]
    if resumed and plan.target == "deleted":
        raise WriteError(
            f"{counted(len(resumed), 'run')} began to run again since the deletion was planned",
            f"Running now: {listed(resumed)}",
            "Nothing was written. Review the current state, then try again.",
        )
    return now


def _change_all(
    change: Callable[[str], None],
    plan: LifecyclePlan,
    due: Sequence[Run],
    on_progress: OnProgress,
    cancel: CancelToken,
) -> LifecycleResult:
    """Change one run after the other; what the store answered."""
    changed: list[str] = []
    failed: dict[str, EngineError] = {}
    stopped: EngineError | None = None
    tried = 0
    for run in due:
        if cancel.cancelled:
            stopped = Cancelled("Deleting runs" if plan.target == "deleted" else "Restoring runs")
            break
        tried += 1
        try:
            change(run.run_id)
            changed.append(run.run_id)
        except EngineError as error:
            failed[run.run_id] = error
            if not isinstance(error, _OF_ONE_RUN):
                stopped = error
                break
        on_progress(Progress(tried, len(due), run_label(run)))
    left = tuple(run.run_id for run in due[tried:])
    return LifecycleResult(plan, tuple(changed), failed, left, stopped=stopped)


def _read_back(store: Store, made: LifecycleResult, due: Sequence[Run]) -> LifecycleResult:
    """What is so: a call that was not answered may have been carried out, and one that was may have
    been taken back by somebody else."""
    tried = [run for run in due if run.run_id not in made.left]
    try:
        now = read_runs(store, [run.run_id for run in tried])
    except EngineError as error:
        return replace(made, verified=False, stopped=made.stopped or error)
    changed = tuple(run_id for run_id, run in now.items() if run.lifecycle_stage == made.plan.target)
    failed = {run_id: error for run_id, error in made.failed.items() if run_id not in changed}
    for run in tried:
        if run.run_id not in changed and run.run_id not in failed:
            failed[run.run_id] = _taken_back(made.plan, run) if run.run_id in now else _gone(run)
    return replace(made, changed=changed, failed=failed)


def _gone(run: Run) -> EngineError:
    return NotFound(
        f"Run {run_label(run)} is gone", safe(run.run_id), "It was removed for good, as by `mlflow gc`."
    )


def _taken_back(plan: LifecyclePlan, run: Run) -> EngineError:
    return WriteError(
        f"Run {run_label(run)} is {run.lifecycle_stage} again",
        f"It was {plan.done}, and somebody else has taken that back",
        "Review the current state, then try again.",
    )


def _entry(uri: TrackingUri, plan: LifecyclePlan, reason: str) -> JournalEntry:
    """The intent, with the facts of the first `FACTS` runs; its target says how many there are."""
    before = {f"run {run.run_id}": run.lifecycle_stage for run in plan.due[:FACTS]}
    after = dict.fromkeys(before, plan.target)
    return journal.new_entry(uri, plan.action, plan.subject, before=before, after=after, reason=reason)


def _recorded(entry: JournalEntry, result: LifecycleResult) -> LifecycleResult:
    """Record the end. What has happened in the store has happened, whatever the journal says."""
    try:
        journal.append(_ended(entry, result))
    except WriteError as error:
        note = f"That the runs were {result.plan.done} is not in the journal: {error}"
        return replace(result, notes=(*result.notes, note))
    return result


def _ended(entry: JournalEntry, result: LifecycleResult) -> JournalEntry:
    first = next(iter(result.failed.values()), result.stopped)
    told = [result.summary, *([str(first)] if first else [])]
    if not result.verified:
        return replace(entry, detail=f"Outcome unknown. {'. '.join(told)}")
    told += [f"The way back: {result.way_back}"] if result.changed else []
    after = _facts(result, entry.before)
    outcome: Outcome = "done" if result.complete else "failed"
    return replace(entry, outcome=outcome, after=after, detail=". ".join(told))


def _facts(result: LifecycleResult, before: Mapping[str, str]) -> dict[str, str]:
    """What has become of the runs that the entry names."""
    after = dict(before)
    for run_id, error in result.failed.items():
        if isinstance(error, NotFound):
            after[f"run {run_id}"] = "gone"
    for run_id in result.changed:
        after[f"run {run_id}"] = result.plan.target
    return {key: after[key] for key in before}
