"""Creating, deleting and restoring experiments: plan, apply, read back, journal.

MLflow deletes all runs with their experiment and, restoring it, restores all of them, also those that had
been deleted one by one before. The journal entry of a deletion lists those; a restoration deletes them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from engine import journal
from engine.entities import NOTE_TAG, Experiment
from engine.errors import REFUSALS, EngineError, NotFound, UsageError, WriteError
from engine.failpoints import failpoint
from engine.formats import count, counted
from engine.journal import Finding, JournalEntry, journal_entries, server_name
from engine.run_lifecycle.lookup import all_runs
from engine.run_lifecycle.plan import MAX_JOURNALLED
from engine.stores.base import RunQuery
from engine.stores.errors import translated_errors
from engine.text import Shown, quoted
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.stores.base import Store

Action = Literal["create", "delete", "restore"]

DONE: Mapping[Action, str] = {"create": "created", "delete": "deleted", "restore": "restored"}
_ID, _STAGE, _RUN, _COUNT = "experiment", "stage", "run ", "runs deleted before"
_UPDATED = "last update"
"""In epoch milliseconds: shows whether anyone changed the experiment since."""


@dataclass(frozen=True, slots=True)
class ExperimentPlan:
    """What will happen to an experiment, which is None while it is to be created.

    `runs` is the number of runs that change stage with it. `apart` are the ids of the runs in a deleted stage
    of their own: those that were deleted before the experiment; a restoration deletes them again. `warnings`
    are plain sentences. `undoes` is the id of the journal entry that the plan undoes."""

    action: Action
    name: str
    experiment: Experiment | None
    server: Shown
    runs: int = 0
    apart: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    artifact_location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    undoes: str = ""


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """The experiment as read back. `entry_id` is the id of the journal entry."""

    plan: ExperimentPlan
    experiment: Experiment
    entry_id: str


def plan_create(
    store: Store,
    uri: TrackingUri,
    name: str,
    *,
    description: str = "",
    tags: Mapping[str, str] | None = None,
    artifact_location: str = "",
) -> ExperimentPlan:
    """Plan to create an experiment. Raises `UsageError` for a name that is empty or in use, `StoreError`."""
    if not name.strip():
        raise UsageError("A name cannot be empty")
    for found in _known(store):
        if found.name == name:
            is_deleted = found.lifecycle_stage == "deleted"
            raise UsageError(
                f"Experiment {quoted(name)} {'is deleted' if is_deleted else 'exists'}",
                "Its name is still in use." if is_deleted else "",
                f"Restore it: `mlflow-console experiment restore {found.experiment_id}`."
                if is_deleted
                else "",
            )
    notes = {NOTE_TAG: description} if description else {}
    return ExperimentPlan(
        "create", name, None, uri.shown, artifact_location=artifact_location, tags={**(tags or {}), **notes}
    )


def plan_delete(store: Store, uri: TrackingUri, experiment: Experiment, undoes: str = "") -> ExperimentPlan:
    """Plan to delete an active experiment with its runs. Raises `UsageError` for the default experiment,
    `StoreError`."""
    if experiment.lifecycle_stage == "deleted":
        raise UsageError(f"Experiment {quoted(experiment.name)} is already deleted")
    if experiment.experiment_id == "0":
        raise UsageError("The default experiment cannot be deleted", "MLflow creates runs in it.")
    active = list(all_runs(store, RunQuery(experiment.experiment_id)))
    apart = tuple(
        run.run_id for run in all_runs(store, RunQuery(experiment.experiment_id, lifecycle="deleted"))
    )
    warnings = []
    if running := sum(not run.is_finished for run in active):
        warnings.append(
            f"{counted(running, 'run')} not finished yet. Processes still logging to them will fail: MLflow "
            "rejects their writes."
        )
    if len(apart) > MAX_JOURNALLED:
        warnings.append(
            f"{counted(len(apart), 'run')} were deleted before, and the journal lists "
            f"{count(MAX_JOURNALLED)} of them: restoring the experiment will restore the others too."
        )
    return ExperimentPlan(
        "delete",
        experiment.name,
        experiment,
        uri.shown,
        runs=len(active),
        apart=apart,
        warnings=tuple(warnings),
        undoes=undoes,
    )


def plan_restore(store: Store, uri: TrackingUri, experiment: Experiment, undoes: str = "") -> ExperimentPlan:
    """Plan to restore a deleted experiment with the runs that were deleted with it, as far as the journal
    knows which those are. Raises `UsageError` for an active one, `WriteError` if the journal cannot be read,
    `StoreError`."""
    if experiment.lifecycle_stage == "active":
        raise UsageError(f"Experiment {quoted(experiment.name)} is not deleted")
    deleted = [run.run_id for run in all_runs(store, RunQuery(experiment.experiment_id, lifecycle="deleted"))]
    deletion = _last_deletion(uri, experiment)
    known = _runs_apart(deletion) if deletion is not None else set()
    apart = tuple(run_id for run_id in deleted if run_id in known)
    warnings = []
    if deletion is None and deleted:
        warnings.append(
            "This account's journal does not have its deletion, so runs that were deleted one by one before "
            "it come back too: MLflow does not say which."
        )
    elif deletion is not None and int(deletion.before.get(_COUNT, "0")) > len(known):
        warnings.append("More runs were deleted before it than the journal lists: the others come back too.")
    return ExperimentPlan(
        "restore",
        experiment.name,
        experiment,
        uri.shown,
        runs=len(deleted) - len(apart),
        apart=apart,
        warnings=tuple(warnings),
        undoes=undoes,
    )


def plan_undo(store: Store, uri: TrackingUri, entry: JournalEntry) -> ExperimentPlan:
    """Plan the reverse of a journal entry. Raises `UsageError` if that is not possible, `StoreError`."""
    known = entry.action in {f"experiment {action}" for action in DONE}
    if not known or entry.server != server_name(uri) or entry.outcome == "undone":
        raise UsageError("This cannot be undone", entry.target)
    found = _by_id(store, entry.after.get(_ID, ""))
    if found is None:
        raise NotFound(f"Experiment {quoted(entry.experiment)} not found")
    plan = plan_restore if entry.action == "experiment delete" else plan_delete
    return plan(store, uri, found, entry.entry_id)


def apply_experiment(
    store: Store, uri: TrackingUri, plan: ExperimentPlan, *, reason: str = ""
) -> ExperimentResult:
    """Apply a plan and read the experiment back.

    Raises `WriteError` with nothing written if the experiment or its runs have changed since planning or the
    journal cannot be written; `WriteError` if the result is not what was planned; `StoreError`.
    """
    from engine.stores.mlflow.client import open_client

    journal.check_reason(reason)
    _check_unchanged(store, uri, plan)
    client = open_client(uri.raw)
    entry = _entry(uri, plan, reason)
    journal.append(entry)
    failpoint("experiment intended")
    try:
        with translated_errors():
            experiment_id = _write(client, plan)
        found = _by_id(store, experiment_id)
        wanted = "deleted" if plan.action == "delete" else "active"
        if found is None or found.lifecycle_stage != wanted:
            raise WriteError(f"Experiment {quoted(plan.name)} is not {DONE[plan.action]}, as read back")
        if plan.action == "restore" and (back := set(plan.apart) - _deleted(store, experiment_id)):
            raise WriteError(
                f"{counted(len(back), 'run')} deleted before the experiment are active, as read back"
            )
    except EngineError as error:
        # A restoration makes several calls, and an unanswered call may have succeeded.
        is_known = isinstance(error, REFUSALS) and plan.action != "restore"
        outcome: journal.Outcome = "failed" if is_known else "intended"
        journal.append(replace(entry, outcome=outcome, detail=str(error)))
        raise
    after = {**entry.after, _ID: experiment_id, _UPDATED: str(found.last_update_time or "")}
    journal.append(replace(entry, outcome="done", after=after, detail=_detail(plan)))
    return ExperimentResult(plan, found, entry.entry_id)


def finding(store: Store, entry: JournalEntry) -> Finding:
    """What the store shows of an unfinished write. Raises `StoreError`."""
    action = entry.action.removeprefix("experiment ")
    if action == "create":
        exists = any(found.name == entry.experiment for found in store.experiments())
        return Finding(f"The experiment {'exists' if exists else 'was not created'}.")
    found = _by_id(store, entry.after.get(_ID, ""))
    if found is None:
        return Finding("The experiment is not in the store.")
    if action == "delete":
        is_done = found.lifecycle_stage == "deleted"
        return Finding(
            f"The experiment is {'deleted' if is_done else 'active: nothing was changed'}.",
            f"mlflow-console undo {entry.entry_id}" if is_done else "",
        )
    if found.lifecycle_stage == "deleted":
        return Finding("The experiment is deleted: nothing was changed.")
    active = [run_id for run_id in _runs_apart(entry) if run_id not in _deleted(store, found.experiment_id)]
    if not active:
        return Finding("The experiment is restored.")
    return Finding(
        f"The experiment is restored, and with it {counted(len(active), 'run')} deleted before it, which are "
        "still to be deleted again.",
        f"mlflow-console delete {' '.join(sorted(active)[:10])}{' …' if len(active) > 10 else ''}",
    )


def _write(client: MlflowClient, plan: ExperimentPlan) -> str:
    """Make the calls; returns the id of the experiment. Raises MLflow's errors."""
    if plan.experiment is None:
        return str(client.create_experiment(plan.name, plan.artifact_location or None, dict(plan.tags)))
    if plan.action == "delete":
        client.delete_experiment(plan.experiment.experiment_id)
    else:
        client.restore_experiment(plan.experiment.experiment_id)
        failpoint("experiment restored")
        for run_id in plan.apart:
            client.delete_run(run_id)
    return plan.experiment.experiment_id


