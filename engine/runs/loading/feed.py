"""The runs of one experiment, as they are loaded and kept up to date."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from engine.columns import ColumnKey
from engine.entities import Lifecycle
from engine.jobs import CancelToken
from engine.runs.frame import RunFrame
from engine.runs.loading.partition import Pace, Span, Windows
from engine.stores.base import Condition, RunPage, RunQuery, Stamp, Store
from engine.stores.block import RunBlock

FIRST_PAGE = 100
"""Runs in the first page: little enough to be there at once, from a server too."""
FRAME_SECONDS = 0.25
"""Frames are told no closer together than this: who looks at one makes the next page dearer."""
UNFINISHED_MOST = 1000
"""Unfinished runs that one refresh asks for."""
IDS_AT_ONCE = 200
"""Run ids in one condition."""

OnFrame = Callable[[RunFrame], None]

_START = ColumnKey("attribute", "start_time")
_END = ColumnKey("attribute", "end_time")
_STATUS = ColumnKey("attribute", "status")
_UNFINISHED = ("RUNNING", "SCHEDULED")


class RunFeed:
    """One frame of an experiment's runs for all who look: `load` fills it, `search` brings what a
    filter asks for before its turn, `refresh` and `reload` keep it true.

    Thread-safe; the methods that read take the time that the store takes and raise its
    `EngineError`s, or `Cancelled` between two pages: what was read until then stays. `on_frame` is
    called, on the reading threads, with a frame whenever there is another one: for the first
    page, at the end, and in between at most once in `FRAME_SECONDS`.
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
        self._pace = Pace(store.page_size)
        self._lock = threading.RLock()
        self._frame = RunFrame.from_runs((), complete=False)
        self._told: tuple[float, RunFrame | None] = (-FRAME_SECONDS, None)
        self._windows: Windows | None = None
        self._answered: set[tuple[Condition, ...]] = set()
        self._stamp: Stamp | None = None
        self._counts = False
        """Whether the store tells how many runs there are."""
        self._gap: int | None = 0
        """How many runs the store had more than the frame at the last look; None: not looked at."""
        self._unexplained = 0
        """The same just after everything was read: no more reading will change it."""

    @property
    def frame(self) -> RunFrame:
        return self._frame

    @property
    def stamp(self) -> Stamp | None:
        """The store's when it was looked at last; None where it cannot tell that nothing has changed."""
        return self._stamp

    # ── loading ──────────────────────────────────────────────────────────────

    def load(self, cancel: CancelToken | None = None) -> RunFrame:
        """Read what has not been read yet. After `Cancelled` or an error it can be called again and
        goes on where it stopped; a run that is on two pages is there once."""
        cancel = cancel or CancelToken()
        stamp = self._store.stamp()
        try:
            if self._windows is None:
                self._windows = self._begin()
            self._windows.read_all(self._take, cancel)
        finally:
            self._tell()
        self._stamp = stamp
        return self._whole()

    def _begin(self) -> Windows:
        """Read the first page; what is left after it."""
        page = self._store.runs(self._query, max_results=self._first_page)
        self._counts = page.total is not None
        self._take(page)
        spans: list[Span] = []
        if page.next_token is not None:
            spans.append(self._span_behind(page) or Span(token=page.next_token))
        return Windows(self._store, self._query, spans, self._pace.page)

    def _span_behind(self, page: RunPage) -> Span | None:
        """The start times of the runs behind a page, where they can be read in parallel."""
        newest = page.runs[-1].start_time if len(page.runs) else None
        if self._store.readers == 1 or newest is None:
            return None
        query = RunQuery(self._query.experiment_id, lifecycle=self._query.lifecycle, oldest_first=True)
        oldest = self._store.runs(query, max_results=1).runs
        least = oldest[0].start_time if len(oldest) else None
        return None if least is None else Span(least, newest)

    # ── what a filter asks for ───────────────────────────────────────────────

    def answers(self, conditions: tuple[Condition, ...]) -> bool:
        """Whether every run that meets the conditions is in the frame."""
        return self._frame.complete or any(set(asked) <= set(conditions) for asked in self._answered)

    def search(self, conditions: tuple[Condition, ...], cancel: CancelToken | None = None) -> None:
        """Bring the runs that meet the conditions into the frame, whatever has been loaded."""
        cancel = cancel or CancelToken()
        if not self.answers(conditions):
            self._take_all(self._narrowed(*conditions), cancel)
            self._answered.add(conditions)
            self._tell()

    def _narrowed(self, *conditions: Condition) -> RunQuery:
        return RunQuery(self._query.experiment_id, conditions, self._query.lifecycle)

    def _take_all(self, query: RunQuery, cancel: CancelToken) -> None:
        for page in self._pages(query, cancel):
            self._take(RunPage(page.runs))

    def _pages(self, query: RunQuery, cancel: CancelToken, most: int | None = None) -> Iterable[RunPage]:
        """The pages of a search; with `most`, only the first so many runs."""
        token: str | None = None
        while True:
            page = self._pace.page(self._store, query, token, most)
            yield page
            cancel.check("Searching runs")
            if page.next_token is None or page.next_token == token or most is not None:
                return
            token = page.next_token

    # ── keeping up ───────────────────────────────────────────────────────────

    def refresh(self, cancel: CancelToken | None = None) -> bool:
        """Read what can have changed: runs that started or ended since, and the unfinished ones.
        Whether anything did. Edits of finished runs are left to `reload`, and where the store does
        not count its runs, deletions and runs that are added with times in the past too."""
        cancel = cancel or CancelToken()
        stamp = self._store.stamp()
        if stamp is not None and stamp == self._stamp and self._is_explained:
            return False
        if stamp is not None and self._stamp is not None and stamp.database != self._stamp.database:
            self.reload(cancel)  # what is new in another database says nothing of what is old in it
            return True
        before = self._frame
        changed: list[RunBlock] = []
        for condition in self._moving(before):
            query = self._narrowed(condition)
            unfinished = condition.name == "status"
            pages = self._pages(query, cancel, UNFINISHED_MOST if unfinished else None)
            changed += [page.runs for page in pages]
        seen = {run_id for block in changed for run_id in block.run_ids}
        missing = [run_id for run_id in self._unfinished(before) if run_id not in seen]
        for some in _chunks(missing[:UNFINISHED_MOST], IDS_AT_ONCE):
            query = self._narrowed(Condition("attribute", "run_id", "IN", tuple(some)))
            found = [page.runs for page in self._pages(query, cancel)]
            changed += found
            seen.update(run_id for block in found for run_id in block.run_ids)
        with self._lock:
            frame = self._frame
            for block in changed:
                frame = frame.extended(block, complete=frame.complete)
            frame = frame.without(set(missing[:UNFINISHED_MOST]) - seen)
            if frame.complete and frame.total != len(frame):
                frame = frame.extended((), total=len(frame))
            self._frame = frame
        self._stamp = stamp
        self._tell()
        if len(frame) != len(before):  # while runs come, some come between reading and counting
            self._gap = None
            return True
        return self._read_unnoticed(cancel) or frame is not before

    @property
    def _is_explained(self) -> bool:
        return self._gap in (0, self._unexplained)

    def _read_unnoticed(self, cancel: CancelToken) -> bool:
        """Read everything if runs came or went that cannot be seen otherwise: as many are too many or too few
        at two looks in a row."""
        before, self._gap = self._gap, self._count_gap()
        if self._is_explained or self._gap != before:
            return False
        self.reload(cancel)
        self._unexplained = self._gap = self._count_gap()
        return True

    def _count_gap(self) -> int:
        if not self._counts or not self._frame.complete:
            return 0
        return (self._store.runs(self._query, max_results=1).total or 0) - len(self._frame)

    def _moving(self, frame: RunFrame) -> Iterable[Condition]:
        """What can have changed since. Runs dated ahead of this machine's clock tell nothing of what
        is new."""
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
        """Read everything again; the frame changes when all is there, and `on_frame` hears how far
        it is. Where the frame is not complete yet, this goes on loading it."""
        if not self._frame.complete:
            self.refresh(cancel)
            return self.load(cancel)
        stamp = self._store.stamp()
        afresh = RunFeed(
            self._store,
            self._query.experiment_id,
            lifecycle=self._query.lifecycle,
            on_frame=on_frame,
            first_page=self._first_page,
        )
        afresh._pace = self._pace
        read = afresh.load(cancel)
        with self._lock:
            self._frame, self._stamp = read, stamp
        self._tell()
        return read

    def drop(self, run_ids: Iterable[str]) -> None:
        """Forget runs that are known to be gone."""
        with self._lock:
            self._frame = self._frame.without(run_ids)
        self._tell()

    def close(self) -> list[object]:
        """Nobody looks any more. What the runs were stored in, for who wants to free it part by part."""
        with self._lock:
            stored = self._frame.stored()
            self._on_frame, self._windows = None, None
            self._frame = RunFrame.from_runs((), complete=False)
            self._told = (-FRAME_SECONDS, None)
        return stored

    # ── the frame ────────────────────────────────────────────────────────────

    def _take(self, page: RunPage) -> None:
        with self._lock:
            self._frame = self._frame.extended(page.runs, total=page.total, complete=self._frame.complete)
            told, _ = self._told
            due = time.monotonic() - told >= FRAME_SECONDS
        if due:
            self._tell()

    def _whole(self) -> RunFrame:
        """All runs are there."""
        with self._lock:
            self._frame = self._frame.extended((), total=len(self._frame), complete=True)
        self._tell()
        return self._frame

    def _tell(self) -> None:
        with self._lock:
            frame = self._frame
            if self._on_frame is None or self._told[1] is frame:
                return
            self._told = (time.monotonic(), frame)
        self._on_frame(frame)


def _chunks(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))
