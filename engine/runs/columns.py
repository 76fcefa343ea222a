"""How the columns of a run table look: labels, number formats, widths, and the text of a cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from engine.query.keys import ColumnKey, Value
from engine.runs.frame import RunFrame
from engine.runs.metrics import key_metrics
from engine.text import Shown, cell_width, safe
from engine.values import MISSING, NumberFormat, ago, duration, format_for

STATUS_TEXT = {
    "FINISHED": Shown("✓ finished"),
    "FAILED": Shown("✗ failed"),
    "RUNNING": Shown("◐ running"),
    "SCHEDULED": Shown("◌ scheduled"),
    "KILLED": Shown("⊘ killed"),
}

_LABELS = {
    "run_name": "name",
    "status": "status",
    "start_time": "started",
    "end_time": "ended",
    "duration": "took",
    "user_id": "user",
}
_FIRST = ("run_name", "status")
_TIMES = ("start_time", "duration")
_KEY_METRICS = 3
_STATUS = ColumnKey("attribute", "status")

# Terminal cells. A wider text is cut by the table, with a mark.
_WIDEST = {"run_name": 40, "run_id": 32, "artifact_uri": 60}
_WIDEST_TEXT = 24
_WIDEST_LABEL = 28
_TIME_WIDTH = len("59 min ago")
_STATUS_WIDTH = max(map(len, STATUS_TEXT.values()))

_SAMPLE = 300
_SAMPLED_CELLS = 30_000
_CELL_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. `numeric` ones are aligned to the right; `fmt` writes their numbers
    (None for texts, times and durations, and for parameters, which are shown as they were
    logged). `width` is in terminal cells."""

    key: ColumnKey
    label: Shown
    numeric: bool
    fmt: NumberFormat | None
    width: int


def default_columns(frame: RunFrame, *, narrow: bool = False) -> tuple[Column, ...]:
    """What tells runs apart comes first: name, status, start and duration, the key metrics, the
    parameters that vary; then the user, the other metrics, the constant parameters. Where there is
    little room (`narrow`), the times stand behind the key metrics. Tags are hidden."""
    metrics = [key for key in frame.keys if key.kind == "metric"]
    params = [key for key in frame.keys if key.kind == "param"]
    key_names = key_metrics((key.name for key in metrics), _KEY_METRICS)
    chosen = [ColumnKey("metric", name) for name in key_names]
    varying = [key for key in params if len(set(frame.sample(key, _SAMPLE)) - {None}) > 1]
    first, times = [[ColumnKey("attribute", name) for name in names] for names in (_FIRST, _TIMES)]
    ordered = [*first, *chosen, *times, *varying] if narrow else [*first, *times, *chosen, *varying]
    rest = [ColumnKey("attribute", "user_id"), *metrics, *params]
    return columns_for(frame, dict.fromkeys([*ordered, *rest]))


def columns_for(frame: RunFrame, keys: Iterable[ColumnKey]) -> tuple[Column, ...]:
    """These columns, with labels that tell them apart: `lr`, or `metrics.lr` and `params.lr` where both
    are there."""
    chosen = tuple(keys)
    bare = [_LABELS.get(key.name, key.name) if key.kind == "attribute" else key.name for key in chosen]
    counts = Counter(bare)
    sample = max(10, min(_SAMPLE, _SAMPLED_CELLS // max(len(chosen), 1)))
    return tuple(
        _column(frame, key, safe(name if counts[name] == 1 else str(key), _CELL_LIMIT), sample)
        for key, name in zip(chosen, bare, strict=True)
    )


def _column(frame: RunFrame, key: ColumnKey, label: Shown, sample: int) -> Column:
    values = frame.sample(key, sample) if key in frame else []
    numeric = not key.is_time and frame.is_numeric(key)
    fmt = format_for(cast(Sequence[float], values)) if key.kind == "metric" else None
    column = Column(key, label, numeric, fmt, 0)
    width = max(min(cell_width(label), _WIDEST_LABEL), _widest(column, values))
    return Column(key, label, numeric, fmt, width)


def _widest(column: Column, values: Iterable[Value]) -> int:
    """The width that the cells of a column ask for."""
    key = column.key
    if key.is_time:
        return _TIME_WIDTH
    if key == _STATUS:
        return _STATUS_WIDTH
    limit = _WIDEST.get(key.name, _WIDEST_TEXT) if key.kind == "attribute" else _WIDEST_TEXT
    widths = (cell_width(cell_text(column, value, 0)) for value in values)
    return min(max(widths, default=len(MISSING)), limit)


def cell_text(column: Column, value: Value, now: int) -> Shown:
    """A value as the table shows it; times as they are from `now`, milliseconds since the epoch."""
    key = column.key
    if value is None:
        return MISSING
    if column.fmt is not None:
        return column.fmt(cast(float, value))
    if key.kind == "attribute":
        if key.name == "status":
            return STATUS_TEXT.get(cast(str, value)) or safe(value, _CELL_LIMIT)
        if key.is_time:
            return ago(cast(int, value), now)
        if key.is_duration:
            return duration(cast(float, value))
    return safe(value, _CELL_LIMIT)
