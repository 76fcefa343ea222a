"""What database servers and their drivers say went wrong, as our errors. No password passes.

A driver that cannot connect gives PostgreSQL's words only, no code.
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
_TOO_LONG = ("57014", 1969, 3024)
_READ_ONLY = ("25006", 1792)
_UNREACHABLE = (2002, 2003, 2005, 2006, 2013, 2055)


def explained(error: SQLAlchemyError, url: URL) -> EngineError:
    """The error that an exception of SQLAlchemy's means."""
    original: Any = getattr(error, "orig", None)
    text = str(error if original is None else original)
    code = _code(original)
    detail = scrub(text, [url.password] if isinstance(url.password, str) else ())
    server, name = _server(url), safe(url.database or "", 80)
    words = text.lower()
    if code in _NO_DATABASE or ("database" in words and "does not exist" in words):
        hint = (
            "Check the name at the end of the tracking URI; MLflow fills an empty database at its first use."
        )
        return StoreNotFound(f"{server} has no database {name}", detail, hint)
    if code in _DENIED or any(sign in words for sign in _DENIED_WORDS) or _is_unknown_role(words):
        hint = "Check user and password in the tracking URI; reading needs SELECT on MLflow's tables."
        return ServerDenied(f"{server} denies this", detail, hint)
    if code in _TOO_LONG or "timeout expired" in words or "timed out" in words:
        hint = "Check whether the server is overloaded, and the way to it (firewall)."
        return ServerTimeout(f"{server} does not answer in time", detail, hint)
    if code in _READ_ONLY:
        return StoreRefused("The console never writes to a database", detail)
    if code in _UNREACHABLE or type(original).__name__ in ("OperationalError", "InterfaceError"):
        hint = "Check host and port in the tracking URI, that the server runs, and the way to it (firewall)."
        return ServerUnreachable(f"{server} cannot be reached", detail, hint)
    return StoreUnreadable("The database cannot be read", detail, "Check the server's log.")


def _code(original: Any) -> str | int | None:
    """PostgreSQL's five letters, or MySQL's number."""
    number = next(iter(getattr(original, "args", ())), None)
    if isinstance(number, int):
        return number
    letters = getattr(original, "pgcode", None) or getattr(original, "sqlstate", None)
    return letters if isinstance(letters, str) else None


def _is_unknown_role(words: str) -> bool:
    return "role" in words and "does not exist" in words


def _server(url: URL) -> str:
    host = url.host or "The local server"
    return safe(f"{host}:{url.port}" if url.port else host, 120)
