"""The metrics of a model on labelled rows.

Computed from counts and sorted scores: scikit-learn's functions check their input for a millisecond or two
each, which would be most of a small trial. Names are those of `mlflow.evaluate` where it has them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.evidence.classification import counted_metrics
from engine.runs.metrics import Direction, direction_of
from engine.training.spec import SweepSpec, Task, metric_problem

OWN_METRIC: dict[Task, str] = {"classification": "accuracy", "regression": "r2_score"}
"""What `cv_mean`, `cv_std` and `cv_score` are of."""
PROBABILITY_METRICS = ("log_loss", "roc_auc", "precision_recall_auc")


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions for some rows. `probabilities` has a column per class of the sweep, `decisions` one value
    per row, higher for the positive class of two; None without."""

    labels: Any
    probabilities: Any = None
    decisions: Any = None


def ranking_metric(spec: SweepSpec, task: Task) -> tuple[str, Direction]:
    """The metric that ranks the trials and its better direction. Raises `UsageError` for an unknown one."""
    name = spec.metric or OWN_METRIC[task]
    if error := metric_problem(name, task):
        raise error
    return name, direction_of(name) or "higher"


def predicted(estimator: Any, matrix: Any, classes: tuple[Any, ...], with_scores: bool = True) -> Predicted:
    """What a fitted estimator predicts for prepared rows. `classes` is empty for regression."""
    labels = estimator.predict(matrix)
    if not classes or not with_scores:
        return Predicted(labels)
    if hasattr(estimator, "predict_proba"):
        own = estimator.predict_proba(matrix)
        known = list(estimator.classes_)
        columns = np.zeros((len(labels), len(classes)))
        for at, label in enumerate(classes):
            if label in known:
                columns[:, at] = own[:, known.index(label)]
        return Predicted(labels, columns)
    if len(classes) == 2 and hasattr(estimator, "decision_function"):
        decisions = np.asarray(estimator.decision_function(matrix))
        return Predicted(labels, None, decisions if estimator.classes_[1] == classes[1] else -decisions)
    return Predicted(labels)


def scores(actual: Any, found: Predicted, classes: tuple[Any, ...]) -> dict[str, float]:
    """All metrics that are defined for these rows. A class that is absent from `actual` has no ROC curve."""
    if not classes:
        return regression_scores(actual, found.labels)
    counts = confusion_counts(actual, found.labels, classes)
    metrics = counted_metrics(counts.tolist(), classes)
    return {**metrics, **_averages(counts), **_curve_scores(actual, found, classes)}


def own_score(actual: Any, labels: Any, task: Task) -> float:
    """The score that `cv_mean` averages."""
    if task == "classification":
        return float(np.mean(labels == actual))
    return regression_scores(actual, labels).get("r2_score", math.nan)


def confusion_counts(actual: Any, labels: Any, classes: tuple[Any, ...]) -> Any:
    """Rows by their true class (first axis) and their predicted class, in the order of `classes`."""
    numbers = {label: number for number, label in enumerate(classes)}
    truth = np.fromiter((numbers[label] for label in actual.tolist()), dtype=int, count=len(actual))
    guess = np.fromiter((numbers[label] for label in labels.tolist()), dtype=int, count=len(labels))
    size = len(classes)
    return np.bincount(truth * size + guess, minlength=size * size).reshape(size, size)


def regression_scores(actual: Any, labels: Any) -> dict[str, float]:
    """As `mlflow.evaluate` names them. R² is left out where it is undefined: for equal or too few labels."""
    with np.errstate(over="ignore", invalid="ignore"):
        errors = np.abs(actual - labels)
        squared = float(np.mean(errors**2))
        spread = float(np.mean((actual - np.mean(actual)) ** 2))
        shares = errors / np.maximum(np.abs(actual), np.finfo(float).eps)
        metrics = {
            "root_mean_squared_error": math.sqrt(squared),
            "mean_squared_error": squared,
            "mean_absolute_error": float(np.mean(errors)),
            "mean_absolute_percentage_error": float(np.mean(shares)),
            "max_error": float(np.max(errors)),
        }
    r2 = {"r2_score": 1 - squared / spread} if len(actual) > 1 and spread > 0 else {}
    return {**r2, **metrics, "example_count": float(len(actual))}


def _averages(counts: Any) -> dict[str, float]:
    """Averages over classes. `f1_score` and its like are of the positive class of two, of more the average
    weighted by support, as in `mlflow.evaluate`. A ratio with denominator 0 is 0."""
    right, actual, guessed = np.diag(counts), counts.sum(1), counts.sum(0)
    present = (actual + guessed) > 0
    ratios = {
        "precision": _divided(right, guessed),
        "recall": _divided(right, actual),
        "f1": _divided(2 * right, actual + guessed),
    }
    metrics = {"balanced_accuracy": float(ratios["recall"][actual > 0].mean())}
    for name, values in ratios.items():
        weighted = float((values * actual).sum() / actual.sum())
        metrics[f"{name}_score"] = float(values[1]) if len(actual) == 2 else weighted
        metrics[f"{name}_macro"] = float(values[present].mean())
        metrics[f"{name}_weighted"] = weighted
    return {**metrics, "example_count": float(actual.sum())}


def _divided(numbers: Any, by: Any) -> Any:
    return np.divide(numbers, by, out=np.zeros(len(by)), where=by > 0)


def _curve_scores(actual: Any, found: Predicted, classes: tuple[Any, ...]) -> dict[str, float]:
    metrics: dict[str, float] = {}
    truth = np.stack([actual == label for label in classes], axis=1)
    values = found.decisions
    if (shares := found.probabilities) is not None:
        values = shares[:, -1]
        tiny = np.finfo(float).eps
        metrics["log_loss"] = float(-np.mean(np.log(np.clip(shares[truth], tiny, 1 - tiny))))
    if values is None or not truth.any(0).all() or not np.isfinite(values).all():
        return metrics
    if len(classes) == 2:
        metrics["roc_auc"] = area_under_roc(truth[:, 1], values)
        metrics["precision_recall_auc"] = average_precision(truth[:, 1], values)
    elif shares is not None:
        areas = [area_under_roc(truth[:, at], shares[:, at]) for at in range(len(classes))]
        metrics["roc_auc"] = float(np.average(areas, weights=truth.sum(0)))
    return metrics


def roc_points(truth: Any, values: Any) -> tuple[Any, Any]:
    """(false positives, true positives) at each threshold from the highest down, starting at none. `truth`
    says which rows are positive."""
    order = np.argsort(-values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)
    positives = np.cumsum(truth[order])[ends]
    return np.append(0, ends + 1 - positives), np.append(0, positives)


def area_under_roc(truth: Any, values: Any) -> float:
    """Needs rows of both kinds."""
    false, true = roc_points(truth, values)
    return float(np.trapezoid(true, false) / (true[-1] * false[-1]))


def average_precision(truth: Any, values: Any) -> float:
    """The precision at each threshold, weighted by the recall gained there. Needs a positive row."""
    false, true = roc_points(truth, values)
    precision = true[1:] / (true[1:] + false[1:])
    return float(np.sum(np.diff(true) * precision) / true[-1])
