"""What every search offers to the sweep, and the search over trials known before the first one runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.training.spec import Trial


@dataclass(frozen=True, slots=True)
class Dropped:
    """A trial that a search gave up without training it, and its scores: the number of rows and the
    cross-validated mean of `metric` there, NaN if it failed."""

    trial: Trial
    metric: str
    scores: tuple[tuple[int, float], ...]


class Search(Protocol):
    """Proposes trials and learns from their scores. Used from one thread."""

    @property
    def total(self) -> int | None:
        """The number of trials, None if unknown."""

    @property
    def exhausted(self) -> bool:
        """No more trials will come, whatever scores follow."""

    def ask(self) -> Trial | None:
        """The next trial; None if there is none at the moment, see `exhausted`."""

    def tell(self, trial: Trial, score: float | None) -> None:
        """The score of a trial that ended, None if it failed. Higher is better."""


class ListedSearch:
    """Proposes a list of trials in order; scores do not matter."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = trials
        self._next = 0

    @property
    def total(self) -> int:
        return len(self._trials)

    @property
    def exhausted(self) -> bool:
        return self._next >= len(self._trials)

    def ask(self) -> Trial | None:
        if self.exhausted:
            return None
        self._next += 1
        return self._trials[self._next - 1]

    def tell(self, trial: Trial, score: float | None) -> None:
        pass
