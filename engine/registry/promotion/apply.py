"""Promotion as a transaction: plan, check, apply, verify, undo.

MLflow has no compare-and-set and no transaction over several versions; its own
`archive_existing_versions=True` silently leaves two Production versions when two promotions overlap. So a
promotion here waits for its turn among all consoles (`claims`); re-reads the state it was planned on and
refuses if that has changed; writes its intent to the journal; makes one transition at a time, into the stage
before out of it; then reads everything back, repeats what did not take effect, and reports interference by
the web UI or a script, which know no turns.

If killed midway, it leaves both the old and the new version in Production, never neither. The journal keeps
the intent, the next plan warns about it, and applying that plan finishes the work.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine import journal
from engine.entities import ModelVersion
from engine.errors import (
    Conflict,
    EngineError,
    GateError,
    PromotionError,
    ServerTimeout,
    StagesUnsupported,
    WriteError,
)
from engine.failpoints import failpoint
from engine.journal import JournalEntry
from engine.registry.approval import clear, decision_of, request_of
from engine.registry.promotion.claims import Claim, Turn, claims, turn
from engine.registry.promotion.facts import (
    AliasChange,
    AliasTarget,
    Change,
    CreatedAt,
    Fact,
    Facts,
    FactValue,
    HoldersOf,
    StageChange,
    differences,
    facts_to_text,
    has_taken_effect,
    read_facts,
    target_changes,
)
from engine.registry.promotion.plan import PromotionPlan, plan_promotion, plan_undo, recorded_changes
from engine.registry.promotion.policy import APPROVAL
from engine.registry.promotion.writes import promoted_by
from engine.registry.version_log import LogRecord, add_record
from engine.stores.errors import translate
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
"""How long a promotion waits for another one by the same user on this machine."""


@dataclass(frozen=True, slots=True)
class PromotionResult:
    """`versions` are all versions of the model as read back, newest first. `repaired` lists the changes that
    had to be written twice, `notes` what failed even though the promotion took effect. `entry_id` is the id
    of the journal entry, empty when no change was needed."""

    plan: PromotionPlan
    versions: tuple[ModelVersion, ...]
    verified: bool
    repaired: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    entry_id: str = ""


def apply_promotion(
    store: Store, uri: TrackingUri, plan: PromotionPlan, *, reason: str = "", force: str = ""
) -> PromotionResult:
    """Make the changes of `plan`, verify and record them. An undo without a `reason` records its changes as
    the reason. `force` is why gates that are not passed do not count; it becomes part of the reason.

    Raises `GateError` without `force` if a gate is not passed; `Conflict` with nothing written if the
    registry has changed since planning, and with the state described if someone interfered; `PromotionError`
    with nothing written if another promotion on this machine does not finish in time; `WriteError`
    if the journal cannot be written; `StoreError` if the store refused and nothing changed.
    """
    from engine.stores.mlflow.client import open_client

    reason = _with_force(plan, reason, force)
    journal.check_reason(reason)
    _unchanged_versions(store, plan)
    client = open_client(uri.raw)
    with journal.exclusive(WAIT_SECONDS):
        if plan.is_noop:
            return PromotionResult(plan, _unchanged_versions(store, plan), verified=True)
        entry = journal.new_entry(
            uri,
            "undo" if plan.undoes else "promote",
            f"{plan.model} {plan.candidate.version} → {plan.target_name}",
            model=plan.model,
            version=plan.candidate.version,
            before=facts_to_text(plan.seen),
            after=facts_to_text(plan.after),
            reason=reason or (f"undo: {'; '.join(map(str, plan.changes))}" if plan.undoes else ""),
            undoes=plan.undoes,
            evidence=plan.grounds,
        )
        journal.check_writable()
        with turn(store, client, entry, plan.targets) as mine:
            failpoint(f"{entry.action} claimed")
            _check_unchanged(plan, mine.versions, mine.before)
            journal.append(entry)
            failpoint(f"{entry.action} intended")
            result = _write_and_verify(store, client, plan, entry, mine)
        failpoint(f"{entry.action} released")
        return result


def _with_force(plan: PromotionPlan, reason: str, force: str) -> str:
    """The reason to record. Raises `GateError` if a gate is not passed and nothing forces it."""
    if any(gate.name == APPROVAL and gate.state == "passed" for gate in plan.gates):
        reason = f"{reason}{' ' if reason else ''}[{decision_of(plan.candidate)}]"
    if not plan.blocking:
        return reason
    failing = "; ".join(f"{gate.name}: {gate.state}, {gate.evidence}" for gate in plan.blocking)
    if not force.strip():
        raise GateError(
            f"The policy does not allow {plan.model} {plan.candidate.version} → {plan.target_name}",
            failing,
            " ".join(["Nothing was written.", *_ways_on(plan), '--force "REASON" goes on all the same.']),
        )
    names = "; ".join(gate.name for gate in plan.blocking)
    return f"{reason}{' ' if reason else ''}[forced: {force.strip()}. Not passed: {names}]"


def _ways_on(plan: PromotionPlan) -> list[str]:
    """What to do about gates that are not passed, where that is one command."""
    model, version = shlex.quote(plan.model), plan.candidate.version
    request = f"mlflow-console request {model} {version} --to {plan.target_name}"
    ways = {
        APPROVAL: f"`{request}` asks for the approval.",
        "tested": f"`mlflow-console test {model}/{version}` tests it.",
    }
    return [ways[gate.name] for gate in plan.blocking if gate.name in ways]


def undo_last(store: Store, uri: TrackingUri) -> PromotionResult:
    """Undo the latest promotion in this store that has not been undone. Raises `PromotionError` if there is
    none, or if the registry has changed since."""
    return apply_promotion(store, uri, plan_undo(store, uri))


def _unchanged_versions(store: Store, plan: PromotionPlan) -> tuple[ModelVersion, ...]:
    """The model's versions. Raises `PromotionError` if they have changed since the plan was made."""
    versions = store.model_versions(plan.model)
    _check_unchanged(plan, versions)
    return versions


