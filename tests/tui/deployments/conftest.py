"""Services with a small worker that needs no MLflow; none of their processes outlives its test."""

from __future__ import annotations

from dataclasses import replace

from engine.api import Served
from engine.server.records import ServerFacts
from engine.services.records import ServiceSpec, ServiceStatus
from tests.engine.services.conftest import no_process_is_left, start
from tests.support.socket_worker import worker_spec

__all__ = ["no_process_is_left"]


def deployment_spec(name: str, tracking_uri: str, *how: str, **served: object) -> ServiceSpec:
    """The spec of a deployment of `classifier` that answers with its name."""
    facts: dict[str, object] = {"model": "classifier", "requested": "@champion", "version": 1}
    extra = Served(**facts | served, tracking_uri=tracking_uri).to_json()  # type: ignore[arg-type]
    return worker_spec(name, *how, name=name, extra=extra)


def server_spec(name: str, backend: str, artifacts: str, **facts: object) -> ServiceSpec:
    """The spec of a tracking server, by its record; its worker answers with its name."""
    extra = ServerFacts(backend, artifacts, "3.1", **facts).to_json()  # type: ignore[arg-type]
    return replace(worker_spec(name, name=name, extra=extra), kind="server")


def deploy(name: str, tracking_uri: str, **served: object) -> ServiceStatus:
    return start(deployment_spec(name, tracking_uri, **served))
