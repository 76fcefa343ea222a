"""A worker of a service, as its supervisor runs it: started, watched, drained, ended with its whole tree."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.child_process import signal_name
from engine.services.addresses import local_address
from engine.services.processes import VARIABLE, kill_workers, mark
from engine.services.protocol import Command
from engine.services.records import ANSWERS, PORT, SOCKET, ServiceSpec
from engine.services.service_log import ServiceLog
from engine.services.tasks import Tasks

END_SECONDS = 5.0
"""How long a worker may take to end by itself once it was asked to."""
CHECKS = 3
"""A worker's health is checked this many times within the time that it may take to answer."""
POLL_SECONDS = 0.1
READ_SECONDS = 0.5
"""How long to wait for the last words of a worker that has ended: its descendants may keep its pipes open."""
MAX_OUTPUT_BYTES = 64 * 1024
"""Output that is logged at once."""
MAX_ANSWER_BYTES = 1024 * 1024
_PR_SET_PDEATHSIG = 1

OnStats = Callable[[int, int, Sequence[float]], None]
"""Called with the requests and errors since the last call, and the latencies in seconds."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a worker runs, and its environment, which is never written to disk."""

    spec: ServiceSpec
    environment: Mapping[str, str]


class WorkerFailed(Exception):
    """The worker did not become ready; the text says why."""


