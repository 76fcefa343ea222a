"""A metric over the versions of a model, with the stages marked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from engine import formats
from engine.columns import VERSION, ColumnKey
from engine.errors import NotFound
from engine.text import safe
from tui.dialogs.base import Dialog
from tui.runs.session import RunSession
from tui.screen import ConsoleScreen
from tui.widgets.plot import Plot, Series, prepare

if TYPE_CHECKING:
    from engine.api import Curves, RunFrame
    from tui.bridge import Bridge

_HOLDERS = (ColumnKey("attribute", "stage"), ColumnKey("attribute", "aliases"))


def version_series(chart: Curves) -> list[Series]:
    """The line of the metric, and the marks on its versions."""
    return [
        Series.of(
            safe(curve.label),
            list(zip(curve.xs, curve.ys, strict=True)),
            "scatter" if curve.as_points else "line",
        )
        for curve in chart.curves
    ]


def open_chart(screen: ConsoleScreen, session: RunSession, model: str, metric: str) -> None:
    """Open the chart of the marked versions, else of those shown."""
    if (arranged := session.arranged) is None:
        return
    frame = arranged.frame
    marked = [row for key in session.marked() if (row := frame.row_of(key)) is not None]
    rows = marked or list(arranged.matching)
    metrics = [key.name for key in frame.keys if key.kind == "metric"]

    def show(_: None) -> None:
        bridge = screen.session.bridge
        screen.app.push_screen(VersionChart(bridge, model, frame, rows, metrics, metric))

    screen.ask(prepare, show, group="chart", failed=screen.session.show_error, opens=True)


class VersionChart(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave", show=False, id="dialog.leave"),
        Binding("m", "step_metric(1)", show=False, id="dialog.next-metric"),
        Binding("M", "step_metric(-1)", show=False, id="dialog.previous-metric"),
        Binding("w", "export", show=False, id="dialog.export"),
    ]
    DEFAULT_CSS = """
    VersionChart > #box { width: 96%; max-width: 140; height: 90%; }
    VersionChart #note { height: auto; max-height: 2; color: $text-muted; }
    """

    def __init__(
        self,
        bridge: Bridge,
        model: str,
        frame: RunFrame,
        rows: Sequence[int],
        metrics: Sequence[str],
        metric: str,
    ) -> None:
        """`metrics` are those that `m` steps through, beginning at `metric`."""
        super().__init__()
        self.subtitle_text = "m next metric · + - zoom · enter reads values · w export · esc close"
        self.metric = metric
        self._bridge = bridge
        self._model = model
        self._frame = frame
        self._rows = rows
        self._metrics = metrics

    def compose_dialog(self) -> ComposeResult:
        yield Plot(id="plot")
        yield Static("", id="note", markup=False)

    def on_mount(self) -> None:
        self.query_one(Plot).focus()
        self._draw()

    @property
    def _chart(self) -> Curves | None:
        """The chart of the metric; None if none of these versions has it."""
        from engine.api import over_versions

        try:
            return over_versions(self._frame, self._rows, self._model, [self.metric])
        except NotFound:
            return None

    def _draw(self) -> None:
        chart = self._chart
        series = [] if chart is None else version_series(chart)
        self.query_one(Plot).set_series(series, x_kind="step", x_label="version")
        self.query_one("#box").border_title = Content(
            safe(f"{self.metric} over the versions of {self._model}")
        )
        versions = formats.counted(len(self._rows), "version")
        notes = [f"none has {self.metric}"] if chart is None else chart.caption.notes
        self.query_one("#note", Static).update(Content(safe(", ".join([versions, *notes]))))

    def action_export(self) -> None:
        """Write the chart, or its data, to a file."""
        from engine.api import chart_name, versions_sheet
        from tui.charts.saving import FORMATS, check_file, save
        from tui.dialogs.save import SaveDialog

        if (chart := self._chart) is None:
            return

        def report(message: str | None) -> None:
            if message:
                self.query_one("#note", Static).update(Content(safe(message)))

        key = ColumnKey("metric", self.metric)
        sheet = partial(versions_sheet, self._model, self._frame, self._rows, [VERSION, *_HOLDERS, key])
        work = partial(save, chart, sheet)
        dialog = SaveDialog(
            self._bridge, "Export the chart", chart_name(chart), check_file, work, hint=FORMATS
        )
        self.app.push_screen(dialog, report)

    def action_step_metric(self, by: int) -> None:
        at = self._metrics.index(self.metric) + by
        self.metric = self._metrics[at % len(self._metrics)]
        self._draw()
