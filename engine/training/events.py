"""The events of a running sweep and its result. Events travel as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from engine.formats import count, counted
from engine.training.spec import Value


@dataclass(frozen=True, slots=True)
class SweepPreparing:
    """Training has not started yet; `note` says why, as plain text."""

    note: str


@dataclass(frozen=True, slots=True)
class SweepNote:
    """Something the operator should know, as plain text: what was understood of the data, a worker that died,
    a tracking server that does not answer, why the sweep ended early."""

    text: str


@dataclass(frozen=True, slots=True)
class SweepStarted:
    """The parent run exists; `total` trials belong to it, of which `finished` are from an earlier process.
    They are ranked by the cross-validated mean of `metric`, where `lower` says that lower is better, and
    trained by `workers` processes at once."""

    parent_run_id: str
    experiment_id: str
    total: int
    finished: int = 0
    metric: str = ""
    lower: bool = False
    workers: int = 1


@dataclass(frozen=True, slots=True)
class SweepPaused:
    """No new trials start, or they do again."""

    paused: bool


@dataclass(frozen=True, slots=True)
class TrialStarted:
    index: int


@dataclass(frozen=True, slots=True)
class TrialFinished:
    """`params` include defaults, as recorded; `score` is the cross-validated mean of the metric that ranks
    the sweep, None if undefined; `seconds` cover the whole trial, including recording. `earlier` marks those
    of a resumed sweep that finished before it was interrupted: they follow `SweepStarted`."""

    index: int
    run_id: str
    name: str
    estimator: str
    params: Mapping[str, Value]
    metrics: Mapping[str, float]
    score: float | None
    seconds: float
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class TrialFailed:
    index: int
    run_id: str
    name: str
    estimator: str
    params: Mapping[str, Value]
    message: str


@dataclass(frozen=True, slots=True)
class TrialKilled:
    index: int
    run_id: str


@dataclass(frozen=True, slots=True)
class SweepFinished:
    """Counts of trials, excluding those never started; `ended` says why some were not, empty if all were.
    `best_run_id` is as in `SweepResult`."""

    finished: int
    failed: int
    killed: int
    cancelled: bool
    seconds: float
    ended: str = ""
    best_run_id: str | None = None


SweepEvent = (
    SweepPreparing
    | SweepNote
    | SweepStarted
    | SweepPaused
    | TrialStarted
    | TrialFinished
    | TrialFailed
    | TrialKilled
    | SweepFinished
)

_EVENTS: Mapping[str, type[SweepEvent]] = {event.__name__: event for event in get_args(SweepEvent)}


@dataclass(frozen=True, slots=True)
class SweepResult:
    """The result of a sweep of `total` trials. `best_run_id` has the best score, see `TrialFinished`; ties go
    to the earlier trial; None if no trial but a baseline finished. `seconds` include the preparation."""

    parent_run_id: str
    experiment_id: str
    total: int
    finished: int
    failed: int
    killed: int
    cancelled: bool
    seconds: float
    best_run_id: str | None
    ended: str = ""

    @property
    def summary(self) -> str:
        """The trials by outcome, as text: `18 of 60 trials finished, 1 killed, 41 not started`."""
        of_total = "" if self.finished == self.total else f"{count(self.finished)} of "
        not_started = self.total - self.finished - self.failed - self.killed
        parts = [f"{of_total}{counted(self.total, 'trial')} finished"]
        for number, what in ((self.failed, "failed"), (self.killed, "killed"), (not_started, "not started")):
            parts += [f"{count(number)} {what}"] if number else []
        return ", ".join([*parts, *([self.ended] if self.ended else [])])


def to_json(event: SweepEvent) -> str:
    """One line, without the newline."""
    return json.dumps({"event": type(event).__name__, **asdict(event)})


def from_json(fields: Mapping[str, Any]) -> SweepEvent:
    """The event of a decoded line. Raises `KeyError` or `TypeError` for anything else."""
    values = dict(fields)
    return _EVENTS[values.pop("event")](**values)
