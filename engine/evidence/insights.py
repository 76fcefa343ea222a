"""What the runs of an experiment say about one metric, put together from this folder's other modules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from engine.columns import ColumnKey
from engine.entities import Run
from engine.evidence.anomalies import Drop, Plateau, drops, long_runs, plateau
from engine.evidence.best import TIE_METRIC, BestRun, best_run
from engine.evidence.difference import Correction, Standing, standing
from engine.evidence.effects import Effects, effects_of
from engine.filters.compiler import Filter
from engine.runs.frame import RunFrame
from engine.runs.metrics import Direction, direction_of
from engine.stores.base import Store

_DURATION = ColumnKey("attribute", "duration")
_START = ColumnKey("attribute", "start_time")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Another run is the best by cross-validation: `by_cv`, with its cv_mean and that of the best run."""

    by_cv: Run
    value: float
    best_value: float


@dataclass(frozen=True, slots=True)
class Insights:
    """The best run and its standing; the effects of parameters; and what is out of line. `long_runs` are the
    runs that took far longer than the others, longest first."""

    best: BestRun
    standing: Standing | None
    effects: Effects
    drops: tuple[Drop, ...]
    disagreement: Disagreement | None
    long_runs: tuple[Run, ...]
    plateau: Plateau | None


def insights(
    frame: RunFrame,
    metric: str,
    direction: Direction | None = None,
    rows: Sequence[int] | None = None,
    *,
    where: Filter | None = None,
    store: Store | None = None,
    correction: Correction = "none",
) -> Insights:
    """The insights into a metric from the comparable finished runs in `rows` (None: in the whole frame).
    Raises `NotFound` as `best_run` does."""
    best = best_run(frame, metric, direction, rows, where=where)
    values = _numbers(frame, ColumnKey("metric", best.metric), best.rows)
    params = {
        key.name: [cast("str | None", value) for value in map(frame.reader(key), best.rows)]
        for key in frame.keys
        if key.kind == "param"
    }
    effects = effects_of(params, values)
    seconds = [cast("float | None", value) for value in map(frame.reader(_DURATION), best.rows)]
    return Insights(
        best,
        standing(frame, best, store, correction),
        effects,
        drops(params, values, effects, best.direction),
        _disagreement(frame, best),
        tuple(frame.run(best.rows[index]) for index in long_runs(seconds)),
        plateau(_by_start(frame, best.rows, values), best.direction),
    )


def _numbers(frame: RunFrame, key: ColumnKey, rows: Sequence[int]) -> list[float]:
    read = frame.reader(key)
    return [cast(float, read(row)) for row in rows]


def _by_start(frame: RunFrame, rows: Sequence[int], values: Sequence[float]) -> list[float]:
    """The values in order of start; runs without a start come first."""
    starts = [cast("int | None", value) or 0 for value in map(frame.reader(_START), rows)]
    return [values[index] for index in sorted(range(len(rows)), key=starts.__getitem__)]


def _disagreement(frame: RunFrame, best: BestRun) -> Disagreement | None:
    """Whether the runs' cross-validation names another winner than their test part, and not only by chance
    of a tie: neither the best run nor one tied with it."""
    key = ColumnKey("metric", TIE_METRIC)
    rates = direction_of(best.metric) == "higher" and best.direction == "higher"
    if best.metric == TIE_METRIC or key not in frame or not rates:
        return None
    read = frame.reader(key)
    scores = {row: cast("float | None", read(row)) for row in best.rows}
    scored = {row: score for row, score in scores.items() if score is not None and math.isfinite(score)}
    own = best.run.metrics.get(TIE_METRIC, math.nan)
    if not scored or not math.isfinite(own):
        return None
    top = max(scored.values())
    leaders = [row for row, score in scored.items() if score == top]
    winners = {best.run.run_id, *(run.run_id for run in best.tied)}
    if any(frame.run_ids[row] in winners for row in leaders):
        return None
    return Disagreement(frame.run(leaders[0]), top, own)
