"""How much a random forest's predictions of a metric depend on each parameter.

The additive model of `engine.evidence.effects` sees only main effects and pairs; a forest sees whatever the
parameters do together. A parameter's importance is half of what its shuffling adds to the squared error of
held-out predictions, as a share of the variance: what it explains alone and together with others (the total
effect of Jansen 1999). A forest that predicts nothing has no importances.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.evidence.effects import ALPHA, factors_of
from engine.evidence.statistics import holm, t_tails
from engine.formats import counted

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MIN_RUNS = 40
MAX_RUNS = 2000
"""More runs are sampled: importances no longer change, and the time grows."""
FOLDS = 5
_TREES = 25
_SHUFFLES = 5
_MIN_SHARE = 0.05
_SEED = 0


@dataclass(frozen=True, slots=True)
class Importance:
    """`share` is the part of the variance that a parameter explains, alone and together with others;
    `p_value` is that it is 0 (t-test over the runs), corrected for the number of parameters."""

    param: str
    share: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Forest:
    """The parameters that matter to a forest fitted to `n` runs, the most important first. It explains
    `share` of the variance of runs that it has not seen. `why_not` says why nothing is known, else empty."""

    n: int
    share: float
    importances: tuple[Importance, ...]
    why_not: str = ""


def forest_of(params: Mapping[str, Sequence[str | None]], values: Sequence[float]) -> Forest:
    """The importances of parameters for a metric; one value per run, all finite. Imports scikit-learn."""
    factors, _ = factors_of(params, len(values))
    n = len(values)
    if not factors:
        return Forest(n, math.nan, (), "no parameter has at least two values that were tried twice")
    if n < MIN_RUNS:
        return Forest(n, math.nan, (), f"{counted(n, 'run')} are too few, at least {MIN_RUNS} are needed")
    import numpy as np

    rng = np.random.default_rng(_SEED)
    order = rng.permutation(n)[:MAX_RUNS]
    x = np.stack([factor.codes for factor in factors], axis=1).astype(float)[order]
    y = np.asarray(values, dtype=float)[order]
    if np.ptp(y) <= 1e-12 * max(1.0, float(np.abs(y).max())):
        return Forest(n, math.nan, (), "the metric is the same in all runs")
    share, lost = _cross_validated(x, y, rng)
    if share < _MIN_SHARE:
        return Forest(len(y), share, (), "a forest cannot predict the metric from the parameters")
    means, errors = lost.mean(axis=0), lost.std(axis=0, ddof=1) / math.sqrt(len(y))
    p_values = holm([t_tails(m / e, len(y) - 1) if e else 1.0 for m, e in zip(means, errors, strict=True)])
    found = [
        Importance(factor.name, float(mean), float(p_value))
        for factor, mean, p_value in zip(factors, means, p_values, strict=True)
        if p_value < ALPHA and mean > 0
    ]
    why_not = "" if found else "no single parameter matters"
    ordered = tuple(sorted(found, key=lambda one: (-one.share, one.param)))
    return Forest(len(y), share, ordered, why_not)


def _cross_validated(x: Array, y: Array, rng: np.random.Generator) -> tuple[float, Array]:
    """The share of the variance that held-out predictions explain, and the importance of each column of `x`
    (columns) for the prediction of each run (rows)."""
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    n, columns = x.shape
    errors, lost = np.zeros(n), np.zeros((n, columns))
    for held_out in np.array_split(np.arange(n), FOLDS):
        fitted = np.setdiff1d(np.arange(n), held_out)
        forest = RandomForestRegressor(_TREES, min_samples_leaf=2, random_state=_SEED, n_jobs=1)
        forest.fit(x[fitted], y[fitted])
        errors[held_out] = (forest.predict(x[held_out]) - y[held_out]) ** 2
        shuffled = np.tile(x[held_out], (columns * _SHUFFLES, 1, 1))
        for at in range(columns * _SHUFFLES):
            column = at // _SHUFFLES
            shuffled[at, :, column] = rng.permutation(x[held_out, column])
        predicted = forest.predict(shuffled.reshape(-1, columns)).reshape(columns, _SHUFFLES, -1)
        lost[held_out] = ((predicted - y[held_out]) ** 2).mean(axis=1).T - errors[held_out, None]
    variance = float(y.var())
    return 1 - float(errors.mean()) / variance, lost / (2 * variance)
