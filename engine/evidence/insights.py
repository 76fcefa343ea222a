"""What the runs of an experiment say about one metric, put together from this folder's other modules."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from engine.columns import ColumnKey
from engine.entities import Run
from engine.evidence.alike import first_alike
from engine.evidence.anomalies import Drop, Plateau, drops, long_runs, plateau
from engine.evidence.best import TIE_METRIC, BestRun, best_run
from engine.evidence.curves import Curves, curves_of, losses
from engine.evidence.difference import Correction, Standing, Versus, standing, versus
from engine.evidence.effects import Effects, effects_of
from engine.evidence.forest import Forest, forest_of
from engine.filters.compiler import Filter
from engine.runs.frame import RunFrame
from engine.runs.metrics import Direction, direction_of
from engine.stores.base import Store

_DURATION = ColumnKey("attribute", "duration")
_START = ColumnKey("attribute", "start_time")
_WATCHED = 3
"""The number of metrics whose histories are read."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Another run is the best by cross-validation: `by_cv`, with its cv_mean and that of the best run.
    `test` says whether that is more than chance."""

    by_cv: Run
    value: float
    best_value: float
    test: Versus


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
    curves: Curves


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
    """The insights into a metric from the comparable finished runs in `rows` (None: in the whole frame); the
    best run is one that meets `where`. Without a store, nothing is said about histories. Raises `NotFound` as
    `best_run` does."""
    best = best_run(frame, metric, direction, rows, where=where)
    comparable = best.comparable
    values, params = _inputs(frame, best)
    effects = effects_of(params, values)
    seconds = [cast("float | None", value) for value in map(frame.reader(_DURATION), comparable)]
    everything = range(len(frame)) if rows is None else rows
    return Insights(
        best,
        standing(frame, best, store, correction),
        effects,
        drops(params, values, effects, best.direction),
        _disagreement(frame, best, store),
        tuple(frame.run(comparable[index]) for index in long_runs(seconds)),
        plateau(_by_start(frame, comparable, values), best.direction),
        Curves() if store is None else _curves(frame, best, everything, store),
    )


def forest(frame: RunFrame, best: BestRun) -> Forest:
    """The parameters that matter to a random forest fitted to the runs that compete with the best one."""
    values, params = _inputs(frame, best)
    return forest_of(params, values, first_alike(frame, best.comparable))


def _inputs(frame: RunFrame, best: BestRun) -> tuple[list[float], Mapping[str, Sequence[str | None]]]:
    """The metric and the parameters of the comparable runs."""
    params = {
        key.name: [cast("str | None", value) for value in map(frame.reader(key), best.comparable)]
        for key in frame.keys
        if key.kind == "param"
    }
    read = frame.reader(ColumnKey("metric", best.metric))
    return [cast(float, read(row)) for row in best.comparable], params


def _by_start(frame: RunFrame, rows: Sequence[int], values: Sequence[float]) -> list[float]:
    """The values in order of start; runs without a start come first."""
    starts = [cast("int | None", value) or 0 for value in map(frame.reader(_START), rows)]
    return [values[index] for index in sorted(range(len(rows)), key=starts.__getitem__)]


def _curves(frame: RunFrame, best: BestRun, rows: Iterable[int], store: Store) -> Curves:
    """Findings in the histories of the metric and of losses: first of runs whose last value is not finite,
    then of the best runs."""
    names = [key.name for key in frame.keys if key.kind == "metric"]
    watched = list(dict.fromkeys([best.metric, *losses(names)]))[:_WATCHED]
    readers = [frame.reader(ColumnKey("metric", name)) for name in watched]
    sign = -1.0 if best.direction == "higher" else 1.0

    def rank(row: int) -> tuple[bool, bool, float]:
        values = [cast("float | None", read(row)) for read in readers]
        finite = all(value is None or math.isfinite(value) for value in values)
        own = values[0]
        return finite, own is None, 0.0 if own is None or not finite else sign * own

    having = [row for row in rows if any(read(row) is not None for read in readers)]
    return curves_of(store, [frame.run_ids[row] for row in sorted(having, key=rank)], watched)


def _disagreement(frame: RunFrame, best: BestRun, store: Store | None) -> Disagreement | None:
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
    leader = frame.run(leaders[0])
    _, test = versus(store, [best.run, leader], TIE_METRIC)
    return Disagreement(leader, top, own, test)
