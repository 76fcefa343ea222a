"""The runs pane: title with the counts, filter line, table. It arranges what it is given."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from engine import formats
from engine.entities import Run
from engine.errors import EngineError, FilterError
from engine.text import Shown, safe
from tui import memory
from tui.bridge import Bridge
from tui.runs.filter_bar import FilterBar
from tui.runs.filtering import names_column, word_begun
from tui.runs.looking import RunLooking
from tui.state import View
from tui.widgets.pane_title import PaneTitle
from tui.widgets.table import Table
from tui.workers import run_newest

if TYPE_CHECKING:
    from engine.api import Arranged, GroupSummary, RunFrame, RunView

NARROW = 100
"""Cells below which the key metrics stand before the times."""
REST = 8
"""While runs stream in, arranging them takes at most one part in so many and one of the time."""


class RunList(RunLooking):
    """Shows a frame through a `View`: its look, its marks, its folds, which this widget keeps up."""

    DEFAULT_CSS = """
    RunList { width: 1fr; height: 1fr; layout: vertical; }
    RunList #runs { height: 1fr; }
    """

    @dataclass
    class Highlighted(Message):
        """What the cursor came to; None when there is nothing."""

        subject: Run | GroupSummary | None

    @dataclass
    class MarksChanged(Message):
        marks: frozenset[str]

    @dataclass
    class Failed(Message):
        """Arranging met something other than a wrong filter."""

        error: EngineError

    def __init__(self, bridge: Bridge, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(bridge, id=id)
        self._busy = 0
        self._stale = False
        self._progress = Shown("")

    def compose(self) -> ComposeResult:
        yield PaneTitle("RUNS", id="runs-title")
        yield FilterBar(id="filter")
        yield Table(id="runs")

    # ── what is shown ────────────────────────────────────────────────────────

    def begin(self, name: str, view: View) -> None:
        """Another experiment: forget the rows until its first frame comes."""
        self.view, self.frame, self.arranged = view, None, None
        title = self.query_one("#runs-title", PaneTitle)
        title.title = "DELETED RUNS" if view.lifecycle == "deleted" else "RUNS"
        self.tell_name(name)
        self._to_top = True
        self._sound = ""
        self._progress = Shown("")
        self.show_filter(view.look.filter_text)
        self.table.set_marks(view.marks)
        self._tell_count()

    def tell_name(self, name: str) -> None:
        """What the shown experiment is called."""
        self.query_one("#runs-title", PaneTitle).subject = safe(name)

    def show_frame(self, frame: RunFrame) -> None:
        """There are other runs. While they stream in, the table follows at a bearable pace."""
        if frame is self.frame:  # the last one is told twice: by the feed, and as the answer
            return
        self.frame = frame
        if frame.complete and (gone := {mark for mark in self.view.marks if frame.row_of(mark) is None}):
            self.unmark(gone)
        if (self._busy or self._stale) and not frame.complete:
            self._stale = True
            self._tell_count()
        else:
            self.rearrange()

    def rearrange(self) -> None:
        """Filter, sort and lay out what is loaded, off the event loop; the newest request wins."""
        self._stale = False
        run_newest(self, "arrange", self._arrange)

    async def _arrange(self) -> None:
        frame, look = self.frame, self.view.look
        if frame is None:
            return
        self._busy += 1
        began = time.monotonic()
        try:
            arranged = await self._looked_at(frame, look)
            word = word_begun(look.filter_text) if self._typed else ""
            if word and names_column(word, look.filter_text, frame, whole=len(arranged.matching) > 0):
                await self._keep_rows(frame, look)
                self.filter_bar.show_note(Shown("add an operator"))
            else:
                self._show(arranged)
                self.tell_matches(word)
                if not word:
                    self._sound = look.filter_text
        except FilterError as fault:
            self.filter_bar.show_fault(fault, look.filter_text)
            await self._keep_rows(frame, look)
        except EngineError as error:
            self.post_message(self.Failed(error))
        finally:
            self._busy -= 1
            self._cost = time.monotonic() - began
            if self._stale and not self._busy and self.is_attached:
                self.set_timer(min(1.0, max(0.05, REST * self._cost)), self._catch_up)

    async def _looked_at(self, frame: RunFrame, look: RunView) -> Arranged:
        narrow = self.size.width < NARROW
        work = partial(_arranged, frame, look, narrow, self.view.toggled, self.arranged)
        return await self._bridge.call(work)

    async def _keep_rows(self, frame: RunFrame, look: RunView) -> None:
        """Under a filter that is wrong or only begun stand the rows as they were before it."""
        for text in (self._sound, ""):  # among other runs, what made sense may not any more
            with suppress(FilterError):
                self._show(await self._looked_at(frame, replace(look, filter_text=text)))
                return

    def _catch_up(self) -> None:
        if self._stale:  # nobody else has caught up
            self.rearrange()

    def _show(self, arranged: Arranged) -> None:
        from tui.runs.table_source import RunSource

        if not self.is_attached:  # the console is being left
            return
        shown = self.source
        streaming = shown is not None and not shown.arranged.frame.complete
        if streaming and not self.table.cursor_row:
            self._to_top = True  # who has not moved sees what comes first, though it be read last
        self._free_unless_shared(arranged.frame)
        self.arranged = arranged
        source = RunSource(arranged)
        self.table.set_source(source)
        self.table.set_empty_text(self._why_empty(arranged.frame))
        if shown is not None and shown.arranged.view.layout != arranged.view.layout:
            self.table.to_first_column()  # other columns: what tells the lines apart stands first
        if self._above:  # where a run was folded away, the cursor goes to what it was folded into
            here = [key for key in self._above if source.row_of(key) is not None]
            self.table.move_to(here[0]) if here else None
            self._above = ()
        if arranged.groups is not None and arranged.frame.complete:
            run_newest(self, "statistics", self._prepare)
        self._show_marks()
        if self._to_top:
            self._to_top = False
            self.table.action_cursor_top()
        self._tell_count()
        self._tell_subject(self.table.cursor_key)

    async def _prepare(self) -> None:
        """Have ready what is drawn when somebody goes there."""
        if self.arranged is not None:
            await self._bridge.call(self.arranged.prepare)

    def _why_empty(self, frame: RunFrame) -> list[Shown]:
        deleted = self.view.lifecycle == "deleted"
        if not frame.complete:
            return []
        if len(frame):
            return [Shown("No matching runs"), Shown("esc clears it")]
        if deleted:
            return [Shown("No run of this experiment is deleted"), Shown(":deleted shows the others")]
        return [Shown("No runs yet")]

    def _free_unless_shared(self, frame: RunFrame) -> None:
        """Other runs come in the place of those that are shown: free them, not on the event loop."""
        shown = self.source
        if shown is not None and not shown.arranged.frame.is_kin(frame):
            work = partial(memory.let_go, shown.arranged.frame.stored())
            self.run_worker(self._bridge.call(work), group="memory")

    # ── what is told ─────────────────────────────────────────────────────────

    def tell_progress(self, stage: str, read_again: int) -> None:
        """How far reading is; the stages are those of `RunReading`."""
        frame = self.frame
        loaded = "" if frame is None else formats.count(len(frame))
        if frame is not None and frame.total is not None and frame.total > len(frame):
            loaded += f" of {formats.count(frame.total)}"
        told = {
            "loading": f"{loaded} loaded … ctrl+x stops" if loaded else "",
            "stopped": f"{loaded} loaded, stopped: r goes on",
            "broken": f"{loaded} loaded, broken off: r goes on",
            "again": f"reading again, {formats.count(read_again)} …" if read_again else "reading again …",
        }
        self._progress = Shown(told.get(stage, ""))
        self._tell_count()

    def _tell_count(self) -> None:
        title = self.query_one("#runs-title", PaneTitle)
        frame = self.frame
        if frame is None:
            title.facts = Shown("loading …")
            return
        matching, loaded = formats.count(len(self.rows)), formats.count(len(frame))
        if frame.complete or not self._progress:
            parts = [f"{matching} of {loaded}"]
        else:
            parts = [f"{matching} match"] if self.view.look.filter_text.strip() else []
        arranged = self.arranged
        if self._progress:
            parts.append(self._progress)
        if arranged is not None and arranged.tree is not None and not arranged.depths and frame.complete:
            parts.append("tree: no run has a parent")
        if self.view.marks:
            parts.append(f"{formats.count(len(self.view.marks))} marked")
        if told := self._sorted_by():
            parts.append(f"sorted {told}")
        title.facts = Shown(" · ".join(parts))

    def _sorted_by(self) -> str:
        """The keys of the order; of groups those that they have."""
        groups = self.arranged.groups if self.arranged is not None else None
        labels = {column.key: column.label for column in self.columns if not column.statistic}
        told = []
        for key in self.view.look.sort:
            label = labels.get(key.key, safe(key.key.name))
            if groups is not None and key.key.kind == "metric":
                label = Shown(f"{safe(key.key.name)} {key.statistic}")
            if groups is None or groups.has_order(key.key):
                told.append(f"{label} {'↓' if key.descending else '↑'}")
        return ", ".join(told)

    @on(Table.RowHighlighted)
    def _row_highlighted(self, event: Table.RowHighlighted) -> None:
        event.stop()
        self._tell_subject(event.key)

    def _tell_subject(self, key: str | None) -> None:
        frame, arranged = self.frame, self.arranged
        subject: Run | GroupSummary | None = None
        if frame is not None and key is not None:
            row, line = frame.row_of(key), self.table.cursor_row
            if row is not None:
                subject = frame.run(row)
            elif arranged is not None and line < len(arranged.lines):
                subject = arranged.summary(line)
        self.post_message(self.Highlighted(subject))

    # ── marks ────────────────────────────────────────────────────────────────

    @on(Table.MarksChanged)
    def _keep_marks(self, event: Table.MarksChanged) -> None:
        """A group stands for its runs."""
        source = self.source
        marks = event.keys if source is None else source.runs_marked(event.keys, self.view.marks)
        self._set_marks(marks)

    def _set_marks(self, marks: frozenset[str]) -> None:
        self.view.marks = marks
        self._show_marks()
        self._tell_count()
        self.post_message(self.MarksChanged(marks))

    def _show_marks(self) -> None:
        source, marks = self.source, self.view.marks
        self.table.set_marks(marks if source is None else marks | source.groups_marked(marks))

    def clear_marks(self) -> None:
        self._set_marks(frozenset())

    def unmark(self, run_ids: Iterable[str]) -> None:
        self._set_marks(self.view.marks.difference(run_ids))

    def marked(self) -> tuple[str, ...]:
        """Marked runs: those shown in their order, then those that the filter hides."""
        frame = self.frame
        if frame is None:
            return ()
        marks = self.view.marks
        run_ids = frame.run_ids
        shown = [run_id for row in self.rows if (run_id := run_ids[row]) in marks]
        return (*shown, *sorted(marks.difference(shown)))

    def hidden(self, run_ids: Iterable[str]) -> int:
        """How many of these runs the filter hides."""
        if self.frame is None:
            return 0
        ids = self.frame.run_ids
        return len(set(run_ids).difference(ids[row] for row in self.rows))

    def under_cursor(self) -> tuple[str, ...]:
        """The run under the cursor, or the runs of the group."""
        key, source = self.table.cursor_key, self.source
        return () if key is None or source is None else source.runs_of(key)


def _arranged(
    frame: RunFrame, look: RunView, narrow: bool, toggled: frozenset[str], before: Arranged | None
) -> Arranged:
    from engine.api import arrange

    now = time.time() * 1000
    return arrange(frame, look, now=now, narrow=narrow, toggled=toggled, before=before)
