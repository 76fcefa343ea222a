"""The only thread code: engine calls on daemon threads, awaited from the event loop.

A thread that hangs on an unresponsive server cannot be stopped. It is abandoned: nothing waits for it,
its result is dropped, and as a daemon it does not keep the process alive. Idle threads are reused,
because starting one blocks the event loop on a busy machine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

from engine.errors import EngineError
from engine.log import log
from engine.paths import log_file

T = TypeVar("T")
Job = Callable[[], None]

MAX_IDLE_THREADS = 4
"""Maximum number of idle threads kept for later calls."""


class Bridge:
    """Runs synchronous engine calls for the current event loop."""

    def __init__(self) -> None:
        self._threads = _Threads()
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def pending(self) -> int:
        """Number of calls in progress."""
        return self._pending

    async def wait_idle(self) -> None:
        """Wait until no call is in progress."""
        await self._idle.wait()

    async def call(self, work: Callable[[], T]) -> T:
        """Run `work` on a thread and return its result. Raises only `EngineError`: any other exception
        is logged with its traceback and wrapped. If the awaiting task is cancelled, `work` continues
        and its result is dropped."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is None:
                future.set_result(result)  # type: ignore[arg-type]
            else:
                future.set_exception(error)

        def run() -> None:
            result, error = None, None
            try:
                result = work()
            except EngineError as expected:
                error = expected
            except Exception as unexpected:
                log.exception("an engine call failed")
                error = internal_error(unexpected)
            try:
                loop.call_soon_threadsafe(settle, result, error)
            except RuntimeError:  # the loop is closed
                log.info("dropped a result: the console has quit")

        self._pending += 1
        self._idle.clear()
        try:
            self._threads.run(run)
            return await future
        finally:
            self._pending -= 1
            if not self._pending:
                self._idle.set()


class _Threads:
    """Daemon threads: one per running job, and some idle ones."""

    def __init__(self) -> None:
        self._idle_threads: list[SimpleQueue[Job]] = []

    def run(self, job: Job) -> None:
        """Start `job`, which must not raise, on an idle or a new thread."""
        try:
            jobs = self._idle_threads.pop()
        except IndexError:
            jobs = SimpleQueue()
            threading.Thread(target=self._work, args=(jobs,), name="engine-call", daemon=True).start()
        jobs.put(job)

    def _work(self, jobs: SimpleQueue[Job]) -> None:
        while True:
            jobs.get()()
            if len(self._idle_threads) >= MAX_IDLE_THREADS:
                return
            self._idle_threads.append(jobs)


class Relay(Generic[T]):
    """Passes values from an engine thread to the event loop. If the loop falls behind, only the newest
    value is delivered: use it for states, not events."""

    def __init__(self, receive: Callable[[T], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._receive = receive
        self._lock = threading.Lock()
        self._waiting: list[T] = []

    def __call__(self, value: T) -> None:
        with self._lock:
            first = not self._waiting
            self._waiting[:] = [value]
        if first:
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:  # the loop is closed
                log.info("dropped a value: the console has quit")

    def _deliver(self) -> None:
        with self._lock:
            values = self._waiting[:]
            self._waiting.clear()
        for value in values:
            self._receive(value)


class EventRelay(Generic[T]):
    """Passes every event from an engine thread to the event loop, in order."""

    def __init__(self, receive: Callable[[T], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._receive = receive

    def __call__(self, event: T) -> None:
        try:
            self._loop.call_soon_threadsafe(self._receive, event)
        except RuntimeError:  # the loop is closed
            log.info("dropped an event: the console has quit")


def internal_error(error: BaseException) -> EngineError:
    """The `EngineError` to show for an unexpected exception."""
    return EngineError(
        "Internal error",
        f"{type(error).__name__}: {error}",
        f"The full traceback is in {log_file()}.",
    )
