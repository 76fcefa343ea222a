"""HTTP requests to a server: keep-alive, short timeouts, retries, and errors translated to the console's."""

from __future__ import annotations

import codecs
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit

from engine.errors import Cancelled, EngineError, StoreRefused
from engine.formats import duration
from engine.stores import errors
from engine.stores.artifacts import ArtifactContent
from engine.stores.rest.deadline import Deadline, DeadlinePassed
from engine.stores.rest.json_stream import read_object
from engine.stores.rest.login import Login, is_true, read_login, user_variable
from engine.text import Shown, safe
from engine.uri import TrackingUri, redact

if TYPE_CHECKING:
    from requests import RequestException, Response, Session
    from requests.auth import HTTPBasicAuth

    from engine.stores.rest.connections import KeepAliveAdapter

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
FILE_SECONDS = 120.0
"""How long a server may be silent while it sends a file, which it may have to fetch first."""
RETRIES = 2
BACK_OFF_SECONDS = 0.3
MAX_PAUSE_SECONDS = 10.0
"""Between two attempts, unless the server sets the pause with Retry-After."""
MAX_WAIT_SECONDS = 60.0
"""How long one request waits in total as servers ask with Retry-After."""
REPORTED_SECONDS = 1.0
"""Waits of at least this length are reported."""
RESPONSE_FACTOR = 2
"""A response has this many times the read timeout to be complete, and again after each
`deadline.PROGRESS_BYTES`."""
MOST_FACTOR = 12
"""A response must be complete within this many times the read timeout, however large it is."""
RESPONSE_BYTES = 64 * 2**20
"""Maximum size of a response, decompressed, besides `BYTES_PER_RESULT` for each result asked for."""
BYTES_PER_RESULT = 2**17
_CHUNK_BYTES = 2**18
_API = "/api/2.0/mlflow"
_EXCERPT_BYTES = 65_536
_OPENSSL = re.compile(r"\[SSL[^\]]*\] (.+?) \(_ssl\.c")
"""What OpenSSL says, within what requests and urllib3 wrap around it."""
_TRANSIENT = (429, 502, 503, 504)


