"""A limit on how long a response may take as a whole, however steadily it trickles."""

from __future__ import annotations

import time

PROGRESS_BYTES = 2**18
"""As many bytes as this, and the response gets its time again."""


class DeadlinePassed(Exception):
    """The response was not complete in time. No `OSError`, which would be taken for a broken connection.
    `seconds` is how long it was waited for."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Deadline:
    """A response has `seconds` to be complete, and as many again after each `PROGRESS_BYTES`: a large one may
    take longer than one that trickles. `most_seconds` limits all of it."""

    def __init__(self, seconds: float, most_seconds: float) -> None:
        self._seconds = seconds
        self._start = time.monotonic()
        self._end = self._start + most_seconds
        self._moment = min(self._start + seconds, self._end)
        self._bytes = 0

    def lift(self) -> None:
        """Let the rest of the response take any time."""
        self._moment = self._end = self._seconds = float("inf")

    def received(self, size: int) -> None:
        """Count bytes that have arrived."""
        self._bytes += size
        if self._bytes >= PROGRESS_BYTES:
            self._bytes = 0
            self._moment = min(time.monotonic() + self._seconds, self._end)

    def check(self) -> None:
        """Raises `DeadlinePassed`."""
        now = time.monotonic()
        if now > self._moment:
            raise DeadlinePassed(now - self._start)
