"""The chart view: one screen for every kind of chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget

from engine.api import X_AXES
from engine.errors import EngineError, UsageError
from engine.text import Shown, cell_width, cut, safe
from tui.charts.histories import HistoryPane, Loaded
from tui.charts.kinds import KINDS, kind_named
from tui.charts.limits import Limits, LimitsDialog, merged, parse_limits
from tui.charts.multiples import ChartGrid
from tui.charts.pane import ChartPane, ChartSettings, Kind
from tui.commands.bindings import Command, Scope
from tui.screen import VIEW, ConsoleScreen
from tui.widgets.empty import EmptyState
from tui.widgets.plot import Plot
from tui.widgets.plot.drawing_view import DrawingView
from tui.widgets.screen_lines import PaneTitle

if TYPE_CHECKING:
    from engine.columns import ColumnKey
    from tui.charts.subject import ChartSubject

SMOOTHING = (0.0, 0.6, 0.9, 0.97, 0.99)
"""The weights that `s` steps through; 0 is none."""
TITLE_METRICS = 60
"""The most cells of the metrics in the title."""


class ChartScreen(ConsoleScreen):
    """Draws a subject with one of the kinds; `t` shows the next."""

    scope: ClassVar[Scope] = "chart"
    CSS_PATH = "screen.tcss"

    def __init__(
        self,
        subject: ChartSubject,
        kind: Kind | None = None,
        *,
        open_run: Callable[[str], object] | None = None,
    ) -> None:
        """Without a kind, histories, or if these have only one step, the first kind that draws across
        runs. `open_run` opens a run by its id."""
        super().__init__()
        self.subject = subject
        self._open_run = open_run
        self.kind = kind or KINDS[0]
        self.settings = ChartSettings()
        self._is_default = kind is None
        self._grid_of: ChartSubject | None = None
        """The subject of the grid that this chart was opened from."""

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("CHART", id="chart-title")
        yield Container(id="chart")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        self.mode = self.app.current_mode
        super().on_mount()
        self._show_kind(self.kind)

    @property
    def pane(self) -> ChartPane | None:
        """The chart on screen."""
        children = self.query_one("#chart").children
        return next((child for child in children if isinstance(child, ChartPane)), None)

    def panes(self) -> list[Widget]:
        return [widget for widget in self.focus_chain if isinstance(widget, Widget)]

    def _show_kind(self, kind: Kind) -> None:
        self.kind = kind
        self.call_later(self._mount_pane, kind)

    async def _mount_pane(self, kind: Kind) -> None:
        container = self.query_one("#chart")
        await container.remove_children()
        pane = kind.make(self.engine, self.ask)
        pane.settings = self.settings
        await container.mount(pane)
        self.call_after_refresh(self._focus_chart)
        self._show_title(Shown("reading …"))
        self.refresh_view()

    def _focus_chart(self) -> None:
        if (chain := self.focus_chain) and self.focused not in chain:
            chain[0].focus()

    # ── reading and drawing ──────────────────────────────────────────────────

    def refresh_view(self) -> None:
        if (pane := self.pane) is not None:
            self._read(pane, pane.load)

    def refresh_changes(self) -> None:
        if (pane := self.pane) is not None:
            self._read(pane, pane.reload)

    def _read(self, pane: ChartPane, load: Callable[[ChartSubject], object]) -> None:
        if self.read_at is None:
            self._show_title(Shown("reading …"))
        show = partial(self._show, pane, self.subject)
        self.ask(partial(load, self.subject), show, group=VIEW, failed=self._show_failure)

    @property
    def is_live(self) -> bool:
        """Whether a run was unfinished when the chart was opened."""
        return any(not run.is_finished for run in self.subject.runs)

    def _show(self, pane: ChartPane, subject: ChartSubject, loaded: object) -> None:
        if pane is not self.pane or subject is not self.subject:
            return
        self.record_read()
        self.hide_page()
        if self._is_default and isinstance(loaded, Loaded) and not loaded.has_curves and loaded.histories:
            across = [kind for kind in self._kinds() if kind.is_across]
            if across:
                self._is_default = False
                self._show_kind(across[0])
                return
        pane.show(subject, loaded)
        self._show_title(pane.facts)

    def _show_failure(self, error: EngineError) -> None:
        if self.read_at is None:
            self.show_error_page(error)
        else:
            self.show_store_error(error)

    @on(ChartPane.Changed)
    def _show_facts(self, event: ChartPane.Changed) -> None:
        event.stop()
        if self.pane is not None:
            self._show_title(self.pane.facts)

    def _show_title(self, facts: Shown) -> None:
        title = self.query_one("#chart-title", PaneTitle)
        metrics = Shown(", ".join(safe(name) for name in self.subject.metrics))
        what = "" if self.kind.name == "grid" else f" of {cut(metrics, TITLE_METRICS)}"
        alone = self.pane.run_alone if self.pane is not None else ""
        title.subject = Shown(f"{self.kind.title}{what}  {alone or self.subject.title}")
        title.kept = cell_width(f"{self.kind.title}{what}  …")
        title.facts = facts
        title.bright = True
        self.show_keys()

    # ── commands ─────────────────────────────────────────────────────────────

    def why_not(self, command: Command) -> str | None:
        pane = self.pane
        if command.id == "chart.next-kind" and len(self._kinds()) < 2:
            return "No other chart suits these runs."
        if command.id == "chart.smooth" and (pane is None or not pane.is_history):
            return "Only histories can be smoothed."
        if command.id == "chart.step-axis" and (pane is None or not (pane.is_history or pane.axes)):
            return "Bars have no x-axis; `t` shows other charts."
        if command.id == "chart.edit-limits" and not isinstance(pane, HistoryPane):
            return "Only a chart of histories has limits to set."
        return super().why_not(command)

    def peel(self) -> bool:
        """Go back to the grid that the chart was opened from."""
        if self._grid_of is None:
            return False
        self.subject, self._grid_of = self._grid_of, None
        self._show_kind(kind_named("grid"))
        return True

    def _kinds(self) -> list[Kind]:
        return [kind for kind in KINDS if kind.why_not(self.subject) is None]

    def action_next_kind(self) -> None:
        if self.refuse("chart.next-kind"):
            return
        self._is_default, self._grid_of = False, None
        kinds = self._kinds()
        place = kinds.index(self.kind) if self.kind in kinds else -1
        self._show_kind(kinds[(place + 1) % len(kinds)])

    @on(ChartGrid.Opened)
    def _open_metric(self, event: ChartGrid.Opened) -> None:
        event.stop()
        self._grid_of, self._is_default = self.subject, False
        self.subject = self.subject.of_metrics((event.metric,))
        self._show_kind(kind_named("line"))

    def action_pick_metrics(self) -> None:
        """Choose the metrics to draw."""
        from tui.charts.metrics import MetricsDialog

        def draw(names: tuple[str, ...] | None) -> None:
            if names:
                self.subject = self.subject.of_metrics(names)
                if self.kind.name == "grid":
                    self._show_kind(kind_named("line"))
                else:
                    self.refresh_view()

        self.app.push_screen(MetricsDialog(self.subject.metric_names, self.subject.metrics), draw)

    def action_step_axis(self) -> None:
        """Draw histories over the next x; for a chart across runs, choose what it is drawn by."""
        pane = self.pane
        if self.refuse("chart.step-axis") or pane is None:
            return
        if pane.axes:
            work = partial(pane.axis_choices, self.subject)
            self.ask(work, partial(self._pick_axes, pane.axes, ()), group="axes", opens=True)
        else:
            place = X_AXES.index(self.settings.axis)
            self._set(replace(self.settings, axis=X_AXES[(place + 1) % len(X_AXES)]))

    def _pick_axes(
        self, axes: int, chosen: tuple[ColumnKey, ...], choices: Sequence[tuple[ColumnKey, Shown]]
    ) -> None:
        """Choose the columns to draw by, one after the other."""
        from tui.dialogs.pick import PickDialog

        offered = [(key, text) for key, text in choices if key not in chosen]
        if not offered:
            self.session.say("These runs have the same parameters.", warning=True)
            return
        names = ("Columns: draw by", "Rows: draw by") if axes > 1 else ("Draw by",)
        by_name = {str(key): key for key, _ in offered}

        def pick(name: str | None) -> None:
            if name is None:
                return
            picked = (*chosen, by_name[name])
            if len(picked) < axes:
                self._pick_axes(axes, picked, choices)
            else:
                x, y, *_ = (*picked, None)
                self._draw_subject(replace(self.subject, x=x, y=y))

        self.app.push_screen(
            PickDialog(names[len(chosen)], [(str(key), text) for key, text in offered]), pick
        )

    def _draw_subject(self, subject: ChartSubject) -> None:
        self.subject = subject
        self.refresh_view()

    def action_export(self, name: str = "") -> None:
        """Write the chart as it stands, or its data, to a file, by default one with the name of the chart."""
        pane = self.pane
        chart = None if pane is None else pane.exported()
        if self.refuse("chart.export") or pane is None or chart is None:
            self.session.say("There is no chart to export.", warning=True)
            return
        from engine.api import chart_name
        from tui.charts.saving import FORMATS, check_file, save
        from tui.dialogs.save import SaveDialog

        def report(message: str | None) -> None:
            if message:
                self.session.say(message)

        work = partial(save, chart, partial(pane.sheet, self.subject))
        file_name = name or chart_name(chart)
        dialog = SaveDialog(
            self.session.bridge, "Export the chart", file_name, check_file, work, hint=FORMATS
        )
        self.app.push_screen(dialog, report)

    @on(DrawingView.Zoomed)
    def _refuse_zoom(self) -> None:
        self.session.say("Only points can be zoomed; `t` shows other charts.", warning=True)

    @on(DrawingView.ScaleToggled)
    def _refuse_scale(self) -> None:
        self.session.say("Only bars and points have another scale.", warning=True)

    @on(DrawingView.RunChosen)
    def _show_run(self, event: DrawingView.RunChosen) -> None:
        event.stop()
        if self._open_run is not None:
            self._open_run(event.run_id)

    def action_smooth(self, weight: str = "") -> None:
        """Smooth with the next weight, or with this one. Raises `UsageError`."""
        if self.refuse("chart.smooth"):
            return
        stronger = next((step for step in SMOOTHING if step > self.settings.weight), 0.0)
        self._set(replace(self.settings, weight=_weight(weight) if weight else stronger))

    def _set(self, settings: ChartSettings) -> None:
        self.settings = settings
        if (pane := self.pane) is not None:
            pane.settings = settings
            pane.draw()

    def action_edit_limits(self, text: str = "") -> None:
        """Set the limits of the axes, those in `text` or typed in a dialog. Raises `UsageError`."""
        pane = self.pane
        if self.refuse("chart.edit-limits") or not isinstance(pane, HistoryPane):
            return
        if text:
            self._limit(pane.plot, parse_limits(text, pane.plot.x_kind, pane.plot.limits[0]))
            return

        def limit(limits: Limits | None) -> None:
            try:
                if limits is not None:
                    self._limit(pane.plot, limits)
            except UsageError as error:
                self.session.show_error(error)

        self.app.push_screen(LimitsDialog(*pane.plot.limits, pane.plot.x_kind), limit)

    def _limit(self, plot: Plot, limits: Limits) -> None:
        (x_fit, y_fit), (x_now, y_now) = plot.fitted, plot.set_limits
        plot.limit(merged(limits.x, x_fit, x_now), merged(limits.y, y_fit, y_now))


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight < 1:
        raise UsageError(
            f"Invalid weight {safe(text, 40)}", "", "Use a number from 0 (none) to less than 1, such as 0.9."
        )
    return weight
