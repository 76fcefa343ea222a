"""The rungs of successive halving, scikit-learn's own: few rows for many candidates, more rows for the best.

Imports scikit-learn, so only training processes import this module.
"""

from __future__ import annotations

import math
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import parallel_config
from joblib.externals.loky import get_reusable_executor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV
from sklearn.pipeline import Pipeline

from engine.errors import TrainingError
from engine.runs.metrics import direction_of
from engine.training.estimators.catalogue import estimator
from engine.training.evaluation.parts import Parts
from engine.training.evaluation.pipeline import STEPS
from engine.training.evaluation.scores import PROBABILITY_METRICS, predicted, ranking_metric, scores
from engine.training.executors.pool import prepare_process
from engine.training.search.halving import FACTOR, Rung
from engine.training.spec import SweepSpec, Task, Trial

IDLE_SECONDS = 10
"""Processes without work end after so long."""
POLL_SECONDS = 0.1
_ALL_FAILED = "Try other values, or grid or random search, which train on all rows."


def climb(
    parts: Parts,
    spec: SweepSpec,
    candidates: Sequence[Trial],
    *,
    workers: int,
    on_rung: Callable[[Rung], None],
    stop: Callable[[], bool],
    abort: Callable[[], bool],
) -> None:
    """Score the candidates rung by rung, in `workers` processes, until no rung is left, or `stop` says so
    between two rungs, or `abort` within one. Raises `GridError` for a parameter that does not exist, and
    `TrainingError` if all candidates fail."""
    rows, labels, folds = _rows(parts)
    metric, direction = ranking_metric(spec, parts.task)
    sign = -1.0 if direction == "lower" else 1.0
    step = STEPS[parts.task]
    grid: list[dict[str, list[Any]]] = []
    numbers: dict[int, Trial] = {}
    for trial in candidates:
        model = estimator(trial.estimator).build(trial.params, parts.task, parts.seed)
        numbers[id(model)] = trial
        grid.append({step: [model]})
    least = math.ceil(len(rows) * min(1.0, _least_rows(parts) / len(parts.train)))
    fewest = max(least, len(rows) // FACTOR ** math.floor(math.log(len(candidates), FACTOR)))
    number = 0

    def scored(results: Any, count: int) -> None:
        nonlocal number
        number += 1
        share = results["n_resources"][-1] / len(rows)
        means = results["mean_test_score"][-count:]
        models = [params[step] for params in results["params"][-count:]]
        found = {
            numbers[id(model)].index: sign * float(mean) for model, mean in zip(models, means, strict=True)
        }
        rung = Rung(number, round(share * len(parts.train)), metric, found, lower=sign < 0)
        if not any(map(math.isfinite, found.values())):
            raise TrainingError("Halving failed with all candidates", str(rung), _ALL_FAILED)
        on_rung(rung)

    search = _FollowedSearch(
        Pipeline([(step, grid[0][step][0])]),
        grid,
        factor=FACTOR,
        min_resources=fewest,
        cv=folds,
        scoring=_Scorer(metric, parts.task, parts.classes, abort if workers == 1 else None),
        refit=False,
        return_train_score=False,
        random_state=spec.search.seed,
        n_jobs=workers,
    )
    search.scored, search.stop = scored, stop
    # Keeps the working folder out of the import path of the processes that joblib starts.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    processes = parallel_config(
        "loky", idle_worker_timeout=IDLE_SECONDS, initializer=prepare_process, initargs=(os.getpid(),)
    )
    try:
        with warnings.catch_warnings(), processes, _killed_on(abort) if workers > 1 else nullcontext():
            warnings.simplefilter("ignore")
            search.fit(rows, labels)
    except (_Stopped, _Aborted):
        return
    except ValueError as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise TrainingError("Halving failed with all candidates", reason, _ALL_FAILED) from error


class _Stopped(Exception):
    """The search was stopped between two rungs."""


class _Aborted(BaseException):
    """The search was ended within a rung; not an `Exception`, which scikit-learn counts as a failed fit."""


@contextmanager
def _killed_on(abort: Callable[[], bool]) -> Iterator[None]:
    """Kills joblib's processes as soon as `abort` says so; what then fails is `_Aborted`."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            if abort():
                get_reusable_executor(reuse=True).shutdown(wait=False, kill_workers=True)
                return

    watcher = threading.Thread(target=watch, name="halving", daemon=True)
    watcher.start()
    try:
        yield
    except Exception as error:
        if abort():
            raise _Aborted from error
        raise
    finally:
        done.set()
        watcher.join()


class _FollowedSearch(HalvingGridSearchCV):  # type: ignore[misc]
    """Reports each rung and stops between two of them, in `_run_search`, where scikit-learn has searches say
    what to evaluate. It passes `callback_ctx`, which is new in 1.9, where the signature has it."""

    scored: Callable[[Any, int], None]
    stop: Callable[[], bool]

    def __getstate__(self) -> dict[str, Any]:
        """Without the callables: scikit-learn sends the search to its processes with every task."""
        state: dict[str, Any] = dict(super().__getstate__())
        return {name: value for name, value in state.items() if name not in ("scored", "stop")}

    def _run_search(self, evaluate_candidates: Callable[..., Any], *, callback_ctx: Any = None) -> None:
        def evaluate(params: Sequence[Any], *args: Any, **settings: Any) -> Any:
            if self.stop():
                raise _Stopped
            results = evaluate_candidates(params, *args, **settings)
            self.scored(results, len(params))
            return results

        context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        super()._run_search(evaluate, **context)


@dataclass(frozen=True)
class _Scorer:
    """Scores as the trials are scored; higher is better, as scikit-learn expects."""

    metric: str
    task: Task
    classes: tuple[Any, ...]
    abort: Callable[[], bool] | None = None
    """Asked after each fit, where there is but one process."""

    def __call__(self, model: Any, rows: Any, labels: Any) -> float:
        if self.abort is not None and self.abort():
            raise _Aborted
        found = predicted(model[-1], rows, self.classes, self.metric in PROBABILITY_METRICS)
        value = scores(labels, found, self.classes).get(self.metric, math.nan)
        return -value if direction_of(self.metric) == "lower" else value


def _rows(parts: Parts) -> tuple[Any, Any, list[tuple[Any, Any]]]:
    """Prepared rows, labels and folds as indexes into them. Each fold has prepared rows of its own, one fold
    after the other, so that no held-out row takes part in its preparation; folds too large for that share
    the prepared training part. Folds with fewer columns, for lack of a level, are filled up with zeros."""
    if parts.fold_matrices is None:
        return parts.train_matrix, parts.train_labels, list(parts.folds)
    matrices, labels, folds, start = [], [], [], 0
    for fold in parts.fold_rows():
        matrices += [fold.fitted, fold.held_out]
        labels += [fold.fitted_labels, fold.held_out_labels]
        middle = start + len(fold.fitted)
        end = middle + len(fold.held_out)
        folds.append((np.arange(start, middle), np.arange(middle, end)))
        start = end
    width = max(matrix.shape[1] for matrix in matrices)
    filled = [np.pad(matrix, ((0, 0), (0, width - matrix.shape[1]))) for matrix in matrices]
    return np.concatenate(filled), np.concatenate(labels), folds


def _least_rows(parts: Parts) -> int:
    """Rows of the first rung at least, as scikit-learn has them: two for each fold and class."""
    return 2 * len(parts.folds) * max(1, len(parts.classes))
