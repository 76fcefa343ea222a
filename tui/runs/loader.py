"""Reading the runs of an experiment, and keeping up with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Literal

from engine.errors import Cancelled, EngineError
from engine.jobs import CancelToken
from engine.log import log
from engine.text import Shown
from tui import memory
from tui.bridge import Relay
from tui.tasks import Tasks

if TYPE_CHECKING:
    from engine.api import Engine, ParsedFilter, Pushed, RunFeed, RunFrame, Stamp
    from engine.entities import Lifecycle

FULL_SECONDS = 600.0
"""Least seconds between two full reloads, which find edits and deletions of finished runs; at least 60 times
what the last one took."""
LOCAL = Shown("local")

Stage = Literal["loading", "reloading", "stopped", "failed", "complete"]
"""`reloading` reads everything again while the old rows are shown; `stopped` by the operator, `failed` with
an error."""
ReadingChange = Literal["progress", "read", "refreshed", "error"]
"""The stage or a count changed; the store has answered; a refresh has ended; something failed
(`RunLoader.error`)."""


class RunLoader:
    """The feed of the experiment that is shown. Frames go to `on_frame`, everything else that happens to
    `on_change`."""

    def __init__(
        self,
        engine: Engine,
        tasks: Tasks,
        on_frame: Callable[[RunFrame], None],
        on_change: Callable[[ReadingChange], None],
    ) -> None:
        self._engine = engine
        self._tasks = tasks
        self._on_frame = on_frame
        self._on_change = on_change
        self.refresh_seconds = 0.0
        """How often to refresh on `tick`; 0 for never."""
        self.feed: RunFeed | None = None
        self.stage: Stage = "complete"
        self.reloaded = 0
        """How many runs a reload has read so far."""
        self.found_changes = False
        """Whether the last refresh did."""
        self.error: EngineError | None = None
        self.answered_by = LOCAL
        """What evaluates the filter while not everything is loaded."""
        self._place: tuple[str, Lifecycle] | None = None
        self._previous: tuple[tuple[str, Lifecycle], RunFeed] | None = None
        """What was shown before: going back to it costs nothing."""
        self._reading = CancelToken()
        self._searching = CancelToken()
        self._refreshing = False
        self._loaded_at = self._load_took = 0.0

    @property
    def is_reading(self) -> bool:
        return self.stage in ("loading", "reloading")

    @property
    def stamp(self) -> Stamp | None:
        """The store's state at the last look; None where a store cannot tell that nothing has changed."""
        return self.feed.stamp if self.feed is not None else None

    # ── everything ───────────────────────────────────────────────────────────

    def open(self, experiment_id: str, lifecycle: Lifecycle) -> None:
        """Read the runs of another experiment, or the deleted ones of the same."""
        kept = self._exchange_feeds((experiment_id, lifecycle))
        if kept is not None:
            self.feed = kept
            self._set_stage("complete")
            self._on_frame(kept.frame)
            self.refresh()
            return

        def receive(frame: RunFrame) -> None:
            if self.feed is feed:
                self._on_frame(frame)

        feed = self._engine.runs.feed(experiment_id, lifecycle=lifecycle, on_frame=Relay(receive))
        self.feed = feed
        self._read(feed.load, "loading")

    def _exchange_feeds(self, place: tuple[str, Lifecycle]) -> RunFeed | None:
        """Put the feed that was shown aside. The one that was aside, if it has all runs of `place`."""
        self._stop_reading()
        self.forget_search()
        self._tasks.cancel("refresh")
        self._refreshing = False
        kept, self._previous = self._previous, None
        if self.feed is not None and self._place == place:
            self.feed.close()  # its runs are freed when others are drawn
        elif self.feed is not None and self._place is not None:
            self._previous = (self._place, self.feed)
        self._place = place
        if kept is not None and kept[0] == place and kept[1].frame.complete:
            return kept[1]
        if kept is not None:
            self.free(kept[1].close())
        return None

    def reload(self) -> None:
        """Read everything again, or continue what was stopped."""
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
        """Stop reading; what has been read stays."""
        if self.is_reading:
            self._stop_reading()
            self._set_stage("stopped" if self.stage == "loading" else "complete")

    def _stop_reading(self) -> None:
        self._reading.cancel()
        self._tasks.cancel("read")

    def _read(self, load: Callable[..., RunFrame], stage: Stage) -> None:
        self._reading = token = CancelToken()
        began = time.monotonic()

        def done(frame: RunFrame) -> None:
            self._loaded_at, self._load_took = time.monotonic(), time.monotonic() - began
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

    # ── what has changed ─────────────────────────────────────────────────────

    def tick(self) -> None:
        """Refresh, reload or resume, whichever is due."""
        if self.feed is None or not self.refresh_seconds or self._refreshing or self.is_reading:
            return
        age = time.monotonic() - self._loaded_at
        due = self.stage == "complete" and age > max(FULL_SECONDS, 60 * self._load_took)
        if self.stage == "failed" or due:
            self.reload()
        else:
            self.refresh()

    def refresh(self) -> None:
        """Read what has changed."""
        if self.feed is None:
            return

        def done(changed: bool) -> None:
            self._refreshing, self.found_changes = False, changed
            self._on_change("refreshed")

        def failed(error: EngineError) -> None:
            self._refreshing = False
            self.fail(error)

        self._refreshing = True
        self._tasks.ask(self.feed.refresh, done, group="refresh", failed=failed)

    def drop(self, run_ids: Iterable[str]) -> None:
        """Remove runs that are known to be gone, perhaps into the lifecycle that was shown before."""
        if self.feed is not None:
            self.feed.drop(run_ids)
        if self._previous is not None:
            self.free(self._previous[1].close())
            self._previous = None

    def _set_stage(self, stage: Stage) -> None:
        self.stage = stage
        self._on_change("progress")

    def fail(self, error: EngineError) -> None:
        """Report an error."""
        self.error = error
        self._on_change("error")

    def free(self, stored: list[object]) -> None:
        """Free runs that are not shown any more, off the event loop."""
        self._tasks.ask(partial(memory.free_gradually, stored), _ignore, group=None, failed=_ignore)

    # ── what a filter matches ────────────────────────────────────────────────

    def search(self, source: str | ParsedFilter, delay: float = 0.0) -> None:
        """After `delay` seconds have the store bring the runs that a filter matches, while not everything is
        loaded. A newer search replaces an older one."""
        self.forget_search()
        if self.feed is None or self.feed.frame.complete:
            return
        self._searching = token = CancelToken()

        def done(pushed: Pushed) -> None:
            if not token.cancelled and pushed.conditions:
                self.answered_by = Shown("store" if pushed.exact else "store + local")
                self._on_change("progress")

        def failed(error: EngineError) -> None:
            if not isinstance(error, Cancelled):
                log.info("the store did not answer a filter: %s", error)

        work = partial(_search, self.feed, source, token)
        self._tasks.ask(work, done, group="search", failed=failed, delay=delay)

    def forget_search(self) -> None:
        """The filter is no longer wanted."""
        self.answered_by = LOCAL
        self._searching.cancel()
        self._tasks.cancel("search")


def _load(load: Callable[..., RunFrame], token: CancelToken) -> RunFrame:
    with memory.young_collections_only():
        frame = load(cancel=token)
    memory.freeze_if_large(frame)
    return frame


def _search(feed: RunFeed, source: str | ParsedFilter, token: CancelToken) -> Pushed:
    from engine.api import pushdown

    pushed = pushdown(source, feed.frame.keys, now=time.time() * 1000)
    if pushed.conditions:
        feed.search(pushed.conditions, token)
    return pushed


def _ignore(_: object) -> None:
    """What failed is in the log, and harms nobody."""
