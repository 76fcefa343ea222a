"""The trials of a sweep, best first, as they finish."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from engine import formats
from engine.api import direction_of, key_metrics
from engine.columns import Value
from engine.text import Shown, cell_width, safe
from tui.widgets.table.source import CellStyle, FirstWord, TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from engine.api import Sheet, SweepEvent, TrialFailed, TrialFinished

MAX_METRICS = 4
MAX_WIDTH = 24
"""The most cells of a column."""


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
        """One row per trial, best first: the metric that ranks them, the parameters, other metrics."""
        ranked = self.ranked()
        params = list(dict.fromkeys(name for params in self._params() for name in params))
        metrics = key_metrics({name for t in ranked for name in t.metrics}, MAX_METRICS)
        first = [name for name in metrics if name == self.metric]
        others = [name for name in metrics if name != self.metric]
        names = [f"metrics.{name}" for name in first]
        names += [f"params.{name}" for name in params] + [f"metrics.{name}" for name in others]
        fmts = {name: formats.format_for(t.metrics.get(name) for t in ranked) for name in metrics}
        rows = []
        for trial in ranked:
            values = {f"metrics.{name}": fmt(trial.metrics.get(name)) for name, fmt in fmts.items()}
            values |= _param_texts(trial.params, params)
            styles: dict[int, CellStyle | FirstWord] = {
                names.index(f"metrics.{name}") + 1: "bad"
                for name in metrics
                if not formats.is_finite(trial.metrics.get(name))
            }
            cells = [_number(trial), *(values[name] for name in names), formats.duration(trial.seconds)]
            rows.append(TextRow(trial.run_id, cells, styles))
        for failed in self._failed:
            values = {f"metrics.{name}": safe(failed.message) for name in first}
            values |= _param_texts(failed.params, params)
            cells = [_number(failed), *(values.get(name, Shown("")) for name in names), Shown("failed")]
            rows.append(TextRow(failed.run_id, cells, {0: "bad", len(cells) - 1: "bad"}))
        return TextSource(_columns(names, rows), rows)

    def sheet(self) -> Sheet:
        """All trials with their parameters and metrics, best first, then those that failed."""
        from engine.api import records_sheet

        records: list[Mapping[str, Value]] = []
        for rank, trial in enumerate(self.ranked(), 1):
            records.append(
                {
                    "rank": rank,
                    "trial": trial.index + 1,
                    "run_id": trial.run_id,
                    "seconds": trial.seconds,
                    **{f"params.{name}": str(value) for name, value in trial.params.items()},
                    **{f"metrics.{name}": value for name, value in trial.metrics.items()},
                }
            )
        for failed in self._failed:
            params = {f"params.{name}": str(value) for name, value in failed.params.items()}
            records.append(
                {"trial": failed.index + 1, "run_id": failed.run_id, **params, "error": failed.message}
            )
        return records_sheet("trial", records, {"rank": "any", "trial": "any", "run_id": "text"})


def _number(trial: TrialFinished | TrialFailed) -> Shown:
    """The number of a trial: its position in the grid, from 1."""
    return formats.count(trial.index + 1)


def _param_texts(values: Mapping[str, object], names: Iterable[str]) -> dict[str, Shown]:
    return {f"params.{name}": safe(values.get(name, formats.MISSING)) for name in names}


def _columns(names: Sequence[str], rows: Sequence[TextRow]) -> list[TableColumn]:
    def column(key: str, label: Shown, at: int, *, numeric: bool) -> TableColumn:
        width = max([cell_width(label), *(cell_width(row.cells[at]) for row in rows)])
        return TableColumn(key, label, min(MAX_WIDTH, width), numeric=numeric)

    columns = [column("trial", Shown("trial"), 0, numeric=True)]
    for at, name in enumerate(names, 1):
        kind, _, label = name.partition(".")
        columns.append(column(name, safe(label), at, numeric=kind == "metrics" or _numeric(rows, at)))
    return [*columns, column("duration", Shown("took"), len(names) + 1, numeric=True)]


def _numeric(rows: Sequence[TextRow], at: int) -> bool:
    return all(formats.as_number(row.cells[at]) is not None for row in rows)
