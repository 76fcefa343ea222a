"""Whether the best run is better than the others by more than chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.columns import ColumnKey
from engine.evidence.best import BestRun
from engine.evidence.rates import needed_for, rate_of
from engine.evidence.statistics import Interval, Rate, difference, rows_to_tell_apart, wilson
from engine.formats import count, counted
from engine.runs.frame import RunFrame
from engine.text import Shown


@dataclass(frozen=True, slots=True)
class Standing:
    """The best run's rate with its interval, among the `others` whose rate is known.

    `level_with` of the others cannot be distinguished from it: the 95 % interval of the difference, that of
    rates measured on different rows, contains 0. Runs tested on the same rows can differ in fact by less.
    `more_rows` is about how many more test rows would distinguish the nearest other rate, None without one.
    """

    rate: Rate
    interval: Interval
    others: int
    level_with: int
    more_rows: int | None

    @property
    def measured(self) -> Shown:
        """`[0.8221, 0.9645] n=61`."""
        return Shown(f"[{self.interval.low:.4f}, {self.interval.high:.4f}] n={count(self.rate.n)}")

    @property
    def sentence(self) -> Shown:
        """How many others cannot be distinguished from the best run, and how many rows that would take."""
        if not self.others:
            return Shown("No other run has a rate to compare with it.")
        level = (
            f"{count(self.level_with)} of {counted(self.others, 'other run')} cannot be distinguished from it"
        )
        how = "(95 % interval of the difference, not corrected for the number of runs)"
        if self.more_rows is None:
            return Shown(f"{level} {how}.")
        return Shown(
            f"{level} {how}. About {count(self.more_rows)} more test rows would distinguish the next one."
        )


def standing(frame: RunFrame, best: BestRun) -> Standing | None:
    """How far the best run is ahead of the runs that competed with it; None if its metric is not a share of
    counted rows."""
    rate = rate_of(best.run.metrics, best.metric)
    if rate is None:
        return None
    best_row = frame.row_of(best.run.run_id)
    others = Counter(_rates(frame, best.metric, [row for row in best.rows if row != best_row]))
    level = sum(runs for other, runs in others.items() if 0.0 in difference(rate, other))
    nearest = min(
        (other for other in others if other.value != rate.value),
        key=lambda other: abs(other.value - rate.value),
        default=None,
    )
    needed = None if nearest is None else rows_to_tell_apart(rate, nearest)
    more = None if needed is None else max(0, needed - rate.n)
    return Standing(rate, wilson(rate), others.total(), level, more)


def _rates(frame: RunFrame, metric: str, rows: Sequence[int]) -> list[Rate]:
    """The rates of the rows that have one."""
    names = needed_for(metric, (key.name for key in frame.keys if key.kind == "metric"))
    readers = {name: frame.reader(ColumnKey("metric", name)) for name in names}
    found: list[Rate] = []
    for row in rows:
        values = {name: value for name, read in readers.items() if (value := read(row)) is not None}
        rate = rate_of(values, metric)  # type: ignore[arg-type]
        if rate is not None:
            found.append(rate)
    return found
