"""The history of a metric, reduced to what a chart of some columns can show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from engine.entities import MetricPoint
from engine.values import is_infinite

XAxis = Literal["step", "time"]


@dataclass(frozen=True, slots=True)
class Trace:
    """A metric's history for a chart.

    `segments` are lines of finite points, in order; between two of them the metric was NaN or
    infinite. `gaps` are places on the x axis where it was NaN, `infinite` the points where
    it was ±inf. `low` and `high` are the least and the greatest finite value of all points,
    None where there is none; `count` is how many points there were.
    """

    segments: tuple[tuple[MetricPoint, ...], ...]
    gaps: tuple[int, ...]
    infinite: tuple[MetricPoint, ...]
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True, slots=True)
class _Spot:
    """A finite point: which one it is, and how many NaN and ±inf went before it."""

    index: int
    breaks: int
    point: MetricPoint


@dataclass(slots=True)
class _Bucket:
    """What one column of the chart shows."""

    low: _Spot | None = None
    high: _Spot | None = None
    gap: MetricPoint | None = None
    infinite: dict[bool, MetricPoint] = field(default_factory=dict)

    def add(self, spot: _Spot) -> None:
        if self.low is None or spot.point.value < self.low.point.value:
            self.low = spot
        if self.high is None or spot.point.value > self.high.point.value:
            self.high = spot

    def break_at(self, point: MetricPoint) -> None:
        if point.value != point.value:
            self.gap = self.gap or point
        else:
            self.infinite.setdefault(point.value > 0, point)


def downsample(
    points: Iterable[MetricPoint],
    columns: int,
    *,
    axis: XAxis = "step",
    first: int | None = None,
    last: int | None = None,
) -> Trace:
    """The points between `first` and `last` on the axis (steps, or milliseconds since the epoch;
    by default all) in at most 2 × `columns` points: of each column the least and the greatest,
    so no spike is lost. Of each column there is at most one gap, one +inf and one -inf.
    """
    place = _place(axis)
    shown = [
        point
        for point in points
        if (first is None or place(point) >= first) and (last is None or place(point) <= last)
    ]
    shown.sort(key=place)
    if not shown:
        return Trace((), (), (), None, None, 0)
    start = place(shown[0]) if first is None else first
    end = place(shown[-1]) if last is None else last
    buckets = _filled(shown, place, start, max(end - start + 1, 1), max(columns, 1))
    spots = [spot for bucket in buckets for spot in (bucket.low, bucket.high) if spot is not None]
    values = [spot.point.value for spot in spots]
    return Trace(
        segments=_segments(spots),
        gaps=tuple(place(bucket.gap) for bucket in buckets if bucket.gap is not None),
        infinite=tuple(point for bucket in buckets for point in bucket.infinite.values()),
        low=min(values, default=None),
        high=max(values, default=None),
        count=len(shown),
    )


def _place(axis: XAxis) -> Callable[[MetricPoint], int]:
    if axis == "step":
        return lambda point: point.step
    return lambda point: point.timestamp


def _filled(
    points: Sequence[MetricPoint],
    place: Callable[[MetricPoint], int],
    start: int,
    span: int,
    columns: int,
) -> list[_Bucket]:
    """The points in a bucket for each column; few points get a bucket each."""
    few = len(points) <= columns
    buckets = [_Bucket() for _ in range(len(points) if few else columns)]
    breaks = 0
    for index, point in enumerate(points):
        bucket = buckets[index if few else (place(point) - start) * columns // span]
        if point.value != point.value or is_infinite(point.value):
            breaks += 1
            bucket.break_at(point)
        else:
            bucket.add(_Spot(index, breaks, point))
    return buckets


def _segments(spots: Iterable[_Spot]) -> tuple[tuple[MetricPoint, ...], ...]:
    """Lines through the spots, each once and in order, broken where the metric was not finite."""
    ordered = sorted({spot.index: spot for spot in spots}.values(), key=lambda spot: spot.index)
    lines = groupby(ordered, key=lambda spot: spot.breaks)
    return tuple(tuple(spot.point for spot in line) for _, line in lines)
