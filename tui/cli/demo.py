"""`mlflow-console demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.formats import number
from engine.jobs import CancelToken, Progress
from engine.text import Shown, safe
from engine.uri import TrackingUri, embedded
from tui.cli.json_output import run_payload, write_json
from tui.cli.options import Invocation, is_interactive, json_option, pass_invocation
from tui.cli.output import Cell, Output
from tui.cli.progress import Meter, stop_signals

if TYPE_CHECKING:
    from engine.api import DemoReport

LINES = 10
"""Maximum lines of trial progress without a terminal; other steps print one line each."""


@click.command()
@json_option
@pass_invocation
def demo(invocation: Invocation, as_json: bool) -> int:
    """Build the heart-disease example and open the console on it.

    Trains, registers and promotes models that reproduce the published study. Writes to ./mlflow.db
    and ignores MLFLOW_TRACKING_URI; use the global option --tracking-uri for another store. Safe to
    run again: only adds what is missing. Without a terminal, prints a summary and exits.

    \b
    Examples:
      mlflow-console demo
      mlflow-console --tracking-uri http://127.0.0.1:5000 demo --json
    """
    invocation.check_writable("The demo")
    uri = embedded() if invocation.tracking_uri is None else invocation.uri()
    report = _build(invocation, uri)
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
    return invocation.open_console(uri, report.best.run.experiment_id) if is_interactive() else 0


def _build(invocation: Invocation, uri: TrackingUri) -> DemoReport:
    token = CancelToken()
    lines = ProgressLines()
    with invocation.engine(uri) as engine, stop_signals(token), Meter(Shown("demo")) as meter:

        def show(progress: Progress) -> None:
            meter.update(progress.done, progress.total, safe(progress.note), line=lines.are_due(progress))

        return engine.training.demo(on_progress=show, cancel=token)


class ProgressLines:
    """Which progress events get a line when there is no bar."""

    def __init__(self) -> None:
        self._done = -1
        self._tenth = -1

    def are_due(self, progress: Progress) -> bool:
        """True for steps that are not trials, and for every tenth of the trials."""
        tenth = progress.done * LINES // progress.total if progress.total else 0
        due = tenth != self._tenth or progress.done == self._done
        self._tenth, self._done = tenth, progress.done
        return due


def _show(output: Output, uri: TrackingUri, report: DemoReport) -> None:
    output.line(Cell(Shown("store "), "dim"), Cell(uri.shown))
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
