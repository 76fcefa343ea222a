"""What a chart is about: runs and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from engine.columns import ColumnKey
from engine.text import Shown

if TYPE_CHECKING:
    from engine.api import Direction, RunFrame
    from engine.entities import Run

MAX_CURVES = 20
"""Maximum number of runs whose histories are drawn together."""


@dataclass(frozen=True)
class ChartSubject:
    """`rows` of `frame`, in the order of the view that opened the chart, and the metrics to draw.

    Charts across runs draw all rows; histories the first `MAX_CURVES` that have one of the metrics.
    """

    title: Shown
    frame: RunFrame
    rows: tuple[int, ...]
    metrics: tuple[str, ...]
    x: ColumnKey | None = None
    y: ColumnKey | None = None
    """What a chart across runs is drawn by: a parameter, or for points also a metric, and the second
    parameter of a heat map; None for those with the largest effect."""
    directions: Mapping[str, Direction] = field(default_factory=dict)
    """Overrides which direction of a metric is better."""

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The first runs with one of the metrics, then others, whose histories may follow."""
        from engine.api import first_with_metrics

        rows = first_with_metrics(self.frame, self.rows, self.metrics, MAX_CURVES)
        return tuple(self.frame.run(row) for row in rows)

    @cached_property
    def metric_names(self) -> tuple[str, ...]:
        """All metrics of the frame, by name."""
        return tuple(sorted(key.name for key in self.frame.keys if key.kind == "metric"))

    def of_metrics(self, metrics: tuple[str, ...]) -> ChartSubject:
        return replace(self, metrics=metrics)


def subject_of(
    title: Shown, frame: RunFrame, rows: tuple[int, ...], names: Sequence[str], focused: ColumnKey | None
) -> ChartSubject:
    """The metrics and the parameters with these names; without names, the focused column. May be without
    metrics. A name that is both is a metric."""
    if names:
        keys = [
            param
            if ColumnKey("metric", name) not in frame and (param := ColumnKey("param", name)) in frame
            else ColumnKey("metric", name)
            for name in names
        ]
    else:
        keys = [focused] if focused is not None else []
    params = [key for key in keys if key.kind == "param"]
    x, y, *_ = (*params, None, None)
    return ChartSubject(title, frame, rows, tuple(key.name for key in keys if key.kind == "metric"), x, y)
