"""The runs pane: title with the counts, filter line, table. It filters and sorts what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from engine import values
from engine.entities import Run
from engine.errors import EngineError, FilterError
from engine.text import Shown, safe
from tui.bridge import Bridge
from tui.state import View
from tui.widgets.filter_bar import FilterBar
from tui.widgets.pane_title import PaneTitle
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.runs.frame import ColumnKey, RunFrame, SortKey
    from tui.widgets.run_source import RunSource

NARROW = 100
"""Cells below which the key metrics stand before the times."""
DEBOUNCE = 0.15
"""Seconds without a key before a filter is tried."""


@dataclass(frozen=True)
class _Arranged:
    frame: RunFrame
    rows: list[int]
    sort: tuple[SortKey, ...]


class RunList(Widget):
    """Shows a frame through a `View`: its filter, its order, its marks, which this widget keeps up."""

    DEFAULT_CSS = """
    RunList { width: 1fr; height: 1fr; layout: vertical; }
    RunList #runs { height: 1fr; }
    """

    @dataclass
    class Highlighted(Message):
        """The cursor came to another run; None when there is none."""

        run: Run | None

    @dataclass
    class MarksChanged(Message):
        marks: frozenset[str]

    @dataclass
    class Failed(Message):
        """Filtering or sorting met something other than a wrong filter."""

        error: EngineError

    def __init__(self, bridge: Bridge, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._bridge = bridge
        self.view = View()
        self.frame: RunFrame | None = None
        self.rows: list[int] = []
        self._typing: Timer | None = None
        self._to_top = False  # who sorts wants to see what comes first

    def compose(self) -> ComposeResult:
        yield PaneTitle("RUNS", id="runs-title")
        yield FilterBar(id="filter")
        yield Table(id="runs")

    @property
    def table(self) -> Table:
        return self.query_one("#runs", Table)

    @property
    def filter_bar(self) -> FilterBar:
        return self.query_one("#filter", FilterBar)

    @property
    def source(self) -> RunSource | None:
        from tui.widgets.run_source import RunSource

        source = self.table.source
        return source if isinstance(source, RunSource) else None

    # ── what is shown ────────────────────────────────────────────────────────

    def begin(self, name: str, view: View) -> None:
        """Another experiment: forget the rows until its first frame comes."""
        self.view, self.frame, self.rows = view, None, []
        self.query_one("#runs-title", PaneTitle).subject = safe(name)
        self.filter_bar.show_text(view.filter_text)
        self.table.set_marks(view.marks)
        self._tell_count()

    def show_frame(self, frame: RunFrame) -> None:
        self.frame = frame
        self.rearrange()

    def rearrange(self) -> None:
        """Filter and sort what is loaded, off the event loop; the newest request wins."""
        if self.frame is not None:
            work = partial(self._filter_and_sort, self.frame)
            self.run_worker(work, group="arrange", exclusive=True)  # type: ignore[arg-type]

    async def _filter_and_sort(self, frame: RunFrame) -> None:
        text, sort = self.view.filter_text, self.view.sort
        try:
            arranged = await self._bridge.call(partial(_arranged, frame, text, sort))
        except FilterError as fault:
            self.filter_bar.show_fault(fault)
        except EngineError as error:
            self.post_message(self.Failed(error))
        else:
            self._show(arranged)

    def _show(self, arranged: _Arranged) -> None:
        from tui.widgets.run_source import RunSource

        self.rows = arranged.rows
        source = RunSource(arranged.frame, self.rows, arranged.sort, narrow=self.size.width < NARROW)
        self.table.set_source(source)
        if self._to_top:
            self._to_top = False
            self.table.action_cursor_top()
        if self.view.filter_text.strip():
            self.filter_bar.show_note(Shown(f"{values.count(len(self.rows))} match"))
        self._tell_count()
        self._tell_run(self.table.cursor_key)

    def _tell_count(self) -> None:
        title = self.query_one("#runs-title", PaneTitle)
        frame = self.frame
        if frame is None:
            title.facts = Shown("loading …")
            return
        loaded = values.count(len(frame))
        parts = [f"{values.count(len(self.rows))} of {loaded}"]
        if not frame.complete:
            parts.append(f"{loaded}{f' of {values.count(frame.total)}' if frame.total else ''} loaded …")
        if self.view.marks:
            parts.append(f"{values.count(len(self.view.marks))} marked")
        labels = {c.key: c.label for c in self.source.keys} if self.source else {}
        for sort in self.view.sort:
            label = labels.get(sort.key, safe(sort.key.name))
            parts.append(f"sorted {label} {'↓' if sort.descending else '↑'}")
        title.facts = Shown(" · ".join(parts))

    @on(Table.RowHighlighted)
    def _row_highlighted(self, event: Table.RowHighlighted) -> None:
        self._tell_run(event.key)

    def _tell_run(self, key: str | None) -> None:
        frame = self.frame
        row = None if frame is None or key is None else frame.row_of(key)
        self.post_message(self.Highlighted(frame.run(row) if frame is not None and row is not None else None))

    # ── marks ────────────────────────────────────────────────────────────────

    @on(Table.MarksChanged)
    def _keep_marks(self, event: Table.MarksChanged) -> None:
        self.view.marks = event.keys
        self._tell_count()
        self.post_message(self.MarksChanged(event.keys))

    def clear_marks(self) -> None:
        self.table.set_marks(frozenset())
        self.view.marks = frozenset()
        self._tell_count()
        self.post_message(self.MarksChanged(frozenset()))

    def marked(self) -> tuple[str, ...]:
        """Marked runs: those shown in their order, then those that the filter hides."""
        frame = self.frame
        if frame is None:
            return ()
        marks = self.view.marks
        run_ids = frame.run_ids
        shown = [run_id for row in self.rows if (run_id := run_ids[row]) in marks]
        return (*shown, *sorted(marks.difference(shown)))

    # ── sorting ──────────────────────────────────────────────────────────────

    @on(Table.HeaderClicked)
    def _sort_clicked(self, event: Table.HeaderClicked) -> None:
        self.sort_by_column(event.key)

    def sort_by_column(self, column: str | None) -> None:
        """Sort by a column of the table; the focused one if None."""
        name = column or self.table.focused_column
        key = self.source.column_key(name) if self.source and name else None
        if key is not None:
            self.sort_by(key)

    def sort_by(self, key: ColumnKey, descending: bool | None = None) -> None:
        """Sort by one column, better or newer values first; again by the same: the other way round."""
        from engine.runs.compare import direction_of
        from engine.runs.frame import SortKey

        now = self.view.sort[0] if self.view.sort else None
        if descending is None and now is not None and now.key == key:
            descending = not now.descending
        elif descending is None:
            newest_first = key.name in ("start_time", "end_time")
            descending = newest_first or (key.kind == "metric" and direction_of(key.name) == "higher")
        self.view.sort = (SortKey(key, descending),)
        self._to_top = True
        self.rearrange()

    def metric_at_hand(self) -> str | None:
        """The metric that is being looked at: the focused column, the sort key, else accuracy or the
        first there is."""
        source = self.source
        if source is None:
            return None
        column = self.table.focused_column
        at_hand = [source.column_key(column) if column else None, *(k.key for k in self.view.sort)]
        metrics = [c.key.name for c in source.keys if c.key.kind == "metric"]
        named = [key.name for key in at_hand if key is not None and key.kind == "metric"]
        return next(iter([*named, *(["accuracy"] if "accuracy" in metrics else []), *metrics]), None)

    # ── filtering ────────────────────────────────────────────────────────────

    @on(FilterBar.Edited)
    def _wait_for_more(self, event: FilterBar.Edited) -> None:
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(DEBOUNCE, partial(self.set_filter, event.text))

    def set_filter(self, text: str) -> None:
        """Filter by `text`; a wrong one says so and leaves the rows."""
        self.view.filter_text = text
        if not text.strip():
            self.filter_bar.show_note(Shown(""))
        self.rearrange()

    def apply_filter(self, text: str) -> None:
        """Filter as if `text` had been typed."""
        self.filter_bar.show_text(text)
        self.set_filter(text)

    @on(FilterBar.Left)
    def _go_to_rows(self) -> None:
        if not self.filter_bar.text.strip():
            self.filter_bar.close()
        self.table.focus()

    @on(FilterBar.Cleared)
    def clear_filter(self) -> None:
        if self._typing is not None:
            self._typing.stop()
        self.filter_bar.close()
        self.table.focus()
        self.set_filter("")


def _arranged(frame: RunFrame, text: str, sort: tuple[SortKey, ...]) -> _Arranged:
    from engine.query import compile_filter
    from engine.runs.frame import sorted_rows

    rows = compile_filter(text, frame.keys, frame).rows(frame) if text.strip() else None
    return _Arranged(frame, sorted_rows(frame, sort, rows), sort)
