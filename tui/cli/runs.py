"""`mlflow-console runs`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.api import RunView
from engine.entities import Experiment
from engine.errors import UsageError
from engine.formats import count, counted
from engine.text import Shown, safe
from tui.cli.groups import write_groups
from tui.cli.options import Invocation, csv_option, filter_option, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output, Row, write_json
from tui.cli.payloads import run_payload
from tui.cli.progress import load_frame
from tui.cli.selection import columns_of, filter_of, shortest_ids, sort_keys, words_of

if TYPE_CHECKING:
    from engine.api import Column, RunFrame
    from engine.columns import ColumnKey

STATUS_STYLES = {
    "FINISHED": "green",
    "FAILED": "red",
    "KILLED": "yellow",
    "RUNNING": "cyan",
    "SCHEDULED": "dim",
}


@dataclass(frozen=True)
class Selection:
    """Rows of `frame`: `matching`, those that the filter lets through, sorted, of which the first `limit`
    are shown as `view` says. `looked_at` are the columns that this went by."""

    frame: RunFrame
    matching: Sequence[int]
    limit: int | None
    view: RunView
    looked_at: Sequence[ColumnKey]

    @property
    def rows(self) -> Sequence[int]:
        return self.matching[: self.limit]


@click.command()
@click.argument("experiment")
@filter_option
@click.option(
    "-s",
    "--sort",
    "sorts",
    multiple=True,
    metavar="KEY[:asc|desc]",
    help="Sort by this column; may be repeated.",
)
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most this many runs, after sorting.")
@click.option("-c", "--columns", multiple=True, metavar="A,B", help="Show these columns only.")
@click.option(
    "-g", "--group-by", "group_by", metavar="A,B", help="One line for runs that agree in these columns."
)
@click.option("--view", "view_name", metavar="NAME", help="As a view saved in the console has them.")
@click.option("--deleted", is_flag=True, help="The deleted runs instead.")
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
    group_by: str | None,
    view_name: str | None,
    deleted: bool,
    csv_path: str | None,
    as_json: bool,
) -> None:
    """List the runs of EXPERIMENT (a name or an id), newest first.

    Columns are named accuracy, metrics.accuracy, params.metric, tags.x, start_time, duration …
    Missing values sort last either way. JSON: {"runs": [{"run_id", "run_name", "status",
    "start_time", "end_time", "params", "metrics", "tags"}]}, times in milliseconds since 1970,
    NaN and infinities as the strings "NaN", "Infinity", "-Infinity". With --group-by:
    {"groups": [{"values", "runs", "metrics": {NAME: {"present", "mean", "std", "min", "max"}}}]}.

    \b
    Example:
      mlflow-console runs heart-disease --filter "accuracy > 0.9" --sort accuracy:desc --limit 5
      mlflow-console runs heart-disease --columns run_name,accuracy,n_neighbors
      mlflow-console runs heart-disease --group-by metric,weights --sort accuracy:desc
      mlflow-console runs heart-disease --csv runs.csv
    """
    _check(columns, group_by, csv_path)
    with invocation.engine() as engine:
        found = engine.runs.experiment(experiment)
        view = engine.runs.saved_views(found.name).view(view_name) if view_name else RunView()
        text = filter_text or view.filter_text
        frame = load_frame(engine, found, text, "deleted" if deleted else "active")
        grouped = group_by or (not columns and ",".join(map(str, view.group_by)) * view.is_grouped)
        if grouped:
            if csv_path:
                raise _no_csv(f"The view {view_name} shows groups.")
            write_groups(frame, replace(view, filter_text=text), grouped, sorts, limit, as_json=as_json)
            return
        selection = _select(frame, text, sorts, limit, columns, view)
        if csv_path:
            engine.runs.write_csv(selection.frame, Path(csv_path), selection.rows)
    if as_json:
        write_json({"runs": [run_payload(selection.frame.run(row)) for row in selection.rows]})
    elif csv_path:
        Output().line(safe(f"{_tally(selection)} written to {csv_path}"))
    else:
        _show(Output(), found, selection)


def _check(columns: Sequence[str], group_by: str | None, csv_path: str | None) -> None:
    """Raises `UsageError` for options that say nothing, or that do not go together."""
    if columns and not words_of(columns):
        raise UsageError("--columns names no column", hint="Write it as --columns run_name,accuracy")
    if group_by is None:
        return
    if not words_of([group_by]):
        raise UsageError("--group-by names no column", hint="Write it as --group-by metric,weights")
    if csv_path:
        raise _no_csv("--group-by and --csv stand together.")
    if columns:
        raise UsageError(
            "Groups have columns of their own",
            "--group-by and --columns stand together.",
            "Leave out one of them.",
        )


def _no_csv(why: str) -> UsageError:
    return UsageError("Groups are not written as CSV", why, "Write them with --json.")


def _select(
    frame: RunFrame,
    filter_text: str,
    sorts: Sequence[str],
    limit: int | None,
    columns: Sequence[str],
    view: RunView,
) -> Selection:
    """What is said on the command line goes before what the view says."""
    from engine.api import sorted_rows

    wanted = filter_of(filter_text, frame)
    sort = tuple(sort_keys(sorts, frame)) or view.sort
    if asked := columns_of(columns, frame):
        view = replace(view, columns=tuple(asked), constants_hidden=False)
    matching = sorted_rows(frame, sort, wanted.rows(frame))
    looked_at = [*(s.key for s in sort), *wanted.keys]
    return Selection(frame, matching, limit, replace(view, sort=sort), looked_at)


def _tally(selection: Selection) -> str:
    """How many runs are told of, out of how many; those that match stand apart only if some were cut."""
    total, matching, shown = len(selection.frame), len(selection.matching), len(selection.rows)
    cut = shown < matching
    if not selection.frame.complete:  # the store answered the filter: how many runs there are it did not say
        return f"{count(shown)} of {count(matching)} matching runs" if cut else counted(shown, "run")
    if cut and matching < total:
        return f"{count(shown)} of {count(matching)} that match, of {counted(total, 'run')}"
    return f"{count(shown)} of {counted(total, 'run')}"


def _show(output: Output, experiment: Experiment, selection: Selection) -> None:
    left_out = 0
    if selection.rows:
        heads, cells = run_table(selection, short_ids=output.is_terminal)
        left_out = output.table(heads, cells)
    parts = [f"{_tally(selection)} of {experiment.name}"]
    if sort := selection.view.sort:
        told = (f"{s.key.name} {'↓' if s.descending else '↑'}" for s in sort)
        parts.append(f"sorted {', '.join(told)}")
    if left_out:
        parts.append(f"{left_out} more columns: --columns or --json")
    output.text(safe(" · ".join(parts)), "dim")


def run_table(selection: Selection, *, short_ids: bool) -> tuple[list[Head], list[Row]]:
    """Runs in rows, each with its id: what was asked for, or else the usual columns, those that the
    filter and the order went by in front."""
    from engine.api import cell_text

    frame, rows = selection.frame, selection.rows
    columns = _columns(selection)
    ids = [frame.run_ids[row] for row in rows]
    table: list[list[Cell | Shown]] = [[safe(i)] for i in ids]
    heads = [Head(Shown("run_id"), keep=True)]
    if short_ids:
        table = [[short] for short in shortest_ids(ids)]
        heads = [Head(Shown("id…"), keep=True)]
    now = time.time_ns() // 1_000_000
    for place, column in enumerate(columns):
        asked = bool(selection.view.columns)
        heads.append(
            Head(column.label, right=column.numeric, keep=asked or place < 2, least=24 if place == 0 else 0)
        )
        read = frame.reader(column.key)
        for cells, row in zip(table, rows, strict=True):
            value = read(row)
            style = STATUS_STYLES.get(str(value), "") if column.key.name == "status" else ""
            cells.append(Cell(cell_text(column, value, now), style))
    return heads, list(table)


def _columns(selection: Selection) -> tuple[Column, ...]:
    from engine.api import columns_for, without_constants

    frame, view = selection.frame, selection.view
    columns = columns_for(frame, view.columns or _usual_keys(selection), formats=view.formats)
    return without_constants(frame, view, columns, selection.matching)


def _usual_keys(selection: Selection) -> Iterable[ColumnKey]:
    """What a narrow terminal leaves out comes last."""
    from engine.api import default_keys, key_metrics

    usual = default_keys(selection.frame)
    metrics = {key.name: key for key in usual if key.kind == "metric"}
    front = [key for key in selection.looked_at if key.name not in ("run_id", "run_name", "status")]
    front += [metrics[name] for name in key_metrics(metrics, 3)]
    return dict.fromkeys([*usual[:2], *front, *usual[2:]])
