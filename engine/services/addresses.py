"""The addresses that a service listens on."""

from __future__ import annotations

import ipaddress
import socket

from engine.errors import UsageError
from engine.text import safe

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
