"""How the runs view gets its runs: loads them, looks again by itself, asks for what a filter wants."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

from engine.errors import Cancelled, EngineError
from engine.jobs import CancelToken
from engine.log import log
from engine.text import Shown
from tui import memory
from tui.bridge import Relay

if TYPE_CHECKING:
    from engine.api import Pushed, RunFeed, RunFrame
    from engine.entities import Lifecycle
    from tui.runs.screen import RunsScreen

FULL_SECONDS = 600.0
"""Edits and deletions of finished runs are looked for no more often than this, nor than 60 times
what reading everything took."""

Stage = Literal["loading", "again", "stopped", "broken", "whole"]
"""Being read; being read again while the rows of before are shown; stopped by the operator; broken off
by an error; all there."""


class RunReading:
    """The feed of the experiment that a runs view shows. `seconds` is how often it looks again by
    itself, 0 for never."""

    def __init__(self, screen: RunsScreen) -> None:
        self._screen = screen
        self.seconds = 0.0
        self.feed: RunFeed | None = None
        self.stage: Stage = "whole"
        self.read_again = 0
        """How many runs are read of those that are being read again."""
        self._cancel = CancelToken()
        self._search = CancelToken()
        self._place: tuple[str, Lifecycle] | None = None
        self._aside: tuple[tuple[str, Lifecycle], RunFeed] | None = None
        """What was shown before: going back to it costs nothing."""
        self._checking = False
        self._full_at = self._full_took = 0.0

    @property
    def under_way(self) -> bool:
        return self.stage in ("loading", "again")

    # ── loading ──────────────────────────────────────────────────────────────

    def open(self, experiment_id: str, lifecycle: Lifecycle) -> None:
        """Another experiment."""
        self._cancel.cancel()
        self._search.cancel()
        self._screen.workers.cancel_group(self._screen, "runs")
        kept, self._aside = self._aside, None
        if self.feed is not None and self._place == (experiment_id, lifecycle):
            self.feed.close()  # the table frees its runs when it shows others
        elif self.feed is not None and self._place is not None:
            self._aside = (self._place, self.feed)
        self._place = (experiment_id, lifecycle)
        if kept is not None and kept[0] == self._place and kept[1].frame.complete:
            self.feed, self.stage = kept[1], "whole"
            self._screen.show_frame(kept[1].frame)
            self.look()
            return
        if kept is not None:
            self._let_go(kept[1])

        def show(frame: RunFrame) -> None:
            if self.feed is feed:
                self._screen.show_frame(frame)

        relay = Relay(self._screen.while_here(show))
        feed = self.feed = self._screen.engine.runs.feed(experiment_id, lifecycle=lifecycle, on_frame=relay)
        self._read(partial(feed.load), "loading")

    def forget_aside(self) -> None:
        """Runs went from one to the other."""
        if self._aside is not None:
            self._let_go(self._aside[1])
        self._aside = None

    def _let_go(self, feed: RunFeed) -> None:
        """Nobody will look at its runs any more."""
        work = partial(memory.let_go, feed.close())
        self._screen.run_worker(self._screen.session.bridge.call(work), group="memory")

    def reload(self) -> None:
        """Read everything again, or go on with what was broken off."""
        feed = self.feed
        if feed is None or self.under_way:
            return

        def progress(frame: RunFrame) -> None:
            self.read_again = len(frame)
            self._screen.show_progress()

        self.read_again = 0
        relay = Relay(self._screen.while_here(progress))
        work = partial(feed.reload, on_frame=relay) if feed.frame.complete else partial(feed.reload)
        self._read(work, "again" if feed.frame.complete else "loading")

    def stop(self) -> None:
        """Stop reading; what is there stays."""
        if self.under_way:
            self._cancel.cancel()
            self.stage = "stopped" if self.stage == "loading" else "whole"
            self._screen.workers.cancel_group(self._screen, "runs")
            self._screen.show_progress()

    def _read(self, work: partial[RunFrame], stage: Stage) -> None:
        self.stage = stage
        self._cancel = token = CancelToken()
        began = time.monotonic()

        def done(frame: RunFrame) -> None:
            self.stage = "whole"
            self._full_at, self._full_took = time.monotonic(), time.monotonic() - began
            self._screen.read_now()
            self._screen.show_frame(frame)

        def failed(error: EngineError) -> None:
            if isinstance(error, Cancelled):
                return
            self.stage = "broken" if stage == "loading" else "whole"
            self._screen.show_progress()
            self._screen.lose(error)

        self._screen.ask(partial(_loaded, work, token), done, group="runs", failed=failed)
        self._screen.show_progress()

    # ── keeping up ───────────────────────────────────────────────────────────

    def tick(self) -> None:
        """Look again, if it is time and nobody looks already."""
        feed = self.feed
        if feed is None or not self.seconds or self._checking or self.under_way:
            return
        if self.stage == "broken":
            self.reload()
            return
        if self.stage == "whole" and time.monotonic() - self._full_at > max(
            FULL_SECONDS, 60 * self._full_took
        ):
            self.reload()
            return
        self.look()

    def look(self) -> None:
        """Ask what has changed."""
        feed = self.feed
        if feed is None:
            return
        self._checking = True

        def done(changed: bool) -> None:
            self._checking = False
            self._screen.looked_again(changed)

        def failed(error: EngineError) -> None:
            self._checking = False
            self._screen.lose(error)

        self._screen.ask(feed.refresh, done, group="refresh", failed=failed)

    # ── what a filter asks for ───────────────────────────────────────────────

    def search(self, text: str) -> None:
        """Have the store bring what a filter asks for, while not everything is loaded."""
        self._search.cancel()
        feed = self.feed
        if feed is None or feed.frame.complete or not text.strip():
            return
        self._search = token = CancelToken()

        def done(pushed: Pushed) -> None:
            if not token.cancelled and pushed.conditions:
                self._screen.tell_answered(Shown("store" if pushed.exact else "store + local"))

        def failed(error: EngineError) -> None:
            if not isinstance(error, Cancelled):
                log.info("the store did not answer a filter: %s", error)

        self._screen.ask(partial(_search, feed, text, token), done, group="search", failed=failed)


def _loaded(load: Callable[..., RunFrame], token: CancelToken) -> RunFrame:
    with memory.loading():
        frame = load(cancel=token)
    memory.keep(frame)
    return frame


def _search(feed: RunFeed, text: str, token: CancelToken) -> Pushed:
    from engine.api import pushdown

    pushed = pushdown(text, feed.frame.keys, now=time.time() * 1000)
    if pushed.conditions:
        feed.search(pushed.conditions, token)
    return pushed