def _check_unchanged(store: Store, uri: TrackingUri, plan: ExperimentPlan) -> None:
    if plan.experiment is None:
        plan_create(store, uri, plan.name)
        return
    now = _by_id(store, plan.experiment.experiment_id)
    planner = plan_delete if plan.action == "delete" else plan_restore
    same = now is not None and (now.lifecycle_stage, now.name) == (
        plan.experiment.lifecycle_stage,
        plan.experiment.name,
    )
    again = planner(store, uri, now) if now is not None and same else None
    if again is None or (again.runs, set(again.apart)) != (plan.runs, set(plan.apart)):
        raise WriteError(
            f"Experiment {quoted(plan.name)} changed after this was planned",
            hint="Nothing was written. Review the current state, then try again.",
        )


def _entry(uri: TrackingUri, plan: ExperimentPlan, reason: str) -> JournalEntry:
    """The intent; of the runs that were deleted before the experiment, the first `MAX_JOURNALLED`."""
    found = plan.experiment
    runs = {_RUN + run_id: "deleted" for run_id in plan.apart[:MAX_JOURNALLED]}
    same = {_ID: found.experiment_id if found else "", _COUNT: str(len(plan.apart)), _UPDATED: "", **runs}
    before = {**same, _STAGE: found.lifecycle_stage if found else ""}
    after = {**same, _STAGE: "deleted" if plan.action == "delete" else "active"}
    return journal.new_entry(
        uri,
        f"experiment {plan.action}",
        plan.name,
        before=before,
        after=after,
        reason=reason,
        experiment=plan.name,
        undoes=plan.undoes,
    )


