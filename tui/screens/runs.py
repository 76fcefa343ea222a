"""The runs of an experiment: the view in which an operator spends the day."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from engine import values
from engine.entities import Experiment
from engine.errors import EngineError, StoreNotFound
from engine.jobs import CancelToken
from engine.text import Shown, safe
from tui.bridge import Relay
from tui.commands import Command, Scope
from tui.screens.base import ConsoleScreen, compare_reason
from tui.widgets.empty import EmptyState
from tui.widgets.pane_title import PaneTitle
from tui.widgets.run_list import RunList
from tui.widgets.run_preview import RunPreview
from tui.widgets.table import Table, TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from engine.runs.frame import RunFrame
    from engine.runs.insights import BestRun


class RunsScreen(ConsoleScreen):
    scope: ClassVar[Scope] = "runs"
    mode = "runs"
    pane_ids = ("experiments", "runs")
    CSS_PATH = "runs.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.experiments: tuple[Experiment, ...] = ()
        self.experiment: Experiment | None = None
        self._loading = CancelToken()

    def compose_view(self) -> ComposeResult:
        with Horizontal(id="panes"):
            with Vertical(id="experiments-pane"):
                yield PaneTitle("EXPERIMENTS", id="experiments-title")
                yield Table(id="experiments")
            yield RunList(self.console.bridge, id="run-list")
        yield RunPreview(id="preview")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.run_list.table.focus()
        self.refresh_view()

    @property
    def run_list(self) -> RunList:
        return self.query_one("#run-list", RunList)

    # ── reading ──────────────────────────────────────────────────────────────

    def refresh_view(self) -> None:
        self.ask(self._read_experiments, self._show_experiments, group="experiments", failed=self._no_store)

    def _read_experiments(self) -> tuple[tuple[Experiment, ...], str | None]:
        found = self.engine.experiments()
        known = any(e.last_run_time for e in found)
        newest = None if known or not found else self.engine.newest_experiment()
        return found, newest or (found[0].experiment_id if found else None)

    def _show_experiments(self, answer: tuple[tuple[Experiment, ...], str | None]) -> None:
        self.experiments, newest = answer
        self.read_now()
        if all(e.run_count == 0 for e in self.experiments):
            self._show_empty("No runs yet", "Nothing has been logged into this store.", _FIRST_STEPS)
            return
        self.remove_class("-empty")
        table = self.query_one("#experiments", Table)
        table.set_source(_experiment_source(self.experiments))
        self.query_one("#experiments-title", PaneTitle).facts = values.count(len(self.experiments))
        self.show_experiment(self._choose(newest))

    def _choose(self, newest: str | None) -> Experiment:
        """What was asked for, what is shown, what was viewed last, what was active last."""
        wanted, self.console.wanted_experiment = self.console.wanted_experiment, None
        by_id = {e.experiment_id: e for e in self.experiments}
        by_name = {e.name: e for e in self.experiments}
        if wanted is not None and wanted not in by_name and wanted not in by_id:
            self.console.say(f"There is no experiment {wanted!r} here.", warning=True)
        shown = self.experiment.experiment_id if self.experiment else None
        for choice in (wanted, shown, self.state.experiment_id, newest):
            if choice is not None and (choice in by_name or choice in by_id):
                return by_name.get(choice) or by_id[choice]
        return self.experiments[0]

    def show_experiment(self, experiment: Experiment) -> None:
        """Read an experiment's runs and show them as they come."""
        if self.experiment is None or self.experiment.experiment_id != experiment.experiment_id:
            self.run_list.begin(experiment.name, self.state.view(experiment.experiment_id))
        self.experiment = experiment
        self.state.experiment_id = experiment.experiment_id
        self.query_one("#experiments", Table).move_to(experiment.experiment_id)
        self._loading.cancel()
        self._loading = token = CancelToken()

        def show(frame: RunFrame) -> None:
            if not token.cancelled:
                self.read_now()
                self.run_list.show_frame(frame)

        relay = Relay(self.while_here(show))
        work = partial(self.engine.load_runs, experiment.experiment_id, on_frame=relay, cancel=token)
        self.ask(work, show, group="runs")

    def _no_store(self, error: EngineError) -> None:
        if self.run_list.frame is not None:
            self.show_trouble(error)
            return
        self.read_now()
        if not isinstance(error, StoreNotFound):
            self.trouble = safe(error.title)
            self.show_place()
        self._show_empty(error.title, error.detail, error.hint)

    def _show_empty(self, title: str, *lines: str) -> None:
        self.add_class("-empty")
        keys = [("4", "train a sweep"), ("r", "look again"), (":", "command line"), ("q", "quit")]
        self.query_one("#empty", EmptyState).show(title, [line for line in lines if line], keys)

    # ── what the operator does ───────────────────────────────────────────────

    @on(Table.RowSelected, "#experiments")
    def _open_experiment(self, event: Table.RowSelected) -> None:
        chosen = next((e for e in self.experiments if e.experiment_id == event.key), None)
        if chosen is not None:
            self.show_experiment(chosen)
            self.remove_class("-experiments-open")
            self.run_list.table.focus()

    @on(Table.RowSelected, "#runs")
    def _open_run(self, event: Table.RowSelected) -> None:
        from tui.screens.run import RunScreen

        self.app.push_screen(RunScreen(event.key))

    @on(RunList.Highlighted)
    def _preview(self, event: RunList.Highlighted) -> None:
        self.query_one("#preview", RunPreview).run = event.run

    @on(RunList.MarksChanged)
    def _marks_changed(self) -> None:
        self.show_keys()

    @on(RunList.Failed)
    def _arranging_failed(self, event: RunList.Failed) -> None:
        self.show_trouble(event.error)

    def action_sort_column(self) -> None:
        self.run_list.sort_by_column(None)

    def action_pick_sort(self) -> None:
        from tui.dialogs.pick import PickDialog

        def sort(chosen: str | None) -> None:
            if chosen:
                self.run_list.sort_by_column(chosen)

        if (source := self.run_list.source) is not None:
            choices = [(str(c.key), safe(str(c.key))) for c in source.keys]
            self.app.push_screen(PickDialog("Sort by", choices), sort)

    def action_open_filter(self) -> None:
        self.run_list.filter_bar.open()

    def peel(self) -> bool:
        if self.has_class("-experiments-open"):
            self.remove_class("-experiments-open")
            self.run_list.table.focus()
        elif self.run_list.view.filter_text:
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
        return super().why_not(command)

    def action_compare_marked(self) -> None:
        if not self.refuse("runs.compare-marked"):
            self.state.compared = self.run_list.marked()
            self.run_worker(self.console.action_show_mode("compare"))

    def action_copy_id(self) -> None:
        if key := self.run_list.table.cursor_key:
            self.app.copy_to_clipboard(key)
            self.console.say(f"Copied {key}")

    def action_export_csv(self, name: str = "experiment_results.csv") -> None:
        from tui.dialogs.export import ExportDialog

        def tell(written: str | None) -> None:
            if written:
                self.console.say(written)

        frame, rows = self.run_list.frame, [*self.run_list.rows]
        if frame is not None:
            self.app.push_screen(ExportDialog(self.engine, self.console.bridge, frame, rows, name), tell)

    def action_show_best(self, metric: str = "") -> None:
        from tui.dialogs.best import BestDialog

        frame, wanted = self.run_list.frame, metric or self.run_list.metric_at_hand()
        if frame is None or not wanted:
            self.console.say("These runs have no metric to be best by.", warning=True)
            return

        def show(best: BestRun) -> None:
            self.app.push_screen(BestDialog(best), self._go_to_run)

        work = partial(self.engine.best, frame, wanted, self.state.directions.get(wanted))
        self.ask(work, show, group="best", failed=self.console.show_error)

    def _go_to_run(self, run_id: str | None) -> None:
        if run_id and not self.run_list.table.move_to(run_id):
            self.console.say("The filter hides that run.", warning=True)


_FIRST_STEPS = "Train a sweep here, or run `mlflow-console demo` in an empty folder for an example."


def _experiment_source(experiments: tuple[Experiment, ...]) -> TextSource:
    """Names and, where the store can tell, how many runs each has."""
    counted = any(e.run_count is not None for e in experiments)
    columns = [TableColumn("name", Shown("name"), 14, wanted=60)]
    if counted:
        columns.append(TableColumn("runs", Shown("runs"), 6, numeric=True))
    rows = []
    for e in experiments:
        cells = [safe(e.name)]
        if counted:
            cells.append(values.MISSING if e.run_count is None else values.count(e.run_count))
        rows.append(TextRow(e.experiment_id, cells, {1: "muted"}))
    return TextSource(columns, rows)
