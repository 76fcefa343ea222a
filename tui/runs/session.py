"""The state behind the runs view, without widgets: loading, filtering and arranging an experiment's runs."""

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
from tui.runs.loader import LoaderChange, RunLoader
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

MIN_DEBOUNCE, MAX_DEBOUNCE = 0.02, 0.25
"""Bounds, in seconds, for the pause in typing after which a filter is applied: as long as the last
arrangement took."""
SEARCH_SECONDS = 0.4
"""Seconds after the last change to the filter before the store is searched."""
CATCH_UP_FACTOR = 8
"""While runs stream in, the pause between two arrangements is this many times as long as the last one
took."""

SessionChange = Literal["frame", "rows", "marks"] | LoaderChange
"""More or different runs have been read; the rows have been rearranged; the marks have changed."""


class RunSession:
    """One experiment's runs, or one model's versions, arranged for display. Runs are loaded by `open`; frames
    of versions, which are read elsewhere, are shown with `begin` and `show_frame`.

    `loader` reads the runs, `frame` holds those read so far, `view` says how to show them, and `arranged` is
    the result. `arranged` lags slightly behind; while the filter is invalid (`filter_error`) or unfinished,
    it holds the rows of the last valid, finished filter. Used on the event loop only; slow work runs on the
    bridge. Calls
    `on_change` after every change.
    """

    def __init__(
        self, engine: Engine, bridge: Bridge, tasks: Tasks, on_change: Callable[[SessionChange], None]
    ) -> None:
        self._bridge = bridge
        self._tasks = tasks
        self._on_change = on_change
        self.loader = RunLoader(engine, tasks, self.show_frame, on_change)
        self.state = ExperimentState()
        self.frame: RunFrame | None = None
        self.is_narrow = False
        """Whether the key metrics come before the times, to be visible in a narrow terminal."""
        self.arranged: Arranged | None = None
        self.filter_error: FilterError | None = None
        self.is_unfinished = False
        """Whether the filter ends in a column without an operator, or in the beginning of a value."""
        self.hint = ""
        """How to change a filter that matches no run; empty if nothing is known. Untrusted text."""
        self.last_word = ""
        """The bare word at the end of a filter being typed, which is searched for in names and IDs."""
        self.filter: ParsedFilter | None = None
        """The filter of the last arrangement."""
        self._fallback: ParsedFilter | None = None
        """The last valid, finished filter."""
        self._typed = False
        self._last_arranged: Arranged | None = None
        """The last arrangement, kept while another experiment loads."""
        self._arrangements = 0
        """Number of arrangements in progress."""
        self._behind = False
        """Whether a frame is waiting to be arranged."""
        self._arrange_seconds = 0.0
        """How long the last arrangement took."""
        self._history: FilterHistory | None = None

    def open(self, experiment_id: str, state: ExperimentState) -> None:
        """Show an experiment's active or deleted runs."""
        self.begin(state)
        self.loader.open(experiment_id, state.lifecycle)

    def begin(self, state: ExperimentState) -> None:
        """Drop the rows, before frames of something else are shown."""
        self._tasks.cancel("arrange")
        self._tasks.cancel("catch up")
        self.state, self.frame, self.arranged = state, None, None
        self.filter_error, self.is_unfinished, self.last_word, self.hint = None, False, "", ""
        self._fallback, self._typed, self._behind = None, False, False

    def drop(self, run_ids: Iterable[str]) -> None:
        """Remove runs that are known to be gone."""
        gone = set(run_ids)
        self.loader.drop(gone)
        self.set_marks(self.state.marks - gone)

    def show_frame(self, frame: RunFrame) -> None:
        """Show a newer frame of the same experiment. While runs stream in, rows are arranged at a limited
        rate."""
        if frame is self.frame:  # the last frame arrives twice: from the feed and as the result of the load
            return
        first, self.frame = self.frame is None, frame
        if frame.complete and (gone := {mark for mark in self.state.marks if frame.row_of(mark) is None}):
            self.set_marks(self.state.marks - gone)
        if (self._arrangements or self._behind) and not frame.complete:
            self._behind = True
        else:
            self._arrange_soon()
        self._on_change("frame")
        if first:
            self._on_change("read")
            self.search()

    # ── the view ─────────────────────────────────────────────────────────────

    @property
    def view(self) -> RunView:
        return self.state.view

    @property
    def is_filtered(self) -> bool:
        return bool(self.view.filter_text.strip())

    @property
    def is_behind_filter(self) -> bool:
        """Whether the rows are those of an earlier filter."""
        return self.filter_error is not None or self.is_unfinished

    @property
    def matching(self) -> Sequence[int]:
        """Rows of the frame that match the filter, in sort order."""
        return self.arranged.matching if self.arranged is not None else ()

    @property
    def columns(self) -> Sequence[Column]:
        return self.arranged.columns if self.arranged is not None else ()

    # ── arranging ────────────────────────────────────────────────────────────

    def set_view(self, view: RunView, *, typed: bool = False) -> None:
        """Show the runs as `view` says. While a filter is being `typed`, its last word may be the beginning
        of a column name."""
        filter_changed = view.filter_text != self.view.filter_text
        self.state.view = view
        if filter_changed:
            self._typed = typed
            self.search(SEARCH_SECONDS)
        delay = min(MAX_DEBOUNCE, max(MIN_DEBOUNCE, self._arrange_seconds)) if typed else 0.0
        self._arrange_soon(delay)

    def set_narrow(self, is_narrow: bool) -> None:
        """Arrange the columns for a narrow or a wide screen."""
        if is_narrow != self.is_narrow:
            self.is_narrow = is_narrow
            self._arrange_soon()

    def change_view(self, **fields: Any) -> None:
        """Change some fields of the view."""
        self.set_view(replace(self.view, **fields))

    def toggle_folds(self, keys: Iterable[str]) -> None:
        """Toggle whether these groups and parents are open."""
        self.state.toggled_folds = self.state.toggled_folds.symmetric_difference(keys)
        self._arrange_soon()

    def _arrange_soon(self, delay: float = 0.0) -> None:
        self._behind = False
        self._tasks.start("arrange", partial(self._arrange, delay))

    async def _arrange(self, delay: float) -> None:
        await asyncio.sleep(delay)
        if self.frame is None:
            return
        self._arrangements += 1
        began = time.monotonic()
        try:
            work = partial(
                _arrange_rows,
                self.frame,
                self.view,
                self.is_narrow,
                self.state.toggled_folds,
                self.arranged,
                self.filter,
                self._fallback,
                typed=self._typed,
            )
            self._set_arrangement(await self._bridge.call(work))
        except EngineError as error:
            self.loader.fail(error)
        finally:
            self._arrangements -= 1
            self._arrange_seconds = time.monotonic() - began
            if self._behind and not self._arrangements:
                self._tasks.start("catch up", self._catch_up)

    async def _catch_up(self) -> None:
        await asyncio.sleep(min(1.0, max(0.05, CATCH_UP_FACTOR * self._arrange_seconds)))
        if self._behind:
            self._arrange_soon()

    def _set_arrangement(self, result: _Arrangement) -> None:
        self.filter, self.filter_error, self.is_unfinished = result.filter, result.error, result.is_unfinished
        self.hint = result.hint
        self.last_word = result.filter.last_word if self._typed else ""
        is_empty = self._typed and not len(result.rows.matching)  # likely to be typed on
        if result.error is None and not (result.is_unfinished or self.last_word or is_empty):
            self._fallback = result.filter
        previous, self._last_arranged = self._last_arranged, result.rows
        self.arranged = result.rows
        self._on_change("rows")
        if previous is not None and not previous.frame.shares_storage_with(result.rows.frame):
            self.loader.free(previous.frame.stored())
        if result.rows.groups is not None and result.rows.frame.complete:
            self._tasks.ask(result.rows.prepare, _ignore, group="statistics", failed=self.loader.fail)

    # ── filtering ────────────────────────────────────────────────────────────

    def search(self, delay: float = 0.0) -> None:
        """Fetch the runs that match the filter from the store, unless everything is loaded."""
        if not self.is_filtered:
            self.loader.cancel_search()
            return
        parsed = self.filter if self.filter and self.filter.text == self.view.filter_text else None
        self.loader.search(parsed or self.view.filter_text, delay)

    def complete(self, text: str, cursor: int, then: Callable[[Completion], None]) -> None:
        """Call `then` with the completions at a position in a filter, unless a newer request replaces this
        one."""
        if self.frame is not None:
            work = partial(_completion, text, cursor, self.frame)
            self._tasks.ask(work, then, group="complete", failed=_ignore)

    def finish_typing(self) -> None:
        """Apply the filter that was typed, even if its end may be the beginning of something longer."""
        self._typed = False
        if self.is_unfinished:
            self._arrange_soon()

    def remember_filter(self, text: str, then: Callable[[tuple[str, ...]], None]) -> None:
        """Add a filter to the history, unless it is blank, and call `then` with the complete history."""
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
        """The marked runs: visible ones in table order, then those hidden by the filter."""
        if self.frame is None:
            return ()
        marks, run_ids = self.state.marks, self.frame.run_ids
        visible = [run_id for row in self.matching if (run_id := run_ids[row]) in marks]
        return (*visible, *sorted(marks.difference(visible)))

    def hidden(self, run_ids: Iterable[str]) -> int:
        """How many of these runs the filter hides."""
        if self.frame is None:
            return 0
        ids = self.frame.run_ids
        return len(set(run_ids).difference(ids[row] for row in self.matching))


