"""The comparison of runs, or of model versions with their source runs, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from engine import formats
from engine.columns import ColumnKey, ColumnKind, Value
from engine.entities import MetricExtremes, ModelVersion, Run
from engine.runs.metrics import Direction, direction_of, is_rate, key_metrics
from engine.runs.names import RunNames, run_names
from engine.stores.base import Store
from engine.text import LIMIT, Shown, cut, safe

ATTRIBUTES = ("status", "start_time", "duration", "user_id")
SYSTEM_TAGS = ("mlflow.", "console.")
"""The tags that MLflow and the console set begin with these; they are not compared."""

Section = Literal["version", "param", "metric", "tag", "dataset", "signature", "attribute"]
Statistic = Literal["last", "best"]
"""A metric's last value, or the best of its history."""

HEADINGS: Mapping[Section, Shown] = {
    "version": Shown("VERSION"),
    "param": Shown("PARAMETERS"),
    "metric": Shown("METRICS"),
    "signature": Shown("SIGNATURE"),
    "tag": Shown("TAGS"),
    "dataset": Shown("DATASETS"),
    "attribute": Shown("RUN"),
}


@dataclass(frozen=True, slots=True)
class Delta:
    """The difference from a baseline, and whether it is better; None if it is neither better nor worse."""

    text: Shown
    better: bool | None


@dataclass(frozen=True, slots=True)
class CompareRow:
    """A parameter, metric, tag, …: one value per column, None where it is missing.

    `texts` are the formatted values; the decimal points of a row align. `best` holds the indices of the best
    columns; it is empty if none is better than another.
    """

    key: ColumnKey
    section: Section
    values: tuple[Value, ...]
    texts: tuple[Shown, ...]
    differs: bool
    direction: Direction | None = None
    best: frozenset[int] = frozenset()
    statistic: Statistic = "last"

    @property
    def id(self) -> str:
        """Unique in a comparison: `metrics.accuracy`, `metrics.accuracy best`, `signature inputs.age`."""
        own = str(self.key)
        if self.section in ("version", "signature"):
            own = f"{self.section} {own}"
        return f"{own} best" if self.statistic == "best" else own

    @property
    def name(self) -> str:
        """`accuracy`, `val_loss best`: as in MLflow, with the statistic if it is not the last value."""
        return f"{self.key.name} best" if self.statistic == "best" else self.key.name

    def label(self, width: int = LIMIT) -> Shown:
        """`accuracy ↑`: the name, in at most `width` cells, and the direction of a metric."""
        arrow = {"higher": " ↑", "lower": " ↓", None: ""}[self.direction]
        end = f" best{arrow}" if self.statistic == "best" else arrow
        return Shown(cut(safe(self.key.name), width - len(end)) + end)

    @property
    def is_metric(self) -> bool:
        return self.section == "metric"

    @property
    def numbers(self) -> list[float | None]:
        """The values as numbers; None where a value is missing or not a number."""
        return _numbers(self.values)

    def deltas(self, baseline: int, *, relative: bool = False) -> list[Delta | None]:
        """The difference of each column from the one at `baseline`; None for the baseline itself, and unless
        it is finite. `relative`: in percent of the baseline, for rates in percentage points; empty if the
        baseline is 0."""
        numbers = self.numbers
        base = numbers[baseline]
        if not self.is_metric or base is None:
            return [None] * len(numbers)
        number_format = formats.format_for(numbers)
        scale = _scale(self.key.name, base, numbers) if relative else None
        deltas: list[Delta | None] = []
        for at, number in enumerate(numbers):
            gap = math.nan if at == baseline or number is None else number - base
            if not formats.is_finite(gap):
                deltas.append(None)
                continue
            better = (gap > 0) == (self.direction == "higher") if gap and self.direction else None
            text = formats.delta(gap, number_format) if scale is None else _relative(gap, *scale)
            deltas.append(Delta(text, better))
        return deltas

    def picked(self, groups: Sequence[Sequence[int]]) -> CompareRow:
        """The row with one column per group of columns; `3 values` where those of a group differ."""
        values, texts = [], []
        for group in groups:
            distinct = len({_identity(self.values[at]) for at in group})
            values.append(self.values[group[0]] if distinct == 1 else f"{distinct} values")
            texts.append(self.texts[group[0]] if distinct == 1 else Shown(f"{distinct} values"))
        best = frozenset(at for at, group in enumerate(groups) if group[0] in self.best)
        return replace(self, values=tuple(values), texts=tuple(texts), best=best)


