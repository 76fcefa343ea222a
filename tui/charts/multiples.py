"""All metrics of a run as small charts, system metrics apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Grid, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from engine import formats
from engine.api import curves, points_for, unique_names
from engine.text import Shown, cut, safe
from tui.charts.histories import AXIS_KINDS
from tui.charts.pane import ChartPane
from tui.commands.bindings import Scope, bindings
from tui.widgets.lines import Lines, flow
from tui.widgets.plot import LETTERS, Plot, Series, prepare
from tui.widgets.screen_lines import PaneTitle

if TYPE_CHECKING:
    from engine.api import Curves, History, Sheet
    from engine.entities import Run
    from tui.charts.pane import ChartSettings
    from tui.charts.subject import ChartSubject

MAX_RUNS = 5
"""Maximum number of runs in the small charts."""
SYSTEM = "system/"
"""The prefix of MLflow's system metrics."""
CHART_WIDTH = 38
"""The least width of a small chart, in cells."""
_POINTS = points_for(CHART_WIDTH)
"""Per history. The same number in small charts of any width, also of smoothed ones."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The histories with more than one step, by metric, and how many metrics have only one."""

    runs: tuple[Run, ...]
    metrics: dict[str, tuple[History, ...]]
    single: int

    @classmethod
    def of(cls, runs: tuple[Run, ...], histories: Sequence[History]) -> Loaded:
        by_metric: dict[str, list[History]] = {}
        for history in histories:
            by_metric.setdefault(history.metric, []).append(history)
        curves = {
            metric: tuple(found)
            for metric, found in by_metric.items()
            if any(history.has_steps for history in found)
        }
        names = sorted(curves, key=lambda metric: (metric.startswith(SYSTEM), metric))
        return cls(runs, {metric: curves[metric] for metric in names}, len(by_metric) - len(curves))


class SmallChart(Vertical):
    """A metric with its curves. The focused one is opened with enter."""

    DEFAULT_CSS = """
    SmallChart { height: 10; width: 1fr; }
    SmallChart > .name { height: 1; padding: 0 1; color: $text-muted; }
    SmallChart.-chosen > .name { color: $accent; text-style: bold; }
    SmallChart Plot { height: 1fr; }
    """

    def __init__(self, metric: str) -> None:
        super().__init__()
        self.metric = metric

    def compose(self) -> ComposeResult:
        yield Static("", classes="name", markup=False)
        plot = Plot(is_small=True)
        plot.can_focus = False
        yield plot

    def show(self, histories: Sequence[History], pane: MultiplesPane) -> None:
        """Draw the histories; the name is followed by the last value if there is one run."""
        name = safe(self.metric.removeprefix(SYSTEM))
        last = f"  {formats.number(histories[0].values[-1])}" if len(histories) == 1 else ""
        mark = "▸ " if self.has_class("-chosen") else "  "
        self.query_one(Static).update(Content(f"{mark}{name}{last}"))
        kind, label = AXIS_KINDS[pane.settings.axis]
        by_run = {history.run.run_id: history for history in histories}
        series = [_series(run, by_run.get(run.run_id), pane.settings) for run in pane.runs]
        self.query_one(Plot).set_series(series, x_kind=kind, x_label=label)


def _series(run: Run, history: History | None, settings: ChartSettings) -> Series:
    """The curve of a run; without points if it has no history, so that the letters of all charts agree."""
    if history is None:
        return Series(safe(run.run_name), (), ())
    ys = history.smoothed(settings.weight) if settings.weight else history.values
    return Series(safe(run.run_name), history.xs(settings.axis), ys)


class RunLegend(Lines):
    """The letters of the runs in all small charts; a letter and its run stay together."""

    DEFAULT_CSS = """
    RunLegend { padding: 0 1; }
    """

    names: reactive[tuple[Shown, ...]] = reactive((), layout=True)

    def lines(self, width: int) -> Sequence[Content]:
        pairs = zip(LETTERS, self.names, strict=False)
        return flow([Content(f"{letter} {cut(name, width - 2)}") for letter, name in pairs], width, "   ")


