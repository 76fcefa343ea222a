"""A run's metrics at a glance: last and best value, and the course of those with more than one step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.charts.history import History, histories
from engine.entities import Run
from engine.runs.metrics import FOLD_METRIC, Direction, direction_of
from engine.stores.base import Store

POINTS = 200
"""Points read per history: its extremes are exact however few these are."""
SYSTEM = "system/"
"""The prefix of MLflow's system metrics."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A kind of value that is not finite: how many points have it, None if not all points were read, and the
    step of the first."""

    text: str
    count: int | None
    step: int


@dataclass(frozen=True, slots=True)
class MetricOverview:
    """A metric with more than one step. `best` and `best_step` are None without a direction or a finite
    value, `low` and `high` without a finite value. `marks` are its NaN and infinite values."""

    history: History
    last: float
    direction: Direction | None
    best: float | None
    best_step: int | None
    low: float | None
    high: float | None
    marks: tuple[Mark, ...]

    @property
    def metric(self) -> str:
        return self.history.metric


def overview(
    store: Store, run: Run, directions: Mapping[str, Direction] | None = None
) -> tuple[MetricOverview, ...]:
    """The metrics of a run that have more than one step: by name, system metrics last; not the scores of
    folds, whose order means nothing. `directions` overrides which direction is better."""
    known = directions or {}
    metrics = [metric for metric in run.metrics if metric != FOLD_METRIC]
    found = [
        _overview(history, known.get(history.metric, direction_of(history.metric)))
        for history in histories(store, [run], metrics, points=POINTS)
        if history.has_steps
    ]
    return tuple(sorted(found, key=lambda m: (m.metric.startswith(SYSTEM), m.metric)))


def _overview(history: History, direction: Direction | None) -> MetricOverview:
    finite = [value for value in history.values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (None, None)
    best = None if direction is None else high if direction == "higher" else low
    best_step = None if best is None else history.steps[history.values.index(best)]
    marks = []
    for text, is_kind in (("NaN", math.isnan), ("inf", math.inf.__eq__), ("-inf", (-math.inf).__eq__)):
        places = [at for at, value in enumerate(history.values) if is_kind(value)]
        if places:
            counted = history.nans if text == "NaN" else None if history.is_sampled else len(places)
            known = None if history.count is None else counted
            marks.append(Mark(text, known, history.steps[places[0]]))
    return MetricOverview(history, history.values[-1], direction, best, best_step, low, high, tuple(marks))
