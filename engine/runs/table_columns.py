"""The columns of a run table: which ones, their labels, number formats and widths."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from types import MappingProxyType
from typing import cast

from engine.columns import VERSION, ColumnKey, Value
from engine.formats import FORMATS, MISSING, NumberFormat, ago, as_number, duration, format_for
from engine.runs.frame import RunFrame
from engine.runs.metrics import key_metrics
from engine.runs.sorting import Statistic
from engine.runs.view import RunView
from engine.secrets import mask
from engine.text import Shown, cell_width, safe

STATUS_TEXT = {
    "FINISHED": Shown("✓ finished"),
    "FAILED": Shown("✗ failed"),
    "RUNNING": Shown("◐ running"),
    "SCHEDULED": Shown("◌ scheduled"),
    "KILLED": Shown("⊘ killed"),
    "READY": Shown("✓ ready"),
    "PENDING_REGISTRATION": Shown("◐ pending"),
    "FAILED_REGISTRATION": Shown("✗ failed"),
}
STAGE_TEXT = {
    "None": Shown("– None"),
    "Staging": Shown("◐ Staging"),
    "Production": Shown("● Production"),
    "Archived": Shown("○ Archived"),
}

_LABELS = {
    "run_name": "name",
    "status": "status",
    "start_time": "started",
    "end_time": "ended",
    "duration": "took",
    "user_id": "user",
    "last_updated": "updated",
    "source_run": "run id",
}
_FIRST = ("run_name", "status")
_TIMES = ("start_time", "duration")
_KEY_METRICS = 3
_VERSION_LAST = ("created", "user_id", "run", "description")
_VERSION_METRICS = 5
_STAGE = ColumnKey("attribute", "stage")
_REQUEST = ColumnKey("attribute", "request")
_ALIASES = ColumnKey("attribute", "aliases")
_STATUS = ColumnKey("attribute", "status")
_USER = ColumnKey("attribute", "user_id")

# In terminal cells. The table truncates wider texts with a mark.
_MAX_WIDTHS = {"run_name": 40, "run_id": 32, "artifact_uri": 60, "description": 40, "source": 60}
_MAX_TEXT_WIDTH = 24
_MAX_LABEL_WIDTH = 28
_TIME_WIDTH = len("59 min ago")
_STATUS_WIDTH = max(map(len, STATUS_TEXT.values()))

_SAMPLE = 300
_SAMPLED_CELLS = 30_000
CELL_LIMIT = 256


_NOTHING: Mapping[ColumnKey, int] = MappingProxyType({})
_NO_FORMATS: Mapping[ColumnKey, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. `numeric` columns are right-aligned. `fmt` formats numbers; it is None for
    texts, times and durations, and for parameters (shown as logged) unless the user chose a format. `width`
    is in terminal cells, `cells` the width of the values alone. `statistic` is the statistic shown for
    groups."""

    key: ColumnKey
    label: Shown
    numeric: bool
    fmt: NumberFormat | None
    width: int
    cells: int = 0
    statistic: Statistic | None = None

    @property
    def name(self) -> str:
        """The unique name: `metrics.f1`, `std of metrics.f1`."""
        return f"{self.statistic} of {self.key}" if self.statistic else str(self.key)


def default_keys(frame: RunFrame, *, narrow: bool = False) -> tuple[ColumnKey, ...]:
    """The default columns, most distinctive first: name, status, start and duration, key metrics, varying
    parameters, the user if it varies; then other metrics, constant parameters, a constant user. On a `narrow`
    screen the times follow the key metrics. Tags are hidden."""
    if frame.holds_versions:
        return _version_keys(frame)
    metrics = [key for key in frame.keys if key.kind == "metric"]
    params = [key for key in frame.keys if key.kind == "param"]
    key_names = key_metrics((key.name for key in metrics), _KEY_METRICS)
    chosen = [ColumnKey("metric", name) for name in key_names]
    varying = [key for key in (*params, _USER) if len(set(frame.sample(key, _SAMPLE)) - {None}) > 1]
    first, times = [[ColumnKey("attribute", name) for name in names] for names in (_FIRST, _TIMES)]
    ordered = [*first, *chosen, *times, *varying] if narrow else [*first, *times, *chosen, *varying]
    return tuple(dict.fromkeys([*ordered, *metrics, *params, _USER]))


