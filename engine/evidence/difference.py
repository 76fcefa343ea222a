"""Whether runs differ by more than chance: the best run against the others, or any runs against a reference.

Each pair is compared in the strongest way that its data allow:

    mcnemar    both have predictions for the same rows: the exact McNemar test
    folds      both have scores on the same folds: the corrected resampled t-test (Nadeau and Bengio)
    interval   both rates are known, but not on which rows they differ: the unpaired interval of Newcombe
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from engine.evidence.best import TIE_METRIC, BestRun
from engine.evidence.measured import (
    Measured,
    Measurements,
    measured_rows,
    measured_run,
    nearest_first,
)
from engine.evidence.predictions import PredictionFiles
from engine.evidence.rates import ACCURACIES, is_share
from engine.evidence.statistics import (
    ALPHA,
    Interval,
    Rate,
    corrected_t,
    fold_interval,
    holm,
    mcnemar,
    rows_needed,
    rows_needed_unpaired,
    unpaired,
    wilson,
)
from engine.formats import count, counted, number
from engine.runs.frame import RunFrame
from engine.runs.metrics import FOLD_METRIC
from engine.text import Shown, safe

if TYPE_CHECKING:
    from engine.entities import Run
    from engine.stores.base import Store

Method = Literal["mcnemar", "folds", "interval"]
Correction = Literal["none", "holm"]
CORRECTIONS: tuple[Correction, ...] = ("none", "holm")

_NAMES: Mapping[Method, str] = {
    "mcnemar": "exact McNemar",
    "folds": "corrected resampled t on the folds",
    "interval": "unpaired interval",
}


@dataclass(frozen=True, slots=True)
class Versus:
    """A run's metric, and whether it differs from that of a reference run.

    `interval` and `n`, the number of rows (`of_folds`: of folds), are None if unknown. `method` is None for
    the reference itself and for runs that cannot be compared; `p_value` is two-sided, corrected if asked for.
    `only_reference` and `only_this` count the rows that only one of the two gets right, and `more_rows` is
    about how many more rows would show a difference of this size.
    """

    run_id: str
    value: float | None
    interval: Interval | None = None
    n: int | None = None
    method: Method | None = None
    p_value: float | None = None
    equal: bool = False
    only_reference: int | None = None
    only_this: int | None = None
    more_rows: int | None = None
    of_folds: bool = False

    @property
    def distinguished(self) -> bool | None:
        """Whether the difference is more than chance; None if that cannot be tested."""
        return None if self.p_value is None else self.p_value < ALPHA

    @property
    def mark(self) -> Shown:
        """`=` for equal values, `≈ p .63` for a difference that may be chance, `p .03` for one that is more;
        empty for the reference and without a test."""
        if self.equal:
            return Shown("=")
        if self.p_value is None:
            return Shown("")
        return Shown(f"{'' if self.distinguished else '≈ '}p {p_text(self.p_value)}")

    @property
    def range(self) -> Shown:
        """`.82 – .96`; empty if unknown."""
        if self.interval is None:
            return Shown("")
        return Shown(f"{_short(self.interval.low)} – {_short(self.interval.high)}")

    @property
    def measured(self) -> Shown:
        """`[0.822, 0.964] n=61`; empty if unknown."""
        return _measured(self.interval, self.n, folds=self.of_folds)


@dataclass(frozen=True, slots=True)
class Standing:
    """The best run's metric with its interval, among `others` that can be compared with it.

    `level_with` of the others cannot be distinguished from it: the runs `level`. `methods` says how many were
    compared in which way, `untested` how many could not be. `more_rows` is about how many more test rows
    would distinguish the next of the level runs, None without such a run. `n` counts rows, or folds.
    """

    rate: Rate | None
    interval: Interval | None
    n: int | None
    others: int
    level_with: int
    more_rows: int | None
    methods: Mapping[Method, int]
    correction: Correction = "none"
    untested: int = 0
    folds: bool = False
    level: tuple[str, ...] = field(default=(), repr=False)

    @property
    def measured(self) -> Shown:
        """`[0.822, 0.964] n=61`."""
        return _measured(self.interval, self.n, folds=self.folds)

    @property
    def how(self) -> Shown:
        """`exact McNemar, α 0.05, no correction for the number of comparisons`."""
        used = [method for method in _NAMES if self.methods.get(method)]
        if len(used) == 1:
            tests = _NAMES[used[0]]
        else:
            tests = ", ".join(f"{_NAMES[method]} for {count(self.methods[method])}" for method in used)
        corrected = f"corrected for {counted(self.others, 'comparison')} by Holm's method"
        plain = "no correction for the number of comparisons"
        return Shown(f"{tests}, α {ALPHA:.2f}, {corrected if self.correction == 'holm' else plain}")

    @property
    def sentence(self) -> Shown:
        """How many others cannot be distinguished from the best run, and how many rows that would take."""
        untested = f" {counted(self.untested, 'run')} cannot be compared." if self.untested else ""
        if not self.others:
            return Shown(f"No other run can be compared with it statistically.{untested}")
        of = f"{count(self.level_with)} of {counted(self.others, 'other')} cannot"
        if not self.level_with:
            of = f"All {counted(self.others, 'other')} can" if self.others > 1 else "The other run can"
        level = f"{of} be distinguished from it ({self.how})"
        if self.more_rows:  # tied runs stay tied with any number of rows
            more = counted(self.more_rows, "more row")
            level += f"; about {more} would distinguish the closest with another value"
        return Shown(f"{level}.{untested}")


def verdict(metric: str, this: Versus, reference: Versus, name: str) -> Shown:
    """One sentence on a run against a reference that is called `name`: `accuracy 0.9180 against 0.9016 of
    version 1: may be chance (exact McNemar, p 1.0, n=61); about 416 more rows would distinguish them`. Empty
    without both values."""
    if this.value is None or reference.value is None:
        return Shown("")
    values = f"{metric} {number(this.value)} against {number(reference.value)} of {name}"
    if this.method is None:
        return safe(f"{values}: {'equal' if this.equal else 'nothing is logged to test the difference with'}")
    size = "" if this.n is None else f", n={count(this.n)}"
    how = f"{_NAMES[this.method]}, p {p_text(this.p_value or 0.0)}{size}"
    if this.equal:
        apart = (this.only_reference or 0) + (this.only_this or 0)
        rows = f"; they differ on {counted(apart, 'row')}" if apart else ""
        return safe(f"{values}: equal{size}{rows}")
    if this.distinguished:
        return safe(f"{values}: more than chance ({how})")
    more = f"; about {counted(this.more_rows, 'more row')} would distinguish them" if this.more_rows else ""
    return safe(f"{values}: may be chance ({how}){more}")


def versus(
    store: Store | None,
    runs: Sequence[Run],
    metric: str,
    *,
    reference: int = 0,
    correction: Correction = "none",
    files: PredictionFiles | None = None,
) -> tuple[Versus, ...]:
    """Each run against the one at the position `reference`, in the order of `runs`. `files` are shared by
    calls for several metrics."""
    measured = [measured_run(run, metric) for run in runs]
    pairs = _Pairs(Measurements(store, metric, files))
    base = measured[reference]
    known = [run for at, run in enumerate(measured) if run is not None and at != reference]
    compared = iter(pairs.compared_all(base, known))
    found = [
        Versus(runs[at].run_id, None)
        if run is None
        else pairs.alone(run)
        if at == reference
        else next(compared)
        for at, run in enumerate(measured)
    ]
    return tuple(_corrected(found) if correction == "holm" else found)


def chance(best: BestRun, found: Standing | None) -> Shown:
    """What is known about the part of chance in the lead of the best run, or what to log to know it; empty if
    it has no competitor."""
    if found is not None:
        return found.sentence
    if best.considered < 2:
        return Shown("")
    if is_share(best.metric):
        why = (
            f"nothing says how many rows {best.metric} was measured on. Log each run's predictions "
            "(evidence/predictions.csv), the support of each class, or the confusion counts"
        )
    elif best.metric == TIE_METRIC:
        why = f"the scores of the folds are not logged. Log them as {FOLD_METRIC}"
    else:
        why = f"{best.metric} is not a share of counted rows. Runs repeated with other seeds would show it"
    return safe(f"Whether its lead is more than chance cannot be said: {why}.")


def standing(
    frame: RunFrame, best: BestRun, store: Store | None = None, correction: Correction = "none"
) -> Standing | None:
    """How far the best run is ahead of the runs that competed with it; None if nothing is known but its
    value."""
    best_row = frame.row_of(best.run.run_id)
    base = measured_run(best.run, best.metric)
    if base is None or best_row is None:
        return None
    pairs = _Pairs(Measurements(store, best.metric))
    alone = pairs.alone(base)
    others = measured_rows(frame, best.metric, [row for row in best.rows if row != best_row])
    found = pairs.compared_all(base, nearest_first(base, others))
    if correction == "holm":
        found = _corrected(found)
    tested = [other for other in found if other.method is not None]
    if alone.interval is None and not tested:
        return None
    level = [other for other in tested if not other.distinguished]
    return Standing(
        base.rate,
        alone.interval,
        alone.n,
        len(tested),
        len(level),
        next((other.more_rows for other in level if other.more_rows), None) if correction == "none" else None,
        dict(Counter(other.method for other in tested if other.method)),
        correction,
        len(found) - len(tested),
        alone.of_folds,
        tuple(other.run_id for other in level),
    )


class _Pairs:
    """Compares pairs of runs by one metric."""

    def __init__(self, measurements: Measurements) -> None:
        self._read = measurements
        self._unpaired: dict[tuple[Rate, Rate], float] = {}

    def alone(self, run: Measured) -> Versus:
        """A run's own interval."""
        if run.rate is not None:
            return Versus(run.run_id, run.value, wilson(run.rate), run.rate.n)
        folds = self._read.folds(run) if self._read.metric == TIE_METRIC else ()
        if folds:
            interval = fold_interval(folds, 1 / (len(folds) - 1))
            return Versus(run.run_id, run.value, interval, len(folds), of_folds=True)
        return Versus(run.run_id, run.value)

    def compared_all(self, base: Measured | None, runs: Sequence[Measured]) -> list[Versus]:
        """Each run against the base, or alone without one."""
        if self._read.metric == TIE_METRIC:
            self._read.read_folds(runs if base is None else [base, *runs])
        elif base is not None and self._read.metric in ACCURACIES:
            unpaired = [run for run in runs if self._by_rows(base, run) is None]
            self._read.read_folds([base, *unpaired] if unpaired and base.split else ())
        return [self.alone(run) if base is None else self.compared(base, run) for run in runs]

    def compared(self, base: Measured, run: Measured) -> Versus:
        alone = self.alone(run)
        equal = base.value == run.value
        found = self._by_rows(base, run) or self._by_folds(base, run) or self._by_rates(base, run)
        if found is None:
            return replace(alone, equal=equal)
        method, p_value, (only_base, only_run), more = found
        return replace(
            alone,
            method=method,
            p_value=p_value,
            equal=equal,
            only_reference=only_base,
            only_this=only_run,
            more_rows=more,
        )

    def _by_rows(self, base: Measured, run: Measured) -> _Found | None:
        one = self._read.tested(base)
        two = self._read.tested(run) if one is not None else None
        if one is None or two is None or one.part is not two.part or not _same_data(base, run):
            return None
        only_base = (one.right & ~two.right).bit_count()
        only_run = (two.right & ~one.right).bit_count()
        n = one.counted.bit_count()
        needed = rows_needed(only_base / n, only_run / n)
        more = None if needed is None else max(0, needed - n)
        return "mcnemar", mcnemar(only_base, only_run), (only_base, only_run), more

    def _by_folds(self, base: Measured, run: Measured) -> _Found | None:
        if self._read.metric not in (TIE_METRIC, *ACCURACIES) or not base.split or base.split != run.split:
            return None
        one = self._read.folds(base)
        two = self._read.folds(run) if one else ()
        if not one or len(one) != len(two):
            return None
        gaps = [first - second for first, second in zip(one, two, strict=True)]
        return "folds", corrected_t(gaps, 1 / (len(gaps) - 1)), (None, None), None

    def _by_rates(self, base: Measured, run: Measured) -> _Found | None:
        if base.rate is None or run.rate is None:
            return None
        pair = (base.rate, run.rate)
        if pair not in self._unpaired:
            self._unpaired[pair] = unpaired(*pair)
        needed = rows_needed_unpaired(*pair)
        more = None if needed is None else max(0, needed - base.rate.n)
        return "interval", self._unpaired[pair], (None, None), more


