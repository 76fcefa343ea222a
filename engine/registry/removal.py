"""Deleting a registered model or one of its versions: plan, apply, read back, journal.

MLflow cannot restore either. The journal keeps what was lost: the stages, aliases and sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine import journal
from engine.entities import ModelVersion, RegisteredModel
from engine.errors import REFUSALS, Conflict, EngineError, NotFound, WriteError
from engine.failpoints import failpoint
from engine.formats import counted, listed
from engine.journal import Finding, JournalEntry
from engine.registry.promotion.facts import (
    AliasTarget,
    CreatedAt,
    Fact,
    FactValue,
    HoldersOf,
    StageOf,
    facts_to_text,
    read_facts,
)
from engine.registry.registration import forget_run_tags
from engine.stores.errors import translated_errors
from engine.stores.records import find_version
from engine.text import Shown
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store

LOCK_SECONDS = 30.0
MAX_JOURNALLED = 1_000
"""Versions listed in the journal entry of a model's deletion, the newest."""
MAX_UNTAGGED = 100
"""Source runs that lose the tag with which their registration marked them: each takes a query."""


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """The deletion of `versions` of a model: of one version, or of all with the model itself. `others` are
    the versions that stay. `lost` are sentences about what goes with them, `deployments` the names of those
    of this account that serve them."""

    model: RegisteredModel
    versions: tuple[ModelVersion, ...]
    others: tuple[ModelVersion, ...]
    is_whole: bool
    lost: tuple[str, ...]
    deployments: tuple[str, ...]
    server: Shown

    @property
    def name(self) -> str:
        """What has to be typed to confirm: `churn`, or `churn/3`."""
        return self.model.name if self.is_whole else f"{self.model.name}/{self.versions[0].version}"


@dataclass(frozen=True, slots=True)
class RemovalResult:
    """`versions` are those of the model that are left, as read back. `notes` say what failed although the
    deletion was made."""

    plan: RemovalPlan
    versions: tuple[ModelVersion, ...]
    entry_id: str
    notes: tuple[str, ...] = ()


def plan_removal(
    store: Store,
    uri: TrackingUri,
    model: str,
    version: int | None = None,
    serving: Sequence[tuple[str, int]] = (),
) -> RemovalPlan:
    """Plan to delete a version of a model, or without one the model. `serving` are deployments of the model
    and the version that each serves. Raises `NotFound`, `StoreError`."""
    found = store.registered_model(model)
    known = store.model_versions(model)
    gone = known if version is None else (find_version(known, model, version),)
    numbers = {each.version for each in gone}
    deployments = tuple(name for name, served in serving if served in numbers)
    return RemovalPlan(
        model=found,
        versions=gone,
        others=tuple(each for each in known if each.version not in numbers),
        is_whole=version is None,
        lost=tuple(_lost(gone, deployments, is_whole=version is None)),
        deployments=deployments,
        server=uri.shown,
    )


def apply_removal(store: Store, uri: TrackingUri, plan: RemovalPlan, *, reason: str = "") -> RemovalResult:
    """Delete what is planned and read back.

    Raises `Conflict` with nothing deleted if the versions, their stages or aliases have changed since
    planning; `WriteError` with nothing deleted if the journal cannot be written, or if something is left;
    `StoreError`.
    """
    from engine.stores.mlflow.client import open_client

    journal.check_reason(reason)
    name = plan.model.name
    client = open_client(uri.raw)
    notes: tuple[str, ...] = ()
    with journal.exclusive(LOCK_SECONDS):
        now = store.model_versions(name)
        if _states(now) != _states((*plan.versions, *plan.others)):
            raise Conflict(
                f"{name} changed after this was planned",
                hint="Nothing was deleted. Review the current state, then try again.",
            )
        entry = _entry(uri, plan, now, reason)
        journal.append(entry)
        failpoint("removal intended")
        try:
            with translated_errors():
                if plan.is_whole:
                    client.delete_registered_model(name)
                else:
                    client.delete_model_version(name, str(plan.versions[0].version))
                failpoint("removal deleted")
            left = _left(store, plan)
        except EngineError as error:
            outcome: journal.Outcome = "failed" if isinstance(error, REFUSALS) else "intended"
            journal.append(replace(entry, outcome=outcome, detail=str(error)))
            raise
        journal.append(replace(entry, outcome="done", detail=_detail(plan)))
        try:
            with translated_errors():
                forget_run_tags(store, client, plan.versions[:MAX_UNTAGGED])
        except EngineError as error:
            notes = (f"The source run could not be untagged: {error}",)
    return RemovalResult(plan, left, entry.entry_id, notes)


