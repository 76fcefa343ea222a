"""The comparison of runs side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult

from engine import formats
from engine.errors import EngineError
from engine.text import Shown
from tui.commands.bindings import Command, Scope
from tui.screen import VIEW, ConsoleScreen
from tui.widgets.empty import EmptyState
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import Comparison
    from tui.compare.source import CompareSource
    from tui.run.screen import KnownRun


NO_RUN = "Move to a run's column first (H and L, or the arrow keys)."


class CompareScreen(ConsoleScreen):
    """Shows `state.compared`; colours the best value of each metric."""

    scope: ClassVar[Scope] = "compare"
    mode = "compare"
    pane_ids = ("comparison",)
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.comparison: Comparison | None = None
        self.differences_only = False
        self._shown: tuple[str, ...] = ()
        self._from_start = True

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("COMPARE", id="compare-title")
        yield Table(id="comparison", fixed_columns=2)
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#comparison", Table).focus()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self.state.compared != self._shown or not self.state.compared:
            self._from_start = True
            self.refresh_view()

    def refresh_view(self) -> None:
        run_ids = self._shown = self.state.compared
        if not run_ids:
            self.comparison = None
            self.show_page(
                "Nothing to compare yet",
                "Mark at least two runs in the runs view, then compare them.",
                keys=[("1", "runs"), ("space", "mark"), ("c", "compare")],
            )
            self.show_keys()
            return
        self.hide_page()
        work = partial(self.engine.runs.compare, run_ids, directions=dict(self.state.directions))
        self.ask(work, self._show, group=VIEW, failed=self._show_failure)

    @property
    def is_live(self) -> bool:
        """Whether a run is unfinished; finished runs rarely change."""
        return self.comparison is not None and any(not run.is_finished for run in self.comparison.runs)

    def _show_failure(self, error: EngineError) -> None:
        if self.comparison is None:
            self.show_error_page(error)
        else:
            self.show_store_error(error)

    def _show(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.record_read()
        self.hide_page()
        self.show_rows()
        if self._from_start:
            self._from_start = False
            table = self.query_one("#comparison", Table)
            table.action_cursor_top()
            table.to_first_column()

    @property
    def baseline(self) -> int:
        """The index of the run that the deltas refer to."""
        runs = self.comparison.runs if self.comparison else ()
        return next((at for at, run in enumerate(runs) if run.run_id == self.state.baseline), 0)

    @property
    def source(self) -> CompareSource | None:
        from tui.compare.source import CompareSource

        source = self.query_one("#comparison", Table).source
        return source if isinstance(source, CompareSource) else None

    def show_rows(self) -> None:
        """Show the comparison with the current baseline and rows."""
        from tui.compare.source import WIDE, CompareSource

        comparison = self.comparison
        if comparison is None:
            return
        source = CompareSource(
            comparison,
            baseline=self.baseline,
            differences_only=self.differences_only,
            width=self.size.width,
        )
        self.query_one("#comparison", Table).set_source(source)
        total = len(comparison.rows)
        rows = (
            f"differences only ({source.differing} of {total} rows)"
            if self.differences_only
            else f"{source.differing} of {total} rows differ, shown first"
        )
        title = self.query_one("#compare-title", PaneTitle)
        title.subject = Shown(f"{formats.count(len(comparison.runs))} runs  {source.names.pattern}".rstrip())
        legend = " · ◆ baseline · ★ best" if self.size.width >= WIDE else ""
        scale = " · bars: min to max of each row" if source.bars else ""
        title.facts = Shown(f"{rows}{legend}{scale}")
        title.bright = True
        self.show_keys()

    @on(events.Resize)
    def _refit(self) -> None:
        self.show_rows()

    def why_not(self, command: Command) -> str | None:
        if command.scope == "compare" and self.comparison is None:
            return "Nothing to compare yet."
        return super().why_not(command)

    # ── what the operator does ───────────────────────────────────────────────

    def action_toggle_differences(self) -> None:
        if self.refuse("compare.toggle-differences"):
            return
        self.differences_only = not self.differences_only
        self.show_rows()

    def action_set_baseline(self) -> None:
        if self.refuse("compare.set-baseline"):
            return
        run_id = self._run_at_cursor()
        if run_id is None:
            self.session.say(NO_RUN, warning=True)
        else:
            self.state.baseline = run_id
            self.show_rows()

    def action_flip_direction(self) -> None:
        if self.refuse("compare.flip-direction"):
            return
        table, source = self.query_one("#comparison", Table), self.source
        row = source.compared_row(table.cursor_row) if source else None
        if row is None or row.direction is None:
            self.session.say("Move to a metric's row first.", warning=True)
            return
        self.state.directions[row.key.name] = "lower" if row.direction == "higher" else "higher"
        self.refresh_view()

    def action_drop_run(self) -> None:
        if self.refuse("compare.drop-run"):
            return
        run_id = self._run_at_cursor()
        if run_id is None:
            self.session.say(NO_RUN, warning=True)
            return
        self.state.compared = tuple(i for i in self.state.compared if i != run_id)
        self.refresh_view()

    def action_copy_id(self) -> None:
        if self.refuse("compare.copy-id"):
            return
        run_id = self._run_at_cursor()
        if run_id is None:
            self.session.say(NO_RUN, warning=True)
        else:
            self.copy(run_id)

    def action_export_csv(self) -> None:
        if self.refuse("compare.export-csv") or self.comparison is None:
            return
        from engine.api import RunFrame

        runs = self.comparison.runs
        self.export(RunFrame.from_runs(runs), range(len(runs)), "comparison.csv")

    def _run_at_cursor(self) -> str | None:
        key = self.query_one("#comparison", Table).focused_column
        return key if key in self.state.compared else None

    @on(Table.RowSelected, "#comparison")
    def _open_run(self) -> None:
        from tui.run.screen import RunScreen

        run_id = self._run_at_cursor()
        if run_id is not None:
            self.app.push_screen(RunScreen(self._known_run(run_id), self._step_run))

    def _known_run(self, run_id: str) -> KnownRun:
        from tui.run.screen import KnownRun

        runs = self.comparison.runs if self.comparison is not None else ()
        return KnownRun(run_id, next((run for run in runs if run.run_id == run_id), None), self.read_at)

    def _step_run(self, by: int) -> KnownRun | None:
        """The run in the next column."""
        table = self.query_one("#comparison", Table)
        runs = [column.key for column in table.source.columns if column.key in self.state.compared]
        at = runs.index(table.focused_column or "") + by if table.focused_column in runs else -1
        if not 0 <= at < len(runs):
            return None
        table.focus_column(runs[at])
        return self._known_run(runs[at])