_Found = tuple[Method, float, tuple[int | None, int | None], int | None]


def _same_data(one: Measured, two: Measured) -> bool:
    return not one.data or not two.data or one.data == two.data


def _corrected(found: Sequence[Versus]) -> list[Versus]:
    """The same with p-values corrected for their number, and without numbers of rows."""
    tested = [at for at, run in enumerate(found) if run.p_value is not None]
    corrected = holm([found[at].p_value or 0.0 for at in tested])
    result = list(found)
    for at, p_value in zip(tested, corrected, strict=True):
        result[at] = replace(found[at], p_value=p_value, more_rows=None)
    return result


def p_text(p_value: float) -> Shown:
    """`.63`, `1.0`, `.049`, `<.001`."""
    if p_value < 0.001:
        return Shown("<.001")
    if p_value >= 0.995:
        return Shown("1.0")
    close = p_value < 0.01 or abs(p_value - ALPHA) < 0.0055
    return Shown(f"{p_value:.{3 if close else 2}f}".removeprefix("0"))


def _short(value: float) -> str:
    text = f"{value:.2f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def _measured(interval: Interval | None, n: int | None, *, folds: bool) -> Shown:
    if interval is None or n is None:
        return Shown("")
    size = counted(n, "fold") if folds else f"n={count(n)}"
    return Shown(f"[{interval.low:.3f}, {interval.high:.3f}] {size}")
