"""Deleting and restoring runs: plan, check, apply, verify, journal.

MLflow marks a run as deleted and keeps it until `mlflow gc` removes it on the server's host; until then it
can be restored. Each run takes one client call, never retried. MLflow has no transaction over several runs,
so the result reports the state read back afterwards. An experiment is never restored: MLflow would restore
every deleted run in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine import journal
from engine.entities import Lifecycle, Run
from engine.errors import Cancelled, EngineError, NotFound, WriteError
from engine.formats import count, counted, listed
from engine.jobs import CancelToken, OnProgress, attempt_each, no_progress
from engine.journal import Finding, JournalEntry, Outcome
from engine.run_lifecycle.lookup import read_runs
from engine.run_lifecycle.plan import (
    MAX_JOURNALLED,
    LifecyclePlan,
    is_unfinished,
    plan_lifecycle,
    run_label,
)
from engine.stores.errors import translated_errors
from engine.text import safe
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store

__all__ = ["LifecyclePlan", "LifecycleResult", "apply_lifecycle", "plan_lifecycle"]

MAX_IDS_IN_COMMAND = 10
"""Run ids spelled out in an undo command."""


@dataclass(frozen=True, slots=True)
class LifecycleResult:
    """The outcome of a plan, by run id.

    `changed` have the planned state, `failed` do not, each with its error; `left` were not tried because of
    `stopped`. `overtaken` had already been changed by someone else. If `verified`, all of this was read back;
    otherwise it is the store's response to each call. `notes` say what failed even though the runs were
    changed. `entry_id` is the id of the journal entry, empty when no change was needed.
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
        """Whether every run is confirmed to have its planned state."""
        return self.verified and not self.failed and not self.left

    @property
    def summary(self) -> str:
        """The outcome as text: `2 of 3 runs deleted, 1 failed`."""
        total = len(self.plan.due)
        all_changed = len(self.changed) == total
        done = "" if all_changed else f"{count(len(self.changed))} of "
        parts = [f"{done}{counted(total, 'run')} {self.plan.done}"]
        for runs, what in (
            (self.overtaken, f"{self.plan.done} by someone else"),
            (self.failed, "failed"),
            (self.left, "not tried"),
        ):
            parts += [f"{count(len(runs))} {what}"] if runs else []
        return ", ".join(parts)

    @property
    def undo_command(self) -> str:
        """The command that reverses the change; empty when nothing was changed."""
        return _undo_command(self.plan.target, self.changed)


def finding(store: Store, entry: JournalEntry) -> Finding:
    """What the store shows of an unfinished deletion or restoration. Raises `StoreError`."""
    run_ids = [key.removeprefix("run ") for key in entry.after]
    target: Lifecycle = "deleted" if entry.action == "delete" else "active"
    now = read_runs(store, run_ids)
    changed = [run for run in now.values() if run.lifecycle_stage == target]
    first = "the first " if len(run_ids) == MAX_JOURNALLED else ""
    names = f": {listed([run_label(run) for run in changed])}" if changed else ""
    done = "deleted" if entry.action == "delete" else "restored"
    text = f"{count(len(changed))} of {first}{counted(len(run_ids), 'run')} {done}{names}."
    return Finding(text, _undo_command(target, [run.run_id for run in changed]))


def reversible_runs(entry: JournalEntry) -> tuple[tuple[str, ...], Lifecycle]:
    """The runs listed in the entry of a deletion or restoration that it changed or may have changed, and the
    lifecycle stage they had before."""
    run_ids = tuple(
        key.removeprefix("run ") for key, stage in entry.after.items() if stage != entry.before[key]
    )
    return run_ids, "active" if entry.action == "delete" else "deleted"


def _undo_command(target: str, run_ids: Sequence[str]) -> str:
    """The command that reverses a change to `target`; empty without runs."""
    command = "restore" if target == "deleted" else "delete"
    more = " …" if len(run_ids) > MAX_IDS_IN_COMMAND else ""
    return f"mlflow-console {command} {' '.join(run_ids[:MAX_IDS_IN_COMMAND])}{more}" if run_ids else ""


def apply_lifecycle(
    store: Store,
    uri: TrackingUri,
    plan: LifecyclePlan,
    *,
    reason: str = "",
    on_progress: OnProgress = no_progress,
    cancel: CancelToken | None = None,
) -> LifecycleResult:
    """Delete or restore the runs that are due, verify and record the result.

    An error with one run does not stop the others. An error of the store (unreachable, database locked) or
    `cancel` does, and the result says how far it got. Raises `WriteError` with nothing written if a run has
    resumed since planning or the journal cannot be written; `UsageError` if the reason is too long;
    `StoreError`.
    """
    journal.check_reason(reason)
    if plan.is_noop:
        return LifecycleResult(plan)
    change = _writer(uri, plan)
    now = _current_runs(store, plan)
    missing = {run.run_id: _not_found(run) for run in plan.due if run.run_id not in now}
    overtaken = tuple(run_id for run_id, run in now.items() if run.lifecycle_stage == plan.target)
    due = [run for run_id, run in now.items() if run_id not in overtaken]
    if not due:
        return LifecycleResult(plan, failed=missing, overtaken=overtaken)
    entry = _entry(uri, replace(plan, due=tuple(due)), reason)
    journal.append(entry)
    result = _change_all(change, plan, due, on_progress, cancel or CancelToken())
    result = replace(
        result, failed=missing | dict(result.failed), overtaken=overtaken, entry_id=entry.entry_id
    )
    return _record_outcome(entry, _read_back(store, result, due))


