"""Curves of a model: its score by iteration and by the number of training rows; and of a sweep: by the values
of a parameter.

Metrics with steps that the console's charts draw. Imports scikit-learn.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from engine.training.evaluation.parts import Parts
from engine.training.evaluation.scores import OWN_METRIC, own_score
from engine.training.spec import Value

Steps = dict[str, tuple[tuple[int, float], ...]]
LEARNING_PATH = "curves/learning_curve.csv"
VALIDATION_PATH = "curves/validation_curve.csv"
TRAIN_METRIC = "cv_train_mean"
"""The mean score on the training rows of the folds, which validation curves show beside the `cv_mean`."""
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
"""The sizes of a learning curve, as shares of a fold's training rows."""
MAX_STAGED_ROWS = 20_000
MAX_PASSES = 50
"""Passes over the training rows that are scored one by one."""


def iteration_steps(fitted: Any, parts: Parts) -> Steps:
    """The scores that a fitted estimator has for each of its iterations, counted from 1; empty for others.

    `train_loss` and `validation_loss` are those of the estimator's own loss, `validation_score` its score on
    rows that it set aside. Boosting adds its score on the test part, `iteration_accuracy` or
    `iteration_r2_score`; so do estimators that learn in passes over the rows and keep no scores of their own.
    """
    steps: Steps = {}
    for name, attribute, sign in (
        ("train_loss", "loss_curve_", 1.0),
        ("validation_score", "validation_scores_", 1.0),
        ("train_loss", "train_score_", _sign(fitted)),
        ("validation_loss", "validation_score_", _sign(fitted)),
    ):
        values = getattr(fitted, attribute, None)
        if values is not None and np.ndim(values) == 1 and len(values) and name not in steps:
            steps[name] = tuple((at, sign * float(value)) for at, value in enumerate(values, start=1))
    staged: Callable[[Any], Iterable[Any]] | None = getattr(fitted, "staged_predict", None)
    if len(parts.test_labels) > MAX_STAGED_ROWS:
        return steps
    if staged is not None:
        predictions = staged(parts.test_matrix)
        values = [own_score(parts.test_labels, labels, parts.task) for labels in predictions]
    else:
        values = [] if steps else _pass_scores(fitted, parts)
    if values:
        steps[f"iteration_{OWN_METRIC[parts.task]}"] = tuple(enumerate(values, start=1))
    return steps


def _pass_scores(fitted: Any, parts: Parts) -> list[float]:
    """The scores on the test part after each pass over the training rows (`partial_fit`): as many passes as
    `fit` took, at most `MAX_PASSES`; none for estimators that do not learn in passes. A copy is trained for
    that, which may draw the rows in another order than `fit`: its last score is close to the model's."""
    passes = getattr(fitted, "n_iter_", None)
    if not hasattr(fitted, "partial_fit") or passes is None or np.ndim(passes):
        return []
    model = clone(fitted)
    classes = {"classes": fitted.classes_} if parts.task == "classification" else {}
    found: list[float] = []
    for _ in range(min(int(passes), MAX_PASSES)):
        try:
            model.partial_fit(parts.train_matrix, parts.train_labels, **classes)
            found.append(own_score(parts.test_labels, model.predict(parts.test_matrix), parts.task))
        except ValueError:  # with early stopping, balanced classes, or weights that became infinite
            return found
    return found


def _sign(fitted: Any) -> float:
    """Histogram gradient boosting keeps the negative loss, gradient boosting the loss."""
    return -1.0 if type(fitted).__name__.startswith("Hist") else 1.0


def learning_curve(parts: Parts, unfitted: Any) -> tuple[Steps, dict[str, bytes]]:
    """The scores on training rows and on held-out rows of each fold, by the number of training rows: the
    means as steps, and all of them as a file."""
    own = OWN_METRIC[parts.task]
    rows: list[tuple[int, int, float, float]] = []
    for number, fold in enumerate(parts.fold_rows()):
        for size in _sizes(len(fold.fitted)):
            some = parts.sampled(len(fold.fitted), size)
            labels = fold.fitted_labels[some]
            try:
                model = clone(unfitted).fit(fold.fitted[some], labels)
                seen = own_score(labels, model.predict(fold.fitted[some]), parts.task)
                held_out = own_score(fold.held_out_labels, model.predict(fold.held_out), parts.task)
            except ValueError:
                # Too few rows for these parameters, such as one class or more neighbors than rows.
                continue
            rows.append((size, number, seen, held_out))
    # Folds differ by a row; their mean is drawn at the smallest of the sizes.
    sizes = sorted({size for size, *_ in rows})
    groups: dict[int, list[tuple[float, float]]] = {}
    for size, _, seen, held_out in rows:
        near = next(other for other in sizes if size - other <= 1)
        groups.setdefault(near, []).append((seen, held_out))
    means = {size: np.mean(pairs, axis=0) for size, pairs in sorted(groups.items())}
    steps: Steps = {
        f"learning_curve_{what}_{own}": tuple((size, float(mean[at])) for size, mean in means.items())
        for at, what in enumerate(("train", "cv"))
    }
    return steps, {LEARNING_PATH: _csv(("training_rows", "fold", f"train_{own}", f"cv_{own}"), sorted(rows))}


