"""Metrics as shares of counted rows."""

from __future__ import annotations

import math

import pytest

from engine.evidence.rates import evaluated_rows, rate_of
from engine.evidence.statistics import Rate

HEART = {
    "accuracy": 56 / 61,
    "class_0_recall": 27 / 29,
    "class_0_precision": 27 / 30,
    "class_0_support": 29.0,
    "class_1_recall": 29 / 32,
    "class_1_precision": 29 / 31,
    "class_1_f1": 58 / 63,
    "class_1_support": 32.0,
    "true_positives": 29.0,
    "true_negatives": 27.0,
    "false_positives": 2.0,
    "false_negatives": 3.0,
    "cv_mean": 0.8059,
}


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("accuracy", Rate(56, 61)),
        ("class_0_recall", Rate(27, 29)),
        ("class_0_precision", Rate(27, 30)),
        ("class_1_recall", Rate(29, 32)),
        ("class_1_precision", Rate(29, 31)),
        ("class_1_f1", None),
        ("cv_mean", None),
        ("class_1_support", None),
        ("nowhere", None),
    ],
)
def test_rates_of_the_heart_sweep_have_their_rows(name: str, rate: Rate | None) -> None:
    assert rate_of(HEART, name) == rate


def test_the_rows_come_from_whatever_the_run_logged() -> None:
    confusion = {name: HEART[name] for name in HEART if "positives" in name or "negatives" in name}
    assert evaluated_rows(confusion) == 61
    assert evaluated_rows({"example_count": 61.0}) == 61
    assert evaluated_rows({"class_0_support": 29.0, "class_1_support": 32.0}) == 61
    assert evaluated_rows({"accuracy": 0.9}) is None
    assert rate_of({"accuracy_score": 0.75, "example_count": 8.0}, "accuracy_score") == Rate(6, 8)
    assert rate_of(confusion | {"recall_score": 29 / 32}, "recall_score") == Rate(29, 32)
    assert rate_of(confusion | {"precision": 29 / 31}, "precision") == Rate(29, 31)


def test_a_value_rounded_to_four_decimals_still_names_its_count() -> None:
    assert rate_of({"accuracy": 0.9180, "example_count": 61.0}, "accuracy") == Rate(56, 61)


@pytest.mark.parametrize("value", [0.9, 91.8, -0.1, math.nan, math.inf])
def test_a_value_that_is_no_share_of_the_rows_is_no_rate(value: float) -> None:
    """Such an accuracy was measured on other rows than those that the run counts."""
    assert rate_of({"accuracy": value, "example_count": 61.0}, "accuracy") is None


@pytest.mark.parametrize("count", [0.0, -1.0, 60.5, math.nan, math.inf])
def test_counts_that_are_no_counts_give_no_rate(count: float) -> None:
    assert rate_of({"accuracy": 0.5, "example_count": count}, "accuracy") is None
