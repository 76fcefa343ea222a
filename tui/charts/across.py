"""Charts across runs: bars, a ranking, points, boxes, a heat map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult

from engine.columns import ColumnKey
from engine.errors import EngineError
from engine.text import Shown, safe
from tui.charts.pane import ChartPane
from tui.widgets.plot import prepare
from tui.widgets.plot.drawing import Drawing, Line
from tui.widgets.plot.drawing_view import DrawingView

if TYPE_CHECKING:
    from engine.api import AcrossChart, BarScale, ChartKind, ChartRequest, RunFrame, Sheet
    from tui.charts.subject import ChartSubject
    from tui.widgets.plot.scatter import Part

MAX_OTHERS = 200
"""The most metrics offered for the x-axis."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The chart, or why there is none, and the frame that it was made from."""

    frame: RunFrame
    request: ChartRequest
    chart: AcrossChart | None
    error: EngineError | None = None


class AcrossPane(ChartPane):
    """One kind of chart across runs."""

    chart_kind: ClassVar[ChartKind]

    def compose(self) -> ComposeResult:
        yield DrawingView(id="drawing")

    @property
    def view(self) -> DrawingView:
        return self.query_one(DrawingView)

    # ── reading ──────────────────────────────────────────────────────────────

    _loaded: Loaded | None = None
    _subject: ChartSubject | None = None

    def load(self, subject: ChartSubject) -> Loaded:
        from engine.api import ChartRequest

        prepare()
        request = ChartRequest(
            self.chart_kind,
            subject.metrics,
            subject.x,
            subject.y,
            subject.title,
            directions=subject.directions,
        )
        return self._made(subject, subject.frame, request)

    def reload(self, subject: ChartSubject) -> Loaded:
        """Read the runs again that were unfinished."""
        before = self._loaded
        if before is None or subject is not self._subject:
            return self.load(subject)
        frame = before.frame
        status = frame.column(ColumnKey("attribute", "status"))
        unfinished = [frame.run(row) for row in subject.rows if status[row] in ("RUNNING", "SCHEDULED")]
        fresh = self.engine.charts.current(unfinished)
        return self._made(subject, frame.extended(fresh, complete=frame.complete), before.request)

    def _made(self, subject: ChartSubject, frame: RunFrame, request: ChartRequest) -> Loaded:
        from engine.api import across

        try:
            return Loaded(frame, request, across(frame, subject.rows, request))
        except EngineError as error:  # what cannot be drawn is said in place of the chart
            return Loaded(frame, request, None, error)

    def show(self, subject: ChartSubject, loaded: Loaded) -> None:
        self._subject, self._loaded = subject, loaded
        self._draw()

    # ── drawing ──────────────────────────────────────────────────────────────

    def _draw(self) -> None:
        loaded = self._loaded
        if loaded is None:
            return
        if loaded.chart is None:
            self.view.set_drawing(partial(_reason, loaded.error))
        else:
            notes = [safe(note) for note in loaded.chart.caption.notes]
            self.view.set_drawing(self._drawer(loaded.chart), notes)
        self.post_message(self.Changed())

    def _drawer(self, chart: AcrossChart) -> Callable[[int, int], Drawing]:
        from tui.widgets.plot.cells import draw_across

        return partial(draw_across, chart)

    @property
    def facts(self) -> Shown:
        loaded = self._loaded
        if loaded is None or loaded.chart is None:
            return Shown("")
        count = loaded.chart.caption.subject.removeprefix(f"{loaded.request.experiment}, ")
        return safe(" · ".join(filter(None, (_drawn_by(loaded.chart), count))))

    def exported(self) -> AcrossChart | None:
        return None if self._loaded is None else self._loaded.chart

    def sheet(self, subject: ChartSubject) -> Sheet:
        """The runs with their names, metrics and parameters."""
        from engine.api import by_effect, runs_sheet

        frame = subject.frame if self._loaded is None else self._loaded.frame
        metrics = [ColumnKey("metric", name) for name in subject.metrics]
        params = by_effect(frame, subject.rows, subject.metrics[0])
        chosen = [key for key in (subject.x, subject.y) if key is not None]
        keys = [ColumnKey("attribute", "run_name"), *metrics, *chosen, *params]
        return runs_sheet(frame, subject.rows, [key for key in keys if key in frame])

    def axis_choices(self, subject: ChartSubject) -> list[tuple[ColumnKey, Shown]]:
        """The parameters that differ, those with the largest effect first, and, for points, the other
        metrics."""
        from engine.api import by_effect

        found = [(key, safe(key.name)) for key in by_effect(subject.frame, subject.rows, subject.metrics[0])]
        if self.chart_kind == "scatter":
            metrics = [key for key in subject.frame.keys if key.kind == "metric"]
            others = [key for key in metrics if key.name != subject.metrics[0]][:MAX_OTHERS]
            found += [(key, Shown(f"{safe(key.name)}  (metric)")) for key in others]
            found.append((ColumnKey("attribute", "duration"), Shown("duration")))
        return found


