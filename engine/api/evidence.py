"""What the numbers of runs are worth: the best run, what is more than chance, what a metric depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.entities import Run
    from engine.evidence.best import BestRun
    from engine.evidence.difference import Correction, Standing, Versus
    from engine.evidence.forest import Forest
    from engine.evidence.insights import Insights
    from engine.evidence.remarks import Remark
    from engine.filters.compiler import Filter
    from engine.runs.frame import RunFrame
    from engine.runs.metrics import Direction


class Evidence:
    """Conclusions from the runs of an experiment. Predictions and fold scores are read from the store as
    needed."""

    def __init__(self, access: StoreAccess) -> None:
        self._store = access.store

    def best(
        self,
        frame: RunFrame,
        metric: str,
        direction: Direction | None = None,
        rows: Sequence[int] | None = None,
        *,
        where: Filter | None = None,
        tie_metric: str = "cv_mean",
        any_kind: bool = False,
    ) -> BestRun:
        """The best run by a metric among `rows` (None: all of the frame) that meets `where`, with its ties,
        which the better `tie_metric` breaks. Runs that cannot be compared with the others compete only with
        `any_kind`."""
        from engine.evidence.best import best_run

        return best_run(frame, metric, direction, rows, where=where, tie_metric=tie_metric, any_kind=any_kind)

    def standing(self, frame: RunFrame, best: BestRun, correction: Correction = "none") -> Standing | None:
        """How far the best run is ahead of the others; None if nothing is known but its value."""
        from engine.evidence.difference import standing

        return standing(frame, best, self._store, correction)

    def versus(
        self, runs: Sequence[Run], metric: str, *, reference: int = 0, correction: Correction = "none"
    ) -> tuple[Versus, ...]:
        """Each run's metric with its interval, and whether it differs from that of the run at the position
        `reference` by more than chance; in the order of `runs`."""
        from engine.evidence.difference import versus

        return versus(self._store, runs, metric, reference=reference, correction=correction)

    def differences(
        self, runs: Sequence[Run], *, reference: int = 0, correction: Correction = "none"
    ) -> Mapping[str, tuple[Versus, ...]]:
        """`versus` by metric, for the metrics of the reference that have an interval or a test there. With a
        `correction`, each metric is corrected for the number of runs."""
        from engine.evidence.difference import versus
        from engine.evidence.predictions import PredictionFiles

        files = PredictionFiles(self._store)
        found: dict[str, tuple[Versus, ...]] = {}
        for metric in sorted(runs[reference].metrics):
            compared = versus(
                self._store, runs, metric, reference=reference, correction=correction, files=files
            )
            if any(run.interval is not None or run.p_value is not None for run in compared):
                found[metric] = compared
        return found

    def insights(
        self,
        frame: RunFrame,
        metric: str,
        direction: Direction | None = None,
        rows: Sequence[int] | None = None,
        *,
        where: Filter | None = None,
        correction: Correction = "none",
    ) -> Insights:
        """What the comparable runs among `rows` (None: all of the frame) say about a metric; only the best
        run must meet `where`."""
        from engine.evidence.insights import insights

        return insights(frame, metric, direction, rows, where=where, store=self._store, correction=correction)

    def remarks(self, frame: RunFrame, result: Insights) -> tuple[Remark, ...]:
        """What is out of line, one sentence each, with the runs behind it."""
        from engine.evidence.remarks import remarks

        return remarks(frame, result)

    def forest(self, frame: RunFrame, best: BestRun) -> Forest:
        """The parameters that matter to a random forest. Imports scikit-learn, which takes seconds."""
        from engine.evidence.insights import forest

        return forest(frame, best)
