"""Who can reach a tracking server, and who may use it: its address and the names it answers to, the refusal
to listen to a network without accounts, and the accounts of MLflow's basic authentication."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from engine.errors import UsageError
from engine.files import make_private_folder, read_private, replacing
from engine.journal import user_name
from engine.services.addresses import ALL_INTERFACES, is_loopback
from engine.text import safe
from engine.uri import TrackingUri

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
ADMIN = "admin"
PASSWORD_FILE, KEY_FILE, CONFIGURATION_FILE = "admin-password", "form-key", "basic_auth.ini"
PASSWORD_LENGTH = 24
CACHE_SECONDS = 60
"""How long a worker remembers a correct password: checking one takes 0.3 s of CPU, on every request."""

_CONFIGURATION = """\
[mlflow]
default_permission = READ
database_uri = {uri}
admin_username = {admin}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = {seconds}
"""


# ── who can reach it ─────────────────────────────────────────────────────────


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
    """The command that forwards a port of a laptop to a server that only this machine can reach; empty for
    any other server."""
    if not is_loopback(host):
        return ""
    inner = "127.0.0.1" if host == "localhost" else _bracketed(host)
    _, _, address, ssh_port = (os.environ.get("SSH_CONNECTION", "").split() + [""] * 4)[:4]
    option = f"-p {ssh_port} " if ssh_port not in ("", "22") else ""
    return f"ssh -N -L {port}:{inner}:{port} {option}{user_name()}@{address or os.uname().nodename}"


def network_url(host: str, port: int) -> str:
    """Where other machines reach a server; empty if they cannot."""
    if is_loopback(host):
        return ""
    return f"http://{os.uname().nodename if host in ALL_INTERFACES else _bracketed(host)}:{port}"


# ── who may use it ───────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Accounts:
    """`is_new` says that the password was made just now. The administrator's account is created with it when
    the server first starts; MLflow ignores it once the account exists."""

    folder: Path
    password_file: Path
    password: str = field(repr=False)
    key: str = field(repr=False)
    is_new: bool
    database: Path | None
    """None if it is not a file."""

    def forget_unused(self) -> None:
        """Remove the password of a database that MLflow did not fill after all, and the empty file."""
        if self.is_new and self.database is not None and not self.database.stat().st_size:
            self.password_file.unlink(missing_ok=True)
            self.database.unlink()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "MLFLOW_AUTH_CONFIG_PATH": str(self.folder / CONFIGURATION_FILE),
            "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
            "MLFLOW_AUTH_ADMIN_PASSWORD": self.password,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": self.key,
        }


def check_auth_installed() -> None:
    """Raises `UsageError` if MLflow's basic authentication lacks a package."""
    if find_spec("flask_wtf") is None:
        raise UsageError(
            "--auth needs a package that is not installed",
            "MLflow's basic authentication uses Flask-WTF",
            "Run `pip install 'mlflow[auth]'` in the environment of mlflow-console.",
        )


def prepare_accounts(folder: Path, database: TrackingUri) -> Accounts:
    """Write the configuration of the accounts in `database` to `folder`, with the password and the key of an
    earlier start if there are any. The password stays beside a database file, so that every service that uses
    the file finds it. All files are readable only by their owner. Raises `OSError`."""
    make_private_folder(folder)
    # configparser would read a % as the start of a reference
    uri = database.raw.replace("%", "%%")
    _write(folder / CONFIGURATION_FILE, _CONFIGURATION.format(uri=uri, admin=ADMIN, seconds=CACHE_SECONDS))
    path = database.sqlite_path
    password_file = folder / PASSWORD_FILE if path is None else password_file_beside(path)
    password, key = _kept(password_file), _kept(folder / KEY_FILE)
    accounts = Accounts(
        folder,
        password_file,
        password=password or _new_password(),
        key=key or secrets.token_hex(32),
        is_new=not password,
        database=path,
    )
    _write(password_file, accounts.password + "\n")
    if path is not None:
        path.touch(mode=0o600)  # MLflow would create it readable by others, with the hashes of all passwords
    _write(folder / KEY_FILE, accounts.key + "\n")
    return accounts


def password_file_beside(database: Path) -> Path:
    """Where the password of a database file of accounts is kept: `basic_auth.admin-password`."""
    return database.with_suffix(f".{PASSWORD_FILE}")


def _new_password() -> str:
    """Letters and digits only: it is typed and copied."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(PASSWORD_LENGTH))


def _kept(path: Path) -> str:
    try:
        return read_private(path).decode().strip()
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    with replacing(path, private=True) as file:
        file.write(text.encode())