class WorkerProcess:
    """For the supervisor's event loop. `end` it whatever happens; its number is unique in its service."""

    def __init__(
        self, version: Version, number: int, folder: Path, log: ServiceLog, on_stats: OnStats
    ) -> None:
        self.version = version
        self.facts: Mapping[str, Any] = {}
        self.exited = asyncio.Event()
        self.is_cut_off = False
        """Whether it was ended before it had finished its requests."""
        self._number = number
        self._folder = folder
        self._log = log
        self._on_stats = on_stats
        self._counted = (0, 0)
        self._failure = ""
        self._last_line = ""
        self._is_ready = False
        self._settled = asyncio.Event()
        """It is ready, or will never be."""
        self._accepts = False
        self._alive = asyncio.Event()
        self._drained = asyncio.Event()
        self._ending = asyncio.Lock()
        self._tasks = Tasks(log, self._break)
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, listener: socket.socket | None, port: int) -> None:
        """Start the process and wait until it is ready. Raises `WorkerFailed`."""
        spec = self.version.spec
        self._start_process(listener, port)
        if not spec.is_socket_worker:
            self._tasks.spawn(self._wait_for_http(port))
        try:
            async with asyncio.timeout(spec.ready_seconds):
                await self._settled.wait()
        except TimeoutError:
            raise WorkerFailed(f"not ready within {spec.ready_seconds:g} s{self._last_words()}") from None
        if not self._is_ready:
            raise WorkerFailed(self.why_ended())
        facts = ", ".join(
            f"{name} {value}" for name, value in self.facts.items() if isinstance(value, str | int)
        )
        self._note(f"is ready: {facts}" if facts else "is ready")
        self._tasks.spawn(self._watch(port))

    def _start_process(self, listener: socket.socket | None, port: int) -> None:
        spec = self.version.spec
        output, output_end = os.pipe()
        answers, answers_end = os.pipe()
        values = {ANSWERS: str(answers_end), PORT: str(port)}
        inherited = [answers_end]
        if listener is not None:
            values[SOCKET] = str(listener.fileno())
            inherited.append(listener.fileno())
        try:
            process = self._process = subprocess.Popen(
                [values.get(argument, argument) for argument in spec.command],
                stdin=subprocess.PIPE,
                stdout=output_end,
                stderr=output_end,
                bufsize=0,
                pass_fds=inherited,
                start_new_session=True,
                preexec_fn=_end_with_parent(signal.SIGKILL if spec.is_socket_worker else signal.SIGTERM),
                cwd=spec.folder or self._folder,
                env={**self.version.environment, VARIABLE: mark(self._folder, self._number)},
            )
        except OSError as error:
            os.close(output)
            os.close(answers)
            reason = f"{error.filename}: {error.strerror}"
            raise WorkerFailed(f"the worker cannot be started: {reason}") from error
        finally:
            os.close(output_end)
            os.close(answers_end)
        what = f": {spec.label}" if spec.label else ""
        self._note(f"started, process {process.pid}{what}")
        readers = self._tasks.spawn(self._read_output(output)), self._tasks.spawn(self._read_answers(answers))
        self._tasks.spawn(self._wait_for_exit(process, readers))

    def accept(self) -> None:
        """Let it accept connections."""
        self._accepts = True
        self._send("accept")

    def why_ended(self) -> str:
        if self._failure:
            return self._failure
        status = self._process.returncode if self._process else None
        if status is None or status >= 0:
            return f"the worker ended with exit status {status}{self._last_words()}"
        memory = ", perhaps out of memory" if status == -signal.SIGKILL else ""
        return f"the worker was killed by signal {-status} ({signal_name(-status)}){memory}"

    async def end(self, *, drain: bool = False) -> None:
        """End the process and all its descendants; with `drain`, finish its requests first. Safe to call
        again, also while another task does."""
        async with self._ending:
            process = self._process
            if process is None:
                return
            self._failure = self._failure or "the worker was ended"
            spec = self.version.spec
            if drain and self._accepts and spec.is_socket_worker:
                self._note("finishes its requests")
                self._send("drain")
                await _first_of(self._drained, self.exited, seconds=spec.drain_seconds)
                self.is_cut_off = not self._drained.is_set()
            assert process.stdin is not None
            process.stdin.close()
            if not spec.is_socket_worker:
                process.terminate()
            await _first_of(self.exited, seconds=END_SECONDS if spec.is_socket_worker else spec.drain_seconds)
            await self._kill()
            await self.exited.wait()
            self._tasks.cancel()
            self._process = None
            self._note("has ended")

    async def _kill(self) -> None:
        if self._process is not None and not self.exited.is_set():
            self._process.kill()
        left = await asyncio.to_thread(kill_workers, self._folder, self._number)
        if left:
            self._log.note(f"processes that cannot be killed: {', '.join(map(str, left))}")

    def _note(self, text: str) -> None:
        self._log.note(f"worker {self._number} {text}")

    # ── what the process does ────────────────────────────────────────────────

    async def _wait_for_exit(
        self, process: subprocess.Popen[bytes], readers: Sequence[asyncio.Task[None]]
    ) -> None:
        """Not with asyncio's own subprocesses: their `wait` waits for descendants that keep a pipe open."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def wait() -> None:
            process.wait()
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait, daemon=True).start()
        await ended.wait()
        await asyncio.wait(readers, timeout=READ_SECONDS)
        self.exited.set()
        self._settled.set()

    async def _read_output(self, descriptor: int) -> None:
        """Copy the output to the log, as many lines at once as have come."""
        output = await _reader(descriptor, MAX_OUTPUT_BYTES)
        rest = b""
        while data := await output.read(MAX_OUTPUT_BYTES):
            lines, newline, rest = (rest + data).rpartition(b"\n")
            if newline or len(rest) > MAX_OUTPUT_BYTES:
                self._log_output(lines if newline else rest)
                rest = rest if newline else b""
        if rest:
            self._log_output(rest)

    def _log_output(self, lines: bytes) -> None:
        text = self._log.write(lines).strip()
        self._last_line = text.rpartition("\n")[2].strip() or self._last_line

    def _last_words(self) -> str:
        return f": {self._last_line}" if self._last_line else ""

    async def _read_answers(self, descriptor: int) -> None:
        answers = await _reader(descriptor, MAX_ANSWER_BYTES)
        try:
            while line := await answers.readline():
                self._take(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            self._fail(f"the worker broke the protocol: {error}")
            await self._kill()

    def _take(self, message: Mapping[str, Any]) -> None:
        match message["is"]:
            case "ready":
                self.facts = {name: value for name, value in message.items() if name != "is"}
                self._is_ready = True
                self._settled.set()
            case "failed":
                self._fail(message["detail"])
            case "stats":
                requests, errors = message["requests"], message["errors"]
                counted, self._counted = self._counted, (requests, errors)
                self._on_stats(requests - counted[0], errors - counted[1], message["seconds"])
            case "alive":
                self._alive.set()
            case "drained":
                self._drained.set()

    def _fail(self, detail: str) -> None:
        self._failure = detail
        self._is_ready = False
        self._settled.set()

    def _break(self, error: str) -> None:
        """An error of ours ends the worker."""
        self._fail(error)
        if self._process is not None:
            self._process.kill()

    def _send(self, command: Command) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError, ValueError):  # it has ended, or its input was closed to end it
            self._process.stdin.write(json.dumps({"do": command}).encode() + b"\n")

    # ── health ───────────────────────────────────────────────────────────────

    async def _watch(self, port: int) -> None:
        """Kill a worker that does not answer in time."""
        seconds = self.version.spec.hang_seconds
        while True:
            await asyncio.sleep(seconds / CHECKS)
            try:
                async with asyncio.timeout(seconds):
                    await (self._ping() if self.version.spec.is_socket_worker else self._wait_for_http(port))
            except TimeoutError:
                self._fail(f"the worker did not answer for {seconds:g} s")
                await self._kill()
                return

    async def _ping(self) -> None:
        self._alive.clear()
        self._send("ping")
        await self._alive.wait()

    async def _wait_for_http(self, port: int) -> None:
        """Wait until the program answers."""
        spec = self.version.spec
        while True:
            if await _answers_http(spec.host, port, spec.ready_path, spec.hang_seconds / CHECKS):
                break
            await asyncio.sleep(POLL_SECONDS)
        self._is_ready = True
        self._settled.set()


async def _reader(descriptor: int, max_bytes: int) -> asyncio.StreamReader:
    """Reads a pipe, which it closes at its end; holds up to twice `max_bytes`."""
    reader = asyncio.StreamReader(max_bytes)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader


async def _answers_http(host: str, port: int, path: str, seconds: float) -> bool:
    """Whether a GET is answered in time with a status below 400."""
    host = local_address(host)
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request.encode())
                status_line = await reader.readline()
            finally:
                writer.close()
        return int(status_line.split()[1]) < 400
    except (OSError, ValueError, IndexError):
        return False


async def _first_of(*events: asyncio.Event, seconds: float) -> None:
    """Wait for any of the events, at most for so long."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _end_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What the child process calls before its program: the kernel then sends it this signal when its parent
    ends, however that ends. None where the system cannot."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
