"""How fast the trials of a sweep finish."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

RECENT = 40
"""The number of trials whose rate counts: those of another model may take much longer."""


class Throughput:
    """Counts finished trials; time for which the sweep is paused does not count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._waited = 0.0
        self._paused_at: float | None = None
        self._times: deque[float] = deque([0.0], maxlen=RECENT + 1)

    def add(self) -> None:
        """A trial finished."""
        self._times.append(self._active())

    def pause(self, paused: bool) -> None:
        """No further trial starts, or they do again."""
        if self._paused_at is not None:
            self._waited += self._clock() - self._paused_at
        self._paused_at = self._clock() if paused else None

    @property
    def rate(self) -> float | None:
        """Trials per second; None before the first one."""
        finished, seconds = len(self._times) - 1, self._active() - self._times[0]
        return finished / seconds if finished and seconds > 0 else None

    def seconds_left(self, trials: int) -> float | None:
        """How long `trials` more take at this rate."""
        rate = self.rate
        return trials / rate if rate else None

    def _active(self) -> float:
        until = self._clock() if self._paused_at is None else self._paused_at
        return until - self._started - self._waited
