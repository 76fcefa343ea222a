"""Promotion as a transaction: plan, check, apply, verify, undo.

MLflow has no compare-and-set and no transaction over several versions; its own
`archive_existing_versions=True` leaves two Production versions when two promotions meet, and says
nothing. So a promotion here re-reads what it was planned on and refuses when that has changed;
writes its intent to the journal; makes one transition at a time, into the stage before out of it;
reads everything back, finishes what is still due, and says so when another promotion interfered.

Killed half-way it leaves the former version in Production beside the new one, never none. The
journal keeps the intent, the next plan tells of it, and applying that plan finishes the work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine import journal
from engine.entities import ModelVersion
from engine.errors import EngineError, PromotionError, ServerTimeout, WriteError
from engine.journal import JournalEntry
from engine.registry.promotion.facts import (
    AliasChange,
    Change,
    CreatedAt,
    Facts,
    changes_between,
    differences,
    facts_from_text,
    facts_to_text,
    has_taken_effect,
    read_facts,
)
from engine.registry.promotion.plan import PromotionPlan, plan_promotion, plan_undo
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.stores.base import Store

__all__ = [
    "Change",
    "PromotionPlan",
    "PromotionResult",
    "apply_promotion",
    "plan_promotion",
    "plan_undo",
    "undo_last",
]

WAIT_SECONDS = 30.0
"""How long a promotion waits for another one from the same account."""


@dataclass(frozen=True, slots=True)
class PromotionResult:
    """`versions` are all versions of the model as read back, newest first. `repaired` are the
    changes that had to be written a second time, `notes` what did not work although the promotion
    took effect. `entry_id` names the journal entry, empty when there was nothing to do."""

    plan: PromotionPlan
    versions: tuple[ModelVersion, ...]
    verified: bool
    repaired: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    entry_id: str = ""


def apply_promotion(
    store: Store, uri: TrackingUri, plan: PromotionPlan, *, reason: str = ""
) -> PromotionResult:
    """Make the changes of `plan`, read them back and record them. An undo without a `reason` is
    recorded with what it changes.

    Raises `PromotionError` with nothing written when the registry is not as the plan saw it or when
    another promotion does not end; with the state described when another promotion interfered;
    `WriteError` when the journal cannot be written; `StoreError` when the store refused and nothing
    changed.
    """
    from engine.stores.mlflow.client import open_client

    journal.check_reason(reason)
    _agreed(store, plan)
    client = open_client(uri.raw)
    with journal.exclusive(WAIT_SECONDS):
        versions = _agreed(store, plan)
        if plan.is_noop:
            return PromotionResult(plan, versions, verified=True)
        entry = journal.new_entry(
            uri,
            "undo" if plan.undoes else "promote",
            f"{plan.model} {plan.candidate.version} → {plan.target}",
            model=plan.model,
            version=plan.candidate.version,
            before=facts_to_text(plan.seen),
            after=facts_to_text(plan.after),
            reason=reason or (f"undo: {'; '.join(map(str, plan.changes))}" if plan.undoes else ""),
            undoes=plan.undoes,
        )
        journal.append(entry)
        return _transact(store, client, plan, entry)


def undo_last(store: Store, uri: TrackingUri) -> PromotionResult:
    """Take back the newest promotion of this store that has not been taken back. Raises
    `PromotionError` when there is none, or when the registry has moved on since."""
    return apply_promotion(store, uri, plan_undo(store, uri))


def _agreed(store: Store, plan: PromotionPlan) -> tuple[ModelVersion, ...]:
    """The registry as it is, if that is still what the plan saw."""
    versions = store.model_versions(plan.model)
    now = read_facts(versions, plan.seen)
    if now != plan.seen:
        raise PromotionError(
            f"{plan.model!r} has changed since the promotion was planned",
            differences(plan.seen, now, "when planned"),
            "Nothing was written. Review the current state, then try again.",
        )
    return versions


def _transact(
    store: Store, client: MlflowClient, plan: PromotionPlan, entry: JournalEntry
) -> PromotionResult:
    from engine.registry.promotion.writes import write_all

    failure = write_all(client, plan.model, plan.changes)
    notes = () if failure else _tag(client, plan, entry)
    versions = _read_back(store, plan, entry, failure)
    due = _due(plan, versions)
    if due:
        again = write_all(client, plan.model, due)
        notes = notes if again or not failure else _tag(client, plan, entry)
        versions = _read_back(store, plan, entry, again or failure)
    now = read_facts(versions, plan.after)
    if now != plan.after:
        error = _not_as_planned(plan, now, failure)
        if isinstance(failure, ServerTimeout):  # the store may still carry out what it did not answer
            _close(replace(entry, detail=str(error)))
        else:
            _close(replace(entry, outcome="failed", after=facts_to_text(now), detail=str(error)))
        raise error from failure
    repaired = tuple(str(change) for change in due)
    detail = "; ".join([*(f"written again: {change}" for change in repaired), *notes])
    notes += _close(replace(entry, outcome="done", detail=detail))
    return PromotionResult(plan, versions, True, repaired, notes, entry.entry_id)


def _tag(client: MlflowClient, plan: PromotionPlan, entry: JournalEntry) -> tuple[str, ...]:
    """Tag the candidate if it is the candidate that changes, not only those beside it. Undone, it is
    tagged as it was before the promotion."""
    from engine.registry.promotion.writes import tag, untag

    if not _is_own(plan.changes, plan.candidate.version):
        return ()
    if not plan.undoes:
        return tag(client, plan.model, entry)
    try:
        return untag(client, plan, _former(entry))
    except WriteError as error:
        return (f"The tags of version {entry.version} could not be taken back: {error}",)


def _is_own(made: tuple[Change, ...], version: int) -> bool:
    return any(isinstance(change, AliasChange) or change.version == version for change in made)


def _former(undo: JournalEntry) -> JournalEntry | None:
    """The newest promotion, before the one that `undo` takes back, that tagged the same version. Raises
    `WriteError` where the journal cannot be read."""
    created = str(CreatedAt(undo.version))
    for entry in journal.read_journal(None):
        if (
            (entry.server, entry.model, entry.version) == (undo.server, undo.model, undo.version)
            and (entry.action, entry.outcome) == ("promote", "done")
            and entry.entry_id != undo.undoes
            and entry.before.get(created) == undo.before.get(created)
            and _is_own(_changes_of(entry), entry.version)
        ):
            return entry
    return None


def _changes_of(entry: JournalEntry) -> tuple[Change, ...]:
    before, after = facts_from_text(entry.before), facts_from_text(entry.after)
    return changes_between(before, after) if before is not None and after is not None else ()


def _due(plan: PromotionPlan, versions: tuple[ModelVersion, ...]) -> tuple[Change, ...]:
    """The changes that are to be written again: versions that were to leave their stage and are
    still in it, once something of the plan has taken effect. Anything else is not ours to mend."""
    missing = tuple(change for change in plan.changes if not has_taken_effect(change, versions))
    leave = all(change.leaves_stage and has_taken_effect(change.inverse, versions) for change in missing)
    return missing if leave and len(missing) < len(plan.changes) else ()


def _read_back(
    store: Store, plan: PromotionPlan, entry: JournalEntry, failure: EngineError | None
) -> tuple[ModelVersion, ...]:
    try:
        return store.model_versions(plan.model)
    except EngineError as error:
        _close(replace(entry, detail=f"Outcome unknown: {failure or error}"))
        raise PromotionError(
            "Unknown whether the promotion took effect",
            str(failure or error),
            "Look again when the store answers: the plan shows what is left to do.",
        ) from error


def _not_as_planned(plan: PromotionPlan, now: Facts, failure: EngineError | None) -> EngineError:
    if failure is not None and now == plan.seen:
        return failure
    if failure is not None:
        return PromotionError(
            "The promotion stopped half-way",
            f"{differences(plan.after, now, 'as planned')}. {failure}",
            "Look again and promote: the plan shows what is left to do.",
        )
    return PromotionError(
        f"Another promotion of {plan.model!r} interfered",
        differences(plan.after, now, "as planned"),
        "Look again, then promote the version that should stay: the others will be archived.",
    )


def _close(entry: JournalEntry) -> tuple[str, ...]:
    """Record how a write ended. What has happened in the store has happened, whatever the journal says."""
    try:
        journal.append(entry)
    except WriteError as error:
        return (f"The end of the promotion is not in the journal: {error}",)
    return ()