def _sizes(rows: int) -> list[int]:
    return sorted({max(2, round(share * rows)) for share in SHARES})


@dataclass(frozen=True, slots=True)
class ValidationPoint:
    """Trials with one value of a parameter: how many, and their mean, lowest and highest score."""

    value: Value
    trials: int
    mean: float
    lowest: float
    highest: float


def validation_curve(
    scores: Iterable[tuple[Mapping[str, Value], float]], name: str
) -> tuple[ValidationPoint, ...]:
    """The scores of a sweep's trials by the values of one parameter: numbers in order, then others as they
    come. Scores that are not finite, and trials without the parameter, do not count."""
    groups: dict[Value, list[float]] = {}
    for params, score in scores:
        if name in params and np.isfinite(score):
            groups.setdefault(params[name], []).append(score)
    points = [
        ValidationPoint(value, len(found), float(np.mean(found)), min(found), max(found))
        for value, found in groups.items()
    ]
    numbers = [each for each in points if isinstance(each.value, int | float)]
    return (
        *sorted(numbers, key=lambda each: float(each.value or 0)),
        *(each for each in points if each not in numbers),
    )


@dataclass(frozen=True, slots=True)
class ValidationCurve:
    """The cross-validated scores of a sweep's trials by the values of one parameter of an estimator, and
    their scores on training rows."""

    estimator: str
    parameter: str
    held_out: tuple[ValidationPoint, ...]
    seen: tuple[ValidationPoint, ...]

    def steps(self, prefix: str, own: str) -> Steps:
        """The means by value, or by the number of the value, from 1, where one is no natural number."""
        return {
            f"validation_curve_{prefix}{self.parameter}_{what}_{own}": tuple(
                (self._step(point.value), point.mean) for point in points
            )
            for what, points in (("train", self.seen), ("cv", self.held_out))
            if points
        }

    def _step(self, value: Value) -> int:
        values = [point.value for point in self.held_out]
        if all(isinstance(each, int) and each >= 0 for each in values):
            return int(value or 0)
        return 1 + values.index(value)


def validation_curves(
    trials: Sequence[tuple[str, Mapping[str, str], Mapping[str, float]]],
) -> tuple[ValidationCurve, ...]:
    """A curve for each parameter of which several values were tried: the other parameters are averaged over.
    `trials` are the finished ones: the estimator, the parameters and the metrics of each."""
    found = []
    for name in dict.fromkeys(name for name, *_ in trials):
        own = [(_values(params), metrics) for one, params, metrics in trials if one == name]
        for parameter in dict.fromkeys(parameter for params, _ in own for parameter in params):
            held_out, seen = (
                validation_curve(((params, metrics.get(key, np.nan)) for params, metrics in own), parameter)
                for key in ("cv_mean", TRAIN_METRIC)
            )
            if len(held_out) > 1:
                found.append(ValidationCurve(name, parameter, held_out, seen))
    return tuple(found)


def validation_file(curves: Iterable[ValidationCurve], own: str) -> dict[str, bytes]:
    """All points of the curves as a CSV file, by its artifact path."""
    header = ("estimator", "parameter", "value", "trials", f"cv_{own}", "lowest", "highest", f"train_{own}")
    rows = []
    for curve in curves:
        seen = {point.value: point.mean for point in curve.seen}
        for point in curve.held_out:
            scores = (point.mean, point.lowest, point.highest, seen.get(point.value))
            rows.append((curve.estimator, curve.parameter, point.value, point.trials, *scores))
    return {VALIDATION_PATH: _csv(header, tuple(rows))}


def _values(params: Mapping[str, str]) -> dict[str, Value]:
    """Parameters as they were logged, numbers as such."""
    return {name: _number(text) for name, text in params.items() if name != "estimator"}


def _number(text: str) -> Value:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _csv(header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> bytes:
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n")
    write.writerow(header)
    write.writerows(rows)
    return text.getvalue().encode()
