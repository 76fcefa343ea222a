"""What is out of line among comparable runs: combinations that fall short of what their parameters promise,
runs that took far too long, a winner that only one metric sees, and a sweep that stopped improving."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist, median

from engine.evidence.effects import ALPHA, Effects
from engine.runs.metrics import Direction

MAD = 1.4826
"""Turns the median absolute deviation of normal values into their standard deviation."""
_LONG_Z = 5.0
_LONG_FACTOR = 3.0


@dataclass(frozen=True, slots=True)
class Drop:
    """A combination of two parameters whose `n` runs are worse than the effects of each parameter predict:
    their mean is `mean`, the prediction `expected`."""

    combination: tuple[tuple[str, str], tuple[str, str]]
    n: int
    mean: float
    expected: float


@dataclass(frozen=True, slots=True)
class Plateau:
    """The last `runs_since` of `runs`, in order of start, did not improve the best value."""

    runs: int
    runs_since: int


def drops(
    params: Mapping[str, Sequence[str | None]],
    values: Sequence[float],
    effects: Effects,
    direction: Direction,
) -> tuple[Drop, ...]:
    """The drops, the deepest first. One value per run, as for `effects_of`.

    The mean of a combination's residuals is compared with their median absolute deviation over all runs, and
    the threshold is corrected for the number of combinations. A single run is never a drop.
    """
    residuals = effects.residuals
    scale = MAD * median(map(abs, residuals)) if residuals else 0.0
    if scale <= 1e-12:
        return ()
    worse = -1.0 if direction == "higher" else 1.0
    cells: dict[tuple[tuple[str, str], tuple[str, str]], list[int]] = defaultdict(list)
    for first, second in combinations(effects.tested, 2):
        for run, (one, two) in enumerate(zip(params[first], params[second], strict=True)):
            cells[(first, one or "–"), (second, two or "–")].append(run)
    repeated = {cell: runs for cell, runs in cells.items() if len(runs) > 1}
    threshold = NormalDist().inv_cdf(1 - ALPHA / max(1, len(repeated)))
    found = []
    for cell, runs in repeated.items():
        residual = math.fsum(residuals[run] for run in runs) / len(runs)
        if worse * residual * math.sqrt(len(runs)) / scale > threshold:
            mean = math.fsum(values[run] for run in runs) / len(runs)
            found.append((-abs(residual), Drop(cell, len(runs), mean, mean - residual)))
    return tuple(drop for _, drop in sorted(found, key=lambda pair: (pair[0], pair[1].combination)))


def long_runs(seconds: Sequence[float | None]) -> tuple[int, ...]:
    """The indexes of runs that took at least three times as long as the median run and lie far outside the
    usual spread, the longest first."""
    known = [value for value in seconds if value is not None and value > 0]
    if len(known) < 8:
        return ()
    middle = median(map(math.log, known))
    spread = MAD * median(abs(math.log(value) - middle) for value in known)
    limit = middle + max(math.log(_LONG_FACTOR), _LONG_Z * spread)
    found = [index for index, value in enumerate(seconds) if value and value > 0 and math.log(value) > limit]
    return tuple(sorted(found, key=lambda index: -(seconds[index] or 0.0)))


def plateau(values: Sequence[float], direction: Direction) -> Plateau | None:
    """Whether at least ten runs, and half of all, came after the best. `values` are in order of start."""
    if not values:
        return None
    best = (max if direction == "higher" else min)(values)
    since = len(values) - 1 - values.index(best)
    return Plateau(len(values), since) if since >= max(10, len(values) / 2) else None
