"""Runs side by side."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.columns import ColumnKey, Value
from engine.entities import Run

Direction = Literal["higher", "lower"]

ATTRIBUTES = ("status", "start_time", "duration", "user_id")

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LOWER = frozenset(
    (
        *("loss", "losses", "error", "errors", "err", "mse", "rmse", "mae", "mape", "smape", "msle", "rmsle"),
        *("nll", "bce", "perplexity", "ppl", "brier", "ece", "kl", "divergence", "entropy", "deviance"),
        *("wer", "cer", "fid", "fpr", "fnr", "fdr", "false", "mistakes", "misses", "regret", "toxicity"),
        *("time", "seconds", "duration", "latency", "runtime", "elapsed", "delay", "cost", "memory"),
        *("std", "var", "variance", "stderr", "bpc", "aic", "bic", "failures", "hallucination"),
    )
)
_HIGHER = frozenset(("neg", "negated", "per", "throughput", "speedup", "lossless"))


@dataclass(frozen=True, slots=True)
class CompareRow:
    """One column of the runs: a value for each run, None where a run has none. `best` holds the
    places of the best runs; it is empty where nothing is better than anything."""

    key: ColumnKey
    values: tuple[Value, ...]
    differs: bool
    direction: Direction | None
    best: frozenset[int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Attributes, then parameters, then metrics, each by name."""

    runs: tuple[Run, ...]
    rows: tuple[CompareRow, ...]


def direction_of(metric: str) -> Direction:
    """Which way a metric gets better, guessed by its name: losses, errors, times and false
    counts are better lower, everything else higher (`neg_mean_squared_error`, `rows_per_second` too)."""
    words = {word.lower() for word in _WORD.findall(metric)}
    return "lower" if words & _LOWER and not words & _HIGHER else "higher"


def compare(runs: Sequence[Run], *, directions: Mapping[str, Direction] | None = None) -> Comparison:
    """The runs side by side. `directions` overrides `direction_of`, by metric."""
    chosen = directions or {}
    rows = [
        _row(ColumnKey("attribute", name), [_attribute(run, name) for run in runs]) for name in ATTRIBUTES
    ]
    for name in sorted({name for run in runs for name in run.params}):
        rows.append(_row(ColumnKey("param", name), [run.params.get(name) for run in runs]))
    for name in sorted({name for run in runs for name in run.metrics}):
        direction = chosen.get(name) or direction_of(name)
        rows.append(_row(ColumnKey("metric", name), [run.metrics.get(name) for run in runs], direction))
    return Comparison(tuple(runs), tuple(rows))


def _attribute(run: Run, name: str) -> Value:
    value: Value = getattr(run, name)
    return None if value == "" else value


def _row(key: ColumnKey, values: Sequence[Value], direction: Direction | None = None) -> CompareRow:
    differs = any(not _same(values[0], value) for value in values)
    best = _best(values, direction) if direction and differs else frozenset()
    return CompareRow(key, tuple(values), differs, direction, best)


def _same(one: Value, other: Value) -> bool:
    return one == other or (one is not None and other is not None and one != one and other != other)


def _best(values: Sequence[Value], direction: Direction) -> frozenset[int]:
    """The places of the best finite values, if the runs that have a value at all do not agree."""
    numbers = {place: value for place, value in enumerate(values) if isinstance(value, (int, float))}
    finite = {place: value for place, value in numbers.items() if math.isfinite(value)}
    if not finite or (len(finite) == len(numbers) and len(set(finite.values())) == 1):
        return frozenset()
    best = max(finite.values()) if direction == "higher" else min(finite.values())
    return frozenset(place for place, value in finite.items() if value == best)
