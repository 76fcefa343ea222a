"""The estimators that a sweep can train, and their parameters.

The table is static so that grids can be checked without importing scikit-learn; a test compares it with
scikit-learn's own signatures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from engine.errors import GridError

ParameterValue = str | int | float | bool | None
ParameterKind = Literal["integer", "number", "choice"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """The values that a parameter accepts: integers or numbers from `minimum` up, or one of `choices`; also
    None if `optional`."""

    name: str
    kind: ParameterKind
    default: ParameterValue
    minimum: float = 0
    choices: tuple[str, ...] = ()
    optional: bool = False

    def accepts(self, value: ParameterValue) -> bool:
        if value is None:
            return self.optional
        if isinstance(value, bool):
            return False
        if self.kind == "choice":
            return value in self.choices
        if isinstance(value, int):
            return value >= self.minimum
        return (
            self.kind == "number"
            and isinstance(value, float)
            and math.isfinite(value)
            and value >= self.minimum
        )

    def requirement(self) -> str:
        """The accepted values as text."""
        if self.kind == "choice":
            text = f"one of {', '.join(self.choices)}"
        else:
            text = f"{'an integer' if self.kind == 'integer' else 'a number'} of at least {self.minimum:g}"
        return f"{text}, or None" if self.optional else text


@dataclass(frozen=True, slots=True)
class Estimator:
    """A scikit-learn classifier: `module`.`name`.

    `logged` parameters are recorded with every trial, defaults included; `naming` parameters form the trial's
    name, in that order.
    """

    key: str
    title: str
    module: str
    name: str
    parameters: tuple[Parameter, ...]
    logged: tuple[str, ...]
    naming: tuple[str, ...]

    def parameter(self, name: str) -> Parameter:
        """Raises `GridError` for an unknown parameter, listing the valid ones."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        valid = ", ".join(parameter.name for parameter in self.parameters)
        close = get_close_matches(name, [parameter.name for parameter in self.parameters], 1)
        hint = f"Did you mean {close[0]}?" if close else "Use one of these, as in n_neighbors=3,5,7."
        raise GridError(f"Unknown parameter {name!r}", f"{self.title} parameters: {valid}", hint)

    def resolved(self, params: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
        """The parameters to record: the logged ones, with defaults, then the others in `params`."""
        known = {name: self.parameter(name).default for name in self.logged}
        return {**known, **params}

    def trial_name(self, params: Mapping[str, ParameterValue]) -> str:
        """Such as `knn-7-euclidean-uniform-auto`; parameters outside `naming` follow as `p=3`."""
        parts = [self.key, *(str(params[name]) for name in self.naming if name in params)]
        parts += [f"{name}={value}" for name, value in params.items() if name not in self.naming]
        return "-".join(parts)

    def build(self, params: Mapping[str, ParameterValue]) -> Any:
        """The unfitted scikit-learn estimator."""
        from importlib import import_module

        return getattr(import_module(self.module), self.name)(**params)


KNN_METRICS = (
    "euclidean",
    "manhattan",
    "chebyshev",
    "minkowski",
    "cosine",
    "canberra",
    "braycurtis",
    "correlation",
    "sqeuclidean",
    "cityblock",
    "l1",
    "l2",
)

KNN = Estimator(
    key="knn",
    title="KNN",
    module="sklearn.neighbors",
    name="KNeighborsClassifier",
    parameters=(
        Parameter("n_neighbors", "integer", 5, minimum=1),
        Parameter("weights", "choice", "uniform", choices=("uniform", "distance"), optional=True),
        Parameter("metric", "choice", "minkowski", choices=KNN_METRICS),
        Parameter("algorithm", "choice", "auto", choices=("auto", "ball_tree", "kd_tree", "brute")),
        Parameter("leaf_size", "integer", 30, minimum=1),
        Parameter("p", "number", 2, minimum=1),
        Parameter("n_jobs", "integer", None, minimum=1, optional=True),
    ),
    logged=("n_neighbors", "weights", "metric", "algorithm"),
    naming=("n_neighbors", "metric", "weights", "algorithm"),
)

ESTIMATORS: Mapping[str, Estimator] = {KNN.key: KNN}


def estimator(key: str) -> Estimator:
    """Raises `GridError` for an unknown estimator, listing the available ones."""
    if key not in ESTIMATORS:
        raise GridError(
            f"Unknown estimator {key!r}", f"Estimators: {', '.join(ESTIMATORS)}", "Use one of these."
        )
    return ESTIMATORS[key]


def check_values(chosen: Estimator, name: str, values: Sequence[ParameterValue]) -> None:
    """Raises `GridError` for a parameter without values, or with duplicate or invalid values."""
    parameter = chosen.parameter(name)
    if not values:
        raise GridError(f"{name} has no values", hint=f"{name} must be {parameter.requirement()}.")
    for index, value in enumerate(values):
        if not parameter.accepts(value):
            raise GridError(f"{name} cannot be {value!r}", hint=f"{name} must be {parameter.requirement()}.")
        if value in values[:index]:
            raise GridError(f"{name} lists {value!r} twice", hint="Remove one of them.")
