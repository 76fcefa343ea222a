"""The settings of a sweep as an operator writes them, on a command line or in a dialog."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict

from engine.api import (
    COLUMN_TYPES,
    CURVES,
    SPLIT_METHODS,
    DataSpec,
    Limits,
    ModelSpec,
    SearchSpec,
    SplitSpec,
    SweepSpec,
    estimator,
    experiment_for,
    grid_text,
    parse_grid,
)
from engine.errors import GridError, UsageError

if TYPE_CHECKING:
    from engine.api import Choices, ColumnType, Task

OF_RUN = "run:"
"""Before the id of a run whose dataset is the data."""
AUTOMATIC = "auto"
"""Stands for what is worked out from the data."""
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|)")
_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


class Settings(TypedDict, total=False):
    """The settings that were given. Columns are given with their types as `COLUMN=TYPE`, the split as
    `random`, `stratified`, `time:COLUMN` or `group:COLUMN`, the grid as text, times in text such as `90s`."""

    experiment: str
    data: str
    """A path, `run:RUN_ID`, or empty for the embedded data."""
    target: str
    task: str
    use: Sequence[str]
    leave_out: Sequence[str]
    types: Sequence[str]
    positive: str
    estimators: Sequence[str]
    grid: str
    split: str
    test: float
    folds: int
    seed: int
    search: str
    sampler: str
    trials: int | None
    trial_timeout: str
    time_limit: str
    no_improvement: int | None
    metric: str
    curves: Sequence[str]
    baseline: bool
    recipe: str
    run_name: str


def new_sweep(data: str = "") -> SweepSpec:
    """A sweep with all defaults, on a data file, the dataset of a run, or the embedded data."""
    found = _data_place(data)
    return SweepSpec(
        experiment="" if found["run_id"] else experiment_for(found["path"]), data=DataSpec(**found)
    )


def with_settings(spec: SweepSpec, given: Settings) -> SweepSpec:
    """`spec` with the given settings in place of its own. Raises `UsageError` or `GridError` for those that
    cannot be understood; what they mean is checked before training."""
    values: dict[str, Any] = dict(given)
    models = _models(spec.models, values["estimators"]) if "estimators" in values else spec.models
    if "grid" in values:
        models = with_grid(models, values["grid"])
    changes = _given(values, "experiment", "metric", "baseline", "recipe", "run_name")
    if "curves" in values:
        changes["curves"] = tuple(_one_of(name, CURVES, "curve") for name in values["curves"])
    return replace(
        spec,
        data=_data(spec.data, values),
        split=_split(spec.split, values),
        models=models,
        search=_search(spec.search, values),
        limits=_limits(spec.limits, values),
        **changes,
    )


def _given(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _data(data: DataSpec, values: Mapping[str, Any]) -> DataSpec:
    changes = _data_place(values["data"]) if "data" in values else {}
    changes |= _given(values, "target", "positive")
    changes |= {name: tuple(names) for name, names in _given(values, "use", "leave_out").items()}
    if "task" in values:
        changes["task"] = None if values["task"] in ("", AUTOMATIC) else values["task"]
    if "types" in values:
        changes["types"] = column_types(values["types"])
    return replace(data, **changes)


def _data_place(text: str) -> dict[str, Any]:
    if text.startswith(OF_RUN):
        return {"path": None, "run_id": text.removeprefix(OF_RUN).strip()}
    return {"path": text or None, "run_id": ""}


def data_text(data: DataSpec) -> str:
    """Where the data is, as it is given."""
    return f"{OF_RUN}{data.run_id}" if data.run_id else data.path or ""


def data_name(data: DataSpec) -> str:
    """What the data is called on a screen."""
    return f"dataset of run {data.run_id[:8]}" if data.run_id else data.file.name


def column_types(texts: Sequence[str]) -> dict[str, ColumnType]:
    """The types of columns, each given as `COLUMN=TYPE`. Raises `UsageError`."""
    types: dict[str, ColumnType] = {}
    for text in texts:
        column, equals, name = text.rpartition("=")
        if not equals or not column:
            raise UsageError(f"Invalid type {text!r}", hint=f"Write COLUMN=TYPE: {', '.join(COLUMN_TYPES)}.")
        types[column] = _one_of(name, COLUMN_TYPES, "column type")
    return types


def _split(split: SplitSpec, values: Mapping[str, Any]) -> SplitSpec:
    changes = _given(values, "test", "folds", "seed")
    if "split" in values:
        method, _, column = values["split"].partition(":")
        changes |= {"method": _one_of(method, SPLIT_METHODS, "split"), "column": column}
        if method in ("time", "group") and not column:
            raise UsageError(f"A split by {method} needs a column", hint=f"Write {method}:COLUMN.")
        if method in ("random", "stratified") and column:
            raise UsageError(f"A {method} split takes no column", hint="Use time:COLUMN or group:COLUMN.")
    return replace(split, **changes)


def split_text(split: SplitSpec) -> str:
    return f"{split.method}:{split.column}" if split.column else split.method


def _search(search: SearchSpec, values: Mapping[str, Any]) -> SearchSpec:
    changes = _given(values, "sampler", "trials", "seed")
    if "search" in values:
        changes["method"] = values["search"]
    return replace(search, **changes)


def _limits(limits: Limits, values: Mapping[str, Any]) -> Limits:
    changes = _given(values, "no_improvement")
    if "trial_timeout" in values:
        changes["trial_timeout"] = seconds(values["trial_timeout"])
    if "time_limit" in values:
        changes["time"] = seconds(values["time_limit"])
    return replace(limits, **changes)


# ── models ───────────────────────────────────────────────────────────────────


def _models(models: Sequence[ModelSpec], names: Sequence[str]) -> tuple[ModelSpec, ...]:
    """A model for each name; one that is known keeps its grid. Raises `UsageError` without any."""
    if not names:
        raise UsageError("The sweep has no model", hint="Name at least one estimator.")
    known = {model.estimator: model for model in models}
    return tuple(known.get(name, ModelSpec(name)) for name in dict.fromkeys(names))


def with_grid(models: Sequence[ModelSpec], text: str) -> tuple[ModelSpec, ...]:
    """The models with the values of a grid such as `knn.n_neighbors=3,5 ridge.alpha=1,10`; of a single model,
    `n_neighbors=3,5` suffices. A model that the grid does not mention keeps its own. Raises `GridError`."""
    grids: dict[str, dict[str, Choices]] = {}
    for name, choices in parse_grid(text).items():
        prefix, _, parameter = name.rpartition(".")
        model = _model_named(models, prefix, parameter)
        grids.setdefault(model.estimator, {})[parameter] = choices
    return tuple(
        replace(model, params=grids[model.estimator]) if model.estimator in grids else model
        for model in models
    )


def _model_named(models: Sequence[ModelSpec], prefix: str, parameter: str) -> ModelSpec:
    if not prefix and len(models) == 1:
        return models[0]
    names = ", ".join(short_name(model) for model in models)
    if not prefix:
        example = f"{short_name(models[0])}.{parameter}=…"
        raise GridError(f"{parameter} of which estimator?", f"Estimators: {names}", f"Write {example}")
    found = [model for model in models if prefix in (model.estimator, short_name(model))]
    if not found:
        raise GridError(
            f"{prefix} is not an estimator of this sweep", f"Estimators: {names}", "Add it to the estimators."
        )
    return found[0]


def short_name(model: ModelSpec) -> str:
    """The key of an estimator, or the last part of its dotted name."""
    return model.estimator.rpartition(".")[2]


def models_text(models: Sequence[ModelSpec], task: Task | None = None, separator: str = "\n") -> str:
    """The grids of the models as `with_grid` reads them, the usual ones of a task where a model has none."""
    lines = []
    for model in models:
        params = model.params or estimator(model.estimator).default_grid(task or "classification")
        prefix = f"{short_name(model)}." if len(models) > 1 else ""
        if params:
            lines.append(grid_text({f"{prefix}{name}": choices for name, choices in params.items()}))
    return separator.join(lines)


# ── numbers and times ────────────────────────────────────────────────────────


def seconds(text: str) -> float | None:
    """A time such as `90`, `60s`, `5m` or `1h30m`; None if empty. Raises `UsageError`."""
    compact = text.replace(" ", "").lower()
    if not compact:
        return None
    parts = _PART.findall(compact)
    if "".join(number + unit for number, unit in parts) != compact:
        raise UsageError(f"Invalid time {text!r}", hint="Write it as 60s, 5m or 1h30m.")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def seconds_text(value: float | None) -> str:
    """A time as `seconds` reads it."""
    if value is None:
        return ""
    for unit in ("d", "h", "m"):
        if value and value % _UNITS[unit] == 0:
            return f"{value / _UNITS[unit]:g}{unit}"
    return f"{value:g}s"


def whole_number(text: str, what: str) -> int | None:
    """An integer; None if empty. Raises `UsageError`."""
    if not text:
        return None
    if not re.fullmatch(r"\d{1,12}", text, re.ASCII):
        raise UsageError(f"Invalid {what} {text!r}", hint="It must be an integer.")
    return int(text)


def fraction(text: str, what: str) -> float:
    """A number, or a percentage such as `20%`. Raises `UsageError`."""
    try:
        return float(text.rstrip("% ")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise UsageError(f"Invalid {what} {text!r}", hint="Write it as 0.2 or 20%.") from None


def _one_of(word: str, known: Sequence[str], what: str) -> Any:
    if word not in known:
        raise UsageError(f"Unknown {what} {word!r}", f"Known: {', '.join(known)}")
    return word