def _writer(uri: TrackingUri, plan: LifecyclePlan) -> Callable[[Run], None]:
    """The MLflow call that deletes or restores one run."""
    from engine.stores.mlflow.client import open_client

    client = open_client(uri.raw)
    call = client.delete_run if plan.target == "deleted" else client.restore_run

    def change(run: Run) -> None:
        with translated_errors():
            call(run.run_id)

    return change


def _current_runs(store: Store, plan: LifecyclePlan) -> dict[str, Run]:
    """The runs of the plan as they are now. Raises `WriteError` if a run to delete has resumed."""
    now = read_runs(store, [run.run_id for run in plan.due])
    resumed = [
        run_label(run)
        for run in plan.due
        if run.run_id in now and is_unfinished(now[run.run_id]) and not is_unfinished(run)
    ]
    if resumed and plan.target == "deleted":
        raise WriteError(
            f"{counted(len(resumed), 'run')} resumed after the deletion was planned",
            f"Running now: {listed(resumed)}",
            "Nothing was written. Review the current state, then try again.",
        )
    return now


def _change_all(
    change: Callable[[Run], None],
    plan: LifecyclePlan,
    due: Sequence[Run],
    on_progress: OnProgress,
    cancel: CancelToken,
) -> LifecycleResult:
    """Change the runs one by one. The result is what the store responded."""
    found = attempt_each(
        due,
        change,
        what="Deleting runs" if plan.target == "deleted" else "Restoring runs",
        label=run_label,
        on_progress=on_progress,
        cancel=cancel,
    )
    return LifecycleResult(
        plan,
        changed=tuple(run.run_id for run in found.done),
        failed={run.run_id: error for run, error in found.failed},
        left=tuple(run.run_id for run in found.left),
        stopped=found.stopped,
    )


def _read_back(store: Store, result: LifecycleResult, due: Sequence[Run]) -> LifecycleResult:
    """The actual state: an unanswered call may have succeeded, and a successful one may have been reversed by
    someone else."""
    tried = [run for run in due if run.run_id not in result.left]
    try:
        now = read_runs(store, [run.run_id for run in tried])
    except EngineError as error:
        return replace(result, verified=False, stopped=result.stopped or error)
    changed = tuple(run_id for run_id, run in now.items() if run.lifecycle_stage == result.plan.target)
    failed = {run_id: error for run_id, error in result.failed.items() if run_id not in changed}
    for run in tried:
        if run.run_id not in changed and run.run_id not in failed:
            failed[run.run_id] = _reversed(result.plan, run) if run.run_id in now else _not_found(run)
    return replace(result, changed=changed, failed=failed)


def _not_found(run: Run) -> EngineError:
    return NotFound(
        f"Run {run_label(run)} not found",
        safe(run.run_id),
        "It was permanently deleted, for example by `mlflow gc`.",
    )


def _reversed(plan: LifecyclePlan, run: Run) -> EngineError:
    return WriteError(
        f"Run {run_label(run)} is {run.lifecycle_stage} again",
        f"It was {plan.done}, but someone else reversed that",
        "Review the current state, then try again.",
    )


def _entry(uri: TrackingUri, plan: LifecyclePlan, reason: str) -> JournalEntry:
    """The intent, with facts about the first `MAX_JOURNALLED` runs; its target gives their number."""
    before = {f"run {run.run_id}": run.lifecycle_stage for run in plan.due[:MAX_JOURNALLED]}
    after = dict.fromkeys(before, plan.target)
    return journal.new_entry(uri, plan.action, plan.subject, before=before, after=after, reason=reason)


def _record_outcome(entry: JournalEntry, result: LifecycleResult) -> LifecycleResult:
    """Record the outcome. A failure only adds a note: the store has already been changed."""
    try:
        journal.append(_closing_entry(entry, result))
    except WriteError as error:
        note = f"The outcome could not be recorded: {error}"
        return replace(result, notes=(*result.notes, note))
    return result


def _closing_entry(entry: JournalEntry, result: LifecycleResult) -> JournalEntry:
    first = next(iter(result.failed.values()), result.stopped)
    parts = [result.summary, *([str(first)] if first else [])]
    if not result.verified:
        return replace(entry, detail=f"Outcome unknown. {'. '.join(parts)}")
    parts += [f"Undo: {result.undo_command}"] if result.changed else []
    after = _facts(result, entry.before)
    outcome: Outcome = "done" if result.complete else "failed"
    if isinstance(result.stopped, Cancelled) and not result.failed:
        outcome = "cancelled"
    return replace(entry, outcome=outcome, after=after, detail=". ".join(parts))


def _facts(result: LifecycleResult, before: Mapping[str, str]) -> dict[str, str]:
    """The state of the runs listed in the entry."""
    after = dict(before)
    for run_id, error in result.failed.items():
        if isinstance(error, NotFound):
            after[f"run {run_id}"] = "gone"
    for run_id in result.changed:
        after[f"run {run_id}"] = result.plan.target
    return {key: after[key] for key in before}
