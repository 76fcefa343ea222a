"""Tracking URIs: resolving them, choosing the kind of store, and redacting secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from engine.errors import UriError
from engine.text import Shown, safe

StoreKind = Literal["sql", "rest", "client"]

_SECRET = re.compile(
    r"((?:^|[?&;#]|%3F|%26)[^=&;]*?(?:pass|pwd|token|secret|key|sig(?![a-z])|signature|auth|cred|odbc_connect)"
    r"[^=&;]*?(?:=|%3D))(?:(?!%26)[^&;#])*",
    re.IGNORECASE,
)
"""A secret of a query, which may itself be encoded in the query of another URI."""
# A password may contain any character, even "/", "#" and "@" if the user forgot to encode it.
_USER = re.compile(r"^([^:/?#@]*)(:.*)?@", re.DOTALL)
_QUERY = re.compile(r"[?#;]")
_BARE_USER = re.compile(r"^([^:/?#@]+):[^/@][^@]*@")
"""A user and a password before a host, where the scheme was forgotten."""
_PORT = re.compile(r"^[^:/?#@]*:\d+(?:[/?#]|$)")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
_SQL_SCHEMES = (
    "sqlite",
    "postgresql",
    "postgresql+psycopg2",
    "postgresql+psycopg",
    "mysql",
    "mysql+pymysql",
)
_DATABRICKS = ("databricks", "databricks-uc", "uc")
_MLFLOW_SCHEMES = ("file", "sqlite", "postgresql", "mysql", "mssql", *_DATABRICKS)


GIVEN, FROM_ENVIRONMENT = "--tracking-uri", "MLFLOW_TRACKING_URI"
"""The sources of a URI that was given on the command line, and in the environment."""


@dataclass(frozen=True, slots=True)
class TrackingUri:
    """`raw` may contain a password and goes only to the store; `shown` is for display."""

    raw: str

    @property
    def kind(self) -> StoreKind:
        """`sql` and `rest` are read directly; everything else goes through MlflowClient."""
        scheme = self.raw.split(":", 1)[0].lower()
        if scheme in ("http", "https"):
            return "rest"
        if scheme in _SQL_SCHEMES:
            return "sql"
        return "client"

    @property
    def shown(self) -> Shown:
        return redact(self.raw)

    @property
    def for_client(self) -> str:
        """`raw` for MLflow's client, which sends a server's credentials in it as Latin-1: encoded once more,
        so that they arrive as UTF-8."""
        if self.kind != "rest":
            return self.raw
        parts = urlsplit(self.raw)
        login, _, host = parts.netloc.rpartition("@")
        if unquote(login).isascii():
            return self.raw
        encoded = (
            quote(unquote(part).encode().decode("latin-1"), safe="") for part in login.partition(":")[::2]
        )
        return parts._replace(netloc=f"{':'.join(encoded)}@{host}").geturl()

    @property
    def is_databricks(self) -> bool:
        """`databricks`, `databricks://profile` …; the first has no scheme but is not a folder."""
        return self.raw.split(":", 1)[0] in _DATABRICKS

    @property
    def folder(self) -> Path | None:
        """The absolute path of a file store; None for other stores."""
        is_file = self.raw.lower().startswith("file:")
        if self.is_databricks or (not is_file and "://" in self.raw):
            return None
        folder = local_root(self.raw)
        return folder and folder.absolute()

    @property
    def sqlite_path(self) -> Path | None:
        """The absolute path of a `sqlite:///` database; None for other stores."""
        match = re.match(r"^sqlite(?:\+\w+)?:///([^?]*)", self.raw, re.IGNORECASE)
        return Path(match[1]).absolute() if match and match[1] else None


def resolve(given: str | None, env: Mapping[str, str] = os.environ) -> TrackingUri:
    """The URI that MLflow would use: `given` on the command line, else `MLFLOW_TRACKING_URI`, else `mlruns`
    in the current folder if it holds experiments, else `mlflow.db` there. A plain path to a database file
    means SQLite. Raises `UriError`."""
    return resolve_with_source(given, env)[0]


def resolve_with_source(given: str | None, env: Mapping[str, str] = os.environ) -> tuple[TrackingUri, str]:
    """The same, and in words where the URI comes from."""
    if given is not None and given.strip():
        return TrackingUri(_normalized(given.strip())), GIVEN
    if env.get("MLFLOW_TRACKING_URI", "").strip():
        return TrackingUri(_normalized(env["MLFLOW_TRACKING_URI"].strip())), FROM_ENVIRONMENT
    folder = _file_store()
    if folder is not None:
        return folder, "the default: ./mlruns holds experiments"
    return embedded(), "the default: ./mlflow.db"


def embedded() -> TrackingUri:
    """`mlflow.db` in the current folder."""
    return TrackingUri(f"sqlite:///{Path.cwd() / 'mlflow.db'}")


def _file_store() -> TrackingUri | None:
    """`mlruns` in the current folder, if it is a file store: the artifacts of `mlflow.db` are in a folder of
    this name too."""
    folder = Path.cwd() / "mlruns"
    experiments = (path.parent.name.isdigit() for path in folder.glob("*/meta.yaml"))
    return TrackingUri(folder.as_uri()) if any(experiments) else None


def _normalized(raw: str) -> str:
    if not _SCHEME.match(raw):
        path = Path(raw).expanduser()
        if path.suffix in (".db", ".sqlite", ".sqlite3") or path.is_file():
            return f"sqlite:///{path.absolute()}"
        if raw.startswith("~"):
            return str(path)
    scheme = raw.split(":", 1)[0].lower()
    if scheme in ("http", "https"):
        if not _host(raw):
            hint = "Use http://HOST:PORT."
            raise UriError("The tracking URI has no valid host and port", redact(raw), hint)
        return raw.rstrip("/")
    if scheme == "sqlite" and not re.match(r"^sqlite:///.", raw, re.IGNORECASE):
        raise UriError(
            "The tracking URI names no database file",
            safe(raw),
            "Use sqlite:///relative/path.db or sqlite:////absolute/path.db.",
        )
    if _SCHEME.match(raw) and scheme.split("+")[0] not in _MLFLOW_SCHEMES and not _has_plugin(scheme):
        raise UriError(
            f"Unknown tracking URI scheme {safe(scheme, 40)}:",
            redact(raw),
            "Use sqlite:///FILE, http(s)://HOST:PORT, postgresql://, mysql:// or mssql://, databricks, or a"
            " folder; other schemes need an MLflow plug-in.",
        )
    return raw


def local_root(uri: str) -> Path | None:
    """The local folder of a tracking or artifact URI (MLflow decodes %xx in plain paths too); None for other
    storage."""
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return Path(unquote(uri)) if uri and not parts.scheme else None


def _has_plugin(scheme: str) -> bool:
    """Whether an installed plug-in adds this scheme to MLflow."""
    from importlib.metadata import entry_points

    return any(found.name.lower() == scheme for found in entry_points(group="mlflow.tracking_store"))


def _host(raw: str) -> str | None:
    """The host of a URL; None if it has none, or an invalid port or address."""
    try:
        parts = urlsplit(raw)
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname


def redact(uri: str) -> Shown:
    """`uri` without its password, token or query secrets."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return safe(_SECRET.sub(r"\1***", _BARE_USER.sub(r"\1:***@", uri)))
    is_port = scheme.lower() in ("http", "https") and _PORT.match(rest)
    user = None if is_port else _USER.match(rest)
    if user:
        rest = (f"{user[1]}:***@" if user[2] else "***@") + rest[user.end() :]
    path = _QUERY.split(rest, 1)[0]
    return safe(f"{scheme}://{path}" + _SECRET.sub(r"\1***", rest[len(path) :]))
