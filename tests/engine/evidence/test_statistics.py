"""Intervals and tests against other implementations, published figures and simulation."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from engine.evidence.statistics import (
    Interval,
    Rate,
    Sample,
    corrected_t,
    difference,
    f_tail,
    fold_interval,
    holm,
    mcnemar,
    mean_difference,
    rows_needed,
    rows_needed_unpaired,
    t_tails,
    unpaired,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "n"), [(0, 1), (1, 1), (56, 61), (55, 61), (0, 10), (10, 10), (1, 100_000), (500, 1000)]
)
def test_wilson_matches_scipy(successes: int, n: int) -> None:
    from scipy.stats import binomtest

    theirs = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    ours = wilson(Rate(successes, n))
    assert (ours.low, ours.high) == (pytest.approx(theirs.low, abs=1e-12), pytest.approx(theirs.high))


def test_the_published_accuracy_has_its_published_interval() -> None:
    interval = wilson(Rate(56, 61))
    assert (round(interval.low, 3), round(interval.high, 3)) == (0.822, 0.964)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        (Rate(56, 70), Rate(48, 80), 0.0524, 0.3339),
        (Rate(9, 10), Rate(3, 10), 0.1705, 0.8090),
        (Rate(6, 7), Rate(2, 7), 0.0582, 0.8062),
        (Rate(5, 56), Rate(0, 29), -0.0381, 0.1926),
        (Rate(0, 10), Rate(0, 20), -0.1611, 0.2775),
        (Rate(10, 10), Rate(0, 10), 0.6075, 1.0),
    ],
)
def test_the_difference_of_two_rates_has_newcombes_interval(
    first: Rate, second: Rate, low: float, high: float
) -> None:
    interval = difference(first, second)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_mcnemar_is_the_binomial_test_of_the_discordant_rows() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(6, 0) == pytest.approx(2 / 2**6)
    assert mcnemar(2, 10) == mcnemar(10, 2) == pytest.approx(2 * (1 + 12 + 66) / 2**12)


def test_mcnemar_matches_scipy_and_published_figures() -> None:
    """Also statsmodels' documented example, `mcnemar([[101, 121], [59, 33]], exact=True)`: p = 4.43e-6."""
    from scipy.stats import binomtest

    for one, other in ((0, 1), (3, 9), (40, 21), (500, 431), (30_000, 30_400), (1, 100_000)):
        assert mcnemar(one, other) == pytest.approx(binomtest(one, one + other).pvalue, rel=1e-8)
    assert mcnemar(121, 59) == pytest.approx(4.434e-6, rel=1e-3)


def test_the_tails_of_distributions_match_scipy() -> None:
    from scipy.stats import f, t

    for freedom in (1, 2, 4, 29, 10_000):
        for value in (-8.0, -0.3, 0.0, 0.001, 1.0, 2.5, 40.0):
            assert t_tails(value, freedom) == pytest.approx(2 * t.sf(abs(value), freedom), rel=1e-8)
            for ranks in (1, 2, 7, 40):
                expected = f.sf(abs(value), ranks, freedom)
                assert f_tail(abs(value), ranks, freedom) == pytest.approx(expected, rel=1e-8)


def test_the_interval_of_folds_is_that_of_the_corrected_t_test() -> None:
    from scipy.stats import t

    scores = [0.8, 0.82, 0.79, 0.85, 0.81]
    mean, variance = 0.814, 0.00053
    half = t.ppf(0.975, 4) * ((1 / 5 + 1 / 4) * variance) ** 0.5
    interval = fold_interval(scores, 1 / 4)
    assert (interval.low, interval.high) == (pytest.approx(mean - half), pytest.approx(mean + half))


