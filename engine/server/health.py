"""Whether a tracking server is there, and how quickly it answers."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine.errors import EngineError
from engine.stores.transport import Transport
from engine.text import safe
from engine.uri import TrackingUri

SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """`version` is the server's MLflow, empty when unknown; `seconds` is how long the answer took;
    `detail` is for people."""

    ok: bool
    version: str
    seconds: float
    detail: str


def health(uri: TrackingUri) -> ServerHealth:
    """Ask a server for its health and version, each within two seconds. Never raises for a server
    that fails: the answer says how. A store that is no server has no health to ask for."""
    if uri.kind != "rest":
        return ServerHealth(False, "", 0.0, f"{uri.shown} is read directly: there is no server")
    transport = Transport(uri)
    start = time.monotonic()
    try:
        answer = transport.text("/health", SECONDS).strip()
        seconds = time.monotonic() - start
        if answer != "OK":
            return ServerHealth(False, "", seconds, f"{uri.shown} is no MLflow server: {safe(answer, 80)}")
        version = _version(transport)
        return ServerHealth(True, version, seconds, f"MLflow {version}" if version else "MLflow")
    except EngineError as error:
        return ServerHealth(False, "", time.monotonic() - start, str(error))
    finally:
        transport.close()


def _version(transport: Transport) -> str:
    """Empty when the server does not tell: it answers all the same."""
    try:
        return safe(transport.text("/version", SECONDS).strip(), 20)
    except EngineError:
        return ""
