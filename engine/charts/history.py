"""Metric histories of runs: read together, refined for a part of the steps, and smoothed."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from operator import sub
from statistics import median
from typing import TYPE_CHECKING, Literal

from engine.columns import ColumnKey
from engine.entities import MetricHistory, Run
from engine.errors import NotFound
from engine.stores.base import Store

if TYPE_CHECKING:
    from engine.runs.frame import RunFrame

XAxis = Literal["step", "relative", "wall"]
"""The x of a history: steps, seconds since the run started, or milliseconds since the epoch."""
X_AXES: tuple[XAxis, ...] = ("step", "relative", "wall")

POINTS = 800
"""The most points per history unless the caller asks for others: as many as pictures in files show."""
LONG_PAUSE = 1 / 40
"""A pause that shows in a chart takes at least this share of the time."""
MANY_GAPS = 8
"""A pause is longer than this many of the usual gaps between points."""
MOST_PAUSES = 3
"""Pauses looked for in one history."""
MOST_READS = 3
"""Reads to find the ends of one pause."""


@dataclass(frozen=True, slots=True)
class History:
    """A metric of a run over its steps. `count` is the number of points logged, None if the server sampled
    them and does not report it; fewer points than that are at hand if the history was down-sampled."""

    run: Run
    metric: str
    steps: array[int]
    times: array[int]
    """Milliseconds since the epoch."""
    values: array[float]
    """NaN and ±inf as logged."""
    count: int | None
    nans: int
    spacing: float = 1.0
    """Steps per point when all steps were read: the unit of smoothing."""

    @property
    def run_name(self) -> str:
        return self.run.run_name or self.run.run_id[:8]

    @property
    def is_sampled(self) -> bool:
        """Whether points are missing."""
        return self.count != len(self.values)

    @property
    def has_steps(self) -> bool:
        """Whether there is more than one step."""
        return self.steps[0] != self.steps[-1]

    def xs(self, axis: XAxis) -> Sequence[float]:
        """The x of each point."""
        if axis == "step":
            return self.steps
        if axis == "wall":
            return self.times
        start = self.run.start_time
        first = min(self.times, default=0) if start is None else start
        return array("d", ((time - first) / 1000 for time in self.times))

    def steps_within(self, axis: XAxis, low: float, high: float) -> tuple[int, int] | None:
        """The steps from `low` to `high` on an axis; None if the history has none there. On an axis of time,
        from the last point before to the first one after."""
        xs = self.xs(axis)
        if not xs or min(xs) > high or max(xs) < low:
            return None
        if axis == "step":
            return math.floor(low), math.ceil(high)
        first = max((at for at, x in enumerate(xs) if x < low), default=0)
        last = min((at for at, x in enumerate(xs) if x > high), default=len(xs) - 1)
        return self.steps[min(first, last)], self.steps[max(first, last)]

    def refined(self, fine: History, first: int, last: int) -> History:
        """With the points of `fine` in place of those from step `first` to step `last`."""
        start, end = bisect_left(self.steps, first), bisect_right(self.steps, last)
        return replace(
            self,
            steps=self.steps[:start] + fine.steps + self.steps[end:],
            times=self.times[:start] + fine.times + self.times[end:],
            values=self.values[:start] + fine.values + self.values[end:],
        )

    def with_points(self, other: History) -> History:
        """With the points of `other` that are missing."""
        rows = set(zip(self.steps, self.times, self.values, strict=True))
        added = [row for row in zip(other.steps, other.times, other.values, strict=True) if row not in rows]
        steps, times, values = self.steps[:], self.times[:], self.values[:]
        for step, time, value in added:
            place = bisect_right(steps, step)
            steps.insert(place, step)
            times.insert(place, time)
            values.insert(place, value)
        return replace(self, steps=steps, times=times, values=values)

    def smoothed(self, weight: float) -> array[float]:
        """The exponential moving average of the values, debiased as in TensorBoard: 0 is no smoothing, 0.99
        is strong. Values that are not finite stay, and do not affect the others. `weight` holds from one
        point to the next when all steps were read; between other points, it is raised accordingly. Of a
        sampled history, it is an approximation."""
        average = bias = 0.0
        result = array("d")
        previous: int | None = None
        exact = not self.is_sampled or not self.has_steps
        for step, value in zip(self.steps, self.values, strict=True):
            if not math.isfinite(value):
                result.append(value)
                continue
            gap = 1.0 if exact or previous is None else max(0.0, (step - previous) / self.spacing)
            decay = weight**gap
            average = decay * average + (1 - decay) * value
            bias = decay * bias + (1 - decay)
            result.append(average / bias if bias > 0 else value)
            previous = step
        return result


def points_for(columns: int | None, *, smooth: bool = False) -> int:
    """The most points per history in a chart of `columns` cells, None for a file: the lowest and the highest
    for each column of dots, of which a cell has two. As many in all charts that are smoothed, so that
    smoothed values do not depend on the width."""
    return POINTS if smooth or columns is None else 4 * columns


def first_with_metrics(frame: RunFrame, rows: Sequence[int], metrics: Sequence[str], most: int) -> list[int]:
    """At most `most` rows, those of runs with one of the metrics before the others."""
    readers = [frame.reader(key) for name in metrics if (key := ColumnKey("metric", name)) in frame]
    found = list(islice((row for row in rows if any(read(row) is not None for read in readers)), most))
    known = set(found)
    return list(islice(chain(found, (row for row in rows if row not in known)), most))


def histories(
    store: Store,
    runs: Sequence[Run],
    metrics: Sequence[str],
    *,
    points: int = POINTS,
    steps: tuple[int, int] | None = None,
    with_pauses: bool = False,
) -> tuple[History, ...]:
    """The histories of metrics of runs, run by run; those without points are left out. `with_pauses` keeps
    the points before and after long pauses of down-sampled histories, which takes a read for each."""
    by_id = {run.run_id: run for run in runs}
    found = store.metric_histories(list(by_id), list(dict.fromkeys(metrics)), points, steps)
    made = (_history(by_id[history.run_id], history) for history in found)
    return tuple(_with_pauses(store, history) if with_pauses else history for history in made)


def _with_pauses(store: Store, history: History) -> History:
    """With the points on both sides of the longest pauses: a line over time then falls from one to the other,
    not from an extreme long before to one long after."""
    if not history.is_sampled or not history.has_steps:
        return history
    steps, times = history.steps, history.times
    gaps = list(map(sub, times[1:], times))
    least = max((max(times) - min(times)) * LONG_PAUSE, MANY_GAPS * median(gaps))
    longest = sorted(range(len(gaps)), key=gaps.__getitem__, reverse=True)[:MOST_PAUSES]
    for first, last in [(steps[at], steps[at + 1]) for at in longest if gaps[at] > least]:
        history = _with_pause(store, history, first, last)
    return history


def _with_pause(store: Store, history: History, first: int, last: int) -> History:
    """With the points on both sides of the longest pause between two steps."""
    for _ in range(MOST_READS):
        if first == last:
            return history
        found = store.metric_histories([history.run.run_id], [history.metric], POINTS, (first, last))
        if not found or len(found[0].times) < 2:
            return history
        fine = _history(history.run, found[0])
        gaps = list(map(sub, fine.times[1:], fine.times))
        at = gaps.index(max(gaps))
        ends = replace(
            fine,
            steps=fine.steps[at : at + 2],
            times=fine.times[at : at + 2],
            values=fine.values[at : at + 2],
        )
        first, last = ends.steps
        if not fine.is_sampled:
            return history.with_points(ends)
    return history


@dataclass(frozen=True, slots=True)
class Refined:
    """Histories with more points in a range of steps. `is_complete`: no point is missing there."""

    histories: tuple[History, ...]
    steps: tuple[int, int] | None
    is_complete: bool


def refined(
    store: Store, coarse: Sequence[History], axis: XAxis, low: float, high: float, *, points: int = POINTS
) -> Refined:
    """The same histories with more points from `low` to `high` on an axis, where points are missing."""
    ranges = {
        (h.run.run_id, h.metric): steps
        for h in coarse
        if h.is_sampled and (steps := h.steps_within(axis, low, high)) is not None
    }
    if not ranges:
        return Refined(tuple(coarse), None, is_complete=True)
    first, last = min(start for start, _ in ranges.values()), max(end for _, end in ranges.values())
    runs = {h.run.run_id: h.run for h in coarse if (h.run.run_id, h.metric) in ranges}
    metrics = [h.metric for h in coarse if (h.run.run_id, h.metric) in ranges]
    found = histories(
        store, list(runs.values()), metrics, points=points, steps=(first, last), with_pauses=True
    )
    fine = {(h.run.run_id, h.metric): h for h in found if (h.run.run_id, h.metric) in ranges}
    return Refined(
        tuple(
            h.refined(fine[h.run.run_id, h.metric], first, last) if (h.run.run_id, h.metric) in fine else h
            for h in coarse
        ),
        (first, last),
        is_complete=not any(h.is_sampled for h in fine.values()),
    )


def current_runs(store: Store, runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs, the unfinished ones read again; without those that no longer exist."""
    found = []
    for run in runs:
        with suppress(NotFound):
            found.append(run if run.is_finished else store.run(run.run_id).run)
    return tuple(found)


def _history(run: Run, found: MetricHistory) -> History:
    span = found.steps[-1] - found.steps[0]
    count = len(found.values)
    spacing = max(span / (count - 1), 1e-9) if count > 1 else 1.0
    return History(run, found.key, found.steps, found.times, found.values, found.count, found.nans, spacing)
