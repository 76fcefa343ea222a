"""The estimators that a sweep can train, and the parameters each of them takes.

The table is static, so that a grid is checked without importing scikit-learn; a test holds it
against scikit-learn's own signatures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from engine.errors import GridError

Value = str | int | float | bool | None
Kind = Literal["whole", "number", "word"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What one parameter accepts: whole numbers or numbers from `low` on, or one of `words`;
    None too where `optional`."""

    name: str
    kind: Kind
    default: Value
    low: float = 0
    words: tuple[str, ...] = ()
    optional: bool = False

    def accepts(self, value: Value) -> bool:
        if value is None:
            return self.optional
        if isinstance(value, bool):
            return False
        if self.kind == "word":
            return value in self.words
        if isinstance(value, int):
            return value >= self.low
        return (
            self.kind == "number" and isinstance(value, float) and math.isfinite(value) and value >= self.low
        )

    def told(self) -> str:
        """What it accepts, in words."""
        if self.kind == "word":
            said = f"one of {', '.join(self.words)}"
        else:
            said = f"a {'whole number' if self.kind == 'whole' else 'number'} from {self.low:g} on"
        return f"{said}, or None" if self.optional else said


@dataclass(frozen=True, slots=True)
class Estimator:
    """A classifier of scikit-learn: `module`.`name`.

    `logged` parameters are recorded with every trial, given or not; `naming` ones make the
    trial's name, in that order.
    """

    key: str
    title: str
    module: str
    name: str
    parameters: tuple[Parameter, ...]
    logged: tuple[str, ...]
    naming: tuple[str, ...]

    def parameter(self, name: str) -> Parameter:
        """Raises `GridError`, naming the valid ones."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        valid = ", ".join(parameter.name for parameter in self.parameters)
        close = get_close_matches(name, [parameter.name for parameter in self.parameters], 1)
        hint = f"Did you mean {close[0]}?" if close else "Use one of these, as in n_neighbors=3,5,7."
        raise GridError(f"{self.title} has no parameter {name!r}", f"It takes: {valid}", hint)

    def resolved(self, params: Mapping[str, Value]) -> dict[str, Value]:
        """The parameters to record: the logged ones with their defaults, then the rest as given."""
        known = {name: self.parameter(name).default for name in self.logged}
        return {**known, **params}

    def trial_name(self, params: Mapping[str, Value]) -> str:
        """Such as `knn-7-euclidean-uniform-auto`; parameters outside `naming` follow as `p=3`."""
        parts = [self.key, *(str(params[name]) for name in self.naming if name in params)]
        parts += [f"{name}={value}" for name, value in params.items() if name not in self.naming]
        return "-".join(parts)

    def build(self, params: Mapping[str, Value]) -> Any:
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
        Parameter("n_neighbors", "whole", 5, low=1),
        Parameter("weights", "word", "uniform", words=("uniform", "distance"), optional=True),
        Parameter("metric", "word", "minkowski", words=KNN_METRICS),
        Parameter("algorithm", "word", "auto", words=("auto", "ball_tree", "kd_tree", "brute")),
        Parameter("leaf_size", "whole", 30, low=1),
        Parameter("p", "number", 2, low=1),
        Parameter("n_jobs", "whole", None, low=1, optional=True),
    ),
    logged=("n_neighbors", "weights", "metric", "algorithm"),
    naming=("n_neighbors", "metric", "weights", "algorithm"),
)

ESTIMATORS: Mapping[str, Estimator] = {KNN.key: KNN}


def estimator(key: str) -> Estimator:
    """Raises `GridError`, naming what there is."""
    if key not in ESTIMATORS:
        raise GridError(
            f"There is no estimator {key!r}", f"Estimators: {', '.join(ESTIMATORS)}", "Use one of these."
        )
    return ESTIMATORS[key]


def check_values(chosen: Estimator, name: str, values: Sequence[Value]) -> None:
    """Raises `GridError` for a parameter without values, a value twice, or one that it cannot take."""
    parameter = chosen.parameter(name)
    if not values:
        raise GridError(f"{name} has no values", hint=f"{name} is {parameter.told()}")
    for index, value in enumerate(values):
        if not parameter.accepts(value):
            raise GridError(f"{name} cannot be {value!r}", hint=f"{name} is {parameter.told()}")
        if value in values[:index]:
            raise GridError(f"{name} lists {value!r} twice", hint="Leave one of them out.")
