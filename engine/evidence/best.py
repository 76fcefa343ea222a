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
from engine.filters.compiler import Filter
from engine.filters.hints import no_match_hint
from engine.filters.parsed import parse_filter
from engine.formats import as_number, count, counted, listed, number
from engine.runs.frame import RunFrame
from engine.runs.metrics import Direction, direction_of
from engine.text import Shown, safe

_STATUS = ColumnKey("attribute", "status")
TIE_METRIC = "cv_mean"
_VALUES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Common:
    """What the best `runs` have in common: parameters with one value among them, unlike among the others;
    and the values of those that `vary` among them. They are the best run and those tied with it (`tied`), or
    else the best tenth."""

    runs: int
    tied: bool
    params: tuple[tuple[str, str], ...]
    varying: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def sentence(self) -> Shown:
        """`The 4 best share metric euclidean, weights uniform; algorithm auto and ball_tree, n_neighbors 5
        and 7 tie.`"""
        shared = ", ".join(f"{name} {value}" for name, value in self.params)
        text = f"The {count(self.runs)} best share {shared}" if shared else f"The {count(self.runs)} best"
        tie = ", ".join(f"{name} {_and(values)}" for name, values in self.varying)
        if tie and self.tied:
            text += f"; {tie} tie" if shared else f" share no parameter; {tie} tie"
        return safe(f"{text}.")


