"""Histories: refined for a range of steps, smoothed, and at a glance."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from engine.charts.history import History, current_runs, first_with_metrics, histories, refined
from engine.charts.overview import overview
from engine.entities import MetricHistory, MetricPoint, Run, RunDetail
from engine.errors import NotFound
from engine.runs.frame import RunFrame
from engine.stores.history import HistoryBuilder, histories_of

NAN, INF = math.nan, math.inf
START = 1_760_000_000_000


def _run(name: str, status: str = "FINISHED", metrics: Sequence[str] = ("loss",)) -> Run:
    values = dict.fromkeys(metrics, 0.0)
    return Run(name, name, "1", status, START, None, metrics=values)  # type: ignore[arg-type]


@dataclass
class MemoryStore:
    """Histories in memory; counts the calls."""

    points: dict[tuple[str, str], list[MetricPoint]]
    runs: dict[str, Run] = field(default_factory=dict)
    calls: list[tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        return tuple(self.points.get((run_id, key), ()))

    def metric_histories(
        self, run_ids: Sequence[str], keys: Sequence[str], points: int, steps: tuple[int, int] | None = None
    ) -> tuple[MetricHistory, ...]:
        self.calls.append((tuple(run_ids), tuple(keys)))
        return histories_of(self, run_ids, keys, points, steps)

    def run(self, run_id: str) -> RunDetail:
        if run_id not in self.runs:
            raise NotFound(f"Run {run_id} not found")
        return RunDetail(self.runs[run_id])


def _store(**values: Sequence[float]) -> MemoryStore:
    """A store with the metric `loss` of each run, one value per step and second."""
    return MemoryStore(
        {
            (run, "loss"): [MetricPoint(step, START + 1000 * step, value) for step, value in enumerate(found)]
            for run, found in values.items()
        }
    )


def _history(values: Sequence[float], count: int | None = None, steps: Sequence[int] = ()) -> History:
    at = array("q", steps or range(len(values)))
    times = array("q", (START + 1000 * step for step in at))
    span = (at[-1] - at[0]) / max(1, len(at) - 1)
    return History(_run("a"), "loss", at, times, array("d", values), count or len(values), 0, span)


def _tensorboard(values: Sequence[float], weight: float) -> list[float]:
    """TensorBoard's smoothing, as its front end computes it."""
    last, accumulated, found = 0.0, 0, []
    for value in values:
        if not math.isfinite(value):
            found.append(value)
            continue
        last = last * weight + (1 - weight) * value
        accumulated += 1
        debias = 1.0 if weight == 1 else 1.0 - weight**accumulated
        found.append(last / debias)
    return found


class TestSmoothing:
    @pytest.mark.parametrize("weight", [0.0, 0.6, 0.97])
    def test_a_complete_history_is_smoothed_as_in_tensorboard(self, weight: float) -> None:
        values = [2.0, 1.0, NAN, 3.0, INF, 0.5, -4.0, 1.0]
        found = _history(values).smoothed(weight)
        assert list(found) == pytest.approx(_tensorboard(values, weight), nan_ok=True)

    def test_fewer_points_of_the_same_curve_are_smoothed_alike(self) -> None:
        values = [math.exp(-step / 300) for step in range(1000)]
        full = _history(values).smoothed(0.98)
        coarse = _history(values, 1000).refined(
            _history(values[400:600:2], 1000, range(400, 600, 2)), 400, 600
        )
        sampled = _history([values[at] for at in coarse.steps], 1000, coarse.steps)
        found = sampled.smoothed(0.98)
        assert [found[sampled.steps.index(step)] for step in (500, 900)] == pytest.approx(
            [full[500], full[900]], rel=0.05
        )

    def test_values_at_one_step_are_smoothed_one_by_one(self) -> None:
        history = _history([1.0, 3.0], 500, [7, 7])
        assert list(history.smoothed(0.5)) == pytest.approx(_tensorboard([1.0, 3.0], 0.5))


