"""What a run's metric was measured on: counted rows, predictions for each of them, folds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from engine.columns import ColumnKey, Value
from engine.entities import SPLIT_TAG, Run
from engine.evidence.best import TIE_METRIC
from engine.evidence.predictions import PredictionFiles
from engine.evidence.rates import ACCURACIES, needed_for, rate_of
from engine.evidence.statistics import Rate
from engine.runs.frame import RunFrame
from engine.runs.metrics import FOLD_METRIC
from engine.stores.base import Store

MAX_PREDICTION_FILES = 2000
MAX_HISTORIES = 500
MAX_FOLDS = 100
_RECALL = re.compile(r"class_(?P<label>.+)_recall")
_ROUNDED = 5e-5


@dataclass(frozen=True, slots=True)
class Measured:
    """One run's value of a metric. `rate` is the value as a number of rows, None if that is unknown; `split`
    is its `SPLIT_TAG`, `data` the digests of its datasets, `cv_mean` NaN without one."""

    run_id: str
    value: float
    rate: Rate | None
    artifact_uri: str = ""
    split: str = ""
    data: tuple[str, ...] = ()
    cv_mean: float = math.nan
    has_folds: bool = False


@dataclass(frozen=True, slots=True)
class Tested:
    """The rows that a metric counts, as (row, label) of the test part, and which of them a model got right:
    both as bits. Two models can be compared if `part` and `counted` are the same."""

    part: object
    counted: int
    right: int


def measured_run(run: Run, metric: str) -> Measured | None:
    """What is known of a run's metric; None if it has no finite value."""
    value = run.metrics.get(metric, math.nan)
    if not math.isfinite(value):
        return None
    return Measured(
        run.run_id,
        value,
        rate_of(run.metrics, metric),
        run.artifact_uri,
        run.tags.get(SPLIT_TAG, ""),
        tuple(sorted(data.digest for data in run.datasets)),
        run.metrics.get(TIE_METRIC, math.nan),
        FOLD_METRIC in run.metrics,
    )


def measured_rows(frame: RunFrame, metric: str, rows: Iterable[int]) -> list[Measured]:
    """The same for rows of a frame, each of which has a finite value."""
    names = needed_for(metric, (key.name for key in frame.keys if key.kind == "metric"))
    readers = {name: frame.reader(ColumnKey("metric", name)) for name in names}

    def reader(key: ColumnKey) -> Callable[[int], Any]:
        return frame.reader(key) if key in frame else _missing

    uri, run_id = (reader(ColumnKey("attribute", name)) for name in ("artifact_uri", "run_id"))
    split, digest = reader(ColumnKey("tag", SPLIT_TAG)), reader(ColumnKey("dataset", "digest"))
    cv_mean, folds = (reader(ColumnKey("metric", name)) for name in (TIE_METRIC, FOLD_METRIC))
    rates: dict[tuple[Value, ...], Rate | None] = {}
    found: list[Measured] = []
    for row in rows:
        values = tuple(read(row) for read in readers.values())
        if values not in rates:
            metrics = {name: value for name, value in zip(readers, values, strict=True) if value is not None}
            rates[values] = rate_of(cast("Mapping[str, float]", metrics), metric)
        mean = cv_mean(row)
        found.append(
            Measured(
                run_id(row),
                cast(float, readers[metric](row)),
                rates[values],
                uri(row) or "",
                split(row) or "",
                tuple(sorted(digest(row) or ())),
                math.nan if mean is None else mean,
                folds(row) is not None,
            )
        )
    return found


def _missing(row: int) -> None:
    return None


class Measurements:
    """Reads the predictions and fold scores behind a metric, and remembers them. Thread-compatible."""

    def __init__(self, store: Store | None, metric: str, files: PredictionFiles | None = None) -> None:
        """Without a store, fold scores and predictions on a server are unknown."""
        self.metric = metric
        self._store = store
        self._files = files or PredictionFiles(store)
        self._tested: dict[str, Tested | None] = {}
        self._folds: dict[str, tuple[float, ...]] = {}
        self._label = found["label"] if (found := _RECALL.fullmatch(metric)) else None
        self._counts_rows = metric in ACCURACIES or self._label is not None

    def tested(self, run: Measured) -> Tested | None:
        """The rows behind a metric; None for a metric that is not a share of all rows or of those of a class,
        and without predictions that agree with its value. Reads at most `MAX_PREDICTION_FILES` files."""
        if not self._counts_rows:
            return None
        if run.run_id not in self._tested:
            if len(self._tested) >= MAX_PREDICTION_FILES:
                return None
            self._tested[run.run_id] = self._read(run)
        return self._tested[run.run_id]

    def _read(self, run: Measured) -> Tested | None:
        found = self._files.of(run.run_id, run.artifact_uri)
        if found is None:
            return None
        counted = (1 << len(found.part.rows)) - 1 if self._label is None else found.part.of_class(self._label)
        right = found.right & counted
        if not counted or abs(right.bit_count() / counted.bit_count() - run.value) > _ROUNDED:
            return None
        return Tested(found.part, counted, right)

    def read_folds(self, runs: Iterable[Measured]) -> None:
        """Read the fold scores of runs together; at most `MAX_HISTORIES` in all."""
        if self._store is None:
            return
        wanted = {run.run_id: run for run in runs if run.has_folds and run.run_id not in self._folds}
        chosen = list(wanted)[: max(0, MAX_HISTORIES - len(self._folds))]
        found = self._store.metric_histories(chosen, [FOLD_METRIC], 2 * MAX_FOLDS) if chosen else ()
        self._folds.update(dict.fromkeys(chosen, ()))
        for history in found:
            scores = dict(zip(history.steps, history.values, strict=True))
            self._folds[history.run_id] = _scores(wanted[history.run_id], scores)

    def folds(self, run: Measured) -> tuple[float, ...]:
        """The scores of a run's folds, empty if unknown. Only of runs whose cv_mean they explain."""
        if run.run_id not in self._folds:
            self.read_folds([run])
        return self._folds.get(run.run_id, ())


def _scores(run: Measured, by_step: Mapping[int, float]) -> tuple[float, ...]:
    scores = tuple(by_step[step] for step in sorted(by_step))
    if not 2 <= len(scores) <= MAX_FOLDS or sorted(by_step) != list(range(len(scores))):
        return ()
    mean = math.fsum(scores) / len(scores)
    return scores if math.isfinite(mean) and not abs(mean - run.cv_mean) > _ROUNDED else ()


def nearest_first(reference: Measured, others: Iterable[Measured]) -> Sequence[Measured]:
    """Others in the order in which they are worth reading: the nearest value first."""
    return sorted(others, key=lambda other: abs(other.value - reference.value))
