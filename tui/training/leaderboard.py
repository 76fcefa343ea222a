"""The trials of a sweep, best first, as they finish."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from engine import formats
from engine.api import BASELINE, key_metrics
from engine.columns import Value
from engine.text import Shown, cell_width, safe
from tui.training.throughput import Throughput
from tui.widgets.plot.series import Series
from tui.widgets.table.source import CellStyle, FirstWord, TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from engine.api import Sheet, SweepEvent, SweepStarted, TrialFailed, TrialFinished

MAX_METRICS = 3
MAX_WIDTH = 24
PARAMETERS_WIDTH = 44
"""The most cells of a column."""
OWN_METRICS = ("accuracy", "r2_score", "")
"""The metrics that `cv_mean` and `cv_std` are of."""


class Leaderboard:
    """Collects the events of a sweep for the trial table and the chart."""

    def __init__(self) -> None:
        self.started: SweepStarted | None = None
        self.paused = False
        self.throughput = Throughput()
        self._finished: list[TrialFinished] = []
        self._failed: list[TrialFailed] = []

    @property
    def total(self) -> int:
        """The number of trials; 0 while it is unknown."""
        return (self.started.total or 0) if self.started else 0

    @property
    def metric(self) -> str:
        """The metric that ranks the trials."""
        return self.started.metric if self.started else ""

    @property
    def resumed(self) -> int:
        """Trials that an earlier process finished."""
        return self.started.finished if self.started else 0

    @property
    def done(self) -> int:
        return len(self._finished) + len(self._failed)

    @property
    def failed(self) -> int:
        return len(self._failed)

    @property
    def trials(self) -> int:
        """How many rows the table has."""
        return len(self._finished) + len(self._failed)

    def add(self, event: SweepEvent) -> bool:
        """Record an event; return whether the leaderboard changed."""
        from engine.api import SweepPaused, SweepStarted, TrialFailed, TrialFinished

        if isinstance(event, SweepStarted):
            self.started, self.throughput = event, Throughput()
        elif isinstance(event, TrialFinished):
            self._finished.append(event)
            if not event.earlier:
                self.throughput.add()
        elif isinstance(event, TrialFailed):
            self._failed.append(event)
            self.throughput.add()
        elif isinstance(event, SweepPaused):
            self.paused = event.paused
            self.throughput.pause(event.paused)
        else:
            return False
        return True

    # ── ranking ──────────────────────────────────────────────────────────────

    def ranked(self) -> list[TrialFinished]:
        """Finished trials, best first; ties in the order of completion, trials without a score last."""
        sign = 1.0 if self.started is not None and self.started.lower else -1.0

        def rank(trial: TrialFinished) -> tuple[bool, float]:
            score = _score(trial)
            return score is None, 0.0 if score is None else sign * score

        return sorted(self._finished, key=rank)

    @property
    def best(self) -> TrialFinished | None:
        """The best trial but for the baseline."""
        return next((t for t in self.ranked() if t.estimator != BASELINE and _score(t) is not None), None)

    @property
    def baseline(self) -> TrialFinished | None:
        return next((t for t in self._finished if t.estimator == BASELINE), None)

    def curves(self) -> list[Series]:
        """By the number of finished trials: the best score so far, the score of each trial, and that of the
        baseline unless it would squeeze the others together. Scores that are not finite are left out."""
        lower = self.started is not None and self.started.lower
        best: list[tuple[float, float]] = []
        each: list[tuple[float, float]] = []
        for number, trial in enumerate(self._finished, 1):
            score = _score(trial)
            if score is None or trial.estimator == BASELINE:
                continue
            each.append((float(number), score))
            last = best[-1][1] if best else score
            best.append((float(number), min(last, score) if lower else max(last, score)))
        if not best:
            return []
        series = [Series.of("best so far", best, "step"), Series.of("trial", each, "scatter")]
        base = None if self.baseline is None else _score(self.baseline)
        if base is not None and _is_near(base, [score for _, score in each]):
            series.append(Series.of("baseline", [(best[0][0], base), (best[-1][0], base)]))
        return series

    # ── the table ────────────────────────────────────────────────────────────

    def source(self) -> TextSource:
        """One row per trial, best first: estimator, score, parameters, metrics on the test part, duration."""
        ranked = self.ranked()
        layout = _Layout(ranked, self._failed, self.metric)
        rows = [layout.finished_row(trial) for trial in ranked]
        rows += [layout.failed_row(trial) for trial in self._failed]
        return TextSource(layout.columns(rows), rows)

    def sheet(self) -> Sheet:
        """All trials with their parameters and metrics, best first, then those that failed."""
        from engine.api import records_sheet

        records: list[Mapping[str, Value]] = []
        for rank, trial in enumerate(self.ranked(), 1):
            records.append(
                {
                    "rank": rank,
                    **_identity(trial),
                    "score": trial.score,
                    "seconds": trial.seconds,
                    **{f"params.{name}": str(value) for name, value in trial.params.items()},
                    **{f"metrics.{name}": value for name, value in trial.metrics.items()},
                }
            )
        for failed in self._failed:
            params = {f"params.{name}": str(value) for name, value in failed.params.items()}
            records.append({**_identity(failed), **params, "error": failed.message})
        return records_sheet(
            "trial", records, {"rank": "any", "trial": "any", "run_id": "text", "name": "text"}
        )


class _Layout:
    """Which columns the table has, and the cells of a row."""

    def __init__(self, finished: Sequence[TrialFinished], failed: Sequence[TrialFailed], metric: str) -> None:
        every: list[TrialFinished | TrialFailed] = [*finished, *failed]
        self._metric = metric
        self._single = len({trial.estimator for trial in every} - {BASELINE}) <= 1
        """Whether the parameters have a column each."""
        own = [trial for trial in every if trial.estimator != BASELINE]
        self._params = list(dict.fromkeys(name for trial in own for name in _own_params(trial.params)))
        names = {name for trial in finished for name in trial.metrics if not _is_cross_validated(name)}
        self._metrics = list(key_metrics(names, MAX_METRICS))
        scores = [_score(trial) for trial in finished]
        self._score_format = formats.format_for(scores)
        self._formats = {
            name: formats.format_for(trial.metrics.get(name) for trial in finished) for name in self._metrics
        }

    def columns(self, rows: Sequence[TextRow]) -> list[TableColumn]:
        heads = [("trial", "trial", True), ("estimator", "estimator", False)]
        heads.append(("score", f"cv {self._metric}" if self._metric else "score", True))
        if self._single:
            heads += [(f"params.{name}", name, False) for name in self._params]
        else:
            heads.append(("params", "parameters", False))
        heads += [(f"metrics.{name}", f"test {name}", True) for name in self._metrics]
        heads.append(("duration", "took", True))
        return [
            _column(key, safe(label), at, rows, numeric) for at, (key, label, numeric) in enumerate(heads)
        ]

    def finished_row(self, trial: TrialFinished) -> TextRow:
        metrics = [self._formats[name](trial.metrics.get(name)) for name in self._metrics]
        cells = self._cells(trial, self._score_text(trial), metrics, formats.duration(trial.seconds))
        styles: dict[int, CellStyle | FirstWord] = {}
        first = len(cells) - 1 - len(self._metrics)
        for at, name in enumerate(self._metrics):
            if name in trial.metrics and not formats.is_finite(trial.metrics[name]):
                styles[first + at] = "bad"
        if _score(trial) is None:
            styles[2] = "bad"
        if trial.estimator == BASELINE:
            styles = {**dict.fromkeys(range(len(cells)), "muted"), **styles}
        return TextRow(trial.run_id, cells, styles)

    def failed_row(self, trial: TrialFailed) -> TextRow:
        metrics = [Shown("")] * len(self._metrics)
        cells = self._cells(trial, safe(trial.message), metrics, Shown("failed"))
        return TextRow(trial.run_id, cells, {0: "bad", 2: "bad", len(cells) - 1: "bad"})

    def _cells(
        self, trial: TrialFinished | TrialFailed, score: Shown, metrics: Sequence[Shown], took: Shown
    ) -> list[Shown]:
        cells = [formats.count(trial.index + 1), estimator_name(trial.estimator), score]
        if self._single:
            cells += [_parameter(trial, name) for name in self._params]
        else:
            cells.append(Shown("") if trial.estimator == BASELINE else parameters_text(trial.params))
        return [*cells, *metrics, took]

    def _score_text(self, trial: TrialFinished) -> Shown:
        score, spread = _score(trial), fold_spread(trial, self._metric)
        text = self._score_format(trial.score)
        return Shown(f"{text} ± {spread:.3f}") if spread is not None and score is not None else text


def estimator_name(estimator: str) -> Shown:
    """The key of an estimator, or the class of a dotted name."""
    return Shown("baseline") if estimator == BASELINE else safe(estimator.rpartition(".")[2])


def parameters_text(params: Mapping[str, object]) -> Shown:
    """`n_neighbors 7 · weights uniform`."""
    parts = [f"{name} {value}" for name, value in _own_params(params).items()]
    return safe(" · ".join(parts) or formats.MISSING)


def _own_params(params: Mapping[str, object]) -> dict[str, object]:
    """Without the name of the estimator, which has a column of its own."""
    return {name: value for name, value in params.items() if name != "estimator"}


def fold_spread(trial: TrialFinished, metric: str) -> float | None:
    """The standard deviation of the score over the folds, None if it is not known."""
    spread = trial.metrics.get("cv_std" if metric in OWN_METRICS else f"{metric}_cv_std")
    return spread if spread is not None and math.isfinite(spread) else None


def _score(trial: TrialFinished) -> float | None:
    """The score if it is finite."""
    return trial.score if trial.score is not None and math.isfinite(trial.score) else None


def _is_near(base: float, scores: Sequence[float]) -> bool:
    """Whether `base` is no further from the scores than they are from each other."""
    low, high = min(scores), max(scores)
    return max(low - base, base - high) <= high - low


def _is_cross_validated(metric: str) -> bool:
    return metric.endswith(("cv_mean", "cv_std", "cv_score", "cv_train_mean"))


def _identity(trial: TrialFinished | TrialFailed) -> dict[str, Value]:
    return {
        "trial": trial.index + 1,
        "run_id": trial.run_id,
        "name": trial.name,
        "estimator": trial.estimator,
    }


def _parameter(trial: TrialFinished | TrialFailed, name: str) -> Shown:
    return safe(trial.params.get(name, "" if trial.estimator == BASELINE else formats.MISSING))


def _column(key: str, label: Shown, at: int, rows: Sequence[TextRow], numeric: bool) -> TableColumn:
    cells = [row.cells[at] for row in rows]
    most = PARAMETERS_WIDTH if key == "params" else MAX_WIDTH
    width = max([cell_width(label), *(min(most, cell_width(cell)) for cell in cells)])
    if not numeric and key.startswith("params."):
        numeric = _all_numbers(cells)
    return TableColumn(key, label, min(most, width), numeric=numeric)


def _all_numbers(cells: Iterable[Shown]) -> bool:
    return all(formats.as_number(cell) is not None for cell in cells if cell)
