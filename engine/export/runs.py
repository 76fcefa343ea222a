"""Runs and comparisons as sheets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from engine.columns import VERSION, ColumnKey, Value
from engine.entities import Run
from engine.errors import NotFound
from engine.export.sheet import CellKind, Sheet, SheetColumn
from engine.runs.arrange import Arranged
from engine.runs.compare import Comparison
from engine.runs.frame import RunFrame
from engine.runs.grouping import RUN_COUNT
from engine.stores.base import Store

# In the order of mlflow.search_runs.
_ATTRIBUTES = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")
_SHOWN_RUN = ColumnKey("attribute", "run")
_VERSION_NAMES = {ColumnKey("attribute", "user_id"): "user", ColumnKey("attribute", "source_run"): "run_id"}
_UNSUITABLE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 80


def file_name(subject: str, suffix: str = ".csv", default: str = "runs") -> str:
    """A file name for the runs of an experiment, or another subject: `heart-disease.csv`."""
    return f"{_UNSUITABLE.sub('_', subject).strip('._-')[:_LONGEST_NAME] or default}{suffix}"


def runs_sheet(
    frame: RunFrame, rows: Sequence[int] | None = None, keys: Sequence[ColumnKey] | None = None
) -> Sheet:
    """Runs with the columns of `mlflow.search_runs`, or with the id and the columns in `keys`.

    By default, datasets are left out, as in MLflow; metrics, parameters and tags are sorted by name.
    """
    if keys is None:
        found = [ColumnKey("attribute", name) for name in _ATTRIBUTES]
        found += [key for key in frame.keys if key.kind not in ("attribute", "dataset")]
    else:
        found = list(dict.fromkeys((ColumnKey("attribute", "run_id"), *keys)))
    return Sheet("run", tuple(SheetColumn(str(key), _kind(key), _values(frame, key, rows)) for key in found))


def versions_sheet(
    model: str, frame: RunFrame, rows: Sequence[int] | None = None, keys: Sequence[ColumnKey] | None = None
) -> Sheet:
    """Versions of a model with all that is known of them and their source runs, or with the model, the number
    and the columns in `keys`."""
    found = [key for key in (frame.keys if keys is None else keys) if key.kind != "dataset"]
    found = list(dict.fromkeys((VERSION, *found)))
    if keys is None:
        found.remove(_SHOWN_RUN)
    columns = [
        SheetColumn(_VERSION_NAMES.get(key, str(key)), _kind(key), _values(frame, key, rows)) for key in found
    ]
    count = len(frame) if rows is None else len(rows)
    return Sheet("version", (SheetColumn("model", "text", [model] * count), *columns))


def shown_sheet(arranged: Arranged) -> Sheet:
    """A table of runs, or of groups of runs, as it stands: its lines and columns, and the ids of runs."""
    lines = range(len(arranged.lines))
    run_ids = [arranged.key_of(line) if arranged.row_of(line) is not None else None for line in lines]
    has_ids = arranged.groups is None and not arranged.frame.holds_versions
    columns = [SheetColumn("run_id", "text", run_ids)] if has_ids else []
    for at, column in enumerate(arranged.columns):
        name = f"{column.key} {column.statistic}" if column.statistic else str(column.key)
        kind = "number" if column.statistic else "any" if column.key == RUN_COUNT else _kind(column.key)
        values = [arranged.value(line, at) for line in lines]
        columns.append(SheetColumn(name, kind, values))
    noun = "version" if arranged.frame.holds_versions else "run"
    return Sheet("group" if arranged.groups is not None else noun, tuple(columns))


def history_sheet(store: Store, run_id: str, metrics: Sequence[str]) -> Sheet:
    """Every logged value of these metrics of a run: one row per point."""
    points = [(metric, point) for metric in metrics for point in store.metric_history(run_id, metric)]
    return Sheet(
        "point",
        (
            SheetColumn("metric", "text", [metric for metric, _ in points]),
            SheetColumn("step", "any", [point.step for _, point in points]),
            SheetColumn("time", "time", [point.timestamp for _, point in points]),
            SheetColumn("value", "number", [point.value for _, point in points]),
        ),
    )


def histories_sheet(store: Store, runs: Sequence[Run], metrics: Sequence[str]) -> Sheet:
    """Every logged value of these metrics of several runs: one row per point. Runs that no longer exist are
    left out."""
    points = []
    for run in runs:
        with suppress(NotFound):
            for metric in metrics:
                points += [(run, metric, point) for point in store.metric_history(run.run_id, metric)]
    return Sheet(
        "point",
        (
            SheetColumn("run_id", "text", [run.run_id for run, _, _ in points]),
            SheetColumn("run_name", "text", [run.run_name for run, _, _ in points]),
            SheetColumn("metric", "text", [metric for _, metric, _ in points]),
            SheetColumn("step", "any", [point.step for _, _, point in points]),
            SheetColumn("time", "time", [point.timestamp for _, _, point in points]),
            SheetColumn("value", "number", [point.value for _, _, point in points]),
        ),
    )


def comparison_sheet(comparison: Comparison, *, differences_only: bool = False) -> Sheet:
    """A comparison as it stands: one row per parameter, metric, …, one column per run or version.
    `better` says whether higher or lower values of a metric are better."""
    rows = [row for s in comparison.sections(differences_only=differences_only) for row in s.rows]
    names = comparison.run_names(_LONGEST_NAME, _LONGEST_NAME).names
    return Sheet(
        "row",
        (
            SheetColumn("kind", "text", [row.section for row in rows]),
            SheetColumn("name", "text", [row.name for row in rows]),
            SheetColumn("better", "text", [row.direction for row in rows]),
            *(
                SheetColumn(name, "any", [_comparable(row.values[at], row.texts[at]) for row in rows])
                for at, name in enumerate(names)
            ),
        ),
    )


def _comparable(value: Value, shown: str) -> Value:
    """Times as they are shown, everything else raw."""
    return shown if isinstance(value, int) else value


def _kind(key: ColumnKey) -> CellKind:
    if key.is_time:
        return "time"
    if key == VERSION:
        return "any"
    if key.is_number:
        return "number"
    return "address" if key.is_address else "text"


def _values(frame: RunFrame, key: ColumnKey, rows: Sequence[int] | None) -> Sequence[Value]:
    if rows is None:
        values: Sequence[Value] = frame.column(key)
    else:
        read = frame.reader(key)
        values = [read(row) for row in rows]
    if not key.is_list:
        return values
    separator = " " if key.kind == "attribute" else ", "
    return [separator.join(value) if isinstance(value, tuple) else value for value in values]
