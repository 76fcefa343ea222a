"""What the deployments view can export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.api import Sheet, records_sheet
from engine.columns import Value
from tui.deployments.source import Service


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
        "requests": status.requests,
        "errors": status.errors,
        "requests_per_second": status.rate,
        "p50_seconds": status.p50,
        "p95_seconds": status.p95,
        "memory_bytes": status.memory,
        "restarts": status.restarts,
        "detail": status.detail,
    }
