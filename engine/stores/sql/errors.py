"""Translates the errors of database servers and their drivers, with passwords masked.

When a connection fails, PostgreSQL's drivers pass on the server's message but no error code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import (
    EngineError,
    ServerDenied,
    ServerTimeout,
    ServerUnreachable,
    StoreNotFound,
    StoreRefused,
    StoreUnreadable,
)
from engine.stores.errors import scrub
from engine.text import safe

if TYPE_CHECKING:
    from sqlalchemy import URL
    from sqlalchemy.exc import SQLAlchemyError

_DENIED = ("28000", "28P01", "42501", 1044, 1045, 1142, 1143, 1227, 1698)
_DENIED_WORDS = ("authentication failed", "no password supplied", "no pg_hba.conf entry", "permission denied")
_NO_DATABASE = ("3D000", 1049)
_TIMED_OUT = ("57014", 1969, 3024)
_READ_ONLY = ("25006", 1792)
_UNREACHABLE = (2002, 2003, 2005, 2006, 2013, 2055)


def translate(error: SQLAlchemyError, url: URL) -> EngineError:
    """Translate an exception of SQLAlchemy's."""
    original: Any = getattr(error, "orig", None)
    text = str(error if original is None else original)
    code = _code(original)
    detail = scrub(text, [url.password] if isinstance(url.password, str) else ())
    server, name = _server(url), safe(url.database or "", 80)
    words = text.lower()
    if code in _NO_DATABASE or ("database" in words and "does not exist" in words):
        hint = (
            "Check the name at the end of the tracking URI; MLflow creates its tables in an empty database on"
            " first use."
        )
        return StoreNotFound(f"Database {name} not found on {server}", detail, hint)
    if code in _DENIED or any(sign in words for sign in _DENIED_WORDS) or _is_unknown_role(words):
        hint = "Check the user and password in the tracking URI; reading needs SELECT on MLflow's tables."
        return ServerDenied(f"{server} denied access", detail, hint)
    if code in _TIMED_OUT or "timeout expired" in words or "timed out" in words:
        hint = "Check the server's load and the network path to it (firewall)."
        return ServerTimeout(f"{server} did not respond in time", detail, hint)
    if code in _READ_ONLY:
        return StoreRefused("The console never writes to a database", detail)
    if code in _UNREACHABLE or type(original).__name__ in ("OperationalError", "InterfaceError"):
        hint = "Check the host and port in the tracking URI, that the server is running, and the firewall."
        return ServerUnreachable(f"Cannot connect to {server}", detail, hint)
    return StoreUnreadable("Cannot read the database", detail, "Check the server's log.")


def _code(original: Any) -> str | int | None:
    """PostgreSQL's five-character SQLSTATE, or MySQL's error code."""
    code = next(iter(getattr(original, "args", ())), None)
    if isinstance(code, int):
        return code
    sqlstate = getattr(original, "pgcode", None) or getattr(original, "sqlstate", None)
    return sqlstate if isinstance(sqlstate, str) else None


def _is_unknown_role(words: str) -> bool:
    return "role" in words and "does not exist" in words


def _server(url: URL) -> str:
    host = url.host or "The local server"
    return safe(f"{host}:{url.port}" if url.port else host, 120)