@dataclass(frozen=True, slots=True)
class BestRun:
    """The best run by a metric.

    `tied` are the other runs with the same value; `tie_break` names the rules that ranked the best run
    above them (empty without ties). `rows` are the eligible runs; `left_out` says why others were not, such
    as `1 run without accuracy`, and `apart` which of them cannot be compared with the eligible ones.
    `where` is the constraint that eligible runs meet, empty without one; `failing` are the comparable runs
    that do not. `runner_up` is the next run with another value, None if there is none.
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
    where: str = ""
    failing: tuple[int, ...] = ()
    runner_up: Run | None = None
    common: Common | None = None

    @property
    def considered(self) -> int:
        """The number of eligible runs."""
        return len(self.rows)

    @property
    def margin(self) -> float | None:
        """How far the runner-up is behind, never negative; None without one."""
        return None if self.runner_up is None else abs(self.value - self.runner_up.metrics[self.metric])

    @property
    def sentences(self) -> tuple[Shown, ...]:
        """The constraint, the runner-up and what the best runs have in common, one sentence each."""
        said = []
        if self.where:
            of = counted(len(self.failing) + len(self.rows), "comparable run")
            said.append(safe(f"{count(len(self.failing))} of {of} fail the constraint {self.where}."))
        if self.runner_up is not None and self.margin is not None:
            name = self.runner_up.run_name or self.runner_up.run_id
            value = number(self.runner_up.metrics[self.metric])
            said.append(safe(f"Runner-up: {name} {value}, {number(self.margin)} behind."))
        if self.common is not None:
            said.append(self.common.sentence)
        return tuple(said)

    @property
    def comparable(self) -> tuple[int, ...]:
        """The eligible runs and those that only fail the constraint."""
        return tuple(sorted((*self.rows, *self.failing))) if self.failing else self.rows


def best_run(
    frame: RunFrame,
    metric: str,
    direction: Direction | None = None,
    rows: Sequence[int] | None = None,
    *,
    where: Filter | None = None,
    tie_metric: str = TIE_METRIC,
    any_kind: bool = False,
) -> BestRun:
    """The best finished run in `rows`, or in the whole frame, with a finite value of `metric` (the prefix
    `metrics.` is optional) that meets the constraint `where`. Runs that cannot be compared with most others
    (`engine.evidence.alike`) compete only with `any_kind`. Ties go to the better `tie_metric` if all tied
    runs have it, then to the earliest start, then to the run id. Raises `NotFound` if no run is eligible."""
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
    rows, failing = _constrained(frame, rows, where)
    direction = direction or direction_of(metric) or "higher"
    better = max if direction == "higher" else min
    top = better(cast(float, values[row]) for row in rows)
    tied = [frame.run(row) for row in rows if values[row] == top]
    ordered, tie_break = _ranked(tied, _metric_name(frame, tie_metric))
    others = [row for row in rows if values[row] != top]
    second = better(others, key=lambda row: cast(float, values[row]), default=None)
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
        where=where.text.strip() if where else "",
        failing=tuple(failing),
        runner_up=None if second is None else frame.run(second),
        common=_common(frame, rows, values, direction, len(ordered)),
    )


def _constrained(frame: RunFrame, rows: Sequence[int], where: Filter | None) -> tuple[list[int], list[int]]:
    """The rows that meet a constraint and those that do not. Raises `NotFound` if none does."""
    if where is None:
        return list(rows), []
    meeting = set(where.rows(frame))
    kept = [row for row in rows if row in meeting]
    if not kept:
        what = f"{counted(len(rows), 'comparable run')}: none meets {where.text.strip()}"
        hint = no_match_hint(parse_filter(where.text), frame) or "Relax the constraint."
        raise NotFound("No run meets the constraint", what, hint)
    return kept, [row for row in rows if row not in meeting]


def _common(
    frame: RunFrame,
    rows: Sequence[int],
    values: Sequence[float | None],
    direction: Direction,
    tied: int,
) -> Common | None:
    """None with fewer than two best runs, or if they are more than half of all."""
    sign = -1.0 if direction == "higher" else 1.0
    ordered = sorted(rows, key=lambda row: sign * cast(float, values[row]))
    size = tied if tied > 1 else len(rows) // 10
    while 1 < size < len(rows) and values[ordered[size - 1]] == values[ordered[size]]:
        size += 1
    if not 2 <= size <= len(rows) // 2:
        return None
    shared, varying = [], []
    for key in frame.keys:
        if key.kind != "param":
            continue
        read = frame.reader(key)
        best = list(dict.fromkeys(str(read(row)) for row in ordered[:size] if read(row) is not None))
        if len(best) == 1 and all(read(row) is not None for row in ordered[:size]):
            if any(str(read(row)) != best[0] for row in ordered[size:]):
                shared.append((key.name, best[0]))
        elif 1 < len(best) <= _VALUES_SHOWN:
            varying.append((key.name, tuple(sorted(best, key=_by_number))))
    if not shared and not (tied > 1 and varying):
        return None
    return Common(size, tied > 1, tuple(shared), tuple(varying) if tied > 1 else ())


def _by_number(text: str) -> tuple[float, str]:
    value = as_number(text)
    return (math.inf if value is None or math.isnan(value) else value), text


def _and(values: Sequence[str]) -> str:
    *others, last = values
    return f"{', '.join(others)} and {last}" if others else last


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


def _ranked(tied: Sequence[Run], tie_metric: str) -> tuple[list[Run], str]:
    """The tied runs, best first, and the rules that decided."""
    scores = [run.metrics.get(tie_metric, math.nan) for run in tied]
    scored = all(math.isfinite(score) for score in scores)
    lower = direction_of(tie_metric) == "lower"

    def rank(run: Run) -> tuple[float, float, str]:
        start = math.inf if run.start_time is None else run.start_time
        score = run.metrics[tie_metric] if scored else 0.0
        return score if lower else -score, start, run.run_id

    ordered = sorted(tied, key=rank)
    if len(ordered) == 1:
        return ordered, ""
    first, *others = map(rank, ordered)
    rules = [f"{'lower' if lower else 'higher'} {tie_metric}", "earliest start", "run id"]
    decisive = {next((at for at in range(3) if first[at] != other[at]), 2) for other in others}
    return ordered, ", then ".join(rules[at] for at in sorted(decisive))


def _available_metrics(frame: RunFrame) -> str:
    names = [key.name for key in frame.keys if key.kind == "metric"]
    if not names:
        return "No run has metrics"
    return f"Metrics: {listed(names, 12)}"
