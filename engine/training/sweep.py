"""What a sweep is: a grid of parameters over a data set, and the trials it makes."""

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
from engine.training.datasets import Dataset, DatasetSpec
from engine.training.estimators import Value, check_values, estimator

Recipe = Literal["leak-free", "published"]
RECIPES: tuple[Recipe, ...] = ("leak-free", "published")

MAX_TRIALS = 5000
_EXAMPLE = "Write it as n_neighbors=3,5,7 weights=uniform,distance"

DEFAULT_GRID: Mapping[str, tuple[Value, ...]] = {
    "n_neighbors": (3, 5, 7, 9, 11),
    "weights": ("uniform", "distance"),
    "metric": ("euclidean", "manhattan", "chebyshev"),
    "algorithm": ("auto", "ball_tree"),
}


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """Everything that decides what a sweep trains.

    Recipe `leak-free`: the scaler is fitted on the training part only. Recipe `published`: it is
    fitted on all rows before the split, as the published heart-disease work did; its figures are
    too good by what the scaler knows of the test rows.
    `test_size` is the test part's share of the rows, `cv_folds` the folds on the training part.
    """

    experiment: str
    dataset: DatasetSpec = field(default_factory=DatasetSpec)
    estimator: str = "knn"
    grid: Mapping[str, tuple[Value, ...]] = field(default_factory=lambda: DEFAULT_GRID)
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
    """One point of the grid. `index` counts from 0, the last parameter of the grid fastest."""

    index: int
    params: Mapping[str, Value]
    name: str


def experiment_for(path: str | None) -> str:
    """The experiment in which sweeps on a data file land when none is named; None is the embedded one."""
    return Path(path).stem if path else "heart-disease-sweeps"


def trials(spec: SweepSpec) -> tuple[Trial, ...]:
    """All trials of a sweep.

    Raises `GridError` for an unknown estimator or parameter, missing, doubled or impossible
    values, or too many trials; `UsageError` for anything else that is out of range.
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
            f"The grid makes {total:,} trials",
            f"At most {MAX_TRIALS:,} are trained at once.",
            "Leave values out, or train it in parts.",
        )
    points = itertools.product(*spec.grid.values())
    return tuple(
        Trial(index, params, chosen.trial_name(params))
        for index, params in enumerate(dict(zip(spec.grid, point, strict=True)) for point in points)
    )


def check_rows(spec: SweepSpec, rows: int) -> None:
    """Raises `GridError` where a trial needs more neighbours than the smallest part that it is fitted on
    has rows: the training part without its largest fold. `rows` are those of the whole data set."""
    training = rows - math.ceil(rows * spec.test_size)
    least = training - math.ceil(training / spec.cv_folds)
    for value in spec.grid.get("n_neighbors", ()):
        if least > 0 and isinstance(value, int) and value > least:
            raise GridError(
                f"n_neighbors cannot be {value} on so few rows",
                f"Of {rows} rows {training} are for training; cross-validation fits on {least} of them.",
                f"Use values up to {least}, or more rows.",
            )


def parse_grid(text: str) -> Mapping[str, tuple[Value, ...]]:
    """A grid as written by hand: `n_neighbors=3,5,7 weights=uniform,distance`.

    Whole numbers, numbers, `true`, `false` and `none` are read as such, everything else as a word.
    Raises `GridError`; whether the estimator takes the values is for `trials` to say.
    """
    grid: dict[str, tuple[Value, ...]] = {}
    for part in re.sub(r"\s*([=,])\s*", r"\1", text).split():
        name, equals, listed = part.partition("=")
        if not name or not equals:
            raise GridError(f"{part[:80]!r} is no parameter with values", hint=_EXAMPLE)
        if name in grid:
            raise GridError(f"{name} is in the grid twice", hint="List all its values once: k=3,5,7.")
        words = listed.split(",")
        if "" in words or "=" in listed:
            raise GridError(f"{name} has an empty value or two signs =", f"in {part[:80]!r}", _EXAMPLE)
        grid[name] = tuple(_typed(word) for word in words)
    if not grid:
        raise GridError("The grid is empty", hint=_EXAMPLE)
    return grid


def grid_text(grid: Mapping[str, tuple[Value, ...]]) -> str:
    """A grid as `parse_grid` reads it."""
    return " ".join(f"{name}={','.join(map(str, values))}" for name, values in grid.items())


def fingerprint(spec: SweepSpec, dataset: Dataset, params: Mapping[str, Value] | None = None) -> str:
    """16 hex digits that two trainings share exactly when they train the same.

    Of a trial with `params`; without, of the whole sweep. Names of experiments, runs and files
    do not count, the bytes of the data set do.
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


def _typed(word: str) -> Value:
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
        raise UsageError("The sweep names no experiment")
    if spec.recipe not in RECIPES:
        raise UsageError(f"There is no recipe {spec.recipe!r}", f"Recipes: {', '.join(RECIPES)}")
    if not 0 < spec.test_size < 1:
        raise UsageError(f"The test part cannot be {spec.test_size:g} of the rows", "It is between 0 and 1.")
    if not 2 <= spec.cv_folds <= 100:
        raise UsageError(f"Cross-validation cannot have {spec.cv_folds} folds", "It has 2 to 100.")
    if not 0 <= spec.random_state < 2**32:
        raise UsageError(f"The random state cannot be {spec.random_state}", "It is 0 to 4294967295.")
