"""What a runs view shows, apart from its widgets: reading, filtering and arranging an experiment's runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import EngineError, FilterError
from tui.bridge import Bridge
from tui.runs.loader import ReadingChange, RunLoader
from tui.state import ExperimentState
from tui.tasks import Tasks

if TYPE_CHECKING:
    from engine.api import (
        Arranged,
        Column,
        Completion,
        Engine,
        FilterHistory,
        ParsedFilter,
        RunFrame,
        RunView,
    )

LEAST_PATIENCE, MOST_PATIENCE = 0.02, 0.25
"""Seconds without a key before a typed filter is applied: what the last arrangement took, within bounds."""
SEARCH_SECONDS = 0.4
"""Seconds without a change before the store is asked for the runs that a filter matches."""
CATCH_UP = 8
"""While runs stream in, arranging them takes at most one part in so many and one of the time."""

Change = Literal["frame", "rows", "marks"] | ReadingChange
"""More or other runs were read; the rows were arranged anew; other runs are marked."""


class RunSession:
    """The runs of one experiment as a view shows them.

    `loader` reads them, `frame` holds what has been read, `view` says how it is to be shown, and `arranged`
    is the frame shown that way. `arranged` follows the two a little later; while the filter is wrong
    (`filter_error`) or unfinished it shows the rows of the last filter that was neither. Lives on the event
    loop; whatever takes time runs on the bridge. `on_change` hears of every change, after it.
    """

    def __init__(
        self, engine: Engine, bridge: Bridge, tasks: Tasks, on_change: Callable[[Change], None]
    ) -> None:
        self._bridge = bridge
        self._tasks = tasks
        self._on_change = on_change
        self.loader = RunLoader(engine, tasks, self.show_frame, on_change)
        self.state = ExperimentState()
        self.frame: RunFrame | None = None
        self.is_narrow = False
        """Whether the key metrics come before the times, so that a narrow terminal shows them."""
        self.arranged: Arranged | None = None
        self.filter_error: FilterError | None = None
        self.is_unfinished = False
        """Whether the filter ends in a column's name, with its operator still to come."""
        self.last_word = ""
        """The word that a typed filter ends with and searches for in names and ids."""
        self.filter: ParsedFilter | None = None
        """The filter that the rows were last arranged for."""
        self._fallback: ParsedFilter | None = None
        """The last filter that was neither wrong nor unfinished."""
        self._typed = False
        self._drawn: Arranged | None = None
        """The last arrangement, also while another experiment's is awaited."""
        self._arranging = 0
        self._behind = False
        """Whether frames have come that no arrangement is under way for."""
        self._cost = 0.0
        """Seconds that the last arrangement took."""
        self._history: FilterHistory | None = None

    def open(self, experiment_id: str, state: ExperimentState) -> None:
        """Show another experiment, or the deleted runs of the same."""
        self._tasks.cancel("arrange")
        self._tasks.cancel("catch up")
        self.state, self.frame, self.arranged = state, None, None
        self.filter_error, self.is_unfinished, self.last_word = None, False, ""
        self._fallback, self._typed, self._behind = None, False, False
        self.loader.open(experiment_id, state.lifecycle)

    def drop(self, run_ids: Iterable[str]) -> None:
        """Remove runs that are known to be gone."""
        gone = set(run_ids)
        self.loader.drop(gone)
        self.set_marks(self.state.marks - gone)

    def show_frame(self, frame: RunFrame) -> None:
        """Show another frame of the same experiment. While runs stream in, rows follow at a bearable rate."""
        if frame is self.frame:  # the last one comes twice: from the feed and as the answer
            return
        first, self.frame = self.frame is None, frame
        if frame.complete and (gone := {mark for mark in self.state.marks if frame.row_of(mark) is None}):
            self.set_marks(self.state.marks - gone)
        if (self._arranging or self._behind) and not frame.complete:
            self._behind = True
        else:
            self._arrange_soon()
        self._on_change("frame")
        if first:
            self._on_change("read")
            self.search()

    # ── what is shown ────────────────────────────────────────────────────────

    @property
    def view(self) -> RunView:
        return self.state.view

    @property
    def is_filtered(self) -> bool:
        return bool(self.view.filter_text.strip())

    @property
    def matching(self) -> Sequence[int]:
        """The rows of the frame that match the filter, in their order."""
        return self.arranged.matching if self.arranged is not None else ()

    @property
    def columns(self) -> Sequence[Column]:
        return self.arranged.columns if self.arranged is not None else ()

    # ── arranging ────────────────────────────────────────────────────────────

    def set_view(self, view: RunView, *, typed: bool = False) -> None:
        """Show the runs through `view`. Of a filter that is being `typed` the last word may still grow into a
        column's name, and a wrong one leaves the rows as they are."""
        filtered = view.filter_text != self.view.filter_text
        self.state.view = view
        if filtered:
            self._typed = typed
            self.search(SEARCH_SECONDS)
        patience = min(MOST_PATIENCE, max(LEAST_PATIENCE, self._cost)) if typed else 0.0
        self._arrange_soon(patience)

    def change_view(self, **fields: Any) -> None:
        """Change some fields of the view."""
        self.set_view(replace(self.view, **fields))

    def toggle_folds(self, keys: Iterable[str]) -> None:
        """Open closed groups and parents, and close open ones."""
        self.state.toggled = self.state.toggled.symmetric_difference(keys)
        self._arrange_soon()

    def _arrange_soon(self, patience: float = 0.0) -> None:
        self._behind = False
        self._tasks.start("arrange", partial(self._arrange, patience))

    async def _arrange(self, patience: float) -> None:
        await asyncio.sleep(patience)
        if self.frame is None:
            return
        self._arranging += 1
        began = time.monotonic()
        try:
            known = (self.filter, self._fallback)
            toggled, before = self.state.toggled, self.arranged
            work = partial(_arranged, self.frame, self.view, self.is_narrow, toggled, before)
            self._take_arrangement(await self._bridge.call(partial(work, *known, typed=self._typed)))
        except EngineError as error:
            self.loader.fail(error)
        finally:
            self._arranging -= 1
            self._cost = time.monotonic() - began
            if self._behind and not self._arranging:
                self._tasks.start("catch up", self._catch_up)

    async def _catch_up(self) -> None:
        await asyncio.sleep(min(1.0, max(0.05, CATCH_UP * self._cost)))
        if self._behind:
            self._arrange_soon()

    def _take_arrangement(self, made: _Arrangement) -> None:
        self.filter, self.filter_error, self.is_unfinished = made.filter, made.error, made.is_unfinished
        self.last_word = made.filter.last_word if self._typed else ""
        if made.error is None and not self.last_word:
            self._fallback = made.filter
        before, self._drawn = self._drawn, made.rows
        self.arranged = made.rows
        self._on_change("rows")
        if before is not None and not before.frame.shares_storage_with(made.rows.frame):
            self.loader.free(before.frame.stored())
        if made.rows.groups is not None and made.rows.frame.complete:
            self._tasks.ask(made.rows.prepare, _ignore, group="statistics", failed=self.loader.fail)

    # ── filtering ────────────────────────────────────────────────────────────

    def search(self, delay: float = 0.0) -> None:
        """Have the store bring the runs that the filter matches, while not everything is loaded."""
        if not self.is_filtered:
            self.loader.forget_search()
            return
        known = self.filter if self.filter and self.filter.text == self.view.filter_text else None
        self.loader.search(known or self.view.filter_text, delay)

    def complete(self, text: str, cursor: int, then: Callable[[Completion], None]) -> None:
        """What can be typed at a place in a filter; never, when a newer question follows."""
        if self.frame is not None:
            work = partial(_completion, text, cursor, self.frame)
            self._tasks.ask(work, then, group="complete", failed=_ignore)

    def remember_filter(self, text: str, then: Callable[[tuple[str, ...]], None]) -> None:
        """Add a filter to the history, unless it is blank, and hand all of the history to `then`."""
        if self.arranged is not None and self.arranged.view.filter_text == text:
            self._fallback = self.filter
        self._tasks.ask(partial(self._remembered, text), then, group=None, failed=_ignore)

    def _remembered(self, text: str) -> tuple[str, ...]:
        from engine.api import FilterHistory
        from engine.paths import filter_history_file

        if self._history is None:
            self._history = FilterHistory(filter_history_file())
        self._history.add(text)
        return self._history.entries()

    # ── marks ────────────────────────────────────────────────────────────────

    def set_marks(self, marks: frozenset[str]) -> None:
        """Mark exactly these runs."""
        self.state.marks = marks
        self._on_change("marks")

    def marked(self) -> tuple[str, ...]:
        """The marked runs: those shown in their order, then those that the filter hides."""
        if self.frame is None:
            return ()
        marks, run_ids = self.state.marks, self.frame.run_ids
        shown = [run_id for row in self.matching if (run_id := run_ids[row]) in marks]
        return (*shown, *sorted(marks.difference(shown)))

    def hidden(self, run_ids: Iterable[str]) -> int:
        """How many of these runs the filter hides."""
        if self.frame is None:
            return 0
        ids = self.frame.run_ids
        return len(set(run_ids).difference(ids[row] for row in self.matching))


