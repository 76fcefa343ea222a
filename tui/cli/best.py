"""`mlflow-console best`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.entities import Experiment
from engine.errors import UsageError
from engine.formats import MISSING, counted, duration, moment, number
from engine.text import Shown, safe
from tui.cli.json_output import Payload, run_payload, write_json
from tui.cli.options import (
    Invocation,
    chosen_direction,
    csv_option,
    evidence_options,
    json_option,
    metric_options,
    output_option,
    pass_invocation,
    yes_option,
)
from tui.cli.output import Cell, Head, Output, Row, confirm_replacement
from tui.cli.progress import load_frame
from tui.cli.selection import filter_of, usual_metric

if TYPE_CHECKING:
    from engine.api import BestRun, Correction, RunFrame, Standing

CSV = "experiment_results.csv"


@click.command()
@click.argument("experiment")
@metric_options("Rank runs by")
@evidence_options
@click.option(
    "--tie-break",
    "tie_metric",
    default="cv_mean",
    show_default=True,
    metavar="METRIC",
    help="Break ties by this metric.",
)
@click.option("--all", "any_kind", is_flag=True, help="Include runs that cannot be compared with the others.")
@csv_option("Export all runs of the experiment to FILE.", default=CSV)
@output_option("Export all runs to this file instead.")
@yes_option
@json_option
@pass_invocation
def best(
    invocation: Invocation,
    experiment: str,
    metric: str | None,
    higher: bool,
    lower: bool,
    where: str,
    correction: Correction,
    tie_metric: str,
    any_kind: bool,
    csv_path: str,
    output: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Find the best run of EXPERIMENT (name or id) and export all its runs to CSV.

    Considers finished runs with a finite value of the metric. Runs that cannot be compared with most
    others (other parameters, metrics or test rows, another dataset, a rate in percent) are excluded
    and counted; --all includes them. Ties go to the higher cv_mean if all tied runs have one,
    then to the run that started first. Whether another run differs by more than chance is tested in
    the strongest way that the logged data allow: predictions for the same rows, scores on the same
    folds, or else the two rates alone. Only the default CSV file is replaced without asking.

    \b
    Examples:
      mlflow-console best heart-disease --metric accuracy
      mlflow-console best heart-disease --where "class_1_recall >= 0.9" --correct holm
      mlflow-console best heart-disease --metric training_time --lower --csv results.csv --json
    """
    from engine.api import runs_sheet, write_sheet

    direction = chosen_direction(higher, lower)
    if output and csv_path != CSV:
        raise UsageError("--csv and --output cannot be combined", hint="-o FILE.csv writes CSV, too.")
    file = output or csv_path
    if file != CSV:
        confirm_replacement(Output(err=as_json), file, yes=yes)
    replaced = Path(file).is_file()
    with invocation.engine() as engine:
        found = engine.runs.experiment(experiment)
        frame = load_frame(engine, found)
        winner = engine.evidence.best(
            frame,
            metric or usual_metric(frame),
            direction,
            where=filter_of(where, frame) if where.strip() else None,
            tie_metric=tie_metric,
            any_kind=any_kind,
        )
        standing = engine.evidence.standing(frame, winner, correction)
        write_sheet(runs_sheet(frame), Path(file), "" if output else ".csv")
    if as_json:
        write_json(_payload(winner, standing, frame, file))
    else:
        _show(Output(), found, winner, standing)
        what = "; the previous file was replaced" if replaced else ""
        Output().line(safe(f"{counted(len(frame), 'run')} written to {file}{what}"))


def _show(output: Output, experiment: Experiment, winner: BestRun, standing: Standing | None) -> None:
    from engine.api import chance

    run, metric = winner.run, winner.metric
    output.line(
        Cell(safe(run.run_name or run.run_id), "bold"), Cell(safe(f"  best run of {experiment.name}"))
    )
    measured = f"  {standing.measured}" if standing else ""
    output.line(
        Cell(safe(f"{metric} {number(winner.value)}"), "green"),
        Shown(f"{measured}  {winner.direction} is better"),
    )
    origin = f"{moment(run.start_time)}  took {duration(run.duration)}  by {run.user_id or MISSING}"
    output.line(safe(f"run {run.run_id}  {origin}"))
    output.line()
    rows: list[Row] = [[Cell(Shown("PARAMETERS"), "dim")]]
    rows += [[safe(name), safe(value)] for name, value in sorted(run.params.items())]
    rows += [[Cell(Shown("METRICS"), "dim")]]
    rows += [[safe(name), number(value)] for name, value in sorted(run.metrics.items())]
    output.table([Head(Shown("name"), keep=True), Head(Shown("value"), right=True, keep=True)], rows)
    output.line()
    _show_ties(output, winner)
    for sentence in filter(None, (*winner.sentences, chance(winner, standing))):
        output.text(sentence)


def _show_ties(output: Output, winner: BestRun) -> None:
    from engine.api import TIE_METRIC

    considered = f"{counted(winner.considered, 'finished run')} considered"
    output.line(safe("; ".join((considered, *(f"excluded: {why}" for why in winner.left_out)))))
    for apart in winner.apart:
        output.line(Cell(Shown("excluded  "), "yellow"), safe(f"{apart}; --all includes such runs"))
    if not winner.tied:
        output.line("No ties.")
        return
    others = counted(len(winner.tied), "other run")
    output.line(
        Cell(Shown("tied  "), "yellow"),
        safe(f"{others} with {winner.metric} {number(winner.value)}; decided by: {winner.tie_break}"),
    )
    heads = [
        Head(Shown("name"), keep=True, min_width=16),
        Head(Shown(TIE_METRIC), right=True),
        Head(Shown("started")),
        Head(Shown("run_id"), keep=True),
    ]
    rows = [
        [safe(run.run_name), number(run.metrics.get(TIE_METRIC)), moment(run.start_time), safe(run.run_id)]
        for run in (winner.run, *winner.tied)
    ]
    output.table(heads, rows)


def _payload(winner: BestRun, standing: Standing | None, frame: RunFrame, csv_path: str) -> Payload:
    return {
        "metric": winner.metric,
        "direction": winner.direction,
        "value": winner.value,
        "run": run_payload(winner.run),
        "tied": [run_payload(run) for run in winner.tied],
        "tie_break": winner.tie_break,
        "considered": winner.considered,
        "left_out": list(winner.left_out),
        "where": winner.where,
        "failing": [frame.run_ids[row] for row in winner.failing],
        "runner_up": None if winner.runner_up is None else run_payload(winner.runner_up),
        "margin": winner.margin,
        "common": None if winner.common is None else asdict(winner.common),
        "apart": [
            {"reason": apart.reason, "run_ids": [frame.run_ids[row] for row in apart.rows]}
            for apart in winner.apart
        ],
        "standing": None if standing is None else asdict(standing),
        "csv": csv_path,
        "runs_written": len(frame),
    }
