"""The events of a running sweep and its result. Events travel as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.formats import count, counted
from engine.training.estimators import ParameterValue


@dataclass(frozen=True, slots=True)
class SweepPreparing:
    """Training has not started yet; `note` says why, as plain text."""

    note: str


@dataclass(frozen=True, slots=True)
class SweepStarted:
    """The parent run exists; `total` trials will run under it."""

    parent_run_id: str
    experiment_id: str
    total: int


@dataclass(frozen=True, slots=True)
class TrialStarted:
    index: int


@dataclass(frozen=True, slots=True)
class TrialFinished:
    """`params` include defaults, as recorded; `seconds` cover the whole trial, including recording."""

    index: int
    run_id: str
    params: Mapping[str, ParameterValue]
    metrics: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class TrialFailed:
    index: int
    run_id: str
    params: Mapping[str, ParameterValue]
    message: str


@dataclass(frozen=True, slots=True)
class TrialKilled:
    index: int
    run_id: str


@dataclass(frozen=True, slots=True)
class SweepFinished:
    """Counts of trials, excluding those never started."""

    finished: int
    failed: int
    killed: int
    cancelled: bool
    seconds: float


SweepEvent = (
    SweepPreparing | SweepStarted | TrialStarted | TrialFinished | TrialFailed | TrialKilled | SweepFinished
)

_EVENTS: Mapping[str, type[SweepEvent]] = {
    event.__name__: event
    for event in (
        SweepPreparing,
        SweepStarted,
        TrialStarted,
        TrialFinished,
        TrialFailed,
        TrialKilled,
        SweepFinished,
    )
}


@dataclass(frozen=True, slots=True)
class SweepResult:
    """The result of a sweep of `total` trials. `best_run_id` has the highest accuracy; ties go to the higher
    `cv_mean`, then to the earlier trial; None if no trial finished. `seconds` include the preparation."""

    parent_run_id: str
    experiment_id: str
    total: int
    finished: int
    failed: int
    killed: int
    cancelled: bool
    seconds: float
    best_run_id: str | None

    @property
    def summary(self) -> str:
        """The trials by outcome, as text: `18 of 60 trials finished, 1 killed, 41 not started`."""
        of_total = "" if self.finished == self.total else f"{count(self.finished)} of "
        not_started = self.total - self.finished - self.failed - self.killed
        parts = [f"{of_total}{counted(self.total, 'trial')} finished"]
        for number, what in ((self.failed, "failed"), (self.killed, "killed"), (not_started, "not started")):
            parts += [f"{count(number)} {what}"] if number else []
        return ", ".join(parts)


def to_json(event: SweepEvent) -> str:
    """One line, without the newline."""
    return json.dumps({"event": type(event).__name__, **asdict(event)})


def from_json(fields: Mapping[str, Any]) -> SweepEvent:
    """The event of a decoded line. Raises `KeyError` or `TypeError` for anything else."""
    values = dict(fields)
    return _EVENTS[values.pop("event")](**values)
