"""Which parameters a metric depends on, and how much of its variance each explains.

An additive model with one mean per parameter value is fitted to the runs. A parameter's effect is what the
model loses without it, so that values that were only tried together with others are not credited twice. Only
effects that an F-test, corrected for the number of parameters, finds at `ALPHA` are reported: on pure noise,
99 of 100 sweeps report nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

from engine.evidence.statistics import Interval, f_tail, holm, t_tails
from engine.formats import as_number, counted, number
from engine.runs.metrics import Direction
from engine.text import Shown, safe

if TYPE_CHECKING:
    import numpy as np
    from threadpoolctl import ThreadpoolController

    Array = np.ndarray[Any, Any]

ALPHA = 0.01
MAX_LEVELS = 8
"""A numeric parameter with more values is divided into quarters; a text with more names runs, not choices."""
RESAMPLES = 300
_CLAUSES = 3
_SEED = 0


@dataclass(frozen=True, slots=True)
class Level:
    """One value of a parameter, or a range of values: its runs and their metric. `spread` is the standard
    deviation, NaN for one run."""

    value: str
    n: int
    mean: float
    spread: float


@dataclass(frozen=True, slots=True)
class Cell:
    """The runs with one value of each of two parameters: their mean, and what the effects of each parameter
    predict (`expected`)."""

    values: tuple[str, str]
    n: int
    mean: float
    expected: float


@dataclass(frozen=True, slots=True)
class Effect:
    """A parameter, or two that interact (`other`).

    `share` is the part of the metric's variance that only this effect explains, with a bootstrap `interval`;
    `p_value` is corrected for the number of effects tested. `levels` are ordered by mean, the highest first;
    empty for an interaction. `apart` are the pairs of them, (higher, lower), whose means, other parameters
    being equal, differ by more than chance: t-tests corrected for the number of pairs. `cell` is the
    combination where an interaction shows most.
    """

    param: str
    other: str
    share: float
    interval: Interval
    p_value: float
    levels: tuple[Level, ...] = ()
    apart: tuple[tuple[str, str], ...] = ()
    cell: Cell | None = None

    @property
    def departure(self) -> Shown:
        """`most with chebyshev and 3: mean 0.7951, 0.0260 above what both suggest (n=4)`; empty for a main
        effect."""
        if (cell := self.cell) is None:
            return Shown("")
        gap = cell.mean - cell.expected
        side = "above" if gap > 0 else "below"
        return safe(
            f"most with {cell.values[0]} and {cell.values[1]}: mean {number(cell.mean)}, "
            f"{number(abs(gap))} {side} what both suggest (n={cell.n})"
        )

    def ranking(self, direction: Direction) -> Shown:
        """`euclidean and manhattan beat chebyshev; euclidean beats manhattan`; empty without such pairs."""
        beaten: dict[str, list[str]] = {}
        names = [level.value for level in self.levels]
        for high, low in self.apart:
            better, worse = (high, low) if direction == "higher" else (low, high)
            beaten.setdefault(worse, []).append(better)
        clauses: dict[tuple[str, ...], list[str]] = {}
        for worse in sorted(beaten, key=lambda name: -len(beaten[name])):
            clauses.setdefault(tuple(sorted(beaten[worse], key=names.index)), []).append(worse)
        said = [
            f"{_listed(better)} {'beat' if len(better) > 1 else 'beats'} {_listed(worse)}"
            for better, worse in clauses.items()
        ]
        unbeaten = [name for name in names if name not in beaten]
        if said and len(unbeaten) > 1:
            said.append(f"{_listed(unbeaten)} cannot be distinguished")
        return safe("; ".join(said[:_CLAUSES]))


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects on a metric, the largest first. `tested` are the parameters that were examined, `skipped`
    maps others to the reason; `why_not` says why nothing could be examined, empty otherwise. `residuals` are
    what the additive model leaves of each run's metric, in the order of the runs; empty without a model."""

    n: int
    tested: tuple[str, ...]
    skipped: Mapping[str, str]
    effects: tuple[Effect, ...]
    interactions: tuple[Effect, ...]
    why_not: str = ""
    residuals: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Factor:
    """A parameter as the index of its level in each run."""

    name: str
    levels: tuple[str, ...]
    codes: Array