def test_equal_models_are_rarely_called_different_by_their_folds() -> None:
    """1,000 pairs of models whose scores on five folds differ by chance only."""
    rng = random.Random(17)
    different = 0
    for _ in range(1000):
        fold = [rng.gauss(0.8, 0.03) for _ in range(5)]  # how hard each fold is, for both models
        gaps = [(hard + rng.gauss(0, 0.02)) - (hard + rng.gauss(0, 0.02)) for hard in fold]
        different += corrected_t(gaps, 1 / 4) < 0.05
    assert different <= 50


def test_the_unpaired_p_value_is_where_the_interval_of_the_difference_ends_at_0() -> None:
    one, two = Rate(56, 61), Rate(46, 61)
    interval = difference(one, two, unpaired(one, two))
    assert interval.low == pytest.approx(0, abs=1e-9)
    assert unpaired(two, one) == pytest.approx(unpaired(one, two))
    assert unpaired(one, Rate(112, 122)) == 1.0


def test_two_equal_models_are_rarely_called_different() -> None:
    """1,000 pairs of models that are right on each of 61 rows with the same probability."""
    rng = random.Random(11)
    different = 0
    for _ in range(1000):
        rows = [(rng.random() < 0.85, rng.random() < 0.85) for _ in range(61)]
        different += mcnemar(sum(a > b for a, b in rows), sum(b > a for a, b in rows)) < 0.05
    assert different <= 50


def test_the_number_of_rows_gives_the_power_that_it_promises() -> None:
    """Models that differ on 10 % and 4 % of the rows, tested on as many rows as are said to be needed."""
    needed = rows_needed(0.10, 0.04)
    assert needed is not None
    rng = random.Random(5)
    found = 0
    for _ in range(400):
        draws = [rng.random() for _ in range(needed)]
        found += mcnemar(sum(d < 0.10 for d in draws), sum(0.10 <= d < 0.14 for d in draws)) < 0.05
    assert 0.72 <= found / 400 <= 0.88  # promised: 0.8; the exact test is a little cautious


def test_equal_models_cannot_be_told_apart_by_more_rows() -> None:
    assert rows_needed(0.05, 0.05) is None
    assert rows_needed_unpaired(Rate(5, 10), Rate(50, 100)) is None


def test_the_rows_for_two_rates_are_those_of_the_textbook() -> None:
    """Fleiss, Levin and Paik 2003, without continuity correction, for a power of 0.8."""
    assert rows_needed_unpaired(Rate(60, 100), Rate(70, 100)) == pytest.approx(353, abs=1)


def test_the_corrected_t_test_is_wider_than_the_plain_one() -> None:
    from scipy.stats import ttest_1samp

    gaps = [0.02, 0.01, 0.03, 0.0, 0.02]
    assert corrected_t(gaps, 0.0) == pytest.approx(ttest_1samp(gaps, 0).pvalue)
    assert corrected_t(gaps, 1 / 4) > corrected_t(gaps, 0.0)
    assert corrected_t([0.0] * 5, 0.25) == 1.0
    assert corrected_t([0.1] * 5, 0.25) == 0.0
    with pytest.raises(ValueError, match="two folds"):
        corrected_t([0.1], 0.25)


def test_the_interval_of_a_difference_of_means_matches_scipy() -> None:
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(3)
    first, second = rng.normal(0.89, 0.02, 20), rng.normal(0.77, 0.05, 7)
    samples = [Sample(float(a.mean()), float(a.std(ddof=1)), len(a)) for a in (first, second)]
    found = mean_difference(*samples)
    expected = ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert mean_difference(samples[0], Sample(0.5, math.nan, 1)) is None
    assert mean_difference(Sample(0.5, 0.0, 5), Sample(0.4, 0.0, 5)) is None


def test_holm_corrects_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([]) == []
    assert holm([0.04]) == [0.04]
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_an_interval_contains_its_bounds() -> None:
    assert 0.0 in Interval(0.0, 1.0)
    assert 1.0 in Interval(0.0, 1.0)
    assert 1.1 not in Interval(0.0, 1.0)