class _Answer:
    """A complete response. The chunks of its content are dropped as they are decoded, so that a large page is
    never in memory twice; its first ones stay for error messages."""

    def __init__(self, response: Response, chunks: list[bytes]) -> None:
        self.status_code: int = response.status_code
        self.url: str = response.url
        self.headers: Mapping[str, str] = response.headers
        self.authorization = str(response.request.headers.get("Authorization") or "")
        """What the request was sent with; after a redirect elsewhere, without credentials."""
        self.beginning = b""
        for chunk in chunks:
            self.beginning = (self.beginning + chunk)[:_EXCERPT_BYTES]
            if len(self.beginning) == _EXCERPT_BYTES:
                break
        self._chunks = chunks

    def text(self) -> Iterator[str]:
        """The content in pieces. Can be read only once. Raises `UnicodeDecodeError`."""
        decoder = codecs.getincrementaldecoder(json.detect_encoding(self.beginning))()
        self._chunks.reverse()
        while self._chunks:
            yield decoder.decode(self._chunks.pop())
        yield decoder.decode(b"", final=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """The response to a request, and after how many seconds it was complete. `body` is its beginning as text,
    `certificate_ends` when the server's TLS certificate expires, in seconds since the epoch."""

    status: int
    headers: Mapping[str, str]
    body: str
    seconds: float
    certificate_ends: float | None = None


class Transport:
    """Reads from a server over HTTP. Thread-safe. As every request is a read, it is retried after a broken
    connection, a gateway error or rate limiting: twice, or MLFLOW_HTTP_REQUEST_MAX_RETRIES times. A reused
    connection that turns out to be closed does not count as an attempt, nor does a wait that the server asks
    for. `on_wait` is called with a message before a long wait, in any thread.

    With `seconds`, each request is made once, waits that long at most for a connection and between two pieces
    of the response, and twice as long for all of it."""

    def __init__(
        self,
        uri: TrackingUri,
        on_wait: Callable[[Shown], object] = lambda _: None,
        seconds: float | None = None,
    ) -> None:
        self._base = uri.raw.rstrip("/")
        self.shown: Shown = uri.shown
        self._on_wait = on_wait
        self._seconds = seconds
        self._waiting_until = 0.0
        self._closed = threading.Event()
        self._session_lock = threading.Lock()
        self._shared_session: Session | None = None

    def get(self, path: str, query: Mapping[str, object]) -> dict[str, Any]:
        """The JSON object at a path of MLflow's API. Raises only `EngineError`s."""
        return self._read(self._request("GET", f"{_API}/{path}", params=_without_empty(query)), _loads)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """The JSON object of a search's response. Raises only `EngineError`s."""
        return self._read(self._request("POST", f"{_API}/{path}", json=_without_empty(body)), _loads)

    def post_each(
        self, path: str, body: Mapping[str, object], field: str, take: Callable[[Any], None]
    ) -> dict[str, Any]:
        """Like `post`, but passes the elements of the list in `field` to `take`, one by one. Exceptions of
        `take` propagate, except that its `ValueError` makes the response invalid."""
        response = self._request("POST", f"{_API}/{path}", json=_without_empty(body))
        return self._read(response, lambda text: read_object(text, field, take))

    @property
    def has_credentials(self) -> bool:
        """Whether requests carry a user name and password, or a token."""
        return bool(self._login.header) or self._credentials() is not None

    def reply(self, path: str, query: Mapping[str, object] | None = None) -> Reply:
        """The response to a single GET of any path, whatever its status. Raises `EngineError`s if none
        arrives."""
        began = time.monotonic()
        while True:
            try:
                answer = self._send("GET", path, self._timeouts(), params=query)
                break
            except _StaleConnection:
                continue
            except _ConnectionBroken as error:
                raise error.translated from error
        return Reply(
            answer.status_code,
            answer.headers,
            _body(answer),
            time.monotonic() - began,
            self._adapter.certificate_ends,
        )

    @contextmanager
    def stream(self, path: str, query: Mapping[str, object]) -> Iterator[ArtifactContent]:
        """The file at a path, as it arrives, however long it is. Without retries. Reading raises only
        `EngineError`s too."""
        timeouts = (CONNECT_SECONDS, float(_user_number("MLFLOW_HTTP_REQUEST_TIMEOUT", 0) or FILE_SECONDS))
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        while True:
            try:
                deadline = self._deadline(timeouts)
                response = self._start("GET", path, timeouts, deadline, params=query, headers=headers)
                deadline.lift()
                break
            except _StaleConnection:
                continue
            except _ConnectionBroken as error:
                raise error.translated from error
        with response:
            if not 200 <= response.status_code < 300:
                self._checked(_Answer(response, list(islice(self._pieces(response, timeouts), 1))))
            length = response.headers.get("Content-Length", "")
            yield ArtifactContent(
                int(length) if length.isdecimal() else None, self._pieces(response, timeouts)
            )

    def _pieces(self, response: Response, timeouts: tuple[float, float]) -> Iterator[bytes]:
        """The body in pieces."""
        import urllib3

        server = self._server_of(response.url)
        try:
            while piece := response.raw.read1(_CHUNK_BYTES, decode_content=True):
                yield piece
        except urllib3.exceptions.ReadTimeoutError as error:
            raise errors.timed_out(server, timeouts[1], reading=True) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise errors.fault(server, "The file was cut off") from error

    def close(self) -> None:
        """Close the connections and refuse further requests. Running ones end at their timeout: a blocked
        read cannot be cancelled."""
        self._closed.set()
        with self._session_lock:
            if self._shared_session is not None:
                self._shared_session.close()

    @cached_property
    def _login(self) -> Login:
        return read_login()

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        """Strings to mask in errors, even if the server sends them back."""
        parts = urlsplit(self._base)
        from_uri = (
            parts.password or "",
            unquote(parts.password or ""),
            unquote(parts.netloc.rpartition("@")[0]),
            *(value for _, value in parse_qsl(parts.query)),
        )
        return (*self._login.secrets, *from_uri)

    @cached_property
    def _adapter(self) -> KeepAliveAdapter:
        from engine.stores.rest.connections import KeepAliveAdapter

        return KeepAliveAdapter()

    def _credentials(self) -> HTTPBasicAuth | None:
        """User and password in the URI, else in `~/.netrc`, as UTF-8: requests alone would find them too, but
        send them as Latin-1."""
        from requests.auth import HTTPBasicAuth
        from requests.utils import get_auth_from_url, get_netrc_auth

        user, password = get_auth_from_url(self._base)
        found = (user, password) if user or password else get_netrc_auth(self._base)
        return HTTPBasicAuth(*(part.encode().decode("latin-1") for part in found)) if found else None

    def _session(self) -> Session:
        """The session that all threads share."""
        with self._session_lock:
            if self._shared_session is None:
                self._shared_session = self._adapter.session()
                self._shared_session.auth = self._credentials()
                self._shared_session.headers.update(
                    self._login.headers | {"User-Agent": "mlflow-console", "Accept": "application/json"}
                )
                if not self._login.verify:  # the user chose this; the warning would corrupt the screen
                    import urllib3

                    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            return self._shared_session

    def _request(
        self,
        method: str,
        path: str,
        **content: object,
    ) -> _Answer:
        timeouts = self._timeouts()
        attempts = 1 if self._seconds else 1 + _user_number("MLFLOW_HTTP_REQUEST_MAX_RETRIES", RETRIES)
        backoff, patience = BACK_OFF_SECONDS, MAX_WAIT_SECONDS if attempts > 1 else 0.0
        while True:
            try:
                response = self._send(method, path, timeouts, **content)
                retry_after = _retry_after(response)
                if response.status_code not in _TRANSIENT or retry_after > patience:
                    return self._checked(response)
                if retry_after:
                    patience -= retry_after
                    self._wait(retry_after, response.status_code)
                    continue
                if attempts == 1:
                    return self._checked(response)
            except _StaleConnection:
                continue
            except _ConnectionBroken as error:
                if attempts == 1:
                    raise error.translated from error
            attempts -= 1
            self._closed.wait(backoff)
            backoff = min(2 * backoff, MAX_PAUSE_SECONDS)

    def _timeouts(self) -> tuple[float, float]:
        """For connecting, and for reading."""
        timeout = self._seconds or _user_number("MLFLOW_HTTP_REQUEST_TIMEOUT", 0)
        return (timeout, timeout) if timeout else (CONNECT_SECONDS, READ_SECONDS)

    def _deadline(self, timeouts: tuple[float, float]) -> Deadline:
        """When a response has to be complete."""
        factor = RESPONSE_FACTOR if self._seconds else MOST_FACTOR
        return Deadline(RESPONSE_FACTOR * timeouts[1], factor * timeouts[1])

    def _wait(self, seconds: float, status: int) -> None:
        """Wait as the server asks, and report it unless another thread already waits."""
        now = time.monotonic()
        if seconds >= REPORTED_SECONDS and now >= self._waiting_until:
            self._waiting_until = now + seconds
            what = "is rate-limiting requests" if status == 429 else "is busy"
            self._on_wait(safe(f"{self.shown} {what}: waiting {duration(seconds)}"))
        self._closed.wait(seconds)

    def _send(self, method: str, path: str, timeouts: tuple[float, float], **content: Any) -> _Answer:
        results = int((content.get("json") or {}).get("max_results") or 0)
        deadline = self._deadline(timeouts)
        response = self._start(method, path, timeouts, deadline, **content)
        try:
            self._check_moved(response, method, path)
            limit = RESPONSE_BYTES + results * BYTES_PER_RESULT
            with response:
                chunks = [] if response.is_redirect else self._content(response, limit)
        except (OSError, ValueError, DeadlinePassed) as error:  # all errors of requests are one of the first
            raise self._translate(error, timeouts) from error
        return _Answer(response, chunks)

    def _start(
        self, method: str, path: str, timeouts: tuple[float, float], deadline: Deadline, **content: Any
    ) -> Response:
        """The response to a request, without its body; reading it raises `DeadlinePassed` too."""
        if self._closed.is_set():
            raise Cancelled("The request")
        self._adapter.set_deadline(deadline)
        try:
            return self._session().request(
                method,
                self._base + path,
                timeout=timeouts,
                verify=self._login.verify,
                cert=self._login.certificate,
                allow_redirects=is_true("MLFLOW_ALLOW_HTTP_REDIRECTS", "true"),
                stream=True,
                **content,
            )
        except UnicodeEncodeError as error:
            raise errors.not_text(error) from error
        except (OSError, ValueError, DeadlinePassed) as error:
            raise self._translate(error, timeouts) from error

    def _check_moved(self, response: Response, method: str, path: str) -> None:
        """Raise `ServerFault` for a server that redirects elsewhere when redirects are not followed, or in a
        way that loses what a search asked for: requests turns a redirected POST into a GET."""
        if not response.is_redirect and response.request.method == method:
            return
        location = response.headers.get("Location", "") if response.is_redirect else ""
        address, _, _ = urljoin(response.url, location).partition("?")
        if address.endswith(path) and address.removesuffix(path) != self._base:
            raise errors.moved(self.shown, redact(address.removesuffix(path)))

    def _content(self, response: Response, limit: int) -> list[bytes]:
        """The chunks of the decompressed body. Raises `ServerFault` if it is longer than `limit`, and the
        errors of requests."""
        import requests
        import urllib3

        server, chunks, size = self._server_of(response.url), [], 0
        try:
            while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
                chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    raise errors.too_large(server, limit)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.ReadTimeout(str(error), response=response) from error
        except urllib3.exceptions.DecodeError as error:
            raise requests.exceptions.ContentDecodingError(str(error), response=response) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(str(error), response=response) from error
        return chunks

    def _translate(self, error: Exception, timeouts: tuple[float, float]) -> Exception:
        import requests

        reason, server = str(error), self._server_of(getattr(getattr(error, "request", None), "url", None))
        text = errors.scrub(reason, self._secrets)
        if isinstance(error, DeadlinePassed):
            return errors.too_slow(server, error.seconds)
        if isinstance(error, requests.ReadTimeout) or "Read timed out" in reason:
            return errors.timed_out(server, timeouts[1], reading=True)
        if isinstance(error, requests.ConnectTimeout):
            return errors.unreachable(server, f"No connection within {timeouts[0]:g} s")
        if isinstance(error, requests.ConnectionError):
            return self._connection_error(error, server, text)
        if isinstance(error, requests.exceptions.ChunkedEncodingError):
            return _ConnectionBroken(errors.fault(server, "The response was cut off"))
        if isinstance(error, requests.exceptions.InvalidSchema) and "SOCKS" in reason:
            return errors.package_missing("A SOCKS proxy is set in the environment", "'requests[socks]'")
        if isinstance(error, requests.RequestException):
            return errors.not_mlflow(server, text)
        return StoreRefused("Cannot send the request", text, "Check the TLS files in the environment.")

    def _connection_error(self, error: RequestException, server: str, text: Shown) -> Exception:
        import requests

        reason = str(error)
        if isinstance(error, requests.exceptions.SSLError):
            said = _OPENSSL.search(reason)
            return errors.untrusted(server, errors.scrub(said[1]) if said else text)
        if isinstance(error, requests.exceptions.ProxyError):
            return errors.unreachable(server, f"The proxy failed: {text}")
        if "NewConnectionError" in reason or "NameResolutionError" in reason:
            return errors.unreachable(server, _cause(reason))
        if self._adapter.reused_connection:
            return _StaleConnection(reason)
        return _ConnectionBroken(errors.fault(server, "The connection closed without a response"))

    def _checked(self, response: _Answer) -> _Answer:
        if 200 <= response.status_code < 300:
            return response
        server = self._server_of(response.url)
        error = errors.from_response(
            server, response.status_code, _body(response), self._secrets, response.authorization
        )
        if retry_after := _retry_after(response):
            error.hint = f"Try again in {duration(retry_after)}. {error.hint}".strip()
        raise error

    def _read(self, response: _Answer, read: Callable[[Iterator[str]], object]) -> dict[str, Any]:
        """The JSON object in a response, decoded by `read`."""
        try:
            found = read(response.text())
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            excerpt = errors.scrub(_body(response), self._secrets)
            detail = f"Response: {excerpt}" if excerpt else "The response is empty"
            raise errors.not_mlflow(self._server_of(response.url), detail)
        return found

    def _server_of(self, url: str | None) -> str:
        """The server to name in an error about `url`, which differs from ours after a redirect."""
        origin = _origin(urlsplit(url or self._base))
        if origin == _origin(urlsplit(self._base)):
            return self.shown
        return f"{safe('://'.join(origin), 200)} (redirected from {self.shown})"


class _ConnectionBroken(Exception):
    """A connection that broke: worth another attempt. `translated` is the error to raise after the last
    one."""

    def __init__(self, translated: EngineError) -> None:
        super().__init__(str(translated))
        self.translated = translated


class _StaleConnection(Exception):
    """A reused connection that the server had already closed: open a new one at once."""


def _origin(url: SplitResult) -> tuple[str, str]:
    """Scheme, and host with port, without user name and password."""
    return url.scheme.lower(), url.netloc.rpartition("@")[2].lower()


def _without_empty(content: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in content.items() if value not in (None, "")}


def _body(response: _Answer) -> str:
    """The beginning of a response as text, enough for any message."""
    return response.beginning.decode("utf-8", "replace")


def _loads(pieces: Iterator[str]) -> object:
    return json.loads("".join(pieces))


def _user_number(name: str, default: int) -> int:
    try:
        return max(0, int(user_variable(name)))
    except ValueError:
        return default


def _retry_after(response: _Answer) -> float:
    """The Retry-After of a response in seconds; 0 if absent or invalid."""
    value = response.headers.get("Retry-After", "")
    try:
        if value.strip().isdecimal():
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _cause(reason: str) -> str:
    """The cause, without what requests and urllib3 wrap around it."""
    if "NameResolutionError" in reason:
        return "Unknown host name"
    return "Connection refused" if "refused" in reason else errors.scrub(reason)
