"""Finds the best of a set of runs and explains the choice."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from engine.columns import PREFIXES, ColumnKey
from engine.entities import Run
from engine.errors import NotFound
from engine.evidence.alike import SetApart, alike
from engine.formats import counted, listed
from engine.runs.frame import RunFrame
from engine.runs.metrics import Direction, direction_of

_STATUS = ColumnKey("attribute", "status")
TIE_METRIC = "cv_mean"


@dataclass(frozen=True, slots=True)
class BestRun:
    """The best run by a metric.

    `tied` are the other runs with the same value; `tie_break` names the rules that ranked the best run
    above them (empty without ties). `rows` are the eligible runs; `left_out` says why others were not, such
    as `1 run without accuracy`, and `apart` which of them cannot be compared with the eligible ones.
    """

    run: Run
    metric: str
    direction: Direction
    value: float
    tied: tuple[Run, ...]
    tie_break: str
    rows: tuple[int, ...]
    left_out: tuple[str, ...]
    apart: tuple[SetApart, ...] = ()

    @property
    def considered(self) -> int:
        """The number of eligible runs."""
        return len(self.rows)


def best_run(
    frame: RunFrame,
    metric: str,
    direction: Direction | None = None,
    rows: Sequence[int] | None = None,
    *,
    any_kind: bool = False,
) -> BestRun:
    """The best finished run in `rows`, or in the whole frame, with a finite value of `metric` (the prefix
    `metrics.` is optional). Runs that cannot be compared with most others (`engine.evidence.alike`) compete
    only with `any_kind`. Ties go to the higher cv_mean if all tied runs have it, then to the earliest start,
    then to the run id. Raises `NotFound` if no run is eligible."""
    metric = _metric_name(frame, metric)
    key = ColumnKey("metric", metric)
    if key not in frame:
        available = _available_metrics(frame)
        hint = "Use one of these." if ":" in available else "Use an experiment whose runs have metrics."
        raise NotFound(f"No run has the metric {metric}", available, hint)
    values = cast("Sequence[float | None]", frame.scan(key))
    rows, left_out = _eligible_rows(frame, metric, values, range(len(frame)) if rows is None else rows)
    if not rows:
        raise NotFound(
            f"No finished run has a finite value of {metric}",
            "; ".join(left_out) or "No runs",
            _available_metrics(frame),
        )
    rows, apart = (rows, ()) if any_kind else alike(frame, metric, rows)
    direction = direction or direction_of(metric) or "higher"
    top = (max if direction == "higher" else min)(cast(float, values[row]) for row in rows)
    tied = [frame.run(row) for row in rows if values[row] == top]
    ordered, tie_break = _ranked(tied)
    return BestRun(
        run=ordered[0],
        metric=metric,
        direction=direction,
        value=top,
        tied=tuple(ordered[1:]),
        tie_break=tie_break,
        rows=tuple(rows),
        left_out=left_out,
        apart=apart,
    )


def _metric_name(frame: RunFrame, metric: str) -> str:
    """`metric` without its filter prefix, unless a metric's own name starts with that prefix."""
    prefix, _, name = metric.partition(".")
    prefixed = name and PREFIXES.get(prefix.lower()) == "metric"
    return name if prefixed and ColumnKey("metric", metric) not in frame else metric


def _eligible_rows(
    frame: RunFrame, metric: str, values: Sequence[float | None], candidates: Sequence[int]
) -> tuple[list[int], tuple[str, ...]]:
    """The rows of the eligible runs, and how many others were left out, by reason."""
    rows: list[int] = []
    reasons: Counter[tuple[str, str]] = Counter()
    statuses = frame.column(_STATUS)
    for row in candidates:
        status, value = statuses[row], values[row]
        if status != "FINISHED":
            reasons[f"{str(status).lower()} run", ""] += 1
        elif value is None:
            reasons["run", f" without {metric}"] += 1
        elif not math.isfinite(value):
            reasons["run", f" with NaN or infinite {metric}"] += 1
        else:
            rows.append(row)
    return rows, tuple(f"{counted(total, noun)}{why}" for (noun, why), total in reasons.items())


def _ranked(tied: Sequence[Run]) -> tuple[list[Run], str]:
    """The tied runs, best first, and the rules that decided."""
    scores = [run.metrics.get(TIE_METRIC, math.nan) for run in tied]
    scored = all(math.isfinite(score) for score in scores)

    def rank(run: Run) -> tuple[float, float, str]:
        start = math.inf if run.start_time is None else run.start_time
        return -run.metrics[TIE_METRIC] if scored else 0.0, start, run.run_id

    ordered = sorted(tied, key=rank)
    if len(ordered) == 1:
        return ordered, ""
    first, *others = map(rank, ordered)
    rules = [f"higher {TIE_METRIC}", "earliest start", "run id"]
    decisive = {next((at for at in range(3) if first[at] != other[at]), 2) for other in others}
    return ordered, ", then ".join(rules[at] for at in sorted(decisive))


def _available_metrics(frame: RunFrame) -> str:
    names = [key.name for key in frame.keys if key.kind == "metric"]
    if not names:
        return "No run has metrics"
    return f"Metrics: {listed(names, 12)}"
