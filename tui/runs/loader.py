"""Reading the runs of an experiment, and refreshing them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Literal

from engine.errors import Cancelled, EngineError
from engine.jobs import CancelToken
from engine.log import log
from engine.text import Shown
from tui import garbage_collection
from tui.bridge import Relay
from tui.tasks import Tasks

if TYPE_CHECKING:
    from engine.api import Engine, ParsedFilter, Pushed, RunFeed, RunFrame, Stamp
    from engine.entities import Lifecycle

RELOAD_SECONDS = 600.0
"""Minimum time between automatic full reloads, which find edits to and deletions of finished runs; also at
least 60 times as long as the last load took."""
LOCAL = Shown("local")

LoadStage = Literal["loading", "reloading", "stopped", "failed", "complete"]
"""`reloading`: reading everything again while the old rows stay; `stopped`: by the operator; `failed`: by an
error."""
LoaderChange = Literal["progress", "read", "refreshed", "error"]
"""The stage or a count has changed; runs have been read, at `RunLoader.read_at`; a refresh has ended;
something has failed (see `RunLoader.error`)."""


class RunLoader:
    """Loads the current experiment's runs through a feed. Calls `on_frame` with each frame, and `on_change`
    for everything else."""

    def __init__(
        self,
        engine: Engine,
        tasks: Tasks,
        on_frame: Callable[[RunFrame], None],
        on_change: Callable[[LoaderChange], None],
    ) -> None:
        self._engine = engine
        self._tasks = tasks
        self._on_frame = on_frame
        self._on_change = on_change
        self.feed: RunFeed | None = None
        self.stage: LoadStage = "complete"
        self.reloaded = 0
        """Number of runs that a reload has read so far."""
        self.found_changes = False
        """Whether the last refresh found changes."""
        self.error: EngineError | None = None
        self.answered_by = LOCAL
        """Where the filter is evaluated until everything is loaded."""
        self._feed_key: tuple[str, Lifecycle] | None = None
        self.read_at: int | None = None
        """When the store last answered for this feed, in milliseconds since the epoch; None if never."""
        self._previous: tuple[tuple[str, Lifecycle], RunFeed, int | None] | None = None
        """The feed before this one, cached so that going back is instant."""
        self._reading = CancelToken()
        self._searching = CancelToken()
        self._refreshing = False
        self._loaded_at = self._load_took = 0.0

    @property
    def is_reading(self) -> bool:
        return self.stage in ("loading", "reloading")

    @property
    def stamp(self) -> Stamp | None:
        """The store's state at the last read; None for a store that cannot detect changes."""
        return self.feed.stamp if self.feed is not None else None

    # ── loading ──────────────────────────────────────────────────────────────

    def open(self, experiment_id: str, lifecycle: Lifecycle) -> None:
        """Load an experiment's active or deleted runs."""
        cached = self._swap_feeds((experiment_id, lifecycle))
        if cached is not None:
            self.feed = cached
            self._set_stage("complete")
            self._on_frame(cached.frame)
            self.refresh()
            return

        def receive(frame: RunFrame) -> None:
            if self.feed is feed:
                self.read_at = feed.answered_at
                self._on_frame(frame)

        feed = self._engine.runs.feed(experiment_id, lifecycle=lifecycle, on_frame=Relay(receive))
        self.feed, self.read_at = feed, None
        self._read(feed.load, "loading")

    def _swap_feeds(self, key: tuple[str, Lifecycle]) -> RunFeed | None:
        """Cache the current feed. Returns the previously cached one if it is for `key` and complete."""
        self._stop_reading()
        self.cancel_search()
        self._tasks.cancel("refresh")
        self._refreshing = False
        cached, self._previous = self._previous, None
        if self.feed is not None and self._feed_key == key:
            self.feed.close()  # the session frees its runs after drawing the new ones
        elif self.feed is not None and self._feed_key is not None:
            self._previous = (self._feed_key, self.feed, self.read_at)
        self._feed_key = key
        if cached is not None and cached[0] == key and cached[1].frame.complete:
            self.read_at = cached[2]
            return cached[1]
        if cached is not None:
            self.free(cached[1].close())
        return None

    def reload(self) -> None:
        """Read everything again, or resume an interrupted load."""
        feed = self.feed
        if feed is None or self.is_reading:
            return

        def count(frame: RunFrame) -> None:
            self.reloaded = len(frame)
            self._on_change("progress")

        self.reloaded = 0
        if feed.frame.complete:
            self._read(partial(feed.reload, on_frame=Relay(count)), "reloading")
        else:
            self._read(feed.reload, "loading")

    def stop(self) -> None:
        """Stop reading, keeping the runs read so far."""
        if self.is_reading:
            self._stop_reading()
            self._set_stage("stopped" if self.stage == "loading" else "complete")

    def _stop_reading(self) -> None:
        self._reading.cancel()
        self._tasks.cancel("read")

    def _read(self, load: Callable[..., RunFrame], stage: LoadStage) -> None:
        self._reading = token = CancelToken()
        began = time.monotonic()

        def done(frame: RunFrame) -> None:
            self._loaded_at, self._load_took = time.monotonic(), time.monotonic() - began
            self.read_at = _now()
            self.stage = "complete"
            self._on_change("read")
            self._on_frame(frame)
            self._on_change("progress")

        def failed(error: EngineError) -> None:
            if not isinstance(error, Cancelled):
                self._set_stage("failed" if stage == "loading" else "complete")
                self.fail(error)

        self._tasks.ask(partial(_load, load, token), done, group="read", failed=failed)
        self._set_stage(stage)

    # ── refreshing ───────────────────────────────────────────────────────────

    def tick(self) -> None:
        """Refresh, reload or resume, whichever is due."""
        if self.feed is None or self._refreshing or self.is_reading:
            return
        age = time.monotonic() - self._loaded_at
        due = self.stage == "complete" and age > max(RELOAD_SECONDS, 60 * self._load_took)
        if self.stage == "failed" or due:
            self.reload()
        else:
            self.refresh()

    def refresh(self) -> None:
        """Read changes since the last read."""
        if self.feed is None:
            return

        def done(changed: bool) -> None:
            self._refreshing, self.found_changes, self.read_at = False, changed, _now()
            self._on_change("refreshed")

        def failed(error: EngineError) -> None:
            self._refreshing = False
            self.fail(error)

        self._refreshing = True
        self._tasks.ask(self.feed.refresh, done, group="refresh", failed=failed)

    def drop(self, run_ids: Iterable[str]) -> None:
        """Remove runs that have been deleted or restored. The cached feed may lack them, and is discarded."""
        if self.feed is not None:
            self.feed.drop(run_ids)
        if self._previous is not None:
            self.free(self._previous[1].close())
            self._previous = None

    def _set_stage(self, stage: LoadStage) -> None:
        self.stage = stage
        self._on_change("progress")

    def fail(self, error: EngineError) -> None:
        """Report an error."""
        self.error = error
        self._on_change("error")

    def free(self, stored: list[object]) -> None:
        """Free the memory of runs off the event loop."""
        self._tasks.ask(
            partial(garbage_collection.free_gradually, stored), _ignore, group=None, failed=_ignore
        )

    # ── searching the store ──────────────────────────────────────────────────

    def search(self, source: str | ParsedFilter, delay: float = 0.0) -> None:
        """After `delay` seconds, fetch the runs that match a filter from the store, unless everything is
        loaded. A new search cancels the previous one."""
        self.cancel_search()
        if self.feed is None or self.feed.frame.complete:
            return
        self._searching = token = CancelToken()

        def done(pushed: Pushed) -> None:
            if not token.cancelled and pushed.conditions:
                self.answered_by = Shown("store" if pushed.exact else "store + local")
                self._on_change("progress")

        def failed(error: EngineError) -> None:
            if not isinstance(error, Cancelled):
                log.info("the store could not evaluate a filter: %s", error)

        work = partial(_search, self.feed, source, token)
        self._tasks.ask(work, done, group="search", failed=failed, delay=delay)

    def cancel_search(self) -> None:
        """Cancel the search in progress."""
        self.answered_by = LOCAL
        self._searching.cancel()
        self._tasks.cancel("search")


def _now() -> int:
    return int(time.time() * 1000)


def _load(load: Callable[..., RunFrame], token: CancelToken) -> RunFrame:
    with garbage_collection.young_collections_only():
        frame = load(cancel=token)
    garbage_collection.freeze_if_large(frame)
    return frame


def _search(feed: RunFeed, source: str | ParsedFilter, token: CancelToken) -> Pushed:
    from engine.api import pushdown

    pushed = pushdown(source, feed.frame.keys, now=time.time() * 1000)
    if pushed.conditions:
        feed.search(pushed.conditions, token)
    return pushed


def _ignore(_: object) -> None:
    """The log has the error; the operator need not see it."""
