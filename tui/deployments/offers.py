"""What the deployments view offers to export and to copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.api import Sheet, records_sheet
from engine.columns import Value
from engine.errors import EngineError
from engine.text import safe
from tui.deployments.source import Service

if TYPE_CHECKING:
    from engine.api import Engine, Snippet


def services_sheet(services: Sequence[Service]) -> Sheet:
    """One row per service, as the table shows them, with raw numbers."""
    return records_sheet("service", [_record(service) for service in services], {"since": "time"})


def _record(service: Service) -> Mapping[str, Value]:
    status, deployment = service.status, service.deployment
    served = None if deployment is None else deployment.served
    return {
        "name": service.name,
        "kind": status.kind,
        "serves": service.serves,
        "model": None if served is None else served.model,
        "version": None if served is None else served.version,
        "requested": None if served is None else served.requested,
        "address": service.address,
        "state": status.state,
        "since": status.since,
        "requests": None if served is None else status.requests,
        "errors": None if served is None else status.errors,
        "requests_per_second": None if served is None else status.rate,
        "p50_seconds": status.p50,
        "p95_seconds": status.p95,
        "memory_bytes": status.memory,
        "restarts": status.restarts,
        "detail": status.detail,
    }


def service_snippets(engine: Engine, service: Service) -> tuple[str, Sequence[Snippet]]:
    """The title and the choices: its address, a request, a systemd unit. Runs on the bridge."""
    from engine.api import Snippet, curl

    title = f"from {safe(service.name, 60)}"
    address = [Snippet("name", service.name), Snippet("address", service.address)]
    if service.server is not None:
        variable = Snippet("environment", f"export MLFLOW_TRACKING_URI={service.address}", ".sh")
        unit = Snippet("systemd unit", engine.server.unit(service.name), ".service")
        return title, (*address, variable, unit)
    requests = [Snippet("curl, ping", f"curl -sS {service.address}/ping", ".sh")]
    if service.deployment is not None:
        served = service.deployment.served
        with suppress(EngineError):  # its model is in another store, or is gone
            request = engine.model_tests.template(served.model, served.version).request()
            requests.insert(0, Snippet("curl", curl(service.address, request), ".sh"))
    unit = Snippet("systemd unit", engine.deployments.unit(service.name), ".service")
    return title, (*address, *requests, unit)
