"""The charts across runs: what each kind shows. `engine.charts.across` makes them from runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.runs.metrics import Direction
from engine.runs.names import RunNames, run_names
from engine.text import ELLIPSIS

ChartKind = Literal["line", "scatter", "bar", "box", "heat", "rank"]
"""`line` is the history of a metric; the others compare the last values of runs."""

KINDS: tuple[ChartKind, ...] = ("line", "scatter", "bar", "box", "heat", "rank")

BarScale = Literal["zero", "range"]
"""Whether bars begin at zero, or range from the lowest value to the highest."""

FEW = 5
"""Fewer values than this are shown one by one: quartiles of them would say nothing."""


FILTER = 60
"""The most characters of a filter in the name of a chart."""


def few(names: Sequence[str], limit: int = 4) -> str:
    """`a, b, c, d and 3 more`, for titles. Not safe to show."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def filtered_name(experiment: str, filter_text: str) -> str:
    """The name of an experiment with the filter of its runs, which is cut with … if it is long. Not safe to
    show."""
    text = " ".join(filter_text.split())
    if not text:
        return experiment
    return f"{experiment} filtered by {text if len(text) <= FILTER else text[: FILTER - 1] + ELLIPSIS}"


@dataclass(frozen=True, slots=True)
class Caption:
    """What a chart shows. `subject` names the experiment and the number of runs in the chart; `notes` are
    facts that the drawing cannot show, such as runs left out. Not safe to show."""

    title: str
    subject: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """A run in a chart. On an axis of categories, `x` is the index of one."""

    run_id: str
    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of numbers, or of `categories` if there are any."""

    label: str
    log: bool = False
    categories: tuple[str, ...] = ()
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class Scatter:
    """One point per run: a metric against a parameter or another metric. With categories on the x axis it is
    a strip plot."""

    caption: Caption
    x: Axis
    y: Axis
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class MetricBars:
    """The bars of one metric, and the values between which they range. `low` to `high` always includes the
    start of the bars, which is zero if `scale` is."""

    metric: str
    direction: Direction | None
    scale: BarScale
    low: float
    high: float

    @property
    def start(self) -> float:
        """The value at which bars begin."""
        return 0.0 if self.scale == "zero" else self.low

    def share(self, value: float) -> float:
        """Where a value lies between `low` (0) and `high` (1)."""
        if self.high == self.low:
            return 1.0
        return (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)  # halves: the range may overflow


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a chart of bars. `values` has one value for each metric, None where it is missing; `params`
    has one text for each parameter. `rank` is 1 for the best; equal values share it, and it is None without
    a finite value of the first metric."""

    run_id: str
    name: str
    rank: int | None
    values: tuple[float | None, ...]
    params: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """One row per run with a bar for each metric, best first by the first metric. A ranking also has the
    parameters that vary."""

    kind: Literal["bar", "rank"]
    caption: Caption
    metrics: tuple[MetricBars, ...]
    params: tuple[str, ...]
    rows: tuple[RunRow, ...]

    def short_names(self, limit: int) -> RunNames:
        """The names of the runs in at most `limit` cells, still different from each other where possible."""
        return run_names([(row.name, row.run_id) for row in self.rows], limit, limit)


@dataclass(frozen=True, slots=True)
class Box:
    """The values of a metric for one value of a parameter. The whiskers `low` and `high` reach the last
    values within 1.5 interquartile ranges of the box; points beyond are `outliers`. With fewer than `FEW`
    values, there is no box but `points` has them."""

    label: str
    n: int
    low: float
    q1: float
    median: float
    q3: float
    high: float
    mean: float
    outliers: tuple[Point, ...]
    points: tuple[Point, ...]

    @property
    def is_box(self) -> bool:
        return self.n >= FEW


@dataclass(frozen=True, slots=True)
class Boxes:
    """A box for each value of a parameter."""

    caption: Caption
    param: str
    metric: str
    direction: Direction | None
    boxes: tuple[Box, ...]

    @property
    def values(self) -> list[float]:
        """The values between which the boxes range."""
        found = [value for box in self.boxes for value in (box.low, box.high)]
        return found + [point.y for box in self.boxes for point in (*box.outliers, *box.points)]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """The runs with one combination of two parameters: their number, and the mean, lowest and highest value
    of the metric."""

    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The mean of a metric for each combination of two parameters; None where no run has it."""

    caption: Caption
    metric: str
    direction: Direction | None
    row_param: str
    column_param: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[HeatCell | None, ...], ...]

    @property
    def means(self) -> list[float]:
        return [cell.mean for line in self.cells for cell in line if cell is not None]

    def shade(self, mean: float) -> float:
        """Where a mean lies between the worst (0) and the best (1); higher is best if neither direction is
        better."""
        low, high = min(self.means), max(self.means)
        if low == high:
            return 1.0
        share = (mean / 2 - low / 2) / (high / 2 - low / 2)
        return 1 - share if self.direction == "lower" else share


AcrossChart = Scatter | Bars | Boxes | HeatMap


@dataclass(frozen=True, slots=True)
class Curve:
    """A line in a chart of histories. NaN in `ys` is a gap; ±inf are marks at the edge. `smooth` is the
    smoothed line, empty without smoothing; the raw one is then faint. `as_points` draws marks instead of a
    line."""

    label: str
    metric: str
    xs: Sequence[float]
    ys: Sequence[float]
    smooth: Sequence[float] = ()
    as_points: bool = False


@dataclass(frozen=True, slots=True)
class Curves:
    """The histories of metrics, which each have a panel of their own. `as_points` draws points without
    lines."""

    caption: Caption
    x: Axis
    y: Axis
    x_axis: Literal["step", "relative", "wall"]
    curves: tuple[Curve, ...]
    as_points: bool = False

    @property
    def panels(self) -> dict[str, tuple[Curve, ...]]:
        """The curves of each metric."""
        found: dict[str, tuple[Curve, ...]] = {}
        for curve in self.curves:
            found[curve.metric] = (*found.get(curve.metric, ()), curve)
        return found


Chart = AcrossChart | Curves
