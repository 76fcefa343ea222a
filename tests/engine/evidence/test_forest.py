"""A forest's importances: found where they are planted, silent on noise."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from engine.evidence.forest import Forest, forest_of
from tests.engine.evidence.test_effects import GRID, columns, planted

RUNS = GRID * 2


def forest(runs: Sequence[Mapping[str, str]], values: Sequence[float]) -> Forest:
    return forest_of(columns(runs), values)


@pytest.mark.slow
def test_noise_has_no_importances() -> None:
    """100 sweeps; at least 95 must report nothing."""
    silent = 0
    for seed in range(100):
        rng = random.Random(seed)
        silent += not forest(RUNS, [rng.gauss(0, 0.3) for _ in RUNS]).importances
    assert silent >= 95


def test_a_run_that_repeats_another_one_is_not_unseen() -> None:
    """Only a forest that has seen the twins of a run predicts a metric without any order."""
    runs = [{"k": str(at), "twin": str(twin)} for at in range(6) for twin in range(20)]
    values = [0.8 + 0.1 * (int(run["k"]) % 2) for run in runs]
    assert forest_of(columns(runs), values).importances
    assert not forest_of(columns(runs), values, [int(run["k"]) for run in runs]).importances


@pytest.mark.slow
def test_planted_effects_are_found_in_their_order_and_no_others() -> None:
    """100 sweeps with a strong, a weaker and no effect; at least 95 must name the two in order."""
    found = 0
    for seed in range(100):
        reported = forest(RUNS, planted(RUNS, seed)).importances
        found += [one.param for one in reported] == ["distance", "weights"]
    assert found >= 95


@pytest.mark.slow
def test_a_parameter_that_matters_only_together_with_another_is_found() -> None:
    """`uniform` is worse with l1 and better with max: neither matters alone."""
    sign = {"l1": -1, "l2": 0, "max": 1}
    rng = random.Random(3)
    values = [
        0.8 + 0.05 * sign[run["distance"]] * (1 if run["weights"] == "uniform" else -1) + rng.gauss(0, 0.005)
        for run in RUNS
    ]
    found = forest(RUNS, values)
    assert {one.param for one in found.importances} == {"distance", "weights"}
    assert found.share > 0.8
    assert all(0.5 < one.share < 1 for one in found.importances)
    assert found == forest(RUNS, values), "the seed is fixed"


@pytest.mark.parametrize(
    ("runs", "values", "why_not"),
    [
        ([{"k": "3"}] * 50, [0.5] * 50, "no parameter has at least two values that were tried twice"),
        (GRID, [0.1 * n for n in range(30)], "30 runs are too few, at least 40 are needed"),
        (RUNS, [0.5] * 60, "the metric is the same in all runs"),
        pytest.param(
            RUNS,
            [random.Random(seed).random() for seed in range(60)],
            "a forest cannot predict the metric from the parameters",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_why_nothing_is_known_is_said(runs: list[dict[str, str]], values: list[float], why_not: str) -> None:
    found = forest(runs, values)
    assert (found.importances, found.why_not) == ((), why_not)
