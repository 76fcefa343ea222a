"""How far the best run is ahead of the others."""

from __future__ import annotations

import pytest

from engine.evidence.best import best_run
from engine.evidence.difference import Standing, standing
from engine.runs.frame import RunFrame
from tests.support.runs import a_run


def standing_of(*right: int, n: int = 61) -> Standing | None:
    """For runs that get these numbers of `n` rows right."""
    runs = [
        a_run(
            f"r{index}", metrics={"accuracy": count / n, "class_0_support": 29.0, "class_1_support": n - 29.0}
        )
        for index, count in enumerate(right)
    ]
    frame = RunFrame.from_runs(runs)
    return standing(frame, best_run(frame, "accuracy"))


def test_close_runs_cannot_be_told_from_the_best_and_a_bad_one_can() -> None:
    found = standing_of(56, 56, 55, 52, 30)
    assert found is not None
    assert (found.others, found.level_with) == (4, 3)
    assert found.measured == "[0.8221, 0.9645] n=61"
    assert found.more_rows is not None
    assert found.more_rows > 1000
    assert found.sentence.startswith("3 of 4 other runs cannot be distinguished from it (95 % interval")
    assert found.sentence.endswith("more test rows would distinguish the next one.")


def test_more_rows_tell_the_same_rates_apart() -> None:
    few, many = standing_of(92, 90, n=100), standing_of(9200, 9000, n=10_000)
    assert few is not None
    assert many is not None
    assert (few.level_with, many.level_with) == (1, 0)
    assert many.more_rows == 0


def test_equal_runs_stay_equal_with_any_number_of_rows() -> None:
    found = standing_of(56, 56)
    assert found is not None
    assert (found.level_with, found.more_rows) == (1, None)
    assert "more test rows" not in found.sentence


def test_a_single_run_has_an_interval_and_nobody_to_compare_with() -> None:
    found = standing_of(56)
    assert found is not None
    assert found.sentence == "No other run has a rate to compare with it."


@pytest.mark.parametrize("metric", ["f1", "loss"])
def test_a_metric_that_is_no_share_of_rows_has_no_standing(metric: str) -> None:
    frame = RunFrame.from_runs([a_run("a", metrics={metric: 0.5, "example_count": 10.0})])
    assert standing(frame, best_run(frame, metric)) is None
