"""The runs pane: a title with counts, the filter line and the table, drawn from a `RunSession`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from engine import formats
from engine.columns import VERSION
from engine.entities import Run
from engine.text import Shown, safe
from tui.runs.filter_bar import ALL_ROWS, PREVIOUS_ROWS, FilterBar
from tui.runs.loader import LOCAL
from tui.runs.session import RunSession, SessionChange
from tui.state import ExperimentState
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import Table
from tui.widgets.table.source import EMPTY

if TYPE_CHECKING:
    from engine.api import Arranged, Column, GroupSummary, RunFrame, RunView, SortKey, Statistic
    from engine.columns import ColumnKey
    from tui.runs.table_source import RunSource

NARROW = 100
"""Width below which the key metrics come before the times."""

INVALID_FILTER = "The filter is invalid. Correct or clear it before marking all rows."


@dataclass(frozen=True)
class Rows:
    """What a pane lists: the id of its table, which is also what messages call the rows, its title, an
    example of a filter, and what it says without any rows."""

    table: str
    title: str
    example: str
    none: tuple[Shown, ...]


RUNS = Rows(
    "runs",
    "RUNS",
    "accuracy > 0.9 and metric = euclidean",
    (Shown("No runs yet"), Shown("Log runs with MLflow, or press 4 to train a sweep")),
)


class RunPane(Widget):
    """Draws a session, and turns the operator's input into changes to its view."""

    DEFAULT_CSS = """
    RunPane { width: 1fr; height: 1fr; layout: vertical; }
    RunPane Table { height: 1fr; }
    """

    @dataclass
    class Highlighted(Message):
        """The cursor has moved to this run or group, or to no row."""

        subject: Run | GroupSummary | None

    def __init__(
        self,
        session: RunSession,
        *,
        of: Rows = RUNS,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._session = session
        self._of = of
        self._to_top = False
        """Whether to move the cursor to the first row with the next rows, as after sorting."""
        self._cursor_candidates: tuple[str, ...] = ()
        """After folding: the key under the cursor and its ancestors, nearest first. The cursor goes to the
        first that is still visible."""

    def compose(self) -> ComposeResult:
        yield PaneTitle(self._of.title, id=f"{self._of.table}-title")
        yield FilterBar(self._of.example, id="filter")
        yield Table(id=self._of.table)

    def on_mount(self) -> None:
        self._session.remember_filter("", self.filter_bar.set_history)

    def on_resize(self, event: events.Resize) -> None:
        self._session.set_narrow(event.size.width < NARROW)

    @property
    def table(self) -> Table:
        return self.query_one(f"#{self._of.table}", Table)

    @property
    def filter_bar(self) -> FilterBar:
        return self.query_one("#filter", FilterBar)

    @property
    def _title(self) -> PaneTitle:
        return self.query_one(f"#{self._of.table}-title", PaneTitle)

    @property
    def source(self) -> RunSource | None:
        """The rows on screen."""
        from tui.runs.table_source import RunSource

        source = self.table.source
        return source if isinstance(source, RunSource) else None

    # ── drawing ──────────────────────────────────────────────────────────────

    def begin(self, name: str, state: ExperimentState) -> None:
        """Prepare for the runs of another experiment, which the session opens next."""
        self._title.title = "DELETED RUNS" if state.lifecycle == "deleted" else self._of.title
        self.show_name(name)
        self._to_top = True
        self.table.set_source(EMPTY)  # rows under a name belong to that name
        self.table.set_empty_text([])
        self._announce_highlighted(None)
        self.filter_bar.show_text(state.view.filter_text)
        self.table.set_marks(state.marks)
        self._title.facts = Shown("loading …")

    def show_name(self, name: str) -> None:
        """Show the experiment's name in the title."""
        self._title.subject = safe(name)

    def update(self, change: SessionChange) -> None:
        """Draw a change to the session."""
        if change == "rows" and self._session.arranged is not None:
            self._draw_rows(self._session.arranged)
            self._draw_note()
        elif change == "marks":
            self._draw_marks()
        elif change == "progress":
            self._draw_note()
        self._title.facts = self._facts()

    def _draw_rows(self, arranged: Arranged) -> None:
        from tui.runs.table_source import RunSource

        before, table = self.source, self.table
        if before is not None and not before.arranged.frame.complete and not table.cursor_row:
            self._to_top = True  # a cursor on the first row stays there as runs arrive
        source = RunSource(arranged, is_dimmed=self._session.is_behind_filter)
        table.set_source(source)
        table.set_empty_text(self._why_empty())
        table.why_not_mark_all = INVALID_FILTER if self._session.filter_error is not None else ""
        if before is not None and before.arranged.view.layout != arranged.view.layout:
            table.to_first_column()
        if visible := [key for key in self._cursor_candidates if source.row_of(key) is not None]:
            table.move_to(visible[0])
        self._cursor_candidates = ()
        self._draw_marks()
        if self._to_top:
            self._to_top = False
            table.action_cursor_top()
        self._announce_highlighted(table.cursor_key)

    def _draw_marks(self) -> None:
        source, marks = self.source, self._session.state.marks
        self.table.set_marks(marks if source is None else marks | source.groups_marked(marks))

    def _draw_note(self) -> None:
        """Show the number of matches, or the error, in the filter bar."""
        session, bar = self._session, self.filter_bar
        frame, arranged = session.frame, session.arranged
        bar.rows_shown = self._rows_shown()
        if not session.is_filtered:
            bar.show_note(Shown(""))
        elif session.filter_error is not None and session.filter is not None:
            bar.show_error(session.filter_error, session.filter.text)
        elif session.is_unfinished:
            bar.show_note(Shown("add an operator" if session.last_word else "no match yet"))
        elif frame is not None and arranged is not None:
            where = LOCAL if frame.complete else session.loader.answered_by
            bar.show_note(Shown(f"{formats.count(len(session.matching))} match"), where)

    def _rows_shown(self) -> Shown:
        """What is on screen while the filter is invalid."""
        arranged = self._session.arranged
        if arranged is None or not arranged.matching:
            return Shown("")
        return PREVIOUS_ROWS if arranged.view.filter_text.strip() else ALL_ROWS

    def _why_empty(self) -> list[Shown]:
        session = self._session
        if session.frame is None or not session.frame.complete:
            return []
        if len(session.frame):
            lines = [
                Shown(f"No matching {self._of.table}"),
                safe(session.hint),
                Shown("esc clears the filter"),
            ]
            return [line for line in lines if line]
        if session.state.lifecycle == "deleted":
            return [Shown("No deleted runs"), Shown("esc shows the active runs")]
        return list(self._of.none)

    def _facts(self) -> Shown:
        """Counts, progress and sort order, for the title."""
        session, frame = self._session, self._session.frame
        if frame is None:
            return Shown("loading …")
        matching, progress = formats.count(len(session.matching)), self._progress(frame)
        parts = []
        if frame.complete or not progress:
            parts.append(f"{matching} of {formats.count(len(frame))}")
        elif session.is_filtered:
            parts.append(f"{matching} match")
        parts.append(progress)
        arranged = session.arranged
        if arranged is not None and arranged.tree is not None and not arranged.depths and frame.complete:
            parts.append("tree: no run has a parent")
        if marks := session.state.marks:
            parts.append(f"{formats.count(len(marks))} marked")
        if order := self._order():
            parts.append(f"sorted {order}")
        return Shown(" · ".join(filter(None, parts)))

    def _progress(self, frame: RunFrame) -> str:
        loader = self._session.loader
        loaded: str = formats.count(len(frame))
        if frame.total is not None and frame.total > len(frame):
            loaded += f" of {formats.count(frame.total)}"
        match loader.stage:
            case "loading":
                return f"{loaded} loaded … ctrl+x stops"
            case "stopped":
                return f"{loaded} loaded, stopped: r resumes"
            case "failed":
                return f"{loaded} loaded, interrupted: r resumes"
            case "reloading":
                return f"reloading, {formats.count(loader.reloaded)} …" if loader.reloaded else "reloading …"
            case "complete":
                return ""

    def _order(self) -> str:
        """The sort keys; with groups, only those that apply to groups."""
        session = self._session
        groups = session.arranged.groups if session.arranged is not None else None
        labels = {column.key: column.label for column in session.columns if not column.statistic}
        parts = []
        for key in session.view.sort:
            label: str = labels.get(key.key, safe(key.key.name))
            if groups is not None and key.key.kind == "metric":
                label = f"{safe(key.key.name)} {key.statistic}"
            if groups is None or groups.has_order(key.key):
                parts.append(f"{label} {'↓' if key.descending else '↑'}")
        return ", ".join(parts)

    # ── the cursor ───────────────────────────────────────────────────────────

    @on(Table.RowHighlighted)
    def _row_highlighted(self, event: Table.RowHighlighted) -> None:
        event.stop()
        self._announce_highlighted(event.key)

    def _announce_highlighted(self, key: str | None) -> None:
        frame, arranged = self._session.frame, self._session.arranged
        subject: Run | GroupSummary | None = None
        if frame is not None and key is not None:
            row, line = frame.row_of(key), self.table.cursor_row
            if row is not None:
                subject = frame.run(row)
            elif arranged is not None and line < len(arranged.lines):
                subject = arranged.summary(line)
        self.post_message(self.Highlighted(subject))

    def under_cursor(self) -> tuple[str, ...]:
        """The run under the cursor, or the runs of the group."""
        key, source = self.table.cursor_key, self.source
        return () if key is None or source is None else source.runs_of(key)

    def is_group(self, key: str) -> bool:
        return self.source is not None and self.source.is_group(key)

    def focused_metric(self) -> str | None:
        """The metric of the focused column, else of the first sort key by a metric, else accuracy or the
        first visible metric."""
        column, session = self._focused_column(), self._session
        keys = [*([column.key] if column else []), *(sort.key for sort in session.view.sort)]
        preferred = [key.name for key in keys if key.kind == "metric"]
        visible = [c.key.name for c in session.columns if c.key.kind == "metric"]
        return next(iter([*preferred, *(["accuracy"] if "accuracy" in visible else []), *visible]), None)

    @property
    def focused_key(self) -> ColumnKey | None:
        """The focused column."""
        column = self._focused_column()
        return None if column is None else column.key

    def _focused_column(self) -> Column | None:
        name, source = self.table.focused_column, self.source
        return source.column_of(name) if source is not None and name is not None else None

    @on(Table.MarksChanged)
    def _apply_marks(self, event: Table.MarksChanged) -> None:
        """Apply the table's marks to the session; marking a group marks its runs."""
        source, before = self.source, self._session.state.marks
        self._session.set_marks(event.keys if source is None else source.runs_marked(event.keys, before))

    # ── the view ─────────────────────────────────────────────────────────────

    def show_view(self, view: RunView) -> None:
        """Apply a view to the runs."""
        if view.filter_text != self._session.view.filter_text:
            self.filter_bar.show_text(view.filter_text)
        self._session.set_view(view)

    @on(Table.HeaderClicked)
    def _sort_clicked(self, event: Table.HeaderClicked) -> None:
        self.sort_by_column(event.key)

    def sort_by_column(self, name: str | None = None) -> None:
        """Sort by a column of the table, by default the focused one."""
        source = self.source
        column = self._focused_column() if name is None or source is None else source.column_of(name)
        if column is not None:
            self.sort_by(column.key, statistic=column.statistic or "mean")

    def sort_by(
        self, key: ColumnKey, descending: bool | None = None, *, statistic: Statistic = "mean"
    ) -> None:
        """Sort by one column, better or newer values first. Sorting by the same column again flips the
        direction."""
        from engine.api import SortKey, direction_of

        sort = self._session.view.sort
        if descending is None and sort and (sort[0].key, sort[0].statistic) == (key, statistic):
            descending = not sort[0].descending
        elif descending is None:
            newest_first = key.is_time or key == VERSION
            descending = newest_first or (key.kind == "metric" and direction_of(key.name) != "lower")
        self.sort_by_keys((SortKey(key, descending, statistic),))

    def sort_by_keys(self, keys: tuple[SortKey, ...]) -> None:
        self._to_top = True
        self._session.change_view(sort=keys)

    def widen_column(self, cells: int) -> None:
        """Widen the focused column by this many cells; negative values narrow it."""
        column = self._focused_column()
        if column is not None:
            widths = {**self._session.view.widths, column.key: max(3, column.width + cells)}
            self._session.change_view(widths=widths)

    @property
    def can_fold(self) -> bool:
        """Whether a group or parent is under the cursor."""
        key = self.table.cursor_key
        return key is not None and self.source is not None and self.source.can_fold(key)

    def toggle_fold(self) -> None:
        """Open or close the group or parent under the cursor."""
        key = self.table.cursor_key
        if key is not None and self.can_fold:
            self._toggle({key})

    def toggle_all_folds(self) -> None:
        """Close all groups and parents; if all are closed, open them."""
        if self.source is not None:
            self._toggle(self.source.folds_to_toggle())

    def _toggle(self, keys: Iterable[str]) -> None:
        cursor, source = self.table.cursor_key, self.source
        self._cursor_candidates = () if cursor is None or source is None else source.with_ancestors(cursor)
        self._session.toggle_folds(keys)

    # ── the filter ───────────────────────────────────────────────────────────

    def apply_filter(self, text: str) -> None:
        """Filter by `text`."""
        self.show_view(replace(self._session.view, filter_text=text))

    @on(FilterBar.Cleared)
    def clear_filter(self) -> None:
        self.filter_bar.close()
        self.table.focus()
        self.apply_filter("")

    @on(FilterBar.Edited)
    def _preview_filter(self, event: FilterBar.Edited) -> None:
        self._session.set_view(replace(self._session.view, filter_text=event.text), typed=True)

    @on(FilterBar.Accepted)
    def _accept_filter(self, event: FilterBar.Accepted) -> None:
        self._session.remember_filter(event.text, self.filter_bar.set_history)
        self._session.finish_typing()
        self._session.search()

    @on(FilterBar.Exited)
    def _go_to_rows(self) -> None:
        if not self.filter_bar.text.strip():
            self.filter_bar.close()
        self.table.focus()

    @on(FilterBar.CompletionRequested)
    def _complete(self, event: FilterBar.CompletionRequested) -> None:
        text, cursor = event.text, event.cursor
        self._session.complete(text, cursor, partial(self.filter_bar.offer, text, cursor))
