"""The process that keeps a service running: `python -P -m engine.services.supervisor FOLDER [LOCK REPORT]`.

It owns the listening socket, so that connections wait while a worker is replaced. It starts the worker, and
another one when it ends. On the control socket in the service's folder it answers lines of JSON:

    {"do": "status"}                         the values of `ServiceStatus` that only the supervisor knows
    {"do": "swap", "spec", "environment"}    starts a replacement; answers when it has taken over
    {"do": "back"}                           swaps to what the last swap replaced
    {"do": "abandon"}                        gives up the replacement that is getting ready
    {"do": "stop"}                           drains and ends; answers with the last status
    {"error": {"title", "detail", "hint"}}   the answer to what it cannot do

There are two ways to start it. The console sends the spec to its standard input; LOCK is the descriptor of
the folder's lock, which it keeps; REPORT takes lines of JSON, `{"is": "registered"}`, `{"is": "serving"}` or
an error; it detaches itself. systemd runs it in the foreground: the spec is that of the record. Either way
its environment is that of the workers.

When it ends, however it does, its workers end: their input closes, and the kernel sends them a signal.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from engine.errors import EngineError, ServiceError
from engine.formats import counted
from engine.services.addresses import listen
from engine.services.folder import Record, ServiceFolder, boot_id
from engine.services.processes import kill_workers, own_environment
from engine.services.records import SOCKET, ServiceSpec, State
from engine.services.service_log import ServiceLog
from engine.services.tasks import Tasks
from engine.services.traffic import Traffic
from engine.services.worker_process import Version, WorkerFailed, WorkerProcess

LONGEST_PAUSE_SECONDS = 30.0
MAX_REQUEST_BYTES = 4 * 1024 * 1024
ANSWER_SECONDS = 1.0
LOCK_SECONDS = 2.0

Ended = Literal["stopped", "failed"]


class Report:
    """The starter that waits for the outcome; nobody, in the foreground or once the starter has gone."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def send(self, message: Mapping[str, Any], *, last: bool = False) -> None:
        if self._descriptor is None:
            return
        with suppress(BrokenPipeError):
            os.write(self._descriptor, json.dumps(message).encode() + b"\n")
        if last:
            os.close(self._descriptor)
            self._descriptor = None


