"""The runs of an experiment: the view in which an operator spends the day."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from engine import values
from engine.entities import Experiment
from engine.errors import EngineError, FilterError, StoreNotFound
from engine.jobs import CancelToken
from engine.text import Shown, safe
from tui.bridge import Relay
from tui.commands import Command, Scope
from tui.screens.base import ConsoleScreen
from tui.state import View
from tui.widgets.empty import EmptyState
from tui.widgets.filter_bar import FilterBar
from tui.widgets.pane_title import PaneTitle
from tui.widgets.run_preview import RunPreview
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.runs.frame import ColumnKey, RunFrame, SortKey
    from engine.runs.insights import BestRun
    from tui.widgets.run_source import RunSource

DEBOUNCE = 0.15
"""Seconds without a key before a filter is tried."""


class RunsScreen(ConsoleScreen):
    scope: ClassVar[Scope] = "runs"
    mode = "runs"
    pane_ids = ("experiments", "runs")
    CSS_PATH = "runs.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.experiments: tuple[Experiment, ...] = ()
        self.experiment: Experiment | None = None
        self.frame: RunFrame | None = None
        self.rows: list[int] = []
        self._loading = CancelToken()
        self._typing: Timer | None = None

    def compose_view(self) -> ComposeResult:
        with Horizontal(id="panes"):
            with Vertical(id="experiments-pane"):
                yield PaneTitle("EXPERIMENTS", id="experiments-title")
                yield Table(id="experiments")
            with Vertical(id="runs-pane"):
                yield PaneTitle("RUNS", id="runs-title")
                yield FilterBar(id="filter")
                yield Table(id="runs")
        yield RunPreview(id="preview")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#runs", Table).focus()
        self.refresh_view()

    @property
    def view(self) -> View:
        return self.state.view(self.experiment.experiment_id if self.experiment else "")

    @property
    def source(self) -> RunSource | None:
        from tui.widgets.run_source import RunSource

        source = self.query_one("#runs", Table).source
        return source if isinstance(source, RunSource) else None

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
        if not any(e.run_count != 0 for e in self.experiments):
            self._show_empty("No runs yet", "This store holds experiments, but no run was logged into them.")
            return
        self.remove_class("-empty")
        table = self.query_one("#experiments", Table)
        table.set_source(_experiment_source(self.experiments))
        title = self.query_one("#experiments-title", PaneTitle)
        title.facts = values.count(len(self.experiments))
        chosen = self._choose(newest)
        if chosen is not None:
            table.move_to(chosen.experiment_id)
            self.show_experiment(chosen)

    def _choose(self, newest: str | None) -> Experiment | None:
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
        return self.experiments[0] if self.experiments else None

    def show_experiment(self, experiment: Experiment) -> None:
        """Read an experiment's runs and show them as they come."""
        changed = self.experiment is None or self.experiment.experiment_id != experiment.experiment_id
        self.experiment = experiment
        self.state.experiment_id = experiment.experiment_id
        if changed:
            self.frame = None
            self.query_one("#filter", FilterBar).show_text(self.view.filter_text)
            self.query_one("#runs", Table).set_marks(self.view.marks)
        self._tell_count()
        self._loading.cancel()
        self._loading = token = CancelToken()
        experiment_id = experiment.experiment_id

        def show(frame: RunFrame) -> None:
            if not token.cancelled:
                self._show_frame(frame)

        work = partial(self.engine.load_runs, experiment_id, on_frame=Relay(show), cancel=token)
        self.ask(work, show, group="runs")

    def _no_store(self, error: EngineError) -> None:
        if self.frame is not None:
            self.show_trouble(error)
            return
        self.read_now()
        if not isinstance(error, StoreNotFound):
            self.trouble = safe(error.title)
            self.show_place()
        self._show_empty(error.title, error.detail, error.hint)

    def _show_empty(self, title: str, detail: str, hint: str = "") -> None:
        self.add_class("-empty")
        self.query_one("#empty", EmptyState).show(
            title,
            [line for line in (detail, hint) if line],
            keys=[("4", "train a sweep"), ("r", "look again"), (":", "command line"), ("q", "quit")],
        )

    # ── arranging ────────────────────────────────────────────────────────────

    def _show_frame(self, frame: RunFrame) -> None:
        self.frame = frame
        self.read_now()
        self.arrange()

    def arrange(self) -> None:
        """Filter and sort what is loaded, off the event loop; the newest request wins."""
        frame, view = self.frame, self.view
        if frame is None:
            return

        def work() -> tuple[RunFrame, list[int], tuple[SortKey, ...]]:
            from engine.query import compile_filter
            from engine.runs.frame import sorted_rows

            rows = (
                compile_filter(view.filter_text, frame.keys).rows(frame) if view.filter_text.strip() else None
            )
            return frame, sorted_rows(frame, view.sort, rows), view.sort

        self.ask(work, self._show_rows, group="arrange", failed=self._refuse_filter)

    def _show_rows(self, arranged: tuple[RunFrame, list[int], tuple[SortKey, ...]]) -> None:
        from tui.widgets.run_source import RunSource

        frame, self.rows, sort = arranged
        self.query_one("#runs", Table).set_source(RunSource(frame, self.rows, sort))
        if self.view.filter_text.strip():
            self.query_one("#filter", FilterBar).show_note(Shown(f"{values.count(len(self.rows))} match"))
        self._tell_count()

    def _refuse_filter(self, error: EngineError) -> None:
        if isinstance(error, FilterError):
            self.query_one("#filter", FilterBar).show_fault(error)
        else:
            self.show_trouble(error)

    def _tell_count(self) -> None:
        title = self.query_one("#runs-title", PaneTitle)
        title.subject = safe(self.experiment.name) if self.experiment else Shown("")
        frame = self.frame
        if frame is None:
            title.facts = Shown("loading …")
            return
        loaded = len(frame)
        parts = [f"{values.count(len(self.rows))} of {values.count(loaded)}"]
        if not frame.complete:
            whole = f" of {values.count(frame.total)}" if frame.total else ""
            parts.append(f"loading {values.count(loaded)}{whole}")
        if marks := len(self.view.marks):
            parts.append(f"{values.count(marks)} marked")
        parts += [f"sorted {safe(k.key.name)} {'↓' if k.descending else '↑'}" for k in self.view.sort]
        title.facts = Shown(" · ".join(parts))

    # ── what the operator does ───────────────────────────────────────────────

    @on(Table.RowSelected, "#experiments")
    def _open_experiment(self, event: Table.RowSelected) -> None:
        chosen = next((e for e in self.experiments if e.experiment_id == event.key), None)
        if chosen is not None:
            self.show_experiment(chosen)
            self.remove_class("-experiments-open")
            self.query_one("#runs", Table).focus()

    @on(Table.RowSelected, "#runs")
    def _open_run(self, event: Table.RowSelected) -> None:
        from tui.screens.run import RunScreen

        self.app.push_screen(RunScreen(event.key))

    @on(Table.RowHighlighted, "#runs")
    def _preview(self, event: Table.RowHighlighted) -> None:
        source = self.source
        preview = self.query_one("#preview", RunPreview)
        if source is None or event.key is None or (row := source.frame.row_of(event.key)) is None:
            preview.run = None
        else:
            preview.run = source.frame.run(row)

    @on(Table.MarksChanged, "#runs")
    def _keep_marks(self, event: Table.MarksChanged) -> None:
        self.view.marks = frozenset(event.keys)
        self._tell_count()
        self.show_keys()

    @on(Table.HeaderClicked, "#runs")
    def _sort_clicked(self, event: Table.HeaderClicked) -> None:
        self._sort_by(event.key)

    def action_sort_column(self) -> None:
        column = self.query_one("#runs", Table).column_key
        if column is not None:
            self._sort_by(column)

    def _sort_by(self, column: str) -> None:
        source = self.source
        key = source.column_key(column) if source else None
        if key is not None:
            self.sort_by(key)

    def sort_by(self, key: ColumnKey, descending: bool | None = None) -> None:
        """Sort by one column; again by the same: the other way round."""
        from engine.runs.compare import direction_of
        from engine.runs.frame import SortKey

        now = self.view.sort[0] if self.view.sort else None
        if descending is None:
            if now is not None and now.key == key:
                descending = not now.descending
            else:
                newest_first = key.name in ("start_time", "end_time")
                descending = newest_first or (key.kind == "metric" and direction_of(key.name) == "higher")
        self.view.sort = (SortKey(key, descending),)
        self.arrange()

    def action_pick_sort(self) -> None:
        from tui.dialogs.pick import PickDialog

        source = self.source
        if source is None:
            return
        choices = [(str(c.key), c.label) for c in source.keys]
        self.app.push_screen(PickDialog("Sort by", choices), lambda chosen: chosen and self._sort_by(chosen))

    def action_open_filter(self) -> None:
        self.query_one("#filter", FilterBar).open()

    @on(FilterBar.Edited)
    def _wait_for_more(self, event: FilterBar.Edited) -> None:
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(DEBOUNCE, partial(self.set_filter, event.text))

    def set_filter(self, text: str) -> None:
        """Filter by `text`; a wrong one says so and leaves the rows."""
        self.view.filter_text = text
        if not text.strip():
            self.query_one("#filter", FilterBar).show_note(Shown(""))
        self.arrange()

    def apply_filter(self, text: str) -> None:
        """Filter as if `text` had been typed."""
        self.query_one("#filter", FilterBar).show_text(text)
        self.set_filter(text)

    @on(FilterBar.Left)
    def _go_to_rows(self) -> None:
        bar = self.query_one("#filter", FilterBar)
        if not bar.text.strip():
            bar.close()
        self.query_one("#runs", Table).focus()

    @on(FilterBar.Cleared)
    def _clear_filter(self) -> None:
        self.query_one("#filter", FilterBar).close()
        self.query_one("#runs", Table).focus()
        self.set_filter("")

    def peel(self) -> bool:
        if self.has_class("-experiments-open"):
            self.remove_class("-experiments-open")
        elif self.view.filter_text:
            self._clear_filter()
        elif self.view.marks:
            self.query_one("#runs", Table).set_marks(frozenset())
            self.view.marks = frozenset()
            self._tell_count()
        else:
            return False
        return True

    def action_previous_pane(self) -> None:
        if self.has_class("-narrow") and self.focused is self.query_one("#runs"):
            self.add_class("-experiments-open")
            self.query_one("#experiments", Table).focus()
        else:
            super().action_previous_pane()

    def why_not(self, command: Command) -> str | None:
        if command.id == "runs.compare-marked" and len(self.view.marks) < 2:
            return "Mark two runs or more with space first."
        return super().why_not(command)

    def action_compare_marked(self) -> None:
        if self.refuse("runs.compare-marked") or self.frame is None:
            return
        marked = self.view.marks
        self.state.compared = tuple(
            i for i in (self.frame.run_ids[r] for r in self.rows) if i in marked
        ) + tuple(i for i in sorted(marked) if (r := self.frame.row_of(i)) is None or r not in set(self.rows))
        self.run_worker(self.app.switch_mode("compare"))

    def action_copy_id(self) -> None:
        key = self.query_one("#runs", Table).cursor_key
        if key:
            self.app.copy_to_clipboard(key)
            self.console.say(f"Copied {key}")

    def action_export_csv(self, name: str = "") -> None:
        from tui.dialogs.export import ExportDialog

        if self.frame is None:
            return
        frame, rows = self.frame, list(self.rows)
        self.app.push_screen(ExportDialog(frame, rows, name or "experiment_results.csv"))

    def action_show_best(self, metric: str = "") -> None:
        from tui.dialogs.best import BestDialog

        frame = self.frame
        wanted = metric or self._metric_at_hand()
        if frame is None or not wanted:
            self.console.say("These runs have no metric to be best by.", warning=True)
            return
        direction = self.state.directions.get(wanted)

        def show(best: BestRun) -> None:
            self.app.push_screen(BestDialog(best), self._go_to_run)

        self.ask(
            partial(self.engine.best, frame, wanted, direction),
            show,
            group="best",
            failed=self.console.show_error,
        )

    def _go_to_run(self, run_id: str | None) -> None:
        if run_id:
            self.query_one("#runs", Table).move_to(run_id)

    def _metric_at_hand(self) -> str | None:
        """The metric that the operator is looking at: the focused column, the sort key, else accuracy
        or the first there is."""
        source = self.source
        if source is None:
            return None
        column = self.query_one("#runs", Table).column_key
        at_hand = [source.column_key(column) if column else None, *(k.key for k in self.view.sort)]
        metrics = [c.key.name for c in source.keys if c.key.kind == "metric"]
        for key in at_hand:
            if key is not None and key.kind == "metric":
                return key.name
        return "accuracy" if "accuracy" in metrics else next(iter(metrics), None)


def _experiment_source(experiments: tuple[Experiment, ...]) -> TextSource:
    """Names and, where the store can tell, how many runs each has."""
    counted = any(e.run_count is not None for e in experiments)
    columns = [TableColumn("name", Shown("name"), 15, wanted=60)]
    if counted:
        columns.append(TableColumn("runs", Shown("runs"), 7, numeric=True))
    rows = []
    for e in experiments:
        cells = [safe(e.name)]
        if counted:
            cells.append(values.MISSING if e.run_count is None else values.count(e.run_count))
        rows.append(TextRow(e.experiment_id, cells, {1: "muted"}))
    return TextSource(columns, rows)
