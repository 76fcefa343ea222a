"""The comparison of runs side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine import formats
from engine.columns import ColumnKey, ColumnKind, Value
from engine.entities import Run
from engine.runs.metrics import Direction, direction_of, key_metrics
from engine.runs.names import RunNames, run_names
from engine.text import LIMIT, Shown, cut, safe

ATTRIBUTES = ("status", "start_time", "duration", "user_id")

_HEADINGS: Mapping[ColumnKind, Shown] = {
    "param": Shown("PARAMETERS"),
    "metric": Shown("METRICS"),
    "attribute": Shown("RUN"),
}


@dataclass(frozen=True, slots=True)
class Delta:
    """The difference from a baseline, and whether it is better; None if it is neither better nor worse."""

    text: Shown
    better: bool | None


@dataclass(frozen=True, slots=True)
class CompareRow:
    """A parameter, metric or attribute: one value per run, None where it is missing.

    `texts` are the formatted values; the decimal points of a row align. `best` holds the indices of the best
    runs; it is empty if no run is better than another.
    """

    key: ColumnKey
    values: tuple[Value, ...]
    texts: tuple[Shown, ...]
    differs: bool
    direction: Direction | None
    best: frozenset[int]

    def label(self, width: int = LIMIT) -> Shown:
        """`accuracy ↑`: the name, in at most `width` cells, and the direction of a metric."""
        arrow = {"higher": " ↑", "lower": " ↓", None: ""}[self.direction]
        return Shown(cut(safe(self.key.name), width - len(arrow)) + arrow)

    @property
    def numbers(self) -> list[float | None]:
        """The values as numbers; None where a value is missing or not a number."""
        return _numbers(self.values)

    def deltas(self, baseline: int) -> list[Delta | None]:
        """The difference of each run from the one at `baseline`; None for the baseline itself, and unless it
        is finite."""
        numbers = self.numbers
        base = numbers[baseline]
        if self.key.kind != "metric" or base is None:
            return [None] * len(numbers)
        number_format = formats.format_for(numbers)
        deltas: list[Delta | None] = []
        for at, number in enumerate(numbers):
            gap = math.nan if at == baseline or number is None else number - base
            if not formats.is_finite(gap):
                deltas.append(None)
                continue
            better = (gap > 0) == (self.direction == "higher") if gap and self.direction else None
            deltas.append(Delta(formats.delta(gap, number_format), better))
        return deltas


@dataclass(frozen=True, slots=True)
class CompareSection:
    """Rows of one kind under their heading."""

    heading: Shown
    rows: tuple[CompareRow, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Attributes, then parameters, then metrics, each by name."""

    runs: tuple[Run, ...]
    rows: tuple[CompareRow, ...]

    def sections(
        self, *, differences_only: bool = False, attributes: bool = True
    ) -> tuple[CompareSection, ...]:
        """Parameters, metrics and attributes, omitting empty sections; rows that differ come first."""
        found = []
        for kind, heading in _HEADINGS.items():
            rows = [row for row in self.rows if row.key.kind == kind and row.differs]
            if not differences_only:
                rows += [row for row in self.rows if row.key.kind == kind and not row.differs]
            if rows and (attributes or kind != "attribute"):
                found.append(CompareSection(heading, tuple(rows)))
        return tuple(found)

    def run_names(self, complete: int, limit: int) -> RunNames:
        """The names of the runs, each cut to `limit` cells. If one is longer than `complete`, all lose the
        words that they share. A name that is missing or not unique gets an id prefix."""
        return run_names([(run.run_name, run.run_id) for run in self.runs], complete, limit)

    def by_importance(self) -> list[CompareRow]:
        """Key metrics, the parameters that differ, then the other metrics and parameters."""
        metrics = [row for row in self.rows if row.key.kind == "metric"]
        params = [row for row in self.rows if row.key.kind == "param"]
        keys = key_metrics(row.key.name for row in metrics)
        first = sorted((row for row in metrics if row.key.name in keys), key=lambda r: keys.index(r.key.name))
        first += [row for row in params if row.differs]
        rest = [row for row in (*metrics, *params) if row not in first]
        return first + sorted(rest, key=lambda row: not row.differs)


def compare(runs: Sequence[Run], *, directions: Mapping[str, Direction] | None = None) -> Comparison:
    """Compare runs. `directions` overrides `direction_of` for some metrics."""
    chosen = directions or {}
    rows = [
        _row(ColumnKey("attribute", name), [_attribute(run, name) for run in runs]) for name in ATTRIBUTES
    ]
    for name in sorted({name for run in runs for name in run.params}):
        rows.append(_row(ColumnKey("param", name), [run.params.get(name) for run in runs]))
    for name in sorted({name for run in runs for name in run.metrics}):
        direction = chosen.get(name) or direction_of(name)
        rows.append(_row(ColumnKey("metric", name), [run.metrics.get(name) for run in runs], direction))
    return Comparison(tuple(runs), tuple(rows))


def _attribute(run: Run, name: str) -> Value:
    value: Value = getattr(run, name)
    return None if value == "" else value


def _row(key: ColumnKey, values: Sequence[Value], direction: Direction | None = None) -> CompareRow:
    differs = any(not _same(values[0], value) for value in values)
    best = _best(values, direction) if direction and differs else frozenset()
    return CompareRow(key, tuple(values), tuple(_texts(key, values)), differs, direction, best)


def _texts(key: ColumnKey, values: Sequence[Value]) -> list[Shown]:
    if not key.is_number:
        return [formats.MISSING if value is None else safe(value) for value in values]
    numbers = _numbers(values)
    if key.is_duration:
        return [formats.duration(number) for number in numbers]
    if key.is_time:
        return [formats.moment(None if number is None else int(number)) for number in numbers]
    return list(map(formats.format_for(numbers), numbers))


def _numbers(values: Sequence[Value]) -> list[float | None]:
    return [value if isinstance(value, (int, float)) else None for value in values]


def _same(one: Value, other: Value) -> bool:
    return one == other or (one is not None and other is not None and one != one and other != other)


def _best(values: Sequence[Value], direction: Direction) -> frozenset[int]:
    """The positions of the best finite values, unless all runs that have a value share it."""
    numbers = {at: number for at, number in enumerate(_numbers(values)) if number is not None}
    finite = {at: number for at, number in numbers.items() if math.isfinite(number)}
    if not finite or (len(finite) == len(numbers) and len(set(finite.values())) == 1):
        return frozenset()
    best = max(finite.values()) if direction == "higher" else min(finite.values())
    return frozenset(at for at, number in finite.items() if number == best)
