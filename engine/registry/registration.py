"""Registering the model of a run as a version: one transaction, with journal and undo.

What is created carries the tag `mlflow_console.registering` with the id of the journal entry until all is
done. If the console is killed midway, the tag shows what is left of it: `finish` completes it and `discard`
removes it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine import journal
from engine.entities import LoggedModel, ModelVersion, Run, RunDetail
from engine.errors import EngineError, NotFound, UsageError, WriteError
from engine.failpoints import failpoint
from engine.formats import listed, number
from engine.journal import Finding, JournalEntry, server_name
from engine.runs.metrics import key_metrics
from engine.stores.errors import translated_errors
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
_NAME, _NEW = "model", "new model"


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
    if not model.strip() or "/" in model or ":" in model:
        raise UsageError(f"{model!r} cannot be the name of a model", "A name has no `/` and no `:`.")
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


def register(store: Store, uri: TrackingUri, plan: RegistrationPlan, *, reason: str = "") -> ModelVersion:
    """Register the version, wait until it is ready, and return it as read back.

    Raises `WriteError` with nothing written if the journal cannot be written, or if the version does not get
    ready; `StoreError`. What is left then can be finished or discarded.
    """
    from engine.stores.mlflow.client import open_client
    from engine.stores.mlflow.private import global_tracking_uri

    journal.check_reason(reason)
    client = open_client(uri.raw)
    entry = journal.new_entry(
        uri,
        "register",
        f"{plan.model} from run {plan.run.run_name or plan.run.run_id}",
        model=plan.model,
        before={_NAME: "", _NEW: str(plan.is_new), "run": plan.run.run_id},
        after={_NAME: plan.model, _NEW: str(plan.is_new), "run": plan.run.run_id},
        reason=reason,
    )
    journal.append(entry)
    failpoint("register intended")
    try:
        with translated_errors():
            if plan.is_new:
                client.create_registered_model(plan.model, {REGISTERING_TAG: entry.entry_id})
                failpoint("register created model")
            with global_tracking_uri(uri.for_client):
                created = client.create_model_version(
                    plan.model,
                    source=f"models:/{plan.logged.model_id}",
                    run_id=plan.run.run_id,
                    model_id=plan.logged.model_id,  # required by a server
                    tags={**plan.tags, REGISTERING_TAG: entry.entry_id},
                    description=plan.description,
                    await_creation_for=0,
                )
        failpoint("register created version")
        return _complete(store, client, replace(entry, version=int(created.version)))
    except EngineError as error:
        journal.append(replace(entry, detail=str(error)))
        raise


def finish(store: Store, uri: TrackingUri, entry: JournalEntry) -> ModelVersion:
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


def discard(store: Store, uri: TrackingUri, entry: JournalEntry) -> str:
    """Undo a registration, or remove what is left of an interrupted one: the version, and the model if it was
    made for it. Returns what was removed. Raises `UsageError` if the version is in use or changed hands."""
    from engine.stores.mlflow.client import open_client

    if entry.action != "register" or entry.server != server_name(uri) or entry.outcome == "undone":
        raise UsageError("This cannot be undone", entry.target)
    model, version = _left(store, uri, entry)
    if version is None and entry.version:
        version = next((v for v in _versions(store, entry.model)[0] if v.version == entry.version), None)
        version = version if version is not None and version.run_id == entry.after.get("run") else None
    if version is not None and (version.stage not in ("None", "Archived") or version.aliases):
        holds = listed([*([version.stage] if version.stage != "None" else []), *version.aliases])
        raise UsageError(f"Version {version.version} of {entry.model} is in use: {holds}")
    if version is None and not model:
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
            if _run_tag(store, version) == f"{entry.model}/{version.version}":
                client.delete_tag(version.run_id, RUN_TAG)
        if entry.after.get(_NEW) == "True" and not _versions(store, entry.model)[0]:
            client.delete_registered_model(entry.model)
            removed.append(f"model {entry.model}")
    text = f"Removed {listed(removed)}"
    journal.append(replace(undo, outcome="done", detail=text))
    return text


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


def _complete(store: Store, client: MlflowClient, entry: JournalEntry) -> ModelVersion:
    """Everything after the version was created; safe to repeat."""
    name, version = entry.model, str(entry.version)
    ready = _wait_until_ready(store, entry)
    with translated_errors():
        if ready.run_id:
            client.set_tag(ready.run_id, RUN_TAG, f"{name}/{version}")
            failpoint("register tagged run")
        client.delete_model_version_tag(name, version, REGISTERING_TAG)
        if REGISTERING_TAG in store.registered_model(name).tags:
            client.delete_registered_model_tag(name, REGISTERING_TAG)
    failpoint("register completed")
    found = next(v for v in store.model_versions(name) if v.version == entry.version)
    journal.append(replace(entry, outcome="done", target=f"{entry.target} as version {version}"))
    return found


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
    """The versions of a model, and whether it does not exist yet."""
    try:
        return store.model_versions(model), False
    except NotFound:
        return (), True


def _run_tag(store: Store, version: ModelVersion) -> str:
    try:
        return store.run(version.run_id).run.tags.get(RUN_TAG, "") if version.run_id else ""
    except NotFound:
        return ""


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
