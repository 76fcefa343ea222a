"""`mlflow-console compare`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from engine.errors import NotFound, UsageError
from engine.text import Shown, safe
from tui.cli.options import Invocation, filter_option, json_option, pass_invocation
from tui.cli.output import Cell, Output, write_json
from tui.cli.payloads import Payload, run_payload
from tui.cli.progress import load_frame
from tui.cli.selection import filter_of, row_of
from tui.cli.side_by_side import show_side_by_side

if TYPE_CHECKING:
    from engine import Comparison, Direction
    from engine.api import Engine

MOST = 50
"""Runs beyond which nothing is seen side by side any more."""


@click.command()
@click.argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option("-e", "--experiment", metavar="NAME", help="The runs are of this experiment: names and beginnings of ids will do, and without any all of its runs are compared.")
@filter_option
@click.option("-x", "--differences", is_flag=True, help="Only rows in which the runs differ.")
@click.option("--higher", multiple=True, metavar="METRIC", help="Higher is better for this metric.")
@click.option("--lower", multiple=True, metavar="METRIC", help="Lower is better for this metric.")
@json_option
@pass_invocation
def compare(
    invocation: Invocation,
    run_ids: Sequence[str],
    experiment: str | None,
    filter_text: str,
    differences: bool,
    higher: Sequence[str],
    lower: Sequence[str],
    as_json: bool,
) -> None:
    """Put runs side by side, a column each; the best value of each metric is marked ◂.

    Whether higher (↑) or lower (↓) is better is guessed from a metric's name: --higher and --lower
    say otherwise. JSON: {"runs": […], "rows": [{"kind", "name", "values", "differs", "direction",
    "best"}]}, where "best" holds places in "runs".

    \b
    Example:
      mlflow-console compare 3f2a91c0d1e24c35a7b86f9e0d1c2b3a 77e1c0aa5f0b4c6d8e9f0a1b2c3d4e5f
      mlflow-console compare -e heart-disease --filter "accuracy > 0.91" --differences
    """
    directions = _directions(higher, lower)
    with invocation.engine() as engine:
        ids = _chosen(engine, run_ids, experiment, filter_text)
        comparison = engine.compare(ids, directions=directions)
    _check_metrics(comparison, directions)
    rows = [row for row in comparison.rows if row.differs or not differences]
    if as_json:
        write_json({"runs": [run_payload(run) for run in comparison.runs], "rows": _rows(rows)})
        return
    output = Output()
    labels = [safe(run.run_name or run.run_id[:8]) for run in comparison.runs]
    left_out = show_side_by_side(output, comparison, labels, only_differences=differences)
    if left_out:
        output.line(Cell(Shown(f"{left_out} of {len(comparison.rows)} rows are the same in all runs"), "dim"))
