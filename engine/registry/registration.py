"""Registering the model of a run, or a copy of a version: one transaction, with journal and undo.

What is created carries the tag `mlflow_console.registering` with the id of the journal entry until all is
done. If the console is killed midway, the tag shows what is left of it: `finish` completes it and `discard`
removes it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine import journal
from engine.entities import LoggedModel, ModelVersion, Run, RunDetail
from engine.errors import REFUSALS, EngineError, NotFound, PromptFound, UsageError, WriteError
from engine.failpoints import failpoint
from engine.formats import listed, number
from engine.journal import Finding, JournalEntry, server_name
from engine.runs.metrics import key_metrics
from engine.stores.errors import translated_errors
from engine.stores.records import find_version
from engine.text import Shown, safe
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.stores.base import Store

REGISTERING_TAG = "mlflow_console.registering"
RUN_TAG = "mlflow_console.registered_as"
"""On the source run: `MODEL/VERSION`."""
READY_SECONDS = 60.0
_POLL_SECONDS = 0.5
_METRICS = 6
_NAME, _NEW, _COPIED = "model", "new model", "copy of"
_OWN_TAGS = "mlflow_console."
"""Begins the tags of consoles: promotions, requests and approvals are about one version, not about copies."""


@dataclass(frozen=True, slots=True)
class RegistrationPlan:
    """A version to register. `logged` is the run's logged model; `next_version` is the number that the
    version will probably have. `is_new` says that the registered model is created too."""

    model: str
    is_new: bool
    run: Run
    logged: LoggedModel
    description: str
    tags: Mapping[str, str]
    next_version: int
    existing: tuple[ModelVersion, ...]
    """Versions that were registered from this run before."""
    server: Shown


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """A version to register as a version of another model. `tags` are those that are copied."""

    source: ModelVersion
    model: str
    is_new: bool
    tags: Mapping[str, str]
    next_version: int
    server: Shown


@dataclass(frozen=True, slots=True)
class Registered:
    """The new version, as read back, and the id of the journal entry. `note` says what of the registration
    could not be done; empty for nothing."""

    version: ModelVersion
    entry_id: str
    note: str = ""


def plan_registration(
    store: Store,
    uri: TrackingUri,
    model: str,
    run_id: str,
    *,
    logged: str = "",
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> RegistrationPlan:
    """Plan to register a model that a run logged, the one named `logged` if there are several. Without a
    `description` it lists the key metrics and parameters; the key metrics become tags. Writes nothing.

    Raises `UsageError` for a name that cannot be used or an ambiguous model, `NotFound` for a missing run or
    a run without models, `StoreError`.
    """
    _check_name(model)
    if reserved := [key for key in tags or {} if key.startswith(_OWN_TAGS)]:
        raise UsageError(f"Tag {reserved[0]!r} cannot be set", "Its name is reserved.")
    detail = store.run(run_id)
    if detail.run.lifecycle_stage == "deleted":
        raise UsageError(f"Run {detail.run.run_name} is deleted", hint="Restore it first.")
    versions, is_new = _versions(store, model)
    metrics = {
        name: f"{number(detail.run.metrics[name])}" for name in key_metrics(detail.run.metrics, _METRICS)
    }
    return RegistrationPlan(
        model=model,
        is_new=is_new,
        run=detail.run,
        logged=_logged(detail, logged),
        description=_description(detail.run, metrics) if description is None else description,
        tags={**metrics, **(tags or {})},
        next_version=max((version.version for version in versions), default=0) + 1,
        existing=tuple(version for version in versions if version.run_id == run_id),
        server=uri.shown,
    )


def register(store: Store, uri: TrackingUri, plan: RegistrationPlan, *, reason: str = "") -> Registered:
    """Register the version and wait until it is ready.

    Raises `WriteError` with nothing written if the journal cannot be written, or if the version does not get
    ready; `StoreError`. What is left then can be finished or discarded.
    """
    logged = plan.logged.model_id
    return _create(
        store,
        uri,
        f"{plan.model} from run {plan.run.run_name or plan.run.run_id}",
        {_NAME: plan.model, _NEW: str(plan.is_new), "run": plan.run.run_id},
        reason,
        source=f"models:/{logged}",
        run_id=plan.run.run_id,
        model_id=logged,  # required by a server
        tags=plan.tags,
        description=plan.description,
    )


def plan_copy(store: Store, uri: TrackingUri, model: str, version: int, to: str) -> CopyPlan:
    """Plan to copy a version, with its description and tags, as a version of the model `to`. Writes nothing.
    Raises `UsageError` for a name that cannot be used or a version that is not ready, `NotFound`,
    `StoreError`."""
    _check_name(to)
    if to == model:
        raise UsageError("A version is copied to another model", f"It is a version of {model} already.")
    source = find_version(store.model_versions(model), model, version)
    if source.status != "READY":
        raise UsageError(f"Version {version} of {model} is not ready", f"Its status is {source.status}.")
    versions, is_new = _versions(store, to)
    return CopyPlan(
        source=source,
        model=to,
        is_new=is_new,
        tags={key: value for key, value in source.tags.items() if not key.startswith(_OWN_TAGS)},
        next_version=max((each.version for each in versions), default=0) + 1,
        server=uri.shown,
    )


def copy(store: Store, uri: TrackingUri, plan: CopyPlan, *, reason: str = "") -> ModelVersion:
    """Copy the version, wait until the copy is ready, and return it as read back. The artifacts are not
    copied: both versions point to the same. Raises like `register`."""
    source = plan.source
    label = f"{source.name}/{source.version}"
    return _create(
        store,
        uri,
        f"{plan.model} from {label}",
        {_NAME: plan.model, _NEW: str(plan.is_new), "run": source.run_id, _COPIED: label},
        reason,
        source=f"models:/{label}",
        run_id=source.run_id or None,
        tags=plan.tags,
        description=source.description,
    ).version


def _create(
    store: Store,
    uri: TrackingUri,
    target: str,
    facts: Mapping[str, str],
    reason: str,
    *,
    tags: Mapping[str, str],
    **version: Any,
) -> Registered:
    """Create a version, and the model if it is new, with the mark of the journal entry until all is done."""
    from engine.stores.mlflow.client import open_client
    from engine.stores.mlflow.private import global_tracking_uri

    journal.check_reason(reason)
    client = open_client(uri.raw)
    model = facts[_NAME]
    entry = journal.new_entry(
        uri, "register", target, model=model, before={**facts, _NAME: ""}, after=facts, reason=reason
    )
    journal.append(entry)
    failpoint("register intended")
    is_begun = False
    try:
        with translated_errors():
            if facts[_NEW] == "True":
                client.create_registered_model(model, {REGISTERING_TAG: entry.entry_id})
                is_begun = True
                failpoint("register created model")
            with global_tracking_uri(uri.for_client):
                created = client.create_model_version(
                    model, tags={**tags, REGISTERING_TAG: entry.entry_id}, await_creation_for=0, **version
                )
        is_begun = True
        failpoint("register created version")
        return _complete(store, client, replace(entry, version=int(created.version)))
    except EngineError as error:
        outcome: journal.Outcome = "failed" if isinstance(error, REFUSALS) and not is_begun else "intended"
        journal.append(replace(entry, outcome=outcome, detail=str(error)))
        raise


def finish(store: Store, uri: TrackingUri, entry: JournalEntry) -> Registered:
    """Complete an interrupted registration. Raises `UsageError` if nothing of it is left."""
    from engine.stores.mlflow.client import open_client

    model, version = _left(store, uri, entry)
    if version is None:
        raise UsageError(
            f"No version of {entry.model} was created",
            hint=f"`mlflow-console undo {entry.entry_id}` removes what is left; then register it again."
            if model
            else "Register it again.",
        )
    return _complete(store, open_client(uri.raw), replace(entry, version=version.version))


def promotions_after(entry: JournalEntry) -> tuple[JournalEntry, ...]:
    """The promotions of a registered version by this account that have not been undone, newest first. Raises
    `WriteError` if the journal cannot be read."""
    return tuple(
        found
        for found in journal.journal_entries(server=entry.server, model=entry.model)
        if (found.action, found.version) == ("promote", entry.version)
        and found.outcome in ("done", "intended")
        and found.time >= entry.time
    )


def discard(store: Store, uri: TrackingUri, entry: JournalEntry) -> str:
    """Undo a registration, or remove what is left of an interrupted one: the version, and the model if it was
    made for it. Promotions of the version by this account are undone first. Returns what was undone and
    removed. Raises `UsageError` if the version is in use or changed hands, `PromotionError` if the registry
    has changed since its promotion."""
    from engine.registry.promotion.apply import apply_promotion, plan_undo
    from engine.stores.mlflow.client import open_client

    if entry.outcome == "undone":
        raise UsageError("This registration is already undone", entry.target)
    if entry.action != "register" or entry.server != server_name(uri):
        raise UsageError("This is no registration in this store", entry.target)
    model, version = _left(store, uri, entry)
    if version is None and entry.version:
        version = next((v for v in _versions(store, entry.model)[0] if v.version == entry.version), None)
        version = version if version is not None and version.run_id == entry.after.get("run") else None
    undone = []
    for promotion in promotions_after(entry):
        if version is None or not _is_in_use(version):
            break
        result = apply_promotion(store, uri, plan_undo(store, uri, promotion))
        undone += [str(change) for change in result.plan.changes]
        version = next(found for found in result.versions if found.version == version.version)
    if version is not None and _is_in_use(version):
        holds = listed([*([version.stage] if version.stage != "None" else []), *version.aliases])
        raise UsageError(f"Version {version.version} of {entry.model} is in use: {holds}")
    is_empty = model or (entry.after.get(_NEW) == "True" and _is_empty(store, entry.model))
    if version is None and not is_empty:
        raise UsageError(f"Nothing is left of {entry.target}")
    client = open_client(uri.raw)
    undo = journal.new_entry(
        uri,
        "undo",
        f"register {entry.target}",
        model=entry.model,
        version=entry.version,
        undoes=entry.entry_id,
    )
    journal.append(undo)
    removed = []
    with translated_errors():
        if version is not None:
            client.delete_model_version(entry.model, str(version.version))
            removed.append(f"version {version.version}")
            failpoint("discard deleted version")
            forget_run_tags(store, client, [version])
        if entry.after.get(_NEW) == "True" and _is_empty(store, entry.model):
            client.delete_registered_model(entry.model)
            removed.append(f"model {entry.model}")
    text = "; ".join([*undone, f"Removed {listed(removed)}"])
    journal.append(replace(undo, outcome="done", detail=text))
    return text


def _is_in_use(version: ModelVersion) -> bool:
    return version.stage not in ("None", "Archived") or bool(version.aliases)


def finding(store: Store, entry: JournalEntry) -> Finding:
    """What the registry shows of an unfinished registration. Raises `StoreError`."""
    model, version = _marked(store, entry)
    if version is not None:
        return Finding(
            f"Version {version.version} was created, but not finished: finish it with "
            f"`register --finish {entry.entry_id}`, or remove it.",
            f"mlflow-console undo {entry.entry_id}",
        )
    if model:
        return Finding(
            f"The model {entry.model} was created, without a version.",
            f"mlflow-console undo {entry.entry_id}",
        )
    return Finding("Nothing of it is in the registry.")


def _complete(store: Store, client: MlflowClient, entry: JournalEntry) -> Registered:
    """Everything after the version was created; safe to repeat."""
    name, version = entry.model, str(entry.version)
    ready = _wait_until_ready(store, entry)
    note = ""
    if ready.run_id and _COPIED not in entry.after:
        try:
            with translated_errors():
                client.set_tag(ready.run_id, RUN_TAG, f"{name}/{version}")
        except REFUSALS as error:  # registering takes no permission on the run
            note = f"The source run could not be tagged: {error}"
        failpoint("register tagged run")
    with translated_errors():
        client.delete_model_version_tag(name, version, REGISTERING_TAG)
        if REGISTERING_TAG in store.registered_model(name).tags:
            client.delete_registered_model_tag(name, REGISTERING_TAG)
    failpoint("register completed")
    found = next(v for v in store.model_versions(name) if v.version == entry.version)
    journal.append(replace(entry, outcome="done", target=f"{entry.target} as version {version}", detail=note))
    return Registered(found, entry.entry_id, note)


def _wait_until_ready(store: Store, entry: JournalEntry) -> ModelVersion:
    end = time.monotonic() + READY_SECONDS
    while True:
        found = next((v for v in store.model_versions(entry.model) if v.version == entry.version), None)
        if found is None:
            raise WriteError(f"Version {entry.version} of {entry.model} was deleted meanwhile")
        if found.status == "READY":
            return found
        if found.status == "FAILED_REGISTRATION" or time.monotonic() > end:
            raise WriteError(
                f"Version {entry.version} of {entry.model} does not get ready",
                f"Its status is {found.status}.",
                f"`mlflow-console undo {entry.entry_id}` removes it.",
            )
        time.sleep(_POLL_SECONDS)


def _left(store: Store, uri: TrackingUri, entry: JournalEntry) -> tuple[bool, ModelVersion | None]:
    if entry.action != "register" or entry.server != server_name(uri):
        raise UsageError("This is no registration in this store", entry.target)
    return _marked(store, entry)


def _marked(store: Store, entry: JournalEntry) -> tuple[bool, ModelVersion | None]:
    """Whether the model, and which version, still carry the mark of the registration."""
    try:
        model = store.registered_model(entry.model)
    except NotFound:
        return False, None
    marked = [v for v in store.model_versions(entry.model) if v.tags.get(REGISTERING_TAG) == entry.entry_id]
    return model.tags.get(REGISTERING_TAG) == entry.entry_id, marked[0] if marked else None


def _versions(store: Store, model: str) -> tuple[tuple[ModelVersion, ...], bool]:
    """The versions of a model, and whether it does not exist yet. Raises `UsageError` for a prompt."""
    try:
        return store.model_versions(model), False
    except PromptFound as error:
        raise UsageError(error.title, "Models and prompts share their names.") from error
    except NotFound:
        return (), True


def _is_empty(store: Store, model: str) -> bool:
    """Whether the model exists, without versions."""
    return _versions(store, model) == ((), False)


def forget_run_tags(store: Store, client: MlflowClient, versions: Sequence[ModelVersion]) -> None:
    """Remove the tags of source runs that name these versions, which are gone; those of runs that may not be
    changed stay. Raises `StoreError`."""
    gone = {f"{version.name}/{version.version}" for version in versions}
    for run_id in dict.fromkeys(version.run_id for version in versions if version.run_id):
        with suppress(*REFUSALS), translated_errors():
            run = store.run(run_id).run
            if run.tags.get(RUN_TAG) in gone and run.lifecycle_stage == "active":
                client.delete_tag(run_id, RUN_TAG)


def _check_name(model: str) -> None:
    if not model.strip() or "/" in model or ":" in model:
        raise UsageError(f"{model!r} cannot be the name of a model", "A name has no `/` and no `:`.")


def _logged(detail: RunDetail, name: str) -> LoggedModel:
    models = [model for model in detail.models if name in ("", model.name, model.model_id)]
    label = detail.run.run_name or detail.run.run_id
    if not models:
        if detail.models:
            names = listed([model.name for model in detail.models])
            raise NotFound(f"Run {label} logged no model {name!r}", f"Models: {names}")
        raise NotFound(f"Run {label} logged no model", hint="mlflow.sklearn.log_model and the like log one.")
    if len(models) > 1:
        raise UsageError(
            f"Run {label} logged {len(models)} models",
            listed([f"{model.name} ({model.model_id})" for model in models]),
            "Choose one with --model-name.",
        )
    return models[0]


def _description(run: Run, metrics: Mapping[str, str]) -> str:
    params = ", ".join(f"{name} {value}" for name, value in sorted(run.params.items()))
    scores = ", ".join(f"{name} {value}" for name, value in metrics.items())
    parts = [f"Run {run.run_name}."] + [f"{part}." for part in (scores, params) if part]
    return str(safe(" ".join(parts), 1000))
