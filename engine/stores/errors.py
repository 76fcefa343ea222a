"""Translates the errors of MLflow, HTTP and the operating system, with secrets masked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

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
from engine.formats import size
from engine.secrets import mask
from engine.text import Shown, safe
from engine.uri import redact

EXCERPT = 300

_ARTIFACTS = "/mlflow-artifacts/artifacts"
"""What MLflow expects in the HTTP address of an artifact."""
_CODE = re.compile(r"^[A-Z][A-Z0-9_]*: ")
_BODY = re.compile(r"Response body: '(\{.*\})'", re.DOTALL)
_STATUS = re.compile(r"failed with error code (\d{3})|too many (\d{3}) error responses")
_DATABASE = re.compile(r"\((?:\w+\.)+\w+\) (.*?)\s*\n(?:\[SQL:|\(Background on)", re.DOTALL)
"""The database's own message in an exception of SQLAlchemy, which adds the statement and advice."""
_DISK_FULL = re.compile(r"disk is full|No space left on device|Disk quota exceeded")
_READ_ONLY = re.compile(r"readonly database|read-only (?:transaction|option|file system)", re.IGNORECASE)
_UNREACHABLE_SIGNS = (
    "Connection refused",
    "NewConnectionError",
    "NameResolutionError",
    "could not translate host",
)


class NoEndpoint(ServerFault):
    """The server has no such endpoint: it is an older version, or not MLflow."""


class Untrusted(ServerUnreachable):
    """The server's certificate is not trusted, or it has no TLS."""


class HostRejected(ServerDenied):
    """The server does not accept the host name it is addressed by."""


class LoginRequired(ServerDenied):
    """The server accepts no request without credentials, or not with these."""


def store_not_found(detail: str) -> StoreNotFound:
    hint = (
        "Check the path, or name another with --tracking-uri. `mlflow-console demo` creates an example store"
        " in the current folder."
    )
    return StoreNotFound("MLflow store not found", detail, hint)


def store_locked(detail: str) -> StoreLocked:
    hint = "Try again when its write is done; with many writers, run an `mlflow server`."
    return StoreLocked("The store is locked by another process", detail, hint)


def store_outdated(title: str, detail: str, uri: str = "URI") -> StoreOutdated:
    """The error for a schema that MLflow can upgrade. `uri` is shown: it has no password."""
    hint = f"Back up the database, then run `mlflow db upgrade {uri}`."
    return StoreOutdated(title, detail, f"{hint} Older MLflow versions can then no longer read it.")


def file_store_refused() -> StoreRefused:
    return StoreRefused(
        "MLflow no longer supports the file store",
        "It opens folders such as ./mlruns only on request",
        "Migrate it: mlflow migrate-filestore --source FOLDER --target sqlite:///mlflow.db. Or set"
        " MLFLOW_ALLOW_FILE_STORE=true to read it as it is.",
    )


def disk_full(detail: str) -> StoreRefused:
    return StoreRefused("The disk of the store is full", detail, "Free some space, then try again.")


def package_missing(detail: str, package: str = "") -> StoreUnreadable:
    what = f"Run `pip install {package}`" if package else "Install it with pip"
    hint = f"{what} in the environment of mlflow-console."
    return StoreUnreadable("This store needs a package that is not installed", detail, hint)


def scrub(text: str, secrets: Iterable[str] = ()) -> Shown:
    """`text` for display: short, on one line, with secrets masked (`engine.secrets.mask`)."""
    return safe(" ".join(mask(text, secrets).split()), EXCERPT)


def unreachable(server: str, detail: str) -> ServerUnreachable:
    hint = "Check the address, that the server is running (`mlflow server`), and the firewall or proxy."
    return ServerUnreachable(f"Cannot connect to {server}", detail, hint)


def timed_out(server: str, seconds: float | None = None, *, reading: bool = False) -> ServerTimeout:
    waited = f"No response for {seconds:g} s" if seconds else "No response in time"
    return ServerTimeout(
        f"{server} did not respond",
        waited if reading else f"{waited}. The change may or may not have been applied",
        "Check whether the server is overloaded; MLFLOW_HTTP_REQUEST_TIMEOUT sets the timeout in seconds.",
    )


def not_text(error: UnicodeEncodeError) -> StoreUnreadable:
    """The error for looking up a name that holds lone surrogates."""
    return StoreUnreadable(
        "A name in the store is not valid Unicode",
        f"{safe(error.object)} cannot be looked up",
        "MLflow did not write it: rename it with the tool that did.",
    )


