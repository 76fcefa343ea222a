"""Deploys versions of registered models as supervised HTTP services, and swaps, stops and lists them.

Each service has the files of the versions that it serves in its own folder: the store is needed only to
deploy and to swap, and no credentials are kept. What a deployment serves is in its record (`Served`).
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import NotFound, ServiceError, StoreError, UntrustedModel, UsageError
from engine.formats import listed
from engine.jobs import CancelToken, OnProgress, Progress, no_progress
from engine.journal import Recorded, recorded, server_name
from engine.log import log
from engine.model_files.process import model_environment
from engine.model_files.trust import model_code, trusted_files
from engine.services import control
from engine.services.addresses import is_loopback
from engine.services.records import ANSWERS, SOCKET, ServiceSpec
from engine.services.service_log import ServiceLog
from engine.serving.environments import copy_worker, make_environment
from engine.serving.records import Deployment, Environment, Served, deployment_of
from engine.serving.requirements import differences
from engine.serving.worker import LIMIT
from engine.stores.base import Store
from engine.stores.references import ModelReference, parse_reference, preferred, referenced
from engine.text import quoted, safe
from engine.uri import TrackingUri

VERSIONS = "versions"
"""The folder, in that of the service, with a folder for each version that it serves or can go back to."""
MODEL = "model"
"""In a version's folder, the one with the files of the model."""
READY_SECONDS = 180.0
LARGE_BYTES = 50_000_000
"""Each process has the model in memory, so a larger one is served by one process."""
_IMPORT_ERRORS = ("ModuleNotFoundError", "ImportError", "No module named")
SETTINGS = (LIMIT,)
"""Variables that change how MLflow's scoring application answers."""


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """How to deploy. `name` is that of the model if empty; `port` 0 is a free one; `processes` 0 is two, or
    one for a large model or a machine with one processor. `allow_code`: whether the
    model may run code that came with it. `exposed`: whether others than this machine may reach it."""

    name: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    environment: Environment = "local"
    processes: int = 0
    allow_code: bool = False
    exposed: bool = False


@dataclass(frozen=True, slots=True)
class Registry:
    """Where models come from."""

    uri: TrackingUri
    store: Store

    def resolve(self, reference: ModelReference) -> tuple[ModelReference, int]:
        """The reference, with a target if it had none, and the version that it names now. Raises `NotFound`,
        `StoreError`."""
        versions = self.store.model_versions(reference.model)
        if not reference.target:
            reference = preferred(versions, reference.model)
        return reference, referenced(versions, reference).version


def deploy(
    registry: Registry,
    text: str,
    options: DeployOptions,
    on_progress: OnProgress = no_progress,
    cancel: CancelToken | None = None,
) -> Deployment:
    """Deploy the version that `MODEL[@ALIAS|/STAGE|/VERSION]` names now, and wait until it has answered its
    recorded input example. Raises `UsageError`, `NotFound`, `UntrustedModel`, `ModelFailure`, `StoreError`,
    and `ServiceError` if it does not get ready."""
    cancel = cancel or CancelToken()
    _check_exposure(options)
    reference, version = registry.resolve(parse_reference(text))
    name = options.name or reference.model
    port = _port(options, name)
    target = f"{ModelReference(reference.model, f'/{version}')} → {name}"
    with (
        control.claimed(name) as claim,
        _prepared(registry, reference, version, options, claim.folder, on_progress, cancel) as prepared,
        recorded(registry.uri, "deploy", target, model=reference.model, version=version),
    ):
        on_progress(Progress(0, note=f"Starting {name}"))
        spec = replace(prepared, name=name, host=options.host, port=port)
        with explained(spec, removable=True):
            status = claim.start(spec, _environment(), cancel=cancel)
        for place in _places(claim.folder):  # of what was served under this name before
            if not _is_used(place, spec):
                _discard(place)
    return _checked(deployment_of(status), registry)


def _port(options: DeployOptions, name: str) -> int:
    """The port to listen on: that of a lost deployment of this name, which its clients know, if it is still
    free and no other is asked for."""
    with suppress(NotFound, ServiceError), socket.socket() as probe:
        lost = find(name).service
        if options.port == 0 and lost.state == "lost" and lost.host == options.host:
            with suppress(OSError):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((lost.host, lost.port))
                return lost.port
    return options.port


