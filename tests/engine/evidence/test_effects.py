"""Effects of parameters: found where they are planted, silent on noise."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence

import pytest

from engine.evidence.effects import Effects, effects_of

GRID = [
    dict(zip(("k", "distance", "weights"), values, strict=True))
    for values in itertools.product(("3", "5", "7", "9", "11"), ("l1", "l2", "max"), ("uniform", "distance"))
]


def planted(runs: Sequence[Mapping[str, str]], seed: int) -> list[float]:
    """A metric on which `distance` has a strong effect, `weights` a weaker one, and `k` none."""
    rng = random.Random(seed)
    return [
        0.8 - 0.08 * (run["distance"] == "max") - 0.04 * (run["weights"] == "uniform") + rng.gauss(0, 0.02)
        for run in runs
    ]


def columns(runs: Sequence[Mapping[str, str]]) -> dict[str, list[str | None]]:
    names = sorted({name for run in runs for name in run})
    return {name: [run.get(name) for run in runs] for name in names}


def effects(runs: Sequence[Mapping[str, str]], values: Sequence[float]) -> Effects:
    return effects_of(columns(runs), values)


@pytest.mark.parametrize("noise", ["normal", "skewed"])
def test_noise_has_no_effects(noise: str) -> None:
    """100 sweeps; at least 95 must report nothing, interactions included."""
    silent = 0
    for seed in range(100):
        rng = random.Random(seed)
        draw = rng.gauss if noise == "normal" else rng.lognormvariate
        found = effects(GRID * 2, [draw(0, 0.3) for _ in GRID * 2])
        silent += not found.effects and not found.interactions
    assert silent >= 95


def test_planted_effects_are_found_in_their_order() -> None:
    """100 sweeps with a strong, a weaker and no effect; at least 95 must name the two in order."""
    found = 0
    for seed in range(100):
        reported = effects(GRID, planted(GRID, seed)).effects
        found += [effect.param for effect in reported] == ["distance", "weights"]
    assert found >= 95


def test_an_effect_has_its_levels_and_its_share() -> None:
    rng = random.Random(1)
    values = [0.8 - 0.06 * (run["distance"] == "max") + rng.gauss(0, 0.01) for run in GRID]
    found = effects(GRID, values)
    (effect,) = found.effects
    assert (effect.param, effect.other) == ("distance", "")
    assert effect.p_value < 0.01
    assert 0.8 < effect.share < 1
    assert effect.interval.low < effect.share < effect.interval.high
    assert [level.n for level in effect.levels] == [10, 10, 10]
    assert effect.levels[-1].value == "max"
    assert effect.levels[-1].mean == pytest.approx(0.74, abs=0.01)
    assert effect.levels[-1].spread == pytest.approx(0.01, abs=0.005)
    assert set(effect.apart) == {("l1", "max"), ("l2", "max")}
    top = " and ".join(level.value for level in effect.levels[:2])
    assert effect.ranking("higher") == f"{top} beat max; {top} cannot be distinguished"
    assert effect.ranking("lower").startswith("max beats ")
    assert found.tested == ("distance", "k", "weights")
    assert len(found.residuals) == 30
    assert math.fsum(found.residuals) == pytest.approx(0, abs=1e-9)


def test_an_interaction_is_found() -> None:
    """`uniform` is worse with l1 and better with max, so that neither has a main effect."""
    rng = random.Random(3)
    sign = {"l1": -1, "l2": 0, "max": 1}
    values = [
        0.8 + 0.05 * sign[run["distance"]] * (1 if run["weights"] == "uniform" else -1) + rng.gauss(0, 0.01)
        for run in GRID
    ]
    found = effects(GRID, values)
    assert not found.effects
    (crossed,) = found.interactions
    assert (crossed.param, crossed.other) == ("distance", "weights")
    assert crossed.interval.low < crossed.share < crossed.interval.high
    assert crossed.cell is not None
    assert "l2" not in crossed.cell.values
    assert abs(crossed.cell.mean - crossed.cell.expected) == pytest.approx(0.05, abs=0.01)
    assert crossed.departure.endswith(f"what both suggest (n={crossed.cell.n})")


def test_a_parameter_gets_no_credit_for_one_that_was_varied_with_it() -> None:
    """Most runs with l1 have k = 3. Only the distance matters, though the means of k differ."""
    rng = random.Random(4)
    runs = [
        {"distance": distance, "k": k}
        for distance, k, times in (("l1", "3", 20), ("l1", "9", 5), ("max", "3", 5), ("max", "9", 20))
        for _ in range(times)
    ]
    values = [0.8 - 0.1 * (run["distance"] == "max") + rng.gauss(0, 0.02) for run in runs]
    found = effects(runs, values)
    assert [effect.param for effect in found.effects] == ["distance"]


def test_values_that_are_equal_but_for_rounding_have_no_spread() -> None:
    means = {"l1": 0.1 + 0.2, "l2": 0.7, "max": 0.9}
    values = [means[run["distance"]] + 1e-17 * at for at, run in enumerate(GRID)]
    values[0] += 0.01
    (effect, *_) = effects(GRID, values).effects
    assert sorted(level.spread for level in effect.levels)[:2] == [0.0, 0.0]


def test_values_that_were_not_tried_in_comparable_runs_are_not_ranked() -> None:
    """l1 was only tried with k = 3 and max only with k = 9: their difference may be that of k."""
    rng = random.Random(9)
    pairs = [("l1", "3"), ("l2", "3"), ("max", "9"), ("cos", "9")] * 10
    runs = [{"distance": distance, "k": k} for distance, k in pairs]
    values = [0.8 - 0.1 * (run["distance"] in ("l2", "cos")) + rng.gauss(0, 0.01) for run in runs]
    (effect,) = effects(runs, values).effects
    assert set(effect.apart) == {("l1", "l2"), ("max", "cos")}


def test_many_numbers_are_compared_by_quarters() -> None:
    rng = random.Random(5)
    rates = [10 ** rng.uniform(-4, -1) for _ in range(80)]
    values = [0.9 - 0.2 * (rate > 0.02) + rng.gauss(0, 0.02) for rate in rates]
    (effect,) = effects([{"lr": repr(rate)} for rate in rates], values).effects
    assert [level.n for level in effect.levels] == [20] * 4
    assert " … " in effect.levels[0].value
    assert effect.levels[-1].mean < 0.75


def test_parameters_that_cannot_be_examined_are_named_with_the_reason() -> None:
    runs = [
        {**run, "seed": "1", "name": f"run {n}", "alias": run["distance"].upper()}
        for n, run in enumerate(GRID)
    ]
    found = effects(runs, [random.Random(6).random() for _ in GRID])
    assert found.skipped == {
        "distance": "changes only together with alias",
        "name": "30 values",
        "seed": "one value",
    }


@pytest.mark.parametrize(
    ("runs", "values", "why_not"),
    [
        ([], [], "no parameter has at least two values that were tried twice"),
        ([{"k": "3"}] * 9, [0.5] * 9, "no parameter has at least two values that were tried twice"),
        (GRID[:6], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "6 runs are too few for 4 values of 2 parameters"),
        (
            [{"k": str(at % 3)} for at in range(6)],
            [0.1, 0.2, 0.3] * 2,
            "6 runs are too few for 3 values of 1 parameter",
        ),
        (GRID, [0.5] * 30, "the metric is the same in all runs"),
    ],
)
def test_too_little_to_go_by_is_said(runs: list[dict[str, str]], values: list[float], why_not: str) -> None:
    found = effects(runs, values)
    assert (found.why_not, found.effects, found.interactions) == (why_not, (), ())
