"""`mlflow-console experiments`."""

from __future__ import annotations

import time

import click

from engine.entities import Experiment
from engine.formats import MISSING, ago, count
from engine.text import Shown, safe
from engine.uri import TrackingUri
from tui.cli.json_output import experiment_payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Head, Output


@click.command()
@click.option("--deleted", is_flag=True, help="List deleted experiments instead.")
@json_option
@pass_invocation
def experiments(invocation: Invocation, deleted: bool, as_json: bool) -> None:
    """List experiments, most recently active first.

    The number of runs is not available from a tracking server.

    \b
    Examples:
      mlflow-console experiments
      mlflow-console --tracking-uri http://127.0.0.1:5000 experiments --json
    """
    uri = invocation.uri()
    with invocation.engine(uri) as engine:
        found = engine.runs.experiments("deleted" if deleted else "active")
    if as_json:
        write_json({"experiments": [experiment_payload(experiment) for experiment in found]})
    elif deleted and not found:
        Output().line(f"No deleted experiments in {uri.shown}.")
    else:
        _show(found, uri)


def _show(found: tuple[Experiment, ...], uri: TrackingUri) -> None:
    output = Output()
    if not found:
        output.line(f"No experiments in {uri.shown}. Run `mlflow-console demo` to build an example.")
        return
    now = time.time_ns() // 1_000_000
    heads = [
        Head(Shown("name"), keep=True, min_width=16),
        Head(Shown("runs"), right=True, keep=True),
        Head(Shown("last active"), right=True),
        Head(Shown("id"), right=True),
    ]
    output.table(heads, [_row(experiment, now) for experiment in found])


def _row(experiment: Experiment, now: int) -> list[Shown]:
    return [
        safe(experiment.name),
        MISSING if experiment.run_count is None else count(experiment.run_count),
        ago(experiment.last_run_time or experiment.last_update_time, now),
        safe(experiment.experiment_id),
    ]
