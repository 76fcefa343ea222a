"""The accounts of a server with basic authentication: its configuration file, the first administrator, and
the key that signs its forms."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from engine.errors import UsageError
from engine.files import make_private_folder, replacing
from engine.uri import TrackingUri

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
        """Remove the password of a database that was not created after all."""
        if self.is_new and self.database is not None and not self.database.exists():
            self.password_file.unlink(missing_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "MLFLOW_AUTH_CONFIG_PATH": str(self.folder / CONFIGURATION_FILE),
            "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
            "MLFLOW_AUTH_ADMIN_PASSWORD": self.password,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": self.key,
        }


def check_installed() -> None:
    """Raises `UsageError` if MLflow's basic authentication lacks a package."""
    if find_spec("flask_wtf") is None:
        raise UsageError(
            "--auth needs a package that is not installed",
            "MLflow's basic authentication uses Flask-WTF",
            "Run `pip install 'mlflow[auth]'` in the environment of mlflow-console.",
        )


def prepare(folder: Path, database: TrackingUri) -> Accounts:
    """Write the configuration of the accounts in `database` to `folder`, with the password and the key of an
    earlier start if there are any. The password stays beside a database file, so that every service that uses
    the file finds it. All files are readable only by their owner. Raises `OSError`."""
    make_private_folder(folder)
    # configparser would read a % as the start of a reference
    uri = database.raw.replace("%", "%%")
    _write(folder / CONFIGURATION_FILE, _CONFIGURATION.format(uri=uri, admin=ADMIN, seconds=CACHE_SECONDS))
    path = database.sqlite_path
    password_file = folder / PASSWORD_FILE if path is None else path.with_suffix(f".{PASSWORD_FILE}")
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
    _write(folder / KEY_FILE, accounts.key + "\n")
    return accounts


def _new_password() -> str:
    """Letters and digits only: it is typed and copied."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(PASSWORD_LENGTH))


def _kept(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    with replacing(path, private=True) as file:
        file.write(text.encode())
