"""Successive halving: only the best candidates of each rung are scored on more rows, and those of the last
rung are trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.formats import count, counted
from engine.training.control import BASELINE
from engine.training.search.base import Dropped
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


class HalvingSearch:
    """All combinations of a grid, or a number of random ones, as candidates; `run` drops most of them, then
    the others are proposed, after the baseline. Raises what `trials` raises."""

    def __init__(self, spec: SweepSpec, task: Task) -> None:
        self._spec = spec
        self._candidates = trials(spec, task)
        self._rungs: list[Rung] = []
        self._waiting: list[Trial] = list(self._candidates)

    def run(
        self,
        parts: Parts,
        *,
        workers: int,
        on_rung: Callable[[Rung], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
        abort: Callable[[], bool] = lambda: False,
    ) -> None:
        """Score the candidates, before the first `ask`. `on_rung` follows. `stop` ends the search before the
        next rung, `abort`, called from another thread, within one; then those of the last rung are left.

        Raises `TrainingError` if all candidates fail, and `GridError` for a parameter that does not exist.
        """
        from engine.training.search.rungs import climb

        def scored(rung: Rung) -> None:
            self._rungs.append(rung)
            on_rung(rung)

        baseline = [trial for trial in self._candidates if trial.estimator == BASELINE]
        others = [trial for trial in self._candidates if trial.estimator != BASELINE]
        if others:
            climb(parts, self._spec, others, workers=workers, on_rung=scored, stop=stop, abort=abort)
        if self._rungs:
            left = self._rungs[-1].scores
            self._waiting = baseline + [trial for trial in others if trial.index in left]

    @property
    def dropped(self) -> Sequence[Dropped]:
        """The candidates that are not among those of the last rung."""
        if not self._rungs:
            return ()
        first, last = self._rungs[0], self._rungs[-1]
        return [
            Dropped(trial, first.metric, self.steps(trial))
            for trial in self._candidates
            if trial.index in first.scores and trial.index not in last.scores
        ]

    def steps(self, trial: Trial) -> tuple[tuple[int, float], ...]:
        """The scores of a candidate at each rung, with the number of rows."""
        return tuple(
            (rung.rows, rung.scores[trial.index]) for rung in self._rungs if trial.index in rung.scores
        )

    @property
    def total(self) -> int:
        return len(self._candidates)

    @property
    def exhausted(self) -> bool:
        return not self._waiting

    def ask(self) -> Trial | None:
        return self._waiting.pop(0) if self._waiting else None

    def tell(self, trial: Trial, score: float | None) -> None:
        pass
