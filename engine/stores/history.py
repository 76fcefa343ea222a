"""Down-sampling of metric histories as they are read: bounded memory, and no loop in Python over points."""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Protocol

from engine.entities import MetricExtremes, MetricHistory, MetricPoint
from engine.errors import NotFound

if TYPE_CHECKING:
    from engine.stores.base import Store

CHUNK = 50_000
"""Points held before they are reduced."""
_LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Extent:
    """What is known of a history before its points are read: how many there are, and their range of steps; of
    times if all steps are the same (`by_time`)."""

    count: int
    low: int
    high: int
    by_time: bool = False


def count_parts(points: int) -> int:
    """The number of parts into which a history is divided to keep `points` points."""
    return max(1, points // 2)


class HistoryReader(Protocol):
    """A store that reads histories one by one, completely."""

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]: ...


def histories_of(
    store: HistoryReader,
    run_ids: Sequence[str],
    keys: Sequence[str],
    points: int,
    steps: tuple[int, int] | None,
) -> tuple[MetricHistory, ...]:
    """`Store.metric_histories` for stores that can only read complete histories."""
    found = []
    for run_id in run_ids:
        with suppress(NotFound):  # deleted meanwhile
            for key in keys:
                builder = HistoryBuilder(run_id, key, points)
                logged = store.metric_history(run_id, key)
                builder.add_points(p for p in logged if steps is None or steps[0] <= p.step <= steps[1])
                if (history := builder.build()) is not None:
                    found.append(history)
    return tuple(found)


class HistoryBuilder:
    """Collects one history. Points are added by step, then time, then value."""

    def __init__(self, run_id: str, key: str, points: int, extent: Extent | None = None) -> None:
        """Without an extent, all points are held until `build`."""
        self._run_id, self._key, self._points = run_id, key, points
        self._extent = extent
        self._steps, self._times, self._values = array("q"), array("q"), array("d")
        self._kept: dict[tuple[int, int, float | None], tuple[int, int, float]] = {}
        self._last: tuple[int, int, float] | None = None
        self._count = self._nans = 0

    def add(self, steps: Sequence[int], times: Sequence[int], values: Sequence[float]) -> None:
        """Add points. Infinite values may be the largest double."""
        if not values:
            return
        nans = sum(map(math.isnan, values))
        if nans or not -_LARGEST < min(values) <= max(values) < _LARGEST:
            values = [math.copysign(math.inf, v) if abs(v) >= _LARGEST else v for v in values]
        self._steps.extend(steps)
        self._times.extend(times)
        self._values.extend(values)
        self._count += len(values)
        self._nans += nans
        if self._extent is not None and self._extent.count > self._points and len(self._values) >= CHUNK:
            self._reduce(self._extent, is_last=False)

    def add_points(self, points: Iterable[MetricPoint]) -> None:
        """Add points in any order."""
        found = sorted(points, key=lambda point: _order((point.step, point.timestamp, point.value)))
        self.add([p.step for p in found], [p.timestamp for p in found], [p.value for p in found])

    def build(self, *, is_sampled: bool = False) -> MetricHistory | None:
        """The history; None without points. Of a history that the server sampled, the number of points is
        unknown."""
        if not self._count:
            return None
        columns = self._steps, self._times, self._values
        if self._count > self._points:
            self._reduce(self._extent or self._own_extent(), is_last=True)
            if self._last is not None:
                self._keep(*self._last)
            rows = sorted(self._kept.values(), key=_order)
            columns = (
                array("q", [row[0] for row in rows]),
                array("q", [row[1] for row in rows]),
                array("d", [row[2] for row in rows]),
            )
        count = None if is_sampled else self._count
        return MetricHistory(self._run_id, self._key, *columns, count, self._nans)

    def _own_extent(self) -> Extent:
        by_time = self._steps[0] == self._steps[-1]
        places = self._times if by_time else self._steps
        return Extent(self._count, places[0], places[-1], by_time)

    def _reduce(self, extent: Extent, *, is_last: bool) -> None:
        """Keep the extremes of all parts that are complete, and drop their other points."""
        steps, times, values = self._steps, self._times, self._values
        if not values:
            return
        if not self._kept:
            self._keep(steps[0], times[0], values[0])
        places = times if extent.by_time else steps
        width = (extent.high - extent.low) // count_parts(self._points) + 1
        start = 0
        while start < len(places):
            next_part = extent.low + ((places[start] - extent.low) // width + 1) * width
            end = bisect_left(places, next_part, start)
            if end == len(places) and not is_last:
                break
            self._keep_extremes(start, end)
            start = end
        if start:
            self._last = (steps[start - 1], times[start - 1], values[start - 1])
            del steps[:start], times[:start], values[:start]

    def _keep_extremes(self, start: int, end: int) -> None:
        values: Sequence[float] = self._values[start:end]
        low, high = min(values), max(values)
        if not -_LARGEST < low <= high < _LARGEST or (self._nans and any(map(math.isnan, values))):
            self._keep_marks(start, values)
            is_finite = [-_LARGEST < value < _LARGEST for value in values]
            finite = list(compress(values, is_finite))
            if not finite:
                return
            low, high = min(finite), max(finite)
        self._keep_at(start + values.index(low))
        self._keep_at(start + values.index(high))

    def _keep_marks(self, start: int, values: Sequence[float]) -> None:
        """Keep the first NaN, +inf and -inf."""
        for is_kind in (math.isnan, math.inf.__eq__, (-math.inf).__eq__):
            place = next((at for at, value in enumerate(values) if is_kind(value)), None)
            if place is not None:
                self._keep_at(start + place)

    def _keep_at(self, place: int) -> None:
        self._keep(self._steps[place], self._times[place], self._values[place])

    def _keep(self, step: int, time: int, value: float) -> None:
        self._kept[step, time, None if math.isnan(value) else value] = (step, time, value)


def _order(row: tuple[int, int, float]) -> tuple[int, int, bool, float]:
    """By step, time and value, NaN last."""
    step, time, value = row
    is_nan = math.isnan(value)
    return step, time, is_nan, 0.0 if is_nan else value


def extremes_of(store: Store, run_ids: Sequence[str], keys: Sequence[str]) -> tuple[MetricExtremes, ...]:
    """`Store.metric_extremes` from the histories."""
    found = []
    for history in store.metric_histories(run_ids, keys, 2):
        finite = [value for value in history.values if math.isfinite(value)]
        if history.count != 1 and finite:
            ends = min(finite), max(finite)
            found.append(MetricExtremes(history.run_id, history.key, *ends, history.count is None))
    return tuple(found)
