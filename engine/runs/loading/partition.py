"""One search split among several readers, each in its own window of start times."""

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


Read = Callable[[Store, RunQuery, str | None], RunPage]
"""Asks a store for the page behind a token, as long as is good."""


@dataclass(slots=True)
class Span:
    """Start times from `least` to `most`, both included, in milliseconds; None: no bound on that side.

    `token` is the one of the next page, and `floor` and `asked` the bounds of the search that gave
    it: both of the span's own may have moved since.
    """

    least: int | None = None
    most: int | None = None
    token: str | None = None
    floor: int | None = None
    asked: int | None = None

    def query(self, query: RunQuery) -> RunQuery:
        bounds = [] if self.floor is None else [Condition("attribute", "start_time", ">=", self.floor)]
        if self.asked is not None:
            bounds.append(Condition("attribute", "start_time", "<=", self.asked))
        return replace(query, conditions=(*query.conditions, *bounds))

    def begin(self) -> None:
        """Search anew within the bounds, where there is no search to go on with."""
        if self.token is None:
            self.floor, self.asked = self.least, self.most

    @property
    def length(self) -> int:
        return 0 if self.least is None or self.most is None else self.most - self.least

    def halved(self) -> Span:
        """Take the older half away."""
        assert self.least is not None
        assert self.most is not None
        middle = (self.least + self.most) // 2
        older = Span(self.least, middle)
        self.least = middle + 1
        return older


class Windows:
    """What of a search is still to be read: `spans`. Reading again goes on where it stopped."""

    def __init__(self, store: Store, query: RunQuery, spans: list[Span], read: Read) -> None:
        self._store = store
        self._query = query
        self._spans = spans
        self._busy: list[Span] = []
        self._read = read
        self._error: EngineError | None = None
        self._given = {(span.floor, span.asked, span.token) for span in spans}
        self._changed = threading.Condition()

    @property
    def done(self) -> bool:
        return not self._spans

    def read_all(self, take: Callable[[RunPage], None], cancel: CancelToken) -> None:
        """Give `take` every page, on several threads. Raises `Cancelled` or what a reader met; the other
        readers then finish the page that they are at."""
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
            rest: Span | None = span
            try:
                rest = self._page(span, take)
            except EngineError as met:
                error = met
            with self._changed:
                self._busy.remove(span)
                if rest is not None:
                    self._spans.append(rest)
                self._error = self._error or error
                self._changed.notify_all()

    def _next(self, cancel: CancelToken) -> Span | None:
        """A span to read a page of; None when there is nothing left or reading stops."""
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
                    self._changed.wait(0.05)  # a cancelled token wakes nobody
            return None

    def _page(self, span: Span, take: Callable[[RunPage], None]) -> Span | None:
        """Read one page; what is left of the span, None if nothing is."""
        span.begin()
        page = self._read(self._store, span.query(self._query), span.token)
        take(page)
        if page.next_token is None:
            return None
        if self._circles(span, page.next_token):
            raise ServerFault(
                "The store gives the same page again and again",
                f"Experiment {self._query.experiment_id} is not loaded whole",
                "What is shown is incomplete; refresh to try again.",
            )
        oldest = _oldest(page.runs)
        with self._changed:
            if span.least is not None and oldest is not None and oldest < span.least:
                return None  # the rest is somebody else's
            if oldest is not None and span.most is not None:
                span.most = min(span.most, oldest)
            span.token = page.next_token
            return span

    def _circles(self, span: Span, token: str) -> bool:
        """Whether a search gives a token that it has given before."""
        given = (span.floor, span.asked, token)
        with self._changed:
            known = given in self._given
            self._given.add(given)
        return known


def _oldest(runs: RunBlock) -> int | None:
    """The start time of the last run: the oldest, in the order of a page."""
    starts = cast(list[int | None], runs.columns["attribute"]["start_time"])
    return starts[-1] if starts else None