def swap(
    registry: Registry,
    name: str,
    version: int | None,
    *,
    allow_code: bool = False,
    on_progress: OnProgress = no_progress,
    cancel: CancelToken | None = None,
) -> Deployment:
    """Replace what a deployment serves without a failed request: by a version, or by the one that its alias
    or stage names now. Returns it unchanged if that is what it serves. Raises as `deploy`."""
    cancel = cancel or CancelToken()
    before = find(name)
    served = before.served
    reference = ModelReference(served.model, served.requested if version is None else f"/{version}")
    if not reference.moves and version is None:
        title = f"{name} serves version {served.version}, not an alias or a stage"
        raise UsageError(title, "", "Say which version to swap to: --version N.")
    reference, number = registry.resolve(reference)
    if number == served.version:
        return before
    options = DeployOptions(environment=served.environment, processes=served.processes, allow_code=allow_code)
    folder = control.folder(name)
    target = f"{name}: {served.model} {served.version} → {number}"
    with (
        _prepared(registry, reference, number, options, folder, on_progress, cancel) as spec,
        recorded(registry.uri, "swap", target, model=served.model, version=number),
    ):
        on_progress(Progress(0, note=f"Starting version {number} beside version {served.version}"))
        with explained(spec):
            status = control.swap(name, spec, cancel=cancel)
        for place in _places(folder):  # of what `back` can no longer return to
            if before.service.previous is not None and _is_used(place, before.service.previous):
                _discard(place)
    return _checked(deployment_of(status), registry)


@contextmanager
def explained(spec: ServiceSpec, *, removable: bool = False) -> Iterator[None]:
    """Add to the error of a version that did not get ready which of its requirements are not met, if that is
    why, and how to remove a failed deployment."""
    try:
        yield
    except ServiceError as error:
        detail, hint = error.detail, error.hint
        unmet = Served.of(spec).requirements
        if unmet and any(word in detail for word in _IMPORT_ERRORS):
            detail = f"{detail.rstrip('.')}. The model requires {listed(unmet, 6)}."
            hint = f"With --env virtualenv, it is deployed with what it requires. {hint}"
        if removable and _has_failed(spec.name):
            hint += f" To remove what failed: mlflow-console stop {shlex.quote(spec.name)} --remove"
        raise ServiceError(error.title, detail, hint.strip()) from error


def _has_failed(name: str) -> bool:
    with suppress(NotFound, ServiceError):
        return find(name).service.state == "failed"
    return False


def back(name: str, cancel: CancelToken | None = None) -> Deployment:
    """Swap to what the last swap replaced. Raises `NotFound`, `ServiceError`."""
    before = find(name)
    target = f"{name}: {before.served.model} {before.served.version} → {before.previous}"
    with _recorded(before, "back", target, before.previous or 0):
        return deployment_of(control.back(name, cancel=cancel))


def stop(name: str) -> Deployment:
    """End a deployment with all its processes. Raises `NotFound`, `ServiceError`."""
    before = find(name)
    with _recorded(before, "stop", name, before.served.version):
        return deployment_of(control.stop(name))


def _recorded(
    deployment: Deployment, action: str, target: str, version: int
) -> AbstractContextManager[Recorded]:
    served = deployment.served
    return recorded(TrackingUri(served.tracking_uri), action, target, model=served.model, version=version)


def remove(name: str) -> None:
    """Delete a deployment that does not run, with its files and its log. Raises `NotFound`, `ServiceError`
    and `WriteError`."""
    found = find(name)
    with _recorded(found, "remove", name, found.served.version):
        control.remove(name)


def find(name: str) -> Deployment:
    """Raises `NotFound`."""
    status = control.find(name)
    if status.kind != "deployment":
        raise NotFound(f"{quoted(name)} is a tracking server, not a deployment")
    return deployment_of(status)


def all_deployments() -> tuple[Deployment, ...]:
    """Those of this account, by name; without any whose record cannot be read."""
    found = []
    for status in control.all_services("deployment"):
        try:
            found.append(deployment_of(status))
        except ServiceError as error:
            log.warning("%s", error)
    return tuple(found)


def with_newer(registry: Registry, deployments: Sequence[Deployment]) -> tuple[Deployment, ...]:
    """The deployments, with the versions that the aliases and stages of those from this store name now.
    Raises `StoreError`."""
    return tuple(_with_newer(deployment, registry) for deployment in deployments)


def _checked(deployment: Deployment, registry: Registry) -> Deployment:
    """A deployment that has just started, with what its alias names by now, if the store still answers."""
    try:
        return _with_newer(deployment, registry)
    except StoreError as error:
        log.warning("%s", error)
        return deployment


def _with_newer(deployment: Deployment, registry: Registry) -> Deployment:
    served = deployment.served
    reference = ModelReference(served.model, served.requested)
    if not deployment.follows or served.tracking_uri != server_name(registry.uri):
        return deployment
    try:
        _, version = registry.resolve(reference)
    except NotFound:
        return replace(deployment, newer=None, is_gone=True)
    return replace(deployment, newer=None if version == served.version else version)


# ── what a service consists of ───────────────────────────────────────────────


