"""Credentials and TLS settings: MLflow's variables and files, read by MLflow's rules."""

from __future__ import annotations

import base64
import configparser
import os
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import StoreRefused

DEFAULTED_VARIABLES = "MLFLOW_CONSOLE_DEFAULTED"
"""Lists the environment variables set for MLflow by the console rather than by the user."""


@dataclass(frozen=True)
class Login:
    """`verify` and `certificate` are as requests expects them; `repr()` omits the secrets."""

    header: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    username: str = ""
    verify: bool | str = True
    certificate: str | None = None
    workspace: str = ""

    @property
    def headers(self) -> dict[str, str]:
        named = {"Authorization": self.header, "X-MLFLOW-WORKSPACE": self.workspace}
        return {name: value for name, value in named.items() if value}


def read_login() -> Login:
    """A user name with a password takes precedence over a token, the environment over
    `~/.mlflow/credentials`. Credentials in the URI or in `~/.netrc` override both: requests does that, and
    MLflow lets it.

    Raises `StoreRefused` if the credentials are unreadable or malformed, or the TLS settings conflict.
    """
    stored = _stored_credentials()
    username = _secret("MLFLOW_TRACKING_USERNAME") or stored.get("mlflow_tracking_username", "")
    password = _secret("MLFLOW_TRACKING_PASSWORD") or stored.get("mlflow_tracking_password", "")
    token = _secret("MLFLOW_TRACKING_TOKEN")
    header = ""
    if username and password:
        header = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    elif token:
        if not token.isascii():
            raise StoreRefused(
                "MLFLOW_TRACKING_TOKEN contains a character that a header cannot hold",
                "Such as a typographic quote or an ellipsis",
                "Set it to the token alone.",
            )
        header = f"Bearer {token}"
    return Login(
        header=header,
        username=username if username and password else "",
        secrets=tuple(secret for secret in (password, token, f"{username}:{password}", header) if secret),
        verify=_verification(),
        certificate=_variable("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None,
        workspace=_variable("MLFLOW_WORKSPACE").strip(),
    )


def user_variable(name: str) -> str:
    """The value of a variable that the user set; empty if there is none."""
    return "" if name in os.environ.get(DEFAULTED_VARIABLES, "").split() else os.environ.get(name, "")


def is_true(name: str, default: str = "false") -> bool:
    return os.environ.get(name, default).lower() in ("true", "1")


def _variable(name: str) -> str:
    return os.environ.get(name, "")


def _secret(name: str) -> str:
    """A variable without the line break that is easily left at its end."""
    value = _variable(name).strip("\r\n")
    if not value.isprintable():
        raise StoreRefused(
            f"{name} contains a control character",
            "Such as a line break in its middle",
            "Set it to the credential alone, on one line.",
        )
    return value


def _verification() -> bool | str:
    insecure, bundle = is_true("MLFLOW_TRACKING_INSECURE_TLS"), _variable("MLFLOW_TRACKING_SERVER_CERT_PATH")
    if insecure and bundle:
        raise StoreRefused(
            "Conflicting TLS settings",
            "MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH are both set",
            "Keep the certificate and unset MLFLOW_TRACKING_INSECURE_TLS.",
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
            "Cannot read the stored credentials",
            f"{path}: {type(error).__name__}",  # the message would quote the file
            "The file needs INI format with a section [mlflow]; write % in a value as %%.",
        ) from None
