"""Which metrics are shares of counted rows, and of how many.

A metric is a rate only if its value is a whole number of the rows that the run's other metrics count:
supports, the confusion matrix, or the example count that `mlflow.evaluate` logs. F1, AUC and averages over
classes or folds are no such shares, and have no interval here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from engine.evidence.statistics import Rate
from engine.runs.metrics import CONFUSION_COUNTS

ACCURACIES = ("accuracy", "accuracy_score")
_SHARES = {
    **dict.fromkeys(
        ("recall", "recall_score", "sensitivity", "true_positive_rate"), ("true_positives", "false_negatives")
    ),
    **dict.fromkeys(("specificity", "true_negative_rate"), ("true_negatives", "false_positives")),
    **dict.fromkeys(("precision", "precision_score"), ("true_positives", "false_positives")),
}
"""The counts whose sum is the number of rows of a metric of the positive or the negative class."""
_SUPPORT = re.compile(r"class_.+_support")
_OF_CLASS = re.compile(r"(?P<name>class_.+)_(?P<measure>recall|precision)")
_ROUNDED = 5e-5
"""Values logged with four decimals still name their count."""

Metrics = Mapping[str, float]


def rate_of(metrics: Metrics, name: str) -> Rate | None:
    """The metric `name` of a run as a number of its rows, None if it is no rate or its rows are unknown."""
    value = metrics.get(name, math.nan)
    n = rows_of(metrics, name)
    if not n or not 0 <= value <= 1:
        return None
    successes = round(value * n)
    return Rate(successes, n) if abs(successes / n - value) <= _ROUNDED else None


def is_share(name: str) -> bool:
    """Whether the metric `name` is a rate if the run logs its number of rows."""
    return name in (*ACCURACIES, *_SHARES) or _OF_CLASS.fullmatch(name) is not None


def rows_of(metrics: Metrics, name: str) -> int | None:
    """The number of rows that the metric `name` was computed on: all rows for an accuracy, those of the class
    for its recall, those predicted as the class for its precision. None if unknown."""
    if name in ACCURACIES:
        return evaluated_rows(metrics)
    if name in _SHARES:
        return _total(metrics, *_SHARES[name])
    if found := _OF_CLASS.fullmatch(name):
        support = _total(metrics, f"{found['name']}_support")
        return support if found["measure"] == "recall" else _predicted(metrics, found["name"], support)
    return None


def evaluated_rows(metrics: Metrics) -> int | None:
    """The number of rows that a run was tested on, None if it did not log that."""
    supports = [name for name in metrics if _SUPPORT.fullmatch(name)]
    if supports:
        return _total(metrics, *supports)
    return _total(metrics, "example_count") or _total(metrics, *CONFUSION_COUNTS)


def needed_for(name: str, names: Iterable[str]) -> list[str]:
    """Those of a run's metric names that `rate_of` reads for the metric `name`."""
    prefix = found["name"] if (found := _OF_CLASS.fullmatch(name)) else "class_"
    counts = (*CONFUSION_COUNTS, "example_count")
    return [
        other
        for other in names
        if other in (name, *counts)
        or (other.startswith(prefix) and other.endswith(("_support", "_recall" if found else "_support")))
    ]


def _predicted(metrics: Metrics, name: str, support: int | None) -> int | None:
    """The number of rows predicted as a class of two. Its right predictions are either the true positives or
    the true negatives: whichever its recall names, and both if that is ambiguous only when they agree."""
    recall = metrics.get(f"{name}_recall", math.nan)
    if support is None or not math.isfinite(recall):
        return None
    found = {
        _total(metrics, right, wrong)
        for right, wrong, missed in (
            ("true_positives", "false_positives", "false_negatives"),
            ("true_negatives", "false_negatives", "false_positives"),
        )
        if _total(metrics, right, missed) == support
        and abs(metrics[right] - recall * support) <= _ROUNDED * support
    }
    return found.pop() if len(found) == 1 else None


def _total(metrics: Metrics, *names: str) -> int | None:
    """The sum of counts; None if one is missing or not a whole number."""
    counts = [metrics.get(name, math.nan) for name in names]
    if not all(0 <= value <= 2**53 and value == int(value) for value in counts):
        return None
    return int(math.fsum(counts))
