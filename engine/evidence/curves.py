"""What is wrong with the histories of metrics: NaN, infinities, divergence, and no improvement any more."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Literal

from engine.entities import MetricHistory
from engine.evidence.anomalies import MAD
from engine.runs.metrics import Direction, direction_of
from engine.stores.base import Store

MAX_RUNS = 100
MAX_POINTS = 2_000_000
"""Histories are read until this many points were logged in them."""
_BATCH = 10
_SAMPLED = 400
_MIN_POINTS = 20
_WINDOW = 9
_CLEAR = 10.0
"""A change counts from this multiple of the noise between neighbouring points."""
_NEAR = 3.0
_REST = 0.01

Trouble = Literal["NaN", "infinite", "diverged"]


@dataclass(frozen=True, slots=True)
class Broken:
    """A metric of a run that became NaN or infinite at `step`, or diverged after `step`, the last one near
    its best: it lost more than half of its improvement, or ended far worse than it began. `values` is how
    many values are NaN or infinite; `left_after` is the step after which the metric diverged before that."""

    run_id: str
    metric: str
    trouble: Trouble
    step: int
    last_step: int
    values: int = 0
    left_after: int | None = None


@dataclass(frozen=True, slots=True)
class Stalled:
    """A metric of a run that had all of its improvement but 1 % or its noise at `step`, in the first half of
    its steps; only `gain` came after that, by the level of the last tenth of the points. If `lost` is not 0,
    the metric was best at `step`, and that much worse at the end."""

    run_id: str
    metric: str
    step: int
    last_step: int
    gain: float
    lost: float = 0.0


@dataclass(frozen=True, slots=True)
class Curves:
    """The findings in the histories of `metrics` of `read` of `of` runs."""

    metrics: tuple[str, ...] = ()
    read: int = 0
    of: int = 0
    broken: tuple[Broken, ...] = ()
    stalled: tuple[Stalled, ...] = ()


def curves_of(store: Store, run_ids: Sequence[str], metrics: Sequence[str]) -> Curves:
    """What is wrong with these metrics in the first of these runs; bounded by `MAX_RUNS` and `MAX_POINTS`."""
    broken: list[Broken] = []
    stalled: list[Stalled] = []
    read = points = 0
    chosen = run_ids[:MAX_RUNS] if metrics else ()
    while read < len(chosen) and points < MAX_POINTS:
        batch = chosen[read : read + _BATCH]
        read += len(batch)
        for history in store.metric_histories(batch, metrics, _SAMPLED):
            points += history.count or len(history.values)
            direction = direction_of(history.key)
            if found := broken_by(history, direction):
                broken.append(found)
            elif direction and (halted := stalled_at(history, direction)):
                stalled.append(halted)
    return Curves(tuple(metrics), read, len(run_ids), tuple(broken), tuple(stalled))


def broken_by(history: MetricHistory, direction: Direction | None) -> Broken | None:
    """Whether a history has values that are not finite, or diverged."""
    last = history.steps[-1]
    for at, value in enumerate(history.values):
        if not math.isfinite(value):
            trouble: Trouble = "NaN" if math.isnan(value) else "infinite"
            values = max(history.nans, sum(not math.isfinite(other) for other in history.values))
            left = _left_after(_first(history, at), direction)
            return Broken(history.run_id, history.key, trouble, history.steps[at], last, values, left)
    left = _left_after(history, direction)
    return None if left is None else Broken(history.run_id, history.key, "diverged", left, last)


def _first(history: MetricHistory, points: int) -> MetricHistory:
    """The history up to some point."""
    columns = history.steps[:points], history.times[:points], history.values[:points]
    return replace(history, steps=columns[0], times=columns[1], values=columns[2], nans=0)


def _left_after(history: MetricHistory, direction: Direction | None) -> int | None:
    """The step after which a history of finite values diverged; None if it did not."""
    if direction is None or (smooth := _smooth(history, direction)) is None:
        return None
    curve, noise = smooth
    best, start, end = min(curve), curve[0], _end(curve)
    gained, lost = start - best, end - best
    collapsed = lost > gained / 2 and gained > _CLEAR * noise
    grew = lost > 2 * gained and end - start > _CLEAR * noise
    if lost <= _CLEAR * noise or not (collapsed or grew):
        return None
    close = best + max(_REST * gained, 2 * _NEAR * noise)  # the noise around a level, above and below
    return history.steps[max(at for at, value in enumerate(curve) if value <= close)]


def _end(curve: array[float]) -> float:
    """The level of the last tenth."""
    return median(curve[-max(1, len(curve) // 10) :])


def stalled_at(history: MetricHistory, direction: Direction) -> Stalled | None:
    """Where a history of finite values stopped improving; None if that is not clear, or neither early nor
    followed by a loss."""
    if (smooth := _smooth(history, direction)) is None:
        return None
    curve, noise = smooth
    best, start = min(curve), curve[0]
    gained = start - best
    if gained <= _CLEAR * noise:
        return None
    first, last = history.steps[0], history.steps[-1]
    tail = len(curve) - max(1, len(curve) // 10)
    turn, lost = curve.index(best), _end(curve) - best
    if turn < tail and lost > max(_REST * gained, _CLEAR * noise):
        worse = _gain(history, direction, tail, turn)
        if worse < 0:
            return Stalled(history.run_id, history.key, history.steps[turn], last, 0.0, -worse)
    enough = best + max(_REST * gained, _NEAR * noise)
    at = next(index for index, value in enumerate(curve) if value <= enough)
    step = history.steps[at]
    if step - first > (last - first) / 2:
        return None
    return Stalled(history.run_id, history.key, step, last, max(0.0, _gain(history, direction, tail, at)))


def _gain(history: MetricHistory, direction: Direction, tail: int, at: int) -> float:
    """How much better the last points, from `tail` on, are than those around `at`, by their levels."""
    near = max(1, min(at, len(history.values) // 20))
    gain = _level(history.values[max(0, at - near) : at + near + 1]) - _level(history.values[tail - 1 :])
    return gain if direction == "lower" else -gain


def _level(values: Sequence[float]) -> float:
    """The level of two or more noisy values: the lows and the highs of a reduced history take turns."""
    return median(one / 2 + other / 2 for one, other in pairwise(values))


def _smooth(history: MetricHistory, direction: Direction) -> tuple[array[float], float] | None:
    """The running median of a history, lower being better, and its noise; None with too few points."""
    values = history.values if direction == "lower" else array("d", (-value for value in history.values))
    if len(values) < _MIN_POINTS or history.steps[0] == history.steps[-1]:
        return None
    half = _WINDOW // 2
    curve = array("d", (median(values[max(0, at - half) : at + half + 1]) for at in range(len(values))))
    noise = MAD * median(abs(value - middle) for value, middle in zip(values, curve, strict=True))
    return curve, noise / math.sqrt(_WINDOW)


def losses(names: Iterable[str]) -> list[str]:
    """The metrics that are watched besides the one in question: losses and errors that training logs."""
    words = ("loss", "error", "rmse", "mae", "mse", "perplexity")
    found = [name for name in names if any(word in name.lower() for word in words)]
    return [name for name in found if direction_of(name) == "lower" and not name.startswith("system/")]