def _version_keys(frame: RunFrame) -> tuple[ColumnKey, ...]:
    """The default columns of versions: number, aliases, a stage, a request and a status other than READY if
    any has one, key metrics, who made it when from which run, description; then the operator's tags, without
    those that repeat a metric or parameter."""
    last = [ColumnKey("attribute", name) for name in _VERSION_LAST]
    optional = [key for key in (_STAGE, _REQUEST) if any(frame.column(key))]
    status = [] if set(frame.distinct(_STATUS)) <= {"READY"} else [_STATUS]
    names = key_metrics((key.name for key in frame.keys if key.kind == "metric"), _VERSION_METRICS)
    metrics = [ColumnKey("metric", name) for name in names]
    of_runs = {key.name for key in frame.keys if key.kind in ("metric", "param")}
    own = (key for key in frame.keys if key.kind == "tag" and not _is_internal(key))
    tags = [key for key in own if key.name not in of_runs]  # versions are tagged with their metrics
    return (VERSION, *optional, _ALIASES, *status, *metrics, *last, *tags)


def columns_for(
    frame: RunFrame,
    keys: Iterable[ColumnKey],
    *,
    widths: Mapping[ColumnKey, int] = _NOTHING,
    formats: Mapping[ColumnKey, str] = _NO_FORMATS,
) -> tuple[Column, ...]:
    """These columns, with unique labels: `lr`, or `metrics.lr` and `params.lr` if both exist. `widths` and
    `formats` (names in `FORMATS`) override the automatic ones."""
    chosen = tuple(keys)
    bare = [_LABELS.get(key.name, key.name) if key.kind == "attribute" else key.name for key in chosen]
    if frame.holds_versions:
        bare = ["run name" if key == RUN_NAME else name for key, name in zip(chosen, bare, strict=True)]
    counts = Counter(bare)
    sample = max(10, min(_SAMPLE, _SAMPLED_CELLS // max(len(chosen), 1)))
    columns = []
    for key, name in zip(chosen, bare, strict=True):
        label = safe(name if counts[name] == 1 else str(key), CELL_LIMIT)
        column = _column(frame, key, label, FORMATS.get(formats.get(key, "auto")), sample)
        columns.append(replace(column, width=widths[key]) if key in widths else column)
    return tuple(columns)


def _column(frame: RunFrame, key: ColumnKey, label: Shown, fmt: NumberFormat | None, sample: int) -> Column:
    values = frame.sample(key, sample) if key in frame else []
    if frame.holds_versions and key.kind == "attribute" and not key.is_number and key in frame:
        values = list(frame.distinct(key))  # the one version in Production is in no sample
    numeric = not key.is_time and frame.is_numeric(key)
    if fmt is None and key.kind == "metric":
        fmt = format_for(cast(Sequence[float], values))
    if key.kind in ("attribute", "dataset") and not key.is_duration:
        fmt = None
    column = Column(key, label, numeric, fmt, 0)
    cells = _content_width(column, values)
    return replace(column, width=max(min(cell_width(label), _MAX_LABEL_WIDTH), cells), cells=cells)


def _content_width(column: Column, values: Iterable[Value]) -> int:
    """The width that the values of a column need."""
    key = column.key
    if key.is_time:
        return _TIME_WIDTH
    if key == _STATUS:
        return _STATUS_WIDTH
    limit = _MAX_WIDTHS.get(key.name, _MAX_TEXT_WIDTH) if key.kind == "attribute" else _MAX_TEXT_WIDTH
    widths = (cell_width(cell_text(column, value, 0)) for value in values)
    return min(max(widths, default=len(MISSING)), limit)


def cell_text(column: Column, value: Value, now: float) -> Shown:
    """A value as the table shows it; times are relative to `now`, in epoch milliseconds."""
    key = column.key
    if value is None:
        return MISSING
    if key.is_time:
        return ago(cast(int, value), int(now))
    if column.fmt is not None:
        number = as_number(value) if isinstance(value, str) else cast(float, value)
        return safe(value, CELL_LIMIT) if number is None else column.fmt(number)
    if key.kind == "attribute":
        if key.name == "stage":
            return STAGE_TEXT.get(cast(str, value)) or safe(value, CELL_LIMIT)
        if key.name == "aliases":
            return alias_text(cast(tuple[str, ...], value))
        if key.name == "status":
            return STATUS_TEXT.get(cast(str, value)) or safe(value, CELL_LIMIT)
        if key.is_duration:
            return duration(cast(float, value))
    if key.is_address:
        return safe(mask(cast(str, value)), CELL_LIMIT)
    return safe(", ".join(value) if isinstance(value, tuple) else value, CELL_LIMIT)


def alias_text(aliases: Iterable[str]) -> Shown:
    """`@champion @blue`"""
    return safe(" ".join(f"@{alias}" for alias in sorted(aliases)), CELL_LIMIT)


RUN_NAME = ColumnKey("attribute", "run_name")


def chosen_columns(frame: RunFrame, view: RunView, *, narrow: bool = False) -> tuple[Column, ...]:
    """The columns of a view, including constant ones. In groups, the group keys and the name come first, and
    the default columns are the metrics."""
    keys = view.columns or default_keys(frame, narrow=narrow)
    if view.is_grouped:
        shown = view.columns or [key for key in keys if key.kind == "metric"]
        keys = tuple(dict.fromkeys((*view.group_by, RUN_NAME, *shown)))
    return columns_for(frame, keys, widths=view.widths, formats=view.formats)


def without_constants(
    frame: RunFrame, view: RunView, columns: Sequence[Column], rows: Sequence[int]
) -> tuple[Column, ...]:
    """If the view hides constants, remove columns whose values over `rows` are all equal or missing; never
    the first one, the name, or a sort or group key."""
    if not view.constants_hidden:
        return tuple(columns)
    kept = {column.key for column in columns[:1]} | {RUN_NAME, *view.group_by, *(s.key for s in view.sort)}
    return tuple(c for c in columns if c.key in kept or not _is_constant(frame, c.key, rows))


def constant_columns(
    frame: RunFrame, rows: Sequence[int], keys: Iterable[ColumnKey] | None = None
) -> frozenset[ColumnKey]:
    """The `keys` (all selectable ones if None) whose values over `rows` are all equal or missing."""
    candidates = pickable(frame) if keys is None else keys
    return frozenset(key for key in candidates if _is_constant(frame, key, rows))


def pickable(frame: RunFrame) -> tuple[ColumnKey, ...]:
    """The selectable keys: attributes, metrics, parameters, tags and dataset fields, each by name, with
    MLflow's internal tags after the others."""
    internal = [key for key in frame.keys if _is_internal(key)]
    at = next((index for index, key in enumerate(frame.keys) if key.kind == "dataset"), len(frame.keys))
    before = [key for key in frame.keys[:at] if not _is_internal(key)]
    return (*before, *internal, *frame.keys[at:])


def _is_internal(key: ColumnKey) -> bool:
    return key.kind == "tag" and key.name.startswith(("mlflow.", "mlflow_console."))


def _is_constant(frame: RunFrame, key: ColumnKey, rows: Sequence[int]) -> bool:
    if key not in frame or not rows:
        return True
    values = map(frame.reader(key), rows)
    first = next(values)
    if first != first:  # NaN
        return all(value is not None and value != value for value in values)
    return not any(map(operator.ne, values, repeat(first)))
