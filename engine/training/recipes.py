"""Trains and evaluates trials: split, scale, fit, test, cross-validate.

Imports scikit-learn, so only the training process imports this module.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from engine.errors import DatasetError
from engine.evidence.classification import class_names, classification_metrics
from engine.evidence.predictions import MAX_ROWS, predictions_text
from engine.training.datasets import Dataset, Label
from engine.training.estimators import estimator
from engine.training.sweep import SweepSpec, Trial

Folds = tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A dataset split for trials: raw rows and labels of both parts, without stratification.

    `scaler` is fitted on all rows (recipe `published`), or None if each fit has its own; `matrix` is the
    training part as an array, scaled if `scaler` is given; `folds` are (training, test) indexes into the
    training part.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    train_labels: Any
    test_labels: Any
    classes: tuple[Label, ...]
    scaler: Any
    matrix: Any
    folds: Folds


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained pipeline that takes raw rows, and its metrics. `fold_scores` are the accuracies of
    cross-validation in the order of the folds; `predictions` is the text of `evidence/predictions.csv`, empty
    for a test part too large to log."""

    model: Any
    metrics: Mapping[str, float]
    fold_scores: tuple[float, ...] = ()
    predictions: str = ""


def split(dataset: Dataset, spec: SweepSpec) -> Split:
    """Split a dataset for training. Raises `DatasetError` if the parts are too small to train on."""
    rows = dataset.features()
    labels = np.asarray(dataset.labels, dtype=object if isinstance(dataset.classes[0], str) else "int64")
    scaler = StandardScaler().fit(rows) if spec.recipe == "published" else None
    try:
        train, test, train_labels, test_labels = train_test_split(
            rows, labels, test_size=spec.test_size, random_state=spec.random_state
        )
        splitter = StratifiedKFold(spec.cv_folds)
        folds = tuple((fitted, held_out) for fitted, held_out in splitter.split(train, train_labels))
    except ValueError as error:
        raise DatasetError(
            f"{dataset.name} cannot be split", str(error), "Use a dataset with more rows."
        ) from error
    parts = [train_labels, *(train_labels[fitted] for fitted, _ in folds)]
    if any(len(set(part)) < 2 for part in parts):
        detail = f"{dataset.rows} rows, {spec.cv_folds} folds: one part has only one class."
        hint = "Add rows of the rare class."
        raise DatasetError(f"{dataset.name} cannot be split", detail, hint)
    matrix = train.to_numpy() if scaler is None else scaler.transform(train)
    return Split(train, test, train_labels, test_labels, dataset.classes, scaler, matrix, folds)


def fit(parts: Split, spec: SweepSpec, trial: Trial) -> Fitted:
    """Train and evaluate one trial. Raises whatever scikit-learn raises for these parameters."""
    unfitted = estimator(spec.estimator).build(trial.params)
    started = time.perf_counter()
    if parts.scaler is None:
        model = Pipeline([("scaler", StandardScaler()), ("classifier", unfitted)])
        model.fit(parts.train, parts.train_labels)
    else:
        classifier = unfitted.fit(parts.matrix, parts.train_labels)
        model = Pipeline([("scaler", parts.scaler), ("classifier", classifier)])
    training_time = time.perf_counter() - started
    predicted = model.predict(parts.test)
    scores = _cross_validation(parts, model)
    metrics = classification_metrics(parts.test_labels, predicted, parts.classes)
    metrics |= {"cv_mean": float(scores.mean()), "cv_std": float(scores.std())}
    metrics |= {"training_time": training_time}
    return Fitted(model, metrics, tuple(scores.tolist()), _predictions(parts, model, predicted))


def _predictions(parts: Split, model: Any, predicted: Any) -> str:
    """Each test row with its index in the dataset, its label and the prediction, and the probability of each
    class if the model has them."""
    if len(parts.test) > MAX_ROWS:
        return ""
    if (read := getattr(model, "predict_proba", None)) is None:
        return predictions_text(parts.test.index, parts.test_labels, predicted)
    by_label = dict(zip(parts.classes, class_names(parts.classes), strict=True))
    names = [by_label[label] for label in model.classes_]
    probabilities = read(parts.test).tolist()
    return predictions_text(parts.test.index, parts.test_labels, predicted, probabilities, names)


def _cross_validation(parts: Split, model: Any) -> Any:
    """The accuracy of each fold of the training part, with one scaler per fold or, if one was fitted on all
    rows, with that scaler."""
    unfitted = model if parts.scaler is None else model.named_steps["classifier"]
    rows, labels = parts.matrix, parts.train_labels
    scores = []
    for fitted, held_out in parts.folds:
        predicted = clone(unfitted).fit(rows[fitted], labels[fitted]).predict(rows[held_out])
        scores.append(np.mean(predicted == labels[held_out]))
    return np.asarray(scores)
