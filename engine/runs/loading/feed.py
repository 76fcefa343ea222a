"""Loads the runs of one experiment and keeps them up to date."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from engine.columns import ColumnKey
from engine.entities import Lifecycle
from engine.jobs import CancelToken
from engine.runs.frame import RunFrame
from engine.runs.loading.partition import PageSizer, Span, SpanReader
from engine.stores.base import Condition, RunPage, RunQuery, Stamp, Store
from engine.stores.block import RunBlock

FIRST_PAGE = 100
"""The number of runs in the first page: small enough to load at once, even from a server."""
FRAME_SECONDS = 0.25
"""The minimum interval between reported frames: every use of a frame slows down the next page."""
MAX_UNFINISHED = 1000
"""The maximum number of unfinished runs that one refresh reads."""
IDS_PER_QUERY = 200
"""The maximum number of run ids in one condition."""

OnFrame = Callable[[RunFrame], None]

_START = ColumnKey("attribute", "start_time")
_END = ColumnKey("attribute", "end_time")
_STATUS = ColumnKey("attribute", "status")
_UNFINISHED = ("RUNNING", "SCHEDULED")


class RunFeed:
    """A shared frame of an experiment's runs: `load` fills it, `search` loads the matches of a filter ahead
    of the rest, `refresh` and `reload` keep it up to date.

    Thread-safe. Methods that read block on the store and raise its `EngineError`s, or `Cancelled` between
    pages; runs already read are kept. `on_frame` is called on the reading threads with each new frame: after
    the first page, at the end, and at most every `FRAME_SECONDS` in between.
    """

    def __init__(
        self,
        store: Store,
        experiment_id: str,
        *,
        lifecycle: Lifecycle = "active",
        on_frame: OnFrame | None = None,
        first_page: int = FIRST_PAGE,
    ) -> None:
        self._store = store
        self._query = RunQuery(experiment_id, lifecycle=lifecycle)
        self._on_frame = on_frame
        self._first_page = first_page
        self._page_sizer = PageSizer(store.page_size)
        self._lock = threading.RLock()
        self._frame = RunFrame.from_runs((), complete=False)
        self.answered_at: int | None = None
        """When the store last sent a page for `load`, in milliseconds since the epoch; None if never."""
        self._last_report: tuple[float, RunFrame | None] = (-FRAME_SECONDS, None)
        self._span_reader: SpanReader | None = None
        self._searched: set[tuple[Condition, ...]] = set()
        self._stamp: Stamp | None = None
        self._counts = False
        """Whether the store counts its runs."""
        self._gap: int | None = 0
        """By how many the store's count exceeded the frame's at the last check; None if unknown."""
        self._unexplained = 0
        """The same just after a reload: reading again would not change it."""

    @property
    def frame(self) -> RunFrame:
        return self._frame

    @property
    def stamp(self) -> Stamp | None:
        """The store's stamp at the last check; None if the store has no stamps."""
        return self._stamp

    # ── loading ──────────────────────────────────────────────────────────────

    def load(self, cancel: CancelToken | None = None) -> RunFrame:
        """Read all runs not read yet. After `Cancelled` or an error, call it again to resume; a run that
        appears on two pages is kept once."""
        cancel = cancel or CancelToken()
        stamp = self._store.stamp()
        try:
            if self._span_reader is None:
                self._span_reader = self._read_first_page()
            self._span_reader.read_all(self._take, cancel)
        finally:
            self._report()
        self._stamp = stamp
        return self._complete()

    def _read_first_page(self) -> SpanReader:
        """Read the first page. Returns a reader for the rest."""
        page = self._store.runs(self._query, max_results=self._first_page)
        self._counts = page.total is not None
        self._take(page)
        spans: list[Span] = []
        if page.next_token is not None:
            spans.append(self._span_after(page) or Span(token=page.next_token))
        return SpanReader(self._store, self._query, spans, self._page_sizer.page)

    def _span_after(self, page: RunPage) -> Span | None:
        """The span of start times after a page; None if it cannot be read in parallel."""
        newest = page.runs[-1].start_time if len(page.runs) else None
        if self._store.readers == 1 or newest is None:
            return None
        query = RunQuery(self._query.experiment_id, lifecycle=self._query.lifecycle, oldest_first=True)
        oldest = self._store.runs(query, max_results=1).runs
        earliest = oldest[0].start_time if len(oldest) else None
        return None if earliest is None else Span(earliest, newest)

    # ── filtering ─────────────────────────────────────────────────────────────

    def answers(self, conditions: tuple[Condition, ...]) -> bool:
        """Whether the frame has every run that meets the conditions."""
        return self._frame.complete or any(set(searched) <= set(conditions) for searched in self._searched)

    def search(self, conditions: tuple[Condition, ...], cancel: CancelToken | None = None) -> None:
        """Load the runs that meet the conditions, ahead of the others."""
        cancel = cancel or CancelToken()
        if not self.answers(conditions):
            self._take_all(self._query_for(*conditions), cancel)
            self._searched.add(conditions)
            self._report()

    def _query_for(self, *conditions: Condition) -> RunQuery:
        return RunQuery(self._query.experiment_id, conditions, self._query.lifecycle)

    def _take_all(self, query: RunQuery, cancel: CancelToken) -> None:
        for page in self._pages(query, cancel):
            self._take(RunPage(page.runs))

    def _pages(self, query: RunQuery, cancel: CancelToken, limit: int | None = None) -> Iterable[RunPage]:
        """The pages of a search; with `limit`, at most that many runs."""
        token: str | None = None
        while True:
            page = self._page_sizer.page(self._store, query, token, limit)
            yield page
            cancel.check("Searching runs")
            if page.next_token is None or page.next_token == token or limit is not None:
                return
            token = page.next_token

    # ── staying up to date ────────────────────────────────────────────────────

    def refresh(self, cancel: CancelToken | None = None) -> bool:
        """Read what may have changed: runs that started or ended since, and unfinished ones. Returns whether
        anything changed. Edits of finished runs need `reload`; so do deletions and backdated runs if the
        store does not count its runs."""
        cancel = cancel or CancelToken()
        stamp = self._store.stamp()
        if stamp is not None and stamp == self._stamp and self._is_gap_explained:
            return False
        if stamp is not None and self._stamp is not None and stamp.database != self._stamp.database:
            self.reload(cancel)  # another database: nothing read before is valid
            return True
        before = self._frame
        changed: list[RunBlock] = []
        for condition in self._change_conditions(before):
            query = self._query_for(condition)
            unfinished = condition.name == "status"
            pages = self._pages(query, cancel, MAX_UNFINISHED if unfinished else None)
            changed += [page.runs for page in pages]
        seen = {run_id for block in changed for run_id in block.run_ids}
        missing = [run_id for run_id in self._unfinished(before) if run_id not in seen]
        for ids in _chunks(missing[:MAX_UNFINISHED], IDS_PER_QUERY):
            query = self._query_for(Condition("attribute", "run_id", "IN", tuple(ids)))
            found = [page.runs for page in self._pages(query, cancel)]
            changed += found
            seen.update(run_id for block in found for run_id in block.run_ids)
        with self._lock:
            frame = self._frame
            for block in changed:
                frame = frame.extended(block, complete=frame.complete)
            frame = frame.without(set(missing[:MAX_UNFINISHED]) - seen)
            if frame.complete and frame.total != len(frame):
                frame = frame.extended((), total=len(frame))
            self._frame = frame
        self._stamp = stamp
        self._report()
        if len(frame) != len(before):  # while runs are added, reading and counting may disagree
            self._gap = None
            return True
        return self._reload_if_gap_persists(cancel) or frame is not before

    @property
    def _is_gap_explained(self) -> bool:
        return self._gap in (0, self._unexplained)

    def _reload_if_gap_persists(self, cancel: CancelToken) -> bool:
        """Reload if runs were added or removed unnoticed: the count is off by the same number twice in a
        row."""
        before, self._gap = self._gap, self._count_gap()
        if self._is_gap_explained or self._gap != before:
            return False
        self.reload(cancel)
        self._unexplained = self._gap = self._count_gap()
        return True

    def _count_gap(self) -> int:
        if not self._counts or not self._frame.complete:
            return 0
        return (self._store.runs(self._query, max_results=1).total or 0) - len(self._frame)

    def _change_conditions(self, frame: RunFrame) -> Iterable[Condition]:
        """Conditions for runs that may have changed since. Start times in the future are ignored."""
        now = int(time.time() * 1000)
        for key in (_START, _END):
            moments = (cast(int | None, value) for value in frame.scan(key)[: len(frame)])
            last = max((moment for moment in moments if moment is not None and moment <= now), default=None)
            if last is not None or key == _START:
                yield Condition("attribute", key.name, ">=", last or 0)
        yield Condition("attribute", "status", "=", "RUNNING")

    @staticmethod
    def _unfinished(frame: RunFrame) -> list[str]:
        statuses = frame.scan(_STATUS)[: len(frame)]
        ids = frame.run_ids
        return [ids[row] for row, status in enumerate(statuses) if status in _UNFINISHED]

    def reload(self, cancel: CancelToken | None = None, *, on_frame: OnFrame | None = None) -> RunFrame:
        """Read everything again and replace the frame at the end; `on_frame` gets the frames in between. If
        the frame is not complete yet, refresh it and continue loading."""
        if not self._frame.complete:
            self.refresh(cancel)
            return self.load(cancel)
        stamp = self._store.stamp()
        fresh = RunFeed(
            self._store,
            self._query.experiment_id,
            lifecycle=self._query.lifecycle,
            on_frame=on_frame,
            first_page=self._first_page,
        )
        fresh._page_sizer = self._page_sizer
        read = fresh.load(cancel)
        with self._lock:
            self._frame, self._stamp = read, stamp
        self._report()
        return read

    def drop(self, run_ids: Iterable[str]) -> None:
        """Remove runs that are known to be deleted."""
        with self._lock:
            self._frame = self._frame.without(run_ids)
        self._report()

    def close(self) -> list[object]:
        """Drop all runs. Returns their storage, so that the caller can free it in steps."""
        with self._lock:
            stored = self._frame.stored()
            self._on_frame, self._span_reader = None, None
            self._frame = RunFrame.from_runs((), complete=False)
            self._last_report = (-FRAME_SECONDS, None)
        return stored

    # ── the frame ────────────────────────────────────────────────────────────

    def _take(self, page: RunPage) -> None:
        with self._lock:
            self.answered_at = int(time.time() * 1000)
            self._frame = self._frame.extended(page.runs, total=page.total, complete=self._frame.complete)
            reported, _ = self._last_report
            is_due = time.monotonic() - reported >= FRAME_SECONDS
        if is_due:
            self._report()

    def _complete(self) -> RunFrame:
        """Mark the frame complete."""
        with self._lock:
            self._frame = self._frame.extended((), total=len(self._frame), complete=True)
        self._report()
        return self._frame

    def _report(self) -> None:
        with self._lock:
            frame = self._frame
            if self._on_frame is None or self._last_report[1] is frame:
                return
            self._last_report = (time.monotonic(), frame)
        self._on_frame(frame)


def _chunks(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))
