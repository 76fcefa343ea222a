"""What the shown runs amount to: the best of them, insights, and a report."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine.text import safe
from tui.runs.session import RunSession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.api import BestRun, Direction, Report, RunFrame, Standing
    from engine.jobs import CancelToken, OnProgress
    from tui.insights.subject import InsightSubject
    from tui.runs.screen import RunsScreen


class RunConclusions:
    """Opens what judges the shown runs, by default by the metric of the focused column."""

    def __init__(self, screen: RunsScreen, runs: RunSession) -> None:
        self._screen = screen
        self._runs = runs

    def show_best(self, metric: str = "") -> None:
        """Name the best of the shown runs."""
        from tui.runs.dialogs.best import BestDialog

        screen, frame, name = self._screen, self._runs.frame, self._metric(metric)
        if frame is None or name is None:
            return
        rows, direction = self._rows(), screen.state.directions.get(name)

        def work() -> tuple[BestRun, Standing | None]:
            best = screen.engine.evidence.best(frame, name, direction, rows)
            return best, screen.engine.evidence.standing(frame, best)

        def show(found: tuple[BestRun, Standing | None]) -> None:
            dialog = BestDialog(
                *found,
                filtered=rows is not None,
                write_report=partial(self.write_report, frame, name, direction, rows),
                show_insights=partial(self.show_insights, name),
            )
            screen.app.push_screen(dialog, self._go_to_run)

        screen.ask(work, show, group="best", failed=screen.session.show_error, opens=True)

    def show_insights(self, metric: str = "", where: str = "") -> None:
        """Explain the shown runs; only the best run must meet `where`."""
        from tui.insights.screen import InsightsScreen
        from tui.insights.subject import InsightSubject

        screen, frame, name = self._screen, self._runs.frame, self._metric(metric)
        if frame is None or name is None or screen.experiment is None:
            return
        title = safe(screen.experiment.name)
        directions = dict(screen.state.directions)
        rows = None if (shown := self._rows()) is None else tuple(shown)
        filter_text = self._runs.view.filter_text.strip()
        subject = InsightSubject(
            title, frame, rows, name, where, directions=directions, filter_text=filter_text
        )

        def write_report(subject: InsightSubject) -> None:
            direction = subject.directions.get(subject.metric)
            self.write_report(subject.frame, subject.metric, direction, subject.rows, subject.where)

        view = InsightsScreen(
            subject,
            open_run=screen.show_run,
            filter_runs=screen.pane.apply_filter,
            write_report=write_report,
        )
        screen.app.push_screen(view)

    def write_report(
        self,
        frame: RunFrame,
        metric: str,
        direction: Direction | None,
        rows: Sequence[int] | None,
        where: str = "",
    ) -> None:
        """Ask for a folder, and write a report on these rows (None: all) that meet `where` there."""
        from engine.api import compile_filter, file_name
        from tui.runs.dialogs.report import ReportDialog

        screen = self._screen
        if (experiment := screen.experiment) is None:
            return
        shown = self._runs.view.filter_text.strip()
        query = "all runs of the experiment" if rows is None else f"runs that match {shown}"

        constraint = compile_filter(where, frame.keys, frame) if where else None
        reports = partial(screen.engine.reports.make, experiment, frame, metric, direction, rows)

        def make(on_progress: OnProgress, cancel: CancelToken) -> Report:
            return reports(query=query, where=constraint, on_progress=on_progress, cancel=cancel)

        def say(message: str | None) -> None:
            if message:
                screen.session.say(message)

        folder = "report-" + file_name(experiment.name, "")
        screen.app.push_screen(ReportDialog(screen.engine, screen.session.bridge, make, folder), say)

    def _metric(self, named: str) -> str | None:
        """The metric to judge by; None, with a message, if there is none or nothing is loaded."""
        name = named or self._screen.pane.focused_metric()
        if self._runs.frame is None:
            self._screen.session.say("No runs are loaded yet.", warning=True)
        elif not name:
            self._screen.session.say("These runs have no metrics.", warning=True)
        else:
            return name
        return None

    def _rows(self) -> list[int] | None:
        """The rows that match the filter, None for all."""
        return [*self._runs.matching] if self._runs.is_filtered else None

    def _go_to_run(self, run_id: str | None) -> None:
        if run_id and not self._screen.pane.table.move_to(run_id):
            self._screen.session.say("The filter hides this run.", warning=True)