def finding(store: Store, entry: JournalEntry) -> Finding:
    """What the registry shows of an unfinished deletion. Raises `StoreError`."""
    try:
        versions = store.model_versions(entry.model)
    except NotFound:
        return Finding(f"The model {entry.model} is not in the registry.")
    if not entry.version:
        return Finding(f"The model {entry.model} is still in the registry, or again.")
    is_there = any(version.version == entry.version for version in versions)
    return Finding(
        f"Version {entry.version} of {entry.model} is {'still' if is_there else 'not'} in the registry."
    )


def _lost(versions: Sequence[ModelVersion], deployments: Sequence[str], *, is_whole: bool) -> list[str]:
    lost = []
    if is_whole:
        lost.append(f"{counted(len(versions), 'version')}, the description and all tags.")
    else:
        tags = [tag for tag in versions[0].tags if not tag.startswith(("mlflow.", "mlflow_console."))]
        texts = ["the description"] if versions[0].description else []
        texts += [counted(len(tags), "tag")] if tags else []
        lost += [f"{' and '.join(texts).capitalize()}."] if texts else []
    lost += [
        f"Version {version.version} is {held}."
        for version in versions
        if (held := " and ".join(_held(version)))
    ]
    if deployments:
        verb = "serves" if len(deployments) == 1 else "serve"
        which = "it" if not is_whole else "its versions"
        lost.append(
            f"Deployment {listed(deployments)} {verb} {which}, and cannot be started anew afterwards."
        )
    return lost


def _held(version: ModelVersion) -> list[str]:
    stage = [f"in {version.stage}"] if version.stage not in ("None", "Archived") else []
    return [*stage, *(f"@{alias}" for alias in version.aliases)]


def _states(versions: Sequence[ModelVersion]) -> set[tuple[int, str, frozenset[str], int | None]]:
    return {(v.version, v.stage, frozenset(v.aliases), v.creation_time) for v in versions}


def _left(store: Store, plan: RemovalPlan) -> tuple[ModelVersion, ...]:
    """The versions that are left. Raises `WriteError` if one that was to be deleted is among them."""
    try:
        left = store.model_versions(plan.model.name)
    except NotFound:
        return ()
    gone = {version.version for version in plan.versions}
    if plan.is_whole or any(version.version in gone for version in left):
        raise WriteError(f"{plan.name} is still in the registry, or again, as read back")
    return left


def _entry(uri: TrackingUri, plan: RemovalPlan, now: Sequence[ModelVersion], reason: str) -> JournalEntry:
    """The intent, with the stages and aliases that are lost."""
    gone = plan.versions[:MAX_JOURNALLED]
    asked: list[Fact] = [StageOf(version.version) for version in gone]
    asked += [AliasTarget(alias) for version in gone for alias in version.aliases]
    if not plan.is_whole:
        asked += [CreatedAt(gone[0].version)]
        asked += [HoldersOf(gone[0].stage)] if gone[0].stage in ("Staging", "Production") else []
    before = read_facts(now, asked)
    after: dict[Fact, FactValue] = read_facts(plan.others, asked)
    return journal.new_entry(
        uri,
        "model delete" if plan.is_whole else "version delete",
        plan.name,
        model=plan.model.name,
        version=0 if plan.is_whole else plan.versions[0].version,
        before=facts_to_text(before),
        after=facts_to_text(after),
        reason=reason,
    )


def _detail(plan: RemovalPlan) -> str:
    """What it was, so that it can be registered again."""
    sources = [f"version {v.version} from run {v.run_id or '–'}, {v.source}" for v in plan.versions]
    return " ".join([*plan.lost, f"Sources: {listed(sources, 20)}." if sources else ""]).strip()
