"""The published and leak-free results, and every metric compared with scikit-learn's own report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import DatasetError
from engine.training.datasets import DatasetSpec, read_dataset
from engine.training.sweep import Recipe, SweepSpec, parse_grid, trials

# The tests import scikit-learn, and what imports it: each worker would need seconds more to collect them.
pytestmark = pytest.mark.slow

# name: true positives, true negatives, false positives, false negatives, accuracy, cv_mean
PUBLISHED = {
    "knn-7-euclidean-uniform-auto": (29, 27, 2, 3, 0.9180, 0.8058),
    "knn-5-euclidean-uniform-auto": (29, 27, 2, 3, 0.9180, 0.8059),
    "knn-3-chebyshev-uniform-ball_tree": (24, 22, 7, 8, 0.7541, 0.7106),
    "knn-3-chebyshev-uniform-auto": (25, 22, 7, 7, 0.7705, 0.7147),
}
LEAK_FREE = {
    "knn-7-euclidean-uniform-auto": (29, 27, 2, 3, 0.9180, 0.8099),
    "knn-5-euclidean-uniform-auto": (28, 27, 2, 4, 0.9016, 0.8141),
    "knn-3-chebyshev-uniform-ball_tree": (25, 25, 4, 7, 0.8197, 0.7067),
    "knn-3-chebyshev-uniform-auto": (26, 24, 5, 6, 0.8197, 0.7315),
}


@pytest.mark.parametrize(("recipe", "table"), [("published", PUBLISHED), ("leak-free", LEAK_FREE)])
def test_trials_reproduce_the_reference_results(recipe: Recipe, table: dict[str, tuple[float, ...]]) -> None:
    from engine.training.recipes import fit, split

    spec = SweepSpec(experiment="x", recipe=recipe)
    parts = split(read_dataset(spec.dataset), spec)
    assert (len(parts.train), len(parts.test)) == (242, 61)
    for trial in trials(spec):
        if trial.name in table:
            metrics = fit(parts, spec, trial).metrics
            counts = ("true_positives", "true_negatives", "false_positives", "false_negatives")
            assert tuple(metrics[name] for name in counts) == table[trial.name][:4], trial.name
            assert round(metrics["accuracy"], 4) == table[trial.name][4]
            assert round(metrics["cv_mean"], 4) == table[trial.name][5]


@pytest.mark.parametrize("recipe", ["published", "leak-free"])
def test_cross_validation_matches_scikit_learn(recipe: Recipe) -> None:
    from sklearn.model_selection import cross_val_score

    from engine.training.recipes import fit, split

    spec = SweepSpec(experiment="x", recipe=recipe, grid=parse_grid("n_neighbors=4 metric=manhattan"))
    parts = split(read_dataset(spec.dataset), spec)
    fitted = fit(parts, spec, trials(spec)[0])
    model = fitted.model if recipe == "leak-free" else fitted.model.named_steps["classifier"]
    scores = cross_val_score(model, parts.matrix, parts.train_labels, cv=5)
    assert fitted.metrics["cv_mean"] == pytest.approx(scores.mean())
    assert fitted.metrics["cv_std"] == pytest.approx(scores.std())
    assert fitted.fold_scores == pytest.approx(list(scores))


@pytest.mark.parametrize("classes", [(0, 1), (1, 2, 3), ("no", "yes"), ("a b", "ü", "z")])
def test_metrics_match_scikit_learn(classes: tuple[int | str, ...]) -> None:
    from sklearn.metrics import classification_report

    from engine.evidence.classification import class_names, classification_metrics

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
    from engine.evidence.classification import class_names, classification_metrics

    metrics = classification_metrics(np.array([0, 1, 1]), np.array([0, 1, 0]), (0, 1))
    per_class = [
        f"class_{label}_{what}" for label in (0, 1) for what in ("precision", "recall", "f1", "support")
    ]
    counts = ["true_positives", "true_negatives", "false_positives", "false_negatives"]
    assert list(metrics) == ["accuracy", *per_class, *counts]
    assert class_names(("a/b", "a\nb", "../x", "é")) == ["class_a_b", "class_a_b_1", "class_.._x", "class_é"]


def test_a_class_too_rare_to_split_is_rejected(tmp_path: Path) -> None:
    from engine.training.recipes import split

    path = tmp_path / "rare.csv"
    path.write_text("a,y\n" + "".join(f"{i},{int(i == 3)}\n" for i in range(30)))
    spec = SweepSpec(experiment="x", dataset=DatasetSpec(str(path), "y"))
    with pytest.raises(DatasetError, match="cannot be split"):
        split(read_dataset(spec.dataset), spec)
