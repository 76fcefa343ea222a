"""Events keep their values through the pipe."""

from __future__ import annotations

import json
import math

import pytest

from engine.training.events import (
    SweepEvent,
    SweepFinished,
    SweepNote,
    SweepPaused,
    SweepPreparing,
    SweepResult,
    SweepStarted,
    TrialFailed,
    TrialFinished,
    TrialKilled,
    TrialStarted,
    from_json,
    to_json,
)

EVENTS: list[SweepEvent] = [
    SweepPreparing("starting Python"),
    SweepNote("ended by the time limit of 1m"),
    SweepStarted("p", "1", 60, 2, "root_mean_squared_error", True, 2),
    SweepPaused(True),
    TrialStarted(3),
    TrialFinished(
        3,
        "r",
        "knn-3",
        "knn",
        {"n_neighbors": 3, "weights": None, "p": 1.5},
        {"accuracy": 0.1 + 0.2},
        None,
        0.12,
    ),
    TrialFailed(3, "r", "knn-3", "knn", {"n_neighbors": 3}, "a\nb \x1b[31m ü \ud800"),
    TrialKilled(3, "r"),
    SweepFinished(1, 2, 3, True, 4.5, "ended"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_survive_a_round_trip_through_json(event: SweepEvent) -> None:
    line = to_json(event)
    assert "\n" not in line
    assert line.isascii()
    assert from_json(json.loads(line)) == event


@pytest.mark.parametrize(
    ("total", "finished", "failed", "killed", "summary"),
    [
        (1, 1, 0, 0, "1 trial finished"),
        (1200, 1200, 0, 0, "1,200 trials finished"),
        (4, 3, 1, 0, "3 of 4 trials finished, 1 failed"),
        (60, 18, 0, 1, "18 of 60 trials finished, 1 killed, 41 not started"),
        (60, 0, 0, 0, "0 of 60 trials finished, 60 not started"),
    ],
)
def test_a_summary_accounts_for_every_trial(
    total: int, finished: int, failed: int, killed: int, summary: str
) -> None:
    result = SweepResult("p", "1", total, finished, failed, killed, False, 1.0, None)
    assert result.summary == summary


def test_infinities_and_nan_survive_a_round_trip() -> None:
    event = TrialFinished(0, "r", "knn", "knn", {}, {"a": math.inf, "b": -math.inf, "c": math.nan}, None, 0.0)
    decoded = from_json(json.loads(to_json(event)))
    assert isinstance(decoded, TrialFinished)
    assert (decoded.metrics["a"], decoded.metrics["b"]) == (math.inf, -math.inf)
    assert math.isnan(decoded.metrics["c"])
