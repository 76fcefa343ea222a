"""`mlflow-console compare`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from engine.errors import NotFound, UsageError
from engine.formats import listed
from engine.text import Shown, cut
from tui.cli.json_output import Payload, run_payload, write_json
from tui.cli.options import Invocation, filter_option, json_option, pass_invocation
from tui.cli.output import MAX_WIDTH, Cell, Output
from tui.cli.progress import load_frame
from tui.cli.selection import filter_of, hint_for, row_of
from tui.cli.side_by_side import VALUE_LIMIT, show_side_by_side

if TYPE_CHECKING:
    from engine.api import CompareRow, Comparison, Direction, Engine

MAX_RUNS = 50
"""The maximum number of runs that stay readable side by side."""


ID_LENGTH = 32
SHORT_IDS = (
    "These ids are incomplete. With --experiment NAME a prefix of an id is enough; "
    "`mlflow-console runs NAME --json` prints complete ids."
)


@click.command()
@click.argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option(
    "-e",
    "--experiment",
    metavar="NAME",
    help="Look up runs in this experiment, also by name or id prefix; without RUN, compare all its runs.",
)
@filter_option
@click.option("-x", "--differences", is_flag=True, help="Show only rows that differ.")
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
    """Compare runs side by side, one column each. ★ marks the best value of each metric.

    Whether higher (↑) or lower (↓) is better is inferred from the metric's name; --higher and --lower
    override it. Names and values are cut at 40 characters; JSON has them complete.

    JSON: {"runs": […], "rows": [{"kind", "name", "values", "differs", "direction", "best"}]}, where "best"
    holds indices into "runs".

    \b
    Examples:
      mlflow-console compare 3f2a91c0d1e24c35a7b86f9e0d1c2b3a 77e1c0aa5f0b4c6d8e9f0a1b2c3d4e5f
      mlflow-console compare -e heart-disease --filter "accuracy > 0.91" --differences
    """
    directions = _directions(higher, lower)
    with invocation.engine() as engine:
        ids = _chosen(engine, run_ids, experiment, filter_text)
        try:
            comparison = engine.runs.compare(ids, directions=directions)
        except NotFound as error:
            if experiment is None and any(len(run_id) < ID_LENGTH for run_id in ids):
                error.hint = SHORT_IDS
            raise
    _check_metrics(comparison, directions)
    if as_json:
        rows = [row for row in comparison.rows if row.differs or not differences]
        write_json({"runs": [run_payload(run) for run in comparison.runs], "rows": _rows(rows)})
        return
    output = Output()
    sections = comparison.sections(differences_only=differences)
    names = comparison.run_names(VALUE_LIMIT, VALUE_LIMIT)
    if names.pattern:
        output.line(f"{len(comparison.runs)} runs ", Cell(cut(names.pattern, MAX_WIDTH), "dim"))
    show_side_by_side(output, sections, names.names)
    same = sum(not row.differs for row in comparison.rows)
    if differences and same:
        output.line(Cell(Shown(f"{same} of {len(comparison.rows)} rows are identical in all runs"), "dim"))


def _directions(higher: Iterable[str], lower: Iterable[str]) -> dict[str, Direction]:
    directions: dict[str, Direction] = dict.fromkeys(higher, "higher")
    for metric in lower:
        if metric in directions:
            raise UsageError(f"{metric} cannot be in both --higher and --lower")
        directions[metric] = "lower"
    return directions


def _chosen(engine: Engine, runs: Sequence[str], experiment: str | None, filter_text: str) -> list[str]:
    """The ids of the selected runs, without duplicates, in the order given."""
    if filter_text and (experiment is None or runs):
        raise UsageError("--filter needs --experiment and no run ids", hint="Drop the ids, or the filter.")
    if (runs or experiment is None) and len(set(runs)) < 2:
        hint = "Give at least two run ids, or an experiment with --experiment."
        raise UsageError("At least two runs are needed", hint=hint)
    if experiment is None:
        return list(dict.fromkeys(runs))
    found = engine.runs.experiment(experiment)
    frame = load_frame(engine, found)
    rows = [row_of(text, frame, found.name) for text in runs]
    rows = list(dict.fromkeys(rows)) if runs else filter_of(filter_text, frame).rows(frame)
    if len(rows) < 2:
        what = f"match {filter_text!r}" if filter_text else "are selected"
        detail = f"{len(rows)} of {len(frame)} runs {what}."
        hint = "Use a filter that matches more runs." if filter_text else "Give another run."
        if not rows:
            hint = hint_for(filter_text, frame) or hint
        raise NotFound("At least two runs are needed", detail, hint)
    if len(rows) > MAX_RUNS:
        raise UsageError(
            f"At most {MAX_RUNS} runs can be compared",
            f"{len(rows)} runs match.",
            "Narrow them down with --filter.",
        )
    return [frame.run_ids[row] for row in rows]


def _check_metrics(comparison: Comparison, directions: dict[str, Direction]) -> None:
    """Reject a direction for a metric that no run has: it is a typo."""
    there = [row.key.name for row in comparison.rows if row.key.kind == "metric"]
    for metric in directions:
        if metric not in there:
            detail = f"Metrics: {listed(there, 12)}"
            raise NotFound(f"No run has the metric {metric}", detail, "Use a metric of these runs.")


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
