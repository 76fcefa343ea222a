"""The metrics of a classifier on labelled rows: those that the training logs and tests of models compute."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

Label = int | str


def classification_metrics(
    actual: Iterable[Label], predicted: Iterable[Label], classes: Sequence[Label]
) -> dict[str, float]:
    """Accuracy; precision, recall, f1 and support of each class; and for two classes the four counts of the
    confusion matrix, where the second class is the positive one. A ratio with denominator 0 is 0."""
    indexes = {label: index for index, label in enumerate(classes)}
    counts = [[0] * len(classes) for _ in classes]
    for truth, prediction in zip(actual, predicted, strict=True):
        counts[indexes[truth]][indexes[prediction]] += 1
    return counted_metrics(counts, classes)


def counted_metrics(counts: Sequence[Sequence[int]], classes: Sequence[Label]) -> dict[str, float]:
    """The same from the confusion matrix: `counts[i][j]` rows of class i were predicted as class j."""
    right_ones = sum(counts[index][index] for index in range(len(classes)))
    metrics = {"accuracy": right_ones / sum(map(sum, counts))}
    for index, name in enumerate(class_names(classes)):
        right = float(counts[index][index])
        predicted_count, actual_count = float(sum(row[index] for row in counts)), float(sum(counts[index]))
        total = predicted_count + actual_count
        metrics[f"{name}_precision"] = right / predicted_count if predicted_count else 0.0
        metrics[f"{name}_recall"] = right / actual_count if actual_count else 0.0
        metrics[f"{name}_f1"] = 2 * right / total if total else 0.0
        metrics[f"{name}_support"] = actual_count
    if len(classes) == 2:
        (true_negatives, false_positives), (false_negatives, true_positives) = counts
        metrics["true_positives"] = float(true_positives)
        metrics["true_negatives"] = float(true_negatives)
        metrics["false_positives"] = float(false_positives)
        metrics["false_negatives"] = float(false_negatives)
    return metrics


def class_names(classes: Sequence[Label]) -> list[str]:
    """Unique names `class_<label>`, using only characters that MLflow accepts in metric names."""
    names: list[str] = []
    for label in classes:
        name = "class_" + re.sub(r"[^\w.-]", "_", str(label))[:60]
        names.append(name if name not in names else f"{name}_{len(names)}")
    return names
