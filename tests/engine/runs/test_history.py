"""Histories for charts: spikes stay, NaN is a gap, infinities are marked."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.entities import MetricPoint
from engine.runs.history import Trace, downsample

STORED_INF = 1.7976931348623157e308


def points(*values: float) -> list[MetricPoint]:
    return [MetricPoint(step, 1000 + 10 * step, value) for step, value in enumerate(values)]


def lines(trace: Trace) -> list[list[float]]:
    return [[point.value for point in segment] for segment in trace.segments]


def test_few_points_stay_as_they_are() -> None:
    trace = downsample(points(3, 1, 2), 10)
    assert lines(trace) == [[3, 1, 2]]
    assert (trace.low, trace.high, trace.count) == (1, 3, 3)
    assert (trace.gaps, trace.infinite) == ((), ())


def test_no_points_no_trace() -> None:
    assert downsample([], 10) == Trace((), (), (), None, None, 0)


def test_a_single_spike_among_a_million_points_is_kept() -> None:
    values = [0.5] * 100_000
    values[71_234], values[3] = 99.0, -99.0
    trace = downsample(points(*values), 80)
    kept = [point for segment in trace.segments for point in segment]
    assert len(kept) <= 160
    assert (trace.low, trace.high) == (-99.0, 99.0)
    assert {point.step for point in kept if abs(point.value) == 99} == {3, 71_234}


def test_nan_breaks_the_line_and_infinities_are_marked() -> None:
    trace = downsample(points(1, 2, math.nan, 3, math.inf, 4, -math.inf, -math.inf), 20)
    assert lines(trace) == [[1, 2], [3], [4]]
    assert trace.gaps == (2,)
    assert [(point.step, point.value) for point in trace.infinite] == [
        (4, math.inf),
        (6, -math.inf),
        (7, -math.inf),
    ]
    assert (trace.low, trace.high) == (1, 4)


def test_what_a_store_keeps_in_place_of_infinity_is_one() -> None:
    trace = downsample(points(1, STORED_INF, 2), 20)
    assert lines(trace) == [[1], [2]]
    assert len(trace.infinite) == 1
    assert trace.high == 2


def test_a_run_that_diverged_does_not_look_healthy_in_a_narrow_chart() -> None:
    trace = downsample(points(*[1.0, 2.0] * 500, math.nan, *[3.0, 4.0] * 500), 4)
    assert len(trace.segments) == 2
    assert len(trace.gaps) == 1
    diverged = downsample(points(*[1.0] * 500, *[math.nan] * 500), 10)
    assert len(diverged.gaps) == 5
    nothing = downsample(points(math.nan, math.nan), 10)
    assert (nothing.segments, nothing.low, nothing.gaps) == ((), None, (0, 1))


def test_the_axis_can_be_time_and_a_part_of_it() -> None:
    late_first = [MetricPoint(0, 5000, 1.0), MetricPoint(1, 1000, 2.0), MetricPoint(2, 3000, 3.0)]
    assert lines(downsample(late_first, 10, axis="time")) == [[2, 3, 1]]
    assert lines(downsample(late_first, 10, axis="time", first=3000)) == [[3, 1]]
    assert lines(downsample(points(*range(10)), 10, first=3, last=5)) == [[3, 4, 5]]
    assert downsample(points(1, 2), 10, first=50, last=60).count == 0


def test_points_of_one_step_all_count() -> None:
    same = [MetricPoint(7, time, value) for time, value in enumerate([1.0, 9.0, 5.0, 0.0, 3.0])]
    trace = downsample(same, 2)
    assert lines(trace) == [[9, 0]]


VALUES = st.one_of(st.floats(-5, 5), st.sampled_from([math.nan, math.inf, -math.inf]))


@given(st.lists(st.tuples(st.integers(-50, 50), VALUES), max_size=80), st.integers(1, 12))
def test_any_history(told: list[tuple[int, float]], columns: int) -> None:
    history = sorted((MetricPoint(step, 0, value) for step, value in told), key=lambda point: point.step)
    trace = downsample(history, columns)
    kept = [point for segment in trace.segments for point in segment]
    finite = [point.value for point in history if math.isfinite(point.value)]
    assert len(kept) <= 2 * columns
    assert (trace.low, trace.high) == (min(finite, default=None), max(finite, default=None))
    assert {trace.low, trace.high} - {None} <= {point.value for point in kept}
    places = [next(i for i, point in enumerate(history) if point is one) for one in kept]
    assert places == sorted(places)
    for before, after in pairwise(places):
        broken = any(not math.isfinite(point.value) for point in history[before:after])
        together = any(history[before] in segment and history[after] in segment for segment in trace.segments)
        assert together is not broken or history[before] == history[after]
    assert bool(trace.gaps) == any(math.isnan(point.value) for point in history)
    assert {point.value for point in trace.infinite} == {p.value for p in history if math.isinf(p.value)}