def _drawn_by(chart: AcrossChart) -> str:
    """`by n_neighbors`: the axes."""
    from engine.api import Boxes, HeatMap, Scatter

    if isinstance(chart, Scatter):
        return f"by {chart.x.label}"
    if isinstance(chart, Boxes):
        return f"by {chart.param}"
    if isinstance(chart, HeatMap):
        return f"by {chart.column_param} and {chart.row_param}"
    return ""


def _reason(error: EngineError | None, width: int, height: int) -> Drawing:
    """Why there is no chart, in place of one."""
    from tui.widgets.fit_text import wrapped

    if error is None:
        return Drawing((), ())
    lines = [Line(()), Line(((safe(error.title), "reading"),))]
    for text in (error.detail, error.hint):
        lines += [Line(((line, "label"),)) for line in wrapped(safe(text), width)] if text else []
    return Drawing((), tuple(lines))


class BarsPane(AcrossPane):
    """A bar for each run and metric."""

    chart_kind: ClassVar[ChartKind] = "bar"

    @on(DrawingView.ScaleToggled)
    def _toggle_scale(self, event: DrawingView.ScaleToggled) -> None:
        """From zero, or from the lowest value."""
        event.stop()
        from engine.api import Bars

        loaded, subject = self._loaded, self._subject
        if loaded is None or subject is None or not isinstance(loaded.chart, Bars):
            return
        scale: BarScale = "zero" if loaded.chart.metrics[0].scale == "range" else "range"
        request = replace(loaded.request, scale=scale)
        work = partial(self._made, subject, loaded.frame, request)
        self.ask(work, partial(self.show, subject), group="scale")


class RankingPane(BarsPane):
    """Bars with the parameters that differ."""

    chart_kind = "rank"


class BoxesPane(AcrossPane):
    """A box for each value of a parameter."""

    chart_kind = "box"
    axes = 1


class HeatPane(AcrossPane):
    """The mean for each combination of two parameters."""

    chart_kind = "heat"
    axes = 2


class PointsPane(AcrossPane):
    """A metric against a parameter or another metric."""

    chart_kind = "scatter"
    axes = 1
    _part: Part | None = None
    _log_y = False

    def show(self, subject: ChartSubject, loaded: Loaded) -> None:
        if subject is not self._subject:
            self._part = None
        super().show(subject, loaded)

    def _drawer(self, chart: AcrossChart) -> Callable[[int, int], Drawing]:
        from engine.api import Scatter
        from tui.widgets.plot.scatter import Part, draw_scatter

        if not isinstance(chart, Scatter):
            return super()._drawer(chart)
        part, log_y = self._part or Part(), self._log_y
        return lambda width, height: draw_scatter(chart, width, height, part, log_x=chart.x.log, log_y=log_y)

    def exported(self) -> AcrossChart | None:
        from engine.api import Scatter

        chart = super().exported()
        if isinstance(chart, Scatter) and self._log_y:
            return replace(chart, y=replace(chart.y, log=True))
        return chart

    @on(DrawingView.ScaleToggled)
    def _toggle_scale(self, event: DrawingView.ScaleToggled) -> None:
        """Switch the logarithmic y-axis."""
        event.stop()
        self._log_y = not self._log_y
        self._part = None
        self._draw()

    @on(DrawingView.Zoomed)
    def _zoom(self, event: DrawingView.Zoomed) -> None:
        """Around the run under the cursor."""
        event.stop()
        from engine.api import Scatter
        from tui.widgets.plot.scatter import zoomed

        chart = None if self._loaded is None else self._loaded.chart
        spot = self.view.spot
        if not isinstance(chart, Scatter):
            return
        if not event.factor:
            self._part = None
        else:
            run_id = None if spot is None else spot.run_id
            self._part = zoomed(chart, self._part, event.factor, run_id, log_y=self._log_y)
        self._draw()
