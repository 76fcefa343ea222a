"""Runs in groups, as `mlflow-console runs --group-by` writes them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.formats import count, counted
from engine.text import safe
from tui.cli.output import Head, Output, write_json
from tui.cli.selection import columns_of, filter_of, sort_keys

if TYPE_CHECKING:
    from engine.api import Arranged, RunFrame, RunView, Statistics


def write_groups(
    frame: RunFrame, view: RunView, group_by: str, sorts: Sequence[str], limit: int | None, *, as_json: bool
) -> None:
    """One line, or one object, for each group of the runs that the view's filter lets through."""
    from engine.api import arrange

    if not len(frame):
        write_json({"groups": []}) if as_json else Output().text(safe("0 runs in 0 groups"), "dim")
        return
    filter_of(view.filter_text, frame)  # points at what is wrong
    keys = tuple(columns_of([group_by], frame, "--group-by"))
    sort = tuple(sort_keys(sorts, frame)) or view.sort
    grouped = replace(view, sort=sort, layout="groups", group_by=keys)
    arranged = arrange(frame, grouped, now=time.time() * 1000)
    lines = range(len(arranged.lines))[:limit]
    if as_json:
        write_json({"groups": [_payload(arranged, line) for line in lines]})
        return
    output = Output()
    heads = [
        Head(column.label, right=column.numeric, keep=place <= len(keys))
        for place, column in enumerate(arranged.columns)
    ]
    cells = [
        [safe(arranged.text(line, column).strip("▸ ")) for column in range(len(arranged.columns))]
        for line in lines
    ]
    output.table(heads, cells)
    output.text(safe(_tally(len(arranged.matching), len(arranged.lines), len(lines))), "dim")


def _tally(runs: int, groups: int, shown: int) -> str:
    told, in_all = counted(runs, "run"), counted(groups, "group")
    return f"{told} in {in_all}" if shown == groups else f"{count(shown)} of {in_all} · {told} in all"


def _payload(arranged: Arranged, line: int) -> dict[str, Any]:
    groups = arranged.groups
    assert groups is not None
    group = ~arranged.lines[line]
    metrics = dict.fromkeys(c.key for c in arranged.columns if c.statistic)
    return {
        "values": {str(key): value for key, value in zip(groups.keys, groups.values[group], strict=True)},
        "runs": len(arranged.rows_of(line)),
        "metrics": {key.name: _of_group(groups.statistics(key), group) for key in metrics},
    }


def _of_group(statistics: Statistics, group: int) -> dict[str, Any]:
    return {name: values[group] for name, values in statistics._asdict().items()}
