"""Trains and evaluates one trial: fit, test, cross-validate.

Imports scikit-learn, so only training processes import this module.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone

from engine.evidence import predictions
from engine.evidence.classification import class_names
from engine.runs.metrics import FOLD_METRIC
from engine.training.estimators.catalogue import Estimator, estimator
from engine.training.estimators.saved import SavedModel, saved_model
from engine.training.evaluation.curves import TRAIN_METRIC, iteration_steps, learning_curve
from engine.training.evaluation.parts import Parts
from engine.training.evaluation.pipeline import pipeline
from engine.training.evaluation.scores import (
    OWN_METRIC,
    PROBABILITY_METRICS,
    Predicted,
    own_score,
    predicted,
    ranking_metric,
    scores,
)
from engine.training.spec import SweepSpec, Trial

Steps = Mapping[str, tuple[tuple[int, float], ...]]
MAX_WARNINGS = 5


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A trained and tested model. Can be pickled.

    `model` takes raw rows; `predicted` is what it predicts for the test part. `metrics` are those on the test
    part, and of cross-validation: `cv_mean` and `cv_std` of accuracy or R², and if another metric ranks the
    sweep, `<metric>_cv_mean` and `_cv_std`; `cv_train_mean` if a validation curve is to be drawn. `score` is
    the cross-validated mean of the ranking metric, NaN if undefined. `steps` are metrics with a value per
    step: folds, iterations, numbers of training rows. `files` are artifacts by path. `warnings` are the first
    that training raised. `fit_seconds` is the time to prepare and fit the training part, `seconds` that of
    everything.
    """

    model: SavedModel | None
    metrics: Mapping[str, float]
    predicted: Predicted | None = None
    steps: Steps = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    score: float = math.nan
    warnings: tuple[str, ...] = ()
    fit_seconds: float = 0.0
    seconds: float = 0.0


def evaluate(
    parts: Parts, spec: SweepSpec, trial: Trial, *, sample: int | None = None, figures: bool = False
) -> Evaluation:
    """Train and evaluate one trial, on `sample` rows of the training part if given; `figures` draws its
    confusion matrix and curves as well. Raises `GridError` for an estimator or parameter that does not
    exist, `TrainingError` for a model that cannot be saved, and whatever scikit-learn raises for these
    parameters."""
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        found = _evaluated(parts, spec, trial, sample, figures)
    model, tested, metrics, steps, files, score, fit_seconds = found
    texts = dict.fromkeys(str(warning.message) for warning in raised)
    return Evaluation(
        model=saved_model(model),
        metrics=metrics,
        predicted=tested,
        steps=steps,
        files=files,
        score=score,
        warnings=tuple(texts)[:MAX_WARNINGS],
        fit_seconds=fit_seconds,
        seconds=time.perf_counter() - started,
    )


def _evaluated(
    parts: Parts, spec: SweepSpec, trial: Trial, sample: int | None, figures: bool
) -> tuple[Any, Predicted, dict[str, float], dict[str, Any], dict[str, bytes], float, float]:
    chosen = estimator(trial.estimator)
    unfitted = chosen.build(trial.params, parts.task, parts.seed)
    rows, labels = parts.train_matrix, parts.train_labels
    if sample is not None and sample < len(labels):
        some = parts.sampled(len(labels), sample)
        rows, labels = rows[some], labels[some]
    started = time.perf_counter()
    fitted = clone(unfitted).fit(rows, labels)
    fit_seconds = time.perf_counter() - started + parts.preparation_seconds
    found = predicted(fitted, parts.test_matrix, parts.classes)
    metrics = scores(parts.test_labels, found, parts.classes)
    cross, steps, score = _cross_validation(parts, spec, unfitted, sample)
    metrics |= {**cross, "training_time": fit_seconds}
    steps |= _iterations(chosen, fitted, parts)
    files = _prediction_file(parts, found)
    if "learning" in spec.curves:
        curve_steps, curve_file = learning_curve(parts, unfitted)
        steps |= curve_steps
        files |= curve_file
    if figures:
        from engine.training.evaluation.figures import figure_files

        files |= figure_files(parts, found)
    model = pipeline(parts.transformer, fitted, parts.task)
    return model, found, metrics, steps, files, score, fit_seconds


def _cross_validation(
    parts: Parts, spec: SweepSpec, unfitted: Any, sample: int | None
) -> tuple[dict[str, float], dict[str, Any], float]:
    """Metrics of cross-validation on the training part, the scores of its folds as steps, and the mean of
    the metric that ranks the sweep."""
    ranking, _ = ranking_metric(spec, parts.task)
    own = OWN_METRIC[parts.task]
    values: dict[str, list[float]] = {own: []} if ranking == own else {own: [], ranking: []}
    seen: list[float] = []
    for fold in parts.fold_rows(sample):
        model = clone(unfitted).fit(fold.fitted, fold.fitted_labels)
        found = predicted(model, fold.held_out, parts.classes, ranking in PROBABILITY_METRICS)
        values[own].append(own_score(fold.held_out_labels, found.labels, parts.task))
        if "validation" in spec.curves:
            seen.append(own_score(fold.fitted_labels, model.predict(fold.fitted), parts.task))
        if ranking != own:
            values[ranking].append(scores(fold.held_out_labels, found, parts.classes).get(ranking, math.nan))
    metrics: dict[str, float] = {TRAIN_METRIC: float(np.mean(seen))} if seen else {}
    steps: dict[str, Any] = {}
    for name, folds in values.items():
        prefix = "" if name == own else f"{name}_"
        metrics[f"{prefix}cv_mean"] = float(np.mean(folds))
        metrics[f"{prefix}cv_std"] = float(np.std(folds))
        steps[f"{prefix}{FOLD_METRIC}"] = tuple(enumerate(folds))
    return metrics, steps, float(np.mean(values[ranking]))


def _iterations(chosen: Estimator, fitted: Any, parts: Parts) -> dict[str, Any]:
    if chosen.parameters is not None and chosen.iterations is None:
        return {}
    return iteration_steps(fitted, parts)


def _prediction_file(parts: Parts, found: Predicted) -> dict[str, bytes]:
    """Each test row with its index in the dataset, its label and the prediction, and the probability of each
    class if the model has them; nothing for a test part too large to log."""
    if len(parts.test) > predictions.MAX_ROWS:
        return {}
    shares = () if found.probabilities is None else found.probabilities.tolist()
    names = class_names(parts.classes) if parts.classes else ()
    rows, actual, guesses = parts.test.index.tolist(), parts.test_labels.tolist(), found.labels.tolist()
    return {predictions.PATH: predictions.predictions_text(rows, actual, guesses, shares, names).encode()}
