"""What is wrong with histories: NaN, infinities, divergence, no improvement any more."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from engine.entities import MetricHistory
from engine.evidence import curves
from engine.evidence.curves import Broken, broken_by, curves_of, losses, stalled_at
from engine.stores.history import HistoryBuilder


def history(values: Sequence[float], run_id: str = "r", key: str = "loss", every: int = 10) -> MetricHistory:
    steps = array("q", (every * at for at in range(len(values))))
    nans = sum(map(math.isnan, values))
    return MetricHistory(run_id, key, steps, steps, array("d", values), len(values), nans)


def falling(seed: int = 0, points: int = 100, rate: float = 0.06) -> list[float]:
    """A loss that falls to 0.2, with noise."""
    rng = random.Random(seed)
    return [0.2 + math.exp(-at / (points * rate)) + rng.gauss(0, 0.02) for at in range(points)]


@pytest.mark.parametrize(
    ("bad", "trouble"), [(math.nan, "NaN"), (math.inf, "infinite"), (-math.inf, "infinite")]
)
def test_the_first_value_that_is_not_finite_is_named(bad: float, trouble: str) -> None:
    values = falling()
    values[40:43] = [bad] * 3
    found = broken_by(history(values), "lower")
    assert found == Broken("r", "loss", trouble, 400, 990, 3)  # type: ignore[arg-type]
    assert broken_by(history([bad], key="lr"), None) is not None, "also without a direction, and alone"


def test_a_loss_that_grows_again_has_diverged_after_the_last_step_near_its_best() -> None:
    grown = [value + max(0, at - 60) * 0.03 for at, value in enumerate(falling())]
    found = broken_by(history(grown), "lower")
    assert found is not None
    assert (found.trouble, found.values, found.left_after) == ("diverged", 0, None)
    assert 580 <= found.step <= 640, "not at its best step, which is one of a long plateau"
    from_the_start = [0.5 + 0.02 * at + noise for at, noise in enumerate(falling(rate=0.001))]
    assert broken_by(history(from_the_start), "lower") is not None
    assert broken_by(history([-value for value in grown], key="accuracy"), "higher") is not None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_explodes_before_it_is_nan_is_said_to_have_diverged(bad: float) -> None:
    values = falling()
    for at in range(60, 100):
        values[at] = bad if at >= 80 else values[at] * math.exp((at - 59) / 2)
    found = broken_by(history(values), "lower")
    assert found is not None
    assert (found.step, found.values, found.last_step) == (800, 20, 990)
    assert found.left_after is not None
    assert 580 <= found.left_after <= 610
    sudden = broken_by(history([*falling()[:80], *[bad] * 20]), "lower")
    assert sudden is not None
    assert (sudden.step, sudden.left_after) == (800, None)


@pytest.mark.parametrize("seed", range(5))
def test_what_a_stalled_history_still_gained_is_without_the_noise_of_its_reduced_points(seed: int) -> None:
    """A loss of 9,000 steps that is 0.06 above its end at step 3,800, with noise of 0.03."""
    rng = random.Random(seed)
    builder = HistoryBuilder("r", "loss", 400)
    steps = range(9000)
    builder.add(steps, steps, [0.15 + 2.3 * math.exp(-at / 1045) + rng.gauss(0, 0.03) for at in steps])
    reduced = builder.build()
    assert reduced is not None
    found = stalled_at(reduced, "lower")
    assert found is not None
    left = 2.3 * math.exp(-found.step / 1045)
    assert found.gain == pytest.approx(left, abs=0.015)


def test_how_much_worse_a_history_became_is_without_the_noise_of_its_best_point() -> None:
    """A loss of 9,000 steps that ends 0.3 above its lowest level, with noise of 0.02."""
    rng = random.Random(2)
    builder = HistoryBuilder("r", "loss", 400)
    steps = range(9000)
    levels = [0.15 + 2 * math.exp(-at / 500) + min(0.3, max(0, at - 5000) * 0.0003) for at in steps]
    builder.add(steps, steps, [level + rng.gauss(0, 0.02) for level in levels])
    reduced = builder.build()
    assert reduced is not None
    found = stalled_at(reduced, "lower")
    assert found is not None
    assert found.lost == pytest.approx(0.3, abs=0.012)


def test_a_history_that_improved_early_and_then_no_more_has_stalled() -> None:
    found = stalled_at(history(falling()), "lower")
    assert found is not None
    assert 150 <= found.step <= 495
    assert found.last_step == 990
    assert 0 <= found.gain < 0.05
    assert stalled_at(history([-value for value in falling()]), "higher") is not None
    assert stalled_at(history(falling(rate=0.5)), "lower") is None, "it still improves"
    assert broken_by(history(falling()), "lower") is None


def test_a_loss_that_rises_a_little_after_its_best_step_is_said_to_have_become_worse() -> None:
    """Overfitting: too little to have diverged, and too late to have stopped improving early."""
    values = [value + max(0, at - 60) * 0.004 for at, value in enumerate(falling(rate=0.15))]
    assert broken_by(history(values), "lower") is None
    found = stalled_at(history(values), "lower")
    assert found is not None
    assert 450 <= found.step <= 750
    assert found.lost == pytest.approx(0.13, abs=0.05)
    best = stalled_at(history(falling()), "lower")
    assert best is not None
    assert best.lost == 0


@pytest.mark.parametrize("values", [[0.5], [0.5] * 50, [3.0, 2.0, 1.0], [0.1] * 19])
def test_constants_and_a_few_points_say_nothing(values: list[float]) -> None:
    assert broken_by(history(values), "lower") is None
    assert stalled_at(history(values), "lower") is None


def test_points_at_one_step_say_nothing() -> None:
    assert stalled_at(history(falling(), every=0), "lower") is None


@pytest.mark.parametrize("points", [25, 100])
def test_noise_is_neither_broken_nor_stalled(points: int) -> None:
    """100 histories; at least 95 must say nothing."""
    silent = 0
    for seed in range(100):
        rng = random.Random(seed)
        noise = history([rng.gauss(0.5, 0.02) for _ in range(points)])
        silent += broken_by(noise, "lower") is None and stalled_at(noise, "lower") is None
    assert silent >= 95


def test_losses_are_watched_but_times_and_system_metrics_are_not() -> None:
    names = [
        "accuracy",
        "val_loss",
        "train/rmse",
        "error_rate",
        "system/disk_error",
        "neg_mean_squared_error",
    ]
    assert losses(names) == ["val_loss", "train/rmse", "error_rate"]


@dataclass
class CountingStore:
    """Has one broken history of `logged` points for each run, and counts the runs that were read."""

    logged: int
    asked: list[str] = field(default_factory=list)

    def metric_histories(
        self, run_ids: Sequence[str], keys: Sequence[str], points: int
    ) -> tuple[MetricHistory, ...]:
        self.asked += run_ids
        steps = array("q", [0])
        return tuple(
            MetricHistory(run_id, key, steps, steps, array("d", [math.nan]), self.logged, 1)
            for run_id in run_ids
            for key in keys
        )


@pytest.mark.parametrize(("logged", "read"), [(1, curves.MAX_RUNS), (curves.MAX_POINTS // 15, 20)])
def test_reading_histories_is_bounded_by_runs_and_points(logged: int, read: int) -> None:
    store = CountingStore(logged)
    found = curves_of(store, [f"r{n}" for n in range(300)], ["loss"])  # type: ignore[arg-type]
    assert (found.read, found.of, len(store.asked), len(found.broken)) == (read, 300, read, read)
    assert curves_of(store, ["r"], []).read == 0  # type: ignore[arg-type]
