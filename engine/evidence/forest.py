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
_LEAF = 3
"""The least runs of a resample in a leaf."""
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


def forest_of(
    params: Mapping[str, Sequence[str | None]], values: Sequence[float], groups: Sequence[int] = ()
) -> Forest:
    """The importances of parameters for a metric; one value per run, all finite. Runs with the same number in
    `groups` repeat each other: if one is held out, all are. Imports scikit-learn."""
    factors, _ = factors_of(params, len(values))
    n = len(values)
    if not factors:
        return Forest(n, math.nan, (), "no parameter has at least two values that were tried twice")
    if n < MIN_RUNS:
        return Forest(n, math.nan, (), f"{counted(n, 'run')} are too few, at least {MIN_RUNS} are needed")
    import numpy as np

    rng = np.random.default_rng(_SEED)
    order = rng.permutation(n)[:MAX_RUNS]
    x = np.stack([factor.codes for factor in factors], axis=1).astype(np.float32)[order]
    y = np.asarray(values, dtype=float)[order]
    if np.ptp(y) <= 1e-12 * max(1.0, float(np.abs(y).max())):
        return Forest(n, math.nan, (), "the metric is the same in all runs")
    number = (
        {group: at for at, group in enumerate(dict.fromkeys(groups[at] for at in order))} if groups else {}
    )
    places = np.asarray([number[groups[at]] for at in order] if groups else range(len(y)))
    held_out = np.array_split(np.arange(int(places.max()) + 1), FOLDS)
    parts = [np.flatnonzero(np.isin(places, part)) for part in held_out]
    forests = [_Trees(np.delete(x, part, axis=0), np.delete(y, part), rng) for part in parts]
    errors = np.concatenate(
        [(forest.predict(x[part]) - y[part]) ** 2 for forest, part in zip(forests, parts, strict=True)]
    )
    variance = float(y.var())
    share = 1 - float(errors.mean()) / variance
    if share < _MIN_SHARE:
        return Forest(len(y), share, (), "a forest cannot predict the metric from the parameters")
    shuffled = np.concatenate(
        [forest.shuffled_errors(x[part], y[part], rng) for forest, part in zip(forests, parts, strict=True)]
    )
    lost = (shuffled - errors[:, None]) / (2 * variance)
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


class _Trees:
    """A random forest: the mean of trees, each grown from a resample of the runs. scikit-learn's own forest
    spends most of the time on so few runs in copying and checking its parameters."""

    def __init__(self, x: Array, y: Array, rng: np.random.Generator) -> None:
        import numpy as np
        from sklearn import config_context
        from sklearn.tree import DecisionTreeRegressor

        order = np.random.RandomState(_SEED)  # in which a tree tries equal splits
        self._trees = []
        with config_context(skip_parameter_validation=True):
            for _ in range(_TREES):
                drawn = rng.integers(0, len(y), len(y))
                tree = DecisionTreeRegressor(min_samples_leaf=_LEAF, random_state=order)
                self._trees.append(tree.fit(x[drawn], y[drawn], check_input=False).tree_)

    def predict(self, x: Array) -> Array:
        import numpy as np

        mean: Array = np.mean([tree.predict(x)[:, 0] for tree in self._trees], axis=0)
        return mean

    def shuffled_errors(self, x: Array, y: Array, rng: np.random.Generator) -> Array:
        """The squared error for each run (rows) if a column (columns) is shuffled: the mean over shuffles."""
        import numpy as np

        columns = x.shape[1]
        shuffled = np.tile(x, (columns * _SHUFFLES, 1, 1))
        for at in range(columns * _SHUFFLES):
            column = at // _SHUFFLES
            shuffled[at, :, column] = rng.permutation(x[:, column])
        predicted = self.predict(shuffled.reshape(-1, columns)).reshape(columns, _SHUFFLES, -1)
        errors: Array = ((predicted - y) ** 2).mean(axis=1).T
        return errors
