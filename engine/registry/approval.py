"""Requests for promotions, and who approved them.

Both are tags of the version, so that consoles of all accounts see them: `mlflow_console.request` and
`mlflow_console.decision`. This is a convention among consoles, not access control: MLflow enforces nothing,
and whoever may write the tags may write them by hand.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import urlsplit

from engine.entities import ModelVersion
from engine.errors import GateError, UsageError
from engine.formats import moment
from engine.journal import check_reason, recorded, user_name
from engine.log import log
from engine.registry.version_log import LogRecord, add_record
from engine.stores.errors import translated_errors
from engine.stores.records import find_version
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.stores.base import Store

T = TypeVar("T")

REQUEST_TAG, DECISION_TAG = "mlflow_console.request", "mlflow_console.decision"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to promote a version to `target` (`Production`, `@champion`). `at`, and the creation of the
    version, are in epoch milliseconds; the texts are untrusted."""

    id: str
    target: str
    by: str
    at: int
    reason: str
    created: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to the request with this id."""

    request: str
    approved: bool
    by: str
    at: int
    reason: str

    def __str__(self) -> str:
        verb = "approved" if self.approved else "rejected"
        return f"{verb} by {self.by} on {moment(self.at)}{f': {self.reason}' if self.reason else ''}"


def identity(uri: TrackingUri) -> str:
    """Who acts: the MLflow user of a server, if one is signed in by name, else the account."""
    if uri.kind != "rest":
        return user_name()
    from engine.stores.rest.login import read_login

    return urlsplit(uri.raw).username or read_login().username or user_name()


def request_of(version: ModelVersion) -> Request | None:
    """The request that waits on a version, or was decided. One of another version, from which MLflow copied
    this one with its tags, does not count."""
    found = _from_tag(version, REQUEST_TAG, Request)
    return found if found is not None and found.created == (version.creation_time or 0) else None


def decision_of(version: ModelVersion) -> Decision | None:
    """The decision on the version's request; None if it is about an earlier request."""
    request, decision = request_of(version), _from_tag(version, DECISION_TAG, Decision)
    if request is None or decision is None or decision.request != request.id:
        return None
    return decision


def waiting(versions: Sequence[ModelVersion]) -> tuple[tuple[ModelVersion, Request], ...]:
    """The versions whose requests are not decided, oldest request first."""
    found = [
        (version, request)
        for version in versions
        if (request := request_of(version)) is not None and decision_of(version) is None
    ]
    return tuple(sorted(found, key=lambda pair: pair[1].at))


def request(
    store: Store, uri: TrackingUri, model: str, version: int, target: str, reason: str
) -> ModelVersion:
    """Ask others to approve a promotion; replaces an earlier request. Returns the version as read back.
    Raises `UsageError` for a version that has the target already, `NotFound`, `WriteError`, `StoreError`."""
    found = _version(store, model, version)
    if target in (found.stage, *(f"@{alias}" for alias in found.aliases)):
        raise UsageError(f"Version {version} of {model} already has {target}")
    asked = Request(uuid.uuid4().hex, target, identity(uri), _now(), reason, found.creation_time or 0)
    with _written(uri, "request", f"{model} {version} → {target}", model, version, reason) as client:
        client.set_model_version_tag(model, str(version), REQUEST_TAG, json.dumps(asdict(asked)))
        _log(client, model, version, LogRecord("request", asked.by, asked.at, {target: ((), ())}, reason))
    return _version(store, model, version)


def decide(
    store: Store,
    uri: TrackingUri,
    model: str,
    version: int,
    *,
    approved: bool,
    reason: str,
    objection: Callable[[Request, str], str] = lambda _asked, _by: "",
) -> ModelVersion:
    """Approve or reject the request that waits on a version. Returns the version as read back. `objection`
    says why an account may not approve a request, empty if it may.

    Raises `UsageError` if none waits or a rejection has no reason, `GateError` if the account may not approve
    it, `NotFound`, `WriteError`, `StoreError`."""
    found = _version(store, model, version)
    asked = request_of(found)
    if asked is None:
        raise UsageError(
            f"Nobody has requested a promotion of {model} {version}",
            hint=f"`mlflow-console request {model} {version} --to Production` does.",
        )
    if (before := decision_of(found)) is not None:
        raise UsageError(f"The request for {model} {version} → {asked.target} was already {before}")
    if not approved and not reason.strip():
        detail = "Whoever requested it is to learn why."
        raise UsageError("A rejection needs a reason", detail, 'Add --reason "TEXT".')
    by = identity(uri)
    if approved and (why := objection(asked, by)):
        raise GateError(f"The request for {model} {version} → {asked.target} waits for someone else", why)
    decision = Decision(asked.id, approved, by, _now(), reason)
    action: Literal["approve", "reject"] = "approve" if approved else "reject"
    with _written(uri, action, f"{model} {version} → {asked.target}", model, version, reason) as client:
        client.set_model_version_tag(model, str(version), DECISION_TAG, json.dumps(asdict(decision)))
        _log(client, model, version, LogRecord(action, by, decision.at, {asked.target: ((), ())}, reason))
    return _version(store, model, version)


def clear(client: MlflowClient, version: ModelVersion) -> None:
    """Remove the request of a version that was promoted. Raises MLflow's errors."""
    for tag in (REQUEST_TAG, DECISION_TAG):
        if tag in version.tags:
            client.delete_model_version_tag(version.name, str(version.version), tag)


@contextmanager
def _written(
    uri: TrackingUri, action: str, target: str, model: str, version: int, reason: str
) -> Iterator[MlflowClient]:
    from engine.stores.mlflow.client import open_client

    check_reason(reason)
    with recorded(uri, action, target, model=model, version=version, reason=reason), translated_errors():
        yield open_client(uri.raw)


def _log(client: MlflowClient, model: str, version: int, record: LogRecord) -> None:
    for note in add_record(client, model, version, record):
        log.warning("%s %s: %s", model, version, note)


def _version(store: Store, model: str, version: int) -> ModelVersion:
    return find_version(store.model_versions(model), model, version)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _from_tag(version: ModelVersion, tag: str, kind: type[T]) -> T | None:
    """The record in a tag, None if it is missing or malformed."""
    try:
        found = json.loads(version.tags[tag])
        record = kind(**found)
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
    types: Mapping[str, type] = {"at": int, "created": int, "approved": bool}
    valid = all(isinstance(value, types.get(name, str)) for name, value in found.items())
    return record if valid else None
