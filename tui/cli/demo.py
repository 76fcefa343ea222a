"""`mlflow-console demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.formats import number
from engine.jobs import CancelToken, Progress
from engine.text import Shown, safe
from engine.uri import TrackingUri, embedded
from tui.cli.console import on_terminal, open_console
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Output, write_json
from tui.cli.payloads import run_payload
from tui.cli.progress import Meter, stop_signals

if TYPE_CHECKING:
    from engine.api import DemoReport

LINES = 10
"""Lines of progress off a terminal, beside one for each step that is waited for."""


@click.command()
@json_option
@pass_invocation
def demo(invocation: Invocation, as_json: bool) -> int:
    """Train, register and promote the published heart-disease work, then open the console on it.

    It works on ./mlflow.db, whatever MLFLOW_TRACKING_URI says; only --tracking-uri before the
    command names another store. Run again, it makes nothing twice and finishes what was stopped.
    Without a terminal it prints what it made and ends.

    \b
    Example:
      mlflow-console demo
      mlflow-console --tracking-uri http://127.0.0.1:5000 demo --json
    """
    invocation.check_writable("The demo")
    uri = embedded() if invocation.tracking_uri is None else invocation.uri()
    report = _make(invocation, uri)
    if as_json:
        write_json(
            {
                "store": uri.shown,
                "lines": list(report.lines),
                "trained": report.trained,
                "registered": report.registered,
                "best": run_payload(report.best.run),
                "metric": report.best.metric,
                "tied": [run_payload(run) for run in report.best.tied],
                "tie_break": report.best.tie_break,
            }
        )
        return 0
    _show(Output(), uri, report)
    return open_console(invocation, uri, report.best.run.experiment_id) if on_terminal() else 0


def _make(invocation: Invocation, uri: TrackingUri) -> DemoReport:
    token = CancelToken()
    told = Told()
    with invocation.engine(uri) as engine, stop_signals(token), Meter(Shown("demo")) as meter:

        def hear(progress: Progress) -> None:
            meter.update(progress.done, progress.total, safe(progress.note), line=told.is_news(progress))

        return engine.training.demo(on_progress=hear, cancel=token)


class Told:
    """Which progress is worth a line of its own."""

    def __init__(self) -> None:
        self._done = -1
        self._tenth = -1

    def is_news(self, progress: Progress) -> bool:
        """A step that does not count trials, or another tenth of them."""
        tenth = progress.done * LINES // progress.total if progress.total else 0
        news = tenth != self._tenth or progress.done == self._done
        self._tenth, self._done = tenth, progress.done
        return news


def _show(output: Output, uri: TrackingUri, report: DemoReport) -> None:
    output.line(Cell(Shown("in "), "dim"), Cell(uri.shown))
    for line in report.lines:
        output.line(safe(line))
    best = report.best
    tied = (
        f", tied with {', '.join(run.run_name for run in best.tied)}; {best.tie_break}" if best.tied else ""
    )
    output.line(
        Cell(Shown("best  "), "bold"),
        Cell(safe(best.run.run_name), "green"),
        safe(f"  {best.metric} {number(best.value)}{tied}"),
    )
