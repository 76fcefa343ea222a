"""What MLflow, HTTP and the system say went wrong, as our errors. No secret passes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from engine.errors import (
    EngineError,
    NotFound,
    ServerDenied,
    ServerFault,
    ServerTimeout,
    ServerUnreachable,
    StoreLocked,
    StoreNotFound,
    StoreOutdated,
    StoreRefused,
    StoreUnreadable,
)
from engine.secrets import mask
from engine.text import Shown, safe

EXCERPT = 300

_CODE = re.compile(r"^[A-Z][A-Z0-9_]*: ")
_BODY = re.compile(r"Response body: '(\{.*\})'", re.DOTALL)
_STATUS = re.compile(r"failed with error code (\d{3})|too many (\d{3}) error responses")
_REFUSED_PATHS = (
    "Connection refused",
    "NewConnectionError",
    "NameResolutionError",
    "could not translate host",
)


class NoEndpoint(ServerFault):
    """The server does not know the path that was asked for: it is older, or not MLflow."""


def store_not_found(detail: str) -> StoreNotFound:
    hint = (
        "Check the path, or name another with --tracking-uri. `mlflow-console demo` creates an example store"
        " in the current folder."
    )
    return StoreNotFound("MLflow store not found", detail, hint)


def scrub(text: str, secrets: Iterable[str] = ()) -> Shown:
    """`text` for people: short, on one line, without secrets (`engine.secrets.mask`)."""
    return safe(" ".join(mask(text, secrets).split()), EXCERPT)


def unreachable(server: str, detail: str) -> ServerUnreachable:
    hint = "Check the address, that the server runs (`mlflow server`), and the way to it (firewall, proxy)."
    return ServerUnreachable(f"{server} cannot be reached", detail, hint)


def timed_out(server: str, seconds: float | None = None, *, reading: bool = False) -> ServerTimeout:
    waited = f"Nothing came for {seconds:g} s" if seconds else "No answer in time"
    return ServerTimeout(
        f"{server} does not answer",
        waited if reading else f"{waited}. What was to be changed may have been changed, or not",
        "Check whether the server is overloaded; MLFLOW_HTTP_REQUEST_TIMEOUT sets the patience in seconds.",
    )


def not_text(error: UnicodeEncodeError) -> StoreUnreadable:
    """A name that a store has given cannot be asked for: it holds lone surrogates."""
    return StoreUnreadable(
        "A name in the store is not text",
        f"{safe(error.object)} cannot be asked for: it is not valid Unicode",
        "Something other than MLflow wrote it; give it another name.",
    )


def untrusted(server: str, detail: str) -> ServerUnreachable:
    return ServerUnreachable(
        f"No secure connection to {server}",
        detail,
        "Name the server's certificate in MLFLOW_TRACKING_SERVER_CERT_PATH; or is it http, not https?",
    )


def denied(server: str, status: int, message: str) -> ServerDenied:
    if "Invalid Host header" in message:
        return ServerDenied(
            f"{server} does not accept this host name",
            message,
            "Start the server with --allowed-hosts naming it, with the port: HOST,HOST:*,localhost:*.",
        )
    if status == 401:
        hint = "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        return ServerDenied(f"{server} requires authentication", message or "HTTP 401", hint)
    hint = "Ask for the permission, or use another account (MLFLOW_TRACKING_USERNAME, …_PASSWORD)."
    return ServerDenied(f"{server} denies this", message or "HTTP 403", hint)


def limited(server: str, message: str) -> StoreRefused:
    hint = "Wait a little and try again, with fewer consoles and jobs at once, or have the limit raised."
    return StoreRefused(f"{server} is rate-limiting requests", message or "HTTP 429", hint)


def fault(server: str, detail: str) -> ServerFault:
    return ServerFault(f"{server} failed", detail, "Check the server's log, then try again.")


def not_mlflow(server: str, detail: str, kind: type[ServerFault] = ServerFault) -> ServerFault:
    hint = "Check the address and its path: is an MLflow server there, or a proxy or a login page?"
    return kind(f"{server} does not answer as MLflow does", detail, hint)


def refused(message: str) -> StoreRefused:
    return StoreRefused("MLflow refused the request", message)


def from_response(server: str, status: int, body: str, secrets: Iterable[str] = ()) -> EngineError:
    """The error that an HTTP answer other than 2xx means."""
    code, message = _mlflow_error(body)
    text = scrub(message or body, secrets)
    if status in (401, 403):
        return denied(server, status, text)
    if status == 429:
        return limited(server, text)
    if code == "RESOURCE_DOES_NOT_EXIST":
        return NotFound("Not found in MLflow", text)
    if status >= 500:
        return fault(server, f"HTTP {status}: {text}" if text else f"HTTP {status}")
    if code and code != "ENDPOINT_NOT_FOUND":
        return refused(text)
    detail = f"HTTP {status}: {text}" if text else f"HTTP {status}"
    return not_mlflow(server, detail, NoEndpoint if status == 404 else ServerFault)


def _mlflow_error(body: str) -> tuple[str, str]:
    """(code, message) of MLflow's JSON errors, the message of others'; empty for every other body."""
    try:
        told = json.loads(body, strict=False)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(told, dict):
        return "", ""
    texts = (told.get(name) for name in ("message", "detail", "error"))
    message = next((text for text in texts if isinstance(text, str) and text), "")
    return str(told.get("error_code") or ""), message


def _message_of(text: str) -> str:
    """The message out of what MLflow's exceptions wrap around it: its code, or the answer's whole body."""
    body = _BODY.search(text)
    return (_mlflow_error(body[1])[1] if body else "") or _CODE.sub("", text)


def translate(error: Exception) -> EngineError:
    """The error of ours that an exception out of MLflow, requests or the system means."""
    if isinstance(error, EngineError):
        return error
    code = str(getattr(error, "error_code", ""))
    text = str(error)
    message = scrub(_message_of(text))
    if isinstance(error, ImportError) or type(error).__name__ == "NoSuchModuleError":  # SQLAlchemy's
        hint = "Install the package into the environment of mlflow-console (`pip install …`)."
        return StoreUnreadable("This store needs a package that is not installed", message, hint)
    return (
        _schema_error(text, message)
        or _answer_error(error, code, message)
        or _connection_error(text, message)
        or _coded_error(code, message)
        or _other_error(error, message)
    )


def _schema_error(text: str, message: Shown) -> EngineError | None:
    """What a database or a file store of MLflow's own may be unfit for."""
    if "out-of-date database schema" in text:
        hint = "Back the database up, then: mlflow db upgrade URI"
        return StoreOutdated("The store's schema is not MLflow's current one", message, hint)
    if "MLFLOW_ALLOW_FILE_STORE" in text:
        return StoreRefused(
            "MLflow has retired the file store",
            "It opens folders like ./mlruns only when told to",
            "Move it: mlflow migrate-filestore --source FOLDER --target sqlite:///mlflow.db. Or read it as "
            "it is: set MLFLOW_ALLOW_FILE_STORE=true.",
        )
    if "database is locked" in text:
        hint = "Try again when its write is done; for many writers run an `mlflow server`."
        return StoreLocked("Another process holds the store", message, hint)
    return None


