"""Where requests go: to a version in a child process of the console, or to a scoring server at a URL.

Both answer alike, because the child process runs MLflow's own scoring code.
"""

from __future__ import annotations

import ipaddress
import json
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from engine.errors import EngineError, ModelFailure, ServerTimeout, ServerUnreachable, UsageError
from engine.formats import size
from engine.model_files.process import ModelProcess
from engine.model_files.trust import trusted_files
from engine.model_tests.requests import Request, invocations_url, request_of
from engine.text import Shown, safe
from engine.uri import TrackingUri, redact

if TYPE_CHECKING:
    import requests

    from engine.stores.base import Store

REQUEST_SECONDS = 60.0
"""How long a server may take to answer."""
CONNECT_SECONDS = 5.0
MAX_ANSWER_BYTES = 64 * 2**20
BATCH_ROWS = 1000
"""The rows of one request, when many are sent."""
MAX_PROCESSES = 2
"""Processes that stay loaded: two versions are compared with each other."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is tested: a version in a child process, or what answers at `url`. `version` is then the one that
    it serves, as far as that is known; 0 if not."""

    model: str = ""
    version: int = 0
    url: str = ""
    deployment: str = ""

    @property
    def name(self) -> Shown:
        """`churn 3`, `churn 3 (deployment churn)`, `churn 3 at http://127.0.0.1:5101`"""
        version = f"{safe(self.model, 80)} {self.version}" if self.version else ""
        if not self.url:
            return Shown(version)
        if self.deployment:
            return Shown(f"{version} (deployment {safe(self.deployment, 80)})")
        where = redact(self.url)
        return Shown(f"{version} at {where}" if version else where)


