"""What a set of runs says: which one is best, and on what grounds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from engine.columns import PREFIXES, ColumnKey
from engine.entities import Run
from engine.errors import NotFound
from engine.formats import listed
from engine.runs.frame import RunFrame
from engine.runs.metrics import Direction, direction_of

_STATUS = ColumnKey("attribute", "status")
TIE_METRIC = "cv_mean"


@dataclass(frozen=True, slots=True)
class BestRun:
    """The best run by a metric.

    `tied` are the other runs with the same value; `tie_break` says by what rules the best
    was told from all of them (nothing where there are none). `considered` runs competed; `left_out`
    says why others did not, such as `1 run without accuracy`.
    """

    run: Run
    metric: str
    direction: Direction
    value: float
    tied: tuple[Run, ...]
    tie_break: str
    considered: int
    left_out: tuple[str, ...]


def best_run(
    frame: RunFrame, metric: str, direction: Direction | None = None, rows: Sequence[int] | None = None
) -> BestRun:
    """Of `rows`, or of all runs, the best finished one with a finite value of a metric, which may be
    written `metrics.accuracy`. Ties: the higher cv_mean where all tied runs have it, then the earliest
    start, then the run id. Raises `NotFound` where no run competes."""
    metric = _named(frame, metric)
    key = ColumnKey("metric", metric)
    if key not in frame:
        there = _metrics_there(frame)
        hint = "Name one of these." if ":" in there else "Name an experiment whose runs have logged metrics."
        raise NotFound(f"No run has the metric {metric}", there, hint)
    values = cast("Sequence[float | None]", frame.scan(key))
    rows, left_out = _competing(frame, metric, values, range(len(frame)) if rows is None else rows)
    if not rows:
        raise NotFound(
            f"No finished run has a value of {metric} to compare",
            "; ".join(left_out) or "There are no runs",
            _metrics_there(frame),
        )
    towards = direction or direction_of(metric)
    top = (max if towards == "higher" else min)(cast(float, values[row]) for row in rows)
    tied = [frame.run(row) for row in rows if values[row] == top]
    ordered, tie_break = _ordered(tied)
    return BestRun(
        run=ordered[0],
        metric=metric,
        direction=towards,
        value=top,
        tied=tuple(ordered[1:]),
        tie_break=tie_break,
        considered=len(rows),
        left_out=left_out,
    )


def _named(frame: RunFrame, metric: str) -> str:
    """The name of a metric that may be written with its prefix, as in a filter. A metric whose own name
    begins so is meant first."""
    prefix, _, name = metric.partition(".")
    prefixed = name and PREFIXES.get(prefix.lower()) == "metric"
    return name if prefixed and ColumnKey("metric", metric) not in frame else metric


def _competing(
    frame: RunFrame, metric: str, values: Sequence[float | None], candidates: Sequence[int]
) -> tuple[list[int], tuple[str, ...]]:
    """The rows of the runs that compete, and how many others there are, by reason."""
    rows: list[int] = []
    reasons: Counter[str] = Counter()
    statuses = frame.column(_STATUS)
    for row in candidates:
        status, value = statuses[row], values[row]
        if status != "FINISHED":
            reasons[f"that {'is' if status in ('RUNNING', 'SCHEDULED') else 'has'} {_told(str(status))}"] += 1
        elif value is None:
            reasons[f"without {metric}"] += 1
        elif not math.isfinite(value):
            reasons[f"with {metric} NaN or infinite"] += 1
        else:
            rows.append(row)
    told = (f"{count} run{'s' if count > 1 else ''} {_plural(why, count)}" for why, count in reasons.items())
    return rows, tuple(told)


def _told(status: str) -> str:
    return {"FAILED": "failed", "KILLED": "been killed"}.get(status, status.lower())


def _plural(why: str, count: int) -> str:
    return why.replace("that is", "that are").replace("that has", "that have") if count > 1 else why


def _ordered(tied: Sequence[Run]) -> tuple[list[Run], str]:
    """The tied runs, the winner first, and what decided."""
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


def _metrics_there(frame: RunFrame) -> str:
    names = [key.name for key in frame.keys if key.kind == "metric"]
    if not names:
        return "No run has metrics"
    return f"Metrics: {listed(names, 12)}"
