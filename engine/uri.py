"""Tracking URIs: which store is meant, where that was said, and how it may be shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from engine.errors import UriError
from engine.text import Shown, safe

Kind = Literal["sql", "rest", "client"]

_SECRET = re.compile(r"((?:^|&)[^=&]*(?:pass|token|secret|key)[^=&]*)=[^&]*", re.IGNORECASE)
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class TrackingUri:
    """`raw` may hold a password and goes to MLflow only; `shown` is for people.

    `origin` says where it came from: `--tracking-uri`, `MLFLOW_TRACKING_URI` or `default`.
    """

    raw: str
    origin: str

    @property
    def kind(self) -> Kind:
        """`sql` and `rest` are read directly; everything else goes through MlflowClient."""
        scheme = self.raw.split(":", 1)[0].lower()
        if scheme in ("http", "https"):
            return "rest"
        if scheme == "sqlite":
            return "sql"
        return "client"

    @property
    def shown(self) -> Shown:
        return redact(self.raw)

    @property
    def sqlite_path(self) -> Path | None:
        """The database file of a `sqlite:///` URI, absolute; None for every other store."""
        match = re.match(r"^sqlite(?:\+\w+)?:///([^?]*)", self.raw, re.IGNORECASE)
        return Path(match[1]).absolute() if match and match[1] else None


def resolve(given: str | None, env: Mapping[str, str] = os.environ) -> TrackingUri:
    """The store that MLflow would use: the command line's, else `MLFLOW_TRACKING_URI`, else
    `sqlite:///mlflow.db` in the current folder. A plain path to a database file is taken as sqlite."""
    if given is not None and given.strip():
        return TrackingUri(_normal(given.strip()), "--tracking-uri")
    if env.get("MLFLOW_TRACKING_URI", "").strip():
        return TrackingUri(_normal(env["MLFLOW_TRACKING_URI"].strip()), "MLFLOW_TRACKING_URI")
    return embedded()


def embedded() -> TrackingUri:
    """`mlflow.db` in the current folder."""
    return TrackingUri(f"sqlite:///{Path.cwd() / 'mlflow.db'}", "default")


def _normal(raw: str) -> str:
    if not _SCHEME.match(raw) and (Path(raw).suffix in (".db", ".sqlite", ".sqlite3") or Path(raw).is_file()):
        return f"sqlite:///{Path(raw).absolute()}"
    parts = urlsplit(raw)
    if parts.scheme.lower() in ("http", "https"):
        if not parts.hostname:
            raise UriError("The tracking URI names no host", safe(raw), "Write it as http://HOST:PORT.")
        return raw.rstrip("/")
    if parts.scheme.lower() == "sqlite" and not re.match(r"^sqlite:///.", raw, re.IGNORECASE):
        raise UriError(
            "The tracking URI names no database file",
            safe(raw),
            "Write it as sqlite:///relative/path.db or sqlite:////absolute/path.db.",
        )
    return raw


def redact(uri: str) -> Shown:
    """`uri` without its password, token or query secrets."""
    parts = urlsplit(uri)
    netloc = parts.netloc
    if "@" in netloc:
        user, _, host = netloc.rpartition("@")
        netloc = f"{user.split(':', 1)[0]}:***@{host}" if ":" in user else f"***@{host}"
    query = _SECRET.sub(r"\1=***", parts.query)
    if netloc == parts.netloc and query == parts.query:
        return safe(uri)
    return safe(urlunsplit((parts.scheme, netloc, parts.path, query, parts.fragment)))
