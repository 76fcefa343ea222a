"""What is out of line among runs, and the insights put together from all parts."""

from __future__ import annotations

import itertools
import random

import pytest

from engine.errors import NotFound
from engine.evidence.anomalies import Plateau, drops, long_runs, plateau
from engine.evidence.effects import effects_of
from engine.evidence.insights import insights
from engine.runs.frame import RunFrame
from tests.support.runs import START, a_run

GRID = list(itertools.product(("3", "5", "7"), ("l1", "l2", "max"))) * 4
PARAMS: dict[str, list[str | None]] = {"k": [k for k, _ in GRID], "distance": [d for _, d in GRID]}


def noisy(seed: int, drop: float = 0.0) -> list[float]:
    """Scores of the grid; the combination k = 3 with max is worse by `drop`."""
    rng = random.Random(seed)
    return [0.8 - drop * (pair == ("3", "max")) + rng.gauss(0, 0.01) for pair in GRID]


def test_a_combination_that_falls_short_is_found() -> None:
    values = noisy(1, drop=0.06)
    (found, *_) = drops(PARAMS, values, effects_of(PARAMS, values), "higher")
    assert found.combination == (("distance", "max"), ("k", "3"))
    assert found.n == 4
    assert found.mean == pytest.approx(0.74, abs=0.01)
    assert found.expected > found.mean + 0.02
    losses = [1 - value for value in values]
    assert drops(PARAMS, losses, effects_of(PARAMS, losses), "lower")[0].combination == found.combination


def test_noise_has_no_drops() -> None:
    """100 sweeps; at least 95 must report nothing."""
    silent = 0
    for seed in range(100):
        values = noisy(seed)
        silent += not drops(PARAMS, values, effects_of(PARAMS, values), "higher")
    assert silent >= 95


def test_runs_that_took_far_too_long_are_found_longest_first() -> None:
    rng = random.Random(2)
    usual: list[float | None] = [10 * rng.uniform(0.8, 1.25) for _ in range(20)]
    assert long_runs(usual) == ()
    assert long_runs([*usual[:5], 90.0, None, *usual[5:], 400.0]) == (22, 5)
    assert long_runs([1.0, 1.0, 500.0]) == (), "too few runs to know what is usual"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.9] + [0.8] * 19, Plateau(20, 19)),
        ([0.8] * 10 + [0.9] + [0.8] * 9, None),
        ([0.9, 0.8, 0.8], None),
        ([], None),
    ],
)
def test_a_sweep_that_stopped_improving_is_a_plateau(values: list[float], expected: Plateau | None) -> None:
    assert plateau(values, "higher") == expected
    assert plateau([-value for value in values], "lower") == expected


def test_cross_validation_may_name_another_winner() -> None:
    runs = [
        a_run("test", metrics={"accuracy": 0.92, "cv_mean": 0.80}),
        a_run("cv", metrics={"accuracy": 0.90, "cv_mean": 0.85}),
    ]
    found = insights(RunFrame.from_runs(runs), "accuracy").disagreement
    assert found is not None
    assert (found.by_cv.run_id, found.value, found.best_value) == ("cv", 0.85, 0.80)
    agreeing = [runs[0], a_run("cv", metrics={"accuracy": 0.90, "cv_mean": 0.75})]
    assert insights(RunFrame.from_runs(agreeing), "accuracy").disagreement is None


def test_insights_of_a_sweep_hold_its_winner_effects_and_plateau() -> None:
    rng = random.Random(3)
    runs = [
        a_run(
            f"r{index:02d}",
            start=START + index,
            params={"k": k, "distance": distance},
            metrics={"accuracy": (90 - 10 * (distance == "max") - index // 12 + rng.randrange(2)) / 100},
        )
        for index, (k, distance) in enumerate(GRID)
    ]
    found = insights(RunFrame.from_runs(runs), "accuracy")
    assert found.best.considered == 36
    assert found.standing is None, "the runs do not say on how many rows they were tested"
    assert [effect.param for effect in found.effects.effects] == ["distance"]
    assert found.plateau is not None
    assert found.plateau.runs_since >= 18


def test_one_run_has_a_best_and_nothing_else() -> None:
    found = insights(
        RunFrame.from_runs([a_run("a", params={"k": "1"}, metrics={"accuracy": 0.5})]), "accuracy"
    )
    assert found.best.run.run_id == "a"
    assert found.effects.why_not
    assert (found.drops, found.disagreement, found.long_runs, found.plateau) == ((), None, (), None)


def test_insights_need_a_run_with_the_metric() -> None:
    with pytest.raises(NotFound):
        insights(RunFrame.from_runs([a_run("a")]), "accuracy")
