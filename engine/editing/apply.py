"""Making edits: one MLflow call each, never retried, read back and journalled.

MLflow has no transaction over several edits, so the result lists what was made and what was not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from engine import journal
from engine.editing.plan import (
    DESCRIPTION,
    MAX_JOURNALLED,
    NAME,
    STATUS,
    TAG,
    Edit,
    EditPlan,
    Subject,
    fact,
    fact_value,
    read_entities,
    recorded_edits,
    value_of,
)
from engine.entities import NOTE_TAG
from engine.errors import Cancelled, EngineError, WriteError
from engine.failpoints import failpoint
from engine.formats import count, counted
from engine.jobs import CancelToken, OnProgress, Progress, attempt_each, no_progress
from engine.journal import Finding, JournalEntry
from engine.stores.errors import translated_errors
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.stores.base import Store


@dataclass(frozen=True, slots=True)
class EditResult:
    """`made` are the edits as read back, `failed` those that are not, each with its error; `left` were not
    tried because of `stopped`. `entry_id` is the id of the journal entry, empty without edits."""

    plan: EditPlan
    made: tuple[Edit, ...] = ()
    failed: tuple[tuple[Edit, EngineError], ...] = ()
    left: tuple[Edit, ...] = ()
    stopped: EngineError | None = None
    notes: tuple[str, ...] = ()
    entry_id: str = ""

    @property
    def complete(self) -> bool:
        return not self.failed and not self.left

    @property
    def can_undo(self) -> bool:
        """Whether any of the edits can be undone: not a status, nor what is an undo itself."""
        return not self.plan.undoes and any(edit.field != STATUS for edit in self.made)

    @property
    def summary(self) -> str:
        """`2 of 3 edits made, 1 failed`."""
        total = len(self.plan.edits)
        done = "" if len(self.made) == total else f"{count(len(self.made))} of "
        parts = [f"{done}{counted(total, 'edit')} made"]
        parts += [f"{count(len(self.failed))} failed"] if self.failed else []
        parts += [f"{count(len(self.left))} not tried"] if self.left else []
        return ", ".join(parts)


def finding(store: Store, entry: JournalEntry) -> Finding:
    """What the store shows of unfinished edits. Raises `StoreError`."""
    edits = recorded_edits(entry)
    now = read_entities(store, [edit.subject for edit in edits])
    made = [e for e in edits if e.subject in now and value_of(now[e.subject], e.field) == e.after]
    text = f"{count(len(made))} of {counted(len(edits), 'edit')} made."
    return Finding(text, f"mlflow-console undo {entry.entry_id}" if made else "")


def apply_edits(
    store: Store,
    uri: TrackingUri,
    plan: EditPlan,
    *,
    reason: str = "",
    on_progress: OnProgress = no_progress,
    cancel: CancelToken | None = None,
) -> EditResult:
    """Make the edits of a plan. An error with one edit does not stop the others; an error of the store, or
    `cancel`, does, and the result says how far it got.

    Raises `WriteError` with nothing written if a field has changed since planning or the journal cannot be
    written; `UsageError` if the reason is too long; `StoreError`.
    """
    from engine.stores.mlflow.client import open_client

    journal.check_reason(reason)
    if plan.is_noop:
        return EditResult(plan)
    _check_unchanged(store, plan)
    client = open_client(uri.raw)
    entry = _entry(uri, plan, reason)
    journal.append(entry)
    failpoint("edit intended")
    result = replace(_make_all(client, plan, on_progress, cancel or CancelToken()), entry_id=entry.entry_id)
    return _record_outcome(entry, _read_back(store, result))


def _check_unchanged(store: Store, plan: EditPlan) -> None:
    now = read_entities(store, plan.subjects)
    changed = [
        edit
        for edit in plan.edits
        if edit.subject in now and value_of(now[edit.subject], edit.field) != edit.before
    ]
    if changed:
        raise WriteError(
            f"{counted(len(changed), 'field')} changed after the edit was planned",
            str(changed[0]),
            "Nothing was written. Review the current state, then try again.",
        )


def _make_all(
    client: MlflowClient, plan: EditPlan, on_progress: OnProgress, cancel: CancelToken
) -> EditResult:
    def report(progress: Progress) -> None:
        failpoint(f"edit made {progress.done}")
        on_progress(progress)

    found = attempt_each(
        plan.edits,
        partial(_make, client),
        what="Editing",
        label=lambda edit: edit.label,
        on_progress=report,
        cancel=cancel,
    )
    return EditResult(plan, found.done, found.failed, found.left, found.stopped)


def _make(client: MlflowClient, edit: Edit) -> None:
    with translated_errors():
        _WRITERS[edit.subject.kind](client, edit)


def _edit_run(client: MlflowClient, edit: Edit) -> None:
    run_id = edit.subject.key
    if edit.field == NAME:
        client.update_run(run_id, name=edit.after)
    elif edit.field == STATUS:
        client.set_terminated(run_id, edit.after)
    elif edit.after is None:
        client.delete_tag(run_id, _tag(edit))
    else:
        client.set_tag(run_id, _tag(edit), edit.after)


def _edit_experiment(client: MlflowClient, edit: Edit) -> None:
    if edit.field == NAME:
        client.rename_experiment(edit.subject.key, edit.after)
    elif edit.after is None:
        client.delete_experiment_tag(edit.subject.key, _tag(edit))
    else:
        client.set_experiment_tag(edit.subject.key, _tag(edit), edit.after)


def _edit_model(client: MlflowClient, edit: Edit) -> None:
    name = edit.subject.key
    if edit.field == NAME:
        client.rename_registered_model(name, edit.after)
    elif edit.field == DESCRIPTION:
        client.update_registered_model(name, edit.after)
    elif edit.after is None:
        client.delete_registered_model_tag(name, _tag(edit))
    else:
        client.set_registered_model_tag(name, _tag(edit), edit.after)


def _edit_version(client: MlflowClient, edit: Edit) -> None:
    name, _, version = edit.subject.key.rpartition("/")
    if edit.field == DESCRIPTION:
        client.update_model_version(name, version, edit.after)
    elif edit.after is None:
        client.delete_model_version_tag(name, version, _tag(edit))
    else:
        client.set_model_version_tag(name, version, _tag(edit), edit.after)


_WRITERS: dict[str, Callable[[MlflowClient, Edit], None]] = {
    "run": _edit_run,
    "experiment": _edit_experiment,
    "model": _edit_model,
    "version": _edit_version,
}


def _tag(edit: Edit) -> str:
    return NOTE_TAG if edit.field == DESCRIPTION else edit.field.removeprefix(TAG)


def _read_back(store: Store, result: EditResult) -> EditResult:
    """What was really made: an unanswered call may have succeeded, someone else may have written since."""
    tried = result.plan.edits[: len(result.plan.edits) - len(result.left)]
    try:
        now = read_entities(store, [_now(edit) for edit in tried])
    except EngineError as error:
        return replace(result, stopped=result.stopped or error, notes=(f"Not read back: {error}",))
    errors = dict(result.failed)
    made, failed = [], []
    for edit in tried:
        entity = now.get(_now(edit))
        if entity is not None and value_of(entity, edit.field) == edit.after:
            made.append(edit)
        else:
            failed.append(
                (edit, errors.get(edit) or WriteError(f"{edit.label} has another {edit.field} again"))
            )
    return replace(result, made=tuple(made), failed=tuple(failed))


def _now(edit: Edit) -> Subject:
    """Where the edited thing is found afterwards: a model by its new name."""
    is_renamed = edit.subject.kind == "model" and edit.field == NAME and edit.after is not None
    return Subject("model", edit.after or "") if is_renamed else edit.subject


def _entry(uri: TrackingUri, plan: EditPlan, reason: str) -> JournalEntry:
    """The intent, with the first `MAX_JOURNALLED` fields; a renamed model is found again by its new name."""
    edits = plan.edits[:MAX_JOURNALLED]
    before = {fact(replace(edit, subject=_now(edit))): fact_value(edit.before) for edit in edits}
    after = {fact(replace(edit, subject=_now(edit))): fact_value(edit.after) for edit in edits}
    return journal.new_entry(
        uri, "edit", plan.summary, before=before, after=after, reason=reason, undoes=plan.undoes
    )


def _record_outcome(entry: JournalEntry, result: EditResult) -> EditResult:
    """Record the outcome. A failure only adds a note: the store has already been changed."""
    made = {fact(replace(edit, subject=_now(edit))) for edit in result.made}
    after = {key: value if key in made else entry.before[key] for key, value in entry.after.items()}
    first = next((error for _, error in result.failed), result.stopped)
    detail = ". ".join([result.summary, *([str(first)] if first else [])])
    outcome: journal.Outcome = "done" if result.complete else "failed"
    if isinstance(result.stopped, Cancelled) and not result.failed:
        outcome = "cancelled"
    try:
        journal.append(replace(entry, outcome=outcome, after=after, detail=detail))
    except WriteError as error:
        return replace(result, notes=(*result.notes, f"The outcome could not be recorded: {error}"))
    return result