class TestReading:
    def test_histories_come_run_by_run_in_one_call(self) -> None:
        store = _store(a=[1.0, 2.0], b=[3.0])
        found = histories(store, [_run("b"), _run("gone"), _run("a")], ["loss", "unknown", "loss"])  # type: ignore[arg-type]
        assert [(h.run_name, list(h.values), h.count) for h in found] == [
            ("b", [3.0], 1),
            ("a", [1.0, 2.0], 2),
        ]
        assert store.calls == [(("b", "gone", "a"), ("loss", "unknown"))]

    def test_runs_with_a_metric_come_before_others(self) -> None:
        frame = RunFrame.from_runs(
            _run(str(row), metrics=("huge",) if row in (7, 30) else ()) for row in range(40)
        )
        assert first_with_metrics(frame, range(40), ["huge"], 20) == [7, 30, *range(7), *range(8, 19)]
        assert first_with_metrics(frame, [30, 7], ["huge"], 1) == [30]
        assert first_with_metrics(frame, range(3), ["unknown"], 2) == [0, 1]

    def test_a_range_is_refined_until_no_point_is_missing(self) -> None:
        store = _store(a=[float(step % 7) for step in range(5000)])
        coarse = histories(store, [_run("a")], ["loss"], points=100)  # type: ignore[arg-type]
        partly = refined(store, coarse, "step", 1000, 3000, points=100)  # type: ignore[arg-type]
        assert not partly.is_complete
        found = refined(store, coarse, "step", 1000, 1060, points=100)  # type: ignore[arg-type]
        (history,) = found.histories
        assert found.is_complete
        assert [step for step in history.steps if 1000 <= step <= 1060] == list(range(1000, 1061))
        assert (history.steps[0], history.steps[-1]) == (0, 4999)
        assert list(history.steps) == sorted(history.steps)
        closer = refined(store, coarse, "relative", 1010.0, 1015.0, points=1000)  # type: ignore[arg-type]
        assert closer.is_complete
        assert {*range(1010, 1016)} <= {*closer.histories[0].steps}

    def test_both_ends_of_a_pause_are_kept(self) -> None:
        """So that a line over time runs from the last point before it to the first one after it."""
        pauses = {5_123: 600_000, 41_000: 4_000_000}
        points, time = [], START
        for step in range(50_000):
            time += 100 + pauses.get(step, 0)
            points.append(MetricPoint(step, time, 10 - step / 10_000 + step % 7))
        store = MemoryStore({("a", "loss"): points})
        (history,) = histories(store, [_run("a")], ["loss"], points=200, with_pauses=True)  # type: ignore[arg-type]
        for after in pauses:
            place = history.steps.index(after)
            assert history.steps[place - 1] == after - 1
            assert history.values[place] == points[after].value
        assert list(history.times) == sorted(history.times)
        assert len(history.steps) <= 206
        (even,) = histories(_store(a=[1.0, 2.0] * 3000), [_run("a")], ["loss"], points=200, with_pauses=True)  # type: ignore[arg-type]
        assert len(even.steps) <= 202

    def test_complete_histories_are_not_read_again(self) -> None:
        store = _store(a=[1.0, 2.0, 3.0])
        coarse = histories(store, [_run("a")], ["loss"])  # type: ignore[arg-type]
        found = refined(store, coarse, "step", 0, 1)  # type: ignore[arg-type]
        assert found.histories == coarse
        assert found.is_complete
        assert len(store.calls) == 1

    def test_unfinished_runs_are_read_again_and_deleted_ones_dropped(self) -> None:
        ended = _run("b")
        store = MemoryStore({}, {"b": ended})
        runs = [_run("a"), _run("b", "RUNNING"), _run("c", "RUNNING")]
        assert current_runs(store, runs) == (runs[0], ended)  # type: ignore[arg-type]


class TestOverview:
    def test_the_best_value_and_its_step_are_exact(self) -> None:
        values = [5.0 - step / 1000 for step in range(4000)]
        values[2500], values[77] = -3.0, 40.0
        (found,) = overview(_store(a=values), _run("a"))  # type: ignore[arg-type]
        assert (found.direction, found.best, found.best_step) == ("lower", -3.0, 2500)
        assert (found.low, found.high, found.last) == (-3.0, 40.0, values[-1])
        assert found.history.count == 4000
        (flipped,) = overview(_store(a=values), _run("a"), {"loss": "higher"})  # type: ignore[arg-type]
        assert (flipped.best, flipped.best_step) == (40.0, 77)

    def test_values_that_are_not_finite_are_counted(self) -> None:
        values = [1.0, INF, 0.5, NAN, NAN]
        (found,) = overview(_store(a=values), _run("a"))  # type: ignore[arg-type]
        assert [(mark.text, mark.count, mark.step) for mark in found.marks] == [("NaN", 2, 3), ("inf", 1, 1)]
        assert (found.best, found.best_step) == (0.5, 2)

    def test_a_history_without_a_finite_value_has_no_best(self) -> None:
        (found,) = overview(_store(a=[NAN, NAN]), _run("a"))  # type: ignore[arg-type]
        assert (found.best, found.low, math.isnan(found.last)) == (None, None, True)

    def test_metrics_with_one_step_and_folds_are_left_out(self) -> None:
        store = _store(a=[1.0])
        for metric in ("system/cpu", "acc", "cv_score"):
            store.points["a", metric] = [MetricPoint(step, START, 1.0) for step in range(2)]
        run = _run("a", metrics=["system/cpu", "loss", "acc", "cv_score"])
        assert [found.metric for found in overview(store, run)] == ["acc", "system/cpu"]  # type: ignore[arg-type]


def test_points_at_one_step_are_reduced_over_time() -> None:
    builder = HistoryBuilder("a", "loss", 10)
    builder.add_points(MetricPoint(0, time, float(time % 13)) for time in range(1000))
    history = builder.build()
    assert history is not None
    assert set(history.steps) == {0}
    assert (history.times[0], history.times[-1], history.count) == (0, 999, 1000)
    assert 10 <= len(history.values) <= 12
