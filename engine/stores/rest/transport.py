"""Questions to a server over HTTP: kept connections, short deadlines, second attempts, our errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from engine.errors import Cancelled, EngineError, StoreRefused
from engine.stores import errors
from engine.stores.rest.json_stream import read_object
from engine.stores.rest.login import Login, is_true, read_login, said
from engine.text import Shown, safe
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from requests import Response, Session

    from engine.stores.rest.connections import KeptConnections

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
RETRIES = 2
BACK_OFF_SECONDS = 0.3
PAUSE_MOST = 10.0
"""Seconds between two attempts. A server that wants to be left alone for longer is not asked again."""
_API = "/api/2.0/mlflow"
_EXCERPT_BYTES = 65_536
_TRANSIENT = (429, 502, 503, 504)


class Transport:
    """Thread-safe. Everything it asks is a read, so a question that a broken connection or a gateway
    cut off, or that came too often, is asked again: twice, or MLFLOW_HTTP_REQUEST_MAX_RETRIES times.
    One on a kept connection that proves to be closed does not count."""

    def __init__(self, uri: TrackingUri) -> None:
        self._base = uri.raw.rstrip("/")
        self.shown: Shown = uri.shown
        self._closed = threading.Event()
        self._opening = threading.Lock()
        self._opened: Session | None = None

    def get(self, path: str, query: Mapping[str, object]) -> dict[str, Any]:
        """The JSON object behind a path of MLflow's API. Raises `EngineError`s only."""
        return self._read(self._ask("GET", f"{_API}/{path}", params=_given(query)), json.loads)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """The JSON object that answers a search. Raises `EngineError`s only."""
        return self._read(self._ask("POST", f"{_API}/{path}", json=_given(body)), json.loads)

    def post_each(
        self, path: str, body: Mapping[str, object], field: str, take: Callable[[Any], None]
    ) -> dict[str, Any]:
        """As `post`, but the elements of the list in `field` are given to `take`, one by one. What
        `take` raises is raised, too; a `ValueError` of it means that this is no answer."""
        response = self._ask("POST", f"{_API}/{path}", json=_given(body))
        return self._read(response, lambda text: read_object(text, field, take))

    def text(self, path: str, seconds: float) -> str:
        """The plain text behind a path, asked for once, each step within `seconds`."""
        return _body(self._ask("GET", path, deadlines=(seconds, seconds), attempts=1))

    def close(self) -> None:
        """Give back the connections, and refuse further questions. What is under way ends by its
        deadline: a blocked read cannot be called off."""
        self._closed.set()
        with self._opening:
            if self._opened is not None:
                self._opened.close()

    @cached_property
    def _login(self) -> Login:
        return read_login()

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        """What must not be in an error, even if the server sends it back."""
        parts = urlsplit(self._base)
        given = (
            parts.password or "",
            unquote(parts.password or ""),
            unquote(parts.netloc.rpartition("@")[0]),
        )
        return (*self._login.secrets, *given)

    @cached_property
    def _connections(self) -> KeptConnections:
        from engine.stores.rest.connections import KeptConnections

        return KeptConnections()

    def _session(self) -> Session:
        """The one session of all threads."""
        with self._opening:
            if self._opened is None:
                self._opened = self._connections.session()
                self._opened.headers.update(
                    self._login.headers | {"User-Agent": "mlflow-console", "Accept": "application/json"}
                )
                if not self._login.verify:  # chosen by the user; the warning would land on the screen
                    import urllib3

                    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            return self._opened

    def _ask(
        self,
        method: str,
        path: str,
        *,
        deadlines: tuple[float, float] | None = None,
        attempts: int | None = None,
        **content: object,
    ) -> Response:
        patience = _number("MLFLOW_HTTP_REQUEST_TIMEOUT", 0)
        waits = deadlines or ((patience, patience) if patience else (CONNECT_SECONDS, READ_SECONDS))
        left = attempts or 1 + _number("MLFLOW_HTTP_REQUEST_MAX_RETRIES", RETRIES)
        back_off = BACK_OFF_SECONDS
        while True:
            wanted = 0.0
            try:
                response = self._send(method, path, waits, **content)
                wanted = _retry_after(response)
                if response.status_code not in _TRANSIENT or left == 1 or wanted > PAUSE_MOST:
                    return self._checked(response)
            except _Stale:
                continue
            except _BrokenOff as error:
                if left == 1:
                    raise error.meaning from error
            left -= 1
            self._closed.wait(max(wanted, back_off))
            back_off = min(2 * back_off, PAUSE_MOST)

    def _send(self, method: str, path: str, deadlines: tuple[float, float], **content: Any) -> Response:
        if self._closed.is_set():
            raise Cancelled("Asking the server")
        try:
            return self._session().request(
                method,
                self._base + path,
                timeout=deadlines,
                verify=self._login.verify,
                cert=self._login.certificate,
                allow_redirects=is_true("MLFLOW_ALLOW_HTTP_REDIRECTS", "true"),
                **content,
            )
        except UnicodeEncodeError as error:
            raise errors.not_text(error) from error
        except (OSError, ValueError) as error:  # every error of requests is one of the two
            raise self._explain(error, deadlines) from error

    def _explain(self, error: Exception, deadlines: tuple[float, float]) -> Exception:
        import requests

        reason, place = str(error), self._place(getattr(getattr(error, "request", None), "url", None))
        text = errors.scrub(reason, self._secrets)
        if isinstance(error, requests.ReadTimeout) or "Read timed out" in reason:
            return errors.timed_out(place, deadlines[1], reading=True)
        if isinstance(error, requests.ConnectTimeout):
            return errors.unreachable(place, f"No connection within {deadlines[0]:g} s")
        if isinstance(error, requests.exceptions.SSLError):
            return errors.untrusted(place, text)
        if isinstance(error, requests.exceptions.ProxyError):
            return errors.unreachable(place, f"The proxy cannot be used: {text}")
        if isinstance(error, requests.exceptions.ChunkedEncodingError):
            return _BrokenOff(errors.fault(place, "The response was cut off"))
        if isinstance(error, requests.ConnectionError):
            if "NewConnectionError" in reason or "NameResolutionError" in reason:
                return errors.unreachable(place, _cause(reason))
            if self._connections.was_kept:
                return _Stale(reason)
            return _BrokenOff(errors.fault(place, "The connection closed without a response"))
        if isinstance(error, requests.RequestException):
            return errors.not_mlflow(place, text)
        return StoreRefused("The request cannot be sent", text, "Check the TLS files in the environment.")

    def _checked(self, response: Response) -> Response:
        if 200 <= response.status_code < 300:
            return response
        place = self._place(response.url)
        raise errors.from_response(place, response.status_code, _body(response), self._secrets)

    def _read(self, response: Response, read: Callable[[str], object]) -> dict[str, Any]:
        """The JSON object in an answer, as `read` finds it in the text."""
        content = response.content
        try:
            found = read(content.decode(json.detect_encoding(content)))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            excerpt = errors.scrub(_body(response), self._secrets)
            told = f"It sent: {excerpt}" if excerpt else "It sent nothing"
            raise errors.not_mlflow(self._place(response.url), told)
        return found

    def _place(self, url: str | None) -> str:
        """The server to name in an error about `url`: another one where a redirect led there."""
        asked, own = urlsplit(url or self._base), urlsplit(self._base)
        if _origin(asked) == _origin(own):
            return self.shown
        return f"{safe('://'.join(_origin(asked)), 200)} (to which {self.shown} redirects)"