@dataclass(frozen=True, slots=True)
class _Arrangement:
    """The rows to show under `filter`: with an error, or while it is unfinished, those of the fallback."""

    rows: Arranged
    filter: ParsedFilter
    error: FilterError | None = None
    is_unfinished: bool = False


def _arranged(
    frame: RunFrame,
    view: RunView,
    narrow: bool,
    toggled: frozenset[str],
    before: Arranged | None,
    known: ParsedFilter | None,
    fallback: ParsedFilter | None,
    *,
    typed: bool,
) -> _Arrangement:
    from engine.api import arrange, parse_filter

    def through(parsed: ParsedFilter) -> Arranged:
        seen = view if parsed.text == view.filter_text else replace(view, filter_text=parsed.text)
        now = time.time() * 1000
        return arrange(frame, seen, now=now, narrow=narrow, toggled=toggled, before=before, parsed=parsed)

    def rows_of_before() -> Arranged:
        with suppress(FilterError):  # in other runs, the fallback may have become wrong as well
            if fallback is not None:
                return through(fallback)
        return through(parse_filter(""))

    parsed = known if known is not None and known.text == view.filter_text else parse_filter(view.filter_text)
    try:
        rows = through(parsed)
    except FilterError as error:
        return _Arrangement(rows_of_before(), parsed, error.with_traceback(None))
    if typed and parsed.ends_in_column(frame.keys, whole=len(rows.matching) > 0):
        return _Arrangement(rows_of_before(), parsed, is_unfinished=True)
    return _Arrangement(rows, parsed)


def _completion(text: str, cursor: int, frame: RunFrame) -> Completion:
    from engine.api import complete, key_metrics
    from engine.columns import ColumnKey

    metrics = key_metrics(key.name for key in frame.keys if key.kind == "metric")
    return complete(text, cursor, frame, first=[ColumnKey("metric", name) for name in metrics])


def _ignore(_: object) -> None:
    """What failed is in the log, and harms nobody."""
