"""What a sweep trains: data, split, models with their parameters, how they are searched, and when to stop."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.errors import UsageError
from engine.paths import heart_csv
from engine.text import quoted

Value = str | int | float | bool | None
"""A value of a parameter."""
Task = Literal["classification", "regression"]
ColumnType = Literal["number", "category", "date"]
SplitMethod = Literal["random", "stratified", "time", "group"]
SearchMethod = Literal["grid", "random", "halving", "optuna"]
Recipe = Literal["leak-free", "published"]
Sampler = Literal["tpe", "random"]
Curve = Literal["learning", "validation"]

TASKS: tuple[Task, ...] = ("classification", "regression")
COLUMN_TYPES: tuple[ColumnType, ...] = ("number", "category", "date")
SPLIT_METHODS: tuple[SplitMethod, ...] = ("random", "stratified", "time", "group")
SEARCH_METHODS: tuple[SearchMethod, ...] = ("grid", "random", "halving", "optuna")
SAMPLERS: tuple[Sampler, ...] = ("tpe", "random")
RECIPES: tuple[Recipe, ...] = ("leak-free", "published")
CURVES: tuple[Curve, ...] = ("learning", "validation")

METRICS: Mapping[Task, tuple[str, ...]] = {
    "classification": (
        *("accuracy", "balanced_accuracy", "precision_score", "recall_score", "f1_score"),
        *("precision_macro", "precision_weighted", "recall_macro", "recall_weighted"),
        *("f1_macro", "f1_weighted", "log_loss", "roc_auc", "precision_recall_auc"),
    ),
    "regression": (
        *("r2_score", "root_mean_squared_error", "mean_squared_error", "mean_absolute_error"),
        *("mean_absolute_percentage_error", "max_error"),
    ),
}
"""The metrics that may rank the trials of a sweep."""
MAX_TRIALS = 5000


@dataclass(frozen=True, slots=True)
class DataSpec:
    """A table and the column to predict.

    `path` is a CSV or Parquet file; `run_id` stands for the dataset of an earlier run, whose file is looked
    up before training; without either it is the embedded heart.csv. Empty settings are worked out from the
    data: `task`, `delimiter` and `decimal` of a CSV file, the `types` of columns. `use` names the features,
    all other columns if empty; `leave_out` removes some of them. `positive` is the label that counts as
    positive of two classes, the last one if empty.
    """

    path: str | None = None
    run_id: str = ""
    target: str = "target"
    task: Task | None = None
    use: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    delimiter: str = ""
    decimal: str = ""
    positive: str = ""

    @property
    def file(self) -> Path:
        return heart_csv() if self.path is None else Path(self.path).expanduser().absolute()


@dataclass(frozen=True, slots=True)
class SplitSpec:
    """How rows are divided. `test` is the test part's share of the rows, `folds` the number of folds on the
    training part, `column` what a split by time orders by (the test part is the latest) or a split by group
    keeps together."""

    method: SplitMethod = "random"
    column: str = ""
    test: float = 0.2
    folds: int = 5
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Range:
    """Values between `low` and `high`, for random and Optuna searches; integers if both are. `log` draws
    their logarithm evenly."""

    low: float
    high: float
    log: bool = False


Choices = tuple[Value, ...] | Range


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """An estimator, by its key in the catalogue or its dotted name, and the values to try of each parameter;
    those of the catalogue if empty."""

    estimator: str
    params: Mapping[str, Choices] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchSpec:
    """Which combinations are tried. `trials` is how many, None for all of a grid; `sampler` is Optuna's.
    Halving starts with all combinations of a grid, or with that many random ones."""

    method: SearchMethod = "grid"
    trials: int | None = None
    sampler: Sampler = "tpe"
    seed: int = 42

    @property
    def lists_all(self) -> bool:
        """Whether every combination is tried, or the first ones in order."""
        return self.method == "grid" or (self.method == "halving" and self.trials is None)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a trial or the sweep ends early; times in seconds. `no_improvement` ends the sweep after that many
    trials in a row that did not improve the best score by more than noise."""

    trial_timeout: float | None = None
    time: float | None = None
    no_improvement: int | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One model to train. `index` counts from 0; of a grid, the last parameter varies fastest."""

    index: int
    estimator: str
    params: Mapping[str, Value]
    name: str


DEFAULT_MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        "knn",
        {
            "n_neighbors": (3, 5, 7, 9, 11),
            "weights": ("uniform", "distance"),
            "metric": ("euclidean", "manhattan", "chebyshev"),
            "algorithm": ("auto", "ball_tree"),
        },
    ),
)


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """Everything that determines what a sweep trains.

    Recipe `leak-free`: all preparation of the columns is part of the model and fitted on its training rows
    only. Recipe `published`: a scaler is fitted on all rows before the split, as in the published
    heart-disease study, so test data leaks into it and the metrics are too optimistic; numbers only.
    `metric` ranks the trials, cross-validated; empty for the task's own. `baseline` adds a dummy.
    """

    experiment: str
    data: DataSpec = field(default_factory=DataSpec)
    split: SplitSpec = field(default_factory=SplitSpec)
    models: tuple[ModelSpec, ...] = DEFAULT_MODELS
    search: SearchSpec = field(default_factory=SearchSpec)
    limits: Limits = field(default_factory=Limits)
    metric: str = ""
    curves: tuple[Curve, ...] = ()
    baseline: bool = True
    recipe: Recipe = "leak-free"
    run_name: str = ""

    @property
    def parent_name(self) -> str:
        """The name of the parent run."""
        models = ", ".join(model.estimator.rpartition(".")[2] for model in self.models)
        return self.run_name or f"{models} sweep"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON types; see `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> SweepSpec:
        models = tuple(
            ModelSpec(
                model["estimator"], {name: _choices(values) for name, values in model["params"].items()}
            )
            for model in fields["models"]
        )
        return cls(
            **{
                **fields,
                "data": data_from_json(fields["data"]),
                "split": SplitSpec(**fields["split"]),
                "models": models,
                "search": SearchSpec(**fields["search"]),
                "limits": Limits(**fields["limits"]),
                "curves": tuple(fields["curves"]),
            }
        )


def data_from_json(fields: Mapping[str, Any]) -> DataSpec:
    """The data of `SweepSpec.to_json`."""
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
    return DataSpec(**values)


def _choices(values: Any) -> Choices:
    return Range(**values) if isinstance(values, Mapping) else tuple(values)


def experiment_for(path: str | None) -> str:
    """The default experiment for sweeps on a data file; None is the embedded one."""
    return Path(path).stem if path else "heart-disease-sweeps"


def check_settings(spec: SweepSpec) -> None:
    """Raises `UsageError` for a setting out of range. Models and columns are checked where they are known."""
    for error in problems(spec):
        raise error


def source_problems(data: DataSpec) -> Iterator[UsageError]:
    """What is wrong with where the data comes from; the file of the run that is named is filled in later."""
    if data.path is not None and data.run_id:
        title = "The data is either a file or the dataset of a run"
        yield UsageError(title, hint="Remove one of them.", setting="data.run_id")


def problems(spec: SweepSpec) -> Iterator[UsageError]:
    """What is wrong with the settings: errors about `split.folds`, the folds of the split, or `curves[1]`,
    the second curve."""
    if not spec.experiment.strip():
        yield UsageError("The sweep needs an experiment name", setting="experiment")
    if not spec.models:
        yield UsageError("The sweep has no model", hint="Name at least one estimator.", setting="models")
    if spec.split.method in ("time", "group") and not spec.split.column:
        yield UsageError(f"A split by {spec.split.method} needs a column", setting="split.method")
    if spec.search.method in ("random", "optuna") and spec.search.trials is None:
        title = f"Search method {spec.search.method} needs a number of trials"
        yield UsageError(title, hint="Set trials, such as 50.", setting="search.method")
    for setting, word, known, what in _words(spec):
        if word not in known:
            yield UsageError(f"Unknown {what} {quoted(word)}", f"Known: {', '.join(known)}", setting=setting)
    if spec.metric and (error := metric_problem(spec.metric, spec.data.task)):
        yield error
    for setting, what, holds, value, range_ in _numbers(spec):
        if not holds:
            yield UsageError(f"Invalid {what} {value:,}", f"It must be {range_}.", setting=setting)


def metric_problem(name: str, task: Task | None) -> UsageError | None:
    """Why a metric cannot rank the trials of a task, None if it can; without a task, it may be for any."""
    tasks = [each for each in TASKS if task in (None, each)]
    if any(name in METRICS[each] for each in tasks):
        return None
    known = "; ".join(f"Metrics for {each}: {', '.join(METRICS[each])}" for each in tasks)
    return UsageError(f"{quoted(name)} cannot rank trials", known, "Use one of these.", setting="metric")


def _words(spec: SweepSpec) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    yield "recipe", spec.recipe, RECIPES, "recipe"
    yield "data.task", spec.data.task or TASKS[0], TASKS, "task"
    for column, kind in spec.data.types.items():
        yield f"data.types.{column}", kind, COLUMN_TYPES, "column type"
    yield "split.method", spec.split.method, SPLIT_METHODS, "split method"
    yield "search.method", spec.search.method, SEARCH_METHODS, "search method"
    yield "search.sampler", spec.search.sampler, SAMPLERS, "sampler"
    for at, curve in enumerate(spec.curves):
        yield f"curves[{at}]", curve, CURVES, "curve"


def _numbers(spec: SweepSpec) -> Iterator[tuple[str, str, bool, float, str]]:
    """Where and what it is, whether it is in its range, its value, and the range."""
    split, search, limits = spec.split, spec.search, spec.limits
    yield "split.test", "test size", 0 < split.test < 1, split.test, "between 0 and 1"
    yield "split.folds", "number of folds", 2 <= split.folds <= 100, split.folds, "from 2 to 100"
    for where, seed in (("split.seed", split.seed), ("search.seed", search.seed)):
        yield where, "seed", 0 <= seed < 2**32, seed, "from 0 to 4294967295"
    without = "number of trials without improvement"
    for where, what, count in (
        ("search.trials", "number of trials", search.trials),
        ("limits.no_improvement", without, limits.no_improvement),
    ):
        if count is not None:
            yield where, what, 1 <= count <= MAX_TRIALS, count, f"from 1 to {MAX_TRIALS:,}"
    for where, what, seconds in (
        ("limits.trial_timeout", "trial timeout", limits.trial_timeout),
        ("limits.time", "time limit", limits.time),
    ):
        if seconds is not None:
            yield where, what, 0 < seconds < math.inf, seconds, "a positive number of seconds"


def fingerprint(
    spec: SweepSpec,
    sha256: str,
    trial: Trial | None = None,
    *,
    resolved: Mapping[str, Value] | None = None,
) -> str:
    """16 hex digits: equal if and only if two sweeps, or two trials, train the same thing.

    Identifies the trial if one is given, with all its parameters `resolved`; otherwise the whole sweep.
    `sha256` is that of the dataset's file. Names of experiments, runs and files do not matter, nor do limits.
    """
    settings = spec.to_json()
    facts: dict[str, Any] = {"data": sha256, "split": settings["split"], "recipe": spec.recipe}
    facts |= {name: value for name, value in settings["data"].items() if name not in ("path", "run_id")}
    if trial is None:
        facts |= {"models": settings["models"], "search": settings["search"], "baseline": spec.baseline}
    else:
        facts |= {"estimator": trial.estimator, "params": trial.params if resolved is None else resolved}
    return _digest(facts)


def split_fingerprint(spec: SweepSpec, sha256: str) -> str:
    """16 hex digits: equal if and only if two trials are tested on the same rows and cross-validated on the
    same folds. `sha256` is that of the dataset's file."""
    return _digest([sha256, spec.data.target, spec.to_json()["split"]])


def _digest(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
