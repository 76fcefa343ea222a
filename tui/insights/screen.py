"""The insights view: what the runs say about one metric, line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from engine.errors import EngineError
from engine.formats import counted
from engine.text import Shown, safe
from tui.commands.bindings import Command, Scope
from tui.insights.lines import Line, lines_of
from tui.insights.subject import BehindChart, BehindRuns, Explained, InsightSubject
from tui.screen import VIEW, ConsoleScreen
from tui.widgets.empty import EmptyState
from tui.widgets.screen_lines import PaneTitle

if TYPE_CHECKING:
    from engine.api import Engine

MARGIN = 3
"""Cells of a line that its text cannot use: the padding, and the scrollbar."""


class InsightList(OptionList):
    """The lines; the cursor stops only at those that lead somewhere."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False, id="insight-list.down"),
        Binding("k", "cursor_up", show=False, id="insight-list.up"),
        Binding("g", "first", show=False, id="insight-list.first"),
        Binding("G", "last", show=False, id="insight-list.last"),
        Binding("ctrl+d", "page_down", show=False, id="insight-list.page-down"),
        Binding("ctrl+u", "page_up", show=False, id="insight-list.page-up"),
    ]

    def __init__(self) -> None:
        super().__init__(id="insight-list", markup=False)
        self._shown: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        self._shown = lines
        self._lay_out()

    def on_resize(self, _: events.Resize) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        """Wrap the lines to the width; the cursor stays on its line."""
        if not self.size.width:
            return
        at, width = self.highlighted, self.size.width - MARGIN
        self.set_options(Option(line.content(width), disabled=line.behind is None) for line in self._shown)
        first = next((index for index, line in enumerate(self._shown) if line.behind is not None), None)
        self.highlighted = at if at is not None and at < len(self._shown) else first

    @property
    def line(self) -> Line | None:
        """The line under the cursor."""
        at = self.highlighted
        return self._shown[at] if at is not None and at < len(self._shown) else None


