"""`mlflow-console compare`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from engine.entities import Run
from engine.errors import NotFound, UsageError
from engine.formats import listed
from engine.text import Shown, safe
from tui.cli.options import Invocation, filter_option, json_option, pass_invocation
from tui.cli.output import Cell, Output
from tui.cli.payloads import Payload, run_payload, write_json
from tui.cli.progress import load_frame
from tui.cli.selection import filter_of, row_of
from tui.cli.side_by_side import show_side_by_side

if TYPE_CHECKING:
    from engine.api import CompareRow, Comparison, Direction, Engine

MOST = 50
"""Runs beyond which nothing is seen side by side any more."""


WHOLE_ID = 32
SHORT_IDS = (
    "These are not whole ids. With --experiment NAME the beginning of an id is enough; "
    "`mlflow-console runs NAME --json` tells whole ids."
)


@click.command()
@click.argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option(
    "-e",
    "--experiment",
    metavar="NAME",
    help="Look for the runs here, by name or the beginning of an id too; name none to compare all.",
)
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
        try:
            comparison = engine.runs.compare(ids, directions=directions)
        except NotFound as error:
            if experiment is None and any(len(run_id) < WHOLE_ID for run_id in ids):
                error.hint = SHORT_IDS
            raise
    _check_metrics(comparison, directions)
    if as_json:
        rows = [row for row in comparison.rows if row.differs or not differences]
        write_json({"runs": [run_payload(run) for run in comparison.runs], "rows": _rows(rows)})
        return
    output = Output()
    sections = comparison.sections(differences_only=differences)
    show_side_by_side(output, sections, _labels(comparison.runs))
    same = sum(not row.differs for row in comparison.rows)
    if differences and same:
        output.line(Cell(Shown(f"{same} of {len(comparison.rows)} rows are the same in all runs"), "dim"))


def _directions(higher: Iterable[str], lower: Iterable[str]) -> dict[str, Direction]:
    directions: dict[str, Direction] = dict.fromkeys(higher, "higher")
    for metric in lower:
        if metric in directions:
            raise UsageError(f"{metric} cannot be better both higher and lower")
        directions[metric] = "lower"
    return directions


def _chosen(engine: Engine, runs: Sequence[str], experiment: str | None, filter_text: str) -> list[str]:
    """The ids of the runs that are meant, each once, in the order given."""
    if filter_text and (experiment is None or runs):
        raise UsageError("--filter chooses among the runs of --experiment", hint="Give it without run ids.")
    if (runs or experiment is None) and len(set(runs)) < 2:
        hint = "Name two runs or more, or an experiment with --experiment."
        raise UsageError("A comparison needs two runs", hint=hint)
    if experiment is None:
        return list(dict.fromkeys(runs))
    found = engine.runs.experiment(experiment)
    frame = load_frame(engine, found)
    rows = [row_of(text, frame, found.name) for text in runs]
    rows = list(dict.fromkeys(rows)) if runs else filter_of(filter_text, frame).rows(frame)
    if len(rows) < 2:
        what = f"match {filter_text!r}" if filter_text else "are meant"
        raise NotFound("A comparison needs two runs", f"{len(rows)} of {len(frame)} runs {what}.")
    if len(rows) > MOST:
        raise UsageError(
            f"{len(rows)} runs are too many to compare", f"At most {MOST}.", "Narrow them down with --filter."
        )
    return [frame.run_ids[row] for row in rows]


def _check_metrics(comparison: Comparison, directions: dict[str, Direction]) -> None:
    """A direction for a metric that no run has is a typing error."""
    there = [row.key.name for row in comparison.rows if row.key.kind == "metric"]
    for metric in directions:
        if metric not in there:
            detail = f"Metrics: {listed(there, 12)}"
            raise NotFound(f"No run has the metric {metric}", detail, "Name a metric of these runs.")


def _labels(runs: Sequence[Run]) -> list[Shown]:
    """Names, with the beginning of the id where a name is not enough."""
    counts = Counter(run.run_name for run in runs)
    return [
        safe(
            run.run_name if run.run_name and counts[run.run_name] == 1 else f"{run.run_name} {run.run_id[:8]}"
        )
        for run in runs
    ]


def _rows(rows: Iterable[CompareRow]) -> list[Payload]:
    return [
        {
            "kind": row.key.kind,
            "name": row.key.name,
            "values": list(row.values),
            "differs": row.differs,
            "direction": row.direction,
            "best": sorted(row.best),
        }
        for row in rows
    ]