class ChartGrid(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Small charts in rows; arrows choose one."""

    scope: ClassVar[Scope] = "grid"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("grid")]
    DEFAULT_CSS = """
    ChartGrid { scrollbar-size-vertical: 1; }
    ChartGrid Grid { height: auto; grid-rows: 10; grid-gutter: 0 1; }
    """

    @dataclass
    class Opened(Message):
        """The operator opened a metric."""

        metric: str

    def __init__(self) -> None:
        super().__init__()
        self.chosen: str | None = None

    @property
    def charts(self) -> list[SmallChart]:
        return list(self.query(SmallChart))

    @property
    def per_row(self) -> int:
        return max(1, (self.size.width - 1) // CHART_WIDTH)

    async def lay(self, metrics: Sequence[str]) -> None:
        """Make a chart for each metric, unless they are there already."""
        if [chart.metric for chart in self.charts] == list(metrics):
            return
        await self.remove_children()
        own = [metric for metric in metrics if not metric.startswith(SYSTEM)]
        for title, names in (("METRICS", own), ("SYSTEM METRICS", metrics[len(own) :])):
            if names:
                await self.mount(PaneTitle(title), Grid(*(SmallChart(name) for name in names)))
        if self.chosen not in metrics:
            self.chosen = metrics[0] if metrics else None
        self._fit()

    def on_resize(self, event: events.Resize) -> None:
        self._fit()

    def _fit(self) -> None:
        for grid in self.query(Grid):
            grid.styles.grid_size_columns = self.per_row

    def mark_chosen(self) -> None:
        for chart in self.charts:
            chart.set_class(chart.metric == self.chosen, "-chosen")
            if chart.metric == self.chosen:
                self.scroll_to_widget(chart, animate=False)

    def action_move(self, right: int, down: int) -> None:
        metrics = [chart.metric for chart in self.charts]
        if self.chosen in metrics:
            place = metrics.index(self.chosen) + right + down * self.per_row
            self.chosen = metrics[max(0, min(place, len(metrics) - 1))]
            self.post_message(self.Moved())

    class Moved(Message):
        """Another chart is chosen."""

    def action_open(self) -> None:
        if self.chosen is not None:
            self.post_message(self.Opened(self.chosen))


class MultiplesPane(ChartPane):
    """A small chart for each metric that has a history."""

    is_history = True

    _subject: ChartSubject | None = None
    _loaded = Loaded((), {}, 0)

    DEFAULT_CSS = """
    MultiplesPane { layout: vertical; }
    """

    def compose(self) -> ComposeResult:
        yield RunLegend()
        yield ChartGrid()

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs in the charts."""
        return self._loaded.runs

    def load(self, subject: ChartSubject) -> Loaded:
        prepare()
        runs = self.engine.charts.current(subject.runs[:MAX_RUNS])
        metrics = sorted({metric for run in runs for metric in run.metrics})
        return Loaded.of(runs, self.engine.charts.histories(runs, metrics, points=_POINTS))

    def show(self, subject: ChartSubject, loaded: Loaded) -> None:
        self._subject, self._loaded = subject, loaded
        self.call_later(self._lay)

    async def _lay(self) -> None:
        grid = self.query_one(ChartGrid)
        await grid.lay(list(self._loaded.metrics))
        if not self._loaded.metrics and not grid.children:
            await grid.mount(Static("  No metric of these runs has more than one step.", markup=False))
        self.draw()

    def draw(self) -> None:
        grid = self.query_one(ChartGrid)
        self._show_legend()
        grid.mark_chosen()
        for chart in grid.charts:
            if histories := self._loaded.metrics.get(chart.metric):
                chart.show(histories, self)
        self.post_message(self.Changed())

    def _show_legend(self) -> None:
        """The letters of the runs, if there are several."""
        legend = self.query_one(RunLegend)
        legend.display = len(self.runs) > 1
        names = unique_names([(run.run_name, run.run_id) for run in self.runs])
        legend.names = tuple(safe(name) for name in names)

    def on_chart_grid_moved(self, event: ChartGrid.Moved) -> None:
        event.stop()
        self.draw()

    def exported(self) -> Curves | None:
        if self._subject is None or not self._loaded.metrics:
            return None
        found = [history for histories in self._loaded.metrics.values() for history in histories]
        return curves(
            found,
            tuple(self._loaded.metrics),
            self.settings.axis,
            experiment=self._subject.title,
            runs=len(self._subject.rows),
            smooth=self.settings.weight,
        )

    def sheet(self, subject: ChartSubject) -> Sheet:
        return self.engine.runs.histories_sheet(self._loaded.runs, tuple(self._loaded.metrics))

    @property
    def facts(self) -> Shown:
        subject = self._subject
        if subject is None:
            return Shown("")
        parts: list[str] = []
        if (asked := len(subject.rows)) > 1:
            most = f" (at most {MAX_RUNS})" if asked > MAX_RUNS else ""
            parts.append(f"{formats.count(len(self.runs))} of {formats.count(asked)} runs{most}")
        parts.append(formats.counted(len(self._loaded.metrics), "metric"))
        if self._loaded.single:
            parts.append(f"{formats.count(self._loaded.single)} with one step not shown")
        return Shown(" · ".join(parts))
