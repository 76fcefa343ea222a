"""Runs side by side: what differs, and which is best."""

from __future__ import annotations

import math

import pytest

from engine.runs.compare import CompareRow, Direction, compare, direction_of
from tests.support.runs import START, a_run

ONE = a_run(
    "a",
    params={"k": "5", "weights": "uniform"},
    metrics={"acc": 0.9, "loss": 0.3, "same": 1.0, "nan": math.nan, "only_a": 1.0, "diverged": 0.5},
)
TWO = a_run(
    "b",
    status="FAILED",
    start=START + 5000,
    seconds=2,
    user="",
    params={"k": "5.0", "weights": "uniform", "extra": "x"},
    metrics={"acc": 0.8, "loss": 0.2, "same": 1.0, "nan": math.nan, "diverged": math.nan},
)
THREE = a_run(
    "c", metrics={"acc": 0.9, "loss": math.inf, "same": 1.0, "nan": math.nan, "diverged": -math.inf}
)


def rows(*runs: object, **directions: Direction) -> dict[str, CompareRow]:
    return {str(row.key): row for row in compare(runs, directions=directions).rows}  # type: ignore[arg-type]


def test_attributes_then_parameters_then_metrics() -> None:
    comparison = compare([ONE, TWO])
    assert comparison.runs == (ONE, TWO)
    assert [str(row.key) for row in comparison.rows] == [
        *("status", "start_time", "duration", "user_id", "params.extra", "params.k", "params.weights"),
        *("metrics.acc", "metrics.diverged", "metrics.loss", "metrics.nan", "metrics.only_a", "metrics.same"),
    ]


def test_values_are_as_they_were_logged_and_missing_is_none() -> None:
    found = rows(ONE, TWO, THREE)
    assert found["params.k"].values == ("5", "5.0", None)
    assert found["metrics.only_a"].values == (1.0, None, None)
    assert found["duration"].values == (1.0, 2.0, 1.0)
    assert found["user_id"].values == ("ada", None, "ada")


def test_what_differs() -> None:
    found = rows(ONE, TWO)
    same = {key for key, row in found.items() if not row.differs}
    assert same == {"params.weights", "metrics.same", "metrics.nan"}
    assert not any(row.differs for row in rows(ONE, ONE).values())


def test_the_best_are_marked_by_direction() -> None:
    found = rows(ONE, TWO, THREE)
    assert (found["metrics.acc"].direction, found["metrics.acc"].best) == ("higher", {0, 2})
    assert (found["metrics.loss"].direction, found["metrics.loss"].best) == ("lower", {1})
    assert found["metrics.diverged"].best == {0}
    assert rows(ONE, TWO, loss="higher")["metrics.loss"].best == {0}


def test_nothing_is_best_where_nothing_is_better() -> None:
    found = rows(ONE, TWO, THREE)
    for key in ("metrics.same", "metrics.nan", "metrics.only_a", "params.k", "duration"):
        assert found[key].best == frozenset(), key
    assert found["params.k"].direction is None
    assert all(row.best == frozenset() for row in rows(ONE).values())
    assert all(row.best == frozenset() for row in rows(a_run("x", metrics={"m": math.inf}), THREE).values())


def test_no_runs_compare_to_no_values() -> None:
    assert compare([]).runs == ()
    assert all(row.values == () for row in compare([]).rows)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "loss",
            "val_loss",
            "train/loss",
            "valLoss",
            "eval-loss",
            "log_loss",
            "logLoss",
            "Loss",
            "RMSE",
            "mae",
        ),
        *(
            "mean_absolute_error",
            "training_time",
            "latency_ms",
            "duration",
            "cv_std",
            "false_positives",
            "val.mse",
        ),
        *(
            "false_negatives",
            "perplexity",
            "brier_score",
            "false_discovery_rate",
            "top1_error",
            "p95_latency",
        ),
        *("system/gpu_memory", "fit_seconds", "WER"),
    ],
)
def test_losses_errors_times_and_false_counts_are_better_lower(name: str) -> None:
    assert direction_of(name) == "lower"


@pytest.mark.parametrize(
    "name",
    [
        *("accuracy", "f1", "class_1_recall", "true_positives", "roc_auc", "r2", "cv_mean", "lossless_ratio"),
        *(
            "neg_mean_squared_error",
            "samples_per_second",
            "throughput",
            "blosser",
            "",
            "support",
            "errorless",
        ),
    ],
)
def test_everything_else_is_better_higher(name: str) -> None:
    assert direction_of(name) == "higher"
