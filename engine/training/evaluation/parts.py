"""The training and the test part of a dataset, its folds, and their prepared columns.

Imports scikit-learn, so only training processes import this module.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    StratifiedKFold,
    TimeSeriesSplit,
    train_test_split,
)

from engine.errors import DatasetError, UsageError
from engine.formats import counted
from engine.text import quoted
from engine.training.evaluation.data_split import DataSplit
from engine.training.evaluation.pipeline import fitted_transformer, published_scaler
from engine.training.spec import SweepSpec, Task

if TYPE_CHECKING:
    from engine.training.data.reading import Dataset

MAX_PREPARED_BYTES = 1 << 30
"""Prepared folds larger than this are prepared anew for each trial."""
_FIRST_USE_SECONDS = 1.0
_MORE_ROWS = "Use a dataset with more rows, or fewer folds."


@dataclass(frozen=True, slots=True)
class FoldRows:
    """One fold: prepared rows and labels to fit on, and those held out."""

    fitted: Any
    fitted_labels: Any
    held_out: Any
    held_out_labels: Any


@dataclass(frozen=True, slots=True)
class Parts(DataSplit):
    """A dataset split and prepared for trials.

    `transformer` prepares raw rows, fitted on the training part (recipe `published`: on all rows);
    `train_matrix` and `test_matrix` are the prepared parts. `folds` are (training, test) indexes into the
    training part, `fold_matrices` their prepared rows in the same order, None if they are too large to hold.
    `preparation_seconds` is the time it took to prepare the training part.
    """

    seed: int
    transformer: Any
    leaks: bool
    train_matrix: Any
    test_matrix: Any
    folds: tuple[tuple[Any, Any], ...]
    fold_matrices: tuple[tuple[Any, Any], ...] | None
    preparation_seconds: float

    def fold_rows(self, sample: int | None = None) -> Iterator[FoldRows]:
        """The folds in order; with `sample`, the rows to fit on are reduced by as much as `sample` rows are
        less than the training part."""
        for number, (fitted, held_out) in enumerate(self.folds):
            if self.fold_matrices is not None:
                rows, others = self.fold_matrices[number]
            else:
                rows, others = self._prepared(fitted, held_out)
            labels = self.train_labels[fitted]
            if sample is not None and sample < len(self.train):
                some = self.sampled(len(fitted), max(1, round(sample * len(fitted) / len(self.train))))
                rows, labels = rows[some], labels[some]
            yield FoldRows(rows, labels, others, self.train_labels[held_out])

    def sampled(self, rows: int, count: int) -> Any:
        """`count` of `rows` row numbers, sorted; larger samples contain smaller ones."""
        return np.sort(np.random.default_rng(self.seed).permutation(rows)[:count])

    def _prepared(self, fitted: Any, held_out: Any) -> tuple[Any, Any]:
        if self.leaks:
            return self.train_matrix[fitted], self.train_matrix[held_out]
        own = clone(self.transformer)
        return own.fit_transform(self.train.iloc[fitted]), own.transform(self.train.iloc[held_out])


def prepare(dataset: Dataset, spec: SweepSpec) -> Parts:
    """Split a dataset and prepare its columns. Raises `DatasetError` if the parts are too small to train on,
    and `UsageError` if the split or the recipe does not suit the data."""
    frame: pd.DataFrame = dataset.frame.reset_index(drop=True)
    task: Task = dataset.task
    labels = _labels(dataset)
    _check_labels(dataset, labels, spec)
    leaking = published_scaler(frame, dataset.name) if spec.recipe == "published" else None
    try:
        with warnings.catch_warnings():
            # A class with fewer rows than folds: the least that training needs is checked below.
            warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
            fitted, tested = _split(dataset, labels, spec)
            folds = tuple(_folds(dataset, labels, fitted, spec))
    except ValueError as error:
        raise DatasetError(
            f"{dataset.name} cannot be split", str(error), _MORE_ROWS, setting="split.method"
        ) from error
    train_labels = labels[fitted]
    if task == "classification":
        _check_classes(dataset, train_labels, folds)
    train, test = frame.iloc[fitted], frame.iloc[tested]
    transformer, train_matrix, seconds = _transformed(frame, train, leaking)
    if seconds < _FIRST_USE_SECONDS:
        # The first use of scikit-learn's transformers takes longer; the trials report this time.
        transformer, train_matrix, seconds = _transformed(frame, train, leaking)
    parts = Parts(
        name=dataset.name,
        target=dataset.target,
        task=task,
        classes=_classes(dataset, spec.data.positive),
        seed=spec.split.seed,
        train=train,
        test=test,
        train_labels=train_labels,
        test_labels=labels[tested],
        transformer=transformer,
        leaks=leaking is not None,
        train_matrix=train_matrix,
        test_matrix=np.ascontiguousarray(transformer.transform(test)),
        folds=folds,
        fold_matrices=None,
        preparation_seconds=seconds,
    )
    if leaking is None and train_matrix.nbytes * (len(folds) + 1) > MAX_PREPARED_BYTES:
        return parts
    return replace(parts, fold_matrices=tuple((each.fitted, each.held_out) for each in parts.fold_rows()))


def _transformed(frame: pd.DataFrame, train: pd.DataFrame, leaking: Any) -> tuple[Any, Any, float]:
    """A fitted transformer, the prepared training part, and the seconds that took."""
    started = time.perf_counter()
    transformer = fitted_transformer(frame, train) if leaking is None else leaking
    matrix = np.ascontiguousarray(transformer.transform(train))
    return transformer, matrix, time.perf_counter() - started


# ── split ────────────────────────────────────────────────────────────────────


def _labels(dataset: Dataset) -> Any:
    if dataset.task == "regression":
        return np.asarray(dataset.labels, dtype="float64")
    return np.asarray(dataset.labels, dtype=object if isinstance(dataset.classes[0], str) else "int64")


def _classes(dataset: Dataset, positive: str) -> tuple[Any, ...]:
    """The classes, the positive one of two last. Raises `UsageError` for an unknown one."""
    classes = tuple(dataset.classes)
    if not positive or not classes:
        return classes
    if positive not in map(str, classes):
        known = ", ".join(map(str, classes))
        raise UsageError(
            f"Unknown class {positive!r}", f"Classes of {dataset.target}: {known}", "Use one of them."
        )
    return tuple(sorted(classes, key=lambda label: str(label) == positive)) if len(classes) == 2 else classes


def _split(dataset: Dataset, labels: Any, spec: SweepSpec) -> tuple[Any, Any]:
    """The rows of the training and of the test part, in the order in which they are used."""
    split, rows = spec.split, np.arange(len(labels))
    if split.method == "time":
        order = _column(dataset, dataset.order, "time")
        by_time = np.argsort(order, kind="stable")
        count = int(np.ceil(len(rows) * split.test))
        # Rows of the same time stay together, in the test part unless it would take them all.
        times = order[by_time]
        cut = int(np.searchsorted(times, times[-count], "left"))
        cut = cut or int(np.searchsorted(times, times[-count], "right"))
        if not 0 < cut < len(rows):
            raise ValueError("No rows are left for training or testing.")
        return by_time[:cut], by_time[cut:]
    if split.method == "group":
        group = _column(dataset, dataset.group, "group")
        splitter = GroupShuffleSplit(1, test_size=split.test, random_state=split.seed)
        fitted, tested = next(splitter.split(rows, labels, group))
        return fitted, tested
    if split.method == "stratified" and dataset.task != "classification":
        raise UsageError(
            "A stratified split needs classes", f"{dataset.target} is a number.", "Use a random split."
        )
    stratify = labels if split.method == "stratified" else None
    fitted, tested = train_test_split(rows, test_size=split.test, random_state=split.seed, stratify=stratify)
    return fitted, tested


def _folds(dataset: Dataset, labels: Any, fitted: Any, spec: SweepSpec) -> Iterator[tuple[Any, Any]]:
    count, method = spec.split.folds, spec.split.method
    rows, own = np.zeros(len(fitted)), labels[fitted]
    if method == "time":
        times = np.unique(np.asarray(dataset.order)[fitted], return_inverse=True)[1]
        if times.max() < count:
            raise ValueError(f"{times.max() + 1} distinct times in the training part, {count} folds.")
        for before, after in TimeSeriesSplit(count).split(np.arange(times.max() + 1)):
            yield np.flatnonzero(times <= before[-1]), np.flatnonzero(np.isin(times, after))
    elif method == "group":
        yield from GroupKFold(count).split(rows, own, np.asarray(dataset.group)[fitted])
    elif dataset.task == "classification":
        yield from StratifiedKFold(count).split(rows, own)
    else:
        yield from KFold(count).split(rows)


def _column(dataset: Dataset, values: Any, what: str) -> Any:
    """The values that a split goes by, all present."""
    if values is None:
        raise UsageError(f"A split by {what} needs a column")
    found = np.asarray(values)
    if gaps := int(pd.isna(found).sum()):
        detail = f"{counted(gaps, 'row')} of {dataset.name} have no value in the column of the split."
        raise DatasetError(
            f"{dataset.name} cannot be split by {what}",
            detail,
            "Fill them, or use another column.",
            setting="split.column",
        )
    return found


def _check_labels(dataset: Dataset, labels: Any, spec: SweepSpec) -> None:
    title, target = f"{dataset.name} cannot be split", quoted(dataset.target)
    if dataset.task == "regression":
        if not np.isfinite(labels).all():
            detail = f"The target {target} is not a finite number in every row."
            raise DatasetError(title, detail, "Remove these rows.")
        if len(labels) and labels.min() == labels.max():
            detail = f"The target {target} is the same in every row."
            raise DatasetError(title, detail, "Use another target.")
    elif spec.split.method == "stratified":
        rare, count = min(Counter(labels.tolist()).items(), key=lambda item: item[1])
        if count < 2:
            detail = f"Class {quoted(str(rare))} has one row; a stratified split puts some in both parts."
            raise DatasetError(
                title, detail, "Add rows of this class, or use a random split.", setting="split.method"
            )


def _check_classes(dataset: Dataset, train_labels: Any, folds: Any) -> None:
    parts = [train_labels, *(train_labels[fitted] for fitted, _ in folds)]
    if any(len(set(part.tolist())) < 2 for part in parts):
        detail = f"{len(dataset.frame)} rows, {len(folds)} folds: one part has only one class."
        raise DatasetError(f"{dataset.name} cannot be split", detail, "Add rows of the rare class.")
