"""The runs of an experiment: the view in which an operator spends the day."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from engine import formats
from engine.entities import Run
from engine.errors import EngineError, StoreNotFound
from engine.text import Shown, safe
from tui.commands.bindings import Command, Scope
from tui.runs.arranging import RunArranging
from tui.runs.experiments import RunExperiments
from tui.runs.filter_bar import FilterBar
from tui.runs.lifecycle import RunLifecycle
from tui.runs.pane import RunList
from tui.runs.preview import RunPreview
from tui.runs.reading import RunReading
from tui.screen import compare_reason, current_view
from tui.widgets.empty import EmptyState
from tui.widgets.pane_title import PaneTitle
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import BestRun, GroupSummary, RunFrame, Stamp

USUAL_REFRESH = 10.0
"""Seconds between two looks when the operator switches them on and has said nothing else."""
PREVIEW_SECONDS = 0.1
"""How long the cursor rests on a run or group before the preview shows it."""
SEARCH_SECONDS = 0.4
"""How long a filter stands before the store is asked what it means."""
EXPERIMENT_TICKS = 6
"""The experiments are looked at again when runs changed and, where the store cannot tell that nothing
has, with every so many looks at the runs."""


class RunsScreen(RunExperiments, RunArranging, RunLifecycle):
    scope: ClassVar[Scope] = "runs"
    mode = "runs"
    pane_ids = ("experiments", "runs")
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.reading = RunReading(self)
        self._ticks = 0
        self._listed: Stamp | None = None
        self._resting: Timer | None = None
        self._searching: Timer | None = None
        self._previewed: Run | GroupSummary | None = None

    def compose_view(self) -> ComposeResult:
        with Horizontal(id="panes"):
            with Vertical(id="experiments-pane"):
                yield PaneTitle("EXPERIMENTS", id="experiments-title")
                yield Table(id="experiments")
            yield RunList(self.session.bridge, id="run-list")
        yield RunPreview(id="preview")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.run_list.table.focus()
        self.refresh_view()
        self.reading.seconds = self.session.refresh_seconds
        self.set_interval(self.session.refresh_seconds or USUAL_REFRESH, self._tick)

    @property
    def run_list(self) -> RunList:
        return self.query_one("#run-list", RunList)

    # ── reading ──────────────────────────────────────────────────────────────

    def show_frame(self, frame: RunFrame) -> None:
        """There are more runs, or others."""
        first = self.run_list.frame is None
        self.run_list.show_frame(frame)
        self.show_progress()
        if first or self.trouble is not None:
            self.read_now()
        if first:
            self._ask_store()

    def show_progress(self) -> None:
        reading = self.reading
        self.run_list.tell_progress(reading.stage, reading.read_again)
        self.show_keys()

    def tell_answered(self, where: Shown) -> None:
        self.run_list.tell_answered(where)

    def _tick(self) -> None:
        if current_view(self.app) is self and self.is_running:  # under a dialog, too
            self.reading.tick()

    def looked_again(self, changed: bool) -> None:
        """The store was asked what has changed."""
        self.read_now()
        self._ticks += 1
        stamp = self.reading.feed.stamp if self.reading.feed is not None else None
        due = self._ticks % EXPERIMENT_TICKS == 0 if stamp is None else stamp != self._listed
        self._listed = stamp
        if changed or due:
            self.list_experiments()

    def lose(self, error: EngineError) -> None:
        """The store does not answer: the rows stay, the first line tells since when."""
        if isinstance(error, StoreNotFound) and self.read_at:  # no place for advice to make another
            hint = "The rows stay, and are refreshed when the store is back."
            error = StoreNotFound("The store no longer exists", error.detail, hint)
        since = formats.clock(self.read_at)
        first = self.trouble is None
        self.trouble = Shown(f"no answer since {since}") if self.read_at else safe(error.title)
        self.show_place()
        if first:
            self.session.show_error(error)

    def data_age(self) -> Shown:
        seconds = self.reading.seconds
        if seconds and self.read_at is not None and self.reading.stage == "whole":
            return Shown(f"≤ {seconds:g} s old")
        return super().data_age()

    # ── what the operator does ───────────────────────────────────────────────

    @on(Table.RowSelected, "#runs")
    def _open_run(self, event: Table.RowSelected) -> None:
        if self.run_list.is_group(event.key):
            self.run_list.toggle_fold()
            return
        from tui.run.screen import RunScreen

        self.app.push_screen(RunScreen(event.key))

    @on(RunList.Highlighted)
    def _preview(self, event: RunList.Highlighted) -> None:
        """The preview follows where the cursor rests: a held key crosses many runs."""
        event.stop()
        self._previewed = event.subject
        if self._resting is None:
            self._resting = self.set_timer(PREVIEW_SECONDS, self._show_preview)
        else:
            self._resting.reset()

    def _show_preview(self) -> None:
        self._resting = None
        self.query_one("#preview", RunPreview).subject = self._previewed

    @on(RunList.MarksChanged)
    def _marks_changed(self) -> None:
        self.show_keys()

    @on(RunList.Filtered)
    def _ask_store_soon(self) -> None:
        if self._searching is not None:
            self._searching.stop()
        self._searching = self.set_timer(SEARCH_SECONDS, self._ask_store)

    @on(FilterBar.Kept)
    def _ask_store(self) -> None:
        if self._searching is not None:
            self._searching.stop()
        self.reading.search(self.run_list.view.look.filter_text)

    @on(RunList.Failed)
    def _arranging_failed(self, event: RunList.Failed) -> None:
        self.show_trouble(event.error)

    def action_stop_loading(self) -> None:
        if not self.refuse("runs.stop-loading"):
            self.reading.stop()

    def action_toggle_auto_refresh(self) -> None:
        wanted = self.session.refresh_seconds or USUAL_REFRESH
        self.reading.seconds = 0.0 if self.reading.seconds else wanted
        told = f"Looks again every {wanted:g} s." if self.reading.seconds else "Auto-refresh off"
        self.session.say(told)
        self.show_place()

    def peel(self) -> bool:
        if self.has_class("-experiments-open"):
            self.remove_class("-experiments-open")
            self.run_list.table.focus()
        elif self.run_list.view.look.filter_text:
            self.run_list.clear_filter()
        elif self.run_list.view.marks:
            self.run_list.clear_marks()
        else:
            return False
        return True

    def action_previous_pane(self) -> None:
        if self.has_class("-narrow") and not self.has_class("-experiments-open"):
            self.add_class("-experiments-open")
            self.query_one("#experiments", Table).focus()
        else:
            super().action_previous_pane()

    def why_not(self, command: Command) -> str | None:
        if command.id == "runs.compare-marked":
            return compare_reason(len(self.run_list.view.marks), "runs")
        if command.id == "runs.stop-loading" and not self.reading.under_way:
            return "Nothing is loading."
        return super().why_not(command)

    def action_compare_marked(self) -> None:
        if not self.refuse("runs.compare-marked"):
            self.state.compared = self.run_list.marked()
            self.run_worker(self.session.show_mode("compare"))

    def action_copy_id(self) -> None:
        key = self.run_list.table.cursor_key
        if key and not self.run_list.is_group(key):
            self.app.copy_to_clipboard(key)
            self.session.say(f"Copied {key}")

    def action_export_csv(self, name: str = "experiment_results.csv") -> None:
        from tui.runs.dialogs.export import ExportDialog

        def tell(written: str | None) -> None:
            if written:
                self.session.say(written)

        frame, rows = self.run_list.frame, [*self.run_list.rows]
        if frame is not None:
            self.app.push_screen(ExportDialog(self.engine, self.session.bridge, frame, rows, name), tell)

    def action_show_best(self, metric: str = "") -> None:
        from tui.runs.dialogs.best import BestDialog

        frame, wanted = self.run_list.frame, metric or self.run_list.metric_at_hand()
        if frame is None or not wanted:
            self.session.say("These runs have no metrics.", warning=True)
            return

        filtered = bool(self.run_list.view.look.filter_text.strip())

        def show(best: BestRun) -> None:
            self.app.push_screen(BestDialog(best, filtered=filtered), self._go_to_run)

        rows = [*self.run_list.rows] if filtered else None
        work = partial(self.engine.runs.best, frame, wanted, self.state.directions.get(wanted), rows)
        self.ask(work, show, group="best", failed=self.session.show_error, opens=True)

    def _go_to_run(self, run_id: str | None) -> None:
        if run_id and not self.run_list.table.move_to(run_id):
            self.session.say("The filter hides this run.", warning=True)