class InsightsScreen(ConsoleScreen):
    """Explains a subject. `open_run` opens a run by its id, `filter_runs` shows the runs that a filter
    selects, `write_report` writes a report about a subject."""

    scope: ClassVar[Scope] = "insights"
    CSS_PATH = "screen.tcss"

    def __init__(
        self,
        subject: InsightSubject,
        *,
        open_run: Callable[[str], object],
        filter_runs: Callable[[str], object],
        write_report: Callable[[InsightSubject], object],
    ) -> None:
        super().__init__()
        self.subject = subject
        self._open_run = open_run
        self._filter_runs = filter_runs
        self._write_report = write_report
        self._with_forest = False

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("INSIGHTS", id="insights-title")
        yield InsightList()
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        self.mode = self.app.current_mode
        super().on_mount()
        self.query_one(InsightList).focus()
        self.refresh_view()

    @property
    def is_live(self) -> bool:
        """The runs are those of the moment when the view was opened."""
        return False

    def panes(self) -> list[Widget]:
        return [self.query_one(InsightList)]

    # ── reading and showing ──────────────────────────────────────────────────

    def refresh_view(self) -> None:
        self._show_title(Shown("reading …"))
        work = partial(explain, self.engine, self.subject, with_forest=self._with_forest)
        self.ask(work, self._show, group=VIEW, failed=self._show_failure)

    def _show(self, found: Explained) -> None:
        if found.subject is not self.subject:
            return
        self.record_read()
        self.hide_page()
        self.app.clear_notifications()
        self.query_one(InsightList).show(lines_of(found))
        best = found.result.best
        corrected = " · p-values corrected" if self.subject.correction == "holm" else ""
        frame = self.subject.frame
        partial_of = "" if frame.complete else f" · only {counted(len(frame), 'run')} loaded"
        facts = Shown(f"{best.direction} is better{corrected}{partial_of}")
        self._show_title(facts, len(best.comparable))
        self.show_keys()

    def _show_failure(self, error: EngineError) -> None:
        self._show_title(Shown(""))
        self.record_read()
        keys = [("[ ]", "another metric"), ("r", "retry"), ("q", "back")]
        self.show_page(error.title, error.detail, error.hint, keys=keys)

    def _show_title(self, facts: Shown, runs: int | None = None) -> None:
        title = self.query_one("#insights-title", PaneTitle)
        over = "" if runs is None else f" over {counted(runs, 'run')}"
        where = f"  best with {self.subject.where}" if self.subject.where else ""
        title.subject = safe(f"{self.subject.metric}{over} of {self.subject.title}{where}")
        title.facts = facts
        title.bright = True

    # ── commands ─────────────────────────────────────────────────────────────

    def why_not(self, command: Command) -> str | None:
        if command.id == "insights.open-line" and not self._can_open:
            return "This line has nothing to open."
        if command.id in _OTHER_METRIC and len(self.subject.metric_names) < 2:
            return "These runs have no other metric."
        return super().why_not(command)

    @property
    def _can_open(self) -> bool:
        found = self.query(InsightList)
        line = found.first().line if found else None
        return line is not None and line.behind is not None

    @on(OptionList.OptionHighlighted)
    def _follow(self) -> None:
        self.show_keys()

    @on(OptionList.OptionSelected)
    def action_open_line(self) -> None:
        """Open the run, the runs or the chart behind the line."""
        line = self.query_one(InsightList).line
        if line is None or self.refuse("insights.open-line"):
            return
        if isinstance(line.behind, BehindChart):
            self._chart(line.behind)
        elif isinstance(line.behind, BehindRuns):
            self._show_runs(line.behind)

    def _chart(self, behind: BehindChart) -> None:
        from tui.charts.kinds import kind_by
        from tui.charts.screen import ChartScreen
        from tui.charts.subject import ChartSubject

        subject, frame = self.subject, self.subject.frame
        rows = tuple(range(len(frame))) if subject.rows is None else subject.rows
        if behind.run_ids:
            rows = tuple(row for run_id in behind.run_ids if (row := frame.row_of(run_id)) is not None)
        metric = behind.metric or subject.metric
        x, y, *_ = (*behind.params, None, None)
        chart = ChartSubject(subject.title, frame, rows, (metric,), x, y, subject.directions)
        self.app.push_screen(ChartScreen(chart, kind_by(chart), open_run=self._open_run))

    def _show_runs(self, behind: BehindRuns) -> None:
        if len(behind.run_ids) == 1:
            self._open_run(behind.run_ids[0])
        elif expression := behind.expression:
            self.dismiss()
            self._filter_runs(expression)
        else:
            runs = counted(len(behind.run_ids), "run")
            self.session.say(f"{runs} are too many to select in a filter.", warning=True)

    def action_step_metric(self, step: int) -> None:
        names = self.subject.metric_names
        if self.refuse("insights.next-metric"):
            return
        at = names.index(self.subject.metric) if self.subject.metric in names else 0
        self._set(self.subject.of_metric(names[(at + step) % len(names)]))

    def action_pick_metric(self) -> None:
        from tui.dialogs.pick import PickDialog

        if self.refuse("insights.pick-metric"):
            return
        choices = [(name, safe(name)) for name in self.subject.metric_names]

        def show(name: str | None) -> None:
            if name is not None:
                self._set(self.subject.of_metric(name))

        self.app.push_screen(PickDialog("Explain", choices), show)

    def action_flip_direction(self) -> None:
        """Remembered for this metric, in all views."""
        from engine.api import direction_of

        metric = self.subject.metric
        now = self.subject.directions.get(metric) or direction_of(metric) or "higher"
        self.state.directions[metric] = "lower" if now == "higher" else "higher"
        self._set(replace(self.subject, directions=dict(self.state.directions)))

    def action_toggle_correction(self) -> None:
        corrected = self.subject.correction == "holm"
        self._set(replace(self.subject, correction="none" if corrected else "holm"))

    def action_fit_forest(self) -> None:
        """Also ask a random forest which parameters matter."""
        self._with_forest = not self._with_forest
        if self._with_forest:
            self.session.say("Fitting a random forest …")
        self.refresh_view()

    def action_write_report(self) -> None:
        self._write_report(self.subject)

    def _set(self, subject: InsightSubject) -> None:
        self.subject = subject
        self.refresh_view()


def explain(engine: Engine, subject: InsightSubject, *, with_forest: bool) -> Explained:
    """Find out what the runs say. Raises `FilterError` for an invalid constraint, `NotFound`."""
    from engine.api import compile_filter

    frame = subject.frame
    where = compile_filter(subject.where, frame.keys, frame) if subject.where else None
    result = engine.evidence.insights(
        frame,
        subject.metric,
        subject.directions.get(subject.metric),
        subject.rows,
        where=where,
        correction=subject.correction,
    )
    forest = engine.evidence.forest(frame, result.best) if with_forest else None
    return Explained(subject, result, engine.evidence.remarks(frame, result), forest)


_OTHER_METRIC = ("insights.next-metric", "insights.previous-metric", "insights.pick-metric")
