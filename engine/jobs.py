"""Progress reports and cancellation of long-running work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import Cancelled


class CancelToken:
    """Set by one thread, polled by another."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self, what: str) -> None:
        """Raise `Cancelled` if the token is set."""
        if self._event.is_set():
            raise Cancelled(what)

    def wait(self, seconds: float) -> bool:
        """Sleep, but wake at once when cancelled; True if it was."""
        return self._event.wait(seconds)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has got. `total` is None while unknown; `note` is text for display."""

    done: int
    total: int | None = None
    note: str = ""


OnProgress = Callable[[Progress], None]


def no_progress(_: Progress) -> None:
    """For callers that do not need progress reports."""
