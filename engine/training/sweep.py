"""Sweeps: a parameter grid over a dataset, and its trials."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.errors import GridError, UsageError
from engine.text import quoted
from engine.training.datasets import Dataset, DatasetSpec
from engine.training.estimators import ParameterValue, check_values, estimator

Recipe = Literal["leak-free", "published"]
RECIPES: tuple[Recipe, ...] = ("leak-free", "published")

MAX_TRIALS = 5000
_EXAMPLE = "Write it as n_neighbors=3,5,7 weights=uniform,distance"

DEFAULT_GRID: Mapping[str, tuple[ParameterValue, ...]] = {
    "n_neighbors": (3, 5, 7, 9, 11),
    "weights": ("uniform", "distance"),
    "metric": ("euclidean", "manhattan", "chebyshev"),
    "algorithm": ("auto", "ball_tree"),
}


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """Everything that determines what a sweep trains.

    Recipe `leak-free`: the scaler is fitted on the training part only. Recipe `published`: it is fitted on
    all rows before the split, as in the published heart-disease study, so test data leaks into it and the
    metrics are too optimistic. `test_size` is the test part's share of the rows, `cv_folds` the number of
    folds on the training part.
    """

    experiment: str
    dataset: DatasetSpec = field(default_factory=DatasetSpec)
    estimator: str = "knn"
    grid: Mapping[str, tuple[ParameterValue, ...]] = field(default_factory=lambda: DEFAULT_GRID)
    recipe: Recipe = "leak-free"
    run_name: str = ""
    test_size: float = 0.2
    random_state: int = 42
    cv_folds: int = 5

    @property
    def parent_name(self) -> str:
        return self.run_name or f"{self.estimator} sweep"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "grid": {name: list(values) for name, values in self.grid.items()}}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> SweepSpec:
        grid = {name: tuple(values) for name, values in fields["grid"].items()}
        return cls(**{**fields, "dataset": DatasetSpec(**fields["dataset"]), "grid": grid})


@dataclass(frozen=True, slots=True)
class Trial:
    """One point of the grid. `index` counts from 0; the last parameter of the grid varies fastest."""

    index: int
    params: Mapping[str, ParameterValue]
    name: str


def experiment_for(path: str | None) -> str:
    """The default experiment for sweeps on a data file; None is the embedded one."""
    return Path(path).stem if path else "heart-disease-sweeps"


def trials(spec: SweepSpec) -> tuple[Trial, ...]:
    """All trials of a sweep.

    Raises `GridError` for an unknown estimator or parameter, missing, duplicate or invalid values, or too
    many trials; `UsageError` for any other setting out of range.
    """
    _check(spec)
    chosen = estimator(spec.estimator)
    if not spec.grid:
        raise GridError("The grid is empty", hint=_EXAMPLE)
    for name, values in spec.grid.items():
        check_values(chosen, name, values)
    total = math.prod(len(values) for values in spec.grid.values())
    if total > MAX_TRIALS:
        raise GridError(
            f"The grid has {total:,} trials",
            f"At most {MAX_TRIALS:,} can be trained in one sweep.",
            "Remove values, or split the grid over several sweeps.",
        )
    points = itertools.product(*spec.grid.values())
    return tuple(
        Trial(index, params, chosen.trial_name(params))
        for index, params in enumerate(dict(zip(spec.grid, point, strict=True)) for point in points)
    )


def check_rows(spec: SweepSpec, rows: int) -> None:
    """Raises `GridError` if a trial needs more neighbors than the smallest part it is fitted on has rows: the
    training part without its largest fold. `rows` is the row count of the dataset."""
    training = rows - math.ceil(rows * spec.test_size)
    smallest = training - math.ceil(training / spec.cv_folds)
    for value in spec.grid.get("n_neighbors", ()):
        if smallest > 0 and isinstance(value, int) and value > smallest:
            raise GridError(
                f"n_neighbors cannot be {value} with only {rows} rows",
                f"{training} rows are for training; cross-validation fits on {smallest} of them.",
                f"Use values up to {smallest}, or add rows.",
            )


def parse_grid(text: str) -> Mapping[str, tuple[ParameterValue, ...]]:
    """Parse a grid such as `n_neighbors=3,5,7 weights=uniform,distance`.

    Integers, numbers, `true`, `false` and `none` are converted, everything else stays text. Raises
    `GridError` for invalid syntax; `trials` checks whether the estimator accepts the values.
    """
    grid: dict[str, tuple[ParameterValue, ...]] = {}
    for part in re.sub(r"\s*([=,])\s*", r"\1", text).split():
        name, equals, values = part.partition("=")
        if not name or not equals:
            raise GridError(f"Invalid grid entry {quoted(part)}", hint=_EXAMPLE)
        if name in grid:
            raise GridError(f"Duplicate parameter {name}", hint=f"List all values together: {name}=3,5,7.")
        words = values.split(",")
        if "" in words or "=" in values:
            raise GridError(f"{name} has an empty value or an extra `=`", f"in {quoted(part)}", _EXAMPLE)
        grid[name] = tuple(_parse_value(word) for word in words)
    if not grid:
        raise GridError("The grid is empty", hint=_EXAMPLE)
    return grid


def grid_text(grid: Mapping[str, tuple[ParameterValue, ...]]) -> str:
    """A grid as text that `parse_grid` reads back."""
    return " ".join(f"{name}={','.join(map(str, values))}" for name, values in grid.items())


def fingerprint(spec: SweepSpec, dataset: Dataset, params: Mapping[str, ParameterValue] | None = None) -> str:
    """16 hex digits: equal if and only if two sweeps, or two trials, train the same thing.

    Identifies a trial if `params` are given, otherwise the whole sweep. Names of experiments, runs and files
    do not matter; the bytes of the dataset do.
    """
    facts: dict[str, Any] = {
        "data": dataset.sha256,
        "target": dataset.target,
        "estimator": spec.estimator,
        "recipe": spec.recipe,
        "test_size": spec.test_size,
        "random_state": spec.random_state,
        "cv_folds": spec.cv_folds,
    }
    if params is None:
        facts["grid"] = {name: list(values) for name, values in spec.grid.items()}
    else:
        facts["params"] = estimator(spec.estimator).resolved(params)
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def split_fingerprint(spec: SweepSpec, dataset: Dataset) -> str:
    """16 hex digits: equal if and only if two trials are tested on the same rows and cross-validated on the
    same folds."""
    facts = [dataset.sha256, dataset.target, spec.test_size, spec.random_state, spec.cv_folds]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _parse_value(word: str) -> ParameterValue:
    match word.lower():
        case "true":
            return True
        case "false":
            return False
        case "none" | "null":
            return None
    if re.fullmatch(r"[+-]?\d+", word, re.ASCII):
        return int(word) if len(word) <= 18 else word
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", word, re.ASCII):
        return float(word)
    return word


def _check(spec: SweepSpec) -> None:
    if not spec.experiment.strip():
        raise UsageError("The sweep needs an experiment name")
    if spec.recipe not in RECIPES:
        raise UsageError(f"Unknown recipe {spec.recipe!r}", f"Recipes: {', '.join(RECIPES)}")
    if not 0 < spec.test_size < 1:
        raise UsageError(f"Invalid test size {spec.test_size:g}", "It must be between 0 and 1.")
    if not 2 <= spec.cv_folds <= 100:
        raise UsageError(f"Invalid number of folds {spec.cv_folds}", "It must be from 2 to 100.")
    if not 0 <= spec.random_state < 2**32:
        raise UsageError(f"Invalid random state {spec.random_state}", "It must be from 0 to 4294967295.")