class _BrokenOff(Exception):
    """A connection that broke: worth another attempt. `meaning` is the error when it was the last."""

    def __init__(self, meaning: EngineError) -> None:
        super().__init__(str(meaning))
        self.meaning = meaning


class _Stale(Exception):
    """A kept connection that the server had closed when it was used again: worth a new one at once."""


def _origin(url: SplitResult) -> tuple[str, str]:
    """Scheme, and host with port; never a user's name or password."""
    return url.scheme.lower(), url.netloc.rpartition("@")[2].lower()


def _given(content: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in content.items() if value not in (None, "")}


def _body(response: Response) -> str:
    """The beginning of an answer as text, enough for any message."""
    return response.content[:_EXCERPT_BYTES].decode("utf-8", "replace")


def _number(name: str, default: int) -> int:
    try:
        return max(0, int(said(name)))
    except ValueError:
        return default


def _retry_after(response: Response) -> float:
    """Seconds for which a server wants to be left alone; 0 where it does not say."""
    told = response.headers.get("Retry-After", "")
    try:
        if told.strip().isdecimal():
            return float(told)
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _cause(reason: str) -> str:
    """What the system said, out of what requests and urllib3 wrapped around it."""
    if "NameResolutionError" in reason:
        return "Unknown host name"
    return "Connection refused" if "refused" in reason else errors.scrub(reason)