class SwapRecord:
    """What is answered from the beginning of a swap on."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._before = traffic.requests, traffic.errors
        self._begun = time.monotonic()

    def outcome(self, is_cut_off: bool) -> str:
        """`412 requests in 3.1 s, no errors, none cut off`"""
        requests, errors = self._traffic.requests - self._before[0], self._traffic.errors - self._before[1]
        seconds = time.monotonic() - self._begun
        facts = [f"{counted(requests, 'request') if requests else 'no requests'} in {seconds:.1f} s"]
        if requests:
            facts.append(counted(errors, "error") if errors else "no errors")
        if is_cut_off:
            facts.append("some cut off before they were answered")
        elif requests:
            facts.append("none cut off")
        return ", ".join(facts)


def _labels(before: ServiceSpec, after: ServiceSpec) -> str:
    return f"{before.label or 'the version before'} → {after.label or 'another version'}"


class Service:
    """A service in its supervisor. Create it in the event loop."""

    def __init__(
        self, folder: ServiceFolder, spec: ServiceSpec, previous: ServiceSpec | None, report: Report
    ) -> None:
        environment = own_environment()
        self._folder = folder
        self._report = report
        self._log = ServiceLog(folder.log)
        self._version = Version(spec, environment)
        self._previous = Version(previous, environment) if previous else None
        self._traffic = Traffic()
        self._restarts = 0
        self._started = self._since = _now()
        self._phase: State = "starting"
        self._shown: State = "starting"
        self._detail = ""
        self._listener: socket.socket | None = None
        self._host, self._port = spec.host, spec.port
        self._last_swap = ""
        self._worker_count = 0
        self._workers: set[WorkerProcess] = set()
        self._current: WorkerProcess | None = None
        self._replacement: WorkerProcess | None = None
        self._keeper: asyncio.Task[None] | None = None
        """Keeps a worker of the current version running."""
        self._tasks = Tasks(self._log, lambda error: self._finish("failed", error))
        self._connections: set[asyncio.Task[Any]] = set()
        self._end: asyncio.Future[tuple[Ended, str]] = asyncio.get_running_loop().create_future()
        self._has_ended = asyncio.Event()

    async def run(self) -> int:
        """Register and run the service until it is stopped or has failed; returns the exit status."""
        try:
            control = await self._register()
        except ServiceError as error:
            self._report.send({"error": _error_values(error)}, last=True)
            print(error, file=sys.stderr)  # noqa: T201
            return 1
        self._report.send({"is": "registered"})
        self._log.note(
            f"starting {self._version.spec.name} on {self._host}:{self._port}, process {os.getpid()}"
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._finish, "stopped", f"by {number.name}")
        loop.add_signal_handler(signal.SIGHUP, self._log.note, "ignored a hangup")
        self._keeper = self._tasks.spawn(self._start())
        ended, detail = await self._end
        await self._close(ended, detail)
        control.close()
        with suppress(OSError):
            self._folder.control.unlink()
        return 0 if ended == "stopped" else 1

    async def _register(self) -> asyncio.Server:
        """Take the port, answer on the control socket, write the record: all of it or nothing. Raises
        `ServiceError`."""
        spec = self._version.spec
        listener = listen(spec.host, spec.port)
        self._host, self._port = listener.getsockname()[:2]
        if SOCKET in spec.command:
            self._listener = listener
        else:
            listener.close()  # the program takes the port itself
        path = self._folder.control
        try:
            path.unlink(missing_ok=True)
            control = socket.socket(socket.AF_UNIX)
            os.chdir(path.parent)
            control.bind(path.name)  # a path of more than 107 bytes would not fit
            path.chmod(0o600)
            server = await asyncio.start_unix_server(self._serve, sock=control, limit=MAX_REQUEST_BYTES)
            self._folder.write_record(self._record("running"))
        except OSError as error:
            path.unlink(missing_ok=True)
            raise ServiceError(
                f"{spec.name} cannot be registered",
                f"{self._folder.path}: {error.strerror or error}",
                "Make sure that this folder can be written and its disk is not full.",
            ) from error
        return server

    # ── keep a worker running ────────────────────────────────────────────────

    async def _start(self) -> None:
        """Start the first worker. Its failure is that of the service: what fails at once will fail again."""
        self._current = worker = self._new_worker(self._version)
        try:
            await worker.start(self._listener, self._port)
        except WorkerFailed as error:
            self._finish("failed", str(error))
            return
        self._go_live(worker)
        self._report.send({"is": "serving"}, last=True)
        _notify_systemd()
        await self._keep_serving(worker)

    async def _keep_serving(self, worker: WorkerProcess) -> None:
        """Follow up a worker that ends with another one of the same version. Cancelled by a swap."""
        spec = worker.version.spec
        row = 0
        while True:
            live_since = time.monotonic()
            await worker.exited.wait()
            if time.monotonic() - live_since >= spec.steady_seconds:
                row = 0
            reason = worker.why_ended()
            while True:
                self._log.note(reason)
                if row >= spec.restarts and self._replacement is None:
                    self._finish("failed", f"{reason}; gave up after {row} restarts in a row")
                    return
                self._enter("restarting", reason)
                await self._discard(worker)
                pause = min(spec.restart_seconds * 2**row, LONGEST_PAUSE_SECONDS)
                self._log.note(f"starting another worker in {pause:g} s")
                await asyncio.sleep(pause)
                row += 1
                self._restarts += 1
                self._current = worker = self._new_worker(worker.version)
                try:
                    await worker.start(self._listener, self._port)
                    break
                except WorkerFailed as error:
                    reason = str(error)
            self._go_live(worker)

    def _go_live(self, worker: WorkerProcess) -> None:
        self._log.note("serving")
        if worker.version.spec.is_socket_worker:
            worker.accept()
        self._enter("serving")

    def _new_worker(self, version: Version) -> WorkerProcess:
        self._worker_count += 1
        worker = WorkerProcess(version, self._worker_count, self._folder.path, self._log, self._traffic.add)
        self._workers.add(worker)
        return worker

    async def _discard(self, worker: WorkerProcess, *, drain: bool = False) -> None:
        await worker.end(drain=drain)
        self._workers.discard(worker)

    # ── swap ─────────────────────────────────────────────────────────────────

    async def _swap(self, version: Version) -> None:
        """Start a worker of another version and let it take over once it is ready. Raises `ServiceError`; the
        service then goes on as before."""
        title = f"{self._version.spec.name} was not swapped"
        if not (version.spec.is_socket_worker and self._version.spec.is_socket_worker):
            raise ServiceError(title, "Its program has a port of its own.", "Stop it and start it again.")
        if self._replacement is not None:
            raise ServiceError(title, "Another swap is going on.", "Wait until it has ended.")
        if self._state not in ("serving", "restarting"):
            raise ServiceError(title, f"It is {self._state}.", "Swap it when it is serving.")
        self._log.note(f"starting a replacement: {_labels(self._version.spec, version.spec)}")
        begun = SwapRecord(self._traffic)
        self._replacement = worker = self._new_worker(version)
        self._note_state()
        try:
            await worker.start(self._listener, self._port)
        except WorkerFailed as error:
            self._log.note(f"not swapped: {error}")
            await self._discard(worker)
            raise ServiceError(title, str(error), "The version before goes on serving.") from error
        finally:
            self._replacement = None
            self._note_state()
        if self._end.done():
            raise ServiceError(title, f"It is {self._state}.")
        self._take_over(worker, begun)

    def _take_over(self, worker: WorkerProcess, begun: SwapRecord) -> None:
        """Let a ready worker of another version serve, and retire those of the version before."""
        if self._keeper is not None:
            self._keeper.cancel()
        self._current = worker
        self._previous, self._version = self._version, worker.version
        self._go_live(worker)
        self._keeper = self._tasks.spawn(self._keep_serving(worker))
        what = f"swapped {_labels(self._previous.spec, worker.version.spec)}"
        self._tasks.spawn(self._retire(self._workers - {worker}, what, begun))
        try:
            self._folder.write_record(self._record("running"))
        except OSError as error:
            self._log.note(f"the record of this swap cannot be written: {error}")

    async def _retire(self, workers: set[WorkerProcess], what: str, begun: SwapRecord) -> None:
        """Let workers of the version before finish their requests, then record what came of the swap."""
        await asyncio.gather(*(self._discard(worker, drain=True) for worker in workers))
        self._last_swap = f"{what}: {begun.outcome(any(worker.is_cut_off for worker in workers))}"
        self._log.note(self._last_swap)

    # ── end ──────────────────────────────────────────────────────────────────

    def _finish(self, ended: Ended, detail: str) -> None:
        if not self._end.done():
            self._end.set_result((ended, detail))
            self._note_state()

    async def _close(self, ended: Ended, detail: str) -> None:
        """End the workers, record the end, answer those who wait for it."""
        self._log.note(f"{ended}: {detail}" if detail else ended)
        if self._listener is not None:
            self._listener.close()
        if self._keeper is not None:
            self._keeper.cancel()
        drain = ended == "stopped"
        await asyncio.gather(*(self._discard(worker, drain=drain) for worker in set(self._workers)))
        self._phase, self._detail, self._since = ended, detail, _now()
        try:
            self._folder.write_end(self._record(ended))
        except OSError as error:
            self._log.note(f"the end cannot be recorded: {error}")
        name = self._version.spec.name
        failure = ServiceError(
            f"{name} did not start", detail or "it was stopped meanwhile", f"Its log is {self._folder.log}."
        )
        self._report.send({"error": _error_values(failure)}, last=True)
        self._has_ended.set()
        if self._connections:
            await asyncio.wait(self._connections, timeout=ANSWER_SECONDS)

    # ── what others see ──────────────────────────────────────────────────────

    @property
    def _state(self) -> State:
        if self._has_ended.is_set():
            return self._phase
        if self._end.done():
            return "stopping"
        return "swapping" if self._phase == "serving" and self._replacement else self._phase

    def _enter(self, phase: State, detail: str = "") -> None:
        self._phase, self._detail = phase, detail
        self._note_state()

    def _note_state(self) -> None:
        """Note the time of a change."""
        if self._state != self._shown:
            self._shown, self._since = self._state, _now()

    def _status(self) -> dict[str, Any]:
        return {
            "spec": self._version.spec.to_json(),
            "previous": self._previous.spec.to_json() if self._previous else None,
            "state": self._state,
            "detail": self._detail,
            "host": self._host,
            "port": self._port,
            "started": self._started,
            "since": self._since,
            "restarts": self._restarts,
            "facts": self._current.facts if self._current else {},
            "last_swap": self._last_swap,
            **self._traffic.to_json(),
        }

    def _record(self, state: Literal["running"] | Ended) -> Record:
        return Record(
            spec=self._version.spec,
            previous=self._previous.spec if self._previous else None,
            host=self._host,
            port=self._port,
            started=self._started,
            since=self._since,
            state=state,
            detail=self._detail,
            machine=platform.node(),
            boot=boot_id(),
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the request of one connection to the control socket."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        with suppress(ConnectionError, asyncio.CancelledError):  # the client, or the service, has ended
            line = await reader.readline()
            try:
                answer = await self._answer(json.loads(line)) if line else {}
            except ServiceError as error:
                answer = {"error": _error_values(error)}
            except (KeyError, TypeError, ValueError) as error:
                title = f"The supervisor of {self._folder.name} does not understand this console"
                hint = "Stop the service and start it again: it was started by another version."
                answer = {"error": _error_values(ServiceError(title, repr(error), hint))}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()
        self._connections.discard(task)

    async def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "swap":
                environment = request["environment"] or self._version.environment
                await self._swap(Version(self._same_place(request["spec"]), environment))
            case "back":
                if self._previous is None:
                    title = f"{self._version.spec.name} has nothing to go back to"
                    raise ServiceError(title, "It has not been swapped since it was started.")
                await self._swap(self._previous)
            case "abandon":
                if self._replacement is not None:
                    await self._replacement.end()
            case "stop":
                self._finish("stopped", "")
                await self._has_ended.wait()
        return self._status()

    def _same_place(self, values: Mapping[str, Any]) -> ServiceSpec:
        """The spec of a replacement: name, kind and address stay."""
        now = self._version.spec
        spec = ServiceSpec.from_json(values)
        return replace(spec, name=now.name, kind=now.kind, host=now.host, port=now.port)


def _error_values(error: EngineError) -> dict[str, str]:
    return {"title": error.title, "detail": error.detail, "hint": error.hint}


def _now() -> int:
    return time.time_ns() // 1_000_000


def _notify_systemd() -> None:
    """Tell systemd that the service is ready, if it waits for that."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", f"\0{address[1:]}" if address.startswith("@") else address)


async def _run(folder: ServiceFolder, spec: ServiceSpec, previous: ServiceSpec | None, report: Report) -> int:
    return await Service(folder, spec, previous, report).run()


def main(path: str, *descriptors: str) -> int:
    folder = ServiceFolder(Path(path))
    if descriptors:
        lock, report = map(int, descriptors)
        os.set_inheritable(lock, False)
        os.set_inheritable(report, False)
        if os.fork():
            os._exit(0)
        spec = ServiceSpec.from_json(json.load(sys.stdin))
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        return asyncio.run(_run(folder, spec, None, Report(report)))
    try:
        record = folder.record()
        if record is None:
            raise ServiceError(f"{folder.name} is not registered", str(folder.record_file))
        if folder.lock(LOCK_SECONDS) is None:
            raise ServiceError(f"{folder.name} runs already", hint="Stop it first.")
        kill_workers(folder.path)  # of a supervisor that was killed
    except (OSError, ServiceError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return asyncio.run(_run(folder, replace(record.spec, port=record.port), record.previous, Report(None)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