@dataclass(frozen=True, slots=True)
class _Arrangement:
    """The rows for `filter`, or for the fallback if it is invalid or unfinished."""

    rows: Arranged
    filter: ParsedFilter
    error: FilterError | None = None
    is_unfinished: bool = False
    hint: str = ""


def _arrange_rows(
    frame: RunFrame,
    view: RunView,
    narrow: bool,
    toggled_folds: frozenset[str],
    previous: Arranged | None,
    last_filter: ParsedFilter | None,
    fallback: ParsedFilter | None,
    *,
    typed: bool,
) -> _Arrangement:
    from engine.api import arrange, begins_value, no_match_hint, parse_filter

    def arrange_by(parsed: ParsedFilter) -> Arranged:
        applied = view if parsed.text == view.filter_text else replace(view, filter_text=parsed.text)
        now = time.time() * 1000
        return arrange(
            frame,
            applied,
            now=now,
            narrow=narrow,
            toggled_folds=toggled_folds,
            before=previous,
            parsed=parsed,
        )

    def fallback_rows() -> Arranged:
        with suppress(FilterError):  # for other runs the fallback may be invalid as well
            if fallback is not None:
                return arrange_by(fallback)
        return arrange_by(parse_filter(""))

    reusable = last_filter is not None and last_filter.text == view.filter_text
    parsed = last_filter if last_filter is not None and reusable else parse_filter(view.filter_text)
    try:
        rows = arrange_by(parsed)
    except FilterError as error:
        return _Arrangement(fallback_rows(), parsed, error.with_traceback(None))
    has_matches = len(rows.matching) > 0
    if typed and parsed.ends_in_column(frame.keys, exact=has_matches):
        return _Arrangement(fallback_rows(), parsed, is_unfinished=True)
    if has_matches or not len(frame):
        return _Arrangement(rows, parsed)
    if typed and begins_value(parsed, frame):
        return _Arrangement(fallback_rows(), parsed, is_unfinished=True)
    return _Arrangement(rows, parsed, hint=no_match_hint(parsed, frame) if frame.complete else "")


def _completion(text: str, cursor: int, frame: RunFrame) -> Completion:
    from engine.api import complete, key_metrics
    from engine.columns import ColumnKey

    metrics = key_metrics(key.name for key in frame.keys if key.kind == "metric")
    return complete(text, cursor, frame, first=[ColumnKey("metric", name) for name in metrics])


def _ignore(_: object) -> None:
    """The log has the error; the operator need not see it."""
