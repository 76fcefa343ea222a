"""The comparison of runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from textual import events, on
from textual.app import ComposeResult

from engine import formats
from engine.api import Comparison, key_metrics
from engine.errors import EngineError
from engine.text import Shown, safe
from tui.commands.bindings import Command, Scope
from tui.compare.bars import BarsSource
from tui.compare.cells import WIDE, Evidence, Look
from tui.compare.source import CompareSource, ComparisonSource, TransposedSource
from tui.screen import VIEW, ConsoleScreen, ReadSnippets
from tui.state import ComparedVersions
from tui.widgets.empty import EmptyState
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import Table
from tui.widgets.table.source import EMPTY

if TYPE_CHECKING:
    from engine.api import Compared, CompareRow, Correction, VersionComparison, Versus
    from engine.entities import Run
    from tui.dialogs.export import ExportOffer
    from tui.run.screen import KnownRun


EVIDENCE = ("compare.toggle-evidence", "compare.toggle-correction")
NO_RUN = "Move to a run or version first (H and L, or the arrow keys)."

MAX_TESTED = 50
"""The most runs whose predictions are read to say whether they differ by more than chance."""

LayoutName = Literal["table", "bars", "transposed"]
_SOURCES: Mapping[LayoutName, Callable[[Comparison, Look], ComparisonSource]] = {
    "table": CompareSource,
    "bars": BarsSource,
    "transposed": TransposedSource,
}


class CompareScreen(ConsoleScreen):
    """Shows `state.compared`; colours the best value of each metric."""

    scope: ClassVar[Scope] = "compare"
    mode = "compare"
    pane_ids = ("comparison",)
    nothing_to_copy = NO_RUN
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.comparison: Comparison | None = None
        """As it was read."""
        self.shown: Comparison | None = None
        """As it is shown: perhaps with identical runs merged."""
        self.layout_name: LayoutName = "table"
        self.differences_only = False
        self.is_relative = False
        """Whether differences are in percent."""
        self.evidence: Evidence = {}
        self.is_testing_all = False
        """Whether all metrics have a line with their evidence, or only the most important one."""
        self.correction: Correction = "none"
        """Of p-values, for the number of runs."""
        self.is_merging = True
        """Whether identical runs are one column."""
        self.sorted_by = ""
        """The id of the row that orders the runs."""
        self._read: tuple[str, ...] | ComparedVersions = ()
        self._from_start = True

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("COMPARE", id="compare-title")
        yield Table(id="comparison", fixed_columns=2, can_mark=False)
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#comparison", Table).focus()

    def on_screen_resume(self) -> None:
        self.show_compared()  # before the base class reads again what was compared before
        super().on_screen_resume()

    def show_compared(self) -> None:
        """Show `state.compared`, if it is not yet shown."""
        if self.state.compared != self._read or not self.state.compared:
            self._from_start = True
            self.sorted_by = ""
            self._forget()
            self._show_loaded()

    def _forget(self) -> None:
        """Show nothing: what is on screen belongs to other runs."""
        self.comparison = self.shown = None
        self.evidence = {}
        self.read_at = self.trouble = None
        self.query_one("#comparison", Table).set_source(EMPTY)
        title = self.query_one("#compare-title", PaneTitle)
        title.subject = title.facts = Shown("")
        self.show_status()

    def _show_loaded(self) -> None:
        """Show the runs as they were loaded before, if all of them were, and read them."""
        compared = self._read = self.state.compared
        by_id = {run.run_id: run for run in self.state.loaded}
        if isinstance(compared, ComparedVersions) or not compared or not all(i in by_id for i in compared):
            self.refresh_view()
            return
        work = partial(self.engine.runs.compare_loaded, [by_id[run_id] for run_id in compared])
        self.ask(work, self._take_loaded, group=VIEW)

    def _take_loaded(self, comparison: Comparison) -> None:
        self.comparison, self.read_at = comparison, self.state.loaded_at
        self.show_status()
        self._show_from_start()
        self.refresh_view()

    def refresh_view(self) -> None:
        compared = self._read = self.state.compared
        if not compared:
            self.comparison = self.shown = self.read_at = None
            self.show_page(
                "Nothing to compare yet",
                "Mark at least two runs in the runs view, then compare them.",
                keys=[("1", "runs"), ("space", "mark"), ("c", "compare")],
            )
            self.show_keys()
            return
        self.hide_page()
        self.ask(partial(self._compare, compared), self._show, group=VIEW, failed=self._show_failure)

    def _compare(self, compared: tuple[str, ...] | ComparedVersions) -> Comparison | VersionComparison:
        """Read what is compared. Runs on the bridge."""
        if isinstance(compared, ComparedVersions):
            return self.engine.models.compare(compared.model, compared.versions)
        return self.engine.runs.compare(compared)

    @property
    def is_live(self) -> bool:
        """Whether a run is unfinished; finished runs rarely change."""
        return self.comparison is not None and any(not run.is_finished for run in self.comparison.runs)

    def _show_failure(self, error: EngineError) -> None:
        if self.comparison is None:
            self.show_error_page(error)
        else:
            self.show_store_error(error)

    def _show(self, found: Comparison | VersionComparison) -> None:
        self.comparison = found if isinstance(found, Comparison) else found.comparison()
        self.record_read()
        self.hide_page()
        self._show_from_start()
        self._read_evidence()
        self.ask(partial(self._read_rest, found), self._show_rest, group="rest")

    def _show_from_start(self) -> None:
        """Show the rows; those of another comparison from their start."""
        self.show_rows()
        if self._from_start:
            self._from_start = False
            table = self.query_one("#comparison", Table)
            table.action_cursor_top()
            table.to_first_column()

    def _read_rest(self, found: Comparison | VersionComparison) -> Comparison:
        """Read what may take longer: signatures of versions, and the best values of histories. Runs on the
        bridge."""
        if not isinstance(found, Comparison):
            found = self.engine.models.with_signatures(found).comparison()
        return self.engine.runs.with_bests(found)

    def _show_rest(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.show_rows()

    def _read_evidence(self) -> None:
        """Read whether the runs differ from the baseline by more than chance."""
        if self.shown is None or not 1 < len(self.shown.runs) <= MAX_TESTED:
            self.evidence = {}
            return
        baseline, runs = self.shown.columns[self.baseline].run, self.shown.runs
        if baseline is None:
            self.evidence = {}
            return
        work = partial(
            self.engine.evidence.differences,
            runs,
            reference=runs.index(baseline),
            correction=self.correction,
        )
        self.ask(work, self._show_evidence, group="evidence")

    def _show_evidence(self, found: Mapping[str, Sequence[Versus]]) -> None:
        self.evidence = {m: {versus.run_id: versus for versus in runs} for m, runs in found.items()}
        self.show_rows()

    def _tested(self, shown: Comparison) -> Sequence[str]:
        """The metrics that have a line with the evidence: those that differ, or only the most important."""
        differing = [row.key.name for row in shown.rows if row.is_metric and row.differs]
        tested = [name for name in self.evidence if name in differing]
        return tested if self.is_testing_all else key_metrics(tested, 1)

    @property
    def baseline(self) -> int:
        """The position of the run that the deltas refer to."""
        return (self.shown.position_of(self.state.baseline) if self.shown else None) or 0

    @property
    def source(self) -> ComparisonSource | None:
        source = self.query_one("#comparison", Table).source
        return cast("ComparisonSource", source) if hasattr(source, "compared_row") else None

    def show_rows(self) -> None:
        """Show the comparison with the current baseline, rows and layout."""
        if self.comparison is None:
            return
        directed = self.comparison.directed(self.state.directions).with_bests()
        self.shown = directed.merged() if self.is_merging else directed
        order = next((self.shown.ranked(row) for row in self.shown.rows if row.id == self.sorted_by), None)
        look = Look(
            self.baseline,
            self.differences_only,
            self.is_relative,
            self.size.width,
            order,
            self.evidence,
            self._tested(self.shown),
        )
        source = _SOURCES[self.layout_name](self.shown, look)
        fixed = 2 if self.layout_name == "table" else 1
        self.query_one("#comparison", Table).set_source(source, fixed_columns=fixed)
        title = self.query_one("#compare-title", PaneTitle)
        title.subject = Shown(f"{self._subject(self.shown)}  {source.pattern}".rstrip())
        title.facts = Shown(" · ".join(self._facts(self.shown, source)))
        title.bright = True
        self.show_keys()

    def _subject(self, shown: Comparison) -> str:
        if isinstance(self.state.compared, ComparedVersions):
            return f"{formats.counted(len(shown.columns), 'version')} of {safe(self.state.compared.model)}"
        number = sum(1 + len(column.twins) for column in shown.columns)
        return formats.counted(number, "run")

    def _facts(self, shown: Comparison, source: ComparisonSource) -> Iterator[str]:
        """What the table shows, the most important first: a narrow title is cut at its end."""
        total, differing = len(shown.rows), sum(row.differs for row in shown.rows)
        if self.differences_only:
            yield f"differences only ({differing} of {total} rows)"
        elif self.layout_name != "bars":
            yield f"{differing} of {total} rows differ"
        if twins := sum(len(column.twins) for column in shown.columns):
            yield f"{formats.counted(twins, 'identical run')} merged"
        if self.sorted_by:
            yield f"sorted by {safe(self.sorted_by, 30)}"
        if self.is_relative:
            yield "Δ in % of the baseline, rates in points (pp)"
        if self.size.width >= WIDE:
            yield "◆ baseline · ★ best"
        if self.evidence and self.layout_name == "table":
            yield f"≈ may be chance{', p-values corrected' if self.correction == 'holm' else ''}"
        if shown.is_sampled:
            yield "best of sampled histories"
        if source.bars and self.layout_name == "table":
            yield "bars: row min–max"

    @on(events.Resize)
    def _refit(self) -> None:
        self.show_rows()

    def why_not(self, command: Command) -> str | None:
        if command.scope == "compare" and self.comparison is None:
            return "Nothing to compare yet."
        if command.id in EVIDENCE and self.shown is not None and len(self.shown.runs) > MAX_TESTED:
            return f"What may be chance is tested for up to {MAX_TESTED} runs."
        return super().why_not(command)

    # ── what the operator does ───────────────────────────────────────────────

    def action_toggle_differences(self) -> None:
        self._change("compare.toggle-differences", "differences_only", not self.differences_only)

    def action_toggle_relative(self) -> None:
        self._change("compare.toggle-relative", "is_relative", not self.is_relative)

    def action_toggle_merging(self) -> None:
        self._change("compare.toggle-merging", "is_merging", not self.is_merging)

    def action_toggle_bars(self) -> None:
        self._change("compare.toggle-bars", "layout_name", "table" if self.layout_name == "bars" else "bars")

    def action_toggle_evidence(self) -> None:
        self._change("compare.toggle-evidence", "is_testing_all", not self.is_testing_all)

    def action_toggle_correction(self) -> None:
        if not self.refuse("compare.toggle-correction"):
            self.correction = "none" if self.correction == "holm" else "holm"
            self._read_evidence()

    def action_chart_metric(self) -> None:
        """Chart the metric under the cursor, else the most important one; on a parameter, by its values."""
        if self.refuse("compare.chart-metric") or self.shown is None:
            return
        row = self._row_at_cursor()
        metrics = [row.key.name for row in self.shown.rows if row.is_metric]
        names = (row.key.name,) if row is not None and row.is_metric else key_metrics(metrics, 1)
        if not names:
            self.session.say("These runs have no metrics.", warning=True)
            return
        from engine.api import RunFrame
        from tui.charts.kinds import kind_by
        from tui.charts.screen import ChartScreen
        from tui.charts.subject import ChartSubject

        runs = self.shown.runs
        x = row.key if row is not None and row.key.kind == "param" else None
        rows, directions = tuple(range(len(runs))), dict(self.state.directions)
        frame = RunFrame.from_runs(runs)
        subject = ChartSubject(Shown(""), frame, rows, tuple(names), x, directions=directions)
        self.app.push_screen(ChartScreen(subject, kind_by(subject), open_run=self._open_charted))

    def action_transpose(self) -> None:
        is_transposed = self.layout_name == "transposed"
        self._change("compare.transpose", "layout_name", "table" if is_transposed else "transposed")

    def action_sort_runs(self) -> None:
        row = self._row_at_cursor()
        if self.comparison is not None and row is None:
            self.session.say("Move to a metric or parameter first.", warning=True)
            return
        sorted_by = "" if row is None or row.id == self.sorted_by else row.id
        self._change("compare.sort-runs", "sorted_by", sorted_by)

    def _change(self, identifier: str, attribute: str, value: object) -> None:
        """Set one of the attributes that say how the comparison is shown."""
        if not self.refuse(identifier):
            setattr(self, attribute, value)
            self.show_rows()

    def action_set_baseline(self) -> None:
        if self.refuse("compare.set-baseline"):
            return
        column = self._column_at_cursor()
        if column is None:
            self.session.say(NO_RUN, warning=True)
        else:
            self.state.baseline = column.key
            self.evidence = {}
            self.show_rows()
            self._read_evidence()

    def action_flip_direction(self) -> None:
        if self.refuse("compare.flip-direction"):
            return
        row = self._row_at_cursor()
        if row is None or not row.is_metric:
            self.session.say("Move to a metric first.", warning=True)
            return
        self.state.directions[row.key.name] = "lower" if row.direction == "higher" else "higher"
        self.state.save()
        self.show_rows()

    def action_drop_run(self) -> None:
        if self.refuse("compare.drop-run"):
            return
        column, compared = self._column_at_cursor(), self.state.compared
        if column is None:
            self.session.say(NO_RUN, warning=True)
        elif isinstance(compared, ComparedVersions):
            rest = tuple(number for number in compared.versions if str(number) != column.key)
            self.state.compared = replace(compared, versions=rest) if rest else ()
            self.refresh_view()
        else:
            self.state.compared = tuple(i for i in compared if i not in (column.key, *column.twins))
            if self.comparison is not None:
                self.state.loaded, self.state.loaded_at = tuple(self.comparison.runs), self.read_at
            self._show_loaded()

    def action_copy_id(self) -> None:
        if self.refuse("compare.copy-id"):
            return
        column = self._column_at_cursor()
        if column is None or column.run is None:
            self.session.say(NO_RUN, warning=True)
        else:
            self.copy(column.run.run_id)

    def action_register(self, model: str = "") -> None:
        from tui.registration import Registration

        if self.refuse("compare.register"):
            return
        column = self._column_at_cursor()
        if column is None or column.run is None:
            self.session.say(NO_RUN, warning=True)
        else:
            Registration(self).start(column.run.run_id, model=model)

    def snippets(self) -> ReadSnippets | None:
        column = self._column_at_cursor()
        if column is not None and column.version is not None:
            return self.version_snippets(column.version)
        return None if column is None or column.run is None else self.run_snippets(column.run.run_id)

    def export_offer(self) -> ExportOffer | None:
        from engine.api import RunFrame, comparison_sheet, file_name, runs_sheet
        from tui.dialogs.export import ExportChoice, ExportOffer

        shown, compared = self.shown, self.state.compared
        if shown is None or self.comparison is None:
            return None
        rows = "only what differs" if self.differences_only else "all rows"
        sheet = partial(comparison_sheet, shown, differences_only=self.differences_only)
        runs = RunFrame.from_runs(self.comparison.runs)
        choices = [
            ExportChoice(Shown(f"the comparison as it stands, {rows}"), sheet),
            ExportChoice(
                Shown(f"{formats.counted(len(runs), 'run')}, all columns"), partial(runs_sheet, runs)
            ),
        ]
        model = compared.model if isinstance(compared, ComparedVersions) else ""
        return ExportOffer(choices, file_name(f"comparison {model}"))

    def _column_at_cursor(self) -> Compared | None:
        """The run or version under the cursor."""
        table, source = self.query_one("#comparison", Table), self.source
        at = source.position(table.cursor_row, table.cursor_column) if source else None
        return self.shown.columns[at] if self.shown is not None and at is not None else None

    def _row_at_cursor(self) -> CompareRow | None:
        table, source = self.query_one("#comparison", Table), self.source
        return source.compared_row(table.cursor_row, table.cursor_column) if source else None

    @on(Table.RowSelected, "#comparison")
    def _open_run(self) -> None:
        from tui.run.screen import RunScreen

        column = self._column_at_cursor()
        if column is not None and column.run is not None:
            self.app.push_screen(RunScreen(self._known_run(column.run), self._step_run))
        elif column is not None:
            self.session.say(f"{column.name} has no source run.", warning=True)
        else:
            self.session.say("Move to a run with L or j; enter opens it.", warning=True)

    def _open_charted(self, run_id: str) -> None:
        from tui.run.screen import RunScreen

        runs = () if self.shown is None else self.shown.runs
        if (run := next((run for run in runs if run.run_id == run_id), None)) is not None:
            self.app.push_screen(RunScreen(self._known_run(run)))

    def _known_run(self, run: Run) -> KnownRun:
        from tui.run.screen import KnownRun

        return KnownRun(run.run_id, run, self.read_at)

    def _step_run(self, by: int) -> KnownRun | None:
        """The run in the next column, or, if runs are rows, in the next row."""
        table = self.query_one("#comparison", Table)
        here = self._column_at_cursor()
        while True:
            before = table.cursor_row, table.cursor_column
            if self.layout_name == "table":
                table.cursor_column += by
            else:
                table.cursor_row += by
            column = self._column_at_cursor()
            if column is not None and column.run is not None and column is not here:
                return self._known_run(column.run)
            if (table.cursor_row, table.cursor_column) == before:
                self._go_to(here)
                return None

    def _go_to(self, column: Compared | None) -> None:
        """Move the cursor back to a run."""
        table = self.query_one("#comparison", Table)
        if column is not None and self.layout_name == "table":
            table.focus_column(column.key)
        elif column is not None and self.layout_name == "transposed":
            table.move_to(column.key)
