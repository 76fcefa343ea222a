"""Intervals and tests for rates that were measured on a finite number of rows.

Everything takes counts, not rates: a rate without its number of rows has no interval. It is written out here,
distributions included, because scipy.stats takes two seconds to import; the tests compare it with scipy.
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


def wilson(rate: Rate, z: float = _Z) -> Interval:
    """The score interval of a rate (Wilson 1927), which stays within 0 and 1 and is right for small n."""
    n, p = rate.n, rate.value
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Interval(max(0.0, center - half), min(1.0, center + half))


def difference(first: Rate, second: Rate, alpha: float = ALPHA) -> Interval:
    """The interval of `first` − `second`, two rates measured on different rows (Newcombe 1998, method 10)."""
    z = _quantile(1 - alpha / 2)
    one, two = wilson(first, z), wilson(second, z)
    gap = first.value - second.value
    below = math.hypot(first.value - one.low, two.high - second.value)
    above = math.hypot(one.high - first.value, second.value - two.low)
    return Interval(gap - below, gap + above)


def unpaired(first: Rate, second: Rate) -> float:
    """The p-value that belongs to `difference`: the largest alpha whose interval contains 0."""
    if first.value == second.value:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(50):
        alpha = (low + high) / 2
        if 0.0 in difference(first, second, alpha):
            low = alpha
        else:
            high = alpha
    return high


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value that two classifiers are equally often right on the same rows, from the
    numbers of rows that only one of them gets right (McNemar 1947, binomial form)."""
    n, k = only_first + only_second, min(only_first, only_second)
    if only_first == only_second:
        return 1.0
    term = math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))
    tail = 0.0
    while term > 1e-17 * tail:
        tail += term
        term *= k / (n - k + 1)
        k -= 1
    return min(1.0, 2 * tail)


def corrected_t(differences: Sequence[float], test_share: float) -> float:
    """The two-sided p-value that the mean difference of two models' fold scores is 0.

    `differences` has one value per fold; `test_share` is the number of test rows per training row of a fold,
    1 / (k - 1) for k folds. The variance allows for overlapping training parts (Nadeau and Bengio 2003).
    Equal folds throughout give 1 without a difference and 0 with one.
    """
    mean, error = fold_mean(differences, test_share)
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return t_tails(mean / error, len(differences) - 1)


def fold_interval(scores: Sequence[float], test_share: float) -> Interval:
    """The interval of the mean of one model's fold scores, with the same variance as `corrected_t`."""
    mean, error = fold_mean(scores, test_share)
    half = _t_quantile(len(scores) - 1) * error
    return Interval(mean - half, mean + half)


@dataclass(frozen=True, slots=True)
class Sample:
    """The mean of `n` values, and their standard deviation `spread`, NaN for one value."""

    mean: float
    spread: float
    n: int


def mean_difference(first: Sample, second: Sample) -> Interval | None:
    """The interval of the difference of two means, `first` − `second` (Welch 1947). None with fewer than two
    values of either, or if the values do not vary."""
    parts = [sample.spread**2 / sample.n for sample in (first, second)]
    error = math.sqrt(sum(parts))
    if min(first.n, second.n) < 2 or not error > 0:
        return None
    shares = zip(parts, (first.n, second.n), strict=True)
    freedom = error**4 / sum(part**2 / (n - 1) for part, n in shares)
    gap, half = first.mean - second.mean, _t_quantile(freedom) * error
    return Interval(gap - half, gap + half)


def _t_quantile(freedom: float) -> float:
    """The value that Student's t exceeds on either side with probability `ALPHA`."""
    low, high = 0.0, 1e9
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tails(middle, freedom) > ALPHA else (low, middle)
    return high


def fold_mean(scores: Sequence[float], test_share: float) -> tuple[float, float]:
    """The mean over folds and its standard error, 0 for scores that are equal but for rounding."""
    k = len(scores)
    if k < 2:
        raise ValueError("at least two folds are needed")
    mean = math.fsum(scores) / k
    variance = math.fsum((score - mean) ** 2 for score in scores) / (k - 1)
    error = math.sqrt((1 / k + test_share) * variance)
    return mean, 0.0 if error <= 1e-12 * max(map(abs, scores)) else error


def t_tails(t: float, freedom: float) -> float:
    """The probability of a value at least as far from 0 under Student's t distribution."""
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def f_tail(f: float, ranks: float, freedom: float) -> float:
    """The probability of a value of at least `f` under the F distribution."""
    return incomplete_beta(freedom / 2, ranks / 2, freedom / (freedom + ranks * f))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function, by its continued fraction (Lentz's method)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 100_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 / (1 + step * d), 1 + step / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return math.exp(log) / a * fraction


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in the same order."""
    adjusted, highest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def rows_needed(only_first: float, only_second: float, power: float = 0.8) -> int | None:
    """The number of rows on which McNemar's test would find a difference with this power, if the shares of
    rows that only one of two classifiers gets right stay as they are (Connor 1987). None for equal shares."""
    gap, discordant = abs(only_first - only_second), only_first + only_second
    if gap == 0:
        return None
    spread = math.sqrt(max(0.0, discordant - gap * gap))
    return math.ceil(((_Z * math.sqrt(discordant) + _quantile(power) * spread) / gap) ** 2)


def rows_needed_unpaired(first: Rate, second: Rate, power: float = 0.8) -> int | None:
    """The same for two rates of which it is not known on which rows they differ: the number of rows that each
    would need if measured on rows of its own. None for equal rates."""
    gap = first.value - second.value
    if gap == 0:
        return None
    variance = first.value * (1 - first.value) + second.value * (1 - second.value)
    return math.ceil((_Z + _quantile(power)) ** 2 * variance / gap**2)
