"""The histories of metrics, overlaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from engine import formats
from engine.text import Shown, safe
from tui.charts.pane import ChartPane
from tui.charts.subject import MAX_CURVES
from tui.widgets.plot import Plot, Series, prepare

if TYPE_CHECKING:
    from engine.api import History
    from tui.charts.subject import ChartSubject


class HistoryPane(ChartPane):
    """A curve for each metric of each run."""

    is_history = True

    def compose(self) -> ComposeResult:
        yield Plot(id="plot", empty_text=Shown("no history of this metric"))

    def load(self, subject: ChartSubject) -> tuple[History, ...]:
        prepare()
        return self.engine.charts.histories(subject.runs, subject.metrics)

    def show(self, subject: ChartSubject, loaded: tuple[History, ...]) -> None:
        self._subject, self._histories = subject, loaded
        several = len(subject.metrics) > 1
        series = [
            Series(
                safe(f"{h.run_name} {h.metric}" if several else h.run_name),
                h.xs("step"),
                h.values,
                "line" if len(h.values) > 1 else "scatter",
            )
            for h in loaded
        ]
        self.query_one(Plot).set_series(series, x_label="step")

    @property
    def facts(self) -> Shown:
        left_out = len(self._subject.rows) - MAX_CURVES
        points = sum(len(history.values) for history in self._histories)
        facts = f"{formats.count(points)} points"
        return Shown(facts + (f" · {MAX_CURVES} of {len(self._subject.rows)} runs" if left_out > 0 else ""))