def _check_unchanged(
    plan: PromotionPlan, versions: tuple[ModelVersion, ...], waited_for: Sequence[Claim] = ()
) -> None:
    now = read_facts(versions, plan.seen)
    if now != plan.seen:
        others = [claim.version for claim in waited_for] or _entered(plan.seen, now)
        raise Conflict(
            f"{plan.model!r} has changed since the promotion was planned",
            "; ".join([differences(plan.seen, now, "when planned"), *_promoters(versions, others)]),
            "Nothing was written. Review the current state, then try again.",
        )


def _entered(before: Facts, now: Facts) -> list[int]:
    """The versions that a stage or an alias has now and had not before."""
    return [
        number
        for fact, value in now.items()
        for number in set(_held(fact, value)) - {*_held(fact, before[fact])}
    ]


def _held(fact: Fact, value: FactValue) -> tuple[int, ...]:
    if isinstance(fact, HoldersOf) and isinstance(value, tuple):
        return value
    return (value,) if isinstance(fact, AliasTarget) and isinstance(value, int) else ()


def _promoters(versions: Sequence[ModelVersion], numbers: Iterable[int]) -> list[str]:
    """Who last promoted these versions with a console, and when, by their tags."""
    found = []
    for version in versions:
        if version.version in numbers and (who := promoted_by(version)):
            found.append(f"version {version.version} was promoted by {who}")
    return found


def _write_and_verify(
    store: Store, client: MlflowClient, plan: PromotionPlan, entry: JournalEntry, mine: Turn
) -> PromotionResult:
    from engine.registry.promotion.writes import write_all

    failure = write_all(client, plan.model, plan.changes, entry.action)
    notes = tuple(f"Took over: {claim}, but no longer responds" for claim in mine.abandoned)
    notes += () if failure else _tag(client, plan, entry)
    failpoint(f"{entry.action} tagged")
    versions = _read_back(store, plan, entry, failure)
    repairs = _repairs(plan, versions)
    if isinstance(failure, StagesUnsupported):
        store.stages.record(failure)
    elif repairs:
        again = write_all(client, plan.model, repairs, entry.action)
        notes += _tag(client, plan, entry) if failure and not again else ()
        versions = _read_back(store, plan, entry, again or failure)
    now = read_facts(versions, plan.after)
    if now != plan.after:
        if failure is None and _was_taken_over(mine, versions):
            versions, error = _step_back(store, client, plan, entry, versions)
            now = read_facts(versions, plan.after)
        else:
            error = _mismatch_error(plan, now, failure)
        if isinstance(failure, ServerTimeout):  # the store may still carry out the request
            _record_outcome(replace(entry, detail=str(error)))
        else:
            _record_outcome(replace(entry, outcome="failed", after=facts_to_text(now), detail=str(error)))
        raise error from failure
    notes += _log(client, plan, entry)
    repaired = tuple(str(change) for change in repairs)
    detail = "; ".join([*(f"written again: {change}" for change in repaired), *notes])
    failpoint(f"{entry.action} verified")
    notes += _record_outcome(replace(entry, outcome="done", detail=detail))
    failpoint(f"{entry.action} recorded")
    return PromotionResult(plan, versions, True, repaired, notes, entry.entry_id)


def _tag(client: MlflowClient, plan: PromotionPlan, entry: JournalEntry) -> tuple[str, ...]:
    """Tag the candidate if it changes; on undo, restore its previous tags. Returns notes on failures."""
    from engine.registry.promotion.writes import tag, untag

    if not _affects(plan.changes, plan.candidate.version):
        return ()
    if not plan.undoes:
        return tag(client, plan.model, entry) + _clear_request(client, plan)
    try:
        return untag(client, plan, _previous_promotion(entry))
    except WriteError as error:
        return (f"The tags of version {entry.version} could not be restored: {error}",)


