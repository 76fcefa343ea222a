"""How many runs are asked for at once."""

from __future__ import annotations

import threading
import time

from engine.stores.base import RunPage, RunQuery, Store

PAGE_SECONDS = 0.6
"""What a page should take: often enough to show progress and to stop, seldom enough to cost little."""
SMALLEST = 100


class Pace:
    """Pages whose size follows from what the pages before have cost. Thread-safe."""

    def __init__(self, largest: int) -> None:
        """`largest` is the size at which the store is at its best."""
        self._largest = largest
        self._lock = threading.Lock()
        self._run_seconds: float | None = None

    @property
    def size(self) -> int:
        seconds = self._run_seconds
        if seconds is None:
            return min(self._largest, 5 * SMALLEST)
        return max(SMALLEST, min(self._largest, int(PAGE_SECONDS / max(seconds, 1e-9))))

    def page(
        self, store: Store, query: RunQuery, token: str | None = None, most: int | None = None
    ) -> RunPage:
        """Ask for a page of the present size, or of at most `most` runs."""
        began = time.monotonic()
        page = store.runs(query, page_token=token, max_results=min(self.size, most or self._largest))
        if len(page.runs) >= SMALLEST:
            self._learn((time.monotonic() - began) / len(page.runs))
        return page

    def _learn(self, run_seconds: float) -> None:
        with self._lock:
            known = self._run_seconds
            self._run_seconds = run_seconds if known is None else (known + run_seconds) / 2
