"""The only thread code: engine calls on daemon threads, awaited from the event loop.

A thread that hangs on a silent server cannot be stopped from outside. It is left behind: nobody
waits for it, its late answer is dropped, and being a daemon it does not keep the process alive.
A thread that has answered takes the next call: on a busy machine the event loop would stand still
until a new one has begun.
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

SPARE = 4
"""Threads that wait for a call; those that become free beyond these end."""


class Bridge:
    """Runs synchronous engine calls for the event loop it is used from."""

    def __init__(self) -> None:
        self._threads = _Threads()
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def pending(self) -> int:
        """How many calls have not been answered yet."""
        return self._pending

    async def wait_idle(self) -> None:
        """Until no call is under way."""
        await self._idle.wait()

    async def call(self, work: Callable[[], T]) -> T:
        """The result of `work`, run on a thread of its own. Raises only `EngineError`: anything
        else is logged with its traceback and wrapped. When the awaiting task is cancelled the call
        is left to itself and its answer is dropped."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if answer.cancelled():
                return
            if error is None:
                answer.set_result(result)  # type: ignore[arg-type]
            else:
                answer.set_exception(error)

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
            except RuntimeError:  # the loop is closed: the console has quit meanwhile
                log.info("an answer came after the console had quit")

        self._pending += 1
        self._idle.clear()
        try:
            self._threads.run(run)
            return await answer
        finally:
            self._pending -= 1
            if not self._pending:
                self._idle.set()


class _Threads:
    """Daemon threads, one for each job that is being done, and some that wait for the next."""

    def __init__(self) -> None:
        self._free: list[SimpleQueue[Job]] = []

    def run(self, job: Job) -> None:
        """Do `job`, which raises nothing, on a thread that does nothing else. Does not wait for it."""
        try:
            jobs = self._free.pop()
        except IndexError:
            jobs = SimpleQueue()
            threading.Thread(target=self._work, args=(jobs,), name="engine-call", daemon=True).start()
        jobs.put(job)

    def _work(self, jobs: SimpleQueue[Job]) -> None:
        while True:
            jobs.get()()
            if len(self._free) >= SPARE:
                return
            self._free.append(jobs)


class Relay(Generic[T]):
    """Carries a stream of values from an engine thread to the event loop.

    Only the newest value is delivered when the loop cannot keep up: `receive` gets states, not events.
    """

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
            except RuntimeError:  # the loop is closed: nobody is left to show it
                log.info("a value came after the console had quit")

    def _deliver(self) -> None:
        with self._lock:
            values = self._waiting[:]
            self._waiting.clear()
        for value in values:
            self._receive(value)


class EventRelay(Generic[T]):
    """Carries every event from an engine thread to the event loop, in order."""

    def __init__(self, receive: Callable[[T], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._receive = receive

    def __call__(self, event: T) -> None:
        try:
            self._loop.call_soon_threadsafe(self._receive, event)
        except RuntimeError:  # the loop is closed: nobody is left to show it
            log.info("an event came after the console had quit")


def internal_error(error: Exception) -> EngineError:
    """A fault of ours, told as one clear error."""
    return EngineError(
        "Internal error",
        f"{type(error).__name__}: {error}",
        f"The full traceback is in {log_file()}.",
    )
