"""Who we are to a server: MLflow's variables and files, read by MLflow's rules."""

from __future__ import annotations

import base64
import configparser
import os
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import StoreRefused

DEFAULTED = "MLFLOW_CONSOLE_DEFAULTED"
"""Names the variables in the environment that we have set for MLflow, not the user for us."""


@dataclass(frozen=True)
class Login:
    """`verify` and `certificate` are what requests takes; secrets stay out of the representation."""

    header: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    verify: bool | str = True
    certificate: str | None = None
    workspace: str = ""

    @property
    def headers(self) -> dict[str, str]:
        named = {"Authorization": self.header, "X-MLFLOW-WORKSPACE": self.workspace}
        return {name: value for name, value in named.items() if value}


def read_login() -> Login:
    """A user name with a password goes before a token, the environment before `~/.mlflow/credentials`.
    (What the URI itself or `~/.netrc` says replaces both: so does requests, and MLflow lets it.)

    Raises `StoreRefused` when the credentials cannot be read or contradict each other.
    """
    stored = _stored_credentials()
    username = _variable("MLFLOW_TRACKING_USERNAME") or stored.get("mlflow_tracking_username", "")
    password = _variable("MLFLOW_TRACKING_PASSWORD") or stored.get("mlflow_tracking_password", "")
    token = _variable("MLFLOW_TRACKING_TOKEN")
    header = ""
    if username and password:
        header = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    elif token:
        header = f"Bearer {token}"
    return Login(
        header=header,
        secrets=tuple(secret for secret in (password, token, f"{username}:{password}", header) if secret),
        verify=_verification(),
        certificate=_variable("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None,
        workspace=_variable("MLFLOW_WORKSPACE").strip(),
    )


def said(name: str) -> str:
    """What the user says in a variable; empty for nothing."""
    return "" if name in os.environ.get(DEFAULTED, "").split() else os.environ.get(name, "")


def is_true(name: str, default: str = "false") -> bool:
    return os.environ.get(name, default).lower() in ("true", "1")


def _variable(name: str) -> str:
    return os.environ.get(name, "")


def _verification() -> bool | str:
    insecure, bundle = is_true("MLFLOW_TRACKING_INSECURE_TLS"), _variable("MLFLOW_TRACKING_SERVER_CERT_PATH")
    if insecure and bundle:
        raise StoreRefused(
            "The TLS settings contradict each other",
            "MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH are both set",
            "Keep the certificate, and unset MLFLOW_TRACKING_INSECURE_TLS.",
        )
    return bundle or not insecure


def _stored_credentials() -> dict[str, str]:
    path = Path.home() / ".mlflow" / "credentials"
    if not path.exists():
        return {}
    config = configparser.ConfigParser()
    try:
        config.read(path)
        return dict(config["mlflow"]) if "mlflow" in config else {}
    except (configparser.Error, UnicodeDecodeError) as error:
        raise StoreRefused(
            "The stored credentials cannot be read",
            f"{path}: {type(error).__name__}",  # the message would quote the file
            "It is an INI file with a section [mlflow]; write a % in a value as %%.",
        ) from None
