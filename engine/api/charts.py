"""Charts: the histories of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from engine.entities import Run

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.charts.history import History, Refined, XAxis
    from engine.charts.overview import MetricOverview
    from engine.runs.metrics import Direction


class Charts:
    """What charts draw."""

    def __init__(self, access: StoreAccess) -> None:
        self._store = access.store

    def histories(
        self,
        runs: Sequence[Run],
        metrics: Sequence[str],
        *,
        points: int = 800,
        steps: tuple[int, int] | None = None,
    ) -> tuple[History, ...]:
        """The histories of metrics of runs, run by run, down-sampled to at most `points` points each; those
        without points are left out; the ends of long pauses are kept. `steps` limits them to a range, both
        ends included."""
        from engine.charts.history import histories

        return histories(self._store, runs, metrics, points=points, steps=steps, with_pauses=True)

    def refined(
        self, histories: Sequence[History], axis: XAxis, low: float, high: float, *, points: int = 800
    ) -> Refined:
        """The same histories with more points from `low` to `high` on an axis, where points are missing."""
        from engine.charts.history import refined

        return refined(self._store, histories, axis, low, high, points=points)

    def overview(
        self, run: Run, directions: Mapping[str, Direction] | None = None
    ) -> tuple[MetricOverview, ...]:
        """The metrics of a run that have more than one step: last and best value, and the course.
        `directions` overrides which direction of a metric is better."""
        from engine.charts.overview import overview

        return overview(self._store, run, directions)

    def current(self, runs: Sequence[Run]) -> tuple[Run, ...]:
        """The runs, the unfinished ones read again; without those that no longer exist."""
        from engine.charts.history import current_runs

        return current_runs(self._store, runs)