@contextmanager
def _prepared(
    registry: Registry,
    reference: ModelReference,
    version: int,
    options: DeployOptions,
    folder: Path,
    on_progress: OnProgress,
    cancel: CancelToken,
) -> Iterator[ServiceSpec]:
    """The files of a version, copied to a folder of their own in that of the service, and what serves them.
    The folder is removed if the block raises."""
    place: Path | None = None
    try:
        on_progress(Progress(0, note=f"Reading version {version} of {reference.model}"))
        with trusted_files(
            registry.uri, registry.store, reference.model, version, allow_code=options.allow_code
        ) as files:
            description = files.description
            _check_installation(options, description.owner)
            (folder / VERSIONS).mkdir(mode=0o700, exist_ok=True)
            place = Path(tempfile.mkdtemp(prefix=f"{version}-", dir=folder / VERSIONS))
            model = place / MODEL
            shutil.copytree(files.folder, model)
        code = model_code(model)
        if not (code.is_safe or options.allow_code):  # replaced while it was copied
            raise ServiceError("The files of the model have changed meanwhile", code.reason, "Try again.")
        processes = options.processes or _processes(model)
        served = Served(
            model=reference.model,
            requested=reference.target,
            version=version,
            tracking_uri=server_name(registry.uri),
            run_id=description.version.run_id,
            format=code.format,
            code_owner="" if code.is_safe else description.owner,
            environment=options.environment,
            processes=processes,
            requirements=differences(model) if options.environment == "local" else (),
        )
        yield ServiceSpec(
            name="",
            kind="deployment",
            command=(
                *_worker(options, model, place, folder, on_progress, cancel),
                *(str(model), str(processes), SOCKET, ANSWERS),
            ),
            ready_seconds=READY_SECONDS,
            environment=tuple(_settings()),
            label=f"version {version}",
            extra=served.to_json(),
        )
    except OSError as error:
        _discard(place)
        reason = error.strerror or error
        if isinstance(error, shutil.Error) and error.args and error.args[0]:
            _, _, reason = error.args[0][0]  # of the first file that could not be copied
        detail = f"{error.filename or folder}: {reason}"
        raise ServiceError("The model cannot be deployed", detail, "Is the disk full?") from error
    except BaseException:
        _discard(place)
        raise


def _worker(
    options: DeployOptions,
    model: Path,
    place: Path,
    folder: Path,
    on_progress: OnProgress,
    cancel: CancelToken,
) -> tuple[str, ...]:
    """The program that serves a model. Raises `ServiceError`, `Cancelled`, `OSError`."""
    if options.environment == "local":
        # -P: a file in the working folder must not shadow a module.
        return sys.executable, "-P", "-m", "engine.serving.worker"
    service_log = ServiceLog(folder / "log")

    def note(line: str) -> None:
        service_log.write(line.encode())
        on_progress(Progress(0, note=safe(line, 200)))

    python = make_environment(options.environment, model, place / "environment", note, cancel)
    copy_worker(place / "worker")
    return str(python), "-I", str(place / "worker")


def _processes(model: Path) -> int:
    """How many processes serve a model unless something else is asked for."""
    size = sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
    return 1 if size > LARGE_BYTES else min(2, os.cpu_count() or 1)


def _environment() -> dict[str, str]:
    """The variables of a worker: those that a model may need, and MLflow's of how to serve it."""
    return {**model_environment(), **_settings()}


def _settings() -> dict[str, str]:
    return {name: os.environ[name] for name in SETTINGS if name in os.environ}


def _check_installation(options: DeployOptions, owner: str) -> None:
    """Raises `UntrustedModel` if packages of the model's choice would be installed without permission."""
    if options.environment != "local" and not options.allow_code:
        raise UntrustedModel(
            "Installing the packages that the model requires can run arbitrary code",
            f"They are chosen by {safe(owner, 160)}.",
            f"Install them only if you trust {safe(owner, 160)}.",
            owner=owner,
        )


def _check_exposure(options: DeployOptions) -> None:
    if not (options.exposed or is_loopback(options.host)):
        raise UsageError(
            f"Refusing to listen on {safe(options.host, 80)}: a scoring server has no authentication",
            "Everyone who reaches this address could use the model, and send it whatever they like.",
            "Listen on 127.0.0.1 and use an SSH tunnel. If a proxy or a firewall protects the address, add"
            " --insecure.",
        )


def _places(folder: Path) -> list[Path]:
    """The folders of the versions in that of a service."""
    return list((folder / VERSIONS).iterdir())


def _is_used(place: Path, spec: ServiceSpec) -> bool:
    return str(place / MODEL) in spec.command


def _discard(place: Path | None) -> None:
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)
