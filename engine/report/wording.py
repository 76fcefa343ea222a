"""Numbers, names and comparisons as a report writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.evidence.statistics import Interval, Sample, mean_difference
from engine.formats import MISSING, counted, duration, format_for, is_finite, number
from engine.report.document import Span, Text, strong
from engine.report.facts import measured
from engine.runs.metrics import is_rate

if TYPE_CHECKING:
    from engine.entities import Run
    from engine.evidence.difference import Versus

LEVEL = "95 % interval"


def name_of(run: Run) -> str:
    return run.run_name or run.run_id


def utc(then: int | None) -> str:
    """`2026-11-29 13:18 UTC`."""
    if then is None:
        return MISSING
    try:
        return f"{datetime.fromtimestamp(then / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return str(then)


def interval_text(interval: Interval) -> str:
    """`0.822 to 0.964`."""
    return f"{interval.low:.3f} to {interval.high:.3f}"


def bracketed(interval: Interval | None) -> str:
    """`[0.822, 0.964]`; – if unknown."""
    return MISSING if interval is None else f"[{interval.low:.3f}, {interval.high:.3f}]"


def value_of(run: Run, metric: str) -> str:
    """A metric of a run with what is known of its precision: `0.9180 (56 of 61 rows, 95 % interval 0.822 to
    0.964)`."""
    value = run.metrics.get(metric)
    if found := measured(run, metric):
        rate, interval = found
        return f"{number(value)} ({rate.successes} of {rate.n} rows, {LEVEL} {interval_text(interval)})"
    return number(value)


def ranked_value(run: Run, metric: str, found: Versus | None) -> str:
    """`value_of`, with the interval over folds where there is no other: `0.8426 (95 % interval 0.750 to
    0.935, 5 folds)`."""
    if measured(run, metric) is None and found is not None and found.interval is not None and found.of_folds:
        interval = interval_text(found.interval)
        return f"{number(run.metrics.get(metric))} ({LEVEL} {interval}, {counted(found.n or 0, 'fold')})"
    return value_of(run, metric)


def interval_of(run: Run, metric: str, found: Versus | None) -> str:
    """`[0.822, 0.964] n=61`, or over folds; – if unknown."""
    if exact := measured(run, metric):
        return f"{bracketed(exact[1])} n={exact[0].n}"
    if found is not None and found.interval is not None:
        return f"{bracketed(found.interval)} n={found.n}{' folds' if found.of_folds else ''}"
    return MISSING


def cell_of(run: Run, metric: str) -> str:
    """The same for a table: `0.9180 [0.822, 0.964] n=61`."""
    value = run.metrics.get(metric)
    if found := measured(run, metric):
        rate, interval = found
        return f"{number(value)} {bracketed(interval)} n={rate.n}"
    return number(value)


def difference_text(metric: str, first: float, second: float) -> str:
    """How far `first` is above `second`: `1.6 percentage points higher`; for other metrics their own unit."""
    gap = first - second
    if not is_finite(gap):
        return "not comparable"
    if gap == 0:
        return "the same"
    more = "higher" if gap > 0 else "lower"
    if is_rate(metric) and max(abs(first), abs(second)) <= 1:
        return f"{100 * abs(gap):.1f} percentage points {more}"
    return f"{format_for([first, second])(abs(gap))} {more}"


def difference_interval(metric: str, first: Sample, second: Sample) -> str:
    """How sure `difference_text` is for two means: `95 % interval 10.7 to 13.5, Welch`, in its unit and its
    direction; empty if that is not known."""
    gap = first.mean - second.mean
    found = mean_difference(first, second) if gap >= 0 else mean_difference(second, first)
    if found is None:
        return ""
    bounds = (found.low, found.high)
    if is_rate(metric) and max(abs(first.mean), abs(second.mean)) <= 1:
        low, high = (f"{100 * bound:.1f}" for bound in bounds)
    else:
        low, high = map(format_for([first.mean, second.mean]), bounds)
    return f"{LEVEL} {low} to {high}, Welch".replace("-", "−")


def short_difference(metric: str, first: float, second: float) -> str:
    """`+1.6 pp` (percentage points) for a rate, `+0.0123` for another metric, `=` for equal values."""
    gap = first - second
    if gap == 0:
        return "="
    sign = "+" if gap > 0 else "−"
    if is_rate(metric) and max(abs(first), abs(second)) <= 1:
        return f"{sign}{100 * abs(gap):.1f} pp"
    return f"{sign}{format_for([first, second])(abs(gap))}"


def short_time(seconds: float) -> str:
    """A duration; milliseconds for less than a tenth of a second."""
    return f"{1000 * seconds:.1f} ms" if 0 <= seconds < 0.1 else duration(seconds)


_TESTS = {
    "mcnemar": "exact McNemar test on the same rows",
    "folds": "corrected resampled t-test on the folds",
    "interval": "unpaired interval, the rows are not known to be the same",
}


def verdict(found: Versus) -> str:
    """What a comparison with the reference says, with its test and n; empty if it cannot be made."""
    n = f", n={found.n}{' folds' if found.of_folds else ''}" if found.n else ""
    if found.equal:
        return "the same value"
    if found.method is None or found.p_value is None:
        return ""
    p = f"p = {found.p_value:.2g}" if found.p_value >= 0.0001 else "p < 0.0001"
    test = f"{_TESTS[found.method]}, {p}{n}"
    if found.distinguished:
        return f"more than chance ({test})"
    more = (
        f"; about {counted(found.more_rows, 'more row')} would show a difference of this size"
        if found.more_rows
        else ""
    )
    return f"not distinguishable from chance ({test}){more}"


def mark_text(found: Versus | None) -> str:
    """`=`, `≈ p .63`, `p .03`; – without a test."""
    return MISSING if found is None or not found.mark else str(found.mark)


def params_text(run: Run, names: Sequence[str]) -> str:
    """`n_neighbors 5, metric euclidean`."""
    return ", ".join(f"{name} {run.params.get(name, MISSING)}" for name in names)


def listing(names: Sequence[str], limit: int = 4) -> Text:
    """`a, b and 3 more`, the names emphasized."""
    parts: list[str | Span] = []
    for at, name in enumerate(names[:limit]):
        if at:
            parts.append(" and " if at == len(names) - 1 else ", ")
        parts.append(strong(name))
    if len(names) > limit:
        parts.append(f" and {len(names) - limit:,} more")
    return tuple(parts)


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def percent_interval(interval: Interval) -> str:
    return f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"