@dataclass(frozen=True, slots=True)
class Answer:
    """`seconds` from sending the request to the whole answer; in process, what scoring took. `body` is
    untrusted text."""

    status: int
    body: str
    seconds: float

    @property
    def is_ok(self) -> bool:
        return self.status == 200

    @property
    def predictions(self) -> tuple[Any, ...]:
        """The predictions, one per row. Raises `ModelFailure` for an answer that has none."""
        if not self.is_ok:
            raise ModelFailure(f"The model refuses the request (HTTP {self.status})", self.message)
        try:
            found = json.loads(self.body)["predictions"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelFailure("The answer has no predictions", self.body[:2000]) from error
        return tuple(found) if isinstance(found, list) else (found,)

    @property
    def message(self) -> str:
        """What MLflow says about a request that it refuses, whole, and the error that the model raised; else
        the body."""
        try:
            found = json.loads(self.body)
            message, trace = str(found["message"]), str(found.get("stack_trace") or "")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return self.body
        raised = trace.strip().rpartition("\n")[2]
        return f"{message}\n{raised}" if raised and raised not in message else message


@dataclass(frozen=True, slots=True)
class FittedScaler:
    """The scaler that a model begins with: for each column the center and the spread of what it was fitted
    on."""

    name: Shown
    columns: Mapping[str, tuple[float, float]]


class Scorer(Protocol):
    def send(self, request: Request) -> Answer: ...

    def scaler(self) -> FittedScaler | None:
        """The model's own scaler; None if it has none, or it cannot be seen from here."""


class Processes:
    """Versions in child processes, which stay loaded: the least recently used of more than `MAX_PROCESSES`
    ends. Thread-safe."""

    def __init__(self, uri: TrackingUri, store: Store) -> None:
        self._uri = uri
        self._store = store
        self._running: dict[tuple[str, int], _Loaded] = {}
        self._lock = threading.Lock()

    def scorer(self, model: str, version: int, *, allow_code: bool) -> Scorer:
        """A loaded version. Raises as `trusted_files`, and `ModelFailure` if it does not load."""
        with self._lock:
            loaded = self._running.pop((model, version), None)
            if loaded is None or loaded.is_over:
                loaded = _Loaded()
            self._running[model, version] = loaded
            while len(self._running) > MAX_PROCESSES:
                self._running.pop(next(iter(self._running))).close()
        loaded.load(self._uri, self._store, model, version, allow_code=allow_code)
        return loaded

    def close(self) -> None:
        """End all processes, also those that are busy."""
        with self._lock:
            while self._running:
                self._running.popitem()[1].close()


class _Loaded:
    """A version in a child process. One request at a time."""

    def __init__(self) -> None:
        self.is_over = False
        self._process: ModelProcess | None = None
        self._stack = ExitStack()
        self._lock = threading.RLock()

    def load(self, uri: TrackingUri, store: Store, model: str, version: int, *, allow_code: bool) -> None:
        with self._lock:
            if self._process is not None:
                return
            try:
                files = trusted_files(uri, store, model, version, allow_code=allow_code)
                folder = self._stack.enter_context(files).folder
                process = self._stack.enter_context(ModelProcess(folder, allow_code=allow_code))
                self._process = process
                if self.is_over:  # closed while this downloaded
                    process.kill()
                process.load()
            except EngineError:
                self.close()
                raise

    def send(self, request: Request) -> Answer:
        with self._lock:
            if self._process is None or self.is_over:
                raise ModelFailure("The process with the model has ended")
            try:
                found = self._process.invoke(request.content_type, request.body)
            except ModelFailure:
                self.close()
                raise
        return Answer(found["status"], found["body"], found["seconds"])

    def scaler(self) -> FittedScaler | None:
        with self._lock:
            found = self._process.scaler() if self._process is not None and not self.is_over else {}
        if not found:
            return None
        pairs = zip(found["center"], found["spread"], strict=True)
        return FittedScaler(safe(found["scaler"], 80), dict(zip(found["columns"], pairs, strict=True)))

    def close(self) -> None:
        self.is_over = True
        if self._process is not None:
            self._process.kill()  # whoever waits for an answer gets an error
        with self._lock:
            self._stack.close()


class ServerScorer:
    """A scoring server at a URL."""

    def __init__(self, url: str) -> None:
        """Raises `UsageError` for anything but a URL of HTTP or HTTPS."""
        try:
            parts = urlsplit(url)
            is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_valid = False
        if not is_valid:
            hint = "Give the address of a scoring server, such as http://127.0.0.1:5101."
            raise UsageError(f"{redact(url)} is not a URL of HTTP or HTTPS", "", hint)
        self._url = url
        self._host = parts.hostname or ""

    def scaler(self) -> None:
        return None

    def send(self, request: Request) -> Answer:
        """Raises `ServerUnreachable` if nothing answers, `ServerTimeout` if it takes too long, and
        `ModelFailure` if the answer is too large."""
        import requests

        where = redact(self._url)
        started = time.perf_counter()
        try:
            with requests.Session() as session, self._post(session, request) as response:
                body = bytearray()
                for piece in response.iter_content(65536):
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise ModelFailure(f"The answer has more than {size(MAX_ANSWER_BYTES)}", where)
                    if time.perf_counter() - started > REQUEST_SECONDS:
                        raise requests.Timeout
                seconds = time.perf_counter() - started
                return Answer(response.status_code, body.decode(errors="replace"), seconds)
        except requests.Timeout as error:
            detail = f"No answer within {REQUEST_SECONDS:.0f} s."
            raise ServerTimeout(f"{where} does not answer in time", detail) from error
        except requests.RequestException as error:
            hint = "Is a model served there? `mlflow-console deployments` lists those of this machine."
            raise ServerUnreachable(f"Cannot connect to {where}", _reason(error), hint) from error

    def _post(self, session: requests.Session, request: Request) -> requests.Response:
        if _is_here(self._host):
            session.trust_env = False  # neither a proxy nor credentials from netrc
        return session.post(
            invocations_url(self._url),
            data=request.body.encode(),
            headers={"Content-Type": request.content_type},
            timeout=(CONNECT_SECONDS, REQUEST_SECONDS),
            allow_redirects=False,
            stream=True,
        )


def predict_rows(
    scorer: Scorer, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> tuple[tuple[Any, ...], float]:
    """The predictions of rows, sent in batches, and the seconds that they took together. Raises
    `ModelFailure` with MLflow's own message if the model refuses them."""
    predictions: list[Any] = []
    seconds = 0.0
    for start in range(0, len(rows), BATCH_ROWS):
        batch = rows[start : start + BATCH_ROWS]
        answer = scorer.send(request_of(columns, batch, "dataframe_split"))
        found = answer.predictions
        if len(found) != len(batch):
            raise ModelFailure(f"The model returned {len(found)} predictions for {len(batch)} rows")
        predictions += found
        seconds += answer.seconds
    return tuple(predictions), seconds


def _is_here(host: str) -> bool:
    """Whether a host is this machine by its name or address."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _reason(error: Exception) -> str:
    """The innermost reason, without the layers around it."""
    reason: BaseException = error
    while reason.__cause__ or reason.__context__:
        reason = reason.__cause__ or reason.__context__ or reason
    return safe(reason, 300)
