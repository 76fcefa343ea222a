"""The trials of a sweep, best first, as they finish."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine import formats
from engine.api import direction_of, key_metrics
from engine.text import Shown, safe
from tui.widgets.table.source import TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from engine.api import SweepEvent, TrialFailed, TrialFinished

MAX_METRICS = 4


class Leaderboard:
    """Collects the events of a sweep for the trial table and the best-so-far curve."""

    def __init__(self) -> None:
        self.total = 0
        self.metric = ""
        self._finished: list[TrialFinished] = []
        self._failed: list[TrialFailed] = []

    @property
    def done(self) -> int:
        return len(self._finished) + len(self._failed)

    @property
    def failed(self) -> int:
        return len(self._failed)

    def add(self, event: SweepEvent) -> bool:
        """Record an event; return whether the leaderboard changed."""
        from engine.api import SweepStarted, TrialFailed, TrialFinished

        if isinstance(event, SweepStarted):
            self.total = event.total
        elif isinstance(event, TrialFinished):
            self._finished.append(event)
            self.metric = self.metric or next(iter(key_metrics(event.metrics, 1)), "")
        elif isinstance(event, TrialFailed):
            self._failed.append(event)
        else:
            return False
        return True

    def ranked(self) -> list[TrialFinished]:
        """Finished trials, best first; ties in the order of completion."""
        sign = -1.0 if direction_of(self.metric) != "lower" else 1.0

        def rank(trial: TrialFinished) -> tuple[bool, float]:
            value = trial.metrics.get(self.metric, math.nan)
            return (value != value, sign * value if value == value else 0.0)

        return sorted(self._finished, key=rank)

    def best_so_far(self) -> list[tuple[float, float]]:
        """(trial number, best value so far) of each trial; values that are not finite are ignored."""
        higher = direction_of(self.metric) != "lower"
        points: list[tuple[float, float]] = []
        best = math.nan
        for number, trial in enumerate(self._finished, 1):
            value = trial.metrics.get(self.metric, math.nan)
            if math.isfinite(value) and (best != best or (value > best if higher else value < best)):
                best = value
            if best == best:
                points.append((float(number), best))
        return points

    def _params(self) -> list[Mapping[str, object]]:
        return [*(t.params for t in self._finished), *(t.params for t in self._failed)]

    def source(self) -> TextSource:
        ranked = self.ranked()
        params = list(dict.fromkeys(name for params in self._params() for name in params))
        metrics = key_metrics({name for t in ranked for name in t.metrics}, MAX_METRICS)
        fmts = [formats.format_for(t.metrics.get(name) for t in ranked) for name in metrics]
        rows = [
            TextRow(
                trial.run_id,
                [
                    Shown(str(rank)),
                    *(safe(trial.params.get(name, formats.MISSING)) for name in params),
                    *(fmt(trial.metrics.get(name)) for name, fmt in zip(metrics, fmts, strict=True)),
                    formats.duration(trial.seconds),
                ],
                {
                    len(params) + at: "bad"
                    for at, name in enumerate(metrics, 1)
                    if not formats.is_finite(trial.metrics.get(name))
                },
            )
            for rank, trial in enumerate(ranked, 1)
        ]
        rows += [
            TextRow(
                trial.run_id,
                [
                    Shown("✗"),
                    *(safe(trial.params.get(name, formats.MISSING)) for name in params),
                    *([safe(trial.message)] if metrics else []),
                    *([Shown("")] * (len(metrics) - 1)),
                    Shown("failed"),
                ],
                {0: "bad", len(params) + len(metrics) + 1: "bad"},
            )
            for trial in self._failed
        ]
        return TextSource(_columns(params, metrics, rows), rows)


def _columns(params: list[str], metrics: tuple[str, ...], rows: list[TextRow]) -> list[TableColumn]:
    def width(label: Shown, at: int) -> int:
        return min(24, max([len(label), *(len(row.cells[at]) for row in rows)]))

    labels = [(Shown("#"), "#", True)]
    labels += [(safe(name), f"params.{name}", _numeric(rows, at)) for at, name in enumerate(params, 1)]
    labels += [(safe(name), f"metrics.{name}", True) for name in metrics]
    labels.append((Shown("took"), "duration", True))
    return [
        TableColumn(key, label, width(label, at), numeric=numeric)
        for at, (label, key, numeric) in enumerate(labels)
    ]


def _numeric(rows: list[TextRow], at: int) -> bool:
    return all(formats.as_number(row.cells[at]) is not None for row in rows)
