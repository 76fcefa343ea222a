"""The accounts of a server with basic authentication: its configuration file, the first administrator, and
the key that signs its forms."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from engine.errors import UsageError
from engine.files import make_private_folder, replacing

ADMIN = "admin"
PASSWORD_FILE, KEY_FILE, CONFIGURATION_FILE = "admin-password", "form-key", "basic_auth.ini"
CACHE_SECONDS = 60
"""How long a worker remembers a correct password: checking one takes 0.3 s of CPU, on every request."""

_CONFIGURATION = """\
[mlflow]
default_permission = READ
database_uri = sqlite:///{database}
admin_username = {admin}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = {seconds}
"""


@dataclass(frozen=True, slots=True)
class Accounts:
    """`is_new` says that the password was made just now. The administrator's account is created with it when
    the server first starts; MLflow ignores it once the account exists."""

    folder: Path
    password: str = field(repr=False)
    key: str = field(repr=False)
    is_new: bool

    @property
    def password_file(self) -> Path:
        return self.folder / PASSWORD_FILE

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


def prepare(folder: Path, database: Path) -> Accounts:
    """Write the configuration of the accounts in `database` to `folder`, with the password and the key of an
    earlier start if there are any. All files are readable only by their owner. Raises `OSError`."""
    make_private_folder(folder)
    # configparser would read a % as the start of a reference
    text = _CONFIGURATION.format(
        database=str(database).replace("%", "%%"), admin=ADMIN, seconds=CACHE_SECONDS
    )
    _write(folder / CONFIGURATION_FILE, text)
    password, key = _kept(folder / PASSWORD_FILE), _kept(folder / KEY_FILE)
    accounts = Accounts(
        folder, password or secrets.token_urlsafe(18), key or secrets.token_hex(32), not password
    )
    _write(folder / PASSWORD_FILE, accounts.password + "\n")
    _write(folder / KEY_FILE, accounts.key + "\n")
    return accounts


def _kept(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    with replacing(path, private=True) as file:
        file.write(text.encode())