def _detail(plan: ExperimentPlan) -> str:
    if plan.action == "create":
        return ""
    parts = [f"{counted(plan.runs, 'run')} {DONE[plan.action]} with it"]
    if plan.apart:
        parts.append(f"{counted(len(plan.apart), 'run')} deleted before stay deleted")
    return ", ".join(parts)


def _last_deletion(uri: TrackingUri, experiment: Experiment) -> JournalEntry | None:
    """The journalled deletion that put the experiment in its state; None if someone else did."""
    for entry in journal_entries(server=server_name(uri)):
        if entry.after.get(_ID) != experiment.experiment_id or entry.outcome == "failed":
            continue
        if entry.action == "experiment restore" and entry.outcome == "done":
            return None
        if entry.action == "experiment delete":
            same = entry.after.get(_UPDATED, "") in ("", str(experiment.last_update_time or ""))
            return entry if same else None
    return None


def _runs_apart(entry: JournalEntry) -> set[str]:
    return {key.removeprefix(_RUN) for key in entry.after if key.startswith(_RUN)}


def _deleted(store: Store, experiment_id: str) -> set[str]:
    return {run.run_id for run in all_runs(store, RunQuery(experiment_id, lifecycle="deleted"))}


def _by_id(store: Store, experiment_id: str) -> Experiment | None:
    return next((found for found in _known(store) if found.experiment_id == experiment_id), None)


def _known(store: Store) -> Sequence[Experiment]:
    return (*store.experiments(), *store.experiments("deleted"))
