"""What every search offers to the sweep, and the search over trials known before the first one runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from engine.training.spec import Trial

if TYPE_CHECKING:
    from engine.training.evaluation.parts import Parts

Scores = tuple[tuple[int, float], ...]
"""The cross-validated means of a candidate on so many rows, NaN where it failed."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A trial that a search gave up without training it, and its scores by `metric`."""

    trial: Trial
    metric: str
    scores: Scores


class Search(Protocol):
    """Proposes trials and learns from their scores. Used from one thread."""

    @property
    def total(self) -> int | None:
        """The number of trials, None if unknown."""

    @property
    def exhausted(self) -> bool:
        """No more trials will come, whatever scores follow."""

    def recall(self, params: Mapping[str, str], score: float | None) -> None:
        """Before the first `ask`: a trial that an earlier process of this sweep finished, as its run has it.
        A search that would propose the same trials again need not remember it."""

    def narrow(
        self,
        parts: Callable[[], Parts],
        *,
        workers: int,
        note: Callable[[str], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
        abort: Callable[[], bool] = lambda: False,
    ) -> None:
        """Before the first `ask`: score candidates on few rows and give up most of them, if this search does.
        `stop` ends this between two steps, `abort`, called from another thread, within one."""

    @property
    def dropped(self) -> Sequence[Dropped]:
        """The candidates that were given up."""

    def steps(self, trial: Trial) -> Scores:
        """The scores of a candidate before it was proposed."""

    def ask(self) -> Trial | None:
        """The next trial; None if there is none at the moment, see `exhausted`."""

    def tell(self, trial: Trial, score: float | None) -> None:
        """The score of a trial that ended, None if it failed. Higher is better."""


class DirectSearch:
    """Proposes trials without scoring candidates first."""

    def narrow(self, *_: Any, **__: Any) -> None:
        pass

    @property
    def dropped(self) -> Sequence[Dropped]:
        return ()

    def steps(self, trial: Trial) -> Scores:
        return ()


class ListedSearch(DirectSearch):
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

    def recall(self, params: Mapping[str, str], score: float | None) -> None:
        pass

    def ask(self) -> Trial | None:
        if self.exhausted:
            return None
        self._next += 1
        return self._trials[self._next - 1]

    def tell(self, trial: Trial, score: float | None) -> None:
        pass
