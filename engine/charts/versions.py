"""The chart of metrics over the versions of a model, with the versions in a stage marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from engine.charts.kinds import Axis, Caption, Curve, Curves, few
from engine.columns import VERSION, ColumnKey
from engine.errors import NotFound
from engine.formats import counted
from engine.runs.frame import RunFrame
from engine.runs.metrics import direction_of
from engine.runs.table_columns import STAGE_TEXT
from engine.text import quoted

MARKED = ("Staging", "Production")
"""Most versions of a long-lived model are archived: marks on them would hide the line."""
_STAGE = ColumnKey("attribute", "stage")
_ALIASES = ColumnKey("attribute", "aliases")


def over_versions(
    frame: RunFrame, rows: Sequence[int], model: str, metrics: Sequence[str], *, log: bool = False
) -> Curves:
    """Each metric by version number, NaN where a version lacks it; then the versions in Staging and
    Production, in a registry without stages those with an alias. Raises `NotFound` if no version has the
    metrics."""
    ordered = sorted(rows, key=lambda row: cast(int, frame.reader(VERSION)(row)))
    numbers = [cast(int, frame.reader(VERSION)(row)) for row in ordered]
    marks = _marks(frame, ordered)
    made: list[Curve] = []
    notes: list[str] = []
    for metric in metrics:
        key = ColumnKey("metric", metric)
        values = frame.numbers(key) if key in frame else [None] * len(frame)
        ys = [math.nan if (value := values[row]) is None else value for row in ordered]
        without = sum(values[row] is None for row in ordered)
        if without == len(ordered):
            continue
        if without:
            notes.append(f"{counted(without, 'version')} without {metric}: a gap")
        made.append(Curve(metric, metric, numbers, ys))
        for label, held in marks.items():
            points = [
                (x, y) for x, y, row in zip(numbers, ys, ordered, strict=True) if row in held and y == y
            ]
            if points:
                xs, marked = zip(*points, strict=True)
                made.append(Curve(label, metric, xs, marked, as_points=True))
    if not made:
        title = f"No version has the metric {quoted(metrics[0])}"
        raise NotFound(title, counted(len(ordered), "version"), "Use another metric.")
    caption = Caption(f"{few(metrics)} over versions", f"{model}, {counted(len(rows), 'version')}", (*notes,))
    direction = direction_of(metrics[0])
    return Curves(caption, Axis("version"), Axis(metrics[0], log, (), direction), "step", tuple(made))


def _marks(frame: RunFrame, rows: Sequence[int]) -> dict[str, set[int]]:
    """The rows to mark, by what they have: a stage, or an alias where there are no stages."""
    stage, aliases = frame.reader(_STAGE), frame.reader(_ALIASES)
    if any(stage(row) for row in rows):
        return {STAGE_TEXT[each]: {row for row in rows if stage(row) == each} for each in MARKED}
    found: dict[str, set[int]] = {}
    for row in rows:
        for alias in cast(Sequence[str], aliases(row) or ()):
            found[f"@{alias}"] = {row}
    return found
