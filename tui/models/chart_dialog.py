"""A metric over the versions of a model, with the stages marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from engine import formats
from engine.columns import VERSION, ColumnKey
from engine.text import safe
from tui.dialogs.base import Dialog
from tui.models.sources import stage_text
from tui.runs.session import RunSession
from tui.screen import ConsoleScreen
from tui.widgets.plot import Plot, Series, prepare

if TYPE_CHECKING:
    from engine.api import RunFrame
    from engine.entities import Stage

MARKED: tuple[Stage, ...] = ("Staging", "Production")
"""Most versions of a long-lived model are archived: marks on them would hide the line."""
_STAGE = ColumnKey("attribute", "stage")


def version_series(frame: RunFrame, rows: Sequence[int], metric: str) -> list[Series]:
    """The metric by version number, NaN where a version lacks it, then the versions in
    Staging and Production."""
    key = ColumnKey("metric", metric)
    number, stage = frame.reader(VERSION), frame.reader(_STAGE)
    values = frame.numbers(key) if key in frame else [None] * len(frame)
    points = []
    for row in rows:
        value, at = values[row], number(row)
        assert isinstance(at, int)
        points.append((at, math.nan if value is None else value, stage(row)))
    points.sort(key=lambda point: point[0])
    found = [Series.of(metric, [(at, value) for at, value, _ in points])]
    for each in MARKED:
        marked = [(at, value) for at, value, held in points if held == each and not math.isnan(value)]
        if marked:
            found.append(Series.of(stage_text(each), marked, "scatter"))
    return found


def open_chart(screen: ConsoleScreen, session: RunSession, model: str, metric: str) -> None:
    """Open the chart of the marked versions, else of those shown."""
    if (arranged := session.arranged) is None:
        return
    frame = arranged.frame
    marked = [row for key in session.marked() if (row := frame.row_of(key)) is not None]
    rows = marked or list(arranged.matching)
    metrics = [key.name for key in frame.keys if key.kind == "metric"]

    def show(_: None) -> None:
        screen.app.push_screen(VersionChart(model, frame, rows, metrics, metric))

    screen.ask(prepare, show, group="chart", failed=screen.session.show_error, opens=True)


class VersionChart(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave", show=False, id="dialog.leave"),
        Binding("m", "step_metric(1)", show=False, id="dialog.next-metric"),
        Binding("M", "step_metric(-1)", show=False, id="dialog.previous-metric"),
    ]
    DEFAULT_CSS = """
    VersionChart > #box { width: 96%; max-width: 140; height: 90%; }
    VersionChart #note { height: auto; max-height: 2; color: $text-muted; }
    """

    def __init__(
        self, model: str, frame: RunFrame, rows: Sequence[int], metrics: Sequence[str], metric: str
    ) -> None:
        """`metrics` are those that `m` steps through, beginning at `metric`."""
        super().__init__()
        self.subtitle_text = "m next metric · + - zoom · arrows pan · enter reads values · esc close"
        self.metric = metric
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

    def _draw(self) -> None:
        series = version_series(self._frame, self._rows, self.metric)
        self.query_one(Plot).set_series(series, x_kind="step", x_label="version")
        self.query_one("#box").border_title = Content(
            safe(f"{self.metric} over the versions of {self._model}")
        )
        without = sum(math.isnan(value) for value in series[0].ys)
        versions = formats.counted(len(self._rows), "version")
        gap = f", {formats.count(without)} without {self.metric}: a gap" if without else ""
        self.query_one("#note", Static).update(Content(safe(f"{versions}{gap}")))

    def action_step_metric(self, by: int) -> None:
        at = self._metrics.index(self.metric) + by
        self.metric = self._metrics[at % len(self._metrics)]
        self._draw()
