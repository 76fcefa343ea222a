"""The process that serves one model: `python -m engine.serving.worker FOLDER PROCESSES SOCKET ANSWERS`.

`FOLDER` has the model's files; `SOCKET` and `ANSWERS` are descriptors, see `engine.services.protocol`. With
more than one process, this one supervises the others: they are workers too, and accept on the same socket.
Requests are answered by MLflow's own scoring application, as by `mlflow models serve`. The worker is ready
when the application has answered the recorded input example of the model; the facts about itself are then

    {"rows", "mlflow", "python", "import_seconds", "load_seconds", "example_seconds"}

where `rows` is the number of rows in the example: 0 if none was logged, and only `/ping` was answered.

Nothing is imported but the standard library, MLflow and what it needs, and the protocol, so that it also runs
in an environment made for the model (`engine.serving.environments`).
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import math
import os
import platform
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.services.protocol import Supervisor

if TYPE_CHECKING:
    import uvicorn
    from mlflow.pyfunc import PyFuncModel

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
"""ASGI's own types, which no installed package has to provide."""

INVOCATIONS = "/invocations"
SCORING_THREADS = os.cpu_count() or 1
"""More would only take the interpreter from each other, and the requests take longer."""
DEFAULTS = {"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
"""Variables that have these values unless set. Threads within a request do not pay for a few rows: they wait
for each other, on a busy machine for long, and requests run beside each other anyway."""
STATS_SECONDS = 1.0
PEER_SECONDS = 1.0
"""The pause before a process that ended is started again; it doubles each time."""
STEADY_SECONDS = 60.0
"""A process that ran for this long was healthy."""
BACKLOG = 2048
PATIENCE = 1.5
POLL_SECONDS = 0.05
QUIET_POLLS = 4
IDLE_SECONDS = 7.0
"""While draining, how long a connection without a request is kept: longer than uvicorn keeps any idle one, so
that the client has learned from it that connections end."""
LIMIT = "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"
"""The variable with the seconds after which MLflow answers a request with 504, whatever still runs; 60 unless
it is set."""

_log = logging.getLogger("worker")


class ModelFault(Exception):
    """Why the model cannot be served."""


# ── the model ────────────────────────────────────────────────────────────────


@contextmanager
def _model_faults(what: str) -> Iterator[None]:
    """Report any error of the model's code as its fault, with the traceback in the log."""
    try:
        yield
    except (Exception, SystemExit) as error:
        _log.exception("%s", what)
        raise ModelFault(f"{what}: {type(error).__name__}: {error}") from error


def scoring_application(model: PyFuncModel) -> Application:
    """MLflow's application for a model. Its handler of invocations is called directly, with its time limit:
    the layers of routing and middleware around it take longer than many a model does to predict."""
    from mlflow.pyfunc.scoring_server import init
    from starlette.middleware.errors import ServerErrorMiddleware
    from starlette.requests import Request

    application = init(model)
    handlers = [route.endpoint for route in application.routes if route.path == INVOCATIONS]
    limits = [middleware.kwargs.get("dispatch") for middleware in application.user_middleware]
    if len(handlers) != 1 or len(limits) != 1:  # another version of MLflow
        return application  # type: ignore[no-any-return]
    (handler,), (limit,) = handlers, limits

    async def invoke(scope: Message, receive: Receive, send: Send) -> None:
        response = await limit(Request(scope, receive), handler)
        await response(scope, receive, send)

    invocations = ServerErrorMiddleware(invoke)

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        is_invocation = scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", INVOCATIONS)
        await (invocations if is_invocation else application)(scope, receive, send)

    return serve


async def answer_example(application: Application, model: PyFuncModel, folder: Path) -> int:
    """Let the application answer the input example; returns its number of rows, 0 without one. Raises
    `ModelFault`."""
    with _model_faults("The input example cannot be read"):
        request = _example_request(model, folder)
    if request is None:
        status, body = await _called(application, "GET", "/ping", b"")
    else:
        status, body = await _called(application, "POST", INVOCATIONS, json.dumps(request).encode())
    if status != 200:
        raise ModelFault(f"The model cannot predict its input example: {_reason(body)}")
    if request is None:
        return 0
    if not _is_finite(json.loads(body)):
        raise ModelFault(f"Predictions for the input example are not finite: {body[:200].decode()}")
    return _row_count(request)


def _example_request(model: PyFuncModel, folder: Path) -> dict[str, Any] | None:
    """As MLflow recorded it, or would have: older versions kept the example only."""
    info = model.metadata.saved_input_example_info
    if not info:
        return None
    recorded = folder / info.get("serving_input_path", "serving_input_example.json")
    if recorded.is_file():
        found: dict[str, Any] = json.loads(recorded.read_bytes())
        return found
    from mlflow.models import convert_input_example_to_serving_input

    example = model.metadata.load_input_example(str(folder))
    params = model.metadata.load_input_example_params(str(folder))
    text = convert_input_example_to_serving_input(example if params is None else (example, params))
    converted: dict[str, Any] = json.loads(text)
    return converted


async def _called(application: Application, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    """The status and the body of the application's answer."""
    status, answer = 500, b""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, answer
        status = message.get("status", status)
        answer += message.get("body", b"")

    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    with _model_faults("The model cannot predict its input example"):
        await application(scope, receive, send)
    return status, answer


def _reason(body: bytes) -> str:
    """The message of an error of MLflow, with the last line of its traceback."""
    try:
        found = json.loads(body)
        trace = str(found.get("stack_trace", "")).strip().splitlines()
        return " ".join(filter(None, (str(found["message"]), *trace[-1:])))
    except (ValueError, KeyError, AttributeError):
        return body[:400].decode(errors="backslashreplace")


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _row_count(request: dict[str, Any]) -> int:
    data = next(value for key, value in request.items() if key != "params")
    rows = data["data"] if isinstance(data, dict) and "data" in data else data
    if isinstance(rows, dict):  # named tensors
        rows = next(iter(rows.values()), [])
    return len(rows) if isinstance(rows, list) else 1


# ── the traffic ──────────────────────────────────────────────────────────────


class Traffic:
    """Counts the invocations that an application answers. An error is any status from 400: MLflow answers 400
    when a model fails. While `draining`, clients are asked to close their connections."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.requests = self.errors = 0
        self.seconds: list[float] = []
        """Latencies since they were last taken."""
        self.draining = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        status, started = 500, time.perf_counter()

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self.draining:
                    message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        try:
            await self._application(scope, receive, observed)
        finally:
            if scope["path"] == INVOCATIONS:
                self._count(status, time.perf_counter() - started)

    def _count(self, status: int, seconds: float) -> None:
        self.requests += 1
        self.seconds.append(seconds)
        if status >= 400:
            self.errors += 1
            _log.warning("%s answered with status %d after %.1f ms", INVOCATIONS, status, 1000 * seconds)


class ScoringThreads(ThreadPoolExecutor):
    """The threads that predict. A prediction cannot be ended, only waited for no longer."""

    def __init__(self, number: int, limit: float) -> None:
        """`limit`: the seconds after which MLflow waits no longer."""
        super().__init__(number, "scoring")
        self._number = number
        self._limit = limit
        self._running: dict[object, float] = {}

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(self._timed, work, args, kwargs)

    def _timed(self, work: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        key = object()
        self._running[key] = time.monotonic()
        try:
            return work(*args, **kwargs)
        finally:
            del self._running[key]

    def hang(self) -> bool:
        """Whether all of them have been busy with predictions that nobody waits for any more."""
        started = list(self._running.values())
        return len(started) == self._number and time.monotonic() - max(started) > PATIENCE * self._limit


# ── other processes ──────────────────────────────────────────────────────────


class Peer:
    """Another worker for the same model on the same socket: an interpreter runs one thread at a time. It is
    started once this one serves, and again if it ends."""

    def __init__(self, folder: Path, listener: socket.socket) -> None:
        self.requests = self.errors = 0
        self.seconds: list[float] = []
        """Latencies since they were last taken."""
        self._folder = folder
        self._listener = listener
        self._process: asyncio.subprocess.Process | None = None
        self._draining = self._serves = self._is_asked = False

    async def keep_running(self) -> None:
        pause = PEER_SECONDS
        while not self._draining:
            started = time.monotonic()
            await self._run()
            pause = PEER_SECONDS if time.monotonic() - started > STEADY_SECONDS else min(2 * pause, 60.0)
            await asyncio.sleep(pause)

    async def _run(self) -> None:
        """Run one process to its end."""
        answers, answers_end = os.pipe()
        # The command of this process, which may be of another environment than the console's.
        command = sys.orig_argv[:-4]
        arguments = str(self._folder), "1", str(self._listener.fileno()), str(answers_end)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(*command, *arguments),
                stdin=asyncio.subprocess.PIPE,
                pass_fds=(self._listener.fileno(), answers_end),
            )
        except OSError as error:
            _log.warning("another process cannot be started: %s", error)
            os.close(answers)
            return
        finally:
            os.close(answers_end)
        reader = asyncio.StreamReader()
        pipe = os.fdopen(answers, "rb", buffering=0)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        counted = (0, 0)
        async for line in reader:
            message = json.loads(line)
            if message["is"] == "ready":
                self._serves, self._is_asked = True, False
                self._send("drain" if self._draining else "accept")
            elif message["is"] == "stats":
                self.requests += message["requests"] - counted[0]
                self.errors += message["errors"] - counted[1]
                self.seconds += message["seconds"]
                counted = message["requests"], message["errors"]
            elif message["is"] == "alive":
                self._is_asked = False
            elif message["is"] == "failed":
                _log.warning("another process is not ready: %s", message["detail"])
            else:  # drained
                self._end()
        self._serves = False
        status = await self._process.wait()
        if not self._draining:
            _log.warning("another process of this worker ended with status %d", status)

    def ping(self) -> None:
        """End a process that has not answered the last time."""
        if self._is_asked:
            self._end()
        elif self._serves:
            self._is_asked = True
            self._send("ping")

    async def drain(self) -> None:
        """Finish its requests, and end."""
        self._draining = True
        if self._serves:
            self._send("drain")
        else:
            self._end()
        if self._process is not None:
            await self._process.wait()

    def _send(self, command: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command}).encode() + b"\n")

    def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


# ── the process ──────────────────────────────────────────────────────────────


class Worker:
    """Serves a model on a socket as its supervisor says."""

    def __init__(self, folder: Path, processes: int, listener: socket.socket, supervisor: Supervisor) -> None:
        self._folder = folder
        self._listener = listener
        self._supervisor = supervisor
        self._peers = [Peer(folder, listener) for _ in range(processes - 1)]
        self._threads = ScoringThreads(SCORING_THREADS, float(os.environ.get(LIMIT, 60)))
        self._traffic: Traffic | None = None
        self._server: uvicorn.Server | None = None
        self._tasks: set[asyncio.Future[None]] = set()

    async def run(self) -> None:
        """Serve until the process ends. Raises `ModelFault`."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(loop,), name="supervisor", daemon=True).start()
        loop.set_default_executor(self._threads)
        facts = await self._load()
        self._supervisor.ready(**facts)
        await asyncio.Event().wait()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        obey = {"accept": self._accept, "drain": self._drain, "ping": self._ping}
        for command in self._supervisor.commands():
            loop.call_soon_threadsafe(self._spawn, obey[command])
        os._exit(0)  # whatever still runs: the supervisor waits for it no longer

    async def _load(self) -> dict[str, Any]:
        """Load the model, in the main thread as some need it, and let it answer its example."""
        gc.disable()  # imports make half a million objects that stay
        started = time.perf_counter()
        with _model_faults("MLflow's scoring application cannot be imported"):
            import mlflow
            import uvicorn
            from mlflow.pyfunc import load_model
        imported = time.perf_counter()
        with _model_faults("The model does not load"):
            model = load_model(str(self._folder))
            application = scoring_application(model)
        loaded = time.perf_counter()
        self._traffic = Traffic(application)
        rows = await answer_example(application, model, self._folder)
        answered = time.perf_counter()
        # So that the processes share what comes at once, each takes one connection at a time.
        config = uvicorn.Config(self._traffic, log_config=None, access_log=False, backlog=1)
        self._server = uvicorn.Server(config)
        gc.freeze()
        gc.enable()
        return {
            "rows": rows,
            "mlflow": mlflow.__version__,
            "python": platform.python_version(),
            "import_seconds": round(imported - started, 3),
            "load_seconds": round(loaded - imported, 3),
            "example_seconds": round(answered - loaded, 3),
        }

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.ensure_future(work())
        self._tasks.add(task)
        task.add_done_callback(self._check)

    def _check(self, task: asyncio.Future[None]) -> None:
        """An error of ours ends the process, visibly: it is then restarted."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("internal error", exc_info=error)
            os._exit(1)

    async def _ping(self) -> None:
        """A hanging model does not answer, and is restarted."""
        for peer in self._peers:
            peer.ping()
        while self._threads.hang():  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        self._supervisor.alive()

    async def _accept(self) -> None:
        assert self._server is not None
        self._spawn(self._report_stats)
        for peer in self._peers:
            self._spawn(peer.keep_running)
        self._spawn(self._restore_backlog)
        await self._server.serve(sockets=[self._listener])
        os._exit(0)  # by a signal

    async def _restore_backlog(self) -> None:
        """Let the kernel queue connections again: asyncio also takes the number that it accepts at once as
        the length of the queue."""
        await self._started()
        self._listener.listen(BACKLOG)

    async def _started(self) -> None:
        """Wait until the server accepts."""
        assert self._server is not None
        while not self._server.started:  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def _report_stats(self) -> None:
        reported = 0
        while True:
            await asyncio.sleep(STATS_SECONDS)
            reported = self._report(reported)

    def _report(self, reported: int = -1) -> int:
        """Report the traffic of all processes unless the number of requests is still `reported`; returns
        it."""
        assert self._traffic is not None
        parts: list[Traffic | Peer] = [self._traffic, *self._peers]
        requests = sum(part.requests for part in parts)
        if requests != reported:
            seconds = [value for part in parts for value in part.seconds]
            for part in parts:
                part.seconds = []
            self._supervisor.stats(requests, sum(part.errors for part in parts), seconds)
        return requests

    async def _drain(self) -> None:
        server, traffic = self._server, self._traffic
        assert server is not None
        assert traffic is not None
        traffic.draining = True
        peers = asyncio.gather(*(peer.drain() for peer in self._peers))
        await self._started()
        # Closing asyncio's server would reset the connections that it has just accepted (Python 3.11).
        asyncio.get_running_loop().remove_reader(self._listener)
        started, quiet = time.monotonic(), 0
        while quiet < QUIET_POLLS:  # a connection just accepted is not registered at once
            await asyncio.sleep(POLL_SECONDS)
            connections = list(server.server_state.connections)
            quiet = 0 if connections else quiet + 1
            if time.monotonic() - started > IDLE_SECONDS:
                for connection in connections:
                    connection.shutdown()
        await peers
        self._report()
        self._supervisor.drained()


def main(folder: str, processes: str, descriptor: str, answers: str) -> int:
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    listener = socket.socket(fileno=int(descriptor))
    listener.setblocking(False)
    listener.set_inheritable(False)
    supervisor = Supervisor(int(answers))
    try:
        asyncio.run(Worker(Path(folder), int(processes), listener, supervisor).run())
    except ModelFault as fault:
        supervisor.failed(str(fault))
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