def unlisted(error: EngineError, location: str, verb: str = "list") -> EngineError:
    """The error for artifacts that could not be listed, or read. A network error's own detail would repeat
    the address with its secrets, and speak of writes."""
    if location.startswith("mlflow-artifacts:") and isinstance(error, StoreRefused):
        return StoreRefused(
            f"Cannot {verb} the artifacts",
            f"They are kept behind a tracking server: {redact(location)}",
            "Open the server instead of its database: --tracking-uri http://HOST:PORT.",
        )
    if location.startswith(("http:", "https:")) and _ARTIFACTS not in location:
        return StoreRefused(
            f"Cannot {verb} the artifacts",
            f"{redact(location)} is not an artifact address of an MLflow server",
            f"Such an address contains {_ARTIFACTS}.",
        )
    network = isinstance(error, (ServerTimeout, ServerUnreachable))
    detail = error.title if network or not error.detail else f"{error.title}: {error.detail}"
    return type(error)(f"Cannot {verb} the artifacts", f"{detail} · {redact(location)}", error.hint)


def untrusted(server: str, detail: str) -> Untrusted:
    """`detail` is what OpenSSL says."""
    hints = (
        ("wrong version number", "The server has no TLS: use http://."),
        ("record layer failure", "The server has no TLS: use http://."),
        ("expired", "Renew the server's certificate."),
        (
            "not valid for",
            "Use a name that the server's certificate is valid for, or renew it for this name.",
        ),
    )
    usual = "Set MLFLOW_TRACKING_SERVER_CERT_PATH to the server's certificate, or use http if it has no TLS."
    hint = next((hint for words, hint in hints if words in detail.lower()), usual)
    return Untrusted(f"No secure connection to {server}", detail, hint)


def denied(server: str, status: int, message: str, authorization: str = "") -> ServerDenied:
    """`authorization` is the header that was sent, if any; it is not shown."""
    if "Invalid Host header" in message:
        return HostRejected(
            f"{server} does not accept this host name",
            message,
            "Add it to the server's --allowed-hosts, also with the port: HOST,HOST:*,localhost:*.",
        )
    if status == 401 and authorization.startswith("Bearer "):
        hint = "Set MLFLOW_TRACKING_TOKEN to a valid token: this one may have expired."
        return LoginRequired(f"{server} refused the token", message or "HTTP 401", hint)
    if status == 401 and authorization:
        hint = (
            "Check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. An address with credentials and "
            "~/.netrc override them."
        )
        return LoginRequired(f"{server} refused the user name or password", message or "HTTP 401", hint)
    if status == 401:
        hint = "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        return LoginRequired(f"{server} requires authentication", message or "HTTP 401", hint)
    hint = "Ask for permission, or use another account (MLFLOW_TRACKING_USERNAME, …_PASSWORD)."
    return ServerDenied(f"{server} denied access", message or "HTTP 403", hint)


def limited(server: str, message: str) -> StoreRefused:
    hint = "Run fewer consoles and jobs at once, or raise the server's limit."
    return StoreRefused(f"{server} is rate-limiting requests", message or "HTTP 429", hint)


def fault(server: str, detail: str) -> ServerFault:
    return ServerFault(f"{server} failed", detail, "Check the server's log, then try again.")


def too_large(server: str, limit: int) -> ServerFault:
    hint = "Check the address: MLflow's own responses are smaller."
    return ServerFault(f"{server} sent too much", f"The response is larger than {size(limit)}", hint)


def too_slow(server: str, seconds: float) -> ServerFault:
    hint = "Check the connection, or raise MLFLOW_HTTP_REQUEST_TIMEOUT."
    return ServerFault(f"{server} sends too slowly", f"No complete response in {seconds:.3g} s", hint)


def not_mlflow(server: str, detail: str, kind: type[ServerFault] = ServerFault) -> ServerFault:
    hint = "Check the address and its path: it may belong to a proxy or a login page."
    return kind(f"{server} did not respond like an MLflow server", detail, hint)


def redirected(detail: str) -> ServerFault:
    """For a write: MLflow's client follows the redirect, and does not say where to."""
    hint = "Use the address that the server redirects to as the tracking URI, such as https:// for http://."
    return ServerFault("The server did not accept the request", detail, hint)