def _answer_error(error: Exception, code: str, message: Shown) -> EngineError | None:
    """What the answer of a failing or busy server means. From MLflow 3.18 on it is raised by its error
    code; up to 3.17 `_connection_error` finds the HTTP status in the text."""
    answer = getattr(error, "json", None)
    if not isinstance(answer, dict) or answer.get("error_code") != code:
        return None
    status = int(getattr(error, "get_http_status_code", int)())
    if status == 429:
        return limited("The server", message)
    return fault("The server", f"HTTP {status}: {message}") if status in (500, 503, 504) else None


def _connection_error(text: str, message: Shown) -> EngineError | None:
    """What the way to a server may be: MLflow reports all of it as one code."""
    failure = _STATUS.search(text)
    status = int(failure[1] or failure[2]) if failure else 0
    if status == 429:
        return limited("The server", message if failure and failure[1] else "")
    if status in (401, 403):
        return denied("The server", status, message)
    if status >= 500:
        told = _BODY.search(text)
        return fault("The server", f"HTTP {status}: {message}" if told else f"HTTP {status}")
    if "ReadTimeoutError" in text or "Read timed out" in text:
        return timed_out("The server")
    if any(sign in text for sign in _REFUSED_PATHS) or "Max retries exceeded" in text:
        return unreachable("The server", message)
    return None


def _coded_error(code: str, message: Shown) -> EngineError | None:
    if code == "RESOURCE_DOES_NOT_EXIST":
        return NotFound("Not found in MLflow", message)
    if code in ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"):
        return denied("The server", 401, message)
    if code == "PERMISSION_DENIED":
        return denied("The server", 403, message)
    if code == "ENDPOINT_NOT_FOUND" or "not in a valid JSON format" in message:
        return not_mlflow("The server", message)
    if "Databricks credential" in message:
        hint = "Install databricks-sdk, then log in: `databricks configure`, or DATABRICKS_HOST and …_TOKEN."
        return StoreRefused("MLflow cannot log in to Databricks", message, hint)
    if "Unity Catalog tracking URI" in message:
        hint = "Name the workspace: `databricks`, or `databricks://PROFILE`."
        return StoreRefused("Runs are not kept in the Unity Catalog", message, hint)
    return refused(message) if code else None


def _other_error(error: Exception, message: Shown) -> EngineError:
    if isinstance(error, OSError):
        return StoreUnreadable("The store cannot be read or written", message)
    return StoreRefused("MLflow failed", f"{type(error).__name__}: {message}")
