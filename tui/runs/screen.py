"""The runs view: experiments, the run table and a preview."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from engine.entities import Experiment, Run
from engine.errors import EngineError, StoreNotFound
from engine.text import safe, short_name
from tui.commands.bindings import Command, Scope
from tui.runs.arranging import Arranging
from tui.runs.conclusions import RunConclusions
from tui.runs.deletion import RunDeletion
from tui.runs.experiments import ExperimentPane
from tui.runs.pane import RunPane
from tui.runs.preview import RunPreview
from tui.runs.saved_views import SavedViewCommands
from tui.runs.session import RunSession, SessionChange
from tui.screen import VIEW, ConsoleScreen, ReadSnippets, compare_reason
from tui.widgets.empty import EmptyState
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import (
        ExperimentResult,
        GroupSummary,
        Stamp,
    )
    from engine.columns import ColumnKey
    from tui.dialogs.export import ExportOffer
    from tui.editing.experiments import ExperimentChanges
    from tui.run.screen import KnownRun

T = TypeVar("T")

_ON_ROWS = frozenset(
    f"runs.{verb}" for verb in ("show-best", "show-insights", "chart-metric", "export", "copy-id")
)
"""The commands that need a row."""
_ON_RUNS = _ON_ROWS | {
    f"runs.{verb}" for verb in ("open-filter", "sort-column", "pick-sort", "pick-columns", "pick-groups")
}
"""The commands that need a run, shown or not."""
_FOLDS = frozenset({"runs.toggle-fold", "runs.toggle-all-folds"})
"""The commands that need groups or parents."""

PREVIEW_DELAY = 0.1
"""Seconds before the preview follows the cursor, so that a held key does not redraw it for every run."""
ROWS_SECONDS = 2.0
"""How long a key waits for the rows of an experiment that is being opened."""
EXPERIMENT_REFRESHES = 6
"""For a store that neither detects changes nor counts runs, the experiments are listed again when runs have
changed and once per this many refreshes; for others, at every change or refresh."""
_KEYS = (("4", "train a sweep"), ("r", "refresh"), (":", "command line"), ("q", "quit"))
_FIRST_STEPS = "Train a sweep here, or run `mlflow-console demo` in an empty folder for an example."


class RunsScreen(ConsoleScreen):
    scope: ClassVar[Scope] = "runs"
    nothing_to_export = "No runs are loaded yet."
    mode = "runs"
    pane_ids = ("experiments", "runs")
    CSS_PATH = "screen.tcss"

    runs: RunSession
    _deletion: RunDeletion

    def __init__(self) -> None:
        super().__init__()
        self.experiment: Experiment | None = None
        """The current experiment."""
        self._refreshes = 0
        self._listed_stamp: Stamp | None = None
        """The store's state when the experiments were last listed."""
        self._preview_timer: Timer | None = None
        self._highlighted: Run | GroupSummary | None = None
        self._release_keys: Callable[[], None] | None = None
        """Releases the keys that wait for the rows of an experiment."""

    def compose_view(self) -> ComposeResult:
        self.runs = RunSession(self.engine, self.session.bridge, self.tasks, self._runs_changed)
        self._deletion = RunDeletion(self, self.runs, self.list_experiments)
        self._conclusions = RunConclusions(self, self.runs)
        self._arranging = Arranging(self, self.runs, lambda: self.pane)
        with Horizontal(id="panes"):
            yield ExperimentPane(id="experiments-pane")
            yield RunPane(self.runs, id="runs-pane")
        yield RunPreview(id="preview")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.pane.table.focus()
        self.refresh_view()

    @property
    def pane(self) -> RunPane:
        return self.query_one("#runs-pane", RunPane)

    @property
    def experiments(self) -> ExperimentPane:
        return self.query_one("#experiments-pane", ExperimentPane)

    # ── experiments ──────────────────────────────────────────────────────────

    def refresh_view(self) -> None:
        """Read everything again: the experiments, then the runs."""
        failed = self._experiments_failed
        self.ask(self._read_experiments, self._show_experiments, group=VIEW, failed=failed)

    def refresh_changes(self) -> None:
        """Read the changes of the runs; without an experiment, look for one."""
        if self.experiment is None:
            self.refresh_view()
        else:
            self.runs.loader.tick()

    @property
    def is_live(self) -> bool:
        return not self.runs.loader.is_reading

    def _read_experiments(self) -> tuple[tuple[Experiment, ...], str | None]:
        """The experiments, and the ID of the one with the newest run."""
        found = self.engine.runs.experiments()
        sorted_by_run = any(e.last_run_time for e in found)
        newest = None if sorted_by_run or not found else self.engine.runs.newest_experiment()
        return found, newest or (found[0].experiment_id if found else None)

    def _show_experiments(self, answer: tuple[tuple[Experiment, ...], str | None]) -> None:
        found, newest = answer
        self.record_read()
        self.experiments.show(found)
        if self.experiments.is_empty:
            self.experiment = None
            self.show_page(
                "No runs yet", "Nothing has been logged into this store.", _FIRST_STEPS, keys=_KEYS
            )
            return
        self.hide_page()
        before, self.experiment = self.experiment, self._current_experiment()
        experiment = self._select_experiment(newest)
        if experiment is self.experiment:
            self.runs.loader.reload()
            return
        gone = before if self.experiment is None else None
        self.show_experiment(experiment)
        if gone is not None:
            self._warn_gone(gone, f"showing {short_name(experiment.name)}")

    def list_experiments(self) -> None:
        """List the experiments and their run counts again."""
        self.ask(
            self.engine.runs.experiments,
            self._update_experiments,
            group=VIEW,
            failed=self._listing_failed,
        )

    def _listing_failed(self, error: EngineError) -> None:
        self._listed_stamp = None
        self._report_error(error)

    def _update_experiments(self, found: tuple[Experiment, ...]) -> None:
        if self.experiment is None or found == self.experiments.experiments:
            return
        self.experiments.show(found)
        if (current := self._current_experiment()) is not None:
            self.experiment = current
        else:
            self._warn_gone(self.experiment, "its runs stay on screen")

    def _warn_gone(self, experiment: Experiment, consequence: str) -> None:
        name = short_name(experiment.name)
        self.session.say(f"Experiment {name} no longer exists; {consequence}", warning=True)

    def _current_experiment(self) -> Experiment | None:
        """The current experiment as just listed; None when it is gone. A deleted one, opened by name, is not
        listed."""
        if self.experiment is None or self.experiment.lifecycle_stage == "deleted":
            return self.experiment
        current = self.experiments.current(self.experiment)
        if current is not None:
            self.pane.show_name(current.name)
        return current

    def _select_experiment(self, newest: str | None) -> Experiment:
        """The requested experiment, else the current, the last viewed or the newest one."""
        named = self.experiments.named
        requested, self.session.initial_experiment = self.session.initial_experiment, None
        if requested is not None and named(requested) is None:
            self.session.say(f"Experiment {requested!r} not found", warning=True)
        if requested is None and self.experiment is not None:
            return self.experiment
        current = self.experiment.experiment_id if self.experiment else None
        candidates = (requested, current, self.state.experiment_id, newest)
        found = (named(candidate) for candidate in candidates if candidate is not None)
        return next(filter(None, found), self.experiments.experiments[0])

    def show_experiment(self, experiment: Experiment) -> None:
        """Load an experiment's runs and show them as they arrive."""
        self.experiment = experiment
        self.read_at = None
        self.show_status()
        self.state.experiment_id = experiment.experiment_id
        self.experiments.mark_open(experiment.experiment_id)
        state = self.state.experiment(experiment.experiment_id)
        if experiment.lifecycle_stage == "deleted" and state.lifecycle == "active":
            state.switch_lifecycle()
        self._rows_shown()
        if self.app.screen is self:
            self._release_keys = self.session.hold_keys(ROWS_SECONDS)
        self.pane.begin(experiment.name, state)
        self.runs.open(experiment.experiment_id, state)

    def _rows_shown(self) -> None:
        """Let keys reach the rows, or the lack of them."""
        if self._release_keys is not None:
            self._release_keys()
            self._release_keys = None

    @on(ExperimentPane.Opened)
    def _open_experiment(self, event: ExperimentPane.Opened) -> None:
        self.show_experiment(event.experiment)
        self.remove_class("-experiments-open")
        self.pane.table.focus()

    def _experiments_failed(self, error: EngineError) -> None:
        if self.experiment is not None:
            self._report_error(error)
        else:
            self.show_error_page(error)

    # ── runs ─────────────────────────────────────────────────────────────────

    def _runs_changed(self, change: SessionChange) -> None:
        if not self.is_running or self.session.leaving:  # the widgets may be gone
            return
        self.pane.update(change)
        read_at = self.runs.loader.read_at
        if change == "read" or (change == "frame" and self.trouble is not None):
            if read_at is not None:
                self.record_read(read_at)
        elif change == "refreshed":
            self._refreshed()
        elif change == "error" and (error := self.runs.loader.error) is not None:
            self._report_error(error)
        if change in ("rows", "error"):
            self._rows_shown()
        if change in ("frame", "rows", "progress", "marks"):
            self.show_keys()

    def _refreshed(self) -> None:
        self.record_read(self.runs.loader.read_at)
        self._refreshes += 1
        stamp = self.runs.loader.stamp
        if stamp is not None:
            due = stamp != self._listed_stamp
        else:
            due = self.experiments.has_counts or self._refreshes % EXPERIMENT_REFRESHES == 0
        self._listed_stamp = stamp
        if self.runs.loader.found_changes or due:
            self.list_experiments()

    def _report_error(self, error: EngineError) -> None:
        """Report an error. The rows stay, and the status line shows since when they are out of date."""
        if isinstance(error, StoreNotFound) and self.read_at is not None:
            # The usual hint, to create a store, is wrong here.
            hint = "The rows stay on screen and refresh when the store is back."
            error = StoreNotFound("The store no longer exists", error.detail, hint)
        self.show_store_error(error)

    @on(Table.RowSelected, "#runs")
    def _open_run(self, event: Table.RowSelected) -> None:
        if self.pane.is_group(event.key):
            self.pane.toggle_fold()
            return
        from tui.run.screen import RunScreen

        self.app.push_screen(RunScreen(self._known_run(event.key), self._step_run))

    def show_run(self, run_id: str) -> None:
        from tui.run.screen import RunScreen

        self.app.push_screen(RunScreen(self._known_run(run_id)))

    def _known_run(self, run_id: str) -> KnownRun:
        from tui.run.screen import KnownRun

        frame = self.runs.frame
        row = None if frame is None else frame.row_of(run_id)
        run = None if frame is None or row is None else frame.run(row)
        return KnownRun(run_id, run, self.read_at)

    def _step_run(self, by: int) -> KnownRun | None:
        key = self.pane.table.step_row(by, lambda key: not self.pane.is_group(key))
        return None if key is None else self._known_run(key)

    @on(RunPane.Highlighted)
    def _preview(self, event: RunPane.Highlighted) -> None:
        """Preview the run or group under the cursor once the cursor rests."""
        event.stop()
        self._highlighted = event.subject
        if self._preview_timer is None:
            self._preview_timer = self.set_timer(PREVIEW_DELAY, self._show_preview)
        else:
            self._preview_timer.reset()

    def _show_preview(self) -> None:
        self._preview_timer = None
        self.query_one("#preview", RunPreview).subject = self._highlighted

    # ── commands ─────────────────────────────────────────────────────────────

    def peel(self) -> bool:
        if self.has_class("-experiments-open"):
            self.remove_class("-experiments-open")
            self.pane.table.focus()
        elif self.runs.view.filter_text:
            self.pane.clear_filter()
        elif self.runs.state.marks:
            self.runs.set_marks(frozenset())
        elif self.runs.state.lifecycle == "deleted":
            self.action_toggle_deleted()
        else:
            return False
        return True

    def why_not(self, command: Command) -> str | None:
        if command.id == "runs.compare-marked":
            return compare_reason(len(self.runs.state.marks), "runs")
        if command.id == "runs.stop-loading" and not self.runs.loader.is_reading:
            if self.session.sweep is not None:
                return "Nothing is loading. To stop the running sweep, press 4, then ctrl+x."
            return "Nothing is loading."
        if command.id in _FOLDS and self.runs.view.layout == "flat":
            return "The flat list has nothing to expand; t shows the tree."
        if command.id == "runs.toggle-fold" and not self.pane.can_fold:
            return "This is neither a group nor a parent run."
        if command.id in _ON_RUNS and self._has_no_runs:
            return "There are no runs here."
        if command.id in _ON_ROWS and self.runs.arranged is not None and not self.runs.matching:
            return "No matching runs."
        return super().why_not(command)

    @property
    def _has_no_runs(self) -> bool:
        frame = self.runs.frame
        return self.has_class("-empty") or (frame is not None and frame.complete and not len(frame))

    def action_previous_pane(self) -> None:
        if self.has_class("-narrow") and not self.has_class("-experiments-open"):
            self.add_class("-experiments-open")
            self.experiments.table.focus()
        else:
            super().action_previous_pane()

    def action_stop_loading(self) -> None:
        if not self.refuse("runs.stop-loading"):
            self.runs.loader.stop()

    def action_open_filter(self) -> None:
        if not self.refuse("runs.open-filter"):
            self.pane.filter_bar.open()

    def action_compare_marked(self) -> None:
        if not self.refuse("runs.compare-marked"):
            self.state.compared = self.runs.marked()
            known = [self._known_run(run_id).run for run_id in self.state.compared]
            self.state.loaded = tuple(run for run in known if run is not None)
            self.state.loaded_at = self.read_at
            self.run_worker(self.session.show_mode("compare"))

    def action_chart_metric(self, names: str = "") -> None:
        """Chart metrics, by default that of the focused column, of the marked runs, else of the shown
        ones. Parameters, named or focused, are what the metrics are drawn by. Raises `NotFound` for a name
        that is neither."""
        if self.refuse("runs.chart-metric"):
            return
        frame, experiment = self.runs.frame, self.experiment
        if frame is None or experiment is None:
            self.session.say("No runs are loaded yet.", warning=True)
            return
        from engine.api import filtered_name, unknown_metric
        from engine.columns import ColumnKey
        from tui.charts.kinds import kind_by
        from tui.charts.screen import ChartScreen
        from tui.charts.subject import subject_of

        marked = (frame.row_of(run_id) for run_id in self.runs.marked())
        rows, title = tuple(row for row in marked if row is not None), experiment.name
        if not rows and self.runs.arranged is not None:
            rows = tuple(self.runs.matching)
            title = filtered_name(title, self.runs.arranged.view.filter_text)
        named = subject_of(safe(title), frame, rows, names.split(), self.pane.focused_key)
        unknown = [name for name in named.metrics if ColumnKey("metric", name) not in frame]
        if names and unknown and frame.complete:
            raise unknown_metric(frame, rows, unknown[0])
        metrics = named.metrics or tuple(filter(None, [self.pane.focused_metric()]))
        if not metrics:
            self.session.say("These runs have no metrics.", warning=True)
            return
        subject = replace(named, metrics=metrics, directions=dict(self.state.directions))
        self.app.push_screen(ChartScreen(subject, kind_by(subject), open_run=self.show_run))

    def action_copy_id(self) -> None:
        if self.refuse("runs.copy-id"):
            return
        key = self.pane.table.cursor_key
        if key and not self.pane.is_group(key):
            self.copy(key)

    def snippets(self) -> ReadSnippets | None:
        key = self.pane.table.cursor_key
        return None if not key or self.pane.is_group(key) else self.run_snippets(key)

    def export_offer(self) -> ExportOffer | None:
        from tui.runs.export import runs_offer

        arranged, experiment = self.runs.arranged, self.experiment
        if arranged is None or experiment is None:
            return None
        return runs_offer(arranged, self.runs.state.marks, experiment.name)

    def action_show_best(self, metric: str = "") -> None:
        if not self.refuse("runs.show-best"):
            self._conclusions.show_best(metric)

    def action_show_insights(self, metric: str = "", where: str = "") -> None:
        if not self.refuse("runs.show-insights"):
            self._conclusions.show_insights(metric, where)

    def action_toggle_deleted(self) -> None:
        """Switch between the deleted and the active runs of this experiment; leave a deleted experiment."""
        if self.experiment is not None and self.experiment.lifecycle_stage == "deleted":
            self.show_experiment(self.experiments.experiments[0])
        elif self.experiment is not None:
            self.runs.state.switch_lifecycle()
            self.show_experiment(self.experiment)

    def action_change_lifecycle(self) -> None:
        """Delete the marked runs, or else those under the cursor; restore them in the list of deleted
        runs. In the list of experiments, delete one."""
        if self.refuse("runs.change-lifecycle"):
            return
        if self.experiments.table.has_focus:
            if (experiment := self.experiments.under_cursor) is not None:
                self._experiment_changes.delete(experiment)
            return
        if run_ids := self.runs.marked() or self.pane.under_cursor():
            self._deletion.start(run_ids)
        else:
            self.session.say("No run selected", warning=True)

    @property
    def _experiment_changes(self) -> ExperimentChanges:
        from tui.editing.experiments import ExperimentChanges

        return ExperimentChanges(self, self._experiment_changed)

    def _experiment_changed(self, result: ExperimentResult) -> None:
        """Show an experiment that was created or restored; after a deletion, another one."""
        if result.plan.action == "delete":
            if (
                self.experiment is not None
                and self.experiment.experiment_id == result.experiment.experiment_id
            ):
                self.experiment = None
        else:
            state = self.state.experiment(result.experiment.experiment_id)
            if state.lifecycle == "deleted":
                state.switch_lifecycle()
            self.session.initial_experiment = result.experiment.name
        self.refresh_view()

    def action_create_experiment(self, name: str = "") -> None:
        if not self.refuse("runs.create-experiment"):
            self._experiment_changes.create(name)

    def action_restore_experiment(self, name: str = "") -> None:
        """Restore a deleted experiment, or without a name choose one."""
        if not self.refuse("runs.restore-experiment"):
            self._experiment_changes.choose_deleted(name)

    def action_edit(self) -> None:
        """Edit the marked runs, or else those under the cursor; in the list of experiments, one of them."""
        from engine.api import Subject
        from tui.editing.editing import Editing

        if self.refuse("runs.edit"):
            return
        editing = Editing(self, self.refresh_view)
        if self.experiments.table.has_focus and (experiment := self.experiments.under_cursor) is not None:
            editing.start([Subject("experiment", experiment.experiment_id)], experiment.name)
        elif run_ids := self.runs.marked() or self.pane.under_cursor():
            run = self._known_run(run_ids[0]).run
            name = run_ids[0] if run is None else run.run_name
            subjects = [Subject("run", run_id) for run_id in run_ids]
            editing.start(subjects, name, hidden=self.runs.hidden(run_ids))
        else:
            self.session.say("No run selected", warning=True)

    def action_register(self, model: str = "") -> None:
        """Register the model of the run under the cursor. `model` is the suggested name."""
        from tui.registration import Registration

        if self.refuse("runs.register"):
            return
        run_ids = self.pane.under_cursor()
        if len(run_ids) == 1:
            Registration(self).start(run_ids[0], model=model)
        else:
            self.session.say("Move to a single run first.", warning=True)

    # ── commands that change the view ────────────────────────────────────────

    @property
    def saved_views(self) -> SavedViewCommands | None:
        """The saved views of the current experiment."""
        if self.experiment is None:
            return None
        saved = self.engine.runs.saved_views(self.experiment.name)
        return SavedViewCommands(self, saved, self.pane.show_view)

    def action_sort_column(self) -> None:
        if not self.refuse("runs.sort-column"):
            self.pane.sort_by_column()

    def action_pick_sort(self) -> None:
        if not self.refuse("runs.pick-sort"):
            self._arranging.pick_sort()

    def action_pick_columns(self) -> None:
        if not self.refuse("runs.pick-columns"):
            self._arranging.pick_columns()

    def action_toggle_constants(self) -> None:
        self._arranging.toggle_constants()

    def action_widen_column(self, cells: int) -> None:
        self.pane.widen_column(cells)

    def action_step_layout(self) -> None:
        """Cycle through flat, tree and, if columns to group by are set, groups."""
        view = self.runs.view
        layouts = ["flat", "tree", *(["groups"] if view.group_by else [])]
        index = layouts.index(view.layout) if view.layout in layouts else -1
        self.runs.change_view(layout=layouts[(index + 1) % len(layouts)])

    def action_pick_groups(self) -> None:
        from tui.runs.dialogs.group import GroupDialog, group_candidates

        if self.refuse("runs.pick-groups"):
            return
        self._arranging.pick(group_candidates, partial(GroupDialog, self.runs.view.group_by), self.group_by)

    def group_by(self, keys: tuple[ColumnKey, ...] | None) -> None:
        if keys is not None:
            self.runs.change_view(group_by=keys, layout="groups" if keys else "flat")

    def action_toggle_fold(self) -> None:
        if not self.refuse("runs.toggle-fold"):
            self.pane.toggle_fold()

    def action_toggle_all_folds(self) -> None:
        if not self.refuse("runs.toggle-all-folds"):
            self.pane.toggle_all_folds()

    def action_pick_view(self) -> None:
        if self.saved_views is not None:
            self.saved_views.pick()
