"""A limit on how long a response may take as a whole, however steadily it trickles."""

from __future__ import annotations

import time


class DeadlinePassed(Exception):
    """The response was not complete in time. No `OSError`, which would be taken for a broken connection."""


class Deadline:
    def __init__(self, seconds: float) -> None:
        self._moment = time.monotonic() + seconds

    def lift(self) -> None:
        """Let the rest of the response take any time."""
        self._moment = float("inf")

    def check(self) -> None:
        """Raises `DeadlinePassed`."""
        if time.monotonic() > self._moment:
            raise DeadlinePassed
