"""The metrics of a classifier, compared with scikit-learn's own report."""

from __future__ import annotations

import numpy as np
import pytest

from engine.evidence.classification import class_names, classification_metrics


@pytest.mark.slow
@pytest.mark.parametrize("classes", [(0, 1), (1, 2, 3), ("no", "yes"), ("a b", "ü", "z")])
def test_metrics_match_scikit_learn(classes: tuple[int | str, ...]) -> None:
    from sklearn.metrics import classification_report

    rng = np.random.default_rng(1)
    actual = rng.choice(np.asarray(classes, dtype=object), 40)
    predicted = rng.choice(np.asarray(classes[:2], dtype=object), 40)
    metrics = classification_metrics(actual, predicted, classes)
    report = classification_report(
        actual.astype(str), predicted.astype(str), output_dict=True, zero_division=0
    )
    assert metrics["accuracy"] == pytest.approx(report["accuracy"])
    for name, label in zip(class_names(classes), classes, strict=True):
        for ours, theirs in (
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1", "f1-score"),
            ("support", "support"),
        ):
            assert metrics[f"{name}_{ours}"] == pytest.approx(report[str(label)][theirs])
    assert ("true_positives" in metrics) == (len(classes) == 2)


def test_metric_names_are_complete_valid_and_unique() -> None:
    metrics = classification_metrics(np.array([0, 1, 1]), np.array([0, 1, 0]), (0, 1))
    per_class = [
        f"class_{label}_{what}" for label in (0, 1) for what in ("precision", "recall", "f1", "support")
    ]
    counts = ["true_positives", "true_negatives", "false_positives", "false_negatives"]
    assert list(metrics) == ["accuracy", *per_class, *counts]
    assert class_names(("a/b", "a\nb", "../x", "é")) == ["class_a_b", "class_a_b_1", "class_.._x", "class_é"]
