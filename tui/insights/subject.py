"""What insights are about, and what they can lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from engine.columns import ColumnKey
from engine.text import Shown

if TYPE_CHECKING:
    from engine.api import Correction, Direction, Forest, Insights, Remark, RunFrame

QUOTED_IDS = 250
"""The most run ids that fit into a filter."""


@dataclass(frozen=True)
class InsightSubject:
    """The runs in `rows` of `frame` (None: all), called `title`, and the metric to explain. `where` is the
    constraint on the best run, empty for none; `filter_text` is what chose the rows."""

    title: Shown
    frame: RunFrame
    rows: tuple[int, ...] | None
    metric: str
    where: str = ""
    correction: Correction = "none"
    directions: Mapping[str, Direction] = field(default_factory=dict)
    """Overrides which direction of a metric is better."""
    filter_text: str = ""

    @cached_property
    def metric_names(self) -> tuple[str, ...]:
        """All metrics of the frame, the key metrics first."""
        from engine.api import key_metrics

        names = [key.name for key in self.frame.keys if key.kind == "metric"]
        return key_metrics(names, len(names))

    def of_metric(self, metric: str) -> InsightSubject:
        return replace(self, metric=metric)


@dataclass(frozen=True, slots=True)
class Explained:
    """What was found about a subject; `forest` only if asked for."""

    subject: InsightSubject
    result: Insights
    remarks: tuple[Remark, ...]
    forest: Forest | None


@dataclass(frozen=True, slots=True)
class BehindRuns:
    """A line leads to these runs."""

    run_ids: tuple[str, ...]
    filter_text: str = ""
    """A filter that selects them, if there is a better one than their ids."""

    @property
    def expression(self) -> str:
        """A filter that selects the runs; empty if they are too many."""
        if self.filter_text:
            return self.filter_text
        if len(self.run_ids) > QUOTED_IDS:
            return ""
        return "run_id IN (" + ", ".join(f"'{run_id}'" for run_id in self.run_ids) + ")"


@dataclass(frozen=True, slots=True)
class BehindChart:
    """A line leads to a chart of the metric by one or two parameters, or of another metric of some runs."""

    params: Sequence[ColumnKey] = ()
    metric: str = ""
    run_ids: tuple[str, ...] = ()


Behind = BehindRuns | BehindChart | None