def effects_of(params: Mapping[str, Sequence[str | None]], values: Sequence[float]) -> Effects:
    """The effects of parameters on a metric; one value per run, all finite. A run without a parameter has the
    level `–` of it."""
    import numpy as np

    n, y = len(values), np.asarray(values, dtype=float)
    factors, skipped = factors_of(params, n)
    tested = tuple(factor.name for factor in factors)
    columns = sum(len(factor.levels) - 1 for factor in factors)
    why_not = ""
    if not factors:
        why_not = "no parameter has at least two values that were tried twice"
    elif n < columns + 1 + max(5, n // 10):
        why_not = f"{n} runs are too few for {columns + 1} values of {counted(len(factors), 'parameter')}"
    elif np.ptp(y) <= 1e-12 * max(1.0, float(np.abs(y).max())):
        why_not = "the metric is the same in all runs"
    if why_not:
        return Effects(n, tested, skipped, (), (), why_not)
    with _one_thread():
        model = _Model(factors, y)
        found = _significant([((factor,), model.f_test(factor)) for factor in factors])
        pairs = [pair for pair in combinations(factors, 2) if model.can_interact(pair)]
        crossed = _significant([(pair, model.interaction_test(pair)) for pair in pairs])
        return Effects(
            n,
            tested,
            skipped,
            tuple(sorted((_main_effect(model, factor, p) for (factor,), p in found), key=_by_share)),
            tuple(sorted((_interaction(model, pair, p) for pair, p in crossed), key=_by_share)),
            residuals=tuple(model.residuals.tolist()),
        )


def _one_thread() -> AbstractContextManager[object]:
    """Keep numpy's linear algebra to one thread: on a busy machine, several mostly spin while they wait for
    each other, and take five times the CPU."""
    limits: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limits


@cache
def _libraries() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _by_share(effect: Effect) -> tuple[float, str, str]:
    return -effect.share, effect.param, effect.other


def _significant(tests: Sequence[tuple[Any, float]]) -> list[tuple[Any, float]]:
    corrected = holm([p_value for _, p_value in tests])
    return [(what, p) for (what, _), p in zip(tests, corrected, strict=True) if p < ALPHA]


def factors_of(params: Mapping[str, Sequence[str | None]], n: int) -> tuple[list[_Factor], dict[str, str]]:
    """The parameters that can have an effect, and why others cannot. Parameters that always change together
    are one factor under the first name."""
    import numpy as np

    factors: list[_Factor] = []
    skipped: dict[str, str] = {}
    seen: dict[bytes, str] = {}
    for name in sorted(params):
        levels, codes = _levels(params[name])
        if len(levels) < 2:
            skipped[name] = "one value"
        elif len(levels) > MAX_LEVELS:
            skipped[name] = f"{len(levels)} values"
        elif n == len(levels):
            skipped[name] = "another value in every run"
        else:
            first = {code: index for index, code in reversed(list(enumerate(codes)))}
            order = {code: rank for rank, code in enumerate(sorted(first, key=first.__getitem__))}
            pattern = np.asarray([order[code] for code in codes], dtype=np.int16).tobytes()
            if pattern in seen:
                skipped[name] = f"changes only together with {seen[pattern]}"
            else:
                seen[pattern] = name
                factors.append(_Factor(name, levels, np.asarray(codes)))
    return factors, skipped


def _levels(values: Sequence[str | None]) -> tuple[tuple[str, ...], list[int]]:
    """The levels of a parameter and the level of each run: its values, or the quarters of many numbers."""
    texts = ["–" if value is None else value for value in values]
    distinct = set(texts)
    numbers = {text: as_number(text) for text in distinct}
    numeric = all(number is not None and math.isfinite(number) for number in numbers.values())
    if not numeric:
        levels = sorted(distinct)
    elif len(distinct) <= MAX_LEVELS:
        levels = sorted(distinct, key=lambda text: (numbers[text], text))
    else:
        return _quarters([numbers[text] or 0.0 for text in texts])
    index = {text: code for code, text in enumerate(levels)}
    return tuple(levels), [index[text] for text in texts]


def _quarters(numbers: Sequence[float]) -> tuple[tuple[str, ...], list[int]]:
    import numpy as np

    array = np.asarray(numbers)
    bounds = np.unique(np.quantile(array, [0.25, 0.5, 0.75], method="lower"))
    codes = np.searchsorted(bounds, array, side="left")
    kept, codes = np.unique(codes, return_inverse=True)
    names = []
    for code in range(len(kept)):
        part = array[codes == code]
        names.append(
            f"{part.min():.4g} … {part.max():.4g}" if part.min() < part.max() else f"{part.min():.4g}"
        )
    return tuple(names), codes.tolist()


class _Model:
    """The additive model of some factors, by least squares on the distinct combinations of levels."""

    def __init__(self, factors: Sequence[_Factor], y: Array) -> None:
        import numpy as np

        self.factors = tuple(factors)
        self.y = y
        combos, cells = np.unique(
            np.stack([factor.codes for factor in factors], axis=1), axis=0, return_inverse=True
        )
        self._cells = cells.reshape(-1)
        self._combos = combos
        self._blocks = [
            np.eye(len(factor.levels))[combos[:, index]][:, 1:] for index, factor in enumerate(self.factors)
        ]
        centred = y - y.mean()
        self.variance = float((centred**2).sum())
        self._counts = np.bincount(self._cells, minlength=len(combos)).astype(float)
        self._sums = np.bincount(self._cells, centred, len(combos))
        self._full = self._design()
        self._error, rank, beta = self._fit(self._full)
        self._freedom = len(y) - rank
        self._rank = rank
        self.residuals = centred - (self._full @ beta)[self._cells]

    def f_test(self, factor: _Factor) -> float:
        """The p-value that the metric does not depend on the factor, given the others."""
        error, rank, _ = self._fit(self._design(without=factor))
        return self._f(error - self._error, self._rank - rank, self._error, self._freedom)

    def can_interact(self, pair: tuple[_Factor, _Factor]) -> bool:
        """Whether there are runs enough to fit a mean for each combination of two factors."""
        return self._rank + (len(pair[0].levels) - 1) * (len(pair[1].levels) - 1) + 5 <= len(self.y)

    def interaction_test(self, pair: tuple[_Factor, _Factor]) -> float:
        """The p-value that the effect of each factor of a pair does not depend on the other."""
        error, rank, _ = self._fit(self._design(pair=pair))
        return self._f(self._error - error, rank - self._rank, error, len(self.y) - rank)

    def share(
        self, *, factor: _Factor | None = None, pair: tuple[_Factor, _Factor] | None = None
    ) -> tuple[float, Interval]:
        """The share of the variance that the model loses without a factor, or gains by an interaction, with
        its bootstrap interval."""
        import numpy as np

        larger = self._full if pair is None else self._design(pair=pair)
        smaller = self._full if factor is None else self._design(without=factor)
        drawn = self._gain(larger, smaller, *self._resampled(larger))
        low, high = np.quantile(drawn, [0.025, 0.975])
        (share,) = self._gain(larger, smaller, self._sums[:, None], np.array([self.variance]))
        return float(share), Interval(max(0.0, float(low)), min(1.0, float(high)))

    def _gain(self, larger: Array, smaller: Array, sums: Array, variances: Array) -> Array:
        """What one design explains more than another of each column's variance."""
        import numpy as np

        gain = np.zeros(sums.shape[1])
        for design, sign in ((larger, 1), (smaller, -1)):
            moments = design.T @ sums
            inverse = np.linalg.pinv((design * self._counts[:, None]).T @ design, rcond=1e-10, hermitian=True)
            gain += sign * (moments * (inverse @ moments)).sum(axis=0)
        return gain / variances

    def _resampled(self, design: Array) -> tuple[Array, Array]:
        """The sums per combination and the variance of the metric if the runs were repeated: a design's
        values with resampled residuals, for a sweep chooses its combinations. The residuals are
        scaled up by what the fit has taken from them; the seed is fixed."""
        import numpy as np

        n = len(self.y)
        _, rank, beta = self._fit(design)
        fitted = (design @ beta)[self._cells]
        residuals = self.y - self.y.mean() - fitted
        noise = residuals * math.sqrt(n / max(1, n - rank))
        rng = np.random.default_rng(_SEED)
        order = np.argsort(self._cells, kind="stable")
        starts = np.searchsorted(self._cells[order], np.arange(len(self._combos)))
        drawn = fitted[:, None] + noise[rng.integers(0, n, (n, RESAMPLES))]
        drawn -= drawn.mean(axis=0)
        return np.add.reduceat(drawn[order], starts, axis=0), (drawn**2).sum(axis=0)

    def levels(self, factor: _Factor) -> tuple[Level, ...]:
        import numpy as np

        found = []
        for code, value in enumerate(factor.levels):
            part = self.y[factor.codes == code]
            spread = float(np.std(part, ddof=1)) if len(part) > 1 else math.nan
            if spread <= 1e-12 * float(np.abs(part).max()):  # equal but for rounding
                spread = 0.0
            found.append(Level(value, len(part), float(part.mean()), spread))
        return tuple(sorted(found, key=lambda level: -level.mean))

    def departure(self, pair: tuple[_Factor, _Factor]) -> Cell:
        """The two levels whose runs are, for their number, furthest from what the additive model predicts."""
        import numpy as np

        one, two = pair
        codes = one.codes * len(two.levels) + two.codes
        counts = np.bincount(codes, minlength=len(one.levels) * len(two.levels))
        residuals = np.bincount(codes, self.residuals, len(counts))
        at = int(np.abs(residuals / np.sqrt(np.maximum(counts, 1))).argmax())
        first, second = divmod(at, len(two.levels))
        mean, n = float(self.y[codes == at].mean()), int(counts[at])
        return Cell((one.levels[first], two.levels[second]), n, mean, mean - float(residuals[at]) / n)

    def apart(self, factor: _Factor) -> list[tuple[str, str]]:
        """The pairs of levels, (higher, lower), whose coefficients differ. Pairs that were not tried in
        comparable combinations cannot be compared."""
        import numpy as np

        at = 1 + sum(len(other.levels) - 1 for other in self.factors[: self.factors.index(factor)])
        moments = (self._full * self._counts[:, None]).T @ self._full
        inverse = np.linalg.pinv(moments, rcond=1e-10, hermitian=True)
        beta = inverse @ (self._full.T @ self._sums)
        variance = self._error / max(1, self._freedom)
        pairs, p_values = [], []
        for one, two in combinations(range(len(factor.levels)), 2):
            contrast = np.zeros(len(beta))
            contrast[at + two - 1] = -1
            if one:
                contrast[at + one - 1] = 1
            if np.abs(moments @ inverse @ contrast - contrast).max() > 1e-6:
                continue
            gap, error = float(contrast @ beta), math.sqrt(variance * float(contrast @ inverse @ contrast))
            high, low = (one, two) if gap > 0 else (two, one)
            pairs.append((factor.levels[high], factor.levels[low]))
            p_values.append(t_tails(gap / error, self._freedom) if error > 0 else float(gap == 0))
        return [pair for pair, p_value in zip(pairs, holm(p_values), strict=True) if p_value < ALPHA]

    def _design(
        self, *, without: _Factor | None = None, pair: tuple[_Factor, _Factor] | None = None
    ) -> Array:
        """One row per combination of levels: 1 and the indicators of the factors, or of a pair's products."""
        import numpy as np

        blocks = [np.ones((len(self._combos), 1))]
        blocks += [
            block
            for factor, block in zip(self.factors, self._blocks, strict=True)
            if without is None or factor is not without
        ]
        if pair is not None:
            first, second = (self._blocks[self.factors.index(factor)] for factor in pair)
            blocks.append((first[:, :, None] * second[:, None, :]).reshape(len(self._combos), -1))
        return np.hstack(blocks)

    def _fit(self, design: Array) -> tuple[float, int, Array]:
        """The sum of squared errors, the rank and the coefficients of a design's least-squares fit."""
        import numpy as np

        moments = design.T @ self._sums
        beta, _, rank, _ = np.linalg.lstsq((design * self._counts[:, None]).T @ design, moments, rcond=1e-10)
        return max(0.0, self.variance - float(beta @ moments)), int(rank), beta

    @staticmethod
    def _f(gain: float, ranks: int, error: float, freedom: int) -> float:
        if ranks <= 0 or freedom <= 0 or gain <= 0:
            return 1.0
        return 0.0 if error <= 0 else f_tail((gain / ranks) / (error / freedom), ranks, freedom)


def _main_effect(model: _Model, factor: _Factor, p_value: float) -> Effect:
    share, interval = model.share(factor=factor)
    return Effect(factor.name, "", share, interval, p_value, model.levels(factor), tuple(model.apart(factor)))


def _interaction(model: _Model, pair: tuple[_Factor, _Factor], p_value: float) -> Effect:
    share, interval = model.share(pair=pair)
    return Effect(pair[0].name, pair[1].name, share, interval, p_value, cell=model.departure(pair))
