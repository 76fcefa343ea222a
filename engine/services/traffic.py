"""The traffic of a service, as its status shows it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

WINDOW_SECONDS = 60.0
"""What the rate and the latencies cover."""
MAX_LATENCIES = 10_000


class Traffic:
    """Requests, errors and latencies of a service, over all its workers."""

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self._started = time.monotonic()
        self._counts: deque[tuple[float, int]] = deque()
        self._latencies: deque[tuple[float, float]] = deque(maxlen=MAX_LATENCIES)

    def add(self, requests: int, errors: int, seconds: Sequence[float]) -> None:
        now = time.monotonic()
        self.requests += requests
        self.errors += errors
        self._counts.append((now, requests))
        self._latencies.extend((now, value) for value in seconds)
        self._forget(now)

    def to_json(self) -> dict[str, Any]:
        now = time.monotonic()
        self._forget(now)
        seconds = max(1.0, min(WINDOW_SECONDS, now - self._started))
        latencies = sorted(value for _, value in self._latencies)
        return {
            "requests": self.requests,
            "errors": self.errors,
            "rate": sum(count for _, count in self._counts) / seconds,
            "p50": _quantile(latencies, 0.5),
            "p95": _quantile(latencies, 0.95),
        }

    def _forget(self, now: float) -> None:
        for values in (self._counts, self._latencies):
            while values and values[0][0] < now - WINDOW_SECONDS:
                values.popleft()


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
