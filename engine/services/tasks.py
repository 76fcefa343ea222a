"""Background tasks of the supervisor."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from engine.services.service_log import ServiceLog


class Tasks:
    """Runs coroutines in the background. An error in one is a mistake of ours: its traceback goes to the log,
    and `on_error` is called with what to say about it."""

    def __init__(self, log: ServiceLog, on_error: Callable[[str], None]) -> None:
        self._log = log
        self._on_error = on_error
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._check)
        return task

    def cancel(self) -> None:
        """Cancel those that run."""
        for task in self._running:
            task.cancel()

    def _check(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.write("".join(traceback.format_exception(error)).encode())
            self._on_error(f"internal error: {type(error).__name__}: {error}")