def moved(server: str, address: str) -> ServerFault:
    return ServerFault(
        f"{server} has moved", f"It redirects to {address}", f"Use {address} as the tracking URI."
    )


def refused(message: str) -> StoreRefused:
    return StoreRefused("MLflow refused the request", message)


def from_response(
    server: str, status: int, body: str, secrets: Iterable[str] = (), authorization: str = ""
) -> EngineError:
    """Translate an HTTP response with a status other than 2xx to a request with this `authorization`."""
    code, message = _mlflow_error(body)
    text = scrub(message or body, secrets)
    if status in (401, 403):
        return denied(server, status, text, authorization)
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
    """(code, message) of MLflow's JSON errors; other JSON errors have only a message, other bodies
    neither."""
    try:
        content = json.loads(body, strict=False)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(content, dict):
        return "", ""
    texts = (content.get(name) for name in ("message", "detail", "error"))
    message = next((text for text in texts if isinstance(text, str) and text), "")
    return str(content.get("error_code") or ""), message


def _message_of(text: str) -> str:
    """The message without what MLflow's and SQLAlchemy's exceptions wrap around it."""
    body, database = _BODY.search(text), _DATABASE.search(text)
    return (_mlflow_error(body[1])[1] if body else "") or (database[1] if database else _CODE.sub("", text))


def translate(error: Exception) -> EngineError:
    """Translate an exception of MLflow, requests or the operating system."""
    if isinstance(error, EngineError):
        return error
    code = str(getattr(error, "error_code", ""))
    text = str(error)
    message = scrub(_message_of(text))
    if isinstance(error, ImportError) or type(error).__name__ == "NoSuchModuleError":  # SQLAlchemy's
        return package_missing(message)
    return (
        _schema_error(text, message)
        or _response_error(error, code, message)
        or _connection_error(text, message)
        or _coded_error(code, message)
        or _other_error(error, message)
    )


def _schema_error(text: str, message: Shown) -> EngineError | None:
    """The error of a database or file store that MLflow cannot use or write."""
    if "out-of-date database schema" in text:
        return store_outdated("The store's schema is out of date", message)
    if "MLFLOW_ALLOW_FILE_STORE" in text:
        return file_store_refused()
    if "database is locked" in text:
        return store_locked(message)
    if _DISK_FULL.search(text):
        return disk_full(message)
    if _READ_ONLY.search(text):
        hint = "Check the permissions of the store and its folder, and how the disk is mounted."
        return StoreRefused("The store is read-only", message, hint)
    return None


def _response_error(error: Exception, code: str, message: Shown) -> EngineError | None:
    """The error that a failing or busy server sent. MLflow 3.18 and later raise it by its error code; up to
    3.17, `_connection_error` finds the HTTP status in the text."""
    answer = getattr(error, "json", None)
    if not isinstance(answer, dict) or answer.get("error_code") != code:
        return None
    status = int(getattr(error, "get_http_status_code", int)())
    if status == 429:
        return limited("The server", message)
    return fault("The server", f"HTTP {status}: {message}") if status in (500, 503, 504) else None


def _connection_error(text: str, message: Shown) -> EngineError | None:
    """A network or HTTP failure: MLflow uses one error code for all of them."""
    failure = _STATUS.search(text)
    status = int(failure[1] or failure[2]) if failure else 0
    if status == 429:
        return limited("The server", message if failure and failure[1] else "")
    if status in (401, 403):
        return denied("The server", status, message)
    if status == 405:
        return redirected(f"HTTP {status}, probably after a redirect, which turns POST into GET")
    if status >= 500:
        has_body = _BODY.search(text)
        return fault("The server", f"HTTP {status}: {message}" if has_body else f"HTTP {status}")
    if "ReadTimeoutError" in text or "Read timed out" in text:
        return timed_out("The server")
    if any(sign in text for sign in _UNREACHABLE_SIGNS) or "Max retries exceeded" in text:
        return unreachable("the server", message)
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
        hint = "Use the workspace instead: `databricks` or `databricks://PROFILE`."
        return StoreRefused("Unity Catalog does not store runs", message, hint)
    return refused(message) if code else None


def _other_error(error: Exception, message: Shown) -> EngineError:
    if isinstance(error, OSError):
        return StoreUnreadable("Cannot read or write the store", message)
    return StoreRefused("MLflow failed", f"{type(error).__name__}: {message}")


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn MLflow's errors into the engine's."""
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        raise translate(error) from error
