"""`mlflow-console best`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.entities import Experiment
from engine.errors import NotFound, UsageError
from engine.formats import MISSING, count, counted, duration, moment, number
from engine.text import Shown, safe
from tui.cli.options import Invocation, csv_option, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output, Row, write_json
from tui.cli.payloads import Payload, run_payload
from tui.cli.progress import load_frame

if TYPE_CHECKING:
    from engine.api import BestRun, Direction, RunFrame

CSV = "experiment_results.csv"


@click.command()
@click.argument("experiment")
@click.option(
    "-m",
    "--metric",
    metavar="METRIC",
    help="The metric that decides.  [default: accuracy, or what is nearest]",
)
@click.option("--higher", is_flag=True, help="Higher is better.")
@click.option("--lower", is_flag=True, help="Lower is better.  [default: guessed by the metric's name]")
@csv_option("Where all runs of the experiment are written.", default=CSV)
@json_option
@pass_invocation
def best(
    invocation: Invocation,
    experiment: str,
    metric: str | None,
    higher: bool,
    lower: bool,
    csv_path: str,
    as_json: bool,
) -> None:
    """Name the best run of EXPERIMENT by a metric, and write every run to a CSV file.

    Finished runs with a finite value compete. Of runs with the same value the one with the higher
    cv_mean goes first where all of them have it, then the one that started first.

    \b
    Example:
      mlflow-console best heart-disease --metric accuracy
      mlflow-console best heart-disease --metric training_time --lower --csv results.csv --json
    """
    if higher and lower:
        raise UsageError("A metric cannot be better both higher and lower")
    direction: Direction | None = "higher" if higher else "lower" if lower else None
    with invocation.engine() as engine:
        found = engine.runs.experiment(experiment)
        frame = load_frame(engine, found)
        winner = engine.runs.best(frame, metric or _usual_metric(frame), direction)
        engine.runs.write_csv(frame, Path(csv_path))
    if as_json:
        write_json(_payload(winner, frame, csv_path))
    else:
        _show(Output(), found, winner)
        Output().line(safe(f"{count(len(frame))} runs written to {csv_path}"))


def _usual_metric(frame: RunFrame) -> str:
    """The metric that says most. Raises `NotFound` where runs have none."""
    from engine.api import key_metrics

    names = key_metrics(key.name for key in frame.keys if key.kind == "metric")
    if not names:
        hint = "Name an experiment whose runs have logged metrics: `mlflow-console experiments` lists them."
        raise NotFound("No run has a metric", f"{len(frame)} runs", hint)
    return names[0]


def _show(output: Output, experiment: Experiment, winner: BestRun) -> None:
    run, metric = winner.run, winner.metric
    output.line(
        Cell(safe(run.run_name or run.run_id), "bold"), Cell(safe(f"  is the best run of {experiment.name}"))
    )
    output.line(Cell(safe(f"{metric} {number(winner.value)}"), "green"), f"  {winner.direction} is better")
    made = f"{moment(run.start_time)}  took {duration(run.duration)}  by {run.user_id or MISSING}"
    output.line(safe(f"run {run.run_id}  {made}"))
    output.line()
    rows: list[Row] = [[Cell(Shown("PARAMETERS"), "dim")]]
    rows += [[safe(name), safe(value)] for name, value in sorted(run.params.items())]
    rows += [[Cell(Shown("METRICS"), "dim")]]
    rows += [[safe(name), number(value)] for name, value in sorted(run.metrics.items())]
    output.table([Head(Shown("name"), keep=True), Head(Shown("value"), right=True, keep=True)], rows)
    output.line()
    _show_rivals(output, winner)


def _show_rivals(output: Output, winner: BestRun) -> None:
    from engine.api import TIE_METRIC

    competed = f"{counted(winner.considered, 'finished run')} competed"
    output.line(safe("; ".join((competed, *(f"left out: {why}" for why in winner.left_out)))))
    if not winner.tied:
        output.line("No other run has the same value.")
        return
    others = f"{len(winner.tied)} other run{'' if len(winner.tied) == 1 else 's'}"
    output.line(
        Cell(Shown("tied  "), "yellow"),
        safe(f"{others} with {winner.metric} {number(winner.value)}; decided by: {winner.tie_break}"),
    )
    heads = [
        Head(Shown("name"), keep=True, least=16),
        Head(Shown(TIE_METRIC), right=True),
        Head(Shown("started")),
        Head(Shown("run_id"), keep=True),
    ]
    rows = [
        [safe(run.run_name), number(run.metrics.get(TIE_METRIC)), moment(run.start_time), safe(run.run_id)]
        for run in (winner.run, *winner.tied)
    ]
    output.table(heads, rows)


def _payload(winner: BestRun, frame: RunFrame, csv_path: str) -> Payload:
    return {
        "metric": winner.metric,
        "direction": winner.direction,
        "value": winner.value,
        "run": run_payload(winner.run),
        "tied": [run_payload(run) for run in winner.tied],
        "tie_break": winner.tie_break,
        "considered": winner.considered,
        "left_out": list(winner.left_out),
        "csv": csv_path,
        "runs_written": len(frame),
    }