def _log(client: MlflowClient, plan: PromotionPlan, entry: JournalEntry) -> tuple[str, ...]:
    """Record the promotion or undo on the version, for other accounts. Returns notes on failures."""
    record = LogRecord(
        "undo" if plan.undoes else "promote",
        f"{entry.user}@{entry.host}",
        entry.time,
        target_changes(plan.seen, plan.after),
        entry.reason,
    )
    return add_record(client, plan.model, entry.version, record) if record.changes else ()


def _clear_request(client: MlflowClient, plan: PromotionPlan) -> tuple[str, ...]:
    asked = request_of(plan.candidate)
    if asked is None or asked.target not in plan.targets:
        return ()
    try:
        clear(client, plan.candidate)
    except Exception as error:
        return (f"The request of version {plan.candidate.version} could not be removed: {translate(error)}",)
    return ()


def _affects(changes: tuple[Change, ...], version: int) -> bool:
    return any(isinstance(change, AliasChange) or change.version == version for change in changes)


def _previous_promotion(undo: JournalEntry) -> JournalEntry | None:
    """The latest promotion, before the one that `undo` reverses, that tagged the same version. Raises
    `WriteError` if the journal cannot be read."""
    created = str(CreatedAt(undo.version))
    for entry in journal.journal_entries(server=undo.server, model=undo.model):
        if (
            (entry.action, entry.outcome, entry.version) == ("promote", "done", undo.version)
            and entry.entry_id != undo.undoes
            and entry.before.get(created) == undo.before.get(created)
            and _affects(recorded_changes(entry), entry.version)
        ):
            return entry
    return None


def _repairs(plan: PromotionPlan, versions: tuple[ModelVersion, ...]) -> tuple[Change, ...]:
    """The changes to write again: versions that should have left their stage but have not, provided that
    another change of the plan has taken effect. Any other difference is someone else's change."""
    missing = tuple(change for change in plan.changes if not has_taken_effect(change, versions))
    only_leaving = all(
        change.leaves_stage and has_taken_effect(change.inverse, versions) for change in missing
    )
    return missing if only_leaving and len(missing) < len(plan.changes) else ()


def _read_back(
    store: Store, plan: PromotionPlan, entry: JournalEntry, failure: EngineError | None
) -> tuple[ModelVersion, ...]:
    try:
        return store.model_versions(plan.model)
    except EngineError as error:
        _record_outcome(replace(entry, detail=f"Outcome unknown: {failure or error}"))
        raise PromotionError(
            "Promotion outcome unknown",
            str(failure or error),
            "Promote again once the store responds: the plan shows the remaining changes.",
        ) from error


def _was_taken_over(mine: Turn, versions: Sequence[ModelVersion]) -> bool:
    """Whether another console took this one for dead and removed its claim."""
    return mine.claim.version in {version.version for version in versions} and mine.claim not in claims(
        versions
    )


def _step_back(
    store: Store,
    client: MlflowClient,
    plan: PromotionPlan,
    entry: JournalEntry,
    versions: tuple[ModelVersion, ...],
) -> tuple[tuple[ModelVersion, ...], EngineError]:
    """Leave the stage to the console that took over. Returns the versions after that, and the error."""
    from engine.registry.promotion.writes import write_all

    now = read_facts(versions, plan.after)
    entered = [
        change.inverse
        for change in plan.changes
        if isinstance(change, StageChange) and not change.leaves_stage and has_taken_effect(change, versions)
    ]
    failure = write_all(client, plan.model, entered, entry.action)
    error = Conflict(
        "Another console took over while this one did not respond",
        "; ".join(
            [differences(plan.after, now, "as planned"), *_promoters(versions, _entered(plan.after, now))]
        ),
        f"Version {plan.candidate.version} was put back. Review the current state, then try again."
        if failure is None
        else f"Version {plan.candidate.version} could not be put back: {failure}",
    )
    return _read_back(store, plan, entry, failure), error


def _mismatch_error(plan: PromotionPlan, now: Facts, failure: EngineError | None) -> EngineError:
    if failure is not None and now == plan.seen:
        return failure
    if failure is not None:
        return PromotionError(
            "The promotion stopped midway",
            f"{differences(plan.after, now, 'as planned')}. {failure}",
            "Promote again: the plan shows the remaining changes.",
        )
    return Conflict(
        f"{plan.model!r} was changed at the same moment outside any console",
        differences(plan.after, now, "as planned"),
        "The web UI or a script did it. Promote the version to keep: the others will be archived.",
    )


def _record_outcome(entry: JournalEntry) -> tuple[str, ...]:
    """Record the outcome of a write. Returns a note on failure, which does not undo the write."""
    try:
        journal.append(entry)
    except WriteError as error:
        return (f"The promotion's outcome could not be recorded: {error}",)
    return ()
