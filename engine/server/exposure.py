"""Who can reach a tracking server: its address, the names it answers to, and the refusal to listen to a
network without a password."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable, Sequence

from engine.errors import UsageError
from engine.journal import user_name
from engine.services.addresses import ALL_INTERFACES, is_loopback
from engine.text import safe

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def check_exposure(host: str, *, auth: bool, insecure: bool) -> None:
    """Raises `UsageError` for a server that anyone in the network could read and change."""
    if auth or insecure or is_loopback(host):
        return
    raise UsageError(
        f"Refusing to listen on {safe(host, 80)} without authentication",
        "Everyone who reaches this address could read, change and delete all runs and models, and upload"
        " models that run code where they are loaded. Unprotected MLflow servers are found and abused.",
        "Add --auth for accounts and passwords, or listen on 127.0.0.1 and use an SSH tunnel. If a proxy or a"
        " firewall protects the server, add --insecure.",
    )


def allowed_hosts(host: str, added: Sequence[str] = (), own: Iterable[str] | None = None) -> tuple[str, ...]:
    """The Host headers that the server accepts, each with and without a port: MLflow compares literally, and
    a list replaces its own. Empty on a loopback address without `added` names: MLflow's own list then
    suffices. `own` are the names and addresses of this machine."""
    if is_loopback(host) and not added:
        return ()
    named = () if host in ALL_INTERFACES else (_bracketed(host),)
    names = dict.fromkeys((*added, *named, *(machine_names() if own is None else own), *LOOPBACK_NAMES))
    return tuple(pattern for name in names if name for pattern in _patterns(name))


def machine_names() -> tuple[str, ...]:
    """The names of this machine and its addresses, IPv6 in brackets, without loopback and link-local ones."""
    import psutil

    names = [os.uname().nodename, socket.getfqdn()]
    for addresses in psutil.net_if_addrs().values():
        for found in addresses:
            if found.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            address = ipaddress.ip_address(found.address.partition("%")[0])
            if not (address.is_loopback or address.is_link_local):
                names.append(_bracketed(str(address)))
    return tuple(dict.fromkeys(names))


def _patterns(name: str) -> tuple[str, ...]:
    """The name without a port and with any; one that has either already stays as it is."""
    if "*" in name or (":" in name and not name.endswith("]")):
        return (name,)
    return (name, name.replace("[", "[[]") + ":*")


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address and not address.startswith("[") else address


def tunnel(host: str, port: int) -> str:
    """The command that forwards a port of a laptop to a server that listens on this machine's loopback."""
    inner = "127.0.0.1" if host in ("localhost", *ALL_INTERFACES) else _bracketed(host)
    _, _, address, ssh_port = (os.environ.get("SSH_CONNECTION", "").split() + [""] * 4)[:4]
    option = f"-p {ssh_port} " if ssh_port not in ("", "22") else ""
    return f"ssh -N -L {port}:{inner}:{port} {option}{user_name()}@{address or os.uname().nodename}"
