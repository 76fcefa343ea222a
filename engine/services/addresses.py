"""The addresses that a service listens on."""

from __future__ import annotations

import errno
import ipaddress
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ServiceError, UsageError
from engine.services.processes import mark_of
from engine.text import safe

if TYPE_CHECKING:
    import psutil

BACKLOG = 2048
"""Connections that may wait while a worker is replaced."""
MAX_PORT = 65535
ALL_INTERFACES = ("0.0.0.0", "::", "")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`, an address or a name. Raises `UsageError` for a
    name that is unknown."""
    if host in ALL_INTERFACES:
        return False
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        hint = "Use an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them."
        raise UsageError(f"Unknown host {safe(host, 80)!r}", "It has no address", hint) from None
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found)


def local_address(host: str) -> str:
    """Where this machine reaches a service that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `ServiceError`."""
    place = f"{host}:{port}"
    if not 0 <= port <= MAX_PORT:  # getaddrinfo would take another one
        raise ServiceError(f"{port} is not a port", hint=f"Choose one from 1 to {MAX_PORT}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            holder = _port_holder(port) or "a process of another account"
            hint = "Stop it, or choose another port."
            raise ServiceError(f"Port {port} is in use", f"{holder} listens there", hint) from error
        if isinstance(error, PermissionError):
            hint = "Choose a port above 1023."
            raise ServiceError(f"Port {port} is reserved for the system", place, hint) from error
        raise ServiceError(f"Nothing can listen on {place}", str(error), "Check host and port.") from error
    return listener


def _port_holder(port: int) -> str:
    """Who listens on a TCP port, as far as this account may know: `process 123 (python3)`; empty if it may
    not."""
    import psutil

    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            is_listening = connection.status == psutil.CONN_LISTEN
            if is_listening and connection.laddr and connection.laddr.port == port and connection.pid:
                return _described(psutil.Process(connection.pid))
    return ""


def _described(process: psutil.Process) -> str:
    service = Path(mark_of(process.pid).rpartition("#")[0]).name
    text = f"process {process.pid} ({process.name()})"
    return f"{service}, {text}," if service else text
