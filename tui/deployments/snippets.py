"""What the copy menu offers for a service."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.text import safe
from tui.deployments.source import Service

if TYPE_CHECKING:
    from engine.api import Engine, Snippet


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
