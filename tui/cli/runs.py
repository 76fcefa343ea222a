"""`mlflow-console runs`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.entities import Experiment
from engine.text import Shown, safe
from engine.values import count
from tui.cli.options import Invocation, csv_option, filter_option, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output, Row, write_json
from tui.cli.payloads import run_payload
from tui.cli.progress import load_frame
from tui.cli.selection import filtered, named_keys, sort_keys

if TYPE_CHECKING:
    from engine import Column, ColumnKey, RunFrame, SortKey

STATUS_STYLES = {"FINISHED": "green", "FAILED": "red", "KILLED": "yellow", "RUNNING": "cyan", "SCHEDULED": "dim"}


@click.command()
@click.argument("experiment")
@filter_option
@click.option("-s", "--sort", "sorts", multiple=True, metavar="KEY[:asc|desc]", help="Sort by this column; may be repeated.")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most this many runs, after sorting.")
@click.option("-c", "--columns", multiple=True, metavar="A,B", help="Show these columns only.")
@csv_option("Write the runs to FILE, columns as mlflow.search_runs names them.")
@json_option
@pass_invocation
def runs(
    invocation: Invocation,
    experiment: str,
    filter_text: str,
    sorts: Sequence[str],
    limit: int | None,
    columns: Sequence[str],
    csv_path: str | None,
    as_json: bool,
) -> None:
    """List the runs of EXPERIMENT (a name or an id), newest first.

    Columns are named accuracy, metrics.accuracy, params.metric, tags.x, start_time, duration …
    Missing values sort last either way. JSON: {"runs": [{"run_id", "run_name", "status",
    "start_time", "end_time", "params", "metrics", "tags"}]}, times in milliseconds since 1970,
    NaN and infinities as the strings "NaN", "Infinity", "-Infinity".

    \b
    Example:
      mlflow-console runs heart-disease --filter "accuracy > 0.9" --sort accuracy:desc --limit 5
      mlflow-console runs heart-disease --columns run_name,accuracy,n_neighbors
      mlflow-console runs heart-disease --csv runs.csv
    """
    with invocation.engine() as engine:
        found = engine.experiment(experiment)
        frame = load_frame(engine, found)
        rows, sort = _selected(frame, filter_text, sorts, limit)
        keys = named_keys(columns, frame)
        written = engine.write_csv(frame, Path(csv_path), rows) if csv_path else None
    if as_json:
        write_json({"runs": [run_payload(frame.run(row)) for row in rows]})
    elif csv_path:
        Output().line(safe(f"{_tally(len(rows), frame)} written to {csv_path}"))
    else:
        _show(Output(), found, frame, rows, sort, keys)


def _selected(
    frame: RunFrame, filter_text: str, sorts: Sequence[str], limit: int | None
) -> tuple[list[int], list[SortKey]]:
    from engine import sorted_rows

    sort = sort_keys(sorts, frame)
    return sorted_rows(frame, sort, filtered(frame, filter_text))[:limit], sort


def _tally(shown: int, frame: RunFrame) -> str:
    total = len(frame)
    return f"{count(shown)} of {count(total)} run{'' if total == 1 else 's'}"


def _show(
    output: Output,
    experiment: Experiment,
    frame: RunFrame,
    rows: Sequence[int],
    sort: Sequence[SortKey],
    keys: Sequence[ColumnKey],
) -> None:
    left_out = 0
    if rows:
        heads, cells = run_table(frame, rows, sort, keys, short_ids=output.is_terminal)
        left_out = output.table(heads, cells)
    parts = [f"{_tally(len(rows), frame)} of {experiment.name}"]
    if sort:
        parts.append("sorted " + ", ".join(f"{s.key.name} {'↓' if s.descending else '↑'}" for s in sort))
    if left_out:
        parts.append(f"{left_out} columns do not fit: --columns, a pipe or --json shows them")
    output.line(Cell(safe(" · ".join(parts)), "dim"))


def run_table(
    frame: RunFrame,
    rows: Sequence[int],
    sort: Sequence[SortKey] = (),
    keys: Sequence[ColumnKey] = (),
    *,
    short_ids: bool,
) -> tuple[list[Head], list[Row]]:
    """Runs in rows: the columns `keys`, or else the usual ones with those sorted by in front."""
    from engine import cell_text

    chosen = _columns(frame, sort, keys)
    now = time.time_ns() // 1_000_000
    heads = [_head(column, keep=place < 2 or bool(keys)) for place, column in enumerate(chosen)]
    values = [frame.cells(column.key, rows) for column in chosen]
    cells: list[Row] = []
    for place in range(len(rows)):
        row = [column[place] for column in values]
        cells.append([Cell(cell_text(c, value, now), _style(c, value)) for c, value in zip(chosen, row, strict=True)])
    return heads, cells
