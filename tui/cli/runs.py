"""`mlflow-console runs`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.api import RunView
from engine.entities import Experiment, Lifecycle
from engine.errors import UsageError
from engine.formats import count, counted
from engine.text import Shown, safe
from tui.cli.json_output import Payload, run_payload, write_json
from tui.cli.options import (
    Invocation,
    csv_option,
    filter_option,
    json_option,
    listing_options,
    output_option,
    pass_invocation,
    yes_option,
)
from tui.cli.output import Cell, Head, Output, Row, confirm_replacement
from tui.cli.progress import load_frame
from tui.cli.selection import columns_of, filter_of, hint_for, shortest_ids, sort_keys, words_of

if TYPE_CHECKING:
    from engine.api import Arranged, Column, Engine, RunFrame, Statistics
    from engine.columns import ColumnKey

STATUS_STYLES = {
    "FINISHED": "green",
    "FAILED": "red",
    "KILLED": "yellow",
    "RUNNING": "cyan",
    "SCHEDULED": "dim",
}


@dataclass(frozen=True)
class Listing:
    """The runs of `frame` to list: the first `limit` of the `matching` rows, which are sorted, with the
    columns of `view`. `relevant` are the columns of the filter and the sort order."""

    frame: RunFrame
    matching: Sequence[int]
    limit: int | None
    view: RunView
    relevant: Sequence[ColumnKey]

    @property
    def rows(self) -> Sequence[int]:
        return self.matching[: self.limit]


@click.command()
@click.argument("experiment")
@filter_option
@listing_options("Sort by this column; repeat for more.", "List at most this many runs or groups.")
@click.option(
    "-g",
    "--group-by",
    "group_by",
    metavar="A,B",
    help="Group runs by these columns.",
)
@click.option("--view", "view_name", metavar="NAME", help="Use a view saved in the console.")
@click.option("--deleted", is_flag=True, help="List deleted runs; EXPERIMENT may be deleted too.")
@csv_option("Export the runs to FILE as CSV, with the column names of mlflow.search_runs.")
@output_option("Export the runs to FILE, with the columns of --csv, or only those of --columns.")
@yes_option
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
    output: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """List the runs of EXPERIMENT (name or id), newest first.

    Column names: metrics.accuracy, params.metric, tags.x, start_time, duration, or just accuracy
    where that is unambiguous. Missing values sort last in either direction.

    JSON: {"runs": [{"run_id", "run_name", "status", "start_time", "end_time", "params", "metrics",
    "tags"}]}. Times are in milliseconds since the epoch; NaN and infinities are the strings "NaN",
    "Infinity" and "-Infinity". With --group-by: {"groups": [{"values", "runs", "metrics": {NAME:
    {"present", "mean", "std", "min", "max"}}}]}.

    \b
    Examples:
      mlflow-console runs heart-disease --filter "accuracy > 0.9" --sort accuracy:desc --limit 5
      mlflow-console runs heart-disease --columns run_name,accuracy,n_neighbors
      mlflow-console runs heart-disease --group-by metric,weights --sort accuracy:desc
      mlflow-console runs heart-disease -o runs.parquet
      mlflow-console runs heart-disease --columns run_name,accuracy,n_neighbors -o runs.md
    """
    from engine.api import runs_sheet, write_sheet

    file = csv_path or output
    _check(columns, group_by, csv_path, output)
    if file:
        confirm_replacement(Output(err=as_json), file, yes=yes)
    with invocation.engine() as engine:
        found = engine.runs.experiment(experiment, allow_deleted=deleted)
        view = engine.runs.saved_views(found.name).view(view_name) if view_name else RunView()
        text = filter_text or view.filter_text
        lifecycle: Lifecycle = "deleted" if deleted else "active"
        frame = load_frame(engine, found, text, lifecycle)
        explain = partial(_explain, engine, found, lifecycle, text, frame)
        grouped = group_by or (not columns and ",".join(map(str, view.group_by)) * view.is_grouped)
        if grouped:
            if csv_path:
                raise _no_csv(f"The view {view_name} groups runs.")
            shown = replace(view, filter_text=text)
            _write_groups(frame, shown, grouped, sorts, limit, file, explain, as_json=as_json)
            return
        listing = _select(frame, text, sorts, limit, columns, view)
        hint = "" if listing.matching or as_json or file else explain()
    if file:
        keys = columns_of(columns, frame) if output and columns else None
        sheet = runs_sheet(listing.frame, listing.rows, keys)
        write_sheet(sheet, Path(file), ".csv" if csv_path else "")
    if as_json:
        write_json({"runs": (run_payload(listing.frame.run(row)) for row in listing.rows)})
    elif file:
        Output().line(safe(f"{_tally(listing)} written to {file}"))
    else:
        _show(Output(), found, listing, hint)


def _check(columns: Sequence[str], group_by: str | None, csv_path: str | None, output: str | None) -> None:
    """Raises `UsageError` for empty options and for options that cannot be combined."""
    if columns and not words_of(columns):
        raise UsageError("--columns needs a column", hint="Example: --columns run_name,accuracy")
    if csv_path and output:
        raise UsageError("--csv and --output cannot be combined", hint="-o FILE.csv writes CSV, too.")
    if group_by is None:
        return
    if not words_of([group_by]):
        raise UsageError("--group-by needs a column", hint="Example: --group-by metric,weights")
    if csv_path:
        raise _no_csv("--group-by and --csv cannot be combined.")
    if columns:
        raise UsageError(
            "--group-by and --columns cannot be combined",
            "The columns of groups are fixed.",
            "Remove one of them.",
        )


def _no_csv(why: str) -> UsageError:
    return UsageError("--csv exports runs, not groups", why, "Use -o FILE.csv, or --json.")


def _select(
    frame: RunFrame,
    filter_text: str,
    sorts: Sequence[str],
    limit: int | None,
    columns: Sequence[str],
    view: RunView,
) -> Listing:
    """Apply the options; they override the view."""
    from engine.api import sorted_rows

    run_filter = filter_of(filter_text, frame)
    sort = tuple(sort_keys(sorts, frame)) or view.sort
    if chosen := columns_of(columns, frame):
        view = replace(view, columns=tuple(chosen), constants_hidden=False)
    matching = sorted_rows(frame, sort, run_filter.rows(frame))
    relevant = [*(s.key for s in sort), *run_filter.keys]
    return Listing(frame, matching, limit, replace(view, sort=sort, filter_text=filter_text), relevant)


def _tally(listing: Listing, where: str = "") -> str:
    """How many runs are listed, out of how many, `where`."""
    total, matching, listed = len(listing.frame), len(listing.matching), len(listing.rows)
    if not listing.frame.complete:  # the store applied the filter; the total is unknown
        if listed == matching:
            return f"{counted(listed, 'run')}{where}"
        return f"{count(listed)} of {counted(matching, 'matching run')}{where}"
    if listed < matching < total:
        return f"{count(listed)} of {counted(matching, 'matching run')}{where} ({count(total)} in total)"
    return f"{count(listed)} of {counted(total, 'run')}{where}"


def _explain(
    engine: Engine, experiment: Experiment, lifecycle: Lifecycle, filter_text: str, frame: RunFrame
) -> str:
    """Why the filter matches no run, and how to change it. If the store applied it, the runs in `frame` do
    not tell, and the newest ones are read."""
    if not frame.complete:
        frame = engine.runs.newest(experiment.experiment_id, lifecycle=lifecycle)
    return hint_for(filter_text, frame)


def _show(output: Output, experiment: Experiment, listing: Listing, hint: str) -> None:
    hidden = 0
    if listing.rows:
        heads, cells = _table(listing, short_ids=output.is_terminal)
        hidden = output.table(heads, cells)
    parts = [_tally(listing, f" in {experiment.name}")]
    if sort := listing.view.sort:
        keys = (f"{s.key.name} {'↓' if s.descending else '↑'}" for s in sort)
        parts.append(f"sorted by {', '.join(keys)}")
    if hidden:
        parts.append(f"{counted(hidden, 'column')} hidden: use --columns or --json")
    output.text(safe(" · ".join(parts)), "dim")
    if hint:
        output.text(safe(hint))


def _table(listing: Listing, *, short_ids: bool) -> tuple[list[Head], list[Row]]:
    """Runs in rows, with their ids and the columns of the view or the default columns."""
    from engine.api import cell_text

    frame, rows = listing.frame, listing.rows
    columns = _columns(listing)
    ids = [frame.run_ids[row] for row in rows]
    table: list[list[Cell | Shown]] = [[safe(i)] for i in ids]
    heads = [Head(Shown("run_id"), keep=True)]
    if short_ids:
        table = [[short] for short in shortest_ids(ids)]
        heads = [Head(Shown("id…"), keep=True)]
    now = time.time_ns() // 1_000_000
    for position, column in enumerate(columns):
        keep = bool(listing.view.columns) or position < 2
        min_width = 24 if position == 0 else 0
        heads.append(Head(column.label, right=column.numeric, keep=keep, min_width=min_width))
        read = frame.reader(column.key)
        for cells, row in zip(table, rows, strict=True):
            value = read(row)
            style = STATUS_STYLES.get(str(value), "") if column.key.name == "status" else ""
            cells.append(Cell(cell_text(column, value, now), style))
    return heads, list(table)


def _columns(listing: Listing) -> tuple[Column, ...]:
    from engine.api import columns_for, without_constants

    frame, view = listing.frame, listing.view
    columns = columns_for(frame, view.columns or _default_keys(listing), formats=view.formats)
    return without_constants(frame, view, columns, listing.matching)


def _default_keys(listing: Listing) -> Iterable[ColumnKey]:
    """The default columns, the most relevant first: a narrow terminal leaves out the last."""
    from engine.api import default_keys, key_metrics

    defaults = default_keys(listing.frame)
    metrics = {key.name: key for key in defaults if key.kind == "metric"}
    front = [key for key in listing.relevant if key.name not in ("run_id", "run_name", "status")]
    front += [metrics[name] for name in key_metrics(metrics, 3)]
    return dict.fromkeys([*defaults[:2], *front, *defaults[2:]])


def _write_groups(
    frame: RunFrame,
    view: RunView,
    group_by: str,
    sorts: Sequence[str],
    limit: int | None,
    file: str | None,
    explain: Callable[[], str],
    *,
    as_json: bool,
) -> None:
    """Write one row or JSON object for each group of the runs that match the view's filter; to `file` all of
    them. `explain` says why none does."""
    from engine.api import arrange, shown_sheet, write_sheet

    if not len(frame):
        if as_json:
            write_json({"groups": []})
            return
        output = Output()
        output.text(safe("0 runs in 0 groups"), "dim")
        if hint := explain():
            output.text(safe(hint))
        return
    filter_of(view.filter_text, frame)  # reports the position of an error
    keys = tuple(columns_of([group_by], frame, "--group-by"))
    sort = tuple(sort_keys(sorts, frame)) or view.sort
    grouped = replace(view, sort=sort, layout="groups", group_by=keys)
    arranged = arrange(frame, grouped, now=time.time() * 1000)
    lines = range(len(arranged.lines))[:limit]
    if file:
        written = write_sheet(shown_sheet(arranged), Path(file))
        Output(err=as_json).line(safe(f"{counted(written, 'group')} written to {file}"))
    if as_json:
        write_json({"groups": [_group_payload(arranged, line) for line in lines]})
    if as_json or file:
        return
    output = Output()
    heads = [
        Head(column.label, right=column.numeric, keep=position <= len(keys))
        for position, column in enumerate(arranged.columns)
    ]
    cells = [
        [safe(arranged.text(line, column).strip("▸ ")) for column in range(len(arranged.columns))]
        for line in lines
    ]
    output.table(heads, cells)
    tally = _group_tally(len(arranged.matching), len(arranged.lines), len(lines))
    output.text(safe(tally), "dim")
    if not arranged.matching and (hint := explain()):
        output.text(safe(hint))


def _group_tally(runs: int, groups: int, listed: int) -> str:
    total = f"{counted(runs, 'run')} in {counted(groups, 'group')}"
    return total if listed == groups else f"{count(listed)} of {counted(groups, 'group')} ({total})"


def _group_payload(arranged: Arranged, line: int) -> Payload:
    groups = arranged.groups
    assert groups is not None
    group = ~arranged.lines[line]
    metrics = dict.fromkeys(c.key for c in arranged.columns if c.statistic)
    return {
        "values": {str(key): value for key, value in zip(groups.keys, groups.values[group], strict=True)},
        "runs": len(arranged.rows_of(line)),
        "metrics": {key.name: _group_statistics(groups.statistics(key), group) for key in metrics},
    }


def _group_statistics(statistics: Statistics, group: int) -> dict[str, Any]:
    return {name: values[group] for name, values in statistics._asdict().items()}
