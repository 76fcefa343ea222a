"""Successive halving: only the best candidates of each rung are scored on more rows, and those of the last
rung are trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.formats import count, counted
from engine.training.control import BASELINE
from engine.training.search.base import Dropped, ListedSearch, Scores
from engine.training.search.grid import trials
from engine.training.spec import SweepSpec, Task, Trial

if TYPE_CHECKING:
    from engine.training.evaluation.parts import Parts

FACTOR = 3
"""One in so many candidates goes on to the next rung, on so many times the rows."""


@dataclass(frozen=True, slots=True)
class Rung:
    """Candidates scored on `rows` rows of the training part, cross-validated. `scores` are by the index of
    the trial, NaN for one that failed."""

    number: int
    rows: int
    metric: str
    scores: Mapping[int, float]
    lower: bool = False

    def __str__(self) -> str:
        finite = [score for score in self.scores.values() if math.isfinite(score)]
        best = f", best {self.metric} {(min if self.lower else max)(finite):.4f}" if finite else ""
        candidates = counted(len(self.scores), "candidate")
        return f"halving, rung {self.number}: {candidates} on {count(self.rows)} rows{best}"


class HalvingSearch(ListedSearch):
    """All combinations of a grid, or a number of random ones, as candidates; `narrow` drops most of them,
    then the others are proposed, after the baseline. `rungs` are those that were scored. Raises what `trials`
    raises."""

    def __init__(self, spec: SweepSpec, task: Task) -> None:
        self._spec = spec
        self._candidates = trials(spec, task)
        super().__init__(self._candidates)
        self.rungs: list[Rung] = []

    def narrow(
        self,
        parts: Callable[[], Parts],
        *,
        workers: int,
        note: Callable[[str], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
        abort: Callable[[], bool] = lambda: False,
    ) -> None:
        """`note` follows the rungs; if the search ends early, the candidates of the last one are left.

        Raises `TrainingError` if all candidates fail, and `GridError` for a parameter that does not exist.
        """
        from engine.training.search.rungs import climb

        def scored(rung: Rung) -> None:
            self.rungs.append(rung)
            note(str(rung))

        baseline = [trial for trial in self._candidates if trial.estimator == BASELINE]
        others = [trial for trial in self._candidates if trial.estimator != BASELINE]
        if others:
            climb(parts(), self._spec, others, workers=workers, on_rung=scored, stop=stop, abort=abort)
        if self.rungs:
            left = self.rungs[-1].scores
            self._trials = baseline + [trial for trial in others if trial.index in left]

    @property
    def dropped(self) -> Sequence[Dropped]:
        """The candidates that are not among those of the last rung."""
        if not self.rungs:
            return ()
        first, last = self.rungs[0], self.rungs[-1]
        return [
            Dropped(trial, first.metric, self.steps(trial))
            for trial in self._candidates
            if trial.index in first.scores and trial.index not in last.scores
        ]

    def steps(self, trial: Trial) -> Scores:
        """The scores of a candidate at each rung, with the number of rows."""
        return tuple(
            (rung.rows, rung.scores[trial.index]) for rung in self.rungs if trial.index in rung.scores
        )

    @property
    def total(self) -> int:
        return len(self._candidates)
