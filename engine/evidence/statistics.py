"""Intervals and tests for rates that were measured on a finite number of rows.

Everything takes counts, not rates: a rate without its number of rows has no interval. What is a formula is
written out here, because scipy.stats takes two seconds to import; distributions are scipy's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

LEVEL = 0.95
ALPHA = 1 - LEVEL
_quantile = NormalDist().inv_cdf
_Z = _quantile(1 - ALPHA / 2)


@dataclass(frozen=True, slots=True)
class Rate:
    """`successes` of `n` rows; n is positive."""

    successes: int
    n: int

    @property
    def value(self) -> float:
        return self.successes / self.n


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval at `LEVEL`; its bounds belong to it."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(rate: Rate) -> Interval:
    """The score interval of a rate (Wilson 1927), which stays within 0 and 1 and is right for small n."""
    z, n, p = _Z, rate.n, rate.value
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Interval(max(0.0, center - half), min(1.0, center + half))


def difference(first: Rate, second: Rate) -> Interval:
    """The interval of `first` − `second`, two rates measured on different rows (Newcombe 1998, method 10)."""
    one, two = wilson(first), wilson(second)
    gap = first.value - second.value
    below = math.hypot(first.value - one.low, two.high - second.value)
    above = math.hypot(one.high - first.value, second.value - two.low)
    return Interval(gap - below, gap + above)


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value that two classifiers are equally often right on the same rows, from the
    numbers of rows that only one of them gets right (McNemar 1947, binomial form)."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return 1.0 if not discordant else float(binomtest(only_first, discordant).pvalue)


def corrected_t(differences: Sequence[float], test_share: float) -> float:
    """The two-sided p-value that the mean difference of two models' fold scores is 0.

    `differences` has one value per fold; `test_share` is the number of test rows per training row of a fold,
    1 / (k - 1) for k folds. The variance allows for overlapping training parts (Nadeau and Bengio 2003).
    Equal folds throughout give 1 without a difference and 0 with one.
    """
    from scipy.stats import t

    k = len(differences)
    if k < 2:
        raise ValueError("at least two folds are needed")
    mean = math.fsum(differences) / k
    variance = math.fsum((d - mean) ** 2 for d in differences) / (k - 1)
    if variance == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * t.sf(abs(mean) / math.sqrt((1 / k + test_share) * variance), k - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in the same order."""
    adjusted, highest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def rows_to_tell(only_first: float, only_second: float, power: float = 0.8) -> int | None:
    """The number of rows on which McNemar's test would find a difference with this power, if the shares of
    rows that only one of two classifiers gets right stay as they are (Connor 1987). None for equal shares."""
    gap, discordant = abs(only_first - only_second), only_first + only_second
    if gap == 0:
        return None
    spread = math.sqrt(max(0.0, discordant - gap * gap))
    return math.ceil(((_Z * math.sqrt(discordant) + _quantile(power) * spread) / gap) ** 2)


def rows_to_tell_apart(first: Rate, second: Rate, power: float = 0.8) -> int | None:
    """The same for two rates of which it is not known on which rows they differ: the number of rows that each
    would need if measured on rows of its own. None for equal rates."""
    gap = first.value - second.value
    if gap == 0:
        return None
    variance = first.value * (1 - first.value) + second.value * (1 - second.value)
    return math.ceil((_Z + _quantile(power)) ** 2 * variance / gap**2)
