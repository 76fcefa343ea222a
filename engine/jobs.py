"""Progress reports and cancellation of long-running work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.errors import REFUSALS, Cancelled, EngineError


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
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempts(Generic[T]):
    """What became of some items: `failed` ones come with their errors, `left` were not tried because of
    `stopped`."""

    done: tuple[T, ...]
    failed: tuple[tuple[T, EngineError], ...]
    left: tuple[T, ...]
    stopped: EngineError | None


def attempt_each(
    items: Sequence[T],
    attempt: Callable[[T], object],
    *,
    what: str,
    label: Callable[[T], str],
    on_progress: OnProgress,
    cancel: CancelToken,
) -> Attempts[T]:
    """Call `attempt` with each item. An `EngineError` that concerns one item only (`REFUSALS`) does not stop
    the others; any other one does, and so does `cancel`, as `Cancelled` of `what`."""
    done: list[T] = []
    failed: list[tuple[T, EngineError]] = []
    stopped: EngineError | None = None
    tried = 0
    for item in items:
        if cancel.cancelled:
            stopped = Cancelled(what)
            break
        tried += 1
        try:
            attempt(item)
            done.append(item)
        except EngineError as error:
            failed.append((item, error))
            if not isinstance(error, REFUSALS):
                stopped = error
                break
        on_progress(Progress(tried, len(items), label(item)))
    return Attempts(tuple(done), tuple(failed), tuple(items[tried:]), stopped)


def no_progress(_: Progress) -> None:
    """For callers that do not need progress reports."""
