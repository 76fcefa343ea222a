"""Splits one search among several readers, each with its own span of start times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from engine.errors import EngineError, ServerFault
from engine.jobs import CancelToken
from engine.stores.base import Condition, RunPage, RunQuery, Store
from engine.stores.block import RunBlock

PAGE_SECONDS = 0.6
"""The target time per page: short enough to show progress and cancel, long enough to be efficient."""
MIN_PAGE = 100


class PageSizer:
    """Adapts the page size to the cost of previous pages. Thread-safe."""

    def __init__(self, max_size: int) -> None:
        """`max_size` is the store's most efficient page size."""
        self._max_size = max_size
        self._lock = threading.Lock()
        self._run_seconds: float | None = None

    @property
    def size(self) -> int:
        seconds = self._run_seconds
        if seconds is None:
            return min(self._max_size, 5 * MIN_PAGE)
        return max(MIN_PAGE, min(self._max_size, int(PAGE_SECONDS / max(seconds, 1e-9))))

    def page(
        self, store: Store, query: RunQuery, token: str | None = None, limit: int | None = None
    ) -> RunPage:
        """Read a page of the current size, or of at most `limit` runs."""
        began = time.monotonic()
        page = store.runs(query, page_token=token, max_results=min(self.size, limit or self._max_size))
        if len(page.runs) >= MIN_PAGE:
            self._record((time.monotonic() - began) / len(page.runs))
        return page

    def _record(self, run_seconds: float) -> None:
        with self._lock:
            previous = self._run_seconds
            self._run_seconds = run_seconds if previous is None else (previous + run_seconds) / 2


Read = Callable[[Store, RunQuery, str | None], RunPage]
"""Reads the page for a token from a store, in a suitable size."""


@dataclass(slots=True)
class Span:
    """Start times from `start` to `end`, both included, in milliseconds; None: no bound on that side.

    `token` is that of the next page, `query_start` and `query_end` the bounds of the search it belongs to:
    `start` and `end` may have moved since.
    """

    start: int | None = None
    end: int | None = None
    token: str | None = None
    query_start: int | None = None
    query_end: int | None = None

    def query(self, query: RunQuery) -> RunQuery:
        bounds = (
            [] if self.query_start is None else [Condition("attribute", "start_time", ">=", self.query_start)]
        )
        if self.query_end is not None:
            bounds.append(Condition("attribute", "start_time", "<=", self.query_end))
        return replace(query, conditions=(*query.conditions, *bounds))

    def begin_query(self) -> None:
        """Start a new search within the bounds, unless one is in progress."""
        if self.token is None:
            self.query_start, self.query_end = self.start, self.end

    @property
    def length(self) -> int:
        return 0 if self.start is None or self.end is None else self.end - self.start

    def halved(self) -> Span:
        """Split off and return the older half."""
        assert self.start is not None
        assert self.end is not None
        middle = (self.start + self.end) // 2
        older = Span(self.start, middle)
        self.start = middle + 1
        return older


class SpanReader:
    """Reads the remaining `spans` of a search. Can be resumed after an error."""

    def __init__(self, store: Store, query: RunQuery, spans: list[Span], read: Read) -> None:
        self._store = store
        self._query = query
        self._spans = spans
        self._busy: list[Span] = []
        self._read = read
        self._error: EngineError | None = None
        self._seen = {(span.query_start, span.query_end, span.token) for span in spans}
        self._changed = threading.Condition()

    @property
    def done(self) -> bool:
        return not self._spans

    def read_all(self, take: Callable[[RunPage], None], cancel: CancelToken) -> None:
        """Pass every page to `take`, on several threads. Raises `Cancelled` or a reader's error; the other
        readers then finish their current page."""
        self._error = None
        readers = max(1, min(self._store.readers, 8))
        threads = [
            threading.Thread(target=self._work, args=(take, cancel), name="run-reader", daemon=True)
            for _ in range(readers - 1)
        ]
        for thread in threads:
            thread.start()
        self._work(take, cancel)
        with self._changed:
            self._changed.wait_for(lambda: not self._busy or cancel.cancelled or self._error is not None)
            error = self._error
        cancel.check("Loading runs")
        if error is not None:
            raise error

    def _work(self, take: Callable[[RunPage], None], cancel: CancelToken) -> None:
        while (span := self._next(cancel)) is not None:
            error: EngineError | None = None
            remaining: Span | None = span
            try:
                remaining = self._page(span, take)
            except EngineError as raised:
                error = raised
            with self._changed:
                self._busy.remove(span)
                if remaining is not None:
                    self._spans.append(remaining)
                self._error = self._error or error
                self._changed.notify_all()

    def _next(self, cancel: CancelToken) -> Span | None:
        """The next span to read a page of; None if nothing is left or reading has stopped."""
        with self._changed:
            while self._error is None and not cancel.cancelled:
                if self._spans:
                    span = self._spans.pop()
                    self._busy.append(span)
                    return span
                longest = max(self._busy, key=lambda busy: busy.length, default=None)
                if longest is None:
                    return None
                if longest.length > 1 and self._store.readers > 1:
                    self._spans.append(longest.halved())
                else:
                    self._changed.wait(0.05)  # cancelling does not notify
            return None

    def _page(self, span: Span, take: Callable[[RunPage], None]) -> Span | None:
        """Read one page. Returns the rest of the span, or None."""
        span.begin_query()
        page = self._read(self._store, span.query(self._query), span.token)
        take(page)
        if page.next_token is None:
            return None
        if self._is_repeated(span, page.next_token):
            raise ServerFault(
                "The store keeps returning the same page",
                f"Experiment {self._query.experiment_id} is only partly loaded",
                "The runs shown are incomplete; refresh to try again.",
            )
        oldest = _oldest(page.runs)
        with self._changed:
            if span.start is not None and oldest is not None and oldest < span.start:
                return None  # another reader has the rest
            if oldest is not None and span.end is not None:
                span.end = min(span.end, oldest)
            span.token = page.next_token
            return span

    def _is_repeated(self, span: Span, token: str) -> bool:
        """Whether a search has returned this token before."""
        page_key = (span.query_start, span.query_end, token)
        with self._changed:
            repeated = page_key in self._seen
            self._seen.add(page_key)
        return repeated


def _oldest(runs: RunBlock) -> int | None:
    """The start time of the last run, which is the oldest in a page."""
    starts = cast(list[int | None], runs.columns["attribute"]["start_time"])
    return starts[-1] if starts else None