@dataclass(frozen=True, slots=True)
class Compared:
    """A column of a comparison: a run, or a model version with its source run, which is None if missing.

    `key` identifies it: a run id, or the number of a version. `twins` are the ids of the other runs that the
    column stands for, if identical runs are shown as one.
    """

    key: str
    name: str
    run: Run | None
    version: ModelVersion | None = None
    twins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompareSection:
    """Rows of one kind under their heading."""

    heading: Shown
    rows: tuple[CompareRow, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Attributes, then parameters, metrics, tags and datasets, each by name. The rows of versions have theirs
    in place of the attributes of runs."""

    columns: tuple[Compared, ...]
    rows: tuple[CompareRow, ...]
    extremes: Mapping[str, Mapping[str, MetricExtremes]] = field(default_factory=dict)
    """Of the histories with several points, by metric and run id, once they are read."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs, or the source runs of versions that still exist, one per column."""
        return tuple(column.run for column in self.columns if column.run is not None)

    @property
    def is_of_versions(self) -> bool:
        return any(column.version is not None for column in self.columns)

    def position_of(self, key: str | None) -> int | None:
        """The column of this run or version, also if it is one of several identical runs."""
        found = (at for at, column in enumerate(self.columns) if key == column.key or key in column.twins)
        return next(found, None)

    def sections(
        self, *, differences_only: bool = False, only: Container[str] = HEADINGS
    ) -> tuple[CompareSection, ...]:
        """The rows by section, omitting empty sections; rows that differ come first."""
        found = []
        for kind, heading in HEADINGS.items():
            of_kind = [row for row in self.rows if row.section == kind]
            rows = [row for row in of_kind if row.differs]
            if not differences_only:
                rows += [row for row in of_kind if not row.differs]
            if rows and kind in only:
                found.append(CompareSection(heading, tuple(_bests_last(rows))))
        return tuple(found)

    def run_names(self, complete: int, limit: int) -> RunNames:
        """The names of the columns, each cut to `limit` cells. If one is longer than `complete`, all lose the
        words that they share. A name that is missing or not unique gets an id prefix; `×3` follows that of
        three identical runs."""
        ends = [f" ×{len(column.twins) + 1}" if column.twins else "" for column in self.columns]
        room = limit - max(map(len, ends), default=0)
        short = run_names([(column.name, column.key) for column in self.columns], complete, room)
        return replace(short, names=tuple(Shown(n + end) for n, end in zip(short.names, ends, strict=True)))

    def ranked(self, row: CompareRow) -> list[int]:
        """The columns by their value in `row`, the best first, or the highest if none is better; missing
        values and NaN come last."""

        numbers = [
            formats.as_number(v) if isinstance(v, str) else n
            for v, n in zip(row.values, row.numbers, strict=True)
        ]

        def place(at: int) -> tuple[bool, float]:
            number = numbers[at]
            if number is None or math.isnan(number):
                return True, 0.0
            return False, number if row.direction == "lower" else -number

        return sorted(range(len(self.columns)), key=place)

    def by_importance(self) -> list[CompareRow]:
        """Key metrics, the parameters that differ, then the other metrics and parameters."""
        metrics = [row for row in self.rows if row.section == "metric"]
        params = [row for row in self.rows if row.section == "param"]
        keys = key_metrics(row.key.name for row in metrics)
        first = sorted((row for row in metrics if row.key.name in keys), key=lambda r: keys.index(r.key.name))
        first += [row for row in params if row.differs]
        rest = [row for row in (*metrics, *params) if row not in first]
        return first + sorted(rest, key=lambda row: not row.differs)

    def merged(self) -> Comparison:
        """The comparison with one column for all runs that have the same parameters and the same metrics, at
        the place of the first. Runs without metrics are not merged."""
        same = [row for row in self.rows if row.section in ("param", "metric") and row.statistic == "last"]
        has_metric = [False] * len(self.columns)
        for row in same:
            for at, value in enumerate(row.values if row.is_metric else ()):
                has_metric[at] |= value is not None
        groups: dict[Hashable, list[int]] = {}
        for at, column in enumerate(self.columns):
            identity: Hashable = tuple(_identity(row.values[at]) for row in same)
            mergeable = has_metric[at] and column.version is None
            groups.setdefault(identity if mergeable else at, []).append(at)
        if len(groups) == len(self.columns):
            return self
        columns = [
            replace(self.columns[first], twins=tuple(self.columns[at].key for at in others))
            for first, *others in groups.values()
        ]
        return replace(
            self,
            columns=tuple(columns),
            rows=tuple(row.picked(tuple(groups.values())) for row in self.rows),
        )

    def directed(self, directions: Mapping[str, Direction]) -> Comparison:
        """The comparison with these directions of metrics in place of the inferred ones."""
        rows = [
            replace(_row(row.key, row.values, chosen), statistic=row.statistic)
            if row.is_metric and (chosen := directions.get(row.key.name)) not in (None, row.direction)
            else row
            for row in self.rows
        ]
        return replace(self, rows=tuple(rows))

    def with_bests(self) -> Comparison:
        """The comparison with a row for the best value in the history of each metric, below that of its last
        value. Metrics whose best is everywhere their last value are left out."""
        rows: list[CompareRow] = []
        for row in self.rows:
            rows.append(row)
            found = self.extremes.get(row.key.name) if row.is_metric and row.direction else None
            if not found:
                continue
            own = [None if column.run is None else found.get(column.run.run_id) for column in self.columns]
            values: list[Value] = [
                value if ends is None else ends.high if row.direction == "higher" else ends.low
                for ends, value in zip(own, row.values, strict=True)
            ]
            if any(not _same(one, other) for one, other in zip(values, row.values, strict=True)):
                rows.append(replace(_row(row.key, values, row.direction), statistic="best"))
        return replace(self, rows=tuple(rows))

    @property
    def is_sampled(self) -> bool:
        """Whether a server sampled one of the histories, so that its best value may be missing."""
        return any(ends.is_sampled for found in self.extremes.values() for ends in found.values())


def compare(runs: Sequence[Run], *, directions: Mapping[str, Direction] | None = None) -> Comparison:
    """Compare runs. `directions` overrides `direction_of` for some metrics."""
    columns = tuple(Compared(run.run_id, run.run_name, run) for run in runs)
    rows = [
        _row(ColumnKey("attribute", name), [_attribute(run, name) for run in runs]) for name in ATTRIBUTES
    ]
    return Comparison(columns, (*rows, *run_rows(runs, directions or {})))


def run_rows(runs: Sequence[Run | None], directions: Mapping[str, Direction]) -> list[CompareRow]:
    """The parameters, metrics, tags and datasets of runs; a missing run has none."""

    def rows(kind: ColumnKind, of: Sequence[Mapping[str, Value]]) -> Iterable[CompareRow]:
        for name in sorted({name for found in of for name in found}):
            direction = (directions.get(name) or direction_of(name)) if kind == "metric" else None
            yield _row(ColumnKey(kind, name), [found.get(name) for found in of], direction)

    def each(read: Callable[[Run], Mapping[str, Value]]) -> list[Mapping[str, Value]]:
        return [{} if run is None else read(run) for run in runs]

    return [
        *rows("param", each(lambda run: run.params)),
        *rows("metric", each(lambda run: run.metrics)),
        *rows("tag", each(_own_tags)),
        *rows("dataset", each(_datasets)),
    ]


def read_extremes(store: Store, comparison: Comparison) -> Comparison:
    """The comparison with the extremes of the histories of its metrics."""
    metrics = [row.key.name for row in comparison.rows if row.is_metric and row.statistic == "last"]
    found: dict[str, dict[str, MetricExtremes]] = {}
    for ends in store.metric_extremes([run.run_id for run in comparison.runs], metrics):
        found.setdefault(ends.key, {})[ends.run_id] = ends
    return replace(comparison, extremes=found)


def text_row(section: Section, name: str, values: Sequence[str | None]) -> CompareRow:
    """A row of texts."""
    row = _row(ColumnKey("attribute", name), values)
    return replace(row, section=section)


def _own_tags(run: Run) -> dict[str, Value]:
    """The tags that people set."""
    return {name: value for name, value in run.tags.items() if not name.startswith(SYSTEM_TAGS)}


def _datasets(run: Run) -> dict[str, Value]:
    """The datasets by context: `training`: `heart.csv e7156f69`."""
    found: dict[str, list[str]] = {}
    for dataset in run.datasets:
        found.setdefault(dataset.context or "dataset", []).append(f"{dataset.name} {dataset.digest}")
    return {context: ", ".join(names) for context, names in found.items()}


def _attribute(run: Run, name: str) -> Value:
    value: Value = getattr(run, name)
    return None if value == "" else value


def _row(key: ColumnKey, values: Sequence[Value], direction: Direction | None = None) -> CompareRow:
    differs = any(not _same(values[0], value) for value in values)
    best = _best(values, direction) if direction and differs else frozenset()
    return CompareRow(key, key.kind, tuple(values), tuple(_texts(key, values)), differs, direction, best)


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


def _identity(value: Value) -> Hashable:
    """Equal for values that are the same, NaN included."""
    return "NaN" if value != value else (type(value), value)


def _best(values: Sequence[Value], direction: Direction) -> frozenset[int]:
    """The positions of the best finite values, unless all runs that have a value share it."""
    numbers = {at: number for at, number in enumerate(_numbers(values)) if number is not None}
    finite = {at: number for at, number in numbers.items() if math.isfinite(number)}
    if not finite or (len(finite) == len(numbers) and len(set(finite.values())) == 1):
        return frozenset()
    best = max(finite.values()) if direction == "higher" else min(finite.values())
    return frozenset(at for at, number in finite.items() if number == best)


def _scale(metric: str, base: float, numbers: Iterable[float | None]) -> tuple[float, str]:
    """The factor and the unit of relative differences: percentage points (pp) for rates, which are not called
    percent. The factor is 0 if there are none."""
    if is_rate(metric):
        is_share = all(abs(n) <= 1 for n in numbers if n is not None and math.isfinite(n))
        return (100.0 if is_share else 1.0), " pp"
    return (100 / abs(base) if base else 0.0), "%"


def _relative(gap: float, factor: float, unit: str) -> Shown:
    """`+62.5%`, or `−16.4 pp`"""
    if not gap:
        return Shown("=")
    share = gap * factor
    return Shown(f"{_signed(share)}{unit}" if share and math.isfinite(share) else "")


def _signed(value: float) -> str:
    """`+62.5`, `−0.031`, `+1,234.0`"""
    size = abs(value)
    return (
        f"{'+' if value > 0 else '−'}{size:.2g}" if size < 0.05 else f"{'+' if value > 0 else '−'}{size:,.1f}"
    )


def _bests_last(rows: Sequence[CompareRow]) -> Iterable[CompareRow]:
    """The rows with each best of a history right below the last value of its metric."""
    bests = {row.key: row for row in rows if row.statistic == "best"}
    present = {row.key for row in rows if row.statistic == "last"}
    for row in rows:
        if row.statistic == "last" or row.key not in present:
            yield row
            if row.statistic == "last" and (best := bests.get(row.key)) is not None:
                yield best
