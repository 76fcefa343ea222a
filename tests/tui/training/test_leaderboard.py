"""The table of a sweep's trials."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from engine.training.events import SweepPaused, SweepStarted, TrialFailed, TrialFinished
from tui.training.leaderboard import Leaderboard
from tui.training.throughput import Throughput


def finished(index: int, score: float | None, estimator: str = "knn", **params: str | int) -> TrialFinished:
    metrics = {"accuracy": 0.5 + index / 10, "log_loss": math.inf if index == 1 else 0.4, "cv_std": 0.03}
    return TrialFinished(
        index, f"run {index}", f"{estimator}-{index}", estimator, params, metrics, score, 0.5
    )


def board_of(
    *events: TrialFinished | TrialFailed, metric: str = "accuracy", lower: bool = False
) -> Leaderboard:
    board = Leaderboard()
    board.add(SweepStarted("parent", "1", 60, 0, metric, lower, 2))
    for event in events:
        assert board.add(event)
    return board


def table(board: Leaderboard) -> list[list[str]]:
    source = board.source()
    labels = [str(column.label) for column in source.columns]
    rows = [[str(source.cell(row, at)) for at in range(len(labels))] for row in range(source.row_count)]
    return [labels, *rows]


def test_the_best_trial_comes_first_with_the_score_and_its_spread_over_the_folds() -> None:
    board = board_of(
        finished(0, 0.55, "dummy"),
        finished(1, 0.8, k=3, weights="uniform"),
        finished(2, 0.9, k=5, weights="distance"),
        TrialFailed(3, "run 3", "knn-3", "knn", {"k": 7}, "out of memory"),
    )
    labels, *rows = table(board)
    assert labels[:5] == ["trial", "estimator", "cv accuracy", "k", "weights"]
    assert [row[:5] for row in rows] == [
        ["3", "knn", "0.9000 ± 0.030", "5", "distance"],
        ["2", "knn", "0.8000 ± 0.030", "3", "uniform"],
        ["1", "baseline", "0.5500 ± 0.030", "", ""],
        ["4", "knn", "out of memory", "7", "–"],
    ]
    assert rows[3][-1] == "failed"
    source = board.source()
    assert source.cell_style(1, labels.index("test log_loss")) == "bad"  # diverged
    assert source.cell_style(2, 1) == "muted"
    assert board.best is not None
    assert board.best.run_id == "run 2"
    sheet = board.sheet()
    values = {column.name: list(column.values) for column in sheet.columns}
    assert (sheet.noun, values["rank"], values["trial"]) == ("trial", [1, 2, 3, None], [3, 2, 1, 4])
    assert values["params.weights"] == ["distance", "uniform", None, None]
    assert values["error"] == [None, None, None, "out of memory"]


def test_parameters_of_several_estimators_share_a_column() -> None:
    board = board_of(finished(0, 0.8, k=3), finished(1, 0.9, "a.b.Forest", depth=5))
    labels, first, second = table(board)
    assert labels[3] == "parameters"
    assert (first[1], first[3]) == ("Forest", "depth 5")
    assert (second[1], second[3]) == ("knn", "k 3")


def test_the_metric_of_the_sweep_decides_which_end_is_best_and_a_baseline_never_is() -> None:
    board = board_of(
        finished(0, 0.1, "dummy"),
        finished(1, 0.7),
        finished(2, None),
        finished(3, 0.3),
        metric="log_loss",
        lower=True,
    )
    assert [trial.index for trial in board.ranked()] == [0, 3, 1, 2]
    assert board.best is not None
    assert board.best.index == 3
    best, each, baseline = board.curves()
    assert (list(best.ys), list(each.ys), list(baseline.ys)) == ([0.7, 0.3], [0.7, 0.3], [0.1, 0.1])
    far = board_of(finished(0, 0.4, "dummy"), finished(1, 0.9), finished(2, 0.92))
    assert [series.label for series in far.curves()] == ["best so far", "trial"]


def test_trials_of_an_earlier_process_are_listed_and_do_not_count_as_fast_training() -> None:
    board = Leaderboard()
    board.add(SweepStarted("parent", "1", 60, 4, "accuracy"))
    for index, score in enumerate((0.9, 0.7, 0.6, 0.5)):
        board.add(replace(finished(index, score), earlier=True))
    assert (board.done, board.trials, board.throughput.rate) == (4, 4, None)
    board.add(finished(4, 0.8))
    assert (board.done, board.trials) == (5, 5)
    assert board.best is not None
    assert board.best.index == 0


def test_a_pause_does_not_count_as_slow_training() -> None:
    now = 0.0
    throughput = Throughput(lambda: now)
    assert throughput.rate is None
    for now in (1.0, 2.0, 3.0, 4.0):  # noqa: B007  read by the clock
        throughput.add()
    throughput.pause(True)
    now = 100.0
    assert throughput.rate == pytest.approx(1.0)
    throughput.pause(False)
    now = 104.0
    assert throughput.rate == pytest.approx(0.5)
    assert throughput.seconds_left(10) == pytest.approx(20)


def test_a_paused_sweep_is_shown_as_paused_until_it_goes_on() -> None:
    board = board_of()
    board.add(SweepPaused(True))
    assert board.paused
    board.add(SweepPaused(False))
    assert not board.paused
