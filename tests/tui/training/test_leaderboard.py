"""The table of a sweep's trials."""

from __future__ import annotations

import math

from engine.training.events import TrialFailed, TrialFinished
from tui.training.leaderboard import Leaderboard


def test_the_best_trial_comes_first_with_the_metric_that_ranks_it() -> None:
    board = Leaderboard()
    params = ({"k": 3, "weights": "uniform"}, {"k": 5, "weights": "distance"}, {"k": 7})
    for index, (accuracy, loss) in enumerate([(0.8, 0.4), (0.9, math.inf)]):
        metrics = {"accuracy": accuracy, "loss": loss, "cv_mean": 0.5}
        board.add(TrialFinished(index, f"run {index}", params[index], metrics, 0.5))
    board.add(TrialFailed(2, "run 2", params[2], "out of memory"))
    source = board.source()
    keys = [column.key for column in source.columns]
    assert keys[:4] == ["trial", "metrics.accuracy", "params.k", "params.weights"]
    assert set(keys[4:]) == {"metrics.loss", "metrics.cv_mean", "duration"}
    rows = [[source.cell(row, column) for column in range(len(keys))] for row in range(source.row_count)]
    assert [row[:4] for row in rows] == [
        ["2", "0.9000", "5", "distance"],
        ["1", "0.8000", "3", "uniform"],
        ["3", "out of memory", "7", "–"],
    ]
    assert rows[2][-1] == "failed"
    assert source.cell_style(0, keys.index("metrics.loss")) == "bad"
    assert source.cell_style(1, keys.index("metrics.loss")) is None
    sheet = board.sheet()
    values = {column.name: list(column.values) for column in sheet.columns}
    assert (sheet.noun, values["rank"], values["trial"]) == ("trial", [1, 2, None], [2, 1, 3])
    assert values["params.weights"] == ["distance", "uniform", None]
    assert values["metrics.loss"] == [math.inf, 0.4, None]
    assert values["error"] == [None, None, "out of memory"]
