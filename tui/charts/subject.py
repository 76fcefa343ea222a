"""What a chart is about: runs and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from engine.text import Shown

if TYPE_CHECKING:
    from engine.api import Direction, RunFrame
    from engine.columns import ColumnKey
    from engine.entities import Run

MAX_CURVES = 20
"""Maximum number of runs whose histories are drawn together."""


@dataclass(frozen=True)
class ChartSubject:
    """`rows` of `frame`, in the order of the view that opened the chart, and the metrics to draw.

    Charts across runs draw all rows; histories the first `MAX_CURVES`.
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
        """The first runs."""
        return tuple(self.frame.run(row) for row in self.rows[:MAX_CURVES])

    @cached_property
    def metric_names(self) -> tuple[str, ...]:
        """All metrics of the frame, by name."""
        return tuple(sorted(key.name for key in self.frame.keys if key.kind == "metric"))

    def of_metrics(self, metrics: tuple[str, ...]) -> ChartSubject:
        return replace(self, metrics=metrics)
